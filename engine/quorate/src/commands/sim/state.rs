//! Where a soak stands, in a file, so that it can be stopped and go on.
//!
//! The file is written whole and then put in the place of the one before, so that there is always one that can be read. It says of which
//! soak it is: another one's is refused.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use miette::{Context as _, IntoDiagnostic as _, miette};
use serde::{Deserialize, Serialize};

use crate::commands::Usage;

/// The version of the file.
pub(super) const VERSION: u32 = 1;

/// The longest file that is read.
const BYTES_MAX: u64 = 16 << 20;

/// Where a soak stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) version: u32,
    /// Which engine it is of: another one's runs may be others.
    pub(super) engine: String,
    pub(super) soak: Soak,
    /// The first seed that was not run yet.
    pub(super) next: u64,
    pub(super) events: u64,
    /// How long threads were at work.
    pub(super) busy_seconds: f64,
    pub(super) violations: u64,
    pub(super) liveness_failures: u64,
    pub(super) undecided: u64,
    /// The hash over the auditors so far.
    pub(super) auditor: String,
    /// The failures that were looked into.
    pub(super) failures: Vec<Failed>,
    /// What was planted, and whether it was found.
    pub(super) hunts: Vec<Hunted>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Soak {
    pub(super) protocol: String,
    pub(super) nodes: u16,
    pub(super) backend: String,
    pub(super) seeds: String,
    pub(super) planted: String,
}

/// A seed that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failed {
    pub(super) seed: u64,
    /// What it is a failure of.
    pub(super) of: String,
    /// What went wrong.
    pub(super) detail: String,
    /// The command that runs it again.
    pub(super) replay: String,
    /// How many faults the plan has.
    pub(super) faults: usize,
    /// The faults that it takes, as sentences.
    pub(super) schedule: Vec<String>,
    /// What goes wrong with these alone.
    pub(super) detail_reduced: String,
    /// The command that runs it with these alone.
    pub(super) replay_reduced: String,
}

/// A planted mistake, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hunted {
    pub(super) name: String,
    pub(super) caught: bool,
    /// The seed that found it.
    pub(super) seed: Option<u64>,
    /// How many seeds were tried.
    pub(super) seeds: u64,
    /// What it violated.
    pub(super) by: Option<String>,
}

impl State {
    pub(super) fn begin(soak: Soak, engine: &str, first: u64) -> Self {
        Self {
            version: VERSION,
            engine: engine.to_owned(),
            soak,
            next: first,
            events: 0,
            busy_seconds: 0.0,
            violations: 0,
            liveness_failures: 0,
            undecided: 0,
            auditor: quorate_core::hash::Digest::ZERO.to_string(),
            failures: Vec::new(),
            hunts: Vec::new(),
        }
    }
}

/// The state in a file, if there is one, of this soak.
pub(super) fn read(path: &Path, soak: &Soak, engine: &str) -> miette::Result<Option<State>> {
    let name = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).into_diagnostic().wrap_err_with(|| format!("cannot read {name}")),
    };
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).into_diagnostic().wrap_err_with(|| format!("cannot read {name}"))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).into_diagnostic().wrap_err_with(|| format!("{name} is no state of a soak"))?;
    let version = value["version"].as_u64();
    if version != Some(u64::from(VERSION)) {
        let found = version.map_or("no version".to_owned(), |version| format!("version {version}"));
        return Err(miette!(help = "begin anew with another file", "{name} has {found}; expected version {VERSION}"));
    }
    let state: State = serde_json::from_value(value).into_diagnostic().wrap_err_with(|| format!("{name} is no state of a soak"))?;
    if state.engine != engine {
        return Err(miette!(
            help = "begin anew with another file",
            "{name} was written by another engine ({}), whose runs are others; this one is {engine}",
            state.engine
        ));
    }
    if state.auditor.parse::<quorate_core::hash::Digest>().is_err() {
        return Err(miette!("{name} is damaged: `{}` is no hash", state.auditor));
    }
    if state.soak != *soak {
        let Soak { protocol, nodes, backend, seeds, planted } = &state.soak;
        return Err(Usage {
            what: format!(
                "{name} is of another soak: --protocol {protocol} --nodes {nodes} --backend {backend} --seeds {seeds} --planted {planted}"
            ),
            help: Some("go on with these, or begin anew with another file".into()),
        }
        .into());
    }
    Ok(Some(state))
}

/// Puts the state in the place of the one before.
pub(super) fn write(path: &Path, state: &State) -> miette::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let put = || -> std::io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(serde_json::to_string_pretty(state)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    put().into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))
}
