//! An export says what the trace says, and its three forms say the same.

use std::path::{Path, PathBuf};

use quorate_core::ids::MemberId;
use quorate_telemetry::export::{ExportError, Format, Summary, export, tables};
use quorate_telemetry::samples;
use quorate_telemetry::schema::{ColumnType, Frame, Message};
use quorate_telemetry::trace::{Ending, Reader, Writer};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// The samples, and enough messages for more than one group of rows.
fn frames() -> Vec<Frame> {
    let mut frames = samples::one_of_each();
    let message = frames.iter().find_map(|frame| match &frame.body {
        quorate_telemetry::schema::Body::Message(message) => Some(message.clone()),
        _ => None,
    });
    let message = message.unwrap();
    for sequence in frames.len() as u64..70_000 {
        let delay_ns = (sequence % 3 > 0).then_some(sequence << 40);
        let source = (sequence % 5 > 0).then_some(MemberId(sequence));
        let body = Message { delay_ns, class: format!("class {}", sequence % 7).into(), ..message.clone() }.into();
        frames.push(Frame { sequence, time: sequence * 1000, source, body });
    }
    frames
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    frames.iter().for_each(|frame| writer.write(frame).unwrap());
    writer.finish(None).unwrap()
}

fn exported(trace: &[u8], format: Format, to: &Path) -> Result<Summary, ExportError> {
    export(Reader::new(trace).unwrap(), format, to)
}

/// The rows of a CSV file: nothing where there is nothing, texts otherwise.
fn csv_rows(path: &Path) -> Vec<Vec<Option<String>>> {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut rows, mut row, mut cell, mut quoted, mut was_quoted) = (Vec::new(), Vec::new(), String::new(), false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.push(letters.next().unwrap()),
            '"' => (quoted, was_quoted) = (!quoted, true),
            ',' | '\n' if !quoted => {
                let text = std::mem::take(&mut cell);
                row.push((was_quoted || !text.is_empty()).then_some(text));
                was_quoted = false;
                if letter == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            other => cell.push(other),
        }
    }
    assert!(cell.is_empty() && row.is_empty(), "{} ends in the middle of a line", path.display());
    rows
}

#[test]
fn json_lines_are_the_frames_one_object_each() {
    let (frames, path) = (frames(), folder("lines").join("deep/trace.jsonl"));
    let summary = exported(&written(&frames), Format::JsonLines, &path).unwrap();
    assert_eq!((summary.frames, summary.files[0].rows), (70_000, 70_000));
    assert_eq!(summary.ending, Ending::Finished { audit: None });
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), frames.len());
    for (frame, line) in frames.iter().zip(&lines) {
        let kind = frame.body.kind();
        assert_eq!(line["sequence"], frame.sequence);
        assert_eq!((line["topic"].as_str(), line["event"].as_str()), (Some(kind.topic.name()), Some(kind.name)));
    }
    let vote = lines.iter().find(|line| line["event"] == "vote").unwrap();
    assert_eq!((vote["source"].as_u64(), vote["voter"].as_u64(), vote["kind"].as_str()), (Some(1), Some(2), Some("pbft:prepare")));
    assert_eq!((vote["digest"].as_str(), vote["verdict"].as_str()), (Some("ab".repeat(32).as_str()), Some("counted")));
    assert_eq!(vote["candidate"], Value::Null);
}

#[test]
fn tables_have_a_row_for_each_frame_and_the_stated_columns() {
    let (frames, folder) = (frames(), folder("csv"));
    let summary = exported(&written(&frames), Format::Csv, &folder).unwrap();
    let tables = tables::all();
    assert_eq!(summary.files.len(), tables.len());
    assert_eq!(summary.files.iter().map(|file| file.rows).sum::<u64>(), frames.len() as u64);
    for (table, file) in tables.iter().zip(&summary.files) {
        let rows = csv_rows(&file.path);
        let names: Vec<&str> = rows[0].iter().map(|name| name.as_deref().unwrap()).collect();
        assert_eq!(names, table.columns.iter().map(|column| column.name).collect::<Vec<_>>());
        assert_eq!(rows.len() as u64 - 1, file.rows, "{}", table.name);
        assert!(file.rows > 0, "no sample is a row of {}", table.name);
        assert!(rows.iter().all(|row| row.len() == table.columns.len()));
    }
    let operations = csv_rows(&folder.join("client_operations.csv"));
    let key = operations[0].iter().position(|name| name.as_deref() == Some("key")).unwrap();
    assert_eq!(operations[1][key].as_deref(), Some("Grüße, \"you\"\n"));
    assert_eq!(operations[2][key].as_deref(), Some(""), "an empty text is not nothing");
}

#[test]
fn what_stood_before_damage_is_exported_and_the_error_says_how_much() {
    let frames = frames();
    let mut trace = written(&frames);
    let middle = trace.len() / 2;
    trace[middle] ^= 1;
    let folder = folder("damaged");
    let ExportError::Trace { frames: count, error } = exported(&trace, Format::Csv, &folder).unwrap_err() else { panic!() };
    assert!(count > 1000 && count < frames.len() as u64, "{count}");
    assert!(error.to_string().starts_with("block "), "{error}");
    let rows: usize = tables::all().iter().map(|table| csv_rows(&folder.join(table.name).with_extension("csv")).len() - 1).sum();
    assert_eq!(rows as u64, count);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = folder("in-the-way");
    std::fs::create_dir_all(folder.join("votes.csv")).unwrap();
    let error = exported(&written(&[]), Format::Csv, &folder).unwrap_err().to_string();
    assert!(error.starts_with("cannot write ") && error.contains("votes.csv: "), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_same_columns_and_rows_as_csv() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    let (trace, text, columns) = (written(&frames()), folder("as-csv"), folder("as-parquet"));
    exported(&trace, Format::Csv, &text).unwrap();
    let summary = exported(&trace, Format::Parquet, &columns).unwrap();
    for (table, file) in tables::all().iter().zip(&summary.files) {
        let reader = SerializedFileReader::new(std::fs::File::open(&file.path).unwrap()).unwrap();
        let metadata = reader.metadata();
        assert_eq!(metadata.num_row_groups() > 1, table.name == "messages", "{}", table.name);
        for (column, found) in table.columns.iter().zip(metadata.file_metadata().schema_descr().columns()) {
            assert_eq!(column.name, found.name());
            assert_eq!(column.nullable, found.max_def_level() > 0);
        }
        let expected = csv_rows(&text.join(table.name).with_extension("csv"));
        assert_eq!(file.rows as usize, expected.len() - 1);
        let mut rows = expected[1..].iter();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let expected = rows.next().unwrap();
            for ((column, (_, field)), expected) in table.columns.iter().zip(row.get_column_iter()).zip(expected) {
                let found = match (column.holds, field) {
                    (_, Field::Null) => None,
                    (ColumnType::Unsigned, Field::ULong(number)) => Some(number.to_string()),
                    (ColumnType::Signed, Field::Long(number)) => Some(number.to_string()),
                    (ColumnType::Text, Field::Str(text)) => Some(text.clone()),
                    (_, other) => panic!("{}.{} is {other:?}", table.name, column.name),
                };
                assert_eq!(&found, expected, "{}.{}", table.name, column.name);
            }
        }
        assert!(rows.next().is_none());
    }
}
