//! Native clients with many commands in flight.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, Result, miette};
use quorate_node::client::{Client, SessionOptions, SubmitError};
use tokio::runtime::Builder;

use super::super::Bench;
use super::super::line::{Target, Unit, What};
use super::super::pairwise::Rates;
use super::scene::Scene;
use super::{STAGE, command};
use crate::demo::cluster::options::Durability;

/// How many slices a measurement is made of; the figure is the median.
const SLICES: usize = 9;

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    for in_flight in [64, 1024] {
        bench.begin_memory();
        let scene = Scene::begin(Durability::Memory)?;
        let rates = measure(&scene, in_flight, bench.quick)?;
        let what = What {
            stage: STAGE,
            variant: "raft, memory, TLS",
            shape: &format!("1 client, {in_flight} in flight, 64-byte values"),
            unit: Unit::PerSecond("commits/s"),
            limit: None,
            clock: "networked over loopback, nodes and client on this machine",
            target: (in_flight == 1024).then_some(Target::AtLeast(100_000.0)),
        };
        let line = bench.line(&what, rates).with("durability", "memory").with("client", "native, pipelined").with("nodes", 3);
        let line = line.with("cores", std::thread::available_parallelism().map_or(0, usize::from));
        bench.write(&what, &line)?;
    }
    Ok(())
}

/// Commits a second, with so many in flight.
pub(super) fn measure(scene: &Scene, in_flight: usize, quick: bool) -> Result<Rates> {
    let slice = Duration::from_millis(if quick { 50 } else { 500 });
    // The load has a thread of its own, as a program that uses the store would.
    let runtime = Builder::new_current_thread().enable_all().build().into_diagnostic()?;
    let config = scene.client.config().clone();
    let mut counts = runtime.block_on(async {
        let client = Client::connect(config).await.map_err(|error| miette!("{error}"))?;
        let mut session = client.session(SessionOptions::default());
        let (mut nth, mut open) = (0_u64, 0_usize);
        let mut ended = Vec::new();
        let mut counts = Vec::new();
        let (mut since, mut done) = (Instant::now(), 0_u64);
        // The first slice is to get warm.
        while counts.len() <= SLICES {
            while open < in_flight {
                match session.submit(command(nth), nth) {
                    Ok(()) => (nth, open) = (nth + 1, open + 1),
                    Err(SubmitError::Full(_)) => break,
                    Err(error) => return Err(miette!("a command was not taken: {error}")),
                }
            }
            open -= session.next_batch(&mut ended).await;
            for (_, outcome) in ended.drain(..) {
                outcome.map_err(|error| miette!("a command was not carried out: {error}"))?;
                done += 1;
            }
            let elapsed = since.elapsed();
            if elapsed >= slice {
                counts.push(done as f64 / elapsed.as_secs_f64());
                (since, done) = (Instant::now(), 0);
            }
        }
        counts.remove(0);
        Ok(counts)
    })?;
    counts.sort_by(f64::total_cmp);
    let at = |share: f64| counts[((counts.len() - 1) as f64 * share).round() as usize];
    Ok(Rates { value: at(0.5), limit: None, ratio: None, spread: (at(0.75) - at(0.25)) / at(0.5) })
}
