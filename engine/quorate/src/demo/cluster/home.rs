//! The directory of a demo: made for it and destroyed with it, or given and kept.
//!
//! A directory is one demo's at a time: a lock that the system lets go of when the process ends, however it ends. It is its owner's alone,
//! since keys are in it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_env::rng::{Entropy, Rng as _};

use crate::commands::Usage;

const LOCK: &str = "demo.lock";

/// A directory that is destroyed when this is dropped, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    kept: bool,
    _lock: File,
}

impl Home {
    /// A new directory among the system's temporary ones.
    pub(crate) fn temporary() -> miette::Result<Self> {
        let path = std::env::temp_dir().join(format!("quorate-demo-{:08x}", Entropy.next_u64() as u32));
        make(&path, false).into_diagnostic().wrap_err_with(|| format!("cannot create {}", path.display()))?;
        Self::enter(path, false)
    }

    /// The given directory, which is empty, not there yet, or an earlier demo's, as the given file in it shows.
    pub(crate) fn given(path: &Path, sign: &str) -> miette::Result<Self> {
        make(path, true).into_diagnostic().wrap_err_with(|| format!("cannot create {}", path.display()))?;
        let path = path.canonicalize().into_diagnostic().wrap_err_with(|| format!("cannot find {}", path.display()))?;
        let mut inside = fs::read_dir(&path).into_diagnostic().wrap_err_with(|| format!("cannot look into {}", path.display()))?;
        let is_strange = inside.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK));
        if is_strange && !path.join(sign).is_file() {
            let what = format!("{} is neither empty nor the data of a demo: it has no {sign}", path.display());
            return Err(Usage { what, help: Some("give --data a new directory, or one that an earlier demo kept".into()) }.into());
        }
        Self::enter(path, true)
    }

    fn enter(path: PathBuf, kept: bool) -> miette::Result<Self> {
        let lock = path.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.into_diagnostic().wrap_err_with(|| format!("cannot create {}", lock.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, kept, _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let help = "end the other one, or choose another --data";
                Err(miette::miette!(help = help, "another demo runs in {}", path.display()))
            }
            Err(TryLockError::Error(error)) => Err(error).into_diagnostic().wrap_err_with(|| format!("cannot lock {}", lock.display())),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it at the end.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }

    /// Whether it is left at the end.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Makes a directory for its owner only. One that is there already is left as it is.
fn make(path: &Path, may_be_there: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(may_be_there);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_home_is_destroyed_with_all_that_is_in_it_unless_it_is_kept() {
        let home = Home::temporary().unwrap();
        let path = home.path().to_owned();
        fs::create_dir_all(path.join("a/b")).unwrap();
        drop(home);
        assert!(!path.exists());
        let mut home = Home::temporary().unwrap();
        home.keep();
        let path = home.path().to_owned();
        drop(home);
        assert!(path.exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_given_home_is_one_demos_at_a_time_and_stays() {
        let place = Home::temporary().unwrap();
        let path = place.path().join("given");
        let home = Home::given(&path, "demo.json").unwrap();
        assert!(Home::given(&path, "demo.json").unwrap_err().to_string().contains("another demo runs in"));
        fs::write(path.join("demo.json"), "{}").unwrap();
        drop(home);
        assert!(Home::given(&path, "demo.json").unwrap().is_kept() && path.exists());
    }

    #[test]
    fn what_is_not_a_demos_is_not_touched() {
        let place = Home::temporary().unwrap();
        fs::write(place.path().join("letter.txt"), "dear").unwrap();
        let error = Home::given(place.path(), "demo.json").unwrap_err();
        assert!(error.downcast_ref::<Usage>().is_some() && error.to_string().contains("is neither empty nor the data of a demo"));
    }

    #[cfg(unix)]
    #[test]
    fn a_home_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = Home::temporary().unwrap();
        assert_eq!(fs::metadata(home.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
