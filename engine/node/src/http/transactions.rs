//! `POST /v1/txn`: if all of it holds, do this; otherwise, that.
//!
//! `{"compare": [{"key": "a", "version": 1}, {"key": "b", "value": "x", "is": "!="}],
//! "success": [{"put": {"key": "a", "value": "2"}}], "failure": [{"get": {"prefix": "a"}}]}`
//!
//! What is compared is one of `version`, `create_revision`, `mod_revision`, `lease` and `value`; how, one of `=` (what is meant if nothing
//! is said), `!=`, `<` and `>`. Operations are `put`, `delete`, `get` and `txn`, which is one of these again. Keys are named as in the
//! parameters of other requests: `key`, `prefix`, or `start` and `end`.

use axum::body::Body;
use axum::extract::State;
use quorate_kv::{Command, Compare, Delete, Is, Keys, LeaseId, Op, Outcome, Put, Range, Revision, Target, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::Api;
use super::failure::Failure;
use super::json::{self, Json, bytes};
use super::parameters::keys;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransactionJson {
    #[serde(default)]
    compare: Vec<CompareJson>,
    #[serde(default)]
    success: Vec<OpJson>,
    #[serde(default)]
    failure: Vec<OpJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompareJson {
    key: Option<String>,
    prefix: Option<String>,
    start: Option<String>,
    end: Option<String>,
    #[serde(default)]
    key_base64: bool,
    #[serde(default)]
    is: IsJson,
    version: Option<u64>,
    create_revision: Option<u64>,
    mod_revision: Option<u64>,
    lease: Option<u64>,
    value: Option<String>,
    #[serde(default)]
    value_base64: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum IsJson {
    #[default]
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = ">")]
    Greater,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpJson {
    Put(PutJson),
    Delete(DeleteJson),
    Get(GetJson),
    Txn(TransactionJson),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutJson {
    key: String,
    #[serde(default)]
    key_base64: bool,
    value: String,
    #[serde(default)]
    value_base64: bool,
    #[serde(default)]
    lease: u64,
    #[serde(default)]
    prev: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteJson {
    key: Option<String>,
    prefix: Option<String>,
    start: Option<String>,
    end: Option<String>,
    #[serde(default)]
    key_base64: bool,
    #[serde(default)]
    prev: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetJson {
    key: Option<String>,
    prefix: Option<String>,
    start: Option<String>,
    end: Option<String>,
    #[serde(default)]
    key_base64: bool,
    #[serde(default)]
    limit: u64,
    #[serde(default)]
    revision: u64,
    #[serde(default)]
    keys_only: bool,
    #[serde(default)]
    count_only: bool,
}

/// `POST /v1/txn`
pub(super) async fn transact(State(api): State<Api>, body: Body) -> Result<Json, Failure> {
    let read: TransactionJson = json::read(&api.body(body).await?)?;
    let (revision, outcome) = api.write(&Command::Transaction(transaction(read)?)).await?;
    let Outcome::Transaction { succeeded, outcomes } = outcome else { return Err(Failure::unexpected("a transaction", outcome)) };
    Ok(Json(json!({ "revision": revision.0, "succeeded": succeeded, "outcomes": told(&outcomes)? })))
}

fn transaction(read: TransactionJson) -> Result<Transaction, Failure> {
    let ops = |list: Vec<OpJson>| list.into_iter().map(op).collect::<Result<Vec<_>, _>>();
    let compares = read.compare.into_iter().map(compare).collect::<Result<_, _>>()?;
    Ok(Transaction { compares, success: ops(read.success)?, failure: ops(read.failure)? })
}

fn compare(read: CompareJson) -> Result<Compare, Failure> {
    let keys = named([read.key, read.prefix, read.start, read.end], read.key_base64)?;
    let value = read.value.map(|value| bytes("value", value, read.value_base64)).transpose()?;
    let targets = [
        read.version.map(Target::Version),
        read.create_revision.map(|revision| Target::Created(Revision(revision))),
        read.mod_revision.map(|revision| Target::Modified(Revision(revision))),
        read.lease.map(|lease| Target::Lease(LeaseId(lease))),
        value.map(Target::Value),
    ];
    let mut targets = targets.into_iter().flatten();
    let (Some(target), None) = (targets.next(), targets.next()) else {
        return Err(Failure::bad("a comparison needs exactly one of version, create_revision, mod_revision, lease and value"));
    };
    let is = match read.is {
        IsJson::Equal => Is::Equal,
        IsJson::NotEqual => Is::NotEqual,
        IsJson::Less => Is::Less,
        IsJson::Greater => Is::Greater,
    };
    Ok(Compare { keys, is, target })
}

fn op(read: OpJson) -> Result<Op, Failure> {
    Ok(match read {
        OpJson::Put(read) => Op::Put(Put {
            key: bytes("key", read.key, read.key_base64)?,
            value: bytes("value", read.value, read.value_base64)?,
            lease: LeaseId(read.lease),
            prev_kv: read.prev,
            ..Put::default()
        }),
        OpJson::Delete(read) => {
            let keys = named([read.key, read.prefix, read.start, read.end], read.key_base64)?;
            Op::Delete(Delete { keys, prev_kv: read.prev })
        }
        OpJson::Get(read) => {
            let keys = named([read.key, read.prefix, read.start, read.end], read.key_base64)?;
            let (keys_only, count_only) = (read.keys_only, read.count_only);
            Op::Range(Range { revision: Revision(read.revision), limit: read.limit, keys_only, count_only, ..Range::new(keys) })
        }
        OpJson::Txn(read) => Op::Transaction(transaction(read)?),
    })
}

fn named(names: [Option<String>; 4], base64: bool) -> Result<Keys, Failure> {
    let [key, prefix, start, end] = names.map(|name| name.map(|text| bytes("a key", text, base64)).transpose());
    let missing = || Failure::bad("a comparison or an operation names no key; expected a key, a prefix, or a start and an end");
    keys(key?, prefix?, start?, end?)?.ok_or_else(missing)
}

/// What operations led to, each under its own name.
fn told(outcomes: &[Outcome]) -> Result<Value, Failure> {
    outcomes
        .iter()
        .map(|outcome| {
            Ok(match outcome {
                Outcome::Put { prev: None } => json!({ "put": {} }),
                Outcome::Put { prev: Some(prev) } => json!({ "put": { "prev": json::key_value(prev, true) } }),
                Outcome::Deleted { deleted, prev } => {
                    let prev = json::list(prev.iter().map(|kv| json::key_value(kv, true)));
                    json!({ "delete": { "deleted": deleted, "prev": prev } })
                }
                Outcome::Range(found) => json!({ "get": json::found(found, true) }),
                Outcome::Transaction { succeeded, outcomes } => {
                    json!({ "txn": { "succeeded": succeeded, "outcomes": told(outcomes)? } })
                }
                other => return Err(Failure::unexpected("a transaction", other)),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Transaction, Failure> {
        transaction(json::read(&axum::body::Bytes::copy_from_slice(text.as_bytes()))?)
    }

    #[test]
    fn everything_that_can_be_said_is_understood() {
        let text = r#"{
            "compare": [
                {"key": "a", "version": 1},
                {"prefix": "b", "is": ">", "mod_revision": 5},
                {"key": "/w==", "key_base64": true, "value": "x"}
            ],
            "success": [
                {"put": {"key": "a", "value": "/wA=", "value_base64": true, "lease": 7, "prev": true}},
                {"delete": {"start": "c", "end": "d"}}
            ],
            "failure": [{"get": {"prefix": "", "limit": 2, "keys_only": true}}, {"txn": {"success": [{"get": {"key": "z"}}]}}]
        }"#;
        let put = Put { key: b"a".to_vec(), value: vec![0xff, 0], lease: LeaseId(7), prev_kv: true, ..Put::default() };
        let inner = Transaction { success: vec![Op::Range(Range::new(Keys::one("z")))], ..Transaction::default() };
        let expected = Transaction {
            compares: vec![
                Compare { keys: Keys::one("a"), is: Is::Equal, target: Target::Version(1) },
                Compare { keys: Keys::prefix("b"), is: Is::Greater, target: Target::Modified(Revision(5)) },
                Compare { keys: Keys::one([0xff]), is: Is::Equal, target: Target::Value(b"x".to_vec()) },
            ],
            success: vec![Op::Put(put), Op::Delete(Delete { keys: Keys::between("c", "d"), prev_kv: false })],
            failure: vec![Op::Range(Range { limit: 2, keys_only: true, ..Range::new(Keys::all()) }), Op::Transaction(inner)],
        };
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_left_out() {
        let wrong = [
            (r#"{"comapre": []}"#, "unknown field `comapre`"),
            (r#"{"compare": [{"key": "a"}]}"#, "exactly one of version"),
            (r#"{"compare": [{"key": "a", "version": 1, "lease": 2}]}"#, "exactly one of version"),
            (r#"{"compare": [{"key": "a", "version": 1, "is": "=="}]}"#, "unknown variant `==`"),
            (r#"{"success": [{"delete": {}}]}"#, "names no key"),
            (r#"{"success": [{"put": {"key": "a"}}]}"#, "missing field `value`"),
            (r#"{"success": [{"put": {"key": "a", "value": "!", "value_base64": true}}]}"#, "not base64"),
            ("", "JSON"),
        ];
        for (text, why) in wrong {
            let failure = read(text).unwrap_err();
            assert!(failure.why.contains(why) && failure.status.as_u16() == 400, "{text}: {}", failure.why);
        }
    }

    #[test]
    fn transactions_that_lie_very_deep_are_refused_before_they_fill_the_stack() {
        let text = format!("{}{}", r#"{"success":[{"txn":"#.repeat(10_000), "}]}".repeat(10_000));
        assert!(read(&text).unwrap_err().why.contains("recursion limit"));
    }
}
