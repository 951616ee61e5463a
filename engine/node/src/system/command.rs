//! What can be decided about members, in bytes.
//!
//! A decision: 0 (genesis) ‖ members, 1 (add) ‖ member, or 2 (remove) ‖ id u64. Members: count u32, then each. A member: id u64 ‖ part u8 ‖
//! priority u8 ‖ name, address, client address, each a length u16 and UTF-8. A verdict: 0 ‖ revision u64, or 1 ‖ text to the end.

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Configuration, Part};

use super::Member;

const GENESIS: u8 = 0;
const ADD: u8 = 1;
const REMOVE: u8 = 2;

/// How long a name or an address may be.
const TEXT_MAX: usize = 256;
/// The least bytes of a member.
const MEMBER_BYTES: usize = 16;

/// Something decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// These are the members at the cluster's birth. Has an effect once.
    Genesis(Vec<Member>),
    /// This one shall be a member, or be changed so. With id 0, it gets a new one.
    Add(Member),
    /// This one shall not be a member any more.
    Remove(MemberId),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds, as of this revision.
    Decided(u64),
    /// It does not, and why.
    Refused(String),
}

impl Decision {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Genesis(members) => {
                out.push(GENESIS);
                encode_members(members, &mut out);
            }
            Self::Add(member) => {
                out.push(ADD);
                encode_member(member, &mut out);
            }
            Self::Remove(id) => {
                out.push(REMOVE);
                out.extend(id.0.to_le_bytes());
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("decision about members", bytes);
        let decision = match reader.u8("decision")? {
            GENESIS => Self::Genesis(decode_members(&mut reader)?),
            ADD => Self::Add(decode_member(&mut reader)?),
            REMOVE => Self::Remove(MemberId(reader.u64("member")?)),
            other => return Err(reader.unexpected_at(0, "decision", other, "0 to 2".into())),
        };
        reader.finish().map(|()| decision)
    }
}

impl Verdict {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Decided(revision) => std::iter::once(0).chain(revision.to_le_bytes()).collect(),
            Self::Refused(why) => std::iter::once(1).chain(why.bytes()).collect(),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("verdict about members", bytes);
        if reader.bool("refused")? {
            let text = reader.bytes("why", reader.left())?;
            return Ok(Self::Refused(String::from_utf8_lossy(text).into_owned()));
        }
        let revision = reader.u64("revision")?;
        reader.finish().map(|()| Self::Decided(revision))
    }
}

/// Appends members.
pub(super) fn encode_members<'a>(members: impl IntoIterator<Item = &'a Member, IntoIter: ExactSizeIterator>, out: &mut Vec<u8>) {
    let members = members.into_iter();
    out.extend((members.len() as u32).to_le_bytes());
    members.for_each(|member| encode_member(member, out));
}

/// Reads members.
pub(super) fn decode_members(reader: &mut Reader<'_>) -> Result<Vec<Member>, DecodeError> {
    let count = reader.count("members", MEMBER_BYTES, Configuration::MAX_PEERS)?;
    (0..count).map(|_| decode_member(reader)).collect()
}

fn encode_member(member: &Member, out: &mut Vec<u8>) {
    out.extend(member.id.0.to_le_bytes());
    out.extend([member.part as u8, member.priority]);
    for text in [&member.name, &member.address, &member.client] {
        out.extend((text.len() as u16).to_le_bytes());
        out.extend(text.as_bytes());
    }
}

fn decode_member(reader: &mut Reader<'_>) -> Result<Member, DecodeError> {
    let id = MemberId(reader.u64("member")?);
    let at = reader.at();
    let part = match reader.u8("part")? {
        0 => Part::Voter,
        2 => Part::Learner,
        other => return Err(reader.unexpected_at(at, "part", other, "0 (voter) or 2 (learner)".into())),
    };
    let priority = reader.u8("priority")?;
    let [name, address, client] = [text(reader, "name")?, text(reader, "address")?, text(reader, "client address")?];
    Ok(Member { id, name, address, client, part, priority })
}

fn text(reader: &mut Reader<'_>, field: &'static str) -> Result<String, DecodeError> {
    let at = reader.at();
    let len = usize::from(reader.u16(field)?);
    if len > TEXT_MAX {
        return Err(reader.unexpected_at(at, field, format!("{len} bytes"), format!("at most {TEXT_MAX}")));
    }
    let bytes = reader.bytes(field, len)?;
    let text = std::str::from_utf8(bytes).map_err(|error| reader.unexpected_at(at, field, error, "UTF-8".into()))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Member {
        Member { id: MemberId(id), name: format!("n{id}"), address: "a:1".into(), client: String::new(), part: Part::Learner, priority: 3 }
    }

    #[test]
    fn decisions_and_verdicts_read_back_as_they_were_written() {
        for decision in [Decision::Genesis(vec![member(1), member(2)]), Decision::Add(member(0)), Decision::Remove(MemberId(7))] {
            let bytes = decision.encode();
            assert_eq!(Decision::decode(&bytes), Ok(decision));
            for end in 0..bytes.len() {
                Decision::decode(&bytes[..end]).unwrap_err();
            }
        }
        for verdict in [Verdict::Decided(9), Verdict::Refused("no".into())] {
            assert_eq!(Verdict::decode(&verdict.encode()), Ok(verdict));
        }
        let long = Decision::Add(Member { name: "x".repeat(TEXT_MAX + 1), ..member(1) }).encode();
        assert!(Decision::decode(&long).unwrap_err().to_string().contains("at most 256"));
    }
}
