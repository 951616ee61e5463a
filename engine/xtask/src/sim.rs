//! The simulator over some hundred seeds, and every planted mistake.

use serde_json::Value;

use crate::shell;

const SEEDS: &str = "0..300";

/// Runs the seeds and looks for what is planted; returns how many of both there were.
pub(crate) fn run() -> Result<u64, String> {
    let arguments = ["run", "--quiet", "--package", "quorate", "--", "sim", "check", "--protocol", "raft", "--seeds", SEEDS, "--json"];
    judge(&shell::output(&mut shell::cargo(&arguments))?)
}

/// All seeds must have been run without a failure, and everything that is planted must have been found.
fn judge(line: &str) -> Result<u64, String> {
    let report: Value = serde_json::from_str(line.trim()).map_err(|error| format!("`{line}` is not JSON: {error}"))?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).ok_or_else(|| format!("`{line}` has no number {pointer}"));
    let (seeds, total) = (number("/seeds_done")?, number("/planted_bugs/total")?);
    let failed = number("/violations")? + number("/liveness_failures")?;
    let missed = total.saturating_sub(number("/planted_bugs/caught")?);
    if report["finished"] != true || failed + missed > 0 || seeds == 0 || total == 0 || number("/events")? == 0 {
        return Err(format!("{failed} seeds failed, {missed} planted mistakes were not found, or it did not finish: {line}"));
    }
    Ok(seeds + total)
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_clean_report_is_counted_and_all_else_is_refused() {
        let green =
            r#"{"seeds_done":300,"finished":true,"events":9,"violations":0,"liveness_failures":0,"planted_bugs":{"total":18,"caught":18}}"#;
        assert_eq!(judge(&format!("{green}\n")), Ok(318));
        let red = [
            green.replace(r#""violations":0"#, r#""violations":1"#),
            green.replace(r#""liveness_failures":0"#, r#""liveness_failures":1"#),
            green.replace(r#""caught":18"#, r#""caught":17"#),
            green.replace("true", "false"),
            green.replace("300", "0"),
            "no report".to_owned(),
        ];
        for red in red {
            assert!(judge(&red).is_err(), "{red}");
        }
    }
}
