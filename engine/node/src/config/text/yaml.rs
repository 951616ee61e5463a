//! YAML 1.2, from a parser's events, each of which has its place.
//!
//! Plain words are what the core schema says they are: `yes` and `off` are text. Anchors, aliases and tags have no use in a configuration
//! and a history of abuse; aliases and tags are refused.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::{DEPTH, Entry, Flaw, Mark, Node, Value};

/// A list or table that is being filled.
enum Open {
    List(Mark, Vec<Node>),
    Table { at: Mark, entries: Vec<Entry>, seen: BTreeMap<String, Mark>, key: Option<(String, Mark)> },
}

pub(super) fn read(text: &str) -> Result<Node, Vec<Flaw>> {
    let mut parser = Parser::new_from_str(text);
    let (mut open, mut root, mut documents, mut flaws) = (Vec::new(), None, 0, Vec::new());
    loop {
        let (event, span) = match parser.next_event() {
            None => break,
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                flaws.push(Flaw::new(mark(*error.marker()), error.info()));
                return Err(flaws);
            }
        };
        let at = mark(span.start);
        let tag = matches!(&event, Event::Scalar(.., Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)));
        if tag {
            flaws.push(Flaw::new(at, "a tag; expected the value without one"));
        }
        let done = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    flaws.push(Flaw::new(at, "a second document; expected one"));
                    return Err(flaws);
                }
                None
            }
            Event::Alias(_) => {
                flaws.push(Flaw::new(at, "an alias; expected the value itself"));
                Some(Node { at, value: Value::Null })
            }
            Event::Scalar(text, style, ..) => {
                let key = matches!(open.last(), Some(Open::Table { key: None, .. }));
                let value = if key || style != ScalarStyle::Plain { Value::Text(text.into_owned()) } else { plain(&text, at, &mut flaws) };
                Some(Node { at, value })
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(at, Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Table { at, entries: Vec::new(), seen: BTreeMap::new(), key: None });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(at, nodes)) => Some(Node { at, value: Value::List(nodes) }),
                Some(Open::Table { at, entries, .. }) => Some(Node { at, value: Value::Table(entries) }),
                None => None,
            },
            _ => None,
        };
        if open.len() > DEPTH {
            flaws.push(Flaw::too_deep(at));
            return Err(flaws);
        }
        let Some(node) = done else { continue };
        match open.last_mut() {
            None => root = Some(node),
            Some(Open::List(_, nodes)) => nodes.push(node),
            Some(Open::Table { entries, seen, key, .. }) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, node }),
                None => match node.value {
                    Value::Text(text) => {
                        if let Some(first) = seen.insert(text.clone(), node.at) {
                            flaws.push(Flaw::twice(node.at, &text, first));
                        }
                        *key = Some((text, node.at));
                    }
                    other => {
                        flaws.push(Flaw::new(node.at, format!("{} as a key; expected a name", other.kind())));
                        *key = Some((String::new(), node.at));
                    }
                },
            },
        }
    }
    let nothing = Node { at: Mark { line: 1, column: 1 }, value: Value::Null };
    if flaws.is_empty() { Ok(root.unwrap_or(nothing)) } else { Err(flaws) }
}

fn mark(marker: Marker) -> Mark {
    Mark { line: marker.line().max(1), column: marker.col() + 1 }
}

/// What a word without quotes is, by the core schema.
fn plain(text: &str, at: Mark, flaws: &mut Vec<Flaw>) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Flag(true),
        "false" | "False" | "FALSE" => return Value::Flag(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let parsed = if whole(digits, 10) {
        Some(text.parse::<i64>())
    } else if let Some(digits) = text.strip_prefix("0x").filter(|digits| whole(digits, 16)) {
        Some(i64::from_str_radix(digits, 16))
    } else {
        text.strip_prefix("0o").filter(|digits| whole(digits, 8)).map(|digits| i64::from_str_radix(digits, 8))
    };
    match parsed {
        Some(Ok(number)) => return Value::Whole(number),
        Some(Err(_)) => {
            flaws.push(Flaw::new(at, format!("the number {text} is too large")));
            return Value::Null;
        }
        None => {}
    }
    let real =
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    match text.parse::<f64>() {
        Ok(number) if real && number.is_finite() => Value::Real(number),
        _ => Value::Text(text.to_owned()),
    }
}
