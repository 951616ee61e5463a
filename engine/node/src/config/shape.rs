//! What may stand at a key, and how it reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_pipeline::registry::nearest;

use super::address::Address;
use super::members::{self, Item};
use super::text::{Mark, Node, Value};

/// What may stand at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number between two others, both included.
    Count(u64, u64),
    /// A number of bytes, or a text such as `"64MiB"`.
    Bytes,
    /// A text such as `"150ms"`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of an algorithm.
    Algorithm,
    /// Host and port.
    Address,
    /// Host and port, a port of this machine alone, or `"off"`.
    Listener,
    /// A path; one that does not begin at the root begins at the file's directory.
    Path,
    /// A member's number, or its name.
    Node,
    /// A list of members.
    Members,
}

/// What stood there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    Text(String),
    Flag(bool),
    Count(u64),
    Duration(Duration),
    Address(Address),
    Off,
    Path(PathBuf),
    Members(Vec<Item>),
}

/// What is wrong with a value, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Mark,
    pub(super) what: String,
}

/// Algorithms that come in a later version.
const LATER: &[&str] =
    &["paxos", "multi_paxos", "pbft", "slush", "snowflake", "snowball", "snowman", "chain", "avalanche", "dag", "post_quantum"];

/// Where paths begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    /// The file's directory.
    pub(super) directory: &'a Path,
    /// What `~` means.
    pub(super) home: Option<&'a Path>,
}

impl Shape {
    /// Reads a value. `name` is the key as it was written.
    pub(super) fn read(self, name: &str, milliseconds: bool, node: &Node, base: Base<'_>) -> Result<Setting, Vec<Wrong>> {
        if self == Self::Members {
            return members::read(name, node).map(Setting::Members);
        }
        let expected = if milliseconds { "a whole number of milliseconds".to_owned() } else { self.expected() };
        let wrong = |more: &str| vec![Wrong { at: node.at, what: format!("{name} is {}{more}; expected {expected}", node.value.shown()) }];
        let found = match (self, &node.value) {
            (Self::Duration, Value::Whole(number)) if milliseconds => {
                let duration = u64::try_from(*number).ok().map(Duration::from_millis);
                duration.filter(|duration| *duration <= LONGEST).map(Setting::Duration)
            }
            (Self::Duration, Value::Text(text)) if !milliseconds => duration(text).map(Setting::Duration),
            (Self::Flag, Value::Flag(flag)) => Some(Setting::Flag(*flag)),
            (Self::Count(least, most), Value::Whole(number)) => {
                u64::try_from(*number).ok().filter(|number| (least..=most).contains(number)).map(Setting::Count)
            }
            (Self::Bytes, Value::Whole(number)) => u64::try_from(*number).ok().map(Setting::Count),
            (Self::Bytes, Value::Text(text)) => bytes(text).map(Setting::Count),
            (Self::Text, Value::Text(text)) => Some(Setting::Text(text.clone())),
            (Self::Node, Value::Text(text)) if !text.is_empty() => Some(Setting::Text(text.clone())),
            (Self::Node, Value::Whole(number)) => u64::try_from(*number).ok().filter(|number| *number > 0).map(Setting::Count),
            (Self::Address | Self::Listener, Value::Text(text)) if Address::parse(text).is_some() => {
                Address::parse(text).map(Setting::Address)
            }
            (Self::Listener, Value::Text(text)) if text == "off" => Some(Setting::Off),
            (Self::Listener, Value::Flag(false)) => Some(Setting::Off),
            (Self::Listener, Value::Whole(port)) => {
                u16::try_from(*port).ok().map(|port| Setting::Address(Address { host: "127.0.0.1".into(), port }))
            }
            (Self::Path, Value::Text(text)) if !text.is_empty() => Some(Setting::Path(path(text, base))),
            (Self::Choice(words), Value::Text(text)) => {
                let word = text.to_lowercase();
                if !words.contains(&word.as_str()) {
                    return Err(wrong(&meant(nearest(&word, words.iter().copied()))));
                }
                Some(Setting::Text(word))
            }
            (Self::Algorithm, Value::Text(text)) => {
                let word = snake(text);
                if LATER.contains(&word.as_str()) {
                    return Err(wrong(", which comes in a later version"));
                }
                if !["raft", "gpu_optimized_raft"].contains(&word.as_str()) {
                    return Err(wrong(&meant(nearest(&word, ["raft", "gpu_optimized_raft"]))));
                }
                Some(Setting::Text(word))
            }
            _ => None,
        };
        found.ok_or_else(|| wrong(""))
    }

    /// The value that a text of the environment or the command line is, as if a file had said it.
    pub(super) fn of_text(self, text: &str) -> Value {
        let whole = || text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Whole);
        match self {
            Self::Flag => match text {
                "true" | "1" => Value::Flag(true),
                "false" | "0" => Value::Flag(false),
                _ => Value::Text(text.to_owned()),
            },
            Self::Count(..) | Self::Node | Self::Listener | Self::Bytes => whole(),
            Self::Members => {
                let at = Mark { line: 1, column: 1 };
                let item = |text: &str| Node { at, value: Value::Text(text.trim().to_owned()) };
                Value::List(text.split(',').filter(|text| !text.trim().is_empty()).map(item).collect())
            }
            _ => Value::Text(text.to_owned()),
        }
    }

    /// What is expected, for people.
    fn expected(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Flag => "true or false".into(),
            Self::Count(least, u64::MAX) => format!("a whole number from {least}"),
            Self::Count(least, most) => format!("a whole number from {least} to {most}"),
            Self::Bytes => "a number of bytes, or one with a unit such as \"64MiB\"".into(),
            Self::Duration => "a duration such as \"150ms\" or \"5s\"".into(),
            Self::Choice(words) => listed(words),
            Self::Algorithm => "raft or gpu_optimized_raft".into(),
            Self::Address => Address::EXPECTED.into(),
            Self::Listener => format!("{}, or \"off\"", Address::EXPECTED),
            Self::Path => "a path".into(),
            Self::Node => "a member's number from 1, or its name".into(),
            Self::Members => "a list of members".into(),
        }
    }
}

fn listed(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// A suggestion, if there is one.
pub(super) fn meant(nearest: Option<impl AsRef<str>>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {:?}?)", name.as_ref()))
}

/// `GpuOptimizedRaft` and `gpu-optimized-raft` as `gpu_optimized_raft`; `PBFT` as `pbft`.
fn snake(text: &str) -> String {
    let mut word = String::new();
    let mut before = None;
    for letter in text.chars() {
        let hump = letter.is_ascii_uppercase() && before.is_some_and(|before: char| before.is_ascii_lowercase());
        if hump {
            word.push('_');
        }
        word.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
        before = Some(letter);
    }
    word
}

/// A number and its unit.
fn amount(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, text[digits..].trim_start()))
}

/// The most that a duration may be: a day. What is longer is a slip.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = amount(text)?;
    let duration = match unit {
        "us" | "µs" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" | "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    (duration <= LONGEST).then_some(duration)
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = amount(text)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    // What TOML can say as a number.
    number.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok())
}

fn path(text: &str, base: Base<'_>) -> PathBuf {
    match (text.strip_prefix("~/"), base.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.directory.join(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("150ms"), Some(Duration::from_millis(150)));
        assert_eq!((duration("5s"), duration("2 m")), (Some(Duration::from_secs(5)), Some(Duration::from_secs(120))));
        for text in ["", "5", "s", "-5s", "1.5s", "5 parsecs", "99999999999999999999s", "25h", "9999999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!((bytes("64MiB"), bytes("1 kB"), bytes("7B")), (Some(64 << 20), Some(1000), Some(7)));
        for text in ["", "5", "64mib", "-1MiB", "99999999999TiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn algorithms_are_known_however_they_are_written() {
        for text in ["gpu_optimized_raft", "gpu-optimized-raft", "GpuOptimizedRaft", "GPU_OPTIMIZED_RAFT"] {
            assert_eq!(snake(text), "gpu_optimized_raft");
        }
        assert_eq!((snake("PBFT"), snake("MultiPaxos")), ("pbft".into(), "multi_paxos".into()));
    }

    #[test]
    fn a_list_in_the_environment_is_separated_by_commas() {
        let Value::List(nodes) = Shape::Members.of_text("1=a:1, 2=b:2,") else { panic!("it is a list") };
        assert_eq!(nodes.len(), 2);
    }

    #[test]
    fn paths_begin_where_the_file_is() {
        let base = Base { directory: Path::new("/etc/quorate"), home: Some(Path::new("/home/ada")) };
        assert_eq!(path("certs/ca.crt", base), Path::new("/etc/quorate/certs/ca.crt"));
        assert_eq!(path("/certs/ca.crt", base), Path::new("/certs/ca.crt"));
        assert_eq!(path("~/data", base), Path::new("/home/ada/data"));
    }
}
