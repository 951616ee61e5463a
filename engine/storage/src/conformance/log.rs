//! A log beside a model: whatever is called, both say the same.

use quorate_core::ids::{Height, PartitionId, View};
use quorate_core::verdict::Verdict;
use quorate_env::rng::Seeded;

use super::model::{Model, Owned};
use crate::store::{LogError, LogStore, Mark, Record, Sequence};

/// Makes an empty log; or, if the last one that it made keeps anything, opens that again.
pub type Make<'a> = &'a mut dyn FnMut(Open) -> Result<Box<dyn LogStore>, LogError>;

/// How a log is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Empty.
    Anew,
    /// With what the last one held when it was closed. A log that keeps nothing answers with an error, and is not asked again.
    Again,
}

/// Runs so many random scripts of calls on logs that `make` makes.
pub fn log(make: Make<'_>, seed: u64, scripts: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    let mut keeps = true;
    for nth in 0..scripts {
        verdict.case(script(make, &mut rng, &mut keeps).map_err(|what| format!("script {nth}: {what}")));
    }
    for (what, refused) in REFUSED {
        let made = make(Open::Anew).map_err(|error| error.to_string());
        verdict.case(made.and_then(|log| refused(log.as_ref())).map_err(|found| format!("{what}: {found}")));
    }
    if !keeps {
        verdict.notes.push("this log keeps nothing when it is closed".into());
    }
    verdict
}

fn script(make: Make<'_>, rng: &mut Seeded, keeps: &mut bool) -> Result<(), String> {
    let said = |error: LogError| error.to_string();
    let mut log = make(Open::Anew).map_err(said)?;
    let mut model = Model::default();
    for _ in 0..60 {
        let last = log.append(&[]).map_err(said)?;
        let records = model.propose(rng, 3, 200);
        let borrowed: Vec<Record<'_>> = records.iter().map(Owned::borrowed).collect();
        let appended = log.append(&borrowed).map_err(|error| format!("{records:?} was refused: {error}"))?;
        if appended.0 != last.0 + records.len() as u64 {
            return Err(format!("{} records were appended to {}, which gave {}", records.len(), last.0, appended.0));
        }
        let last = appended;
        records.iter().for_each(|record| model.take(record));
        match rng.below(8) {
            0..3 => {
                log.sync(last).map_err(said)?;
                if log.durable() < last {
                    return Err(format!("{} was synced, and {} is said to be durable", last.0, log.durable().0));
                }
            }
            3 => drop(log.release().map_err(said)?),
            4 => model.compare(log.as_ref())?,
            5 if *keeps && rng.one_in(3) => {
                log.close().map_err(said)?;
                drop(log);
                match make(Open::Again) {
                    Ok(again) => log = again,
                    Err(_) => {
                        *keeps = false;
                        return Ok(());
                    }
                }
                model.compare(log.as_ref()).map_err(|what| format!("opened again: {what}"))?;
            }
            _ => some_of_it(&model, log.as_ref(), rng)?,
        }
    }
    model.compare(log.as_ref())
}

/// Reads a part of one partition, with a limit.
fn some_of_it(model: &Model, log: &dyn LogStore, rng: &mut Seeded) -> Result<(), String> {
    let Some((partition, part)) = model.parts.iter().nth(rng.below(3) as usize).filter(|(_, part)| !part.entries.is_empty()) else {
        return Ok(());
    };
    let from = rng.below(part.entries.len() as u64) as usize;
    let until = from + 1 + rng.below((part.entries.len() - from) as u64) as usize;
    let limit = rng.below(500) as usize;
    let first = part.entries[from].mark.index.0;
    let read = log.read(*partition, first..first + (until - from) as u64, limit).map_err(|error| error.to_string())?;
    let mut bytes = 0;
    let fits = |(nth, entry): &(usize, &crate::store::Entry)| {
        bytes += entry.payload.len();
        *nth == 0 || bytes <= limit
    };
    let expected: Vec<_> = part.entries[from..until].iter().enumerate().take_while(fits).map(|(_, entry)| entry.clone()).collect();
    if read == expected {
        return Ok(());
    }
    Err(format!("partition {partition}: {} entries from {first} on, of at most {limit} bytes; expected {}", read.len(), expected.len()))
}

type Refusal = fn(&dyn LogStore) -> Result<(), String>;

fn entry(index: u64, term: u64) -> Record<'static> {
    Record::Entry { partition: PartitionId(1), mark: Mark { index: Height(index), term: View(term) }, payload: b"x" }
}

fn floor(index: u64, term: u64) -> Record<'static> {
    Record::Floor { partition: PartitionId(1), mark: Mark { index: Height(index), term: View(term) } }
}

/// Appends what is good, then what is not: that must be refused, and change nothing.
fn refuses(log: &dyn LogStore, good: &[Record<'_>], bad: &[Record<'_>]) -> Result<(), String> {
    log.append(good).map_err(|error| error.to_string())?;
    let before = (log.span(PartitionId(1)), log.append(&[]).map_err(|error| error.to_string())?);
    match log.append(bad) {
        Err(LogError::Refused { partition: PartitionId(1), .. }) => {}
        other => return Err(format!("expected a refusal, found {other:?}")),
    }
    let after = (log.span(PartitionId(1)), log.append(&[]).map_err(|error| error.to_string())?);
    if before == after { Ok(()) } else { Err(format!("a refused call changed {before:?} into {after:?}")) }
}

/// What must be refused.
const REFUSED: &[(&str, Refusal)] = &[
    ("a gap", |log| refuses(log, &[entry(1, 1)], &[entry(3, 1)])),
    ("a gap behind good entries of the same call", |log| refuses(log, &[], &[entry(1, 1), entry(2, 1), entry(4, 1)])),
    ("an entry again", |log| refuses(log, &[entry(1, 1)], &[entry(1, 1)])),
    ("a cut below the floor", |log| {
        let cut = Record::Cut { partition: PartitionId(1), from: Height(2) };
        refuses(log, &[entry(1, 1), entry(2, 1), entry(3, 1)], &[]).err();
        log.append(&[floor(2, 1)]).map_err(|error| error.to_string())?;
        refuses(log, &[], &[cut])
    }),
    ("a cut behind the end", |log| refuses(log, &[entry(1, 1)], &[Record::Cut { partition: PartitionId(1), from: Height(3) }])),
    ("a floor that falls", |log| refuses(log, &[floor(5, 2)], &[floor(4, 2)])),
    ("a floor of another term", |log| refuses(log, &[floor(5, 2)], &[floor(5, 3)])),
    ("an entry below the floor", |log| refuses(log, &[floor(5, 2)], &[entry(5, 2)])),
    ("a cut behind entries of the same call", |log| {
        refuses(log, &[], &[entry(1, 1), Record::Cut { partition: PartitionId(1), from: Height(1) }])
    }),
    ("reading what is not there", |log| {
        log.append(&[floor(5, 2), entry(6, 2)]).map_err(|error| error.to_string())?;
        for index in [0, 5, 7] {
            match log.read(PartitionId(1), index..index + 1, 100) {
                Err(LogError::Missing { floor: Height(5), last: Height(6), .. }) => {}
                other => return Err(format!("entry {index}: expected that it is missing, found {other:?}")),
            }
        }
        match log.term(PartitionId(1), Height(5)) {
            Ok(View(2)) => Ok(()),
            other => Err(format!("the floor's term: {other:?}")),
        }
    }),
    ("syncing what was never appended", |log| {
        let last = log.append(&[entry(1, 1)]).map_err(|error| error.to_string())?;
        match log.sync(Sequence(last.0 + 1)) {
            Err(_) => Ok(()),
            Ok(()) => Err("it was said to be durable".into()),
        }
    }),
    ("appending after closing", |log| {
        log.close().map_err(|error| error.to_string())?;
        match log.append(&[entry(1, 1)]) {
            Err(_) => Ok(()),
            Ok(_) => Err("it was taken".into()),
        }
    }),
];
