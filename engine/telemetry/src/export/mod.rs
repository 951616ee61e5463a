//! A trace as others read it: JSON lines, or a folder of tables in CSV or Parquet.
//!
//! **JSON lines** is one file, a frame an object: `sequence`, `time`, `source`, `topic`, `event`, then the fields of the body under
//! their names. Lists are lists, and digests are hexadecimal.
//!
//! **CSV and Parquet** are a folder with one file for each [table](tables), always the same ones, whether or not they have rows, with the
//! same columns in both. In CSV a null is nothing between the commas and an empty text is `""`.
//!
//! An export is a stream: it holds a block of the trace and, for Parquet, one group of rows for each table. What stood before damage is
//! exported, and the error says how much that was.

mod csv;
pub mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
pub mod tables;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::schema::Frame;
use crate::trace::{Ending, ReadError, Reader};

/// What to export to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file, one JSON object a frame.
    JsonLines,
    /// A folder of tables as text.
    Csv,
    /// A folder of tables in compressed columns.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Frames that were exported.
    pub frames: u64,
    /// Frames that only a later version knows, and that were passed over.
    pub skipped: u64,
    /// How the trace ends.
    pub ending: Ending,
    /// The files, in the order of their tables.
    pub files: Vec<Exported>,
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// How many rows or lines it has.
    pub rows: u64,
}

/// Why a trace was not exported, or not all of it.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The trace cannot be read to its end. The files hold what stood before.
    #[error("{frames} frames were exported, then the trace could not be read further: {error}")]
    Trace {
        /// How many frames were exported.
        frames: u64,
        /// Why there are not more.
        error: ReadError,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Takes frames, one after the other.
trait Sink {
    fn take(&mut self, frame: &Frame) -> Result<(), ExportError>;

    /// Writes what is held back, and says what there is.
    fn close(self: Box<Self>) -> Result<Vec<Exported>, ExportError>;
}

/// Exports what `trace` has left, to the file `out` for JSON lines, or into the folder `out`, which is made if it is not there. Files of
/// the same names are replaced.
///
/// # Errors
/// If the trace is damaged, or a file cannot be written.
pub fn export<R: io::Read>(mut trace: Reader<R>, format: Format, out: &Path) -> Result<Summary, ExportError> {
    let mut sink: Box<dyn Sink> = match format {
        Format::JsonLines => Box::new(jsonl::File::create(out)?),
        Format::Csv => Box::new(csv::Folder::create(out)?),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(parquet::Folder::create(out)?),
    };
    let mut frames = 0;
    let read = loop {
        match trace.next_frame() {
            Ok(Some(frame)) => sink.take(&frame)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        frames += 1;
    };
    let files = sink.close()?;
    let failed = |error| ExportError::Trace { frames, error };
    read.map_err(failed)?;
    // A reader that has nothing more to give without an error has come to an end of either kind.
    let ending = trace.ending().unwrap_or(Ending::Unfinished { left_over: 0 });
    Ok(Summary { frames, skipped: trace.skipped(), ending, files })
}

/// Makes a file, and the folder that it is in.
fn create(path: &Path) -> Result<fs::File, ExportError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::File::create(path));
    made.map_err(|error| ExportError::Write { path: path.to_owned(), error })
}
