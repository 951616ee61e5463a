//! Plays seeds and says how they went.
#![forbid(unsafe_code)]

use quorate_sim::{Options, Plan, Tally, World};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap_or(0));
    let (from, to) = (arguments.next().unwrap_or(0), arguments.next().unwrap_or(20));
    let (mut events, mut sum) = (0, Tally::default());
    for seed in from..to {
        let options = Options { servers: [5, 3, 5, 4, 1, 5, 2][(seed % 7) as usize], ..Options::default() };
        let plan = Plan::from_seed(seed, &options);
        let mut world = World::new(&plan);
        while world.step() {}
        let hash: String = world.auditor().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        if to - from < 30 {
            println!("{seed}: {hash} {} events, {} faults, {:?}", world.events(), plan.faults.len(), world.tally());
        }
        if let Some(server) = world.servers().iter().find(|server| server.refusal().is_some()).filter(|_| to - from < 30) {
            println!("    server {} refused: {}", server.id(), server.refusal().unwrap_or_default());
        }
        if world.excused() {
            println!("{seed}: excused");
        }
        if let Some(stuck) = world.stuck() {
            println!("{seed}: {hash} {} servers: {stuck}", options.servers);
        }
        events += world.events();
        sum += *world.tally();
    }
    println!("{events} events in {} seeds, {} a seed", to - from, events / (to - from).max(1));
    for (name, count) in sum.named() {
        println!("    {name}: {count}");
    }
}
