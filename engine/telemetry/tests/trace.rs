//! What a trace promises: what was written comes back, whole or up to where it was cut, and nothing that was changed is believed.

use quorate_core::hash::Digest;
use quorate_telemetry::samples;
use quorate_telemetry::schema::{Body, Frame};
use quorate_telemetry::trace::{Ending, ReadError, Reader, Writer};

const AUDIT: Option<Digest> = Some(Digest([7; 32]));

/// A trace of these frames, in blocks of `per_block`.
fn written(frames: &[Frame], per_block: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for (at, frame) in frames.iter().enumerate() {
        writer.write(frame).unwrap();
        if (at + 1) % per_block == 0 {
            writer.flush().unwrap();
        }
    }
    writer.finish(AUDIT).unwrap()
}

/// What a reader gives, and how it ends.
fn read(bytes: &[u8]) -> (Vec<Frame>, Result<Ending, ReadError>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut frames = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, Ok(reader.ending().unwrap())),
            Err(error) => return (frames, Err(error)),
        }
    }
}

#[test]
fn the_samples_have_every_kind_of_body() {
    let frames = samples::one_of_each();
    for kind in Body::KINDS {
        assert!(frames.iter().any(|frame| frame.body.kind().code == kind.code), "there is no sample of {}", kind.name);
    }
}

#[test]
fn what_was_written_comes_back() {
    let frames = samples::one_of_each();
    for per_block in [1, 7, usize::MAX] {
        let (again, ending) = read(&written(&frames, per_block));
        assert_eq!(again, frames);
        assert_eq!(ending.unwrap(), Ending::Finished { audit: AUDIT });
    }
}

#[test]
fn a_trace_that_is_cut_anywhere_gives_its_complete_blocks_and_is_unfinished() {
    let frames = samples::one_of_each();
    let bytes = written(&frames, 5);
    let mut seen = 0;
    for cut in 16..bytes.len() {
        let (again, ending) = read(&bytes[..cut]);
        assert_eq!(again, frames[..again.len()]);
        assert!(again.len() % 5 == 0 || again.len() == frames.len(), "half a block was given");
        assert!(again.len() >= seen, "more bytes gave fewer frames");
        seen = again.len();
        assert!(matches!(ending.unwrap(), Ending::Unfinished { .. }));
    }
    assert_eq!(seen, frames.len());
}

#[test]
fn a_changed_byte_is_an_error_with_its_block_and_no_frame_of_that_block() {
    let frames = samples::one_of_each();
    let bytes = written(&frames, 5);
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let (again, ending) = read(&changed);
            assert_eq!(again, frames[..again.len()]);
            let error = ending.expect_err("a changed byte was not seen");
            match &error {
                ReadError::Head(_) => assert!(at < 16),
                ReadError::Block { block, at: starts, .. } => {
                    assert!(*starts <= at as u64, "byte {at} is before the block at {starts}");
                    assert_eq!(again.len(), (*block as usize * 5).min(frames.len()));
                }
                ReadError::Io(error) => panic!("{error}"),
            }
            assert!(error.to_string().contains("byte"), "{error}");
        }
    }
}
