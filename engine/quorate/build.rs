//! Collects the RFC 6962 vectors, which are many small files, into two tables that the binary embeds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Every JSON file below a folder, in the order of their paths.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
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
        for path in files(&folder)? {
            let name = path.strip_prefix(&root)?.display().to_string();
            writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
        }
        writeln!(code, "];")?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("rfc6962_vectors.rs"), code)?;
    Ok(())
}
