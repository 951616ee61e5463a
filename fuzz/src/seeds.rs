//! The saved corpus, as code: fixed inputs from which the fuzzer starts.
//!
//! Few and small. A good seed is one valid encoding of each shape, so that the fuzzer need not find magic numbers, lengths
//! and hashes by luck. `cargo xtask fuzz --seed` writes them; the tests check that what is saved is what is here.

mod config;
mod history;
mod kv;
mod net;
mod raft;
mod storage;
mod telemetry;

use quorate_core::block::{Block, Timestamp};
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter, Weight};
use quorate_core::merkle::{Frontier, Tree};
use quorate_core::quorum::Rule;
use quorate_core::sealed::Sealed;
use quorate_core::vote::{Engine, Kind, Vote};

use crate::cluster::Cluster;
pub(crate) use kv::commands as kv_commands;

/// One saved input.
pub struct Seed {
    /// The target that starts from it.
    pub target: &'static str,
    /// What it is, as a file name.
    pub name: &'static str,
    /// The input.
    pub bytes: Vec<u8>,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = vote_batches();
    seeds.extend(electorates());
    seeds.extend(contexts());
    seeds.extend(blocks());
    seeds.extend(proved());
    seeds.extend(trees());
    seeds.extend(storage::all());
    seeds.extend(config::all());
    seeds.extend(history::all());
    seeds.extend(kv::all());
    seeds.extend(telemetry::all());
    seeds.extend(raft::all());
    seeds.extend(net::all());
    seeds
}

fn vote_batches() -> Vec<Seed> {
    let batch = |name, votes: &[Vote]| Seed { target: "vote_batch", name, bytes: votes.iter().flat_map(|vote| vote.to_bytes()).collect() };
    let codes = Engine::ALL.into_iter().flat_map(|engine| (0..Kind::LIMIT).map(move |code| (engine as u8, code)));
    let kinds = codes.filter_map(|(engine, code)| Kind::from_codes(engine, code));
    let every_kind: Vec<Vote> = (0..).zip(kinds).map(|(row, kind)| Vote::new(kind, Voter(row), u32::from(row))).collect();
    vec![
        batch("empty", &[]),
        batch("one_vote_of_each_kind", &every_kind),
        batch("highest_values", &[Vote::from_raw(u8::MAX, u8::MAX, u16::MAX, u32::MAX)]),
        Seed { target: "vote_batch", name: "a_vote_and_a_half", bytes: vec![1; 12] },
    ]
}

fn electorates() -> Vec<Seed> {
    let plain = |ids: std::ops::Range<u64>| ids.map(|id| Member::new(id, id + 1));
    let signing = (0..4).map(|id| Member::new(id, 1).with_key(VoteKey([id as u8 + 1; 32])));
    let seed = |name, electorate: Result<Electorate, _>| {
        let electorate: Electorate = electorate.expect("a seed is an electorate");
        Seed { target: "electorate", name, bytes: electorate.encode() }
    };
    vec![
        seed("one_member", Electorate::new(Epoch(0), Rule::Majority, plain(7..8))),
        seed("four_that_sign", Electorate::new(Epoch(1), Rule::TwoThirds, signing)),
        seed("a_weight_to_reach", Electorate::new(Epoch(2), Rule::AtLeast(Weight(5)), plain(0..3))),
        seed("a_fraction", Electorate::new(Epoch(3), Rule::MoreThan { num: 3, den: 5 }, plain(0..5))),
        seed("joint", Electorate::joint(Epoch(4), Rule::Majority, plain(0..3), plain(2..6))),
    ]
}

fn contexts() -> Vec<Seed> {
    let context = |engine| Context {
        cluster: ClusterId(Digest([1; 32])),
        engine,
        partition: PartitionId(2),
        electorate: Digest([3; 32]),
        height: Height(4),
        view: View(5),
    };
    let seed = |name, engine| {
        let mut bytes = Vec::new();
        context(engine).encode(&mut bytes);
        Seed { target: "context", name, bytes }
    };
    vec![seed("raft", Engine::Raft), seed("pbft", Engine::Pbft), seed("snowman", Engine::Chain)]
}

fn blocks() -> Vec<Seed> {
    let block = |height, payload: &[u8]| {
        Block::new(Digest([1; 32]), Height(height), Timestamp(1_700_000_000_000_000_000), payload.to_vec()).expect("a small block")
    };
    let seed = |name, block: Block| Seed { target: "block", name, bytes: block.encode() };
    vec![seed("empty", block(0, b"")), seed("small", block(7, b"what was decided"))]
}

/// What is signed: certificates, an anchor with one change, a receipt, evidence; and each again as a proof file.
fn proved() -> Vec<Seed> {
    let cluster = Cluster::new();
    let named: [(&str, &str, Sealed); 6] = [
        ("certificate", "of_three_out_of_four", cluster.certificate([0, 1, 3]).into()),
        ("certificate", "of_all", cluster.certificate([0, 1, 2, 3]).into()),
        ("anchor", "one_change", cluster.anchor().into()),
        ("receipt", "third_of_five", cluster.receipt().into()),
        ("evidence", "two_candidates", cluster.equivocation().into()),
        ("block", "sealed", Block::new(Digest([1; 32]), Height(1), Timestamp(0), vec![9; 9]).expect("a small block").into()),
    ];
    let mut seeds = Vec::new();
    for (target, name, sealed) in named {
        let bytes = sealed.encode();
        seeds.push(Seed { target, name, bytes: bytes[Sealed::HEAD_BYTES..].to_vec() });
        seeds.push(Seed { target: "sealed", name: if name == "of_all" { "certificate" } else { name }, bytes });
    }
    seeds
}

fn trees() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (hash, names) in [(TreeHash::Blake3, ["blake3", "blake3_all"]), (TreeHash::Sha256, ["sha256", "sha256_all"])] {
        let tree = Tree::of_data(hash, (0..13_u8).map(|leaf| [leaf]));
        let mut frontier = Frontier::new(hash);
        (0..13_u8).for_each(|leaf| frontier.push(hash.leaf(&[leaf])));
        let mut add = |target, name, bytes| seeds.push(Seed { target, name, bytes });
        add("inclusion", names[0], tree.inclusion(12).expect("leaf 12 of 13").encode());
        add("consistency", names[0], tree.consistency(6).expect("6 of 13 leaves").encode());
        add("multiproof", names[0], tree.multiproof(&[0, 5, 12]).expect("three of 13 leaves").encode());
        add("multiproof", names[1], tree.multiproof(&(0..13).collect::<Vec<_>>()).expect("all 13 leaves").encode());
        add("frontier", names[0], frontier.encode());
    }
    seeds
}
