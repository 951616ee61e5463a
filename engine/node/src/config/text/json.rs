//! JSON as RFC 8259 has it, no more and no less, with the places that serde's reader does not give.

use std::collections::BTreeMap;

use super::{DEPTH, Entry, Flaw, Lines, Mark, Node, Value};

pub(super) fn read(text: &str) -> Result<Node, Flaw> {
    let mut reader = Reader { text, lines: Lines::new(text), at: 0 };
    reader.skip_space();
    let node = reader.node(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.unexpected("the end of the file")),
    }
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
    /// The offset of what comes next; always between two characters.
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn mark(&self) -> Mark {
        self.lines.mark(self.at)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) {
        self.at += self.rest().bytes().take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    fn unexpected(&self, expected: &str) -> Flaw {
        let found = self.peek().map_or("the end of the file".to_owned(), |found| format!("{found:?}"));
        Flaw::new(self.mark(), format!("found {found}; expected {expected}"))
    }

    fn node(&mut self, depth: usize) -> Result<Node, Flaw> {
        let at = self.mark();
        let value = match self.peek() {
            Some('{' | '[') if depth == DEPTH => return Err(Flaw::too_deep(at)),
            Some('{') => Value::Table(self.table(depth)?),
            Some('[') => Value::List(self.list(depth)?),
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ => {
                let words = [("true", Value::Flag(true)), ("false", Value::Flag(false)), ("null", Value::Null)];
                let Some((word, value)) = words.into_iter().find(|(word, _)| self.rest().starts_with(word)) else {
                    return Err(self.unexpected("a value"));
                };
                self.at += word.len();
                value
            }
        };
        Ok(Node { at, value })
    }

    fn table(&mut self, depth: usize) -> Result<Vec<Entry>, Flaw> {
        let (mut entries, mut seen) = (Vec::new(), BTreeMap::new());
        self.at += 1;
        self.skip_space();
        if self.take('}') {
            return Ok(entries);
        }
        loop {
            self.skip_space();
            let at = self.mark();
            if self.peek() != Some('"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            if let Some(first) = seen.insert(key.clone(), at) {
                return Err(Flaw::twice(at, &key, first));
            }
            self.skip_space();
            if !self.take(':') {
                return Err(self.unexpected("a colon"));
            }
            self.skip_space();
            let node = self.node(depth + 1)?;
            entries.push(Entry { key, at, node });
            self.skip_space();
            if self.take('}') {
                return Ok(entries);
            }
            if !self.take(',') {
                return Err(self.unexpected("a comma, or '}'"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Flaw> {
        let mut nodes = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(']') {
            return Ok(nodes);
        }
        loop {
            self.skip_space();
            nodes.push(self.node(depth + 1)?);
            self.skip_space();
            if self.take(']') {
                return Ok(nodes);
            }
            if !self.take(',') {
                return Err(self.unexpected("a comma, or ']'"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Flaw> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(next) if next >= ' ' => {
                    self.at += next.len_utf8();
                    text.push(next);
                }
                _ => return Err(self.unexpected("a closing quote on the same line")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Flaw> {
        let at = self.mark();
        Ok(match self.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hex()?;
                let number = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let second = self.hex()?;
                    let pair = (0xdc00..0xe000).contains(&second);
                    if pair { 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00) } else { first }
                } else {
                    first
                };
                char::from_u32(number).ok_or_else(|| Flaw::new(at, "half of a surrogate pair; expected both"))?
            }
            _ => return Err(Flaw::new(at, "an escape that JSON does not have; expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")),
        })
    }

    fn hex(&mut self) -> Result<u32, Flaw> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(number)
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Flaw> {
        let (begin, at) = (self.at, self.mark());
        self.take('-');
        if !self.take('0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.take('.') {
            whole = false;
            self.digits()?;
        }
        if self.take('e') || self.take('E') {
            whole = false;
            let _ = self.take('+') || self.take('-');
            self.digits()?;
        }
        let text = &self.text[begin..self.at];
        let number = if whole && text != "-0" { text.parse().ok().map(Value::Whole) } else { None };
        let real = || text.parse().ok().filter(|number: &f64| (!whole || text == "-0") && number.is_finite()).map(Value::Real);
        number.or_else(real).ok_or_else(|| Flaw::new(at, format!("the number {text} is too large")))
    }
}
