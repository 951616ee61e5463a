//! A file system that is really full: a small one in memory, mounted where nobody else sees it.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::Env;
use quorate_env::rng::Seeded;
use quorate_storage::log::{Alarm, Alarms, Log, Owner, Settings};
use quorate_storage::{LogError, LogStore, Mark, Record};

const FOLDER: &str = "QUORATE_FULL_FOLDER";
const PARTITION: PartitionId = PartitionId(1);

fn append(log: &Log, index: u64) -> Result<(), LogError> {
    let mark = Mark { index: Height(index), term: View(1) };
    let last = log.append(&[Record::Entry { partition: PARTITION, mark, payload: &[index as u8; 500] }])?;
    log.sync(last)
}

/// Runs where 600 kB are mounted.
#[test]
fn fills_the_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let settings = Settings { segment_bytes: 64 << 10, retry_full: Duration::ZERO, ..Settings::default() };
    let open = || Log::open(Env::real(&folder).unwrap(), "log", Owner::default(), settings, Box::new(Seeded::new(1))).unwrap().0;
    let log = open();
    let (mut last, mut alarms) = (0, Alarms::default());
    let refused = loop {
        match append(&log, last + 1) {
            Ok(()) => last += 1,
            Err(error) => break error,
        }
        assert!(last < 10_000, "a disk that never gets full");
    };
    assert!(matches!(refused, LogError::Full { .. }), "{refused}");
    assert_eq!(alarms.look(&log.health()), [Alarm::DiskFull]);
    assert_eq!(log.read(PARTITION, 1..last + 1, usize::MAX).unwrap().len() as u64, last);
    for vote in 0..100_u64 {
        let number = log.append(&[Record::State { partition: PARTITION, slot: 0, value: &vote.to_le_bytes() }]).unwrap();
        log.sync(number).unwrap();
    }
    let number = log.append(&[Record::Floor { partition: PARTITION, mark: Mark { index: Height(last), term: View(1) } }]).unwrap();
    log.sync(number).unwrap();
    assert!(log.release().unwrap() > 0);
    append(&log, last + 1).expect("there is room again");
    log.prepare().unwrap();
    assert_eq!(alarms.look(&log.health()), [Alarm::DiskHasRoom]);
    drop(log);
    let log = open();
    assert_eq!((log.span(PARTITION).floor.index, log.span(PARTITION).last.index), (Height(last), Height(last + 1)));
    assert_eq!(log.state(PARTITION, 0).as_deref(), Some(&99_u64.to_le_bytes()[..]));
}

#[test]
fn a_log_on_a_full_file_system_goes_on_when_there_is_room() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("full");
    std::fs::create_dir_all(&folder).unwrap();
    let script = "mount -t tmpfs -o size=600k quorate \"$0\" && exec \"$1\" fills_the_disk --exact --nocapture";
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(&folder)
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, &folder)
        .output()
        .expect("util-linux has `unshare`");
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
