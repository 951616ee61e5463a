//! The rules of the house that neither rustfmt nor clippy knows.
//!
//! A reader should find a thing by its name, learn from a module's first lines what it is for, and never scroll
//! through a thousand lines or past a forgotten `dbg!`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

const COLUMNS_MAX: usize = 140;
const LINES_MAX: usize = 700;

/// Folders with Rust sources; those that do not exist yet are passed over.
const PLACES: &[&str] = &["engine", "ml", "monitor-app", "benches", "fuzz"];

/// Macros that mean "not finished". Put together here, so that this file is not caught by itself.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("dbg", "!("), concat!("unimplemented", "!(")];

/// The crates whose SIMD or GPU code needs `unsafe`; each block there says why it is sound.
const UNSAFE_ALLOWED: &[&str] = &["engine/pipeline"];

/// The whole check. Returns what was looked at.
pub(crate) fn run() -> Result<String, String> {
    let root = shell::root();
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for place in PLACES.iter().filter(|place| root.join(place).is_dir()) {
        for source in sources_in(&root.join(place))? {
            let text = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
            let name = source.strip_prefix(&root).unwrap_or(&source).to_string_lossy().replace('\\', "/");
            wrong.extend(faults(&name, &text));
            looked_at += 1;
        }
    }
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    wrong.extend(unmapped(&map, &folders_in(&root.join("engine"))?));
    if wrong.is_empty() { Ok(format!("{looked_at} sources keep the rules of the house")) } else { Err(wrong.join("\n")) }
}

/// Every Rust source below a folder, build outputs left out, in a fixed order.
pub(crate) fn sources_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                let skipped = path.file_name().is_some_and(|name| name == "target" || name == "node_modules");
                if !skipped {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn folders_in(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// What is wrong with one source. `name` is its path from the root.
fn faults(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            wrong.push(format!("{name}:{number}: {columns} columns; at most {COLUMNS_MAX}"));
        }
        let code = line.split("//").next().unwrap_or_default();
        wrong.extend(
            UNFINISHED
                .iter()
                .filter(|unfinished| code.contains(**unfinished))
                .map(|unfinished| format!("{name}:{number}: {} is for work in progress", unfinished.trim_end_matches('('))),
        );
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        wrong.push(format!("{name}: {lines} lines; at most {LINES_MAX}. Split it by what its parts are for"));
    }
    if !text.starts_with("//!") {
        wrong.push(format!("{name}:1: open with `//!`: what is this module for, and which rule does it keep?"));
    }
    let is_crate_root = name.ends_with("src/lib.rs") || name.ends_with("src/main.rs");
    let may_be_unsafe = UNSAFE_ALLOWED.iter().any(|folder| name.starts_with(&format!("{folder}/")));
    if is_crate_root && !may_be_unsafe && !text.contains("#![forbid(unsafe_code)]") {
        wrong.push(format!("{name}: a crate without SIMD or GPU code says #![forbid(unsafe_code)]"));
    }
    wrong
}

fn unmapped(map: &str, folders: &[String]) -> Vec<String> {
    let named = |folder: &String| map.contains(&format!("engine/{folder}")) || map.contains(&format!("`{folder}/`"));
    folders.iter().filter(|folder| !named(folder)).map(|folder| format!("ARCHITECTURE.md does not name engine/{folder}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_module_has_no_faults() {
        assert!(faults("engine/core/src/lib.rs", "//! Ids.\n#![forbid(unsafe_code)]\n").is_empty());
        assert!(faults("engine/pipeline/src/lib.rs", "//! Stages.\n").is_empty());
        assert!(faults("engine/core/src/ids.rs", "//! Ids.\n// a note on todo!() is fine\n").is_empty());
    }

    #[test]
    fn each_fault_is_caught() {
        let one = |name: &str, text: &str| {
            let found = faults(name, text);
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].clone()
        };
        assert!(one("engine/a.rs", "fn f() {}\n").contains("open with"));
        assert!(one("engine/a.rs", &format!("//! {}\n", "x".repeat(COLUMNS_MAX))).contains("columns"));
        assert!(one("engine/a.rs", &format!("//! x\n{}", "\n".repeat(LINES_MAX))).contains("lines"));
        assert!(one("engine/core/src/lib.rs", "//! x\n").contains("unsafe"));
        for unfinished in UNFINISHED {
            assert!(one("engine/a.rs", &format!("//! x\nfn f() {{ {unfinished}) }}\n")).contains("progress"));
        }
    }

    #[test]
    fn the_map_must_name_every_folder() {
        let folders = ["core".to_owned(), "pipeline".to_owned()];
        assert_eq!(unmapped("engine/core holds the ids", &folders).len(), 1);
        assert!(unmapped("`core/` and `pipeline/`", &folders).is_empty());
    }
}
