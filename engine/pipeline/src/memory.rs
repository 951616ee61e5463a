//! The buffers in host memory, for backends that run on the CPU: inputs are borrowed from the recording, tables and state are owned.

use std::time::Instant;

use bytemuck::Pod;
use quorate_core::ballot::Signature;
use quorate_core::context::SignedBytes;
use quorate_core::hash::Digest;
use quorate_core::vote::Vote;

use crate::backend::{BackendError, Timings};
use crate::layout::{Buffer, Counts, RoundHeader, RowTally, Segment, Work};
use crate::recording::{Command, Recording};
use crate::stages::Stage;

/// What a run brings along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inputs<'a> {
    pub(crate) votes: &'a [Vote],
    pub(crate) signatures: &'a [Signature],
    pub(crate) bodies: &'a [Digest],
    pub(crate) segments: &'a [Segment],
    pub(crate) works: &'a [Work],
    pub(crate) leaves: &'a [[u8; 64]],
}

impl<'a> Inputs<'a> {
    fn bind(&mut self, buffer: Buffer, bytes: &'a [u8]) {
        match buffer {
            Buffer::Votes => self.votes = bytemuck::cast_slice(bytes),
            Buffer::Signatures => self.signatures = bytemuck::cast_slice(bytes),
            Buffer::Bodies => self.bodies = bytemuck::cast_slice(bytes),
            Buffer::Segments => self.segments = bytemuck::cast_slice(bytes),
            Buffer::Works => self.works = bytemuck::cast_slice(bytes),
            Buffer::Leaves => self.leaves = bytemuck::cast_slice(bytes),
            other => unreachable!("{other:?} is no input"),
        }
    }

    /// The segments of one piece of work.
    pub(crate) fn segments_of(&self, work: &Work) -> &'a [Segment] {
        &self.segments[work.first as usize..][..work.count as usize]
    }

    /// The votes of one segment.
    pub(crate) fn votes_of(&self, segment: &Segment) -> &'a [Vote] {
        &self.votes[segment.first as usize..][..segment.count as usize]
    }
}

/// What stays from run to run.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) rounds: Vec<RoundHeader>,
    pub(crate) templates: Vec<SignedBytes>,
    pub(crate) candidates: Vec<Digest>,
    pub(crate) weights: Vec<u64>,
    pub(crate) cells: Vec<u32>,
    pub(crate) state: Vec<u64>,
    pub(crate) rows: Vec<RowTally>,
    pub(crate) counts: Vec<Counts>,
    pub(crate) nodes: Vec<Digest>,
}

/// A stage to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dispatch {
    pub(crate) stage: Stage,
    pub(crate) parameter: u8,
    /// Whether its time is taken, so that nothing may be fused.
    pub(crate) timed: bool,
}

/// The stages of a backend that runs in host memory.
pub(crate) trait Kernels {
    /// Runs one stage, or with the last of them a fused run of several.
    fn dispatch(&mut self, dispatch: Dispatch, inputs: &Inputs<'_>, memory: &mut Memory);
}

impl Memory {
    /// Executes a recording with these kernels.
    pub(crate) fn execute(&mut self, recording: &Recording<'_>, kernels: &mut impl Kernels) -> Timings {
        let mut inputs = Inputs::default();
        let mut timings = Timings::default();
        for command in recording.commands() {
            match command {
                Command::Upload { to, bytes } => {
                    inputs.bind(to, bytes);
                    self.make_room(to, &inputs);
                }
                Command::Refresh { to, row_bytes, rows, copy } => {
                    let table = self.bytes_mut(to);
                    for &row in rows {
                        let range = row as usize * row_bytes..(row as usize + 1) * row_bytes;
                        table[range.clone()].copy_from_slice(&copy[range]);
                    }
                }
                Command::Write { to, offset, bytes } => self.bytes_mut(to)[offset..][..bytes.len()].copy_from_slice(bytes),
                Command::Clear { of, record_bytes, spans } => {
                    let table = self.bytes_mut(of);
                    for span in spans {
                        table[span.first as usize * record_bytes..][..span.count as usize * record_bytes].fill(0);
                    }
                }
                Command::Dispatch { stage, items: _, parameter } => {
                    let dispatch = Dispatch { stage, parameter, timed: recording.timed() };
                    if recording.timed() {
                        let start = Instant::now();
                        kernels.dispatch(dispatch, &inputs, self);
                        timings.add(stage, start.elapsed().as_nanos() as u64);
                    } else {
                        kernels.dispatch(dispatch, &inputs, self);
                    }
                }
                Command::Download { .. } => {}
            }
        }
        timings
    }

    /// Buffers whose length follows from the inputs.
    fn make_room(&mut self, uploaded: Buffer, inputs: &Inputs<'_>) {
        match uploaded {
            Buffer::Votes if self.cells.len() < inputs.votes.len() => self.cells.resize(inputs.votes.len(), 0),
            Buffer::Works if self.counts.len() < inputs.works.len() => self.counts.resize(inputs.works.len(), Counts::default()),
            _ => {}
        }
    }

    pub(crate) fn reserve(&mut self, backend: &'static str, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        fn grow<T: Copy>(table: &mut Vec<T>, records: usize, zero: T) -> Result<(), String> {
            if records > table.len() {
                table.try_reserve(records - table.len()).map_err(|error| error.to_string())?;
                table.resize(records, zero);
            }
            Ok(())
        }
        match buffer {
            Buffer::Rounds => grow(&mut self.rounds, records, RoundHeader::default()),
            Buffer::Templates => grow(&mut self.templates, records, [0; quorate_core::context::Context::SIGNED_BYTES]),
            Buffer::Candidates => grow(&mut self.candidates, records, Digest::ZERO),
            Buffer::Weights => grow(&mut self.weights, records, 0),
            Buffer::State => grow(&mut self.state, records, 0),
            Buffer::Rows => grow(&mut self.rows, records, RowTally::default()),
            // These grow with what is uploaded.
            Buffer::Cells | Buffer::Counts | Buffer::Nodes => Ok(()),
            other => Err(format!("{other:?} is an input, which a recording brings along")),
        }
        .map_err(|reason| BackendError::Memory { backend, buffer, records, reason })
    }

    /// A table, state or output buffer as bytes.
    pub(crate) fn bytes(&self, buffer: Buffer) -> &[u8] {
        match buffer {
            Buffer::Rounds => bytemuck::cast_slice(&self.rounds),
            Buffer::Templates => self.templates.as_flattened(),
            Buffer::Candidates => bytemuck::cast_slice(&self.candidates),
            Buffer::Weights => bytemuck::cast_slice(&self.weights),
            Buffer::Cells => bytemuck::cast_slice(&self.cells),
            Buffer::State => bytemuck::cast_slice(&self.state),
            Buffer::Rows => bytemuck::cast_slice(&self.rows),
            Buffer::Counts => bytemuck::cast_slice(&self.counts),
            Buffer::Nodes => bytemuck::cast_slice(&self.nodes),
            Buffer::Votes | Buffer::Signatures | Buffer::Bodies | Buffer::Segments | Buffer::Works | Buffer::Leaves => &[],
        }
    }

    fn bytes_mut(&mut self, buffer: Buffer) -> &mut [u8] {
        match buffer {
            Buffer::Rounds => bytemuck::cast_slice_mut(&mut self.rounds),
            Buffer::Templates => self.templates.as_flattened_mut(),
            Buffer::Candidates => bytemuck::cast_slice_mut(&mut self.candidates),
            Buffer::Weights => bytemuck::cast_slice_mut(&mut self.weights),
            Buffer::State => bytemuck::cast_slice_mut(&mut self.state),
            Buffer::Rows => bytemuck::cast_slice_mut(&mut self.rows),
            other => unreachable!("{other:?} is not written by the host"),
        }
    }

    pub(crate) fn read(&self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) {
        let record = record_bytes(buffer);
        into.extend_from_slice(&self.bytes(buffer)[first * record..][..count * record]);
    }

    pub(crate) fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) {
        self.bytes_mut(buffer)[first * record_bytes(buffer)..][..bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn footprint(&self) -> usize {
        fn of<T: Pod>(table: &Vec<T>) -> usize {
            table.capacity() * size_of::<T>()
        }
        of(&self.rounds)
            + self.templates.capacity() * size_of::<SignedBytes>()
            + of(&self.candidates)
            + of(&self.weights)
            + of(&self.cells)
            + of(&self.state)
            + of(&self.rows)
            + of(&self.counts)
            + of(&self.nodes)
    }
}

/// The length of a buffer's records.
pub(crate) const fn record_bytes(buffer: Buffer) -> usize {
    match buffer {
        Buffer::Votes => size_of::<Vote>(),
        Buffer::Signatures | Buffer::Leaves => 64,
        Buffer::Bodies | Buffer::Candidates | Buffer::Nodes => 32,
        Buffer::Segments => size_of::<Segment>(),
        Buffer::Works => size_of::<Work>(),
        Buffer::Rounds => size_of::<RoundHeader>(),
        Buffer::Templates => size_of::<SignedBytes>(),
        Buffer::Weights | Buffer::State => 8,
        Buffer::Cells => 4,
        Buffer::Rows => size_of::<RowTally>(),
        Buffer::Counts => size_of::<Counts>(),
    }
}
