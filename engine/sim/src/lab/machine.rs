//! The state machine of the laboratory: the list of the commands that it was given.

use std::sync::Arc;

use quorate_core::ids::Height;
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Piece};

/// Commands in the order of the log, each with its index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine(pub Vec<(Height, Vec<u8>)>);

impl Machine {
    pub(super) fn from_pieces(pieces: &[Vec<u8>]) -> Self {
        let command = |piece: &Vec<u8>| {
            let (index, command) = piece.split_first_chunk::<8>()?;
            Some((Height(u64::from_le_bytes(*index)), command.to_vec()))
        };
        Self(pieces.iter().filter_map(command).collect())
    }
}

/// A machine as of an entry.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) mark: Mark,
    pub(super) configuration: Configuration,
    pub(super) machine: Machine,
}

impl Snapshot {
    /// How many pieces a manifest announces.
    pub(super) fn pieces_of(manifest: &[u8]) -> u64 {
        manifest.first_chunk::<8>().map_or(0, |count| u64::from_le_bytes(*count))
    }

    /// A piece for each command, and one without a command behind them, which makes it whole.
    pub(super) fn piece(&self, nth: u64) -> Option<Piece> {
        let commands = &self.machine.0;
        let bytes: Arc<[u8]> = match commands.get(nth as usize) {
            Some((index, command)) => [&index.0.to_le_bytes()[..], command].concat().into(),
            None if nth == commands.len() as u64 => Arc::from([]),
            None => return None,
        };
        let manifest = Arc::from((commands.len() as u64 + 1).to_le_bytes());
        Some(Piece { mark: self.mark, configuration: self.configuration.clone(), manifest, nth, bytes })
    }
}
