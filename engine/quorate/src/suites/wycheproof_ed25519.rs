//! Wycheproof's 151 cases of Ed25519, read under ZIP-215.
//!
//! Wycheproof follows RFC 8032. Where ZIP-215 disagrees the case is listed in [`DISAGREEMENTS`] with the reason, and noted; a case
//! that is not listed must have Wycheproof's verdict. A signature is 64 bytes: any other length is refused at the edge, before a
//! backend could see it, and Wycheproof says the same of all of them.

use quorate_core::ballot::Signature;
use serde_json::Value;

use super::ed25519::{Case, check};
use super::{Suite, collect, data};

/// Cases, by tcId, on which ZIP-215 disagrees, and why.
const DISAGREEMENTS: [(u64, &str); 1] = [(
    151,
    "R encodes the neutral element with the sign bit set, which RFC 8032 refuses to decode; ZIP-215 takes every encoding of a point",
)];

pub(super) const SUITE: Suite = Suite {
    name: "wycheproof-ed25519",
    about: "151 cases of Wycheproof, read under ZIP-215; every disagreement is explained in the notes",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/wycheproof/ed25519_test.json"))?;
            let (mut cases, mut other_lengths) = (Vec::new(), 0);
            for group in data::list(&file["testGroups"])? {
                let key = data::array(&group["publicKey"], "pk")?;
                for test in data::list(&group["tests"])? {
                    let (id, valid) = (data::number(test, "tcId")?, said_valid(test)?);
                    let Ok(signature) = <[u8; 64]>::try_from(data::bytes(test, "sig")?).map(|bytes| Signature(bytes).0) else {
                        other_lengths += 1;
                        verdict.case(if valid { Err(format!("tcId {id}: a signature of another length is valid")) } else { Ok(()) });
                        continue;
                    };
                    let disagreement = DISAGREEMENTS.iter().find(|(listed, _)| *listed == id);
                    if let Some((_, why)) = disagreement {
                        verdict.notes.push(format!(
                            "tcId {id}: Wycheproof says {}, ZIP-215 says {}: {why}",
                            data::text(test, "result")?,
                            if valid { "invalid" } else { "valid" }
                        ));
                    }
                    let message = data::bytes(test, "msg")?;
                    cases.push(Case { name: format!("tcId {id}"), key, message, signature, valid: valid != disagreement.is_some() });
                }
            }
            verdict.notes.push(format!("{other_lengths} signatures have not 64 bytes and are refused at the edge, as Wycheproof asks"));
            check(bench, &cases, verdict)
        })
    },
};

fn said_valid(test: &Value) -> Result<bool, String> {
    match data::text(test, "result")? {
        "valid" => Ok(true),
        "invalid" => Ok(false),
        other => Err(format!("result {other:?}; expected valid or invalid")),
    }
}
