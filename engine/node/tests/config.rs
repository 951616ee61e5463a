//! Configurations as people write them: the three forms, the files of earlier engines, the environment, and every message, word for word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_node::config::{Algorithm, Config, Durability, Format, KEYS, Loaded, Origin, Security, Sources, Syntax, Text, read, read_text};
use quorate_protocol::raft::Part;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/config").join(name)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
    Sources { environment, ..Sources::default() }
}

/// What is made of a text, or the messages.
fn load(file: &str, text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let syntax = Syntax::of(file.rsplit('.').next().unwrap()).unwrap();
    let text = Text { syntax, file: Path::new(file), text };
    read_text(Some(text), &environment(variables)).map_err(|error| error.to_string().lines().map(String::from).collect())
}

fn toml(text: &str) -> Config {
    load("quorate.toml", text, &[]).unwrap().config
}

/// The messages about a text that is wrong.
fn refusals(file: &str, text: &str) -> Vec<String> {
    load(file, text, &[]).expect_err("it is wrong")
}

/// The messages about what an earlier engine's file says, less its path.
fn seed(name: &str, variables: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let path = fixture("seeds").join(name);
    load(name, &std::fs::read_to_string(path).unwrap(), variables)
}

fn notes(loaded: &Loaded) -> Vec<String> {
    loaded.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn the_three_forms_say_the_same() {
    let [toml, yaml, json] = ["node.toml", "node.yaml", "node.json"].map(|name| {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        load(&format!("/etc/quorate/{name}"), &text, &[]).unwrap()
    });
    assert_eq!(toml.config, yaml.config);
    assert_eq!(toml.config, json.config);
    let config = toml.config;
    let addresses: Vec<&str> = config.cluster.members.iter().flat_map(|seat| [seat.address.as_str(), seat.client.as_str()]).collect();
    let expected = ["10.0.0.1:7000", "10.0.0.1:7001", "10.0.0.2:7000", "10.0.0.2:9001", "[fd00::3]:7000", "[fd00::3]:7001"];
    assert_eq!(addresses, expected);
    assert_eq!((config.cluster.members[2].name.as_str(), config.cluster.members[2].part), ("reader", Part::Learner));
    assert_eq!((config.node.0, config.bind.as_str(), config.address.as_str()), (2, "10.0.0.2:7000", "10.0.0.2:7000"));
    assert_eq!(config.client.map(|client| client.bind).as_deref(), Some("10.0.0.2:9001"));
    assert_eq!((config.http, config.log.format), (None, Format::Json));
    assert_eq!((config.raft.election, config.raft.heartbeat), (Duration::from_secs(2), Duration::from_millis(250)));
    assert_eq!((config.raft.command_bytes, config.network.send_buffer), (2 << 20, Some(1 << 20)));
    assert_eq!(config.durability, Durability::Interval(Duration::from_millis(20)));
    let Security::Tls { key, .. } = config.security else { panic!("it has certificates") };
    assert_eq!(key, Path::new("/etc/quorate/certs/node-2.key"));
}

#[test]
fn nothing_at_all_is_a_cluster_of_one_on_this_machine() {
    let loaded = read_text(None, &Sources::default()).unwrap();
    let config = &loaded.config;
    assert_eq!((config.cluster.members.len(), config.node.0), (1, 1));
    assert_eq!((config.bind.as_str(), config.http.as_deref()), ("127.0.0.1:7000", Some("127.0.0.1:7002")));
    assert_eq!(config.client.as_ref().map(|client| client.address.as_str()), Some("127.0.0.1:7001"));
    assert_eq!((config.durability, config.algorithm, config.backend.as_str()), (Durability::Fsync, Algorithm::Raft, "cpu"));
    assert!(loaded.notes.is_empty() && loaded.settings.iter().all(|set| set.origin == Origin::Default));
    assert_eq!(config.raft.election, Duration::from_millis(150));
}

#[test]
fn every_key_has_a_value_to_show_or_is_shown_as_another() {
    let text = std::fs::read_to_string(fixture("node.toml")).unwrap().replace("send_buffer", "receive_buffer = 65536\nsend_buffer");
    let shown: Vec<&str> = load("node.toml", &text, &[]).unwrap().settings.iter().map(|set| set.path).collect();
    let hidden: Vec<&str> = KEYS.iter().map(|key| key.path).filter(|path| !shown.contains(path)).collect();
    // The members are shown for the peers, the timeouts for their preset; the smallest size is a question, and answered.
    assert_eq!(hidden, ["cluster.peers", "cluster.min_size", "consensus.timing"]);
}

#[test]
fn a_hint_is_never_later_than_the_order_of_priority() {
    let config = toml("[consensus]\nelection_stagger = \"5ms\"\n");
    assert_eq!((config.raft.stagger, config.raft.reset_hint), (Duration::from_millis(5), Some(Duration::from_millis(5))));
    assert_eq!(
        refusals("q.toml", "[consensus]\nreset_hint = \"60ms\"\n"),
        ["q.toml:2:1: consensus.reset_hint is 60ms; expected more than nothing, and at most the stagger, 50ms"]
    );
}

#[test]
fn what_is_shown_can_be_read_and_is_the_same() {
    let text = std::fs::read_to_string(fixture("node.toml")).unwrap();
    let odd = "node = { id = 1, data = \"a \\\"b\\\" \\u0007\\u007f\\\\ \u{e4}\" }\nlimits.request_bytes = 9999999\n";
    for text in [text.as_str(), odd, ""] {
        let loaded = load("quorate.toml", text, &[]).unwrap();
        let shown: String = loaded.settings.iter().map(|set| format!("{} = {}\n", set.path, set.value)).collect();
        assert_eq!(toml(&shown), loaded.config, "{shown}");
    }
}

#[test]
fn the_raft_file_of_an_earlier_engine_needs_a_word_about_plain_text_and_nothing_else() {
    let name = "gpu_optimized_raft.toml";
    let plain = "which others can reach, and it would be plain text; expected TLS (security.ca, security.cert and security.key; \
                 `quorate config certs` makes them), or `security.insecure = true`";
    // The client's address follows from the other and stands nowhere.
    let expected = [format!("{name}: client.bind is 0.0.0.0:7001, {plain}"), format!("{name}:7:1: node.bind is 0.0.0.0:7000, {plain}")];
    assert_eq!(seed(name, &[]).unwrap_err(), expected);
    let loaded = seed(name, &[("QUORATE_INSECURE", "true")]).unwrap();
    let config = &loaded.config;
    let members: Vec<String> = config.cluster.members.iter().map(|seat| format!("{} {} {}", seat.id, seat.name, seat.address)).collect();
    assert_eq!(members, ["1 node-001 node-001:7000", "2 node-002 node-002:7000", "3 node-003 node-003:7000"]);
    assert_eq!((config.node.0, config.bind.as_str(), config.address.as_str()), (1, "0.0.0.0:7000", "node-001:7000"));
    assert_eq!((config.algorithm, config.snapshot.interval), (Algorithm::GpuOptimizedRaft, 1000));
    assert_eq!((config.raft.election, config.raft.heartbeat), (Duration::from_millis(150), Duration::from_millis(50)));
    assert_eq!(
        (config.limits.request_timeout, config.data.as_path()),
        (Duration::from_secs(1), Path::new("/var/lib/stratoswarm/consensus"))
    );
    let gpu = "has no effect in this version: votes are counted on the CPU, with the same result";
    let byzantine = "has no effect in this version: Raft does not tolerate members that lie, and a node cannot be told to";
    assert_eq!(
        notes(&loaded),
        [
            format!("{name}:19:1: consensus.gpu_enabled {gpu}"),
            format!("{name}:20:1: consensus.gpu_device_id {gpu}"),
            format!("{name}:21:1: consensus.gpu_memory_pool_mb {gpu}"),
            format!("{name}:28:1: consensus.byzantine_fault_tolerance {byzantine}"),
            format!("{name}:29:1: consensus.byzantine_threshold {byzantine}"),
        ]
    );
}

#[test]
fn the_backends_of_an_earlier_engine_are_the_cpu() {
    let backend = "has no effect in this version: it is for a backend of an earlier engine";
    let go = seed("go.json", &[]).unwrap();
    assert_eq!(go.config.backend, "cpu");
    assert_eq!(notes(&go), [format!("go.json:3:3: go_config {backend}"), format!("go.json:7:3: performance {backend}")]);
    let mlx = seed("mlx.json", &[]).unwrap();
    assert_eq!(mlx.config.backend, "cpu");
    let later =
        "consensus.backend is \"mlx\", and backend \"wgpu\" comes in a later version; votes are counted on the CPU, with the same result";
    assert_eq!(notes(&mlx), [format!("mlx.json:3:3: mlx_config {backend}"), format!("mlx.json:2:3: {later}")]);
    let hybrid = seed("hybrid.json", &[]).unwrap();
    let why = "has no effect in this version: votes are counted by the one backend that `backend` names";
    assert_eq!((hybrid.config.backend.as_str(), notes(&hybrid)), ("cpu", vec![format!("hybrid.json:3:3: hybrid_mode {why}")]));
    for backend in ["go", "c", "cpp", "hybrid", "best", "cpu"] {
        assert_eq!(toml(&format!("backend = {backend:?}")).backend, "cpu");
    }
}

#[test]
fn algorithms_that_come_later_are_refused_and_the_rest_of_their_files_is_understood() {
    let later = ", which comes in a later version; expected raft or gpu_optimized_raft";
    let paxos = format!("paxos.yaml:12:11: consensus.protocol.type is \"paxos\"{later}");
    assert_eq!(seed("paxos.yaml", &[]).unwrap_err(), [paxos]);
    let found = seed("snowball.yaml", &[("QUORATE_INSECURE", "1")]).unwrap_err();
    let nameless = "snowball.yaml: node.address is missing; expected the address that the other members have in their lists for this node";
    assert_eq!(found, [nameless.to_owned(), format!("snowball.yaml:3:11: consensus.engine is \"snowball\"{later}")]);

    let text = std::fs::read_to_string(fixture("seeds/paxos.yaml")).unwrap().replace("paxos", "raft");
    let loaded = load("paxos.yaml", &text, &[]).unwrap();
    let config = &loaded.config;
    let members: Vec<&str> = config.cluster.members.iter().map(|seat| seat.address.as_str()).collect();
    assert_eq!(members, ["node-1.cluster.local:7000", "node-2.cluster.local:7000", "node-3.cluster.local:7000"]);
    assert_eq!((config.node.0, config.limits.request_timeout), (1, Duration::from_secs(5)));
    let tls = ["/certs/ca.crt", "/certs/node.crt", "/certs/node.key"].map(PathBuf::from);
    let [ca, cert, key] = tls;
    assert_eq!(config.security, Security::Tls { ca, cert, key });
    assert_eq!(notes(&loaded).len(), 2);

    let text = std::fs::read_to_string(fixture("seeds/snowball.yaml")).unwrap().replace("snowball", "raft");
    let variables = [("QUORATE_INSECURE", "1"), ("QUORATE_ADDRESS", "peer0:5555")];
    let config = load("snowball.yaml", &text, &variables).unwrap().config;
    assert_eq!((config.bind.as_str(), config.http.as_deref(), config.log.level.as_str()), ("0.0.0.0:5555", Some("127.0.0.1:8000"), "info"));
    assert_eq!(config.cluster.members.len(), 3);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line_and_column() {
    let text = "\
[cluster]
name = \"Prod\"
peers = [\"10.0.0.2:7000\", \"10.0.0.3\"]

[node]
id = 0
bnid = \"10.0.0.1:7000\"

[consensus]
algorithm = \"rafd\"
backend = \"cpi\"
electoin_timeout_ms = 150
heartbeat_interval = 50
node_id = 1

[storage]
durability = \"fsnyc\"
snapshot_interval = \"often\"

[securty]
tls = true
";
    assert_eq!(
        refusals("quorate.toml", text),
        [
            "quorate.toml:2:1: cluster.name: a cluster's name is \"Prod\"; expected 1 to 63 small letters, digits or hyphens",
            "quorate.toml:3:27: cluster.peers, member 2 of the list, is \"10.0.0.3\"; expected HOST:PORT or ID=HOST:PORT",
            "quorate.toml:6:6: node.id is 0; expected a member's number from 1, or its name",
            "quorate.toml:7:1: node.bnid is no setting (did you mean \"bind\"?)",
            "quorate.toml:10:13: consensus.algorithm is \"rafd\" (did you mean \"raft\"?); expected raft or gpu_optimized_raft",
            "quorate.toml:11:1: consensus.backend: no backend is called \"cpi\" (did you mean \"cpu\"?); there are cpu and reference",
            "quorate.toml:12:1: consensus.electoin_timeout_ms is no setting (did you mean \"election_timeout_ms\"?)",
            "quorate.toml:13:22: consensus.heartbeat_interval is 50; expected a duration such as \"150ms\" or \"5s\"",
            "quorate.toml:17:14: storage.durability is \"fsnyc\" (did you mean \"fsync\"?); expected fsync, interval or memory",
            "quorate.toml:18:21: storage.snapshot_interval is \"often\"; expected a whole number from 1",
            "quorate.toml:20:2: securty is no section (did you mean \"security\"?)",
        ]
    );
}

#[test]
fn what_does_not_fit_together_is_told_where_it_stands() {
    let text = "\
node:
  id: 4
  bind: 127.0.0.1:7000
client:
  bind: 127.0.0.1:7000
cluster:
  min_size: 5
  members:
    - 1=127.0.0.1:7000
    - 2=127.0.0.1:7010
    - id: 3
      address: 127.0.0.1:7010
      client: 127.0.0.1:7001
consensus:
  heartbeat_interval_ms: 100
limits:
  request_bytes: 1000
http: { bind: 0.0.0.0:7002 }
";
    assert_eq!(
        refusals("quorate.yaml", text),
        [
            "quorate.yaml:2:3: node.id is 4, and the members are 1, 2, 3; expected one of them, or `cluster.join = true` if the cluster \
             will add this node later",
            "quorate.yaml:5:3: client.bind is 127.0.0.1:7000, where node.bind listens already; expected another port",
            "quorate.yaml:7:3: cluster.min_size is 5, and 3 of the members vote; expected at least 5 of them",
            "quorate.yaml:8:3: 127.0.0.1:7010 is the address of member 2 and the address of member 3; expected one address for each (see \
             `client` of a member)",
            "quorate.yaml:8:3: 127.0.0.1:7001 is the client address of member 1 and the client address of member 3; expected one address \
             for each (see `client` of a member)",
            "quorate.yaml:15:3: consensus.election_timeout is 150ms; expected at least two heartbeats, 200ms",
            "quorate.yaml:17:3: limits.request_bytes is 1000; expected more than one command may have, 1048576",
            "quorate.yaml:18:9: http.bind is 0.0.0.0:7002, which others can reach, and it would be plain text; expected an address of this \
             machine alone, such as 127.0.0.1:7002, or `security.insecure = true`",
        ]
    );
}

#[test]
fn members_of_a_list_are_checked_one_by_one() {
    let text = "\
peers:
  - 10.0.0.2:7000
  - { adress: 10.0.0.3:7000 }
  - { id: 0, address: 10.0.0.4:7000, weight: 2, part: boss, priority: 300 }
  - 17
";
    assert_eq!(
        refusals("quorate.yaml", text),
        [
            "quorate.yaml:3:5: peers: a member without an address; expected address = \"HOST:PORT\"",
            "quorate.yaml:3:7: peers: \"adress\" is nothing that a member has (did you mean \"address\"?); expected id, name, address, \
             client, part, priority, weight",
            "quorate.yaml:4:11: peers: id is 0; expected a whole number from 1",
            "quorate.yaml:4:46: peers: weight is 2; expected 1: Raft counts every member alike",
            "quorate.yaml:4:55: peers: part is \"boss\"; expected voter, learner or witness",
            "quorate.yaml:4:71: peers: priority is 300; expected a whole number from 0 to 255",
            "quorate.yaml:5:5: peers, member 4 of the list, is 17; expected HOST:PORT or a table",
        ]
    );
}

#[test]
fn a_witness_is_refused_as_long_as_nodes_cannot_be_one() {
    let text = "node_id = 1\nmembers = [\"1=127.0.0.1:7000\", { id = 2, address = \"127.0.0.1:7010\", part = \"witness\" }]\n";
    let expected = "q.toml:2:1: member 2 is a witness, which comes in a later version; expected a voter or a learner";
    assert_eq!(refusals("q.toml", text), [expected]);
}

#[test]
fn a_key_that_has_two_names_is_set_once() {
    assert_eq!(
        refusals("quorate.toml", "state_dir = \"a\"\n[node]\ndata = \"b\"\n"),
        ["quorate.toml:3:1: node.data is set twice: it means the same as state_dir, which is at quorate.toml:1:1"]
    );
}

#[test]
fn security_is_all_or_nothing_and_plain_text_stays_at_home() {
    let certificates = "[security]\nca = \"ca.crt\"\ncert = \"n.crt\"\n";
    assert_eq!(
        refusals("q.toml", certificates),
        ["q.toml:2:1: TLS needs security.ca, security.cert, security.key, and security.key is missing"]
    );
    let off = load("q.toml", &format!("{certificates}tls = false\n"), &[]).unwrap();
    assert_eq!((off.config.security.clone(), notes(&off).len()), (Security::Plain, 1));
    let both = format!("{certificates}key = \"n.key\"\n[node]\nbind = \"0.0.0.0:7000\"\naddress = \"a.example:7000\"\n");
    let config = toml(&both);
    assert_eq!((config.bind.as_str(), config.cluster.members[0].address.as_str()), ("0.0.0.0:7000", "a.example:7000"));
    let insecure = toml("insecure = true\n[node]\nbind = \"192.0.2.1:7000\"\n");
    assert_eq!((insecure.security, insecure.insecure), (Security::Plain, true));
}

#[test]
fn who_comes_later_says_so() {
    let members = "members = [\"1=127.0.0.1:7000\", \"2=127.0.0.1:7010\"]\njoin = true\n";
    let config = toml(&format!("{members}node_id = 3\nbind = \"127.0.0.1:7020\"\n"));
    assert_eq!((config.node.0, config.cluster.join, config.seat()), (3, true, None));
    assert_eq!(
        (config.address.as_str(), config.client.map(|client| client.address).as_deref()),
        ("127.0.0.1:7020", Some("127.0.0.1:7021"))
    );
    assert_eq!(
        refusals("q.toml", &format!("{members}node_id = 2\n")),
        ["q.toml:3:1: cluster.join is true, and node.id 2 is among the members at the cluster's birth; expected the id of a new \
          member, or no join"]
    );
}

#[test]
fn the_environment_overrides_the_file_and_is_checked_like_it() {
    let file = "[node]\nid = 1\nbind = \"127.0.0.1:7000\"\n[storage]\ndurability = \"nonsense\"\n";
    let variables = [
        ("QUORATE_BIND_ADDRESS", "127.0.0.1:9000"),
        ("CONSENSUS_BIND_ADDRESS", "127.0.0.1:9999"),
        ("QUORATE_DURABILITY", "memory"),
        ("LUX_CONSENSUS_BACKEND", "go"),
        ("CONSENSUS_PEERS", "1=127.0.0.1:9010, 3=127.0.0.1:9020"),
        ("CONSENSUS_NODE_ID", "2"),
        ("QUORATE_SNAPSHOT_INTERVAL", "500"),
        ("QUORATE_COMPRESSION", "1"),
        ("QUORATE_NODEID", "7"),
        ("QUORATE_LOG", ""),
    ];
    // The file is wrong in a place that the environment makes good: a mistake is a mistake.
    assert_eq!(load("q.toml", file, &variables).unwrap_err().len(), 1);
    let loaded = load("q.toml", &file.replace("nonsense", "fsync"), &variables).unwrap();
    let config = &loaded.config;
    assert_eq!((config.bind.as_str(), config.node.0, config.durability), ("127.0.0.1:9000", 2, Durability::Memory));
    assert_eq!((config.cluster.members.len(), config.snapshot.interval, config.network.compression), (3, 500, true));
    assert_eq!(notes(&loaded), ["QUORATE_NODEID: it is no setting (did you mean QUORATE_NODE_ID?)"]);
    let origin = |path: &str| loaded.settings.iter().find(|set| set.path == path).map(|set| set.origin.to_string()).unwrap();
    assert_eq!((origin("node.bind").as_str(), origin("cluster.members").as_str()), ("QUORATE_BIND_ADDRESS", "CONSENSUS_PEERS"));
    assert_eq!((origin("log.level").as_str(), origin("node.address").as_str()), ("default", "default"));
    let wrong = load("q.toml", "", &[("QUORATE_DURABILITY", "fsnyc"), ("QUORATE_INSECURE", "yes"), ("QUORATE_NODE_ID", "0")]).unwrap_err();
    assert_eq!(
        wrong,
        [
            "QUORATE_NODE_ID: node.id is 0; expected a member's number from 1, or its name",
            "QUORATE_DURABILITY: storage.durability is \"fsnyc\" (did you mean \"fsync\"?); expected fsync, interval or memory",
            "QUORATE_INSECURE: security.insecure is \"yes\"; expected true or false",
        ]
    );
}

#[test]
fn files_are_looked_for_in_order() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("config-lookup-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let [here, home, system] = ["here", "home", "etc"].map(|name| root.join(name));
    for folder in [here.clone(), home.join(".quorate"), home.join(".lux"), system.join("quorate"), system.join("lux")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let write = |path: PathBuf, interval: u32| {
        std::fs::write(&path, format!("{{\"snapshot_interval\": {interval}}}")).unwrap();
        path
    };
    let mut sources = Sources { directory: here.clone(), home: Some(home.clone()), system: system.clone(), ..Sources::default() };
    let found = |sources: &Sources| read(sources).unwrap().config.snapshot.interval;
    assert_eq!(read(&sources).unwrap().file, None);
    // The later a place is written here, the sooner it is looked at.
    for (interval, path) in [
        (1, system.join("lux/consensus.json")),
        (2, home.join(".lux/consensus.json")),
        (3, system.join("quorate/quorate.json")),
        (4, home.join(".quorate/consensus.json")),
        (5, here.join("consensus.json")),
        (6, here.join("quorate.json")),
    ] {
        write(path, interval);
        assert_eq!(found(&sources), u64::from(interval));
    }
    let loaded = read(&sources).unwrap();
    assert!(notes(&loaded)[0].contains("consensus.json: it is there, too, and not read"), "{:?}", loaded.notes);
    for (interval, variable) in [(7, "LUX_CONSENSUS_CONFIG"), (8, "QUORATE_CONFIG")] {
        let path = write(root.join(format!("{variable}.json")), interval);
        sources.environment.insert(variable.into(), path.display().to_string());
        assert_eq!(found(&sources), u64::from(interval));
    }
    sources.file = Some(write(root.join("flag.json"), 9));
    assert_eq!(found(&sources), 9);
    // Paths begin where the file is.
    assert_eq!(read(&sources).unwrap().config.data, Path::new("quorate-data"));
    std::fs::write(root.join("flag.json"), "{\"node\": {\"data\": \"d\"}}").unwrap();
    assert_eq!(read(&sources).unwrap().config.data, root.join("d"));

    let refused = |path: PathBuf| read(&Sources { file: Some(path), ..Sources::default() }).unwrap_err().to_string();
    assert!(refused(root.join("none.toml")).contains("none.toml: it cannot be read: "));
    assert!(refused(root.join("none.ini")).ends_with("none.ini: its name ends otherwise; expected .toml, .yaml, .yml or .json"));
    std::fs::write(root.join("binary.toml"), [0xff, 0xfe, 0]).unwrap();
    assert!(refused(root.join("binary.toml")).contains("it cannot be read: stream did not contain valid UTF-8"));
    std::fs::remove_dir_all(&root).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_refused_in_every_form() {
    assert_eq!(
        refusals("q.toml", "[node]\nid = \n[storage\n"),
        ["q.toml:2:6: string values must be quoted, expected literal string", "q.toml:3:9: unclosed table, expected `]`"]
    );
    assert_eq!(
        refusals("q.yaml", "node:\n  id: 1\n  id: 2\n"),
        ["q.yaml:3:3: the key \"id\" stands twice in one table; it is on line 2 already"]
    );
    assert_eq!(refusals("q.yaml", "node: [1, 2\n"), ["q.yaml:2:1: while parsing a flow sequence, expected ',' or ']'"]);
    assert_eq!(refusals("q.json", "{\"node\": {\"id\": 1,}}"), ["q.json:1:19: found '}'; expected a key in double quotes"]);
    assert_eq!(refusals("q.json", "{\"node\": 3}"), ["q.json:1:2: node is 3; expected a section with settings in it"]);
}

#[test]
fn amounts_that_nobody_means_do_no_harm() {
    let huge =
        "[consensus]\nheartbeat_interval_ms = 9223372036854775807\nelection_timeout = \"99999999h\"\nappend_bytes = \"9999999999TiB\"\n";
    assert_eq!(refusals("q.toml", huge).len(), 3);
    let zero = "[consensus]\nheartbeat_interval_ms = 0\nelection_timeout_ms = 0\nappend_bytes = 0\n[limits]\nrequest_timeout_ms = 0\n";
    assert!(refusals("q.toml", zero).len() >= 2);
    let many = "[\"127.0.0.1:7000\"".to_owned() + &", \"127.0.0.1:7000\"".repeat(5000) + "]";
    assert_eq!(refusals("q.toml", &format!("peers = {many}\n")), ["q.toml:1:9: peers has 5001 members; expected at most 1024"]);
    let many: String = (0..20_000).map(|nth| format!("k{nth}: 1\n")).collect();
    assert_eq!(refusals("q.yaml", &many).len(), 1000);
    let environment: BTreeMap<String, String> = [("QUORATE_PEERS".into(), ",".repeat(1000))].into();
    assert!(read_text(None, &Sources { environment, ..Sources::default() }).is_ok());
}
