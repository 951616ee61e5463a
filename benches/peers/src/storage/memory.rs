//! How much memory a log takes that is written for long and given up at the front, and how much opening what is left takes.
//!
//! Each is done by a process of its own, whose peak resident memory the operating system tells. Beside it stands what the
//! settings allow: a segment, the cache, the tables of offsets, and what may wait.

use std::path::Path;
use std::process::{Command, Stdio};

use quorate_core::ids::PartitionId;
use quorate_storage::log::Settings;
use quorate_storage::{LogStore as _, Record};

use super::{Folder, ours, payloads};
use crate::pairwise::Rates;
use crate::report::{Comparison, Format, line};

/// How long the log is, unless the environment says otherwise.
const GIB: u64 = 10;
const GIB_VARIABLE: &str = "QUORATE_BENCH_GIB";
/// How much of it is kept: with segments that are ready and those that are partly given up, it stays below 2 GiB on disk.
const KEPT_BYTES: u64 = 1536 << 20;
const DISK_BYTES_MAX: u64 = 2 << 30;
/// Whenever so much was written, the front is given up.
const RELEASE_BYTES: u64 = 64 << 20;
const GROUP: usize = 512;
const PARTITIONS: u32 = 16;

fn gib() -> u64 {
    std::env::var(GIB_VARIABLE).ok().map_or(GIB, |text| match text.parse() {
        Ok(gib @ 1..=1024) => gib,
        _ => panic!("{GIB_VARIABLE} is {text:?}; expected a number from 1 to 1024"),
    })
}

pub(super) fn run(format: Format) {
    let folder = Folder::new("memory");
    let settings = Settings::default();
    let allowed = settings.segment_bytes + settings.cache_bytes + settings.index_bytes + settings.pending_bytes;
    let shape = format!("{} GiB", gib());
    for (task, variant) in [("write", "writing"), ("reopen", "opening")] {
        let (used, allowed) = (peak_of(task, folder.path()), allowed as f64 / f64::from(1 << 20));
        let what = Comparison { stage: "memory", variant, shape: &shape, unit: "MiB", peer: "configured: segment, cache, index, pending" };
        line(format, &what, Rates { ours: Some(used), peer: allowed, ratio: Some(allowed / used) });
    }
}

/// Runs a task in a process of its own. Returns its peak in MiB.
fn peak_of(task: &str, folder: &Path) -> f64 {
    let program = std::env::current_exe().expect("the running program has a path");
    let child = Command::new(program).args(["child", task]).arg(folder).stderr(Stdio::inherit()).output().expect("a process starts");
    let text = String::from_utf8_lossy(&child.stdout);
    let peak = text.trim().parse::<f64>().ok().filter(|_| child.status.success());
    peak.unwrap_or_else(|| panic!("the process for {task} ended with {}: {text}", child.status)) / 1024.0
}

pub(super) fn child(task: &str, folder: &Path) -> Option<String> {
    match task {
        "write" => write(folder, gib() << 30),
        "reopen" => drop(ours::open(folder, Settings::default())),
        _ => return None,
    }
    Some(peak_kib().to_string())
}

fn write(folder: &Path, bytes_wanted: u64) {
    let (log, _) = ours::open(folder, Settings::default());
    let payloads = payloads(GROUP);
    let group_bytes = (GROUP * super::PAYLOAD_BYTES) as u64;
    let kept = KEPT_BYTES / group_bytes * GROUP as u64 / u64::from(PARTITIONS);
    let (mut bytes, mut index) = (0, 0);
    while bytes < bytes_wanted {
        let mut group = Vec::with_capacity(GROUP);
        for (nth, payload) in payloads.iter().enumerate() {
            let partition = PartitionId(nth as u32 % PARTITIONS);
            index += u64::from(partition.0 == 0);
            group.push(Record::Entry { partition, mark: ours::mark(index), payload });
        }
        let last = log.append(&group).expect("entries in a row fit");
        log.sync(last).expect("the disk syncs");
        bytes += group_bytes;
        if bytes.is_multiple_of(RELEASE_BYTES) && index > kept {
            let floors = (0..PARTITIONS).map(|id| Record::Floor { partition: PartitionId(id), mark: ours::mark(index - kept) });
            log.append(&floors.collect::<Vec<_>>()).expect("floors that rise fit");
            log.release().expect("segments can be removed");
            let health = log.health();
            let on_disk = (health.segments + health.prepared) * Settings::default().segment_bytes;
            assert!(on_disk <= DISK_BYTES_MAX, "{on_disk} bytes are on disk");
        }
    }
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("only Linux tells a process its peak");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse().ok()).expect("the peak is a number of KiB")
}
