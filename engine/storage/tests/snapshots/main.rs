//! Snapshots: whole or not at all, whatever happens to the disk, the connection or the node.

mod crashes;
mod files;
mod folder;
mod manifests;
mod reception;
mod way;

use std::io;
use std::sync::Arc;

use quorate_core::hash::TreeHash;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_env::disk::MemoryDisk;
use quorate_storage::Mark;
use quorate_storage::machine::SnapshotSource;
use quorate_storage::snapshot::{Manifest, Reader, Settings, Snapshots};

const P: PartitionId = PartitionId(3);
const CHUNK: u32 = 100;

fn mark(index: u64) -> Mark {
    Mark { index: Height(index), term: View(1) }
}

fn settings() -> Settings {
    Settings { chunk_bytes: CHUNK, ..Settings::new(ClusterId(TreeHash::Blake3.leaf(b"cluster")), MemberId(7)) }
}

fn open(disk: &MemoryDisk) -> Snapshots {
    Snapshots::open(Arc::new(disk.clone()), "snapshots", settings()).unwrap()
}

/// A state that is these bytes, written in pieces of odd lengths.
struct Bytes(Vec<u8>);

impl SnapshotSource for Bytes {
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
        let lens = [1, 7, 250, 33].into_iter().cycle();
        let mut rest = &self.0[..];
        for len in lens {
            let (now, later) = rest.split_at(len.min(rest.len()));
            to.write_all(now)?;
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

/// The state that the tests have at an index.
fn state(index: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(31).wrapping_add(index * 7) >> 2) as u8).collect()
}

fn write(snapshots: &Snapshots, index: u64, len: usize) -> Manifest {
    snapshots.write(P, mark(index), format!("meta {index}").into_bytes(), &mut Bytes(state(index, len))).unwrap()
}

fn body(reader: &Reader) -> Vec<u8> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut reader.body(), &mut bytes).unwrap();
    bytes
}
