//! Backends by name: those of this crate, and whatever a program adds.
//!
//! A configuration names a backend and gives it a section of its own; the registry finds the factory and hands it the section. A
//! name has aliases, so that the configurations of earlier engines keep working: `go`, `c` and `cpp` mean `cpu`, `mlx` means `wgpu`.
//! `best` (or `hybrid`) means the first of [`Registry::PREFERENCE`] that is here. A name or a key that is wrong is answered with the
//! nearest right one.

use serde_json::Value;
use thiserror::Error;

use crate::backend::{Backend, BackendError};
use crate::cpu::{Cpu, Settings};
use crate::ed25519::Isa;
use crate::reference::Reference;

/// Makes a backend from its section of a configuration; [`Value::Null`] where there is none.
pub type Factory = Box<dyn Fn(&Value) -> Result<Box<dyn Backend>, RegistryError> + Send + Sync>;

/// Why there is no backend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// Nothing has this name.
    #[error("no backend is called {name:?}{}; there are {}", meant(.nearest.as_deref()), listed(.present))]
    Unknown {
        /// The name.
        name: String,
        /// The right name that looks most like it.
        nearest: Option<String>,
        /// Every name that is right.
        present: Vec<String>,
    },
    /// The name is right, and the backend does not exist yet.
    #[error("backend {backend:?}, which {name:?} names, comes in a later version; this one has {}", listed(.present))]
    Later {
        /// The name that was asked for.
        name: String,
        /// The backend that it stands for.
        backend: String,
        /// What there is.
        present: Vec<String>,
    },
    /// The section has a key that means nothing.
    #[error("backend {backend:?} has no setting {key:?}{}; there are {}", meant(.nearest.as_deref()), listed(.known))]
    Key {
        /// The backend.
        backend: String,
        /// The key.
        key: String,
        /// The right key that looks most like it.
        nearest: Option<String>,
        /// Every key that is right.
        known: Vec<String>,
    },
    /// The section has a value that cannot be.
    #[error("setting {key:?} of backend {backend:?} is {found}; expected {expected}")]
    Value {
        /// The backend.
        backend: String,
        /// The key; empty for the section itself.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// The name belongs to another backend already.
    #[error("a backend called {0:?} is registered already; choose another name")]
    Taken(String),
    /// The backend could not be started.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Backends by name.
pub struct Registry {
    entries: Vec<(String, Factory)>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// What `best` means: the first of these that is here.
    pub const PREFERENCE: [&str; 4] = ["cuda", "wgpu", "cpu", "reference"];

    /// Other names, and what they mean.
    pub const ALIASES: [(&str, &str); 4] = [("go", "cpu"), ("c", "cpu"), ("cpp", "cpu"), ("mlx", "wgpu")];

    /// Names for the best backend that is here.
    pub const BEST: [&str; 2] = ["hybrid", "best"];

    /// The backends of this crate.
    #[must_use]
    pub fn new() -> Self {
        let reference: Factory = Box::new(|section| {
            check_keys(Reference::NAME, section, &[])?;
            Ok(Box::new(Reference::new()))
        });
        let cpu: Factory = Box::new(|section| Ok(Box::new(Cpu::new(cpu_settings(section)?)?)));
        Self { entries: vec![(Cpu::NAME.into(), cpu), (Reference::NAME.into(), reference)] }
    }

    /// Adds a backend from outside this crate.
    ///
    /// # Errors
    /// If the name, or an alias, means something already.
    pub fn register(&mut self, name: impl Into<String>, factory: Factory) -> Result<(), RegistryError> {
        let name = name.into();
        let alias = Self::BEST.contains(&name.as_str()) || Self::ALIASES.iter().any(|(alias, _)| *alias == name);
        if alias || self.entries.iter().any(|(known, _)| *known == name) {
            return Err(RegistryError::Taken(name));
        }
        self.entries.push((name, factory));
        Ok(())
    }

    /// The names of the backends that are here.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The backend that a name means.
    ///
    /// # Errors
    /// If it means none, or one that does not exist yet.
    pub fn resolve(&self, name: &str) -> Result<&str, RegistryError> {
        let find = |wanted: &str| self.names().find(|known| *known == wanted);
        if Self::BEST.contains(&name) {
            return Self::PREFERENCE.into_iter().find_map(find).ok_or_else(|| self.unknown(name));
        }
        let meant = Self::ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, meant)| meant);
        if let Some(found) = find(meant) {
            return Ok(found);
        }
        if Self::PREFERENCE.contains(&meant) {
            return Err(RegistryError::Later { name: name.into(), backend: meant.into(), present: self.present() });
        }
        Err(self.unknown(name))
    }

    /// Makes the backend that a name means, with its section of the configuration.
    ///
    /// # Errors
    /// If the name or the section is wrong, or if the backend does not start.
    pub fn create(&self, name: &str, section: &Value) -> Result<Box<dyn Backend>, RegistryError> {
        let meant = self.resolve(name)?;
        let factory = self.entries.iter().find(|(known, _)| known == meant).map(|(_, factory)| factory);
        factory.ok_or_else(|| self.unknown(name))?(section)
    }

    fn present(&self) -> Vec<String> {
        self.names().map(String::from).collect()
    }

    fn unknown(&self, name: &str) -> RegistryError {
        let aliases = Self::ALIASES.iter().map(|(alias, _)| *alias);
        let near = nearest(name, self.names().chain(Self::BEST).chain(aliases).chain(Self::PREFERENCE));
        RegistryError::Unknown { name: name.into(), nearest: near.map(String::from), present: self.present() }
    }
}

/// Checks that a section is a table with no keys but these.
///
/// # Errors
/// If it is not, with the nearest right key.
pub fn check_keys(backend: &str, section: &Value, known: &[&str]) -> Result<(), RegistryError> {
    let table = match section {
        Value::Null => return Ok(()),
        Value::Object(table) => table,
        other => return Err(wrong(backend, "", other, "a table of settings")),
    };
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(RegistryError::Key {
            backend: backend.into(),
            key: key.clone(),
            nearest: nearest(key, known.iter().copied()).map(String::from),
            known: known.iter().map(|&key| key.into()).collect(),
        }),
    }
}

fn cpu_settings(section: &Value) -> Result<Settings, RegistryError> {
    check_keys(Cpu::NAME, section, &["threads", "isa", "key_table_bytes"])?;
    let mut settings = Settings::default();
    let number = |key: &'static str, most: u64| match &section[key] {
        Value::Null => Ok(None),
        value => match value.as_u64().filter(|&number| number <= most).and_then(|number| usize::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(Cpu::NAME, key, value, &format!("a number from 0 to {most}"))),
        },
    };
    settings.threads = number("threads", 1024)?.unwrap_or(settings.threads);
    settings.key_table_bytes = number("key_table_bytes", 1 << 40)?.unwrap_or(settings.key_table_bytes);
    let isa = &section["isa"];
    if !isa.is_null() {
        let known = Isa::available().iter().find(|known| isa.as_str() == Some(known.name()));
        let names: Vec<String> = Isa::available().iter().map(|known| known.name().into()).collect();
        settings.isa = *known.ok_or_else(|| wrong(Cpu::NAME, "isa", isa, &format!("one that this machine has: {}", listed(&names))))?;
    }
    Ok(settings)
}

fn wrong(backend: &str, key: &str, found: &Value, expected: &str) -> RegistryError {
    RegistryError::Value { backend: backend.into(), key: key.into(), found: found.to_string(), expected: expected.into() }
}

/// The name that looks most like the wanted one, if any looks like it: at most a third of it has to be changed.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let most = wanted.chars().count().div_ceil(3);
    names
        .into_iter()
        .map(|name| (edits(&wanted, name), name))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// How many characters must be added, removed, replaced or swapped with their neighbour to make one text the other.
fn edits(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(name: &str, section: Value) -> String {
        Registry::new().create(name, &section).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_name_leads_to_its_backend() {
        let registry = Registry::new();
        for (name, meant) in
            [("cpu", "cpu"), ("go", "cpu"), ("c", "cpu"), ("cpp", "cpu"), ("hybrid", "cpu"), ("best", "cpu"), ("reference", "reference")]
        {
            assert_eq!(registry.resolve(name), Ok(meant));
            assert_eq!(registry.create(name, &Value::Null).unwrap().descriptor().name, meant);
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_right_one() {
        assert_eq!(refusal("cpi", Value::Null), r#"no backend is called "cpi" (did you mean "cpu"?); there are cpu and reference"#);
        assert_eq!(refusal("zebra", Value::Null), r#"no backend is called "zebra"; there are cpu and reference"#);
        assert!(refusal("refrence", Value::Null).contains(r#"(did you mean "reference"?)"#));
    }

    #[test]
    fn a_backend_that_does_not_exist_yet_says_so() {
        let expected = r#"backend "wgpu", which "mlx" names, comes in a later version; this one has cpu and reference"#;
        assert_eq!(refusal("mlx", Value::Null), expected);
        assert!(refusal("cuda", Value::Null).contains("later version"));
    }

    #[test]
    fn a_section_is_checked_key_by_key() {
        let expected = r#"backend "cpu" has no setting "thread" (did you mean "threads"?); there are threads, isa and key_table_bytes"#;
        assert_eq!(refusal("cpu", json!({ "thread": 2 })), expected);
        assert_eq!(refusal("reference", json!({ "isa": "avx2" })), r#"backend "reference" has no setting "isa"; there are none"#);
        assert!(refusal("cpu", json!({ "threads": -1 })).ends_with("is -1; expected a number from 0 to 1024"));
        assert!(refusal("cpu", json!({ "isa": "sse9" })).contains("one that this machine has: portable"));
        assert!(refusal("cpu", json!([1])).ends_with("is [1]; expected a table of settings"));
        let backend = Registry::new().create("cpu", &json!({ "threads": 1, "isa": "portable", "key_table_bytes": 0 })).unwrap();
        assert_eq!((backend.descriptor().threads, backend.descriptor().variant.as_str()), (1, "portable"));
    }

    #[test]
    fn a_backend_from_outside_has_its_name_and_can_be_the_best() {
        let mut registry = Registry::new();
        let make = || -> Factory { Box::new(|_| Ok(Box::new(Reference::new()))) };
        for taken in ["cpu", "go", "best"] {
            assert_eq!(registry.register(taken, make()), Err(RegistryError::Taken(taken.into())));
        }
        registry.register("wgpu", make()).unwrap();
        assert_eq!((registry.resolve("mlx"), registry.resolve("best")), (Ok("wgpu"), Ok("wgpu")));
        assert_eq!(registry.names().collect::<Vec<_>>(), ["cpu", "reference", "wgpu"]);
    }
}
