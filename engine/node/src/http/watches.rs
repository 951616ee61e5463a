//! `GET /v1/watch`: changes as server-sent events.
//!
//! An event is `put` or `delete`, and its data a JSON object. All changes of a revision are told before its number becomes the stream's
//! id, which stands at the last of them: whoever reconnects with `Last-Event-ID`, as browsers do, misses nothing, and at most sees changes
//! of one revision again. The stream ends with an event that says why: `compacted` (what was asked for is forgotten; read anew, and go on
//! from there), `end` (the node stops, or has to ask you elsewhere).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_core::Stream;
use quorate_kv::{Changes, Following, Keys, Query, Range, Revision, Watch};
use quorate_net::wire::client::{Refused, Sureness, Why, response};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::ask::Api;
use super::failure::Failure;
use super::json;
use super::parameters::Parameters;
use crate::KV;
use crate::handle::refused;

/// A silent stream says this often that it is still there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// So many events are made before the client takes them.
const EVENTS_MAX: usize = 64;

/// The events of one client.
pub(super) struct Events(mpsc::Receiver<Event>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// `GET /v1/watch`
pub(super) async fn watch(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let known = ["key", "prefix", "start", "end", "from", "prev", "no_put", "no_delete"];
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let watched = Watch {
        prev_kv: parameters.flag("prev")?,
        no_put: parameters.flag("no_put")?,
        no_delete: parameters.flag("no_delete")?,
        ..Watch::new(parameters.keys()?.unwrap_or_else(Keys::all))
    };
    let from = match resumed(&headers)?.or(parameters.number("from")?.map(Revision)) {
        Some(from) => from,
        None => Revision(newest(&api).await?.0 + 1),
    };
    let changes = api.handle.watch(KV, Following { watch: watched, from: from.into() }.encode())?;
    let (events, received) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(follow(changes, events, from, api.stopping.clone()));
    Ok(Sse::new(Events(received)).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE).text("still here")))
}

/// What is behind the last event that the client saw, if it says that it saw one.
fn resumed(headers: &HeaderMap) -> Result<Option<Revision>, Failure> {
    let Some(last) = headers.get("last-event-id") else { return Ok(None) };
    let last: Option<u64> = last.to_str().ok().and_then(|text| text.parse().ok());
    let next = last.and_then(|last| last.checked_add(1)).map(Revision);
    next.map(Some).ok_or_else(|| Failure::bad("Last-Event-ID is none of ours; expected a revision"))
}

/// The newest revision that this node has.
async fn newest(api: &Api) -> Result<Revision, Failure> {
    let nothing = Range { count_only: true, ..Range::new(Keys::one([0])) };
    api.read(Sureness::Local, &Query::Range(nothing)).await.map(|(revision, _)| revision)
}

/// Tells what happens until somebody has had enough.
async fn follow(
    mut changes: mpsc::Receiver<response::Body>,
    events: mpsc::Sender<Event>,
    from: Revision,
    mut stopping: watch::Receiver<bool>,
) {
    if events.send(Event::default().comment(format!("watching from revision {from} on"))).await.is_err() {
        return;
    }
    loop {
        let told = tokio::select! {
            told = changes.recv() => told,
            () = events.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => Some(refused(Why::Stopping, "the node stops", 0)),
        };
        let (list, last) = match told {
            Some(response::Body::Changes(bytes)) => match Changes::decode(&bytes) {
                Ok(changes) => (events_of(&changes), false),
                Err(error) => (vec![end("end", &Failure::from(error))], true),
            },
            Some(response::Body::Refused(refused)) => (vec![ended(refused)], true),
            Some(other) => (vec![end("end", &Failure::unexpected("changes", other))], true),
            None => (vec![end("end", &Failure::unexpected("changes", "nothing"))], true),
        };
        for event in list {
            // Nobody waits for a client that does not take its events, except this task; the server cuts it off.
            if events.send(event).await.is_err() {
                return;
            }
        }
        if last {
            return;
        }
    }
}

/// The events that changes come to.
fn events_of(changes: &Changes) -> Vec<Event> {
    let revisions: Vec<_> = changes.events.iter().map(|event| event.kv.mod_revision).collect();
    let told = |at: usize| match revisions.get(at + 1) {
        Some(next) => *next != revisions[at],
        None => !changes.fragment,
    };
    let event = |(at, change): (usize, &quorate_kv::Event)| {
        let name = if change.is_deletion() { "delete" } else { "put" };
        let event = Event::default().event(name).data(data(change).to_string());
        if told(at) { event.id(revisions[at].to_string()) } else { event }
    };
    changes.events.iter().enumerate().map(event).collect()
}

fn data(change: &quorate_kv::Event) -> Value {
    let mut fields = if change.is_deletion() {
        let mut fields = json::object([("mod_revision", change.kv.mod_revision.0.into())]);
        if let Value::Object(key) = json::key(&change.kv.key) {
            fields.extend(key);
        }
        fields
    } else {
        json::key_value(&change.kv, true)
    };
    if let Some(prev) = &change.prev {
        fields.insert("prev".into(), json::key_value(prev, true).into());
    }
    fields.into()
}

fn ended(refused: Refused) -> Event {
    let name = if refused.why() == Why::Compacted { "compacted" } else { "end" };
    end(name, &refused.into())
}

fn end(name: &str, failure: &Failure) -> Event {
    Event::default().event(name).data(json!({ "error": failure.error, "why": failure.why }).to_string())
}

#[cfg(test)]
mod tests {
    use quorate_kv::{Cursor, KeyValue};

    use super::*;

    fn change(revision: u64, key: &str, version: u64) -> quorate_kv::Event {
        let kv = KeyValue { key: key.into(), mod_revision: Revision(revision), version, value: b"v".to_vec(), ..KeyValue::default() };
        quorate_kv::Event { kv, prev: None }
    }

    async fn written(changes: Changes) -> String {
        use axum::response::IntoResponse;
        let (events, received) = mpsc::channel(EVENTS_MAX);
        for event in events_of(&changes) {
            events.send(event).await.unwrap();
        }
        drop(events);
        let body = Sse::new(Events(received)).into_response().into_body();
        String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_id_stands_at_the_last_change_of_a_revision() {
        let events = vec![change(5, "a", 1), change(5, "b", 0), change(6, "c", 1)];
        let whole = Changes { revision: Revision(6), events: events.clone(), next: Cursor::from(Revision(7)), fragment: false };
        let text = written(whole).await;
        let blocks: Vec<_> = text.trim_end().split("\n\n").collect();
        assert_eq!(blocks.len(), 3, "{text}");
        assert!(blocks[0].starts_with("event: put\n") && !blocks[0].contains("id:"), "{text}");
        assert!(blocks[1].starts_with("event: delete\n") && blocks[1].contains("\nid: 5"), "{text}");
        assert!(blocks[2].contains("\nid: 6"), "{text}");
        let part = Changes { revision: Revision(6), events, next: Cursor { revision: Revision(6), sub: 1 }, fragment: true };
        assert!(!written(part).await.contains("id: 6"), "a revision that goes on was said to be told");
    }

    #[test]
    fn whoever_comes_back_goes_on_behind_what_it_saw() {
        let headers = |last: &str| HeaderMap::from_iter([("last-event-id".parse().unwrap(), last.parse().unwrap())]);
        assert_eq!(resumed(&HeaderMap::new()), Ok(None));
        assert_eq!(resumed(&headers("41")), Ok(Some(Revision(42))));
        for wrong in ["", "x", "18446744073709551615"] {
            assert!(resumed(&headers(wrong)).is_err(), "{wrong}");
        }
    }
}
