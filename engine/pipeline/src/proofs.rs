//! What a round proves to others: the certificate of a decision, and the evidence against those who contradicted themselves.
//!
//! Both are made when somebody asks, from the signatures that the pipeline kept, and need nothing of the pipeline to be checked.

use quorate_core::certificate::{Certificate, CertificateError};
use quorate_core::claim::Meaning;
use quorate_core::evidence::{Evidence, EvidenceError, Said};
use quorate_core::hash::Digest;
use quorate_core::ids::Voter;
use quorate_core::round::RoundError;
use quorate_core::vote::Kind;
use thiserror::Error;

use crate::outcome::voters_twice;
use crate::pipeline::{Pipeline, PipelineError, RoundId};

/// Why a proof could not be made.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The round is not open, or its state could not be read.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The votes prove nothing, or not enough.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// What was said is no fault that can be proved.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// There is no such row, or the round does not take such votes.
    #[error("the round has no row {row} for {kind:?}")]
    NoRow {
        /// The kind that was asked for.
        kind: Kind,
        /// The row that was asked for.
        row: u8,
    },
}

impl Pipeline {
    /// The certificate of a candidate: everyone's kept signature for it.
    pub fn certificate(&mut self, round: RoundId, kind: Kind, row: u8) -> Result<Certificate, ProofError> {
        let at = self.check(round)?;
        let (context, candidate) = self.about(at, kind, row)?;
        let slot = &self.slots[at];
        let Some(electorate) = self.seats[slot.electorate as usize].electorate.clone() else {
            return Err(PipelineError::Closed(round).into());
        };
        let mut ballots = Vec::new();
        for voter in (0..electorate.members().len()).map(|voter| Voter(voter as u16)) {
            if let Some(signed) = self.signed(round, kind, row, voter)? {
                ballots.push((voter, signed.body, signed.signature));
            }
        }
        Ok(Certificate::assemble(context, &electorate, kind, candidate, ballots)?)
    }

    /// Evidence against every voter that named two candidates of one kind, by the first two rows that it named. Rounds that are not
    /// signed prove nothing, and neither do kinds without a [`Meaning`]; what was said in those must not hide the rest.
    pub fn evidence(&mut self, round: RoundId) -> Result<Vec<Evidence>, ProofError> {
        let at = self.check(round)?;
        self.evaluate(at)?;
        let state = self.read_state(at)?;
        let header = self.headers[at];
        let kinds = self.slots[at].kinds;
        let mut found = Vec::new();
        if header.capacity == 0 || !header.has(crate::layout::RoundHeader::SIGNED) {
            return Ok(found);
        }
        let Some(electorate) = self.seats[self.slots[at].electorate as usize].electorate.clone() else { return Ok(found) };
        let proving = kinds.iter().enumerate().filter_map(|(place, kind)| Some((place, (*kind)?)));
        for (place, kind) in proving.filter(|&(_, kind)| Meaning::of(kind).is_some()) {
            for voter in quorate_core::decision::Voters::from_words(&voters_twice(&header, &state, place)).iter() {
                let mut said = Vec::new();
                for row in 0..header.limit as u8 {
                    if let Some(signed) = self.signed(round, kind, row, voter)? {
                        let (_, candidate) = self.about(at, kind, row)?;
                        said.push(Said { candidate, body: signed.body, signature: signed.signature });
                    }
                }
                if let [one, other, ..] = said[..] {
                    let (context, _) = self.about(at, kind, 0)?;
                    found.push(Evidence::new(context, &electorate, kind, voter, [one, other])?);
                }
            }
        }
        Ok(found)
    }

    /// What votes of a row are about.
    fn about(&self, at: usize, kind: Kind, row: u8) -> Result<(quorate_core::context::Context, Digest), ProofError> {
        let slot = &self.slots[at];
        let found = slot.spec.zip(slot.candidates.get(usize::from(row))).filter(|_| slot.place(kind).is_some());
        match found {
            Some((spec, &candidate)) => Ok((*spec.context(), candidate)),
            None if slot.spec.is_some_and(|spec| matches!(spec.form(), quorate_core::round::Form::Cumulative { .. })) => {
                Err(PipelineError::Round(RoundError::Form { found: "cumulative", expected: "one of candidates" }).into())
            }
            None => Err(ProofError::NoRow { kind, row }),
        }
    }
}
