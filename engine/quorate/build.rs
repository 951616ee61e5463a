//! Collects what is many files into tables that the binary embeds: the RFC 6962 vectors, histories, and the golden data directories.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Every file below a folder with a name that fits, in the order of their paths.
fn files(folder: &Path, fits: fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if fits(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../fixtures/vectors/rfc6962").canonicalize()?;
    let mut code = String::new();
    for (table, folder) in [("INCLUSION", "inclusion"), ("CONSISTENCY", "consistency")] {
        let folder = root.join(folder);
        println!("cargo:rerun-if-changed={}", folder.display());
        writeln!(code, "/// Cases by file name.\npub(super) const {table}: &[(&str, &str)] = &[")?;
        for path in files(&folder, |path| path.extension().is_some_and(|extension| extension == "json"))? {
            let name = path.strip_prefix(&root)?.display().to_string();
            writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
        }
        writeln!(code, "];")?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("rfc6962_vectors.rs"), code)?;
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../fixtures/vectors/histories").canonicalize()?;
    println!("cargo:rerun-if-changed={}", root.display());
    let mut code = String::from("/// Histories and verdicts, by path.\nconst FILES: &[(&str, &str)] = &[\n");
    for path in files(&root, |path| path.extension().is_none_or(|extension| extension != "md"))? {
        let name = path.strip_prefix(&root)?.display().to_string();
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("histories.rs"), code)?;
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../fixtures/golden/directories");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut code = String::from("/// Files of golden data directories, by path.\npub(super) const FILES: &[(&str, &[u8])] = &[\n");
    // They are written by the program that embeds them, so there may be none yet.
    for path in if root.is_dir() { files(&root, |_| true)? } else { Vec::new() } {
        let name = path.strip_prefix(&root)?.display().to_string();
        writeln!(code, "    ({name:?}, include_bytes!({:?})),", path.canonicalize()?.display().to_string())?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("golden_directories.rs"), code)?;
    Ok(())
}
