//! Options of sockets.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// An end that does not acknowledge what it is sent for so long is dead, and one that is silent is asked so often whether it is.
const DEAD_AFTER: Duration = Duration::from_secs(5);
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
    /// Sets them. They hold for either end, and so does what makes a dead end known that does not close.
    pub(super) fn set(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let keepalive = TcpKeepalive::new().with_time(SILENT_AFTER).with_interval(ASKED_EVERY);
        #[cfg(not(windows))]
        let keepalive = keepalive.with_retries(ASKED_TIMES);
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(DEAD_AFTER))?;
        Ok(())
    }
}
