//! The example store on disk: the same language and the same snapshots as [`super::HashMapMachine`], in a redb database.
//!
//! The mark of the last applied entry is changed in the same transaction as the content, so after a crash the store knows which entries
//! it has. A batch is one transaction, and costs no sync: until [`StateMachine::sync`], the log is what makes it durable. A
//! snapshot is a read transaction, which sees the store as it was while writes go on. A restore is one transaction, and durable when it
//! returns.
//!
//! The tables' names carry the version of what is in them. A new database is made under another name and gets its own when it is
//! complete, so that no crash leaves half of one.

use std::error::Error;
use std::io;
use std::sync::Arc;

use quorate_core::ids::{Height, View};
use quorate_env::disk::Disk;
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};

use super::request::{Answer, Borrowed};
use super::{BatchError, Command, DiskBackend, MachineError, SnapshotSource, StateMachine, pairs};
use crate::store::Mark;

const PAIRS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("pairs v1");
const APPLIED: TableDefinition<'_, (), (u64, u64)> = TableDefinition::new("applied v1");

/// A store of texts on disk. It understands [`super::Request`] and responds with [`Answer`].
#[derive(Debug)]
pub struct TableMachine {
    database: Database,
    applied: Mark,
    durable: Mark,
}

impl TableMachine {
    /// How much of the database is kept in memory, unless somebody says otherwise.
    pub const CACHE_BYTES: usize = 64 << 20;

    /// Opens the store at `path`, or makes an empty one.
    ///
    /// # Errors
    /// If the file cannot be read, written, or is not such a store.
    pub fn open(disk: &dyn Disk, path: &str) -> Result<Self, MachineError> {
        Self::open_with(disk, path, Self::CACHE_BYTES)
    }

    /// Opens the store at `path`, or makes an empty one, with so much memory for a cache.
    ///
    /// # Errors
    /// If the file cannot be read, written, or is not such a store.
    pub fn open_with(disk: &dyn Disk, path: &str, cache_bytes: usize) -> Result<Self, MachineError> {
        let file = match disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(disk, path)?;
                disk.open(path)
            }
            opened => opened,
        };
        let backend = DiskBackend::new(file.map_err(failed("opening the database"))?, path);
        let mut builder = Database::builder();
        let database = builder.set_cache_size(cache_bytes).create_with_backend(backend).map_err(failed("opening the database"))?;
        let applied = read_mark(&database.begin_read().map_err(failed("opening the database"))?)?;
        let mut machine = Self { database, applied, durable: Mark::default() };
        // What is there may be there by luck, after a crash of the program alone. From now on it is there to stay.
        machine.sync()?;
        Ok(machine)
    }

    /// The last entry that was applied, whether it would survive a crash or not.
    #[must_use]
    pub fn applied(&self) -> Mark {
        self.applied
    }

    /// Begins a transaction that is durable at once or with the next one that is.
    fn begin(&self, durability: Durability) -> Result<WriteTransaction, MachineError> {
        let mut transaction = self.database.begin_write().map_err(failed("beginning a transaction"))?;
        transaction.set_durability(durability).map_err(failed("beginning a transaction"))?;
        Ok(transaction)
    }

    /// Applies commands up to the first that cannot be read. Returns the responses, and what was wrong with that one.
    fn run(&self, batch: &[Command<'_>]) -> Result<(Vec<Vec<u8>>, Option<BatchError>), MachineError> {
        let transaction = self.begin(Durability::None)?;
        let mut responses = Vec::with_capacity(batch.len());
        let mut broken = None;
        {
            let mut pairs = transaction.open_table(PAIRS).map_err(failed("opening a table"))?;
            for command in batch {
                match Borrowed::decode(command.payload) {
                    Ok(request) => responses.push(answer(&mut pairs, request)?),
                    Err(error) => {
                        broken = Some(BatchError { index: command.mark.index, problem: error.into() });
                        break;
                    }
                }
            }
        }
        match responses.len().checked_sub(1) {
            Some(last) => commit(transaction, batch[last].mark)?,
            None => transaction.abort().map_err(failed("giving a transaction up"))?,
        }
        Ok((responses, broken))
    }
}

impl StateMachine for TableMachine {
    /// Refuses: a store on disk must know which entry it applies.
    fn apply(&mut self, _command: &[u8]) -> Result<Vec<u8>, MachineError> {
        Err(MachineError::Refused("a machine on disk applies commands with their marks: use apply_batch".into()))
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        let mut last = self.applied;
        for command in batch {
            if command.mark.index <= last.index || command.mark.term < last.term {
                let problem = format!("{:?} was to be applied behind {last:?}", command.mark);
                return Err(BatchError { index: command.mark.index, problem: MachineError::Refused(problem) });
            }
            last = command.mark;
        }
        let Some(first) = batch.first() else { return Ok(()) };
        let (answers, broken) = self.run(batch).map_err(|problem| BatchError { index: first.mark.index, problem })?;
        if let Some(last) = answers.len().checked_sub(1) {
            self.applied = batch[last].mark;
        }
        responses.extend(answers);
        broken.map_or(Ok(()), Err)
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(self.database.begin_read().map_err(failed("freezing the state"))?)))
    }

    fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let transaction = self.begin(Durability::Immediate)?;
        transaction.delete_table(PAIRS).map_err(failed("restoring"))?;
        {
            let mut table = transaction.open_table(PAIRS).map_err(failed("restoring"))?;
            let mut broken = None;
            pairs::read(from, |key, value| match table.insert(key.as_bytes(), value.as_bytes()) {
                Ok(_) => Ok(()),
                Err(error) => {
                    broken = Some(failed("restoring")(error));
                    Err(io::Error::other("the machine's disk failed"))
                }
            })
            .map_err(|error| broken.take().unwrap_or_else(|| MachineError::Snapshot(Arc::new(error))))?;
        }
        commit(transaction, at)?;
        (self.applied, self.durable) = (at, at);
        Ok(())
    }

    fn durable(&self) -> Mark {
        self.durable
    }

    fn sync(&mut self) -> Result<(), MachineError> {
        commit(self.begin(Durability::Immediate)?, self.applied)?;
        self.durable = self.applied;
        Ok(())
    }
}

/// The store as it was.
struct Frozen(ReadTransaction);

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        let pairs = self.0.open_table(PAIRS).map_err(io::Error::other)?;
        pairs::write_head(to, pairs.len().map_err(io::Error::other)?)?;
        for pair in pairs.iter().map_err(io::Error::other)? {
            let (key, value) = pair.map_err(io::Error::other)?;
            pairs::write_pair(to, key.value(), value.value())?;
        }
        Ok(())
    }
}

/// Makes an empty store, complete or not at all.
fn make(disk: &dyn Disk, path: &str) -> Result<(), MachineError> {
    let doing = "making the database";
    let unfinished = format!("{path}.new");
    if let Err(error) = disk.remove(&unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(failed(doing)(error));
    }
    let file = disk.create(&unfinished).map_err(failed(doing))?;
    let backend = DiskBackend::new(file, &unfinished);
    let database = Database::builder().set_cache_size(1 << 20).create_with_backend(backend).map_err(failed(doing))?;
    let transaction = database.begin_write().map_err(failed(doing))?;
    transaction.open_table(PAIRS).map(drop).map_err(failed(doing))?;
    commit(transaction, Mark::default())?;
    drop(database);
    disk.open(&unfinished).and_then(|file| file.sync()).map_err(failed(doing))?;
    disk.rename(&unfinished, path).map_err(failed(doing))?;
    disk.sync_folder(path.rsplit_once('/').map_or("", |(folder, _)| folder)).map_err(failed(doing))
}

fn answer(pairs: &mut Table<'_, &[u8], &[u8]>, request: Borrowed<'_>) -> Result<Vec<u8>, MachineError> {
    Ok(match request {
        Borrowed::Set { key, value } => {
            pairs.insert(key.as_bytes(), value.as_bytes()).map_err(failed("writing a pair"))?;
            Answer::of(None)
        }
        Borrowed::Get { key } => {
            let value = pairs.get(key.as_bytes()).map_err(failed("reading a pair"))?;
            Answer::of(value.as_ref().map(|value| value.value()))
        }
    })
}

fn commit(transaction: WriteTransaction, mark: Mark) -> Result<(), MachineError> {
    {
        let mut applied = transaction.open_table(APPLIED).map_err(failed("writing the mark"))?;
        applied.insert((), (mark.index.0, mark.term.0)).map_err(failed("writing the mark"))?;
    }
    transaction.commit().map_err(failed("committing"))
}

fn read_mark(transaction: &ReadTransaction) -> Result<Mark, MachineError> {
    let applied = transaction.open_table(APPLIED).map_err(failed("reading the mark"))?;
    let mark = applied.get(()).map_err(failed("reading the mark"))?.map(|mark| mark.value());
    let Some((index, term)) = mark else {
        return Err(failed("reading the mark")(io::Error::new(io::ErrorKind::InvalidData, "the database has no mark; expected one")));
    };
    Ok(Mark { index: Height(index), term: View(term) })
}

/// Turns what went wrong into this machine's error.
fn failed<E: Error + Send + Sync + 'static>(doing: &'static str) -> impl Fn(E) -> MachineError {
    move |problem| MachineError::Storage { doing, problem: Arc::new(problem) }
}
