//! The comparison itself is tested: backends that are wrong in a known way must be reported as different.
//!
//! Each fault gets batches of random rounds until one differs from the reference, or until it had a fair trial. A backend that crashes
//! over a fault was noticed as well: where state of an earlier round stays, for one, bits stand for voters that do not exist.

use std::panic::{self, AssertUnwindSafe};

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
            let noticed = silently(|| trial(bench, fault, limit));
            if let Some((rounds, how)) = noticed {
                verdict.notes.push(format!("{fault:?} was noticed within {rounds} rounds, by {how}"));
            }
            verdict.case(noticed.map(drop).ok_or_else(|| format!("{fault:?} was not noticed in {limit} rounds")));
        }
        verdict
    },
};

/// Within how many rounds the fault was noticed, and how.
fn trial(bench: &Bench<'_>, fault: Fault, limit: u64) -> Option<(u64, &'static str)> {
    let faulty = || Box::new(Faulty::new((bench.light)(), fault)) as Box<dyn Backend>;
    (1..=limit.div_ceil(TOGETHER)).find_map(|nth| {
        let seed = bench.seed.wrapping_add(nth);
        let how = match panic::catch_unwind(AssertUnwindSafe(|| conformance::differential(&faulty, seed, TOGETHER))) {
            Ok(found) if found.passed() => return None,
            Ok(_) => "a difference",
            Err(_) => "a crash",
        };
        Some((nth * TOGETHER, how))
    })
}

/// Runs something that may panic on purpose, without telling the world.
fn silently<T>(run: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    panic::set_hook(hook);
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}
