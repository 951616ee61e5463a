//! Certificates are made, written, read back, and say what they are.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_core::ids::MemberId;
use quorate_net::certs::{Authority, CertificateError, describe, identity_of};
use quorate_net::identity::Who;
use quorate_net::tls::Credentials;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quorate-net-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn authority() -> Authority {
    Authority::new("demo".parse().unwrap(), SystemTime::now(), 365 * DAY).unwrap()
}

fn member() -> Who {
    Who::Member(MemberId(3))
}

#[test]
fn a_certificate_says_whom_it_names_who_issued_it_and_how_long_it_is_valid() {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let hosts = ["node-3.example".to_owned(), "10.0.0.3".to_owned(), "::1".to_owned()];
    let issued = authority().issue(&member(), &hosts, now, 30 * DAY).unwrap();
    let said = describe(&issued.cert_pem).unwrap();
    assert_eq!(said.identity.as_ref().unwrap().to_string(), "quorate://demo/3");
    assert!(!said.authority && said.issuer.contains("Quorate certificate authority") && said.issuer.contains("demo"));
    assert_eq!(said.subject, "O=demo, CN=member 3");
    assert_eq!(said.hosts, hosts);
    assert_eq!(said.not_after, now + 30 * DAY);
    assert!(said.is_valid(now) && said.is_valid(now + 30 * DAY));
    assert!(!said.is_valid(now + 31 * DAY) && !said.is_valid(now - DAY));
    let text = said.to_string();
    assert!(text.starts_with("quorate://demo/3 (issued by ") && text.contains("until Sun, 14 Feb 2027 08:00:00 +0000"), "{text}");
    let client = authority().issue(&Who::client("ops").unwrap(), &[], now, DAY).unwrap();
    assert_eq!(describe(&client.cert_pem).unwrap().identity.unwrap().to_string(), "quorate://demo/client/ops");
}

#[test]
fn an_authority_is_written_and_read_back_and_never_replaced() {
    let folder = Folder::new("authority");
    let first = authority();
    first.write(&folder.0.join("certs")).unwrap();
    let again = Authority::read(&folder.0.join("certs")).unwrap();
    assert_eq!((again.cluster(), again.cert_pem()), (first.cluster(), first.cert_pem()));
    let issued = again.issue(&member(), &[], SystemTime::now(), DAY).unwrap();
    Credentials::from_pem(first.cert_pem(), &issued.cert_pem, &issued.key_pem).unwrap().check(SystemTime::now()).unwrap();
    let error = authority().write(&folder.0.join("certs")).unwrap_err();
    assert!(error.to_string().contains("ca.key") && error.to_string().contains("exists"), "{error}");
    assert_eq!(Authority::read(&folder.0.join("certs")).unwrap().cert_pem(), first.cert_pem());
    assert_eq!(std::fs::read_dir(folder.0.join("certs")).unwrap().count(), 2, "nothing is left lying about");
}

#[cfg(unix)]
#[test]
fn keys_are_readable_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("keys");
    authority().write(&folder.0).unwrap();
    for _ in 0..2 {
        authority().issue(&member(), &[], SystemTime::now(), DAY).unwrap().write(&folder.0, "node-3").unwrap();
    }
    let mode = |name: &str| std::fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("ca.key"), mode("node-3.key")], [0o600, 0o600]);
    assert_ne!(mode("node-3.pem") & 0o044, 0, "certificates are for everybody");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 4);
}

#[test]
fn what_is_no_authority_is_not_taken_for_one() {
    let folder = Folder::new("no-authority");
    let missing = Authority::read(&folder.0).err().unwrap();
    assert!(matches!(missing, CertificateError::File { .. }) && missing.to_string().contains("ca.pem"), "{missing}");
    let issued = authority().issue(&member(), &[], SystemTime::now(), DAY).unwrap();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(folder.0.join("ca.pem"), &issued.cert_pem).unwrap();
    std::fs::write(folder.0.join("ca.key"), &issued.key_pem).unwrap();
    let error = Authority::read(&folder.0).err().unwrap().to_string();
    assert!(error.contains("it is no authority's certificate; expected one that may issue others"), "{error}");
}

#[test]
fn credentials_of_no_use_are_told_at_once() {
    let authority = authority();
    let issue = |who| authority.issue(&who, &[], SystemTime::now(), DAY).unwrap();
    let (mine, other) = (issue(member()), issue(Who::Member(MemberId(4))));
    let why = |ca: &str, cert: &str, key: &str| Credentials::from_pem(ca, cert, key).err().expect("they are bad").to_string();
    let ca = authority.cert_pem();
    assert!(why(ca, &mine.cert_pem, &other.key_pem).starts_with("the key: it is not the key of the certificate"));
    assert!(why(ca, "", &mine.key_pem).contains("the certificate: it has no certificate in PEM; expected one at least"));
    assert!(why("nonsense", &mine.cert_pem, &mine.key_pem).starts_with("the authority's certificate"));
    assert!(why(ca, &mine.cert_pem, &mine.cert_pem).starts_with("the key: it is no key in PEM"));
    assert!(why(ca, ca, &mine.key_pem).contains("names 0 identities; expected one"));
    let stale = authority.issue(&member(), &[], SystemTime::now() - 9 * DAY, DAY).unwrap();
    let stale = Credentials::from_pem(ca, &stale.cert_pem, &stale.key_pem).unwrap();
    assert!(stale.check(SystemTime::now()).unwrap_err().to_string().contains("it has expired"));
    stale.check(SystemTime::now() - 9 * DAY).unwrap();
    let folder = Folder::new("credentials");
    let path = folder.0.join("missing.pem");
    assert!(Credentials::read(&path, &path, &path).err().unwrap().to_string().contains("missing.pem"));
}

#[test]
fn no_changed_or_missing_byte_makes_reading_a_certificate_panic() {
    let pem = authority().issue(&member(), &["host".into()], SystemTime::now(), DAY).unwrap().cert_pem;
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    assert_eq!(identity_of(&der).unwrap().to_string(), "quorate://demo/3");
    for at in 0..der.len() {
        assert!(identity_of(&der[..at]).is_err());
        let mut changed = der.to_vec();
        changed[at] ^= 0x55;
        if let Err(error) = identity_of(&changed) {
            assert!(!error.to_string().is_empty());
        }
    }
    assert!(identity_of(&[&der[..], &[0]].concat()).unwrap_err().to_string().contains("1 bytes follow its end"));
}
