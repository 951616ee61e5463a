//! Records of 512 bytes wait, one commit makes all of them durable, then the next come.
//!
//! What is compared is a commit: the disk's part is the same on all sides, what a side adds to it is its own.

use std::time::Duration;

use super::fjall::Fjall;
use super::ours::{Crowd, Ours, Upkeep};
use super::raw::{Raw, WhenFull};
use super::redb::Redb;
use super::{Folder, payloads};
use crate::pairwise::{Side, compare, compare_within};
use crate::report::{Comparison, Format, line, versioned};

const WAITING: [usize; 3] = [1, 16, 256];
/// A call of the sustained variant writes so many bytes, so that every call makes and gives up as much as it writes.
const SUSTAINED_BYTES: usize = 64 << 20;
/// Such a call takes a second.
const SUSTAINED_BUDGET: Duration = Duration::from_secs(20);
/// How many threads append and sync, and how often each does in a call, so that starting them weighs little.
const THREADS: usize = 16;
const ROUNDS: usize = 128;

pub(super) fn run(format: Format) {
    for waiting in WAITING {
        beside_all(format, waiting);
    }
    // With one waiting, a segment lasts for a quarter of a minute, and making it ready does not show.
    for waiting in [16, 256] {
        sustained(format, waiting);
    }
    threads(format);
}

fn what<'a>(variant: &'a str, shape: &'a str, peer: &'a str) -> Comparison<'a> {
    Comparison { stage: "append", variant, shape, unit: "records/s", peer }
}

fn beside_all(format: Format, waiting: usize) {
    let folder = Folder::new("append");
    let payloads = payloads(waiting);
    let shape = format!("{waiting} waiting");
    let mut ours = Ours::new(folder.path(), &payloads, Upkeep::Paused);

    let mut raw = Raw::new(folder.path(), &payloads, WhenFull::Wrap);
    let rates = compare(Some(Side::with_clock(waiting, |clock| ours.commit(clock))), Side::new(waiting, || raw.commit()));
    raw.check();
    line(format, &what("fsync", &shape, "raw pwrite, fdatasync"), rates);

    let mut fjall = Fjall::new(folder.path(), &payloads);
    let rates = compare(Some(Side::with_clock(waiting, |clock| ours.commit(clock))), Side::new(waiting, || fjall.commit()));
    fjall.check();
    drop(fjall);
    line(format, &what("fsync", &shape, &versioned("fjall")), rates);

    let mut redb = Redb::new(folder.path(), &payloads);
    let rates = compare(Some(Side::with_clock(waiting, |clock| ours.commit(clock))), Side::new(waiting, || redb.commit()));
    redb.check();
    line(format, &what("fsync", &shape, &versioned("redb")), rates);
    ours.check();
}

fn sustained(format: Format, waiting: usize) {
    let folder = Folder::new("sustained");
    let payloads = payloads(waiting);
    let commits = SUSTAINED_BYTES / (waiting * super::PAYLOAD_BYTES);
    let mut ours = Ours::new(folder.path(), &payloads, Upkeep::Counted);
    let mut raw = Raw::new(folder.path(), &payloads, WhenFull::Another);
    let our_side = Side::with_clock(waiting * commits, |clock| (0..commits).for_each(|_| ours.commit(clock)));
    let rates = compare_within(SUSTAINED_BUDGET, Some(our_side), Side::new(waiting * commits, || (0..commits).for_each(|_| raw.commit())));
    raw.check();
    ours.check();
    let peer = "raw, a new file of 64 MiB now and then";
    line(format, &what("fsync, sustained", &format!("{waiting} waiting"), peer), rates);
}

fn threads(format: Format) {
    let folder = Folder::new("threads");
    let payloads = payloads(THREADS);
    let mut crowd = Crowd::new(folder.path(), &payloads);
    let mut raw = Raw::new(folder.path(), &payloads, WhenFull::Wrap);
    let work = THREADS * ROUNDS;
    let ours = Side::with_clock(work, |clock| crowd.commit(clock, ROUNDS));
    let rates = compare(Some(ours), Side::new(work, || (0..ROUNDS).for_each(|_| raw.commit())));
    raw.check();
    crowd.check();
    line(format, &what("fsync, threads", &format!("{THREADS} waiting"), "raw, one thread for all"), rates);
}
