//! `cargo xtask bench <suite>`: the engine beside its rivals, measured by the workspace in `benches/peers`.

use crate::cli::Options;
use crate::nearest::nearest;
use crate::shell;

const SUITES: &[&str] = &["cpu", "storage"];

/// Builds the rivals' workspace and runs one suite of it, its output passed through.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let suites = SUITES.join(", ");
    let Some(suite) = options.word.as_deref() else {
        return Err(format!("which suite? There is: {suites}. For example: cargo xtask bench cpu"));
    };
    if !SUITES.contains(&suite) {
        let near = nearest(suite, SUITES.iter().copied()).map(|near| format!(" Did you mean {near}?"));
        return Err(format!("there is no suite `{suite}`; there is: {suites}.{}", near.unwrap_or_default()));
    }
    let mut command = shell::cargo(&["run", "--release", "--locked", "--quiet", "--manifest-path"]);
    command.arg(shell::root().join("benches/peers/Cargo.toml"));
    command.arg("--target-dir").arg(shell::target_dir_of("peers")).args(["--", suite]);
    if options.json {
        command.arg("--json");
    }
    // A figure must not depend on what somebody keeps in the environment: default build flags for all sides.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    shell::run(&mut command)
}
