//! What the commands that run seeds have in common: ranges of seeds, the cluster, and what is planted.

use std::fmt;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use quorate_sim::plan::{self, Backend, Plan, Planted};

use crate::commands::Usage;

/// Seeds from the first up to the second, that one not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seeds {
    pub(super) first: u64,
    pub(super) end: u64,
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.end)
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "expected two numbers, such as 0..200";
        let (first, end) = text.split_once("..").ok_or_else(|| format!("`{text}` is no range of seeds; {example}"))?;
        let number = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is no seed; {example}"));
        let (first, end) = (number(first)?, number(end)?);
        if first >= end {
            return Err(format!("there is no seed from {first} up to {end}; expected the second to be greater"));
        }
        Ok(Self { first, end })
    }
}

/// The protocols that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// Raft
    Raft,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
        }
    }
}

/// Who counts votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Counting {
    /// The scalar reference
    Reference,
    /// SIMD on the CPU
    Cpu,
}

/// The cluster that is simulated.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Cluster {
    /// What the servers speak
    #[arg(long, value_name = "NAME", default_value = "raft")]
    pub(super) protocol: Protocol,
    /// How many servers there are in the beginning
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(super) nodes: u16,
    /// Who counts votes; a run is the same with each
    #[arg(long, value_name = "NAME", default_value = "reference")]
    pub(super) backend: Counting,
}

impl Cluster {
    pub(super) fn options(&self, planted: Option<Planted>) -> plan::Options {
        plan::Options { servers: self.nodes, backend: self.backend(), planted, ..plan::Options::default() }
    }

    fn backend(&self) -> Backend {
        match self.backend {
            Counting::Reference => Backend::Reference,
            Counting::Cpu => Backend::Cpu,
        }
    }

    pub(super) fn backend_name(&self) -> &'static str {
        match self.backend {
            Counting::Reference => "reference",
            Counting::Cpu => "cpu",
        }
    }

    /// The command that runs one of its seeds again, with these faults or with all.
    pub(super) fn replay(&self, seed: u64, planted: Option<Planted>, keep: Option<&[usize]>) -> String {
        let mut command = format!("quorate sim replay --protocol {} --nodes {} --seed {seed}", self.protocol.name(), self.nodes);
        if let Some(planted) = planted {
            command += &format!(" --planted {}", planted.name());
        }
        if let Some(keep) = keep {
            let places = keep.iter().map(usize::to_string).collect::<Vec<_>>();
            command += &format!(" --keep {}", if places.is_empty() { "none".to_owned() } else { places.join(",") });
        }
        command
    }
}

/// The planted mistakes of a name: one, all of them, or none.
pub(super) fn planted(name: &str) -> Result<Vec<Planted>, Usage> {
    match name {
        "none" => return Ok(Vec::new()),
        "all" => return Ok(Planted::all()),
        _ => {}
    }
    let known = Planted::all();
    if let Some(found) = known.iter().find(|planted| planted.name() == name) {
        return Ok(vec![*found]);
    }
    let names = known.iter().map(|planted| planted.name()).collect::<Vec<_>>().join(", ");
    Err(Usage { what: format!("there is no planted mistake `{name}`"), help: Some(format!("there are all, none, {names}")) })
}

/// The planted mistake of a single run, if it has one.
pub(super) fn one_planted(name: &str) -> Result<Option<Planted>, Usage> {
    match planted(name)?.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => {
            let what = "a run has one planted mistake, not all of them".to_owned();
            Err(Usage { what, help: Some("give --planted the name of one, or none".into()) })
        }
    }
}

/// The faults to keep: `none`, or their places in the plan.
pub(super) fn keep(text: &str, plan: &Plan) -> Result<Vec<usize>, Usage> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let many = plan.faults.len();
    let wrong = |part: &str| Usage {
        what: format!("`{part}` is no fault of this seed"),
        help: Some(format!("expected places from 0 to {}, separated by commas, or none", many.saturating_sub(1))),
    };
    text.split(',').map(|part| part.trim().parse().ok().filter(|nth| *nth < many).ok_or_else(|| wrong(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_seeds_has_two_ends_of_which_the_second_is_greater() {
        assert_eq!("3..17".parse(), Ok(Seeds { first: 3, end: 17 }));
        assert_eq!(Seeds { first: 3, end: 17 }.to_string(), "3..17");
        for (text, part) in [("3", "no range"), ("3..", "no seed"), ("x..4", "`x` is no seed"), ("4..4", "no seed from 4")] {
            let found = text.parse::<Seeds>().unwrap_err();
            assert!(found.contains(part) && found.contains("expected"), "{found}");
        }
    }

    #[test]
    fn every_planted_mistake_has_a_name_by_which_it_is_found() {
        for known in Planted::all() {
            assert_eq!(planted(known.name()).unwrap(), [known]);
        }
        assert!(planted("none").unwrap().is_empty() && planted("all").unwrap().len() >= 12);
        assert!(planted("vote-forgoten").unwrap_err().help.unwrap().contains("vote-forgotten"));
    }
}
