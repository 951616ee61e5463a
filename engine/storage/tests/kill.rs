//! A writer that is killed, again and again, at a moment that nobody chose: what it said was durable is there afterwards.
//!
//! The writer is this program, started once more as a process of its own and ended by SIGKILL. Twenty times by default;
//! `cargo xtask kill 500` does it more often.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::Env;
use quorate_env::rng::Seeded;
use quorate_storage::log::{Log, Owner, Settings};
use quorate_storage::{LogStore, Mark, Record};

const FOLDER: &str = "QUORATE_KILL_FOLDER";
const SEED: &str = "QUORATE_KILL_SEED";
const KILLS: &str = "QUORATE_KILLS";

/// Much happens soon: segments fill in milliseconds.
const SETTINGS: Settings = Settings {
    segment_bytes: 64 << 10,
    ahead: 1,
    cache_bytes: 32 << 10,
    index_bytes: 8 << 10,
    pending_bytes: 1 << 20,
    durability: quorate_storage::log::Durability::Fsync,
    stall: Duration::from_secs(1),
    retry_full: Duration::from_secs(1),
};

fn open(folder: &Path, salt: u64) -> Log {
    let env = Env::real(folder).expect("the folder is there");
    Log::open(env, "log", Owner::default(), SETTINGS, Box::new(Seeded::new(salt))).unwrap_or_else(|error| panic!("{error}")).0
}

/// What entry `index` of a partition says.
fn payload(partition: PartitionId, index: u64) -> Vec<u8> {
    let mut rng = Seeded::new(index << 8 | u64::from(partition.0));
    let len = rng.below(700) as usize;
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

/// Writes until it is killed, and says after each sync what is durable.
#[test]
fn writer() {
    let (Some(folder), Ok(seed)) = (std::env::var_os(FOLDER), std::env::var(SEED)) else { return };
    let mut rng = Seeded::new(seed.parse().expect("a number"));
    let log = open(Path::new(&folder), rng.next_u64());
    let mut out = std::io::stdout();
    loop {
        let partition = PartitionId(rng.below(3) as u32);
        let first = log.span(partition).last.index.0 + 1;
        let payloads: Vec<Vec<u8>> = (first..=first + rng.below(8)).map(|index| payload(partition, index)).collect();
        let entries = (first..).zip(&payloads).map(|(index, payload)| {
            let mark = Mark { index: Height(index), term: View(1) };
            Record::Entry { partition, mark, payload }
        });
        let vote = first.to_le_bytes();
        let records: Vec<Record<'_>> = entries.chain([Record::State { partition, slot: 0, value: &vote }]).collect();
        let last = log.append(&records).expect("there is room");
        log.sync(last).expect("the disk works");
        let index = log.span(partition).last.index;
        if rng.one_in(40) && index.0 > 50 {
            let mark = Mark { index: Height(index.0 - 50), term: View(1) };
            log.append(&[Record::Floor { partition, mark }]).expect("a floor that rises");
            log.release().expect("the disk works");
        }
        writeln!(out, "durable {partition} {index} {first}").and_then(|()| out.flush()).expect("somebody listens");
    }
}

#[test]
fn nothing_that_a_killed_writer_acknowledged_is_lost() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let kills: u64 = std::env::var(KILLS).map_or(20, |text| text.parse().expect("a number of kills"));
    let folder = Removed(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder for the log");
    let mut rng = Seeded::new(std::process::id().into());
    let (mut durable, mut lines) = (BTreeMap::new(), 0);
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["writer", "--exact", "--nocapture"])
            .env(FOLDER, &folder.0)
            .env(SEED, rng.next_u64().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let out = child.stdout.take().expect("it is piped");
        let listener = std::thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            lines.filter_map(|line| line.strip_prefix("durable ").map(str::to_owned)).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(20 + rng.below(180)));
        child.kill().expect("it runs");
        let status = child.wait().expect("it ends");
        assert!(!status.success(), "the writer ended by itself");
        let said = listener.join().expect("a listener");
        lines += said.len();
        for line in said {
            let mut words = line.split(' ').map(|word| word.parse::<u64>());
            // The last line may be cut off in the middle.
            let (Some(Ok(partition)), Some(Ok(index)), Some(Ok(vote))) = (words.next(), words.next(), words.next()) else { continue };
            durable.insert(PartitionId(partition as u32), (index, vote));
        }
        check(&folder.0, kill, &durable);
    }
    assert!(lines as u64 > kills, "the writer was killed before it wrote anything: {lines} lines in {kills} lives");
    println!("{kills} kills, {lines} acknowledgements, none lost");
}

fn check(folder: &Path, kill: u64, durable: &BTreeMap<PartitionId, (u64, u64)>) {
    let log = open(folder, kill);
    for (partition, (index, vote)) in durable {
        let span = log.span(*partition);
        assert!(span.last.index.0 >= *index, "kill {kill}: {index} was acknowledged, and {span:?} is there");
        let state = log.state(*partition, 0).expect("a vote was written");
        assert!(u64::from_le_bytes(state[..].try_into().expect("eight bytes")) >= *vote, "kill {kill}: a vote was forgotten");
        let first = span.floor.index.0 + 1;
        for entry in log.read(*partition, first..span.last.index.0 + 1, usize::MAX).expect("what is there can be read") {
            assert_eq!(entry.payload, payload(*partition, entry.mark.index.0), "kill {kill}: entry {} is another", entry.mark.index);
        }
    }
}

/// A folder that goes away with the test.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
