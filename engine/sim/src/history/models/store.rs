//! A map of values that may be absent: put, get, delete, compare and set. What the clients of a simulated cluster use.
//!
//! Absent is a value like any other where values are compared: "if there is none, put this" is a compare-and-set from nothing, and one
//! to nothing deletes.

use super::super::Model;
use super::{Bytes, Call, Reply, Value, answers, bytes_of, reads, words_of};

/// Values that may be absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store;

impl Model for Store {
    type Call = Call;
    type Reply = Reply;
    type State = Option<Bytes>;

    fn name(&self) -> &'static str {
        "store"
    }

    fn knows(&self, call: &Call, reply: Option<&Reply>) -> bool {
        !matches!(call, Call::Append { .. }) && reply.is_none_or(|reply| call.takes(reply))
    }

    fn key<'call>(&self, call: &'call Call) -> Option<&'call str> {
        Some(call.key())
    }

    fn initial(&self) -> Value {
        None
    }

    fn step(&self, state: &Value, call: &Call, reply: Option<&Reply>) -> Option<Value> {
        match call {
            Call::Get { .. } => reads(reply, state).then(|| state.clone()),
            Call::Put { value, .. } => Some(Some(value.clone())),
            Call::Delete { .. } => (reply == Some(&Reply::Done) || answers(reply, state.is_some())).then_some(None),
            Call::CompareAndSet { expected, new, .. } => {
                let equal = expected == state;
                answers(reply, equal).then(|| if equal { new.clone() } else { state.clone() })
            }
            Call::Append { .. } => None,
        }
    }

    fn only_looks(&self, call: &Call, reply: &Reply) -> bool {
        matches!(call, Call::Get { .. }) || *reply == Reply::Applied(false)
    }

    fn bytes(&self, state: &Value) -> usize {
        bytes_of(state)
    }

    fn words(&self, state: &Value) -> String {
        words_of(state)
    }
}
