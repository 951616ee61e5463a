//! Real sockets: who gets in and who does not, what becomes of bad frames, and what a connection carries.

mod bad_frames;
mod carrying;
mod greeting;
mod links;
mod refusals;
mod support;
