//! Imports run one way. This file is the design's table of layers, and the check that the crates keep to it.
//!
//! A crate may import from any lower layer, never from its own or a higher one; that is what keeps `pipeline` and
//! `protocol` apart. Dev-dependencies count as imports. What a crate may see of the operating system is [`crate::purity`].

use crate::crates::{self, Member};
use crate::{purity, shell};

/// From the lowest to the highest; crates of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["engine/core"],
    &["engine/telemetry", "engine/env"],
    &["engine/pipeline", "engine/protocol"],
    &["engine/storage"],
    &["engine/sim"],
    &["ml"],
    &["engine/kv"],
    &["engine/net"],
    &["engine/node"],
    &["engine/quorate"],
    &["engine/python", "engine/capi"],
];

/// Crates that stand beside the layers, and the only crates of the workspace that each may import.
const BESIDE: &[(&str, &[&str])] = &[
    ("engine/xtask", &[]),
    ("benches", &["engine/core", "engine/env", "engine/pipeline", "engine/quorate", "engine/storage"]),
    ("monitor-app/ui", &["engine/core", "engine/telemetry"]),
    ("monitor-app/desktop", &["engine/core", "engine/telemetry", "monitor-app/ui"]),
];

/// Imports against the order that the tests of a crate are allowed, with the reason: (who, whom, why).
const ALLOWED_IN_TESTS: &[(&str, &str, &str)] = &[];

/// What is measured in `benches/peers` and must never be linked into the product, not even into its tests.
const RIVALS: &[&str] = &["raft", "raft-proto", "fjall", "openraft", "omnipaxos", "etcd-client"];
const RIVAL_FAMILIES: &[&str] = &["informalsystems-malachitebft-", "malachitebft-"];

/// The whole check. Returns what was looked at.
pub(crate) fn run() -> Result<String, String> {
    let members = crates::members()?;
    let mut violations = violations(&members);
    let lock = std::fs::read_to_string(shell::root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    violations.extend(rivals_locked(&lock));
    violations.extend(purity::violations(&members)?);
    if violations.is_empty() { Ok(format!("{} crates import only downwards", members.len())) } else { Err(violations.join("\n")) }
}

fn violations(members: &[Member]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        if rank(&member.folder).is_none() && beside(&member.folder).is_none() {
            found.push(format!("{} ({}) has no layer; give it one in engine/xtask/src/layers.rs", member.name, member.folder));
        }
        for need in &member.needs {
            if is_rival(&need.name) {
                found.push(format!("{} depends on {}, a rival: measure it in benches/peers instead", member.name, need.name));
            }
            let Some(whom) = &need.folder else { continue };
            let excused = need.kind == "dev" && ALLOWED_IN_TESTS.iter().any(|&(who, allowed, _)| who == member.folder && allowed == whom);
            if let Some(reason) = forbidden(&member.folder, whom)
                && !excused
            {
                found.push(format!("{} imports {whom} ({}): {reason}", member.folder, need.kind));
            }
        }
    }
    found
}

/// Why `who` may not import `whom`, if it may not.
fn forbidden(who: &str, whom: &str) -> Option<String> {
    if let Some(allowed) = beside(who) {
        let list = if allowed.is_empty() { "nothing of the workspace".to_owned() } else { allowed.join(" and ") };
        return (!allowed.contains(&whom)).then(|| format!("it may import {list}"));
    }
    match (rank(who), rank(whom)) {
        (Some(own), Some(other)) if other < own => None,
        (Some(own), Some(other)) if other == own => Some("both are of one layer".to_owned()),
        (Some(_), Some(_)) => Some("imports run from high layers to low ones".to_owned()),
        _ => Some("it stands beside the layers, and nothing in them imports it".to_owned()),
    }
}

fn rank(folder: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&folder))
}

fn beside(folder: &str) -> Option<&'static [&'static str]> {
    BESIDE.iter().find(|(name, _)| *name == folder).map(|&(_, allowed)| allowed)
}

fn is_rival(name: &str) -> bool {
    RIVALS.contains(&name) || RIVAL_FAMILIES.iter().any(|family| name.starts_with(family))
}

fn rivals_locked(lock: &str) -> Vec<String> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .filter(|name| is_rival(name))
        .map(|name| format!("{name}, a rival, is in Cargo.lock: some dependency brings it in"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crates::Need;

    fn member(folder: &str, needs: &[(&str, &str)]) -> Member {
        let need = |&(whom, kind): &(&str, &str)| Need {
            name: whom.rsplit('/').next().unwrap_or(whom).to_owned(),
            folder: whom.contains('/').then(|| whom.to_owned()),
            kind: kind.to_owned(),
        };
        Member { name: folder.to_owned(), folder: folder.to_owned(), needs: needs.iter().map(need).collect() }
    }

    fn caught(folder: &str, whom: &str, kind: &str) -> bool {
        !violations(&[member(folder, &[(whom, kind)])]).is_empty()
    }

    #[test]
    fn imports_from_below_are_allowed() {
        assert!(!caught("engine/pipeline", "engine/core", "normal"));
        assert!(!caught("engine/node", "engine/protocol", "dev"));
        assert!(!caught("monitor-app/ui", "engine/telemetry", "normal"));
        assert!(!caught("engine/core", "blake3", "normal"));
    }

    #[test]
    fn imports_from_above_are_caught() {
        assert!(caught("engine/core", "engine/pipeline", "normal"));
        assert!(caught("engine/storage", "engine/sim", "dev"));
        assert!(caught("engine/core", "engine/xtask", "build"));
    }

    #[test]
    fn pipeline_and_protocol_never_meet() {
        assert!(caught("engine/pipeline", "engine/protocol", "normal"));
        assert!(caught("engine/protocol", "engine/pipeline", "dev"));
    }

    #[test]
    fn the_monitor_sees_core_and_telemetry_only() {
        assert!(caught("monitor-app/ui", "engine/node", "normal"));
    }

    #[test]
    fn a_crate_without_a_layer_is_caught() {
        assert!(!violations(&[member("engine/utils", &[])]).is_empty());
    }

    #[test]
    fn rivals_are_caught_directly_and_in_the_lockfile() {
        assert!(caught("engine/quorate", "raft", "dev"));
        assert!(caught("engine/node", "informalsystems-malachitebft-core-votekeeper", "normal"));
        assert_eq!(rivals_locked("[[package]]\nname = \"openraft\"\nversion = \"1.0.0\"\n").len(), 1);
        assert!(rivals_locked("[[package]]\nname = \"raft-like\"\n").is_empty());
    }
}
