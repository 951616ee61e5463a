//! Where a configuration is looked for, and reading it.
//!
//! In this order: the file that the command line names; the one that `QUORATE_CONFIG` names (or `LUX_CONSENSUS_CONFIG`); `quorate.toml`,
//! `quorate.yaml`, `quorate.yml`, `quorate.json` or `consensus.json` in the current directory, in `~/.quorate`, in `/etc/quorate`; at last,
//! where earlier engines had theirs, `~/.lux/consensus.json` and `/etc/lux/consensus.json`. The first that is there counts, alone. Single
//! keys are overridden by the environment. Where there is no file, the defaults are a cluster of one on this machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::build::build;
use super::draft::Draft;
use super::keys::KEYS;
use super::origin::{ConfigError, Origin, Remark};
use super::shape::Base;
use super::text::{self, BYTES, Syntax};
use super::{Config, shown};

/// The names that a file may have.
const NAMES: [&str; 5] = ["quorate.toml", "quorate.yaml", "quorate.yml", "quorate.json", "consensus.json"];
/// What names a file in the environment.
const VARIABLES: [&str; 2] = ["QUORATE_CONFIG", "LUX_CONSENSUS_CONFIG"];

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that the command line names.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The current directory.
    pub directory: PathBuf,
    /// The user's directory.
    pub home: Option<PathBuf>,
    /// The system's directory of configurations.
    pub system: PathBuf,
}

impl Sources {
    /// Where this process looks.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let environment: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let home = environment.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Self { file, environment, directory: PathBuf::new(), home, system: PathBuf::from("/etc") }
    }

    /// The file to read, if there is one, and others that would have been read if it were not there.
    fn choose(&self) -> (Option<PathBuf>, Vec<PathBuf>) {
        let variable = VARIABLES.iter().find_map(|name| self.environment.get(*name).filter(|path| !path.is_empty()));
        if let Some(file) = self.file.clone().or_else(|| variable.map(PathBuf::from)) {
            return (Some(file), Vec::new());
        }
        let home = |folder: &str| self.home.as_ref().map(|home| home.join(folder));
        let places = [Some(self.directory.clone()), home(".quorate"), Some(self.system.join("quorate"))];
        let mut candidates: Vec<PathBuf> = Vec::new();
        for place in places.iter().flatten() {
            candidates.extend(NAMES.map(|name| place.join(name)));
        }
        candidates.extend([home(".lux"), Some(self.system.join("lux"))].into_iter().flatten().map(|place| place.join("consensus.json")));
        let mut present = candidates.into_iter().filter(|path| path.is_file());
        let chosen = present.next();
        let folder = chosen.as_ref().and_then(|chosen| chosen.parent()).map(Path::to_path_buf);
        (chosen, present.filter(|path| path.parent().map(Path::to_path_buf) == folder).collect())
    }
}

/// A configuration, and how it came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Every key that has a value, its value, and where that came from.
    pub settings: Vec<Set>,
    /// What is no mistake and worth knowing: keys without effect, names that look like slips.
    pub notes: Vec<Remark>,
}

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The key.
    pub path: &'static str,
    /// Its value, as a file would have it.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Looks up and reads the configuration.
///
/// # Errors
/// With everything that is wrong.
pub fn read(sources: &Sources) -> Result<Loaded, ConfigError> {
    let (file, others) = sources.choose();
    let Some(path) = file else { return read_text(None, sources) };
    let name: Arc<str> = path.display().to_string().into();
    let whole = |what: String| ConfigError { problems: vec![Remark { origin: Origin::File { file: name.clone(), mark: None }, what }] };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let syntax = Syntax::of(extension).ok_or_else(|| whole("its name ends otherwise; expected .toml, .yaml, .yml or .json".into()))?;
    let text = text_of(&path).map_err(|error| whole(format!("it cannot be read: {error}")))?;
    let mut loaded = read_text(Some(Text { syntax, file: &path, text: &text }), sources)?;
    for other in others {
        let what = format!("it is there, too, and not read: {} comes first", path.display());
        loaded.notes.push(Remark { origin: Origin::File { file: other.display().to_string().into(), mark: None }, what });
    }
    Ok(loaded)
}

/// A file's text; one byte more than is allowed is enough to know that it is too long.
fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// A file that was read.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its form.
    pub syntax: Syntax,
    /// Its name. Paths in it begin at its directory.
    pub file: &'a Path,
    /// What it says.
    pub text: &'a str,
}

/// Makes a configuration of what a file says, and the environment. No disk is touched.
///
/// # Errors
/// With everything that is wrong.
pub fn read_text(file: Option<Text<'_>>, sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut draft = Draft::default();
    let home = sources.home.as_deref();
    if let Some(Text { syntax, file, text }) = file {
        let name: Arc<str> = file.display().to_string().into();
        let entries = text::tree(syntax, text).map_err(|flaws| {
            let remark = |flaw: text::Flaw| Remark { origin: Origin::File { file: name.clone(), mark: Some(flaw.at) }, what: flaw.what };
            ConfigError { problems: flaws.into_iter().map(remark).collect() }
        })?;
        draft.add_file(name, &entries, Base { directory: file.parent().unwrap_or(Path::new("")), home });
    }
    draft.add_environment(&sources.environment, Base { directory: &sources.directory, home });
    let config = build(&mut draft).filter(|_| draft.problems.is_empty());
    let Some(config) = config else {
        let mut problems = draft.problems;
        problems.sort_by_key(|problem| match &problem.origin {
            Origin::File { mark, .. } => (0, *mark),
            _ => (1, None),
        });
        return Err(ConfigError { problems });
    };
    let set = |key: &'static super::Key| {
        Some(Set { path: key.path, value: shown::value(&config, key.path)?, origin: draft.origin(origin_of(&draft, key.path)) })
    };
    let settings = KEYS.iter().filter_map(set).collect();
    Ok(Loaded { file: file.map(|file| file.file.to_path_buf()), settings, notes: draft.notes, config })
}

/// A list of members may have been given as a list of peers.
fn origin_of(draft: &Draft, path: &'static str) -> &'static str {
    if path == "cluster.members" && !draft.has(path) { "cluster.peers" } else { path }
}
