//! Writing: frames gather in a buffer, and go through TLS to the system in large chunks.
//!
//! Nothing is encrypted before what was encrypted earlier is with the system: so what waits is waiting as frames, and is counted. Nothing
//! here waits for the other end but [`Outgoing::flush`].

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use quorate_core::ids::PartitionId;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::coop::consume_budget;

use super::channel::{Channel, lock};
use crate::frame::{Agreed, FrameWriter, GREETING_BYTES_MAX, Kind, TooLong};
use crate::wire::link;

/// How much goes through TLS at once.
const CHUNK_BYTES: usize = 256 << 10;
/// A buffer that grew beyond this is given back once it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// What is sent.
pub struct Outgoing {
    half: OwnedWriteHalf,
    state: State,
}

/// What is known about what is sent, wherever it goes to.
pub(super) struct State {
    channel: Channel,
    frames: BytesMut,
    /// How many bytes of frames TLS has, of which not all are with the system.
    encrypted: usize,
    writer: FrameWriter,
}

impl State {
    pub(super) fn new(channel: Channel, kind: Kind) -> Self {
        Self { channel, frames: BytesMut::new(), encrypted: 0, writer: FrameWriter::greeting(kind) }
    }
}

impl Outgoing {
    pub(super) fn new(half: OwnedWriteHalf, state: State) -> Self {
        Self { half, state }
    }

    pub(super) fn into_parts(self) -> (OwnedWriteHalf, State) {
        (self.half, self.state)
    }

    pub(super) fn agree(&mut self, agreed: Agreed) {
        self.state.writer.agree(agreed);
    }

    /// Puts a frame to those that wait.
    ///
    /// # Errors
    /// If the other end would refuse it for its length. Nothing was done.
    pub fn push(&mut self, kind: Kind, partition: PartitionId, body: &[u8]) -> Result<(), TooLong> {
        self.push_with(kind, partition, |out| out.extend_from_slice(body))
    }

    /// The same with a body that is written straight to its place.
    ///
    /// # Errors
    /// If the other end would refuse it for its length. Nothing was done.
    pub fn push_with(&mut self, kind: Kind, partition: PartitionId, write: impl FnOnce(&mut BytesMut)) -> Result<(), TooLong> {
        self.state.writer.push(&mut self.state.frames, kind, partition, write)
    }

    /// How many bytes of frames are not with the system yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.frames.len() + self.state.encrypted
    }

    /// Gives the system all that waits.
    ///
    /// # Errors
    /// If the connection is broken.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await?;
        // Whoever always has something to send to one who always takes it lets others of its thread go on all the same.
        consume_budget().await;
        Ok(())
    }

    /// The same for whoever waits for several things at once.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.try_flush()? {
            ready!(self.half.as_ref().poll_write_ready(context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives the system as much as it takes now. Says whether that was all.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn try_flush(&mut self) -> io::Result<bool> {
        let (state, stream) = (&mut self.state, self.half.as_ref());
        match &state.channel {
            Channel::Plain => {
                while !state.frames.is_empty() {
                    match stream.try_write(&state.frames) {
                        Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                        Ok(bytes) => state.frames.advance(bytes),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            }
            Channel::Tls(tls) => {
                let mut tls = lock(tls);
                loop {
                    if !Channel::write_queue(&mut tls, stream)? {
                        return Ok(false);
                    }
                    state.encrypted = 0;
                    if state.frames.is_empty() {
                        break;
                    }
                    let bytes = state.frames.len().min(CHUNK_BYTES);
                    Channel::encrypt(&mut tls, &state.frames[..bytes])?;
                    state.frames.advance(bytes);
                    state.encrypted = bytes;
                }
            }
        }
        if state.frames.capacity() > KEPT_BYTES {
            state.frames = BytesMut::new();
        }
        Ok(true)
    }

    /// Closes this direction in good order, behind all that waits.
    ///
    /// # Errors
    /// If the connection is broken.
    pub async fn close(mut self) -> io::Result<()> {
        self.end().await
    }

    /// Ends the connection with a reason that the other end is told, behind all that waits. See [`super::Incoming::linger`].
    ///
    /// # Errors
    /// If the connection is broken.
    pub async fn refuse(mut self, reason: &str) -> io::Result<()> {
        self.push_refusal(reason);
        self.end().await
    }

    #[cfg(test)]
    pub(super) fn renew_keys(&mut self) {
        if let Channel::Tls(tls) = &self.state.channel {
            lock(tls).refresh_traffic_keys().expect("a connection that is up can renew its keys");
        }
    }

    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.flush().await?;
        if let Channel::Tls(tls) = &self.state.channel {
            lock(tls).send_close_notify();
            self.flush().await?;
        }
        self.half.shutdown().await
    }

    pub(super) fn push_refusal(&mut self, reason: &str) {
        const ROOM: usize = 16;
        let mut end = reason.len().min(GREETING_BYTES_MAX - ROOM);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let refusal = link::Refusal { reason: reason[..end].to_owned() };
        let pushed = self.push_with(Kind::Refusal, PartitionId(0), |out| prost::Message::encode_raw(&refusal, out));
        debug_assert!(pushed.is_ok(), "a reason was cut to what fits");
    }
}
