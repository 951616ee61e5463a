//! `cargo xtask failover [times]` and `cargo xtask overload [seconds]`: tests of real clusters at the size for which something is promised.
//!
//! They measure, so nothing else should run on the machine.

use crate::cli::Options;
use crate::shell;

/// Loses leaders so many times.
pub(crate) fn failover(options: &Options) -> Result<(), String> {
    tests("another_leads_soon", "QUORATE_FAILOVERS", options.word.as_deref().unwrap_or("200"))
}

/// Asks too much for so many seconds.
pub(crate) fn overload(options: &Options) -> Result<(), String> {
    tests("ten_times_too_much", "QUORATE_OVERLOAD_S", options.word.as_deref().unwrap_or("60"))
}

/// Runs tests whose names begin like this, at this size, in their own words.
fn tests(begin: &str, variable: &str, size: &str) -> Result<(), String> {
    if !size.parse().is_ok_and(|size: u32| size > 0) {
        return Err(format!("how many? `{size}` is not a number from 1 on"));
    }
    let test = ["test", "--quiet", "--package", "quorate", "--test", "cluster", "--", "--nocapture", begin];
    shell::run(shell::cargo(&test).env(variable, size))
}
