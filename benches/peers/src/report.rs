//! What is printed: one JSON object a line for scripts, or one line of a table for people.

use serde_json::json;

use crate::pairwise::Rates;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"stage","variant","shape","unit","value","peer","peer_value","ratio"}`
    Json,
    /// The same, to be read.
    Table,
}

/// What was compared.
pub struct Comparison<'a> {
    /// Of the pipeline: `verify`, `aggregate+quorum`, `quorum`, `merkle`; of storage: `append`, `recover`, `memory`.
    pub stage: &'a str,
    /// Which way of doing it.
    pub variant: &'a str,
    /// How much at a time.
    pub shape: &'a str,
    /// What is counted, a second; or what is used up, where less is better.
    pub unit: &'a str,
    /// Who the other side is, and what it was asked.
    pub peer: &'a str,
}

/// Prints one comparison.
pub fn line(format: Format, what: &Comparison<'_>, rates: Rates) {
    let Comparison { stage, variant, shape, unit, peer } = what;
    match format {
        Format::Json => {
            let fields = [
                ("stage", json!(stage)),
                ("variant", json!(variant)),
                ("shape", json!(shape)),
                ("unit", json!(unit)),
                ("value", json!(rates.ours)),
                ("peer", json!(peer)),
                ("peer_value", json!(rates.peer)),
                ("ratio", json!(rates.ratio)),
            ];
            // An object keeps no order, and whoever reads a line should find its name first.
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            println!("{{{}}}", fields.join(","));
        }
        Format::Table => {
            let ours = rates.ours.map_or("-".to_owned(), short);
            let ratio = rates.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
            println!("{stage:<17} {variant:<16} {shape:<34} {ours:>8} against {:>8} {unit:<15} {ratio:>9}  {peer}", short(rates.peer));
        }
    }
}

/// A crate's name with the version that the lockfile pins.
pub fn versioned(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.lines().any(|line| line == format!("name = \"{name}\"")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    format!("{name} {}", version.unwrap_or("?").trim_matches('"'))
}

fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e9 => format!("{:.2} G", rate / 1e9),
        rate if rate >= 1e6 => format!("{:.2} M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1} k", rate / 1e3),
        rate => format!("{rate:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lockfile() {
        assert!(versioned("raft").starts_with("raft 0.7."));
        assert_eq!(versioned("nobody"), "nobody ?");
    }

    #[test]
    fn large_numbers_are_shortened() {
        assert_eq!([short(2.5e9), short(1.5e6), short(2e3), short(7.0)], ["2.50 G", "1.50 M", "2.0 k", "7.0"]);
    }
}
