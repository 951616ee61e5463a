//! Connections: a stream of frames between two ends that know each other.
//!
//! The one who dials says hello: who it is, which cluster it means, what the connection is for. The other welcomes it, or refuses it with
//! a reason, which it also returns to its own caller to be logged. Members dial each other, and a connection carries what the one who
//! dialled has to say; answers go over the answerer's own. A client's connection carries requests one way and responses the other.
//!
//! | file | what happens there |
//! |---|---|
//! | `greeting.rs` | dialling and accepting: TLS, hello, welcome, and every reason to refuse |
//! | `incoming.rs` | reading: from the system through TLS to frames, many at a time |
//! | `outgoing.rs` | writing: frames gather, and go through TLS to the system in large chunks |
//! | `channel.rs` | the TLS state that both share |
//! | `socket.rs` | options of sockets: delays, buffers, and how soon a silent end counts as dead |
//!
//! Both halves work on any runtime. What is read here may make TLS answer (a change of keys): the answer stands in the one queue that both
//! halves empty, so reading never waits for writing.

mod channel;
mod error;
mod greeting;
mod incoming;
mod outgoing;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use quorate_core::ids::{ClusterId, MemberId};
use tokio::net::TcpStream;

pub use error::{ConnectError, ReadError};
pub use greeting::GREETING_TIMEOUT;
pub use incoming::Incoming;
pub use outgoing::Outgoing;
pub use socket::SocketOptions;

use crate::class::Class;
use crate::frame::FrameLimits;
use crate::identity::{Identity, Who};
use crate::tls::Security;

/// This end of all connections.
#[derive(Clone)]
pub struct Local {
    /// Who this is.
    pub identity: Identity,
    /// The cluster's id; all zeros if it is not known yet.
    pub cluster_id: ClusterId,
    /// Where members reach this one; empty for a client.
    pub address: String,
    /// How connections are secured.
    pub security: Security,
    /// How long frames may be.
    pub limits: FrameLimits,
    /// Options of sockets.
    pub socket: SocketOptions,
    /// Whether long bodies may be compressed, if the other end agrees.
    pub compression: bool,
}

/// Whom one wants to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// This member and nobody else.
    Member(MemberId),
    /// Any member of the cluster.
    AnyMember,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Who it is.
    pub who: Who,
    /// What the connection is for.
    pub class: Class,
    /// Where members reach it, as it says; whoever was dialled, where it was.
    pub address: String,
    /// The cluster's id, if it says one.
    pub cluster_id: Option<ClusterId>,
    /// The version that both speak.
    pub version: u8,
    /// Where the connection comes from or goes to.
    pub peer: SocketAddr,
}

/// A connection whose ends know each other.
pub struct Connection {
    incoming: Incoming,
    outgoing: Outgoing,
    remote: Greeting,
}

/// A connection on its way to another runtime.
pub struct Detached {
    stream: std::net::TcpStream,
    incoming: incoming::State,
    outgoing: outgoing::State,
    remote: Greeting,
}

impl Connection {
    fn new(stream: TcpStream, incoming: incoming::State, outgoing: outgoing::State, remote: Greeting) -> Self {
        let (reading, writing) = stream.into_split();
        Self { incoming: Incoming::new(reading, incoming), outgoing: Outgoing::new(writing, outgoing), remote }
    }

    /// Who is at the other end.
    #[must_use]
    pub fn remote(&self) -> &Greeting {
        &self.remote
    }

    /// Both directions. A half that is dropped without [`Outgoing::close`] looks to the other end like a connection that was cut.
    #[must_use]
    pub fn split(self) -> (Incoming, Outgoing) {
        (self.incoming, self.outgoing)
    }

    /// Takes the connection off this thread's runtime, with all that it has read and not yet written.
    ///
    /// # Errors
    /// If the system does not let go of it.
    pub fn detach(self) -> std::io::Result<Detached> {
        let (reading, incoming) = self.incoming.into_parts();
        let (writing, outgoing) = self.outgoing.into_parts();
        let stream = reading.reunite(writing).map_err(|_| std::io::Error::other("the halves of a connection do not belong together"))?;
        Ok(Detached { stream: stream.into_std()?, incoming, outgoing, remote: self.remote })
    }
}

impl Detached {
    /// Who is at the other end.
    #[must_use]
    pub fn remote(&self) -> &Greeting {
        &self.remote
    }

    /// Puts the connection on the runtime of the calling thread.
    ///
    /// # Errors
    /// If the system does not take it.
    pub fn attach(self) -> std::io::Result<Connection> {
        Ok(Connection::new(TcpStream::from_std(self.stream)?, self.incoming, self.outgoing, self.remote))
    }
}
