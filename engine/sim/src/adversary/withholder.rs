//! One server that does not answer one other, and everybody else it does.
//!
//! Its victim cannot tell this from a broken link, and the rest of the group sees nothing wrong.

use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::Message;

use super::{Adversary, Kind, Treatment};

/// Withholds what one server would send to another.
pub struct Withholder {
    /// Who.
    pub who: MemberId,
    /// From whom.
    pub victim: MemberId,
}

impl Adversary for Withholder {
    fn kind(&self) -> Kind {
        Kind::Withholder
    }

    fn treat(&mut self, from: MemberId, to: MemberId, _message: &Message, _rng: &mut Seeded) -> Treatment {
        if (from, to) == (self.who, self.victim) { Treatment::Drop } else { Treatment::Pass }
    }
}
