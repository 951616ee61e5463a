//! Opening a log of 1 GiB that was left as a crash leaves it, beside reading the same files and doing nothing with them.
//!
//! The operating system has the files in memory, on both sides: what is measured is what opening adds to reading.

use std::hint::black_box;

use quorate_core::ids::PartitionId;
use quorate_storage::log::{Durability, Settings};
use quorate_storage::{LogStore as _, Record};

use super::{Folder, ours, payloads, raw};
use crate::pairwise::{Rates, Side, compare};
use crate::report::{Comparison, Format, line};

const LOG_MIB: usize = 1 << 10;
const GROUP: usize = 256;
const PARTITIONS: u32 = 16;
const BUFFER_BYTES: usize = 4 << 20;

pub(super) fn run(format: Format) {
    let folder = Folder::new("recover");
    let records = write(&folder);
    let (reopened, recovery) = ours::open(folder.path(), Settings::default());
    assert_eq!(recovery.records, records, "opening finds every record");
    drop(reopened);

    let files = folder.path().join("log");
    let mut buffer = vec![0; BUFFER_BYTES];
    let our_side = Side::new(LOG_MIB, || drop(black_box(ours::open(folder.path(), Settings::default()))));
    let rates = compare(Some(our_side), Side::new(LOG_MIB, || assert!(raw::read_all(&files, &mut buffer) >= (LOG_MIB as u64) << 20)));
    let what = Comparison { stage: "recover", variant: "rate", shape: "1 GiB", unit: "MiB/s", peer: "raw read" };
    line(format, &what, rates);
    let seconds = |rate: f64| LOG_MIB as f64 / rate;
    let times = Rates { ours: rates.ours.map(seconds), peer: seconds(rates.peer), ratio: rates.ratio };
    line(format, &Comparison { variant: "time", unit: "s", ..what }, times);
}

/// Writes the log. Returns how many records are in it.
fn write(folder: &Folder) -> u64 {
    let (log, _) = ours::open(folder.path(), Settings { durability: Durability::Memory, ..Settings::default() });
    let payloads = payloads(GROUP);
    let (mut bytes, mut records, mut index) = (0, 0, 0);
    while bytes < LOG_MIB << 20 {
        let mut group = Vec::with_capacity(GROUP);
        for (nth, payload) in payloads.iter().enumerate() {
            let partition = PartitionId(nth as u32 % PARTITIONS);
            index += u64::from(partition.0 == 0);
            group.push(Record::Entry { partition, mark: ours::mark(index), payload });
        }
        let last = log.append(&group).expect("entries in a row fit");
        log.sync(last).expect("the operating system takes it");
        bytes += GROUP * super::PAYLOAD_BYTES;
        records += GROUP as u64;
    }
    records
}
