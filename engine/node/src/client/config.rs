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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this text, which goes with its folder.
    fn read(test: &str, text: &str) -> Result<Profile, ProfileError> {
        let folder = std::env::temp_dir().join(format!("quorate-profile-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("client.toml");
        std::fs::write(&path, text).unwrap();
        let read = Profile::read(&path);
        std::fs::remove_dir_all(&folder).unwrap();
        read
    }

    fn refusal<T>(result: Result<T, ProfileError>) -> String {
        result.err().expect("it is refused").to_string()
    }

    #[test]
    fn a_profile_says_how_to_reach_a_cluster_with_paths_relative_to_itself() {
        let text = "cluster = \"demo\"\nendpoints = [\"127.0.0.1:7001\"]\nca = \"ca.pem\"\ncert = \"/c.pem\"\nkey = \"keys/c.key\"\n";
        let profile = read("whole", text).unwrap();
        assert_eq!(profile.endpoints, Some(vec!["127.0.0.1:7001".into()]));
        assert!(profile.ca.is_some_and(|ca| ca.is_absolute() && ca.ends_with("ca.pem")));
        assert_eq!(profile.cert, Some("/c.pem".into()));
        assert!(profile.key.is_some_and(|key| key.is_absolute() && key.ends_with("keys/c.key")));
    }

    #[test]
    fn what_is_wrong_in_a_profile_is_named_with_its_line_and_what_was_expected() {
        let error = refusal(read("unknown", "cluster = \"demo\"\n\nkeys = \"c.key\"\n"));
        assert!(error.contains("client.toml:3: unknown field `keys`, expected one of `cluster`, `endpoints`"), "{error}");
        let error = refusal(read("type", "endpoints = \"127.0.0.1:7001\"\n"));
        assert!(error.contains("client.toml:1: invalid type: string") && error.contains("expected a sequence"), "{error}");
        assert!(refusal(read("syntax", "cluster = \n")).contains("client.toml:1: "));
        assert!(refusal(Profile::read(Path::new("/nowhere/client.toml"))).starts_with("the profile /nowhere/client.toml cannot be read: "));
    }

    #[test]
    fn what_is_typed_comes_before_what_a_profile_says() {
        let path = |name: &str| Some(PathBuf::from(name));
        let profile = Profile { cluster: Some("demo".into()), ca: path("ca"), cert: path("cert"), key: path("key"), ..Profile::default() };
        let both = Profile { cert: path("mine"), ..Profile::default() }.or(profile.clone());
        assert_eq!((both.cluster, both.ca, both.cert, both.insecure), (Some("demo".into()), path("ca"), path("mine"), false));
        let insecure = Profile { insecure: true, ..Profile::default() }.or(profile);
        assert_eq!((insecure.ca, insecure.insecure), (None, true));
    }

    #[test]
    fn a_configuration_needs_endpoints_and_either_credentials_or_words_that_there_are_none() {
        let plain =
            Profile { cluster: Some("demo".into()), endpoints: Some(vec!["127.0.0.1:7001".into()]), insecure: true, ..Profile::default() };
        assert!(matches!(plain.clone().resolve().unwrap().security, Security::Plain));
        let refused = |change: fn(&mut Profile)| {
            let mut profile = plain.clone();
            change(&mut profile);
            refusal(profile.resolve())
        };
        assert!(refused(|profile| profile.endpoints = Some(Vec::new())).starts_with("where members serve clients is not given"));
        let expected = "an endpoint is \"here\"; expected an address with a port, such as 127.0.0.1:7001";
        assert_eq!(refused(|profile| profile.endpoints = Some(vec!["here".into()])), expected);
        assert!(refused(|profile| profile.insecure = false).starts_with("ca is not given; expected all three"));
        assert_eq!(refused(|profile| profile.ca = Some("ca".into())), "insecure is \"true\"; expected false beside ca, cert or key");
        assert_eq!(refused(|profile| profile.cluster = None), "cluster is not given; expected the cluster's name");
        assert!(refused(|profile| profile.cluster = Some("De mo".into())).contains("De mo"));
    }
}
