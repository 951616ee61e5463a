//! Changes as they happen, to a client that reads them while they come.

use serde_json::json;

use crate::client::Events;
use crate::served::Served;

fn told(events: &mut Events) -> (String, String, u64) {
    let event = events.event();
    let data = event.json();
    (event.name, data["key"].as_str().unwrap().to_owned(), data["mod_revision"].as_u64().unwrap())
}

#[test]
fn changes_come_as_they_happen_and_only_those_that_were_asked_for() {
    let served = Served::begin(Default::default());
    served.good("PUT", "/v1/kv/a/0", "before");
    let mut events = Events::open(served.address, "/v1/watch?prefix=a/&prev=true", &[]);
    let begin = events.next().unwrap();
    assert!(begin.comment.starts_with("watching from revision"), "{begin:?}");
    let put = served.good("PUT", "/v1/kv/a/1", "one")["revision"].as_u64().unwrap();
    served.good("PUT", "/v1/kv/b", "not asked for");
    assert_eq!(told(&mut events), ("put".into(), "a/1".into(), put));
    served.good("PUT", "/v1/kv/a/1", "two");
    let event = events.event();
    assert_eq!((&event.json()["value"], &event.json()["prev"]["value"]), (&json!("two"), &json!("one")));
    assert_eq!(event.id, Some((put + 2).to_string()));
    served.good("DELETE", "/v1/kv/a/1", "");
    assert_eq!(told(&mut events), ("delete".into(), "a/1".into(), put + 3));
}

#[test]
fn whoever_comes_back_with_the_last_id_misses_nothing_and_sees_nothing_twice() {
    let served = Served::begin(Default::default());
    let first = served.good("PUT", "/v1/kv/k", "0")["revision"].as_u64().unwrap();
    (1..20).for_each(|value| drop(served.good("PUT", "/v1/kv/k", value.to_string())));
    let (mut seen, mut last): (Vec<u64>, Option<String>) = (Vec::new(), None);
    while seen.len() < 20 {
        let headers: Vec<_> = last.iter().map(|last| ("last-event-id", last.as_str())).collect();
        let mut events = Events::open(served.address, &format!("/v1/watch?key=k&from={first}"), &headers);
        for _ in 0..3.min(20 - seen.len()) {
            let event = events.event();
            seen.push(event.json()["mod_revision"].as_u64().unwrap());
            last = event.id;
        }
    }
    assert_eq!(seen, (first..first + 20).collect::<Vec<_>>());
}

#[test]
fn a_transactions_changes_share_an_id_that_stands_at_the_last() {
    let served = Served::begin(Default::default());
    let both = json!({ "success": [{ "put": { "key": "a", "value": "" } }, { "put": { "key": "b", "value": "" } }] });
    let revision = served.good("POST", "/v1/txn", both.to_string())["revision"].as_u64().unwrap();
    let mut events = Events::open(served.address, &format!("/v1/watch?from={revision}"), &[]);
    assert_eq!((events.event().id, events.event().id), (None, Some(revision.to_string())));
}

#[test]
fn a_start_that_was_compacted_is_said_to_be() {
    let served = Served::begin(Default::default());
    let revision = served.good("PUT", "/v1/kv/k", "1")["revision"].as_u64().unwrap();
    served.good("PUT", "/v1/kv/k", "2");
    served.good("POST", "/v1/compact", json!({ "revision": revision + 1 }).to_string());
    let mut events = Events::open(served.address, &format!("/v1/watch?key=k&from={revision}"), &[]);
    let event = events.event();
    assert_eq!((event.name.as_str(), &event.json()["error"]), ("compacted", &json!("compacted")));
    assert_eq!(events.next(), None, "the stream goes on");
}

#[test]
fn a_stream_ends_with_an_event_when_the_server_stops() {
    let mut served = Served::begin(Default::default());
    let mut events = Events::open(served.address, "/v1/watch", &[]);
    events.next().unwrap();
    served.tell_to_stop();
    let event = events.event();
    assert_eq!((event.name.as_str(), &event.json()["error"]), ("end", &json!("stopping")));
    assert_eq!(events.next(), None);
    served.wait_until_ended();
}

#[test]
fn many_changes_come_whole_and_in_order() {
    let served = Served::begin(Default::default());
    let mut events = Events::open(served.address, "/v1/watch?prefix=many/", &[]);
    events.next().unwrap();
    let writer = std::thread::spawn(move || {
        for number in 0..300 {
            served.good("PUT", &format!("/v1/kv/many/{number}"), vec![b'x'; 4096]);
        }
        served
    });
    for number in 0..300 {
        assert_eq!(events.event().json()["key"], format!("many/{number}"));
    }
    drop(writer.join().unwrap());
}
