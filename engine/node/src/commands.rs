//! From the log's entries to a state machine's commands.
//!
//! A partition's log holds entries that are the protocol's own business: the beginnings of terms, changes of members. The machine gets
//! the others, as bytes of its own language; to the former nothing is said and nothing is answered.

use std::io;

use quorate_protocol::raft::{Payload, payload};
use quorate_storage::Mark;
use quorate_storage::machine::{BatchError, Command, MachineError, SnapshotSource, StateMachine};

/// A machine that is applied to the log's entries.
pub(crate) struct Commands<M>(pub(crate) M);

impl<M: StateMachine> StateMachine for Commands<M> {
    fn apply(&mut self, entry: &[u8]) -> Result<Vec<u8>, MachineError> {
        match payload(entry)? {
            Payload::Command(command) => self.0.apply(command),
            Payload::Begin | Payload::Configuration(_) | Payload::Withheld => Ok(Vec::new()),
        }
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        let mut commands = Vec::with_capacity(batch.len());
        for entry in batch {
            let said = payload(entry.payload).map_err(|problem| BatchError { index: entry.mark.index, problem: problem.into() })?;
            if let Payload::Command(payload) = said {
                commands.push(Command { mark: entry.mark, payload });
            }
        }
        if commands.len() == batch.len() {
            return self.0.apply_batch(&commands, responses);
        }
        let mut answers = Vec::with_capacity(commands.len());
        let outcome = self.0.apply_batch(&commands, &mut answers);
        // If the machine did not come to the end, neither did this: what lies behind its last command is applied another time.
        let reached = if outcome.is_ok() { batch.last() } else { answers.len().checked_sub(1).and_then(|last| commands.get(last)) };
        let Some(reached) = reached.map(|entry| entry.mark) else { return outcome };
        let mut answered = commands.iter().map(|command| command.mark).zip(answers).peekable();
        for entry in batch.iter().take_while(|entry| entry.mark <= reached) {
            let own = answered.next_if(|(mark, _)| *mark == entry.mark);
            responses.push(own.map(|(_, answer)| answer).unwrap_or_default());
        }
        outcome
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        self.0.snapshot()
    }

    fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        self.0.restore(at, from)
    }

    fn durable(&self) -> Mark {
        self.0.durable()
    }

    fn sync(&mut self) -> Result<(), MachineError> {
        self.0.sync()
    }
}
