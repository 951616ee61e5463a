//! Keys and values as JSON has them. What is UTF-8 is itself; what is not is base64, and a flag says so: `key_base64`, `value_base64`.

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quorate_kv::{Found, KeyValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::failure::Failure;

/// A JSON answer, with the end of a line for whoever reads it in a terminal.
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], format!("{}\n", self.0)).into_response()
    }
}

/// Reads the body of a request. It is JSON whatever its type says: `curl --data` does not say that it is.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::bad(format!("the body cannot be read as JSON for this: {error}")))
}

/// Puts bytes under a name.
fn put(fields: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            fields.insert(name.into(), text.into());
        }
        Err(_) => {
            fields.insert(name.into(), STANDARD.encode(bytes).into());
            fields.insert(format!("{name}_base64"), true.into());
        }
    }
}

/// The bytes that a text stands for.
pub(super) fn bytes(name: &str, text: String, base64: bool) -> Result<Vec<u8>, Failure> {
    if !base64 {
        return Ok(text.into_bytes());
    }
    STANDARD.decode(&text).map_err(|error| Failure::bad(format!("{name} is {text:?}, which is not base64: {error}")))
}

/// A key alone.
pub(super) fn key(key: &[u8]) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "key", key);
    fields.into()
}

/// A key with everything that belongs to it, and its value unless that was left out.
pub(super) fn key_value(kv: &KeyValue, value: bool) -> Map<String, Value> {
    let mut fields = Map::new();
    put(&mut fields, "key", &kv.key);
    if value {
        put(&mut fields, "value", &kv.value);
    }
    let numbers =
        [("create_revision", kv.create_revision.0), ("mod_revision", kv.mod_revision.0), ("version", kv.version), ("lease", kv.lease.0)];
    fields.extend(numbers.map(|(name, number)| (name.into(), number.into())));
    fields
}

/// What a range found.
pub(super) fn found(found: &Found, values: bool) -> Map<String, Value> {
    let kvs: Vec<_> = found.kvs.iter().map(|kv| Value::from(key_value(kv, values))).collect();
    object([("kvs", kvs.into()), ("count", found.count.into()), ("more", found.more.into())])
}

/// An object of these fields.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A list of what can be written as JSON.
pub(super) fn list<T: Serialize>(items: impl IntoIterator<Item = T>) -> Value {
    items.into_iter().map(|item| json!(item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_is_base64_and_says_so() {
        let kv = KeyValue { key: b"k".to_vec(), value: vec![0xff, 0], version: 2, ..KeyValue::default() };
        let fields = key_value(&kv, true);
        assert_eq!((&fields["key"], fields.get("key_base64")), (&json!("k"), None));
        assert_eq!((&fields["value"], &fields["value_base64"], &fields["version"]), (&json!("/wA="), &json!(true), &json!(2)));
        assert!(!key_value(&kv, false).contains_key("value"));
    }

    #[test]
    fn what_is_said_to_be_base64_and_is_not_is_refused() {
        assert_eq!(bytes("value", "/wA=".into(), true), Ok(vec![0xff, 0]));
        assert_eq!(bytes("value", "/wA=".into(), false), Ok(b"/wA=".to_vec()));
        assert!(bytes("value", "/w".into(), true).unwrap_err().why.starts_with("value is \"/w\""));
    }
}
