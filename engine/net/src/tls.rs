//! TLS: who may talk to whom, and how that is proven.
//!
//! TLS 1.3 with certificates on both sides, made by the cluster's own authority. The chain is checked during the handshake, as webpki
//! does it; who the certificate names is checked right behind it, before a byte of what the other sends is looked at, so that the reason of
//! a refusal can be told over a connection that is up. Names of hosts play no part. There is no resumption: connections live long.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme, version,
};
use thiserror::Error;

use crate::certs::{Description, date, describe_der, identity_of};
use crate::identity::Identity;

/// How connections are secured.
#[derive(Clone)]
pub enum Security {
    /// Not at all: who is at the other end is what it says.
    Plain,
    /// With TLS, and these credentials.
    Tls(Arc<Credentials>),
}

/// Whom to trust, and how to prove who one is.
pub struct Credentials {
    identity: Identity,
    own: Description,
    authorities: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

/// Why credentials are of no use.
#[derive(Debug, Error)]
#[error("{file}: {problem}")]
pub struct CredentialsError {
    /// The file, or what would be in it.
    pub file: String,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl Credentials {
    /// Reads the authority's certificate, the own certificate with what leads from it to the authority, and its key.
    ///
    /// # Errors
    /// If a file cannot be read, or certificate and key do not belong together. Whether others would accept them, [`Self::check`] says.
    pub fn read(ca: &Path, cert: &Path, key: &Path) -> Result<Self, CredentialsError> {
        let read = |path: &Path| {
            let file = path.display().to_string();
            fs::read(path).map(|bytes| (file.clone(), bytes)).map_err(|error| CredentialsError { file, problem: error.to_string() })
        };
        Self::new(read(ca)?, read(cert)?, read(key)?)
    }

    /// The same from PEM texts.
    ///
    /// # Errors
    /// If one of them is none, or certificate and key do not belong together.
    pub fn from_pem(ca: &str, cert: &str, key: &str) -> Result<Self, CredentialsError> {
        let named = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        Self::new(named("the authority's certificate", ca), named("the certificate", cert), named("the key", key))
    }

    fn new(ca: (String, Vec<u8>), cert: (String, Vec<u8>), key: (String, Vec<u8>)) -> Result<Self, CredentialsError> {
        let failed = |file: &str, problem: String| CredentialsError { file: file.to_owned(), problem };
        let (authorities, chain) = (certificates(&ca)?, certificates(&cert)?);
        let own = describe_der(&chain[0]).map_err(|error| failed(&cert.0, error.to_string()))?;
        let identity = identity_of(&chain[0]).map_err(|error| failed(&cert.0, error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|error| failed(&ca.0, error.to_string()))?;
        }
        let secret = PrivateKeyDer::from_pem_slice(&key.1).map_err(|error| failed(&key.0, format!("it is no key in PEM: {error}")))?;
        let verifier = Arc::new(Chain::new(roots, &authorities).map_err(|error| failed(&ca.0, error))?);
        let mismatch = |error: rustls::Error| failed(&key.0, format!("it is not the key of {}: {error}", cert.0));
        let versions = |error: rustls::Error| failed("TLS 1.3", error.to_string());
        let mut client = ClientConfig::builder_with_provider(verifier.provider.clone())
            .with_protocol_versions(&[&version::TLS13])
            .map_err(versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_auth_cert(chain.clone(), secret.clone_key())
            .map_err(mismatch)?;
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        let mut server = ServerConfig::builder_with_provider(verifier.provider.clone())
            .with_protocol_versions(&[&version::TLS13])
            .map_err(versions)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), secret)
            .map_err(mismatch)?;
        server.send_tls13_tickets = 0;
        Ok(Self { identity, own, authorities, chain, client: Arc::new(client), server: Arc::new(server) })
    }

    /// Who they prove one to be.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the own certificate says.
    #[must_use]
    pub fn own(&self) -> &Description {
        &self.own
    }

    /// Whether somebody with the same authority would accept the certificate at this time.
    ///
    /// # Errors
    /// If nobody would, with the reason.
    pub fn check(&self, now: SystemTime) -> Result<(), CredentialsError> {
        let failed = |problem: String| CredentialsError { file: "the certificate".into(), problem };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        let chain = Chain::new(roots, &self.authorities).map_err(failed)?;
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let checked = chain.verify_client_cert(&self.chain[0], &self.chain[1..], now);
        checked.map(drop).map_err(|error| failed(reason(&error)))
    }

    /// How TLS is spoken with whoever connects, for connections that are not this crate's. Whom a certificate names is still to be checked.
    #[must_use]
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }

    pub(crate) fn dialling(&self) -> Result<rustls::Connection, rustls::Error> {
        // Nobody is asked for this name, and nobody's is held against it.
        let name = ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
        let mut connection = ClientConnection::new(self.client.clone(), name)?;
        connection.set_buffer_limit(None);
        Ok(connection.into())
    }

    pub(crate) fn accepting(&self) -> Result<rustls::Connection, rustls::Error> {
        let mut connection = ServerConnection::new(self.server.clone())?;
        connection.set_buffer_limit(None);
        Ok(connection.into())
    }
}

fn certificates((file, pem): &(String, Vec<u8>)) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let failed = |problem: String| CredentialsError { file: file.clone(), problem };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| failed(format!("it is no certificate in PEM: {error}")))?;
    if found.is_empty() { Err(failed("it has no certificate in PEM; expected one at least".into())) } else { Ok(found) }
}

/// What a TLS error says, for people.
pub(crate) fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(refused))) => refused.to_string(),
        rustls::Error::NoCertificatesPresented => "it showed no certificate; expected one from the cluster's authority".into(),
        rustls::Error::AlertReceived(alert) => format!("the other end refused it: alert {alert:?}"),
        other => other.to_string(),
    }
}

/// A certificate that was refused.
#[derive(Debug, Error)]
#[error("found the certificate of {found}: {why}; expected one that is valid now ({now}) and issued by {expected}")]
struct Refused {
    found: String,
    why: String,
    now: String,
    expected: String,
}

/// Checks that certificates were issued by the cluster's authority and are valid.
#[derive(Debug)]
struct Chain {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    authorities: String,
}

impl Chain {
    fn new(roots: RootCertStore, authorities: &[CertificateDer<'_>]) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let clients = clients.map_err(|error| error.to_string())?;
        let named = authorities.iter().map(|der| describe_der(der).map_or_else(|error| error.to_string(), |said| named(&said)));
        let authorities = named.collect::<Vec<_>>().join(" or ");
        Ok(Self { provider, roots, clients, authorities })
    }

    fn explained(&self, certificate: &CertificateDer<'_>, now: UnixTime, error: rustls::Error) -> rustls::Error {
        let found = describe_der(certificate).map_or_else(|error| error.to_string(), |said| said.to_string());
        let why = match &error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                "its issuer's key is not one that is trusted here".to_owned()
            }
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. } | CertificateError::Expired) => {
                "it has expired".to_owned()
            }
            rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { .. } | CertificateError::NotValidYet) => {
                "it is not valid yet".to_owned()
            }
            other => other.to_string(),
        };
        let now = date(UNIX_EPOCH + Duration::from_secs(now.as_secs()));
        let refused = Refused { found, why, now, expected: self.authorities.clone() };
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
    }
}

fn named(said: &Description) -> String {
    format!("{} (serial {})", said.subject, said.serial)
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let checked = ParsedCertificate::try_from(end_entity)
            .and_then(|parsed| verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms));
        checked.map(|()| ServerCertVerified::assertion()).map_err(|error| self.explained(end_entity, now, error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Chain {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.clients.verify_client_cert(end_entity, intermediates, now).map_err(|error| self.explained(end_entity, now, error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.clients.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}
