//! `quorate config`: what it writes it accepts, what it makes others can use, and what is wrong it finds.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Run, quorate};

/// A folder that is empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs the binary in a folder, with nothing in the environment but this.
fn run_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    let output = command.args(arguments).current_dir(folder).env_clear().env("HOME", folder.join("home")).envs(environment.to_vec());
    let output = output.output().expect("the binary was built for this test");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run { code: output.status.code().expect("no signal ended it"), out: text(output.stdout), err: text(output.stderr) }
}

/// A port with two free ones behind it.
fn ports() -> u16 {
    // Each test has its own; ports of earlier runs are free again.
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let offset = NEXT.fetch_add(100, std::sync::atomic::Ordering::Relaxed);
    20_000 + (std::process::id() % 10_000) as u16 + offset
}

/// The checks of a name, and how they ended.
fn statuses<'a>(report: &'a Value, name: &str) -> Vec<&'a str> {
    let checks = report["checks"].as_array().expect("a list").iter();
    checks.filter(|check| check["name"] == name).map(|check| check["status"].as_str().expect("a word")).collect()
}

fn found<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().expect("a list");
    checks.iter().find(|check| check["name"] == name).and_then(|check| check["found"].as_str()).unwrap_or("no such check")
}

/// A cluster of three on this machine, with its certificates.
fn cluster(name: &str, form: &str) -> PathBuf {
    let folder = folder(name);
    let port = ports().to_string();
    let run = run_in(&folder, &["config", "create", "--nodes", "3", "--name", "prod", "--format", form, "--port", &port], &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("quorate config certs --cluster prod --members 1,2,3 --out certs\n"), "{}", run.out);
    let run = run_in(&folder, &["config", "certs", "--cluster", "prod", "--members", "1,2,3", "--out", "certs"], &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    folder
}

#[test]
fn each_of_its_commands_explains_itself() {
    for command in ["show", "create", "check", "certs"] {
        let help = quorate(&["config", command, "--help"]);
        assert!(help.code == 0 && help.out.contains("Example") && help.out.contains("Exit codes:"), "{}", help.out);
    }
    assert_eq!(quorate(&["config", "chekc"]).code, 2);
}

#[test]
fn a_cluster_is_made_in_two_commands_and_nothing_is_wrong_with_it() {
    for form in ["toml", "yaml", "json"] {
        let folder = cluster(&format!("cluster-{form}"), form);
        for id in 1..=3 {
            let file = format!("node-{id}.{form}");
            let run = run_in(&folder, &["config", "check", "--config", &file, "--json"], &[]);
            let report = run.object();
            assert_eq!((run.code, &report["ok"]), (0, &true.into()), "{}", run.out);
            assert_eq!(found(&report, "members"), format!("node {id} is one of cluster prod of 3 that vote; 1 of them may fail"));
            assert!(found(&report, "tls").starts_with(&format!("quorate://prod/{id}, valid until ")), "{}", run.out);
            assert!(found(&report, "byzantine").contains("does not tolerate Byzantine nodes"));
            assert_eq!(statuses(&report, "listen"), ["fine"; 3]);
            assert!(found(&report, "data").ends_with(&format!("data/node-{id} will be made")), "{}", run.out);
        }
        // What holds without a line is what is written behind the #.
        let shown = run_in(&folder, &["config", "show", "--config", &format!("node-2.{form}")], &[]).out;
        let address = shown.lines().find_map(|line| line.strip_prefix("node.address = ")?.split_once("  #")).expect("it is shown").0.trim();
        let text = std::fs::read_to_string(folder.join(format!("node-2.{form}"))).expect("it was written");
        assert!(form == "json" || text.lines().any(|line| line.contains("# address") && line.ends_with(address)), "{address}: {text}");
        // The members are the same in all, and so are their addresses.
        let members = |id: u32| {
            let shown = run_in(&folder, &["config", "show", "--config", &format!("node-{id}.{form}"), "--json"], &[]).object();
            shown["settings"].as_array().expect("a list").iter().find(|set| set["key"] == "cluster.members").expect("members")["value"]
                .clone()
        };
        assert_eq!((members(1), members(1).as_array().map(Vec::len)), (members(3), Some(3)));
    }
}

#[test]
fn a_single_node_needs_nothing_else() {
    let folder = folder("single");
    for form in ["toml", "yaml", "json"] {
        let port = ports().to_string();
        let run = run_in(&folder, &["config", "create", "--format", form, "--port", &port, "--backend", "mlx", "--debug", "--json"], &[]);
        assert_eq!((run.code, &run.object()["files"][0]), (0, &format!("quorate.{form}").into()), "{}", run.err);
        let run = run_in(&folder, &["config", "check", "--config", &format!("quorate.{form}"), "--json"], &[]);
        assert_eq!(run.code, 0, "{}", run.out);
        assert!(run.out.contains("comes in a later version"), "mlx is said to come later: {}", run.out);
    }
    let before = std::fs::read(folder.join("quorate.toml")).expect("it was written");
    let again = run_in(&folder, &["config", "create"], &[]);
    assert!(again.code == 2 && again.reason().contains("quorate.toml is there already"), "{}", again.err);
    assert_eq!(std::fs::read(folder.join("quorate.toml")).expect("it was written"), before);
    assert_eq!(run_in(&folder, &["config", "create", "--force"], &[]).code, 0);
    assert_ne!(std::fs::read(folder.join("quorate.toml")).expect("it was written"), before);
    // What is found first is read, and the others are named.
    let run = run_in(&folder, &["config", "show"], &[]);
    assert!(
        run.out.starts_with("# quorate.toml\n") && run.out.contains("# note: quorate.yaml: it is there, too, and not read"),
        "{}",
        run.out
    );
    let printed = run_in(&folder, &["config", "create", "--out", "-", "--hosts", "a,b"], &[]);
    assert_eq!(printed.code, 2, "{}", printed.err);
    let printed = run_in(&folder, &["config", "create", "--out", "-", "--name", "solo"], &[]);
    assert!(printed.code == 0 && printed.out.contains("\nname = \"solo\"\n") && printed.out.contains("# election_timeout = \"150ms\""));
}

#[test]
fn an_option_that_makes_no_configuration_is_a_usage_error() {
    let folder = folder("usage");
    for (arguments, reason) in [
        (&["--backend", "cpi"][..], "did you mean \"cpu\"?"),
        (&["--algorithm", "paxos"], "comes in a later version; expected raft or gpu_optimized_raft"),
        (&["--name", "Prod"], "small letters"),
        (&["--nodes", "0"], "not in 1..=100"),
        (&["--hosts", "a b"], "a host is none"),
        (&["--nodes", "100", "--port", "65000"], "a host is none, or there are not so many ports"),
    ] {
        let run = run_in(&folder, &[&["config", "create"], arguments].concat(), &[]);
        assert!(run.code == 2 && run.reason().contains(reason), "{arguments:?}: {}", run.err);
    }
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0, "nothing was written");
}

#[test]
fn what_is_shown_says_where_it_comes_from_and_is_a_configuration() {
    let folder = folder("show");
    std::fs::write(folder.join("quorate.toml"), "[node]\nid = 1\n[storage]\ndurability = \"fsync\"\n").expect("a file");
    let environment = [("QUORATE_DURABILITY", "memory"), ("QUORATE_NODEID", "3")];
    let run = run_in(&folder, &["config", "show"], &environment);
    assert_eq!(run.code, 0, "{}", run.err);
    for line in
        ["node.id = 1 # quorate.toml:2:1", "storage.durability = \"memory\" # QUORATE_DURABILITY", "consensus.backend = \"cpu\" # default"]
    {
        let squeezed: Vec<String> = run.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(squeezed.iter().any(|found| found == line), "{line} is not in {}", run.out);
    }
    assert!(run.out.contains("# note: QUORATE_NODEID: it is no setting (did you mean QUORATE_NODE_ID?)"));
    std::fs::write(folder.join("again.toml"), &run.out).expect("a file");
    let shown = run_in(&folder, &["config", "show", "-c", "again.toml", "--json"], &[]).object();
    let durability =
        shown["settings"].as_array().expect("a list").iter().find(|set| set["key"] == "storage.durability").expect("it is shown");
    assert_eq!((&durability["value"], shown["settings"][0]["value"].as_str()), (&"memory".into(), Some("quorate")));
    assert!(durability["from"].as_str().is_some_and(|from| from.starts_with("again.toml:")), "{durability}");
}

#[test]
fn a_wrong_configuration_is_told_whole_and_a_missing_one_apart() {
    let folder = folder("wrong");
    std::fs::write(folder.join("quorate.yaml"), "node:\n  id: 0\n  bnid: 127.0.0.1:7000\n").expect("a file");
    for command in ["show", "check"] {
        let run = run_in(&folder, &["config", command], &[]);
        assert_eq!(run.code, 1, "{}{}", run.out, run.err);
        for problem in ["quorate.yaml:2:7: node.id is 0; expected", "quorate.yaml:3:3: node.bnid is no setting (did you mean \"bind\"?)"] {
            assert!(run.out.contains(problem), "{}", run.out);
        }
        let none = run_in(&folder, &["config", command, "--config", "none.toml"], &[]);
        assert!(none.code == 3 && none.err.contains("none.toml"), "{}", none.err);
    }
    let report = run_in(&folder, &["config", "check", "--json"], &[]).object();
    assert_eq!((&report["ok"], &report["checks"][0]["values"]["line"]), (&false.into(), &2.into()));
    let shown = run_in(&folder, &["config", "show", "--json"], &[]).object();
    assert_eq!((&shown["ok"], &shown["problems"][1]["column"]), (&false.into(), &3.into()));
}

#[test]
fn certificates_of_somebody_else_are_found() {
    let folder = cluster("swapped", "toml");
    let check = || {
        let run = run_in(&folder, &["config", "check", "--config", "node-1.toml", "--json"], &[]);
        assert_eq!(run.code, 1, "{}", run.out);
        run.object()
    };
    let certs = folder.join("certs");
    let copy = |from: &str, to: &str| std::fs::copy(certs.join(from), certs.join(to)).map(drop).expect("a copy");
    let keep = |name: &str| std::fs::read(certs.join(name)).expect("it was made");
    let (cert, key) = (keep("node-1.pem"), keep("node-1.key"));

    copy("node-2.key", "node-1.key");
    assert!(found(&check(), "tls").contains("it is not the key of"), "{}", check());
    copy("node-2.pem", "node-1.pem");
    assert!(found(&check(), "tls").contains("is the certificate of quorate://prod/2; expected quorate://prod/1"), "{}", check());
    for (name, bytes) in [("node-1.pem", &cert), ("node-1.key", &key)] {
        std::fs::write(certs.join(name), bytes).expect("it can be written");
    }

    // Another authority of the same name.
    let other = run_in(&folder, &["config", "certs", "--cluster", "prod", "--members", "1", "--out", "other"], &[]);
    assert_eq!(other.code, 0, "{}", other.err);
    let own = keep("ca.pem");
    std::fs::copy(folder.join("other/ca.pem"), certs.join("ca.pem")).expect("a copy");
    assert_eq!(statuses(&check(), "tls"), ["problem"]);
    std::fs::write(certs.join("ca.pem"), own).expect("it can be written");

    // The certificates of another cluster, and none at all.
    let text = std::fs::read_to_string(folder.join("node-1.toml")).expect("it was written");
    std::fs::write(folder.join("node-1.toml"), text.replace("name = \"prod\"", "name = \"test\"")).expect("it can be written");
    assert!(found(&check(), "tls").contains("expected quorate://test/1"), "{}", check());
    std::fs::write(folder.join("node-1.toml"), text).expect("it can be written");
    std::fs::remove_file(certs.join("node-1.key")).expect("it is there");
    assert_eq!((statuses(&check(), "tls"), statuses(&check(), "key")), (vec!["problem"], vec!["problem"]));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let folder = cluster("mode", "toml");
    let key = folder.join("certs/node-2.key");
    let mode = std::fs::metadata(&key).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("it is ours");
    let run = run_in(&folder, &["config", "check", "--config", "node-2.toml"], &[]);
    assert!(run.code == 1 && run.out.contains("others may read it: chmod 600 certs/node-2.key"), "{}", run.out);
}

#[test]
fn a_certificate_that_ends_soon_is_worth_a_word() {
    let folder = cluster("soon", "toml");
    let run =
        run_in(&folder, &["config", "certs", "--cluster", "prod", "--members", "1", "--days", "10", "--out", "certs", "--force"], &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    let report = run_in(&folder, &["config", "check", "--config", "node-1.toml", "--json"], &[]).object();
    assert_eq!((&report["ok"], statuses(&report, "tls")), (&true.into(), vec!["note"]));
}

#[test]
fn a_port_that_is_taken_and_a_directory_that_is_none_are_found() {
    let folder = cluster("places", "toml");
    let shown = run_in(&folder, &["config", "show", "--config", "node-1.toml", "--json"], &[]).object();
    let value = |key: &str| {
        let settings = shown["settings"].as_array().expect("a list").iter();
        settings.filter(|set| set["key"] == key).find_map(|set| set["value"].as_str()).expect("it is set").to_owned()
    };
    let _taken = std::net::TcpListener::bind(value("client.bind")).expect("the port is free");
    let check = |environment: &[(&str, &str)]| run_in(&folder, &["config", "check", "--config", "node-1.toml", "--json"], environment);
    let report = check(&[]).object();
    assert_eq!((&report["ok"], statuses(&report, "listen")), (&true.into(), vec!["fine", "note", "fine"]));
    let run = check(&[("QUORATE_DATA", "node-1.toml/data")]);
    assert_eq!((run.code, statuses(&run.object(), "data")), (1, vec!["problem"]), "{}", run.out);
    let run = check(&[("QUORATE_HTTP_BIND", "192.0.2.1:7002"), ("QUORATE_INSECURE", "1")]);
    assert_eq!((run.code, statuses(&run.object(), "listen")[2]), (1, "problem"), "{}", run.out);
}

#[test]
fn the_memory_of_another_member_is_found() {
    use quorate::core::ids::{Epoch, MemberId};
    use quorate::env::{Env, rng::Seeded};
    use quorate::protocol::raft::{Configuration, Peer};
    use quorate::storage::log::{Log, Owner, Settings};
    use quorate_node::config::{Sources, read};
    let folder = cluster("owner", "toml");
    let data = folder.join("data/node-1");
    std::fs::create_dir_all(&data).expect("a folder");
    let settings = Settings { segment_bytes: 16384, ..Settings::default() };
    let genesis = Configuration::new(Epoch(1), (1..=3).map(Peer::voter)).expect("a group of three");
    let sources = Sources { file: Some(folder.join("node-1.toml")), ..Sources::default() };
    let cluster = quorate_node::node::cluster_id(&read(&sources).expect("it was made").config.cluster, &genesis);
    let make = |owner: Owner| {
        let env = Env::real(&data).expect("the folder is there");
        drop(Log::open(env, "log", owner, settings, Box::new(Seeded::new(1))).expect("a new log"));
    };
    make(Owner { member: MemberId(1), ..Owner::default() });
    let run = run_in(&folder, &["config", "check", "--config", "node-1.toml", "--json"], &[]);
    assert!(run.code == 1 && found(&run.object(), "data").contains("is of another cluster"), "{}", run.out);
    std::fs::remove_dir_all(data.join("log")).expect("it is there");
    make(Owner { cluster, member: MemberId(2) });
    let run = run_in(&folder, &["config", "check", "--config", "node-1.toml", "--json"], &[]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(found(&run.object(), "data").ends_with("data/node-1 is member 2's; expected member 1's"), "{}", run.out);
    std::fs::rename(&data, folder.join("data/node-2")).expect("it can be moved");
    let run = run_in(&folder, &["config", "check", "--config", "node-2.toml", "--json"], &[]);
    assert!(run.code == 0 && found(&run.object(), "data").ends_with("data/node-2 is member 2's"), "{}", run.out);
}

#[test]
fn keys_are_replaced_only_when_that_is_asked_for_and_an_authority_never() {
    let folder = folder("certs");
    let certs = |more: &[&str]| run_in(&folder, &[&["config", "certs", "--cluster", "prod", "--out", "c", "--json"], more].concat(), &[]);
    let run = certs(&["--members", "1,2", "--hosts", "localhost,2=10.0.0.2", "--client", "ops"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let made = run.object();
    let identities: Vec<&str> = made["issued"].as_array().expect("a list").iter().filter_map(|one| one["identity"].as_str()).collect();
    assert_eq!(identities, ["quorate://prod/1", "quorate://prod/2", "quorate://prod/client/ops"]);
    assert_eq!(made["authority"]["made"], true);
    let read = |name: &str| std::fs::read(folder.join("c").join(name)).expect("it was made");
    let (authority, key) = (read("ca.key"), read("node-2.key"));

    let again = certs(&["--members", "2,3"]);
    assert!(again.code == 2 && again.reason().contains("c has node-2.pem, node-2.key already"), "{}", again.err);
    assert!(!folder.join("c/node-3.pem").exists(), "nothing was made");
    assert_eq!(read("node-2.key"), key);
    let more = certs(&["--members", "3"]);
    assert_eq!((more.code, &more.object()["authority"]["made"]), (0, &false.into()), "{}", more.err);
    assert_eq!(certs(&["--members", "2", "--force"]).code, 0);
    assert_ne!(read("node-2.key"), key);
    assert_eq!(read("ca.key"), authority);

    for (arguments, reason) in [
        (&["--members", "0"][..], "0 is not in 1.."),
        (&["--members", "5,5"], "node-5 is asked for twice"),
        (&["--members", "5", "--hosts", "6=a"], "no such member is to be made"),
        (&["--client", "a b"], "expected 1 to 63 letters"),
        (&[], "--members"),
    ] {
        let run = certs(arguments);
        assert!(run.code == 2 && run.reason().contains(reason), "{arguments:?}: {}", run.err);
    }
    let other = run_in(&folder, &["config", "certs", "--cluster", "test", "--members", "9", "--out", "c"], &[]);
    assert!(other.code == 2 && other.reason().contains("c has the authority of cluster prod; expected test"), "{}", other.err);
    std::fs::remove_file(folder.join("c/ca.key")).expect("it is there");
    let none = certs(&["--members", "9"]);
    assert!(none.code == 3 && none.reason().contains("the authority in c is of no use"), "{}", none.err);
    assert!(!folder.join("c/ca.key").exists(), "an authority is never made in the place of another");
}
