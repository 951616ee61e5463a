//! The runs of some seeds are pinned: the same in debug and release builds, on every machine, with every backend.
//!
//! A change of the protocol, the storage or the world changes them. If that is meant, write them anew with
//! `QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-sim --test golden`.

use std::fmt::Write as _;
use std::path::Path;

use quorate_sim::{Backend, Options, Plan, World};

const SEEDS: [(u64, u16); 4] = [(1, 5), (2, 3), (3, 5), (7, 4)];

fn auditors(backend: Backend) -> String {
    let mut out = String::from("# seed, servers, events, auditor; how to write them anew stands in golden.rs\n");
    for (seed, servers) in SEEDS {
        let mut world = World::new(&Plan::from_seed(seed, &Options { servers, backend, ..Options::default() }));
        while world.step() {}
        let hash = world.auditor().iter().fold(String::new(), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        let _ = writeln!(out, "{seed} {servers} {} {hash}", world.events());
    }
    out
}

#[test]
fn pinned_seeds_play_the_runs_that_they_always_did() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/auditors.txt");
    let played = auditors(Backend::Reference);
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &played).expect("the file can be written");
    }
    let pinned = std::fs::read_to_string(&path).expect("tests/auditors.txt is in the repository");
    assert_eq!(played, pinned, "these runs have changed; if that is meant, write them anew");
    assert_eq!(auditors(Backend::Cpu), pinned);
}
