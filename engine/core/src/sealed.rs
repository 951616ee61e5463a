//! What is written to a file, so that whoever reads it alone can tell what it holds.
//!
//! | bytes | field |
//! |---|---|
//! | 0–7 | the magic bytes, `QRTproof` |
//! | 8 | version of the envelope, 1 |
//! | 9 | what is inside: 1 block, 2 electorate, 3 certificate, 4 trust anchor, 5 receipt, 6 evidence |
//! | 10– | its canonical bytes, which begin with a version of their own |
//!
//! Reading an envelope checks what is inside as far as that needs no anchor; the rest is for each type's `verify`.

use crate::anchor::TrustAnchor;
use crate::block::Block;
use crate::certificate::Certificate;
use crate::codec::{DecodeError, Reader};
use crate::electorate::Electorate;
use crate::evidence::Evidence;
use crate::receipt::Receipt;

/// One thing that can be handed on as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// A block.
    Block(Block),
    /// An electorate with all its members.
    Electorate(Electorate),
    /// A certificate.
    Certificate(Box<Certificate>),
    /// A trust anchor.
    Anchor(TrustAnchor),
    /// A receipt.
    Receipt(Box<Receipt>),
    /// Evidence of a fault.
    Evidence(Box<Evidence>),
}

impl Sealed {
    /// What every file begins with.
    pub const MAGIC: [u8; 8] = *b"QRTproof";

    /// The version of the envelope.
    pub const VERSION: u8 = 1;

    /// The length of what stands before the canonical bytes.
    pub const HEAD_BYTES: usize = 10;

    /// What this is, in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Block(_) => "block",
            Self::Electorate(_) => "electorate",
            Self::Certificate(_) => "certificate",
            Self::Anchor(_) => "trust anchor",
            Self::Receipt(_) => "receipt",
            Self::Evidence(_) => "evidence",
        }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (code, body) = match self {
            Self::Block(block) => (1, block.encode()),
            Self::Electorate(electorate) => (2, electorate.encode()),
            Self::Certificate(certificate) => (3, certificate.encode()),
            Self::Anchor(anchor) => (4, anchor.encode()),
            Self::Receipt(receipt) => (5, receipt.encode()),
            Self::Evidence(evidence) => (6, evidence.encode()),
        };
        let mut out = Vec::with_capacity(Self::HEAD_BYTES + body.len());
        out.extend(Self::MAGIC);
        out.extend([Self::VERSION, code]);
        out.extend(body);
        out
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// If they are not of this format, or if what is inside is not what the envelope says. Offsets in errors about what is inside
    /// count from there, [`Sealed::HEAD_BYTES`] behind the start of the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("proof file", bytes);
        let magic: [u8; 8] = reader.array("magic bytes")?;
        if magic != Self::MAGIC {
            let expected = Self::MAGIC.escape_ascii().to_string();
            return Err(reader.unexpected_at(0, "magic bytes", magic.escape_ascii(), expected));
        }
        reader.expect_u8("version", Self::VERSION)?;
        let at = reader.at();
        let code = reader.u8("type")?;
        let body = reader.bytes("body", reader.left())?;
        match code {
            1 => Block::decode(body).map(Self::Block),
            2 => Electorate::decode(body).map(Self::Electorate),
            3 => Certificate::decode(body).map(Box::new).map(Self::Certificate),
            4 => TrustAnchor::decode(body).map(Self::Anchor),
            5 => Receipt::decode(body).map(Box::new).map(Self::Receipt),
            6 => Evidence::decode(body).map(Box::new).map(Self::Evidence),
            _ => Err(reader.unexpected_at(
                at,
                "type",
                code,
                "1 (block), 2 (electorate), 3 (certificate), 4 (trust anchor), 5 (receipt) or 6 (evidence)".into(),
            )),
        }
    }
}

macro_rules! sealed {
    ($($inner:ty => $variant:ident($wrap:expr)),* $(,)?) => {
        $(impl From<$inner> for Sealed {
            fn from(inner: $inner) -> Self {
                Self::$variant($wrap(inner))
            }
        })*
    };
}

sealed! {
    Block => Block(std::convert::identity),
    Electorate => Electorate(std::convert::identity),
    Certificate => Certificate(Box::new),
    TrustAnchor => Anchor(std::convert::identity),
    Receipt => Receipt(Box::new),
    Evidence => Evidence(Box::new),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Digest;
    use crate::ids::Height;

    #[test]
    fn what_is_no_proof_file_is_refused_with_what_stood_there() {
        let refusal = |bytes: &[u8]| Sealed::decode(bytes).unwrap_err().to_string();
        assert_eq!(refusal(b"\x7fELF\x02\x01\x01\x00"), r"proof file, byte 0: magic bytes is \x7fELF\x02\x01\x01\x00; expected QRTproof");
        assert_eq!(refusal(b"QRTproof\x02\x01"), "proof file, byte 8: version is 2; expected 1");
        assert!(refusal(b"QRTproof\x01\x09").starts_with("proof file, byte 9: type is 9; expected 1 (block)"));
        assert!(refusal(b"QRTproof\x01\x01\x07").starts_with("block, byte 0: version is 7"));
    }

    #[test]
    fn a_file_says_what_it_holds() {
        let block = Block::new(Digest::ZERO, Height(1), crate::block::Timestamp(2), b"payload".to_vec()).unwrap();
        let sealed = Sealed::from(block);
        assert_eq!(Sealed::decode(&sealed.encode()).unwrap(), sealed);
        assert_eq!(sealed.name(), "block");
    }
}
