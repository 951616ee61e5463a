//! ZIP-215's 196 small-order cases: every pair of the 14 encodings of points of small order, as key and as R, with s = 0.
//!
//! All of them are valid under ZIP-215. Implementations of RFC 8032 disagree among themselves about most, which is why a consensus
//! engine needs the stricter specification.

use super::ed25519::{Case, check};
use super::{Suite, collect, data};

pub(super) const SUITE: Suite = Suite {
    name: "zip215",
    about: "all 196 pairs of small-order points, each valid under ZIP-215",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/zip215/small_order.json"))?;
            let mut cases = Vec::new();
            for (nth, case) in data::list(&file)?.iter().enumerate() {
                cases.push(Case {
                    name: format!("case {nth}"),
                    key: data::array(case, "key")?,
                    message: data::bytes(case, "msg")?,
                    signature: data::array(case, "sig")?,
                    valid: case["valid"].as_bool().ok_or("a case without verdict")?,
                });
            }
            check(bench, &cases, verdict)
        })
    },
};
