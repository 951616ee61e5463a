//! Whether a node could listen where it should.

use std::io::ErrorKind;
use std::net::{TcpListener, ToSocketAddrs as _};

use quorate_node::config::Config;
use serde_json::json;

use crate::commands::doctor::{Check, Status};

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let listeners =
        [("members", Some(&config.bind)), ("clients", config.client.as_ref().map(|client| &client.bind)), ("http", config.http.as_ref())];
    listeners.into_iter().filter_map(|(whom, bind)| Some(check(whom, bind?))).collect()
}

/// Listens, for a moment.
fn check(whom: &'static str, bind: &str) -> Check {
    let values = json!({ "for": whom, "bind": bind });
    let listen = || TcpListener::bind(bind.to_socket_addrs()?.collect::<Vec<_>>().as_slice());
    let Err(error) = listen() else { return Check::fine("listen", format!("{bind} is free for {whom}"), values) };
    let check = Check::fine("listen", format!("{bind}, for {whom}: {error}"), values);
    match error.kind() {
        // Whoever checks a node that runs finds it there.
        ErrorKind::AddrInUse => check.but(Status::Note, "if that is not this node itself, choose another port"),
        ErrorKind::AddrNotAvailable => check.but(Status::Problem, "this machine does not have that address; 0.0.0.0 means all that it has"),
        ErrorKind::PermissionDenied => check.but(Status::Problem, "choose a port from 1024, or run the node as a user who may"),
        _ => check.but(Status::Problem, "name an address of this machine"),
    }
}
