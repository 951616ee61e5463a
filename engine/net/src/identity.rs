//! Who somebody is: a member of a cluster, or one of its clients.
//!
//! An identity is written as `quorate://CLUSTER/MEMBER` or `quorate://CLUSTER/client/NAME`. That text stands in the certificate, as an
//! alternative name of its subject, and has one form: what is read is written again as the same bytes.

use std::fmt;
use std::str::FromStr;

use quorate_core::ids::MemberId;
use thiserror::Error;

/// The longest name of a cluster or a client.
const NAME_MAX: usize = 63;
const SCHEME: &str = "quorate://";

/// A cluster's name, for people: small letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(String);

/// Somebody in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// A member. Its id is not 0.
    Member(MemberId),
    /// A client, by name: letters, digits, `.`, `_` and `-`.
    Client(String),
}

/// Somebody, and in which cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterName,
    /// Who.
    pub who: Who,
}

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It is no name of a cluster.
    #[error("a cluster's name is {0:?}; expected 1 to {NAME_MAX} small letters, digits or hyphens")]
    Cluster(String),
    /// It is no name of a client.
    #[error("a client's name is {0:?}; expected 1 to {NAME_MAX} letters, digits, dots, underscores or hyphens")]
    Client(String),
    /// It is no id of a member.
    #[error("a member's id is {0:?}; expected a number from 1 on, without leading zeros")]
    Member(String),
    /// It has another form.
    #[error("found {0:?}; expected {SCHEME}CLUSTER/MEMBER or {SCHEME}CLUSTER/client/NAME")]
    Form(String),
}

impl ClusterName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if is_name(text, fits) { Ok(Self(text.to_owned())) } else { Err(IdentityError::Cluster(shortened(text))) }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Who {
    /// A client of this name.
    ///
    /// # Errors
    /// If clients are not called so.
    pub fn client(name: &str) -> Result<Self, IdentityError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if is_name(name, fits) { Ok(Self::Client(name.to_owned())) } else { Err(IdentityError::Client(shortened(name))) }
    }

    /// The member's id, if it is one.
    #[must_use]
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(id) => Some(*id),
            Self::Client(_) => None,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id) => write!(f, "member {id}"),
            Self::Client(name) => write!(f, "client {name}"),
        }
    }
}

impl Identity {
    /// Somebody in a cluster.
    #[must_use]
    pub fn new(cluster: ClusterName, who: Who) -> Self {
        Self { cluster, who }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Member(id) => write!(f, "{SCHEME}{}/{id}", self.cluster),
            Who::Client(name) => write!(f, "{SCHEME}{}/client/{name}", self.cluster),
        }
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let form = || IdentityError::Form(shortened(text));
        let (cluster, who) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).ok_or_else(form)?;
        let cluster = cluster.parse()?;
        let who = match who.split_once('/') {
            Some(("client", name)) => Who::client(name)?,
            Some(_) => return Err(form()),
            None => {
                let id: Option<u64> = who.parse().ok().filter(|id: &u64| *id > 0 && id.to_string() == who);
                Who::Member(MemberId(id.ok_or_else(|| IdentityError::Member(shortened(who)))?))
            }
        };
        Ok(Self { cluster, who })
    }
}

fn is_name(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// As much of a text from outside as a message should hold.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(80).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_as_it_is_read() {
        for text in ["quorate://demo/1", "quorate://a-1/18446744073709551615", "quorate://demo/client/ops.1_A-b"] {
            assert_eq!(text.parse::<Identity>().unwrap().to_string(), text);
        }
        let long = format!("quorate://{}/client/{}", "c".repeat(NAME_MAX), "n".repeat(NAME_MAX));
        assert_eq!(long.parse::<Identity>().unwrap().to_string(), long);
    }

    #[test]
    fn what_names_nobody_is_refused_with_what_was_expected() {
        let wrong = [
            "",
            "quorate://",
            "quorate:///1",
            "quorate://demo",
            "quorate://demo/",
            "quorate://demo/0",
            "quorate://demo/01",
            "quorate://demo/+1",
            "quorate://demo/-1",
            "quorate://demo/18446744073709551616",
            "quorate://Demo/1",
            "quorate://demo_/1",
            "quorate://demo/1/",
            "quorate://demo/member/1",
            "quorate://demo/client/",
            "quorate://demo/client/a b",
            "quorate://demo/client/a/b",
            "https://demo/1",
            "Quorate://demo/1",
        ];
        for text in wrong {
            let error = text.parse::<Identity>().unwrap_err();
            assert!(error.to_string().contains("expected"), "{text}: {error}");
        }
        assert!(format!("quorate://{}/1", "c".repeat(NAME_MAX + 1)).parse::<Identity>().is_err());
        assert!("x".repeat(10_000).parse::<Identity>().unwrap_err().to_string().len() < 300);
    }
}
