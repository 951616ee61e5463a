//! The pinned encodings are those of this build. How to write them anew stands in `quorate::suites::golden_encodings`.

use std::path::Path;

#[test]
fn golden_encodings_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/encodings.json");
    let written = quorate::suites::golden_encodings::written().expect("samples can be made");
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &written).expect("the fixtures can be written");
    }
    let pinned = std::fs::read_to_string(&path).expect("fixtures/golden/encodings.json is in the repository");
    assert!(pinned == written, "an encoding has changed: if that is meant, raise its version and write the file anew");
}
