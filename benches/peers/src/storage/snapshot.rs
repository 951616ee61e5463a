//! Streaming a snapshot of 1 GiB: every chunk is read and its digest checked, beside reading the same file and doing nothing with it.
//!
//! The operating system has the file in memory, on both sides.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read as _, Write};
use std::sync::Arc;

use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_env::disk::RealDisk;
use quorate_storage::machine::SnapshotSource;
use quorate_storage::snapshot::{Settings, Snapshots};

use super::{Folder, ours, payloads};
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line};

const SNAPSHOT_MIB: usize = 1 << 10;
const FOLDER: &str = "snapshots";

/// A state that is nothing but bytes.
struct Bytes(Vec<[u8; super::PAYLOAD_BYTES]>);

impl SnapshotSource for Bytes {
    fn write_to(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let piece = self.0.as_flattened();
        (0..(SNAPSHOT_MIB << 20) / piece.len()).try_for_each(|_| to.write_all(piece))
    }
}

pub(super) fn run(format: Format) {
    let folder = Folder::new("snapshot");
    let disk = Arc::new(RealDisk::open(folder.path()).expect("it was made a moment ago"));
    let snapshots = Snapshots::open(disk, FOLDER, Settings::new(ClusterId::default(), MemberId(1))).expect("an empty folder");
    let partition = PartitionId(1);
    snapshots.write(partition, ours::mark(1), Vec::new(), &mut Bytes(payloads(2048))).expect("there is room on the disk");

    let stream = || {
        let reader = snapshots.reader(partition, ours::mark(1)).expect("it was written");
        let mut chunk = Vec::new();
        for nth in 0..reader.manifest().count() {
            reader.read_chunk(nth, &mut chunk).expect("it is as it was written");
            black_box(&chunk);
        }
    };
    let files: Vec<_> = std::fs::read_dir(folder.path().join(FOLDER)).expect("the folder is there").flatten().collect();
    let path = files.first().expect("one snapshot").path();
    let mut buffer = vec![0; Settings::CHUNK_BYTES as usize];
    let read = move || {
        let mut file = File::open(&path).expect("it was written");
        while file.read(&mut buffer).expect("it can be read") > 0 {
            black_box(&buffer);
        }
    };
    let rates = compare(Some(Side::new(SNAPSHOT_MIB, stream)), Side::new(SNAPSHOT_MIB, read));
    let what = Comparison { stage: "snapshot", variant: "stream", shape: "1 GiB, digests on", unit: "MiB/s", peer: "raw read" };
    line(format, &what, rates);
}
