//! A frame of each kind, and traces in every shape.

use quorate_core::hash::Digest;
use quorate_telemetry::samples;
use quorate_telemetry::trace::Writer;

use super::Seed;
use crate::traces::{AS_IT_IS, PUT_RIGHT};

pub(super) fn all() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    for frame in samples::one_of_each() {
        let name = frame.body.kind().name;
        if seeds.iter().all(|seed| seed.name != name) {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes).expect("a sample can be written");
            seeds.push(Seed { target: "frame", name, bytes });
        }
    }
    let seed = |name, how, trace: &[u8]| Seed { target: "trace", name, bytes: [&[how], trace].concat() };
    let whole = trace(usize::MAX);
    seeds.extend([
        seed("empty", AS_IT_IS, &Writer::new(Vec::new()).and_then(|writer| writer.finish(None)).expect("memory takes it")),
        seed("one_block", AS_IT_IS, &whole),
        seed("one_block_put_right", PUT_RIGHT, &whole),
        seed("small_blocks_put_right", PUT_RIGHT, &trace(3)),
        seed("cut", AS_IT_IS, &whole[..whole.len() - 90]),
    ]);
    seeds
}

/// The samples, in blocks of so many.
fn trace(per_block: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).expect("memory takes it");
    for (at, frame) in samples::one_of_each().iter().enumerate() {
        writer.write(frame).expect("memory takes it");
        if (at + 1) % per_block == 0 {
            writer.flush().expect("memory takes it");
        }
    }
    writer.finish(Some(Digest([3; 32]))).expect("memory takes it")
}
