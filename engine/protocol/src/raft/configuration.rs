//! Who is in the group, and in what part.
//!
//! A configuration is either simple, or joint: while one set of voters replaces another, a decision needs a majority of both (section 6 of
//! the paper). It is an entry of the log and holds from the moment at which a server has it there, committed or not.

use std::sync::Arc;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::electorate::{Electorate, ElectorateError, Member};
use quorate_core::ids::{Epoch, MemberId};
use quorate_core::quorum::Rule;
use thiserror::Error;

/// What a member is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Part {
    /// It votes, and can lead.
    Voter = 0,
    /// It votes and keeps the places of entries, but not what they say. It never leads.
    Witness = 1,
    /// It receives the log and has no vote.
    Learner = 2,
}

/// A member of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Its id.
    pub id: MemberId,
    /// What it is there for.
    pub part: Part,
    /// Who has more stands for election earlier.
    pub priority: u8,
}

impl Peer {
    /// A voter like any other.
    #[must_use]
    pub const fn voter(id: u64) -> Self {
        Self { id: MemberId(id), part: Part::Voter, priority: 0 }
    }

    /// A learner.
    #[must_use]
    pub const fn learner(id: u64) -> Self {
        Self { id: MemberId(id), part: Part::Learner, priority: 0 }
    }

    /// A witness.
    #[must_use]
    pub const fn witness(id: u64) -> Self {
        Self { id: MemberId(id), part: Part::Witness, priority: 0 }
    }

    /// The same peer with another priority.
    #[must_use]
    pub const fn with_priority(self, priority: u8) -> Self {
        Self { priority, ..self }
    }

    const fn votes(self) -> bool {
        !matches!(self.part, Part::Learner)
    }
}

/// Why a list of peers is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigurationError {
    /// Nobody could lead.
    #[error("a group needs at least one voter; found none")]
    NoVoter,
    /// There are too many.
    #[error("a group of {0} members; expected at most {max}", max = Configuration::MAX_PEERS)]
    TooMany(usize),
    /// Two things are said of one member.
    #[error("member {0} is listed twice")]
    Twice(MemberId),
    /// What a witness does not have it cannot get back, and what a member has it should not throw away.
    #[error("member {0} cannot become a witness or stop being one; let it leave, and another come")]
    WitnessStays(MemberId),
    /// Its voters are no electorate.
    #[error(transparent)]
    Electorate(#[from] ElectorateError),
}

/// The members from an entry on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    epoch: Epoch,
    peers: Vec<Peer>,
    outgoing: Vec<Peer>,
    electorate: Arc<Electorate>,
}

impl Configuration {
    /// The most peers that a group can have, old and new each.
    pub const MAX_PEERS: usize = 1 << 10;

    /// A simple configuration.
    ///
    /// # Errors
    /// If these peers make no group.
    pub fn new(epoch: Epoch, peers: impl IntoIterator<Item = Peer>) -> Result<Self, ConfigurationError> {
        Self::build(epoch, peers.into_iter().collect(), Vec::new())
    }

    /// What holds while `peers` take the place of this configuration's.
    ///
    /// # Errors
    /// If these peers make no group.
    pub fn towards(&self, peers: impl IntoIterator<Item = Peer>) -> Result<Self, ConfigurationError> {
        let peers: Vec<Peer> = peers.into_iter().collect();
        let witness = |part| part == Part::Witness;
        let changed = |peer: &&Peer| self.peer(peer.id).is_some_and(|before| witness(before.part) != witness(peer.part));
        if let Some(peer) = peers.iter().find(changed) {
            return Err(ConfigurationError::WitnessStays(peer.id));
        }
        Self::build(Epoch(self.epoch.0 + 1), peers, self.peers.clone())
    }

    /// What holds after a joint configuration.
    #[must_use]
    pub fn settled(&self) -> Self {
        // What made the joint electorate makes half of it, too.
        Self::build(Epoch(self.epoch.0 + 1), self.peers.clone(), Vec::new()).unwrap_or_else(|_| self.clone())
    }

    fn build(epoch: Epoch, mut peers: Vec<Peer>, mut outgoing: Vec<Peer>) -> Result<Self, ConfigurationError> {
        for half in [&mut peers, &mut outgoing] {
            if half.len() > Self::MAX_PEERS {
                return Err(ConfigurationError::TooMany(half.len()));
            }
            half.sort_unstable();
            if let Some(pair) = half.windows(2).find(|pair| pair[0].id == pair[1].id) {
                return Err(ConfigurationError::Twice(pair[0].id));
            }
        }
        if !peers.iter().any(|peer| peer.part == Part::Voter) {
            return Err(ConfigurationError::NoVoter);
        }
        let members = |half: &[Peer]| half.iter().filter(|peer| peer.votes()).map(|peer| Member::new(peer.id.0, 1)).collect::<Vec<_>>();
        let electorate = if outgoing.is_empty() {
            Electorate::new(epoch, Rule::Majority, members(&peers))?
        } else {
            Electorate::joint(epoch, Rule::Majority, members(&outgoing), members(&peers))?
        };
        Ok(Self { epoch, peers, outgoing, electorate: Arc::new(electorate) })
    }

    /// Which configuration in the row of them.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Who is in the group, or will be when the change is done; by rising id.
    #[must_use]
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// Who was in it before, while a change is under way.
    #[must_use]
    pub fn outgoing(&self) -> &[Peer] {
        &self.outgoing
    }

    /// Whether one set of voters is being replaced by another.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Who votes.
    #[must_use]
    pub fn electorate(&self) -> &Arc<Electorate> {
        &self.electorate
    }

    /// Everyone who receives the log, by rising id.
    pub fn everyone(&self) -> impl Iterator<Item = MemberId> {
        let mut ids: Vec<MemberId> = self.peers.iter().chain(&self.outgoing).map(|peer| peer.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
    }

    /// What is known of a member. While a change is under way, its part in the new group comes first.
    #[must_use]
    pub fn peer(&self, id: MemberId) -> Option<Peer> {
        let find = |half: &[Peer]| half.binary_search_by_key(&id, |peer| peer.id).ok().map(|at| half[at]);
        find(&self.peers).or_else(|| find(&self.outgoing))
    }

    /// Whether a member votes now.
    #[must_use]
    pub fn votes(&self, id: MemberId) -> bool {
        self.electorate.voter(id).is_some()
    }

    /// Whether a member may stand for election: it is a voter, in one of the two groups at least.
    #[must_use]
    pub fn may_lead(&self, id: MemberId) -> bool {
        [&self.peers, &self.outgoing].iter().any(|half| half.iter().any(|peer| peer.id == id && peer.part == Part::Voter))
    }

    /// How many of those who may lead come before a member in the order of priority; all of them, before one who is no member.
    #[must_use]
    pub fn rank(&self, id: MemberId) -> u32 {
        let key = |peer: Peer| (std::cmp::Reverse(peer.priority), peer.id);
        let own = self.peer(id).map(key);
        let mut others: Vec<Peer> = self.everyone().filter_map(|id| self.peer(id)).collect();
        others.retain(|peer| self.may_lead(peer.id) && own.is_none_or(|own| key(*peer) < own));
        others.len() as u32
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.epoch.0.to_le_bytes());
        for half in [&self.peers, &self.outgoing] {
            out.extend((half.len() as u32).to_le_bytes());
            for peer in half {
                out.extend(peer.id.0.to_le_bytes());
                out.extend([peer.part as u8, peer.priority]);
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no configuration.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let epoch = Epoch(reader.u64("epoch")?);
        let mut halves = [Vec::new(), Vec::new()];
        for half in &mut halves {
            for _ in 0..reader.count("peers", 10, Self::MAX_PEERS)? {
                let id = MemberId(reader.u64("member id")?);
                let at = reader.at();
                let part = match reader.u8("part")? {
                    0 => Part::Voter,
                    1 => Part::Witness,
                    2 => Part::Learner,
                    other => return Err(reader.unexpected_at(at, "part", other, "0 to 2".into())),
                };
                let peer = Peer { id, part, priority: reader.u8("priority")? };
                if half.last().is_some_and(|last: &Peer| last.id >= peer.id) {
                    return Err(reader.unexpected_at(at, "member id", id, "rising ids".into()));
                }
                half.push(peer);
            }
        }
        let [peers, outgoing] = halves;
        Self::build(epoch, peers, outgoing).map_err(|error| reader.invalid(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Configuration {
        Configuration::new(Epoch(1), [Peer::voter(3), Peer::voter(1), Peer::voter(2).with_priority(9), Peer::learner(4)]).unwrap()
    }

    #[test]
    fn learners_have_no_vote_and_witnesses_never_lead() {
        let mixed = Configuration::new(Epoch(1), [Peer::voter(1), Peer::witness(2), Peer::learner(3)]).unwrap();
        assert_eq!([1, 2, 3].map(|id| mixed.votes(MemberId(id))), [true, true, false]);
        assert_eq!([1, 2, 3].map(|id| mixed.may_lead(MemberId(id))), [true, false, false]);
        assert_eq!(Configuration::new(Epoch(1), [Peer::witness(2)]), Err(ConfigurationError::NoVoter));
    }

    #[test]
    fn rank_follows_priority_and_then_the_id() {
        assert_eq!([2, 1, 3].map(|id| three().rank(MemberId(id))), [0, 1, 2]);
    }

    #[test]
    fn a_change_is_joint_first_and_simple_then() {
        let joint = three().towards([Peer::voter(1), Peer::voter(5)]).unwrap();
        assert!(joint.is_joint() && joint.votes(MemberId(3)) && joint.votes(MemberId(5)));
        assert_eq!(joint.everyone().map(|id| id.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let after = joint.settled();
        assert!(!after.is_joint() && !after.votes(MemberId(3)) && after.epoch() == Epoch(3));
    }

    #[test]
    fn a_witness_stays_one() {
        let before = Configuration::new(Epoch(1), [Peer::voter(1), Peer::witness(2)]).unwrap();
        assert_eq!(before.towards([Peer::voter(1), Peer::voter(2)]), Err(ConfigurationError::WitnessStays(MemberId(2))));
        assert_eq!(before.towards([Peer::witness(1), Peer::voter(3)]), Err(ConfigurationError::WitnessStays(MemberId(1))));
    }

    #[test]
    fn encoded_configurations_come_back_and_broken_ones_do_not() {
        for configuration in [three(), three().towards([Peer::witness(6), Peer::voter(5)]).unwrap()] {
            let mut bytes = Vec::new();
            configuration.encode(&mut bytes);
            let mut reader = Reader::new("configuration", &bytes);
            assert_eq!(Configuration::decode(&mut reader).unwrap(), configuration);
            for end in 0..bytes.len() {
                assert!(Configuration::decode(&mut Reader::new("configuration", &bytes[..end])).is_err());
            }
            bytes[20] = 7;
            assert!(Configuration::decode(&mut Reader::new("configuration", &bytes)).is_err());
        }
    }
}
