//! The summary as people read it, when the run is over.

use std::fmt::{self, Display, Formatter};

use quorate_pipeline::stages::Stage;

use super::summary::{Check, Summary};
use crate::demo::figures::{bytes, count, nanos, rate};

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let planted = count(self.planted);
        if self.planted == self.found {
            write!(f, "{planted} planted, all found")
        } else {
            write!(f, "{planted} planted, {} found", count(self.found))
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed_seconds;
        writeln!(f, "Ran for {seconds:.1} s on {} ({}, {} threads), seed {}.\n", self.backend, self.variant, self.threads, self.seed)?;
        self.rounds(f)?;
        self.checks(f)?;
        self.speed(f)?;
        self.proofs(f)?;
        for fault in &self.faults {
            line(f, "WRONG", fault)?;
        }
        Ok(())
    }
}

fn line(f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {name:<13} {text}")
}

impl Summary {
    fn rounds(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let undecided = if self.rounds_undecided > 0 { format!(", {} undecided", count(self.rounds_undecided)) } else { String::new() };
        line(f, "rounds", &format!("{} decided{undecided}, each block on the one before", count(self.rounds_decided)))?;
        let (needed, total) = (count(self.needed_weight), count(self.total_weight));
        line(f, "electorate", &format!("{} members; {} of weight {total} decide: {needed}", count(self.members as u64), self.rule))?;
        let rejected: u64 = self.votes.rejected.values().sum();
        let (valid, repeated) = (count(self.votes.valid), count(self.votes.repeated));
        line(f, "votes", &format!("{}: {valid} valid ({repeated} of them repeated), {} rejected", count(self.votes.sent), count(rejected)))
    }

    fn checks(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(f, "duplicates", &self.duplicates.to_string())?;
        line(f, "forgeries", &self.forgeries.to_string())?;
        line(f, "foreign", &self.foreign.to_string())?;
        let members: Vec<String> = self.equivocators.members.iter().map(u64::to_string).collect();
        let who = match members.len() {
            0 => String::new(),
            1..=8 => format!(": member {}", members.join(", ")),
            _ => format!(": member {}, ...", members[..8].join(", ")),
        };
        let members = Check { planted: self.equivocators.planted as u64, found: self.equivocators.found as u64 };
        line(f, "equivocators", &format!("{members}{who}; {} double votes", count(self.equivocators.acts.found)))
    }

    fn speed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let stage = |stage: &Stage| Some(format!("{} {}", stage.name(), nanos(*self.stage_nanoseconds.get(stage.name())?)));
        let stages: Vec<String> = Stage::ALL.iter().filter(|stage| **stage != Stage::Merkle).filter_map(stage).collect();
        line(f, "a round", &stages.join(" · "))?;
        let (shape, verified) = (&self.shape, rate(self.verified_votes_per_second));
        line(f, "speed", &format!("{verified} verified votes in the pipeline's own time"))?;
        line(f, "", &format!("at {} voters a round, {} rounds open at once", count(shape.voters as u64), count(shape.rounds_open as u64)))?;
        line(f, "", &format!("(the threads that sign the votes could make {})", rate(self.signatures_per_second)))
    }

    fn proofs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(certificate) = &self.certificate {
            let (height, block) = (count(certificate.height), &certificate.block[..16]);
            line(f, "certificate", &format!("of height {height}, block {block}…"))?;
            let (weight, needed) = (count(certificate.weight), count(certificate.needed));
            line(
                f,
                "",
                &format!("{} signers, weight {weight} of {needed} needed, {}", count(certificate.signers as u64), bytes(certificate.bytes)),
            )?;
            let verdict = if certificate.verified { "verified offline" } else { "DOES NOT VERIFY" };
            let elsewhere = if certificate.refused_elsewhere { "refused" } else { "ACCEPTED" };
            let took = nanos(certificate.verify_microseconds * 1000.0);
            line(f, "", &format!("{verdict} in {took}; {elsewhere} by another cluster's anchor"))?;
        }
        if !self.evidence.is_empty() {
            let convicted = self.evidence.iter().filter(|evidence| evidence.verified).count();
            line(f, "evidence", &format!("{convicted} of {} members convicted by two signatures each", self.evidence.len()))?;
        }
        line(f, "trust anchor", &self.anchor)?;
        for file in &self.files {
            line(f, "wrote", &file.display().to_string())?;
        }
        Ok(())
    }
}
