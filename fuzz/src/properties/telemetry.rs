//! What a monitor is sent, and what an analyst opens.

use quorate_telemetry::limits::FRAME_BYTES;
use quorate_telemetry::schema::Frame;
use quorate_telemetry::trace::{Ending, Reader, Writer};

use super::said;
use crate::traces;

/// A frame. Any form of a number is read and the shortest is written, and options may be missing; what is written again says the same.
pub fn frame(bytes: &[u8]) {
    let Some(Some(frame)) = said(Frame::decode(bytes)) else { return };
    let mut again = Vec::new();
    frame.encode(&mut again).expect("what was read can be written");
    assert!(again.len() <= FRAME_BYTES);
    assert_eq!(Frame::decode(&again).as_ref(), Ok(&Some(frame.clone())));
    let mut json = Vec::new();
    frame.json(&mut json);
    assert!(json.starts_with(b"{\"sequence\":") && json.ends_with(b"}") && !json.contains(&b'\n'));
}

/// A trace. What is read of it can be written, and reads the same.
pub fn trace(bytes: &[u8]) {
    let [how, rest @ ..] = bytes else { return };
    let placed = traces::placed(*how, rest);
    let Some(mut reader) = said(Reader::new(&placed[..])) else { return };
    let mut frames = Vec::new();
    let mut writer = Writer::new(Vec::new()).expect("memory takes it");
    let ended = loop {
        match said(reader.next_frame()) {
            None => break false,
            Some(None) => break true,
            Some(Some(frame)) => {
                writer.write(&frame).expect("what was read can be written");
                frames.push(frame);
            }
        }
    };
    assert_eq!(reader.ending().is_some(), ended);
    assert!(reader.bytes() <= placed.len() as u64, "more was read than there is");
    if ended {
        assert_eq!(reader.frames(), frames.len() as u64 + reader.skipped());
    } else {
        assert!(said(reader.next_frame()).expect("an error is given once").is_none());
    }
    let again = writer.finish(None).expect("memory takes it");
    let mut reader = Reader::new(&again[..]).expect("it was just written");
    let read: Result<Vec<Frame>, _> = reader.by_ref().collect();
    assert_eq!(read.expect("it was just written"), frames);
    assert_eq!(reader.ending(), Some(Ending::Finished { audit: None }));
}
