//! The comparison itself is tested: backends that are wrong in a known way must be reported as different.
//!
//! Each fault gets batches of random rounds until one differs from the reference, or until it had a fair trial.

use quorate_pipeline::Backend;
use quorate_pipeline::conformance::{self, Fault, Faulty, Verdict};

use super::{Bench, Suite};

/// A fair trial, in rounds: the rarest fault needs a joint electorate and a decision that hangs on one of its halves.
const ROUNDS: u64 = 4800;

/// How many rounds are compared before the next look. State must live long enough for the faults that need an earlier round.
const TOGETHER: u64 = 96;

pub(super) const SUITE: Suite = Suite {
    name: "planted-fault",
    about: "ten faults, each planted in the backend; the comparison with the reference must find every one",
    run: |bench| {
        let mut verdict = Verdict::default();
        let limit = bench.rounds.unwrap_or(ROUNDS).max(ROUNDS);
        for fault in Fault::ALL {
            let noticed = trial(bench, fault, limit);
            if let Some(rounds) = noticed {
                verdict.notes.push(format!("{fault:?} was noticed within {rounds} rounds"));
            }
            verdict.case(noticed.map(drop).ok_or_else(|| format!("{fault:?} was not noticed in {limit} rounds")));
        }
        verdict
    },
};

/// Within how many rounds the fault was noticed.
fn trial(bench: &Bench<'_>, fault: Fault, limit: u64) -> Option<u64> {
    let faulty = || Box::new(Faulty::new((bench.light)(), fault)) as Box<dyn Backend>;
    let differs = |nth: &u64| !conformance::differential(&faulty, bench.seed.wrapping_add(*nth), TOGETHER).passed();
    (1..=limit.div_ceil(TOGETHER)).find(differs).map(|nth| nth * TOGETHER)
}
