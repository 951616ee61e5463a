//! Who does not belong here, or does not behave, is refused at the doors of a real node: the log says why, and the cluster goes on as if
//! nothing had been.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use prost::Message as _;
use quorate_core::ids::MemberId;
use quorate_kv::{Keys, Query, Range};
use quorate_net::certs::{Authority, Issued};
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Expect, Local};
use quorate_net::frame::Kind;
use quorate_net::identity::Who;
use quorate_net::tls::Credentials;
use quorate_net::wire::client::{Read, Request, Requests, Sureness, request};
use quorate_net::wire::link;
use quorate_node::KV;
use quorate_node::client::Window;

use crate::crew::{Crew, PATIENCE, Plan};
use crate::load::Load;
use crate::raw::Raw;
use crate::sights::Sights;

/// By how much a node's memory may grow while it is pestered: far less than what it is told to take in or to say.
const MEMORY_BYTES: u64 = 192 << 20;
/// A value that is asked for often. So often, its answers are more than a node keeps for one client.
const VALUE_BYTES: usize = 256 << 10;
const READS: u64 = 4000;
/// How many connect and say nothing: more than a node greets at once.
const SILENT: usize = 200;

/// The node that is pestered follows: whatever is done to it, the leader must not notice.
struct Victim {
    id: u64,
    /// The other follower.
    other: u64,
    members: String,
    clients: String,
}

/// A cluster that nothing but what happens here makes uneasy.
fn patient() -> Plan {
    Plan { timing: "wan", ..Plan::default() }
}

fn victim(crew: &Crew) -> Victim {
    let leader = crew.leader(KV);
    let followers: Vec<u64> = crew.running().into_iter().filter(|id| *id != leader).collect();
    let (id, other) = (followers[0], followers[1]);
    Victim { id, other, members: crew.seats[&id].address.clone(), clients: crew.seats[&id].client.clone() }
}

/// While clients work, somebody does what should be refused. Then the cluster has the leader that it had, in the same term, the clients got
/// on, and nobody's memory has grown.
fn unmoved(test: &str, pester: impl FnOnce(&Crew, &Victim)) {
    let mut crew = Crew::start(test, patient());
    let sights = Sights::begin(&crew);
    let before = crew.leader_among(&crew.running(), KV);
    let victim = victim(&crew);
    let load = Load::begin(&crew, test);
    load.progress(&crew, 3);
    let memory = crew.memory(victim.id);
    pester(&crew, &victim);
    load.progress(&crew, 3);
    let grown = crew.memory(victim.id).saturating_sub(memory);
    assert!(grown < MEMORY_BYTES, "node {} has {grown} bytes more than before", victim.id);
    load.end(&crew);
    crew.all_live();
    assert_eq!(crew.leader_among(&crew.running(), KV), before, "the leader and its term");
    sights.end(&crew);
}

/// Tries to connect, and is refused.
fn dial(crew: &Crew, us: &Local, address: &str, class: Class) -> String {
    match crew.wait(Connection::dial(address, us, Expect::AnyMember, class)) {
        Ok(_) => {
            // Under TLS 1.3 the one who dials is through before the other has looked at its certificate, but it is not welcomed.
            panic!("a connection for {class} as {} was let in", us.identity)
        }
        Err(error) => error.to_string(),
    }
}

fn from_pem(authority: &Authority, issued: &Issued) -> std::sync::Arc<Credentials> {
    std::sync::Arc::new(Credentials::from_pem(authority.cert_pem(), &issued.cert_pem, &issued.key_pem).unwrap())
}

#[test]
fn who_is_not_who_it_should_be_is_refused() {
    unmoved("identity", |crew, victim| {
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
        let (member, client) = (|id| Who::Member(MemberId(id)), Who::client("stranger").unwrap());
        let logged = |parts: &[&str]| drop(crew.logged(victim.id, &[&["refused a connection"], parts].concat()));

        // Another authority, of a cluster of the same name. Whoever dials does not even take the node for one of its cluster, so this one
        // is told to trust it.
        let other = Authority::new(crew.authority.cluster().clone(), now, hour).unwrap();
        for (who, class, address) in [(member(3), Class::Log, &victim.members), (client.clone(), Class::Client, &victim.clients)] {
            let issued = other.issue(&who, &[], now, hour).unwrap();
            dial(crew, &crew.somebody(who, Some(from_pem(&crew.authority, &issued))), address, class);
        }
        logged(&["its issuer's key is not one that is trusted here"]);

        for (who, class, address) in [(member(3), Class::Control, &victim.members), (client.clone(), Class::Client, &victim.clients)] {
            let issued = crew.authority.issue(&who, &[], now - 2 * hour, hour).unwrap();
            dial(crew, &crew.somebody(who, Some(from_pem(&crew.authority, &issued))), address, class);
        }
        logged(&["it has expired"]);

        // A member's certificate, and another member's name; a client's certificate, and a member's name.
        let third = victim.other;
        let second = (1..=3).find(|id| *id != third && *id != victim.id).unwrap();
        let swapped = crew.somebody(member(third), Some(crew.credentials(&member(second))));
        dial(crew, &swapped, &victim.members, Class::Log);
        logged(&[&format!("the hello says member {third}; expected member {second}, as in its certificate")]);
        let pretender = crew.somebody(member(third), Some(crew.credentials(&client)));
        dial(crew, &pretender, &victim.members, Class::Log);
        logged(&[&format!("the hello says member {third}; expected client"), "as in its certificate"]);

        // Everybody has a door.
        let honest = crew.somebody(client.clone(), Some(crew.credentials(&client)));
        dial(crew, &honest, &victim.members, Class::Client);
        logged(&["clients have a door of their own"]);
        dial(crew, &honest, &victim.members, Class::Control);
        logged(&["wants a control connection; expected a member, or a client connection"]);
        dial(crew, &crew.somebody(member(third), Some(crew.credentials(&member(third)))), &victim.clients, Class::Log);
        logged(&["comes to the clients' door"]);

        // No TLS at all.
        dial(crew, &crew.somebody(client.clone(), None), &victim.clients, Class::Client);
        TcpStream::connect(&victim.members).unwrap().write_all(b"GET / HTTP/1.1\r\nHost: quorate\r\n\r\n").unwrap();
        logged(&["TLS with", "corrupt message"]);
    });
}

#[test]
fn a_node_does_not_start_with_the_certificate_of_another() {
    let mut crew = Crew::start("swapped", patient());
    crew.kill(3);
    for end in ["pem", "key"] {
        std::fs::copy(crew.dir.join(format!("node-2.{end}")), crew.dir.join(format!("node-3.{end}"))).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(["node", "--config"]).arg(crew.dir.join("node-3.toml")).env_clear().stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap().replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the certificate is quorate://proc/2's; expected that of quorate://proc/3"), "{said}");
    crew.wait(crew.client("writer", Window::default()).kv().put("still", "works")).unwrap();
}

/// The requests that ask so often for a key.
fn reads(key: &str, times: u64) -> Vec<u8> {
    let query = Query::Range(Range::new(Keys::one(key))).encode();
    let read = |number| {
        let read = Read { sureness: Sureness::Local.into(), query: query.clone().into() };
        Request { number, body: Some(request::Body::Read(read)) }
    };
    Requests { requests: (1..=times).map(read).collect() }.encode_to_vec()
}

#[test]
fn frames_that_make_no_sense_end_their_connection_and_nothing_else() {
    unmoved("frames", |crew, victim| {
        let now = SystemTime::now();
        let issue = |who: &Who| crew.authority.issue(who, &[], now, Duration::from_secs(3600)).unwrap();
        let third = victim.other;
        let (client, member) = (issue(&Who::client("raw").unwrap()), issue(&Who::Member(MemberId(third))));
        let doors = [(&client, 0, link::Class::Client, &victim.clients), (&member, third, link::Class::Log, &victim.members)];
        let bad: [(&str, fn(&mut Raw)); 7] = [
            ("it begins with", |raw| raw.send(&[0x5a; 64])),
            ("its body has 4294967295 bytes; expected at most", |raw| {
                let mut frame = raw.frame(b"");
                frame[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
                raw.send(&frame);
            }),
            ("its kind is 99; expected a known one", |raw| {
                let mut frame = raw.frame(b"");
                frame[5] = 99;
                raw.send(&frame);
            }),
            ("it is a responses frame", |raw| {
                let frame = raw.frame_of(Kind::Responses, b"");
                raw.send(&frame);
            }),
            ("its flags are", |raw| {
                let mut frame = raw.frame(b"");
                frame[6] = 1;
                raw.send(&frame);
            }),
            ("failed to decode Protobuf message", |raw| {
                let frame = raw.frame(&[0xff; 24]);
                raw.send(&frame);
            }),
            // What was sent once under TLS is nothing the second time. The first time it is the beginning of a frame.
            ("TLS: ", |raw| {
                let frame = raw.frame(b"");
                raw.send_and_repeat(&frame[..10]);
            }),
        ];
        for (issued, id, class, address) in doors {
            for (reason, send) in &bad {
                let mut raw = Raw::greet(issued, id, class, address);
                send(&mut raw);
                raw.ended();
                let line = crew.logged(victim.id, &[reason]);
                assert!(line["client"].is_string() || line["member"].is_u64(), "who it was: {line}");
            }
        }
        // A frame that was good the first time, repeated by somebody who has the connection's keys.
        let mut raw = Raw::greet(&client, 0, link::Class::Client, &victim.clients);
        let frame = raw.frame(&reads("nothing", 1));
        raw.send(&frame);
        raw.send(&frame);
        raw.ended();
        crew.logged(victim.id, &["frame 2 of this connection: its checksum is", "it was damaged, repeated"]);
    });
}

#[test]
fn clients_that_say_nothing_or_fetch_nothing_are_let_go() {
    let mut crew = Crew::start("slow", patient());
    let victim = victim(&crew);
    let client = crew.client("writer", Window::default());
    crew.wait(client.kv().put("large", vec![7; VALUE_BYTES])).unwrap();
    let load = Load::begin(&crew, "slow");
    load.progress(&crew, 3);
    let memory = crew.memory(victim.id);

    // Those who say nothing keep nobody out for long.
    let silent: Vec<TcpStream> = (0..SILENT)
        .map(|nth| {
            let door = if nth % 2 == 0 { &victim.clients } else { &victim.members };
            TcpStream::connect(door).unwrap()
        })
        .collect();
    // All at once is asked for, and nothing is fetched.
    let issued = crew.authority.issue(&Who::client("raw").unwrap(), &[], SystemTime::now(), Duration::from_secs(3600)).unwrap();
    let mut slow = Raw::greet(&issued, 0, link::Class::Client, &victim.clients);
    let frame = slow.frame(&reads("large", READS));
    slow.send(&frame);

    let deadline = Instant::now() + PATIENCE;
    let (mut most, mut gone) = (0, false);
    while !gone {
        most = most.max(crew.memory(victim.id).saturating_sub(memory));
        gone = crew.log(victim.id).iter().any(|line| line["message"].as_str().is_some_and(|message| message.contains("it is too slow")));
        assert!(Instant::now() < deadline, "a client that fetches nothing is not let go");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most < MEMORY_BYTES, "node {} had {most} bytes more than before", victim.id);
    crew.logged(victim.id, &["refused a connection", "nothing came of it within 5s"]);
    crew.until("those who are silent keep others out", || crew.status(victim.id));
    drop(silent);
    load.progress(&crew, 3);
    load.end(&crew);
    crew.all_live();
}
