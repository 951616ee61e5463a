//! The frame: who says what, when, and as the how-manieth thing.

use quorate_core::codec::DecodeError;
use quorate_core::ids::MemberId;

use super::Body;
use super::field::{Field as _, json_text};
use crate::limits;
use crate::pack::{Oversized, Packer};
use crate::unpack::Unpacker;

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number at whoever records.
    pub sequence: u64,
    /// Nanoseconds since the recording began.
    pub time: u64,
    /// Who tells it; none if it is the observer, or the simulated world itself.
    pub source: Option<MemberId>,
    /// What is told.
    pub body: Body,
}

impl Frame {
    const ITEMS: usize = 5;

    /// Appends the frame's bytes to `out`.
    ///
    /// # Errors
    /// If something in it is longer than readers take; `out` is as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Oversized> {
        let start = out.len();
        let mut packer = Packer::new(out);
        packer.list(Self::ITEMS);
        packer.unsigned(self.sequence);
        packer.unsigned(self.time);
        self.source.pack(&mut packer);
        self.body.pack(&mut packer);
        let mut packed = packer.finish();
        let found = out.len() - start;
        if packed.is_ok() && found > limits::FRAME_BYTES {
            packed = Err(Oversized { what: "a frame", found, most: limits::FRAME_BYTES });
        }
        if packed.is_err() {
            out.truncate(start);
        }
        packed
    }

    /// Reads a frame that is all of `bytes`. None if it says something that only a later version knows.
    ///
    /// # Errors
    /// With the byte, if they are no frame.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut from = Unpacker::new("frame", bytes);
        let frame = Self::unpack(&mut from)?;
        match from.left() {
            0 => Ok(frame),
            extra => Err(from.unexpected(from.at(), "the end", format!("followed by {extra} bytes"), "nothing behind it")),
        }
    }

    /// Reads the next frame. None, and past it, if it says something that only a later version knows.
    pub(crate) fn unpack(from: &mut Unpacker<'_>) -> Result<Option<Self>, DecodeError> {
        let start = from.clone();
        let frame = match Self::unpack_known(from) {
            Ok(Some(frame)) => Some(frame),
            Err(error) if !from.newer() => return Err(error),
            Ok(None) | Err(_) => {
                *from = start.clone();
                from.skip("frame")?;
                None
            }
        };
        let bytes = from.at() - start.at();
        if bytes > limits::FRAME_BYTES {
            return Err(from.unexpected(start.at(), "frame", format!("{bytes} bytes long"), format!("at most {}", limits::FRAME_BYTES)));
        }
        Ok(frame)
    }

    /// The sequence number and time of the frame that `bytes` begin with.
    pub(crate) fn peek(bytes: &[u8]) -> Result<(u64, u64), DecodeError> {
        let mut from = Unpacker::new("frame", bytes);
        from.list("frame")?;
        Ok((from.unsigned("sequence")?, from.unsigned("time")?))
    }

    fn unpack_known(from: &mut Unpacker<'_>) -> Result<Option<Self>, DecodeError> {
        let at = from.at();
        let items = from.list("frame")?;
        let Some(extra) = items.checked_sub(Self::ITEMS) else {
            return Err(from.unexpected(at, "frame", format!("{items} items long"), format!("at least {}", Self::ITEMS)));
        };
        let sequence = from.unsigned("sequence")?;
        let time = from.unsigned("time")?;
        let source = Option::unpack(from, "source")?;
        let code = from.unsigned("body code")?;
        let Some(body) = Body::unpack(code, from)? else { return Ok(None) };
        for _ in 0..extra {
            from.skip("an item of a later version")?;
        }
        Ok(Some(Self { sequence, time, source, body }))
    }

    /// Appends the frame as one JSON object, without a line end.
    pub fn json(&self, out: &mut Vec<u8>) {
        let kind = self.body.kind();
        out.extend_from_slice(b"{\"sequence\":");
        self.sequence.json(out);
        out.extend_from_slice(b",\"time\":");
        self.time.json(out);
        out.extend_from_slice(b",\"source\":");
        self.source.json(out);
        out.extend_from_slice(b",\"topic\":");
        json_text(kind.topic.name(), out);
        out.extend_from_slice(b",\"event\":");
        json_text(kind.name, out);
        self.body.json(out);
        out.push(b'}');
    }
}
