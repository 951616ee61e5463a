//! Which crates were yanked? Cargo knows, but has no command that tells, so this reads cargo's copy of the index.
//!
//! `cargo update --dry-run` makes cargo ask the registry about every locked crate and changes nothing. The copy is
//! one file a crate, in which each version is a line of JSON; how the lines are framed has changed over time, so the
//! reader looks for the JSON and ignores the rest. Without network or without that file, the answer is "unknown".

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::licences::{Pinned, WORKSPACES};
use crate::shell;

/// What is known of yanks.
pub(crate) enum Yanks {
    Known(Vec<Pinned>),
    /// With the reason.
    Unknown(String),
}

/// Which of the pinned crates were yanked.
pub(crate) fn yanked(pinned: &[Pinned]) -> Yanks {
    for workspace in WORKSPACES {
        let manifest = shell::root().join(workspace).join("Cargo.toml");
        let mut refresh = shell::cargo(&["update", "--dry-run", "--quiet", "--manifest-path"]);
        refresh.arg(manifest).env("CARGO_NET_RETRY", "0").env("CARGO_HTTP_TIMEOUT", "10");
        if shell::output(&mut refresh).is_err() {
            return Yanks::Unknown("the crate registry does not answer".to_owned());
        }
    }
    let indices = indices();
    let mut yanked = Vec::new();
    let mut unseen = 0_usize;
    for pinned in pinned {
        let entries = indices.iter().filter_map(|index| fs::read(index.join(place(&pinned.name))).ok());
        let verdicts: Vec<bool> = entries.filter_map(|entry| is_yanked(&entry, pinned)).collect();
        match verdicts.as_slice() {
            [] => unseen += 1,
            some if some.contains(&true) => yanked.push(pinned.clone()),
            _ => {}
        }
    }
    match unseen {
        0 => Yanks::Known(yanked),
        _ if !yanked.is_empty() => Yanks::Known(yanked),
        _ => Yanks::Unknown(format!("cargo's copy of the index lacks {unseen} of {} crates", pinned.len())),
    }
}

/// The folders in which cargo keeps copies of registries' indices.
fn indices() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let index = home.unwrap_or_default().join("registry").join("index");
    let folders = fs::read_dir(index).into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(".cache")).filter(|cache| cache.is_dir()).collect()
}

/// Where in an index a crate is described: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcdef`.
fn place(name: &str) -> PathBuf {
    let name = name.to_lowercase();
    match name.len() {
        0..=2 => Path::new(&name.len().to_string()).join(&name),
        3 => Path::new("3").join(&name[..1]).join(&name),
        _ => Path::new(&name[..2]).join(&name[2..4]).join(&name),
    }
}

/// Whether the entry says that this version was yanked; nothing if it does not speak of it.
fn is_yanked(entry: &[u8], pinned: &Pinned) -> Option<bool> {
    entry
        .split(|&byte| byte == 0 || byte == b'\n')
        .filter(|piece| piece.starts_with(b"{"))
        .filter_map(|piece| serde_json::from_slice::<Value>(piece).ok())
        .find(|line| line["name"] == pinned.name.as_str() && line["vers"] == pinned.version.as_str())
        .map(|line| line["yanked"] == true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yanked_version_is_found_among_the_others() {
        let entry = b"\x03\x02\0\0\0etag\x000.1.0\0{\"name\":\"x\",\"vers\":\"0.1.0\",\"yanked\":true}\x000.2.0\0\
            {\"name\":\"x\",\"vers\":\"0.2.0\",\"yanked\":false}\0";
        let verdict = |version: &str| is_yanked(entry, &Pinned { name: "x".to_owned(), version: version.to_owned() });
        assert_eq!((verdict("0.1.0"), verdict("0.2.0"), verdict("0.3.0")), (Some(true), Some(false), None));
    }

    #[test]
    fn places_are_those_of_cargo() {
        assert_eq!(place("cc"), Path::new("2/cc"));
        assert_eq!(place("syn"), Path::new("3/s/syn"));
        assert_eq!(place("Blake3"), Path::new("bl/ak/blake3"));
    }
}
