//! The same with everything on disk before it is answered, beside what one log on this disk does.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, Result};
use quorate_core::ids::{Height, MemberId, PartitionId, View};
use quorate_env::Env;
use quorate_env::rng::Entropy;
use quorate_storage::log::{Log, Owner, Settings};
use quorate_storage::store::Record;
use quorate_storage::{LogStore as _, Mark};

use super::super::Bench;
use super::super::line::{Unit, What};
use super::super::pairwise::Rates;
use super::scene::Scene;
use super::{STAGE, command, throughput};
use crate::demo::cluster::home::Home;
use crate::demo::cluster::options::Durability;

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    for in_flight in [1, 256] {
        bench.begin_memory();
        let before = log_rate(in_flight, bench.quick)?;
        let scene = Scene::begin(Durability::Fsync)?;
        let rates = throughput::measure(&scene, in_flight, bench.quick)?;
        drop(scene);
        let limit = (before + log_rate(in_flight, bench.quick)?) / 2.0;
        let what = What {
            stage: STAGE,
            variant: "raft, fsync, TLS",
            shape: &format!("1 client, {in_flight} in flight, 64-byte values"),
            unit: Unit::PerSecond("commits/s"),
            limit: Some("one log on this disk, as many entries to a group"),
            clock: "durable and networked, three logs on one disk",
            target: None,
        };
        let rates = Rates { limit: Some(limit), ratio: Some(rates.value / limit), ..rates };
        let line = bench.line(&what, rates).with("durability", "fsync").with("client", "native, pipelined").with("nodes", 3);
        bench.write(&what, &line)?;
    }
    Ok(())
}

/// Entries a second that one log makes durable in groups of so many.
fn log_rate(group: usize, quick: bool) -> Result<f64> {
    let home = Home::temporary()?;
    let env = Env::real(home.path()).into_diagnostic()?;
    let owner = Owner { cluster: Default::default(), member: MemberId(1) };
    let (log, _) = Log::open(env, "log", owner, Settings::default(), Box::new(Entropy)).into_diagnostic()?;
    let payload = command(0);
    let (begun, mut index) = (Instant::now(), 0_u64);
    while begun.elapsed() < Duration::from_millis(if quick { 100 } else { 2000 }) {
        let record =
            |nth| Record::Entry { partition: PartitionId(1), mark: Mark { index: Height(index + nth), term: View(1) }, payload: &payload };
        let records: Vec<Record<'_>> = (1..=group as u64).map(record).collect();
        log.sync(log.append(&records).into_diagnostic()?).into_diagnostic()?;
        index += group as u64;
    }
    Ok(index as f64 / begun.elapsed().as_secs_f64())
}
