//! Reading a trace takes a block's worth of memory, whatever lengths it claims and however well it was compressed.
//!
//! The allocator of this binary counts, so it has one test and nothing else runs beside it.

use std::alloc::System;

use cap::Cap;
use crc_fast::{CrcAlgorithm, checksum};
use quorate_core::ids::MemberId;
use quorate_telemetry::limits::BLOCK_BYTES;
use quorate_telemetry::schema::{Frame, Partitioned};
use quorate_telemetry::trace::{Reader, Writer};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The most bytes that were held at once while a trace was read, one frame at a time, and whether it was read to an end.
fn held(trace: &[u8]) -> (usize, bool) {
    let before = ALLOCATOR.allocated();
    let mut most = 0;
    let mut reader = Reader::new(trace).unwrap();
    let ended = loop {
        let next = reader.next_frame();
        most = most.max(ALLOCATOR.allocated() - before);
        match next {
            Ok(Some(_)) => {}
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    (most, ended)
}

/// Puts the checksums of the head of the first block right.
fn sealed(mut trace: Vec<u8>) -> Vec<u8> {
    let sum = checksum(CrcAlgorithm::Crc32Iscsi, &trace[16..56]) as u32;
    trace[56..60].copy_from_slice(&sum.to_le_bytes());
    trace
}

#[test]
fn no_trace_makes_its_reader_hold_more_than_a_block_and_a_frame() {
    // The most that one frame can be: lists in a list, a byte each, of which each is an empty vector in memory.
    let groups = Partitioned { groups: vec![Vec::new(); 65_536] };
    let lists = Frame { sequence: 0, time: 0, source: None, body: groups.into() };
    let members = Partitioned { groups: vec![vec![MemberId(1); 10_000]; 50] };
    let mut writer = Writer::new(Vec::new()).unwrap();
    for _ in 0..50 {
        writer.write(&lists).unwrap();
        writer.write(&Frame { body: members.clone().into(), ..lists.clone() }).unwrap();
    }
    let bombs = writer.finish(None).unwrap();
    assert!(bombs.len() < 400_000, "{} bytes are no bomb", bombs.len());
    // A block as it is stored, and decompressed, and a frame of at most eight bytes for each that it has, in vectors that have doubled.
    let limit = 2 * BLOCK_BYTES + (16 << 20);
    let (most, ended) = held(&bombs);
    assert!(ended && most < limit, "{most} bytes were held");
    assert!(most > 1 << 20, "the allocator counts nothing: {most}");

    for (at, claims) in [(8, u32::MAX), (8, BLOCK_BYTES as u32), (12, u32::MAX), (12, BLOCK_BYTES as u32), (16, u32::MAX), (16, 1 << 20)] {
        let mut liar = bombs[..20_000].to_vec();
        liar[16 + at..16 + at + 4].copy_from_slice(&claims.to_le_bytes());
        let (most, _) = held(&sealed(liar));
        assert!(most < 2 * BLOCK_BYTES + 4096, "{most} bytes were held for {claims} at byte {at} of a head");
    }
}
