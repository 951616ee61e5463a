//! Whether the certificates that a configuration names are what a node needs.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use quorate_net::certs::date;
use quorate_net::identity::{Identity, Who};
use quorate_net::tls::Credentials;
use quorate_node::config::{Config, Security};
use serde_json::json;

use crate::commands::doctor::{Check, Status};

/// A certificate that ends so soon is worth a word.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
const MAKE: &str = "`quorate config certs` makes certificates";

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let Security::Tls { ca, cert, key } = &config.security else { return Vec::new() };
    vec![certificate(config, ca, cert, key, SystemTime::now()), key_file(key)]
}

/// Certificate, key and authority belong together, name this node, and are valid now.
fn certificate(config: &Config, ca: &Path, cert: &Path, key: &Path, now: SystemTime) -> Check {
    let bad = |found: String| Check::fine("tls", found, json!({ "cert": cert })).but(Status::Problem, MAKE);
    let credentials = match Credentials::read(ca, cert, key) {
        Ok(credentials) => credentials,
        Err(error) => return bad(error.to_string()),
    };
    let expected = Identity::new(config.cluster.name.clone(), Who::Member(config.node));
    if *credentials.identity() != expected {
        return bad(format!("{} is the certificate of {}; expected {expected}", cert.display(), credentials.identity()));
    }
    if let Err(error) = credentials.check(now) {
        return bad(format!("{}: {}", cert.display(), error.problem));
    }
    let until = credentials.own().not_after;
    let values = json!({ "cert": cert, "identity": expected.to_string(), "valid_until": date(until) });
    let check = Check::fine("tls", format!("{expected}, valid until {}", date(until)), values);
    match until.duration_since(now) {
        Ok(left) if left < SOON => check.but(Status::Note, format!("that is in {} days; {MAKE}", left.as_secs() / (24 * 3600))),
        _ => check,
    }
}

/// Nobody else may read the key.
#[cfg(unix)]
fn key_file(key: &Path) -> Check {
    use std::os::unix::fs::PermissionsExt as _;
    match fs::metadata(key) {
        Err(error) => Check::fine("key", format!("{}: {error}", key.display()), json!({ "key": key })).but(Status::Problem, MAKE),
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            let values = json!({ "key": key, "mode": format!("{mode:03o}") });
            let check = Check::fine("key", format!("{}, mode {mode:03o}", key.display()), values);
            if mode & 0o077 == 0 { check } else { check.but(Status::Problem, format!("others may read it: chmod 600 {}", key.display())) }
        }
    }
}

/// Nobody else may read the key; this system does not say who may.
#[cfg(not(unix))]
fn key_file(key: &Path) -> Check {
    match fs::metadata(key) {
        Err(error) => Check::fine("key", format!("{}: {error}", key.display()), json!({ "key": key })).but(Status::Problem, MAKE),
        Ok(_) => Check::fine("key", key.display().to_string(), json!({ "key": key })),
    }
}
