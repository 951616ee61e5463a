//! `quorate kv`, against real nodes.

use serde_json::json;

use crate::nodes::Nodes;
use crate::quorate;

#[test]
fn keys_are_written_read_watched_and_deleted() {
    let nodes = Nodes::start("kv");
    let run = nodes.run(&["kv", "put", "greeting", "hello"]);
    assert_eq!((run.code, run.out.starts_with("written at revision ")), (0, true), "{}{}", run.out, run.err);
    let run = nodes.run(&["kv", "get", "greeting"]);
    assert_eq!((run.code, run.out.as_str()), (0, "hello\n"));
    let found = nodes.run(&["kv", "get", "greeting", "--json"]).object();
    let first = found["kvs"][0]["mod_revision"].as_u64().expect("a revision");
    assert_eq!(found["kvs"][0]["value"], "hello");
    assert_eq!(found["kvs"][0]["version"], 1);

    assert_eq!(nodes.run_with(&["kv", "put", "greeting", "-"], b"good\nbye").code, 0);
    assert_eq!(nodes.run(&["kv", "get", "greeting"]).out, "good\nbye\n");
    assert_eq!(nodes.run(&["kv", "get", "greeting", "--revision", &first.to_string()]).out, "hello\n");
    assert_eq!(nodes.run_with(&["kv", "put", "bytes", "-"], &[0, 255]).code, 0);
    assert_eq!(nodes.run(&["kv", "get", "bytes"]).out, "0x00ff\n");
    assert_eq!(nodes.run(&["kv", "get", "bytes", "--json"]).object()["kvs"][0]["value_hex"], "00ff");

    for key in ["users/a", "users/b", "users/c"] {
        assert_eq!(nodes.run(&["kv", "put", key, "x"]).code, 0);
    }
    assert_eq!(nodes.run(&["kv", "get", "users/", "--prefix", "--limit", "2"]).out, "users/a\tx\nusers/b\tx\n");
    assert_eq!(nodes.run(&["kv", "get", "users/", "--prefix", "--keys-only"]).out, "users/a\nusers/b\nusers/c\n");

    let run = nodes.run(&["kv", "del", "users/", "--prefix", "--json"]);
    assert_eq!((run.code, &run.object()["deleted"]), (0, &json!(3)));
    let run = nodes.run(&["kv", "del", "users/a"]);
    assert_eq!((run.code, run.out.as_str()), (1, "there is no such key\n"));

    let run = nodes.run(&["kv", "watch", "users/", "--prefix", "--revision", "1", "--limit", "6"]);
    let lines: Vec<Vec<&str>> = run.out.lines().map(|line| line.split('\t').collect()).collect();
    let kinds: Vec<(&str, &str)> = lines.iter().map(|line| (line[0], line[2])).collect();
    let expected = [("put", "users/a"), ("put", "users/b"), ("put", "users/c"), ("del", "users/a"), ("del", "users/b"), ("del", "users/c")];
    assert_eq!((run.code, kinds), (0, expected.to_vec()), "{}", run.err);
    let events = nodes.run(&["kv", "watch", "greeting", "--revision", "1", "--limit", "2", "--json"]).json();
    assert_eq!(events[0]["kv"]["value"], "hello");
    assert_eq!(events[1]["type"], "put");
}

#[test]
fn a_condition_that_does_not_hold_is_exit_code_1_and_nothing_is_written() {
    let nodes = Nodes::start("kv-conditions");
    assert_eq!(nodes.run(&["kv", "get", "lock"]).code, 1);
    assert_eq!(nodes.run(&["kv", "put", "lock", "me", "--if-absent"]).code, 0);
    let run = nodes.run(&["kv", "put", "lock", "you", "--if-absent"]);
    assert_eq!((run.code, run.out.as_str()), (1, "not written: the key has version 1, and its value is me\n"));
    let refused = nodes.run(&["kv", "put", "lock", "you", "--if-version", "7", "--json"]);
    assert_eq!((refused.code, &refused.object()["ok"]), (1, &json!(false)));
    assert_eq!(refused.object()["found"]["value"], "me");
    assert_eq!(nodes.run(&["kv", "put", "lock", "you", "--if-version", "1"]).code, 0);
    assert_eq!(nodes.run(&["kv", "get", "lock"]).out, "you\n");
    let run = nodes.run(&["kv", "del", "lock", "--if-version", "1"]);
    assert_eq!((run.code, run.out.as_str()), (1, "not deleted: the key has another version\n"));
    assert_eq!(nodes.run(&["kv", "del", "lock", "--if-version", "2"]).code, 0);
    let run = nodes.run(&["kv", "put", "leased", "x", "--lease", "7"]);
    assert_eq!(run.code, 3);
    assert!(run.reason().contains("it was not done") && run.reason().contains("there is no lease 7"), "{}", run.err);
}

#[test]
fn who_cannot_be_reached_is_exit_code_3_and_what_makes_no_sense_2() {
    let plain = ["--insecure", "--cluster", "nobody", "--timeout", "300ms"];
    let run = quorate(&[&["kv", "get", "a", "--endpoints", "127.0.0.1:1"][..], &plain].concat());
    assert_eq!(run.code, 3);
    assert!(run.reason().contains("no member of a cluster answers at 127.0.0.1:1"), "{}", run.err);

    let run = quorate(&["kv", "get", "a"]);
    assert_eq!(run.code, 2);
    assert!(run.reason().contains("where members serve clients is not given") && run.reason().contains("--profile"), "{}", run.err);
    let run = quorate(&["kv", "get", "a", "--endpoints", "127.0.0.1:1", "--ca", "ca.pem"]);
    assert_eq!(run.code, 2);
    assert!(run.reason().contains("cert is not given"), "{}", run.err);

    let profile = std::env::temp_dir().join(format!("quorate-profile-{}.toml", std::process::id()));
    std::fs::write(&profile, "cluster = \"demo\"\nendpoint = [\"127.0.0.1:1\"]\n").expect("the profile is written");
    let run = quorate(&["kv", "get", "a", "--profile", &profile.display().to_string()]);
    assert_eq!(run.code, 2);
    assert!(run.reason().contains(".toml:2: unknown field `endpoint`, expected one of `cluster`, `endpoints`"), "{}", run.err);
    std::fs::remove_file(&profile).expect("it was there");
}
