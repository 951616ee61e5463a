//! The tables of an export, and how a frame becomes a row of one.
//!
//! Every table begins with `sequence`, `timestamp` (nanoseconds since the recording began) and `node_id`, the member that tells it; where
//! the row is about another member, as in `votes` and `labels`, that one is `node_id`, and who tells it is `observer_id`. A table of
//! several kinds of body has a column `event` that says which, and nulls where a kind has no such field. `quorate trace export` makes
//! these, by the name of their file:
//!
//! | table | a row is |
//! |---|---|
//! | `manifest` | what the recording says of itself |
//! | `labels` | something that was planted |
//! | `roles` | a change of role, term or leader |
//! | `configurations` | a change of the members |
//! | `progress` | a member that knows of more committed or applied |
//! | `rounds` | a round opened, decided or closed |
//! | `votes` | a vote, with what became of it |
//! | `pipeline_runs` | a batch that was counted |
//! | `messages` | a message between members |
//! | `links` | a link that went up or down |
//! | `storage` | an append, a sync, a snapshot, a disk that stalls or is full |
//! | `events` | a crash, a restart, a partition, a clock that jumped |
//! | `client_operations` | an operation of a client, asked or answered |
//! | `alerts` | an invariant that does not hold |

use crate::schema::{Body, BodyKind, Cell, Column, ColumnType, Frame};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Whether there is a column that says which kind of body a row is.
    has_event: bool,
    /// For each kind of body, in which columns its cells go.
    places: Vec<(u64, Vec<usize>)>,
}

/// All tables.
#[must_use]
pub fn all() -> Vec<Table> {
    let mut names: Vec<&'static str> = Vec::new();
    for kind in Body::KINDS {
        if !names.contains(&kind.table) {
            names.push(kind.table);
        }
    }
    names.into_iter().map(Table::named).collect()
}

impl Table {
    fn named(name: &'static str) -> Self {
        let kinds: Vec<&BodyKind> = Body::KINDS.iter().filter(|kind| kind.table == name).collect();
        let about_another = kinds.iter().any(|kind| kind.columns().iter().any(|column| column.name == "node_id"));
        let teller = if about_another { "observer_id" } else { "node_id" };
        let mut columns = vec![
            Column { name: "sequence", holds: ColumnType::Unsigned, nullable: false },
            Column { name: "timestamp", holds: ColumnType::Unsigned, nullable: false },
            Column { name: teller, holds: ColumnType::Unsigned, nullable: true },
        ];
        let has_event = kinds.len() > 1;
        if has_event {
            columns.push(Column { name: "event", holds: ColumnType::Text, nullable: false });
        }
        let fixed = columns.len();
        let mut places = Vec::new();
        for kind in &kinds {
            let mut own = Vec::new();
            for column in kind.columns() {
                let found = columns.iter().position(|other| other.name == column.name);
                own.push(found.unwrap_or(columns.len()));
                match found {
                    Some(at) => columns[at].nullable |= column.nullable,
                    None => columns.push(column),
                }
            }
            places.push((kind.code, own));
        }
        for (at, column) in columns.iter_mut().enumerate().skip(fixed) {
            column.nullable |= places.iter().any(|(_, own)| !own.contains(&at));
        }
        Self { name, columns, has_event, places }
    }

    /// The frame's row, if it is one of this table: a cell for each column.
    pub fn row<'a>(&self, frame: &'a Frame) -> Option<Vec<Cell<'a>>> {
        let kind = frame.body.kind();
        let (_, own) = self.places.iter().find(|(code, _)| *code == kind.code)?;
        let mut row = vec![Cell::Null; self.columns.len()];
        row[0] = Cell::Unsigned(frame.sequence);
        row[1] = Cell::Unsigned(frame.time);
        row[2] = frame.source.map_or(Cell::Null, |member| Cell::Unsigned(member.0));
        if self.has_event {
            row[3] = Cell::Text(kind.name.into());
        }
        let mut cells = Vec::with_capacity(own.len());
        frame.body.cells(&mut cells);
        for (&at, cell) in own.iter().zip(cells) {
            row[at] = cell;
        }
        Some(row)
    }
}

/// The tables of an export, with something for each that takes its rows.
pub(super) struct Sorted<T> {
    tables: Vec<(Table, T)>,
    /// For each code of a body, its table.
    by_code: Vec<Option<usize>>,
}

impl<T> Sorted<T> {
    /// Makes what takes the rows of each table.
    pub(super) fn new<E>(mut make: impl FnMut(&Table) -> Result<T, E>) -> Result<Self, E> {
        let tables = all().into_iter().map(|table| make(&table).map(|taker| (table, taker))).collect::<Result<Vec<_>, E>>()?;
        let codes = Body::KINDS.iter().map(|kind| kind.code as usize + 1).max().unwrap_or(0);
        let mut by_code = vec![None; codes];
        for kind in Body::KINDS {
            by_code[kind.code as usize] = tables.iter().position(|(table, _)| table.name == kind.table);
        }
        Ok(Self { tables, by_code })
    }

    /// The row that a frame is, and what takes it.
    pub(super) fn row<'a>(&mut self, frame: &'a Frame) -> Option<(Vec<Cell<'a>>, &mut T)> {
        let at = self.by_code[frame.body.kind().code as usize]?;
        let (table, taker) = &mut self.tables[at];
        table.row(frame).map(|row| (row, taker))
    }

    pub(super) fn into_takers(self) -> impl Iterator<Item = T> {
        self.tables.into_iter().map(|(_, taker)| taker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn columns(name: &str) -> Vec<&'static str> {
        all().into_iter().find(|table| table.name == name).unwrap().columns.iter().map(|column| column.name).collect()
    }

    #[test]
    fn the_votes_are_by_who_voted_and_tables_of_several_kinds_say_which() {
        let votes =
            ["sequence", "timestamp", "observer_id", "round", "engine", "vote_type", "node_id", "candidate", "digest", "verdict", "reason"];
        assert_eq!(columns("votes"), votes);
        assert_eq!(columns("progress"), ["sequence", "timestamp", "node_id", "event", "partition", "index", "term"]);
    }

    #[test]
    fn a_column_is_one_type_in_all_kinds_of_its_table_and_no_name_stands_twice() {
        for table in all() {
            for (at, column) in table.columns.iter().enumerate() {
                assert!(table.columns[..at].iter().all(|other| other.name != column.name), "{}.{}", table.name, column.name);
                for kind in Body::KINDS.iter().filter(|kind| kind.table == table.name) {
                    let of_kind = kind.columns();
                    assert!(of_kind.iter().all(|other| other.name != column.name || other.holds == column.holds), "{}", column.name);
                }
            }
        }
    }

    #[test]
    fn no_field_has_the_name_of_an_item_that_every_json_line_has() {
        for frame in samples::one_of_each() {
            let mut json = Vec::new();
            frame.json(&mut json);
            let json = String::from_utf8(json).unwrap();
            for item in ["sequence", "time", "source", "topic", "event"] {
                assert_eq!(json.matches(&format!("\"{item}\":")).count(), 1, "{json}");
            }
        }
    }

    #[test]
    fn every_frame_is_a_row_of_one_table_and_has_no_null_where_none_may_be() {
        let tables = all();
        for frame in samples::one_of_each() {
            let rows: Vec<_> = tables.iter().filter_map(|table| table.row(&frame).map(|row| (table, row))).collect();
            assert_eq!(rows.len(), 1, "{frame:?}");
            let (table, row) = &rows[0];
            for (column, cell) in table.columns.iter().zip(row) {
                let fits = match cell {
                    Cell::Null => column.nullable,
                    Cell::Unsigned(_) => column.holds == ColumnType::Unsigned,
                    Cell::Signed(_) => column.holds == ColumnType::Signed,
                    Cell::Text(_) => column.holds == ColumnType::Text,
                };
                assert!(fits, "{}.{} of {frame:?}", table.name, column.name);
            }
        }
    }

    #[test]
    fn the_documentation_names_every_table() {
        let text = include_str!("tables.rs");
        for table in all() {
            assert!(text.contains(&format!("//! | `{}` | ", table.name)), "{} is not in the list above", table.name);
        }
    }
}
