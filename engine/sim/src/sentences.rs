//! Facts as sentences, for whoever reads what happened.

use std::fmt;

use quorate_core::ids::MemberId;
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Role};

use crate::fact::Fact;

struct Who(Option<MemberId>);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, "member {id}"),
            None => f.write_str("nobody"),
        }
    }
}

struct Place(Mark);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (term {})", self.0.index, self.0.term)
    }
}

struct Members<'a>(&'a Configuration);

impl fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, peer) in self.0.peers().iter().enumerate() {
            let mark = match peer.part {
                quorate_protocol::raft::Part::Voter => "",
                quorate_protocol::raft::Part::Witness => " (witness)",
                quorate_protocol::raft::Part::Learner => " (learner)",
            };
            write!(f, "{}{}{mark}", if nth == 0 { "" } else { ", " }, peer.id)?;
        }
        if self.0.is_joint() {
            f.write_str(" in the place of ")?;
            for (nth, peer) in self.0.outgoing().iter().enumerate() {
                write!(f, "{}{}", if nth == 0 { "" } else { ", " }, peer.id)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { node, term, vote, floor, .. } => {
                let (vote, floor) = (Who(*vote), Place(*floor));
                write!(f, "member {node} starts in term {term}, in which it voted for {vote}, with everything up to {floor} in its state")
            }
            Self::Crashed { node } => write!(f, "member {node} crashes"),
            Self::Refused { node } => write!(f, "member {node} finds its disk damaged and does not start"),
            Self::Hard { node, term, vote } => write!(f, "member {node} is in term {term} and votes for {}", Who(*vote)),
            Self::Durable { node, term, vote, upto } => {
                write!(f, "member {node} has on disk: term {term}, a vote for {}, its log up to {upto}", Who(*vote))
            }
            Self::Granted { node, term, to } if node == to => write!(f, "member {node} asks for votes in term {term}"),
            Self::Granted { node, term, to } => write!(f, "member {node} tells member {to} that it has its vote in term {term}"),
            Self::Acked { node, term, upto } => {
                write!(f, "member {node} tells the leader of term {term} that it has everything up to {upto} on disk")
            }
            Self::Became { node, role, term, leader } => {
                let role = match role {
                    Role::Follower => "follows",
                    Role::PreCandidate => "asks whether it would be elected",
                    Role::Candidate => "stands for election",
                    Role::Leader => return write!(f, "member {node} leads in term {term}"),
                };
                write!(f, "member {node} {role} in term {term}; {} leads", Who(*leader))
            }
            Self::Leased { node, term } => write!(f, "member {node} would answer reads by its lease of term {term}"),
            Self::Members { node, configuration } => {
                write!(f, "member {node} acts under configuration {}: {}", configuration.epoch(), Members(configuration))
            }
            Self::Appended { node, mark, print: Some(print) } => {
                write!(f, "member {node} appends {}, which says {print:016x}", Place(*mark))
            }
            Self::Appended { node, mark, print: None } => write!(f, "member {node} appends {}, without what it says", Place(*mark)),
            Self::Cut { node, from } => write!(f, "member {node} cuts its log from {from} on"),
            Self::Floor { node, mark } => write!(f, "member {node} gives its log up to {} for a snapshot", Place(*mark)),
            Self::Committed { node, index, term } => {
                write!(f, "member {node} holds everything up to {index} for committed, in term {term}")
            }
            Self::Applied { node, mark, print, state } => {
                write!(f, "member {node} applies {}, which says {print:016x}; its state is {state:016x}", Place(*mark))
            }
            Self::Restored { node, mark, state } => {
                write!(f, "member {node} takes on a snapshot up to {}; its state is {state:016x}", Place(*mark))
            }
            Self::Acknowledged { client, sequence, mark, .. } => {
                write!(f, "client {client} is told that its write {sequence} is done, at {}", Place(*mark))
            }
            Self::Memory { node, bytes, bytes_max, waiting, waiting_max } => {
                write!(f, "member {node} holds {bytes} of {bytes_max} bytes and {waiting} of {waiting_max} waiting messages")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::ids::{Epoch, Height, View};
    use quorate_protocol::raft::Peer;

    #[test]
    fn a_fact_reads_as_a_sentence() {
        let (node, mark) = (MemberId(2), Mark { index: Height(7), term: View(3) });
        let before = Configuration::new(Epoch(1), [Peer::voter(1), Peer::voter(2)]).unwrap();
        let configuration = before.towards([Peer::voter(2), Peer::learner(4)]).unwrap();
        for (fact, sentence) in [
            (Fact::Cut { node, from: Height(7) }, "member 2 cuts its log from 7 on"),
            (Fact::Became { node, role: Role::Follower, term: View(3), leader: None }, "member 2 follows in term 3; nobody leads"),
            (Fact::Appended { node, mark, print: None }, "member 2 appends 7 (term 3), without what it says"),
            (Fact::Granted { node, term: View(3), to: MemberId(1) }, "member 2 tells member 1 that it has its vote in term 3"),
            (Fact::Granted { node, term: View(3), to: node }, "member 2 asks for votes in term 3"),
            (Fact::Members { node, configuration }, "member 2 acts under configuration 2: 2, 4 (learner) in the place of 1, 2"),
        ] {
            assert_eq!(fact.to_string(), sentence);
        }
    }
}
