//! `quorate test`: both backends pass, each line has its shape, and wrong names are answered.

use std::collections::BTreeMap;

use crate::quorate;

/// How many cases the suites have that are not random.
const CASES: [(&str, u64); 12] = [
    ("zip215", 196),
    ("cctv-ed25519", 914),
    ("speccheck", 12),
    ("wycheproof-ed25519", 151),
    ("rfc8032", 10),
    ("rfc6962", 2 * 98 + 86),
    ("blake3", 3 * 35 + 86),
    ("etcd-quorum", 66 + 61),
    ("planted-fault", 10),
    ("crash-points", 24),
    ("enospc", 34),
    ("histories", 24),
];

/// Runs every suite and checks the shape of every line.
fn passes(backend: &str) {
    let run = quorate(&["test", "--backend", backend, "--json", "--rounds", "24", "--seed", "7"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let mut cases = BTreeMap::new();
    for line in run.json() {
        assert_eq!((&line["backend"], &line["failed"], &line["seed"]), (&backend.into(), &0.into(), &7.into()), "{line}");
        assert!(line["variant"].is_string() && line["seconds"].is_number() && line["failures"].is_null());
        let suite = line["suite"].as_str().expect("a name").to_owned();
        assert!(cases.insert(suite, line["cases"].as_u64().expect("a count")).is_none());
    }
    for (suite, expected) in CASES {
        assert_eq!(cases.remove(suite), Some(expected), "{suite}");
    }
    // Beside the random rounds there are some that are always compared.
    assert!(cases.remove("differential").is_some_and(|cases| cases >= 24));
    assert_eq!(cases.remove("order-independence"), Some(24));
    assert!(cases.remove("golden-encodings").is_some_and(|cases| cases > 50));
    assert!(cases.remove("log-conformance").is_some_and(|cases| cases > 2 * 24));
    assert!(cases.remove("bit-flips").is_some_and(|cases| cases > 10_000));
    assert!(cases.remove("golden-directories").is_some_and(|cases| cases > 0));
    assert!(cases.is_empty(), "{cases:?}");
}

#[test]
fn the_cpu_passes_every_suite_and_says_so_a_line_each() {
    passes("cpu");
}

#[test]
fn the_reference_passes_every_suite_and_says_so_a_line_each() {
    passes("reference");
}

#[test]
fn faults_are_found_on_portable_code_too_even_where_they_crash_it() {
    let run = quorate(&["test", "--suite", "planted-fault", "--isa", "portable", "--json"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
}

#[test]
fn disagreements_between_zip_215_and_the_vectors_are_explained() {
    let run = quorate(&["test", "--json", "--suite", "wycheproof-ed25519", "--suite", "speccheck", "--suite", "cctv-ed25519"]);
    let notes: Vec<String> = run.json().iter().map(|line| line["notes"].to_string()).collect();
    assert_eq!(notes.len(), 3);
    assert!(notes[0].contains("tcId 151: Wycheproof says invalid, ZIP-215 says valid"));
    assert!((0..12).all(|case| notes[1].contains(&format!("case {case} is "))));
    assert!(notes[2].contains("88 of the cases flagged reencoded_k are refused"));
}

#[test]
fn a_table_is_for_people() {
    let run = quorate(&["test", "--backend", "go", "--suite", "zip215", "--isa", "portable", "--notes"]);
    assert_eq!(run.code, 0);
    assert!(run.out.starts_with("backend cpu (portable, "), "{}", run.out);
    assert!(run.out.contains("all 196 cases of 1 suite passed in "), "{}", run.out);
}

#[test]
fn the_list_names_every_suite() {
    let run = quorate(&["test", "--list", "--json"]);
    let names: Vec<String> = run.json().iter().map(|line| line["suite"].as_str().expect("a name").to_owned()).collect();
    assert!(names.len() == 18 && CASES.iter().all(|(suite, _)| names.iter().any(|name| name == suite)), "{names:?}");
}

#[test]
fn wrong_names_are_answered_with_the_nearest_right_ones() {
    let cases = [
        (&["--suite", "zip251"][..], "did you mean zip215?"),
        (&["--suite", "wycheproof-ed2551"], "did you mean wycheproof-ed25519?"),
        (&["--suite", "everything"], "the suites are zip215, cctv-ed25519"),
        (&["--backend", "cpi"], "did you mean \"cpu\"?"),
        (&["--backend", "mlx"], "comes in a later version; this one has cpu and reference"),
        (&["--backend", "cuda"], "comes in a later version"),
        (&["--backend", "reference", "--isa", "avx2"], "has no setting \"isa\""),
    ];
    for (arguments, expected) in cases {
        let run = quorate(&[&["test"], arguments].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.reason().contains(expected), "{}", run.reason());
    }
}

#[test]
fn one_name_stands_for_all_suites_of_storage() {
    let run = quorate(&["test", "--suite", "storage", "--json", "--rounds", "100"]);
    let names: Vec<_> = run.json().iter().map(|line| line["suite"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(names, ["crash-points", "bit-flips", "log-conformance", "golden-directories", "enospc"]);
}
