//! Real nodes, over TLS on loopback, in one process: they elect, commit, restart, change members.

mod crew;
mod members;
mod native_client;
mod service;

use quorate_net::wire::client::{Why, response};

/// What a request was refused with, if it was.
fn why(body: &response::Body) -> Option<Why> {
    match body {
        response::Body::Refused(refused) => Some(refused.why()),
        _ => None,
    }
}
