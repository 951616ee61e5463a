//! How long it takes until another leads, and until it acknowledges a write, when a leader is killed or stops without a word.
//!
//! Time is taken from before the signal to the moment at which a survivor says that another leads, and at which a write that is put to the
//! survivors all the time is acknowledged. Both are asked over connections that stand already, about once a millisecond.

use std::fmt;
use std::time::{Duration, Instant};

use quorate_kv::{Command, Put};
use quorate_net::wire::client::{Write, request, response};
use quorate_node::{KV, SYSTEM};
use tokio::sync::mpsc;

use crate::crew::{Crew, PATIENCE, Plan};
use crate::number;
use crate::probe::Probe;
use crate::sights::Sights;

/// How often a leader is lost in a check that runs often; what is promised is measured over 200 times.
const FAILOVERS: u64 = 10;
/// What a machine that does other things meanwhile should keep.
const LENIENT: Duration = Duration::from_secs(5);

/// How a leader is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Its connections break.
    Killed,
    /// It is silent.
    Stopped,
}

/// Times, to be looked at as a distribution.
struct Times(Vec<Duration>);

impl Times {
    /// The least time that so many of a hundred do not exceed.
    fn percentile(&self, of: usize) -> Duration {
        let mut times = self.0.clone();
        times.sort_unstable();
        times[(times.len() * of).div_ceil(100).max(1) - 1]
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1?}, p99 {:.1?}, most {:.1?}", self.percentile(50), self.percentile(99), self.percentile(100))
    }
}

/// What a survivor tells.
enum News {
    Known(Instant),
    Acknowledged(Instant),
}

/// Asks a survivor, again and again, until it has acknowledged a write or nobody listens any more.
async fn watch(mut probe: Probe, old: u64, term: u64, news: mpsc::UnboundedSender<News>) {
    let command = Command::Put(Put::new("elections", "x")).encode();
    let mut known = false;
    while !news.is_closed() {
        if !known {
            let status = probe.status().await.expect("a survivor answers");
            let there = status.partitions.iter().find(|there| there.partition == KV.0).expect("there is such a partition");
            known = there.term > term && there.leader > 0 && there.leader != old;
            if known {
                let _ = news.send(News::Known(Instant::now()));
            }
        }
        if known {
            let write = Write { session: 0, sequence: 0, settled: 0, command: command.clone().into() };
            let answer = probe.ask(KV, request::Body::Write(write)).await.expect("a survivor answers");
            if matches!(answer, response::Body::Written(_)) {
                let _ = news.send(News::Acknowledged(Instant::now()));
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Loses the leader, and says how long until another one is known, and acknowledges.
fn fail_over(crew: &mut Crew, loss: Loss) -> (Duration, Duration) {
    for partition in [SYSTEM, KV] {
        crew.caught_up(partition);
    }
    let (leader, term) = crew.leader_among(&crew.running(), KV);
    let survivors: Vec<u64> = crew.running().into_iter().filter(|id| *id != leader).collect();
    let probes: Vec<Probe> =
        survivors.iter().map(|id| crew.wait(Probe::dial(crew.tester(), &crew.seats[id].client)).expect("a survivor answers")).collect();
    let (tell, mut news) = mpsc::unbounded_channel();
    for probe in probes {
        crew.runtime.spawn(watch(probe, leader, term, tell.clone()));
    }
    drop(tell);
    let begun = Instant::now();
    match loss {
        Loss::Killed => crew.kill(leader),
        Loss::Stopped => crew.pause(leader),
    }
    let (mut known, mut acknowledged) = (None, None);
    let listen = async {
        while known.is_none() || acknowledged.is_none() {
            match news.recv().await.expect("one of the survivors leads in the end") {
                News::Known(after) => known = known.or(Some(after)),
                News::Acknowledged(after) => acknowledged = acknowledged.or(Some(after)),
            }
        }
    };
    crew.runtime.block_on(async { tokio::time::timeout(PATIENCE, listen).await }).expect("another leads in time");
    match loss {
        Loss::Killed => crew.begin(leader),
        Loss::Stopped => crew.resume(leader),
    }
    let after = |moment: Option<Instant>| moment.expect("it was waited for").saturating_duration_since(begun);
    (after(known), after(acknowledged))
}

fn fail_over_often(loss: Loss, promised: Duration) {
    let often = number("QUORATE_FAILOVERS");
    let mut crew = Crew::start(&format!("elections-{loss:?}").to_lowercase(), Plan::default());
    let sights = Sights::begin(&crew);
    let (known, acknowledged) = (0..often.unwrap_or(FAILOVERS)).map(|_| fail_over(&mut crew, loss)).unzip();
    let (known, acknowledged) = (Times(known), Times(acknowledged));
    let times = known.0.len();
    println!("leader {loss:?}, {times} times: another known after {known}; a write acknowledged after {acknowledged}");
    let terms = sights.end(&crew);
    assert!(terms > times, "{times} leaders were lost, and only {terms} terms had one");
    let most = if often.is_some() { promised } else { LENIENT };
    assert!(known.percentile(99) < most, "expected another leader within {most:?}: {known}");
}

#[test]
fn another_leads_soon_after_the_leader_was_killed() {
    fail_over_often(Loss::Killed, Duration::from_millis(200));
}

#[test]
fn another_leads_soon_after_the_leader_fell_silent() {
    fail_over_often(Loss::Stopped, Duration::from_millis(350));
}
