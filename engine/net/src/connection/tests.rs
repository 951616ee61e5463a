//! What cannot be seen from outside: keys that are renewed, and what sockets are told.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quorate_core::ids::PartitionId;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::certs::Authority;
use crate::frame::{Frame, Kind};
use crate::tls::Credentials;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn local(authority: &Authority, who: Who) -> Local {
    let issued = authority.issue(&who, &[], SystemTime::now(), DAY).unwrap();
    let credentials = Credentials::from_pem(authority.cert_pem(), &issued.cert_pem, &issued.key_pem).unwrap();
    Local {
        identity: Identity::new(authority.cluster().clone(), who),
        cluster_id: ClusterId::default(),
        address: String::new(),
        security: Security::Tls(Arc::new(credentials)),
        limits: FrameLimits::default(),
        socket: SocketOptions { nodelay: true, send_buffer: Some(32 << 10), receive_buffer: Some(32 << 10) },
        compression: false,
    }
}

async fn connected() -> (Connection, Connection) {
    let authority = Authority::new("demo".parse().unwrap(), SystemTime::now(), DAY).unwrap();
    let (us, them) = (local(&authority, Who::client("ops").unwrap()), local(&authority, Who::Member(MemberId(1))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepting = async { Connection::accept(listener.accept().await.unwrap().0, &them, |_| Ok(())).await };
    let (dialled, accepted) = tokio::join!(Connection::dial(&address, &us, Expect::AnyMember, Class::Client), accepting);
    (dialled.unwrap(), accepted.unwrap())
}

async fn read(incoming: &mut Incoming, count: usize) {
    let mut frames: Vec<Frame> = Vec::new();
    while frames.len() < count {
        timeout(Duration::from_secs(20), incoming.frames(&mut frames)).await.expect("frames come in time").unwrap();
    }
    assert_eq!(frames.len(), count);
}

#[tokio::test]
async fn keys_are_renewed_while_frames_go_both_ways_and_nobody_waits_for_the_other() {
    const BODIES: usize = 40;
    let (dialled, accepted) = connected().await;
    let ((mut answers, mut asks), (mut asked, mut answering)) = (dialled.split(), accepted.split());
    for _ in 0..5 {
        // More than the system's buffers hold, both ways at once, and a new key on both sides in the midst of it: each must answer the
        // other's renewal while its own queue is full.
        let ask = async {
            for nth in 0..BODIES {
                asks.push(Kind::Requests, PartitionId(nth as u32), &[7; 20_000]).unwrap();
                if nth % 8 == 3 {
                    asks.renew_keys();
                }
                asks.flush().await.unwrap();
            }
        };
        let answer = async {
            for nth in 0..BODIES {
                answering.push(Kind::Responses, PartitionId(nth as u32), &[8; 20_000]).unwrap();
                if nth % 8 == 5 {
                    answering.renew_keys();
                }
                answering.flush().await.unwrap();
            }
        };
        tokio::join!(ask, answer, read(&mut asked, BODIES), read(&mut answers, BODIES));
    }
}

#[tokio::test]
async fn one_who_only_reads_answers_a_renewal_of_keys() {
    let (dialled, accepted) = connected().await;
    let ((_answers, mut asks), (mut asked, mut answering)) = (dialled.split(), accepted.split());
    for _ in 0..3 {
        asks.renew_keys();
        asks.push(Kind::Requests, PartitionId(1), b"with a new key").unwrap();
        asks.flush().await.unwrap();
        read(&mut asked, 1).await;
    }
    answering.push(Kind::Responses, PartitionId(1), b"with a new key, too").unwrap();
    assert!(answering.try_flush().unwrap(), "nothing is in the way");
}

#[tokio::test]
async fn sockets_are_told_to_find_out_about_dead_ends() {
    let (dialled, accepted) = connected().await;
    for connection in [dialled, accepted] {
        let stream = connection.detach().unwrap().stream;
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        // Linux doubles what it is asked for.
        assert!((32 << 10..=64 << 10).contains(&socket.send_buffer_size().unwrap()));
        assert!((32 << 10..=64 << 10).contains(&socket.recv_buffer_size().unwrap()));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)), "a client may be slow");
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(2));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
        }
    }
}
