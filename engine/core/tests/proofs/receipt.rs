//! Receipts: an entry is in the log under a certified root, and only under that one.

use quorate_core::block::{Block, Timestamp};
use quorate_core::certificate::{Certificate, CertificateError};
use quorate_core::claim::ClaimError;
use quorate_core::electorate::Electorate;
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{Epoch, Height};
use quorate_core::merkle::{ProofError, Tree, TreeHead};
use quorate_core::quorum::Rule;
use quorate_core::receipt::{LogRoot, Receipt, ReceiptError};
use quorate_core::vote::{Kind, Paxos, Raft};

use crate::cluster::*;
use crate::flips;

pub(crate) fn log(hash: TreeHash) -> Tree {
    Tree::of_data(hash, (0..5u8).map(|entry| vec![entry; usize::from(entry)]))
}

fn certify_root(genesis: &Electorate, kind: Kind, candidate: Digest) -> Certificate {
    certify(context_in(genesis, genesis, kind), genesis, kind, candidate, 0..3).unwrap()
}

pub(crate) fn receipt_for(entry: u8, hash: TreeHash, genesis: &Electorate) -> Receipt {
    let tree = log(hash);
    let root = LogRoot(tree.head());
    let proof = tree.inclusion(u64::from(entry)).unwrap();
    Receipt::new(root, &vec![entry; usize::from(entry)], proof, certify_root(genesis, COMMIT, root.digest())).unwrap()
}

#[test]
fn a_receipt_proves_its_entry_and_no_other() {
    let genesis = genesis();
    let anchor = anchor_of(&genesis);
    for hash in TreeHash::ALL {
        for entry in 0..5u8 {
            let receipt = Receipt::decode(&receipt_for(entry, hash, &genesis).encode()).unwrap();
            assert_eq!(receipt, receipt_for(entry, hash, &genesis));
            assert_eq!(receipt.verify(&anchor, &vec![entry; usize::from(entry)]), Ok(()));
            assert_eq!(receipt.verify_leaf(&anchor), Ok(()));
            assert_eq!(receipt.index(), u64::from(entry));
            let other = ReceiptError::OtherEntry { found: hash.leaf(b"never written"), expected: receipt.leaf() };
            assert_eq!(receipt.verify(&anchor, b"never written"), Err(other));
        }
    }
}

#[test]
fn a_bit_flipped_anywhere_fails() {
    let genesis = genesis();
    let anchor = anchor_of(&genesis);
    // Without the entry: whatever does not matter there matters nowhere.
    flips::each_is_refused(&receipt_for(4, TreeHash::Blake3, &genesis).encode(), |bytes| {
        let receipt = Receipt::decode(bytes).map_err(|error| error.to_string())?;
        receipt.verify_leaf(&anchor).map_err(|error| error.to_string())
    });
}

#[test]
fn a_majority_that_co_signs_a_log_root_is_enough_where_votes_are_not_signed() {
    let genesis = Electorate::new(Epoch(0), Rule::Majority, (1..=5).map(|id| member(id, 1))).unwrap();
    let tree = log(TreeHash::Sha256);
    let root = LogRoot(tree.head());
    for kind in [Kind::Raft(Raft::Ack), Kind::Paxos(Paxos::Accepted)] {
        let receipt = Receipt::new(root, &[3; 3], tree.inclusion(3).unwrap(), certify_root(&genesis, kind, root.digest())).unwrap();
        assert_eq!(receipt.verify(&anchor_of(&genesis), &[3; 3]), Ok(()));
    }
}

#[test]
fn a_certificate_for_anything_but_this_log_root_makes_no_receipt() {
    let genesis = genesis();
    let tree = log(TreeHash::Blake3);
    let root = LogRoot(tree.head());
    let attempt = |kind, candidate| Receipt::new(root, &[2; 2], tree.inclusion(2).unwrap(), certify_root(&genesis, kind, candidate));
    let shorter = LogRoot(TreeHead { size: 4, ..tree.head() });
    let other_hash = LogRoot(TreeHead { hash: TreeHash::Sha256, ..tree.head() });
    let block = Block::new(Digest::ZERO, Height(7), Timestamp(0), tree.root().0.to_vec()).unwrap();
    // Another size or hash rule, the bare root, and a block that has the root for a payload.
    for found in [shorter.digest(), other_hash.digest(), tree.root(), block.id()] {
        assert_eq!(attempt(COMMIT, found), Err(ReceiptError::OtherCandidate { found, expected: root.digest() }));
    }
    for kind in [PREPARE, VIEW_CHANGE] {
        assert_eq!(attempt(kind, root.digest()), Err(ReceiptError::NotFinal(kind)));
    }
    assert!(attempt(COMMIT, root.digest()).is_ok());
}

#[test]
fn a_quorum_of_prepares_is_no_receipt_even_when_the_bytes_say_so() {
    let genesis = genesis();
    let receipt = receipt_for(2, TreeHash::Blake3, &genesis);
    let whole = receipt.encode();
    let head = whole.len() - receipt.certificate().encode().len();
    let mut bytes = whole[..head].to_vec();
    bytes.extend(certify_root(&genesis, PREPARE, receipt.log().digest()).encode());
    let error = Receipt::decode(&bytes).unwrap().verify_leaf(&anchor_of(&genesis)).unwrap_err();
    assert_eq!(error, ReceiptError::NotFinal(PREPARE));
}

#[test]
fn an_entry_at_another_place_fails() {
    let genesis = genesis();
    let tree = log(TreeHash::Blake3);
    let root = LogRoot(tree.head());
    let certificate = certify_root(&genesis, COMMIT, root.digest());
    let error = Receipt::new(root, &[2; 2], tree.inclusion(3).unwrap(), certificate).unwrap_err();
    assert!(matches!(error, ReceiptError::Inclusion(ProofError::OtherRoot { .. })), "{error}");
}

#[test]
fn a_receipt_from_another_cluster_fails() {
    let receipt = receipt_for(1, TreeHash::Blake3, &electorate(0, 1..=3));
    let error = receipt.verify_leaf(&anchor_of(&genesis())).unwrap_err();
    assert!(matches!(error, ReceiptError::Certificate(CertificateError::Claim(ClaimError::OtherCluster { .. }))), "{error}");
}

#[test]
fn of_two_equal_entries_side_by_side_either_index_is_true() {
    let genesis = genesis();
    let tree = Tree::of_data(TreeHash::Blake3, ["set a", "set b", "set b", "set b", "set c"]);
    let root = LogRoot(tree.head());
    let receipt_at = |index, shown: u64| {
        let certificate = certify_root(&genesis, COMMIT, root.digest());
        let mut bytes = Receipt::new(root, b"set b", tree.inclusion(index).unwrap(), certificate).unwrap().encode();
        bytes[74..82].copy_from_slice(&shown.to_le_bytes());
        Receipt::decode(&bytes).unwrap().verify(&anchor_of(&genesis), b"set b")
    };
    for (index, shown, is_true) in [(2, 2, true), (2, 3, true), (3, 2, true), (1, 1, true), (1, 0, false), (2, 1, false)] {
        assert_eq!(receipt_at(index, shown).is_ok(), is_true, "entry {index} shown as {shown}");
    }
}
