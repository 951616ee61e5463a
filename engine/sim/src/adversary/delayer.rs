//! Delays all messages of one server, by just less than it takes until others stand for election.
//!
//! As a leader it is nearly useless and yet never replaced; as a follower its acknowledgements and votes come when nobody counts on
//! them any more. Whoever mixes up what is late with what is lost is found out.

use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::Message;

use super::{Adversary, Kind, Treatment};

/// Delays what one server sends.
pub struct Delayer {
    /// Who.
    pub who: MemberId,
    /// How long at most, in nanoseconds.
    pub most_ns: u64,
}

impl Adversary for Delayer {
    fn kind(&self) -> Kind {
        Kind::Delayer
    }

    fn treat(&mut self, from: MemberId, _to: MemberId, _message: &Message, rng: &mut Seeded) -> Treatment {
        if from != self.who {
            return Treatment::Pass;
        }
        Treatment::Delay(self.most_ns - rng.below(self.most_ns / 8 + 1))
    }
}
