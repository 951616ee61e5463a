//! Whether the parts of a configuration fit together.
//!
//! Every check names the keys that it is about, so that whoever read them from a file can say where they stand. All checks are made: what
//! one finds does not hide what the next would.

use std::time::Duration;

use quorate_core::ids::Epoch;
use quorate_pipeline::registry::Registry;
use quorate_protocol::raft::{Configuration, Part};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use super::address::Address;
use super::{Config, Durability, Security};

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Misfit {
    /// The keys that it is about; the first is the one to change.
    pub keys: Vec<&'static str>,
    /// What does not fit, and what would.
    pub what: String,
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Misfit>);

impl Found {
    fn add(&mut self, keys: &[&'static str], what: impl Into<String>) {
        self.0.push(Misfit { keys: keys.to_vec(), what: what.into() });
    }
}

impl Config {
    /// What does not fit together. A node starts only if that is nothing.
    #[must_use]
    pub fn check(&self) -> Vec<Misfit> {
        let mut found = Found::default();
        self.check_members(&mut found);
        self.check_own_seat(&mut found);
        self.check_listeners(&mut found);
        self.check_raft(&mut found);
        self.check_amounts(&mut found);
        if let Err(error) = Registry::new().resolve(&self.backend) {
            found.add(&["consensus.backend"], error.to_string());
        }
        if let Err(error) = EnvFilter::builder().parse(&self.log.level) {
            let expected = "error, warn, info, debug, trace, or filters such as \"info,quorate_net=debug\"";
            found.add(&["log.level"], format!("log.level is {:?} ({error}); expected {expected}", self.log.level));
        }
        found.0
    }

    fn check_members(&self, found: &mut Found) {
        let key = &["cluster.members", "cluster.peers"];
        let seats = &self.cluster.members;
        if let Err(error) = Configuration::new(Epoch(0), seats.iter().map(super::Seat::peer)) {
            found.add(key, format!("cluster.members: {error}"));
        }
        let mut taken: Vec<(Address, String)> = Vec::new();
        for seat in seats {
            let id = seat.id;
            if id.0 == 0 {
                found.add(key, format!("a member has the id 0; expected ids from 1 (0 means a client){}", named(&seat.name)));
            }
            if seat.part == Part::Witness {
                found.add(key, format!("member {id} is a witness, which comes in a later version; expected a voter or a learner"));
            }
            if seats.iter().any(|other| other.id < id && other.name == seat.name) {
                found.add(key, format!("two members are called {:?}; expected a name for each", seat.name));
            }
            for (what, text) in [("address", &seat.address), ("client address", &seat.client)] {
                let Some(address) = reachable(key, &format!("the {what} of member {id}"), text, what == "client address", found) else {
                    continue;
                };
                let whose = format!("the {what} of member {id}");
                match taken.iter().find(|(other, _)| other.port != 0 && *other == address) {
                    Some((_, other)) => {
                        found.add(
                            key,
                            format!("{address} is {other} and {whose}; expected one address for each (see `client` of a member)"),
                        );
                    }
                    None => taken.push((address, whose)),
                }
            }
        }
    }

    fn check_own_seat(&self, found: &mut Found) {
        let key = &["node.id", "cluster.members", "cluster.peers", "cluster.join"];
        let ids: Vec<String> = self.cluster.members.iter().map(|seat| seat.id.to_string()).collect();
        match (self.seat(), self.cluster.join) {
            (None, false) => {
                let what = format!("node.id is {}, and the members are {}", self.node, ids.join(", "));
                found.add(key, what + "; expected one of them, or `cluster.join = true` if the cluster will add this node later");
            }
            (Some(_), true) => {
                let what = format!("cluster.join is true, and node.id {} is among the members at the cluster's birth", self.node);
                found.add(key, what + "; expected the id of a new member, or no join");
            }
            (Some(seat), false) => {
                for (key, own, listed) in [
                    ("node.address", Some(&self.address), &seat.address),
                    ("client.address", self.client.as_ref().map(|client| &client.address), &seat.client),
                ] {
                    let differ = own.filter(|own| Address::parse(own) != Address::parse(listed));
                    if let Some(own) = differ {
                        let what = format!("{key} is {own}, but in the list of members this node is at {listed}; expected the same");
                        found.add(&[key, "cluster.members", "cluster.peers", "node.id"], what);
                    }
                }
            }
            (None, true) => {
                if self.node.0 == 0 {
                    found.add(&["node.id"], "node.id is 0; expected an id from 1");
                }
            }
        }
    }

    fn check_listeners(&self, found: &mut Found) {
        let _ = reachable(&["node.address", "node.bind"], "node.address", &self.address, false, found);
        if let Some(client) = &self.client {
            let _ = reachable(&["client.address", "client.bind"], "client.address", &client.address, true, found);
        }
        let plain = self.security == Security::Plain;
        let listeners = [
            ("node.bind", Some(&self.bind), plain),
            ("client.bind", self.client.as_ref().map(|client| &client.bind), plain),
            // HTTP is plain text in any case.
            ("http.bind", self.http.as_ref(), true),
        ];
        let mut taken: Vec<(&'static str, Address)> = Vec::new();
        for (key, text, plain) in listeners {
            let Some(text) = text else { continue };
            let Some(address) = Address::parse(text) else {
                found.add(&[key], format!("{key} is {text:?}; expected {}", Address::EXPECTED));
                continue;
            };
            if plain && !self.insecure && !address.is_loopback() {
                let way = match (key, plain && self.security == Security::Plain) {
                    ("http.bind", _) => "an address of this machine alone, such as 127.0.0.1:7002",
                    _ => "TLS (security.ca, security.cert and security.key; `quorate config certs` makes them)",
                };
                let what = format!("{key} is {text}, which others can reach, and it would be plain text; expected {way}");
                found.add(&[key, "security.tls", "security.insecure"], what + ", or `security.insecure = true`");
            }
            if let Some((other, _)) = taken.iter().find(|(_, other)| other.collides(&address)) {
                found.add(&[key, other], format!("{key} is {text}, where {other} listens already; expected another port"));
            }
            taken.push((key, address));
        }
    }

    fn check_raft(&self, found: &mut Found) {
        if let Err(error) = self.raft.check() {
            let keys: &[&'static str] = match error.name {
                "heartbeat" => &["consensus.heartbeat_interval"],
                "election" => &["consensus.election_timeout", "consensus.heartbeat_interval"],
                "stagger" => &["consensus.election_stagger"],
                "reset_hint" => &["consensus.reset_hint", "consensus.election_stagger"],
                "drift_ppm" => &["consensus.clock_drift_ppm"],
                "append_bytes" => &["consensus.append_bytes"],
                "inflight" => &["consensus.appends_inflight"],
                "command_bytes" => &["consensus.command_bytes"],
                "cache_bytes" => &["consensus.cache_bytes"],
                "reads" => &["consensus.reads_waiting"],
                _ => &["consensus.uncommitted_bytes", "consensus.command_bytes"],
            };
            found.add(keys, format!("{} is {}; expected {}", keys[0], error.found, error.expected));
        }
    }

    fn check_amounts(&self, found: &mut Found) {
        let Self { snapshot, limits, network, .. } = self;
        for (key, value) in [
            ("storage.snapshot_interval", snapshot.interval),
            ("storage.snapshot_log_bytes", snapshot.log_bytes),
            ("storage.snapshots_kept", snapshot.keep as u64),
            ("limits.clients", limits.clients as u64),
            ("limits.requests", limits.requests as u64),
            ("limits.client_bytes", limits.client_bytes as u64),
            ("network.send_buffer", network.send_buffer.map_or(1, |bytes| bytes as u64)),
            ("network.receive_buffer", network.receive_buffer.map_or(1, |bytes| bytes as u64)),
        ] {
            if value == 0 {
                found.add(&[key], format!("{key} is 0; expected at least 1"));
            }
        }
        if limits.request_bytes <= self.raft.command_bytes {
            let what = format!("limits.request_bytes is {}; expected more than one command may have", limits.request_bytes);
            found.add(&["limits.request_bytes", "consensus.command_bytes"], format!("{what}, {}", self.raft.command_bytes));
        }
        let mut durations = vec![("limits.request_timeout", limits.request_timeout)];
        if let Durability::Interval(interval) = self.durability {
            durations.push(("storage.sync_interval", interval));
        }
        for (key, duration) in durations {
            if duration < Duration::from_millis(1) {
                found.add(&[key], format!("{key} is {duration:?}; expected at least 1ms"));
            }
        }
    }
}

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(", found at {name:?}") }
}

/// An address that others can be told.
fn reachable(keys: &[&'static str], whose: &str, text: &str, any_port: bool, found: &mut Found) -> Option<Address> {
    let Some(address) = Address::parse(text) else {
        found.add(keys, format!("{whose} is {text:?}; expected {}", Address::EXPECTED));
        return None;
    };
    if address.is_wildcard() {
        found.add(keys, format!("{whose} is {text}, where nobody can go; expected the address at which others reach it"));
    } else if address.port == 0 && !any_port {
        found.add(keys, format!("{whose} is {text}; expected a port from 1"));
    }
    Some(address)
}
