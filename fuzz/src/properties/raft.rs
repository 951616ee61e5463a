//! What a Raft server reads back from its log, or is sent by another.

use quorate_core::codec::DecodeError;
use quorate_protocol::raft::{Configuration, Entry, HardState, Payload, payload};
use quorate_storage::Mark;

use super::{canonical, said};

/// What an entry says.
pub fn raft_entry(bytes: &[u8]) {
    let Some(said) = said(payload(bytes)) else { return };
    let entry = match &said {
        Payload::Begin => Entry::begin(Mark::default()),
        Payload::Command(command) => Entry::command(Mark::default(), command),
        Payload::Configuration(configuration) => Entry::configuration(Mark::default(), configuration),
        Payload::Withheld => Entry::command(Mark::default(), b"").for_witness(),
    };
    assert_eq!(&*entry.data, bytes);
    assert_eq!(entry.is_configuration(), matches!(said, Payload::Configuration(_)));
    // What a witness is sent says as much of the members, and is sent on as it is.
    let withheld = entry.for_witness();
    assert_eq!(withheld.for_witness(), withheld);
    if let Payload::Configuration(configuration) = said {
        assert_eq!(withheld, entry);
        members(&configuration);
    }
}

/// A configuration that was read is one that could have been made: it has someone to lead it, and a change comes to its end.
fn members(configuration: &Configuration) {
    let everyone: Vec<_> = configuration.everyone().collect();
    assert!(everyone.iter().any(|&id| configuration.may_lead(id)));
    assert_eq!(configuration.electorate().header().epoch, configuration.epoch());
    for &id in &everyone {
        assert!(configuration.peer(id).is_some() && (configuration.rank(id) as usize) < everyone.len());
        assert!(configuration.votes(id) || !configuration.may_lead(id));
    }
    if configuration.is_joint() && configuration.epoch().0 < u64::MAX {
        let settled = configuration.settled();
        assert!(!settled.is_joint() && settled.peers() == configuration.peers());
    }
}

/// Term and vote.
pub fn raft_hard_state(bytes: &[u8]) {
    let decoded: Result<HardState, DecodeError> = HardState::decode(bytes);
    if canonical(bytes, decoded, |hard| hard.encode().to_vec()).is_some() {
        assert_eq!(bytes.len(), HardState::BYTES);
    }
}
