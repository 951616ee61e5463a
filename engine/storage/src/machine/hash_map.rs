//! The example machine: texts by key, in memory.
//!
//! A snapshot shares the map; the first write after it copies the map's table, not the texts. Snapshot bytes are sorted, because a hash
//! map's own order differs from one process to the next.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::request::{Answer, Borrowed};
use super::{MachineError, SnapshotSource, StateMachine, pairs};
use crate::store::Mark;

type Map = HashMap<Arc<str>, Arc<str>>;

/// A store of texts in memory. It understands [`super::Request`] and responds with [`Answer`].
#[derive(Clone, Debug, Default)]
pub struct HashMapMachine {
    map: Arc<Map>,
}

impl HashMapMachine {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key, without going through the log.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.map.get(key).map(AsRef::as_ref)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl StateMachine for HashMapMachine {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        Ok(match Borrowed::decode(command)? {
            Borrowed::Set { key, value } => {
                Arc::make_mut(&mut self.map).insert(key.into(), value.into());
                Answer::of(None)
            }
            Borrowed::Get { key } => Answer::of(self.get(key).map(str::as_bytes)),
        })
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(Arc::clone(&self.map))))
    }

    fn restore(&mut self, _at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let mut map = Map::new();
        pairs::read(from, |key, value| {
            map.insert(key.into(), value.into());
            Ok(())
        })
        .map_err(|error| MachineError::Snapshot(Arc::new(error)))?;
        self.map = Arc::new(map);
        Ok(())
    }
}

/// The map as it was.
struct Frozen(Arc<Map>);

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        pairs::write_head(to, sorted.len() as u64)?;
        sorted.into_iter().try_for_each(|(key, value)| pairs::write_pair(to, key.as_bytes(), value.as_bytes()))
    }
}
