//! etcd raft's quorum scenarios, majority and joint, through the whole pipeline.
//!
//! A `vote` scenario is a Raft round with one candidate that takes grants and denials: it is won when the grants decide, and lost when
//! in some half so much weight denies that the rest cannot. A `committed` scenario is a cumulative round of acknowledgements. Each
//! runs in every form that must not matter: joint ones with their halves exchanged; those of one half alone, joint with an empty half
//! on either side, and joint with themselves.
//!
//! An electorate without anybody cannot be built, on purpose; etcd's convention for it (every vote is won, everything is committed)
//! lives in this adapter only. So does its habit of naming a voter twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, MemberId, PartitionId, View};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Raft, Vote};
use quorate_pipeline::{Batch, Limits, Pipeline, RoundId};

use super::{Suite, collect};

const FILES: [(&str, &str); 4] = [
    ("majority_vote", include_str!("../../../../fixtures/vectors/etcd-raft/quorum/majority_vote.txt")),
    ("joint_vote", include_str!("../../../../fixtures/vectors/etcd-raft/quorum/joint_vote.txt")),
    ("majority_commit", include_str!("../../../../fixtures/vectors/etcd-raft/quorum/majority_commit.txt")),
    ("joint_commit", include_str!("../../../../fixtures/vectors/etcd-raft/quorum/joint_commit.txt")),
];

pub(super) const SUITE: Suite = Suite {
    name: "etcd-quorum",
    about: "etcd raft's majority and joint quorums: elections and commit indices through the pipeline",
    run: |bench| {
        collect(|verdict| {
            let mut pipeline = Pipeline::new(bench.backend(), Limits::default());
            for (file, text) in FILES {
                for scenario in Scenario::parse_all(text)? {
                    let result = scenario.check(&mut pipeline);
                    verdict.case(result.map_err(|what| format!("{file}: {}: {what}", scenario.line)));
                }
            }
            Ok(())
        })
    },
};

/// What everybody says, by voter; `None` where nothing is known.
#[derive(Debug)]
enum Said {
    Votes(BTreeMap<u64, Option<bool>>),
    Indices(BTreeMap<u64, Option<u64>>),
}

#[derive(Debug)]
struct Scenario<'a> {
    line: &'a str,
    halves: [Vec<u64>; 2],
    said: Said,
    expected: &'a str,
}

impl<'a> Scenario<'a> {
    /// Scenarios are a line, a rule of dashes, and output up to an empty line, of which the last line is the answer.
    fn parse_all(text: &'a str) -> Result<Vec<Self>, String> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut scenarios = Vec::new();
        while let Some(line) = lines.next() {
            if line.is_empty() {
                continue;
            }
            if lines.next() != Some("----") {
                return Err(format!("no output follows {line:?}"));
            }
            let expected = lines.by_ref().take_while(|line| !line.is_empty()).last();
            let expected = expected.ok_or_else(|| format!("the output of {line:?} is empty"))?;
            scenarios.push(Self::parse(line, expected).ok_or_else(|| format!("cannot read {line:?}"))?);
        }
        Ok(scenarios)
    }

    fn parse(line: &'a str, expected: &'a str) -> Option<Self> {
        let argument = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}="))?;
            let list = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("", |(list, _)| list);
            Some(list.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>())
        };
        let voters = |name| argument(name).unwrap_or_default().into_iter().map(|id| id.parse().ok()).collect::<Option<Vec<u64>>>();
        let halves = [voters("cfg")?, voters("cfgj")?];
        // Values belong to the voters in the order in which these are first named.
        let mut order: Vec<u64> = Vec::new();
        halves.iter().flatten().for_each(|id| {
            if !order.contains(id) {
                order.push(*id);
            }
        });
        let known = |text: &&str| *text != "_";
        let said = match line.split(' ').next()? {
            "vote" => {
                let values = argument("votes").unwrap_or_default();
                let all = order.iter().zip(&values).map(|(id, text)| (*id, known(text).then_some(*text == "y"))).collect();
                (values.len() == order.len()).then_some(Said::Votes(all))
            }
            "committed" => {
                let values = argument("idx").unwrap_or_default();
                let read = |text: &&str| if known(text) { text.parse().ok().map(Some) } else { Some(None) };
                let all = order.iter().zip(&values).map(|(id, text)| Some((*id, read(text)?))).collect::<Option<_>>()?;
                (values.len() == order.len()).then_some(Said::Indices(all))
            }
            _ => None,
        }?;
        Some(Self { line, halves, said, expected })
    }

    /// Runs the scenario in every form that must not matter.
    fn check(&self, pipeline: &mut Pipeline) -> Result<(), String> {
        let [one, other] = &self.halves;
        let forms: Vec<(&str, Result<Electorate, _>)> = match (one.is_empty(), other.is_empty()) {
            (true, true) => {
                let answer = if matches!(self.said, Said::Votes(_)) { "VoteWon" } else { "<empty majority quorum>∞" };
                return compare("empty", answer, self.expected);
            }
            (false, true) => vec![
                ("alone", simple(one)),
                ("joint with nobody", joint(one, &[])),
                ("nobody, joint with it", joint(&[], one)),
                ("joint with itself", joint(one, one)),
            ],
            _ => vec![("as it stands", joint(one, other)), ("with its halves exchanged", joint(other, one))],
        };
        for (form, electorate) in forms {
            let electorate = electorate.map_err(|error| format!("{form}: {error}"))?;
            let answer = self.run(pipeline, &Arc::new(electorate)).map_err(|error| format!("{form}: {error}"))?;
            compare(form, &answer, self.expected)?;
        }
        Ok(())
    }

    fn run(&self, pipeline: &mut Pipeline, electorate: &Arc<Electorate>) -> Result<String, Box<dyn std::error::Error>> {
        let context = Context {
            cluster: ClusterId(electorate.root()),
            engine: Engine::Raft,
            partition: PartitionId(1),
            electorate: electorate.root(),
            height: Height(1),
            view: View(1),
        };
        let admitted = pipeline.admit(electorate)?;
        let vote = |id: &u64, kind, candidate| electorate.voter(MemberId(*id)).map(|voter| Vote::new(Kind::Raft(kind), voter, candidate));
        let (round, answer) = match &self.said {
            Said::Votes(votes) => {
                let kinds = [(Kind::Raft(Raft::Grant), Rule::Majority), (Kind::Raft(Raft::Deny), Rule::Majority)];
                let spec = RoundSpec::new(context, Form::Candidates { rows: 1 }, false, &kinds)?;
                let round = pipeline.open(admitted, &spec, &[Digest([1; 32])])?;
                let kind = |yes| if yes { Raft::Grant } else { Raft::Deny };
                cast(pipeline, round, votes.iter().filter_map(|(id, vote_of)| vote(id, kind((*vote_of)?), 0)).collect())?;
                let outcome = pipeline.outcome(round)?;
                let standing = |kind| outcome.standing(Kind::Raft(kind), &Digest([1; 32])).ok_or("a candidate without standing");
                let (grants, denials) = (standing(Raft::Grant)?, standing(Raft::Deny)?);
                let lost = electorate.thresholds().beyond_faulty(denials.weight);
                let answer = match (grants.decided, lost) {
                    (true, false) => "VoteWon",
                    (false, true) => "VoteLost",
                    (false, false) => "VotePending",
                    (true, true) => "both won and lost",
                };
                (round, answer.to_owned())
            }
            Said::Indices(indices) => {
                let last = indices.values().flatten().max().copied().unwrap_or(0);
                let form = Form::Cumulative { base: 0, last };
                let spec = RoundSpec::new(context, form, false, &[(Kind::Raft(Raft::Ack), Rule::Majority)])?;
                let round = pipeline.open(admitted, &spec, &[])?;
                let ack = |(id, index): (&u64, &Option<u64>)| vote(id, Raft::Ack, u32::try_from((*index)?).ok()?);
                cast(pipeline, round, indices.iter().filter_map(ack).collect())?;
                (round, pipeline.outcome(round)?.reached.unwrap_or(0).to_string())
            }
        };
        pipeline.close(round)?;
        pipeline.dismiss(admitted)?;
        Ok(answer)
    }
}

fn cast(pipeline: &mut Pipeline, round: RoundId, votes: Vec<Vote>) -> Result<(), Box<dyn std::error::Error>> {
    let mut batch = Batch::new();
    batch.add_votes(round, &votes);
    pipeline.run(&batch)?;
    let rejected = pipeline.outcome(round)?.rejections.total();
    if rejected > 0 { Err(format!("{rejected} votes were rejected").into()) } else { Ok(()) }
}

fn members(ids: &[u64]) -> Vec<Member> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| Member::new(id, 1)).collect()
}

fn simple(ids: &[u64]) -> Result<Electorate, quorate_core::electorate::ElectorateError> {
    Electorate::new(Epoch(0), Rule::Majority, members(ids))
}

fn joint(old: &[u64], new: &[u64]) -> Result<Electorate, quorate_core::electorate::ElectorateError> {
    Electorate::joint(Epoch(0), Rule::Majority, members(old), members(new))
}

fn compare(form: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{form}: {found}; expected {expected}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_pipeline::reference::Reference;

    fn check(text: &str) -> Result<(), String> {
        let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
        Scenario::parse_all(text)?.iter().try_for_each(|scenario| scenario.check(&mut pipeline))
    }

    #[test]
    fn a_voter_that_is_named_twice_votes_once() {
        assert_eq!(check("vote cfg=(1,1) votes=(y)\n----\nVoteWon\n"), Ok(()));
        assert_eq!(check("committed cfg=(2,1,1) cfgj=(1, 1) idx=(7,5)\n----\n  table\n5\n"), Ok(()));
    }

    #[test]
    fn a_wrong_answer_and_a_text_that_is_no_scenario_are_refused() {
        assert_eq!(check("vote cfg=(1,2) votes=(y,_)\n----\nVoteWon\n"), Err("alone: VotePending; expected VoteWon".into()));
        assert_eq!(check("vote\n----\nVoteLost\n"), Err("empty: VoteWon; expected VoteLost".into()));
        for text in ["vote cfg=(1)", "vote cfg=(1) votes=(y,y)\n----\nVoteWon", "count cfg=(1)\n----\n1", "vote cfg=(x) votes=(y)\n----\n1"]
        {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
