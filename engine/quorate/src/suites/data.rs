//! Reading embedded vectors: JSON, hexadecimal and base64, with errors that name the field.

use serde_json::Value;

pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("the vectors are no JSON: {error}"))
}

pub(super) fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("expected a list, found {value}"))
}

pub(super) fn text<'a>(case: &'a Value, field: &str) -> Result<&'a str, String> {
    case[field].as_str().ok_or_else(|| format!("field {field:?} is no text in {case}"))
}

pub(super) fn number(case: &Value, field: &str) -> Result<u64, String> {
    case[field].as_u64().ok_or_else(|| format!("field {field:?} is no number in {case}"))
}

pub(super) fn bytes(case: &Value, field: &str) -> Result<Vec<u8>, String> {
    unhex(text(case, field)?).map_err(|error| format!("field {field:?}: {error}"))
}

pub(super) fn array<const N: usize>(case: &Value, field: &str) -> Result<[u8; N], String> {
    bytes(case, field)?.try_into().map_err(|found: Vec<u8>| format!("field {field:?} has {} bytes; expected {N}", found.len()))
}

pub(super) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            &[high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{text:?} is not hexadecimal"))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 with the standard alphabet; the padding may be missing.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets: Option<Vec<u32>> = text
        .trim_end_matches('=')
        .bytes()
        .map(|digit| ALPHABET.iter().position(|known| *known == digit).map(|value| value as u32))
        .collect();
    let quads = sextets?;
    let bytes = quads.chunks(4).flat_map(|quad| {
        let word = quad.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - quad.len()));
        word.to_be_bytes()[1..quad.len()].to_vec()
    });
    Some(bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_and_base64_are_read_and_nothing_else_is() {
        assert_eq!(unhex("00fF10"), Ok(vec![0, 255, 16]));
        assert!(unhex("0").is_err() && unhex("0g").is_err());
        assert_eq!(hex(&[0, 255]), "00ff");
        assert_eq!(base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(base64("aGVs!G8="), None);
    }
}
