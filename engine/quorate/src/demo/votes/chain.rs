//! The blocks that are voted on: each stands on the one before, and a seed determines them all.
//!
//! Votes are signed ahead of the pipeline, so a proposal stands on the block that is *expected* to be decided before it. Whether it
//! was is checked where blocks are decided, by [`Ledger`], not here.

use std::collections::BTreeMap;

use miette::IntoDiagnostic as _;
use quorate_core::block::{Block, Timestamp};
use quorate_core::hash::Digest;
use quorate_core::ids::Height;
use quorate_pipeline::conformance::Seeded;

/// Randomness for one purpose at one height: independent of what was drawn at other heights.
#[must_use]
pub(crate) fn randomness(seed: u64, height: Height, purpose: u64) -> Seeded {
    let mut mixed = Seeded::new(seed);
    let mut at_height = Seeded::new(mixed.next_u64() ^ height.0);
    Seeded::new(at_height.next_u64() ^ purpose)
}

const PROPOSAL: u64 = 1;
const RIVAL: u64 = 2;

/// Proposes block after block.
#[derive(Clone, Debug)]
pub(crate) struct Proposals {
    seed: u64,
    parent: Digest,
    height: Height,
}

/// What can be voted for at one height.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    /// What the proposer proposes.
    pub(crate) block: Block,
    /// What someone else proposes in its place.
    pub(crate) rival: Block,
}

impl Proposals {
    /// The proposals of a seed, from the first height on.
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, parent: Digest::ZERO, height: Height(0) }
    }

    /// What is proposed next.
    pub(crate) fn propose(&mut self) -> miette::Result<Proposal> {
        self.height.0 += 1;
        let block = self.block(PROPOSAL)?;
        let rival = self.block(RIVAL)?;
        self.parent = block.id();
        Ok(Proposal { block, rival })
    }

    fn block(&self, purpose: u64) -> miette::Result<Block> {
        let mut rng = randomness(self.seed, self.height, purpose);
        let payload = (0..1 + rng.below(8)).flat_map(|_| rng.bytes32()).collect();
        // A made-up clock, a millisecond a height: a seed gives the same blocks whenever it is run.
        let time = Timestamp(self.height.0 * 1_000_000);
        Block::new(self.parent, self.height, time, payload).into_diagnostic()
    }
}

/// The chain of decided blocks. Rounds may be decided out of order; the chain grows in order, and only by blocks that stand on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    tip: Digest,
    height: Height,
    waiting: BTreeMap<Height, Block>,
}

impl Ledger {
    /// Takes a decided block, and appends what has become possible.
    pub(crate) fn decide(&mut self, block: Block) -> miette::Result<()> {
        self.waiting.insert(block.header().height, block);
        while let Some(next) = self.waiting.remove(&Height(self.height.0 + 1)) {
            let header = next.header();
            if header.parent != self.tip {
                return Err(miette::miette!(
                    "the block decided at height {} stands on {}; the block decided before it is {}",
                    header.height,
                    header.parent,
                    self.tip
                ));
            }
            (self.tip, self.height) = (next.id(), header.height);
        }
        Ok(())
    }

    /// The height of the chain.
    #[must_use]
    pub(crate) fn height(&self) -> Height {
        self.height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_grows_in_order_whatever_the_order_of_decisions() {
        let mut proposals = Proposals::new(7);
        let blocks: Vec<Block> = (0..3).map(|_| proposals.propose().unwrap().block).collect();
        let mut ledger = Ledger::default();
        for (at, height) in [(1, 0), (0, 2), (2, 3)] {
            ledger.decide(blocks[at].clone()).unwrap();
            assert_eq!(ledger.height(), Height(height));
        }
    }

    #[test]
    fn a_decided_block_that_stands_on_another_is_an_error() {
        let mut proposals = Proposals::new(7);
        let first = proposals.propose().unwrap();
        let second = proposals.propose().unwrap();
        let mut ledger = Ledger::default();
        ledger.decide(first.rival).unwrap();
        assert!(ledger.decide(second.block).unwrap_err().to_string().contains("height 2 stands on"));
    }
}
