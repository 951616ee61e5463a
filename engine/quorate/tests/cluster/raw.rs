//! Somebody who speaks TLS and knows how frames are made, and keeps to no rule.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::PartitionId;
use quorate_net::certs::Issued;
use quorate_net::frame::{Agreed, FrameReader, FrameWriter, Kind, VERSION_NEWEST, VERSION_OLDEST};
use quorate_net::wire::link::{self, Class};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned, version};

/// How long is waited for the other end to do anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes everybody for whom they say they are.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A connection over TLS, after hello and welcome.
pub(crate) struct Raw {
    tls: StreamOwned<ClientConnection, TcpStream>,
    writer: FrameWriter,
    kind: Kind,
}

impl Raw {
    /// Connects with this certificate, says hello as a member or, if the id is 0, as the client "raw", and is welcomed.
    pub(crate) fn greet(issued: &Issued, member: u64, class: Class, address: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(issued.cert_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous))
            .with_client_auth_cert(chain, key)
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        let hello = link::Hello {
            oldest_version: VERSION_OLDEST.into(),
            newest_version: VERSION_NEWEST.into(),
            cluster: "proc".into(),
            member,
            class: class.into(),
            client: if member == 0 { "raw".into() } else { String::new() },
            ..link::Hello::default()
        };
        let mut writer = FrameWriter::greeting(Kind::Hello);
        let mut bytes = BytesMut::new();
        writer.push(&mut bytes, Kind::Hello, PartitionId(0), |out| hello.encode_raw(out)).unwrap();
        tls.write_all(&bytes).unwrap();
        let (mut reader, mut come, mut piece) = (FrameReader::greeting(Kind::Welcome), BytesMut::new(), [0; 4096]);
        let frame = loop {
            let read = tls.read(&mut piece).unwrap();
            assert!(read > 0, "it is not welcomed");
            come.extend_from_slice(&piece[..read]);
            if let Some(frame) = reader.next(&mut come).unwrap() {
                break frame;
            }
        };
        assert_eq!(frame.kind, Kind::Welcome, "{frame:?}");
        let welcome = link::Welcome::decode(frame.body).unwrap();
        let kind = if class == Class::Client { Kind::Requests } else { Kind::Raft };
        // What it may send is for the other end to say.
        writer.agree(Agreed { version: VERSION_NEWEST, salt: welcome.salt, kind: None, limit: usize::MAX, compression: false });
        Self { tls, writer, kind }
    }

    /// The next frame, which counts as sent.
    pub(crate) fn frame(&mut self, body: &[u8]) -> Vec<u8> {
        self.frame_of(self.kind, body)
    }

    pub(crate) fn frame_of(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        self.writer.push(&mut bytes, kind, PartitionId(1), |out| out.extend_from_slice(body)).unwrap();
        bytes.to_vec()
    }

    /// Sends bytes, as one would send frames.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.tls.write_all(bytes).unwrap();
        self.tls.flush().unwrap();
    }

    /// Sends bytes, and then what stood on the wire once more, as somebody could who listens on the way.
    pub(crate) fn send_and_repeat(&mut self, bytes: &[u8]) {
        self.tls.conn.writer().write_all(bytes).unwrap();
        let mut wire = Vec::new();
        while self.tls.conn.wants_write() {
            self.tls.conn.write_tls(&mut wire).unwrap();
        }
        self.tls.sock.write_all(&[&wire[..], &wire[..]].concat()).unwrap();
    }

    /// Reads until the other end has ended the connection.
    pub(crate) fn ended(&mut self) {
        let mut piece = [0; 4096];
        loop {
            match self.tls.read(&mut piece) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let late = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
                    assert!(!late, "the connection goes on after what it was sent");
                    return;
                }
            }
        }
    }
}
