//! The checks of `quorate doctor`, one function each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use quorate_pipeline::conformance::Make;
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::merkle::Kernel;
use quorate_pipeline::{Backend, Isa};
use serde_json::json;

use super::doctor::{Check, Status};
use crate::suites::{Bench, Suite};

/// Which processor this is.
pub(super) fn processor() -> Check {
    let model = proc_field("/proc/cpuinfo", "model name");
    let arch = std::env::consts::ARCH;
    let found = model.as_ref().map_or_else(|| format!("unknown, {arch}"), |model| format!("{model}, {arch}"));
    Check::fine("processor", found, json!({ "model": model, "arch": arch }))
}

/// How many threads can run at once.
pub(super) fn cores() -> Check {
    match std::thread::available_parallelism() {
        Ok(cores) => {
            let check = Check::fine("cores", format!("{cores} available to this process"), json!({ "available": cores.get() }));
            if cores.get() > 1 {
                check
            } else {
                check.but(Status::Note, "rounds are not spread over threads; votes of one round never are")
            }
        }
        Err(error) => Check::fine("cores", format!("unknown: {error}"), json!({ "available": null }))
            .but(Status::Note, "set `threads` in the cpu backend's section"),
    }
}

/// Which instruction sets there are, and which one the cpu backend takes.
pub(super) fn simd() -> Check {
    let sets: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
    let chosen = Isa::detect();
    let trees = match Kernel::detect() {
        Kernel::Library => "library",
        Kernel::ShaNi => "sha-ni",
        Kernel::Avx512 => "avx512",
    };
    let found = format!("{}; the cpu backend takes {}, and for trees {trees}", sets.join(", "), chosen.name());
    let check = Check::fine("simd", found, json!({ "available": sets, "chosen": chosen.name(), "trees": trees }));
    match chosen {
        Isa::Avx512Ifma => check,
        Isa::Avx2 => check.but(Status::Note, "signatures are verified several times faster on a processor with AVX-512 IFMA"),
        Isa::Portable => check.but(Status::Note, "nothing faster than portable code was found; results are the same, only slower"),
    }
}

/// Whether there is a GPU, which this version does not use.
pub(super) fn gpu() -> Check {
    let device = |name: &str| name.starts_with("nvidia") && name[6..].starts_with(|c: char| c.is_ascii_digit());
    let mut devices = entries("/dev", device);
    devices.extend(entries("/dev/dri", |name| name.starts_with("renderD")));
    let found = match devices.as_slice() {
        [] => "no GPU backend in this version, and no GPU device found".to_owned(),
        devices => format!("no GPU backend in this version; devices found, and not used: {}", devices.join(", ")),
    };
    let status = if devices.is_empty() { Status::Fine } else { Status::Note };
    let check = Check::fine("gpu", found, json!({ "backends": [], "devices": devices }));
    if status == Status::Fine {
        check
    } else {
        check.but(status, "the cpu backend does all the work until the wgpu and cuda backends come")
    }
}

/// How much memory there is. A pipeline's state takes up to a gigabyte by default.
pub(super) fn memory() -> Check {
    let bytes = |field| {
        let text = proc_field("/proc/meminfo", field)?;
        text.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    };
    let (total, available) = (bytes("MemTotal"), bytes("MemAvailable"));
    let values = json!({ "total_bytes": total, "available_bytes": available });
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    match (total, available) {
        (Some(total), Some(available)) => {
            let check = Check::fine("memory", format!("{:.1} GiB available of {:.1} GiB", gib(available), gib(total)), values);
            match available >> 20 {
                0..256 => check.but(Status::Problem, "free some: below 256 MiB not even one large electorate's key tables fit"),
                256..2048 => {
                    check.but(Status::Note, "rounds may take up to 1 GiB of state; lower the pipeline's limits on a small machine")
                }
                _ => check,
            }
        }
        _ => Check::fine("memory", "unknown on this system", values),
    }
}

/// How long a write takes to reach the disk.
pub(super) fn disk(dir: &Path) -> Check {
    let place = dir.display().to_string();
    let mut times = match fsync_times(dir) {
        Ok(times) => times,
        Err(error) => {
            return Check::fine("disk", format!("{place}: {error}"), json!({ "dir": place, "error": error.to_string() }))
                .but(Status::Problem, "choose a directory that exists and can be written to: --dir DIR");
        }
    };
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let found = format!("{place}: fsync of 4 KiB takes {median:.1?}, at worst {worst:.1?}, of {}", times.len());
    let nanos = |time: Duration| time.as_nanos() as u64;
    let values = json!({ "dir": place, "writes": times.len(), "fsync_median_ns": nanos(median), "fsync_worst_ns": nanos(worst) });
    let check = Check::fine("disk", found, values);
    match median.as_micros() {
        0..20 => check.but(Status::Note, "no disk is that fast: this is memory, or a cache that a power failure empties"),
        20..10_000 => check,
        10_000..100_000 => {
            check.but(Status::Note, "usable; group commit hides some of it, but each decision waits for the slowest of a quorum")
        }
        _ => check.but(Status::Problem, "too slow: elections may time out; put the data on an SSD that is not shared"),
    }
}

/// Writes and syncs until enough is known or half a second has passed.
fn fsync_times(dir: &Path) -> io::Result<Vec<Duration>> {
    const WRITES: usize = 64;
    const LIMIT: Duration = Duration::from_millis(500);
    let path = dir.join(format!(".quorate-doctor-{}", std::process::id()));
    let _cleanup = Removed(path.clone());
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let (block, start) = ([0x51; 4096], Instant::now());
    let mut times = Vec::with_capacity(WRITES);
    while times.is_empty() || (times.len() < WRITES && start.elapsed() < LIMIT) {
        file.write_all(&block)?;
        let begin = Instant::now();
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// A file that goes away with its last use.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // Either it is gone already or nobody can do anything about it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whether time only goes forward, in small steps, and how late it is.
pub(super) fn clock() -> Check {
    const READS: u32 = 20_000;
    let (start, mut last, mut step, mut back) = (Instant::now(), Instant::now(), Duration::MAX, false);
    for _ in 0..READS {
        let now = Instant::now();
        back |= now < last;
        match now.saturating_duration_since(last) {
            Duration::ZERO => {}
            some => step = step.min(some),
        }
        last = now;
    }
    let read = start.elapsed() / READS;
    let year = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| 1970 + since.as_secs() / 31_556_952);
    let found = format!("monotonic: steps of {step:?}, {read:?} a reading; wall clock: year {year}");
    let values = json!({ "step_ns": step.as_nanos() as u64, "read_ns": read.as_nanos() as u64, "monotonic": !back, "year": year });
    let check = Check::fine("clock", found, values);
    if back {
        check.but(Status::Problem, "the monotonic clock went backwards: timeouts cannot be trusted; look for a faulty clock source")
    } else if year < 2026 {
        check.but(Status::Problem, "the wall clock is wrong, so certificates of TLS will not be valid: set it, by NTP if you can")
    } else if step > Duration::from_micros(10) || read > Duration::from_micros(1) {
        check.but(Status::Note, "the clock is slow to read or coarse, as under some hypervisors; stage times will be inexact")
    } else {
        check
    }
}

/// Whether the cpu backend computes what it should, on every instruction set that is here.
pub(super) fn known_answers() -> Check {
    const SUITES: [(&str, u64); 3] = [("rfc8032", 1), ("speccheck", 1), ("differential", 24)];
    let (mut cases, mut failures) = (0, Vec::new());
    for &isa in Isa::available() {
        let start = || Cpu::new(Settings { threads: 1, isa, ..Settings::default() });
        if let Err(error) = start() {
            failures.push(format!("{}: {error}", isa.name()));
            continue;
        }
        let make: Make<'_> = &|| -> Box<dyn Backend> { Box::new(start().expect("one thread needs nothing that could fail")) };
        for (name, rounds) in SUITES {
            let Some(suite) = Suite::find(name) else { continue };
            let verdict = suite.run(&Bench { make, light: make, seed: 1, rounds: Some(rounds) });
            cases += verdict.cases;
            failures.extend(verdict.failures.into_iter().map(|failure| format!("{}, {name}: {failure}", isa.name())));
        }
    }
    let found = match failures.as_slice() {
        [] => format!("the cpu backend gave the known answer in all {cases} cases, on {} instruction sets", Isa::available().len()),
        [first, ..] => format!("{} of {cases} answers of the cpu backend are wrong, such as {first}", failures.len()),
    };
    let check = Check::fine("self-check", found, json!({ "cases": cases, "failures": failures }));
    if failures.is_empty() {
        check
    } else {
        check.but(
            Status::Problem,
            "do not run a node here: `quorate test --backend cpu` says more; faulty memory or a faulty build are likely",
        )
    }
}

/// The value of the first line `field : value` of a file.
fn proc_field(path: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = |line: &str| line.split_once(':').filter(|(name, _)| name.trim() == field).map(|(_, value)| value.trim().to_owned());
    text.lines().find_map(value).filter(|value| !value.is_empty())
}

/// The paths in a folder whose names fit, sorted.
fn entries(folder: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(list) = fs::read_dir(folder) else { return Vec::new() };
    let names = list.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut paths: Vec<String> = names.filter(|name| fits(name)).map(|name| format!("{folder}/{name}")).collect();
    paths.sort();
    paths
}
