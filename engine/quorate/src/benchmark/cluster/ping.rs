//! What a message over TLS costs at least: two threads, blocking sockets, and rustls between them, with nothing else to do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use miette::{IntoDiagnostic as _, Result, miette};
use quorate_core::ids::MemberId;
use quorate_net::certs::Authority;
use quorate_net::identity::Who;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned, version};

/// About as long as a request and an answer.
const BYTES: usize = 128;
const VALID: Duration = Duration::from_secs(24 * 3600);

/// Somebody who says back what is said to it, and the connection there.
pub(super) struct Ping {
    stream: StreamOwned<ClientConnection, TcpStream>,
    echo: Option<JoinHandle<()>>,
}

impl Ping {
    /// Makes the connection.
    pub(super) fn new() -> Result<Self> {
        let name = "ping".parse().into_diagnostic()?;
        let authority = Authority::new(name, SystemTime::now(), VALID).into_diagnostic()?;
        let issued = authority.issue(&Who::Member(MemberId(1)), &["127.0.0.1".into()], SystemTime::now(), VALID).into_diagnostic()?;
        let cert = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).into_diagnostic();
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).into_diagnostic()?;
        let mut roots = RootCertStore::empty();
        roots.add(cert(authority.cert_pem())?).into_diagnostic()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .into_diagnostic()?
            .with_no_client_auth()
            .with_single_cert(vec![cert(&issued.cert_pem)?], key)
            .into_diagnostic()?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .into_diagnostic()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let door = TcpListener::bind("127.0.0.1:0").into_diagnostic()?;
        let address = door.local_addr().into_diagnostic()?;
        let echo = std::thread::spawn(move || {
            let Ok((stream, _)) = door.accept() else { return };
            let Ok(connection) = ServerConnection::new(Arc::new(server)) else { return };
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let mut stream = StreamOwned::new(connection, stream);
            let mut bytes = [0; BYTES];
            while stream.read_exact(&mut bytes).is_ok() && stream.write_all(&bytes).and_then(|()| stream.flush()).is_ok() {}
        });
        let stream = TcpStream::connect(address).into_diagnostic()?;
        stream.set_nodelay(true).into_diagnostic()?;
        let name = ServerName::try_from("127.0.0.1").into_diagnostic()?;
        let connection = ClientConnection::new(Arc::new(client), name).into_diagnostic()?;
        Ok(Self { stream: StreamOwned::new(connection, stream), echo: Some(echo) })
    }

    /// Says something and waits until it comes back, so many times.
    pub(super) fn run(&mut self, times: usize, took: &mut Vec<Duration>) -> Result<()> {
        let mut bytes = [7; BYTES];
        for _ in 0..times {
            let begun = Instant::now();
            let said = self.stream.write_all(&bytes).and_then(|()| self.stream.flush()).and_then(|()| self.stream.read_exact(&mut bytes));
            said.map_err(|error| miette!("the raw TLS connection failed: {error}"))?;
            took.push(begun.elapsed());
        }
        Ok(())
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        let _ = self.stream.sock.shutdown(std::net::Shutdown::Both);
        if let Some(echo) = self.echo.take() {
            let _ = echo.join();
        }
    }
}
