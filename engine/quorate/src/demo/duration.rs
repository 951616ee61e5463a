//! How durations are written on a command line.

use std::time::Duration;

/// Reads a duration such as `500ms`, `10s`, `1.5s`, `2m` or `1h`.
///
/// # Errors
/// If it is none, with what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text.find(|sign: char| !(sign.is_ascii_digit() || sign == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let example = "expected a number and a unit, such as 500ms, 10s, 2m or 1h";
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no duration; {example}"))?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        "" => return Err(format!("`{text}` has no unit: seconds would be `{text}s`; {example}")),
        other => return Err(format!("`{other}` is no unit of time; {example}")),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{text}` is too long"))?;
    if duration < Duration::from_millis(1) {
        return Err(format!("`{text}` is too short; expected at least 1ms"));
    }
    if duration > Duration::from_secs(366 * 24 * 3600) {
        return Err(format!("`{text}` is too long; expected at most a year"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_all_their_units() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("1.5s", 1_500), ("2m", 120_000), (" 1h ", 3_600_000), ("3 s", 3_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_what_was_expected() {
        let refusal = |text| parse_duration(text).unwrap_err();
        assert!(refusal("10").starts_with("`10` has no unit: seconds would be `10s`"));
        assert!(refusal("soon").starts_with("`soon` is no duration; expected a number and a unit"));
        assert!(refusal("").contains("is no duration"));
        assert!(refusal("3 weeks").starts_with("`weeks` is no unit of time"));
        assert!(refusal("-1s").contains("is no duration"));
        assert!(refusal("0s").contains("too short"));
        assert!(refusal("99999999999999999999h").contains("too long"));
        assert!(refusal("1.2.3s").contains("is no duration"));
    }
}
