//! RFC 6962 proofs from transparency-dev/merkle, good and bad, and the backend's SHA-256 trees.
//!
//! A proof must verify exactly where the vectors say so, and one that does must survive its own encoding. A hash in the vectors that
//! has not 32 bytes never gets past the type, which is a refusal.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::{ConsistencyProof, InclusionProof, TreeHead};
use quorate_pipeline::conformance::Verdict;
use serde_json::Value;

use super::{Suite, collect, data, trees};

include!(concat!(env!("OUT_DIR"), "/rfc6962_vectors.rs"));

const HASH: TreeHash = TreeHash::Sha256;

pub(super) const SUITE: Suite = Suite {
    name: "rfc6962",
    about: "inclusion and consistency proofs of transparency-dev, and the merkle stage in SHA-256",
    run: |bench| {
        collect(|verdict| {
            for (table, holds) in [(INCLUSION, inclusion as fn(&Value) -> Result<bool, String>), (CONSISTENCY, consistency)] {
                table.iter().for_each(|(name, text)| judge(verdict, name, text, holds));
            }
            trees::check(bench, HASH, verdict);
            Ok(())
        })
    },
};

fn judge(verdict: &mut Verdict, name: &str, text: &str, holds: fn(&Value) -> Result<bool, String>) {
    let result = data::json(text).and_then(|case| {
        let expected = !case["wantErr"].as_bool().ok_or("a case without verdict")?;
        match holds(&case)? {
            found if found == expected => Ok(()),
            true => Err(format!("the proof verifies, and should not ({})", case["desc"])),
            false => Err(format!("the proof does not verify, and should ({})", case["desc"])),
        }
    });
    verdict.case(result.map_err(|what| format!("{name}: {what}")));
}

fn digest(value: &Value) -> Option<Digest> {
    data::base64(value.as_str()?)?.try_into().ok().map(Digest)
}

/// A root that the vectors abbreviate ("don't care 1"), made up to a digest.
fn placeholder(value: &Value) -> Option<Digest> {
    let mut bytes = data::base64(value.as_str()?)?;
    bytes.resize(32, 0);
    bytes.try_into().ok().map(Digest)
}

fn path(case: &Value) -> Option<Vec<Digest>> {
    case["proof"].as_array().map_or(Some(Vec::new()), |nodes| nodes.iter().map(digest).collect())
}

fn inclusion(case: &Value) -> Result<bool, String> {
    let (index, size) = (data::number(case, "leafIdx")?, data::number(case, "treeSize")?);
    let (Some(path), Some(root), Some(leaf)) = (path(case), digest(&case["root"]), digest(&case["leafHash"])) else {
        return Ok(false);
    };
    let proof = InclusionProof { hash: HASH, index, size, path };
    let verified = proof.verify(&TreeHead { hash: HASH, size, root }, &leaf).is_ok();
    if verified && InclusionProof::decode(&proof.encode()).as_ref() != Ok(&proof) {
        return Err("a good proof does not survive its encoding".into());
    }
    Ok(verified)
}

fn consistency(case: &Value) -> Result<bool, String> {
    let (old_size, new_size) = (data::number(case, "size1")?, data::number(case, "size2")?);
    let (Some(path), Some(old), Some(new)) = (path(case), placeholder(&case["root1"]), placeholder(&case["root2"])) else {
        return Ok(false);
    };
    let proof = ConsistencyProof { hash: HASH, old_size, new_size, path };
    let head = |size, root| TreeHead { hash: HASH, size, root };
    let verified = proof.verify(&head(old_size, old), &head(new_size, new)).is_ok();
    if verified && ConsistencyProof::decode(&proof.encode()).as_ref() != Ok(&proof) {
        return Err("a good proof does not survive its encoding".into());
    }
    Ok(verified)
}
