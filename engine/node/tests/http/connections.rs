//! Clients that are slow, many, or not what they seem; and the end.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use quorate_node::http::HttpOptions;

use crate::client::{PATIENCE, ask, connect, head, read, read_head};
use crate::served::Served;

/// How long it takes until the other end closes, which it does.
fn closed_after(mut stream: &TcpStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("it is not closed: {error}"),
    }
    begun.elapsed()
}

fn impatient() -> HttpOptions {
    let short = Duration::from_millis(300);
    HttpOptions { header_timeout: short, body_timeout: short, stall_timeout: short, ..HttpOptions::default() }
}

#[test]
fn whoever_does_not_say_what_it_wants_is_cut_off() {
    let served = Served::begin(impatient());
    let silent = connect(served.address);
    let mut half = connect(served.address);
    half.write_all(b"GET /v1/status HTTP/1.1\r\nhost: loc").unwrap();
    let mut idle = connect(served.address);
    idle.write_all(&head("GET", "/healthz", &[], None)).unwrap();
    assert_eq!(read(&mut BufReader::new(&idle)).unwrap().status, 200);
    for stream in [silent, half, idle] {
        assert!(closed_after(&stream) < Duration::from_secs(5));
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let served = Served::begin(impatient());
    let mut stream = connect(served.address);
    stream.write_all(&head("PUT", "/v1/kv/a", &[], Some(100))).unwrap();
    stream.write_all(b"only this").unwrap();
    let answer = read(&mut BufReader::new(&stream)).unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (408, Some("slow")));
    assert_eq!(served.get("/v1/kv/a").status, 404, "half a value was written");
}

/// How much came of what was asked for before the end.
fn came(mut stream: &TcpStream) -> u64 {
    let (mut came, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return came,
            Ok(bytes) => came += bytes as u64,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return came,
            Err(error) => panic!("it is not closed: {error}"),
        }
    }
}

/// A connection that was let in.
fn let_in(served: &Served) -> TcpStream {
    let begun = Instant::now();
    loop {
        let mut stream = connect(served.address);
        // Whoever is turned away may hear of it before it has said what it wants.
        let _ = stream.write_all(&head("GET", "/healthz", &[], None));
        if read(&mut BufReader::new(&stream)).is_ok_and(|answer| answer.status == 200) {
            return stream;
        }
        assert!(begun.elapsed() < PATIENCE, "there is never room");
    }
}

#[test]
fn whoever_takes_nothing_is_cut_off_and_nobody_else_notices() {
    let served = Served::begin(HttpOptions { connections: 2, ..impatient() });
    let mut other = let_in(&served);
    let mut others = BufReader::new(other.try_clone().unwrap());
    for key in 0..32 {
        let body = vec![b'x'; 200_000];
        other.write_all(&head("PUT", &format!("/v1/kv/{key}"), &[("content-length", "200000")], None)).unwrap();
        other.write_all(&body).unwrap();
        assert_eq!(read(&mut others).unwrap().status, 200);
    }
    let mut greedy = let_in(&served);
    // More than the system takes for somebody who does not read.
    (0..20).for_each(|_| greedy.write_all(&head("GET", "/v1/kv", &[], None)).unwrap());
    let room = std::thread::scope(|scope| {
        let room = scope.spawn(|| let_in(&served));
        while !room.is_finished() {
            other.write_all(&head("GET", "/healthz", &[], None)).unwrap();
            assert_eq!(read(&mut others).unwrap().status, 200);
        }
        room.join()
    });
    assert!(room.is_ok(), "it is not cut off");
    let came = came(&greedy);
    assert!(came < 20 * 32 * 200_000, "everything came: {came} bytes");
}

#[test]
fn a_watcher_who_takes_nothing_is_cut_off() {
    let served = Served::begin(HttpOptions { connections: 2, ..impatient() });
    let mut writer = let_in(&served);
    let mut answers = BufReader::new(writer.try_clone().unwrap());
    let watcher = let_in(&served);
    (&watcher).write_all(&head("GET", "/v1/watch", &[], None)).unwrap();
    assert_eq!(read_head(&mut BufReader::new(&watcher)).unwrap().0, 200);
    for key in 0..60 {
        writer.write_all(&head("PUT", &format!("/v1/kv/{key}"), &[("content-length", "500000")], None)).unwrap();
        writer.write_all(&[b'x'; 500_000]).unwrap();
        assert_eq!(read(&mut answers).unwrap().status, 200);
    }
    drop(let_in(&served));
    let came = came(&watcher);
    assert!(came < 60 * 500_000, "everything came: {came} bytes");
}

#[test]
fn there_are_only_so_many_connections_and_room_comes_back() {
    let served = Served::begin(HttpOptions { connections: 3, ..HttpOptions::default() });
    let mut held: Vec<TcpStream> = (0..3).map(|_| let_in(&served)).collect();
    let answer = read(&mut BufReader::new(connect(served.address))).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json()["error"], "busy");
    held.pop();
    let_in(&served);
}

#[test]
fn one_connection_serves_many_requests() {
    let served = Served::begin(HttpOptions::default());
    let mut stream = connect(served.address);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0..50 {
        let body = number.to_string();
        stream.write_all(&head("PUT", "/v1/kv/n", &[("content-length", &body.len().to_string())], None)).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        assert_eq!(read(&mut reader).unwrap().status, 200);
    }
    assert_eq!(served.good("GET", "/v1/kv/n", "")["value"], "49");
}

#[test]
fn what_is_no_http_is_refused_and_does_no_harm() {
    let served = Served::begin(HttpOptions::default());
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    for bytes in [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), b"GET\r\n\r\n", &[0; 64], long.as_bytes()] {
        let mut stream = connect(served.address);
        // It may close before it was told everything.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        closed_after(&stream);
    }
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn pages_of_others_and_other_names_are_refused() {
    let served = Served::begin(HttpOptions::default());
    let own = format!("http://{}", served.address);
    let host = served.address.to_string();
    let status = |headers: &[(&str, &str)]| ask(served.address, "PUT", "/v1/kv/a", headers, b"x").status;
    assert_eq!(status(&[("origin", "https://evil.example")]), 403);
    assert_eq!(status(&[("host", "evil.example")]), 403);
    assert_eq!(served.get("/v1/kv/a").status, 404, "it was refused and done all the same");
    assert_eq!(status(&[("host", &host), ("origin", &own)]), 200);
}

#[test]
fn what_runs_when_the_server_stops_is_answered_and_nobody_new_is_let_in() {
    let mut served = Served::begin(HttpOptions::default());
    let mut running = connect(served.address);
    running.write_all(&head("PUT", "/v1/kv/a", &[], Some(4))).unwrap();
    running.write_all(b"la").unwrap();
    let mut idle = connect(served.address);
    idle.write_all(&head("GET", "/healthz", &[], None)).unwrap();
    assert_eq!(read(&mut BufReader::new(&idle)).unwrap().status, 200);
    served.tell_to_stop();
    closed_after(&idle);
    let refused = TcpStream::connect(served.address).map(|stream| closed_after(&stream));
    assert!(refused.is_err(), "somebody was let in");
    running.write_all(b"te").unwrap();
    assert_eq!(read(&mut BufReader::new(&running)).unwrap().status, 200);
    served.wait_until_ended();
}

#[test]
fn the_server_does_not_wait_for_ever_when_it_stops() {
    let mut served = Served::begin(HttpOptions { grace: Duration::from_millis(200), ..HttpOptions::default() });
    let mut stream = connect(served.address);
    stream.write_all(&head("PUT", "/v1/kv/a", &[], Some(100))).unwrap();
    assert_eq!(served.get("/healthz").status, 200);
    served.tell_to_stop();
    served.wait_until_ended();
    closed_after(&stream);
}
