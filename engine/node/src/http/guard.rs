//! What is asked of every request, and said with every answer.
//!
//! A page in somebody's browser can send requests to any address that the browser reaches, this one among them. So what comes from a page
//! of another origin is refused; and where only this machine is served and nobody shows a certificate, so is what was asked for by another
//! name than one of this machine, as it happens when somebody else's name was made to point here.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;

/// Which requests are refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    /// Whether this machine only is served, without certificates.
    pub(super) this_machine_only: bool,
}

/// Refuses or lets through, and writes down what was asked.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (method, path, begun) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let mut response = match guard.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    tracing::debug!(%method, path, status = response.status().as_u16(), took = ?begun.elapsed(), "a request over HTTP");
    response
}

impl Guard {
    fn check(self, headers: &HeaderMap) -> Result<(), Failure> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let host = text(header::HOST).unwrap_or_default();
        let forbidden = |why: String| Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", why));
        if let Some(origin) = text(header::ORIGIN)
            && origin.split_once("://").is_none_or(|(_, authority)| authority != host)
        {
            return forbidden(format!("the request comes from a page of {origin:?}; expected none, or one of this server's"));
        }
        if self.this_machine_only && !host.is_empty() && !is_this_machine(host) {
            return forbidden(format!("the request is for {host:?}; expected localhost, or an address of this machine"));
        }
        Ok(())
    }
}

/// Whether an authority, with or without a port, is this machine's.
fn is_this_machine(authority: &str) -> bool {
    let port = |text: &str| text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
    let (name, rest) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, rest)) => (address, rest),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_ours = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_ours && port(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(this_machine_only: bool, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
        Guard { this_machine_only }.check(&headers).is_ok()
    }

    #[test]
    fn pages_of_other_origins_are_refused_wherever_the_server_is() {
        for only in [true, false] {
            assert!(check(only, "127.0.0.1:7002", None));
            assert!(check(only, "127.0.0.1:7002", Some("http://127.0.0.1:7002")));
            assert!(!check(only, "127.0.0.1:7002", Some("https://evil.example")));
            assert!(!check(only, "127.0.0.1:7002", Some("http://127.0.0.1:8080")));
            assert!(!check(only, "127.0.0.1:7002", Some("null")));
        }
    }

    #[test]
    fn another_name_for_this_machine_is_refused_where_nobody_shows_a_certificate() {
        for good in ["localhost", "LOCALHOST:7002", "127.0.0.1", "127.8.0.1:1", "[::1]", "[::1]:7002"] {
            assert!(check(true, good, None), "{good}");
        }
        for bad in ["evil.example", "evil.example:7002", "localhost.evil.example", "10.0.0.1:7002", "127.0.0.1:7002@evil", "[::1].evil"] {
            assert!(!check(true, bad, None), "{bad}");
            assert!(check(false, bad, None), "{bad}");
        }
    }
}
