//! What state machines owe, and what their host makes of those that do not pay.

mod host;
mod sessioned;
mod stores;
mod table;

use quorate_core::ids::{Height, View};
use quorate_storage::machine::{Command, Request, StateMachine};
use quorate_storage::{Entry, Mark};

fn mark(index: u64) -> Mark {
    Mark { index: Height(index), term: View(1 + index / 10) }
}

fn set(key: impl ToString, value: impl ToString) -> Vec<u8> {
    Request::Set { key: key.to_string(), value: value.to_string() }.encode()
}

fn get(key: impl ToString) -> Vec<u8> {
    Request::Get { key: key.to_string() }.encode()
}

fn entry(index: u64, payload: Vec<u8>) -> Entry {
    Entry { mark: mark(index), payload }
}

/// Applies these payloads as one batch that begins at an index.
fn apply(machine: &mut dyn StateMachine, from: u64, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let batch: Vec<_> = (from..).zip(payloads).map(|(index, payload)| Command { mark: mark(index), payload }).collect();
    let mut responses = Vec::new();
    machine.apply_batch(&batch, &mut responses).unwrap();
    responses
}

/// All of a machine's state.
fn state(machine: &dyn StateMachine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.snapshot().unwrap().write_to(&mut bytes).unwrap();
    bytes
}
