//! A seeded world that tries to break protocols.
//!
//! One seed replays everything, byte for byte: there is no clock, thread or randomness in here that does not follow from it.
//!
//! A [`Plan`] is a run as data, made from a seed. A [`World`] plays it, event by event, and says after each what came about
//! ([`fact::Fact`]), so that others can look for what never may: [`invariants`] after every event, and [`history`] afterwards, which says
//! whether what the clients saw could have been the work of one machine. [`check`] puts it together. Servers are put together from the
//! engine's own log, snapshots, hosts and pipelines; disks, network and clocks are the world's, and things go wrong with them by plan.
#![forbid(unsafe_code)]

pub mod adversary;
pub mod auditor;
pub mod check;
mod clients;
pub mod clocks;
pub mod disk;
pub mod fact;
mod faults;
mod happening;
pub mod history;
pub mod invariants;
pub mod judge;
pub mod lab;
pub mod machine;
pub mod minimise;
pub mod network;
pub mod plan;
pub mod print;
pub mod queue;
pub mod record;
mod sentences;
mod server;
pub mod sights;
mod tally;
pub mod trace;
mod world;

pub use plan::{Backend, Fault, Options, Plan, Planted, Shape, What};
pub use server::Server;
pub use tally::Tally;
pub use world::{Phase, World};
