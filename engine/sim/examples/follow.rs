//! Plays one seed and prints what happens between two moments, for whoever looks for the cause of something.
//!
//! `cargo run --release -p quorate-sim --example follow SEED SERVERS FROM_MS TO_MS [WORD]...`, with only what has one of the words in it.
#![forbid(unsafe_code)]

use quorate_sim::{Options, Plan, World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |nth: usize, or: u64| arguments.get(nth).and_then(|argument| argument.parse().ok()).unwrap_or(or);
    let (seed, servers, from, to) = (number(0, 0), number(1, 5) as u16, number(2, 0) * 1_000_000, number(3, 1 << 30) * 1_000_000);
    let words = arguments.get(4..).unwrap_or_default();
    let plan = Plan::from_seed(seed, &Options { servers, ..Options::default() });
    println!("{:?}", plan.shape);
    for fault in &plan.faults {
        println!("{fault}");
    }
    let mut world = World::new(&plan);
    while let Some((at, mut what)) = world.next() {
        if !world.step() {
            break;
        }
        if at < from || at > to {
            continue;
        }
        for fact in world.facts() {
            what.push_str(&format!("\n    {fact:?}"));
        }
        if words.is_empty() || words.iter().any(|word| what.contains(word.as_str())) {
            println!("{:.6} {what}", at as f64 / 1e9);
        }
    }
    let auditor = world.auditor().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    println!("{} events, auditor {auditor}, {:?}", world.events(), world.tally());
    if let Some(stuck) = world.stuck() {
        println!("{stuck}");
    }
}
