//! Reading: from the system through TLS to frames.
//!
//! One piece of memory a thread takes what the system has, for all connections of that thread: what it holds is passed on before anything
//! else happens. What came is kept in one buffer a connection, from which frames are split off without being copied.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use prost::Message as _;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::timeout;

use super::channel::Channel;
use super::error::ReadError;
use crate::frame::{Agreed, Frame, FrameReader, HEADER_BYTES, Kind};
use crate::wire::link;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;
/// How much is handed over at once.
const FRAMES_BYTES: usize = 1 << 20;
/// So long is waited for the other end to take note of a refusal.
pub(super) const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    static RAW: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// What comes.
pub struct Incoming {
    half: OwnedReadHalf,
    state: State,
}

/// What is known about what comes, wherever it comes from.
pub(super) struct State {
    channel: Channel,
    come: BytesMut,
    reader: FrameReader,
    end: Option<ReadError>,
}

impl State {
    pub(super) fn new(channel: Channel, kind: Kind) -> Self {
        Self { channel, come: BytesMut::new(), reader: FrameReader::greeting(kind), end: None }
    }
}

impl Incoming {
    pub(super) fn new(half: OwnedReadHalf, state: State) -> Self {
        Self { half, state }
    }

    pub(super) fn into_parts(self) -> (OwnedReadHalf, State) {
        (self.half, self.state)
    }

    pub(super) fn stream(&self) -> &TcpStream {
        self.half.as_ref()
    }

    pub(super) fn agree(&mut self, agreed: Agreed) {
        self.state.reader.agree(agreed);
    }

    /// Waits for a frame, then takes all that have come, up to about a megabyte of them. Whoever stops waiting loses nothing.
    ///
    /// # Errors
    /// If nothing more comes. Frames that came before are handed over first.
    pub async fn frames(&mut self, into: &mut Vec<Frame>) -> Result<(), ReadError> {
        let before = into.len();
        loop {
            self.state.split(into);
            if into.len() > before {
                return Ok(());
            }
            if let Some(end) = self.state.end() {
                return Err(end);
            }
            self.read().await;
        }
    }

    /// Waits for one frame.
    pub(super) async fn frame(&mut self) -> Result<Frame, ReadError> {
        loop {
            if let Some(frame) = self.state.next() {
                return Ok(frame);
            }
            if let Some(end) = self.state.end() {
                return Err(end);
            }
            self.read().await;
        }
    }

    /// Reads on and forgets it, until the other end is gone or a second is over. Whoever ends a connection with a refusal does so: a stream
    /// that is closed with something unread takes back what was last sent on it.
    pub async fn linger(mut self) {
        self.drain().await;
    }

    pub(super) async fn drain(&mut self) {
        // Whether the other end took note changes nothing.
        let _ = timeout(LINGER_TIMEOUT, self.drain_all()).await;
    }

    async fn drain_all(&mut self) {
        let nothing_left = |half: &mut OwnedReadHalf, context: &mut Context<'_>, raw: &mut [u8]| {
            let mut raw = ReadBuf::new(raw);
            Pin::new(half).poll_read(context, &mut raw).map(|result| result.is_err() || raw.filled().is_empty())
        };
        while !poll_fn(|context| RAW.with_borrow_mut(|raw| nothing_left(&mut self.half, context, raw))).await {}
    }

    async fn read(&mut self) {
        poll_fn(|context| self.poll_fill(context)).await;
    }

    /// Waits until something comes, and says why nothing more will, if so.
    pub(super) async fn fill(&mut self) -> Option<&ReadError> {
        self.read().await;
        self.state.end.as_ref()
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<()> {
        RAW.with_borrow_mut(|raw| {
            let mut raw = ReadBuf::new(raw);
            let result = ready!(Pin::new(&mut self.half).poll_read(context, &mut raw));
            let stream = self.half.as_ref();
            let state = &mut self.state;
            let end = match result {
                Err(error) => Some(ReadError::Cut(error.to_string())),
                Ok(()) if raw.filled().is_empty() => Some(match &state.channel {
                    Channel::Plain => ReadError::Closed,
                    Channel::Tls(_) => ReadError::Cut("the stream ended, and TLS did not say that it would".into()),
                }),
                Ok(()) => match state.channel.take(stream, raw.filled(), &mut state.come) {
                    Ok(false) => None,
                    Ok(true) => Some(ReadError::Closed),
                    Err(error) => Some(error),
                },
            };
            state.end = state.end.take().or(end);
            Poll::Ready(())
        })
    }
}

impl State {
    /// Takes the frames that are there.
    fn split(&mut self, into: &mut Vec<Frame>) {
        let mut bytes = 0;
        while bytes < FRAMES_BYTES
            && let Some(frame) = self.next()
        {
            bytes += HEADER_BYTES + frame.body.len();
            into.push(frame);
        }
    }

    /// The next frame, if it is there. What is wrong ends the connection, whatever it would have ended with.
    fn next(&mut self) -> Option<Frame> {
        match self.reader.next(&mut self.come) {
            Ok(Some(frame)) if frame.kind == Kind::Refusal => {
                let refusal = link::Refusal::decode(frame.body);
                self.fail(ReadError::Refused(refusal.map_or_else(|error| error.to_string(), |refusal| visible(&refusal.reason))));
                None
            }
            Ok(frame) => frame,
            Err(error) => {
                self.fail(error.into());
                None
            }
        }
    }

    fn fail(&mut self, error: ReadError) {
        self.come.clear();
        self.end = Some(error);
    }

    /// Why nothing more comes, once all frames have been taken.
    fn end(&self) -> Option<ReadError> {
        match &self.end {
            Some(ReadError::Closed) if !self.come.is_empty() => {
                Some(ReadError::Cut(format!("it ended {} bytes into a frame", self.come.len())))
            }
            end => end.clone(),
        }
    }
}

/// A text from outside that can be put into a log without becoming something else there.
fn visible(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}
