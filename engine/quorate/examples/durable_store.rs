//! A state machine that outlives its process: run it twice, and it goes on where it was.
//!
//! A command is written to the log, is durable, and only then applied. Every hundred entries a snapshot takes over, and the log is cut.

use std::error::Error;

use quorate::core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate::env::Env;
use quorate::env::rng::Entropy;
use quorate::storage::log::{Log, Owner, Settings};
use quorate::storage::machine::{Answer, HashMapMachine, Host, Request};
use quorate::storage::snapshot::{self, Policy, Snapshots};
use quorate::storage::{LogStore, Mark, Record};

const PARTITION: PartitionId = PartitionId(1);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("quorate-durable-store");
    std::fs::create_dir_all(&folder)?;
    let env = Env::real(&folder)?;
    let owner = Owner { cluster: ClusterId::default(), member: MemberId(1) };
    let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };

    // What a crash left is put in order; damage would be an error that says where and what to do.
    let (log, found) = Log::open(env.clone(), "log", owner, settings, Box::new(Entropy))?;
    let kept = snapshot::Settings::new(owner.cluster, owner.member);
    let snapshots = Snapshots::open(env.disk, "snapshots", kept)?;
    let mut host = snapshot::recover(PARTITION, Box::new(HashMapMachine::new()), &log, &snapshots)?.host;
    snapshot::replay(&mut host, &log, log.span(PARTITION).last.index, &mut Vec::new())?;
    println!("{} records found in {}, {} entries applied", found.records, folder.display(), host.applied().index);

    let policy = Policy { interval: 100, ..Policy::default() };
    for _ in 0..250 {
        let value = host.applied().index.to_string();
        execute(&log, &mut host, &Request::Set { key: "entries before".into(), value })?;
        if let Some(taken) = snapshot::take(&mut host, &log, &snapshots, &policy, Vec::new)? {
            println!("a snapshot holds everything up to entry {}", taken.floor.index);
        }
    }
    let Answer(value) = execute(&log, &mut host, &Request::Get { key: "entries before".into() })?;
    println!("before the last command there were {} entries", value.unwrap_or_default());
    log.close()?;
    Ok(())
}

/// Where there is one node and no vote, what is durable is decided.
fn execute(log: &Log, host: &mut Host, request: &Request) -> Result<Answer, Box<dyn Error>> {
    let mark = Mark { index: Height(host.applied().index.0 + 1), term: View(1) };
    let last = log.append(&[Record::Entry { partition: PARTITION, mark, payload: &request.encode() }])?;
    log.sync(last)?;
    let mut responses = Vec::new();
    host.apply(&log.read(PARTITION, mark.index.0..mark.index.0 + 1, usize::MAX)?, &mut responses)?;
    let response = responses.pop().ok_or("an entry has a response")?;
    Ok(Answer::decode(&response.bytes)?)
}
