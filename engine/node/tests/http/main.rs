//! The HTTP API, over real sockets.

mod exposition;
