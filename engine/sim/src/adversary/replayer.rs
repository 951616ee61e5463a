//! A network that repeats messages from long ago.
//!
//! It keeps some of what it carries and sends it again much later: to servers that have begun again since, in terms that are over, about
//! entries that are gone. Nothing of that may count twice.

use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::Message;

use super::{Adversary, Again, Kind, Treatment};

/// How many messages it keeps.
const KEPT: usize = 128;
/// One in so many messages is kept, in the place of any other.
const KEEPS_ONE_IN: u64 = 16;

/// Repeats old messages.
#[derive(Default)]
pub struct Replayer {
    kept: Vec<Again>,
}

impl Adversary for Replayer {
    fn kind(&self) -> Kind {
        Kind::Replayer
    }

    fn treat(&mut self, from: MemberId, to: MemberId, message: &Message, rng: &mut Seeded) -> Treatment {
        if rng.one_in(KEEPS_ONE_IN) {
            let letter = (from, to, message.clone());
            if self.kept.len() < KEPT {
                self.kept.push(letter);
            } else {
                let place = rng.below(KEPT as u64) as usize;
                self.kept[place] = letter;
            }
        }
        Treatment::Pass
    }

    fn again(&mut self, rng: &mut Seeded) -> Option<Again> {
        if self.kept.is_empty() || !rng.one_in(8) {
            return None;
        }
        let place = rng.below(self.kept.len() as u64) as usize;
        Some(self.kept[place].clone())
    }
}
