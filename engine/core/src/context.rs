//! What a vote is about, and the bytes that are signed.
//!
//! The signed bytes have one fixed layout of 168 bytes, every number little-endian and every field on an eight-byte boundary, so
//! that a device can build them from a template: domain ‖ cluster ‖ protocol ‖ partition ‖ electorate root ‖ height ‖ view ‖ kind ‖
//! candidate digest ‖ body digest. With the 64 bytes that Ed25519 puts before them they fill two SHA-512 blocks.

use crate::codec::{DecodeError, Reader};
use crate::hash::Digest;
use crate::ids::{ClusterId, Height, PartitionId, View};
use crate::vote::{Engine, Kind};

/// What all votes of a round share: where, when and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    /// Which cluster.
    pub cluster: ClusterId,
    /// Which protocol.
    pub engine: Engine,
    /// Which log.
    pub partition: PartitionId,
    /// Which electorate: its root.
    pub electorate: Digest,
    /// Which position.
    pub height: Height,
    /// Which attempt.
    pub view: View,
}

/// The signed bytes.
pub type SignedBytes = [u8; Context::SIGNED_BYTES];

impl Context {
    /// What separates these signatures from all others by the same keys.
    pub const DOMAIN: [u8; 8] = *b"QRTvote1";

    /// The length of the signed bytes.
    pub const SIGNED_BYTES: usize = 168;

    /// Where the kind stands in the signed bytes.
    pub const KIND_AT: usize = 96;

    /// Where the candidate's digest stands in the signed bytes.
    pub const CANDIDATE_AT: usize = 104;

    /// Where the body's digest stands in the signed bytes.
    pub const BODY_AT: usize = 136;

    /// The length of an encoded context.
    pub const BYTES: usize = 32 + 1 + 4 + 32 + 8 + 8;

    /// The signed bytes with kind, candidate and body left zero.
    #[must_use]
    pub fn template(&self) -> SignedBytes {
        let mut out = [0; Self::SIGNED_BYTES];
        out[..8].copy_from_slice(&Self::DOMAIN);
        out[8..40].copy_from_slice(&self.cluster.0.0);
        out[40..44].copy_from_slice(&u32::from(self.engine as u8).to_le_bytes());
        out[44..48].copy_from_slice(&self.partition.0.to_le_bytes());
        out[48..80].copy_from_slice(&self.electorate.0);
        out[80..88].copy_from_slice(&self.height.0.to_le_bytes());
        out[88..96].copy_from_slice(&self.view.0.to_le_bytes());
        out
    }

    /// The bytes that a voter signs. `body` is zero where the vote has none.
    #[must_use]
    pub fn signed_bytes(&self, kind: Kind, candidate: &Digest, body: &Digest) -> SignedBytes {
        debug_assert_eq!(kind.engine(), self.engine, "a kind of another protocol");
        let mut out = self.template();
        fill(&mut out, kind.code(), candidate, body);
        out
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.cluster.0.0);
        out.push(self.engine as u8);
        out.extend(self.partition.0.to_le_bytes());
        out.extend(self.electorate.0);
        out.extend(self.height.0.to_le_bytes());
        out.extend(self.view.0.to_le_bytes());
    }

    /// Reads canonical bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            cluster: ClusterId(Digest(reader.array("cluster")?)),
            engine: Engine::decode(reader)?,
            partition: PartitionId(reader.u32("partition")?),
            electorate: Digest(reader.array("electorate root")?),
            height: Height(reader.u64("height")?),
            view: View(reader.u64("view")?),
        })
    }
}

/// Completes a template: what differs from vote to vote of one round.
pub fn fill(template: &mut SignedBytes, kind: u8, candidate: &Digest, body: &Digest) {
    template[Context::KIND_AT] = kind;
    template[Context::CANDIDATE_AT..Context::BODY_AT].copy_from_slice(&candidate.0);
    template[Context::BODY_AT..].copy_from_slice(&body.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vote::Pbft;

    #[test]
    fn the_signed_bytes_have_each_field_at_its_place() {
        let context = Context {
            cluster: ClusterId(Digest([1; 32])),
            engine: Engine::Pbft,
            partition: PartitionId(0x0202_0202),
            electorate: Digest([3; 32]),
            height: Height(0x0404_0404_0404_0404),
            view: View(0x0505_0505_0505_0505),
        };
        let signed = context.signed_bytes(Kind::Pbft(Pbft::Checkpoint), &Digest([7; 32]), &Digest([8; 32]));
        let mut expected = b"QRTvote1".to_vec();
        expected.extend([1; 32]);
        expected.extend([17, 0, 0, 0, 2, 2, 2, 2]);
        expected.extend([3; 32]);
        expected.extend([4; 8]);
        expected.extend([5; 8]);
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([7; 32]);
        expected.extend([8; 32]);
        assert_eq!(signed.as_slice(), expected);
        let mut bytes = Vec::new();
        context.encode(&mut bytes);
        assert_eq!(bytes.len(), Context::BYTES);
        assert_eq!(Context::decode(&mut Reader::new("context", &bytes)).unwrap(), context);
    }
}
