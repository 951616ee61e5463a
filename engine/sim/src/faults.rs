//! Makes a plan out of a seed: how the surroundings are, and what goes wrong in them.
//!
//! Seeds differ in temper. Many are calm, so that what needs quiet (large logs, snapshots, many writes) is seen, too; some are brutal;
//! most have a theme, because faults of one kind that follow each other find what one of each kind does not.

use std::time::Duration;

use quorate_env::disk::Loss;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::{Part, Settings};

use crate::adversary::Kind;
use crate::clocks::DRIFT_PPM;
use crate::plan::{Change, Fault, Links, MS, Options, Plan, Shape, What, Whom};

/// What a seed is mostly about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Everything,
    Crashes,
    Network,
    Disks,
    Members,
    Time,
    Adversaries,
    Depositions,
}

const THEMES: [Theme; 9] = [
    Theme::Everything,
    Theme::Everything,
    Theme::Crashes,
    Theme::Network,
    Theme::Disks,
    Theme::Members,
    Theme::Time,
    Theme::Adversaries,
    Theme::Depositions,
];

/// The plan of a seed.
pub(crate) fn plan(seed: u64, options: &Options) -> Plan {
    let mut rng = Seeded::new(seed ^ 0x91a7_5eed);
    let mut shape = shape(&mut rng, options);
    shape.faults_ns = options.faults_ns.unwrap_or(shape.faults_ns);
    let mut faults = if options.faults { schedule(&mut rng, options.servers, &shape) } else { Vec::new() };
    faults.sort_by_key(|fault| fault.at);
    Plan { seed, servers: options.servers, shape, faults, planted: options.planted }
}

fn settings(rng: &mut Seeded) -> Settings {
    let election = 100 + rng.below(100);
    Settings {
        election: Duration::from_millis(election),
        stagger: Duration::from_millis(20 + rng.below(40)),
        heartbeat: Duration::from_millis(election / rng.pick(&[3, 4, 6])),
        drift_ppm: DRIFT_PPM,
        append_bytes: rng.pick(&[256, 1 << 10, 4 << 10]),
        inflight: rng.pick(&[1, 4, 16]),
        uncommitted_bytes: rng.pick(&[4 << 10, 64 << 10]),
        cache_bytes: rng.pick(&[512, 4 << 10, 64 << 10]),
        command_bytes: 1 << 10,
        reads: rng.pick(&[4, 64]),
        reset_hint: rng.one_in(3).then(|| Duration::from_millis(rng.pick(&[3, 10]))),
    }
}

fn links(rng: &mut Seeded) -> Links {
    let base_ns = rng.pick(&[50_000, 200_000, 2 * MS]);
    Links {
        base_ns,
        jitter_ns: base_ns * rng.pick(&[1, 4]),
        tail_one_in: rng.pick(&[100, 1000, u64::MAX]),
        tail_ns: rng.pick(&[10 * MS, 300 * MS]),
        loss_ppm: rng.pick(&[0, 0, 1000, 20_000]),
        twice_ppm: rng.pick(&[0, 0, 1000, 20_000]),
        overtaking: rng.one_in(2),
    }
}

fn shape(rng: &mut Seeded, options: &Options) -> Shape {
    let mut parts = vec![Part::Voter; usize::from(options.servers)];
    if options.servers >= 4 && rng.one_in(6) {
        let part = rng.pick(&[Part::Learner, Part::Witness]);
        parts[usize::from(options.servers) - 1] = part;
    }
    Shape {
        faults_ns: (1500 + rng.below(4500)) * MS,
        clients: 1 + rng.below(5) as u16,
        keys: 1 + rng.below(6) as u16,
        think_ns: rng.pick(&[MS, 4 * MS, 20 * MS, 60 * MS]),
        reads_percent: rng.pick(&[10, 40, 70]),
        padding: rng.pick(&[0, 60, 600]),
        settings: settings(rng),
        parts,
        segment_bytes: rng.pick(&[8 << 10, 16 << 10, 64 << 10]),
        snapshot_interval: rng.pick(&[20, 100, 1000]),
        chunk_bytes: rng.pick(&[16, 256]),
        links: links(rng),
        sync_ns: rng.pick(&[100_000, MS, 8 * MS]),
        count_ns: rng.pick(&[1000, 50_000, MS]),
        apply_ns: rng.pick(&[1000, 200_000, 5 * MS]),
        backend: options.backend,
    }
}

fn schedule(rng: &mut Seeded, servers: u16, shape: &Shape) -> Vec<Fault> {
    let seconds = shape.faults_ns / (1000 * MS) + 1;
    let a_second = rng.pick(&[0, 1, 2, 4, 8, 20]);
    let theme = rng.pick(&THEMES);
    let count = rng.below(seconds * a_second + 2);
    let mut faults = Vec::new();
    if theme == Theme::Depositions {
        depositions(rng, servers, shape, &mut faults);
    }
    for _ in 0..count {
        let at = rng.below(shape.faults_ns * 9 / 10);
        let theme = if rng.one_in(4) { Theme::Everything } else { theme };
        let what = choose(rng, servers, theme);
        if let What::Churn { .. } = what {
            beside_a_change(rng, at, shape, &mut faults);
        }
        faults.push(Fault { at, what });
    }
    faults
}

/// Sometimes another order follows while the members change, and sometimes the leader is gone in the middle of it.
fn beside_a_change(rng: &mut Seeded, at: u64, shape: &Shape, faults: &mut Vec<Fault>) {
    let soon = at + rng.below(10 * shape.links.base_ns + 4 * shape.sync_ns);
    if soon >= shape.faults_ns * 9 / 10 {
        return;
    }
    match rng.below(6) {
        0 => {
            let change = rng.pick(&[Change::Remove, Change::Priorities, Change::Promote]);
            // A choice that is given although another change is under way.
            faults.push(Fault { at: soon, what: What::Churn { change, pick: 3 * rng.below(1 << 14) } });
        }
        1 => {
            let (loss, down_ns) = (rng.pick(&Loss::ALL), length(rng));
            faults.push(Fault { at: soon, what: What::Crash { whom: vec![Whom::Leader], loss, midway: 0, down_ns } });
        }
        2 => {
            let for_ns = length(rng);
            faults.push(Fault { at: soon, what: What::Partition { side: vec![Whom::Leader], one_way: false, for_ns } });
        }
        _ => {}
    }
}

fn choose(rng: &mut Seeded, servers: u16, theme: Theme) -> What {
    match theme {
        Theme::Everything => {
            let other = rng.pick(&THEMES[2..]);
            choose(rng, servers, other)
        }
        Theme::Crashes => crash(rng, servers),
        Theme::Depositions => {
            let for_ns = length(rng);
            deposition(rng, servers, for_ns)
        }
        Theme::Network => network(rng, servers),
        Theme::Disks => disk(rng, servers),
        Theme::Members => members(rng),
        Theme::Time => time(rng, servers),
        Theme::Adversaries => {
            let (who, victim) = two(rng, servers);
            What::Adversary { kind: rng.pick(&Kind::ALL), who, victim, for_ns: 2 * length(rng) }
        }
    }
}

/// The leader is cut off, alone or with one other, while clients still write to it.
fn deposition(rng: &mut Seeded, servers: u16, for_ns: u64) -> What {
    let mut side = vec![Whom::Leader];
    if servers > 3 && rng.one_in(3) {
        side.push(Whom::Server(one(rng, servers)));
    }
    What::Partition { side, one_way: rng.one_in(8), for_ns }
}

/// Again and again whoever leads is deposed, for about as long as it takes to elect another one, and then has to give up what only it had.
/// Now and then it or its successor crashes besides.
fn depositions(rng: &mut Seeded, servers: u16, shape: &Shape, faults: &mut Vec<Fault>) {
    let election = shape.settings.election.as_nanos() as u64;
    let mut at = rng.below(shape.faults_ns / 4 + 1);
    for _ in 0..3 + rng.below(12) {
        let for_ns = election / 2 + rng.below(5 * election / 2);
        faults.push(Fault { at, what: deposition(rng, servers, for_ns) });
        if rng.one_in(3) {
            let (loss, down_ns) = (rng.pick(&Loss::ALL), rng.below(2 * election) + 1);
            let what = What::Crash { whom: vec![Whom::Leader], loss, midway: 0, down_ns };
            faults.push(Fault { at: at + rng.below(for_ns + election / 2), what });
        }
        at += for_ns + rng.below(2 * election);
    }
    faults.retain(|fault| fault.at < shape.faults_ns * 9 / 10);
}

/// Mostly somewhere about an election timeout, now and then much longer.
fn length(rng: &mut Seeded) -> u64 {
    let most = if rng.one_in(4) { 2000 } else { 400 };
    (10 + rng.below(most)) * MS
}

fn whom(rng: &mut Seeded, servers: u16) -> Whom {
    if rng.one_in(3) { Whom::Leader } else { Whom::Server(one(rng, servers)) }
}

/// One of the servers of the beginning, or sometimes one that may have come later.
fn one(rng: &mut Seeded, servers: u16) -> u16 {
    let among = if rng.one_in(8) { servers + 3 } else { servers };
    rng.below(u64::from(among)) as u16
}

fn two(rng: &mut Seeded, servers: u16) -> (u16, u16) {
    let first = rng.below(u64::from(servers)) as u16;
    let step = 1 + rng.below(u64::from(servers.max(2) - 1)) as u16;
    (first, (first + step) % servers.max(1))
}

fn crash(rng: &mut Seeded, servers: u16) -> What {
    let whom = match rng.below(8) {
        0 => (0..servers).map(Whom::Server).collect(),
        1..=2 => (0..servers).filter(|_| rng.one_in(2)).map(Whom::Server).collect(),
        3 => vec![Whom::Leader, Whom::Server(one(rng, servers))],
        _ => vec![whom(rng, servers)],
    };
    let loss = rng.pick(&Loss::ALL);
    let midway = if loss == Loss::Nothing { 0 } else { rng.pick(&[0, 1, 1, 1, 2, 3, 5]) };
    What::Crash { whom, loss, midway, down_ns: length(rng) }
}

/// A process stands still while its clock runs on, or somebody sets the wall clock.
fn time(rng: &mut Seeded, servers: u16) -> What {
    if rng.one_in(4) {
        let far = rng.pick(&[MS, 1000 * MS, 3_600_000 * MS]) as i64;
        return What::WallJump { whom: one(rng, servers), by_ns: if rng.one_in(2) { far } else { -far } };
    }
    let for_ns = length(rng);
    What::Pause { whom: whom(rng, servers), for_ns }
}

fn network(rng: &mut Seeded, servers: u16) -> What {
    let for_ns = length(rng);
    match rng.below(7) {
        0..=2 => {
            let side = (0..servers).filter(|_| rng.one_in(2)).map(Whom::Server).collect();
            What::Partition { side, one_way: rng.one_in(3), for_ns }
        }
        3 => {
            let (from, to) = two(rng, servers);
            What::Cut { from, to, for_ns }
        }
        4 => What::Lossy { ppm: rng.pick(&[10_000, 100_000, 400_000]), for_ns },
        5 => What::Slow { whom: one(rng, servers), bytes_per_second: rng.pick(&[2_000, 20_000, 200_000]), for_ns },
        _ => What::Reset { whom: whom(rng, servers) },
    }
}

fn disk(rng: &mut Seeded, servers: u16) -> What {
    let for_ns = length(rng);
    match rng.below(8) {
        0..=2 => What::Stall { whom: whom(rng, servers), for_ns },
        3..=4 => What::Full { whom: whom(rng, servers), left: rng.below(12 << 10), for_ns },
        5 => What::FailSync { whom: whom(rng, servers) },
        6 => What::Flip { whom: one(rng, servers), bits: 1 + rng.below(8) as u32 },
        _ => What::Misdirect { whom: one(rng, servers) },
    }
}

fn members(rng: &mut Seeded) -> What {
    let pick = rng.below(1 << 16);
    let change = match rng.below(9) {
        0..=1 => return What::Transfer { pick },
        2 => Change::Add(Part::Voter),
        3 => Change::Add(rng.pick(&[Part::Learner, Part::Learner, Part::Witness])),
        4 => Change::Promote,
        5 => Change::Remove,
        6..=7 => Change::Replace,
        _ => Change::Priorities,
    };
    What::Churn { change, pick }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_has_one_plan_and_another_seed_another() {
        let options = Options::default();
        assert_eq!(Plan::from_seed(7, &options), Plan::from_seed(7, &options));
        assert_ne!(Plan::from_seed(7, &options).shape, Plan::from_seed(8, &options).shape);
    }

    #[test]
    fn settings_of_every_seed_fit_together_and_faults_come_in_time() {
        for seed in 0..500 {
            let plan = Plan::from_seed(seed, &Options { servers: 1 + (seed % 7) as u16, ..Options::default() });
            plan.shape.settings.check().unwrap();
            assert!(plan.faults.is_sorted_by_key(|fault| fault.at));
            assert!(plan.faults.iter().all(|fault| fault.at < plan.shape.faults_ns));
        }
    }

    #[test]
    fn among_some_seeds_there_is_every_kind_of_fault_and_calm() {
        let mut kinds = BTreeSet::new();
        let mut calm = 0;
        for seed in 0..400 {
            let plan = Plan::from_seed(seed, &Options::default());
            calm += u32::from(plan.faults.is_empty());
            kinds.extend(plan.faults.iter().map(|fault| format!("{:?}", fault.what).split([' ', '{']).next().map(str::to_owned)));
        }
        assert!(calm > 20, "{calm} calm seeds");
        assert_eq!(kinds.len(), 16, "{kinds:?}");
    }

    #[test]
    fn a_fault_is_told_in_a_sentence() {
        let fault = Fault {
            at: 1_234_000_000,
            what: What::Crash { whom: vec![Whom::Leader, Whom::Server(2)], loss: Loss::Torn, midway: 2, down_ns: 400 * MS },
        };
        let words = "at 1.234s: the leader, server 3 crash, 2 changes into a sync, \
                     the disk keeps what was not synced up to a tear; down for 400ms";
        assert_eq!(fault.to_string(), words);
    }
}
