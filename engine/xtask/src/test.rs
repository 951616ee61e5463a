//! `cargo xtask test`: every test and every check, in the order in which they are cheapest to fail.
//!
//! Each step prints one line with its time. The first failure ends the run and names the command that repeats the
//! step alone. Nothing is skipped for want of a tool or a file.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::Options;
use crate::{fuzz, layers, licences, packages, self_test, shell, sim, tidy};

struct Step {
    name: &'static str,
    alone: &'static str,
    run: fn() -> Result<Passed, Failed>,
}

/// How many things a step tested, and what it has to add.
struct Passed {
    count: u64,
    note: String,
}

/// How a step failed: after how many passed tests, with how many failed ones, and what to say.
struct Failed {
    passed: u64,
    failed: u64,
    message: String,
}

impl From<String> for Failed {
    fn from(message: String) -> Self {
        Self { passed: 0, failed: 1, message }
    }
}

const STEPS: &[Step] = &[
    Step { name: "packages", alone: "cargo xtask test", run: || one(packages::ensure().map(|()| String::new())) },
    Step { name: "fmt", alone: "cargo fmt --all --check", run: fmt },
    Step { name: "clippy", alone: "cargo clippy --workspace --all-targets -- -D warnings", run: clippy },
    Step { name: "layers", alone: "cargo xtask layers", run: || one(layers::run()) },
    Step { name: "licences", alone: "cargo xtask licences", run: || one(licences::run()) },
    Step { name: "tidy", alone: "cargo xtask tidy", run: || one(tidy::run()) },
    Step { name: "tests", alone: "cargo test --workspace", run: tests },
    Step { name: "peers", alone: "cargo test --manifest-path benches/peers/Cargo.toml", run: peers },
    Step { name: "self-test", alone: "cargo run -p quorate -- test --backend cpu --json", run: || many(self_test::run(), "suites") },
    Step { name: "sim", alone: "cargo run -p quorate -- sim check --seeds 0..300", run: || many(sim::run(), "seeds and planted mistakes") },
    Step { name: "fuzz", alone: "cargo xtask fuzz --seconds 5", run: || many(fuzz::smoke(), "targets, each from its saved corpus") },
];

/// Runs all steps.
pub(crate) fn run(_: &Options) -> Result<(), String> {
    let start = Instant::now();
    let mut passed = 0;
    for step in STEPS {
        let began = Instant::now();
        match (step.run)() {
            Ok(Passed { count, note }) => {
                passed += count;
                let line = format!("{:<10} ok {:>9}   {note}", step.name, seconds(began.elapsed()));
                println!("{}", line.trim_end());
            }
            Err(failed) => {
                println!("{:<10} FAILED {:>5}", step.name, seconds(began.elapsed()));
                println!("{}\n\nAgain, alone: {}", failed.message, step.alone);
                println!("{} passed, {} failed", passed + failed.passed, failed.failed);
                return Err(format!("`cargo xtask test` stopped at {}", step.name));
            }
        }
    }
    println!("GPU backends were not tested: this version has none (backends: reference, cpu)");
    println!("all steps took {}", seconds(start.elapsed()));
    println!("{passed} passed, 0 failed");
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn one(check: Result<String, String>) -> Result<Passed, Failed> {
    Ok(Passed { count: 1, note: check? })
}

fn many(check: Result<u64, String>, what: &str) -> Result<Passed, Failed> {
    let count = check?;
    Ok(Passed { count, note: format!("{count} {what}") })
}

fn component(program: &str, component: &str) -> Result<(), String> {
    if shell::output(&mut shell::cargo(&[program, "--version"])).is_ok() {
        return Ok(());
    }
    Err(format!("there is no `cargo {program}`. Run: rustup component add {component}"))
}

fn fmt() -> Result<Passed, Failed> {
    component("fmt", "rustfmt")?;
    for workspace in licences::WORKSPACES {
        let manifest = shell::root().join(workspace).join("Cargo.toml");
        shell::run(shell::cargo(&["fmt", "--check", "--manifest-path"]).arg(manifest).arg("--all"))?;
    }
    Ok(Passed { count: 1, note: String::new() })
}

fn clippy() -> Result<Passed, Failed> {
    component("clippy", "clippy")?;
    shell::run(&mut shell::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(Passed { count: 1, note: String::new() })
}

fn tests() -> Result<Passed, Failed> {
    if shell::output(&mut shell::cargo(&["nextest", "--version"])).is_err() {
        let count = counted(&mut shell::cargo(&["test", "--quiet", "--workspace", "--no-fail-fast"]))?;
        return Ok(Passed { count, note: format!("{count} tests") });
    }
    let quiet = ["--cargo-quiet", "--status-level=fail", "--final-status-level=none", "--color=never"];
    let by_process = counted(shell::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]).args(quiet))?;
    let documented = counted(&mut shell::cargo(&["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"]))?;
    Ok(Passed { count: by_process + documented, note: format!("{by_process} tests, {documented} examples in documentation") })
}

/// That the rivals' workspace builds, and that its own tests pass. It measures nothing.
fn peers() -> Result<Passed, Failed> {
    let mut command = shell::cargo(&["test", "--quiet", "--locked", "--manifest-path"]);
    command.arg(shell::root().join("benches/peers/Cargo.toml")).arg("--target-dir").arg(shell::target_dir_of("peers"));
    let count = counted(&mut command)?;
    Ok(Passed { count, note: format!("{count} tests of the rivals' workspace") })
}

/// Runs a test command, keeps its words to itself unless something fails, and counts the tests.
fn counted(command: &mut Command) -> Result<u64, Failed> {
    let name = shell::shown(command);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("cannot start {name}: {error}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut said, more) = std::thread::scope(|scope| {
        let errors = scope.spawn(|| err.map_or(String::new(), gathered));
        (out.map_or(String::new(), gathered), errors.join().unwrap_or_default())
    });
    said.push_str(&more);
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    let (passed, failed) = tally(&said);
    match (status.success(), failed) {
        (true, 0) => Ok(passed),
        _ => {
            let _ = std::io::stdout().write_all(said.as_bytes());
            Err(Failed { passed, failed: failed.max(1), message: format!("{name} ended with {status}") })
        }
    }
}

fn gathered(stream: impl Read) -> String {
    let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned() + "\n").collect()
}

/// Passed and failed tests, from what cargo test says at the end of each part, or nextest at the end of all. Nextest repeats the
/// words of each test that failed, which are those of cargo test; only its own last word counts.
fn tally(said: &str) -> (u64, u64) {
    let by_nextest = |line: &&str| line.trim_start().starts_with("Summary [");
    let by_cargo = |line: &&str| line.starts_with("test result:");
    let is_nextest = said.lines().any(|line| by_nextest(&line));
    let summaries = said.lines().filter(|line| if is_nextest { by_nextest(line) } else { by_cargo(line) });
    let (mut passed, mut failed) = (0, 0);
    for summary in summaries {
        let words: Vec<&str> = summary.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            match (pair[0].parse::<u64>(), pair[1]) {
                (Ok(count), "passed") => passed += count,
                (Ok(count), "failed" | "timed") => failed += count,
                _ => {}
            }
        }
    }
    (passed, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_whoever_ran_them() {
        assert_eq!(tally("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"), (12, 0));
        assert_eq!(tally("     Summary [   0.134s] 45 tests run: 43 passed (1 slow), 2 failed, 0 skipped"), (43, 2));
        assert_eq!(tally("test result: ok. 1 passed; 0 failed\nrunning\ntest result: FAILED. 2 passed; 3 failed"), (3, 3));
    }

    #[test]
    fn a_failure_that_nextest_repeats_is_counted_once() {
        let said = "    test result: FAILED. 0 passed; 1 failed\n  Summary [ 1.0s] 9 tests run: 8 passed, 1 failed, 0 skipped";
        assert_eq!(tally(said), (8, 1));
    }
}
