//! Signatures with verdicts, through every entrance that a backend has: by key, and by member of an electorate.

use quorate_core::zip215;
use quorate_pipeline::backend::{Claim, ClaimKey};
use quorate_pipeline::conformance::Verdict;

use super::Bench;

/// A signature, and what is to be said of it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) key: [u8; 32],
    pub(super) message: Vec<u8>,
    pub(super) signature: [u8; 64],
    pub(super) valid: bool,
}

/// The electorate under which the keys are admitted.
const ELECTORATE: u32 = 0;

/// Checks every case: the backend must give the expected verdict by unknown and by known key, and the scalar referee as well.
pub(super) fn check(bench: &Bench<'_>, cases: &[Case], verdict: &mut Verdict) -> Result<(), String> {
    let mut backend = bench.backend();
    let mut keys: Vec<[u8; 32]> = cases.iter().map(|case| case.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let failed = |error: quorate_pipeline::backend::BackendError| error.to_string();
    backend.admit_keys(ELECTORATE, &keys).map_err(failed)?;
    let voter = |key: &[u8; 32]| {
        let at = keys.binary_search(key).map_err(|_| "a key was not admitted".to_owned())?;
        u16::try_from(at).map_err(|_| format!("{} keys are more than an electorate holds", keys.len()))
    };
    let (mut unknown, mut known) = (Vec::new(), Vec::new());
    for case in cases {
        let claim = |key| Claim { key, message: &case.message, signature: &case.signature };
        unknown.push(claim(ClaimKey::Unknown(&case.key)));
        known.push(claim(ClaimKey::Known { electorate: ELECTORATE, voter: voter(&case.key)? }));
    }
    let mut entrances = Vec::new();
    for (entrance, claims) in [("by unknown key", unknown), ("by known key", known)] {
        // What stood in the verdicts before must not matter.
        let mut verdicts: Vec<bool> = cases.iter().map(|case| !case.valid).collect();
        backend.verify(&claims, &mut verdicts).map_err(failed)?;
        entrances.push((entrance, verdicts));
    }
    backend.evict_keys(ELECTORATE);
    for (at, case) in cases.iter().enumerate() {
        let mut wrong: Vec<&str> = entrances.iter().filter(|(_, verdicts)| verdicts[at] != case.valid).map(|(name, _)| *name).collect();
        if zip215::verify(&case.key, &case.message, &case.signature) != case.valid {
            wrong.push("by the scalar referee");
        }
        let said = |valid| if valid { "accepted" } else { "refused" };
        verdict.case(match wrong.as_slice() {
            [] => Ok(()),
            wrong => Err(format!("{}: {} {}; expected {}", case.name, said(!case.valid), wrong.join(" and "), said(case.valid))),
        });
    }
    Ok(())
}
