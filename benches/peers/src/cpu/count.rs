//! Counting unsigned votes to a decision: our aggregate and quorum stages beside malachite's vote keeper.
//!
//! Both sides are fed the same votes, whose signatures somebody else has checked: every voter once, in rising order, one in
//! thirty for another value. Both keep who voted for what, report whoever contradicts himself, and answer which value has
//! more than two thirds of the weight.

use std::sync::Arc;

use informalsystems_malachitebft_core_types::{Context, NilOrVal, Round};
use informalsystems_malachitebft_core_votekeeper::ThresholdParams;
use informalsystems_malachitebft_core_votekeeper::keeper::{Output, VoteKeeper};

use quorate_core::ids::Voter;
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft, Vote};
use quorate_pipeline::{Batch, What};

use super::malachite::{Address, Digest, Height, Plain, Validator, Validators, unsigned};
use super::{CHOSEN, OTHER, Ours};
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

/// How many votes a call counts at least, as whole rounds: small rounds are many at a time on both sides.
const VOTES_A_CALL: usize = 10_000;
/// Which of the two values a voter names.
fn row(voter: usize) -> usize {
    usize::from(voter % 30 == 29)
}

pub(super) fn run(format: Format) {
    let peer = versioned("informalsystems-malachitebft-core-votekeeper");
    for voters in [100, 1_000, 65_536] {
        let rounds = VOTES_A_CALL.div_ceil(voters);
        let shape = format!("{voters} voters a round, {rounds} in a call");
        let what = Comparison { stage: "aggregate+quorum", variant: "unsigned", shape: &shape, unit: "votes/s", peer: &peer };
        line(format, &what, compare(Some(pipeline(voters, rounds)), malachite(voters, rounds)));
    }
}

fn malachite(voters: usize, rounds: usize) -> Side<'static> {
    let list: Vec<Validator> = (0..voters).map(|voter| Validator { address: Address(voter as u64), weight: 1 }).collect();
    let validators = Validators { total: list.len() as u64, list: Arc::new(list) };
    let (round, values) = (Round::new(0), [Digest(CHOSEN.0), Digest(OTHER.0)]);
    let votes: Vec<_> = (0..voters)
        .map(|voter| unsigned(Plain.new_prevote(Height(1), round, NilOrVal::Val(values[row(voter)]), Address(voter as u64))))
        .collect();
    Side::new(rounds * voters, move || {
        for _ in 0..rounds {
            let mut keeper = VoteKeeper::<Plain>::new(validators.clone(), ThresholdParams::default());
            let mut decided = false;
            for vote in &votes {
                decided |= keeper.apply_vote(vote.clone(), round) == Some(Output::PolkaValue(values[0]));
            }
            assert!(decided, "the rival does not decide");
        }
    })
}

/// Rounds are opened, filled, run, and closed, all on the clock.
fn pipeline(voters: usize, rounds: usize) -> Side<'static> {
    let Ours { mut pipeline, electorate, context } = Ours::new(voters, Engine::Pbft);
    let kind = Kind::Pbft(Pbft::Prepare);
    let spec = RoundSpec::new(context, Form::Candidates { rows: 2 }, false, &[(kind, Rule::TwoThirds)]).expect("a plain round");
    let votes: Vec<Vote> = (0..voters).map(|voter| Vote::new(kind, Voter(voter as u16), row(voter) as u32)).collect();
    let (mut batch, mut open) = (Batch::new(), Vec::new());
    Side::new(rounds * voters, move || {
        batch.clear();
        for _ in 0..rounds {
            let round = pipeline.open(electorate, &spec, &[CHOSEN, OTHER]).expect("there is room for a round");
            batch.add_votes(round, &votes);
            open.push(round);
        }
        pipeline.run(&batch).expect("the batch is sound");
        let decided = pipeline.events().iter().filter(|event| event.what == What::Decided { row: 0 });
        assert_eq!(decided.count(), rounds, "we do not decide");
        open.drain(..).for_each(|round| pipeline.close(round).expect("the round is open"));
    })
}
