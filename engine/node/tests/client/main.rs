//! The client against servers of the wire: real connections with TLS, a real state machine with sessions, and a server side that does
//! whatever a script says. What clusters do by chance and rarely, these do on purpose and often.

mod outcomes;
mod redirects;
mod server;
mod speed;
mod watches;
