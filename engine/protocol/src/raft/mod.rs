//! Raft.

mod configuration;
mod entry;
mod event;
mod message;
mod planted;
mod settings;

pub use configuration::{Configuration, ConfigurationError, Part, Peer};
pub use entry::{Entry, Payload, payload};
pub use event::{Answer, Effect, Event, HardState, Persist, ReadWay, Rejected, Role};
pub use message::{Body, Letter, Message, Piece};
pub use planted::Planted;
pub use settings::{Settings, SettingsError};
