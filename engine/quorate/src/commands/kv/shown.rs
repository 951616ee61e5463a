//! How keys and values are shown, whatever bytes they are.

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_kv::{Compare, Is, KeyValue, Keys, Target};
use quorate_node::client::kv::KvError;
use serde_json::{Map, Value, json};

use crate::commands::reach::told;

/// The keys that somebody means.
pub(super) fn keys(key: &str, prefix: bool) -> Keys {
    if prefix { Keys::prefix(key) } else { Keys::one(key) }
}

/// A key with all that is known of it. Bytes that are no text are shown as hex, under a name that says so.
pub(super) fn pair(kv: &KeyValue) -> Value {
    let mut object = Map::new();
    for (name, bytes) in [("key", &kv.key), ("value", &kv.value)] {
        match std::str::from_utf8(bytes) {
            Ok(text) => object.insert(name.into(), text.into()),
            Err(_) => object.insert(format!("{name}_hex"), hex(bytes).into()),
        };
    }
    let numbers =
        [("create_revision", kv.create_revision.0), ("mod_revision", kv.mod_revision.0), ("version", kv.version), ("lease", kv.lease.0)];
    object.extend(numbers.map(|(name, number)| (name.to_owned(), json!(number))));
    object.into()
}

/// Bytes for people: text as it is, and other bytes as hex.
pub(super) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| format!("0x{}", hex(bytes)), str::to_owned)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// That a key has this version; 0 is that it is not there.
pub(super) fn has_version(key: &str, version: u64) -> Compare {
    Compare { keys: Keys::one(key), is: Is::Equal, target: Target::Version(version) }
}

/// What went wrong, with whether anything was done.
pub(super) fn done<T>(result: Result<T, KvError>, doing: &str) -> miette::Result<T> {
    let said = match &result {
        Err(KvError::Request(error)) => told(error),
        Err(KvError::Refused(_)) => "it was not done",
        _ => "it was done",
    };
    result.into_diagnostic().wrap_err_with(|| format!("{doing}: {said}"))
}
