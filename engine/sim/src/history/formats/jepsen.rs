//! The log of a Jepsen test of one register.
//!
//! ```text
//! INFO  jepsen.util - 3    :invoke  :write  4
//! INFO  jepsen.util - 3    :ok      :write  4
//! INFO  jepsen.util - 1    :invoke  :cas    [4 2]
//! INFO  jepsen.util - 1    :fail    :cas    [4 2]
//! INFO  jepsen.util - 0    :info    :write  :timed-out
//! ```
//!
//! A process, what happened, the operation, and its value: a number, `nil`, or the two numbers of a compare-and-set. A compare-and-set
//! that fails with its numbers was answered: the value was another one. Any other `:fail` took no effect. After `:info` nobody knows,
//! whatever stands in the place of the value.

use super::super::History;
use super::super::models::{Bytes, Call, Reply};
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
    let expected = "`INFO  jepsen.util - PROCESS :TYPE :OPERATION VALUE`";
    let after = |text: &'_ str, word| text.trim_start().strip_prefix(word).map(str::to_owned);
    let rest = after(line, "INFO").and_then(|rest| after(&rest, "jepsen.util")).and_then(|rest| after(&rest, "-"));
    let rest = rest.ok_or_else(|| Wrong::new(line, expected))?;
    let mut words = rest.split_whitespace();
    let (Some(who), Some(kind), Some(operation)) = (words.next(), words.next(), words.next()) else {
        return Err(Wrong::new(line, expected));
    };
    let (who, kind) = (process(who)?, Type::of(kind)?);
    let value: Vec<&str> = words.collect();
    let value = value.join(" ");
    match (kind, operation) {
        (Type::Invoke, _) => book.invoke(who, call(operation, &value)?, number),
        (Type::Ok, ":read") => {
            same(book.opened(who)?, &read_call())?;
            book.end(who, End::Returned(Reply::Value(optional(&value)?)), number)
        }
        (Type::Ok, _) => {
            let ended = call(operation, &value)?;
            same(book.opened(who)?, &ended)?;
            let reply = if matches!(ended, Call::CompareAndSet { .. }) { Reply::Applied(true) } else { Reply::Done };
            book.end(who, End::Returned(reply), number)
        }
        (Type::Fail, ":cas") if value.starts_with('[') => {
            same(book.opened(who)?, &call(operation, &value)?)?;
            book.end(who, End::Returned(Reply::Applied(false)), number)
        }
        (Type::Fail | Type::Info, _) => {
            let open = match book.opened(who)? {
                Call::Get { .. } => ":read",
                Call::Put { .. } => ":write",
                _ => ":cas",
            };
            if open != operation {
                return Err(Wrong::new(operation, format!("the end of the process's open operation, {open}")));
            }
            book.end(who, if kind == Type::Fail { End::Failed } else { End::Lost }, number)
        }
    }
}

fn read_call() -> Call {
    Call::Get { key: String::new() }
}

fn call(operation: &str, value: &str) -> Result<Call, Wrong> {
    let key = String::new();
    match operation {
        ":read" if value == "nil" => Ok(read_call()),
        ":read" => Err(Wrong::new(value, "nil, since nothing was read yet")),
        ":write" => Ok(Call::Put { key, value: written(value)? }),
        ":cas" => {
            let pair = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).and_then(|pair| pair.trim().split_once(' '));
            let (expected, new) = pair.ok_or_else(|| Wrong::new(value, "two numbers, `[EXPECTED NEW]`"))?;
            Ok(Call::CompareAndSet { key, expected: optional(expected)?, new: Some(written(new)?) })
        }
        _ => Err(Wrong::new(operation, "one of :read, :write and :cas")),
    }
}

/// A number, as the text that all values are here.
fn written(value: &str) -> Result<Bytes, Wrong> {
    match value.trim().parse::<i64>() {
        Ok(number) => Ok(number.to_string().as_str().into()),
        Err(_) => Err(Wrong::new(value, "a number")),
    }
}

fn optional(value: &str) -> Result<Option<Bytes>, Wrong> {
    if value.trim() == "nil" {
        return Ok(None);
    }
    written(value).map(Some).map_err(|_| Wrong::new(value, "a number or nil"))
}
