//! Any machine in memory, with exactly-once sessions of its clients around it.
//!
//! The log holds [`Envelope`]s, and what is answered are [`Reply`]s. A command within a session is carried out if its session has not seen
//! it; if it has, the first answer is given again, and the machine is not asked. The sessions are part of the state, so they are in the
//! snapshot, in front of the machine's own: version 1 ‖ length of the sessions u64 ‖ sessions ‖ the machine's bytes, to the end.
//!
//! An entry that is no envelope is answered with [`Reply::Nonsense`]: everyone who reads it says so, and nobody stops.

use std::io::{self, Read as _};
use std::sync::Arc;

use quorate_core::codec::Reader;
use quorate_core::ids::Height;

use super::envelope::{Envelope, Reply};
use super::sessions::{Limits, Seen, Sessions};
use super::{BatchError, Command, MachineError, SnapshotSource, StateMachine};
use crate::store::Mark;

const VERSION: u8 = 1;

/// A machine with sessions.
#[derive(Clone, Debug)]
pub struct Sessioned<M> {
    machine: M,
    sessions: Sessions,
    limits: Limits,
}

impl<M: StateMachine> Sessioned<M> {
    /// A machine as it is, and no sessions yet. The limits are part of the definition: they must be the same on every member.
    #[must_use]
    pub fn new(machine: M, limits: Limits) -> Self {
        Self { machine, sessions: Sessions::new(limits), limits }
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Carries one entry out. The sessions change only if the machine can go on.
    fn carry_out(&mut self, at: Height, payload: &[u8]) -> Result<Vec<u8>, MachineError> {
        match Envelope::decode(payload) {
            Err(_) => Ok(Reply::Nonsense.encode()),
            Ok(Envelope::Open) => Ok(Reply::Opened(self.sessions.open(at)).encode()),
            Ok(Envelope::Plain(command)) => Ok(Reply::Done(&self.machine.apply(command)?).encode()),
            Ok(Envelope::Within { stub, command }) => {
                if self.sessions.seen(stub) == Seen::Never {
                    let answer = self.machine.apply(command)?;
                    self.sessions.look(at, stub);
                    self.sessions.keep(stub, &answer);
                    return Ok(Reply::Done(&answer).encode());
                }
                let reply = match self.sessions.look(at, stub) {
                    Seen::Before(answer) => Reply::Done(answer),
                    Seen::Settled => Reply::Settled,
                    Seen::Expired | Seen::Never => Reply::Expired,
                };
                Ok(reply.encode())
            }
        }
    }
}

impl<M: StateMachine> StateMachine for Sessioned<M> {
    /// Refuses: a session's id is the index of the entry that opens it.
    fn apply(&mut self, _command: &[u8]) -> Result<Vec<u8>, MachineError> {
        Err(MachineError::Refused("a machine with sessions applies commands with their marks: use apply_batch".into()))
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        for command in batch {
            let index = command.mark.index;
            responses.push(self.carry_out(index, command.payload).map_err(|problem| BatchError { index, problem })?);
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        let mut sessions = Vec::new();
        self.sessions.encode(&mut sessions);
        Ok(Box::new(Frozen { sessions, machine: self.machine.snapshot()? }))
    }

    fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let sessions = read(from, self.limits).map_err(|error| MachineError::Snapshot(Arc::new(error)))?;
        self.machine.restore(at, from)?;
        self.sessions = sessions;
        Ok(())
    }
}

/// Reads what stands before the machine's bytes, and nothing of these.
fn read(from: &mut dyn io::Read, limits: Limits) -> io::Result<Sessions> {
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidData, problem);
    let mut head = [0; 9];
    from.read_exact(&mut head)?;
    let [version, len @ ..] = head;
    if version != VERSION {
        return Err(invalid(format!("the version of a state with sessions is {version}; expected {VERSION}")));
    }
    let (len, mut bytes) = (u64::from_le_bytes(len), Vec::new());
    let found = from.take(len).read_to_end(&mut bytes)? as u64;
    if found != len {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the state ends after {found} of {len} bytes of sessions")));
    }
    let mut reader = Reader::new("sessions", &bytes);
    let sessions = Sessions::decode(&mut reader, limits).and_then(|sessions| reader.finish().map(|()| sessions));
    sessions.map_err(|error| invalid(error.to_string()))
}

/// The state as it was. The sessions are in their last form already: they are few, and have a limit.
struct Frozen {
    sessions: Vec<u8>,
    machine: Box<dyn SnapshotSource>,
}

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        to.write_all(&[VERSION])?;
        to.write_all(&(self.sessions.len() as u64).to_le_bytes())?;
        to.write_all(&self.sessions)?;
        self.machine.write_to(to)
    }
}
