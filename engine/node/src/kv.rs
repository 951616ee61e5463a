//! The key-value store as a partition's application.

use quorate_env::clock::Moment;
use quorate_kv::{Cursor, Expiry, Following, Limits, Revision, Store, Watch};
use quorate_storage::machine::{Sessioned, StateMachine, sessions};

use crate::application::{Application, Watching};

/// How many clients' sessions are kept, and how many bytes of answers that they may ask for again.
const SESSIONS: sessions::Limits = sessions::Limits { sessions: 1 << 16, answer_bytes: 64 << 20 };

/// How many bytes a value may have: with the longest key, it has to fit into a command.
const VALUE_BYTES: usize = 896 << 10;
/// How many bytes of keys and values are in one answer: it has to fit into a frame.
const ANSWER_BYTES: usize = 2 << 20;

/// The store, and the clock of its leases.
pub(crate) struct KeyValue {
    store: Store,
    expiry: Expiry,
    leads: bool,
}

impl KeyValue {
    /// An empty store. What it takes is the same on every member, or they would not come to the same state.
    pub(crate) fn new() -> Self {
        let limits = Limits { value_bytes: VALUE_BYTES, answer_bytes: ANSWER_BYTES, ..Limits::default() };
        Self { store: Store::new(limits), expiry: Expiry::default(), leads: false }
    }
}

impl Application for KeyValue {
    fn machine(&mut self) -> Box<dyn StateMachine> {
        Box::new(Sessioned::new(self.store.clone(), SESSIONS))
    }

    fn query(&mut self, query: &[u8]) -> Result<Vec<u8>, String> {
        self.store.query(query).map_err(|error| error.to_string())
    }

    fn watch(&mut self, query: &[u8]) -> Result<Box<dyn Watching>, String> {
        let Following { watch, mut from } = Following::decode(query).map_err(|error| error.to_string())?;
        if from.revision.0 == 0 {
            from = Revision(self.store.revision().0 + 1).into();
        }
        Ok(Box::new(Place { store: self.store.clone(), watch, from }))
    }

    fn due(&mut self, now: Moment, leads: bool, propose: &mut Vec<Vec<u8>>) -> Option<Moment> {
        if leads && !self.leads {
            self.expiry.reset(now);
        }
        self.leads = leads;
        self.expiry.observe(now, &self.store);
        if !leads {
            return None;
        }
        propose.extend(self.expiry.due(now).iter().map(quorate_kv::Command::encode));
        self.expiry.next()
    }
}

/// A place in the store's history.
struct Place {
    store: Store,
    watch: Watch,
    from: Cursor,
}

impl Watching for Place {
    fn next(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, String> {
        let changes = self.store.changes(&self.watch, self.from, bytes_max).map_err(|error| error.to_string())?;
        self.from = changes.next;
        Ok((!changes.events.is_empty()).then(|| changes.encode()))
    }
}
