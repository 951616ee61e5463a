//! An entry of each kind, and votes given and kept.

use quorate_core::ids::{Epoch, MemberId, View};
use quorate_protocol::raft::{Configuration, Entry, HardState, Peer};
use quorate_storage::Mark;

use super::Seed;

pub(super) fn all() -> Vec<Seed> {
    let simple = Configuration::new(Epoch(1), [Peer::voter(1), Peer::voter(2).with_priority(9), Peer::witness(3), Peer::learner(4)]);
    let simple = simple.expect("a group");
    let joint = simple.towards([Peer::voter(2), Peer::witness(3), Peer::voter(4), Peer::voter(5)]).expect("another group");
    let command = Entry::command(Mark::default(), b"a command");
    let entry = |name, entry: &Entry| Seed { target: "raft_entry", name, bytes: entry.data.to_vec() };
    let hard = |name, vote| Seed { target: "raft_hard_state", name, bytes: HardState { term: View(7), vote }.encode().to_vec() };
    vec![
        entry("begin", &Entry::begin(Mark::default())),
        entry("command", &command),
        entry("withheld", &command.for_witness()),
        entry("simple_members", &Entry::configuration(Mark::default(), &simple)),
        entry("joint_members", &Entry::configuration(Mark::default(), &joint)),
        hard("vote_kept", None),
        hard("vote_given", Some(MemberId(3))),
    ]
}
