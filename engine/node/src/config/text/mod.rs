//! Files become trees whose every key and value knows where it stands. TOML, YAML and JSON become the same tree.
//!
//! The readers take any bytes: they are bounded in depth and size, and what they refuse they refuse with a place.

mod json;
mod toml;
mod yaml;

/// Where something stands in a file: line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// How deep tables and lists may lie in each other.
const DEPTH: usize = 32;

/// How long a file may be.
pub(super) const BYTES: usize = 256 << 10;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `quorate.toml`
    Toml,
    /// `quorate.yaml`
    Yaml,
    /// `quorate.json`
    Json,
}

impl Syntax {
    /// The form that a file name's extension says.
    #[must_use]
    pub fn of(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: Mark,
    pub(super) value: Value,
}

/// What all three forms can say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, where it stands, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Mark,
    pub(super) node: Node,
}

/// What makes a file unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) at: Mark,
    pub(super) what: String,
}

impl Flaw {
    fn new(at: Mark, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    fn too_deep(at: Mark) -> Self {
        Self::new(at, format!("tables and lists lie more than {DEPTH} deep in each other"))
    }

    fn twice(at: Mark, key: &str, first: Mark) -> Self {
        Self::new(at, format!("the key {key:?} stands twice in one table; it is on line {} already", first.line))
    }
}

/// The tree of a file: a table, empty if the file says nothing.
pub(super) fn tree(syntax: Syntax, text: &str) -> Result<Vec<Entry>, Vec<Flaw>> {
    let start = Mark { line: 1, column: 1 };
    if text.len() > BYTES {
        return Err(vec![Flaw::new(start, format!("the file has {} bytes; expected at most {BYTES}", text.len()))]);
    }
    // Some editors put a mark of the encoding before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = match syntax {
        Syntax::Toml => return toml::read(text),
        Syntax::Yaml => yaml::read(text)?,
        Syntax::Json => json::read(text).map_err(|flaw| vec![flaw])?,
    };
    match node.value {
        Value::Table(entries) => Ok(entries),
        Value::Null => Ok(Vec::new()),
        other => Err(vec![Flaw::new(node.at, format!("the file holds {}; expected a table of settings", other.kind()))]),
    }
}

impl Value {
    /// What kind of value it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "true or false",
            Self::Whole(_) | Self::Real(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The value as it would be written, or its kind if that is long.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) if text.chars().count() <= 60 => format!("{text:?}"),
            Self::Text(text) => format!("{:?}…", text.chars().take(60).collect::<String>()),
            other => other.kind().to_owned(),
        }
    }
}

/// Finds the line and column of an offset.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn mark(&self, offset: usize) -> Mark {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let before = self.text.get(self.starts[line - 1]..offset.min(self.text.len())).unwrap_or_default();
        Mark { line, column: before.chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tree without places.
    fn plain(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Flag(flag) => (*flag).into(),
            Value::Whole(number) => (*number).into(),
            Value::Real(number) => number_text(*number),
            Value::Text(text) => text.clone().into(),
            Value::List(nodes) => nodes.iter().map(plain).collect(),
            Value::Table(entries) => table(entries),
        }
    }

    /// A number that is no whole one, less the last bits, which serde_json does not get right.
    fn number_text(number: f64) -> serde_json::Value {
        format!("{number:.9e}").into()
    }

    /// What serde_json read, with its numbers told in the same way.
    fn judged(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::Number(number) if number.is_f64() => number_text(number.as_f64().unwrap()),
            Json::Array(list) => list.into_iter().map(judged).collect(),
            Json::Object(table) => Json::Object(table.into_iter().map(|(key, value)| (key, judged(value))).collect()),
            other => other,
        }
    }

    fn table(entries: &[Entry]) -> serde_json::Value {
        entries.iter().map(|entry| (entry.key.clone(), plain(&entry.node))).collect::<serde_json::Map<_, _>>().into()
    }

    fn flaws(syntax: Syntax, text: &str) -> Vec<String> {
        let flaws = tree(syntax, text).expect_err("it is wrong");
        flaws.iter().map(|flaw| format!("{}:{}: {}", flaw.at.line, flaw.at.column, flaw.what)).collect()
    }

    const SAME: [(Syntax, &str); 3] = [
        (Syntax::Toml, "a = 1\n[b]\nc = [true, \"ä\", -2.5]\nd = { e = \"x\" }\n"),
        (Syntax::Yaml, "a: 1\nb:\n  c: [true, ä, -2.5]\n  d:\n    e: \"x\"\n"),
        (Syntax::Json, "{\"a\": 1,\n \"b\": {\"c\": [true, \"\\u00e4\", -2.5],\n \"d\": {\"e\": \"x\"}}}\n"),
    ];

    #[test]
    fn the_three_forms_say_the_same() {
        let expected = judged(serde_json::json!({ "a": 1, "b": { "c": [true, "ä", -2.5], "d": { "e": "x" } } }));
        for (syntax, text) in SAME {
            assert_eq!(table(&tree(syntax, text).unwrap()), expected, "{syntax:?}");
            assert_eq!(tree(syntax, &format!("\u{feff}{text}")).unwrap().len(), 2);
        }
        assert!(tree(Syntax::Yaml, "# nothing\n").unwrap().is_empty() && tree(Syntax::Toml, "").unwrap().is_empty());
    }

    #[test]
    fn every_key_and_value_knows_where_it_stands() {
        let places = [[(1, 1), (1, 5), (3, 12), (4, 7)], [(1, 1), (1, 4), (3, 13), (5, 5)], [(1, 2), (1, 7), (2, 20), (3, 8)]];
        for ((syntax, text), expected) in SAME.into_iter().zip(places) {
            let entries = tree(syntax, text).unwrap();
            let Value::Table(b) = &entries[1].node.value else { panic!("b is a table") };
            let Value::List(c) = &b[0].node.value else { panic!("c is a list") };
            let Value::Table(d) = &b[1].node.value else { panic!("d is a table") };
            let found = [entries[0].at, entries[0].node.at, c[1].at, d[0].at].map(|mark| (mark.line, mark.column));
            assert_eq!(found, expected, "{syntax:?}");
        }
    }

    #[test]
    fn what_is_unreadable_is_refused_with_its_place() {
        assert_eq!(
            flaws(Syntax::Toml, "a = \nb = 1\nc = ]\n"),
            ["1:5: string values must be quoted, expected literal string", "3:5: missing array opening, expected `[`"]
        );
        assert_eq!(flaws(Syntax::Yaml, "a: 1\na: 2\n"), ["2:1: the key \"a\" stands twice in one table; it is on line 1 already"]);
        assert_eq!(
            flaws(Syntax::Json, "{\"a\": 1,\n \"a\": 2}"),
            ["2:2: the key \"a\" stands twice in one table; it is on line 1 already"]
        );
        assert_eq!(flaws(Syntax::Json, "{\"a\": 1,\n}"), ["2:1: found '}'; expected a key in double quotes"]);
        assert_eq!(flaws(Syntax::Json, "[1]"), ["1:1: the file holds a list; expected a table of settings"]);
        assert_eq!(flaws(Syntax::Yaml, "a: &x 1\nb: *x\n"), ["2:4: an alias; expected the value itself"]);
        assert_eq!(flaws(Syntax::Yaml, "a: 1\n---\nb: 1\n"), ["2:1: a second document; expected one"]);
        for (syntax, open) in [(Syntax::Json, "{\"a\":"), (Syntax::Yaml, "{a: "), (Syntax::Toml, "a = ")] {
            let text = open.to_owned() + &"[".repeat(100_000);
            assert!(tree(syntax, &text).is_err(), "{syntax:?}");
        }
        assert!(flaws(Syntax::Toml, &" ".repeat(BYTES + 1))[0].contains("at most"));
    }

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// serde_json is the judge of what is JSON, and of what it says.
        #[test]
        fn json_is_read_as_others_read_it(value in json_value(), pretty: bool, cut in any::<prop::sample::Index>(), other: char) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(plain(&json::read(&text).map_err(|flaw| TestCaseError::fail(flaw.what))?), value);
            let mut spoiled: Vec<char> = text.chars().collect();
            let at = cut.index(spoiled.len());
            spoiled[at] = other;
            let spoiled: String = spoiled.into_iter().collect();
            let judge = serde_json::from_str::<serde_json::Value>(&spoiled);
            match (json::read(&spoiled), judge) {
                (Ok(node), Ok(value)) => prop_assert_eq!(plain(&node), judged(value)),
                (Err(_), Err(_)) => {}
                // A repeated key or a number without end is refused here, and nothing else is.
                (Err(flaw), Ok(_)) => prop_assert!(flaw.what.contains("twice") || flaw.what.contains("number"), "{}", flaw.what),
                (Ok(node), Err(error)) => prop_assert!(false, "{error}: {node:?}"),
            }
        }
    }
}
