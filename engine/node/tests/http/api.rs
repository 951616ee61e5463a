//! Keys, transactions, leases, members, health, and what is answered when something is wrong.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{PATIENCE, ask};
use crate::served::Served;

fn served() -> Served {
    Served::begin(Default::default())
}

#[test]
fn what_is_written_is_read_as_json_as_bytes_and_as_it_was() {
    let served = served();
    let first = served.good("PUT", "/v1/kv/a/b%20c", "one")["revision"].as_u64().unwrap();
    let second = served.good("PUT", "/v1/kv/a/b%20c?prev=true", [0xff, 0, b'x']);
    assert_eq!((&second["prev"]["value"], &second["revision"]), (&json!("one"), &json!(first + 1)));
    let kv = served.good("GET", "/v1/kv/a/b%20c", "");
    assert_eq!((&kv["key"], &kv["value"], &kv["value_base64"]), (&json!("a/b c"), &json!("/wB4"), &json!(true)));
    assert_eq!((&kv["version"], &kv["create_revision"], &kv["mod_revision"]), (&json!(2), &json!(first), &json!(first + 1)));
    assert_eq!(served.good("GET", &format!("/v1/kv/a/b%20c?revision={first}"), "")["value"], "one");
    let raw = ask(served.address, "GET", "/v1/kv/a/b%20c", &[("accept", "application/octet-stream")], b"");
    assert_eq!((raw.status, raw.body.as_slice()), (200, &[0xff, 0, b'x'][..]));
    assert_eq!(raw.header("quorate-mod-revision"), Some((first + 1).to_string().as_str()));
    assert_eq!((raw.header("quorate-version"), raw.header("x-content-type-options")), (Some("2"), Some("nosniff")));
}

#[test]
fn keys_are_any_bytes() {
    let served = served();
    served.good("PUT", "/v1/kv/%ff%00%2F", "v");
    let kv = served.good("GET", "/v1/kv?prefix=%ff", "")["kvs"][0].clone();
    assert_eq!((&kv["key"], &kv["key_base64"]), (&json!("/wAv"), &json!(true)));
    let get = json!({ "success": [{ "get": { "key": "/wAv", "key_base64": true } }] });
    assert_eq!(served.good("POST", "/v1/txn", get.to_string())["outcomes"][0]["get"]["kvs"][0]["value"], "v");
}

#[test]
fn a_condition_that_does_not_hold_changes_nothing_and_says_what_is_there() {
    let served = served();
    served.good("PUT", "/v1/kv/lock?if_absent=true", "me");
    let (status, error, told) = served.bad("PUT", "/v1/kv/lock?if_absent=true", "you");
    assert_eq!((status, error.as_str(), &told["current"]["value"]), (409, "compare_failed", &json!("me")));
    let revision = told["current"]["mod_revision"].as_u64().unwrap();
    served.good("PUT", &format!("/v1/kv/lock?if_revision={revision}"), "still me");
    assert_eq!(served.bad("DELETE", "/v1/kv/lock?if_version=1", "").0, 409);
    assert_eq!(served.good("DELETE", "/v1/kv/lock?if_version=2&prev=true", "")["prev"][0]["value"], "still me");
    let (status, _, told) = served.bad("PUT", "/v1/kv/lock?if_version=2", "you");
    assert_eq!((status, &told["current"]), (409, &Value::Null));
    assert_eq!(served.bad("GET", "/v1/kv/lock", "").1, "not_found");
}

#[test]
fn ranges_have_prefixes_ends_limits_and_counts() {
    let served = served();
    for key in ["a", "b/1", "b/2", "b/3", "c"] {
        served.good("PUT", &format!("/v1/kv/{key}"), key);
    }
    let keys = |target: &str| {
        let told = served.good("GET", target, "");
        let keys: Vec<_> = told["kvs"].as_array().unwrap().iter().map(|kv| kv["key"].as_str().unwrap().to_owned()).collect();
        (keys.join(" "), told["count"].as_u64().unwrap(), told["more"].as_bool().unwrap())
    };
    assert_eq!(keys("/v1/kv"), ("a b/1 b/2 b/3 c".into(), 5, false));
    assert_eq!(keys("/v1/kv?prefix=b/&limit=2"), ("b/1 b/2".into(), 3, true));
    assert_eq!(keys("/v1/kv?start=b/2&end=c"), ("b/2 b/3".into(), 2, false));
    assert_eq!(keys("/v1/kv?start=b/3&consistency=local"), ("b/3 c".into(), 2, false));
    assert_eq!(keys("/v1/kv?prefix=b&count_only"), (String::new(), 3, false));
    assert_eq!(served.good("GET", "/v1/kv?prefix=a&keys_only=1", "")["kvs"][0].get("value"), None);
    assert_eq!(served.bad("DELETE", "/v1/kv", "").0, 400, "nobody said which, and everything was deleted");
    assert_eq!(served.good("DELETE", "/v1/kv?prefix=b/", "")["deleted"], 3);
    assert_eq!(keys("/v1/kv"), ("a c".into(), 2, false));
}

#[test]
fn a_transaction_does_one_of_two_things() {
    let served = served();
    let transaction = json!({
        "compare": [{ "key": "a", "version": 0 }],
        "success": [{ "put": { "key": "a", "value": "1" } }, { "put": { "key": "b", "value": "/w==", "value_base64": true } }],
        "failure": [
            { "get": { "prefix": "" } },
            { "delete": { "key": "b", "prev": true } },
            { "txn": { "success": [{ "get": { "key": "b" } }] } },
        ],
    });
    let first = served.good("POST", "/v1/txn", transaction.to_string());
    assert_eq!((&first["succeeded"], &first["outcomes"]), (&json!(true), &json!([{ "put": {} }, { "put": {} }])));
    let second = served.good("POST", "/v1/txn", transaction.to_string());
    assert_eq!(second["succeeded"], false);
    assert_eq!(second["outcomes"][0]["get"]["count"], 2);
    assert_eq!(second["outcomes"][1]["delete"]["prev"][0]["value"], "/w==");
    assert_eq!(second["outcomes"][2]["txn"]["outcomes"][0]["get"]["count"], 0);
}

#[test]
fn a_lease_takes_its_keys_along_when_it_is_revoked_and_when_nobody_renews_it() {
    let served = served();
    let id = served.good("POST", "/v1/leases", r#"{"ttl": 3600}"#)["id"].as_u64().unwrap();
    served.good("PUT", &format!("/v1/kv/here?lease={id}"), "");
    assert_eq!(served.good("POST", &format!("/v1/leases/{id}/keepalive"), "")["renewals"], 1);
    assert_eq!(served.good("GET", &format!("/v1/leases/{id}"), "")["keys"], json!([{ "key": "here" }]));
    assert_eq!(served.good("DELETE", &format!("/v1/leases/{id}"), "")["deleted"], 1);
    assert_eq!(served.bad("GET", &format!("/v1/leases/{id}"), "").1, "lease_not_found");
    assert_eq!(served.bad("PUT", &format!("/v1/kv/here?lease={id}"), "").0, 404);
    served.good("POST", "/v1/leases", r#"{"ttl": 1, "id": 77}"#);
    served.good("PUT", "/v1/kv/short?lease=77", "");
    assert_eq!(served.good("GET", "/v1/leases", "")["leases"], json!([77]));
    assert_eq!(served.bad("POST", "/v1/leases", r#"{"ttl": 9, "id": 77}"#).1, "lease_exists");
    let begun = Instant::now();
    while served.get("/v1/kv/short").status == 200 {
        assert!(begun.elapsed() < PATIENCE, "the lease never ends");
    }
    assert!(begun.elapsed() > Duration::from_millis(500), "it ended after {:?}", begun.elapsed());
}

#[test]
fn what_was_compacted_is_gone_and_what_is_not_yet_is_no_revision() {
    let served = served();
    let old = served.good("PUT", "/v1/kv/a", "1")["revision"].as_u64().unwrap();
    let new = served.good("PUT", "/v1/kv/a", "2")["revision"].as_u64().unwrap();
    served.good("POST", "/v1/compact", json!({ "revision": new }).to_string());
    let (status, error, told) = served.bad("GET", &format!("/v1/kv/a?revision={old}"), "");
    assert_eq!((status, error.as_str(), &told["compacted"]), (410, "compacted", &json!(new)));
    assert_eq!(served.bad("GET", "/v1/kv/a?revision=1000000", "").1, "future_revision");
    assert_eq!(served.bad("POST", "/v1/compact", json!({ "revision": old }).to_string()).0, 410);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let served = served();
    let wrong = [
        ("PUT", "/v1/kv/a?if_versoin=1", "", 400, "if_version"),
        ("PUT", "/v1/kv/a?lease=x", "", 400, "expected a number"),
        ("PUT", "/v1/kv/%zz", "", 400, "%25"),
        ("GET", "/v1/kv/a?consistency=maybe", "", 400, "linearizable or local"),
        ("GET", "/v1/kv?prefix=a&start=b", "", 400, "more than one way"),
        ("POST", "/v1/txn", "{", 400, "JSON"),
        ("POST", "/v1/leases", r#"{"ttl": 0}"#, 400, "zero seconds"),
        ("POST", "/v1/leases/none/keepalive", "", 400, "expected a number"),
        ("GET", "/v1/watch?form=3", "", 400, "from"),
        ("DELETE", "/v1/members/x", "", 400, "expected a number"),
        ("POST", "/v1/members", r#"{"id": 2}"#, 400, "missing field `address`"),
        ("GET", "/v2/kv", "", 404, "/v2/kv"),
        ("GET", "/v1/kv/", "", 404, "/v1/kv/"),
        ("POST", "/v1/kv/a", "", 405, "POST"),
    ];
    for (method, target, body, status, why) in wrong {
        let (found, _, told) = served.bad(method, target, body);
        assert!(found == status && told["why"].as_str().unwrap().contains(why), "{method} {target}: {found} {told}");
    }
    assert_eq!(served.good("GET", "/v1/kv", "")["count"], 0, "something was written all the same");
}

#[test]
fn values_as_long_as_allowed_are_taken_and_longer_ones_are_not() {
    let served = served();
    let value = vec![b'x'; 896 << 10];
    served.good("PUT", "/v1/kv/long", &value);
    let raw = ask(served.address, "GET", "/v1/kv/long", &[("accept", "application/octet-stream")], b"");
    assert!(raw.body == value, "{} bytes came back", raw.body.len());
    let (status, _, told) = served.bad("PUT", "/v1/kv/long", vec![b'x'; (896 << 10) + 1]);
    assert_eq!(status, 413, "{told}");
    assert_eq!(served.good("GET", "/v1/kv/long", "")["version"], 1);
    let (status, error, _) = served.bad("PUT", "/v1/kv/long", vec![b'x'; 2 << 20]);
    assert_eq!((status, error.as_str()), (413, "body_too_long"));
}

#[test]
fn the_node_says_how_it_is_and_who_is_with_it() {
    let served = served();
    served.good("PUT", "/v1/kv/a", "");
    let status = served.good("GET", "/v1/status", "");
    assert_eq!((&status["cluster"], &status["member"]), (&json!("http"), &json!(1)));
    assert_eq!(status["cluster_id"].as_str().unwrap().len(), 64);
    let kv = status["partitions"].as_array().unwrap().iter().find(|partition| partition["partition"] == 1).expect("the store");
    assert_eq!((&kv["role"], &kv["leader"], &kv["voters"], &kv["stopped"]), (&json!("leader"), &json!(1), &json!([1]), &Value::Null));
    let members = served.good("GET", "/v1/members", "");
    assert_eq!((&members["leader"], &members["members"][0]["name"]), (&json!(1), &json!("node-1")));
    assert_eq!(served.good("GET", "/healthz", "")["status"], "ok");
    assert_eq!(served.good("GET", "/readyz", ""), json!({ "ready": true, "reasons": [] }));
}

#[test]
fn members_come_and_go_by_decision() {
    let served = served();
    let learner = json!({ "id": 4, "address": "127.0.0.1:9", "client_address": "127.0.0.1:10", "part": "learner" });
    let revision = served.good("POST", "/v1/members", learner.to_string())["revision"].as_u64().unwrap();
    assert!(revision > 0);
    let begun = Instant::now();
    let ids = || -> Vec<u64> {
        let members = served.good("GET", "/v1/members", "");
        members["members"].as_array().unwrap().iter().map(|member| member["id"].as_u64().unwrap()).collect()
    };
    while ids() != [1, 4] {
        assert!(begun.elapsed() < PATIENCE, "members are {:?}", ids());
    }
    served.good("DELETE", "/v1/members/4", "");
    while ids() != [1] {
        assert!(begun.elapsed() < PATIENCE, "members are {:?}", ids());
    }
    let (status, _, _) = served.bad("POST", "/v1/transfer", r#"{"to": 9}"#);
    assert_eq!(status, 400);
}

#[test]
fn a_node_that_has_stopped_is_neither_well_nor_ready() {
    let mut served = served();
    served.stop_node();
    let (status, error, _) = served.bad("GET", "/healthz", "");
    assert_eq!((status, error.as_str()), (503, "not_well"));
    let answer = served.get("/readyz");
    assert_eq!((answer.status, &answer.json()["ready"]), (503, &json!(false)));
    assert_eq!(served.bad("PUT", "/v1/kv/a", "").1, "stopping");
    assert!(served.ask("PUT", "/v1/kv/a", "").header("retry-after").is_some());
}

#[test]
fn figures_are_what_was_done() {
    let served = served();
    for _ in 0..5 {
        served.good("PUT", "/v1/kv/a", "");
    }
    let answer = served.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let families = crate::exposition::read(answer.text()).unwrap();
    let of = |name: &str, series: &str| {
        let partition = Some("1".to_owned());
        families[name].samples.iter().find(|(found, labels, _)| found == series && labels.get("partition").cloned() == partition).unwrap().2
    };
    assert!(of("consensus_term_current", "consensus_term_current") >= 1.0);
    assert!(of("consensus_committed_index", "consensus_committed_index") >= 5.0);
    assert_eq!(of("consensus_proposal_latency_seconds", "consensus_proposal_latency_seconds_count"), 5.0);
    assert_eq!(of("consensus_is_leader", "consensus_is_leader"), 1.0);
    let metrics = served.handle().metrics().clone();
    assert!(metrics.average_latency().is_some() && metrics.throughput() > 0.0 && metrics.last_committed_index().0 >= 5);
    let open = ask(served.address, "GET", "/metrics", &[("accept", "application/openmetrics-text;version=1.0.0,text/plain")], b"");
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text") && open.text().ends_with("# EOF\n"));
}

#[test]
fn the_first_page_lists_what_can_be_opened_and_all_of_it_can() {
    let served = served();
    let text = served.get("/");
    let places: Vec<_> = text.text().lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(places.len() >= 8, "{places:?}");
    for place in places.iter().filter(|place| *place != "/v1/watch") {
        assert_eq!(served.get(place).status, 200, "{place}");
    }
    let page = ask(served.address, "GET", "/", &[("accept", "text/html,*/*")], b"");
    assert!(places.iter().all(|place| page.text().contains(&format!("href=\"{place}\""))), "{}", page.text());
}
