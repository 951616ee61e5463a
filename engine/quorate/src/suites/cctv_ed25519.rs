//! C2SP's 914 edge cases of Ed25519.
//!
//! ZIP-215 accepts every case whose challenge was hashed over the bytes that travel. The cases flagged `reencoded_k` come with a key
//! or an R that is not canonical, and their challenge was hashed over the canonical encoding instead; ZIP-215 hashes what came, so
//! such a case is valid only where the cofactor multiplies the difference away. Which of the 146 flagged cases are not was computed
//! from the equation, in plain integers, by a program that shares nothing with this engine: [`REFUSED`].

use super::ed25519::{Case, check};
use super::{Suite, collect, data};

/// The cases that are not valid under ZIP-215, by rising number.
const REFUSED: [u64; 88] = [
    18, 19, 40, 41, 62, 63, 68, 69, 74, 75, 128, 129, 150, 151, 172, 173, 194, 195, 200, 201, 206, 207, 260, 261, 279, 298, 317, 320, 323,
    400, 416, 417, 430, 431, 444, 445, 450, 451, 456, 457, 502, 503, 516, 517, 530, 531, 544, 545, 550, 551, 556, 557, 602, 603, 616, 617,
    630, 631, 644, 645, 650, 651, 656, 657, 702, 703, 716, 717, 730, 731, 744, 745, 750, 751, 756, 757, 802, 803, 813, 824, 844, 845, 850,
    851, 856, 857, 910, 911,
];

pub(super) const SUITE: Suite = Suite {
    name: "cctv-ed25519",
    about: "914 edge cases of C2SP: points of low order and encodings that are not canonical",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/cctv/ed25519vectors.json"))?;
            let mut cases = Vec::new();
            for case in data::list(&file)? {
                let number = data::number(case, "number")?;
                let valid = REFUSED.binary_search(&number).is_err();
                let reencoded = case["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "reencoded_k"));
                if !valid && !reencoded {
                    return Err(format!("case {number} is not valid, but its challenge was hashed over what travels"));
                }
                cases.push(Case {
                    name: format!("case {number}"),
                    key: data::array(case, "key")?,
                    // The message is its text, unlike that of all other vectors.
                    message: data::text(case, "msg")?.as_bytes().to_vec(),
                    signature: data::array(case, "sig")?,
                    valid,
                });
            }
            verdict.notes.push(format!(
                "{} of the cases flagged reencoded_k are refused, because ZIP-215 hashes key and R as they came: {REFUSED:?}",
                REFUSED.len(),
            ));
            check(bench, &cases, verdict)
        })
    },
};
