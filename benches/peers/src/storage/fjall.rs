//! fjall, a log-structured store: one batch with rising keys for all that waits, then `fdatasync` of its journal.

use std::path::Path;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::PAYLOAD_BYTES;

/// A keyspace that whatever waits is inserted into.
pub(super) struct Fjall<'a> {
    database: Database,
    keyspace: Keyspace,
    payloads: &'a [[u8; PAYLOAD_BYTES]],
    last: u64,
}

impl<'a> Fjall<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]]) -> Self {
        let builder = Database::builder(folder.join("fjall"));
        // Nothing goes to the file before the batch is whole, and nothing is compressed.
        let builder = builder.manual_journal_persist(true).journal_compression(CompressionType::None);
        let database = builder.open().expect("a database can be made");
        let keyspace = database.keyspace("log", KeyspaceCreateOptions::default).expect("a keyspace can be made");
        Self { database, keyspace, payloads, last: 0 }
    }

    pub(super) fn commit(&mut self) {
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), self.payloads.len());
        batch = batch.durability(Some(PersistMode::SyncData));
        for payload in self.payloads {
            self.last += 1;
            batch.insert(&self.keyspace, self.last.to_be_bytes(), payload);
        }
        batch.commit().expect("the disk syncs");
    }

    /// Stops the run if the last record is not there.
    pub(super) fn check(&self) {
        let found = self.keyspace.get(self.last.to_be_bytes()).expect("the keyspace can be read");
        let last = self.payloads.last().map(<[u8; PAYLOAD_BYTES]>::as_slice);
        assert_eq!(found.as_deref(), last, "fjall gives back what it was given");
    }
}
