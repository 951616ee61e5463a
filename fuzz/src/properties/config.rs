//! What somebody wrote into a configuration file.

use std::path::Path;

use quorate_node::config::{Loaded, Sources, Syntax, Text, read_text};

use super::said;

/// A configuration, behind a letter that says in which form: what is accepted fits together, and what is shown of it can be read again
/// and says the same.
pub fn config(bytes: &[u8]) {
    let Some((form, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let syntax = match form {
        b't' => Syntax::Toml,
        b'y' => Syntax::Yaml,
        _ => Syntax::Json,
    };
    let Some(loaded) = read(syntax, text) else { return };
    assert_eq!(loaded.config.check(), []);
    let shown: String = loaded.settings.iter().map(|set| format!("{} = {}\n", set.path, set.value)).collect();
    let again = read(Syntax::Toml, &shown).unwrap_or_else(|| panic!("what is shown is refused: {shown}"));
    assert_eq!(again.config, loaded.config);
}

fn read(syntax: Syntax, text: &str) -> Option<Loaded> {
    said(read_text(Some(Text { syntax, file: Path::new("quorate"), text }), &Sources::default()))
}
