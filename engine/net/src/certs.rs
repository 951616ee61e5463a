//! Certificates: an authority of a cluster's own, what it issues to members and clients, and what a certificate says.
//!
//! A member's certificate names it as `quorate://CLUSTER/MEMBER` and serves both ends of a connection; a client's names it as
//! `quorate://CLUSTER/client/NAME` and can only dial. Keys are ECDSA on P-256. Whoever makes a certificate says what time it is. A file
//! with a key is readable for its owner only, from its first byte on, and appears whole or not at all.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_env::rng::{Entropy, Rng as _};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use crate::identity::{ClusterName, Identity, IdentityError, Who};

/// The authority's certificate, in its folder.
pub const AUTHORITY_CERTIFICATE: &str = "ca.pem";
/// The authority's key, in its folder.
pub const AUTHORITY_KEY: &str = "ca.key";
const AUTHORITY_NAME: &str = "Quorate certificate authority";
/// Certificates are valid from so long ago, since clocks differ.
const BEFOREHAND: Duration = Duration::from_secs(60 * 60);

/// Why there is no certificate, or none that is of use.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{doing} {path}: {error}", path = .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What came of it.
        error: io::Error,
    },
    /// It is not in PEM, or no certificate.
    #[error("{what} is malformed: {problem}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It names nobody, or several.
    #[error("the certificate names {0} identities; expected one, as an alternative name quorate://…")]
    Identities(usize),
    /// It names somebody in a wrong way.
    #[error("the certificate's alternative name: {0}")]
    Identity(#[from] IdentityError),
    /// It cannot be made.
    #[error("making a certificate: {0}")]
    Making(String),
}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self::Making(error.to_string())
    }
}

/// Whoever issues a cluster's certificates.
pub struct Authority {
    cluster: ClusterName,
    issuer: Issuer<'static, KeyPair>,
    cert_pem: String,
}

/// A certificate and its key.
pub struct Issued {
    /// The certificate.
    pub cert_pem: String,
    /// The key: whoever has it is who the certificate says.
    pub key_pem: String,
}

impl Authority {
    /// A new authority of a cluster.
    ///
    /// # Errors
    /// If the machine cannot make keys, or the time is not one that a certificate can name.
    pub fn new(cluster: ClusterName, now: SystemTime, validity: Duration) -> Result<Self, CertificateError> {
        let mut params = params(now, validity)?;
        params.distinguished_name = named(AUTHORITY_NAME, &cluster);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let cert_pem = params.self_signed(&key)?.pem();
        Ok(Self { cluster, issuer: Issuer::new(params, key), cert_pem })
    }

    /// The authority whose files are in this folder.
    ///
    /// # Errors
    /// If they cannot be read, or are no authority's.
    pub fn read(dir: &Path) -> Result<Self, CertificateError> {
        let (cert, key) = (dir.join(AUTHORITY_CERTIFICATE), dir.join(AUTHORITY_KEY));
        let (cert_pem, key_pem) = (read(&cert)?, read(&key)?);
        let malformed = |path: &Path, problem: String| CertificateError::Malformed { what: path.display().to_string(), problem };
        let said = describe(&cert_pem)?;
        if !said.authority {
            return Err(malformed(&cert, "it is no authority's certificate; expected one that may issue others".into()));
        }
        let cluster = said.organization.as_deref().unwrap_or_default().parse()?;
        let key = KeyPair::from_pem(&key_pem).map_err(|error| malformed(&key, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, key).map_err(|error| malformed(&cert, error.to_string()))?;
        Ok(Self { cluster, issuer, cert_pem })
    }

    /// Writes the files into a folder, which is made if there is none. Files that are there already are never replaced.
    ///
    /// # Errors
    /// If they cannot be written, or are there.
    pub fn write(&self, dir: &Path) -> Result<(), CertificateError> {
        let made = fs::create_dir_all(dir);
        made.map_err(|error| CertificateError::File { doing: "making folder", path: dir.to_owned(), error })?;
        write(&dir.join(AUTHORITY_KEY), &self.issuer.key().serialize_pem(), Secret::Yes, Existing::Keep)?;
        write(&dir.join(AUTHORITY_CERTIFICATE), &self.cert_pem, Secret::No, Existing::Keep)
    }

    /// Whose authority it is.
    #[must_use]
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// The certificate by which others know what it issued.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// A certificate for somebody. Host names and addresses are for other software: members are known by their identity alone.
    ///
    /// # Errors
    /// If a host is none, or the time is not one that a certificate can name.
    pub fn issue(&self, who: &Who, hosts: &[String], now: SystemTime, validity: Duration) -> Result<Issued, CertificateError> {
        let identity = Identity::new(self.cluster.clone(), who.clone());
        let mut params = params(now, validity)?;
        params.distinguished_name = named(&who.to_string(), &self.cluster);
        params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
        params.subject_alt_names.insert(0, SanType::URI(identity.to_string().try_into()?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match who {
            Who::Member(_) => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            Who::Client(_) => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Issued { cert_pem: params.signed_by(&key, &self.issuer)?.pem(), key_pem: key.serialize_pem() })
    }
}

impl Issued {
    /// Writes `NAME.pem` and `NAME.key` into a folder, in the place of what is there. The key comes first.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, dir: &Path, name: &str) -> Result<(), CertificateError> {
        write(&dir.join(format!("{name}.key")), &self.key_pem, Secret::Yes, Existing::Replace)?;
        write(&dir.join(format!("{name}.pem")), &self.cert_pem, Secret::No, Existing::Replace)
    }
}

fn params(now: SystemTime, validity: Duration) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::default();
    let (from, until) = (now.checked_sub(BEFOREHAND), now.checked_add(validity));
    let date = |time: Option<SystemTime>| {
        let time = time.and_then(|time| asn1(time).ok());
        time.map(|time| time.to_datetime()).ok_or_else(|| CertificateError::Making("there is no such time in certificates".into()))
    };
    (params.not_before, params.not_after) = (date(from)?, date(until)?);
    let mut serial = [0; 16];
    Entropy.fill(&mut serial);
    // A serial number is positive and has no zeros in front.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn named(name: &str, cluster: &ClusterName) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::OrganizationName, cluster.as_str());
    named.push(DnType::CommonName, name);
    named
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whom it names; none if nobody, as an authority's.
    pub identity: Option<Identity>,
    /// Whether it may issue others.
    pub authority: bool,
    /// Its subject.
    pub subject: String,
    /// The organization of its subject, which in an authority's certificate is the cluster.
    pub organization: Option<String>,
    /// Who issued it.
    pub issuer: String,
    /// Its serial number.
    pub serial: String,
    /// The other names that it has.
    pub hosts: Vec<String>,
    /// From when on it is valid.
    pub not_before: SystemTime,
    /// Until when.
    pub not_after: SystemTime,
}

impl Description {
    /// Whether it is valid at this time.
    #[must_use]
    pub fn is_valid(&self, now: SystemTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Some(identity) => write!(f, "{identity}")?,
            None => write!(f, "{}", self.subject)?,
        }
        write!(f, " (issued by {}, valid from {} until {})", self.issuer, date(self.not_before), date(self.not_after))
    }
}

/// Says what the first certificate of a PEM text is.
///
/// # Errors
/// If it is none.
pub fn describe(pem: &str) -> Result<Description, CertificateError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| CertificateError::Malformed { what: "the certificate".into(), problem: error.to_string() })?;
    describe_der(&der)
}

/// Says what a certificate is.
///
/// # Errors
/// If it is none.
pub fn describe_der(der: &[u8]) -> Result<Description, CertificateError> {
    let certificate = parsed(der)?;
    let names = names(&certificate)?;
    let hosts = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => Some(address(bytes)),
        _ => None,
    });
    let organization = certificate.subject().iter_organization().next().and_then(|name| name.as_str().ok()).map(str::to_owned);
    Ok(Description {
        hosts: hosts.collect(),
        identity: identity_in(&names).ok(),
        authority: certificate.is_ca(),
        subject: certificate.subject().to_string(),
        organization,
        issuer: certificate.issuer().to_string(),
        serial: certificate.tbs_certificate.raw_serial_as_string(),
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
    })
}

/// Whom a certificate names.
///
/// # Errors
/// If it is none, or names nobody, or several.
pub fn identity_of(der: &[u8]) -> Result<Identity, CertificateError> {
    identity_in(&names(&parsed(der)?)?)
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    let malformed = |problem: String| CertificateError::Malformed { what: "the certificate".into(), problem };
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok((rest, _)) => Err(malformed(format!("{} bytes follow its end; expected none", rest.len()))),
        Err(error) => Err(malformed(error.to_string())),
    }
}

fn names<'a>(certificate: &X509Certificate<'a>) -> Result<Vec<GeneralName<'a>>, CertificateError> {
    let malformed = |problem: String| CertificateError::Malformed { what: "the certificate's alternative name".into(), problem };
    let names = certificate.subject_alternative_name().map_err(|error| malformed(error.to_string()))?;
    Ok(names.map_or_else(Vec::new, |names| names.value.general_names.clone()))
}

fn identity_in(names: &[GeneralName<'_>]) -> Result<Identity, CertificateError> {
    let uris: Vec<&str> = names.iter().filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None }).collect();
    match uris[..] {
        [uri] => Ok(uri.parse()?),
        _ => Err(CertificateError::Identities(uris.len())),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(four).to_string();
    }
    <[u8; 16]>::try_from(bytes).map_or_else(|_| format!("{bytes:02x?}"), |sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

fn time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let since = Duration::from_secs(seconds.unsigned_abs());
    let at = if seconds < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
    at.unwrap_or(UNIX_EPOCH)
}

fn asn1(time: SystemTime) -> Result<ASN1Time, ()> {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).map_err(|_| ())?,
        Err(before) => -i64::try_from(before.duration().as_secs()).map_err(|_| ())?,
    };
    ASN1Time::from_timestamp(seconds).map_err(|_| ())
}

/// A time as text.
#[must_use]
pub fn date(time: SystemTime) -> String {
    asn1(time).ok().and_then(|time| time.to_rfc2822().ok()).unwrap_or_else(|| format!("{time:?}"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

fn read(path: &Path) -> Result<String, CertificateError> {
    fs::read_to_string(path).map_err(|error| CertificateError::File { doing: "reading", path: path.to_owned(), error })
}

/// Writes a file beside its place, and moves it there when it is whole and durable.
fn write(path: &Path, text: &str, secret: Secret, existing: Existing) -> Result<(), CertificateError> {
    let failed = |error| CertificateError::File { doing: "writing", path: path.to_owned(), error };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", Entropy.next_u64()));
    let beside = path.with_file_name(name);
    let written = whole(&beside, text, secret).and_then(|()| match existing {
        Existing::Replace => fs::rename(&beside, path),
        // A link is never made over a file that is there.
        Existing::Keep => fs::hard_link(&beside, path).and_then(|()| fs::remove_file(&beside)),
    });
    if written.is_err() {
        // What failed is told; that its remains cannot be removed as well says nothing more.
        let _ = fs::remove_file(&beside);
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    written.and_then(|()| fs::File::open(dir)?.sync_all()).map_err(failed)
}

fn whole(path: &Path, text: &str, secret: Secret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret == Secret::Yes {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
