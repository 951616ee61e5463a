//! The twelve cases of "Taming the many EdDSAs", on which implementations differ, with the verdict that ZIP-215 asks for.
//!
//! ZIP-215 says: s is below the order of the base point; key and R are points, in whatever encoding; and the equation holds after
//! multiplication by the cofactor, with the challenge hashed over the bytes as they came. [`EXPECTED`] follows from that alone.

use super::ed25519::{Case, check};
use super::{Suite, collect, data};

/// For each case whether it is valid, and why.
const EXPECTED: [(bool, &str); 12] = [
    (true, "key and R are of small order and s is zero: the equation holds even without the cofactor"),
    (true, "the key is of small order; nothing in ZIP-215 refuses it, and the equation holds"),
    (true, "R is of small order; nothing in ZIP-215 refuses it, and the equation holds"),
    (true, "key and R have components of small order that cancel out: the equation holds even without the cofactor"),
    (
        true,
        "key and R have components of small order that do not cancel out: the equation holds with the cofactor, which ZIP-215 multiplies by",
    ),
    (
        true,
        "the key has a component of small order: the equation holds with the cofactor only; whoever reduces 8k before multiplying gets it wrong",
    ),
    (false, "s is not below the order of the base point"),
    (false, "s is far above the order of the base point"),
    (false, "R is not canonical and the challenge was hashed over its canonical encoding; ZIP-215 hashes what came"),
    (true, "R is not canonical, which ZIP-215 allows, and the challenge was hashed over what came"),
    (
        true,
        "the key is not canonical and the challenge was hashed over its canonical encoding; the key is of small order, so the cofactor removes the difference",
    ),
    (true, "the key is not canonical, which ZIP-215 allows, and the challenge was hashed over what came"),
];

pub(super) const SUITE: Suite = Suite {
    name: "speccheck",
    about: "the 12 cases of \"Taming the many EdDSAs\", with ZIP-215's verdicts",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/speccheck/cases.json"))?;
            let list = data::list(&file)?;
            if list.len() != EXPECTED.len() {
                return Err(format!("{} cases; expected {}", list.len(), EXPECTED.len()));
            }
            let mut cases = Vec::new();
            for (nth, (case, (valid, why))) in list.iter().zip(EXPECTED).enumerate() {
                verdict.notes.push(format!("case {nth} is {}: {why}", if valid { "valid" } else { "invalid" }));
                cases.push(Case {
                    name: format!("case {nth}"),
                    key: data::array(case, "pub_key")?,
                    message: data::bytes(case, "message")?,
                    signature: data::array(case, "signature")?,
                    valid,
                });
            }
            check(bench, &cases, verdict)
        })
    },
};
