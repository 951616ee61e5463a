//! The histories that Porcupine was tested with: the checker of the simulator must find what was published.
//!
//! Those of etcd have their verdicts in `EXPECTED`, those of a map in their names.

use quorate_sim::history::Verdict as Found;
use quorate_sim::history::formats::parse;

use super::{Suite, collect};

include!(concat!(env!("OUT_DIR"), "/histories.rs"));

/// A thousand times what the hardest of them needs.
const BUDGET: u64 = 1_000_000;

pub(super) const SUITE: Suite = Suite {
    name: "histories",
    about: "published histories of etcd and of a map: linearizable or not, as was published",
    run: |_| {
        collect(|verdict| {
            let file = |wanted: &str| FILES.iter().find(|(name, _)| *name == wanted).map(|(_, text)| *text);
            let expected = file("etcd/EXPECTED").ok_or("the verdicts on etcd are missing")?;
            for line in expected.lines() {
                let (name, published) = line.split_once(' ').ok_or_else(|| format!("a verdict that cannot be read: {line}"))?;
                let name = format!("etcd/{name}");
                let text = file(&name).ok_or_else(|| format!("{name} is missing"))?;
                verdict.case(judge(&name, text, published == "linearizable"));
            }
            for (name, text) in FILES.iter().filter(|(name, _)| name.starts_with("kv/")) {
                verdict.case(judge(name, text, name.ends_with("-ok.txt")));
            }
            Ok(())
        })
    },
};

fn judge(name: &str, text: &str, published: bool) -> Result<(), String> {
    let parsed = parse(text.as_bytes()).map_err(|error| format!("{name}: {error}"))?;
    let found = parsed.model.check(&parsed.history, BUDGET).map_err(|error| format!("{name}: {error}"))?;
    match (found, published) {
        (Found::Linearizable, true) | (Found::NotLinearizable(_), false) => Ok(()),
        (Found::Linearizable, false) => Err(format!("{name} is found linearizable, and is not")),
        (Found::NotLinearizable(_), true) => Err(format!("{name} is found not to be linearizable, and is")),
        (Found::Undecided(progress), _) => Err(format!("{name} is undecided: {progress}")),
    }
}
