//! What a connection carries, and how it ends.

use std::time::Duration;

use prost::Message as _;
use quorate_core::ids::PartitionId;
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Expect, Incoming, Local, Outgoing, ReadError, SocketOptions};
use quorate_net::frame::{Agreed, Frame, FrameLimits, Kind};
use quorate_net::identity::Who;
use quorate_net::wire::link;

use crate::support::{Stranger, accept, client, connected, listen, member, plain, secure, soon};

const WAYS: [fn(Who) -> Local; 2] = [secure, plain];

async fn read(incoming: &mut Incoming, count: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    while frames.len() < count {
        soon(incoming.frames(&mut frames)).await.unwrap();
    }
    assert_eq!(frames.len(), count);
    frames
}

/// Frames of all lengths, which tell themselves apart.
fn bodies(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|nth| vec![nth as u8; (nth * nth * 37) % 100_000]).collect()
}

fn push_all(outgoing: &mut Outgoing, kind: Kind, bodies: &[Vec<u8>]) {
    for (nth, body) in bodies.iter().enumerate() {
        outgoing.push(kind, PartitionId(nth as u32), body).unwrap();
    }
}

fn same(frames: &[Frame], bodies: &[Vec<u8>]) {
    for ((nth, frame), body) in frames.iter().enumerate().zip(bodies) {
        assert_eq!((frame.partition.0 as usize, &frame.body[..]), (nth, &body[..]));
    }
}

#[tokio::test]
async fn frames_of_all_lengths_come_in_order_both_ways() {
    for (way, compression) in [(WAYS[0], false), (WAYS[0], true), (WAYS[1], false), (WAYS[1], true)] {
        let us = Local { compression, ..way(client("ops")) };
        let them = Local { compression, ..way(member(2)) };
        let (dialled, accepted) = connected(&us, &them, Class::Client).await;
        let ((mut answers, mut asks), (mut asked, mut answering)) = (dialled.split(), accepted.split());
        let bodies = bodies(150);
        push_all(&mut asks, Kind::Requests, &bodies);
        assert!(asks.waiting() > 1 << 20 || compression);
        let (flushed, frames) = tokio::join!(asks.flush(), read(&mut asked, bodies.len()));
        flushed.unwrap();
        assert_eq!(asks.waiting(), 0);
        same(&frames, &bodies);
        push_all(&mut answering, Kind::Responses, &bodies);
        let (flushed, frames) = tokio::join!(answering.flush(), read(&mut answers, bodies.len()));
        flushed.unwrap();
        same(&frames, &bodies);
    }
}

#[tokio::test]
async fn an_orderly_end_is_told_from_one_that_was_not() {
    for way in WAYS {
        let (dialled, accepted) = connected(&way(member(1)), &way(member(2)), Class::Log).await;
        let ((_, mut outgoing), (mut incoming, _back)) = (dialled.split(), accepted.split());
        outgoing.push(Kind::Raft, PartitionId(1), b"last").unwrap();
        outgoing.close().await.unwrap();
        assert_eq!(read(&mut incoming, 1).await[0].body, "last");
        assert_eq!(soon(incoming.frames(&mut Vec::new())).await, Err(ReadError::Closed));
    }
    let (dialled, accepted) = connected(&secure(member(1)), &secure(member(2)), Class::Log).await;
    drop(dialled);
    let (mut incoming, _back) = accepted.split();
    let end = soon(incoming.frames(&mut Vec::new())).await.unwrap_err();
    assert!(matches!(&end, ReadError::Cut(why) if why.contains("TLS did not say")), "{end}");
}

#[tokio::test]
async fn a_refusal_ends_a_connection_with_its_reason() {
    for way in WAYS {
        let (dialled, accepted) = connected(&way(member(1)), &way(member(2)), Class::Log).await;
        let ((mut incoming, _outgoing), (_, back)) = (dialled.split(), accepted.split());
        back.refuse("the node\nstops").await.unwrap();
        let end = soon(incoming.frames(&mut Vec::new())).await.unwrap_err();
        assert_eq!(end, ReadError::Refused("the node\u{fffd}stops".into()), "and can be put into a log");
    }
}

#[tokio::test]
async fn a_body_that_the_other_end_would_refuse_is_not_sent() {
    let limits = FrameLimits { control: 10, ..FrameLimits::default() };
    let us = Local { limits, ..secure(member(1)) };
    let (dialled, accepted) = connected(&us, &secure(member(2)), Class::Control).await;
    let ((_back, mut outgoing), (mut incoming, _)) = (dialled.split(), accepted.split());
    assert!(outgoing.push(Kind::Raft, PartitionId(1), &[0; 11]).is_err());
    outgoing.push(Kind::Raft, PartitionId(1), &[0; 10]).unwrap();
    outgoing.flush().await.unwrap();
    assert_eq!(read(&mut incoming, 1).await[0].body.len(), 10);
}

#[tokio::test]
async fn what_is_handed_over_at_once_is_bounded() {
    let (dialled, accepted) = connected(&plain(member(1)), &plain(member(2)), Class::Log).await;
    let ((_back, mut outgoing), (mut incoming, _)) = (dialled.split(), accepted.split());
    let sent = async {
        for _ in 0..64 {
            outgoing.push(Kind::Raft, PartitionId(1), &vec![1; 200_000]).unwrap();
        }
        outgoing.flush().await.unwrap();
    };
    let received = async {
        let mut total = 0;
        while total < 64 {
            let mut frames = Vec::new();
            soon(incoming.frames(&mut frames)).await.unwrap();
            assert!(frames.iter().map(|frame| frame.body.len()).sum::<usize>() <= (1 << 20) + 200_000);
            total += frames.len();
        }
    };
    tokio::join!(sent, received);
}

#[tokio::test]
async fn whoever_does_not_read_makes_the_other_wait_and_not_grow() {
    let socket = SocketOptions { send_buffer: Some(64 << 10), receive_buffer: Some(64 << 10), ..SocketOptions::default() };
    for way in WAYS {
        let (us, them) = (Local { socket, ..way(member(1)) }, Local { socket, ..way(member(2)) });
        let (dialled, accepted) = connected(&us, &them, Class::Log).await;
        let ((_back, mut outgoing), (mut incoming, _)) = (dialled.split(), accepted.split());
        let mut count = 0;
        loop {
            outgoing.push(Kind::Raft, PartitionId(1), &[7; 10_000]).unwrap();
            count += 1;
            // The system may need a moment to say that there is room.
            if !outgoing.try_flush().unwrap() && outgoing.waiting() > 1 << 20 {
                break;
            }
            assert!(count < 10_000, "somebody keeps a hundred megabytes for one who does not read");
            tokio::task::yield_now().await;
        }
        let (flushed, frames) = tokio::join!(outgoing.flush(), read(&mut incoming, count));
        flushed.unwrap();
        assert_eq!(frames.len(), count, "and nothing is lost");
    }
}

/// Does something with a connection in a runtime of another thread.
fn elsewhere<T: Send + 'static, F: Future<Output = T>>(
    connection: Connection,
    then: impl FnOnce(Incoming, Outgoing) -> F + Send + 'static,
) -> std::thread::JoinHandle<T> {
    let detached = connection.detach().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (incoming, outgoing) = detached.attach().unwrap().split();
            then(incoming, outgoing).await
        })
    })
}

#[tokio::test]
async fn a_connection_goes_on_in_another_runtime() {
    for way in WAYS {
        let (dialled, accepted) = connected(&way(client("ops")), &way(member(2)), Class::Client).await;
        assert_eq!(accepted.remote().who, client("ops"));
        let (mut answers, mut asks) = dialled.split();
        let bodies = bodies(40);
        push_all(&mut asks, Kind::Requests, &bodies);
        let echo = elsewhere(accepted, async |mut asked, mut answering| {
            for frame in read(&mut asked, 40).await {
                answering.push(Kind::Responses, frame.partition, &frame.body).unwrap();
            }
            answering.close().await.unwrap();
        });
        let (flushed, frames) = tokio::join!(asks.flush(), read(&mut answers, bodies.len()));
        flushed.unwrap();
        same(&frames, &bodies);
        assert_eq!(soon(answers.frames(&mut Vec::new())).await, Err(ReadError::Closed));
        echo.join().unwrap();
    }
}

#[tokio::test]
async fn what_came_with_the_welcome_is_taken_along() {
    let (listener, address) = listen().await;
    let us = plain(client("ops"));
    let answering = async {
        let mut stranger = Stranger::accepting(listener.accept().await.unwrap().0);
        stranger.hear().await.unwrap();
        let welcome = link::Welcome { version: 1, member: 2, salt: 5, ..link::Welcome::default() };
        let mut bytes = stranger.bytes(Kind::Welcome, &welcome.encode_to_vec());
        let kind = Some(Kind::Responses);
        stranger.writer.agree(Agreed { version: 1, salt: !5, kind, limit: 1000, compression: false });
        bytes.extend_from_slice(&stranger.bytes(Kind::Responses, b"at once"));
        stranger.send(&bytes).await;
        stranger
    };
    let dialling = Connection::dial(&address, &us, Expect::AnyMember, Class::Client);
    let (_stranger, dialled) = soon(async { tokio::join!(answering, dialling) }).await;
    let reading = elsewhere(dialled.unwrap(), async |mut answers, _asks| read(&mut answers, 1).await);
    assert_eq!(reading.join().unwrap()[0].body, "at once");
}

#[tokio::test]
async fn many_connections_at_once() {
    const MANY: usize = 150;
    let (listener, address) = listen().await;
    let (us, them) = (secure(client("ops")), secure(member(2)));
    let dialling = async {
        let mut all = tokio::task::JoinSet::new();
        for nth in 0..MANY {
            let (us, address) = (us.clone(), address.clone());
            all.spawn(async move {
                let whom = Expect::AnyMember;
                let (mut answers, mut asks) = Connection::dial(&address, &us, whom, Class::Client).await.unwrap().split();
                asks.push(Kind::Requests, PartitionId(nth as u32), b"who am I?").unwrap();
                asks.flush().await.unwrap();
                assert_eq!(read(&mut answers, 1).await[0].partition, PartitionId(nth as u32));
            });
        }
        all.join_all().await
    };
    let accepting = async {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..MANY {
            let (mut asked, mut answering) = accept(&listener, &them).await.unwrap().split();
            all.spawn(async move {
                let frame = read(&mut asked, 1).await.remove(0);
                answering.push(Kind::Responses, frame.partition, &frame.body).unwrap();
                answering.close().await.unwrap();
            });
        }
        all.join_all().await
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(dialling, accepting) }).await.unwrap();
}
