//! The folder of snapshots: which are kept, which are found, and which are refused.

use std::io;
use std::sync::Arc;

use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_env::disk::{Disk as _, MemoryDisk};
use quorate_storage::machine::SnapshotSource;
use quorate_storage::snapshot::{Settings, SnapshotError, Snapshots};

use super::{Bytes, P, body, mark, open, settings, state, write};

fn path(index: u64) -> String {
    format!("snapshots/00000003-{index:016x}-0000000000000001.snap")
}

#[test]
fn the_last_few_are_kept_and_one_always_is() {
    let snapshots = open(&MemoryDisk::new());
    for index in [5, 9, 300, 70_000] {
        write(&snapshots, index, 10);
    }
    snapshots.write(PartitionId(4), mark(1), Vec::new(), &mut Bytes(Vec::new())).unwrap();
    assert_eq!(snapshots.list(P).unwrap(), [5, 9, 300, 70_000].map(mark));
    assert_eq!(snapshots.newest(P), mark(70_000));
    assert_eq!(snapshots.prune(P, 9).unwrap().len(), 4);
    assert_eq!(snapshots.prune(P, 2).unwrap(), [300, 70_000].map(mark));
    assert_eq!(snapshots.prune(P, 0).unwrap(), [mark(70_000)]);
    assert_eq!(snapshots.list(PartitionId(4)).unwrap(), [mark(1)], "another partition's");
    assert!(matches!(snapshots.reader(P, mark(5)), Err(SnapshotError::Missing { .. })));
}

#[test]
fn a_damaged_snapshot_is_reported_and_the_one_before_is_found() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    for index in [5, 9, 12] {
        write(&snapshots, index, 250);
    }
    disk.open(&path(12)).unwrap().set_len(100).unwrap();
    disk.open(&path(9)).unwrap().write_at(b"!!!!", 40).unwrap();
    let latest = snapshots.latest(P).unwrap();
    assert_eq!(body(&latest.reader.unwrap()), state(5, 250));
    let files: Vec<_> = latest.damaged.iter().map(|error| error.damage().unwrap().file.clone()).collect();
    assert_eq!(files, [path(12), path(9)]);
}

#[test]
fn a_file_under_another_name_is_damaged() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 5, 10);
    disk.rename(&path(5), &path(6)).unwrap();
    let latest = snapshots.latest(P).unwrap();
    assert!(latest.reader.is_none());
    assert!(latest.damaged[0].to_string().contains("the name"), "{}", latest.damaged[0]);
}

#[test]
fn leftovers_of_writing_go_and_other_files_stay() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 5, 10);
    let names = ["5-1.snap", "notes.txt"];
    for name in names {
        disk.create(&format!("snapshots/{name}")).unwrap();
    }
    for (index, end) in [(9, "writing"), (9, "part"), (4, "part")] {
        disk.create(&path(index).replace(".snap", &format!(".{end}"))).unwrap();
    }
    let snapshots = open(&disk);
    let mut expected: Vec<_> = [path(5), path(9).replace(".snap", ".part")].map(|path| path["snapshots/".len()..].to_owned()).into();
    expected.extend(names.map(str::to_owned));
    assert_eq!(disk.list("snapshots").unwrap(), expected);
    assert_eq!(snapshots.latest(P).unwrap().reader.unwrap().manifest().mark(), mark(5));
}

#[test]
fn a_snapshot_of_another_member_is_welcome_and_one_of_another_cluster_is_not() {
    let disk = MemoryDisk::new();
    let other = Settings { member: MemberId(8), ..settings() };
    write(&Snapshots::open(Arc::new(disk.clone()), "snapshots", other).unwrap(), 5, 10);
    assert_eq!(open(&disk).latest(P).unwrap().reader.unwrap().manifest().origin().member, MemberId(8));
    let other = Settings { cluster: ClusterId::default(), ..settings() };
    let elsewhere = Snapshots::open(Arc::new(disk), "snapshots", other).unwrap();
    let error = elsewhere.latest(P).map(drop).unwrap_err();
    assert!(matches!(error, SnapshotError::OtherCluster { .. }));
    assert!(error.to_string().contains(&path(5)), "{error}");
}

/// Cannot be written to its end.
struct Broken {
    panics: bool,
}

impl SnapshotSource for Broken {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        to.write_all(&[0; 300])?;
        assert!(!self.panics, "a bug in somebody's code");
        Err(io::Error::other("no more"))
    }
}

#[test]
fn a_state_that_cannot_be_written_out_leaves_everything_as_it_was() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 5, 10);
    for (panics, said) in [(false, "no more"), (true, "a bug in somebody's code")] {
        let error = snapshots.write(P, mark(6), Vec::new(), &mut Broken { panics }).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!((disk.list("snapshots").unwrap().len(), snapshots.newest(P)), (1, mark(5)));
    }
    write(&snapshots, 6, 10);
}

#[test]
fn a_full_disk_leaves_the_snapshot_before() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 5, 250);
    disk.set_capacity(Some(disk.used() + 300));
    assert!(snapshots.write(P, mark(6), Vec::new(), &mut Bytes(state(6, 500))).unwrap_err().is_full());
    assert_eq!(disk.list("snapshots").unwrap().len(), 1);
    assert_eq!(body(&snapshots.latest(P).unwrap().reader.unwrap()), state(5, 250));
}

#[test]
fn a_sync_that_fails_makes_no_snapshot() {
    let disk = MemoryDisk::new();
    let snapshots = open(&disk);
    write(&snapshots, 5, 250);
    disk.fail_sync_after(0);
    snapshots.write(P, mark(6), Vec::new(), &mut Bytes(state(6, 250))).unwrap_err();
    assert_eq!(snapshots.list(P).unwrap(), [mark(5)]);
}
