//! A line of the benchmark: one figure beside its limit, as JSON or as a row of a table.

use std::io::Write;

use miette::{IntoDiagnostic, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::pairwise::Rates;

/// What a line is about.
#[derive(Clone, Debug)]
pub(crate) struct What<'a> {
    pub(crate) stage: &'static str,
    pub(crate) variant: &'a str,
    pub(crate) shape: &'a str,
    pub(crate) unit: Unit,
    /// What the value is measured against.
    pub(crate) limit: Option<&'a str>,
    /// Which time is counted.
    pub(crate) clock: &'static str,
    pub(crate) target: Option<Target>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// So many a second: more is better.
    PerSecond(&'static str),
    /// Nanoseconds for one: less is better.
    Nanoseconds,
    /// Microseconds for one.
    Microseconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::PerSecond(name) => name,
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
        }
    }

    /// A rate in this unit.
    fn of(self, rate: f64) -> f64 {
        match self {
            Self::PerSecond(_) => rate,
            Self::Nanoseconds => 1e9 / rate,
            Self::Microseconds => 1e6 / rate,
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond(name) if value >= 1e9 => format!("{:.2} G {name}", value / 1e9),
            Self::PerSecond(name) if value >= 1e6 => format!("{:.1} M {name}", value / 1e6),
            Self::PerSecond(name) if value >= 1e4 => format!("{:.0} k {name}", value / 1e3),
            _ if value >= 100.0 => format!("{value:.0} {}", self.name()),
            _ => format!("{value:.1} {}", self.name()),
        }
    }
}

/// What the project asks of a line, on a current processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At least this value.
    AtLeast(f64),
    /// Less than this value.
    Below(f64),
    /// At least this part of the limit.
    Ratio(f64),
}

impl Target {
    fn met(self, value: f64, ratio: Option<f64>) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::Below(most) => value < most,
            Self::Ratio(least) => ratio.is_some_and(|ratio| ratio >= least),
        }
    }

    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {}", unit.show(least)),
            Self::Below(most) => format!("below {}", unit.show(most)),
            Self::Ratio(least) => format!("ratio at least {least}"),
        }
    }
}

/// One figure beside its limit. The first ten fields are what scripts may rely on.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    stage: &'static str,
    backend: &'static str,
    variant: &'a str,
    shape: &'a str,
    unit: &'static str,
    value: f64,
    limit: Option<&'a str>,
    limit_value: Option<f64>,
    ratio: Option<f64>,
    peak_memory_bytes: Option<u64>,
    clock: &'static str,
    threads: usize,
    isa: String,
    spread: f64,
    target: Option<String>,
    met: Option<bool>,
    #[serde(flatten)]
    more: Map<String, Value>,
    #[serde(skip)]
    shown_unit: Unit,
}

impl<'a> Line<'a> {
    pub(crate) fn new(what: &What<'a>, rates: Rates, peak: Option<u64>, descriptor: &quorate_pipeline::backend::Descriptor) -> Self {
        let value = what.unit.of(rates.value);
        Self {
            stage: what.stage,
            backend: descriptor.name,
            variant: what.variant,
            shape: what.shape,
            unit: what.unit.name(),
            value,
            limit: rates.limit.and(what.limit),
            limit_value: rates.limit.map(|limit| what.unit.of(limit)),
            ratio: rates.ratio,
            peak_memory_bytes: peak,
            clock: what.clock,
            threads: descriptor.threads,
            isa: descriptor.variant.clone(),
            spread: rates.spread,
            target: what.target.map(|target| target.show(what.unit)),
            met: what.target.map(|target| target.met(value, rates.ratio)),
            more: Map::new(),
            shown_unit: what.unit,
        }
    }

    /// Something more that scripts may want to know, and people too.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }

    /// Another way to measure the same, with its own part of the limit.
    pub(crate) fn beside(self, name: &str, what: &str, rates: Rates) -> Self {
        let value = self.shown_unit.of(rates.value);
        self.with(name, serde_json::json!({ "what": what, "value": value, "ratio": rates.ratio }))
    }

    pub(crate) fn write(&self, json: bool, out: &mut dyn Write) -> Result<()> {
        if json {
            let line = serde_json::to_string(self).into_diagnostic()?;
            return writeln!(out, "{line}").into_diagnostic();
        }
        let unit = self.shown_unit;
        let limit = self.limit_value.map_or_else(|| "-".into(), |limit| unit.show(limit));
        let ratio = self.ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.3}"));
        let peak = self.peak_memory_bytes.map_or_else(|| "-".into(), |bytes| format!("{} MiB", bytes >> 20));
        let note = match (&self.target, self.met) {
            (Some(target), Some(true)) => format!("  [{target}: met]"),
            (Some(target), _) => format!("  [{target}: MISSED]"),
            _ => String::new(),
        };
        let value = unit.show(self.value);
        writeln!(out, "{:20} {:42} {value:>24} {limit:>24} {ratio:>7} {peak:>9}{note}", self.variant, self.shape).into_diagnostic()?;
        let mut rest = Vec::new();
        for (name, value) in &self.more {
            if let (Some(what), Some(rate)) = (value["what"].as_str(), value["value"].as_f64()) {
                let ratio = value["ratio"].as_f64().map_or_else(String::new, |ratio| format!("{ratio:.3}"));
                writeln!(out, "  {:61} {:>24} {:24} {ratio:>7}", format!("{name}: {what}"), unit.show(rate), "").into_diagnostic()?;
            } else {
                rest.push(format!("{name}: {value}"));
            }
        }
        if !rest.is_empty() {
            writeln!(out, "  {}", rest.join(", ")).into_diagnostic()?;
        }
        Ok(())
    }
}

/// The title of a table's part, with the names of its columns.
pub(crate) fn heading(stage: &str, limit: &str, clock: &str, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\n{stage}: {clock}\n  limit: {limit}").into_diagnostic()?;
    writeln!(out, "{:20} {:42} {:>24} {:>24} {:>7} {:>9}", "variant", "shape", "value", "limit", "ratio", "peak").into_diagnostic()
}

/// A number with its thousands apart.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 65_536, 1_048_576].map(count), ["0", "999", "1,000", "65,536", "1,048,576"]);
    }

    #[test]
    fn a_target_is_met_from_its_own_side() {
        assert!(Target::AtLeast(2.0).met(2.0, None) && !Target::AtLeast(2.0).met(1.9, None));
        assert!(Target::Below(2.0).met(1.9, None) && !Target::Below(2.0).met(2.0, None));
        assert!(Target::Ratio(0.6).met(0.0, Some(0.6)) && !Target::Ratio(0.6).met(9.0, None));
    }

    #[test]
    fn a_time_is_the_inverse_of_a_rate() {
        assert_eq!(Unit::Nanoseconds.of(4e6), 250.0);
        assert_eq!(Unit::Microseconds.of(4e4), 25.0);
        assert_eq!(Unit::PerSecond("votes/s").of(7.0), 7.0);
    }
}
