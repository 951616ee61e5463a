//! How numbers are written where people read them.

use std::time::Duration;

use quorate_core::hash::Digest;

/// A count, in groups of three.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three significant digits.
fn short(number: f64) -> String {
    match number {
        number if number >= 99.95 => format!("{number:.0}"),
        number if number >= 9.995 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

/// How many a second.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 999_500_000.0 => format!("{} G/s", short(rate / 1e9)),
        rate if rate >= 999_500.0 => format!("{} M/s", short(rate / 1e6)),
        rate if rate >= 999.5 => format!("{} k/s", short(rate / 1e3)),
        rate => format!("{rate:.0} /s"),
    }
}

/// A time, given in nanoseconds.
pub(crate) fn nanos(nanos: f64) -> String {
    match nanos {
        nanos if nanos >= 999_500_000.0 => format!("{} s", short(nanos / 1e9)),
        nanos if nanos >= 999_500.0 => format!("{} ms", short(nanos / 1e6)),
        nanos if nanos >= 999.5 => format!("{} µs", short(nanos / 1e3)),
        nanos => format!("{nanos:.0} ns"),
    }
}

/// A time that something took.
pub(crate) fn took(duration: Duration) -> String {
    nanos(duration.as_nanos() as f64)
}

/// A time on the clock.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// A length.
pub(crate) fn bytes(length: usize) -> String {
    if length < 1000 { format!("{length} B") } else { format!("{} kB", short(length as f64 / 1000.0)) }
}

/// The beginning of a digest.
pub(crate) fn short_digest(digest: &Digest) -> String {
    digest.to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.4, 999.0, 52_100.0, 1_020_000.0, 2.5e9].map(rate), ["0 /s", "999 /s", "52.1 k/s", "1.02 M/s", "2.50 G/s"]);
        assert_eq!([80.0, 4_100.0, 4.1e6, 9.996e6, 2e9].map(nanos), ["80 ns", "4.10 µs", "4.10 ms", "10.0 ms", "2.00 s"]);
        assert_eq!([5, 65, 3_700].map(|seconds| clock(Duration::from_secs(seconds))), ["0:05", "1:05", "1:01:40"]);
        assert_eq!([900, 17_900].map(bytes), ["900 B", "17.9 kB"]);
        assert_eq!(short_digest(&Digest([0xab; 32])), "abababab");
    }
}
