//! Backends that are wrong in a known way, so that the comparison can be seen to work.
//!
//! A recording is data, so a fault is a change to it: a stage left out, a header altered, an input cut short.

use super::differential::random;
use super::{Make, Verdict};
use crate::backend::{Backend, BackendError, Claim, Descriptor, Timings};
use crate::layout::{Buffer, RoundHeader, Segment};
use crate::recording::{Command, Recording};
use crate::stages::Stage;

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Signatures are believed.
    NoVerify,
    /// One unit of weight less decides.
    QuorumOffByOne,
    /// One unit of weight more is needed.
    QuorumTooHigh,
    /// The last member may not vote.
    LastVoterUnknown,
    /// The last candidate is taken for none.
    LastCandidateUnknown,
    /// A poll counts double answers.
    PollCountsTwice,
    /// The second half of a joint electorate decides nothing.
    OneHalfDecides,
    /// State of an earlier round stays where a new one begins.
    StateNotCleared,
    /// The second kind's votes count as the first's.
    KindsMixedUp,
    /// The last vote is lost.
    LastVoteLost,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 10] = [
        Fault::NoVerify,
        Fault::QuorumOffByOne,
        Fault::QuorumTooHigh,
        Fault::LastVoterUnknown,
        Fault::LastCandidateUnknown,
        Fault::PollCountsTwice,
        Fault::OneHalfDecides,
        Fault::StateNotCleared,
        Fault::KindsMixedUp,
        Fault::LastVoteLost,
    ];

    fn spoil(self, header: &mut RoundHeader) {
        match self {
            Fault::QuorumOffByOne if header.least[0][0] > 1 => header.least[0][0] -= 1,
            // More than all of the weight is no threshold that a host could ask for in a cumulative round.
            Fault::QuorumTooHigh if !header.has(RoundHeader::CUMULATIVE) => header.least[0][0] = header.least[0][0].saturating_add(1),
            // The row length stays, so that only the check is wrong.
            Fault::LastVoterUnknown if !header.has(RoundHeader::CUMULATIVE) && header.voters > 1 => header.voters -= 1,
            Fault::LastCandidateUnknown if header.limit > 1 => header.limit -= 1,
            Fault::PollCountsTwice => header.flags &= !RoundHeader::POLL,
            Fault::OneHalfDecides => header.least[0][1] = 0,
            Fault::KindsMixedUp if header.kinds > 1 => {
                for code in 0..8 {
                    if header.kind_slots >> (4 * code) & 15 == 1 {
                        header.kind_slots &= !(15 << (4 * code));
                    }
                }
            }
            _ => {}
        }
    }
}

/// A backend with a fault.
pub struct Faulty {
    inner: Box<dyn Backend>,
    fault: Fault,
    /// The host's headers with the fault in them.
    headers: Vec<RoundHeader>,
    /// The batch's segments with the fault in them.
    segments: Vec<Segment>,
}

impl Faulty {
    /// A backend that is right but for this.
    #[must_use]
    pub fn new(inner: Box<dyn Backend>, fault: Fault) -> Self {
        Self { inner, fault, headers: Vec::new(), segments: Vec::new() }
    }
}

impl Backend for Faulty {
    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError> {
        let Self { inner, fault, headers, segments } = self;
        let refreshed = recording.commands().find_map(|command| match command {
            Command::Refresh { to: Buffer::Rounds, copy, .. } => Some(copy),
            _ => None,
        });
        if let Some(copy) = refreshed {
            *headers = bytemuck::pod_collect_to_vec(copy);
            headers.iter_mut().for_each(|header| fault.spoil(header));
        }
        let uploaded = recording.commands().find_map(|command| match command {
            Command::Upload { to: Buffer::Segments, bytes } => Some(bytes),
            _ => None,
        });
        if let Some(bytes) = uploaded {
            *segments = bytemuck::pod_collect_to_vec(bytes);
            if let Some(last) = segments.last_mut() {
                last.count -= 1;
            }
        }
        let mut spoiled = Recording::new(recording.timed());
        for command in recording.commands() {
            spoiled.push(match command {
                Command::Refresh { to: Buffer::Rounds, row_bytes, rows, .. } => {
                    Command::Refresh { to: Buffer::Rounds, row_bytes, rows, copy: bytemuck::cast_slice(headers) }
                }
                Command::Dispatch { stage: Stage::Verify, .. } if *fault == Fault::NoVerify => continue,
                Command::Clear { .. } if *fault == Fault::StateNotCleared => continue,
                Command::Upload { to: Buffer::Segments, .. } if *fault == Fault::LastVoteLost => {
                    Command::Upload { to: Buffer::Segments, bytes: bytemuck::cast_slice(segments) }
                }
                other => other,
            });
        }
        inner.execute(&spoiled)
    }

    fn descriptor(&self) -> Descriptor {
        self.inner.descriptor()
    }

    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        self.inner.reserve(buffer, records)
    }

    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError> {
        self.inner.admit_keys(electorate, keys)
    }

    fn evict_keys(&mut self, electorate: u32) {
        self.inner.evict_keys(electorate);
    }

    fn downloaded(&self, buffer: Buffer) -> &[u8] {
        self.inner.downloaded(buffer)
    }

    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError> {
        self.inner.read(buffer, first, count, into)
    }

    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError> {
        self.inner.write(buffer, first, bytes)
    }

    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        self.inner.verify(claims, verdicts)
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }
}

/// Plants each fault in a backend; the comparison must find every one.
#[must_use]
pub fn planted_fault(make: Make<'_>, seed: u64, rounds: u64) -> Verdict {
    let mut verdict = Verdict::default();
    for fault in Fault::ALL {
        let faulty = || Box::new(Faulty::new(make(), fault)) as Box<dyn Backend>;
        let mut found = Verdict::default();
        random(&faulty, seed, rounds, &mut found);
        let result = if found.passed() { Err(format!("{fault:?} was not noticed in {rounds} rounds")) } else { Ok(()) };
        verdict.notes.push(format!("{fault:?}: {} differences in {rounds} rounds", found.failures.len()));
        verdict.case(result);
    }
    verdict
}
