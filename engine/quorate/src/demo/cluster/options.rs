//! What can be asked of the demo's cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::demo::duration::parse_duration;

/// What stands below the help text.
pub const AFTER: &str = "\
Examples:
  quorate demo
  quorate demo --nodes 5 --load full --for 30s
  quorate demo --processes --json --for 10s | jq .p99_us
  quorate demo --data here --for 1m; quorate demo --data here

The object of --json:
  protocol, nodes, processes, durability, load   what ran; load is that of the beginning
  seconds                      how long it was under load
  first_commit_ms              from the command's start to the first acknowledged write; null if there was none
  commits, reads               acknowledged writes (puts and compare-and-swaps), and answered linearizable reads
  throughput_per_second        commits / seconds
  p50_us, p99_us, max_us       from handing a write to the client to its acknowledgement, in microseconds
  read_p50_us, read_p99_us     the same of reads
  rejected                     requests that were refused, so that nothing was done
  unknown                      requests that nobody can say of whether they were carried out
  leader_changes, elections    how often another member led, and how often the term rose
  kills                        nodes that died while it ran, at whoever's hand
  checked_keys                 keys that were read again at the end
  errors                       what is not as it must be, a sentence each
  data                         the directory, if it was kept; else null

Exit codes: 0 all that was acknowledged is there and all nodes agree, 1 not so, 2 usage, 3 could not run.";

/// A real cluster on this machine, under load.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Options {
    /// How the nodes agree
    #[arg(long, value_enum, default_value = "raft", value_name = "NAME")]
    pub protocol: Protocol,

    /// How many nodes [default: 3, or as many as the cluster in --data has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    pub nodes: Option<u8>,

    /// How long to run: 500ms, 10s, 2m [default: until you quit in a terminal, otherwise 10s]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// What clients do: nothing, some 200 operations a second, or as many as are answered
    #[arg(long, value_enum, default_value = "light", value_name = "HOW MUCH")]
    pub load: Load,

    /// Run each node as a process of its own, to be killed and stopped by hand
    #[arg(long)]
    pub processes: bool,

    /// Serve clients at this port and those above it, one a node [default: some that are free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub client_port: Option<u16>,

    /// When a write is acknowledged: once most disks have it, or the memory of most nodes [default: fsync, or as before with --data]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub durability: Option<Durability>,

    /// Leave the data at the end, and say where
    #[arg(long)]
    pub keep: bool,

    /// Keep the data here, and go on with what is here already
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Print a line a second instead of drawing
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,

    /// Print nothing but one summary object, at the end
    #[arg(long)]
    pub json: bool,
}

/// How nodes agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Raft
    Raft,
}

impl Protocol {
    /// Its name, on command lines and in configurations.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
        }
    }
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// Nothing
    None,
    /// Some 200 operations a second
    Light,
    /// As many as are answered, with a bounded number on their way
    Full,
}

impl Load {
    /// The next one, in a circle.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::None => Self::Light,
            Self::Light => Self::Full,
            Self::Full => Self::None,
        }
    }

    /// Its name, as on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Full => "full",
        }
    }
}

/// When a write counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When most disks have it
    Fsync,
    /// When the memory of most nodes has it
    Memory,
}

impl Durability {
    /// Its name, on command lines and in configurations.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Memory => "memory",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::demo::{self, Other};

    fn parse(arguments: &[&str]) -> Result<demo::Options, clap::Error> {
        let line = ["quorate", "demo"].iter().chain(arguments);
        let Command::Demo(options) = Cli::try_parse_from(line)?.command else { panic!("another command") };
        Ok(options)
    }

    #[test]
    fn without_a_word_it_is_three_nodes_under_a_light_load_that_leave_nothing() {
        let options = parse(&[]).unwrap().cluster;
        assert_eq!((options.protocol, options.nodes, options.load), (Protocol::Raft, None, Load::Light));
        assert!(!options.processes && !options.keep && options.data.is_none() && options.durability.is_none());
    }

    #[test]
    fn all_that_the_help_text_says_is_understood() {
        let line = ["--protocol", "raft", "--nodes", "5", "--for", "30s", "--load", "full", "--processes", "--client-port", "7001"];
        let options = parse(&[&line[..], &["--keep", "--data", "here", "--durability", "memory", "--json"]].concat()).unwrap().cluster;
        assert_eq!((options.nodes, options.duration), (Some(5), Some(Duration::from_secs(30))));
        assert_eq!((options.load, options.client_port, options.durability), (Load::Full, Some(7001), Some(Durability::Memory)));
        assert!(options.processes && options.keep && options.json && !options.plain);
    }

    #[test]
    fn a_cluster_has_from_one_to_nine_nodes() {
        for nodes in ["0", "10", "-1", "three"] {
            assert!(parse(&["--nodes", nodes]).is_err(), "{nodes}");
        }
        assert_eq!(parse(&["--nodes", "9"]).unwrap().cluster.nodes, Some(9));
    }

    #[test]
    fn the_votes_are_a_command_below_and_take_nothing_of_the_cluster() {
        assert!(matches!(parse(&["votes", "--members", "13"]).unwrap().other, Some(Other::Votes(votes)) if votes.members == 13));
        assert!(parse(&["--nodes", "3", "votes"]).is_err());
        assert!(parse(&["votes", "--nodes", "3"]).is_err());
    }

    #[test]
    fn loads_follow_each_other_in_a_circle() {
        let circle: Vec<&str> = std::iter::successors(Some(Load::Light), |load| Some(load.next())).map(Load::name).take(4).collect();
        assert_eq!(circle, ["light", "full", "none", "light"]);
    }
}
