//! A run: a batch becomes a recording, the backend executes it, and what comes out becomes events.

use quorate_core::round::{Form, MAX_KINDS};

use crate::backend::BackendError;
use crate::batch::Batch;
use crate::book::Signed;
use crate::layout::{Buffer, Counts, RoundHeader, RowTally, Segment, Work, cell};
use crate::pipeline::{Event, Pipeline, PipelineError, Report, RoundId, What};
use crate::recording::{Command, Recording};
use crate::stages::Stage;

impl Pipeline {
    /// Runs a batch through decode, verify, aggregate and quorum. The events say what is new.
    pub fn run(&mut self, batch: &Batch) -> Result<Report, PipelineError> {
        let mut report = Report::default();
        self.events.clear();
        self.begin_run();
        let (mut signed, mut ordered) = (false, true);
        for piece in &batch.pieces {
            let Ok(at) = self.check(piece.round) else {
                report.stale += piece.count as usize;
                continue;
            };
            let work = self.touch(at);
            ordered &= work as usize + 1 == self.works.len();
            self.segments.push(Segment {
                work,
                first: piece.first,
                count: piece.count,
                signatures: match piece.signatures {
                    None => Segment::UNSIGNED,
                    Some(_) if piece.verified => Segment::VERIFIED,
                    Some(first) => first,
                },
            });
            signed |= self.headers[at].has(RoundHeader::SIGNED);
            report.votes += piece.count as usize;
        }
        self.link_segments(ordered);
        report.rounds = self.works.len();
        self.execute(batch, signed, &mut report)?;
        self.collect_events();
        if signed {
            self.keep_signatures(batch);
        }
        Ok(report)
    }

    /// Forgets what the last run touched. What it found out stays until the next that brings votes.
    pub(crate) fn begin_run(&mut self) {
        self.runs += 1;
        self.tallies = 0;
        self.works.clear();
        self.segments.clear();
    }

    /// The round's piece of work in this run.
    pub(crate) fn touch(&mut self, at: usize) -> u32 {
        let slot = &mut self.slots[at];
        if slot.run != self.runs {
            slot.run = self.runs;
            slot.work = self.works.len() as u32;
            self.works.push(Work { slot: at as u32, rows_at: self.tallies, ..Work::default() });
            self.tallies += self.headers[at].tallies();
        }
        slot.work
    }

    /// Brings the segments of each piece of work together and says where they are.
    fn link_segments(&mut self, ordered: bool) {
        if !ordered {
            self.segments.sort_unstable_by_key(|segment| (segment.work, segment.first));
        }
        for (at, segment) in self.segments.iter().enumerate() {
            let work = &mut self.works[segment.work as usize];
            if work.count == 0 {
                work.first = at as u32;
            }
            work.count += 1;
        }
    }

    pub(crate) fn execute(&mut self, batch: &Batch, signed: bool, report: &mut Report) -> Result<(), BackendError> {
        if !self.pending.is_empty() {
            self.reserve()?;
        }
        self.backend.reserve(Buffer::Rows, self.tallies as usize)?;
        let mut recording = Recording::new(self.timed());
        let pending = &self.pending;
        for (to, row_bytes, rows, copy) in [
            (Buffer::Rounds, size_of::<RoundHeader>(), &pending.headers, bytemuck::cast_slice(&self.headers)),
            (Buffer::Templates, quorate_core::context::Context::SIGNED_BYTES, &pending.templates, self.templates.as_flattened()),
            (Buffer::Candidates, 32, &pending.candidates, bytemuck::cast_slice(&self.candidates)),
        ] {
            if !rows.is_empty() {
                recording.push(Command::Refresh { to, row_bytes, rows, copy });
            }
        }
        if !pending.state.is_empty() {
            recording.push(Command::Clear { of: Buffer::State, record_bytes: 8, spans: &pending.state });
        }
        if !self.works.is_empty() {
            recording.push(Command::Upload { to: Buffer::Works, bytes: bytemuck::cast_slice(&self.works) });
            recording.push(Command::Upload { to: Buffer::Segments, bytes: bytemuck::cast_slice(&self.segments) });
            recording.push(Command::Upload { to: Buffer::Votes, bytes: bytemuck::cast_slice(&batch.votes) });
            let (votes, works) = (batch.votes.len(), self.works.len());
            recording.push(Command::Dispatch { stage: Stage::Decode, items: votes, parameter: 0 });
            if signed {
                recording.push(Command::Upload { to: Buffer::Signatures, bytes: bytemuck::cast_slice(&batch.signatures) });
                recording.push(Command::Upload { to: Buffer::Bodies, bytes: bytemuck::cast_slice(&batch.bodies) });
                recording.push(Command::Dispatch { stage: Stage::Verify, items: votes, parameter: 0 });
            }
            recording.push(Command::Dispatch { stage: Stage::Aggregate, items: works, parameter: 0 });
            recording.push(Command::Dispatch { stage: Stage::Quorum, items: works, parameter: 0 });
            recording.push(Command::Download { from: Buffer::Counts, bytes: works * size_of::<Counts>() });
            recording.push(Command::Download { from: Buffer::Rows, bytes: self.tallies as usize * size_of::<RowTally>() });
            if signed {
                recording.push(Command::Download { from: Buffer::Cells, bytes: votes * 4 });
            }
        }
        report.timings = self.backend.execute(&recording)?;
        self.pending.clear();
        Ok(())
    }

    /// Adds up what the run counted, and reports what was not decided before.
    pub(crate) fn collect_events(&mut self) {
        for at in 0..self.works.len() {
            let counts = *record::<Counts>(self.backend.downloaded(Buffer::Counts), at);
            let slot_at = self.works[at].slot as usize;
            let slot = &mut self.slots[slot_at];
            slot.valid += u64::from(counts.valid);
            for (sum, more) in slot.rejections.0.iter_mut().zip(counts.rejected) {
                *sum += u64::from(more);
            }
            let Some(spec) = slot.spec else { continue };
            let round = RoundId { slot: slot_at as u32, generation: slot.generation };
            match spec.form() {
                Form::Poll { .. } => {}
                Form::Cumulative { base, .. } => {
                    if let (true, Some(kind)) = (counts.reached > slot.reached, slot.kinds[0]) {
                        slot.reached = counts.reached;
                        let index = base + u64::from(counts.reached - 1);
                        self.events.push(Event { round, kind, what: What::Reached { index } });
                    }
                }
                Form::Candidates { .. } => {
                    let known: u32 = slot.decided.iter().map(|mask| mask.count_ones()).sum();
                    if counts.decided > known {
                        self.report_decided(at, round);
                    }
                }
            }
        }
    }

    fn report_decided(&mut self, work: usize, round: RoundId) {
        let Work { rows_at, .. } = self.works[work];
        let (slot, header) = (&mut self.slots[round.slot as usize], &self.headers[round.slot as usize]);
        let rows = self.backend.downloaded(Buffer::Rows);
        for place in 0..MAX_KINDS {
            let (Some(kind), Some(thresholds)) = (slot.kinds[place], slot.thresholds[place]) else { continue };
            for row in 0..header.limit as usize {
                let tally: &RowTally = record(rows, rows_at as usize + place * header.limit as usize + row);
                let decided = tally.decided != 0;
                if decided && slot.decided[place] >> row & 1 == 0 {
                    slot.decided[place] |= 1 << row;
                    self.events.push(Event { round, kind, what: What::Decided { row: row as u8 } });
                }
            }
            if slot.decided[place].count_ones() > 1 && thresholds.intersect() && !slot.conflict[place] {
                slot.conflict[place] = true;
                self.events.push(Event { round, kind, what: What::Conflict });
            }
        }
    }

    /// Keeps the signatures that verified, for certificates and evidence.
    fn keep_signatures(&mut self, batch: &Batch) {
        let cells = self.backend.downloaded(Buffer::Cells);
        for piece in &batch.pieces {
            let (Some(first), Ok(at)) = (piece.signatures, self.check(piece.round)) else { continue };
            if !self.headers[at].has(RoundHeader::SIGNED) {
                continue;
            }
            let book = &mut self.slots[at].book;
            for nth in 0..piece.count as usize {
                let found = *record::<u32>(cells, piece.first as usize + nth);
                if found < cell::REJECTED {
                    let signed = first as usize + nth;
                    book.record(found, Signed { signature: batch.signatures[signed], body: batch.bodies[signed] });
                }
            }
        }
    }
}

/// One record of a buffer's bytes.
pub(crate) fn record<T: bytemuck::AnyBitPattern>(bytes: &[u8], at: usize) -> &T {
    bytemuck::from_bytes(&bytes[at * size_of::<T>()..][..size_of::<T>()])
}
