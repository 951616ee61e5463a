//! What the log must survive, from `quorate_storage::conformance`: crashes at every step, flipped bits, a full disk; and the suite that
//! anyone can run on a log of their own, on both of ours.

use std::sync::Arc;

use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::MemoryDisk;
use quorate_env::rng::Seeded;
use quorate_pipeline::conformance::Verdict;
use quorate_storage::conformance::{self, Open};
use quorate_storage::log::{Log, Owner, Settings};
use quorate_storage::{LogError, LogStore, MemoryLog};

use super::Suite;

/// How many crash states are examined if nobody says.
const STATES: u64 = 10_000;

/// How many random scripts each log runs.
const SCRIPTS: u64 = 100;

pub(super) const CRASH_POINTS: Suite = Suite {
    name: "crash-points",
    about: "a crash at every write, sync, rename and removal of a log: what was acknowledged is there, and nothing else",
    run: |bench| conformance::crash_points(bench.seed, bench.rounds.unwrap_or(STATES)),
};

pub(super) const BIT_FLIPS: Suite = Suite {
    name: "bit-flips",
    about: "every byte of a small log, changed: detected or harmless",
    run: |bench| conformance::bit_flips(bench.seed),
};

pub(super) const ENOSPC: Suite = Suite {
    name: "enospc",
    about: "a full disk: an alarm, reading goes on, state is taken, and everything recovers",
    run: |bench| conformance::enospc(bench.seed),
};

pub(super) const LOG_CONFORMANCE: Suite = Suite {
    name: "log-conformance",
    about: "both logs beside a model: the suite for logs that others bring",
    run: |bench| {
        let scripts = bench.rounds.unwrap_or(SCRIPTS);
        let mut disk = MemoryDisk::new();
        let mut on_disk = |open: Open| {
            if open == Open::Anew {
                disk = MemoryDisk::new();
            }
            let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
            let settings = Settings { segment_bytes: 8192, cache_bytes: 4096, index_bytes: 1024, ..Settings::default() };
            let (log, _) = Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(bench.seed)))?;
            Ok(Box::new(log) as Box<dyn LogStore>)
        };
        let mut verdict = conformance::log(&mut on_disk, bench.seed, scripts);
        let mut in_memory = |open| match open {
            Open::Anew => Ok(Box::new(MemoryLog::new()) as Box<dyn LogStore>),
            // It keeps nothing, and says so.
            Open::Again => Err(LogError::Full { needed: 0 }),
        };
        let Verdict { cases, failures, notes } = conformance::log(&mut in_memory, bench.seed, scripts);
        verdict.cases += cases;
        verdict.failures.extend(failures.into_iter().map(|failure| format!("in memory: {failure}")));
        verdict.notes.extend(notes.into_iter().map(|note| format!("in memory: {note}")));
        verdict
    },
};
