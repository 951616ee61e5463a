//! The HTTP API, over real sockets, in front of a real node: a cluster of one.

mod api;
mod client;
mod connections;
mod examples;
mod exposition;
mod served;
mod tls;
mod watching;
