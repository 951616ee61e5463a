//! What is in a trace, without its frames.

use std::collections::BTreeMap;
use std::io;

use super::{Ending, ReadError, Reader};
use crate::schema::{Body, Label, Manifest, Version};

/// The most labels that a survey keeps.
pub const LABELS_KEPT: usize = 1000;

/// What is in a trace.
#[derive(Debug)]
pub struct Survey {
    /// The version under which it was written.
    pub version: Version,
    /// What it says of itself, if it does.
    pub manifest: Option<Manifest>,
    /// What was planted: the first [`LABELS_KEPT`] of it.
    pub labels: Vec<Label>,
    /// How many frames there are of each kind of body, by code.
    pub kinds: BTreeMap<u64, u64>,
    /// How many frames there are, with those that are `skipped`.
    pub frames: u64,
    /// How many frames only a later version knows.
    pub skipped: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// The least and the greatest time of a frame.
    pub span: Option<(u64, u64)>,
    /// How it ends, or why it could not be read so far.
    pub ending: Result<Ending, ReadError>,
}

/// Reads what is left of a trace.
pub fn survey<R: io::Read>(mut trace: Reader<R>) -> Survey {
    let (mut manifest, mut labels, mut kinds, mut span) = (None, Vec::new(), BTreeMap::new(), None);
    let damage = loop {
        let frame = match trace.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        *kinds.entry(frame.body.kind().code).or_default() += 1;
        let (first, last) = span.unwrap_or((frame.time, frame.time));
        span = Some((frame.time.min(first), frame.time.max(last)));
        match frame.body {
            Body::Manifest(found) if manifest.is_none() => manifest = Some(found),
            Body::Label(label) if labels.len() < LABELS_KEPT => labels.push(label),
            _ => {}
        }
    };
    Survey {
        version: trace.version(),
        manifest,
        labels,
        kinds,
        frames: trace.frames(),
        skipped: trace.skipped(),
        bytes: trace.bytes(),
        span,
        ending: match damage {
            Some(damage) => Err(damage),
            None => Ok(trace.ending().unwrap_or(Ending::Unfinished { left_over: 0 })),
        },
    }
}
