//! One value, which is absent at first: read, write, compare and set.
//!
//! As in Jepsen's histories of etcd, a compare-and-set that is refused is an answer, too: at its instant the value was another one.

use super::super::Model;
use super::{Bytes, Call, Reply, Value, answers, bytes_of, reads, words_of};

/// A register, or one for each key. A register without keys has the empty one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

impl Model for Register {
    type Call = Call;
    type Reply = Reply;
    type State = Option<Bytes>;

    fn name(&self) -> &'static str {
        "register"
    }

    fn knows(&self, call: &Call, reply: Option<&Reply>) -> bool {
        matches!(call, Call::Get { .. } | Call::Put { .. } | Call::CompareAndSet { .. }) && reply.is_none_or(|reply| call.takes(reply))
    }

    fn key<'call>(&self, call: &'call Call) -> Option<&'call str> {
        Some(call.key()).filter(|key| !key.is_empty())
    }

    fn initial(&self) -> Value {
        None
    }

    fn step(&self, state: &Value, call: &Call, reply: Option<&Reply>) -> Option<Value> {
        match call {
            Call::Get { .. } => reads(reply, state).then(|| state.clone()),
            Call::Put { value, .. } => Some(Some(value.clone())),
            Call::CompareAndSet { expected, new, .. } => {
                let equal = expected == state;
                answers(reply, equal).then(|| if equal { new.clone() } else { state.clone() })
            }
            Call::Append { .. } | Call::Delete { .. } => None,
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
