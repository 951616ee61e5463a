//! Bodies of frames, smaller: zstd at its quickest, where both ends agreed on it and where it pays.
//!
//! A body that is compressed says how long it was, and is not read if that is more than its frame may have.

use bytes::{Bytes, BytesMut};
use zstd::bulk;

/// Shorter bodies are left as they are.
const WORTHWHILE_BYTES: usize = 1 << 10;
const LEVEL: i32 = 1;

/// Makes bodies smaller.
pub(crate) struct Compressor {
    zstd: Option<bulk::Compressor<'static>>,
    scratch: Vec<u8>,
}

impl Compressor {
    pub(crate) fn new() -> Self {
        Self { zstd: bulk::Compressor::new(LEVEL).ok(), scratch: Vec::new() }
    }

    /// Puts a smaller body in the place of what begins at `start`, if there is one. Says whether there is.
    pub(crate) fn replace(&mut self, out: &mut BytesMut, start: usize) -> bool {
        let body = &out[start..];
        let Some(zstd) = self.zstd.as_mut().filter(|_| body.len() >= WORTHWHILE_BYTES) else { return false };
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(body.len()));
        match zstd.compress_to_buffer(body, &mut self.scratch) {
            Ok(bytes) if bytes < body.len() => {
                out.truncate(start);
                out.extend_from_slice(&self.scratch);
                true
            }
            _ => false,
        }
    }
}

/// Reads what a [`Compressor`] made.
pub(crate) struct Decompressor {
    zstd: Option<bulk::Decompressor<'static>>,
}

impl Decompressor {
    pub(crate) fn new() -> Self {
        Self { zstd: bulk::Decompressor::new().ok() }
    }

    /// The body as it was, if it had no more than `limit` bytes.
    pub(crate) fn decompress(&mut self, body: &[u8], limit: usize) -> Result<Bytes, String> {
        let zstd = self.zstd.as_mut().ok_or("there is no memory for it")?;
        let said = zstd::zstd_safe::get_frame_content_size(body).ok().flatten();
        let bytes = said.ok_or("it does not say how long it was")?;
        if bytes > limit as u64 {
            return Err(format!("it had {bytes} bytes; expected at most {limit}"));
        }
        let raw = zstd.decompress(body, bytes as usize).map_err(|error| error.to_string())?;
        if raw.len() as u64 != bytes {
            return Err(format!("it has {} bytes; expected {bytes}, as it says", raw.len()));
        }
        Ok(raw.into())
    }
}
