//! The CPU backend: SIMD chosen at run time, threads across rounds.
//!
//! Unsigned batches go through decode, aggregate and quorum in one pass, round by round and block by block, so that cells never leave
//! the first-level cache. Signed ones are decoded whole, verified in blocks that may span rounds, and then aggregated. With timing on,
//! every stage runs by itself.

mod aggregate;
mod decode;
mod merkle;
mod order;
mod quorum;
mod verify;
mod work;

use rayon::prelude::*;

use crate::Isa;
use crate::backend::{Backend, BackendError, Claim, Descriptor, Timings};
use crate::layout::{Buffer, cell};
use crate::memory::{Dispatch, Inputs, Kernels, Memory};
use crate::merkle::Threads;
use crate::recording::Recording;
use crate::stages::Stage;
use verify::Keys;

/// How the CPU backend is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many threads; zero means one for each core.
    pub threads: usize,
    /// Which instruction set; the best that there is, unless a test or a measurement asks for another.
    pub isa: Isa,
    /// How many bytes the tables of one electorate's keys may take.
    pub key_table_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threads: 0, isa: Isa::detect(), key_table_bytes: 256 << 20 }
    }
}

/// SIMD on the CPU.
pub struct Cpu {
    memory: Memory,
    isa: Isa,
    pool: Option<rayon::ThreadPool>,
    keys: Keys,
    tree: merkle::Tree,
    scratch: Scratch,
}

/// What kernels need for a moment, kept so that they need not allocate.
#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    order: order::Scratch,
    verify: verify::Scratch,
}

/// Batches with fewer votes than this stay on one thread.
const PARALLEL_VOTES: usize = 1 << 14;

/// Trees with fewer leaves than this are built by one.
const PARALLEL_LEAVES: usize = 1 << 13;

impl Cpu {
    /// The backend's name.
    pub const NAME: &'static str = "cpu";

    /// A CPU backend. It fails if the threads cannot be started.
    pub fn new(settings: Settings) -> Result<Self, BackendError> {
        let threads = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        let pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|nth| format!("quorate-cpu-{nth}")).build())
            .transpose()
            .map_err(|error| BackendError::Lost { backend: Self::NAME, reason: error.to_string() })?;
        let isa = settings.isa.or_best();
        Ok(Self {
            memory: Memory::default(),
            isa,
            pool,
            keys: Keys::new(isa, settings.key_table_bytes),
            tree: merkle::Tree::new(),
            scratch: Scratch::default(),
        })
    }

    /// What the tables of an electorate's keys are like, for reports.
    #[must_use]
    pub fn key_tables(&self, electorate: u32) -> Option<&crate::ed25519::KeyTables> {
        self.keys.tables(electorate)
    }
}

/// One recording's worth of kernels.
struct Run<'a> {
    isa: Isa,
    pool: Option<&'a rayon::ThreadPool>,
    keys: &'a Keys,
    tree: &'a mut merkle::Tree,
    scratch: &'a mut Scratch,
    /// decode was dispatched and put off, to be fused with aggregate or done for verify.
    decode_waits: bool,
    /// quorum was done together with aggregate.
    quorum_done: bool,
}

impl Kernels for Run<'_> {
    fn dispatch(&mut self, dispatch: Dispatch, inputs: &Inputs<'_>, memory: &mut Memory) {
        match dispatch.stage {
            Stage::Decode if dispatch.timed => self.decode(inputs, memory),
            Stage::Decode => self.decode_waits = true,
            Stage::Verify => {
                if std::mem::take(&mut self.decode_waits) {
                    self.decode(inputs, memory);
                }
                verify::run(inputs, memory, self.keys, self.pool, &mut self.scratch.verify);
            }
            Stage::Aggregate => {
                self.quorum_done = !dispatch.timed;
                let passes = work::Passes { decode: std::mem::take(&mut self.decode_waits), aggregate: true, quorum: self.quorum_done };
                self.work(passes, inputs, memory);
            }
            Stage::Quorum => {
                if !std::mem::take(&mut self.quorum_done) {
                    self.work(work::Passes { decode: false, aggregate: false, quorum: true }, inputs, memory);
                }
            }
            Stage::Merkle => match self.pool {
                // Waking threads takes longer than a small tree.
                Some(pool) if inputs.leaves.len() >= PARALLEL_LEAVES => {
                    pool.install(|| self.tree.run(inputs.leaves, dispatch.parameter, Threads::Pool))
                }
                _ => self.tree.run(inputs.leaves, dispatch.parameter, Threads::One),
            },
        }
    }
}

impl Run<'_> {
    /// decode by itself, for all segments.
    fn decode(&mut self, inputs: &Inputs<'_>, memory: &mut Memory) {
        for segment in inputs.segments {
            let round = &memory.rounds[inputs.works[segment.work as usize].slot as usize];
            let cells = &mut memory.cells[segment.first as usize..][..segment.count as usize];
            decode::block(self.isa, round, inputs.votes_of(segment), cells);
        }
    }

    /// Everything that is done round by round, over all rounds that the batch touches.
    fn work(&mut self, passes: work::Passes, inputs: &Inputs<'_>, memory: &mut Memory) {
        let outputs = work::Outputs::new(memory);
        let works = inputs.works;
        match self.pool {
            Some(pool) if inputs.votes.len() >= PARALLEL_VOTES && works.len() > 1 => {
                let threads = pool.current_num_threads();
                let share = works.len().div_ceil(threads * 4);
                pool.install(|| {
                    works.par_chunks(share).enumerate().for_each_init(Scratch::default, |scratch, (nth, works)| {
                        work::run(self.isa, passes, inputs, works, nth * share, &outputs, scratch);
                    });
                });
            }
            _ => work::run(self.isa, passes, inputs, works, 0, &outputs, self.scratch),
        }
    }
}

impl Backend for Cpu {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: Self::NAME,
            variant: self.isa.name().into(),
            device: "CPU".into(),
            threads: self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads),
        }
    }

    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        self.memory.reserve(Self::NAME, buffer, records)
    }

    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError> {
        self.keys.admit(electorate, keys);
        Ok(())
    }

    fn evict_keys(&mut self, electorate: u32) {
        self.keys.evict(electorate);
    }

    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError> {
        let mut run = Run {
            isa: self.isa,
            pool: self.pool.as_ref(),
            keys: &self.keys,
            tree: &mut self.tree,
            scratch: &mut self.scratch,
            decode_waits: false,
            quorum_done: false,
        };
        Ok(self.memory.execute(recording, &mut run))
    }

    fn downloaded(&self, buffer: Buffer) -> &[u8] {
        match buffer {
            Buffer::Nodes => bytemuck::cast_slice(self.tree.nodes()),
            other => self.memory.bytes(other),
        }
    }

    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError> {
        self.memory.read(buffer, first, count, into);
        Ok(())
    }

    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError> {
        self.memory.write(buffer, first, bytes);
        Ok(())
    }

    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        self.keys.verify(claims, verdicts)
    }

    fn memory_bytes(&self) -> usize {
        self.memory.footprint() + self.keys.footprint() + self.tree.footprint()
    }
}

/// Whether a cell is that of a valid vote.
#[inline(always)]
fn is_valid(found: u32) -> bool {
    found < cell::REJECTED
}
