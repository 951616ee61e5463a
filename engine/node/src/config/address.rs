//! Addresses, as people write them: `host:port`, `127.0.0.1:7000`, `[::1]:7000`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The host, without brackets, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// What is expected where an address does not read.
    pub const EXPECTED: &'static str = "HOST:PORT, such as \"127.0.0.1:7000\", \"[::1]:7000\" or \"node-2.example.net:7000\"";

    /// Reads one; a scheme `tcp://` before it is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("tcp://").unwrap_or(text);
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string(),
            None => host.to_ascii_lowercase(),
        };
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let good = host.parse::<Ipv6Addr>().is_ok() && text.starts_with('[')
            || !host.is_empty() && host.len() <= 253 && host.bytes().all(named) && !host.starts_with(['-', '.']);
        good.then_some(Self { host, port })
    }

    /// The host as a number, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.ip().map_or(self.host == "localhost", |ip| ip.is_loopback())
    }

    /// Whether it means every address of this machine, so that nobody can be told to go there.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// The same host at another port.
    #[must_use]
    pub fn at(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// Whether two listeners would be in each other's way.
    #[must_use]
    pub fn collides(&self, other: &Self) -> bool {
        self.port == other.port && self.port != 0 && (self.host == other.host || self.is_wildcard() || other.is_wildcard())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, same) in [
            ("127.0.0.1:7000", "127.0.0.1:7000"),
            ("[::1]:80", "[::1]:80"),
            ("[0:0::1]:80", "[::1]:80"),
            ("Node-2.Cluster.local:7000", "node-2.cluster.local:7000"),
            ("tcp://0.0.0.0:5555", "0.0.0.0:5555"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), same);
        }
        for text in ["", ":1", "a", "a:", "a:b", "a:70000", "a:+1", "::1:80", "[::1:80", "[a]:1", "a b:1", "-a:1", "http://a:1"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn who_can_reach_an_address_is_known() {
        let is = |text| Address::parse(text).map(|address| (address.is_loopback(), address.is_wildcard()));
        assert_eq!(is("localhost:1"), Some((true, false)));
        assert_eq!(is("127.9.9.9:1"), Some((true, false)));
        assert_eq!(is("[::]:1"), Some((false, true)));
        assert_eq!(is("10.0.0.1:1"), Some((false, false)));
    }

    #[test]
    fn every_address_of_a_machine_is_in_the_way_of_each() {
        let collide = |one, other| Address::parse(one).unwrap().collides(&Address::parse(other).unwrap());
        assert!(collide("0.0.0.0:1", "127.0.0.1:1") && collide("a:1", "a:1"));
        assert!(!collide("a:1", "a:2") && !collide("a:1", "b:1") && !collide("a:0", "a:0"));
    }
}
