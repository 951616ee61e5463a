//! What a partition is for: a state machine, and what can be asked of its state beside the log.
//!
//! The machine is run by the partition, entry by entry. Reading happens between entries, through another handle on the same state.

use quorate_env::clock::Moment;
use quorate_storage::machine::StateMachine;

/// A state machine with its ways to be read.
pub trait Application: Send {
    /// The machine, with the state of its beginning. It is asked for once.
    fn machine(&mut self) -> Box<dyn StateMachine>;

    /// Answers a question, in the machine's own language.
    ///
    /// # Errors
    /// If the question makes no sense; the text says why.
    fn query(&mut self, query: &[u8]) -> Result<Vec<u8>, String>;

    /// Begins to follow changes.
    ///
    /// # Errors
    /// If the question makes no sense; the text says why.
    fn watch(&mut self, query: &[u8]) -> Result<Box<dyn Watching>, String>;

    /// What the state wants proposed as time goes by, if this member leads: the end of leases. Asked after entries were applied, and at the
    /// time that it named. Says when it wants to be asked again.
    fn due(&mut self, now: Moment, leads: bool, propose: &mut Vec<Vec<u8>>) -> Option<Moment>;
}

/// Somebody follows changes: a place in the history, from where it goes on.
pub trait Watching: Send {
    /// What is new, of about so many bytes at most; none if nothing is.
    ///
    /// # Errors
    /// If what comes next is not kept any more; the text says what is.
    fn next(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, String>;
}
