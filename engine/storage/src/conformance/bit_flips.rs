//! Every byte of small logs, changed: each change is detected, or does no harm.

use quorate_core::verdict::Verdict;
use quorate_env::disk::{Disk as _, Loss, MemoryDisk};
use quorate_env::rng::Seeded;

use super::model::{Model, Owned};
use super::{FOLDER, open};
use crate::store::{LogError, LogStore as _, Record};

/// Changes every byte of logs that were closed, and of logs that were left after a sync.
#[must_use]
pub fn bit_flips(seed: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    let (mut detected, mut harmless) = (0, 0);
    for closed in [true, false, true, false] {
        match build(&mut rng, closed) {
            Ok((disk, model)) => flip_all(&disk, &model, closed, &mut rng, &mut verdict, [&mut detected, &mut harmless]),
            Err(what) => verdict.case(Err(what)),
        }
    }
    verdict.notes.push(format!("{detected} were detected, {harmless} harmless"));
    verdict
}

fn build(rng: &mut Seeded, closed: bool) -> Result<(MemoryDisk, Model), String> {
    let said = |error: LogError| error.to_string();
    let disk = MemoryDisk::new();
    let (log, _) = open(&disk, rng.next_u64()).map_err(said)?;
    let mut model = Model::default();
    for _ in 0..50 {
        let records = model.propose(rng, 2, 200);
        let borrowed: Vec<Record<'_>> = records.iter().map(Owned::borrowed).collect();
        let last = log.append(&borrowed).map_err(said)?;
        log.sync(last).map_err(said)?;
        records.iter().for_each(|record| model.take(record));
    }
    // The front is gone, as it is in most logs.
    log.release().map_err(said)?;
    let records = model.propose(rng, 2, 200);
    let borrowed: Vec<Record<'_>> = records.iter().map(Owned::borrowed).collect();
    log.append(&borrowed).and_then(|last| log.sync(last)).map_err(said)?;
    records.iter().for_each(|record| model.take(record));
    if closed {
        log.close().map_err(said)?;
    }
    Ok((disk, model))
}

fn flip_all(disk: &MemoryDisk, model: &Model, closed: bool, rng: &mut Seeded, verdict: &mut Verdict, [detected, harmless]: [&mut u64; 2]) {
    let names = disk.list(FOLDER).unwrap_or_default();
    for name in names {
        let path = format!("{FOLDER}/{name}");
        let Ok(len) = disk.open(&path).and_then(|file| file.len()) else { continue };
        for at in 0..len {
            let bit = 1 << rng.below(8);
            let result = flipped(disk, &path, at, bit, rng).and_then(|disk| match open(&disk, rng.next_u64()) {
                Err(LogError::Corrupt(_)) => {
                    *detected += 1;
                    Ok(())
                }
                Err(error) => Err(format!("neither opened nor corrupt: {error}")),
                Ok((log, _)) => {
                    *harmless += 1;
                    model.compare(&log)
                }
            });
            let how = if closed { "closed" } else { "left" };
            verdict.case(result.map_err(|what| format!("bit {bit:#04x} of byte {at} of {name} of a log that was {how}: {what}")));
            if verdict.failures.len() >= 20 {
                return;
            }
        }
    }
}

fn flipped(disk: &MemoryDisk, path: &str, at: u64, bit: u8, rng: &mut Seeded) -> Result<MemoryDisk, String> {
    let copy = disk.after_crash(Loss::Nothing, rng);
    let flip = || {
        let (file, mut byte) = (copy.open(path)?, [0]);
        file.read_exact_at(&mut byte, at)?;
        file.write_at(&[byte[0] ^ bit], at)?;
        file.sync()
    };
    flip().map_err(|error| error.to_string())?;
    Ok(copy)
}
