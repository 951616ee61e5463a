//! etcd raft's quorum data, through the protocol itself: entries are committed, and leaders elected, exactly where the data says so.
//!
//! The suite `etcd-quorum` of the binary asks the pipeline alone. Here the question is asked of Raft: a leader under this configuration,
//! to whom these acknowledgements come, commits up to an index; a candidate who gets these answers is elected, or is not. Every voter of
//! a case leads, or stands, in turn.
//!
//! Three things are not asked. The wholly empty configuration, in which etcd holds every vote for won and everything for committed,
//! exists only in the adapter of that suite: here it cannot be built. A vote is lost in etcd's data as soon as it cannot be won any more;
//! this protocol gives up when a majority denies, and otherwise when its time is over, so that what is lost there is never won here, and
//! what is given up here is lost there. And a candidate votes for itself, so that nobody stands who says no in the data.

use quorate_core::ids::{Epoch, Height, View};
use quorate_protocol::raft::{Body, Configuration, Message, Peer, Role, Settings};
use quorate_sim::lab::{Deed, Lab, Mail};

const COMMITS: [&str; 2] = [
    include_str!("../../../fixtures/vectors/etcd-raft/quorum/majority_commit.txt"),
    include_str!("../../../fixtures/vectors/etcd-raft/quorum/joint_commit.txt"),
];
const VOTES: [&str; 2] = [
    include_str!("../../../fixtures/vectors/etcd-raft/quorum/majority_vote.txt"),
    include_str!("../../../fixtures/vectors/etcd-raft/quorum/joint_vote.txt"),
];

struct Case<'a> {
    line: &'a str,
    halves: [Vec<u64>; 2],
    /// What each voter says, in the order in which they are first named; `_` if nothing.
    said: Vec<(u64, &'a str)>,
    expected: &'a str,
}

/// A case is a line, a rule of dashes, and output up to an empty line, of which the last line is the answer.
fn cases(text: &str) -> Vec<Case<'_>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let rules = lines.iter().enumerate().filter(|(_, line)| **line == "----");
    let answer = |at: usize| lines[at + 1..].iter().take_while(|line| !line.is_empty()).last().expect("an answer");
    rules.map(|(at, _)| case(lines[at - 1], answer(at))).collect()
}

fn case<'a>(line: &'a str, expected: &'a str) -> Case<'a> {
    let list = |name: &str| {
        let rest = line.split_once(&format!(" {name}=")).map_or("", |(_, rest)| rest);
        let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("", |(inner, _)| inner);
        inner.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>()
    };
    let mut order = Vec::new();
    let halves = ["cfg", "cfgj"].map(|name| {
        let mut half: Vec<u64> = list(name).iter().map(|id| id.parse().expect("an id")).collect();
        half.iter().for_each(|&id| order.extend((!order.contains(&id)).then_some(id)));
        half.sort_unstable();
        half.dedup();
        half
    });
    let said = [list("idx"), list("votes")].concat();
    assert_eq!(said.len(), order.len(), "{line}");
    Case { line, halves, said: order.into_iter().zip(said).collect(), expected }
}

impl Case<'_> {
    /// Servers under the case's configuration; none if it has no voters at all.
    fn lab(&self) -> Option<Lab> {
        let peers = |half: &[u64]| half.iter().map(|&id| Peer::voter(id)).collect::<Vec<_>>();
        let [one, other] = &self.halves;
        let simple = |half: &[u64]| Configuration::new(Epoch(1), peers(half)).expect("voters are a group");
        let configuration = match [one.is_empty(), other.is_empty()] {
            [true, true] => return None,
            [true, false] => simple(other),
            [false, true] => simple(one),
            [false, false] => simple(other).towards(peers(one)).expect("voters are a group"),
        };
        Some(Lab::founded(configuration, Settings::LAN, &[]))
    }

    fn others(&self, own: u64) -> impl Iterator<Item = (u64, &str)> {
        self.said.iter().copied().filter(move |said| said.0 != own)
    }
}

/// Says something to a server in another's name.
fn hear(lab: &mut Lab, from: u64, to: u64, body: Body) {
    lab.lose(|_| true);
    lab.post(Mail { from, to, message: Message { term: View(1), body } });
    lab.deliver_link(from, to);
}

/// Lets a server stand, with everybody's encouragement. Its disk does nothing but what the test says from here on.
fn stand(lab: &mut Lab, case: &Case<'_>, own: u64) {
    lab.slow_disk(own);
    lab.stand(own);
    let asked =
        lab.mail().iter().find_map(|mail| if let Body::PreVote { question, .. } = mail.message.body { Some(question) } else { None });
    if let Some(question) = asked {
        case.others(own).for_each(|(id, _)| hear(lab, id, own, Body::PreVoteReply { question, granted: true }));
    }
    assert_eq!(lab.raft(own).role(), Role::Candidate, "{}", case.line);
    // Term and vote.
    lab.settle(own, 1);
}

#[test]
fn acknowledgements_commit_up_to_the_index_in_the_data() {
    let (mut asked, mut empty) = (0, 0);
    for case in COMMITS.iter().flat_map(|text| cases(text)) {
        for &(own, _) in &case.said {
            let mut lab = case.lab().expect("it has voters");
            stand(&mut lab, &case, own);
            case.others(own).for_each(|(id, _)| hear(&mut lab, id, own, Body::VoteReply { granted: true }));
            assert_eq!(committed(&mut lab, &case, own).to_string(), case.expected, "{} led by {own}", case.line);
            asked += 1;
        }
        empty += usize::from(case.said.is_empty());
    }
    assert!(asked > 150 && empty == 1, "{asked} leaders, {empty} without voters");
}

/// How far a leader commits when its followers, and its own disk, have what the data says. All of it is counted together, since the first
/// commit under a joint configuration begins to end it.
fn committed(lab: &mut Lab, case: &Case<'_>, own: u64) -> u64 {
    let index = |said: &str| said.parse::<u64>().unwrap_or(0);
    let last = case.said.iter().map(|said| index(said.1)).max().unwrap_or(0);
    // The leader's first entry is there already.
    for _ in 1..last {
        lab.propose(own, "");
    }
    lab.count_later(own);
    for (id, said) in case.others(own).filter(|said| index(said.1) > 0) {
        hear(lab, id, own, Body::Appended { upto: Height(index(said)) });
    }
    let own_said = case.said.iter().find(|said| said.0 == own).map_or(0, |said| index(said.1));
    lab.settle(own, own_said as usize);
    lab.take_deeds();
    lab.count_now(own);
    let first = lab.take_deeds().into_iter().find_map(|(_, deed)| if let Deed::Committed(index) = deed { Some(index.0) } else { None });
    first.unwrap_or(0)
}

#[test]
fn candidates_are_elected_where_the_data_says_so_and_nowhere_else() {
    let (mut asked, mut gave_up) = (0, 0);
    for case in VOTES.iter().flat_map(|text| cases(text)) {
        for &(own, _) in case.said.iter().filter(|said| said.1 == "y") {
            let mut lab = case.lab().expect("it has voters");
            stand(&mut lab, &case, own);
            for (id, said) in case.others(own).filter(|said| said.1 != "_") {
                hear(&mut lab, id, own, Body::VoteReply { granted: said == "y" });
            }
            let role = lab.raft(own).role();
            assert_eq!(role == Role::Leader, case.expected == "VoteWon", "{} with {own} standing", case.line);
            assert!(role != Role::Follower || case.expected == "VoteLost", "{} given up by {own}", case.line);
            asked += 1;
            gave_up += usize::from(role == Role::Follower);
        }
    }
    assert!(asked > 60 && gave_up > 0, "{asked} candidates, of whom {gave_up} gave up");
}
