//! Connections: how many there are, how long they may take, and how they end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use quorate_net::tls::Security;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::HttpOptions;
use super::patience::Patient;
use super::tls::Tls;

/// So long a request's line and headers may be.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long nobody is let in when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// What those are told for whom there is no room.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\ncontent-length: 66\r\n\
connection: close\r\n\r\n{\"error\":\"busy\",\"why\":\"there are too many connections; try again\"}";

/// Serves until told to stop; then lets run what runs, for a while.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    options: Arc<HttpOptions>,
    stopping: watch::Sender<bool>,
    stop: impl Future,
) -> io::Result<()> {
    let mut stop = pin!(stop);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() >= options.connections => turn_away(&stream),
            Ok((stream, _)) => {
                connections.spawn(keep(stream, router.clone(), Arc::clone(&options), stopping.subscribe()));
            }
            Err(error) if is_of_one(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be let in over HTTP; trying again");
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(options.grace, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections over HTTP did not end in time, and are cut");
        connections.shutdown().await;
    }
    Ok(())
}

/// Whether an error is about the connection that was to be let in, and none of the next.
fn is_of_one(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

/// Nobody waits here: what the socket does not take at once, the other end does not get.
fn turn_away(stream: &TcpStream) {
    if let Err(error) = stream.try_write(FULL) {
        tracing::debug!(%error, "a connection for which there is no room was not told so");
    }
}

/// One connection, to its end.
async fn keep(stream: TcpStream, router: Router, options: Arc<HttpOptions>, stopping: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    match &options.security {
        Security::Plain => converse(stream, router, &options, stopping).await,
        Security::Tls(credentials) => {
            let address = stream.peer_addr().map_or_else(|_| "somebody".into(), |address| address.to_string());
            match timeout(options.header_timeout, Tls::accept(stream, credentials)).await {
                Ok(Ok((stream, who))) => {
                    tracing::debug!(%who, address, "a connection over HTTP begins");
                    converse(stream, router, &options, stopping).await;
                }
                Ok(Err(error)) => tracing::warn!(address, %error, "a connection over HTTP is refused"),
                Err(_) => tracing::warn!(address, "a connection over HTTP is refused: its handshake took too long"),
            }
        }
    }
}

/// Requests and answers.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router, options: &HttpOptions, mut stopping: watch::Receiver<bool>) {
    let stream = TokioIo::new(Patient::new(stream, options.stall_timeout));
    let mut conversation = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_header_size(HEAD_BYTES_MAX)
            .serve_connection(stream, TowerToHyperService::new(router))
    );
    let stopped = async { stopping.wait_for(|stopping| *stopping).await.map(drop) };
    let mut ended = tokio::select! {
        ended = conversation.as_mut() => Some(ended),
        _ = stopped => None,
    };
    if ended.is_none() {
        conversation.as_mut().graceful_shutdown();
        ended = Some(conversation.await);
    }
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a connection over HTTP ended");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_said_to_those_for_whom_there_is_no_room_is_as_long_as_it_says() {
        let text = std::str::from_utf8(super::FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{} bytes", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["error"] == "busy");
    }
}
