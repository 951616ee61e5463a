//! Who does not get in. The one who refuses says what was found and what was expected; the other is told as far as it can be.

use std::sync::Arc;
use std::time::SystemTime;

use prost::Message as _;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, MemberId};
use quorate_net::certs::Authority;
use quorate_net::class::Class;
use quorate_net::connection::{ConnectError, Connection, Expect, GREETING_TIMEOUT, Local};
use quorate_net::frame::Kind;
use quorate_net::identity::{Identity, Who};
use quorate_net::wire::link;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    AUTHORITY, Stranger, YEAR, accept, authority, client, credentials, issued, listen, meet, member, plain, secure, soon,
};

type Outcome = Result<Connection, ConnectError>;

#[track_caller]
fn says(outcome: &Outcome, parts: &[&str]) {
    let error = outcome.as_ref().err().expect("it was let in").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

/// Both ends know why: one refused, and the other was told.
#[track_caller]
fn refused(by: &Outcome, other: &Outcome, parts: &[&str]) {
    assert!(matches!(by, Err(ConnectError::Unwelcome { .. })), "{:?}", by.as_ref().err());
    assert!(matches!(other, Err(ConnectError::Refused { .. })), "{:?}", other.as_ref().err());
    says(by, parts);
    says(other, parts);
}

async fn dialled(us: &Local, them: &Local, whom: u64, class: Class) -> (Outcome, Outcome) {
    soon(meet(us, them, Expect::Member(MemberId(whom)), class, |_| Ok(()))).await
}

/// Member 1 as `authority` would have it, at this time.
fn made_by(authority: &Authority, now: SystemTime) -> Local {
    let issued = authority.issue(&member(1), &[], now, YEAR).unwrap();
    Local { security: credentials(AUTHORITY.cert_pem(), &issued), ..plain(member(1)) }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_either_side() {
    let (stranger, good) = (made_by(&authority("demo"), SystemTime::now()), secure(member(2)));
    let why = ["quorate://demo/1 (issued by O=demo, CN=Quorate", "key is not one that is trusted here; expected", "serial"];
    let (there, here) = dialled(&stranger, &good, 2, Class::Log).await;
    says(&here, &why);
    says(&there, &["TLS with member 2 at 127.0.0.1", "the other end refused it: alert"]);
    let (there, here) = dialled(&good, &stranger, 1, Class::Log).await;
    says(&there, &why);
    says(&here, &["the other end refused it: alert"]);
}

#[tokio::test]
async fn a_certificate_that_has_expired_or_is_not_valid_yet_is_refused_on_either_side() {
    let good = secure(member(2));
    for (now, why) in [(SystemTime::now() - 2 * YEAR, "it has expired"), (SystemTime::now() + YEAR, "it is not valid yet")] {
        let odd = made_by(&AUTHORITY, now);
        let (there, here) = dialled(&odd, &good, 2, Class::Control).await;
        says(&here, &["found the certificate of quorate://demo/1", why, "valid from", "expected one that is valid now"]);
        says(&there, &["the other end refused it: alert"]);
        let (there, here) = dialled(&good, &odd, 1, Class::Control).await;
        says(&there, &[why]);
        says(&here, &["the other end refused it: alert"]);
    }
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_refused_even_if_its_authority_is_trusted() {
    let other = authority("other");
    let both = format!("{}{}", AUTHORITY.cert_pem(), other.cert_pem());
    let here = Local { security: credentials(&both, &issued(&AUTHORITY, &member(2))), ..plain(member(2)) };
    let there = Local { security: credentials(&both, &issued(&other, &member(1))), ..plain(member(1)) };
    let why = ["its certificate names quorate://other/1; expected somebody in cluster demo"];
    let (dialler, acceptor) = dialled(&there, &here, 2, Class::Log).await;
    refused(&acceptor, &dialler, &why);
    let (dialler, acceptor) = dialled(&here, &there, 1, Class::Log).await;
    refused(&dialler, &acceptor, &why);
}

#[tokio::test]
async fn another_member_than_the_one_who_was_dialled_is_refused() {
    for (us, them) in [(secure(member(1)), secure(member(3))), (plain(member(1)), plain(member(3)))] {
        let (dialler, acceptor) = dialled(&us, &them, 2, Class::Log).await;
        says(&dialler, &["member 3 answers; expected member 2"]);
        assert!(matches!(dialler, Err(ConnectError::Unwelcome { .. })));
        if !matches!(us.security, quorate_net::tls::Security::Plain) {
            refused(&dialler, &acceptor, &["member 3 answers; expected member 2"]);
        }
    }
}

#[tokio::test]
async fn a_member_that_says_it_is_another_than_its_certificate_is_refused() {
    let swapped = Local { identity: Identity::new("demo".parse().unwrap(), member(3)), ..secure(member(1)) };
    let (dialler, acceptor) = dialled(&swapped, &secure(member(2)), 2, Class::Log).await;
    refused(&acceptor, &dialler, &["the hello says member 3; expected member 1, as in its certificate"]);
    let (dialler, acceptor) = dialled(&secure(member(2)), &swapped, 1, Class::Log).await;
    says(&dialler, &["it says that it is member 3; expected member 1, as in its certificate"]);
    assert!(acceptor.is_ok(), "it finds out when it reads");
}

#[tokio::test]
async fn a_client_is_no_member() {
    for us in [secure(client("ops")), plain(client("ops"))] {
        let them = if matches!(us.security, quorate_net::tls::Security::Plain) { plain(member(2)) } else { secure(member(2)) };
        let (dialler, acceptor) = dialled(&us, &them, 2, Class::Control).await;
        refused(&acceptor, &dialler, &["client ops wants a control connection; expected a member"]);
    }
    let posing = Local { identity: Identity::new("demo".parse().unwrap(), member(1)), ..secure(client("ops")) };
    let (dialler, acceptor) = dialled(&posing, &secure(member(2)), 2, Class::Control).await;
    refused(&acceptor, &dialler, &["the hello says member 1; expected client ops, as in its certificate"]);
    // A client's certificate is of no use for being dialled.
    let (dialler, _) = dialled(&secure(member(2)), &posing, 1, Class::Control).await;
    says(&dialler, &["found the certificate of quorate://demo/client/ops"]);
}

#[tokio::test]
async fn a_member_is_not_let_in_as_itself() {
    let (dialler, acceptor) = dialled(&secure(member(2)), &secure(member(2)), 2, Class::Log).await;
    refused(&acceptor, &dialler, &["it is member 2, which is this one itself"]);
}

#[tokio::test]
async fn another_cluster_by_name_or_id_is_refused() {
    let elsewhere = Identity::new("elsewhere".parse().unwrap(), member(1));
    let (dialler, acceptor) = dialled(&Local { identity: elsewhere, ..plain(member(1)) }, &plain(member(2)), 2, Class::Log).await;
    refused(&acceptor, &dialler, &["it means cluster \"elsewhere\"; expected demo"]);
    let reborn = Local { cluster_id: ClusterId(Digest([9; 32])), ..secure(member(1)) };
    let (dialler, acceptor) = dialled(&reborn, &secure(member(2)), 2, Class::Log).await;
    refused(&acceptor, &dialler, &["its cluster's id is 0909", "expected c1c1"]);
}

#[tokio::test]
async fn what_the_owner_has_against_somebody_is_told() {
    let admit = |greeting: &quorate_net::connection::Greeting| match greeting.who {
        Who::Member(MemberId(9)) => Err("member 9 was removed; expected one of 1, 2, 3".to_owned()),
        _ => Ok(()),
    };
    let (dialler, acceptor) = meet(&secure(member(9)), &secure(member(2)), Expect::AnyMember, Class::Log, admit).await;
    refused(&acceptor, &dialler, &["member 9 was removed; expected one of 1, 2, 3"]);
    assert!(acceptor.err().unwrap().to_string().starts_with("refused member 9 at 127.0.0.1:"));
}

/// Trusts everybody.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[tokio::test]
async fn somebody_without_a_certificate_is_refused() {
    let (listener, address) = listen().await;
    let us = secure(member(2));
    let stranger = tokio::task::spawn_blocking(move || {
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting))
            .with_no_client_auth();
        let mut tls = rustls::ClientConnection::new(Arc::new(config), "somewhere".try_into().unwrap()).unwrap();
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        std::io::Read::read(&mut rustls::Stream::new(&mut tls, &mut socket), &mut [0]).unwrap_err().to_string()
    });
    let outcome = soon(accept(&listener, &us)).await;
    says(&outcome, &["it showed no certificate; expected one from the cluster's authority"]);
    assert!(soon(stranger).await.unwrap().contains("CertificateRequired"));
}

#[tokio::test]
async fn tls_and_plain_text_do_not_meet() {
    let (dialler, acceptor) = dialled(&plain(member(1)), &secure(member(2)), 2, Class::Log).await;
    says(&acceptor, &["TLS with 127.0.0.1"]);
    says(&dialler, &["begins with"]);
    let (dialler, acceptor) = dialled(&secure(member(1)), &plain(member(2)), 2, Class::Log).await;
    says(&acceptor, &["begins with", "expected [51, 52, 54, 46]"]);
    says(&dialler, &["TLS with member 2"]);
}

async fn hello_is_refused(hello: link::Hello, why: &str) {
    let (listener, address) = listen().await;
    let us = plain(member(1));
    let said = async {
        let mut stranger = Stranger::dialling(&address).await;
        stranger.say(Kind::Hello, &hello.encode_to_vec()).await;
        stranger.refusal().await
    };
    let (outcome, told) = soon(async { tokio::join!(accept(&listener, &us), said) }).await;
    says(&outcome, &[why]);
    assert!(told.contains(why), "{told}");
}

#[tokio::test]
async fn a_hello_that_makes_no_sense_is_refused() {
    let good = Stranger::hello();
    hello_is_refused(
        link::Hello { oldest_version: 2, newest_version: 3, ..good.clone() },
        "it speaks versions 2..=3; expected one of 1..=1",
    )
    .await;
    hello_is_refused(link::Hello { oldest_version: 0, newest_version: 0, ..good.clone() }, "it speaks versions 0..=0").await;
    hello_is_refused(link::Hello { class: 0, ..good.clone() }, "its class is 0; expected a known one").await;
    hello_is_refused(link::Hello { class: 9, ..good.clone() }, "its class is 9").await;
    hello_is_refused(link::Hello { member: 0, client: "a b".into(), ..good.clone() }, "a client's name is \"a b\"").await;
    hello_is_refused(link::Hello { cluster_id: vec![1; 31].into(), ..good.clone() }, "the cluster's id has 31 bytes; expected 32").await;
    hello_is_refused(link::Hello { address: "a\nb".into(), ..good.clone() }, "its address is \"a\\nb\", 3 bytes; expected").await;
    hello_is_refused(link::Hello { address: "a".repeat(301), ..good }, "301 bytes; expected at most 300, all of them visible").await;
}

#[tokio::test]
async fn what_is_no_hello_is_refused() {
    let us = plain(member(1));
    let mut too_long = Stranger::dialling(&listen().await.1).await.bytes(Kind::Hello, &[0; 4096]).to_vec();
    too_long[12..16].copy_from_slice(&4097_u32.to_le_bytes());
    let garbled = Stranger::dialling(&listen().await.1).await.bytes(Kind::Hello, &[0xff; 20]);
    let raft = Stranger::dialling(&listen().await.1).await.bytes(Kind::Raft, b"first");
    for (bytes, why) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "it begins with [47, 45, 54, 20]"),
        (&too_long, "its body has 4097 bytes; expected at most 4096 for a hello frame"),
        (&garbled, "its hello cannot be read: failed to decode"),
        (&raft, "it is a raft frame; expected a hello frame"),
    ] {
        let (listener, address) = listen().await;
        let said = async {
            let mut stranger = Stranger::dialling(&address).await;
            stranger.send(bytes).await;
            stranger.refusal().await
        };
        let (outcome, told) = soon(async { tokio::join!(accept(&listener, &us), said) }).await;
        says(&outcome, &[why]);
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn a_welcome_that_makes_no_sense_is_refused() {
    let good = link::Welcome { version: 1, member: 2, ..link::Welcome::default() };
    for (welcome, why) in [
        (link::Welcome { version: 2, ..good.clone() }, "it speaks version 2; expected one of 1..=1"),
        (link::Welcome { version: 257, ..good.clone() }, "it speaks version 257"),
        (link::Welcome { member: 0, ..good.clone() }, "it says that it is member 0"),
        (link::Welcome { member: 3, ..good.clone() }, "member 3 answers; expected member 2"),
        (link::Welcome { cluster_id: vec![7; 32].into(), ..good }, "its cluster's id is 0707"),
    ] {
        let (listener, address) = listen().await;
        let us = plain(member(1));
        let answering = async {
            let mut stranger = Stranger::accepting(listener.accept().await.unwrap().0);
            stranger.hear().await.unwrap();
            stranger.say(Kind::Welcome, &welcome.encode_to_vec()).await;
            stranger.refusal().await
        };
        let (outcome, told) =
            soon(async { tokio::join!(Connection::dial(&address, &us, Expect::Member(MemberId(2)), Class::Log), answering) }).await;
        says(&outcome, &[why]);
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_let_go_after_a_while() {
    for us in [plain(member(2)), secure(member(2))] {
        let (listener, address) = listen().await;
        let begun = std::time::Instant::now();
        let silent = TcpStream::connect(&address).await.unwrap();
        let outcome = soon(accept(&listener, &us)).await;
        assert!(matches!(outcome, Err(ConnectError::Timeout { .. })), "{:?}", outcome.err());
        assert!(begun.elapsed() >= GREETING_TIMEOUT);
        drop(silent);
    }
}

#[tokio::test]
async fn a_greeting_that_is_cut_is_told_from_one_that_is_refused() {
    let us = plain(member(2));
    let (listener, address) = listen().await;
    let mut stranger = Stranger::dialling(&address).await;
    let hello = stranger.bytes(Kind::Hello, &Stranger::hello().encode_to_vec());
    stranger.send(&hello[..hello.len() - 1]).await;
    stranger.stream.shutdown().await.unwrap();
    let outcome = soon(accept(&listener, &us)).await;
    says(&outcome, &["the connection was cut: it ended", "bytes into a frame"]);
    assert_eq!(stranger.stream.read(&mut [0]).await.unwrap(), 0, "nothing is said to who is gone");
    let (listener, address) = listen().await;
    drop(listener);
    let outcome = Connection::dial(&address, &us, Expect::AnyMember, Class::Log).await;
    says(&outcome, &["connecting to 127.0.0.1", "refused"]);
}
