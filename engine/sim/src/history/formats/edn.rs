//! A map in EDN for each event, on keys whose values are texts.
//!
//! ```text
//! {:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}
//! {:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}
//! {:process 1, :type :invoke, :f :get, :key "0", :value nil}
//! {:process 1, :type :ok, :f :get, :key "0", :value "x 0 0 y"}
//! ```
//!
//! Operations are `:get`, `:put` and `:append`. `:fail` took no effect; after `:info` nobody knows. Fields may come in any order, and
//! `:time`, `:index` and `:error` are allowed and not looked at.

use super::super::History;
use super::super::models::{Call, Reply};
use super::book::{Book, End, Type, process, same};
use super::{ParseError, Wrong};

pub(super) fn read<'a>(lines: impl Iterator<Item = Result<(u64, &'a str), ParseError>>) -> Result<History<Call, Reply>, ParseError> {
    let mut book = Book::default();
    for line in lines {
        let (number, line) = line?;
        event(&mut book, number, line).map_err(|wrong| wrong.at(number))?;
    }
    Ok(book.history())
}

fn event(book: &mut Book, number: u64, line: &str) -> Result<(), Wrong> {
    let fields = Fields::of(line)?;
    let who = match needed(&fields.process, ":process", "a number")? {
        Scalar::Word(word) => process(word)?,
        Scalar::Text(text) => return Err(Wrong::new(text, "the number of a process")),
    };
    let kind = Type::of(word(&fields.kind, ":type")?)?;
    let operation = word(&fields.operation, ":f")?;
    let key = text(&fields.key, ":key")?.to_owned();
    let value = || text(&fields.value, ":value").map(Into::into);
    let call = match operation {
        ":get" => Call::Get { key },
        ":put" if matches!(kind, Type::Invoke | Type::Ok) => Call::Put { key, value: value()? },
        ":append" if matches!(kind, Type::Invoke | Type::Ok) => Call::Append { key, value: value()? },
        // How it ended may stand in the place of the value.
        ":put" | ":append" => {
            let open = book.opened(who)?;
            let right = matches!((operation, open), (":put", Call::Put { .. }) | (":append", Call::Append { .. })) && open.key() == key;
            if !right {
                return Err(Wrong::said(format!("the end of a {operation} on {key:?}"), format!("that of the process's open {open}")));
            }
            open.clone()
        }
        _ => return Err(Wrong::new(operation, "one of :get, :put and :append")),
    };
    if kind == Type::Invoke {
        return book.invoke(who, call, number);
    }
    same(book.opened(who)?, &call)?;
    let end = match (kind, &call) {
        (Type::Ok, Call::Get { .. }) => End::Returned(Reply::Value(Some(value()?))),
        (Type::Ok, _) => End::Returned(Reply::Done),
        (Type::Fail, _) => End::Failed,
        _ => End::Lost,
    };
    book.end(who, end, number)
}

/// A value of a field.
#[derive(Debug)]
enum Scalar<'a> {
    /// A keyword, a number, `nil`.
    Word(&'a str),
    /// A text in quotes, without them.
    Text(String),
}

#[derive(Default)]
struct Fields<'a> {
    process: Option<Scalar<'a>>,
    kind: Option<Scalar<'a>>,
    operation: Option<Scalar<'a>>,
    key: Option<Scalar<'a>>,
    value: Option<Scalar<'a>>,
}

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Result<Self, Wrong> {
        let inside = line.trim().strip_prefix('{').ok_or_else(|| Wrong::new(line, "a map, `{:process 0, :type :invoke, …}`"))?;
        let (mut fields, mut rest) = (Self::default(), inside);
        loop {
            rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
            if let Some(behind) = rest.strip_prefix('}') {
                return if behind.trim().is_empty() { Ok(fields) } else { Err(Wrong::new(behind, "the end of the line after `}`")) };
            }
            let (name, behind) = scalar(rest)?;
            let (value, behind) = scalar(behind.trim_start())?;
            let Scalar::Word(name) = name else { return Err(Wrong::new(rest, "the name of a field, such as :process")) };
            let mut ignored = None;
            let field = match name {
                ":process" => &mut fields.process,
                ":type" => &mut fields.kind,
                ":f" => &mut fields.operation,
                ":key" => &mut fields.key,
                ":value" => &mut fields.value,
                ":time" | ":index" | ":error" => &mut ignored,
                _ => return Err(Wrong::new(name, "one of :process, :type, :f, :key and :value")),
            };
            if field.replace(value).is_some() {
                return Err(Wrong::said(format!("{name} twice"), "each field once"));
            }
            rest = behind;
        }
    }
}

/// The scalar at the front, and what is behind it.
fn scalar(text: &str) -> Result<(Scalar<'_>, &str), Wrong> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(|character: char| character.is_whitespace() || ",{}[]()\"".contains(character)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return if word.is_empty() {
            Err(Wrong::new(text, "a keyword, a number, nil or a text in quotes"))
        } else {
            Ok((Scalar::Word(word), rest))
        };
    };
    let (mut read, mut characters) = (String::new(), inside.chars());
    loop {
        match characters.next() {
            None => return Err(Wrong::new(text, "a closing quote")),
            Some('"') => return Ok((Scalar::Text(read), characters.as_str())),
            Some('\\') => read.push(match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err(Wrong::new(text, r#"\n, \t, \r, \" or \\ where there is a backslash"#)),
            }),
            Some(other) => read.push(other),
        }
    }
}

fn needed<'f, 'a>(field: &'f Option<Scalar<'a>>, name: &str, what: &str) -> Result<&'f Scalar<'a>, Wrong> {
    field.as_ref().ok_or_else(|| Wrong::said(format!("no {name}"), what))
}

fn word<'a>(field: &Option<Scalar<'a>>, name: &str) -> Result<&'a str, Wrong> {
    match needed(field, name, "a keyword")? {
        Scalar::Word(word) => Ok(word),
        Scalar::Text(text) => Err(Wrong::new(text, format!("a keyword as {name}"))),
    }
}

fn text<'f>(field: &'f Option<Scalar<'_>>, name: &str) -> Result<&'f str, Wrong> {
    match needed(field, name, "a text in quotes")? {
        Scalar::Text(text) => Ok(text),
        Scalar::Word(word) => Err(Wrong::new(word, format!("a text in quotes as {name}"))),
    }
}
