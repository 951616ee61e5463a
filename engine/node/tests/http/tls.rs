//! With TLS: who is let in, and who is not.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quorate_core::ids::MemberId;
use quorate_net::certs::{Authority, Issued};
use quorate_net::identity::Who;
use quorate_net::tls::{Credentials, Security};
use quorate_node::http::HttpOptions;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Answer, ask_over, connect, read};
use crate::served::Served;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn authority() -> Authority {
    Authority::new("http".parse().unwrap(), SystemTime::now(), YEAR).unwrap()
}

fn issued(authority: &Authority, who: &Who) -> Issued {
    authority.issue(who, &["localhost".into()], SystemTime::now(), YEAR).unwrap()
}

fn served(authority: &Authority) -> Served {
    let own = issued(authority, &Who::Member(MemberId(1)));
    let credentials = Credentials::from_pem(authority.cert_pem(), &own.cert_pem, &own.key_pem).unwrap();
    Served::begin(HttpOptions { security: Security::Tls(Arc::new(credentials)), ..HttpOptions::default() })
}

/// A client that trusts an authority, and shows a certificate if it has one.
fn client(served: &Served, trusts: &Authority, shows: Option<&Issued>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusts.cert_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = match shows {
        None => config.with_no_client_auth(),
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_slice(own.cert_pem.as_bytes()).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).unwrap()).unwrap()
        }
    };
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    StreamOwned::new(session, connect(served.address))
}

/// One request, which may be refused at any step.
fn try_ask(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> std::io::Result<Answer> {
    stream.write_all(b"PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx")?;
    stream.flush()?;
    read(&mut BufReader::new(stream))
}

#[test]
fn whoever_shows_a_certificate_of_the_cluster_is_served() {
    let authority = authority();
    let served = served(&authority);
    let own = issued(&authority, &Who::Client("tester".into()));
    let value: Vec<u8> = (0..900_000_u32).map(|number| number as u8).collect();
    let put = ask_over(&mut client(&served, &authority, Some(&own)), "PUT", "/v1/kv/long", &[], &value);
    assert_eq!(put.status, 200, "{}", put.text());
    let raw = [("accept", "application/octet-stream")];
    let got = ask_over(&mut client(&served, &authority, Some(&own)), "GET", "/v1/kv/long", &raw, b"");
    assert!(got.status == 200 && got.body == value, "{}: {} bytes", got.status, got.body.len());
}

#[test]
fn whoever_shows_none_or_anothers_is_not_and_nothing_is_done() {
    let authority = authority();
    let served = served(&authority);
    let other = self::authority();
    let stranger = issued(&other, &Who::Client("tester".into()));
    assert!(try_ask(&mut client(&served, &authority, None)).is_err(), "without a certificate");
    assert!(try_ask(&mut client(&served, &authority, Some(&stranger))).is_err(), "with one of another authority");
    let mut plain = connect(served.address);
    plain.write_all(b"PUT /v1/kv/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx").unwrap();
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "without TLS: {}", String::from_utf8_lossy(&rest));
    let own = issued(&authority, &Who::Client("tester".into()));
    let got = ask_over(&mut client(&served, &authority, Some(&own)), "GET", "/v1/kv/a", &[], b"");
    assert_eq!(got.status, 404, "{}", got.text());
}

#[test]
fn curl_gets_in_with_the_files_that_the_authority_wrote() {
    if !Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return;
    }
    let authority = authority();
    let served = served(&authority);
    let folder = std::env::temp_dir().join(format!("quorate-http-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let own = issued(&authority, &Who::Client("tester".into()));
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (ca, cert, key) = (write("ca.pem", authority.cert_pem()), write("own.pem", &own.cert_pem), write("own.key", &own.key_pem));
    let url = format!("https://localhost:{}/v1/status", served.address.port());
    let path = |path: &Path| path.display().to_string();
    let arguments = ["--silent", "--show-error", "--cacert", &path(&ca), "--cert", &path(&cert), "--key", &path(&key), &url];
    let output = Command::new("curl").args(arguments).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("\"cluster\":\"http\""), "{text}{errors}");
}
