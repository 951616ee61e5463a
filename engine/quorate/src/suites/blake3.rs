//! The official BLAKE3 vectors, in the three modes that the engine uses, and the backend's BLAKE3 trees.
//!
//! Plain hashing, keyed hashing (the nodes of a tree) and key derivation (everything outside a tree): the 32 bytes that the engine
//! uses, and all 131 of the extended output.

use quorate_core::hash::TreeHash;

use super::{Suite, collect, data, trees};

pub(super) const SUITE: Suite = Suite {
    name: "blake3",
    about: "the official vectors in three modes, and the merkle stage in BLAKE3",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/blake3/test_vectors.json"))?;
            let key: &[u8; 32] = data::text(&file, "key")?.as_bytes().try_into().map_err(|_| "the key has not 32 bytes")?;
            let context = data::text(&file, "context_string")?;
            for case in data::list(&file["cases"])? {
                let length = data::number(case, "input_len")? as usize;
                let input: Vec<u8> = (0..=250).cycle().take(length).collect();
                let modes = [
                    ("hash", *::blake3::hash(&input).as_bytes(), ::blake3::Hasher::new()),
                    ("keyed_hash", *::blake3::keyed_hash(key, &input).as_bytes(), ::blake3::Hasher::new_keyed(key)),
                    ("derive_key", ::blake3::derive_key(context, &input), ::blake3::Hasher::new_derive_key(context)),
                ];
                for (mode, short, mut hasher) in modes {
                    let expected = data::bytes(case, mode)?;
                    let mut long = vec![0; expected.len()];
                    hasher.update(&input).finalize_xof().fill(&mut long);
                    let right = long == expected && expected.starts_with(&short);
                    verdict.case(if right { Ok(()) } else { Err(format!("{mode} of {length} bytes differs")) });
                }
            }
            trees::check(bench, TreeHash::Blake3, verdict);
            Ok(())
        })
    },
};
