//! redb, a store of copy-on-write trees: one transaction with rising keys for all that waits.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase as _, TableDefinition};

use super::PAYLOAD_BYTES;

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const CACHE_BYTES: usize = 1 << 30;

/// A table that whatever waits is inserted into.
pub(super) struct Redb<'a> {
    database: Database,
    payloads: &'a [[u8; PAYLOAD_BYTES]],
    last: u64,
}

impl<'a> Redb<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]]) -> Self {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = builder.create(folder.join("redb")).expect("a database can be made");
        Self { database, payloads, last: 0 }
    }

    pub(super) fn commit(&mut self) {
        let mut transaction = self.database.begin_write().expect("nobody else writes");
        // One phase and no quick repair, which is the default and the faster way.
        transaction.set_durability(Durability::Immediate).expect("there is no savepoint");
        {
            let mut table = transaction.open_table(TABLE).expect("the table has these types");
            for payload in self.payloads {
                self.last += 1;
                table.insert(self.last, payload.as_slice()).expect("there is room");
            }
        }
        transaction.commit().expect("the disk syncs");
    }

    /// Stops the run if the last record is not there.
    pub(super) fn check(&self) {
        let transaction = self.database.begin_read().expect("the database can be read");
        let table = transaction.open_table(TABLE).expect("the table is there");
        let found = table.get(self.last).expect("the table can be read");
        let last = self.payloads.last().map(<[u8; PAYLOAD_BYTES]>::as_slice);
        assert_eq!(found.as_ref().map(|found| found.value()), last, "redb gives back what it was given");
    }
}
