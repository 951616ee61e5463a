//! The system partition: who shall be a member, and where each is.
//!
//! It is a state machine like any other. Ids are given out here and never again, not even when their member has gone: a log that remembers
//! a vote of an old member must not take a new one for it.
//!
//! | what | file |
//! |---|---|
//! | what can be decided, in bytes | `command.rs` |
//! | the state, and its bytes | `state.rs` |

mod command;
mod state;

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_core::ids::MemberId;
use quorate_env::clock::Moment;
use quorate_protocol::raft::Part;
use quorate_storage::Mark;
use quorate_storage::machine::sessions::Limits;
use quorate_storage::machine::{MachineError, Sessioned, SnapshotSource, StateMachine};

use crate::application::{Application, Watching};
pub(crate) use command::{Decision, Verdict};
pub(crate) use state::State;

/// How long until a leader that found no members in the state says again who they are.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// A member: who, where, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    /// Where members reach it.
    pub(crate) address: String,
    /// Where clients do.
    pub(crate) client: String,
    pub(crate) part: Part,
    pub(crate) priority: u8,
}

/// The state, to be looked at while the machine runs. Clones are the same state.
#[derive(Clone, Default)]
pub(crate) struct Members {
    state: Arc<Mutex<State>>,
    expelled: Arc<Mutex<BTreeSet<MemberId>>>,
}

impl Members {
    /// The state as it is.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        // A decision is taken over wholly or not at all, so what a panic left behind is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this member shall not be one any more, and is none in any partition: nobody talks to it.
    pub(crate) fn is_expelled(&self, id: MemberId) -> bool {
        self.expelled.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Takes note of who is expelled. Returns whether that is news.
    pub(crate) fn expel(&self, id: MemberId) -> bool {
        self.expelled.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }
}

/// The machine.
struct Machine(Members);

struct Frozen(State);

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        to.write_all(&self.0.encode())
    }
}

impl StateMachine for Machine {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        let verdict = match Decision::decode(command) {
            Ok(decision) => self.0.look().decide(decision),
            Err(error) => Verdict::Refused(error.to_string()),
        };
        Ok(verdict.encode())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(self.0.look().clone())))
    }

    fn restore(&mut self, _at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let mut bytes = Vec::new();
        io::Read::take(from, State::BYTES_MAX).read_to_end(&mut bytes).map_err(|error| MachineError::Snapshot(Arc::new(error)))?;
        let state = State::decode(&bytes).map_err(|error| MachineError::Snapshot(Arc::new(io::Error::other(error))))?;
        *self.0.look() = state;
        Ok(())
    }
}

/// The system partition's application.
pub(crate) struct System {
    members: Members,
    /// The members at the cluster's birth.
    genesis: Vec<Member>,
    asked_at: Option<Moment>,
}

impl System {
    pub(crate) fn new(members: Members, genesis: Vec<Member>) -> Self {
        Self { members, genesis, asked_at: None }
    }
}

impl Application for System {
    fn machine(&mut self) -> Box<dyn StateMachine> {
        Box::new(Sessioned::new(Machine(self.members.clone()), Limits { sessions: 64, answer_bytes: 64 << 10 }))
    }

    fn query(&mut self, query: &[u8]) -> Result<Vec<u8>, String> {
        if query.is_empty() {
            Ok(self.members.look().encode())
        } else {
            Err(format!("the system partition is asked with no bytes; found {}", query.len()))
        }
    }

    fn watch(&mut self, _query: &[u8]) -> Result<Box<dyn Watching>, String> {
        Err("the system partition cannot be followed".into())
    }

    /// A new cluster's first leader writes down who its members are.
    fn due(&mut self, now: Moment, leads: bool, propose: &mut Vec<Vec<u8>>) -> Option<Moment> {
        if !leads || self.members.look().revision() > 0 {
            return None;
        }
        let again = self.asked_at.map(|at| at + AGAIN).filter(|again| *again > now);
        if again.is_some() {
            return again;
        }
        self.asked_at = Some(now);
        propose.push(Decision::Genesis(self.genesis.clone()).encode());
        Some(now + AGAIN)
    }
}
