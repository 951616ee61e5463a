//! Every crate in every lockfile has a licence that we may live with, and none was taken back by its author.
//!
//! Security advisories are not covered: their database lives outside of the crate registry.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::registry::{self, Yanks};
use crate::{shell, spdx};

/// The workspaces, each with a lockfile of its own.
pub(crate) const WORKSPACES: &[&str] = &[".", "fuzz", "benches/peers"];

/// Licences that ask for no more than a notice, and those that ask for nothing.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    // Asks for the source of changed files of its own, and nothing of what links them. Persistent maps come under it.
    "MPL-2.0",
    "MPL-2.0+",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates of the registry that name no SPDX licence, each with the licence that a person read in its files.
const READ_BY_A_PERSON: &[(&str, &str)] = &[];

/// A crate as a lockfile pins it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pinned {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The whole check. Returns what was looked at.
pub(crate) fn run() -> Result<String, String> {
    let mut licences = BTreeMap::new();
    for workspace in WORKSPACES {
        let manifest = shell::root().join(workspace).join("Cargo.toml");
        let manifest = manifest.to_string_lossy();
        let arguments = ["metadata", "--locked", "--format-version", "1", "--manifest-path", &manifest];
        licences.extend(licences_of(&shell::output(&mut shell::cargo(&arguments))?)?);
    }
    let mut wrong: Vec<String> = licences.iter().filter_map(|(pinned, licence)| refusal(pinned, licence.as_deref())).collect();
    let about_yanks = match registry::yanked(&licences.keys().cloned().collect::<Vec<_>>()) {
        Yanks::Unknown(why) => format!("not asked whether any was yanked: {why}"),
        Yanks::Known(yanked) => {
            wrong.extend(yanked.iter().map(|Pinned { name, version }| {
                format!("{name} {version} was yanked; run `cargo update --package {name}` in its workspace")
            }));
            "none yanked".to_owned()
        }
    };
    if wrong.is_empty() { Ok(format!("{} crates under allowed licences; {about_yanks}", licences.len())) } else { Err(wrong.join("\n")) }
}

/// The crates from the registry, with what each says of its licence.
fn licences_of(metadata: &str) -> Result<BTreeMap<Pinned, Option<String>>, String> {
    let metadata: Value = serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let foreign = packages.iter().filter(|package| !package["source"].is_null());
    Ok(foreign
        .filter_map(|package| Some((text(&package["name"])?, text(&package["version"])?, text(&package["license"]))))
        .map(|(name, version, licence)| (Pinned { name, version }, licence))
        .collect())
}

fn refusal(pinned: &Pinned, licence: Option<&str>) -> Option<String> {
    let Pinned { name, version } = pinned;
    let read = READ_BY_A_PERSON.iter().find(|(known, _)| known == name).map(|&(_, licence)| licence);
    let Some(licence) = licence.or(read) else {
        return Some(format!("{name} {version} names no licence"));
    };
    match spdx::permits(licence, &|name| ALLOWED.contains(&name)) {
        Ok(true) => None,
        Ok(false) => Some(format!("{name} {version} is under {licence}, which is not on the list of allowed licences")),
        Err(error) => Some(format!("{name} {version}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned() -> Pinned {
        Pinned { name: "x".to_owned(), version: "1.0.0".to_owned() }
    }

    #[test]
    fn a_licence_off_the_list_a_missing_one_and_a_riddle_are_refused() {
        assert_eq!(refusal(&pinned(), Some("(MIT OR Apache-2.0) AND NCSA")), None);
        assert!(refusal(&pinned(), Some("GPL-3.0-only")).unwrap().contains("GPL-3.0-only"));
        assert!(refusal(&pinned(), None).unwrap().contains("names no licence"));
        assert!(refusal(&pinned(), Some("see file")).unwrap().contains("SPDX"));
    }

    #[test]
    fn only_crates_from_a_registry_are_asked() {
        let metadata = r#"{"packages":[{"name":"ours","version":"0.1.0","source":null,"license":null},
            {"name":"x","version":"1.0.0","source":"registry+x","license":"MIT"}]}"#;
        assert_eq!(licences_of(metadata).unwrap(), BTreeMap::from([(pinned(), Some("MIT".to_owned()))]));
    }
}
