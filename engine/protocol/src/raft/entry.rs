//! An entry of the log: where it stands, and what it says.
//!
//! What it says is bytes from the beginning, as they go to disk and over the wire, so that an entry is encoded once and shared from
//! then on. The first byte tells what follows.

use std::sync::Arc;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::mark::Mark;

use super::configuration::Configuration;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub mark: Mark,
    /// What it says, encoded.
    pub data: Arc<[u8]>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Nothing: the entry with which a leader begins its term.
    Begin,
    /// A command for the state machine.
    Command(&'a [u8]),
    /// The members from this entry on.
    Configuration(Configuration),
    /// A command that was left out on the way to a witness.
    Withheld,
}

const BEGIN: u8 = 0;
const COMMAND: u8 = 1;
const CONFIGURATION: u8 = 2;
const WITHHELD: u8 = 3;

impl Entry {
    /// The entry with which a leader begins its term.
    #[must_use]
    pub fn begin(mark: Mark) -> Self {
        Self { mark, data: Arc::from([BEGIN]) }
    }

    /// A command.
    #[must_use]
    pub fn command(mark: Mark, command: &[u8]) -> Self {
        let mut data = Vec::with_capacity(1 + command.len());
        data.push(COMMAND);
        data.extend_from_slice(command);
        Self { mark, data: data.into() }
    }

    /// A change of members.
    #[must_use]
    pub fn configuration(mark: Mark, configuration: &Configuration) -> Self {
        let mut data = vec![CONFIGURATION];
        configuration.encode(&mut data);
        Self { mark, data: data.into() }
    }

    /// The same entry for a witness, which keeps the place of a command but not what it says.
    #[must_use]
    pub fn for_witness(&self) -> Self {
        if self.data.first() == Some(&COMMAND) { Self { mark: self.mark, data: Arc::from([WITHHELD]) } } else { self.clone() }
    }

    /// Whether it changes the members.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.data.first() == Some(&CONFIGURATION)
    }

    /// What it says.
    ///
    /// # Errors
    /// If the bytes are no payload.
    pub fn payload(&self) -> Result<Payload<'_>, DecodeError> {
        payload(&self.data)
    }
}

/// What an entry's bytes say.
///
/// # Errors
/// If they are no payload.
pub fn payload(data: &[u8]) -> Result<Payload<'_>, DecodeError> {
    let mut reader = Reader::new("raft entry", data);
    match reader.u8("payload")? {
        BEGIN => reader.finish().map(|()| Payload::Begin),
        COMMAND => Ok(Payload::Command(&data[1..])),
        CONFIGURATION => {
            let configuration = Configuration::decode(&mut reader)?;
            reader.finish().map(|()| Payload::Configuration(configuration))
        }
        WITHHELD => reader.finish().map(|()| Payload::Withheld),
        other => Err(reader.unexpected_at(0, "payload", other, "0 to 3".into())),
    }
}
