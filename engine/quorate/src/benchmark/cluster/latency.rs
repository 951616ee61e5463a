//! One client that waits for each commit.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, Result, miette};
use quorate_node::client::Client;
use tokio::runtime::{Builder, Runtime};

use super::super::Bench;
use super::super::line::{Target, Unit, What};
use super::super::pairwise::Rates;
use super::ping::Ping;
use super::scene::Scene;
use super::{STAGE, command};
use crate::demo::cluster::options::Durability;

/// A client, and what drives it.
struct Asker {
    client: Client,
    runtime: Runtime,
}

/// How many of each are measured in one turn.
const TURN: usize = 50;

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let turns = if bench.quick { 10 } else { 200 };
    bench.begin_memory();
    let scene = Scene::begin(Durability::Memory)?;
    // The client's connection is driven by the thread that asks, as that of the ping is.
    let runtime = Builder::new_current_thread().enable_all().build().into_diagnostic()?;
    let connected = runtime.block_on(Client::connect(scene.client.config().clone()));
    let asker = Asker { client: connected.map_err(|error| miette!("{error}"))?, runtime };
    let mut ping = Ping::new()?;
    let (mut commits, mut pings) = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        // In the order A B B A; what the first turn measures is thrown away.
        if turn % 2 == 0 {
            commit(&asker, turn, &mut commits)?;
            ping.run(TURN, &mut pings)?;
        } else {
            ping.run(TURN, &mut pings)?;
            commit(&asker, turn, &mut commits)?;
        }
        if turn == 0 {
            (commits.clear(), pings.clear());
        }
    }
    (commits.sort_unstable(), pings.sort_unstable());
    // The issue of a cluster asks for at most three times the one, and eight times the other.
    for (share, name, times) in [(0.5, "p50", 3.0), (0.99, "p99", 8.0)] {
        let (value, limit) = (quantile(&commits, share), quantile(&pings, share));
        let rates = Rates { value: 1.0 / value, limit: Some(1.0 / limit), ratio: Some(limit / value), spread: spread(&commits) };
        let what = What {
            stage: STAGE,
            variant: "raft, memory, TLS",
            shape: &format!("1 client, 1 in flight, 64-byte values, {name}"),
            unit: Unit::Microseconds,
            limit: Some("raw TLS ping-pong"),
            clock: "networked over loopback, from asking to the answer",
            target: Some(Target::Ratio(1.0 / times)),
        };
        let line = bench.line(&what, rates);
        let line = line.with("times_the_limit", value / limit).with("durability", "memory").with("client", "native").with("nodes", 3);
        bench.write(&what, &line)?;
    }
    Ok(())
}

fn commit(asker: &Asker, turn: usize, took: &mut Vec<Duration>) -> Result<()> {
    let written = asker.runtime.block_on(async {
        for nth in 0..TURN {
            let begun = Instant::now();
            asker.client.write(command((turn * TURN + nth) as u64)).await?;
            took.push(begun.elapsed());
        }
        Ok::<_, quorate_node::client::RequestError>(())
    });
    written.map_err(|error| miette!("a command was not carried out: {error}"))
}

/// In seconds. There is at least one.
fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted.get(at).map_or(f64::NAN, Duration::as_secs_f64)
}

/// How far the middle half lies apart, as a part of the median.
fn spread(sorted: &[Duration]) -> f64 {
    (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / quantile(sorted, 0.5)
}
