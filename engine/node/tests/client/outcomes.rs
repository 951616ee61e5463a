//! How commands end: each once, and truly.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_kv::{Command, Keys, LeaseId, Put, Range};
use quorate_net::wire::client::{Why, request};
use quorate_node::KV;
use quorate_node::client::{Client, Delivery, OnBusy, Outcome, RequestError, Session, SessionOptions, SubmitError};
use quorate_storage::machine::sessions;

use crate::server::{Act, Cluster};

fn put(key: u64) -> Bytes {
    Command::Put(Put::new(key.to_be_bytes(), "x")).encode().into()
}

/// Gives commands as fast as there is room, each of which writes a key of its own, and takes their ends.
async fn submit_all(session: &mut Session, count: u64) -> BTreeMap<u64, Outcome> {
    let (mut ended, mut batch, mut next) = (BTreeMap::new(), Vec::new(), 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while (ended.len() as u64) < count {
        assert!(Instant::now() < deadline, "{} of {count} commands ended", ended.len());
        while next < count {
            match session.submit(put(next), next) {
                Ok(()) => next += 1,
                Err(SubmitError::Full(_)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        session.next_batch(&mut batch).await;
        for (tag, outcome) in batch.drain(..) {
            let before = ended.insert(tag, outcome);
            assert_eq!(before, None, "command {tag} ends a second time");
        }
    }
    ended
}

/// How often each key was written.
fn versions(cluster: &Cluster) -> BTreeMap<u64, u64> {
    let (_, found) = cluster.look().store.range(&Range::new(Keys::all())).unwrap();
    found.kvs.into_iter().map(|kv| (u64::from_be_bytes(kv.key.try_into().unwrap()), kv.version)).collect()
}

fn check(cluster: &Cluster, ended: &BTreeMap<u64, Outcome>) {
    let versions = versions(cluster);
    for (tag, outcome) in ended {
        let times = versions.get(tag).copied().unwrap_or_default();
        match outcome {
            Ok(_) => assert_eq!(times, 1, "command {tag}: {outcome:?}"),
            Err(RequestError::Unknown { .. }) => assert!(times <= 1, "command {tag}: {outcome:?}, {times} times"),
            Err(_) => assert_eq!(times, 0, "command {tag}: {outcome:?}"),
        }
    }
}

/// A script in which things go wrong, one in so many.
fn trouble(seed: u64, members: u64) -> impl FnMut(MemberId, &request::Body) -> Act + Send {
    let mut rng = Seeded::new(seed);
    move |_, body| {
        if !matches!(body, request::Body::Write(_) | request::Body::Open(_)) {
            return Act::Answer;
        }
        match rng.below(400 * members) {
            0..8 => Act::Refuse(Why::NotLeader),
            8..16 => Act::Refuse(Why::Busy),
            16..20 => Act::Refuse(Why::Uncertain),
            20 => Act::Cut { done: false },
            21 => Act::Cut { done: true },
            22 => Act::Nonsense(Bytes::from_static(&[10, 200])),
            _ => Act::Answer,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_carried_out_once_through_broken_connections_redirects_and_refusals() {
    for seed in 0..2 {
        let cluster = Cluster::start(3).await;
        cluster.script(trouble(seed, 3));
        let client = Client::connect(cluster.config(&[1, 2])).await.unwrap();
        let mut session = client.session(SessionOptions::default());
        let ended = submit_all(&mut session, 2500).await;
        assert!(ended.values().all(Result::is_ok), "seed {seed}");
        check(&cluster, &ended);
        let counts = client.counts(KV);
        assert!(counts.connections > 3 && counts.busy > 3 && counts.again > 100, "{counts:?}");
    }
}

#[tokio::test]
async fn without_a_session_a_command_whose_answer_is_lost_ends_as_unknown_and_is_not_sent_again() {
    let cluster = Cluster::start(3).await;
    cluster.script(trouble(1, 20));
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    let mut session = client.session(SessionOptions { delivery: Delivery::AtMostOnce, ..SessionOptions::default() });
    let ended = submit_all(&mut session, 5000).await;
    check(&cluster, &ended);
    let unknown = ended.values().filter(|outcome| matches!(outcome, Err(RequestError::Unknown { .. }))).count();
    assert!(unknown > 0 && ended.values().any(Result::is_ok), "{unknown}");
    assert!(ended.values().all(|outcome| outcome.as_ref().err().is_none_or(RequestError::is_unknown)));
}

#[tokio::test]
async fn when_the_cluster_forgets_a_session_only_commands_in_doubt_are_unknown_and_later_ones_get_a_new_session() {
    let cluster = Cluster::with_sessions(1, sessions::Limits { sessions: 4, answer_bytes: 1 << 20 }).await;
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    let mut rng = Seeded::new(3);
    let crowd = cluster.clone();
    let mut nth = 0u32;
    cluster.script(move |_, body| {
        if matches!(body, request::Body::Write(_)) {
            nth += 1;
            if nth.is_multiple_of(1300) {
                // Another client opens sessions while this one is cut off.
                let crowd = crowd.clone();
                tokio::spawn(async move { crowd.look().crowd_out(4) });
                return Act::Cut { done: rng.below(2) == 0 };
            }
        }
        Act::Answer
    });
    let mut session = client.session(SessionOptions::default());
    let ended = submit_all(&mut session, 3000).await;
    check(&cluster, &ended);
    let unknown = ended.values().filter(|outcome| matches!(outcome, Err(RequestError::Unknown { .. }))).count();
    let counts = client.counts(KV);
    assert!(unknown > 0 && unknown < 2500 && counts.expired > 0, "{unknown}, {counts:?}");
    assert!(ended.values().all(|outcome| outcome.as_ref().err().is_none_or(RequestError::is_unknown)));
    assert!(client.kv().put("later", "1").await.is_ok());
}

#[tokio::test]
async fn who_wants_to_hear_that_the_cluster_is_busy_hears_it_and_others_wait() {
    let cluster = Cluster::start(1).await;
    let mut rng = Seeded::new(4);
    cluster.script(move |_, body| match body {
        request::Body::Write(_) if rng.below(3) == 0 => Act::Refuse(Why::Busy),
        _ => Act::Answer,
    });
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    let mut reports = client.session(SessionOptions { on_busy: OnBusy::Report, ..SessionOptions::default() });
    let ended = submit_all(&mut reports, 300).await;
    check(&cluster, &ended);
    let busy = |outcome: &&Outcome| matches!(outcome, Err(RequestError::Busy { retry_after }) if *retry_after == Duration::from_millis(3));
    let busy = ended.values().filter(busy).count();
    assert!(busy > 50 && busy + ended.values().filter(|outcome| outcome.is_ok()).count() == 300, "{busy}");

    let waits = client.session(SessionOptions::default());
    for key in 1000..1020 {
        waits.write(put(key)).await.unwrap();
    }
    assert!(client.counts(KV).busy as usize > busy);
}

#[tokio::test]
async fn what_makes_no_sense_ends_the_connection_and_the_error_says_what_it_was() {
    let cluster = Cluster::start(1).await;
    let mut config = cluster.config(&[1]);
    config.timeouts.request = Duration::from_millis(500);
    let client = Client::connect(config).await.unwrap();
    cluster.script(
        |_, body| if matches!(body, request::Body::Write(_)) { Act::Nonsense(Bytes::from_static(&[10, 200])) } else { Act::Answer },
    );
    let error = client.write(put(1)).await.unwrap_err();
    assert!(error.is_unknown() && error.to_string().contains("its answers cannot be read"), "{error}");
    assert_eq!(versions(&cluster), BTreeMap::new());
}

#[tokio::test]
async fn a_window_that_is_full_refuses_or_waits_and_what_was_taken_makes_room() {
    let cluster = Cluster::start(1).await;
    let mut config = cluster.config(&[1]);
    config.window.requests = 8;
    config.window.bytes = 200;
    let client = Client::connect(config).await.unwrap();
    let mut session = client.session(SessionOptions::default());
    for key in 0..8 {
        session.submit(put(key), key).unwrap();
    }
    assert_eq!(session.submit(put(8), 8), Err(SubmitError::Full(put(8))));
    // What has ended counts until it is taken.
    let deadline = Instant::now() + Duration::from_secs(10);
    while versions(&cluster).len() < 8 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(session.submit(put(8), 8), Err(SubmitError::Full(put(8))));
    let mut batch = Vec::new();
    while batch.len() < 8 {
        session.next_batch(&mut batch).await;
    }
    session.room().await;
    session.submit(put(8), 8).unwrap();
    let large: Bytes = vec![0; 201].into();
    assert_eq!(session.submit(large, 9), Err(SubmitError::TooLarge { len: 201, most: 200 }));

    // Those who wait get their turn, however many they are.
    let session = std::sync::Arc::new(client.session(SessionOptions::default()));
    let writers: Vec<_> = (100..200)
        .map(|key| {
            let session = session.clone();
            tokio::spawn(async move { session.write(put(key)).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(versions(&cluster).len(), 109);
}

#[tokio::test]
async fn the_store_is_used_in_its_own_words() {
    let cluster = Cluster::start(1).await;
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    let kv = client.kv();
    assert!(kv.put_new(Put::new("lock", "me")).await.unwrap());
    assert!(!kv.put_new(Put::new("lock", "you")).await.unwrap());
    assert_eq!(kv.get("lock").await.unwrap().unwrap().value, b"me");
    let lease = kv.grant(LeaseId::NONE, 60).await.unwrap();
    kv.put_with(Put { lease, ..Put::new("leased", "1") }).await.unwrap();
    assert_eq!(kv.keep_alive(lease).await, Ok(60));
    assert_eq!(kv.lease(lease).await.unwrap().keys, [b"leased"]);
    assert_eq!(kv.leases().await.unwrap(), [lease]);
    assert_eq!(kv.revoke(lease).await, Ok(1));
    assert_eq!(kv.get("leased").await, Ok(None));
    let newest = kv.revision().await.unwrap();
    kv.compact(newest).await.unwrap();
    assert!(
        kv.range(Range { revision: quorate_kv::Revision(1), ..Range::new(Keys::all()) })
            .await
            .unwrap_err()
            .to_string()
            .contains("compacted")
    );
    assert!(kv.put("", "1").await.unwrap_err().to_string().contains("a key is empty"));
    assert_eq!(kv.local().get("lock").await.unwrap().unwrap().version, 1);
}
