//! The desk at which protocols hand in their votes.
//!
//! It carries out what protocols ask for ([`Ask`]) on a [`Pipeline`], gathers votes until somebody says [`Desk::run`], and gives back
//! what was decided, each under the name that its protocol chose. Many owners (the partitions of a node) share one desk and so one run.
//! Electorates are admitted when the first round needs them and dismissed with the last.

use std::collections::BTreeMap;
use std::collections::btree_map;

use quorate_core::counting::{Ask, Finding, Opening, RoundKey, Told};
use quorate_core::hash::Digest;

use crate::batch::Batch;
use crate::pipeline::{ElectorateId, Pipeline, PipelineError, Report, RoundId, What};

/// Who asked: a partition of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u32);

/// A pipeline, and who asked for what.
pub struct Desk {
    pipeline: Pipeline,
    batch: Batch,
    rounds: BTreeMap<(Owner, RoundKey), RoundId>,
    /// By the round's place in the pipeline, who asked for it.
    askers: Vec<Option<(RoundId, Owner, RoundKey)>>,
    electorates: BTreeMap<Digest, Admitted>,
}

/// An electorate, and how many open rounds need it.
struct Admitted {
    id: ElectorateId,
    rounds: u32,
}

impl Desk {
    /// A desk before a pipeline.
    #[must_use]
    pub fn new(pipeline: Pipeline) -> Self {
        Self { pipeline, batch: Batch::new(), rounds: BTreeMap::new(), askers: Vec::new(), electorates: BTreeMap::new() }
    }

    /// The pipeline, to ask it for what is not about rounds.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// How many votes wait for the next run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.batch.len()
    }

    /// Carries out a request. Votes wait for the next run; those for rounds that are not open are dropped.
    ///
    /// # Errors
    /// If the round cannot be, or there is no room for it.
    pub fn ask(&mut self, owner: Owner, ask: Ask) -> Result<(), PipelineError> {
        match ask {
            Ask::Open(opening) => {
                let Opening { key, electorate, spec, candidates } = *opening;
                let root = electorate.root();
                let id = match self.electorates.entry(root) {
                    btree_map::Entry::Occupied(known) => known.get().id,
                    btree_map::Entry::Vacant(free) => free.insert(Admitted { id: self.pipeline.admit(&electorate)?, rounds: 0 }).id,
                };
                let opened = self.pipeline.open(id, &spec, &candidates);
                match opened {
                    Ok(round) => {
                        self.electorates.entry(root).and_modify(|admitted| admitted.rounds += 1);
                        let at = round.slot as usize;
                        if self.askers.len() <= at {
                            self.askers.resize(at + 1, None);
                        }
                        self.askers[at] = Some((round, owner, key));
                        let before = self.rounds.insert((owner, key), round);
                        assert!(before.is_none(), "a round's name is never used again");
                    }
                    Err(error) => {
                        self.leave(root)?;
                        return Err(error);
                    }
                }
            }
            Ask::Extend { key, last } => {
                if let Some(&round) = self.rounds.get(&(owner, key)) {
                    self.pipeline.extend(round, last)?;
                }
            }
            Ask::Vote { key, vote } => {
                if let Some(&round) = self.rounds.get(&(owner, key)) {
                    self.batch.add_votes(round, &[vote]);
                }
            }
            Ask::Close { key } => {
                if let Some(round) = self.rounds.remove(&(owner, key)) {
                    let root = self.pipeline.root_of(round)?;
                    self.pipeline.close(round)?;
                    self.askers[round.slot as usize] = None;
                    if let Some(admitted) = self.electorates.get_mut(&root) {
                        admitted.rounds -= 1;
                    }
                    self.leave(root)?;
                }
            }
        }
        Ok(())
    }

    /// Lets an electorate go that no round needs.
    fn leave(&mut self, root: Digest) -> Result<(), PipelineError> {
        if let btree_map::Entry::Occupied(known) = self.electorates.entry(root)
            && known.get().rounds == 0
        {
            self.pipeline.dismiss(known.remove().id)?;
        }
        Ok(())
    }

    /// Runs what waits, and says what is new.
    ///
    /// # Errors
    /// If the backend fails. The votes are still there.
    pub fn run(&mut self, told: &mut Vec<(Owner, Told)>) -> Result<Report, PipelineError> {
        let report = self.pipeline.run(&self.batch)?;
        self.batch.clear();
        for event in self.pipeline.events() {
            let Some(&Some((round, owner, key))) = self.askers.get(event.round.slot as usize) else { continue };
            if round != event.round {
                continue;
            }
            let what = match event.what {
                What::Decided { row } => Finding::Decided { row },
                What::Reached { index } => Finding::Reached { index },
                What::Conflict => Finding::Conflict,
            };
            told.push((owner, Told { key, kind: event.kind, what }));
        }
        Ok(report)
    }
}
