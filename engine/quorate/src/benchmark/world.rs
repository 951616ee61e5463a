//! Rounds to be measured: an electorate on a pipeline, and everything that its members say.
//!
//! A [`World`] opens its rounds, puts what is said into a batch, runs it and closes the rounds, again and again. After the first time
//! it allocates nothing of its own. The same worlds serve the command and the criterion benches.

use std::sync::Arc;

use miette::{IntoDiagnostic, Result};
use quorate_core::ballot::{Ballot, Signature};
use quorate_core::context::{Context, SignedBytes};
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft, Vote};
use quorate_pipeline::conformance::{Cast, Seeded};
use quorate_pipeline::{Backend, Batch, ElectorateId, Limits, Pipeline, Report, RoundId, What};

/// The kind of all votes here.
const KIND: Kind = Kind::Pbft(Pbft::Prepare);

/// Who votes without signing, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Voters a round.
    pub voters: usize,
    /// Rounds in one batch.
    pub rounds: usize,
    /// Whether votes come in any order, or by rising voter.
    pub shuffled: bool,
    /// Whether members weigh from 1 to 1,000, or all the same.
    pub weighted: bool,
    /// Whether 2 % of the votes are repeated, 1 % contradict an earlier one and 1 % are rejected.
    pub noisy: bool,
}

/// What is said in a round.
enum Said {
    Votes(Vec<Vote>),
    Ballots(Vec<Ballot>),
}

/// Rounds of one electorate, on a pipeline.
pub struct World {
    pipeline: Pipeline,
    electorate: ElectorateId,
    members: Arc<Electorate>,
    candidates: Vec<Digest>,
    rounds: Vec<(RoundSpec, Said)>,
    open: Vec<RoundId>,
    batch: Batch,
}

/// A signature with all that is needed to verify it outside of rounds.
#[derive(Clone, Debug)]
pub struct SignedVote {
    /// Whose key, as an index.
    pub voter: u16,
    /// The key.
    pub key: [u8; 32],
    /// The signed bytes.
    pub message: SignedBytes,
    /// The signature.
    pub signature: Signature,
}

impl World {
    /// A crowd without signatures. Every voter names the first of four candidates, except that in a noisy crowd one in thirty names
    /// the second.
    ///
    /// # Errors
    /// If the backend has no memory for it.
    pub fn unsigned(backend: Box<dyn Backend>, crowd: Crowd) -> Result<Self> {
        let mut rng = Seeded::new(1);
        let mut weight = || if crowd.weighted { 1 + rng.below(1000) } else { 1 };
        let members: Vec<Member> = (0..crowd.voters as u64).map(|id| Member::new(id, weight())).collect();
        let members = Electorate::new(Epoch(0), Rule::TwoThirds, members).into_diagnostic()?;
        let mut world = Self::new(backend, Arc::new(members), 4)?;
        for height in 0..crowd.rounds as u64 {
            let mut votes = Vec::with_capacity(crowd.voters + crowd.voters / 16);
            for voter in 0..crowd.voters {
                say(&mut votes, voter, &crowd, &mut rng);
            }
            if crowd.shuffled {
                rng.shuffle(&mut votes);
            }
            world.add_round(height, false, Said::Votes(votes))?;
        }
        Ok(world)
    }

    /// Members who sign: each signs one vote in each round, and votes come in any order.
    ///
    /// # Errors
    /// If the backend has no memory for it.
    pub fn signed(backend: Box<dyn Backend>, voters: usize, rounds: usize) -> Result<Self> {
        let cast = Cast::signers(voters as u64, Rule::TwoThirds, 2);
        let mut rng = Seeded::new(3);
        let mut world = Self::new(backend, Arc::clone(&cast.electorate), 1)?;
        for height in 0..rounds as u64 {
            let context = world.context(height);
            let ballot = |voter| cast.ballot(&context, KIND, Voter(voter as u16), 0, &world.candidates[0], Digest::ZERO);
            let mut ballots: Vec<Ballot> = (0..voters).map(ballot).collect();
            rng.shuffle(&mut ballots);
            world.add_round(height, true, Said::Ballots(ballots))?;
        }
        Ok(world)
    }

    fn new(backend: Box<dyn Backend>, members: Arc<Electorate>, candidates: u8) -> Result<Self> {
        let mut pipeline = Pipeline::new(backend, Limits::default());
        let electorate = pipeline.admit(&members).into_diagnostic()?;
        let candidates = (1..=candidates).map(|byte| Digest([byte; 32])).collect();
        Ok(Self { pipeline, electorate, members, candidates, rounds: Vec::new(), open: Vec::new(), batch: Batch::new() })
    }

    fn context(&self, height: u64) -> Context {
        Context {
            cluster: ClusterId(self.members.root()),
            engine: Engine::Pbft,
            partition: PartitionId(1),
            electorate: self.members.root(),
            height: Height(height),
            view: View(0),
        }
    }

    fn add_round(&mut self, height: u64, signed: bool, said: Said) -> Result<()> {
        let form = Form::Candidates { rows: self.candidates.len() as u8 };
        let spec = RoundSpec::new(self.context(height), form, signed, &[(KIND, Rule::TwoThirds)]).into_diagnostic()?;
        self.rounds.push((spec, said));
        Ok(())
    }

    /// The pipeline.
    pub fn pipeline(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// Opens all rounds, and puts into the batch what is said in them.
    ///
    /// # Errors
    /// If there is no room.
    pub fn open(&mut self) -> Result<()> {
        self.batch.clear();
        for (spec, said) in &self.rounds {
            let round = self.pipeline.open(self.electorate, spec, &self.candidates).into_diagnostic()?;
            match said {
                Said::Votes(votes) => self.batch.add_votes(round, votes),
                Said::Ballots(ballots) => self.batch.add_ballots(round, ballots),
            }
            self.open.push(round);
        }
        Ok(())
    }

    /// Runs the batch.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn run(&mut self) -> Result<Report> {
        self.pipeline.run(&self.batch).into_diagnostic()
    }

    /// Closes all rounds.
    ///
    /// # Errors
    /// If one is not open.
    pub fn close(&mut self) -> Result<()> {
        self.open.drain(..).try_for_each(|round| self.pipeline.close(round)).into_diagnostic()
    }

    /// Opens, runs, and closes, and fails unless the first candidate was decided in nearly every round. (Weighted by chance, a small
    /// round may miss.)
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::run`], or if too little was decided.
    pub fn decide(&mut self) -> Result<Report> {
        self.open()?;
        let report = self.run()?;
        let decided = self.pipeline.events().iter().filter(|event| event.what == What::Decided { row: 0 }).count();
        self.close()?;
        let rounds = self.rounds.len();
        miette::ensure!(decided * 10 >= rounds * 7, "{decided} of {rounds} rounds were decided; expected nearly all");
        Ok(report)
    }

    /// How many votes a batch has.
    #[must_use]
    pub fn votes(&self) -> usize {
        let count = |(_, said): &(_, Said)| match said {
            Said::Votes(votes) => votes.len(),
            Said::Ballots(ballots) => ballots.len(),
        };
        self.rounds.iter().map(count).sum()
    }

    /// The same votes, as words in memory.
    #[must_use]
    pub fn words(&self) -> Vec<u32> {
        let mut words = Vec::with_capacity(2 * self.votes());
        for (_, said) in &self.rounds {
            if let Said::Votes(votes) = said {
                words.extend_from_slice(bytemuck::cast_slice(votes));
            }
        }
        words
    }

    /// All signed votes, with what is needed to verify them one by one.
    #[must_use]
    pub fn signed_votes(&self) -> Vec<SignedVote> {
        let mut found = Vec::with_capacity(self.votes());
        for (spec, said) in &self.rounds {
            let Said::Ballots(ballots) = said else { continue };
            for ballot in ballots {
                let voter = ballot.vote.voter();
                let key = self.members.member(voter).and_then(|member| member.key).map_or([0; 32], |key| key.0);
                let message = spec.context().signed_bytes(KIND, &self.candidates[0], &ballot.body);
                found.push(SignedVote { voter: voter.0, key, message, signature: ballot.signature });
            }
        }
        found
    }

    /// The members' keys, by voter.
    #[must_use]
    pub fn keys(&self) -> Vec<[u8; 32]> {
        self.members.members().iter().filter_map(|member| Some(member.key?.0)).collect()
    }
}

/// What one voter says, and what else is said beside it.
fn say(votes: &mut Vec<Vote>, voter: usize, crowd: &Crowd, rng: &mut Seeded) {
    let row = u32::from(crowd.noisy && rng.one_in(30));
    let vote = Vote::new(KIND, Voter(voter as u16), row);
    votes.push(vote);
    if !crowd.noisy {
        return;
    }
    match rng.below(100) {
        0 | 1 => votes.push(vote),
        2 => votes.push(Vote::new(KIND, Voter(voter as u16), row ^ 1)),
        3 => votes.push(match rng.below(3) {
            0 => Vote::from_raw(Engine::Raft as u8, KIND.code(), voter as u16, row),
            1 => Vote::new(KIND, Voter(voter as u16), 64),
            _ => Vote::from_raw(Engine::Pbft as u8, 15, voter as u16, row),
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use quorate_pipeline::cpu::{Cpu, Settings};

    use super::*;

    fn cpu() -> Box<dyn Backend> {
        Box::new(Cpu::new(Settings { threads: 1, ..Settings::default() }).unwrap())
    }

    #[test]
    fn a_noisy_crowd_repeats_itself_contradicts_itself_and_errs_as_often_as_is_said() {
        let crowd = Crowd { voters: 20_000, rounds: 1, shuffled: true, weighted: true, noisy: true };
        let mut world = World::unsigned(cpu(), crowd).unwrap();
        world.open().unwrap();
        world.run().unwrap();
        let round = world.open[0];
        let outcome = world.pipeline.outcome(round).unwrap();
        let equivocators: usize = outcome.equivocators.iter().map(|(_, voters)| voters.iter().count()).sum();
        let rejected: u64 = outcome.rejections.0.iter().sum();
        assert!((350..450).contains(&outcome.repeated), "{}", outcome.repeated);
        assert!((150..250).contains(&equivocators), "{equivocators}");
        assert!((150..250).contains(&rejected), "{rejected}");
    }

    #[test]
    fn signers_decide_every_round_and_each_signature_verifies_by_itself() {
        let mut world = World::signed(cpu(), 4, 3).unwrap();
        assert_eq!(world.decide().unwrap().votes, 12);
        let votes = world.signed_votes();
        assert_eq!(votes.len(), 12);
        assert!(votes.iter().all(|vote| quorate_core::zip215::verify(&vote.key, &vote.message, &vote.signature.0)));
    }
}
