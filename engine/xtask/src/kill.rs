//! `cargo xtask kill [times]`: the soak of the log's test with real processes.

use crate::cli::Options;
use crate::shell;

/// How often if nobody says.
const TIMES: &str = "500";

/// Runs the test in its own words.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let times = options.word.as_deref().unwrap_or(TIMES);
    if !times.parse().is_ok_and(|times: u32| times > 0) {
        return Err(format!("how many times? `{times}` is not a number from 1 on"));
    }
    let test = ["test", "--quiet", "--package", "quorate-storage", "--test", "kill", "--", "--nocapture", "nothing_that"];
    shell::run(shell::cargo(&test).env("QUORATE_KILLS", times))
}
