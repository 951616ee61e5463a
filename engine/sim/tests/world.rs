//! That the world does what it says: the same thing twice, the faults that are planned, and what must come of them.

use std::time::Duration;

use quorate_core::ids::MemberId;
use quorate_env::disk::Loss;
use quorate_protocol::raft::{Part, Role, Settings};
use quorate_sim::fact::Fact;
use quorate_sim::plan::{Change, Links, MS, Whom};
use quorate_sim::{Backend, Fault, Options, Phase, Plan, Planted, Tally, What, World};

/// A calm plan of five servers with these faults.
fn plan(seed: u64, faults: Vec<(u64, What)>) -> Plan {
    let mut plan = Plan::from_seed(seed, &Options { faults: false, ..Options::default() });
    plan.shape.faults_ns = 4000 * MS;
    plan.shape.think_ns = 10 * MS;
    plan.shape.parts = vec![Part::Voter; 5];
    plan.faults = faults.into_iter().map(|(ms, what)| Fault { at: ms * MS, what }).collect();
    plan
}

/// Plays a plan to its end, and gives every fact with its time.
fn play(plan: &Plan) -> (World, Vec<(u64, Fact)>) {
    let (mut world, mut facts) = (World::new(plan), Vec::new());
    while world.step() {
        facts.extend(world.facts().iter().map(|fact| (world.now(), fact.clone())));
    }
    assert_eq!((world.phase(), world.stuck()), (Phase::Done, None));
    (world, facts)
}

/// Who was elected, and when.
fn elected(facts: &[(u64, Fact)]) -> Vec<(u64, MemberId)> {
    let leads = |(at, fact): &(u64, Fact)| match fact {
        Fact::Became { node, role: Role::Leader, .. } => Some((*at, *node)),
        _ => None,
    };
    facts.iter().filter_map(leads).collect()
}

fn hash(plan: &Plan) -> [u8; 32] {
    let mut world = World::new(plan);
    while world.step() {}
    assert_eq!(world.stuck(), None, "seed {}", plan.seed);
    world.auditor()
}

fn stormy(seed: u64, backend: Backend) -> Plan {
    Plan::from_seed(seed, &Options { backend, ..Options::default() })
}

#[test]
fn a_seed_plays_the_same_run_twice_and_another_seed_another() {
    for seed in 0..12 {
        let plan = stormy(seed, Backend::Reference);
        assert_eq!(hash(&plan), hash(&plan), "seed {seed}");
    }
    assert_ne!(hash(&stormy(1, Backend::Reference)), hash(&stormy(2, Backend::Reference)));
}

#[test]
fn who_counts_the_votes_changes_nothing() {
    for seed in 0..12 {
        assert_eq!(hash(&stormy(seed, Backend::Reference)), hash(&stormy(seed, Backend::Cpu)), "seed {seed}");
    }
}

#[test]
fn every_kind_of_trouble_comes_about_in_a_few_hundred_seeds() {
    let mut sum = Tally::default();
    for seed in 0..300 {
        let mut world = World::new(&stormy(seed, Backend::Reference));
        while world.step() {}
        assert_eq!(world.stuck(), None, "seed {seed}");
        sum += *world.tally();
    }
    for (name, count) in sum.named() {
        assert!(count > 0, "no {name} in 300 seeds");
    }
    assert!(sum.crashes > 300 && sum.torn > 10 && sum.installed > 100, "{sum:?}");
}

#[test]
fn what_was_not_synced_is_gone_after_a_crash_and_what_was_is_there() {
    for (planted, kept) in [(None, true), (Some(Planted::AppendNotSynced), false)] {
        let whom = vec![Whom::Server(3)];
        let crash = What::Crash { whom, loss: Loss::Everything, midway: 0, down_ns: 500 * MS };
        let plan = Plan { planted, ..plan(3, vec![(2000, crash)]) };
        let (mut world, mut facts) = (World::new(&plan), Vec::new());
        while world.now() < 3000 * MS && world.step() {
            facts.extend_from_slice(world.facts());
        }
        let crashed = facts.iter().position(|fact| matches!(fact, Fact::Crashed { .. })).expect("it crashes");
        let committed = |facts: &[Fact]| {
            let of = |fact: &Fact| match fact {
                Fact::Committed { node: MemberId(4), index, .. } => Some(index.0),
                _ => None,
            };
            facts.iter().filter_map(of).max().unwrap_or(0)
        };
        let started = facts[crashed..].iter().find_map(|fact| match fact {
            Fact::Started { node: MemberId(4), term, floor, .. } => Some((term.0, floor.index.0)),
            _ => None,
        });
        let (term, floor) = started.expect("it starts again");
        let after = facts[crashed..].iter().filter(|fact| matches!(fact, Fact::Appended { node: MemberId(4), .. })).count() as u64;
        let before = committed(&facts[..crashed]);
        assert!(before > 10, "{before} entries were committed");
        if kept {
            assert!(term > 0 && floor + after >= before);
        } else {
            assert_eq!(term, 0, "nothing was ever synced but for snapshots");
        }
    }
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_comes_back_as_a_follower() {
    let (_, calm) = play(&plan(5, Vec::new()));
    let (_, first) = elected(&calm)[0];
    let nth = (first.0 - 1) as u16;
    let (world, facts) = play(&plan(5, vec![(1500, What::Partition { side: vec![Whom::Server(nth)], one_way: false, for_ns: 1500 * MS })]));
    let later: Vec<_> = elected(&facts).into_iter().filter(|(at, _)| (1500 * MS..3000 * MS).contains(at)).collect();
    assert!(!later.is_empty() && later.iter().all(|(_, node)| *node != first), "{later:?}");
    let steps_down =
        |(at, fact): &(u64, Fact)| *at > 1500 * MS && matches!(fact, Fact::Became { node, role: Role::Follower, .. } if *node == first);
    assert!(facts.iter().any(steps_down));
    assert!(world.network().lost > 0);
}

#[test]
fn a_leader_that_stands_still_or_whose_disk_does_is_replaced() {
    for what in [What::Pause { whom: Whom::Leader, for_ns: 1200 * MS }, What::Stall { whom: Whom::Leader, for_ns: 1200 * MS }] {
        let (_, facts) = play(&plan(6, vec![(1500, what.clone())]));
        let elected = elected(&facts);
        let later = elected.iter().find(|(at, _)| *at > 1500 * MS);
        assert!(later.is_some_and(|(at, node)| *at < 2700 * MS && *node != elected[0].1), "{what}: {elected:?}");
    }
}

#[test]
fn a_server_with_a_damaged_disk_refuses_to_start_and_the_others_go_on() {
    let faults = vec![
        (1500, What::Flip { whom: 2, bits: 400 }),
        (1600, What::Crash { whom: vec![Whom::Server(2)], loss: Loss::Nothing, midway: 0, down_ns: 100 * MS }),
    ];
    let (world, facts) = play(&plan(8, faults));
    assert!(facts.iter().any(|(_, fact)| *fact == Fact::Refused { node: MemberId(3) }));
    let why = world.servers()[2].refusal().expect("it refused");
    assert!(why.contains("found") && why.contains("expected"), "{why}");
    assert_eq!(world.tally().refusals, 1);
}

#[test]
fn no_more_than_a_minority_is_ever_damaged() {
    let faults = (0..5).map(|whom| (1500 + u64::from(whom), What::Flip { whom, bits: 400 }));
    let whom = (0..5).map(Whom::Server).collect();
    let crash = What::Crash { whom, loss: Loss::Nothing, midway: 0, down_ns: 100 * MS };
    let (world, _) = play(&plan(9, faults.chain([(1600, crash)]).collect()));
    assert_eq!(world.tally().refusals, 2);
}

#[test]
fn a_server_whose_sync_fails_dies_and_starts_again() {
    let (world, facts) = play(&plan(10, vec![(1500, What::FailSync { whom: Whom::Server(1) })]));
    let about = |(_, fact): &&(u64, Fact)| matches!(fact, Fact::Crashed { node: MemberId(2) } | Fact::Started { node: MemberId(2), .. });
    assert_eq!(facts.iter().filter(about).count(), 3);
    // While it starts, the power may fail besides.
    assert!(world.tally().crashes >= 1 && world.tally().refusals == 0);
}

#[test]
fn a_full_disk_takes_no_entries_until_there_is_room() {
    let (world, _) = play(&plan(11, vec![(1200, What::Full { whom: Whom::Server(4), left: 0, for_ns: 2000 * MS })]));
    assert!(world.tally().full > 0 && world.tally().stalls > 0, "{:?}", world.tally());
    assert_eq!(world.tally().crashes, 0);
}

#[test]
fn members_come_and_go_and_neither_learners_nor_witnesses_lead() {
    let churn = |at: u64, change, pick| (at, What::Churn { change, pick });
    let faults = vec![
        churn(1000, Change::Add(Part::Learner), 0),
        churn(1400, Change::Add(Part::Witness), 0),
        churn(1800, Change::Replace, 1),
        churn(2200, Change::Promote, 0),
        churn(2600, Change::Remove, 3),
        (3000, What::Transfer { pick: 2 }),
    ];
    let (world, facts) = play(&plan(12, faults));
    let last = world.servers().iter().filter_map(|server| server.raft()).max_by_key(|raft| raft.configuration().epoch());
    let members: Vec<_> = last.map(|raft| raft.configuration().peers().to_vec()).unwrap_or_default();
    assert!(world.servers().len() >= 8 && members.len() == 6, "{} servers, {members:?}", world.servers().len());
    let witness = world.servers().iter().find(|server| server.is_witness()).map(|server| server.id());
    assert!(witness.is_some() && elected(&facts).iter().all(|(_, node)| Some(*node) != witness));
    assert!(facts.iter().any(|(_, fact)| matches!(fact, Fact::Members { configuration, .. } if configuration.is_joint())));
}

#[test]
fn a_plan_without_some_of_its_faults_is_still_a_plan() {
    for seed in 0..6 {
        let mut plan = stormy(seed, Backend::Reference);
        while plan.faults.pop().is_some() {
            hash(&plan);
            let half = plan.faults.len() / 2;
            plan.faults.truncate(half);
        }
    }
}

#[test]
fn every_acknowledged_write_and_read_is_in_the_record() {
    let (world, facts) = play(&stormy(4, Backend::Reference));
    let returned =
        world.record().operations().iter().filter(|operation| matches!(operation.outcome, quorate_sim::record::Outcome::Returned(_)));
    let acknowledged = facts.iter().filter(|(_, fact)| matches!(fact, Fact::Acknowledged { .. })).count() as u64;
    assert_eq!(acknowledged, world.tally().writes);
    assert_eq!(returned.count() as u64, world.tally().writes + world.tally().reads);
}

/// How long after its leader was killed each of these seeds has another, by rising time.
fn takeovers(seeds: std::ops::Range<u64>, servers: u16, reset_hint: Option<Duration>) -> Vec<u64> {
    let one = |seed| {
        let mut plan = Plan::from_seed(seed, &Options { faults: false, servers, ..Options::default() });
        plan.shape.parts = vec![Part::Voter; usize::from(servers)];
        plan.shape.settings = Settings { reset_hint, ..Settings::LAN };
        let (base_ns, jitter_ns) = (100_000, 400_000);
        plan.shape.links = Links { base_ns, jitter_ns, tail_one_in: 100, tail_ns: 10 * MS, loss_ppm: 0, twice_ppm: 0, overtaking: false };
        (plan.shape.faults_ns, plan.shape.count_ns, plan.shape.sync_ns) = (1600 * MS, 50_000, 2 * MS);
        let at = 1500 * MS + seed * 977_000 % (50 * MS);
        let crash = What::Crash { whom: vec![Whom::Leader], loss: Loss::Nothing, midway: 0, down_ns: 1000 * MS };
        plan.faults = vec![Fault { at, what: crash }];
        let mut world = World::new(&plan);
        while world.step() {
            if world.now() > at && world.facts().iter().any(|fact| matches!(fact, Fact::Became { role: Role::Leader, .. })) {
                return world.now() - at;
            }
        }
        panic!("seed {seed}: nobody leads again");
    };
    let mut times: Vec<u64> = seeds.map(one).collect();
    times.sort_unstable();
    times
}

#[test]
fn a_leader_that_is_killed_is_replaced_in_a_tenth_of_the_time_where_resets_are_hints() {
    for servers in [3, 5] {
        let with = takeovers(0..200, servers, Some(Duration::from_millis(5)));
        let without = takeovers(0..20, servers, None);
        let at = |times: &[u64], percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)] / MS;
        // Behind that are servers that are told very late what was counted, as happens to one result in 128 in this world, and now and then
        // a split vote.
        let told = [50, 95].map(|percent| at(&with, percent));
        assert!(told[0] < 30 && told[1] < 60, "{servers} servers: {told:?} ms for 50 and 95 %");
        assert!(at(&without, 0) >= 100, "which is what an election timeout takes");
    }
}
