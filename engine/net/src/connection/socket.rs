//! Options of sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::class::Class;

/// A member that does not take what it is sent for so long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(5);
/// A client may be slow, and whoever serves it says for how long; this is for those that are gone without a word.
const CLIENT_DEAD_AFTER: Duration = Duration::from_secs(30);
/// One that is silent is asked so often whether it is there.
const SILENT_AFTER: Duration = Duration::from_secs(2);
const ASKED_EVERY: Duration = Duration::from_secs(1);
const ASKED_TIMES: u32 = 3;

/// Options of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Whether small pieces are sent at once.
    pub nodelay: bool,
    /// How much the system keeps that is to be sent; what it likes, if none.
    pub send_buffer: Option<usize>,
    /// How much the system keeps that was received; what it likes, if none.
    pub receive_buffer: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { nodelay: true, send_buffer: None, receive_buffer: None }
    }
}

impl SocketOptions {
    /// Connects with them.
    pub(super) async fn connect(&self, host: SocketAddr) -> io::Result<TcpStream> {
        let socket = if host.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // The system decides on how much it can ever receive when it connects.
        self.set_buffers(&SockRef::from(&socket))?;
        let stream = socket.connect(host).await?;
        self.set(&stream)?;
        Ok(stream)
    }

    /// Sets them for a connection that came.
    pub(super) fn set(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(self.nodelay)?;
        self.set_buffers(&socket)?;
        let keepalive = TcpKeepalive::new().with_time(SILENT_AFTER).with_interval(ASKED_EVERY);
        #[cfg(not(windows))]
        let keepalive = keepalive.with_retries(ASKED_TIMES);
        socket.set_tcp_keepalive(&keepalive)?;
        dead_after(&socket, DEAD_AFTER)
    }

    fn set_buffers(&self, socket: &SockRef<'_>) -> io::Result<()> {
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Ok(())
    }
}

/// From here on it is known what the connection is for.
pub(super) fn known(stream: &TcpStream, class: Class) -> io::Result<()> {
    dead_after(&SockRef::from(stream), if class == Class::Client { CLIENT_DEAD_AFTER } else { DEAD_AFTER })
}

/// How long the system tries to send something before it gives a connection up, an end that does not read among them.
fn dead_after(socket: &SockRef<'_>, after: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(after))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, after);
    Ok(())
}
