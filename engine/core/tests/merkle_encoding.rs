//! The bytes of proofs and frontiers: pinned, canonical, and decoded without trust.

use proptest::prelude::*;
use quorate_core::codec::{DecodeError, Problem};
use quorate_core::hash::{TreeHash, tagged};
use quorate_core::merkle::{ConsistencyProof, Frontier, INDICES_MAX, InclusionProof, MultiProof, Tree};

/// One encoding of each structure.
fn samples() -> [Vec<u8>; 4] {
    let hash = TreeHash::Blake3;
    let tree = Tree::of_data(hash, (0..13u8).map(|i| [i]));
    let mut frontier = Frontier::new(hash);
    tree.levels()[0].iter().for_each(|leaf| frontier.push(*leaf));
    [
        tree.inclusion(5).unwrap().encode(),
        tree.consistency(6).unwrap().encode(),
        tree.multiproof(&[1, 5, 12]).unwrap().encode(),
        frontier.encode(),
    ]
}

/// Decodes `bytes` as structure number `which` of [`samples`], and encodes the result again.
fn recode(which: usize, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match which {
        0 => InclusionProof::decode(bytes).map(|proof| proof.encode()),
        1 => ConsistencyProof::decode(bytes).map(|proof| proof.encode()),
        2 => MultiProof::decode(bytes).map(|proof| proof.encode()),
        _ => Frontier::decode(bytes).map(|frontier| frontier.encode()),
    }
}

#[test]
fn the_bytes_of_today_are_the_bytes_of_tomorrow() {
    let heads = samples().map(|bytes| bytes.iter().take(14).map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(
        heads,
        ["110105000000000000000d000000", "210106000000000000000d000000", "31010d0000000000000003000000", "41010d0000000000000003000000"]
    );
    let pins = samples().map(|bytes| tagged("quorate test pin", &[&bytes]).to_string()[..16].to_owned());
    assert_eq!(pins, ["9d507a04c12b0483", "16b6e7a2ad789cf0", "ae27c4dc508d8686", "e9d7f4841c49b9dc"]);
}

#[test]
fn every_structure_reads_back_what_it_writes_and_refuses_the_others() {
    for (i, bytes) in samples().iter().enumerate() {
        for which in 0..4 {
            assert_eq!(recode(which, bytes).ok().as_ref(), (which == i).then_some(bytes));
        }
    }
}

#[test]
fn every_prefix_of_an_encoding_and_every_longer_one_is_refused() {
    for (which, bytes) in samples().iter().enumerate() {
        for end in 0..bytes.len() {
            let error = recode(which, &bytes[..end]).unwrap_err();
            assert!(matches!(error.problem, Problem::Truncated { .. }), "{error}");
        }
        let error = recode(which, &[&bytes[..], &[0]].concat()).unwrap_err();
        assert!(matches!(error.problem, Problem::Trailing { extra: 1 }), "{error}");
    }
}

#[test]
fn an_error_says_what_is_wrong_where() {
    let [mut inclusion, consistency, mut multi, mut frontier] = samples();
    inclusion[1] = 9;
    let message = |which, bytes: &[u8]| recode(which, bytes).unwrap_err().to_string();
    assert_eq!(message(0, &inclusion), "inclusion proof, byte 1: the tree hash is 9; expected 1 (blake3) or 2 (sha256)");
    assert_eq!(message(0, &consistency), "inclusion proof, byte 0: the version is 33; expected 17");
    // The second index, 5, becomes 1 like the first.
    multi[22] = 1;
    assert!(message(2, &multi).ends_with("the indices of a multi-proof must rise, and number 1 does not"));
    frontier[9] = 0x80;
    assert!(message(3, &frontier).starts_with("frontier, byte 2: the size is 9223372036854775821"));
}

#[test]
fn counts_that_the_bytes_do_not_bear_out_are_refused() {
    for (which, count_at) in [(0, 18), (1, 18), (2, 10), (3, 10)] {
        for count in [0u32, 1, 5, 64, 65, 66, 65_536, u32::MAX] {
            let mut bytes = samples()[which].clone();
            bytes[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
            assert!(recode(which, &bytes).is_err());
            bytes.truncate(count_at + 4);
            assert!(recode(which, &bytes).is_err());
        }
    }
}

#[test]
fn a_multiproof_names_at_most_65536_leaves() {
    let size = INDICES_MAX as u64 + 1;
    let tree = Tree::of_data(TreeHash::Blake3, (0..size).map(u64::to_le_bytes));
    let all: Vec<u64> = (0..size).collect();
    assert!(tree.multiproof(&all).is_err());
    let mut most = tree.multiproof(&all[1..]).unwrap();
    assert_eq!(MultiProof::decode(&most.encode()), Ok(most.clone()));
    most.indices.insert(0, 0);
    most.nodes.clear();
    assert!(MultiProof::decode(&most.encode()).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic_and_what_it_accepts_it_writes_back(
        which in 0usize..4,
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = samples()[which].clone();
        for (at, byte) in noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [bytes.clone(), [&bytes[..cut.index(bytes.len())], &tail].concat()] {
            if let Ok(again) = recode(which, &bytes) {
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
