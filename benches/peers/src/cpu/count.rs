//! Counting unsigned votes to a decision: our aggregate and quorum stages beside malachite's vote keeper.
//!
//! Both sides are fed the same votes, whose signatures somebody else has checked: every voter once, in rising order, one in
//! thirty for another value. Both keep who voted for what, report whoever contradicts himself, and answer which value has
//! more than two thirds of the weight.

use std::sync::Arc;

use informalsystems_malachitebft_core_types::{Context, NilOrVal, Round};
use informalsystems_malachitebft_core_votekeeper::ThresholdParams;
use informalsystems_malachitebft_core_votekeeper::keeper::{Output, VoteKeeper};

use super::malachite::{Address, Digest, Height, Plain, Validator, Validators, unsigned};
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

/// How many votes a call counts at least, as whole rounds: small rounds are many at a time on both sides.
const VOTES_A_CALL: usize = 10_000;
const CHOSEN: Digest = Digest([7; 32]);
const OTHER: Digest = Digest([8; 32]);

/// Which value a voter names.
fn choice(voter: usize) -> Digest {
    if voter % 30 == 29 { OTHER } else { CHOSEN }
}

pub(super) fn run(format: Format) {
    let peer = versioned("informalsystems-malachitebft-core-votekeeper");
    for voters in [100, 1_000, 65_536] {
        let rounds = VOTES_A_CALL.div_ceil(voters);
        let list: Vec<Validator> = (0..voters).map(|voter| Validator { address: Address(voter as u64), weight: 1 }).collect();
        let validators = Validators { total: list.len() as u64, list: Arc::new(list) };
        let round = Round::new(0);
        let votes: Vec<_> = (0..voters)
            .map(|voter| unsigned(Plain.new_prevote(Height(1), round, NilOrVal::Val(choice(voter)), Address(voter as u64))))
            .collect();
        let malachite = Side::new(rounds * voters, || {
            for _ in 0..rounds {
                let mut keeper = VoteKeeper::<Plain>::new(validators.clone(), ThresholdParams::default());
                let mut decided = false;
                for vote in &votes {
                    decided |= keeper.apply_vote(vote.clone(), round) == Some(Output::PolkaValue(CHOSEN));
                }
                assert!(decided, "the rival does not decide");
            }
        });
        let shape = format!("{voters} voters a round, {rounds} in a call");
        let what = Comparison { stage: "aggregate+quorum", variant: "unsigned", shape: &shape, unit: "votes/s", peer: &peer };
        line(format, &what, compare(None, malachite));
    }
}
