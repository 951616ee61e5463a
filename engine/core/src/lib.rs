//! What every other crate speaks of: ids, votes, rounds, electorates, quorum rules, certificates.
//!
//! No I/O, no clock, no randomness. Every type that comes from outside has one checked decoder, and everything that is proved
//! (a certificate, a receipt, a piece of evidence) has a verifier here that needs nothing but bytes and a trust anchor.
#![forbid(unsafe_code)]

pub mod anchor;
pub mod ballot;
pub mod block;
pub mod certificate;
pub mod claim;
pub mod codec;
pub mod context;
pub mod counting;
pub mod decision;
pub mod electorate;
pub mod evidence;
pub mod hash;
pub mod ids;
pub mod mark;
pub mod merkle;
pub mod quorum;
pub mod receipt;
pub mod round;
pub mod sealed;
pub mod verdict;
pub mod vote;
pub mod zip215;
