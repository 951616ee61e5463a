//! `core`, `protocol` and `sim` are given time and randomness; they never ask the operating system for them.
//!
//! Two checks. Nothing that they link, however deep, brings a runtime or an entropy source. And their own sources
//! name neither clocks, sockets nor threads (a plain scan, which reads code up to the file's unit tests and skips comments).

use std::collections::BTreeSet;

use crate::crates::Member;
use crate::shell;
use crate::tidy::sources_in;

const PURE: &[&str] = &["engine/core", "engine/protocol", "engine/sim"];

/// Crates that must not be linked: async runtimes, and ways to the operating system's randomness.
const UNWELCOME: &[&str] = &["tokio", "async-std", "smol", "mio", "getrandom", "rand_os"];

/// Paths that must not be named. `time::Instant` also catches `std::time::Instant`.
const UNSEEN: &[&str] = &["time::Instant", "time::SystemTime", "std::net", "std::thread", "thread::spawn", "thread::sleep"];

/// Everything that is wrong, one line each.
pub(crate) fn violations(members: &[Member]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for member in members.iter().filter(|member| PURE.contains(&member.folder.as_str())) {
        let arguments = ["tree", "--package", &member.name, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
        let tree = shell::output(&mut shell::cargo(&arguments))?;
        found.extend(linked(&tree).into_iter().map(|name| format!("{} links {name}", member.name)));
        for source in sources_in(&shell::root().join(&member.folder).join("src"))? {
            let text = std::fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
            found.extend(
                named(&text).into_iter().map(|path| format!("{} names {path}: time and randomness are arguments here", source.display())),
            );
        }
    }
    Ok(found)
}

fn linked(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| UNWELCOME.contains(name)).collect()
}

/// The unwelcome paths that a source names outside of comments and unit tests.
fn named(source: &str) -> Vec<&'static str> {
    let mut code = String::new();
    for line in source.lines() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push(' ');
    }
    let imports: Vec<String> = code
        .split(';')
        .filter_map(|statement| statement.rsplit_once("use ").filter(|(before, _)| !before.ends_with(char::is_alphanumeric)))
        .flat_map(|(_, tree)| expanded("", &tree.split_whitespace().collect::<String>()))
        .collect();
    let tight: String = code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ::", "::").replace(":: ", "::");
    UNSEEN.iter().copied().filter(|path| mentions(&tight, path) || imports.iter().any(|import| mentions(import, path))).collect()
}

/// Whether `text` holds `path` as whole words.
fn mentions(text: &str, path: &str) -> bool {
    let word = |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    text.match_indices(path).any(|(at, _)| !word(text[..at].chars().next_back()) && !word(text[at + path.len()..].chars().next()))
}

/// The paths of a use tree: `std::{net, time::{Duration, Instant}}` is three.
fn expanded(prefix: &str, tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else {
        return vec![format!("{prefix}{tree}")];
    };
    let prefix = format!("{prefix}{before}");
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start, mut paths) = (0_u32, 0, Vec::new());
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                paths.extend(expanded(&prefix, &inside[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    paths.extend(expanded(&prefix, &inside[start..]));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_seen_however_it_is_imported() {
        assert_eq!(named("use std::time::Instant;"), ["time::Instant"]);
        assert_eq!(named("fn f() {}\nuse std::{\n    fmt,\n    time::{Duration, SystemTime},\n};"), ["time::SystemTime"]);
        assert_eq!(named("fn f() { let t = std::time::Instant::now(); }"), ["time::Instant"]);
        assert_eq!(named("use std::time;\nfn f() { time::Instant::now(); }"), ["time::Instant"]);
        assert_eq!(named("use std::{net, fmt};"), ["std::net"]);
        assert_eq!(named("fn f() { std::thread::scope(|_| ()); }"), ["std::thread"]);
    }

    #[test]
    fn durations_comments_own_names_and_tests_are_left_alone() {
        assert!(named("use std::time::Duration;\n// std::net is not for us\nstruct Instant;").is_empty());
        assert!(named("fn f() {}\n#[cfg(test)]\nmod tests { use std::thread; }").is_empty());
        assert!(named("use crate::std::netting;").is_empty());
    }

    #[test]
    fn an_entropy_source_is_seen_however_deep() {
        assert_eq!(linked("a v1.0.0\nrand_core v0.9.0\ngetrandom v0.3.0\n"), BTreeSet::from(["getrandom"]));
        assert!(linked("rand_core v0.9.0\n").is_empty());
    }
}
