//! Writes a trace.

use std::io;

use quorate_core::hash::Digest;
use quorate_core::ids::MemberId;
use thiserror::Error;

use super::block::{BlockHead, Holds, crc, encode_head};
use crate::limits;
use crate::pack::Oversized;
use crate::schema::{Body, Frame};

/// Why a frame was not recorded.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The frame cannot be written. The trace goes on without it.
    #[error("frame {sequence} ({event}) holds {oversized}")]
    Oversized {
        /// Its number.
        sequence: u64,
        /// What it says.
        event: &'static str,
        /// What is too long.
        oversized: Oversized,
    },
    /// The trace has as many blocks as can be counted.
    #[error("the trace has 2^32 - 1 blocks; begin another")]
    Full,
    /// The file or socket cannot be written. What was written before can be read.
    #[error("cannot write the trace: {0}")]
    Io(#[from] io::Error),
    /// Writing failed before, so that nothing can follow.
    #[error("the trace could not be written before; nothing can be appended to it")]
    Broken,
}

/// Writes frames, a block at a time. Without [`finish`](Writer::finish) the trace stays unfinished, and the frames of the open block
/// are lost; [`flush`](Writer::flush) closes it early.
pub struct Writer<W> {
    out: W,
    /// The open block's frames.
    block: Vec<u8>,
    in_block: u32,
    first: u64,
    time: u64,
    compressed: Vec<u8>,
    blocks: u32,
    frames: u64,
    next: u64,
    bytes: u64,
    broken: bool,
}

impl<W: io::Write> Writer<W> {
    /// Begins a trace. Its first frame should be a [`Manifest`](crate::schema::Manifest).
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn new(mut out: W) -> Result<Self, WriteError> {
        let head = encode_head();
        out.write_all(&head)?;
        Ok(Self {
            out,
            block: Vec::with_capacity(limits::BLOCK_TARGET_BYTES * 2),
            in_block: 0,
            first: 0,
            time: 0,
            compressed: Vec::new(),
            blocks: 0,
            frames: 0,
            next: 0,
            bytes: head.len() as u64,
            broken: false,
        })
    }

    /// Records what `source` tells at `time`, under the next sequence number.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn tell(&mut self, time: u64, source: Option<MemberId>, body: impl Into<Body>) -> Result<(), WriteError> {
        self.write(&Frame { sequence: self.next, time, source, body: body.into() })
    }

    /// Records a frame as it is.
    ///
    /// # Errors
    /// If it is too long, which leaves it out, or if the trace cannot be written.
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        let oversized = |oversized| WriteError::Oversized { sequence: frame.sequence, event: frame.body.kind().name, oversized };
        frame.encode(&mut self.block).map_err(oversized)?;
        if self.in_block == 0 {
            (self.first, self.time) = (frame.sequence, frame.time);
        }
        self.in_block += 1;
        self.frames += 1;
        self.next = frame.sequence.wrapping_add(1);
        if self.block.len() >= limits::BLOCK_TARGET_BYTES { self.close_block() } else { Ok(()) }
    }

    /// Closes the open block and hands everything to whoever is below, so that a reader can see it.
    ///
    /// # Errors
    /// If the trace cannot be written.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        self.close_block()?;
        self.out.flush().map_err(WriteError::Io)
    }

    /// Ends the trace. `audit` is what names the whole run, such as a simulation's hash over all that happened.
    ///
    /// # Errors
    /// If the trace cannot be written.
    pub fn finish(mut self, audit: Option<Digest>) -> Result<W, WriteError> {
        self.flush()?;
        let payload = audit.as_ref().map_or(&[][..], |digest| &digest.0);
        let head = BlockHead {
            holds: Holds::End,
            compressed: false,
            number: self.blocks,
            stored: payload.len() as u32,
            length: payload.len() as u32,
            frames: 0,
            first: self.frames,
            time: 0,
            payload_crc: crc(payload),
        };
        self.out.write_all(&head.encode())?;
        self.out.write_all(payload)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// How many frames were recorded.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes were handed on so far; the open block's are not among them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn close_block(&mut self) -> Result<(), WriteError> {
        if self.in_block == 0 {
            return Ok(());
        }
        // Until it is written whole, nothing may follow.
        self.broken = true;
        if self.blocks == u32::MAX {
            return Err(WriteError::Full);
        }
        self.compressed.resize(lz4_flex::block::get_maximum_output_size(self.block.len()), 0);
        let stored = match lz4_flex::block::compress_into(&self.block, &mut self.compressed) {
            Ok(stored) if stored < self.block.len() => Some(stored),
            _ => None,
        };
        let payload = stored.map_or(&self.block[..], |stored| &self.compressed[..stored]);
        let head = BlockHead {
            holds: Holds::Frames,
            compressed: stored.is_some(),
            number: self.blocks,
            stored: payload.len() as u32,
            length: self.block.len() as u32,
            frames: self.in_block,
            first: self.first,
            time: self.time,
            payload_crc: crc(payload),
        };
        let head = head.encode();
        self.out.write_all(&head)?;
        self.out.write_all(payload)?;
        self.bytes += (head.len() + payload.len()) as u64;
        self.blocks += 1;
        self.in_block = 0;
        self.block.clear();
        self.broken = false;
        Ok(())
    }
}
