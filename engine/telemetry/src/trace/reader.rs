//! Reads a trace.

use std::io;

use quorate_core::codec::DecodeError;
use quorate_core::hash::Digest;
use thiserror::Error;

use super::block::{self, BLOCK_HEAD_BYTES, BlockHead, HEAD_BYTES, Holds, crc};
use crate::schema::{Frame, VERSION, Version};
use crate::unpack::Unpacker;

/// Why a trace cannot be read, or not any further.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file or socket cannot be read.
    #[error("cannot read the trace: {0}")]
    Io(#[from] io::Error),
    /// It is not a trace, or one of a version that this build does not read.
    #[error(transparent)]
    Head(DecodeError),
    /// A block is damaged. What stood before it was given; nothing behind it is.
    #[error("block {block}, which begins at byte {at}: {damage}")]
    Block {
        /// The block's number.
        block: u32,
        /// Where in the trace it begins.
        at: u64,
        /// What is wrong with it.
        damage: BlockError,
    },
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Its head is not one. Bytes are counted from the block's beginning.
    #[error(transparent)]
    Head(DecodeError),
    /// Its payload is not what was written.
    #[error("the checksum of its {bytes} bytes from byte {at} of the trace on is {found:08x}; expected {expected:08x}")]
    Checksum {
        /// Where in the trace the payload begins.
        at: u64,
        /// The payload's length.
        bytes: u32,
        /// What its bytes add up to.
        found: u32,
        /// What the head says.
        expected: u32,
    },
    /// Its payload does not decompress to what the head says.
    #[error("it does not decompress to {length} bytes: {why}")]
    Compression {
        /// The length that the head says.
        length: u32,
        /// What went wrong.
        why: String,
    },
    /// A frame in it is not one. Bytes are counted in the payload, decompressed.
    #[error("{0}")]
    Frame(DecodeError),
    /// What it holds is not what its head says.
    #[error("{what} is {found}; expected {expected}")]
    Differs {
        /// What.
        what: &'static str,
        /// What was found.
        found: u64,
        /// What was expected.
        expected: u64,
    },
    /// Bytes follow the end of the trace.
    #[error("bytes follow the end block; expected none")]
    Trailing,
}

/// How a trace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an end block.
    Finished {
        /// What its writer said of the whole run.
        audit: Option<Digest>,
    },
    /// In the middle: the writer was stopped, or still writes. Every complete block was read.
    Unfinished {
        /// How many bytes stand behind the last complete block.
        left_over: u64,
    },
}

/// Reads frames, a block at a time.
pub struct Reader<R> {
    from: R,
    version: Version,
    /// The open block's frames, and how far they were read.
    block: Vec<u8>,
    at: usize,
    in_block: u32,
    stored: Vec<u8>,
    blocks: u32,
    block_starts: u64,
    bytes: u64,
    frames: u64,
    skipped: u64,
    ending: Option<Ending>,
    failed: bool,
}

impl<R: io::Read> Reader<R> {
    /// Begins to read, and reads the head. Reads are large: there is no need for a buffered reader below.
    ///
    /// # Errors
    /// If it is no trace that this build reads.
    pub fn new(mut from: R) -> Result<Self, ReadError> {
        let mut head = [0; HEAD_BYTES];
        let filled = fill(&mut from, &mut head)?;
        let version = block::decode_head(&head[..filled]).map_err(ReadError::Head)?;
        let bytes = filled as u64;
        Ok(Self {
            from,
            version,
            block: Vec::new(),
            at: 0,
            in_block: 0,
            stored: Vec::new(),
            blocks: 0,
            block_starts: bytes,
            bytes,
            frames: 0,
            skipped: 0,
            ending: None,
            failed: false,
        })
    }

    /// The version under which the trace was written.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// How the trace ends; none before everything was read.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How many frames were read, with those that were [skipped](Self::skipped).
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many frames were passed over, because only a later version knows what they say.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many bytes of the trace were read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next frame, or none at the end, of which [`ending`](Self::ending) then says more.
    ///
    /// # Errors
    /// If the trace cannot be read any further. Asking again gives none.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        if self.failed {
            return Ok(None);
        }
        let next = self.advance();
        self.failed = next.is_err();
        next
    }

    fn advance(&mut self) -> Result<Option<Frame>, ReadError> {
        loop {
            if self.ending.is_some() {
                return Ok(None);
            }
            if self.in_block == 0 {
                self.open_block()?;
                continue;
            }
            if let Some(frame) = self.frame_in_block().map_err(|damage| self.damaged(damage))? {
                return Ok(Some(frame));
            }
        }
    }

    /// The next frame of the open block; none if it was skipped.
    fn frame_in_block(&mut self) -> Result<Option<Frame>, BlockError> {
        let mut from = Unpacker::at_byte("frame", &self.block, self.at);
        let frame = Frame::unpack(&mut from).map_err(BlockError::Frame)?;
        if frame.is_none() && self.version <= VERSION {
            // Only a later version has an excuse.
            return Err(BlockError::Frame(from.unexpected(self.at, "frame", "of an unknown kind", "one of this version")));
        }
        self.at = from.at();
        self.in_block -= 1;
        self.frames += 1;
        self.skipped += u64::from(frame.is_none());
        match (self.in_block, from.left()) {
            (0, extra) if extra > 0 => {
                Err(BlockError::Differs { what: "length of its frames", found: self.block.len() as u64, expected: self.at as u64 })
            }
            _ => Ok(frame),
        }
    }

    /// Reads and checks the next block.
    fn open_block(&mut self) -> Result<(), ReadError> {
        self.block_starts = self.bytes;
        let mut head = [0; BLOCK_HEAD_BYTES];
        let filled = fill(&mut self.from, &mut head)?;
        if filled < head.len() {
            return self.ends_unfinished(filled);
        }
        let head = BlockHead::decode(&head, self.blocks).map_err(|error| self.damaged(BlockError::Head(error)))?;
        self.stored.resize(head.stored as usize, 0);
        let filled = fill(&mut self.from, &mut self.stored)?;
        if filled < self.stored.len() {
            return self.ends_unfinished(BLOCK_HEAD_BYTES + filled);
        }
        self.check_block(&head).map_err(|damage| self.damaged(damage))?;
        self.bytes += (BLOCK_HEAD_BYTES + filled) as u64;
        match head.holds {
            Holds::Frames => {
                self.blocks = self.blocks.wrapping_add(1);
                self.in_block = head.frames;
                self.at = 0;
            }
            Holds::End => {
                if fill(&mut self.from, &mut [0])? > 0 {
                    return Err(self.damaged(BlockError::Trailing));
                }
                self.ending = Some(Ending::Finished { audit: <[u8; 32]>::try_from(&self.block[..]).ok().map(Digest) });
            }
        }
        Ok(())
    }

    /// Checks the payload, and decompresses it into `self.block`.
    fn check_block(&mut self, head: &BlockHead) -> Result<(), BlockError> {
        let found = crc(&self.stored);
        if found != head.payload_crc {
            let at = self.block_starts + BLOCK_HEAD_BYTES as u64;
            return Err(BlockError::Checksum { at, bytes: head.stored, found, expected: head.payload_crc });
        }
        if head.compressed {
            self.block.resize(head.length as usize, 0);
            let length = lz4_flex::block::decompress_into(&self.stored, &mut self.block);
            let wrong = |why: String| Err(BlockError::Compression { length: head.length, why });
            match length {
                Ok(length) if length == self.block.len() => {}
                Ok(length) => return wrong(format!("it has {length}")),
                Err(error) => return wrong(error.to_string()),
            }
        } else {
            std::mem::swap(&mut self.block, &mut self.stored);
        }
        match head.holds {
            Holds::Frames => self.check_first_frame(head),
            Holds::End if head.first != self.frames => {
                Err(BlockError::Differs { what: "number of frames", found: self.frames, expected: head.first })
            }
            Holds::End if !matches!(self.block.len(), 0 | 32) => {
                Err(BlockError::Differs { what: "length of the run's name", found: self.block.len() as u64, expected: 32 })
            }
            Holds::End => Ok(()),
        }
    }

    /// The head says what the first frame says, so that who looks for a time can trust heads alone.
    fn check_first_frame(&self, head: &BlockHead) -> Result<(), BlockError> {
        let (sequence, time) = Frame::peek(&self.block).map_err(BlockError::Frame)?;
        if sequence != head.first {
            return Err(BlockError::Differs { what: "first sequence number", found: sequence, expected: head.first });
        }
        if time != head.time {
            return Err(BlockError::Differs { what: "first time", found: time, expected: head.time });
        }
        Ok(())
    }

    fn ends_unfinished(&mut self, left_over: usize) -> Result<(), ReadError> {
        self.ending = Some(Ending::Unfinished { left_over: left_over as u64 });
        Ok(())
    }

    fn damaged(&self, damage: BlockError) -> ReadError {
        // A block that is open has been counted.
        let block = if self.in_block > 0 { self.blocks.wrapping_sub(1) } else { self.blocks };
        ReadError::Block { block, at: self.block_starts, damage }
    }
}

impl<R: io::Read> Iterator for Reader<R> {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_frame().transpose()
    }
}

/// Reads until `into` is full or the input ends. Returns how much there was.
fn fill(from: &mut impl io::Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
