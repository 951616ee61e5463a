//! JSON lines.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{ExportError, Exported, Sink, create};
use crate::schema::Frame;

/// Writes a frame as one line.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_line(frame: &Frame, out: &mut impl io::Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(256);
    frame.json(&mut line);
    line.push(b'\n');
    out.write_all(&line)
}

/// The one file of an export.
pub(super) struct File {
    path: PathBuf,
    out: BufWriter<fs::File>,
    rows: u64,
}

impl File {
    pub(super) fn create(path: &Path) -> Result<Self, ExportError> {
        Ok(Self { path: path.to_owned(), out: BufWriter::new(create(path)?), rows: 0 })
    }
}

impl Sink for File {
    fn take(&mut self, frame: &Frame) -> Result<(), ExportError> {
        self.rows += 1;
        write_line(frame, &mut self.out).map_err(|error| ExportError::Write { path: self.path.clone(), error })
    }

    fn close(mut self: Box<Self>) -> Result<Vec<Exported>, ExportError> {
        self.out.flush().map_err(|error| ExportError::Write { path: self.path.clone(), error })?;
        Ok(vec![Exported { path: self.path, rows: self.rows }])
    }
}
