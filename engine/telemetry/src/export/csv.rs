//! Tables as comma-separated values, after RFC 4180 but for line ends, which are plain.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::tables::{Sorted, Table};
use super::{ExportError, Exported, Sink, create};
use crate::schema::{Cell, Frame};

struct File {
    path: PathBuf,
    out: BufWriter<fs::File>,
    rows: u64,
}

/// A file for each table.
pub(super) struct Folder {
    files: Sorted<File>,
    line: Vec<u8>,
}

impl Folder {
    pub(super) fn create(folder: &Path) -> Result<Self, ExportError> {
        let files = Sorted::new(|table: &Table| {
            let path = folder.join(table.name).with_extension("csv");
            let mut file = File { out: BufWriter::new(create(&path)?), path, rows: 0 };
            let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            file.write((names.join(",") + "\n").as_bytes())?;
            Ok(file)
        })?;
        Ok(Self { files, line: Vec::new() })
    }
}

impl File {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.out.write_all(bytes).map_err(|error| ExportError::Write { path: self.path.clone(), error })
    }
}

impl Sink for Folder {
    fn take(&mut self, frame: &Frame) -> Result<(), ExportError> {
        let Some((row, file)) = self.files.row(frame) else { return Ok(()) };
        self.line.clear();
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                self.line.push(b',');
            }
            write_cell(cell, &mut self.line);
        }
        self.line.push(b'\n');
        file.rows += 1;
        file.write(&self.line)
    }

    fn close(self: Box<Self>) -> Result<Vec<Exported>, ExportError> {
        let close = |mut file: File| match file.out.flush() {
            Ok(()) => Ok(Exported { path: file.path, rows: file.rows }),
            Err(error) => Err(ExportError::Write { path: file.path, error }),
        };
        self.files.into_takers().map(close).collect()
    }
}

fn write_cell(cell: &Cell<'_>, line: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Unsigned(number) => line.extend_from_slice(number.to_string().as_bytes()),
        Cell::Signed(number) => line.extend_from_slice(number.to_string().as_bytes()),
        // An empty text has quotes, so that it is no null.
        Cell::Text(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            line.push(b'"');
            line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            line.push(b'"');
        }
        Cell::Text(text) => line.extend_from_slice(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_where_a_reader_would_take_it_for_something_else() {
        let line = |text: &'static str| {
            let mut line = Vec::new();
            write_cell(&Cell::Text(text.into()), &mut line);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(line("put"), "put");
        assert_eq!(line(""), "\"\"");
        assert_eq!(line("a,b"), "\"a,b\"");
        assert_eq!(line("say \"yes\"\n"), "\"say \"\"yes\"\"\n\"");
    }
}
