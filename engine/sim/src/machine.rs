//! The state machine of the simulated world: numbers by key, with client sessions, and a print of the whole state at every entry.
//!
//! It is kept small and cheap, since every simulated server runs it for every entry. What it must be able to do is give itself away: its
//! print is kept up to date with every change, so that two servers which differ after the same entry are found at that entry, and its
//! snapshot can be told to forget something (a planted mistake).
//!
//! What it applies are the log's own entries, so that none is left out of the row: those that are no commands change nothing.
//!
//! Bytes of a command: 0 ‖ client u32 ‖ nonce u64 (open a session), or 1 ‖ session u64 ‖ sequence u64 ‖ settled u64 ‖ [`Op`] ‖ padding.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::ids::Height;
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Payload, payload};
use quorate_storage::machine::sessions::{Limits, Seen, Sessions, Stub};
use quorate_storage::machine::{BatchError, Command, MachineError, SnapshotSource, StateMachine};

use crate::fact::Print;
use crate::print;

/// What a client wants of the machine, through the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The key has this value from now on.
    Put {
        /// The key.
        key: u16,
        /// The value.
        value: u64,
    },
    /// The key has no value any more.
    Delete {
        /// The key.
        key: u16,
    },
    /// If the key has this value, or none, it now has that one.
    CompareAndSet {
        /// The key.
        key: u16,
        /// What it must have.
        expected: Option<u64>,
        /// What it then has.
        value: u64,
    },
}

/// What the machine says to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The entry was no command.
    Nothing,
    /// The session was opened, under this id.
    Opened(u64),
    /// It is done; for a comparison or a deletion, whether there was what there had to be.
    Done(bool),
    /// The request was settled before and is not done again.
    Settled,
    /// There is no such session.
    Expired,
}

impl Op {
    fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Put { key, value } => {
                out.push(0);
                out.extend(key.to_le_bytes());
                out.extend(value.to_le_bytes());
            }
            Self::Delete { key } => {
                out.push(1);
                out.extend(key.to_le_bytes());
            }
            Self::CompareAndSet { key, expected, value } => {
                out.push(2 + u8::from(expected.is_some()));
                out.extend(key.to_le_bytes());
                out.extend(expected.unwrap_or_default().to_le_bytes());
                out.extend(value.to_le_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        Ok(match reader.u8("operation")? {
            0 => Self::Put { key: reader.u16("key")?, value: reader.u64("value")? },
            1 => Self::Delete { key: reader.u16("key")? },
            kind @ 2..=3 => {
                let (key, expected) = (reader.u16("key")?, reader.u64("expected")?);
                Self::CompareAndSet { key, expected: (kind == 3).then_some(expected), value: reader.u64("value")? }
            }
            other => return Err(reader.unexpected_at(at, "operation", other, "0 to 3".into())),
        })
    }
}

/// The command that opens a session. The nonce tells one attempt of a client from the next.
#[must_use]
pub fn open_session(client: u32, nonce: u64) -> Arc<[u8]> {
    let mut out = vec![0];
    out.extend(client.to_le_bytes());
    out.extend(nonce.to_le_bytes());
    out.into()
}

/// The command that carries out a request once, made longer by so many bytes that mean nothing.
#[must_use]
pub fn request(stub: Stub, op: Op, padding: usize) -> Arc<[u8]> {
    let mut out = Vec::with_capacity(48 + padding);
    out.push(1);
    for word in [stub.session, stub.sequence, stub.settled] {
        out.extend(word.to_le_bytes());
    }
    op.encode(&mut out);
    out.resize(out.len() + padding, 0xa5);
    out.into()
}

impl Said {
    /// The bytes of the answer, which sessions keep.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Opened(id) => [&[1][..], &id.to_le_bytes()].concat(),
            Self::Done(was) => vec![2 + u8::from(was)],
            Self::Settled => vec![4],
            Self::Expired => vec![5],
        }
    }

    /// Reads the bytes of an answer; what is none says nothing.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        match bytes {
            [1, id @ ..] => id.try_into().map_or(Self::Nothing, |id| Self::Opened(u64::from_le_bytes(id))),
            [2] => Self::Done(false),
            [3] => Self::Done(true),
            [4] => Self::Settled,
            [5] => Self::Expired,
            _ => Self::Nothing,
        }
    }
}

/// How much the machine keeps of clients.
pub const LIMITS: Limits = Limits { sessions: 10, answer_bytes: 512 };

/// The state.
#[derive(Clone, Debug)]
struct State {
    map: BTreeMap<u16, u64>,
    sum: Print,
    sessions: Sessions,
    /// What the last change took away, for the snapshot that forgets it.
    undo: Option<(u16, Option<u64>)>,
    forgetful: bool,
    /// The print after each entry that nobody has asked about yet.
    trail: Vec<Print>,
}

fn pair(key: u16, value: u64) -> Print {
    print::mix(u64::from(key) + 1, value)
}

impl State {
    fn print(&mut self) -> Print {
        print::mix(self.sum, self.sessions.fingerprint())
    }

    fn set(&mut self, key: u16, value: Option<u64>) -> Option<u64> {
        let before = match value {
            Some(value) => self.map.insert(key, value),
            None => self.map.remove(&key),
        };
        if let Some(before) = before {
            self.sum = self.sum.wrapping_sub(pair(key, before));
        }
        if let Some(value) = value {
            self.sum = self.sum.wrapping_add(pair(key, value));
        }
        self.undo = Some((key, before));
        before
    }

    fn carry_out(&mut self, op: Op) -> Said {
        match op {
            Op::Put { key, value } => {
                self.set(key, Some(value));
                Said::Done(true)
            }
            Op::Delete { key } => Said::Done(self.set(key, None).is_some()),
            Op::CompareAndSet { key, expected, value } => {
                let fits = self.map.get(&key).copied() == expected;
                if fits {
                    self.set(key, Some(value));
                }
                Said::Done(fits)
            }
        }
    }

    fn command(&mut self, at: Height, command: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut reader = Reader::new("simulated command", command);
        match reader.u8("kind")? {
            0 => Ok(Said::Opened(self.sessions.open(at)).encode()),
            1 => {
                let stub = Stub { session: reader.u64("session")?, sequence: reader.u64("sequence")?, settled: reader.u64("settled")? };
                let op = Op::decode(&mut reader)?;
                match self.sessions.look(at, stub) {
                    Seen::Before(answer) => return Ok(answer.to_vec()),
                    Seen::Settled => return Ok(Said::Settled.encode()),
                    Seen::Expired => return Ok(Said::Expired.encode()),
                    Seen::Never => {}
                }
                let said = self.carry_out(op).encode();
                self.sessions.keep(stub, &said);
                Ok(said)
            }
            other => Err(reader.unexpected_at(0, "kind", other, "0 or 1".into())),
        }
    }
}

/// The machine. Clones are the same state: one is given to the host, and the server looks at the other.
#[derive(Clone, Debug)]
pub struct Machine {
    state: Arc<Mutex<State>>,
}

impl Machine {
    /// An empty machine. A forgetful one leaves the last change out of its snapshots.
    #[must_use]
    pub fn new(forgetful: bool) -> Self {
        let sessions = Sessions::new(LIMITS);
        let state = State { map: BTreeMap::new(), sum: 0, sessions, undo: None, forgetful, trail: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: u16) -> Option<u64> {
        self.state().map.get(&key).copied()
    }

    /// The print of the whole state.
    #[must_use]
    pub fn print(&self) -> Print {
        self.state().print()
    }

    /// Moves the prints after each entry since the last call.
    pub fn take_trail(&self, into: &mut Vec<Print>) {
        into.append(&mut self.state().trail);
    }

    /// The sessions, for a snapshot's meta.
    pub fn encode_sessions(&self, out: &mut Vec<u8>) {
        self.state().sessions.encode(out);
    }

    /// Puts the sessions of a snapshot in the place of those that there are.
    pub fn set_sessions(&self, sessions: Sessions) {
        self.state().sessions = sessions;
    }
}

impl StateMachine for Machine {
    fn apply(&mut self, _command: &[u8]) -> Result<Vec<u8>, MachineError> {
        Err(MachineError::Refused("this machine must know where an entry is: it applies batches".into()))
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        let mut state = self.state();
        for entry in batch {
            let index = entry.mark.index;
            let said = payload(entry.payload).and_then(|payload| match payload {
                Payload::Command(command) => state.command(index, command),
                Payload::Begin | Payload::Configuration(_) => Ok(Vec::new()),
                Payload::Withheld => {
                    Err(Reader::new("simulated command", &[]).invalid("the command was withheld: this is a witness's log"))
                }
            });
            responses.push(said.map_err(|error| BatchError { index, problem: error.into() })?);
            let print = state.print();
            state.trail.push(print);
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        let mut frozen = self.state().clone();
        if let Some((key, before)) = frozen.undo.filter(|_| frozen.forgetful) {
            frozen.set(key, before);
        }
        Ok(Box::new(Frozen(frozen.map)))
    }

    fn restore(&mut self, _at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let mut bytes = Vec::new();
        let broken = |error| MachineError::Snapshot(Arc::new(error));
        from.read_to_end(&mut bytes).map_err(broken)?;
        let map = read_map(&bytes).map_err(|error| broken(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let mut state = self.state();
        state.sum = map.iter().fold(0, |sum: Print, (key, value)| sum.wrapping_add(pair(*key, *value)));
        state.map = map;
        state.undo = None;
        Ok(())
    }
}

fn read_map(bytes: &[u8]) -> Result<BTreeMap<u16, u64>, DecodeError> {
    let mut reader = Reader::new("simulated state", bytes);
    let mut map = BTreeMap::new();
    for _ in 0..reader.count("pairs", 10, usize::from(u16::MAX) + 1)? {
        map.insert(reader.u16("key")?, reader.u64("value")?);
    }
    reader.finish().map(|()| map)
}

/// The map as it was.
struct Frozen(BTreeMap<u16, u64>);

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        to.write_all(&(self.0.len() as u32).to_le_bytes())?;
        self.0.iter().try_for_each(|(key, value)| {
            to.write_all(&key.to_le_bytes())?;
            to.write_all(&value.to_le_bytes())
        })
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::ids::View;
    use quorate_protocol::raft::Entry;

    use super::*;

    fn apply(machine: &mut Machine, index: u64, command: &[u8]) -> Said {
        let mark = Mark { index: Height(index), term: View(1) };
        let entry = Entry::command(mark, command);
        let mut responses = Vec::new();
        machine.apply_batch(&[Command { mark, payload: &entry.data }], &mut responses).unwrap();
        Said::decode(&responses[0])
    }

    fn stub(session: u64, sequence: u64) -> Stub {
        Stub { session, sequence, settled: sequence - 1 }
    }

    fn copy(machine: &Machine) -> Machine {
        let (mut bytes, mut meta) = (Vec::new(), Vec::new());
        machine.snapshot().unwrap().write_to(&mut bytes).unwrap();
        machine.encode_sessions(&mut meta);
        let mut other = Machine::new(false);
        other.restore(Mark::default(), &mut bytes.as_slice()).unwrap();
        other.set_sessions(Sessions::decode(&mut Reader::new("meta", &meta), LIMITS).unwrap());
        other
    }

    #[test]
    fn a_repeated_request_changes_nothing_even_if_the_value_changed_since() {
        let mut machine = Machine::new(false);
        assert_eq!(apply(&mut machine, 1, &open_session(7, 0)), Said::Opened(1));
        assert_eq!(apply(&mut machine, 2, &open_session(8, 0)), Said::Opened(2));
        let put = request(stub(1, 1), Op::CompareAndSet { key: 3, expected: None, value: 10 }, 5);
        assert_eq!(apply(&mut machine, 3, &put), Said::Done(true));
        assert_eq!(apply(&mut machine, 4, &request(stub(2, 1), Op::Delete { key: 3 }, 0)), Said::Done(true));
        assert_eq!(apply(&mut machine, 5, &put), Said::Done(true));
        assert_eq!(machine.get(3), None);
        assert_eq!(apply(&mut machine, 6, &request(stub(9, 1), Op::Put { key: 3, value: 1 }, 0)), Said::Expired);
        assert_eq!(machine.get(3), None);
    }

    #[test]
    fn a_snapshot_with_its_sessions_is_the_same_state_and_one_without_the_last_change_is_not() {
        for forgetful in [false, true] {
            let mut machine = Machine::new(forgetful);
            apply(&mut machine, 1, &open_session(7, 0));
            for sequence in 1..=5 {
                apply(&mut machine, 1 + sequence, &request(stub(1, sequence), Op::Put { key: sequence as u16, value: 4 }, 0));
            }
            let other = copy(&machine);
            assert_eq!(other.print() == machine.print(), !forgetful);
            assert_eq!(other.get(5), (!forgetful).then_some(4));
        }
    }

    #[test]
    fn every_entry_leaves_the_print_of_the_state_behind_it() {
        let mut machine = Machine::new(false);
        let mut trail = Vec::new();
        apply(&mut machine, 1, &open_session(7, 0));
        apply(&mut machine, 2, &request(stub(1, 1), Op::Put { key: 1, value: 1 }, 0));
        machine.take_trail(&mut trail);
        assert_eq!((trail.len(), trail[1]), (2, machine.print()));
        assert_ne!(trail[0], trail[1]);
    }

    #[test]
    fn what_is_no_command_is_refused_and_changes_nothing() {
        let mut machine = Machine::new(false);
        let before = machine.print();
        let mut responses = Vec::new();
        for data in [&[1, 7][..], &[1, 1, 2], &[9], &[3]] {
            let mark = Mark { index: Height(1), term: View(1) };
            machine.apply_batch(&[Command { mark, payload: data }], &mut responses).unwrap_err();
        }
        assert_eq!((responses.len(), machine.print()), (0, before));
    }
}
