//! Tables in Parquet files: Snappy, dictionaries where values repeat, differences where they rise, unsigned numbers as such, and columns
//! required unless rows may have nothing there.
//!
//! Rows gather in columns and are written as a group when there are [`GROUP_ROWS`] of them or their texts reach [`GROUP_TEXT_BYTES`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::tables::{Sorted, Table};
use super::{ExportError, Exported, Sink, create};
use crate::schema::{Cell, Column, ColumnType, Frame};

/// The most rows of a group.
const GROUP_ROWS: usize = 1 << 16;

/// A group is closed when one of its columns has this many bytes of text.
const GROUP_TEXT_BYTES: usize = 8 << 20;

/// A file for each table.
pub(super) struct Folder {
    files: Sorted<File>,
}

struct File {
    path: PathBuf,
    writer: SerializedFileWriter<fs::File>,
    columns: Vec<Gathered>,
    in_group: usize,
    rows: u64,
}

/// What gathers of a column.
struct Gathered {
    nullable: bool,
    /// For each row, 1 if there is something; only if there may be nothing.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    /// Numbers of either sign: Parquet keeps the bits, and the column's type says what they mean.
    Numbers(Vec<i64>),
    /// Texts, one after the other, and where each ends.
    Texts { bytes: Vec<u8>, ends: Vec<usize> },
}

impl Folder {
    pub(super) fn create(folder: &Path) -> Result<Self, ExportError> {
        Sorted::new(|table| File::create(table, folder.join(table.name).with_extension("parquet"))).map(|files| Self { files })
    }
}

impl Sink for Folder {
    fn take(&mut self, frame: &Frame) -> Result<(), ExportError> {
        let Some((row, file)) = self.files.row(frame) else { return Ok(()) };
        for (column, cell) in file.columns.iter_mut().zip(row) {
            column.take(&cell);
        }
        file.in_group += 1;
        let full = file.in_group >= GROUP_ROWS || file.columns.iter().any(|column| column.text_bytes() >= GROUP_TEXT_BYTES);
        if full { file.close_group() } else { Ok(()) }
    }

    fn close(self: Box<Self>) -> Result<Vec<Exported>, ExportError> {
        self.files.into_takers().map(File::close).collect()
    }
}

impl File {
    fn create(table: &Table, path: PathBuf) -> Result<Self, ExportError> {
        let file = create(&path)?;
        let failed = |error| failed(&path, error);
        let fields = table.columns.iter().map(field).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let schema = Type::group_type_builder(table.name).with_fields(fields).build().map_err(failed)?;
        let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        for rising in ["sequence", "timestamp"] {
            let column = ColumnPath::from(rising);
            properties = properties.set_column_dictionary_enabled(column.clone(), false);
            properties = properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let properties = properties.build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let columns = table.columns.iter().map(Gathered::new).collect();
        Ok(Self { path, writer, columns, in_group: 0, rows: 0 })
    }

    /// Writes the rows that have gathered.
    fn close_group(&mut self) -> Result<(), ExportError> {
        if self.in_group == 0 {
            return Ok(());
        }
        self.rows += self.in_group as u64;
        self.in_group = 0;
        let columns = &mut self.columns;
        let write = || {
            let mut group = self.writer.next_row_group()?;
            for gathered in columns {
                let Some(mut column) = group.next_column()? else { break };
                gathered.write(&mut column)?;
                column.close()?;
            }
            group.close().map(drop)
        };
        write().map_err(|error| failed(&self.path, error))
    }

    fn close(mut self) -> Result<Exported, ExportError> {
        self.close_group()?;
        self.writer.close().map_err(|error| failed(&self.path, error))?;
        Ok(Exported { path: self.path, rows: self.rows })
    }
}

fn failed(path: &Path, error: ParquetError) -> ExportError {
    ExportError::Write { path: path.to_owned(), error: io::Error::other(error) }
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let integer = |is_signed| LogicalType::integer(64, is_signed);
    let (physical, logical) = match column.holds {
        ColumnType::Unsigned => (Physical::INT64, integer(false)),
        ColumnType::Signed => (Physical::INT64, integer(true)),
        ColumnType::Text => (Physical::BYTE_ARRAY, LogicalType::String),
    };
    let builder = Type::primitive_type_builder(column.name, physical).with_repetition(repetition);
    builder.with_logical_type(Some(logical)).build().map(Arc::new)
}

impl Gathered {
    fn new(column: &Column) -> Self {
        let values = match column.holds {
            ColumnType::Unsigned | ColumnType::Signed => Values::Numbers(Vec::new()),
            ColumnType::Text => Values::Texts { bytes: Vec::new(), ends: Vec::new() },
        };
        Self { nullable: column.nullable, levels: Vec::new(), values }
    }

    fn take(&mut self, cell: &Cell<'_>) {
        if self.nullable {
            self.levels.push(i16::from(*cell != Cell::Null));
        }
        match (&mut self.values, cell) {
            (_, Cell::Null) => {}
            (Values::Numbers(numbers), Cell::Unsigned(number)) => numbers.push(*number as i64),
            (Values::Numbers(numbers), Cell::Signed(number)) => numbers.push(*number),
            (Values::Texts { bytes, ends }, Cell::Text(text)) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
            }
            (_, cell) => unreachable!("{cell:?} is not of its column's type, which the tests of the tables exclude"),
        }
    }

    fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Numbers(_) => 0,
            Values::Texts { bytes, .. } => bytes.len(),
        }
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.nullable.then_some(&self.levels[..]);
        match &mut self.values {
            Values::Numbers(numbers) => {
                column.typed::<Int64Type>().write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            Values::Texts { bytes, ends } => {
                // Shared by all texts of the group: none is copied.
                let bytes = ByteArray::from(std::mem::take(bytes));
                let mut start = 0;
                let mut next = |end| bytes.slice(start, end - std::mem::replace(&mut start, end));
                let texts: Vec<ByteArray> = ends.drain(..).map(&mut next).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
            }
        }
        self.levels.clear();
        Ok(())
    }
}
