//! The same votes shuffled, split into other batches and merged from several places: the same decisions, the same bitmaps.

use quorate_pipeline::conformance;

use super::Suite;

/// How many rounds are compared if nobody says.
const ROUNDS: u64 = 2000;

pub(super) const SUITE: Suite = Suite {
    name: "order-independence",
    about: "the same votes shuffled, split and merged: the same decisions, the same bitmaps",
    run: |bench| conformance::order_independence(bench.light, bench.seed, bench.rounds.unwrap_or(ROUNDS)),
};
