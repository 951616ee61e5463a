//! Who may vote, with what weight, under which rule.
//!
//! An electorate is a list of members sorted by id, each with a weight and, where the protocol signs, an Ed25519 vote key. A
//! joint electorate is the union of two, as during a change of membership: each member has two weights, and a decision needs
//! both halves. An electorate belongs to an epoch and has a root, a hash over all of it: epoch, rule, totals and members. Whoever
//! knows the root can check a member's place in it, and nobody can bring a weaker rule of their own.
//!
//! A half without weight behaves like the other half; an electorate without weight altogether cannot be built.

use std::fmt;

use thiserror::Error;

use crate::codec::{DecodeError, Reader};
use crate::hash::{Digest, TreeHash, tagged};
use crate::ids::{Epoch, MemberId, Voter, Weight};
use crate::merkle;
use crate::quorum::{Rule, RuleError, Thresholds};

/// The public half of a vote key, as 32 bytes. Whether it decodes to a point is for ZIP-215 to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoteKey(pub [u8; 32]);

impl fmt::Debug for VoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VoteKey({})", Digest(self.0))
    }
}

/// One who may vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id, never used by another.
    pub id: MemberId,
    /// Its weight in each half; in a simple electorate the second is zero.
    pub weight: [Weight; 2],
    /// Its vote key, where the protocol signs.
    pub key: Option<VoteKey>,
}

impl Member {
    /// The length of a member's record.
    pub const BYTES: usize = 64;

    /// A member of a simple electorate that does not sign.
    #[must_use]
    pub fn new(id: u64, weight: u64) -> Self {
        Self { id: MemberId(id), weight: [Weight(weight), Weight(0)], key: None }
    }

    /// The same member, with a vote key.
    #[must_use]
    pub fn with_key(self, key: VoteKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The fixed record that is this member's leaf under the electorate's root.
    #[must_use]
    pub fn record(&self) -> [u8; Self::BYTES] {
        let mut record = [0; Self::BYTES];
        record[..8].copy_from_slice(&self.id.0.to_le_bytes());
        record[8..16].copy_from_slice(&self.weight[0].0.to_le_bytes());
        record[16..24].copy_from_slice(&self.weight[1].0.to_le_bytes());
        if let Some(key) = self.key {
            record[24] = 1;
            record[32..].copy_from_slice(&key.0);
        }
        record
    }

    /// The hash of this member's leaf.
    #[must_use]
    pub fn leaf(&self) -> Digest {
        TreeHash::Blake3.leaf(&self.record())
    }

    /// Reads a record.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = MemberId(reader.u64("member id")?);
        let weight = [Weight(reader.u64("weight")?), Weight(reader.u64("second weight")?)];
        let at = reader.at();
        let flag = reader.u64("key flag")?;
        let key = reader.array::<32>("vote key")?;
        let key = match flag {
            1 => Some(VoteKey(key)),
            0 if key == [0; 32] => None,
            _ => return Err(reader.unexpected_at(at, "key flag", flag, "1, or 0 and 32 zero bytes".into())),
        };
        Ok(Self { id, weight, key })
    }
}

/// Why a list of members is no electorate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElectorateError {
    /// There is no weight at all.
    #[error("an electorate needs at least one member with weight; found none")]
    Empty,
    /// There are more members than votes can name.
    #[error("an electorate of {0} members; expected at most {max}", max = Electorate::MAX_MEMBERS)]
    TooLarge(usize),
    /// One id stands twice.
    #[error("member {0} is listed twice")]
    Twice(MemberId),
    /// The list is not sorted, in an encoding.
    #[error("member {0} stands after a member with a higher id; expected rising ids")]
    Unsorted(MemberId),
    /// A member cannot change any decision.
    #[error("member {0} has no weight; leave it out of the electorate")]
    Weightless(MemberId),
    /// A member of a simple electorate has a second weight.
    #[error("member {0} has a second weight, but the electorate is not joint")]
    SecondWeight(MemberId),
    /// The weights do not fit.
    #[error("the weights add up to more than 2^64 - 1")]
    Overflow,
    /// Two members would sign as one.
    #[error("members {0} and {1} have the same vote key")]
    SharedKey(MemberId, MemberId),
    /// The halves of a joint electorate disagree about a member's key.
    #[error("member {0} has two different vote keys in the two halves; rotate keys in a change of its own")]
    TwoKeys(MemberId),
    /// The rule does not fit the weights.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// The fixed facts of an electorate, which with the members' root make up its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which electorate in the row of them.
    pub epoch: Epoch,
    /// What decides.
    pub rule: Rule,
    /// Whether it is the union of two.
    pub joint: bool,
    /// How many members it has.
    pub members: u32,
    /// The weight of each half.
    pub total: [Weight; 2],
    /// The root of the tree over the members' records.
    pub members_root: Digest,
}

impl Header {
    /// The length of an encoded header.
    pub const BYTES: usize = 8 + Rule::BYTES + 1 + 4 + 16 + 32;

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.epoch.0.to_le_bytes());
        self.rule.encode(out);
        out.push(u8::from(self.joint));
        out.extend(self.members.to_le_bytes());
        out.extend(self.total[0].0.to_le_bytes());
        out.extend(self.total[1].0.to_le_bytes());
        out.extend(self.members_root.0);
    }

    /// Reads canonical bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let epoch = Epoch(reader.u64("epoch")?);
        let rule = Rule::decode(reader)?;
        let joint = reader.bool("joint")?;
        let at = reader.at();
        let members = reader.u32("members")?;
        if members == 0 || members as usize > Electorate::MAX_MEMBERS {
            return Err(reader.unexpected_at(at, "members", members, format!("1 to {}", Electorate::MAX_MEMBERS)));
        }
        let total = [Weight(reader.u64("weight")?), Weight(reader.u64("second weight")?)];
        let members_root = Digest(reader.array("members' root")?);
        let header = Self { epoch, rule, joint, members, total, members_root };
        if (!joint && total[1].0 != 0) || total == [Weight(0); 2] {
            return Err(reader.invalid("the total weights are not those of any electorate"));
        }
        header.thresholds().map_err(|error| reader.invalid(error))?;
        Ok(header)
    }

    /// What proofs of membership are checked against.
    #[must_use]
    pub fn tree_head(&self) -> merkle::TreeHead {
        merkle::TreeHead { hash: TreeHash::Blake3, size: u64::from(self.members), root: self.members_root }
    }

    /// The electorate's root.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        self.encode(&mut bytes);
        tagged("quorate 2026-11 electorate v1", &[&bytes])
    }

    /// What decides under the electorate's own rule.
    pub fn thresholds(&self) -> Result<Thresholds, RuleError> {
        Thresholds::new(self.rule, self.total)
    }
}

/// Who may vote in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Electorate {
    header: Header,
    thresholds: Thresholds,
    root: Digest,
    members: Vec<Member>,
}

impl Electorate {
    /// Votes name members by sixteen bits.
    pub const MAX_MEMBERS: usize = 1 << 16;

    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// A simple electorate. The members may come in any order.
    pub fn new(epoch: Epoch, rule: Rule, members: impl IntoIterator<Item = Member>) -> Result<Self, ElectorateError> {
        let mut members: Vec<Member> = members.into_iter().collect();
        members.sort_by_key(|member| member.id);
        Self::sorted(epoch, rule, false, members)
    }

    /// The union of two lists of members, each with its own weights: what holds while one list replaces the other.
    pub fn joint(
        epoch: Epoch,
        rule: Rule,
        old: impl IntoIterator<Item = Member>,
        new: impl IntoIterator<Item = Member>,
    ) -> Result<Self, ElectorateError> {
        let mut old: Vec<Member> = old.into_iter().collect();
        let mut new: Vec<Member> = new.into_iter().collect();
        for half in [&mut old, &mut new] {
            half.sort_by_key(|member| member.id);
            if let Some(pair) = half.windows(2).find(|pair| pair[0].id == pair[1].id) {
                return Err(ElectorateError::Twice(pair[0].id));
            }
            if let Some(member) = half.iter().find(|member| member.weight[1].0 != 0) {
                return Err(ElectorateError::SecondWeight(member.id));
            }
        }
        let mut members: Vec<Member> = Vec::with_capacity(old.len() + new.len());
        members.extend(old);
        members.extend(new.into_iter().map(|member| Member { weight: [Weight(0), member.weight[0]], ..member }));
        // Stable, so that of two with one id the old half's stands first.
        members.sort_by_key(|member| member.id);
        if let Some(pair) = members.windows(2).find(|pair| pair[0].id == pair[1].id && pair[0].key != pair[1].key) {
            return Err(ElectorateError::TwoKeys(pair[0].id));
        }
        members.dedup_by(|later, earlier| {
            let same = later.id == earlier.id;
            if same {
                earlier.weight[1] = later.weight[1];
            }
            same
        });
        Self::sorted(epoch, rule, true, members)
    }

    fn sorted(epoch: Epoch, rule: Rule, joint: bool, members: Vec<Member>) -> Result<Self, ElectorateError> {
        if members.len() > Self::MAX_MEMBERS {
            return Err(ElectorateError::TooLarge(members.len()));
        }
        for pair in members.windows(2) {
            match pair[0].id.cmp(&pair[1].id) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(ElectorateError::Twice(pair[0].id)),
                std::cmp::Ordering::Greater => return Err(ElectorateError::Unsorted(pair[1].id)),
            }
        }
        let mut total = [0u64; 2];
        for member in &members {
            if !joint && member.weight[1].0 != 0 {
                return Err(ElectorateError::SecondWeight(member.id));
            }
            if member.weight == [Weight(0); 2] {
                return Err(ElectorateError::Weightless(member.id));
            }
            for (total, weight) in total.iter_mut().zip(member.weight) {
                *total = total.checked_add(weight.0).ok_or(ElectorateError::Overflow)?;
            }
        }
        if total == [0; 2] {
            return Err(ElectorateError::Empty);
        }
        let mut keys: Vec<(VoteKey, MemberId)> = members.iter().filter_map(|member| Some((member.key?, member.id))).collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ElectorateError::SharedKey(pair[0].1, pair[1].1));
        }
        let total = total.map(Weight);
        let thresholds = Thresholds::new(rule, total)?;
        let leaves: Vec<Digest> = members.iter().map(Member::leaf).collect();
        let members_root = merkle::root(TreeHash::Blake3, &leaves);
        let header = Header { epoch, rule, joint, members: members.len() as u32, total, members_root };
        Ok(Self { header, thresholds, root: header.root(), members })
    }

    /// The fixed facts.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The hash over all of it.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The members, by rising id.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member that votes name as `voter`.
    #[must_use]
    pub fn member(&self, voter: Voter) -> Option<&Member> {
        self.members.get(usize::from(voter.0))
    }

    /// The tree over the members' records, from which their places are proved.
    #[must_use]
    pub fn tree(&self) -> merkle::Tree {
        merkle::Tree::new(TreeHash::Blake3, self.members.iter().map(Member::leaf).collect())
    }

    /// How votes name a member.
    #[must_use]
    pub fn voter(&self, id: MemberId) -> Option<Voter> {
        self.members.binary_search_by_key(&id, |member| member.id).ok().map(|at| Voter(at as u16))
    }

    /// What decides under the electorate's own rule.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Whether every member has a vote key.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.members.iter().all(|member| member.key.is_some())
    }

    /// The weight of a set of voters, each named once, in each half. Names outside the electorate weigh nothing.
    #[must_use]
    pub fn weigh(&self, voters: impl IntoIterator<Item = Voter>) -> [Weight; 2] {
        let mut sum = [0u64; 2];
        for member in voters.into_iter().filter_map(|voter| self.member(voter)) {
            sum[0] = sum[0].saturating_add(member.weight[0].0);
            sum[1] = sum[1].saturating_add(member.weight[1].0);
        }
        sum.map(Weight)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.members.len() * Member::BYTES);
        out.push(Self::VERSION);
        out.extend(self.header.epoch.0.to_le_bytes());
        self.header.rule.encode(&mut out);
        out.push(u8::from(self.header.joint));
        out.extend((self.members.len() as u32).to_le_bytes());
        for member in &self.members {
            out.extend(member.record());
        }
        out
    }

    /// Reads canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("electorate", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let epoch = Epoch(reader.u64("epoch")?);
        let rule = Rule::decode(&mut reader)?;
        let joint = reader.bool("joint")?;
        let count = reader.count("members", Member::BYTES, Self::MAX_MEMBERS)?;
        let members = (0..count).map(|_| Member::decode(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let electorate = Self::sorted(epoch, rule, joint, members).map_err(|error| reader.invalid(error))?;
        reader.finish()?;
        Ok(electorate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(id: u64, weight: u64) -> Member {
        Member::new(id, weight).with_key(VoteKey([id as u8; 32]))
    }

    #[test]
    fn the_root_covers_epoch_rule_weights_and_keys() {
        let build = |epoch, rule, weight, key| {
            let members = [keyed(1, 1), Member::new(2, weight).with_key(VoteKey([key; 32]))];
            Electorate::new(Epoch(epoch), rule, members).unwrap().root()
        };
        let base = build(0, Rule::TwoThirds, 1, 9);
        assert_eq!(base, build(0, Rule::TwoThirds, 1, 9));
        for other in [
            build(1, Rule::TwoThirds, 1, 9),
            build(0, Rule::Majority, 1, 9),
            build(0, Rule::TwoThirds, 2, 9),
            build(0, Rule::TwoThirds, 1, 8),
        ] {
            assert_ne!(base, other);
        }
        let joint = Electorate::joint(Epoch(0), Rule::TwoThirds, [keyed(1, 1), Member::new(2, 1).with_key(VoteKey([9; 32]))], []).unwrap();
        assert_ne!(base, joint.root());
    }

    #[test]
    fn a_joint_electorate_is_the_union_with_two_weights_each() {
        let joint = Electorate::joint(Epoch(3), Rule::Majority, [keyed(1, 5), keyed(2, 6)], [keyed(2, 7), keyed(3, 8)]).unwrap();
        let weights: Vec<_> = joint.members().iter().map(|member| (member.id.0, member.weight[0].0, member.weight[1].0)).collect();
        assert_eq!(weights, [(1, 5, 0), (2, 6, 7), (3, 0, 8)]);
        assert_eq!(joint.thresholds().least, [Weight(6), Weight(8)]);
        assert_eq!(joint.weigh([Voter(1), Voter(2), Voter(9)]), [Weight(6), Weight(15)]);
    }

    #[test]
    fn what_cannot_be_an_electorate_is_refused_with_the_reason() {
        let new = |members: Vec<Member>| Electorate::new(Epoch(0), Rule::Majority, members).unwrap_err();
        assert_eq!(new(vec![]), ElectorateError::Empty);
        assert_eq!(new(vec![keyed(1, 0)]), ElectorateError::Weightless(MemberId(1)));
        assert_eq!(new(vec![keyed(1, 1), keyed(1, 1)]), ElectorateError::Twice(MemberId(1)));
        assert_eq!(new(vec![keyed(1, u64::MAX), keyed(2, 1)]), ElectorateError::Overflow);
        assert_eq!(
            new(vec![keyed(1, 1), Member::new(2, 1).with_key(VoteKey([1; 32]))]),
            ElectorateError::SharedKey(MemberId(1), MemberId(2))
        );
        let two_keys = Electorate::joint(Epoch(0), Rule::Majority, [keyed(1, 1)], [Member::new(1, 1)]).unwrap_err();
        assert_eq!(two_keys, ElectorateError::TwoKeys(MemberId(1)));
    }

    #[test]
    fn encodings_come_back_and_a_list_out_of_order_is_refused() {
        let electorate =
            Electorate::joint(Epoch(3), Rule::TwoThirds, [keyed(1, 5), keyed(2, 6)], [keyed(2, 7), Member::new(3, 8)]).unwrap();
        let mut bytes = electorate.encode();
        assert_eq!(Electorate::decode(&bytes).unwrap(), electorate);
        let first = bytes.len() - 3 * Member::BYTES;
        let (left, right) = bytes[first..].split_at_mut(Member::BYTES);
        left.swap_with_slice(&mut right[..Member::BYTES]);
        assert!(Electorate::decode(&bytes).unwrap_err().to_string().contains("rising ids"));
    }
}
