//! Following changes: each once, in order, whatever happens to connections.

use std::time::Duration;

use quorate_core::ids::MemberId;
use quorate_kv::{Keys, Revision, Watch};
use quorate_net::wire::client::request;
use quorate_node::client::Client;
use quorate_node::client::kv::FollowError;

use crate::server::{Act, Cluster};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_told_once_and_in_order_through_broken_connections_and_slow_followers() {
    let cluster = Cluster::start(3).await;
    let client = Client::connect(cluster.config(&[1, 2, 3])).await.unwrap();
    let mut follow = client.kv().watch(Watch::new(Keys::prefix("k")), None).await.unwrap();
    let writing = tokio::spawn({
        let (client, cluster) = (client.clone(), cluster.clone());
        let mut nth = 0u32;
        cluster.script(move |_, body| {
            if !matches!(body, request::Body::Write(_)) {
                return Act::Answer;
            }
            nth += 1;
            if nth.is_multiple_of(97) { Act::Cut { done: nth.is_multiple_of(2) } } else { Act::Answer }
        });
        async move {
            for nth in 0..1000u64 {
                if nth % 200 == 0 {
                    cluster.look().leader = Some(MemberId(nth / 200 % 3 + 1));
                }
                client.kv().put(format!("k{}", nth % 7), nth.to_string()).await.unwrap();
                client.kv().put("other", "x").await.unwrap();
            }
        }
    });
    let mut seen = 0u64;
    while seen < 1000 {
        let changes = tokio::time::timeout(Duration::from_secs(30), follow.next()).await.expect("changes come").unwrap();
        for event in changes.events {
            assert_eq!(event.kv.value, seen.to_string().into_bytes());
            seen += 1;
        }
        if seen.is_multiple_of(100) {
            // Far more happens meanwhile than is kept for a follower.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn changes_that_are_not_remembered_any_more_are_said_to_be_missing() {
    let cluster = Cluster::start(1).await;
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    for nth in 0..5u64 {
        client.kv().put("a", nth.to_string()).await.unwrap();
    }
    let newest = client.kv().revision().await.unwrap();
    client.kv().compact(newest).await.unwrap();
    let mut follow = client.kv().watch(Watch::new(Keys::one("a")), Some(Revision(2))).await.unwrap();
    let Err(FollowError::Compacted { from, text }) = follow.next().await else { panic!("it is said") };
    assert_eq!(from, Revision(2));
    assert!(text.contains(&newest.to_string()), "{text}");
}
