//! What both disks promise, and what the one in memory may forget.

use std::io::ErrorKind;

use quorate_env::disk::{Disk, Loss, MemoryDisk, RealDisk, is_full};
use quorate_env::rng::Seeded;

/// A folder that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quorate-env-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn keeps_what_every_disk_keeps(disk: &dyn Disk) {
    disk.make_folder("log").unwrap();
    disk.make_folder("log").unwrap();
    let file = disk.create("log/a").unwrap();
    assert_eq!(disk.create("log/a").map(drop).unwrap_err().kind(), ErrorKind::AlreadyExists);
    file.write_at(b"hello", 3).unwrap();
    assert_eq!(file.len().unwrap(), 8);
    let mut read = [9; 16];
    assert_eq!(file.read_at(&mut read, 0).unwrap(), 8);
    assert_eq!(&read[..8], b"\0\0\0hello");
    assert_eq!(file.read_at(&mut read, 100).unwrap(), 0);
    assert_eq!(file.read_exact_at(&mut read, 0).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    file.send_at(b" and more", 8).unwrap();
    assert_eq!((file.read_at(&mut read, 1).unwrap(), &read), (16, b"\0\0hello and more"));
    file.send_at(b"", 17).unwrap();
    file.send_at(b"H", 3).unwrap();
    file.set_len(4).unwrap();
    file.sync().unwrap();
    disk.rename("log/a", "log/b").unwrap();
    disk.sync_folder("log").unwrap();
    assert_eq!(disk.list("log").unwrap(), ["b"]);
    assert_eq!(disk.open("log/a").map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.open("log/b").unwrap().len().unwrap(), 4);
    disk.remove("log/b").unwrap();
    assert!(disk.list("log").unwrap().is_empty());
    assert_eq!(disk.list("nowhere").unwrap_err().kind(), ErrorKind::NotFound);
    let lock = disk.lock("lock").unwrap();
    assert_eq!(disk.lock("lock").map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    disk.lock("lock").unwrap();
}

#[test]
fn both_disks_keep_the_same_promises() {
    keeps_what_every_disk_keeps(&MemoryDisk::new());
    let folder = Folder::new("promises");
    keeps_what_every_disk_keeps(&RealDisk::open(&folder.0).unwrap());
}

#[test]
fn nothing_outside_of_the_root_can_be_named() {
    let folder = Folder::new("outside");
    let disk = RealDisk::open(&folder.0).unwrap();
    for path in ["../x", "/etc/passwd", "a/../../b"] {
        assert_eq!(disk.create(path).map(drop).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
    }
    let missing = RealDisk::open(folder.0.join("missing")).map(drop).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
}

#[test]
fn a_crash_takes_what_was_not_synced_and_nothing_else() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    file.write_at(&[1; 1000], 0).unwrap();
    file.sync().unwrap();
    let mut rng = Seeded::new(1);
    assert!(disk.after_crash(Loss::Everything, &mut rng).list("").unwrap().is_empty(), "the name was not synced");
    disk.sync_folder("").unwrap();
    file.write_at(&[2; 2000], 500).unwrap();
    let content = |disk: &MemoryDisk| {
        let file = disk.open("a").unwrap();
        let mut content = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut content, 0).unwrap();
        content
    };
    assert_eq!(content(&disk.after_crash(Loss::Everything, &mut rng)), [1; 1000]);
    assert_eq!(content(&disk.after_crash(Loss::Nothing, &mut rng)), content(&disk));
    let mut seen = std::collections::BTreeSet::new();
    for loss in [Loss::Torn, Loss::Reordered].repeat(200) {
        let content = content(&disk.after_crash(loss, &mut rng));
        assert!(content[..500].iter().all(|byte| *byte == 1), "what was synced is what it was");
        seen.insert(content);
    }
    assert!(seen.len() > 100, "a crash has many outcomes, not {}", seen.len());
}

#[test]
fn a_rename_is_atomic_and_lasts_when_the_folder_is_synced() {
    let disk = MemoryDisk::new();
    for name in ["old", "new"] {
        disk.create(name).unwrap().write_at(name.as_bytes(), 0).unwrap();
        disk.open(name).unwrap().sync().unwrap();
    }
    disk.sync_folder("").unwrap();
    disk.rename("new", "old").unwrap();
    let mut rng = Seeded::new(2);
    for loss in Loss::ALL.repeat(50) {
        let after = disk.after_crash(loss, &mut rng);
        let mut read = [0; 3];
        after.open("old").expect("one of the two is always there").read_exact_at(&mut read, 0).unwrap();
        assert_eq!(&read == b"new", after.open("new").is_err());
    }
    disk.sync_folder("").unwrap();
    assert_eq!(disk.after_crash(Loss::Everything, &mut rng).list("").unwrap(), ["old"]);
}

#[test]
fn a_sync_that_failed_has_lost_its_writes_whatever_a_later_one_says() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    disk.sync_folder("").unwrap();
    disk.fail_sync_after(0);
    file.write_at(b"gone", 0).unwrap();
    file.sync().unwrap_err();
    disk.fail_sync_after(9);
    file.sync().unwrap();
    assert_eq!(disk.after_crash(Loss::Everything, &mut Seeded::new(0)).open("a").unwrap().len().unwrap(), 0);
}

#[test]
fn a_full_disk_says_so_and_takes_more_when_there_is_room() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(100));
    let file = disk.create("a").unwrap();
    file.write_at(&[0; 60], 0).unwrap();
    let other = disk.create("b").unwrap();
    assert!(is_full(&other.write_at(&[0; 50], 0).unwrap_err()));
    file.set_len(10).unwrap();
    other.write_at(&[0; 50], 0).unwrap();
    assert_eq!(disk.used(), 60);
}

#[test]
fn steps_that_are_done_again_lead_to_the_same_disk() {
    let (disk, copy) = (MemoryDisk::new(), MemoryDisk::new());
    disk.record();
    disk.make_folder("f").unwrap();
    let file = disk.create("f/a").unwrap();
    file.write_at(b"abc", 0).unwrap();
    file.sync().unwrap();
    disk.remark(7);
    disk.rename("f/a", "f/b").unwrap();
    disk.sync_folder("f").unwrap();
    let steps = disk.steps();
    assert_eq!(steps.len(), 7);
    steps.iter().for_each(|step| copy.redo(step).unwrap());
    assert_eq!(copy.list("f").unwrap(), ["b"]);
    assert_eq!((copy.unsure(), copy.open("f/b").unwrap().len().unwrap()), (0, 3));
}

#[test]
fn what_a_drive_spoils_is_seen_at_once_and_outlives_a_crash() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    file.write_at(b"hello", 0).unwrap();
    file.sync().unwrap();
    disk.sync_folder("").unwrap();
    disk.spoil("a", 3, b"XYZ").unwrap();
    disk.spoil("a", 9, b"nowhere").unwrap();
    assert_eq!(disk.spoil("b", 0, b"x").unwrap_err().kind(), ErrorKind::NotFound);
    for disk in [disk.clone(), disk.after_crash(Loss::Everything, &mut Seeded::new(1))] {
        let mut read = [0; 8];
        assert_eq!(disk.open("a").unwrap().read_at(&mut read, 0).unwrap(), 5);
        assert_eq!(&read[..5], b"helXY");
    }
}
