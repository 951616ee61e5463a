//! `quorate cluster`, against real nodes.

use std::time::{Duration, Instant};

use quorate::core::ids::MemberId;
use serde_json::{Value, json};

use crate::Run;
use crate::nodes::Nodes;

fn leader(nodes: &Nodes, partition: usize) -> u64 {
    nodes.run(&["cluster", "status", "--json"]).object()["partitions"][partition]["leader"].as_u64().expect("somebody leads")
}

/// Runs a command until it succeeds, for a while: a leader that was just elected need not be able to hand over yet.
fn insist(nodes: &Nodes, arguments: &[&str]) -> Run {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let run = nodes.run(arguments);
        if run.code == 0 || Instant::now() > deadline {
            return run;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn status_asks_every_member_and_says_who_is_missing() {
    let mut nodes = Nodes::start("cluster-status");
    // Something was written, so that both partitions have leaders.
    assert_eq!(nodes.run(&["kv", "put", "a", "1"]).code, 0);
    assert_eq!(insist(&nodes, &["cluster", "transfer", "--to", "1", "--partition", "0"]).code, 0);
    let run = nodes.run(&["cluster", "status", "--json"]);
    let status = run.object();
    assert_eq!((run.code, &status["ok"], &status["cluster"]), (0, &json!(true), &json!("commands")), "{status}");
    let members = status["members"].as_array().expect("members");
    assert_eq!(members.iter().map(|member| member["member"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert!(members.iter().all(|member| member["partitions"][1]["voters"] == json!([1, 2, 3])), "{status}");
    let text = nodes.run(&["cluster", "status"]).out;
    assert!(text.starts_with("cluster commands, 3 members\n") && text.contains("1 kv") && text.contains("leader"), "{text}");

    nodes.stop(MemberId(3));
    let run = nodes.run(&["cluster", "status"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("DOES NOT ANSWER") && run.out.contains("member 3 does not answer: "), "{}", run.out);
    let member: Value = nodes.run(&["cluster", "status", "--json"]).object()["members"][2].clone();
    assert_eq!((&member["answers"], &member["partitions"]), (&json!(false), &Value::Null));
}

#[test]
fn leadership_moves_to_whom_it_is_asked_to() {
    let nodes = Nodes::start("cluster-transfer");
    assert_eq!(nodes.run(&["kv", "put", "a", "1"]).code, 0);
    let to = leader(&nodes, 1) % 3 + 1;
    let run = insist(&nodes, &["cluster", "transfer", "--to", &to.to_string(), "--partition", "1"]);
    assert_eq!((run.code, run.out), (0, format!("partition 1: member {to} leads\n")), "{}", run.err);
    assert_eq!(leader(&nodes, 1), to);
    let run = insist(&nodes, &["cluster", "transfer", "--json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.object()["partitions"].as_array().expect("partitions").len(), 2);
    assert_eq!(nodes.run(&["cluster", "transfer", "--to", "9"]).code, 3);
}

#[test]
fn members_are_listed_and_removed_and_the_partitions_follow() {
    let nodes = Nodes::start("cluster-members");
    assert_eq!(nodes.run(&["kv", "put", "a", "1"]).code, 0);
    // The first leader of a new cluster writes down who its members are, and until then nobody knows of any.
    let deadline = Instant::now() + Duration::from_secs(20);
    let text = loop {
        let text = nodes.run(&["cluster", "members"]).out;
        if text.lines().count() == 4 {
            break text;
        }
        assert!(Instant::now() < deadline, "{text}");
    };
    assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("1       node-1  voter")), "{text}");
    let run = insist(&nodes, &["cluster", "members", "remove", "2", "--wait", "20s", "--json"]);
    assert_eq!((run.code, &run.object()["in_force"]), (0, &json!(true)), "{}", run.err);
    let members = nodes.run(&["cluster", "members", "list", "--json"]).object();
    assert_eq!(members["members"].as_array().expect("members").len(), 2);
    // Nobody is there, so it never comes so far that it may vote.
    let voter = ["--address", "127.0.0.1:1", "--client-address", "127.0.0.1:2", "--part", "voter"];
    let run = nodes.run(&[&["cluster", "members", "add", "4", "--wait", "300ms"][..], &voter].concat());
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("and not in force yet"), "{}", run.out);
}
