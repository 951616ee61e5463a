//! How long a command takes: puts of a 16-byte key and a 64-byte value, alone and within a session, in batches, and a snapshot meanwhile.
//!
//! ```text
//! cargo run --release -p quorate-kv --example speed [KEYS]
//! ```

#![forbid(unsafe_code)]

use std::time::Instant;

use quorate_core::ids::{Height, View};
use quorate_kv::{Command, Put, Store};
use quorate_storage::Mark;
use quorate_storage::machine::sessions::{Limits, Stub};
use quorate_storage::machine::{Command as Entry, Envelope, Sessioned, StateMachine};

const COMMANDS: u64 = 1_000_000;
const BATCH: u64 = 100;
/// How many requests a client has under way.
const PIPELINED: u64 = 256;
const CLIENTS: u64 = 8;

/// The command that comes as the so-manieth: its key is one of so many, in no order.
fn put(nth: u64, keys: u64) -> Vec<u8> {
    let key = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys;
    Command::Put(Put::new(format!("{key:016}"), [b'v'; 64])).encode()
}

/// How many nanoseconds this thread has had a core. Where the system does not tell, those that have passed.
fn spent(since: Instant) -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_a_core = told.and_then(|told| told.split(' ').next()?.parse().ok());
    on_a_core.unwrap_or(since.elapsed().as_nanos() as u64)
}

/// Applies commands in batches, and says how many nanoseconds each took.
fn time(machine: &mut dyn StateMachine, from: u64, payloads: &[Vec<u8>]) -> u64 {
    let mut responses = Vec::new();
    let began = Instant::now();
    let before = spent(began);
    for (nth, batch) in (0..).zip(payloads.chunks(BATCH as usize)) {
        let mark = |at| Mark { index: Height(from + nth * BATCH + at), term: View(1) };
        let entries: Vec<_> = (0..).zip(batch).map(|(at, payload)| Entry { mark: mark(at), payload }).collect();
        machine.apply_batch(&entries, &mut responses).expect("the store goes on");
        responses.clear();
    }
    (spent(began) - before) / payloads.len() as u64
}

fn main() {
    let keys = std::env::args().nth(1).map_or(100_000, |keys| keys.parse().expect("a number of keys"));
    let plain: Vec<_> = (0..COMMANDS).map(|nth| put(nth, keys)).collect();
    let mut store = Store::default();
    println!("{keys} keys, {COMMANDS} puts, batches of {BATCH}");
    println!("put: {} ns", time(&mut store, 1, &plain));
    println!("memory: {} MiB of {} revisions", store.memory_bytes() >> 20, store.revision());
    let began = Instant::now();
    let held = store.snapshot().expect("it is in memory");
    println!("freezing: {:?}", began.elapsed());
    println!("put, the state being shared: {} ns", time(&mut store, 1, &plain[..100_000]));
    drop(held);

    let mut machine = Sessioned::new(Store::default(), Limits { sessions: 1024, answer_bytes: 16 << 20 });
    let opened: Vec<_> = (0..CLIENTS).map(|_| Envelope::Open.encode()).collect();
    time(&mut machine, 1, &opened);
    let within = |nth: u64| {
        let (session, sequence) = (1 + nth % CLIENTS, 1 + nth / CLIENTS);
        Envelope::Within { stub: Stub { session, sequence, settled: sequence.saturating_sub(PIPELINED) }, command: &plain[nth as usize] }
            .encode()
    };
    let within: Vec<_> = (0..COMMANDS).map(within).collect();
    println!("put within one of {CLIENTS} sessions: {} ns", time(&mut machine, 1 + CLIENTS, &within));
    let began = Instant::now();
    let mut frozen = machine.snapshot().expect("it is in memory");
    println!("freezing: {:?}, with {} bytes of answers", began.elapsed(), machine.sessions().answer_bytes());
    let (began, mut bytes) = (Instant::now(), Vec::new());
    frozen.write_to(&mut bytes).expect("memory takes it");
    println!("writing {} MiB: {:?}", bytes.len() >> 20, began.elapsed());
    let began = Instant::now();
    let mut other = Sessioned::new(Store::default(), Limits { sessions: 1024, answer_bytes: 16 << 20 });
    other.restore(Mark::default(), &mut bytes.as_slice()).expect("it is a state");
    println!("restoring: {:?}", began.elapsed());
    assert_eq!(other.machine().digest(), machine.machine().digest());
    drop((frozen, other, within));
    let began = Instant::now();
    store.apply(&Command::Compact(store.revision()).encode()).expect("the store goes on");
    println!("compacting: {:?}, then a put: {} ns", began.elapsed(), time(&mut store, 1, &plain[..100_000]));
}
