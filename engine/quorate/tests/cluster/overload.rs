//! About ten times as much work as can be done: what is too much is refused with a time after which to ask again, memory stays bounded,
//! nobody crashes, and when it is over everything is as before.
//!
//! The work comes in an open loop: so much a second is offered, whatever becomes of it. What a client's window has no room for counts as
//! offered and is dropped there. The store is compacted all the while, as it is where somebody looks after it: what it has to remember is
//! not what this is about.

use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_kv::{Command, Put};
use quorate_node::KV;
use quorate_node::client::{Client, Delivery, OnBusy, Outcome, RequestError, Session, SessionOptions, SubmitError, Window};
use tokio::time::{MissedTickBehavior, interval};

use crate::crew::{Crew, Plan};
use crate::number;
use crate::sights::Sights;

/// For how many seconds there is too much to do, in a check that runs often.
const SECONDS: u64 = 5;
/// How many times as much as can be done.
const TIMES: f64 = 10.0;
/// Clients that offer work. Their windows together are more than a node keeps waiting.
const CLIENTS: usize = 32;
const WINDOW: Window = Window { requests: 4096, bytes: 8 << 20 };
/// The most memory that a node may have.
const MEMORY_BYTES: u64 = 768 << 20;
/// How many keys are written, over and over.
const KEYS: usize = 1000;
/// How long it may take until everything is as before.
const RECOVERY: Duration = Duration::from_secs(5);

fn commands() -> Vec<Bytes> {
    (0..KEYS).map(|nth| Command::Put(Put::new(format!("key-{nth}"), [b'x'; 64])).encode().into()).collect()
}

/// What became of what was offered.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    offered: u64,
    dropped: u64,
    done: u64,
    busy: u64,
    /// Of those that were refused, how many were told when to ask again.
    told_when: u64,
    other: u64,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Ok(_) => self.done += 1,
            Err(RequestError::Busy { retry_after }) => {
                self.busy += 1;
                self.told_when += u64::from(!retry_after.is_zero());
            }
            Err(_) => self.other += 1,
        }
    }

    fn add(&mut self, other: Self) {
        let Self { offered, dropped, done, busy, told_when, other: rest } = other;
        self.offered += offered;
        self.dropped += dropped;
        self.done += done;
        self.busy += busy;
        self.told_when += told_when;
        self.other += rest;
    }
}

/// Offers so much a second, for so long.
async fn offer(mut session: Session, a_second: f64, lasts: Duration) -> Tally {
    let (commands, begun) = (commands(), Instant::now());
    let (mut tally, mut ended) = (Tally::default(), Vec::new());
    let mut ticks = interval(Duration::from_millis(2));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while begun.elapsed() < lasts {
        ticks.tick().await;
        let due = (a_second * begun.elapsed().as_secs_f64()) as u64;
        while tally.offered < due {
            match session.submit(commands[tally.offered as usize % KEYS].clone(), tally.offered) {
                Ok(()) => tally.offered += 1,
                Err(SubmitError::Full(_)) => {
                    tally.dropped += due - tally.offered;
                    tally.offered = due;
                }
                Err(error) => panic!("{error}"),
            }
        }
        session.try_next_batch(&mut ended);
        ended.drain(..).for_each(|(_, outcome)| tally.count(&outcome));
    }
    tally
}

/// How many commands a second are done if each client waits for what it has asked for.
fn sustained(crew: &Crew, lasts: Duration) -> f64 {
    let work = |nth| {
        let client = crew.client(&format!("steady-{nth}"), Window { requests: 256, ..WINDOW });
        crew.runtime.spawn(async move {
            let mut session = client.session(SessionOptions::default());
            let (commands, begun, mut ended) = (commands(), Instant::now(), Vec::new());
            let (mut given, mut done) = (0, 0);
            while begun.elapsed() < lasts {
                while session.submit(commands[given % KEYS].clone(), 0).is_ok() {
                    given += 1;
                }
                session.next_batch(&mut ended).await;
                done += ended.drain(..).filter(|(_, outcome)| outcome.is_ok()).count();
            }
            client.close().await;
            done
        })
    };
    let tasks: Vec<_> = (0..4).map(work).collect();
    let done: usize = tasks.into_iter().map(|task| crew.wait(task).unwrap()).sum();
    done as f64 / lasts.as_secs_f64()
}

/// The median and the 99th of a hundred latencies of writes, one after another.
fn latency(crew: &Crew, client: &Client) -> (Duration, Duration) {
    let mut times: Vec<Duration> = Vec::new();
    crew.wait(async {
        for _ in 0..100 {
            let begun = Instant::now();
            client.kv().put("latency", "x").await.expect("a write is carried out");
            times.push(begun.elapsed());
        }
    });
    times.sort_unstable();
    (times[49], times[98])
}

#[test]
fn ten_times_too_much_work_is_refused_in_order_and_leaves_nothing_behind() {
    let mut crew = Crew::start("overload", Plan::default());
    let sights = Sights::begin(&crew);
    let lasts = Duration::from_secs(number("QUORATE_OVERLOAD_S").unwrap_or(SECONDS));
    let client = crew.client("writer", Window::default());
    latency(&crew, &client);
    let (median, tail) = latency(&crew, &client);
    let sustained = sustained(&crew, Duration::from_millis(1500));
    let before = crew.leader_among(&crew.running(), KV);

    let rate = TIMES * sustained / CLIENTS as f64;
    let clients: Vec<Client> = (0..CLIENTS).map(|nth| crew.client(&format!("pushy-{nth}"), WINDOW)).collect();
    let options = SessionOptions { delivery: Delivery::AtMostOnce, on_busy: OnBusy::Report };
    let tasks: Vec<_> = clients.iter().map(|client| crew.runtime.spawn(offer(client.session(options), rate, lasts))).collect();
    let compactor = {
        let client = crew.client("compactor", Window::default());
        crew.runtime.spawn(async move {
            loop {
                if let Ok(revision) = client.kv().revision().await {
                    // What is compacted already is refused, and that is well.
                    let _ = client.kv().compact(revision).await;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        })
    };
    let mut most = 0;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        most = crew.running().into_iter().map(|id| crew.memory(id)).fold(most, u64::max);
        crew.all_live();
        std::thread::sleep(Duration::from_millis(50));
    }
    let end = Instant::now();
    let mut tally = Tally::default();
    for task in tasks {
        tally.add(crew.wait(task).expect("a client's task ends in order"));
    }
    crew.wait(async {
        for client in &clients {
            client.close().await;
        }
    });
    // As before: what an idle machine's noise does to a measurement of a hundred writes is allowed.
    let normal =
        |(now, late): (Duration, Duration)| now < median * 2 + Duration::from_millis(1) && late < tail * 3 + Duration::from_millis(20);
    let recovered = loop {
        if normal(latency(&crew, &client)) {
            break end.elapsed();
        }
        assert!(end.elapsed() < RECOVERY * 4, "latency does not get back to {median:?} and {tail:?}: {:?}", latency(&crew, &client));
    };
    compactor.abort();
    let after = crew.leader_among(&crew.running(), KV);
    println!(
        "sustained {sustained:.0}/s; offered {:.0}/s for {lasts:?}: {tally:?}; at most {} MiB; latency {median:?}, {tail:?} again after \
         {recovered:?}; leader and term {before:?}, then {after:?}",
        tally.offered as f64 / lasts.as_secs_f64(),
        most >> 20
    );
    crew.all_live();
    assert!(tally.busy > 0, "nobody was told that it is too much: {tally:?}");
    assert_eq!(tally.busy, tally.told_when, "some were not told when to ask again");
    assert!(tally.done > 0, "nothing was done: {tally:?}");
    assert!(most < MEMORY_BYTES, "a node had {} MiB", most >> 20);
    assert!(recovered < RECOVERY, "latency took {recovered:?} to be as before");
    sights.end(&crew);
}
