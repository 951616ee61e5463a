//! Whether what the clients of a run saw could have been the work of one machine.

use thiserror::Error;

use crate::history::models::{Bytes, Call, Kind, Reply};
use crate::history::{Client, History, Misfit, Misrecorded, Recorder, Verdict};
use crate::machine::Op;
use crate::record::{self, Answer, Operation, Outcome};

/// Judges in at most so many steps.
///
/// # Errors
/// If that cannot be judged: clients did what a store does not have, or did too much.
pub fn judge(operations: &[Operation], steps: u64) -> Result<Verdict, Unjudged> {
    Ok(Kind::Store.check(&history(operations)?, steps)?)
}

/// Why a history cannot be judged.
#[derive(Debug, Error)]
pub enum Unjudged {
    /// It has operations that no store has.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// It is no history.
    #[error(transparent)]
    Misrecorded(#[from] Misrecorded),
}

/// The history of these operations. Of what happened at one moment, nothing is taken to have come before anything else.
fn history(operations: &[Operation]) -> Result<History<Call, Reply>, Misrecorded> {
    let mut ends: Vec<usize> = (0..operations.len()).filter(|&nth| operations[nth].outcome != Outcome::Open).collect();
    ends.sort_by_key(|&nth| operations[nth].ended);
    let mut ends = ends.into_iter().peekable();
    let mut recorder = Recorder::new();
    let mut ids = Vec::with_capacity(operations.len());
    for operation in operations {
        while let Some(nth) = ends.next_if(|&nth| operations[nth].ended < operation.invoked) {
            end(&mut recorder, ids[nth], &operations[nth])?;
        }
        ids.push(recorder.invoke(Client(u64::from(operation.client)), call(operation.call), operation.invoked)?);
    }
    for nth in ends {
        end(&mut recorder, ids[nth], &operations[nth])?;
    }
    Ok(recorder.history())
}

fn end(recorder: &mut Recorder<Call, Reply>, id: crate::history::OpId, operation: &Operation) -> Result<(), Misrecorded> {
    match operation.outcome {
        Outcome::Open => Ok(()),
        Outcome::Failed => recorder.fail(id, operation.ended),
        Outcome::Unknown => recorder.lost(id, operation.ended),
        Outcome::Returned(answer) => recorder.complete(id, reply(operation.call, answer), operation.ended),
    }
}

fn value(value: u64) -> Bytes {
    value.to_string().as_str().into()
}

fn call(call: record::Call) -> Call {
    let key = |key: u16| key.to_string();
    match call {
        record::Call::Get { key: of } => Call::Get { key: key(of) },
        record::Call::Change(Op::Put { key: of, value: new }) => Call::Put { key: key(of), value: value(new) },
        record::Call::Change(Op::Delete { key: of }) => Call::Delete { key: key(of) },
        record::Call::Change(Op::CompareAndSet { key: of, expected, value: new }) => {
            Call::CompareAndSet { key: key(of), expected: expected.map(value), new: Some(value(new)) }
        }
    }
}

fn reply(call: record::Call, answer: Answer) -> Reply {
    match (call, answer) {
        (_, Answer::Value(found)) => Reply::Value(found.map(value)),
        (record::Call::Change(Op::Put { .. }), Answer::Done(_)) => Reply::Done,
        (_, Answer::Done(applied)) => Reply::Applied(applied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(client: u32, call: record::Call, invoked: u64, ended: u64, outcome: Outcome) -> Operation {
        Operation { client, call, invoked, ended, outcome }
    }

    fn put(value: u64) -> record::Call {
        record::Call::Change(Op::Put { key: 1, value })
    }

    fn read(at: (u64, u64), found: Option<u64>) -> Operation {
        operation(2, record::Call::Get { key: 1 }, at.0, at.1, Outcome::Returned(Answer::Value(found)))
    }

    fn is_linearizable(operations: &[Operation]) -> bool {
        judge(operations, 100_000).unwrap() == Verdict::Linearizable
    }

    const DONE: Outcome = Outcome::Returned(Answer::Done(true));

    #[test]
    fn a_read_sees_the_write_before_it() {
        let write = operation(1, put(7), 10, 20, DONE);
        assert!(is_linearizable(&[write, read((30, 40), Some(7))]));
        assert!(!is_linearizable(&[write, read((30, 40), None)]));
    }

    #[test]
    fn what_happens_at_one_moment_is_in_no_order() {
        let write = operation(1, put(7), 10, 20, DONE);
        assert!(is_linearizable(&[write, read((20, 40), None)]) && is_linearizable(&[write, read((20, 40), Some(7))]));
    }

    #[test]
    fn a_write_of_unknown_outcome_may_come_late_or_never_and_a_failed_one_does_not() {
        let unknown = operation(1, put(7), 10, 15, Outcome::Unknown);
        assert!(is_linearizable(&[unknown, read((20, 25), None), read((30, 40), Some(7))]));
        assert!(!is_linearizable(&[unknown, read((20, 25), Some(7)), read((30, 40), None)]));
        let open = operation(1, put(7), 10, u64::MAX, Outcome::Open);
        assert!(is_linearizable(&[open, read((20, 25), Some(7))]) && is_linearizable(&[open, read((20, 25), None)]));
        assert!(!is_linearizable(&[operation(1, put(7), 10, 15, Outcome::Failed), read((20, 25), Some(7))]));
    }

    #[test]
    fn comparisons_and_deletions_answer_whether_they_did_anything() {
        let compare = |expected, done| {
            let call = record::Call::Change(Op::CompareAndSet { key: 1, expected, value: 9 });
            operation(1, call, 30, 40, Outcome::Returned(Answer::Done(done)))
        };
        let write = operation(1, put(7), 10, 20, DONE);
        assert!(is_linearizable(&[write, compare(Some(7), true), read((50, 60), Some(9))]));
        assert!(is_linearizable(&[write, compare(None, false), read((50, 60), Some(7))]));
        assert!(!is_linearizable(&[write, compare(None, true), read((50, 60), Some(9))]));
        let delete = operation(1, record::Call::Change(Op::Delete { key: 1 }), 30, 40, DONE);
        assert!(is_linearizable(&[write, delete, read((50, 60), None)]));
        assert!(!is_linearizable(&[delete, read((50, 60), None)]));
    }
}
