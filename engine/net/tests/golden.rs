//! The bytes of frames are those of this build. After a deliberate change, with the version of the wire raised, write them anew:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-net --test golden
//! ```
//!
//! The certificates beside them are read, not matched: each that is made is another.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use std::time::{Duration, UNIX_EPOCH};

use quorate_core::ids::MemberId;
use quorate_net::certs::{Authority, describe_der};
use quorate_net::frame::{HEADER_BYTES, Kind};
use quorate_net::identity::Who;
use quorate_net::{raft, samples};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/wire").join(name)
}

/// One line a frame: its header and its body in hexadecimal, and what it is.
fn frames() -> String {
    let mut text = String::new();
    for (name, bytes) in samples::frames() {
        for (at, byte) in bytes.iter().enumerate() {
            write!(text, "{}{byte:02x}", if at == HEADER_BYTES { "." } else { "" }).unwrap();
        }
        writeln!(text, " {name}").unwrap();
    }
    text
}

#[test]
fn frames_are_the_pinned_bytes() {
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(fixture("frames.txt").parent().unwrap()).unwrap();
        std::fs::write(fixture("frames.txt"), frames()).unwrap();
    }
    let pinned = std::fs::read_to_string(fixture("frames.txt")).unwrap();
    for (now, pinned) in frames().lines().zip(pinned.lines()) {
        assert_eq!(now, pinned, "the wire has changed: if that is meant, raise its version and write the file anew");
    }
    assert_eq!(frames().lines().count(), pinned.lines().count());
}

#[test]
fn the_pinned_bytes_read_as_what_they_were_written_from() {
    let pinned = std::fs::read_to_string(fixture("frames.txt")).unwrap();
    let mut messages = samples::messages().into_iter();
    for (line, (name, kind, body)) in pinned.lines().zip(samples::bodies()) {
        let hex: String = line.split_once(' ').unwrap().0.chars().filter(|character| *character != '.').collect();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let frame = samples::read(kind, &bytes).expect(&name);
        assert_eq!((frame.kind, &frame.body), (kind, &body), "{name}");
        if kind == Kind::Raft {
            assert_eq!(raft::decode(&frame.body).unwrap(), messages.next().unwrap());
        }
    }
    assert!(messages.next().is_none());
}

#[test]
fn a_header_is_laid_out_as_its_module_says() {
    let (_, bytes) = samples::frames().swap_remove(0);
    // Magic, no version yet, hello, no flags, partition 0, the body's length.
    let length = ((bytes.len() - HEADER_BYTES) as u32).to_le_bytes();
    let head: Vec<u8> = [*b"QRTF", [0, 1, 0, 0], [0; 4], length].concat();
    assert_eq!(bytes[..16], head);
}

#[test]
fn the_pinned_certificates_say_what_they_are() {
    let made = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let valid = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        let authority = Authority::new("demo".parse().unwrap(), made, valid).unwrap();
        let issued = authority.issue(&Who::Member(MemberId(2)), &["node-2".into(), "10.0.0.2".into()], made, valid).unwrap();
        for (name, pem) in [("authority.der", authority.cert_pem()), ("member.der", &issued.cert_pem)] {
            std::fs::write(fixture(name), CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        }
    }
    let said = |name: &str| describe_der(&std::fs::read(fixture(name)).unwrap()).unwrap();
    let (authority, member) = (said("authority.der"), said("member.der"));
    assert!(authority.authority && authority.identity.is_none() && !member.authority);
    assert_eq!(member.identity.unwrap().to_string(), "quorate://demo/2");
    assert_eq!((member.issuer, member.hosts), (authority.subject, vec!["node-2".to_owned(), "10.0.0.2".to_owned()]));
    assert_eq!((member.not_after, authority.not_after), (made + valid, made + valid));
}
