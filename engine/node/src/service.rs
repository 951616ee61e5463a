//! Clients over the wire: their connections, and what is on its way to them.
//!
//! A client's requests are read as long as what it has asked for and what it has not fetched is bounded; beyond that its own socket fills
//! up, and the client waits. Answers of one turn of the shard go out together. A client that does not fetch its answers is let go.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::PartitionId;
use quorate_net::connection::{Incoming, Outgoing, ReadError};
use quorate_net::frame::{Frame, Kind};
use quorate_net::wire;
use quorate_net::wire::client::{Response, Why, response};
use tokio::sync::Notify;

use crate::handle::refused;
use crate::shard::{Arrival, Inbox};

/// About how many bytes of answers are in one frame.
const FRAME_BYTES: usize = 256 << 10;
/// How many bytes an answer may have, so that it fits into a frame.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// So many times the bytes that may wait for a client end its connection.
const HARD_TIMES: usize = 4;
/// How many requests of one client may wait for their answers.
const UNANSWERED_MAX: usize = 1 << 14;
/// How long a client may leave its answers unfetched when no more of them fit.
const PATIENCE: Duration = Duration::from_secs(10);
/// The field of `Responses` that holds one, and that it is bytes.
const RESPONSE_KEY: u64 = 1 << 3 | 2;

/// A client that is connected.
pub(crate) struct Guest {
    /// For the log: who it is, and which of its connections.
    pub(crate) name: String,
    bytes_max: usize,
    out: RefCell<Out>,
    unanswered: Cell<usize>,
    closed: Cell<bool>,
    /// Something is to be sent, or the end has come.
    wake: Notify,
    /// There is room for more requests, or the end has come.
    room: Notify,
}

/// What is on its way to a client.
#[derive(Default)]
struct Out {
    /// Whole frames' bodies.
    full: VecDeque<BytesMut>,
    open: BytesMut,
    bytes: usize,
}

impl Guest {
    /// A client for whom at most so many bytes may wait.
    pub(crate) fn new(name: String, bytes_max: usize) -> Rc<Self> {
        Rc::new(Self {
            name,
            bytes_max,
            out: RefCell::default(),
            unanswered: Cell::new(0),
            closed: Cell::new(false),
            wake: Notify::new(),
            room: Notify::new(),
        })
    }

    /// Answers a request.
    pub(crate) fn respond(&self, number: u64, body: response::Body) {
        self.unanswered.set(self.unanswered.get().saturating_sub(1));
        self.send(number, body);
    }

    /// Sends something that is no request's only answer.
    pub(crate) fn send(&self, number: u64, body: response::Body) {
        if self.closed.get() {
            return;
        }
        let mut response = Response { number, body: Some(body) };
        let mut len = response.encoded_len();
        if len > ANSWER_BYTES_MAX {
            let text = format!("the answer has {len} bytes, and {ANSWER_BYTES_MAX} fit; ask for less, with a limit");
            response.body = Some(refused(Why::BadRequest, &text, 0));
            len = response.encoded_len();
        }
        let mut out = self.out.borrow_mut();
        if out.bytes > HARD_TIMES * self.bytes_max {
            // What could be refused was. With a session it can ask for the rest again.
            drop(out);
            return self.close();
        }
        prost::encoding::encode_varint(RESPONSE_KEY, &mut out.open);
        prost::encoding::encode_varint(len as u64, &mut out.open);
        out.open.reserve(len);
        // Room was made for exactly this much.
        let _ = response.encode(&mut out.open);
        out.bytes += len;
        if out.open.len() >= FRAME_BYTES {
            let full = std::mem::take(&mut out.open);
            out.full.push_back(full);
        }
        drop(out);
        self.wake.notify_one();
    }

    /// Whether more may be put on the way to it.
    pub(crate) fn has_room(&self) -> bool {
        !self.closed.get() && self.out.borrow().bytes < self.bytes_max
    }

    /// Whether it has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Ends the connection when what is on its way was sent.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.wake.notify_one();
        self.room.notify_one();
    }

    fn take(&self) -> Option<BytesMut> {
        let mut out = self.out.borrow_mut();
        out.full.pop_front().or_else(|| (!out.open.is_empty()).then(|| std::mem::take(&mut out.open)))
    }

    fn sent(&self, bytes: usize) {
        let mut out = self.out.borrow_mut();
        out.bytes = out.bytes.saturating_sub(bytes);
        if out.full.is_empty() && out.open.is_empty() {
            out.bytes = 0;
        }
        drop(out);
        self.room.notify_one();
    }
}

/// Reads a client's requests until it goes. Returns why.
pub(crate) async fn read(mut incoming: Incoming, guest: Rc<Guest>, inbox: Rc<Inbox>) -> String {
    let mut frames = Vec::new();
    loop {
        while !guest.is_closed() && (guest.unanswered.get() >= UNANSWERED_MAX || !guest.has_room()) {
            guest.room.notified().await;
        }
        if guest.is_closed() {
            return "the node closed the connection".into();
        }
        let read = tokio::select! {
            read = incoming.frames(&mut frames) => read,
            () = closed(&guest) => continue,
        };
        match read {
            Ok(()) => {}
            Err(ReadError::Closed) => return "the client closed the connection".into(),
            Err(error) => return error.to_string(),
        }
        while inbox.is_full() && !inbox.is_closed() {
            tokio::task::yield_now().await;
        }
        for frame in frames.drain(..) {
            if let Err(why) = take_in(&frame, &guest, &inbox) {
                return why;
            }
        }
    }
}

async fn closed(guest: &Guest) {
    while !guest.is_closed() {
        guest.room.notified().await;
    }
}

/// Puts a frame's requests before the shard.
fn take_in(frame: &Frame, guest: &Rc<Guest>, inbox: &Inbox) -> Result<(), String> {
    if frame.kind != Kind::Requests {
        return Err(format!("a client sent a frame of kind {:?}; expected {:?}", frame.kind, Kind::Requests));
    }
    let requests = wire::requests(&frame.body).map_err(|error| error.to_string())?;
    for request in requests.requests {
        let Some(body) = request.body else { return Err(format!("request {} asks for nothing", request.number)) };
        guest.unanswered.set(guest.unanswered.get() + 1);
        inbox.push(Arrival::Request { partition: frame.partition, guest: Rc::clone(guest), number: request.number, body });
    }
    Ok(())
}

/// Sends a client its answers until it goes. Returns why, if that was not at its own wish.
pub(crate) async fn write(mut outgoing: Outgoing, guest: Rc<Guest>, inbox: Rc<Inbox>) -> Option<String> {
    loop {
        while let Some(body) = guest.take() {
            if let Err(error) = outgoing.push(Kind::Responses, PartitionId(0), &body) {
                return Some(format!("an answer cannot be sent: {error}"));
            }
            match tokio::time::timeout(PATIENCE, outgoing.flush()).await {
                Ok(Ok(())) => guest.sent(body.len()),
                Ok(Err(error)) => return Some(error.to_string()),
                Err(_) => {
                    let waiting = guest.out.borrow().bytes;
                    return Some(format!("it is too slow: it fetched nothing for {PATIENCE:?}, and {waiting} bytes wait for it"));
                }
            }
            // Those who follow changes may have waited for room.
            inbox.nudge();
        }
        if guest.is_closed() {
            // Whoever is told to go need not hear it.
            let _ = outgoing.close().await;
            return None;
        }
        guest.wake.notified().await;
    }
}
