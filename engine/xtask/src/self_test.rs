//! The engine's own `quorate test`, once for each backend that needs no special hardware.

use serde_json::Value;

use crate::shell;

const BACKENDS: &[&str] = &["cpu", "reference"];

/// Runs all suites on all backends; returns how many suites there were.
pub(crate) fn run() -> Result<u64, String> {
    let mut suites = 0;
    for backend in BACKENDS {
        let arguments = ["run", "--quiet", "--package", "quorate", "--", "test", "--backend", backend, "--json"];
        suites += judge(&shell::output(&mut shell::cargo(&arguments))?).map_err(|error| format!("backend {backend}: {error}"))?;
    }
    Ok(suites)
}

/// Every line must speak of cases, and of none that failed.
fn judge(lines: &str) -> Result<u64, String> {
    let mut suites = 0;
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let suite: Value = serde_json::from_str(line).map_err(|error| format!("`{line}` is not JSON: {error}"))?;
        let number = |key: &str| suite[key].as_u64().ok_or_else(|| format!("`{line}` has no number `{key}`"));
        if number("failed")? != 0 || number("cases")? == 0 {
            return Err(format!("failed, or had nothing to test: {line}"));
        }
        suites += 1;
    }
    if suites == 0 { Err("no suite was run".to_owned()) } else { Ok(suites) }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn green_lines_are_counted_and_all_else_is_refused() {
        let green = r#"{"suite":"zip215","backend":"cpu","cases":196,"failed":0}"#;
        assert_eq!(judge(&format!("{green}\n{green}\n")), Ok(2));
        for red in ["", "ok", &green.replace(":0}", ":1}"), &green.replace("196", "0"), r#"{"suite":"x"}"#] {
            assert!(judge(red).is_err(), "{red}");
        }
    }
}
