//! The crates of the workspace, as `cargo metadata` tells of them: where each lives and what it asks for.

use serde_json::Value;

use crate::shell;

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// From the root, as in `engine/core`.
    pub(crate) folder: String,
    pub(crate) needs: Vec<Need>,
}

/// One line of a crate's dependencies.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: String,
    /// From the root, when it is a crate of this repository.
    pub(crate) folder: Option<String>,
    /// `normal`, `dev` or `build`.
    pub(crate) kind: String,
}

/// Every crate of the main workspace.
pub(crate) fn members() -> Result<Vec<Member>, String> {
    let text = shell::output(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    parse(&text)
}

fn parse(metadata: &str) -> Result<Vec<Member>, String> {
    let metadata: Value = serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let root = metadata["workspace_root"].as_str().unwrap_or_default().to_owned();
    let from_root = |path: &str| path.strip_prefix(&root).map(|rest| rest.trim_matches(['/', '\\']).replace('\\', "/"));
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().ok_or("cargo metadata: a package without a name")?;
            let manifest = package["manifest_path"].as_str().unwrap_or_default();
            let folder = from_root(manifest.trim_end_matches("Cargo.toml"))
                .ok_or_else(|| format!("{name} lives outside of the workspace, at {manifest}"))?;
            let needs = package["dependencies"].as_array().into_iter().flatten().map(|need| Need {
                name: need["name"].as_str().unwrap_or_default().to_owned(),
                folder: need["path"].as_str().and_then(from_root),
                kind: need["kind"].as_str().unwrap_or("normal").to_owned(),
            });
            Ok(Member { name: name.to_owned(), folder, needs: needs.collect() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn metadata_becomes_members_with_folders_from_the_root() {
        let members = super::parse(
            r#"{"workspace_root":"/w","packages":[{"name":"quorate-core","manifest_path":"/w/engine/core/Cargo.toml",
            "dependencies":[{"name":"x","kind":null},{"name":"y","kind":"dev","path":"/w/engine/y"}]}]}"#,
        )
        .unwrap();
        assert_eq!(members[0].folder, "engine/core");
        assert_eq!((members[0].needs[0].kind.as_str(), members[0].needs[0].folder.as_deref()), ("normal", None));
        assert_eq!(members[0].needs[1].folder.as_deref(), Some("engine/y"));
        assert!(super::parse(r#"{"workspace_root":"/w","packages":[{"name":"z","manifest_path":"/v/Cargo.toml"}]}"#).is_err());
    }
}
