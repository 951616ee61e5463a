//! Who takes part: the electorate, its keys, the few members who vote for two blocks, and the cluster's name.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_core::anchor::TrustAnchor;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::vote::Engine;
use quorate_pipeline::conformance::Seeded;

use super::options::Options;
use crate::commands::Usage;

/// Everything about the participants that a seed determines.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    /// Who votes.
    pub(crate) electorate: Arc<Electorate>,
    /// The signing keys, by voter.
    pub(crate) keys: Vec<SigningKey>,
    /// Who votes for two blocks now and then, by rising index.
    pub(crate) equivocators: Vec<Voter>,
    /// A trust anchor of another cluster, under which nothing of this one may be valid.
    pub(crate) elsewhere: TrustAnchor,
}

/// How many equivocators there are if nobody says.
const EQUIVOCATORS: usize = 3;

impl Cast {
    /// The heaviest that a member can be.
    const WEIGHT_MAX: u64 = 100;

    /// The participants that these options ask for.
    pub(crate) fn new(options: &Options) -> miette::Result<Self> {
        let mut rng = Seeded::new(options.seed);
        let (electorate, keys) = members(&mut rng, options.members)?;
        let equivocators = pick_equivocators(&mut rng, &electorate, options.equivocators.map(usize::from))?;
        let (other, _) = members(&mut rng, 4)?;
        let elsewhere = TrustAnchor::genesis(ClusterId(other.root()));
        Ok(Self { electorate: Arc::new(electorate), keys, equivocators, elsewhere })
    }

    /// The cluster's name: the root of its first electorate, which here is the only one.
    #[must_use]
    pub(crate) fn cluster(&self) -> ClusterId {
        ClusterId(self.electorate.root())
    }

    /// What a reader must know to believe this cluster's certificates.
    #[must_use]
    pub(crate) fn anchor(&self) -> TrustAnchor {
        TrustAnchor::genesis(self.cluster())
    }

    /// What the votes at a height are about.
    #[must_use]
    pub(crate) fn context(&self, height: Height) -> Context {
        let electorate = self.electorate.root();
        Context { cluster: self.cluster(), engine: Engine::Pbft, partition: PartitionId(1), electorate, height, view: View(0) }
    }
}

fn members(rng: &mut Seeded, count: u32) -> miette::Result<(Electorate, Vec<SigningKey>)> {
    let keys: Vec<SigningKey> = (0..count).map(|_| SigningKey::from_bytes(&rng.bytes32())).collect();
    // Ids rise with the index and leave gaps, as in a cluster that members have left: an id is not a voter.
    let mut id = 0;
    let list: Vec<Member> = keys
        .iter()
        .map(|key| {
            id += 1 + rng.below(3);
            Member::new(id, 1 + rng.below(Cast::WEIGHT_MAX)).with_key(VoteKey(key.verifying_key().to_bytes()))
        })
        .collect();
    let electorate = Electorate::new(Epoch(0), Rule::TwoThirds, list).into_diagnostic().wrap_err("the demo's members are no electorate")?;
    Ok((electorate, keys))
}

fn pick_equivocators(rng: &mut Seeded, electorate: &Electorate, wanted: Option<usize>) -> miette::Result<Vec<Voter>> {
    let count = electorate.members().len();
    if wanted.is_some_and(|wanted| wanted > count) {
        let what = format!("{} equivocators are more than the {count} members", wanted.unwrap_or_default());
        return Err(Usage { what, help: Some("ask for fewer --equivocators, or for more --members".into()) }.into());
    }
    let mut order: Vec<Voter> = (0..count).map(|at| Voter(at as u16)).collect();
    rng.shuffle(&mut order);
    let thresholds = electorate.thresholds();
    let mut chosen: Vec<Voter> = Vec::new();
    for voter in order {
        if chosen.len() == wanted.unwrap_or(EQUIVOCATORS) {
            break;
        }
        chosen.push(voter);
        // What a decision can do without is what may be faulty.
        let weight = electorate.weigh(chosen.iter().copied());
        if thresholds.beyond_faulty(weight) {
            if wanted.is_some() {
                let (number, weight, total) = (chosen.len(), weight[0], thresholds.total[0]);
                let what = format!("{number} equivocators weigh {weight} of {total}, which is more than the electorate tolerates");
                let help = "ask for fewer --equivocators: beyond a third of the weight nobody can promise one decision";
                return Err(Usage { what, help: Some(help.into()) }.into());
            }
            chosen.pop();
        }
    }
    chosen.sort_unstable();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_cluster_and_another_seed_another() {
        let of = |seed| Cast::new(&Options { seed, members: 7, ..Options::default() }).unwrap();
        assert_eq!(of(1).cluster(), of(1).cluster());
        assert_ne!(of(1).cluster(), of(2).cluster());
        assert_ne!(of(1).elsewhere.cluster(), of(1).cluster());
    }

    #[test]
    fn equivocators_never_outweigh_what_the_electorate_tolerates() {
        for members in [1, 2, 3, 4, 5, 10, 100] {
            let cast = Cast::new(&Options { members, ..Options::default() }).unwrap();
            let weight = cast.electorate.weigh(cast.equivocators.iter().copied());
            assert!(cast.equivocators.is_empty() || !cast.electorate.thresholds().beyond_faulty(weight), "{members}");
        }
        let many = Options { members: 10, equivocators: Some(8), ..Options::default() };
        assert!(Cast::new(&many).unwrap_err().to_string().contains("more than the electorate tolerates"));
        let more = Options { members: 10, equivocators: Some(11), ..Options::default() };
        assert!(Cast::new(&more).unwrap_err().to_string().contains("11 equivocators are more than the 10 members"));
    }
}
