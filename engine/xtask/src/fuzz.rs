//! Fuzzing on stable Rust: libFuzzer by way of `libfuzzer-sys`, coverage by way of LLVM's own pass.
//!
//! `cargo fuzz` wants nightly for the address sanitizer, which finds little in crates that forbid `unsafe`. What the
//! fuzzer does need is to see which edges and comparisons an input reaches, and `-Cpasses=sancov-module` gives it
//! that on stable. Whether it truly sees them is tested: the target `planted_crash` hides a bug behind comparisons
//! that nobody guesses, and a fuzzer that does not find it within seconds fails the run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cli::Options;
use crate::nearest::nearest;
use crate::{packages, shell};

/// The target that must crash.
const PLANTED: &str = "planted_crash";
const PLANTED_SECONDS_MAX: u64 = 30;
const SMOKE_SECONDS: u64 = 3;

/// What makes code visible to libFuzzer. Overflow checks and debug assertions are in the profile of `fuzz/Cargo.toml`.
const INSTRUMENTED: &[&str] = &[
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// The chore.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let targets = targets()?;
    if options.list {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }
    let chosen = match options.word.as_deref() {
        None => targets,
        Some(name) if targets.iter().any(|target| target == name) => vec![name.to_owned()],
        Some(name) => {
            let near = nearest(name, targets.iter().map(String::as_str)).map(|near| format!("; did you mean {near}?"));
            return Err(format!("there is no target `{name}`{}", near.unwrap_or_else(|| format!(": {}", targets.join(", ")))));
        }
    };
    packages::ensure()?;
    let programs = build()?;
    if options.seed {
        return shell::run(Command::new(programs.join("seed")).arg(folder("corpus")));
    }
    for target in &chosen {
        if target == PLANTED {
            find_the_planted_bug(&programs)?;
            println!("{PLANTED}: found, as it should be");
            continue;
        }
        replay_regressions(&programs, target)?;
        shell::run(&mut fuzzer(&programs, target, options.seconds.unwrap_or(60))?)?;
    }
    Ok(())
}

/// A few seconds of every target, side by side. Returns how many there were.
pub(crate) fn smoke() -> Result<u64, String> {
    let targets = targets()?;
    let programs = build()?;
    shell::output(Command::new(programs.join("seed")).arg(folder("corpus")).arg("--check"))?;
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(targets.len()) {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = smoke_one(&programs, target) {
                        failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(format!("{target}: {error}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    if failures.is_empty() { Ok(targets.len() as u64) } else { Err(failures.join("\n")) }
}

fn smoke_one(programs: &Path, target: &str) -> Result<(), String> {
    if target == PLANTED {
        return find_the_planted_bug(programs);
    }
    if files_in(&folder("corpus").join(target)).is_empty() {
        return Err(format!("no saved corpus in fuzz/corpus/{target}; add inputs to fuzz/src/seeds.rs"));
    }
    replay_regressions(programs, target)?;
    // The same run every time: whoever changes nothing must not see a new failure.
    let mut command = fuzzer(programs, target, SMOKE_SECONDS)?;
    command.args(["-seed=1", "-print_final_stats=1"]);
    let output = command.output().map_err(|error| format!("cannot start the fuzzer: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} ended with {}\n{}", shell::shown(&command), output.status, last_lines(&said, 40)));
    }
    match statistic(&said, "number_of_executed_units") {
        Some(runs) if runs > 1_000 => Ok(()),
        runs => Err(format!("only {} runs in {SMOKE_SECONDS} s", runs.unwrap_or(0))),
    }
}

/// Every file in `fuzz/fuzz_targets` is a target.
fn targets() -> Result<Vec<String>, String> {
    let mut names: Vec<String> = files_in(&folder("fuzz_targets"))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() { Err("there are no targets in fuzz/fuzz_targets".to_owned()) } else { Ok(names) }
}

/// Builds all targets; returns the folder in which they are.
fn build() -> Result<PathBuf, String> {
    let version = shell::output(Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not name its host")?;
    let target_dir = shell::target_dir_of("fuzz");
    // With a target named, the flags reach the code under test and leave build scripts and macros alone.
    let mut command = shell::cargo(&["build", "--release", "--locked", "--quiet", "--bins", "--target", host]);
    command.arg("--manifest-path").arg(folder("Cargo.toml")).arg("--target-dir").arg(&target_dir);
    command.env("RUSTFLAGS", INSTRUMENTED.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    shell::run(&mut command)?;
    Ok(target_dir.join(host).join("release"))
}

/// The command that fuzzes one target: new inputs to `fuzz/work`, the saved corpus only read.
fn fuzzer(programs: &Path, target: &str, seconds: u64) -> Result<Command, String> {
    let (work, artifacts) = (folder("work").join(target), folder("artifacts").join(target));
    for folder in [&work, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(programs.join(target));
    command.arg(work).arg(folder("corpus").join(target));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=8192"]);
    Ok(command)
}

/// Inputs that once crashed a target must not do so again.
fn replay_regressions(programs: &Path, target: &str) -> Result<(), String> {
    let inputs = files_in(&folder("regressions").join(target));
    if inputs.is_empty() {
        return Ok(());
    }
    shell::output(Command::new(programs.join(target)).args(inputs)).map(drop)
}

fn find_the_planted_bug(programs: &Path) -> Result<(), String> {
    let work = shell::target_dir_of("fuzz").join("planted");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let mut command = Command::new(programs.join(PLANTED));
    command.arg(&work).arg(format!("-max_total_time={PLANTED_SECONDS_MAX}")).args(["-seed=1", "-max_len=64"]);
    command.arg(format!("-artifact_prefix={}/", work.display()));
    let output = command.output().map_err(|error| format!("cannot start {PLANTED}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && said.contains("the planted bug was reached") {
        return Ok(());
    }
    Err(format!(
        "the fuzzer did not find the planted bug in {PLANTED_SECONDS_MAX} s: it does not see coverage, so no target is tested\n{}",
        last_lines(&said, 10)
    ))
}

fn folder(name: &str) -> PathBuf {
    shell::root().join("fuzz").join(name)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    files.sort();
    files
}

fn statistic(said: &str, name: &str) -> Option<u64> {
    said.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.trim_start_matches(':').trim().parse().ok())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzers_statistics_are_read() {
        let said = "Done 12 runs\nstat::number_of_executed_units: 4096\nstat::average_exec_per_sec:     2048\n";
        assert_eq!(statistic(said, "number_of_executed_units"), Some(4096));
        assert_eq!(statistic(said, "new_units_added"), None);
    }

    #[test]
    fn the_end_of_a_long_text_is_kept() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
