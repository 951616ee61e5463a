//! The suite `storage`: the log beside a bare file and two stores, on the disk that the build lies on.
//!
//! One file a stage. Whoever adds one calls it from [`run`], and takes a [`Folder`] to work in.

mod append;
mod fjall;
mod memory;
mod ours;
mod raw;
mod recover;
mod redb;
mod snapshot;

use std::path::{Path, PathBuf};

use crate::cpu::Numbers;
use crate::report::Format;

/// Runs every comparison.
pub fn run(format: Format) {
    append::run(format);
    recover::run(format);
    snapshot::run(format);
    memory::run(format);
}

/// What a process does that was started only to see how much memory that takes. The result is what it prints.
pub fn child(task: &str, folder: &str) -> Option<String> {
    memory::child(task, Path::new(folder))
}

/// The payload of a record.
const PAYLOAD_BYTES: usize = 512;

/// Payloads that no compression makes smaller.
fn payloads(count: usize) -> Vec<[u8; PAYLOAD_BYTES]> {
    let mut numbers = Numbers(count as u64);
    (0..count).map(|_| numbers.bytes()).collect()
}

/// A folder beside the running program, which is on a real disk where the system's temporary folder may not be. Goes when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let program = std::env::current_exe().expect("the running program has a path");
        let path = program.with_file_name(format!("bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made where the build lies");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the build's own folder, where the next clean finds it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
