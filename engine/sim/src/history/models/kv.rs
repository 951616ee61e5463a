//! A map of texts: get, put, append. A key that was never written has the empty text.

use super::super::Model;
use super::{Bytes, Call, Reply, reads};

/// Texts that can be appended to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kv;

impl Model for Kv {
    type Call = Call;
    type Reply = Reply;
    type State = Bytes;

    fn name(&self) -> &'static str {
        "kv"
    }

    fn knows(&self, call: &Call, reply: Option<&Reply>) -> bool {
        matches!(call, Call::Get { .. } | Call::Put { .. } | Call::Append { .. }) && reply.is_none_or(|reply| call.takes(reply))
    }

    fn key<'call>(&self, call: &'call Call) -> Option<&'call str> {
        Some(call.key())
    }

    fn initial(&self) -> Bytes {
        "".into()
    }

    fn step(&self, state: &Bytes, call: &Call, reply: Option<&Reply>) -> Option<Bytes> {
        match call {
            Call::Get { .. } => reads(reply, &Some(state.clone())).then(|| state.clone()),
            Call::Put { value, .. } => Some(value.clone()),
            Call::Append { value, .. } => Some(state.joined(value)),
            Call::Delete { .. } | Call::CompareAndSet { .. } => None,
        }
    }

    fn only_looks(&self, call: &Call, _: &Reply) -> bool {
        matches!(call, Call::Get { .. })
    }

    fn bytes(&self, state: &Bytes) -> usize {
        state.as_bytes().len()
    }

    fn words(&self, state: &Bytes) -> String {
        state.to_string()
    }
}
