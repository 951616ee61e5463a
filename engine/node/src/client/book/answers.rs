//! What answers do to requests. The table:
//!
//! | answer | without doubt | in doubt |
//! |---|---|---|
//! | what was asked for | ends well | ends well |
//! | not leader | again, elsewhere | again, elsewhere |
//! | busy | waits and again, or ends as busy | waits and again |
//! | uncertain, stopping | in doubt from here on: again in a session, else ends as unknown | the same |
//! | session expired | again, in a new session | ends as unknown |
//! | settled | again, under a new sequence | ends as unknown |
//! | any other refusal | ends as refused | ends as unknown |
//!
//! An answer that does not fit its question is a breach: nothing else that comes over this connection can be believed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_net::wire::client::{Refused, Response, Why, request, response};
use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;

use super::sending::OWN;
use super::{Book, Leave, OnBusy, Repeat, RequestError, Stage, To, What};

/// How long to wait if the cluster is busy and does not say.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long to wait before a session is opened in the place of one that was forgotten.
const EXPIRED_PAUSE: Duration = Duration::from_millis(5);
/// The longest time that the cluster is believed to want somebody to wait.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The other end does not speak the language.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the answer to request {number} is {found}; expected {expected}")]
pub(in super::super) struct Breach {
    number: u64,
    found: &'static str,
    expected: &'static str,
}

impl Book {
    /// Takes an answer.
    pub(in super::super) fn answer(&mut self, now: Instant, response: Response) -> Result<(), Breach> {
        let Response { number, body } = response;
        let Some(body) = body else { return Err(Breach { number, found: "empty", expected: "one with a body" }) };
        if number == OWN {
            if let response::Body::Status(status) = body {
                self.members = Some(status.members.into_iter().map(|member| member.client_address).collect());
            }
            return Ok(());
        }
        let Some(slot) = self.slots.get(number).filter(|slot| slot.stage == Stage::Sent) else {
            self.counts.strays += 1;
            return Ok(());
        };
        match (&slot.what, body) {
            (_, response::Body::Refused(refused)) => self.refused(now, number, refused),
            (What::Command(_), body @ response::Body::Written(_))
            | (What::Ask(request::Body::Read(_), _), body @ response::Body::Read(_))
            | (What::Ask(request::Body::Status(_), _), body @ response::Body::Status(_))
            | (What::Ask(request::Body::Change(_), _), body @ response::Body::Changed(_))
            | (What::Ask(request::Body::Transfer(_), _), body @ response::Body::Transferring(_)) => {
                self.worked = true;
                self.finish(number, Ok(body));
            }
            (What::Open, response::Body::Opened(id)) if id != 0 => self.opened(number, id),
            (What::Watch(_), response::Body::Changes(changes)) => self.changed(number, changes),
            (What::Watch(_), response::Body::Cancelled(_)) => self.unwatched(number),
            (what, body) => return Err(Breach { number, found: name(&body), expected: expected(what) }),
        }
        Ok(())
    }

    fn opened(&mut self, number: u64, id: u64) {
        self.worked = true;
        let Some(slot) = self.slots.get(number) else { return };
        let at = slot.session;
        if let Some(session) = self.session(at) {
            session.opened(id);
        }
        self.unpark(at);
        self.finish(number, Ok(response::Body::Opened(id)));
    }

    fn changed(&mut self, number: u64, changes: Bytes) {
        self.worked = true;
        let Some(Some(sent)) = self.slots.get(number).map(|slot| match &slot.to {
            To::Watch(follower) => Some(follower.try_send(Ok(changes))),
            _ => None,
        }) else {
            return;
        };
        // Who does not keep up asks again from where they are, when they are done with what they have.
        if let Err(TrySendError::Full(_) | TrySendError::Closed(_)) = sent {
            self.cancel(number);
        }
    }

    fn refused(&mut self, now: Instant, number: u64, refused: Refused) {
        let Some(slot) = self.slots.get(number) else { return };
        let why = Why::try_from(refused.why).unwrap_or(Why::Unknown);
        let asked = Duration::from_millis(refused.retry_after_ms.into()).min(PAUSE_MAX);
        match why {
            Why::NotLeader => {
                self.counts.redirects += 1;
                self.troubled(&if refused.text.is_empty() { "no member said that it leads".into() } else { refused.text });
                let to = Some(refused.leader_address).filter(|address| !address.is_empty());
                self.leave_for(now, to);
                self.again(number);
            }
            Why::Busy => {
                self.counts.busy += 1;
                let retry_after = if asked.is_zero() { BUSY_PAUSE } else { asked };
                let report =
                    matches!(self.sessions.get(slot.session as usize), Some(Some(session)) if session.options.on_busy == OnBusy::Report);
                if report && !slot.doubtful && matches!(slot.what, What::Command(_)) {
                    self.worked = true;
                    self.finish(number, Err(RequestError::Busy { retry_after }));
                } else {
                    self.troubled("the cluster is busy");
                    self.pause(now, retry_after);
                    self.again(number);
                }
            }
            Why::Uncertain => {
                if !asked.is_zero() {
                    self.pause(now, asked);
                }
                self.doubt(number, &refused.text);
            }
            Why::Stopping => {
                self.troubled("the member that was asked stops");
                self.leave_for(now, None);
                self.doubt(number, "the member that was asked stopped");
            }
            Why::SessionExpired => self.expired(now, number),
            Why::Settled => self.settled(number),
            Why::BadRequest | Why::Forbidden | Why::ReadOnly | Why::Compacted | Why::Unknown => {
                self.worked = true;
                let once = !matches!(slot.what, What::Ask(_, Repeat::Freely) | What::Watch(_) | What::Open);
                let error = if slot.doubtful || once && why == Why::Unknown {
                    RequestError::Unknown {
                        why: format!("an attempt got no answer, and the next one was refused: {}", refused.text).into(),
                    }
                } else {
                    RequestError::Refused { why, text: refused.text.into() }
                };
                self.finish(number, Err(error));
            }
        }
    }

    /// The connection is to be left. Who was named first counts.
    fn leave_for(&mut self, now: Instant, to: Option<String>) {
        match &mut self.leave {
            Some(leave) if leave.to.is_none() => leave.to = to,
            Some(_) => {}
            None => self.leave = Some(Leave { to, since: now }),
        }
    }

    /// The cluster has forgotten the session. The attempt that was answered so was not carried out.
    fn expired(&mut self, now: Instant, number: u64) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let (at, life, doubtful) = (slot.session, slot.life, slot.doubtful);
        slot.sequence = 0;
        if let Some(session) = self.session(at)
            && session.life == life
            && session.id.take().is_some()
        {
            self.counts.expired += 1;
            self.pause(now, EXPIRED_PAUSE);
        }
        if doubtful {
            self.forgotten(number);
        } else {
            self.again(number);
        }
    }

    /// The cluster had no room for the answers to requests behind this one, and let go of its place. This attempt was not carried out.
    fn settled(&mut self, number: u64) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let (at, life, sequence) = (slot.session, slot.life, std::mem::take(&mut slot.sequence));
        let doubtful = slot.doubtful;
        if let Some(session) = self.session(at)
            && session.life == life
            && sequence != 0
        {
            session.settle(sequence);
        }
        if doubtful {
            let why = "an attempt got no answer, and the cluster has no room for the answer any more".into();
            self.finish(number, Err(RequestError::Unknown { why }));
        } else {
            self.again(number);
        }
    }
}

fn name(body: &response::Body) -> &'static str {
    match body {
        response::Body::Written(_) => "that something was written",
        response::Body::Opened(_) => "a session",
        response::Body::Read(_) => "what was read",
        response::Body::Changes(_) => "changes",
        response::Body::Status(_) => "a status",
        response::Body::Changed(_) => "that members were changed",
        response::Body::Transferring(_) => "that leadership moves",
        response::Body::Refused(_) => "a refusal",
        response::Body::Cancelled(_) => "that something was cancelled",
    }
}

fn expected(what: &What) -> &'static str {
    match what {
        What::Command(_) => "that something was written",
        What::Open => "a session that is not 0",
        What::Watch(_) => "changes",
        What::Ask(request::Body::Read(_), _) => "what was read",
        What::Ask(request::Body::Status(_), _) => "a status",
        What::Ask(request::Body::Change(_), _) => "that members were changed",
        What::Ask(..) => "that leadership moves",
    }
}
