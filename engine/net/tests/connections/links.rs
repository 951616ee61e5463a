//! Links: kept up, bounded, and honest about what they do not send.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_core::ids::{MemberId, PartitionId};
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Incoming, Local, Outgoing, ReadError, SocketOptions};
use quorate_net::frame::{Frame, Kind};
use quorate_net::links::{Full, Link, LinkEvent, OutboxLimits};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::{accept, listen, member, plain, secure, soon};

/// A link from member 1 to member 2, and what is told of it.
fn open(us: Local, address: &str, class: Class, limits: OutboxLimits) -> (Link, UnboundedReceiver<LinkEvent>) {
    let (sender, events) = unbounded_channel();
    let tell = move |event| drop(sender.send(event));
    (Link::open(Arc::new(us), MemberId(2), address.to_owned(), class, limits, tell), events)
}

async fn up(events: &mut UnboundedReceiver<LinkEvent>) {
    while soon(events.recv()).await.unwrap() != LinkEvent::Up {}
}

async fn down(events: &mut UnboundedReceiver<LinkEvent>) -> String {
    loop {
        if let LinkEvent::Down { why } = soon(events.recv()).await.unwrap() {
            return why;
        }
    }
}

async fn accepted(listener: &TcpListener) -> (Connection, Class) {
    let connection = soon(accept(listener, &secure(member(2)))).await.unwrap();
    let class = connection.remote().class;
    (connection, class)
}

async fn next(incoming: &mut Incoming) -> Frame {
    let mut frames = Vec::new();
    soon(incoming.frames(&mut frames)).await.unwrap();
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn send(link: &Link, body: &[u8]) -> Result<(), Full> {
    link.send(Kind::Raft, PartitionId(1), body)
}

#[tokio::test]
async fn each_class_has_a_connection_of_its_own() {
    let (listener, address) = listen().await;
    for class in [Class::Control, Class::Log, Class::Snapshot] {
        let (link, mut events) = open(secure(member(1)), &address, class, OutboxLimits::default());
        let (connection, found) = accepted(&listener).await;
        assert_eq!((found, &connection.remote().who), (class, &member(1)));
        up(&mut events).await;
        assert!(link.is_up());
        send(&link, b"said").unwrap();
        let (mut incoming, _back) = connection.split();
        assert_eq!(next(&mut incoming).await.body, "said");
        drop(link);
        assert_eq!(soon(incoming.frames(&mut Vec::new())).await, Err(ReadError::Closed), "a dropped link closes in good order");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_is_kept() {
    let (listener, address) = listen().await;
    drop(listener);
    let (link, mut events) = open(secure(member(1)), &address, Class::Log, OutboxLimits::default());
    assert_eq!(send(&link, b"lost"), Err(Full::Down));
    let why = down(&mut events).await;
    assert!(why.contains(&format!("connecting to member 2 at {address}")), "{why}");
    assert_eq!(send(&link, b"lost"), Err(Full::Down));
    assert_eq!((link.counts().down, link.counts().taken), (2, 0));
    let listener = TcpListener::bind(&address).await.unwrap();
    let (connection, _) = accepted(&listener).await;
    up(&mut events).await;
    send(&link, b"kept").unwrap();
    assert_eq!(next(&mut connection.split().0).await.body, "kept", "and nothing of what was refused comes later");
}

#[tokio::test]
async fn the_same_reason_is_told_once() {
    let (listener, address) = listen().await;
    drop(listener);
    let (_link, mut events) = open(secure(member(1)), &address, Class::Log, OutboxLimits::default());
    down(&mut events).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), events.recv()).await.is_err(), "it was told twice");
}

#[tokio::test]
async fn a_link_that_was_cut_comes_back_and_says_why_it_was_down() {
    let (listener, address) = listen().await;
    let (link, mut events) = open(secure(member(1)), &address, Class::Control, OutboxLimits::default());
    for round in 0..3 {
        let (connection, _) = accepted(&listener).await;
        up(&mut events).await;
        let (mut incoming, back) = connection.split();
        send(&link, b"said").unwrap();
        assert_eq!(next(&mut incoming).await.body, "said");
        if round == 1 {
            back.refuse("the node stops").await.unwrap();
        } else {
            drop((incoming, back));
        }
        let why = down(&mut events).await;
        assert!(why.contains(if round == 1 { "the node stops" } else { "cut" }), "{why}");
        assert_eq!(link.counts().connections, round + 1);
    }
}

#[tokio::test]
async fn a_connection_that_had_been_up_for_a_while_is_dialled_again_at_once() {
    let (listener, address) = listen().await;
    let (_link, mut events) = open(plain(member(1)), &address, Class::Control, OutboxLimits::default());
    let connection = accept(&listener, &plain(member(2))).await.unwrap();
    up(&mut events).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    drop(connection);
    down(&mut events).await;
    let begun = Instant::now();
    drop(accept(&listener, &plain(member(2))).await.unwrap());
    // The shortest wait would be 10 ms; what is measured here is a connection over loopback.
    assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_member_that_was_heard_of_is_dialled_again_at_once() {
    let (listener, address) = listen().await;
    drop(listener);
    let (link, mut events) = open(plain(member(1)), &address, Class::Control, OutboxLimits::default());
    down(&mut events).await;
    // After all of the short waits: what follows is half a second or more.
    tokio::time::sleep(Duration::from_millis(2000)).await;
    let listener = TcpListener::bind(&address).await.unwrap();
    let begun = Instant::now();
    link.heard_of();
    let _connection = soon(accept(&listener, &plain(member(2)))).await.unwrap();
    up(&mut events).await;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_link_that_cannot_come_up_does_not_knock_all_the_time() {
    let (listener, address) = listen().await;
    let (_link, mut events) = open(secure(member(1)), &address, Class::Log, OutboxLimits::default());
    let begun = Instant::now();
    let mut knocks = 0;
    while begun.elapsed() < Duration::from_millis(700) {
        let them = secure(member(3));
        if let Ok(outcome) = tokio::time::timeout(Duration::from_millis(700), accept(&listener, &them)).await {
            assert!(outcome.err().unwrap().to_string().contains("member 3 answers; expected member 2"));
            knocks += 1;
        }
    }
    // At the soonest after 0, 10, 30, 70, 150, 310 and 630 ms.
    assert!((2..=8).contains(&knocks), "{knocks} attempts");
    assert!(down(&mut events).await.contains("member 3 answers; expected member 2"));
}

/// A link whose other end does not read, and that end.
async fn stuck(limits: OutboxLimits) -> (Link, UnboundedReceiver<LinkEvent>, Incoming, Outgoing) {
    let socket = SocketOptions { send_buffer: Some(16 << 10), receive_buffer: Some(16 << 10), ..SocketOptions::default() };
    let (listener, address) = listen().await;
    let (link, mut events) = open(Local { socket, ..secure(member(1)) }, &address, Class::Log, limits);
    let connection = soon(accept(&listener, &Local { socket, ..secure(member(2)) })).await.unwrap();
    up(&mut events).await;
    let (incoming, back) = connection.split();
    (link, events, incoming, back)
}

#[tokio::test]
async fn the_outbox_of_one_who_does_not_read_is_bounded_and_goes_on_when_it_reads() {
    let (bytes, frames) = (OutboxLimits { bytes: 1 << 20, frames: 1 << 20 }, OutboxLimits { bytes: 1 << 30, frames: 100 });
    for (limits, body) in [(bytes, vec![7; 10_000]), (frames, vec![7; 10_000])] {
        let (link, _events, mut incoming, _back) = stuck(limits).await;
        let full = loop {
            if let Err(full) = send(&link, &body) {
                break full;
            }
            tokio::task::yield_now().await;
        };
        let Full::Outbox { bytes, frames, .. } = full else { panic!("{full}") };
        assert!(bytes < limits.bytes + 11_000 && frames <= limits.frames, "{full}");
        assert_eq!(link.waiting(), bytes);
        assert_eq!(link.counts().full, 1);
        let mut count = 0;
        while count < link.counts().taken {
            let mut come = Vec::new();
            soon(incoming.frames(&mut come)).await.unwrap();
            count += come.len() as u64;
        }
        send(&link, b"there is room again").unwrap();
        assert_eq!(next(&mut incoming).await.body, "there is room again");
    }
}

#[tokio::test]
async fn what_waits_when_a_connection_dies_is_counted_as_lost() {
    let (link, mut events, incoming, back) = stuck(OutboxLimits { bytes: 1 << 20, frames: 1 << 20 }).await;
    while send(&link, &[7; 10_000]).is_ok() {
        tokio::task::yield_now().await;
    }
    drop((incoming, back));
    down(&mut events).await;
    let counts = link.counts();
    assert!(counts.lost > 50 && counts.lost <= counts.taken, "{counts:?}");
    assert_eq!((link.is_up(), link.waiting()), (false, 0));
}

#[tokio::test]
async fn a_member_that_moved_is_reached_where_it_is_now() {
    let ((old, old_address), (new, new_address)) = (listen().await, listen().await);
    let (link, mut events) = open(secure(member(1)), &old_address, Class::Log, OutboxLimits::default());
    let (connection, _) = accepted(&old).await;
    up(&mut events).await;
    link.move_to(old_address.clone());
    link.move_to(new_address);
    let why = down(&mut events).await;
    assert!(why.contains(&format!("member 2 is not at {old_address} any more")), "{why}");
    assert_eq!(soon(connection.split().0.frames(&mut Vec::new())).await, Err(ReadError::Closed));
    let (connection, _) = accepted(&new).await;
    up(&mut events).await;
    send(&link, b"here").unwrap();
    assert_eq!(next(&mut connection.split().0).await.body, "here");
    assert_eq!(link.counts().connections, 2, "what was no news changed nothing");
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_refused_to_its_sender_and_the_link_stays_up() {
    let (listener, address) = listen().await;
    let (link, mut events) = open(secure(member(1)), &address, Class::Control, OutboxLimits::default());
    let (connection, _) = accepted(&listener).await;
    up(&mut events).await;
    assert!(matches!(send(&link, &[0; (64 << 10) + 1]), Err(Full::TooLong(_))));
    send(&link, b"short").unwrap();
    assert_eq!(next(&mut connection.split().0).await.body, "short");
}
