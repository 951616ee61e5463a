//! How fast the client is by itself, against a server that does nothing but answer. `cargo test --release -p quorate-node --test client
//! speed -- --ignored --nocapture` prints it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_net::connection::{Connection, Local, SocketOptions};
use quorate_net::frame::{FrameLimits, Kind};
use quorate_net::identity::{Identity, Who};
use quorate_net::wire::client::{NodeStatus, Requests, Response, Responses, Written, request, response};
use quorate_node::client::{Client, ClientConfig, Delivery, SessionOptions, SubmitError, Timeouts, Window};
use tokio::net::TcpListener;

use crate::server::{Passports, name};

/// Answers everything at once, on a thread of its own.
fn echo(passports: &Passports) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it does not block");
    let address = listener.local_addr().expect("an address").to_string();
    let us = Local {
        identity: Identity::new(name(), Who::Member(MemberId(1))),
        cluster_id: ClusterId::default(),
        address: address.clone(),
        security: passports.of(&Who::Member(MemberId(1))),
        limits: FrameLimits::default(),
        socket: SocketOptions::default(),
        compression: false,
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime takes it");
            let (stream, _) = listener.accept().await.expect("somebody comes");
            let (mut incoming, mut outgoing) = Connection::accept(stream, &us, |_| Ok(())).await.expect("it is let in").split();
            let (mut frames, mut body) = (Vec::new(), BytesMut::new());
            while incoming.frames(&mut frames).await.is_ok() {
                let mut responses = Responses::default();
                for frame in frames.drain(..) {
                    for request in Requests::decode(frame.body).expect("requests").requests {
                        let answer = match request.body {
                            Some(request::Body::Write(_)) => {
                                response::Body::Written(Written { index: request.number, term: 1, answer: Bytes::from_static(&[1; 10]) })
                            }
                            Some(request::Body::Open(_)) => response::Body::Opened(1),
                            _ => response::Body::Status(NodeStatus::default()),
                        };
                        responses.responses.push(Response { number: request.number, body: Some(answer) });
                    }
                }
                body.clear();
                responses.encode(&mut body).expect("there is room");
                outgoing.push(Kind::Responses, PartitionId(0), &body).expect("answers fit");
                if outgoing.flush().await.is_err() {
                    return;
                }
            }
        });
    });
    address
}

/// How long this thread has computed.
fn thread_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

async fn run(delivery: Delivery, count: u64, passports: &Passports) -> (Duration, Duration) {
    let config = ClientConfig {
        endpoints: vec![echo(passports)],
        cluster: name(),
        security: passports.of(&Who::Client("speed".into())),
        timeouts: Timeouts::default(),
        window: Window { requests: 4096, bytes: 8 << 20 },
    };
    let client = Client::connect(config).await.unwrap();
    let mut session = client.session(SessionOptions { delivery, ..SessionOptions::default() });
    let command = Bytes::from_static(&[7; 64]);
    let (began, computed) = (Instant::now(), thread_time());
    let (mut given, mut ended, mut batch) = (0, 0, Vec::new());
    while ended < count {
        while given < count {
            match session.submit(command.clone(), given) {
                Ok(()) => given += 1,
                Err(SubmitError::Full(_)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        ended += session.next_batch(&mut batch).await as u64;
        assert!(batch.drain(..).all(|(_, outcome)| outcome.is_ok()));
    }
    (began.elapsed(), thread_time() - computed)
}

#[test]
fn very_many_commands_are_in_flight_at_once_and_all_are_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let passports = Passports::new();
    runtime.block_on(run(Delivery::ExactlyOnce, 50_000, &passports));
}

#[test]
#[ignore = "it measures"]
fn speed() {
    // Client and its lane are on one thread, so that thread's time is all that the client takes.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let passports = Passports::new();
    for delivery in [Delivery::ExactlyOnce, Delivery::AtMostOnce] {
        for _ in 0..3 {
            let count = 2_000_000;
            let (wall, computed) = runtime.block_on(run(delivery, count, &passports));
            let rate = |time: Duration| count as f64 / time.as_secs_f64() / 1000.0;
            println!("{delivery:?}: {:.0} k/s by the clock, {:.0} k/s of one core", rate(wall), rate(computed));
        }
    }
}
