//! The manifest's encoding.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_storage::Mark;
use quorate_storage::snapshot::{Manifest, Origin};

fn manifests() -> impl Strategy<Value = Manifest> {
    let origin = (any::<[u8; 32]>(), any::<u64>(), any::<u32>(), any::<u64>(), any::<u64>());
    (origin, vec(any::<u8>(), 0..50), 1..=Manifest::CHUNK_BYTES_MAX, vec(any::<[u8; 32]>(), 0..20), any::<u32>()).prop_map(
        |((cluster, member, partition, index, term), meta, chunk_bytes, chunks, last)| {
            let origin = Origin {
                cluster: ClusterId(Digest(cluster)),
                member: MemberId(member),
                partition: PartitionId(partition),
                mark: Mark { index: Height(index), term: View(term) },
            };
            let last = u64::from(last % chunk_bytes);
            let total = (chunks.len() as u64 * u64::from(chunk_bytes)).saturating_sub(last);
            Manifest::new(origin, meta, chunk_bytes, total, chunks.into_iter().map(Digest).collect()).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn a_manifest_reads_back_as_it_was_written(manifest in manifests()) {
        let bytes = manifest.encode();
        prop_assert_eq!(Manifest::decode(&bytes), Ok(manifest.clone()));
        let lens: u64 = (0..manifest.count()).map(|nth| manifest.chunk_len(nth) as u64).sum();
        prop_assert_eq!(lens, manifest.total());
        prop_assert_eq!(manifest.chunk_len(manifest.count()), 0);
    }

    #[test]
    fn a_manifest_that_is_cut_or_longer_is_refused(manifest in manifests(), cut in any::<prop::sample::Index>()) {
        let mut bytes = manifest.encode();
        prop_assert!(Manifest::decode(&bytes[..cut.index(bytes.len())]).is_err());
        bytes.push(0);
        prop_assert!(Manifest::decode(&bytes).is_err());
    }

    #[test]
    fn what_is_read_from_any_bytes_is_canonical(manifest in manifests(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = manifest.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(found) = Manifest::decode(&bytes) {
            prop_assert_eq!(found.encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Manifest::decode(&bytes);
    }
}

#[test]
fn a_manifest_promises_only_what_it_has_digests_for() {
    let origin = Origin { cluster: ClusterId::default(), member: MemberId(1), partition: PartitionId(1), mark: Mark::default() };
    let new = |chunk_bytes, total, chunks| Manifest::new(origin, Vec::new(), chunk_bytes, total, vec![Digest::ZERO; chunks]);
    new(10, 25, 3).unwrap();
    for (chunk_bytes, total, chunks) in [(10, 25, 2), (10, 25, 4), (10, 0, 1), (0, 0, 0), (u32::MAX, 1, 1), (1, u64::MAX, 1)] {
        new(chunk_bytes, total, chunks).unwrap_err();
    }
    let long = vec![0; Manifest::META_BYTES_MAX + 1];
    Manifest::new(origin, long, 10, 0, Vec::new()).unwrap_err();
}

#[test]
fn the_encoding_of_today_is_the_encoding_of_tomorrow() {
    let mark = Mark { index: Height(5), term: View(2) };
    let origin = Origin { cluster: ClusterId::default(), member: MemberId(1), partition: PartitionId(3), mark };
    let manifest = Manifest::new(origin, b"meta".to_vec(), 10, 15, vec![Digest::ZERO; 2]).unwrap();
    let digest = quorate_core::hash::TreeHash::Blake3.leaf(&manifest.encode()).to_string();
    assert_eq!(&digest[..16], "e6387dfea6b76381");
}
