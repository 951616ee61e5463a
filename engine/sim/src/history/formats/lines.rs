//! Our own format: a line of JSON for each event, which the simulator writes and `quorate sim history` reads.
//!
//! ```text
//! {"history":1,"model":"store"}
//! {"invoke":0,"client":3,"at":17,"call":"put","key":"a","value":"1"}
//! {"invoke":1,"client":4,"at":18,"call":"compare-and-set","key":"a","expected":null,"new":{"hex":"ff00"}}
//! {"return":0,"at":20}
//! {"return":1,"at":21,"applied":false}
//! ```
//!
//! The first line has the version of the format and the [model](super::super::models): `register`, `kv` or `store`. An `invoke` gives an
//! operation the next number from 0, a client, and a call: `get`, `put` and `append` with a `value`, `delete`, or `compare-and-set` from
//! `expected` to `new`. It ends with its number in a `return`, with the `value` that was read (which may be null) or with what was
//! `applied`; in a `fail`, if it certainly took no effect; or in a `lost`, if nobody knows. One that never ends is lost, too. A client may
//! have several operations open. `at` is a time for people, and may be left out: the order of lines is what counts. Values are texts, or
//! other bytes as `{"hex":"ff00"}`.

use serde::{Deserialize, Deserializer, Serialize};

use super::super::models::{Bytes, Call, Kind, Reply};
use super::super::{Client, History, OpId, Outcome, Recorder};
use super::book::room;
use super::{ParseError, Wrong};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    history: u32,
    model: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Hex { hex: String },
}

/// One event. Which fields belong together is checked when it is read.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke: Option<u32>,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    returned: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<u64>,
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    value: Option<Option<Text>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    expected: Option<Option<Text>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    new: Option<Option<Text>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
}

/// A field that is there, even if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Text>>, D::Error> {
    Option::<Text>::deserialize(deserializer).map(Some)
}

pub(super) fn read<'a>(
    mut lines: impl Iterator<Item = Result<(u64, &'a str), ParseError>>,
) -> Result<(Kind, History<Call, Reply>), ParseError> {
    let mut model = Kind::Store;
    if let Some(first) = lines.next() {
        let (number, line) = first?;
        model = head(line).map_err(|wrong| wrong.at(number))?;
    }
    let mut recorder = Recorder::new();
    for line in lines {
        let (number, line) = line?;
        event(&mut recorder, line).map_err(|wrong| wrong.at(number))?;
    }
    Ok((model, recorder.history()))
}

fn head(line: &str) -> Result<Kind, Wrong> {
    let expected = r#"the head of a history, {"history":1,"model":"store"}"#;
    let head: Head = serde_json::from_str(line).map_err(|error| Wrong::new(line, format!("{expected} ({error})")))?;
    if head.history != VERSION {
        return Err(Wrong::said(format!("version {} of the format", head.history), VERSION.to_string()));
    }
    Kind::named(&head.model).ok_or_else(|| Wrong::new(&head.model, "one of the models register, kv and store"))
}

fn event(recorder: &mut Recorder<Call, Reply>, line: &str) -> Result<(), Wrong> {
    let read: Result<Event, _> = serde_json::from_str(line);
    let mut event = read.map_err(|error| Wrong::new(line, format!("an event ({error})")))?;
    let at = event.at;
    match (event.invoke.take(), event.returned.take(), event.fail.take(), event.lost.take()) {
        (Some(number), None, None, None) => {
            room(recorder)?;
            if number as usize != recorder.len() {
                return Err(Wrong::said(format!("operation {number}"), format!("the next one, {}", recorder.len())));
            }
            let client = event.client.take().ok_or_else(|| Wrong::said("no client", "who invokes the operation"))?;
            let call = call(&mut event)?;
            nothing_else(&event, line)?;
            recorder.invoke(Client(client), call, at)?;
        }
        (None, Some(number), None, None) => {
            let reply = match (event.value.take(), event.applied.take()) {
                (None, None) => Reply::Done,
                (Some(value), None) => Reply::Value(optional(value)?),
                (None, Some(applied)) => Reply::Applied(applied),
                (Some(_), Some(_)) => return Err(Wrong::new(line, "a value or what was applied, not both")),
            };
            nothing_else(&event, line)?;
            let call = &recorder.open(OpId(number))?.call;
            if !call.takes(&reply) {
                return Err(Wrong::said(format!("the answer {reply} to a {call}"), "an answer of its kind"));
            }
            recorder.complete(OpId(number), reply, at)?;
        }
        (None, None, Some(number), None) => {
            nothing_else(&event, line)?;
            recorder.fail(OpId(number), at)?;
        }
        (None, None, None, Some(number)) => {
            nothing_else(&event, line)?;
            recorder.lost(OpId(number), at)?;
        }
        _ => return Err(Wrong::new(line, "one of invoke, return, fail and lost")),
    }
    Ok(())
}

/// Everything else that stands in the line must have been used.
fn nothing_else(event: &Event, line: &str) -> Result<(), Wrong> {
    match event {
        Event { client: None, call: None, key: None, value: None, expected: None, new: None, applied: None, .. } => Ok(()),
        _ => Err(Wrong::new(line, "only the fields that belong to such an event")),
    }
}

fn call(event: &mut Event) -> Result<Call, Wrong> {
    let name = event.call.take().ok_or_else(|| Wrong::said("no call", "the operation that is invoked"))?;
    let key = event.key.take().ok_or_else(|| Wrong::said("no key", "the key that the operation is about"))?;
    let missing = |field: &'static str| move || Wrong::said(format!("no {field}"), "it, since the operation needs it");
    Ok(match name.as_str() {
        "get" => Call::Get { key },
        "put" => Call::Put { key, value: bytes(event.value.take().flatten().ok_or_else(missing("value"))?)? },
        "append" => Call::Append { key, value: bytes(event.value.take().flatten().ok_or_else(missing("value"))?)? },
        "delete" => Call::Delete { key },
        "compare-and-set" => Call::CompareAndSet {
            key,
            expected: optional(event.expected.take().ok_or_else(missing("expected"))?)?,
            new: optional(event.new.take().ok_or_else(missing("new"))?)?,
        },
        _ => return Err(Wrong::new(&name, "one of get, put, append, delete and compare-and-set")),
    })
}

fn optional(text: Option<Text>) -> Result<Option<Bytes>, Wrong> {
    text.map(bytes).transpose()
}

fn bytes(text: Text) -> Result<Bytes, Wrong> {
    let digits = match text {
        Text::Plain(text) => return Ok(text.as_str().into()),
        Text::Hex { hex } => hex,
    };
    let pair = |pair: &[u8]| Some((char::from(*pair.first()?).to_digit(16)? << 4 | char::from(*pair.get(1)?).to_digit(16)?) as u8);
    let read: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    read.map(Into::into).ok_or_else(|| Wrong::new(&digits, "two hexadecimal digits for each byte"))
}

fn text(bytes: &Bytes) -> Text {
    match std::str::from_utf8(bytes.as_bytes()) {
        Ok(text) => Text::Plain(text.to_owned()),
        Err(_) => Text::Hex { hex: bytes.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect() },
    }
}

/// Writes a history, to be read with this model.
#[must_use]
pub fn write(model: Kind, history: &History<Call, Reply>) -> String {
    let mut events: Vec<(u32, Event)> = Vec::new();
    for (number, operation) in (0..).zip(history.operations()) {
        events.push((operation.invoked.order, invoked(number, operation.client, operation.invoked.at, &operation.call)));
        let end = Event::default();
        match &operation.outcome {
            Outcome::Returned(moment, reply) => {
                let end = Event { returned: Some(number), at: moment.at, ..end };
                let end = match reply {
                    Reply::Done => end,
                    Reply::Value(value) => Event { value: Some(value.as_ref().map(text)), ..end },
                    Reply::Applied(applied) => Event { applied: Some(*applied), ..end },
                };
                events.push((moment.order, end));
            }
            Outcome::Failed(moment) => events.push((moment.order, Event { fail: Some(number), at: moment.at, ..end })),
            Outcome::Unknown(Some(moment)) => events.push((moment.order, Event { lost: Some(number), at: moment.at, ..end })),
            Outcome::Unknown(None) => {}
        }
    }
    events.sort_by_key(|(order, _)| *order);
    let mut out = line(&Head { history: VERSION, model: model.name().to_owned() });
    events.iter().for_each(|(_, event)| out += &line(event));
    out
}

fn invoked(number: u32, client: Client, at: u64, call: &Call) -> Event {
    let event = Event { invoke: Some(number), client: Some(client.0), at, key: Some(call.key().to_owned()), ..Event::default() };
    let named = |name: &str| Some(name.to_owned());
    match call {
        Call::Get { .. } => Event { call: named("get"), ..event },
        Call::Put { value, .. } => Event { call: named("put"), value: Some(Some(text(value))), ..event },
        Call::Append { value, .. } => Event { call: named("append"), value: Some(Some(text(value))), ..event },
        Call::Delete { .. } => Event { call: named("delete"), ..event },
        Call::CompareAndSet { expected, new, .. } => {
            let (expected, new) = (Some(expected.as_ref().map(text)), Some(new.as_ref().map(text)));
            Event { call: named("compare-and-set"), expected, new, ..event }
        }
    }
}

fn line(value: &impl Serialize) -> String {
    // Neither type has anything in it that JSON has no word for.
    serde_json::to_string(value).map_or_else(|_| String::new(), |text| text + "\n")
}
