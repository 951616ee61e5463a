//! What can be asked of this demo, and how shares are written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::demo::duration::parse_duration;

const AFTER: &str = "\
Examples:
  quorate demo votes --for 10s --out proofs
  quorate demo votes --json --for 5s | jq .verified_votes_per_second

Exit codes: 0 everything planted was found and the certificate holds, 1 something is not as it must be, 2 usage, 3 could not run.";

/// A stream of signed votes through the pipeline, shown live, with its faults planted and found.
///
/// A made-up electorate votes by PBFT on one block after another. Among its votes are duplicates, forgeries, votes that belong to no
/// round, and a few members who vote for two blocks. The pipeline counts; at the end what was planted must be what was found, and
/// the certificate of the last block is verified offline. The same seed gives the same votes.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER)]
#[group(skip)]
pub struct Options {
    /// How long to run: 500ms, 10s, 2m [default: until you quit in a terminal, otherwise 10s]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// What counts the votes: cpu, reference, or the best that this machine has
    #[arg(long, value_name = "NAME", default_value = "best")]
    pub backend: String,

    /// How many members vote, each with a weight and a key of its own
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub members: u32,

    /// How many rounds are open at once; each batch holds votes of all of them, 65,536 at most [default: 8, or fewer if many vote]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub open: Option<u16>,

    /// Where the keys, the weights, the blocks and the faults come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Share of votes that come twice
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    pub duplicates: Share,

    /// Share of votes beside which someone forges one, so that its signature does not verify
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    pub forged: Share,

    /// Share of votes beside which stands one that is not of the round: wrong engine, kind, voter or candidate
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    pub foreign: Share,

    /// Share of members who are silent in a round, as far as the others still decide it
    #[arg(long, value_name = "SHARE", default_value = "10%")]
    pub absent: Share,

    /// How many members vote for two blocks now and then [default: 3, or fewer in a small electorate]
    #[arg(long, value_name = "N")]
    pub equivocators: Option<u16>,

    /// Print a line a second instead of drawing
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,

    /// Print nothing but one summary object, at the end
    #[arg(long)]
    pub json: bool,

    /// Write certificate, trust anchor, evidence and block into this directory, for `quorate verify`
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            duration: None,
            backend: "best".to_owned(),
            members: 100,
            open: None,
            seed: 1,
            duplicates: Share::percent(5),
            forged: Share::percent(2),
            foreign: Share::percent(2),
            absent: Share::percent(10),
            equivocators: None,
            plain: false,
            json: false,
            out: None,
        }
    }
}

impl Options {
    /// How many rounds are open at once. Unless somebody says, no more than can be signed in a moment.
    #[must_use]
    pub fn open_rounds(&self) -> usize {
        // A batch should be signed in seconds, or `--for` could not be kept.
        let most = (65_536 / self.members.max(1) as usize).max(1);
        self.open.map_or_else(|| (20_000 / self.members.max(1) as usize).clamp(1, 8), usize::from).min(most)
    }
}

/// A part of a whole, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// The whole.
    pub const WHOLE: u64 = 1_000_000;

    /// So many percent, at most a hundred.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        assert!(percent <= 100, "a share is at most the whole");
        Self(percent * 10_000)
    }

    /// The share in millionths of the whole.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no share; expected a percentage from 0% to 100%, such as 2% or 0.5%");
        let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
        let percent: f64 = number.parse().map_err(|_| wrong())?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(wrong());
        }
        Ok(Self((percent * 10_000.0).round() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages() {
        assert_eq!("2%".parse(), Ok(Share::percent(2)));
        assert_eq!("0.5 %".parse::<Share>().unwrap().millionths(), 5_000);
        assert_eq!("12.5%".parse::<Share>().unwrap().to_string(), "12.5%");
        for wrong in ["2", "101%", "-1%", "NaN%", "x%", "%"] {
            assert!(wrong.parse::<Share>().unwrap_err().contains("expected a percentage"), "{wrong}");
        }
    }
}
