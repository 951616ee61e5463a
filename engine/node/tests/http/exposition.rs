//! A small and strict reader of Prometheus' text format (version 0.0.4), and what it finds in what a node counts.

use std::collections::{BTreeMap, BTreeSet};

/// Figures of one name.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    /// Name, labels, and value.
    pub(crate) samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads all of it, or says at which line it is wrong, and why.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Family>, String> {
    if !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    let (mut families, mut open): (BTreeMap<String, Family>, String) = (BTreeMap::new(), String::new());
    for (number, line) in (1..).zip(text.lines()) {
        read_line(line, &mut families, &mut open).map_err(|why| format!("line {number}: {why}: {line}"))?;
    }
    for (name, family) in &families {
        check(name, family).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(families)
}

fn read_line(line: &str, families: &mut BTreeMap<String, Family>, open: &mut String) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix("# HELP ") {
        let (name, help) = rest.split_once(' ').ok_or("no help")?;
        if families.contains_key(name) {
            return Err("the family was there before".into());
        }
        families.insert(named(name)?.into(), Family { help: help.into(), ..Family::default() });
        *open = name.into();
        return Ok(());
    }
    let family = families.get_mut(open.as_str()).ok_or("nothing may come before HELP")?;
    if let Some(rest) = line.strip_prefix("# TYPE ") {
        let (name, kind) = rest.split_once(' ').ok_or("no type")?;
        if name != open || !family.kind.is_empty() || !["counter", "gauge", "histogram"].contains(&kind) {
            return Err(format!("a type of {open:?} was expected, once"));
        }
        family.kind = kind.into();
        return Ok(());
    }
    let (series, value) = line.rsplit_once(' ').ok_or("no value")?;
    let (name, labels) = match series.split_once('{') {
        None => (series, BTreeMap::new()),
        Some((name, labels)) => (name, read_labels(labels.strip_suffix('}').ok_or("labels do not end")?)?),
    };
    let suffixes: &[&str] = if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    if family.kind.is_empty() || !suffixes.iter().any(|suffix| *name == format!("{open}{suffix}")) {
        return Err(format!("it does not belong to {open:?}"));
    }
    family.samples.push((named(name)?.into(), labels, value.parse().map_err(|_| "the value is no number")?));
    Ok(())
}

fn named(name: &str) -> Result<&str, String> {
    let good = |at: usize, c: char| c == '_' || c == ':' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit();
    let is_good = !name.is_empty() && name.char_indices().all(|(at, c)| good(at, c));
    if is_good { Ok(name) } else { Err(format!("{name:?} is no name")) }
}

fn read_labels(mut text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").ok_or("a label has no value")?;
        let end = rest.find('"').ok_or("a label's value does not end")?;
        if rest[..end].contains('\\') || labels.insert(named(name)?.to_owned(), rest[..end].to_owned()).is_some() {
            return Err("a label is there twice, or has what this reader does not know".into());
        }
        text = &rest[end + 1..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
    Ok(labels)
}

fn check(name: &str, family: &Family) -> Result<(), String> {
    if family.kind.is_empty() || family.help.is_empty() || family.samples.is_empty() {
        return Err("it has no type, no help, or no figure".into());
    }
    if family.kind == "counter" && !name.ends_with("_total") {
        return Err("a counter's name ends with _total".into());
    }
    let series: BTreeSet<_> = family.samples.iter().map(|(name, labels, _)| (name, labels)).collect();
    if series.len() != family.samples.len() {
        return Err("a series is there twice".into());
    }
    if family.samples.iter().any(|(_, _, value)| family.kind != "gauge" && !(value.is_finite() && *value >= 0.0)) {
        return Err("what is counted cannot be less than nothing".into());
    }
    if family.kind == "histogram" { check_histogram(name, family) } else { Ok(()) }
}

/// Buckets (end and count), sum, and count.
type Histogram = (Vec<(f64, f64)>, Option<f64>, Option<f64>);

/// For each set of labels: buckets that rise in their ends and counts, up to infinity and the count, and a sum.
fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let mut of: BTreeMap<BTreeMap<String, String>, Histogram> = BTreeMap::new();
    for (series, labels, value) in &family.samples {
        let mut labels = labels.clone();
        let end = labels.remove("le");
        let one = of.entry(labels).or_default();
        match (series.strip_prefix(name), end) {
            (Some("_bucket"), Some(end)) => one.0.push((end.parse().map_err(|_| "a bucket's end is no number")?, *value)),
            (Some("_sum"), None) => one.1 = Some(*value),
            (Some("_count"), None) => one.2 = Some(*value),
            _ => return Err(format!("{series} has an end where there is none, or none where there is one")),
        }
    }
    for (labels, (buckets, sum, count)) in of {
        let rise = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let whole = buckets.last().is_some_and(|(end, all)| *end == f64::INFINITY && Some(*all) == count);
        if !rise || !whole || sum.is_none() {
            return Err(format!("the buckets of {labels:?} do not rise, or are not whole"));
        }
    }
    Ok(())
}

mod tests {
    use quorate_node::metrics::{Exposition, Metrics};
    use quorate_node::{KV, SYSTEM};

    use super::*;

    #[test]
    fn what_is_wrong_is_not_read() {
        let good = "# HELP a_total Help\n# TYPE a_total counter\na_total{p=\"1\"} 2\na_total{p=\"2\"} 3\n";
        assert_eq!(read(good).unwrap()["a_total"].samples.len(), 2);
        let bad = [
            good.trim_end(),
            &good.replace("} 3", "} three"),
            &good.replace("p=\"2\"", "p=\"1\""),
            &good.replace("p=\"2\"", "p=\"2"),
            &good.replace("# TYPE a_total counter\n", ""),
            &good.replace("HELP a_total Help", "HELP a_total"),
            &good.replace("a_total{p=\"2\"}", "b_total"),
            &good.replace("a_total", "a"),
            &good.replace("} 2", "} -2"),
            "# HELP h Help\n# TYPE h histogram\nh_sum 1\nh_count 2\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n",
            "# HELP h Help\n# TYPE h histogram\nh_sum 1\nh_count 2\nh_bucket{le=\"1\"} 1\n",
        ];
        for text in bad {
            assert!(read(text).is_err(), "it was read:\n{text}");
        }
    }

    #[test]
    fn the_names_types_and_units_are_those_that_were_promised() {
        let metrics = Metrics::default();
        for partition in [SYSTEM, KV] {
            let partition = metrics.partition(partition);
            partition.term.set(3);
            partition.committed.set(1234);
            partition.proposal_latency.observe(0.000_5);
            partition.leader_changes.inc();
        }
        let families = read(&metrics.encode(Exposition::Prometheus).unwrap()).unwrap();
        let promised = [
            ("consensus_term_current", "gauge"),
            ("consensus_committed_index", "gauge"),
            ("consensus_proposal_latency_seconds", "histogram"),
            ("consensus_vote_processing_duration_seconds", "histogram"),
            ("consensus_leader_changes_total", "counter"),
            ("consensus_byzantine_detections_total", "counter"),
            ("process_resident_memory_bytes", "gauge"),
            ("process_start_time_seconds", "gauge"),
            ("process_uptime_seconds", "gauge"),
            ("quorate_build_info", "gauge"),
            ("log_lines_dropped_total", "counter"),
        ];
        for (name, kind) in promised {
            let family = families.get(name).unwrap_or_else(|| panic!("{name} is missing among {:?}", families.keys()));
            assert_eq!(family.kind, kind, "{name}");
        }
        let of = |name: &str, series: &str| {
            let label = ("partition".to_owned(), KV.0.to_string());
            let found = families[name].samples.iter().find(|(found, labels, _)| found == series && labels.get(&label.0) == Some(&label.1));
            found.unwrap_or_else(|| panic!("no {series} of partition {KV}")).2
        };
        assert_eq!(of("consensus_term_current", "consensus_term_current"), 3.0);
        assert_eq!(of("consensus_committed_index", "consensus_committed_index"), 1234.0);
        assert_eq!(of("consensus_leader_changes_total", "consensus_leader_changes_total"), 1.0);
        assert_eq!(of("consensus_proposal_latency_seconds", "consensus_proposal_latency_seconds_sum"), 0.000_5);
        assert!(families["quorate_build_info"].samples[0].1.contains_key("version"));
        assert!(families["process_resident_memory_bytes"].samples[0].2 > 1e6);
    }

    #[test]
    fn open_metrics_ends_as_it_must_and_has_the_same_names() {
        let metrics = Metrics::default();
        metrics.partition(KV).leader_changes.inc();
        let text = metrics.encode(Exposition::OpenMetrics).unwrap();
        assert!(text.ends_with("# EOF\n"));
        assert!(text.contains("\nconsensus_leader_changes_total{partition=\"1\"} 1\n"), "{text}");
        assert!(text.contains("# UNIT consensus_proposal_latency_seconds seconds\n"), "{text}");
        assert!(text.contains("# TYPE quorate_build info\n"), "{text}");
    }
}
