//! What the log holds for a machine with sessions, and what such a machine answers.
//!
//! Bytes of an envelope: 0 (plain) ‖ command, or 1 (open), or 2 (within) ‖ session u64 ‖ sequence u64 ‖ settled u64 ‖ command. Of a reply:
//! 0 (done) ‖ answer, 1 (opened) ‖ session u64, 2 (expired), 3 (settled), or 4 (nonsense). Command and answer are the rest, as they are:
//! nothing is copied to read them.

use quorate_core::codec::{DecodeError, Reader};

use super::sessions::Stub;

const PLAIN: u8 = 0;
const OPEN: u8 = 1;
const WITHIN: u8 = 2;

const DONE: u8 = 0;
const OPENED: u8 = 1;
const EXPIRED: u8 = 2;
const SETTLED: u8 = 3;
const NONSENSE: u8 = 4;

/// What an entry says to a machine with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// A command of nobody's session. If it is sent twice, it is carried out twice.
    Plain(&'a [u8]),
    /// Opens a session. Its id is the entry's index.
    Open,
    /// A command of a session, which is carried out once.
    Within {
        /// Whose, and which.
        stub: Stub,
        /// The command.
        command: &'a [u8],
    },
}

impl<'a> Envelope<'a> {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Plain(command) => [&[PLAIN], *command].concat(),
            Self::Open => vec![OPEN],
            Self::Within { stub, command } => {
                let mut out = Vec::with_capacity(25 + command.len());
                out.push(WITHIN);
                for word in [stub.session, stub.sequence, stub.settled] {
                    out.extend(word.to_le_bytes());
                }
                out.extend_from_slice(command);
                out
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no envelope. Whether there is a command in it is the machine's to say.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("envelope", bytes);
        match reader.u8("envelope kind")? {
            PLAIN => Ok(Self::Plain(&bytes[reader.at()..])),
            OPEN => reader.finish().map(|()| Self::Open),
            WITHIN => {
                let stub = Stub { session: reader.u64("session")?, sequence: reader.u64("sequence")?, settled: reader.u64("settled")? };
                Ok(Self::Within { stub, command: &bytes[reader.at()..] })
            }
            found => Err(reader.unexpected_at(0, "envelope kind", found, "0 (plain), 1 (open) or 2 (within)".into())),
        }
    }
}

/// What a machine with sessions answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The command was carried out, now or when it first came, and this is what the machine said.
    Done(&'a [u8]),
    /// A session was opened, with this id.
    Opened(u64),
    /// There is no such session, or not any more. The command was not carried out now; whether it was before, nobody knows.
    Expired,
    /// Its client had settled the request already. It was not carried out now.
    Settled,
    /// The entry is no envelope. Nothing was carried out.
    Nonsense,
}

impl<'a> Reply<'a> {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Done(answer) => [&[DONE], *answer].concat(),
            Self::Opened(session) => [&[OPENED][..], &session.to_le_bytes()].concat(),
            Self::Expired => vec![EXPIRED],
            Self::Settled => vec![SETTLED],
            Self::Nonsense => vec![NONSENSE],
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no reply.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("reply", bytes);
        let reply = match reader.u8("reply kind")? {
            DONE => return Ok(Self::Done(&bytes[reader.at()..])),
            OPENED => Self::Opened(reader.u64("session")?),
            EXPIRED => Self::Expired,
            SETTLED => Self::Settled,
            NONSENSE => Self::Nonsense,
            found => return Err(reader.unexpected_at(0, "reply kind", found, "0 to 4".into())),
        };
        reader.finish().map(|()| reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_and_replies_read_back_as_they_were_written() {
        let stub = Stub { session: 7, sequence: u64::MAX, settled: 3 };
        for envelope in [Envelope::Plain(b""), Envelope::Plain(b"\x02do"), Envelope::Open, Envelope::Within { stub, command: b"do" }] {
            assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
        }
        for reply in [Reply::Done(b""), Reply::Done(b"ok"), Reply::Opened(9), Reply::Expired, Reply::Settled, Reply::Nonsense] {
            assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
        }
    }

    #[test]
    fn what_is_cut_or_followed_by_something_is_refused() {
        let within = Envelope::Within { stub: Stub { session: 1, sequence: 2, settled: 1 }, command: b"" }.encode();
        for end in 0..within.len() {
            Envelope::decode(&within[..end]).unwrap_err();
        }
        Envelope::decode(&[OPEN, 0]).unwrap_err();
        Reply::decode(&[]).unwrap_err();
        Reply::decode(&[OPENED, 1]).unwrap_err();
        Reply::decode(&[EXPIRED, 0]).unwrap_err();
        assert_eq!(
            Envelope::decode(&[9]).unwrap_err().to_string(),
            "envelope, byte 0: envelope kind is 9; expected 0 (plain), 1 (open) or 2 (within)"
        );
    }
}
