//! Running other programs: cargo above all, from the root of the workspace, with errors that say what was run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace. Asked of cargo at run time: target directories are shared between checkouts.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let here = PathBuf::from(here);
    here.ancestors().nth(2).map_or(here.clone(), Path::to_path_buf)
}

/// Where a workspace outside the main one (`fuzz`, `peers`) builds: in the shared target directory, if there is one.
pub(crate) fn target_dir_of(workspace: &str) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(shared) => root().join(shared).join(workspace),
        None => root().join("target").join(workspace),
    }
}

/// A cargo command in the root, without what `cargo run` told this program about itself.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// Runs with the terminal's own output; the error names the command.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(command))) }
}

/// Runs and returns what was printed on standard output; what went wrong is in the error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ended with {}\n{}", shown(command), output.status, said.trim_end()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{} printed something not UTF-8: {error}", shown(command)))
}

/// Whether a program is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = format!("`{}", program.to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text.push('`');
    text
}
