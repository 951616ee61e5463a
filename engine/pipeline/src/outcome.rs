//! How a round stands: everything that can be said of it, computed afresh from its state.

use quorate_core::decision::{Outcome, Standing, Voters};
use quorate_core::ids::Weight;
use quorate_core::round::Form;

use crate::batch::Batch;
use crate::layout::{Buffer, Counts, RoundHeader, RowTally};
use crate::pipeline::{Pipeline, PipelineError, Report, RoundId};
use crate::run::record;

impl Pipeline {
    /// How a round stands now. For a poll this is its evaluation, to be asked for when it closes.
    pub fn outcome(&mut self, round: RoundId) -> Result<Outcome, PipelineError> {
        let at = self.check(round)?;
        self.evaluate(at)?;
        let header = self.headers[at];
        let state = self.read_state(at)?;
        let counts = *record::<Counts>(self.backend.downloaded(Buffer::Counts), 0);
        let tallies = self.backend.downloaded(Buffer::Rows);
        let slot = &self.slots[at];
        let mut outcome = Outcome {
            standings: Vec::new(),
            reached: None,
            valid: slot.valid,
            repeated: 0,
            rejections: slot.rejections,
            equivocators: Vec::new(),
            conflicts: Vec::new(),
        };
        if let Some(Form::Cumulative { base, .. }) = slot.spec.map(|spec| spec.form()) {
            let highest: &[u32] = bytemuck::cast_slice(&state);
            let spoke = highest.iter().filter(|&&offset| offset > 0).count() as u64;
            outcome.repeated = slot.valid.saturating_sub(spoke);
            outcome.reached = counts.reached.checked_sub(1).map(|offset| base + u64::from(offset));
            return Ok(outcome);
        }
        let mut distinct = 0;
        for (place, kind) in slot.kinds.iter().enumerate().filter_map(|(place, kind)| Some((place, (*kind)?))) {
            let twice = voters_twice(&header, &state, place);
            let mut decided = 0;
            for (row, &candidate) in slot.candidates.iter().enumerate() {
                let words = &state[header.row_at(place, row)..][..header.row_words as usize];
                let tally: &RowTally = record(tallies, place * header.limit as usize + row);
                distinct += words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
                decided += tally.decided;
                let supporters = if header.has(RoundHeader::POLL) {
                    Voters::from_words(&words.iter().zip(&twice).map(|(&word, &twice)| word & !twice).collect::<Vec<_>>())
                } else {
                    Voters::from_words(words)
                };
                outcome.standings.push(Standing {
                    kind,
                    row: row as u8,
                    candidate,
                    supporters,
                    weight: tally.weight.map(Weight),
                    decided: tally.decided != 0,
                });
            }
            if twice.iter().any(|&word| word != 0) {
                outcome.equivocators.push((kind, Voters::from_words(&twice)));
            }
            if decided > 1 && slot.thresholds[place].is_some_and(|thresholds| thresholds.intersect()) {
                outcome.conflicts.push(kind);
            }
        }
        // A backend that is wrong may hold bits that nobody sent; that is for the comparison to find, not a reason to fall over.
        outcome.repeated = slot.valid.saturating_sub(distinct);
        Ok(outcome)
    }

    /// Runs the quorum stage for one round, without new votes. Its counts and rows are then the first of the outputs.
    pub(crate) fn evaluate(&mut self, at: usize) -> Result<(), PipelineError> {
        self.begin_run();
        self.touch(at);
        let mut report = Report::default();
        self.execute(&Batch::default(), false, &mut report)?;
        Ok(())
    }

    /// The state of a round.
    pub(crate) fn read_state(&mut self, at: usize) -> Result<Vec<u64>, PipelineError> {
        let header = self.headers[at];
        let mut bytes = Vec::new();
        self.backend.read(Buffer::State, header.state_at as usize, header.state_words(), &mut bytes)?;
        Ok(bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned::<u64>).collect())
    }
}

/// The voters with bits in two rows of a kind.
pub(crate) fn voters_twice(header: &RoundHeader, state: &[u64], kind: usize) -> Vec<u64> {
    let words = header.row_words as usize;
    let (mut once, mut twice) = (vec![0; words], vec![0; words]);
    for row in 0..header.limit as usize {
        for (at, &word) in state[header.row_at(kind, row)..][..words].iter().enumerate() {
            twice[at] |= once[at] & word;
            once[at] |= word;
        }
    }
    twice
}
