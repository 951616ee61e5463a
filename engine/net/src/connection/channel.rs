//! What both halves of a connection share: the state of TLS, if there is any.

use std::io::{self, BufRead as _, IoSlice, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::net::TcpStream;

use super::error::ReadError;
use crate::tls::reason;

/// How bytes of frames become bytes on the wire.
#[derive(Clone)]
pub(super) enum Channel {
    /// They are the same.
    Plain,
    /// Through TLS. Whoever holds the lock may write what stands in its queue: the order is the queue's.
    Tls(Arc<Mutex<rustls::Connection>>),
}

impl Channel {
    pub(super) fn tls(connection: rustls::Connection) -> Self {
        Self::Tls(Arc::new(Mutex::new(connection)))
    }

    /// Takes what came from the system. Frames' bytes go to `come`. Says whether the other end will say nothing more, in good order.
    pub(super) fn take(&self, stream: &TcpStream, mut raw: &[u8], come: &mut BytesMut) -> Result<bool, ReadError> {
        let Self::Tls(tls) = self else {
            come.extend_from_slice(raw);
            return Ok(false);
        };
        let mut tls = lock(tls);
        let mut closed = false;
        while !raw.is_empty() && !closed {
            tls.read_tls(&mut raw).map_err(|error| ReadError::Tls(error.to_string()))?;
            let state = match tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    // The other end shall know why, if it can be told at once.
                    let _ = tls.write_tls(&mut System(stream));
                    return Err(ReadError::Tls(reason(&error)));
                }
            };
            closed = state.peer_has_closed();
            let (mut left, mut reader) = (state.plaintext_bytes_to_read(), tls.reader());
            while left > 0 {
                let chunk = reader.fill_buf().map_err(|error| ReadError::Tls(error.to_string()))?;
                let bytes = chunk.len();
                come.extend_from_slice(chunk);
                reader.consume(bytes);
                left = left.saturating_sub(bytes.max(1));
            }
        }
        if tls.wants_write() {
            // An answer of TLS itself. If it does not fit now, it goes with whatever is sent next.
            match tls.write_tls(&mut System(stream)) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(ReadError::Cut(error.to_string())),
                _ => {}
            }
        }
        Ok(closed)
    }

    /// Whether TLS is still about to come about.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls(tls) => lock(tls).is_handshaking(),
        }
    }

    /// Writes everything that stands in TLS's queue. Says whether all of it is with the system.
    pub(super) fn write_queue(tls: &mut rustls::Connection, stream: &TcpStream) -> io::Result<bool> {
        while tls.wants_write() {
            match tls.write_tls(&mut System(stream)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Puts bytes of frames into TLS's queue.
    pub(super) fn encrypt(tls: &mut rustls::Connection, bytes: &[u8]) -> io::Result<()> {
        tls.writer().write_all(bytes)
    }
}

pub(super) fn lock(tls: &Mutex<rustls::Connection>) -> MutexGuard<'_, rustls::Connection> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The system's end of a stream, written to without waiting.
pub(super) struct System<'a>(pub(super) &'a TcpStream);

impl io::Write for System<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
