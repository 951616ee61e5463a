//! What others recorded, in any of three formats.

use quorate_sim::history::formats::{lines, parse};

use super::said;

/// So many steps are enough to reach every part of the search.
const BUDGET: u64 = 10_000;

/// A history: what can be read can be written and is then read again, and can be judged without a panic.
pub fn history(bytes: &[u8]) {
    let Some(parsed) = said(parse(bytes)) else { return };
    let written = lines::write(parsed.model, &parsed.history);
    let again = parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!((again.model, &again.history), (parsed.model, &parsed.history));
    // A file may name a model that does not have its operations.
    let verdict = said(parsed.model.check(&parsed.history, BUDGET));
    assert_eq!(verdict, said(parsed.model.check(&parsed.history, BUDGET)), "the same history has two verdicts");
}
