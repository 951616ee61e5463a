//! What a file and the environment say, key by key, before anything is made of it.
//!
//! Everything that is wrong is noted and the rest is read on, so that one run tells all. A key whose value, or whose name, is wrong is
//! remembered as broken: what only follows from that is not told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::keys::{self, KEYS, Meaning};
use super::members::Item;
use super::origin::{Origin, Remark};
use super::shape::{Base, Setting, meant};
use super::text::{Entry, Mark, Node, Value};

/// So many mistakes of one file are told.
const PROBLEMS_MAX: usize = 1000;

/// A value, where it came from, and the name that it had there.
#[derive(Clone, Debug)]
pub(super) struct Given {
    setting: Setting,
    origin: Origin,
    name: String,
}

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Draft {
    given: BTreeMap<&'static str, Given>,
    broken: BTreeSet<&'static str>,
    file: Option<Arc<str>>,
    pub(super) problems: Vec<Remark>,
    pub(super) notes: Vec<Remark>,
}

impl Draft {
    /// Takes in a file.
    pub(super) fn add_file(&mut self, file: Arc<str>, entries: &[Entry], base: Base<'_>) {
        self.file = Some(file);
        self.add_entries("", entries, base);
    }

    fn add_entries(&mut self, section: &str, entries: &[Entry], base: Base<'_>) {
        for Entry { key, at, node } in entries {
            // Nobody reads on; and each wrong name is held against all right ones.
            if self.problems.len() >= PROBLEMS_MAX {
                return;
            }
            let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            let what = match (keys::meaning(&path), &node.value) {
                (Meaning::Key { key, milliseconds }, _) => {
                    self.add_value(key, milliseconds, path, *at, node, base);
                    continue;
                }
                (Meaning::Nothing(why), _) => {
                    self.notes.push(Remark { origin: self.at(*at), what: format!("{path} has no effect in this version: {why}") });
                    continue;
                }
                (Meaning::Section, Value::Table(entries)) => {
                    self.add_entries(&path, entries, base);
                    continue;
                }
                (Meaning::Section, Value::Null) => continue,
                (Meaning::Section, value) => format!("{path} is {}; expected a section with settings in it", value.shown()),
                (Meaning::Unknown(near), value) => {
                    let beside =
                        |near: &str| if near.contains('.') || section.is_empty() { near.into() } else { format!("{section}.{near}") };
                    if let Some(Meaning::Key { key, .. }) = near.as_deref().map(|near| keys::meaning(&beside(near))) {
                        self.broken.insert(key.path);
                    }
                    let kind = if matches!(value, Value::Table(_)) { "section" } else { "setting" };
                    format!("{path} is no {kind}{}", meant(near))
                }
            };
            self.problems.push(Remark { origin: self.at(*at), what });
        }
    }

    fn add_value(&mut self, key: &'static keys::Key, milliseconds: bool, name: String, at: Mark, node: &Node, base: Base<'_>) {
        if node.value == Value::Null {
            return;
        }
        let origin = self.at(at);
        if let Some(before) = self.given.get(key.path) {
            let what = if before.name == name {
                format!("{name} is set twice; {} has it already", before.origin)
            } else {
                format!("{name} is set twice: it means the same as {}, which is at {}", before.name, before.origin)
            };
            self.problems.push(Remark { origin, what });
            return;
        }
        match key.shape.read(&name, milliseconds, node, base) {
            Ok(setting) => {
                self.given.insert(key.path, Given { setting, origin, name });
            }
            Err(wrong) => {
                self.broken.insert(key.path);
                let remarks = wrong.into_iter().map(|wrong| Remark { origin: self.at(wrong.at), what: wrong.what });
                let remarks: Vec<Remark> = remarks.collect();
                self.problems.extend(remarks);
            }
        }
    }

    /// Takes in the environment, which overrides the file.
    pub(super) fn add_environment(&mut self, environment: &BTreeMap<String, String>, base: Base<'_>) {
        for key in KEYS {
            let set = |name: &&&str| environment.get(**name).is_some_and(|value| !value.is_empty());
            let Some(&variable) = key.environment.iter().find(set) else { continue };
            let node = Node { at: Mark { line: 1, column: 1 }, value: key.shape.of_text(&environment[variable]) };
            let origin = Origin::Environment(variable.to_owned());
            self.broken.remove(key.path);
            match key.shape.read(key.path, false, &node, base) {
                Ok(setting) => {
                    self.given.insert(key.path, Given { setting, origin, name: variable.to_owned() });
                }
                Err(wrong) => {
                    self.broken.insert(key.path);
                    self.problems.extend(wrong.into_iter().map(|wrong| Remark { origin: origin.clone(), what: wrong.what }));
                }
            }
        }
        let known = |name: &str| KEYS.iter().any(|key| key.environment.contains(&name));
        for name in environment.keys().filter(|name| name.starts_with("QUORATE_") && !known(name)) {
            if let Some(near) = keys::nearest_variable(name) {
                let what = format!("it is no setting (did you mean {near}?)");
                self.notes.push(Remark { origin: Origin::Environment(name.clone()), what });
            }
        }
    }

    /// Somewhere in the file.
    fn at(&self, mark: Mark) -> Origin {
        self.file.clone().map_or(Origin::Default, |file| Origin::File { file, mark: Some(mark) })
    }

    /// Where a key's value came from.
    pub(super) fn origin(&self, path: &str) -> Origin {
        self.given.get(path).map_or(Origin::Default, |given| given.origin.clone())
    }

    /// Says that something is wrong with these keys, at the first of them that is anywhere, unless one of them is broken already.
    pub(super) fn refuse(&mut self, keys: &[&'static str], what: impl Into<String>) {
        if keys.iter().any(|key| self.broken.contains(key)) {
            return;
        }
        let whole = self.file.clone().map_or(Origin::Default, |file| Origin::File { file, mark: None });
        let origin = keys.iter().find_map(|key| self.given.get(key)).map_or(whole, |given| given.origin.clone());
        self.problems.push(Remark { origin, what: what.into() });
    }

    /// Says something about a key that is no mistake.
    pub(super) fn note(&mut self, path: &'static str, what: impl Into<String>) {
        self.notes.push(Remark { origin: self.origin(path), what: what.into() });
    }

    /// Remembers that what follows from this key is not worth telling.
    pub(super) fn break_off(&mut self, path: &'static str) {
        self.broken.insert(path);
    }

    pub(super) fn is_broken(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.broken.contains(path))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.given.contains_key(path)
    }

    fn setting(&self, path: &str) -> Option<&Setting> {
        debug_assert!(KEYS.iter().any(|key| key.path == path), "{path} is a key");
        self.given.get(path).map(|given| &given.setting)
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        match self.setting(path)? {
            Setting::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        match self.setting(path)? {
            Setting::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn count(&self, path: &str) -> Option<u64> {
        match self.setting(path)? {
            Setting::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// A number that is an amount of memory or of things in it.
    pub(super) fn size(&self, path: &str) -> Option<usize> {
        self.count(path).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    pub(super) fn duration(&self, path: &str) -> Option<Duration> {
        match self.setting(path)? {
            Setting::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn address(&self, path: &str) -> Option<Address> {
        match self.setting(path)? {
            Setting::Address(address) => Some(address.clone()),
            _ => None,
        }
    }

    /// Whether a listener is switched off.
    pub(super) fn is_off(&self, path: &str) -> bool {
        self.setting(path) == Some(&Setting::Off)
    }

    pub(super) fn path(&self, path: &str) -> Option<PathBuf> {
        match self.setting(path)? {
            Setting::Path(path) => Some(path.clone()),
            _ => None,
        }
    }

    pub(super) fn members(&self, path: &str) -> Option<Vec<Item>> {
        match self.setting(path)? {
            Setting::Members(items) => Some(items.clone()),
            _ => None,
        }
    }
}
