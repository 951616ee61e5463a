//! A crash at every step that the log takes on its disk.
//!
//! A random workload is recorded, step by step, with a remark after each sync: so much was acknowledged. Then the steps are done
//! again, and before each of them the power fails, with what was not synced lost, kept, torn or reordered. What is opened then must hold
//! everything that was acknowledged and nothing that was not written; it must go on from there; and a crash while it was opening, or
//! shortly after, must not hurt it either.

use quorate_core::verdict::Verdict;
use quorate_env::disk::{Loss, MemoryDisk, Step};
use quorate_env::rng::Seeded;

use super::model::{Model, Owned};
use super::open;
use crate::store::{LogStore as _, Record, Sequence};

/// What was appended, and what was true after each call.
struct Workload {
    steps: Vec<Step>,
    /// The model after each append, by the number of its last record.
    history: Vec<(Sequence, Model)>,
}

/// Examines at least so many crash states.
#[must_use]
pub fn crash_points(seed: u64, states: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    let mut workloads = 0;
    while verdict.cases < states && verdict.failures.len() < 20 {
        workloads += 1;
        match record(&mut rng) {
            Ok(workload) => explore(&workload, &mut rng, &mut verdict, states),
            Err(what) => verdict.case(Err(format!("workload {workloads}: {what}"))),
        }
    }
    verdict.notes.push(format!("{workloads} workloads"));
    verdict
}

/// Runs a workload and writes down what it does.
fn record(rng: &mut Seeded) -> Result<Workload, String> {
    let said = |error: crate::store::LogError| error.to_string();
    let disk = MemoryDisk::new();
    disk.record();
    let (mut log, _) = open(&disk, rng.next_u64()).map_err(said)?;
    let (mut model, mut last) = (Model::default(), Sequence(0));
    let mut history = vec![(last, model.clone())];
    for _ in 0..120 {
        let records = model.propose(rng, 3, 300);
        let borrowed: Vec<Record<'_>> = records.iter().map(Owned::borrowed).collect();
        last = log.append(&borrowed).map_err(said)?;
        records.iter().for_each(|record| model.take(record));
        history.push((last, model.clone()));
        match rng.below(12) {
            0..6 => {
                log.sync(last).map_err(said)?;
                disk.remark(last.0);
            }
            6 => {
                log.release().map_err(said)?;
                // What was carried forward has numbers of its own, and changes nothing.
                last = log.append(&[]).map_err(said)?;
                history.push((last, model.clone()));
                disk.remark(log.durable().0);
            }
            7 if rng.one_in(3) => {
                log.close().map_err(said)?;
                drop(log);
                log = open(&disk, rng.next_u64()).map_err(said)?.0;
                last = log.durable();
                history.push((last, model.clone()));
                disk.remark(last.0);
            }
            _ => {}
        }
    }
    Ok(Workload { steps: disk.steps(), history })
}

/// Crashes before each step in every way.
fn explore(workload: &Workload, rng: &mut Seeded, verdict: &mut Verdict, states: u64) {
    let (disk, mut acknowledged) = (MemoryDisk::new(), Sequence(0));
    for (nth, step) in workload.steps.iter().enumerate() {
        if let Err(error) = disk.redo(step) {
            return verdict.case(Err(format!("step {nth} cannot be done again: {error}")));
        }
        if let Step::Note(number) = step {
            acknowledged = acknowledged.max(Sequence(*number));
            continue;
        }
        // With nothing unsure, there is but one way to crash.
        let ways: &[Loss] = if disk.unsure() == 0 {
            &[Loss::Everything]
        } else {
            &[Loss::Everything, Loss::Nothing, Loss::Torn, Loss::Torn, Loss::Reordered, Loss::Reordered, Loss::Reordered]
        };
        for way in ways {
            let found = survive(&disk.after_crash(*way, rng), workload, acknowledged, rng);
            verdict.case(found.map_err(|what| format!("crash after step {nth} ({}), {way:?}: {what}", short(step))));
            if verdict.cases >= states || verdict.failures.len() >= 20 {
                return;
            }
        }
    }
}

/// Opens what a crash left, and sees whether it is right and whether life goes on.
fn survive(disk: &MemoryDisk, workload: &Workload, acknowledged: Sequence, rng: &mut Seeded) -> Result<(), String> {
    let twice = rng.one_in(8);
    if twice {
        disk.record();
    }
    let copy = disk.after_crash(Loss::Nothing, rng);
    let model = check(disk, workload, acknowledged, rng)?;
    if !twice {
        return go_on(disk, model, rng);
    }
    // A crash while it was opening: the same must be found after it.
    let steps = disk.steps();
    let until = rng.below(steps.len() as u64 + 1) as usize;
    for step in &steps[..until] {
        copy.redo(step).map_err(|error| format!("a step of opening cannot be done again: {error}"))?;
    }
    let way = rng.pick(&Loss::ALL);
    let again = copy.after_crash(way, rng);
    let model = check(&again, workload, acknowledged, rng).map_err(|what| format!("and another while opening, {way:?}: {what}"))?;
    go_on(&again, model, rng)
}

/// Opens the log. It must hold what it held after some call, not before what was acknowledged.
fn check(disk: &MemoryDisk, workload: &Workload, acknowledged: Sequence, rng: &mut Seeded) -> Result<Model, String> {
    let (log, _) = open(disk, rng.next_u64()).map_err(|error| format!("it does not open: {error}"))?;
    let last = log.durable();
    if last < acknowledged {
        return Err(format!("{} was acknowledged, and {} is the last", acknowledged.0, last.0));
    }
    // Groups are whole calls, but the records that were carried forward are calls of their own.
    let at = workload.history.partition_point(|(number, _)| *number <= last);
    let (_, model) = &workload.history[at.saturating_sub(1)];
    model.compare(&log).map_err(|what| format!("with {} records: {what}", last.0))?;
    Ok(model.clone())
}

/// Appends some more, and opens once more.
fn go_on(disk: &MemoryDisk, mut model: Model, rng: &mut Seeded) -> Result<(), String> {
    let said = |error: crate::store::LogError| format!("going on: {error}");
    {
        let (log, _) = open(disk, rng.next_u64()).map_err(said)?;
        for _ in 0..3 {
            let records = model.propose(rng, 3, 300);
            let borrowed: Vec<Record<'_>> = records.iter().map(Owned::borrowed).collect();
            let last = log.append(&borrowed).map_err(said)?;
            log.sync(last).map_err(said)?;
            records.iter().for_each(|record| model.take(record));
        }
    }
    let (log, _) = open(&disk.after_crash(Loss::Everything, rng), rng.next_u64()).map_err(said)?;
    model.compare(&log).map_err(|what| format!("after going on: {what}"))
}

fn short(step: &Step) -> String {
    match step {
        Step::Write(file, at, bytes) => format!("write of {} bytes at {at} of file {file}", bytes.len()),
        other => format!("{other:?}"),
    }
}
