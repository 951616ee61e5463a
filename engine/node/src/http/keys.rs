//! Reading, writing and deleting keys.

use axum::body::Body;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quorate_kv::{
    Command, Compare, Delete, Found, Is, KeyValue, Keys, LeaseId, Op, Outcome, Put, Query, Range, Revision, Target, Told, Transaction,
};
use serde_json::Value;

use super::ask::{Api, sureness};
use super::failure::Failure;
use super::json::{self, Json, object};
use super::parameters::{Parameters, decode};

/// Where the keys are.
pub(super) const PLACE: &str = "/v1/kv/";
const BYTES: &str = "application/octet-stream";
const CONDITIONS: [&str; 3] = ["if_version", "if_revision", "if_absent"];

/// `PUT /v1/kv/{key}`
pub(super) async fn put(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Json, Failure> {
    let key = key_of(uri.path())?;
    let [version, revision, absent] = CONDITIONS;
    let parameters = Parameters::read(query.as_deref(), &["lease", version, revision, absent, "prev"])?;
    let put = Put {
        key: key.clone(),
        lease: LeaseId(parameters.number("lease")?.unwrap_or_default()),
        prev_kv: parameters.flag("prev")?,
        value: api.body(body).await?.to_vec(),
        ..Put::default()
    };
    let (revision, outcome) = match condition(&parameters, &key)? {
        None => api.write(&Command::Put(put)).await?,
        Some(compare) => compared(&api, compare, Op::Put(put)).await?,
    };
    let Outcome::Put { prev } = outcome else { return Err(Failure::unexpected("a put", outcome)) };
    let mut answer = object([("revision", revision.0.into())]);
    if let Some(prev) = prev {
        answer.insert("prev".into(), json::key_value(&prev, true).into());
    }
    Ok(Json(answer.into()))
}

/// `DELETE /v1/kv/{key}`
pub(super) async fn delete(State(api): State<Api>, OriginalUri(uri): OriginalUri, RawQuery(query): RawQuery) -> Result<Json, Failure> {
    let key = key_of(uri.path())?;
    let [version, revision, _] = CONDITIONS;
    let parameters = Parameters::read(query.as_deref(), &[version, revision, "prev"])?;
    let delete = Delete { keys: Keys::one(key.clone()), prev_kv: parameters.flag("prev")? };
    let (revision, outcome) = match condition(&parameters, &key)? {
        None => api.write(&Command::Delete(delete)).await?,
        Some(compare) => compared(&api, compare, Op::Delete(delete)).await?,
    };
    deleted(revision, outcome)
}

/// `DELETE /v1/kv?prefix=…`
pub(super) async fn delete_range(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Json, Failure> {
    let parameters = Parameters::read(query.as_deref(), &["prefix", "start", "end", "prev"])?;
    let Some(keys) = parameters.keys()? else {
        return Err(Failure::bad("nothing says which keys to delete; expected a prefix (an empty one is all keys), or a start and an end"));
    };
    let (revision, outcome) = api.write(&Command::Delete(Delete { keys, prev_kv: parameters.flag("prev")? })).await?;
    deleted(revision, outcome)
}

fn deleted(revision: Revision, outcome: Outcome) -> Result<Json, Failure> {
    let Outcome::Deleted { deleted, prev } = outcome else { return Err(Failure::unexpected("a deletion", outcome)) };
    let mut answer = object([("revision", revision.0.into()), ("deleted", deleted.into())]);
    if !prev.is_empty() {
        answer.insert("prev".into(), json::list(prev.iter().map(|kv| json::key_value(kv, true))));
    }
    Ok(Json(answer.into()))
}

/// `GET /v1/kv/{key}`
pub(super) async fn get(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let key = key_of(uri.path())?;
    let parameters = Parameters::read(query.as_deref(), &["revision", "consistency"])?;
    let range = Range { revision: Revision(parameters.number("revision")?.unwrap_or_default()), ..Range::new(Keys::one(key)) };
    let (revision, found) = range_of(&api, &parameters, range).await?;
    let Some(kv) = found.kvs.into_iter().next() else {
        return Err(Failure::new(StatusCode::NOT_FOUND, "not_found", "there is no such key").with("revision", revision.0));
    };
    if super::accepts(&headers, BYTES) {
        return Ok(raw(kv, revision));
    }
    let mut answer = json::key_value(&kv, true);
    answer.insert("revision".into(), revision.0.into());
    Ok(Json(answer.into()).into_response())
}

/// The value as it is. What belongs to it is in the headers.
fn raw(kv: KeyValue, revision: Revision) -> Response {
    let numbers = [
        ("quorate-revision", revision.0),
        ("quorate-create-revision", kv.create_revision.0),
        ("quorate-mod-revision", kv.mod_revision.0),
        ("quorate-version", kv.version),
        ("quorate-lease", kv.lease.0),
    ];
    let numbers = numbers.map(|(name, number)| (HeaderName::from_static(name), HeaderValue::from(number)));
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(BYTES))], kv.value).into_response();
    response.headers_mut().extend(numbers);
    response
}

/// `GET /v1/kv`
pub(super) async fn range(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Json, Failure> {
    let known = ["prefix", "start", "end", "limit", "revision", "keys_only", "count_only", "consistency"];
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let range = Range {
        revision: Revision(parameters.number("revision")?.unwrap_or_default()),
        limit: parameters.number("limit")?.unwrap_or_default(),
        keys_only: parameters.flag("keys_only")?,
        count_only: parameters.flag("count_only")?,
        ..Range::new(parameters.keys()?.unwrap_or_else(Keys::all))
    };
    let values = !range.keys_only;
    let (revision, found) = range_of(&api, &parameters, range).await?;
    let mut answer = json::found(&found, values);
    answer.insert("revision".into(), revision.0.into());
    Ok(Json(answer.into()))
}

async fn range_of(api: &Api, parameters: &Parameters, range: Range) -> Result<(Revision, Found), Failure> {
    match api.read(sureness(parameters)?, &Query::Range(range)).await? {
        (revision, Told::Range(found)) => Ok((revision, found)),
        (_, other) => Err(Failure::unexpected("keys", other)),
    }
}

/// What must hold of a key, if anything is asked.
fn condition(parameters: &Parameters, key: &[u8]) -> Result<Option<Compare>, Failure> {
    let [version, revision, absent] = CONDITIONS;
    let targets = [
        parameters.number(version)?.map(Target::Version),
        parameters.number(revision)?.map(|revision| Target::Modified(Revision(revision))),
        parameters.flag(absent)?.then_some(Target::Version(0)),
    ];
    let mut targets = targets.into_iter().flatten();
    match (targets.next(), targets.next()) {
        (Some(target), None) => Ok(Some(Compare { keys: Keys::one(key), is: Is::Equal, target })),
        (None, _) => Ok(None),
        _ => Err(Failure::bad(format!("more than one condition is given; expected at most one of: {}", CONDITIONS.join(", ")))),
    }
}

/// Carries something out if a comparison holds, and says what is there if it does not.
async fn compared(api: &Api, compare: Compare, op: Op) -> Result<(Revision, Outcome), Failure> {
    let look = Op::Range(Range::new(compare.keys.clone()));
    let transaction = Transaction { compares: vec![compare], success: vec![op], failure: vec![look] };
    let (revision, outcome) = api.write(&Command::Transaction(transaction)).await?;
    let Outcome::Transaction { succeeded, mut outcomes } = outcome else { return Err(Failure::unexpected("a comparison", outcome)) };
    match (succeeded, outcomes.pop()) {
        (true, Some(outcome)) => Ok((revision, outcome)),
        (false, Some(Outcome::Range(found))) => Err(conflict(revision, found.kvs.first())),
        (_, other) => Err(Failure::unexpected("a comparison", other)),
    }
}

fn conflict(revision: Revision, there: Option<&KeyValue>) -> Failure {
    let why = match there {
        Some(kv) => format!("the key is at version {}, last changed at revision {}", kv.version, kv.mod_revision),
        None => "the key is not there".into(),
    };
    let current = there.map_or(Value::Null, |kv| json::key_value(kv, true).into());
    Failure::new(StatusCode::CONFLICT, "compare_failed", why).with("current", current).with("revision", revision.0)
}

/// The key that a path names.
fn key_of(path: &str) -> Result<Vec<u8>, Failure> {
    let text = path.strip_prefix(PLACE).unwrap_or_default();
    match decode(text, false).map_err(|why| Failure::bad(format!("the key: {why}")))? {
        key if key.is_empty() => Err(Failure::bad("the key is empty; expected at least one byte behind /v1/kv/")),
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_names_a_key_with_its_slashes_and_any_bytes() {
        assert_eq!(key_of("/v1/kv/a/b%20c+%ff"), Ok(b"a/b c+\xff".to_vec()));
        assert_eq!(key_of("/v1/kv/").unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(key_of("/v1/kv/%").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn at_most_one_condition_is_asked() {
        let of = |query| condition(&Parameters::read(Some(query), &CONDITIONS).unwrap(), b"k");
        let compare = |target| Ok(Some(Compare { keys: Keys::one("k"), is: Is::Equal, target }));
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("if_absent=false"), Ok(None));
        assert_eq!(of("if_absent"), compare(Target::Version(0)));
        assert_eq!(of("if_version=3"), compare(Target::Version(3)));
        assert_eq!(of("if_revision=7"), compare(Target::Modified(Revision(7))));
        assert_eq!(of("if_version=3&if_absent").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_comparison_that_fails_says_what_is_there() {
        let kv = KeyValue { key: b"k".to_vec(), value: b"v".to_vec(), version: 2, mod_revision: Revision(9), ..KeyValue::default() };
        let failure = conflict(Revision(11), Some(&kv));
        assert_eq!((failure.status, failure.error), (StatusCode::CONFLICT, "compare_failed"));
        assert_eq!((&failure.beside["current"]["value"], &failure.beside["revision"]), (&json!("v"), &json!(11)));
        assert_eq!(conflict(Revision(11), None).beside["current"], Value::Null);
    }
}
