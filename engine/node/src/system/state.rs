//! Who shall be a member, as decided.
//!
//! Bytes: format u8 ‖ revision u64 ‖ next id u64 ‖ members, as in [`super::command`].

use std::collections::BTreeMap;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Configuration, Part, Peer};

use super::Member;
use super::command::{Decision, Verdict, decode_members, encode_members};

const FORMAT: u8 = 1;

/// The members, and how often they were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    revision: u64,
    next: u64,
    members: BTreeMap<MemberId, Member>,
}

impl State {
    /// The most bytes that a state can have.
    pub(super) const BYTES_MAX: u64 = 1 << 20;

    /// How often members were changed. Zero before the cluster wrote down who they are.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The members by rising id.
    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// Whether this was a member once, or could have been, and shall not be one any more.
    pub(crate) fn has_gone(&self, id: MemberId) -> bool {
        self.revision > 0 && id.0 < self.next && !self.members.contains_key(&id)
    }

    /// What they are to the protocol.
    pub(crate) fn peers(&self) -> BTreeMap<MemberId, Peer> {
        let peer = |member: &Member| Peer { id: member.id, part: member.part, priority: member.priority };
        self.members.values().map(|member| (member.id, peer(member))).collect()
    }

    /// Takes a decision over.
    pub(super) fn decide(&mut self, decision: Decision) -> Verdict {
        match decision {
            Decision::Genesis(members) => {
                if self.revision == 0 {
                    self.next = members.iter().map(|member| member.id.0 + 1).max().unwrap_or(1);
                    self.members = members.into_iter().map(|member| (member.id, member)).collect();
                    self.revision = 1;
                }
                Verdict::Decided(self.revision)
            }
            _ if self.revision == 0 => Verdict::Refused("the cluster has not written down its first members yet; try again".into()),
            Decision::Add(member) => self.add(member),
            Decision::Remove(id) => self.remove(id),
        }
    }

    fn add(&mut self, mut member: Member) -> Verdict {
        if member.id.0 == 0 {
            member.id = MemberId(self.next);
        }
        if member.id.0 >= u64::from(u32::MAX) {
            return Verdict::Refused(format!("member id {}; expected one below {}", member.id, u32::MAX));
        }
        if self.has_gone(member.id) {
            return Verdict::Refused(format!("id {} was given out before and is not used again; the next is {}", member.id, self.next));
        }
        if member.address.is_empty() {
            return Verdict::Refused(format!("member {} has no address", member.id));
        }
        if let Some(other) = self.members.values().find(|other| other.id != member.id && other.address == member.address) {
            return Verdict::Refused(format!("member {} is at {} already", other.id, other.address));
        }
        if self.members.get(&member.id) == Some(&member) {
            return Verdict::Decided(self.revision);
        }
        if self.members.len() >= Configuration::MAX_PEERS {
            return Verdict::Refused(format!("there are {} members already", self.members.len()));
        }
        if member.part != Part::Voter && self.voters_without(member.id) == 0 {
            return Verdict::Refused(format!("member {} is the only voter", member.id));
        }
        self.next = self.next.max(member.id.0 + 1);
        self.members.insert(member.id, member);
        self.revision += 1;
        Verdict::Decided(self.revision)
    }

    fn remove(&mut self, id: MemberId) -> Verdict {
        if self.has_gone(id) {
            return Verdict::Decided(self.revision);
        }
        if !self.members.contains_key(&id) {
            return Verdict::Refused(format!("there is no member {id}"));
        }
        if self.voters_without(id) == 0 {
            return Verdict::Refused(format!("member {id} is the only voter"));
        }
        self.members.remove(&id);
        self.revision += 1;
        Verdict::Decided(self.revision)
    }

    fn voters_without(&self, id: MemberId) -> usize {
        self.members.values().filter(|member| member.part == Part::Voter && member.id != id).count()
    }

    /// The canonical bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend(self.revision.to_le_bytes());
        out.extend(self.next.to_le_bytes());
        encode_members(self.members.values(), &mut out);
        out
    }

    /// Reads canonical bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("members", bytes);
        reader.expect_u8("format", FORMAT)?;
        let (revision, next) = (reader.u64("revision")?, reader.u64("next id")?);
        let at = reader.at();
        let list = decode_members(&mut reader)?;
        if !list.is_sorted_by(|one, two| one.id < two.id) || list.last().is_some_and(|last| last.id.0 >= next) {
            return Err(reader.unexpected_at(at, "members", "others", format!("rising ids below {next}")));
        }
        reader.finish()?;
        Ok(Self { revision, next, members: list.into_iter().map(|member| (member.id, member)).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Member {
        let (name, address) = (format!("n{id}"), format!("host-{id}:7000"));
        Member { id: MemberId(id), name, address, client: String::new(), part: Part::Voter, priority: 0 }
    }

    fn three() -> State {
        let mut state = State::default();
        assert_eq!(state.decide(Decision::Genesis((1..=3).map(member).collect())), Verdict::Decided(1));
        state
    }

    fn refused(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refused(why) => why,
            Verdict::Decided(revision) => panic!("decided as {revision}"),
        }
    }

    #[test]
    fn the_first_members_are_written_down_once() {
        let mut state = State::default();
        assert!(refused(state.decide(Decision::Add(member(9)))).contains("not written down"));
        let mut state = three();
        assert_eq!(state.decide(Decision::Genesis(vec![member(8)])), Verdict::Decided(1));
        assert_eq!(state.members().len(), 3);
    }

    #[test]
    fn an_id_is_never_given_out_twice() {
        let mut state = three();
        assert_eq!(state.decide(Decision::Add(Member { id: MemberId(0), address: "x:1".into(), ..member(0) })), Verdict::Decided(2));
        assert!(state.members().any(|member| member.id == MemberId(4)));
        assert_eq!(state.decide(Decision::Remove(MemberId(4))), Verdict::Decided(3));
        assert!(state.has_gone(MemberId(4)) && !state.has_gone(MemberId(5)) && !state.has_gone(MemberId(3)));
        assert!(refused(state.decide(Decision::Add(member(4)))).contains("the next is 5"));
        assert_eq!(state.decide(Decision::Remove(MemberId(4))), Verdict::Decided(3), "saying it again changes nothing");
        assert_eq!(state.decide(Decision::Add(Member { id: MemberId(0), address: "y:1".into(), ..member(0) })), Verdict::Decided(4));
        assert!(state.members().any(|member| member.id == MemberId(5)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let mut state = three();
        let before = state.clone();
        assert!(refused(state.decide(Decision::Remove(MemberId(77)))).contains("no member 77"));
        assert!(refused(state.decide(Decision::Add(Member { address: "host-1:7000".into(), ..member(9) }))).contains("member 1 is at"));
        assert!(refused(state.decide(Decision::Add(Member { address: String::new(), ..member(9) }))).contains("no address"));
        assert_eq!(state.decide(Decision::Add(member(2))), Verdict::Decided(1), "it is so already");
        assert_eq!(state, before);
        for id in [1, 2] {
            state.decide(Decision::Remove(MemberId(id)));
        }
        assert!(refused(state.decide(Decision::Remove(MemberId(3)))).contains("only voter"));
        assert!(refused(state.decide(Decision::Add(Member { part: Part::Learner, ..member(3) }))).contains("only voter"));
    }

    #[test]
    fn a_state_reads_back_as_it_was_written_and_a_broken_one_does_not() {
        let state = three();
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Ok(state));
        for end in 0..bytes.len() {
            State::decode(&bytes[..end]).unwrap_err();
        }
        let mut other = bytes.clone();
        other[9] = 2;
        assert!(State::decode(&other).unwrap_err().to_string().contains("rising ids below 2"));
    }
}
