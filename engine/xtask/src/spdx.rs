//! SPDX licence expressions: `MIT OR Apache-2.0`, `(MIT OR Apache-2.0) AND NCSA`, `Apache-2.0 WITH LLVM-exception`.
//!
//! `AND` binds tighter than `OR`, `WITH` tightest. The old `MIT/Apache-2.0` of many crates means `OR`.

/// Whether the expression can be met with allowed licences alone. `allowed` sees `Apache-2.0 WITH LLVM-exception` whole.
pub(crate) fn permits(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0, allowed };
    let verdict = parser.either().and_then(|verdict| match parser.peek() {
        None => Ok(verdict),
        Some(word) => Err(format!("`{word}` was not expected")),
    });
    verdict.map_err(|error| format!("`{expression}` is no SPDX expression: {error}"))
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn takes(&mut self, word: &str) -> bool {
        let here = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(here);
        here
    }

    fn either(&mut self) -> Result<bool, String> {
        let mut verdict = self.both()?;
        while self.takes("OR") {
            verdict |= self.both()?;
        }
        Ok(verdict)
    }

    fn both(&mut self) -> Result<bool, String> {
        let mut verdict = self.one()?;
        while self.takes("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.takes("(") {
            let verdict = self.either()?;
            return if self.takes(")") { Ok(verdict) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let licence = self.name()?;
        if !self.takes("WITH") {
            return Ok((self.allowed)(licence));
        }
        let exception = self.name()?;
        Ok((self.allowed)(&format!("{licence} WITH {exception}")))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.next() {
            Some(word) if word.starts_with(|first: char| first.is_ascii_alphanumeric()) && !is_operator(word) => Ok(word),
            Some(word) => Err(format!("`{word}` stands where a licence should")),
            None => Err("it ends where a licence should stand".to_owned()),
        }
    }
}

fn is_operator(word: &str) -> bool {
    ["AND", "OR", "WITH"].iter().any(|operator| operator.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::permits;

    fn ok(expression: &str) -> bool {
        permits(expression, &|name| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&name)).unwrap()
    }

    #[test]
    fn one_allowed_branch_of_an_or_is_enough() {
        assert!(ok("MIT OR GPL-3.0") && ok("GPL-3.0 OR MIT") && ok("Unlicense/MIT"));
        assert!(!ok("GPL-3.0 OR AGPL-3.0"));
    }

    #[test]
    fn every_branch_of_an_and_is_needed_and_binds_tighter() {
        assert!(ok("MIT AND ISC") && !ok("MIT AND GPL-3.0"));
        assert!(ok("MIT OR GPL-3.0 AND AGPL-3.0") && !ok("(MIT OR GPL-3.0) AND AGPL-3.0"));
        assert!(ok("(MIT OR GPL-3.0) AND (ISC)"));
    }

    #[test]
    fn an_exception_is_allowed_by_name() {
        assert!(ok("Apache-2.0 WITH LLVM-exception OR GPL-2.0") && !ok("Apache-2.0 WITH Other-exception"));
        assert!(!ok("Apache-2.0"));
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        for broken in ["", "MIT OR", "(MIT", "MIT ISC", "AND", "MIT WITH", "MIT)"] {
            assert!(permits(broken, &|_| true).is_err(), "{broken:?}");
        }
    }
}
