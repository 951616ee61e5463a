//! The pinned encodings and data directories are those of this build. How to write them anew stands in `quorate::suites`, under
//! `golden_encodings` and `golden_directories`.

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

#[test]
fn the_golden_directory_of_this_format_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/directories");
    for (name, bytes) in quorate::suites::golden_directories::written().expect("a directory can be made") {
        let path = root.join(&name);
        if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().expect("it is below the root")).expect("the fixtures can be written");
            std::fs::write(&path, &bytes).expect("the fixtures can be written");
        }
        let pinned = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let free = name.ends_with(&format!("/{}", quorate::suites::golden_directories::STATE));
        assert!(
            free || pinned == bytes,
            "{name} has changed: if that is meant, raise the format and keep the old directory beside the new one"
        );
    }
}
