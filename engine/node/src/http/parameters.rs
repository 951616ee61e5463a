//! What stands in an address: percent-encoded bytes, and parameters behind the question mark.
//!
//! Keys are bytes, so nothing here must be text. A parameter that is not known, or that is given twice, is refused rather than ignored:
//! a compare-and-set with a misspelt condition would otherwise be a plain write.

use quorate_kv::Keys;

use super::failure::Failure;

/// The parameters of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    given: Vec<(&'static str, Vec<u8>)>,
}

impl Parameters {
    /// Reads what stands behind the question mark.
    pub(super) fn read(query: Option<&str>, known: &[&'static str]) -> Result<Self, Failure> {
        let mut given: Vec<(&'static str, Vec<u8>)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                return Err(Failure::bad(format!("there is no parameter {name:?} here; expected one of: {}", known.join(", "))));
            };
            if given.iter().any(|(before, _)| *before == name) {
                return Err(Failure::bad(format!("the parameter {name} is given twice; expected it once")));
            }
            given.push((name, decode(value, true).map_err(|why| Failure::bad(format!("the parameter {name}: {why}")))?));
        }
        Ok(Self { given })
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        let found = String::from_utf8_lossy(bytes);
        number.map(Some).ok_or_else(|| Failure::bad(format!("the parameter {name} is {found:?}; expected a number")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.bytes(name) {
            None | Some(b"false" | b"0") => Ok(false),
            Some(b"" | b"true" | b"1") => Ok(true),
            Some(found) => {
                Err(Failure::bad(format!("the parameter {name} is {:?}; expected true or false", String::from_utf8_lossy(found))))
            }
        }
    }

    /// The keys that are meant by `key`, `prefix`, or `start` and `end`. `None` if there is none of these.
    pub(super) fn keys(&self) -> Result<Option<Keys>, Failure> {
        let of = |name| self.bytes(name).map(<[u8]>::to_vec);
        keys(of("key"), of("prefix"), of("start"), of("end"))
    }
}

/// The keys that are meant by one of: a key, a prefix, a start with or without an end, an end.
pub(super) fn keys(
    key: Option<Vec<u8>>,
    prefix: Option<Vec<u8>>,
    start: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
) -> Result<Option<Keys>, Failure> {
    match (key, prefix, start, end) {
        (None, None, None, None) => Ok(None),
        (Some(key), None, None, None) if key.is_empty() => Err(Failure::bad("the key is empty; expected at least one byte")),
        (Some(key), None, None, None) => Ok(Some(Keys::one(key))),
        (None, Some(prefix), None, None) => Ok(Some(Keys::prefix(prefix))),
        (None, None, start, None) => Ok(Some(Keys::from(start.unwrap_or_default()))),
        (None, None, start, Some(end)) => Ok(Some(Keys::between(start.unwrap_or_default(), end))),
        _ => Err(Failure::bad("keys are named in more than one way; expected one of: a key, a prefix, a start and an end")),
    }
}

/// Decodes percent-encoding. In a query, but not in a path, a plus stands for a space.
pub(super) fn decode(text: &str, plus: bool) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'%' => {
                let digit = |at: usize| behind.get(at).and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err(format!("in {text:?} a percent sign is not followed by two hexadecimal digits; write %25 for itself"));
                };
                bytes.push((high << 4 | low) as u8);
                rest = &behind[2..];
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_with_percent_signs_is_read_again(bytes: Vec<u8>, plus: bool) {
            let written: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decode(&written, plus), Ok(bytes));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = Parameters::read(Some(&text), &["key"]);
            let _ = Parameters::read(Some(&format!("key={text}")), &["key"]);
        }
    }

    #[test]
    fn a_key_is_whatever_bytes_are_written_with_percent_signs() {
        assert_eq!(decode("a%2Fb%00%ff+/", false).unwrap(), b"a/b\x00\xff+/");
        assert_eq!(decode("a+b%2B", true).unwrap(), b"a b+");
        for wrong in ["%", "%2", "a%zz", "%+1"] {
            assert!(decode(wrong, true).unwrap_err().contains("%25"), "{wrong}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_known_or_comes_twice_is_refused() {
        let known = ["if_version", "prev"];
        let why = |query| Parameters::read(Some(query), &known).unwrap_err().why;
        assert!(why("if_versoin=3").contains("if_version, prev"));
        assert!(why("prev&prev=true").contains("twice"));
        assert!(why("prev=%f").contains("the parameter prev"));
        assert_eq!(Parameters::read(None, &known).unwrap(), Parameters::default());
    }

    #[test]
    fn numbers_and_flags_say_what_they_should_have_been() {
        let given = Parameters::read(Some("limit=12&more=&less=no&none=-1"), &["limit", "more", "less", "none", "other"]).unwrap();
        assert_eq!((given.number("limit"), given.number("other")), (Ok(Some(12)), Ok(None)));
        assert!(given.number("none").unwrap_err().why.contains("expected a number"));
        assert_eq!((given.flag("more"), given.flag("other")), (Ok(true), Ok(false)));
        assert!(given.flag("less").unwrap_err().why.contains("true or false"));
    }

    #[test]
    fn keys_are_named_in_one_way() {
        let known = ["key", "prefix", "start", "end"];
        let read = |query| Parameters::read(Some(query), &known).unwrap().keys();
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("key=a"), Ok(Some(Keys::one("a"))));
        assert_eq!(read("prefix=a%2F"), Ok(Some(Keys::prefix("a/"))));
        assert_eq!(read("prefix="), Ok(Some(Keys::all())));
        assert_eq!(read("start=a&end=b"), Ok(Some(Keys::between("a", "b"))));
        assert_eq!(read("start=a"), Ok(Some(Keys::from("a"))));
        assert_eq!(read("end=b"), Ok(Some(Keys::between("", "b"))));
        for wrong in ["key=a&prefix=a", "prefix=a&end=b", "key=", "key=a&start=b"] {
            assert_eq!(read(wrong).unwrap_err().error, "bad_request", "{wrong}");
        }
    }
}
