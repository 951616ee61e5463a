//! Elections (sections 5.2 and 5.4.1), with the question before (dissertation, 9.6).

use std::sync::Arc;

use quorate_core::counting::RoundKey;
use quorate_core::electorate::Electorate;
use quorate_core::ids::{MemberId, View};
use quorate_core::mark::Mark;
use quorate_core::vote::Raft as RaftKind;

use super::configuration::Configuration;
use super::message::{Body, Letter, Message, Question};
use super::outbox::{Need, Saying};
use super::{Planted, Raft, State};

/// A server that stands for election, or asks whether it should.
#[derive(Debug)]
pub(super) struct Candidacy {
    /// Whether it only asks.
    pub(super) pre: bool,
    pub(super) round: RoundKey,
    electorate: Arc<Electorate>,
}

impl Raft {
    /// Nobody was heard of for too long: asks whether the others would elect this server.
    pub(super) fn stand(&mut self) {
        self.give_up_role();
        self.wait();
        let own = self.identity.id;
        if self.stalled || !self.may_stand() {
            return;
        }
        self.leader = None;
        self.wait_for_turn();
        self.ask(true, false);
        if let State::Candidate(candidacy) = &self.state {
            let (round, electorate) = (candidacy.round, Arc::clone(&candidacy.electorate));
            self.count(round, &electorate, own, RaftKind::PreGrant, 0);
        }
    }

    /// Whether this server is one to be elected: it votes and can lead. Or it could until an entry that it does not know to be committed:
    /// it may be one of few who have that entry, and nobody with a shorter log would be elected (dissertation, 4.2.2). Its own vote does
    /// not count then.
    fn may_stand(&self) -> bool {
        let able = |members: &Configuration| members.may_lead(self.identity.id) && members.votes(self.identity.id);
        let uncommitted = self.members.since() > self.commit;
        able(self.members.current()) || (uncommitted && self.members.before().is_some_and(able))
    }

    /// Stands for election in a new term.
    pub(super) fn campaign(&mut self, handed_over: bool) {
        self.follow(View(self.term.0 + 1), None);
        self.vote = Some(self.identity.id);
        self.ask(false, handed_over);
        if let State::Candidate(candidacy) = &self.state {
            let round = candidacy.round;
            self.outbox.say(Need::Hard, Saying::OwnGrant(round));
        }
    }

    /// Opens the round and asks everybody who votes.
    fn ask(&mut self, pre: bool, handed_over: bool) {
        let electorate = self.electorate();
        let round = self.open_election(&electorate, pre);
        let last = self.log.last();
        let term = if pre { View(self.term.0 + 1) } else { self.term };
        for id in electorate.members().iter().map(|member| member.id).filter(|&id| id != self.identity.id) {
            let question = Question { life: self.life, nth: round.0 };
            let body = if pre { Body::PreVote { question, last } } else { Body::Vote { last, handed_over } };
            self.outbox.say(Need::Hard, Saying::Letter(Letter { to: id, message: Message { term, body } }));
        }
        self.state = State::Candidate(Candidacy { pre, round, electorate });
    }

    /// The own vote is on disk, so it counts.
    pub(super) fn own_grant(&mut self, round: RoundKey) {
        if let State::Candidate(candidacy) = &self.state
            && candidacy.round == round
        {
            let electorate = Arc::clone(&candidacy.electorate);
            self.count(round, &electorate, self.identity.id, RaftKind::Grant, 0);
        }
    }

    /// Somebody asks whether it would be elected.
    pub(super) fn asked_before(&mut self, from: MemberId, term: View, question: Question, last: Mark) {
        let granted = term > self.term && !self.hears_leader() && self.log.is_behind(last);
        if granted {
            self.stand_back(from);
        }
        // A grant speaks of the term that would come; a refusal, of the one that is.
        let term = if granted { term } else { self.term };
        let message = Message { term, body: Body::PreVoteReply { question, granted } };
        self.outbox.say(Need::Hard, Saying::Letter(Letter { to: from, message }));
    }

    /// Somebody stands for election in this term.
    pub(super) fn asked(&mut self, from: MemberId, last: Mark, handed_over: bool) {
        let free = self.vote.is_none() || self.vote == Some(from) || self.planted(Planted::TwoVotesInTerm);
        let free = free && (self.leader.is_none() || self.vote == Some(from));
        // A leader that was heard from a short while ago counts on this server, even if it has come to a later term since.
        let free = free && (handed_over || self.vote == Some(from) || !self.hears_leader());
        let granted = free && (self.log.is_behind(last) || self.planted(Planted::VoteForOldLog));
        if granted {
            if self.vote != Some(from) {
                self.vote = Some(from);
                self.outbox.draft.hard = true;
            }
            self.wait();
        }
        self.send(from, Body::VoteReply { granted });
    }

    /// Somebody answered whether it would vote for this server.
    pub(super) fn answered_before(&mut self, from: MemberId, question: Question, granted: bool) {
        if self.question() == Some(question) {
            self.count_answer(from, if granted { RaftKind::PreGrant } else { RaftKind::Deny });
        }
    }

    /// Somebody voted, or did not. A server stands once in a term, so the answer is to that.
    pub(super) fn answered(&mut self, from: MemberId, granted: bool) {
        if matches!(&self.state, State::Candidate(candidacy) if !candidacy.pre) {
            self.count_answer(from, if granted { RaftKind::Grant } else { RaftKind::Deny });
        }
    }

    fn count_answer(&mut self, from: MemberId, kind: RaftKind) {
        let State::Candidate(candidacy) = &self.state else { return };
        let (round, electorate) = (candidacy.round, Arc::clone(&candidacy.electorate));
        self.count(round, &electorate, from, kind, 0);
    }

    /// What this server asks the others at the moment, if it only asks.
    fn question(&self) -> Option<Question> {
        match &self.state {
            State::Candidate(candidacy) if candidacy.pre => Some(Question { life: self.life, nth: candidacy.round.0 }),
            _ => None,
        }
    }

    /// A majority has answered alike.
    pub(super) fn election_decided(&mut self, round: RoundKey, kind: RaftKind) {
        let State::Candidate(candidacy) = &self.state else { return };
        if candidacy.round != round {
            return;
        }
        match kind {
            RaftKind::PreGrant if candidacy.pre => self.campaign(false),
            RaftKind::Grant if !candidacy.pre => self.lead(),
            RaftKind::Deny => {
                // Somebody else is the better candidate. It gets the time of all the others to stand.
                self.follow(self.term, None);
                self.deadline = self.deadline + self.settings.stagger * self.electorate().members().len() as u32;
                self.wait_for_turn();
            }
            _ => {}
        }
    }
}
