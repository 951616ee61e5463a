//! What a client is told: where members are, how to be sure that it is them, and how long to wait.
//!
//! A profile is a file that says it once, in TOML:
//!
//! ```toml
//! cluster = "demo"                                  # the cluster's name
//! endpoints = ["127.0.0.1:7001", "127.0.0.1:7011"]  # where some members serve clients
//! ca = "ca.pem"                                     # who vouches for members; paths are relative to this file
//! cert = "client.pem"                               # who this client is
//! key = "client.key"
//! ```
//!
//! In the place of the last three, `insecure = true` says in words that nothing is encrypted and nobody is checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_net::identity::{ClusterName, IdentityError};
use quorate_net::tls::{Credentials, Security};
use serde::Deserialize;
use thiserror::Error;

use super::limits::{Timeouts, Window};

/// What a client is told.
#[derive(Clone)]
pub struct ClientConfig {
    /// Where some of the members serve clients; the others are learned from them.
    pub endpoints: Vec<String>,
    /// The cluster.
    pub cluster: ClusterName,
    /// How connections are protected.
    pub security: Security,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// How much may be in flight in each session, and beside them.
    pub window: Window,
}

/// A profile, as far as it was said: by a file, on a command line, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The cluster's name.
    pub cluster: Option<String>,
    /// Where some members serve clients.
    pub endpoints: Option<Vec<String>>,
    /// A file with the certificates of who vouches for members.
    pub ca: Option<PathBuf>,
    /// A file with the client's certificate.
    pub cert: Option<PathBuf>,
    /// A file with its key.
    pub key: Option<PathBuf>,
    /// Nothing is encrypted, and nobody is checked.
    #[serde(default)]
    pub insecure: bool,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("the profile {path} cannot be read: {problem}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: std::io::Error,
    },
    /// It does not say what it should.
    #[error("{path}:{line}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, the first being 1.
        line: usize,
        /// What is wrong there, and what was expected.
        problem: String,
    },
    /// Something was not said.
    #[error("{missing} is not given; expected {expected}")]
    Missing {
        /// What.
        missing: &'static str,
        /// What would do.
        expected: &'static str,
    },
    /// Something was said that makes no sense.
    #[error("{what} is {found:?}; expected {expected}")]
    Wrong {
        /// What.
        what: &'static str,
        /// How it reads.
        found: String,
        /// What would do.
        expected: String,
    },
    /// No cluster is called so.
    #[error(transparent)]
    Cluster(#[from] IdentityError),
    /// The credentials cannot be used.
    #[error("the client's credentials cannot be used: {0}")]
    Credentials(String),
}

impl Profile {
    /// Reads a file. Paths in it are taken to be relative to it.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, or has keys or values that a profile does not have.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|problem| ProfileError::Unreadable { path: path.into(), problem })?;
        let mut profile: Self = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
            ProfileError::Malformed { path: path.into(), line, problem: error.message().trim().replace('\n', "; ") }
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut profile.ca, &mut profile.cert, &mut profile.key].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        Ok(profile)
    }

    /// What is said here, and where nothing is, what `other` says. How to be sure of members is taken from one of the two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let secured = self.insecure || self.ca.is_some() || self.cert.is_some() || self.key.is_some();
        Self {
            cluster: self.cluster.or(other.cluster),
            endpoints: self.endpoints.or(other.endpoints),
            insecure: if secured { self.insecure } else { other.insecure },
            // A path may be given beside a profile to replace one of its.
            ca: if self.insecure { None } else { self.ca.or(other.ca) },
            cert: if self.insecure { None } else { self.cert.or(other.cert) },
            key: if self.insecure { None } else { self.key.or(other.key) },
        }
    }

    /// Reads the credentials, and makes a configuration of it all.
    ///
    /// # Errors
    /// If something is missing, or cannot be used.
    pub fn resolve(self) -> Result<ClientConfig, ProfileError> {
        let endpoints = self.endpoints.filter(|endpoints| !endpoints.is_empty());
        let endpoints = endpoints.ok_or(ProfileError::Missing {
            missing: "where members serve clients",
            expected: "endpoints, such as \"127.0.0.1:7001,127.0.0.1:7011\"",
        })?;
        for endpoint in &endpoints {
            let port = endpoint.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() {
                let expected = "an address with a port, such as 127.0.0.1:7001".into();
                return Err(ProfileError::Wrong { what: "an endpoint", found: endpoint.clone(), expected });
            }
        }
        let security = match (self.insecure, self.ca, self.cert, self.key) {
            (true, None, None, None) => Security::Plain,
            (true, ..) => {
                let expected = "false beside ca, cert or key".into();
                return Err(ProfileError::Wrong { what: "insecure", found: "true".into(), expected });
            }
            (false, Some(ca), Some(cert), Some(key)) => {
                let credentials = Credentials::read(&ca, &cert, &key).map_err(|error| ProfileError::Credentials(error.to_string()))?;
                Security::Tls(Arc::new(credentials))
            }
            (false, ca, cert, _) => {
                let missing = if ca.is_none() {
                    "ca"
                } else if cert.is_none() {
                    "cert"
                } else {
                    "key"
                };
                return Err(ProfileError::Missing { missing, expected: "all three of ca, cert and key, or insecure = true" });
            }
        };
        let cluster = match (self.cluster, &security) {
            (Some(name), _) => name.parse()?,
            // A certificate names its cluster.
            (None, Security::Tls(credentials)) => credentials.identity().cluster.clone(),
            (None, Security::Plain) => return Err(ProfileError::Missing { missing: "cluster", expected: "the cluster's name" }),
        };
        Ok(ClientConfig { endpoints, cluster, security, timeouts: Timeouts::default(), window: Window::default() })
    }
}

impl ClientConfig {
    /// Reads a profile that says everything.
    ///
    /// # Errors
    /// If it cannot be read, or something is missing or cannot be used.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        Profile::read(path)?.resolve()
    }
}
