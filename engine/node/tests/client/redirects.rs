//! Whom a client asks: it finds who leads, and follows when that changes.

use std::time::{Duration, Instant};

use quorate_core::ids::MemberId;
use quorate_kv::Keys;
use quorate_net::identity::Who;
use quorate_net::wire::client::{Why, request};
use quorate_node::KV;
use quorate_node::client::{Client, RequestError};

use crate::server::{Act, Cluster, Passports};

#[tokio::test]
async fn a_client_finds_the_leader_from_a_member_that_is_not() {
    let cluster = Cluster::start(3).await;
    let client = Client::connect(cluster.config(&[3])).await.unwrap();
    let kv = client.kv();
    let revision = kv.put("a", "1").await.unwrap().revision;
    assert_eq!(kv.get("a").await.unwrap().unwrap().value, b"1");
    assert_eq!(kv.delete(Keys::one("a")).await.unwrap().deleted, 1);
    assert!(kv.revision().await.unwrap() > revision);
    assert_eq!(client.counts(KV).redirects, 1);
    assert_eq!(client.counts(KV).connections, 2);
    client.close().await;
    assert_eq!(kv.put("a", "2").await, Err(RequestError::Closed.into()));
}

#[tokio::test]
async fn a_client_follows_when_another_member_leads() {
    let cluster = Cluster::start(3).await;
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    for turn in 0..20u64 {
        cluster.look().leader = Some(MemberId(turn % 3 + 1));
        client.kv().put("a", turn.to_string()).await.unwrap();
    }
    assert_eq!(client.kv().get("a").await.unwrap().unwrap().version, 20);
}

#[tokio::test]
async fn while_nobody_leads_a_client_asks_around_and_goes_on_when_somebody_does() {
    let cluster = Cluster::start(3).await;
    let client = Client::connect(cluster.config(&[1])).await.unwrap();
    client.kv().put("a", "1").await.unwrap();
    cluster.look().leader = None;
    let writing = tokio::spawn({
        let client = client.clone();
        async move { client.kv().put("a", "2").await }
    });
    // Each of the members was asked: the others were learned of from the first.
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.counts(KV).redirects < 6 {
        assert!(Instant::now() < deadline, "{:?}", client.counts(KV));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.look().leader = Some(MemberId(2));
    writing.await.unwrap().unwrap();
    assert_eq!(client.kv().get("a").await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_member_that_stands_still_is_left_for_another_one() {
    let cluster = Cluster::start(2).await;
    let client = Client::connect(cluster.config(&[1, 2])).await.unwrap();
    client.kv().put("a", "1").await.unwrap();
    cluster.script(|id, body| if id == MemberId(1) && matches!(body, request::Body::Write(_)) { Act::Hang } else { Act::Answer });
    cluster.look().leader = Some(MemberId(2));
    let began = Instant::now();
    client.kv().put("a", "2").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(client.kv().get("a").await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_member_that_takes_its_time_with_commands_is_not_left() {
    let cluster = Cluster::start(1).await;
    let mut config = cluster.config(&[1]);
    config.timeouts.request = Duration::from_secs(1);
    let client = Client::connect(config).await.unwrap();
    client.kv().put("a", "1").await.unwrap();
    // It answers when it is asked how it is, and nothing else.
    cluster.script(|_, body| if matches!(body, request::Body::Write(_)) { Act::Swallow } else { Act::Answer });
    let error = client.write(quorate_kv::Command::Put(quorate_kv::Put::new("a", "2")).encode()).await.unwrap_err();
    assert_eq!(error.to_string(), "nobody can say whether this was carried out: no answer came within 1s");
    assert_eq!(client.counts(KV).connections, 1);
}

#[tokio::test]
async fn where_nobody_is_or_nobody_is_let_in_the_error_says_so() {
    let cluster = Cluster::start(1).await;
    let mut config = cluster.config(&[1]);
    config.timeouts.request = Duration::from_millis(300);
    config.endpoints = vec!["127.0.0.1:1".into()];
    let error = Client::connect(config.clone()).await.err().unwrap().to_string();
    assert!(error.starts_with("nothing was done: it could not be sent within 300ms: ") && error.contains("127.0.0.1:1"), "{error}");

    config.endpoints = cluster.config(&[1]).endpoints;
    config.security = Passports::new().of(&Who::Client("stranger".into()));
    let error = Client::connect(config).await.err().unwrap().to_string();
    assert!(error.contains("TLS") || error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_transfer_moves_the_leadership() {
    let cluster = Cluster::start(3).await;
    let client = Client::connect(cluster.config(&[3])).await.unwrap();
    assert_eq!(client.transfer(KV, Some(MemberId(2))).await, Ok(MemberId(2)));
    assert_eq!(cluster.look().leader, Some(MemberId(2)));
    client.kv().put("a", "1").await.unwrap();
    let all = client.status_of_all().await.unwrap();
    assert!(all.iter().all(|(member, answer)| answer.as_ref().is_ok_and(|status| status.member == member.id)), "{all:?}");
    cluster.script(|_, _| Act::Refuse(Why::Forbidden));
    let error = client.transfer(KV, None).await.unwrap_err();
    assert_eq!(error, RequestError::Refused { why: Why::Forbidden, text: "by script: Forbidden".into() });
}
