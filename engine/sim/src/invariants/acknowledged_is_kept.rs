//! A write that a client was told is done is the committed entry at its index, for ever, and everyone who gets there applies it.

use quorate_core::ids::{Height, View};
use quorate_core::mark::Mark;

use super::by_index::ByIndex;
use super::{Invariant, Observed, place};
use crate::fact::{Fact, Print};

#[derive(Clone, Copy, Debug)]
struct Write {
    client: u32,
    sequence: u64,
    term: View,
    print: Print,
}

/// See the module.
#[derive(Debug, Default)]
pub struct AcknowledgedIsKept {
    writes: ByIndex<Write>,
    applied: ByIndex<(View, Print)>,
}

fn differs(index: Height, write: Write, term: View, print: Print, how: &str) -> Result<(), String> {
    if (write.term, write.print) == (term, print) {
        return Ok(());
    }
    let Write { client, sequence, term: of, print: said } = write;
    let was = Mark { index, term: of };
    Err(format!(
        "write {sequence} of client {client} was acknowledged as {} ({said:016x}), and {how} term {term} ({print:016x})",
        place(was)
    ))
}

impl Invariant for AcknowledgedIsKept {
    fn name(&self) -> &'static str {
        "acknowledged_is_kept"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Acknowledged { client, sequence, mark, print } => {
                let write = Write { client: *client, sequence: *sequence, term: mark.term, print: *print };
                match before.commit_at(mark.index) {
                    None => {
                        let at = place(*mark);
                        return Err(format!("write {sequence} of client {client} was acknowledged as {at}, which nobody has committed"));
                    }
                    Some(commit) => {
                        differs(mark.index, write, commit.term, *print, "what is committed there is of")?;
                    }
                }
                if let Some((term, print)) = self.applied.get(mark.index) {
                    differs(mark.index, write, *term, *print, "what was applied there is of")?;
                }
                if let Some(other) = self.writes.get(mark.index) {
                    differs(mark.index, *other, write.term, write.print, "so was one of")?;
                }
                self.writes.insert(mark.index, write);
                Ok(())
            }
            Fact::Applied { node, mark, print, .. } => {
                if self.applied.get(mark.index).is_none() {
                    self.applied.insert(mark.index, (mark.term, *print));
                }
                self.writes.get(mark.index).map_or(Ok(()), |write| {
                    differs(mark.index, *write, mark.term, *print, &format!("member {node} applied something else there, of"))
                })
            }
            Fact::Committed { node, index, .. } => {
                let Some(server) = before.server(*node) else { return Ok(()) };
                for index in server.commit.0 + 1..=index.0.min(server.log.last().index.0) {
                    let index = Height(index);
                    let (Some(write), Some(term)) = (self.writes.get(index), server.log.term_at(index)) else { continue };
                    differs(index, *write, term, write.print, &format!("member {node} holds another entry for committed there, of"))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn verdict_after(more: &[Fact]) -> Result<(), String> {
        let logs = [started(1), appended(1, 1, 1), appended(1, 2, 1), started(2), committed(1, 1, 1)];
        verdict(AcknowledgedIsKept::default(), &[&logs[..], more].concat())
    }

    #[test]
    fn a_committed_write_may_be_acknowledged_before_or_after_it_is_applied() {
        assert_eq!(
            verdict_after(&[acknowledged(1, 1, 10), applied(1, 1, 1, 10, 5), acknowledged(1, 1, 10), applied(2, 1, 1, 10, 5)]),
            Ok(())
        );
    }

    #[test]
    fn an_acknowledgement_of_what_is_not_committed_or_committed_otherwise_is_found() {
        assert!(verdict_after(&[acknowledged(2, 1, 10)]).unwrap_err().contains("which nobody has committed"));
        assert!(verdict_after(&[acknowledged(1, 2, 10)]).unwrap_err().contains("what is committed there is of term 1"));
        assert!(verdict_after(&[applied(1, 1, 1, 10, 5), acknowledged(1, 1, 11)]).unwrap_err().contains("what was applied there"));
        assert!(verdict_after(&[acknowledged(1, 1, 10), acknowledged(1, 1, 11)]).unwrap_err().contains("so was one of"));
    }

    #[test]
    fn an_acknowledged_write_that_another_takes_the_place_of_is_found() {
        let found = verdict_after(&[acknowledged(1, 1, 10), applied(2, 1, 1, 11, 5)]).unwrap_err();
        assert!(found.contains("write 1 of client 7") && found.contains("member 2 applied something else"), "{found}");
        let found = verdict_after(&[acknowledged(1, 1, 10), appended(2, 1, 2), committed(2, 1, 2)]).unwrap_err();
        assert!(found.contains("member 2 holds another entry"), "{found}");
    }
}
