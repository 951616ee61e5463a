//! The lanes against the referee: outside vectors, small-order and torsioned points, and thousands of mutated signatures,
//! on every instruction set, through every entrance, over several shapes of table.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer, SigningKey};
use quorate_core::zip215;
use quorate_pipeline::ed25519::{Isa, KeyTables, KnownClaim, Shape, UnknownClaim, verify_known, verify_unknown};
use serde_json::Value;
use sha2::{Digest, Sha512};

/// One question to a verifier.
#[derive(Clone, Debug)]
struct Case {
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
}

/// Asserts that every verifier says of every case what the referee says, and returns what it says.
fn agree(cases: &[Case], shapes: &[Option<Shape>]) -> Vec<bool> {
    let expected: Vec<bool> = cases.iter().map(|case| zip215::verify(&case.key, &case.message, &case.signature)).collect();
    let mut keys: Vec<[u8; 32]> = cases.iter().map(|case| case.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let known: Vec<KnownClaim<'_>> = cases
        .iter()
        .map(|case| KnownClaim {
            key: u32::try_from(keys.binary_search(&case.key).expect("listed")).expect("few"),
            signature: &case.signature,
            message: &case.message,
        })
        .collect();
    let unknown: Vec<UnknownClaim<'_>> =
        cases.iter().map(|case| UnknownClaim { key: &case.key, signature: &case.signature, message: &case.message }).collect();
    for isa in Isa::available() {
        // What stood in the verdicts before must not matter.
        let mut verdicts: Vec<bool> = expected.iter().map(|verdict| !verdict).collect();
        verify_unknown(*isa, &unknown, &mut verdicts);
        compare(cases, &expected, &verdicts, &format!("{} unknown", isa.name()));
        for shape in shapes {
            let tables = KeyTables::build_shape(&keys, *shape, *isa);
            let mut verdicts: Vec<bool> = expected.iter().map(|verdict| !verdict).collect();
            verify_known(&tables, &known, &mut verdicts);
            compare(cases, &expected, &verdicts, &format!("{} known {shape:?}", isa.name()));
        }
    }
    expected
}

fn compare(cases: &[Case], expected: &[bool], verdicts: &[bool], what: &str) {
    for ((case, expected), verdict) in cases.iter().zip(expected).zip(verdicts) {
        assert_eq!(expected, verdict, "{what}: {case:02x?}");
    }
}

/// Shapes without doublings, with one and with several, whose windows divide words and straddle them; and none.
fn shapes() -> Vec<Option<Shape>> {
    let within = |bytes| Shape::best_within(1, bytes);
    vec![Shape::all().next(), within(1 << 20), within(60 << 10), within(9 << 10), None]
}

fn read(path: &str) -> Value {
    let path = format!("{}/../../fixtures/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {path}: {error}"));
    serde_json::from_str(&text).expect("a vector file is JSON")
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a string");
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect()
}

fn case(key: &Value, signature: &Value, message: Vec<u8>) -> Option<Case> {
    Some(Case { key: hex(key).try_into().ok()?, signature: hex(signature).try_into().ok()?, message })
}

/// A small generator, seeded: the same cases every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next() as u8)
    }

    fn scalar(&mut self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.bytes())
    }
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize().into())
}

/// A signature by `secret` whose key and R are moved by the given points.
fn signed(dice: &mut Dice, secret: Scalar, on_key: EdwardsPoint, on_r: EdwardsPoint, message: &[u8]) -> Case {
    let nonce = dice.scalar();
    let key = (ED25519_BASEPOINT_POINT * secret + on_key).compress().to_bytes();
    let r = (ED25519_BASEPOINT_POINT * nonce + on_r).compress().to_bytes();
    let s = nonce + challenge(&r, &key, message) * secret;
    Case { key, signature: joined(&r, s.as_bytes()), message: message.to_vec() }
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}

/// The 14 encodings of points of small order, those that are not canonical included.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut encodings: Vec<[u8; 32]> = Vec::new();
    for case in read("zip215/small_order.json").as_array().expect("a list") {
        let key = hex(&case["key"]).try_into().expect("32 bytes");
        if !encodings.contains(&key) {
            encodings.push(key);
        }
    }
    assert_eq!(encodings.len(), 14);
    encodings
}

#[test]
fn zip215_small_order_cases_are_all_valid() {
    let file = read("zip215/small_order.json");
    let list = file.as_array().expect("a list");
    let cases: Vec<Case> = list.iter().filter_map(|v| case(&v["key"], &v["sig"], hex(&v["msg"]))).collect();
    assert_eq!(cases.len(), 196);
    assert!(agree(&cases, &shapes()).into_iter().all(|verdict| verdict));
}

#[test]
fn cctv_cases_are_valid_unless_their_challenge_hashed_other_bytes() {
    let file = read("cctv/ed25519vectors.json");
    let text = |v: &Value| v["msg"].as_str().expect("text").as_bytes().to_vec();
    let list = file.as_array().expect("a list");
    let cases: Vec<Case> = list.iter().filter_map(|v| case(&v["key"], &v["sig"], text(v))).collect();
    assert_eq!(cases.len(), 914);
    let verdicts = agree(&cases, &shapes());
    for (v, verdict) in list.iter().zip(verdicts) {
        // ZIP-215 hashes R and A as they came; these signatures hashed the canonical encoding.
        let reencoded = v["flags"].as_array().is_some_and(|flags| flags.contains(&"reencoded_k".into()));
        assert!(verdict || reencoded, "{v}");
    }
}

#[test]
fn wycheproof_verdicts_are_the_referees() {
    let file = read("wycheproof/ed25519_test.json");
    let mut cases = Vec::new();
    for group in file["testGroups"].as_array().expect("groups") {
        for test in group["tests"].as_array().expect("tests") {
            cases.extend(case(&group["publicKey"]["pk"], &test["sig"], hex(&test["msg"])));
        }
    }
    let verdicts = agree(&cases, &shapes());
    assert!(cases.len() > 100 && verdicts.contains(&true) && verdicts.contains(&false));
}

#[test]
fn speccheck_verdicts_are_the_referees() {
    let file = read("speccheck/cases.json");
    let list = file.as_array().expect("a list");
    let cases: Vec<Case> = list.iter().filter_map(|v| case(&v["pub_key"], &v["signature"], hex(&v["message"]))).collect();
    assert!(cases.len() >= 12);
    agree(&cases, &shapes());
}

#[test]
fn every_torsion_component_is_ignored_and_nothing_else() {
    let mut dice = Dice(1);
    let mut cases = Vec::new();
    for on_key in EIGHT_TORSION {
        for on_r in EIGHT_TORSION {
            let secret = dice.scalar();
            let good = signed(&mut dice, secret, on_key, on_r, b"torsion");
            let mut bad = good.clone();
            bad.message.push(0);
            cases.extend([good, bad]);
        }
    }
    let verdicts = agree(&cases, &shapes());
    assert!(verdicts.chunks(2).all(|pair| pair == [true, false]));
}

#[test]
fn small_order_keys_and_rs_meet_every_s() {
    let mut dice = Dice(2);
    let encodings = small_order_encodings();
    let mut cases = Vec::new();
    for key in &encodings {
        for r in &encodings {
            for s in [[0; 32], order(), Scalar::ONE.to_bytes(), dice.scalar().to_bytes(), [0xff; 32]] {
                let message = dice.bytes::<20>().to_vec();
                cases.push(Case { key: *key, signature: joined(r, &s), message });
            }
        }
    }
    let verdicts = agree(&cases, &[Shape::best_within(1, 1 << 20), None]);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict).count(), 196);
}

/// L itself: the least s that must be refused.
fn order() -> [u8; 32] {
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    order
}

#[test]
fn s_at_the_edges_of_its_range() {
    // The key is the neutral element, so that s·B = R decides.
    let mut key = [0; 32];
    key[0] = 1;
    let mut cases = Vec::new();
    for s in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(2u8), Scalar::from(u64::MAX)] {
        let r = (ED25519_BASEPOINT_POINT * s).compress().to_bytes();
        cases.push(Case { key, signature: joined(&r, s.as_bytes()), message: vec![] });
        // s + L names the same point and must be refused.
        let (mut above, mut carry) = (s.to_bytes(), 0);
        for (byte, order) in above.iter_mut().zip(order()) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        cases.push(Case { key, signature: joined(&r, &above), message: vec![] });
    }
    let verdicts = agree(&cases, &shapes());
    assert!(verdicts.chunks(2).all(|pair| pair == [true, false]));
}

#[test]
fn thousands_of_mutated_signatures() {
    let mut dice = Dice(3);
    let keys: Vec<SigningKey> = (0..24).map(|_| SigningKey::from_bytes(&dice.bytes())).collect();
    let encodings = small_order_encodings();
    let mut cases = Vec::new();
    for _ in 0..6000 {
        let signer = &keys[dice.below(keys.len())];
        let length = if dice.below(2) == 0 { 168 } else { dice.below(400) };
        let message: Vec<u8> = (0..length).map(|_| dice.next() as u8).collect();
        let signature = signer.sign(&message).to_bytes();
        let mut case = Case { key: signer.verifying_key().to_bytes(), signature, message };
        match dice.below(12) {
            0 => case.signature[dice.below(64)] ^= 1 << dice.below(8),
            1 => case.key = keys[dice.below(keys.len())].verifying_key().to_bytes(),
            2 => case.message.push(0),
            3 => case.signature[..32].copy_from_slice(&encodings[dice.below(14)]),
            4 => case.signature = dice.bytes(),
            5 => case.signature[31] ^= 0x80,
            6 => case.signature[63] |= 0xe0,
            // Seldom, since each of these is a new key and so a new table.
            7 if dice.below(20) == 0 => {
                let (secret, on_key, on_r) = (dice.scalar(), dice.below(8), dice.below(8));
                case = signed(&mut dice, secret, EIGHT_TORSION[on_key], EIGHT_TORSION[on_r], &case.message);
            }
            8 if dice.below(20) == 0 => case.key = dice.bytes(),
            _ => {}
        }
        cases.push(case);
    }
    let verdicts = agree(&cases, &shapes());
    let valid = verdicts.iter().filter(|verdict| **verdict).count();
    assert!((2000..5000).contains(&valid), "{valid} valid");
}

#[test]
fn every_count_up_to_three_blocks() {
    let mut dice = Dice(4);
    let keys: Vec<SigningKey> = (0..5).map(|_| SigningKey::from_bytes(&dice.bytes())).collect();
    let mut cases = Vec::new();
    for i in 0..600 {
        let signer = &keys[i % 5];
        let message = dice.bytes::<168>().to_vec();
        let mut signature = signer.sign(&message).to_bytes();
        if i % 7 == 3 {
            signature[dice.below(64)] ^= 4;
        }
        cases.push(Case { key: signer.verifying_key().to_bytes(), signature, message });
    }
    for count in (0..40).chain([63, 64, 65, 255, 256, 257, 300, 511, 512, 513, 600]) {
        agree(&cases[..count], &[Shape::best_within(1, 60 << 10)]);
    }
}

#[test]
fn keys_that_are_no_points_and_indices_past_the_end_verify_nothing() {
    let mut dice = Dice(5);
    let signer = SigningKey::from_bytes(&dice.bytes());
    let signature = signer.sign(b"message").to_bytes();
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for isa in Isa::available() {
        for budget in [1 << 22, 0] {
            let tables = KeyTables::build(&[no_point, signer.verifying_key().to_bytes()], budget, *isa);
            assert_eq!(tables.shape().is_some(), budget > 0);
            assert!(tables.footprint_bytes() <= budget);
            let claims = [0, 1, 2, u32::MAX].map(|key| KnownClaim { key, signature: &signature, message: b"message" });
            let mut verdicts = [true; 4];
            verify_known(&tables, &claims, &mut verdicts);
            assert_eq!(verdicts, [false, true, false, false], "{}", isa.name());
        }
        let empty = KeyTables::build(&[], 1 << 22, *isa);
        let mut verdicts = [true];
        verify_known(&empty, &[KnownClaim { key: 0, signature: &signature, message: b"message" }], &mut verdicts);
        assert_eq!(verdicts, [false]);
    }
}
