//! TOML, by the crate that cargo uses, which goes on behind an error and so finds them all.

use ::toml::de::{DeTable, DeValue};

use super::{DEPTH, Entry, Flaw, Lines, Node, Value};

pub(super) fn read(text: &str) -> Result<Vec<Entry>, Vec<Flaw>> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let flaw = |error: &::toml::de::Error| Flaw::new(lines.mark(error.span().map_or(0, |span| span.start)), error.message());
        let mut flaws: Vec<Flaw> = errors.iter().map(flaw).collect();
        flaws.sort_by_key(|flaw| flaw.at);
        return Err(flaws);
    }
    entries(table.into_inner(), &lines, 0).map_err(|flaw| vec![flaw])
}

fn entries(table: DeTable<'_>, lines: &Lines<'_>, depth: usize) -> Result<Vec<Entry>, Flaw> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let (at, begin) = (lines.mark(key.span().start), lines.mark(value.span().start));
        if depth == DEPTH {
            return Err(Flaw::too_deep(at));
        }
        let value = self::value(value.into_inner(), lines, depth, begin)?;
        entries.push(Entry { key: key.into_inner().into_owned(), at, node: Node { at: begin, value } });
    }
    // The order of the file is the order in which people want to hear of it.
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

fn value(value: DeValue<'_>, lines: &Lines<'_>, depth: usize, at: super::Mark) -> Result<Value, Flaw> {
    Ok(match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => return Err(Flaw::new(at, format!("the number {number} is too large"))),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Real(number),
            _ => return Err(Flaw::new(at, format!("the number {number} is no finite one"))),
        },
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(list) => {
            if depth + 1 >= DEPTH {
                return Err(Flaw::too_deep(at));
            }
            let mut nodes = Vec::with_capacity(list.len());
            for item in list {
                let at = lines.mark(item.span().start);
                nodes.push(Node { at, value: self::value(item.into_inner(), lines, depth + 1, at)? });
            }
            Value::List(nodes)
        }
        DeValue::Table(table) => Value::Table(entries(table, lines, depth + 1)?),
    })
}
