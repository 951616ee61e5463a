//! What a run came to: one object for scripts, a few lines for people.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use serde::Serialize;

use super::options::{Durability, Load, Protocol};
use crate::demo::figures::{count, nanos, rate};

/// Everything that a run came to. The help text says what each is.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// How the nodes agreed.
    pub protocol: Protocol,
    /// How many there were.
    pub nodes: usize,
    /// Whether each was a process.
    pub processes: bool,
    /// When a write counted as kept.
    pub durability: Durability,
    /// What clients did at first.
    pub load: Load,
    /// How long there was load.
    pub seconds: f64,
    /// From the command's start to the first acknowledged write.
    pub first_commit_ms: Option<u64>,
    /// Acknowledged writes.
    pub commits: u64,
    /// Answered reads.
    pub reads: u64,
    /// Acknowledged writes a second.
    pub throughput_per_second: f64,
    /// The median from handing a write over to its acknowledgement.
    pub p50_us: Option<u64>,
    /// The 99th percentile of the same.
    pub p99_us: Option<u64>,
    /// The longest of the same.
    pub max_us: Option<u64>,
    /// The median of reads.
    pub read_p50_us: Option<u64>,
    /// The 99th percentile of reads.
    pub read_p99_us: Option<u64>,
    /// Requests that were refused.
    pub rejected: u64,
    /// Requests of which nobody knows whether they were carried out.
    pub unknown: u64,
    /// How often another member led.
    pub leader_changes: u64,
    /// How often the term rose.
    pub elections: u64,
    /// How many nodes died.
    pub kills: u64,
    /// How many keys were read again at the end.
    pub checked_keys: usize,
    /// What is not as it must be, a sentence each.
    pub errors: Vec<String>,
    /// Where the data is, if it was kept.
    pub data: Option<PathBuf>,
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = |f: &mut Formatter<'_>, name: &str, text: String| writeln!(f, "  {name:<10} {text}");
        let time = |micros: Option<u64>| micros.map_or_else(|| "-".to_owned(), |micros| nanos(micros as f64 * 1000.0));
        let place = if self.processes { "in processes of their own" } else { "in one process" };
        let (nodes, protocol, durability) = (self.nodes, self.protocol.name(), self.durability.name());
        writeln!(f, "{} of {protocol} with {durability}, {place}, for {:.1} s.\n", many(nodes as u64, "node"), self.seconds)?;
        let first = self.first_commit_ms.map_or_else(String::new, |ms| format!(", the first {ms} ms after the start"));
        let throughput = rate(self.throughput_per_second);
        line(f, "writes", format!("{} acknowledged{first}; {throughput}", count(self.commits)))?;
        if self.commits > 0 {
            line(f, "", format!("p50 {}, p99 {}, longest {}", time(self.p50_us), time(self.p99_us), time(self.max_us)))?;
        }
        if self.reads > 0 {
            let (p50, p99) = (time(self.read_p50_us), time(self.read_p99_us));
            line(f, "reads", format!("{} answered, linearizable; p50 {p50}, p99 {p99}", count(self.reads)))?;
        }
        if self.rejected + self.unknown > 0 {
            line(f, "no answer", format!("{} refused, {} in doubt", count(self.rejected), count(self.unknown)))?;
        }
        let (changes, elections, kills) = (self.leader_changes, self.elections, self.kills);
        line(f, "leaders", format!("{}, {}, {}", many(changes, "change"), many(elections, "election"), many(kills, "death")))?;
        let verdict = if self.errors.is_empty() { "all that was acknowledged is there, and all nodes hold the same" } else { "NOT PASSED" };
        line(f, "checked", format!("{}: {verdict}", many(self.checked_keys as u64, "key")))?;
        for error in &self.errors {
            line(f, "WRONG", error.clone())?;
        }
        if let Some(data) = &self.data {
            line(f, "data", format!("{}; `quorate demo --data {0}` goes on with it", data.display()))?;
        }
        Ok(())
    }
}

fn many(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            protocol: Protocol::Raft,
            nodes: 3,
            processes: false,
            durability: Durability::Fsync,
            load: Load::Light,
            seconds: 10.04,
            first_commit_ms: Some(312),
            commits: 1_412,
            reads: 604,
            throughput_per_second: 140.6,
            p50_us: Some(1_234),
            p99_us: Some(4_560),
            max_us: Some(212_000),
            read_p50_us: Some(800),
            read_p99_us: Some(1_900),
            rejected: 0,
            unknown: 0,
            leader_changes: 1,
            elections: 1,
            kills: 1,
            checked_keys: 96,
            errors: Vec::new(),
            data: None,
        }
    }

    #[test]
    fn people_read_what_was_written_how_fast_and_whether_it_is_still_there() {
        let text = summary().to_string();
        for part in ["3 nodes of raft with fsync, in one process, for 10.0 s", "1,412 acknowledged, the first 312 ms", "p99 4.56 ms"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        for part in ["1 change, 1 election, 1 death", "96 keys: all that was acknowledged is there"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        assert!(!text.contains("refused") && !text.contains("WRONG") && !text.contains("--data"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_not_passed_over() {
        let wrong = Summary { errors: vec!["a is not there".into()], unknown: 2, data: Some("/tmp/x".into()), ..summary() };
        let text = wrong.to_string();
        assert!(
            text.contains("NOT PASSED") && text.contains("WRONG      a is not there") && text.contains("0 refused, 2 in doubt"),
            "{text}"
        );
        assert!(text.contains("`quorate demo --data /tmp/x`"), "{text}");
    }

    #[test]
    fn the_help_text_names_every_field_of_the_object() {
        let object = serde_json::to_value(summary()).unwrap();
        for field in object.as_object().unwrap().keys() {
            assert!(super::super::options::AFTER.contains(field.as_str()), "{field}");
        }
        assert_eq!(object["protocol"], "raft");
        assert_eq!(object["durability"], "fsync");
    }
}
