//! Random and adversarial rounds through the backend and through the scalar reference: everything that comes out must be equal.

use quorate_pipeline::conformance;

use super::Suite;

/// How many rounds are compared if nobody says.
const ROUNDS: u64 = 8000;

pub(super) const SUITE: Suite = Suite {
    name: "differential",
    about: "random and adversarial rounds: outcomes, events and bitmaps equal the scalar reference's",
    run: |bench| conformance::differential(bench.light, bench.seed, bench.rounds.unwrap_or(ROUNDS)),
};
