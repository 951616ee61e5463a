//! TLS beneath HTTP: a stream of bytes over rustls, for whoever shows a certificate of the cluster's authority that names the cluster.
//!
//! The connections of `quorate-net` carry frames, so they are of no use here. Only the configuration is the same.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quorate_net::certs::identity_of;
use quorate_net::identity::Identity;
use quorate_net::tls::Credentials;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection whose handshake is done.
#[derive(Debug)]
pub(super) struct Tls {
    stream: TcpStream,
    session: ServerConnection,
    closing: bool,
}

impl Tls {
    /// Shakes hands, and says who is at the other end.
    pub(super) async fn accept(stream: TcpStream, credentials: &Credentials) -> io::Result<(Self, Identity)> {
        let session = ServerConnection::new(Arc::clone(credentials.server())).map_err(io::Error::other)?;
        let mut tls = Self { stream, session, closing: false };
        let shaken = poll_fn(|context| tls.poll_handshake(context)).await;
        if let Err(error) = shaken {
            // What TLS has against the other end is told to it, if it still listens.
            let _ = poll_fn(|context| Poll::Ready(tls.poll_send(context))).await;
            return Err(error);
        }
        let shown = tls.session.peer_certificates().and_then(|chain| chain.first()).map(|certificate| identity_of(certificate));
        let ours = &credentials.identity().cluster;
        match shown {
            Some(Ok(identity)) if identity.cluster == *ours => Ok((tls, identity)),
            Some(Ok(identity)) => Err(refused(format!("its certificate names {identity}; expected somebody in cluster {ours}"))),
            Some(Err(error)) => Err(refused(error.to_string())),
            None => Err(refused("it showed no certificate; expected one from the cluster's authority".into())),
        }
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            let _ = self.poll_send(context)?;
            if self.session.is_handshaking() && ready!(self.poll_receive(context))? == 0 {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
        }
        self.poll_send(context)
    }

    /// Gives the system what TLS has for it.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Socket { stream: &mut self.stream, context }) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes something from the system; nothing if the end has come.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self.session.read_tls(&mut Socket { stream: &mut self.stream, context }) {
            Ok(bytes) => {
                self.session.process_new_packets().map_err(|error| refused(error.to_string()))?;
                Poll::Ready(Ok(bytes))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

/// The socket, to those who do not wait.
struct Socket<'a, 'b> {
    stream: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

fn now<T>(outcome: Poll<io::Result<T>>) -> io::Result<T> {
    match outcome {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Read for Socket<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(into);
        now(Pin::new(&mut *self.stream).poll_read(self.context, &mut into))?;
        Ok(into.filled().len())
    }
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(Pin::new(&mut *self.stream).poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Tls {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.session.reader().read(into.initialize_unfilled()) {
                Ok(bytes) => {
                    into.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            // TLS may have something to say of its own; if the system does not take it now, it is said along with what comes next.
            let _ = self.poll_send(context)?;
            ready!(self.poll_receive(context))?;
        }
    }
}

impl AsyncWrite for Tls {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let taken = self.session.writer().write(bytes)?;
            let sent = self.poll_send(context)?;
            if taken > 0 || bytes.is_empty() {
                return Poll::Ready(Ok(taken));
            }
            ready!(sent);
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closing {
            self.closing = true;
            self.session.send_close_notify();
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
