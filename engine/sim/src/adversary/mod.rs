//! Those who make trouble on purpose, one to a file.
//!
//! Raft tolerates servers that stop and networks that lose, delay and repeat; it does not tolerate liars. So an adversary here keeps to
//! that: it decides when a message arrives, how often, or that it never does, and never what it says. Each has a label, so that a
//! trace tells what was done to the run that it records.

mod delayer;
mod replayer;
mod withholder;

use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::Message;

pub use delayer::Delayer;
pub use replayer::Replayer;
pub use withholder::Withholder;

/// Which kinds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Delayer`].
    Delayer,
    /// [`Withholder`].
    Withholder,
    /// [`Replayer`].
    Replayer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delayer, Self::Withholder, Self::Replayer];

    /// Its name in traces.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Delayer => "delayer",
            Self::Withholder => "withholder",
            Self::Replayer => "replayer",
        }
    }

    /// What it does, with the places of whoever does it and of its victim.
    #[must_use]
    pub fn words(self, who: u16, victim: u16) -> String {
        match self {
            Self::Delayer => format!("server {} delays all that it sends until others would nearly stand for election", who + 1),
            Self::Withholder => format!("server {} does not answer server {}", who + 1, victim + 1),
            Self::Replayer => "the network repeats old messages".to_owned(),
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It goes its way.
    Pass,
    /// It never arrives.
    Drop,
    /// It takes this much longer.
    Delay(u64),
}

/// A message that somebody sends again.
pub type Again = (MemberId, MemberId, Message);

/// Somebody who makes trouble with messages.
pub trait Adversary: Send {
    /// Which kind it is.
    fn kind(&self) -> Kind;

    /// What becomes of a message.
    fn treat(&mut self, from: MemberId, to: MemberId, message: &Message, rng: &mut Seeded) -> Treatment;

    /// A message that is sent again now, of those that it saw.
    fn again(&mut self, _rng: &mut Seeded) -> Option<Again> {
        None
    }
}
