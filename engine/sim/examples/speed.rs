//! How many events the world plays in a second, on one core.
//!
//! `cargo run --release -p quorate-sim --example speed [SERVERS [SEEDS]]` plays calm and stormy seeds and prints what it took. Invariants
//! that look at every event come on top of this. Time is the wall clock's: on a machine with other work it says too little.
#![forbid(unsafe_code)]

use std::time::Instant;

use quorate_sim::{Options, Plan, World};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().unwrap_or(0));
    let servers = arguments.next().unwrap_or(5).clamp(1, 7) as u16;
    let seeds = arguments.next().unwrap_or(20).max(1);
    for (name, faults) in [("calm", false), ("stormy", true)] {
        let (mut events, mut virtual_ns, began) = (0, 0, Instant::now());
        for seed in 0..seeds {
            let mut world = World::new(&Plan::from_seed(seed, &Options { servers, faults, ..Options::default() }));
            while world.step() {}
            events += world.events();
            virtual_ns += world.now();
        }
        let took = began.elapsed();
        let rate = events as f64 / took.as_secs_f64();
        let faster = virtual_ns as f64 / took.as_nanos() as f64;
        println!(
            "{name}: {servers} servers, {seeds} seeds, {events} events in {took:.2?}: {rate:.0} events/s, {faster:.0} times as fast as time"
        );
    }
}
