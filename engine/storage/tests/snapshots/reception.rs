//! Snapshots on their way from one member to another.

use quorate_env::disk::{Disk as _, Loss, MemoryDisk};
use quorate_env::rng::Seeded;
use quorate_storage::snapshot::{Manifest, Receiver, Sender, SnapshotError, Snapshots};

use super::{P, body, mark, open, state, write};

const LEN: usize = 730;

fn source() -> (Snapshots, Manifest) {
    let snapshots = open(&MemoryDisk::new());
    let manifest = write(&snapshots, 20, LEN);
    (snapshots, manifest)
}

/// Sends up to so many chunks. Returns how many went.
fn send(from: &Snapshots, to: &mut Receiver, most: usize) -> usize {
    let reader = from.reader(P, mark(20)).unwrap();
    let mut sender = Sender::new(reader, to.wanted().unwrap_or(u64::MAX));
    let mut sent = 0;
    while sent < most {
        let Some((nth, bytes)) = sender.next_chunk().unwrap() else { break };
        to.chunk(nth, bytes).unwrap();
        sent += 1;
    }
    sent
}

#[test]
fn a_snapshot_arrives_as_it_was_sent() {
    let ((from, manifest), disk) = (source(), MemoryDisk::new());
    let to = open(&disk);
    write(&to, 5, 10);
    let mut receiver = Receiver::begin(&to, manifest.clone()).unwrap();
    assert_eq!(send(&from, &mut receiver, usize::MAX), 8);
    let reader = receiver.finish().unwrap();
    assert_eq!((body(&reader), reader.manifest()), (state(20, LEN), &manifest));
    assert_eq!(to.newest(P), mark(20));
    // It is durable.
    let after = open(&disk.after_crash(Loss::Everything, &mut Seeded::new(1)));
    assert_eq!(after.latest(P).unwrap().reader.unwrap().manifest(), &manifest);
}

#[test]
fn a_broken_reception_goes_on_at_the_next_chunk() {
    let (from, manifest) = source();
    for broken_at in 0..=8 {
        let disk = MemoryDisk::new();
        let mut receiver = Receiver::begin(&open(&disk), manifest.clone()).unwrap();
        send(&from, &mut receiver, broken_at);
        assert!(broken_at == 8 || matches!(receiver.finish(), Err(SnapshotError::Incomplete { .. })));
        // Only the connection breaks, or the whole program.
        let mut receiver = Receiver::begin(&open(&disk), manifest.clone()).unwrap();
        assert_eq!(receiver.wanted(), (broken_at < 8).then_some(broken_at as u64));
        assert_eq!(send(&from, &mut receiver, usize::MAX), 8 - broken_at);
        assert_eq!(body(&receiver.finish().unwrap()), state(20, LEN));
    }
}

#[test]
fn after_a_crash_at_any_step_a_reception_goes_on_and_nothing_broken_is_taken() {
    let (from, manifest) = source();
    let disk = MemoryDisk::new();
    disk.record();
    let to = open(&disk);
    write(&to, 5, 250);
    disk.remark(5);
    let mut receiver = Receiver::begin(&to, manifest.clone()).unwrap();
    send(&from, &mut receiver, 4);
    disk.open("snapshots/00000003-0000000000000014-0000000000000001.part").unwrap().sync().unwrap();
    disk.sync_folder("snapshots").unwrap();
    send(&from, &mut receiver, usize::MAX);
    receiver.finish().unwrap();
    disk.remark(20);
    let (copy, mut rng, mut promised) = (MemoryDisk::new(), Seeded::new(3), 0);
    let mut resumed = std::collections::BTreeSet::new();
    for (nth, step) in disk.steps().iter().enumerate() {
        copy.redo(step).unwrap();
        if let quorate_env::disk::Step::Note(note) = step {
            promised = *note;
        }
        for loss in Loss::ALL.repeat(6) {
            let after = open(&copy.after_crash(loss, &mut rng));
            let latest = after.latest(P).unwrap();
            assert!(latest.damaged.is_empty(), "step {nth}, {loss:?}");
            let found = latest.reader.map_or(0, |reader| {
                let index = reader.manifest().mark().index.0;
                assert_eq!(body(&reader), state(index, if index == 5 { 250 } else { LEN }));
                index
            });
            assert!(found >= promised, "step {nth}, {loss:?}: {found}, and {promised} was promised");
            if found < 20 {
                let mut receiver = Receiver::begin(&after, manifest.clone()).unwrap();
                resumed.insert(receiver.wanted());
                send(&from, &mut receiver, usize::MAX);
                assert_eq!(body(&receiver.finish().unwrap()), state(20, LEN), "step {nth}, {loss:?}");
            }
        }
    }
    assert!(resumed.len() > 5, "receptions went on at {resumed:?} only");
}

#[test]
fn a_wrong_chunk_is_refused_and_the_right_one_still_wanted() {
    let ((from, manifest), to) = (source(), open(&MemoryDisk::new()));
    let mut receiver = Receiver::begin(&to, manifest).unwrap();
    send(&from, &mut receiver, 3);
    let mut chunk = Vec::new();
    from.reader(P, mark(20)).unwrap().read_chunk(3, &mut chunk).unwrap();
    chunk[50] ^= 1;
    assert!(matches!(receiver.chunk(3, &chunk), Err(SnapshotError::WrongChunk { chunk: 3, .. })));
    chunk[50] ^= 1;
    assert!(matches!(receiver.chunk(3, &chunk[1..]), Err(SnapshotError::WrongChunk { .. })));
    for other in [0, 2, 4, 8, u64::MAX] {
        let error = receiver.chunk(other, &chunk).unwrap_err();
        assert!(matches!(error, SnapshotError::OtherChunk { wanted: 3, .. }), "{error}");
    }
    assert_eq!(receiver.wanted(), Some(3));
    receiver.chunk(3, &chunk).unwrap();
    send(&from, &mut receiver, usize::MAX);
    assert_eq!(body(&receiver.finish().unwrap()), state(20, LEN));
}

#[test]
fn chunks_that_were_damaged_on_the_way_to_the_disk_are_asked_for_again() {
    let ((from, manifest), disk) = (source(), MemoryDisk::new());
    let to = open(&disk);
    let part = "snapshots/00000003-0000000000000014-0000000000000001.part";
    let mut receiver = Receiver::begin(&to, manifest.clone()).unwrap();
    send(&from, &mut receiver, usize::MAX);
    disk.open(part).unwrap().write_at(b"!!!", 32 + 250).unwrap();
    assert!(receiver.finish().map(drop).unwrap_err().damage().is_some());
    assert!(to.latest(P).unwrap().reader.is_none());
    let mut receiver = Receiver::begin(&to, manifest).unwrap();
    assert_eq!(receiver.wanted(), Some(2));
    send(&from, &mut receiver, usize::MAX);
    assert_eq!(body(&receiver.finish().unwrap()), state(20, LEN));
}

#[test]
fn beginning_another_snapshot_gives_the_first_one_up() {
    let ((from, manifest), disk) = (source(), MemoryDisk::new());
    let to = open(&disk);
    send(&from, &mut Receiver::begin(&to, manifest).unwrap(), 3);
    let newer = write(&from, 30, LEN);
    let receiver = Receiver::begin(&to, newer).unwrap();
    assert_eq!(receiver.wanted(), Some(0));
    assert_eq!(disk.list("snapshots").unwrap(), ["00000003-000000000000001e-0000000000000001.part"]);
    receiver.abandon().unwrap();
    assert!(disk.list("snapshots").unwrap().is_empty());
}
