//! One pass over a level: all its whole chunks, each raised by several levels before the next is read.

use quorate_core::hash::{Digest, TreeHash};

use super::Threads;
use super::kernel::{CHUNK, Kernel, Kind, RISE};

/// Slices of the levels that a pass writes, lowest first. An empty slice stands for a level that nobody wants.
pub(super) type Risen<'a> = [&'a mut [Digest]; RISE + 1];

/// From how many chunks on a pass is worth dividing between threads.
const SPLIT_CHUNKS: usize = 16;

/// Who hashes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) kernel: Kernel,
    pub(super) threads: Threads,
    pub(super) hash: TreeHash,
    pub(super) kind: Kind,
}

impl Pass {
    /// Raises all of `blocks`, which are whole chunks, into `out`.
    pub(super) fn raise(self, blocks: &[[u8; 64]], mut out: Risen<'_>) {
        let (chunks, rest) = blocks.as_chunks::<CHUNK>();
        assert!(rest.is_empty(), "a pass is over whole chunks");
        if self.threads == Threads::Pool && chunks.len() >= SPLIT_CHUNKS {
            let (left, right) = blocks.split_at(chunks.len() / 2 * CHUNK);
            let (out_left, out_right) = split(out, left.len());
            rayon::join(|| self.raise(left, out_left), || self.raise(right, out_right));
            return;
        }
        for chunk in chunks {
            let (here, further) = split(out, CHUNK);
            self.kernel.raise(self.hash, self.kind, chunk, here);
            out = further;
        }
    }
}

/// Divides the levels above the first `blocks` blocks from the rest.
fn split(out: Risen<'_>, blocks: usize) -> (Risen<'_>, Risen<'_>) {
    let mut right: Risen<'_> = Default::default();
    let mut level = 0;
    let left = out.map(|slice| {
        let (front, back) = slice.split_at_mut(slice.len().min(blocks >> level));
        right[level] = back;
        level += 1;
        front
    });
    (left, right)
}
