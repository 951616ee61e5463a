//! Client sessions, so that a request that is sent twice is carried out once.
//!
//! A session is opened by an entry of the log, whose index is its id. A request names its session and carries a sequence number; when it
//! was carried out, its answer is kept here and given again to whoever repeats the request, until the client says that it has the answers
//! up to some number ("settled"). The table is part of the state: every member has the same one after the same entry, and it goes
//! into snapshots. So everything about it follows from the log, and no clock is asked: **when there is no room, the session goes that
//! was used longest ago**, counted in entries, and its client is told that it has expired. It cannot know, then, whether its last
//! requests were carried out; that is said to it instead of guessed.
//!
//! Bytes: number of sessions u32, then by rising id: id u64 ‖ last used at u64 ‖ settled u64 ‖ number of answers u32, and by rising
//! sequence: sequence u64 ‖ length u32 ‖ answer.

use std::collections::BTreeMap;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::ids::Height;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions, at least one.
    pub sessions: usize,
    /// Bytes of answers, of all sessions together.
    pub answer_bytes: usize,
}

/// What a request carries besides what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Its session.
    pub session: u64,
    /// Its number in the session. The client never uses one twice for different requests.
    pub sequence: u64,
    /// The client will not repeat requests up to this number. It is below `sequence`.
    pub settled: u64,
}

/// What the table says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// It was not carried out yet.
    Never,
    /// It was carried out, with this answer.
    Before(&'a [u8]),
    /// It comes after its client had settled it, or its answer had to go. It must not be carried out.
    Settled,
    /// There is no such session, or not any more. It must not be carried out.
    Expired,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Session {
    used: u64,
    settled: u64,
    answers: BTreeMap<u64, Box<[u8]>>,
}

impl Session {
    fn bytes(&self) -> usize {
        self.answers.values().map(|answer| answer.len()).sum()
    }
}

/// The table of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    limits: Limits,
    table: BTreeMap<u64, Session>,
    /// By the entry that used it last, which session.
    by_use: BTreeMap<u64, u64>,
    bytes: usize,
    fingerprint: u64,
}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, table: BTreeMap::new(), by_use: BTreeMap::new(), bytes: 0, fingerprint: 0 }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// A sum over the whole table that members can compare after an entry. It is kept up to date, so asking costs nothing; it
    /// proves nothing against whoever wants to deceive.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Opens a session at this entry. Its id is the entry's index. If there is no room, another one goes.
    pub fn open(&mut self, at: Height) -> u64 {
        while self.table.len() >= self.limits.sessions.max(1) {
            self.evict();
        }
        let id = at.0;
        self.put(id, Session { used: at.0, ..Session::default() });
        id
    }

    /// Looks a request up that is at this entry, and notes what its client has settled.
    pub fn look(&mut self, at: Height, stub: Stub) -> Seen<'_> {
        let Some(mut session) = self.take(stub.session) else { return Seen::Expired };
        session.used = at.0;
        session.settled = session.settled.max(stub.settled.min(stub.sequence.saturating_sub(1)));
        session.answers = session.answers.split_off(&session.settled.saturating_add(1));
        let settled = stub.sequence <= session.settled;
        self.put(stub.session, session);
        match self.table.get(&stub.session).and_then(|session| session.answers.get(&stub.sequence)) {
            Some(answer) => Seen::Before(answer),
            None if settled => Seen::Settled,
            None => Seen::Never,
        }
    }

    /// Keeps the answer to a request that was looked up and never seen.
    pub fn keep(&mut self, stub: Stub, answer: &[u8]) {
        let Some(mut session) = self.take(stub.session) else { return };
        session.answers.insert(stub.sequence, answer.into());
        self.put(stub.session, session);
        while self.bytes > self.limits.answer_bytes && self.table.len() > 1 {
            self.evict();
        }
        // The session that is being used stays, without the answers for which there is no room; the newest goes last.
        if let Some(mut session) = (self.bytes > self.limits.answer_bytes).then(|| self.take(stub.session)).flatten() {
            let mut bytes = session.bytes();
            while bytes > self.limits.answer_bytes
                && let Some((sequence, answer)) = session.answers.pop_first()
            {
                bytes -= answer.len();
                session.settled = session.settled.max(sequence);
            }
            self.put(stub.session, session);
        }
    }

    /// Takes out the session that was used longest ago.
    fn evict(&mut self) {
        if let Some(id) = self.by_use.first_key_value().map(|(_, id)| *id) {
            self.take(id);
        }
    }

    fn take(&mut self, id: u64) -> Option<Session> {
        let session = self.table.remove(&id)?;
        self.by_use.remove(&session.used);
        self.bytes -= session.bytes();
        self.fingerprint = self.fingerprint.wrapping_sub(fingerprint(id, &session));
        Some(session)
    }

    fn put(&mut self, id: u64, session: Session) {
        self.by_use.insert(session.used, id);
        self.bytes += session.bytes();
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint(id, &session));
        self.table.insert(id, session);
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend((self.table.len() as u32).to_le_bytes());
        for (id, session) in &self.table {
            for word in [*id, session.used, session.settled] {
                out.extend(word.to_le_bytes());
            }
            out.extend((session.answers.len() as u32).to_le_bytes());
            for (sequence, answer) in &session.answers {
                out.extend(sequence.to_le_bytes());
                out.extend((answer.len() as u32).to_le_bytes());
                out.extend_from_slice(answer);
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no table, or one that these limits do not allow.
    pub fn decode(reader: &mut Reader<'_>, limits: Limits) -> Result<Self, DecodeError> {
        let mut sessions = Self::new(limits);
        for _ in 0..reader.count("sessions", 28, limits.sessions.max(1))? {
            let at = reader.at();
            let id = reader.u64("session")?;
            if sessions.table.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(reader.unexpected_at(at, "session", id, "rising ids".into()));
            }
            let session = read_session(reader)?;
            if session.used < id || sessions.by_use.contains_key(&session.used) {
                return Err(reader.unexpected_at(at, "last use", session.used, "an entry of its own, not before the session's".into()));
            }
            sessions.put(id, session);
        }
        if sessions.bytes > limits.answer_bytes {
            return Err(reader.invalid(format!("answers of {} bytes; expected at most {}", sessions.bytes, limits.answer_bytes)));
        }
        Ok(sessions)
    }
}

fn read_session(reader: &mut Reader<'_>) -> Result<Session, DecodeError> {
    let mut session = Session { used: reader.u64("last use")?, settled: reader.u64("settled")?, answers: BTreeMap::new() };
    for _ in 0..reader.count("answers", 12, usize::MAX)? {
        let at = reader.at();
        let sequence = reader.u64("sequence")?;
        if sequence <= session.answers.last_key_value().map_or(session.settled, |(last, _)| *last) {
            return Err(reader.unexpected_at(at, "sequence", sequence, "rising ones that are not settled".into()));
        }
        let len = reader.count("answer", 1, usize::MAX)?;
        session.answers.insert(sequence, reader.bytes("answer", len)?.into());
    }
    Ok(session)
}

/// One session's share of the sum.
fn fingerprint(id: u64, session: &Session) -> u64 {
    let mut sum = [id, session.used, session.settled].into_iter().fold(0, stir);
    for (sequence, answer) in &session.answers {
        sum = answer.chunks(8).fold(stir(sum, *sequence), |sum, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            stir(sum, u64::from_le_bytes(word) ^ chunk.len() as u64)
        });
    }
    sum
}

fn stir(sum: u64, word: u64) -> u64 {
    let mixed = (sum.rotate_left(25) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { sessions: 3, answer_bytes: 32 };

    fn stub(session: u64, sequence: u64, settled: u64) -> Stub {
        Stub { session, sequence, settled }
    }

    #[test]
    fn a_repeated_request_gets_the_first_answer() {
        let mut sessions = Sessions::new(LIMITS);
        let id = sessions.open(Height(5));
        assert_eq!(id, 5);
        assert_eq!(sessions.look(Height(6), stub(id, 1, 0)), Seen::Never);
        sessions.keep(stub(id, 1, 0), b"one");
        assert_eq!(sessions.look(Height(7), stub(id, 1, 0)), Seen::Before(b"one"));
        assert_eq!(sessions.look(Height(8), stub(9, 1, 0)), Seen::Expired);
    }

    #[test]
    fn what_was_settled_is_not_carried_out_again() {
        let mut sessions = Sessions::new(LIMITS);
        let id = sessions.open(Height(1));
        sessions.keep(stub(id, 1, 0), b"one");
        assert_eq!(sessions.look(Height(2), stub(id, 3, 2)), Seen::Never);
        for late in [1, 2] {
            assert_eq!(sessions.look(Height(3 + late), stub(id, late, 0)), Seen::Settled);
        }
        assert_eq!(sessions.look(Height(9), stub(id, 4, 99)), Seen::Never, "no client settles what it asks for");
    }

    #[test]
    fn the_session_that_was_used_longest_ago_makes_room() {
        let mut sessions = Sessions::new(LIMITS);
        let ids: Vec<u64> = (1..=3).map(|at| sessions.open(Height(at))).collect();
        sessions.look(Height(4), stub(ids[0], 1, 0));
        sessions.open(Height(5));
        assert_eq!(sessions.look(Height(6), stub(ids[1], 1, 0)), Seen::Expired);
        assert_eq!(sessions.look(Height(7), stub(ids[0], 1, 0)), Seen::Never);
        assert_eq!(sessions.len(), 3);
    }

    #[test]
    fn answers_are_bounded_and_the_newest_stays_longest() {
        let mut sessions = Sessions::new(LIMITS);
        let (one, two) = (sessions.open(Height(1)), sessions.open(Height(2)));
        sessions.keep(stub(one, 1, 0), &[1; 20]);
        sessions.keep(stub(two, 1, 0), &[2; 20]);
        assert_eq!(sessions.look(Height(3), stub(one, 1, 0)), Seen::Expired);
        sessions.keep(stub(two, 2, 0), &[3; 20]);
        assert_eq!(sessions.look(Height(4), stub(two, 1, 0)), Seen::Settled);
        assert_eq!(sessions.look(Height(5), stub(two, 2, 0)), Seen::Before(&[3; 20]));
    }

    #[test]
    fn an_encoded_table_comes_back_and_a_broken_one_does_not() {
        let mut sessions = Sessions::new(LIMITS);
        let (one, two) = (sessions.open(Height(1)), sessions.open(Height(2)));
        sessions.keep(stub(one, 4, 0), b"four");
        sessions.look(Height(7), stub(one, 9, 3));
        sessions.keep(stub(two, 1, 0), b"");
        let mut bytes = Vec::new();
        sessions.encode(&mut bytes);
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new("sessions", bytes);
            let table = Sessions::decode(&mut reader, LIMITS)?;
            reader.finish().map(|()| table)
        };
        assert_eq!(read(&bytes).as_ref(), Ok(&sessions));
        for end in 0..bytes.len() {
            read(&bytes[..end]).unwrap_err();
        }
        let mut other = bytes.clone();
        other[12] = 0;
        read(&other).unwrap_err();
        assert!(Sessions::decode(&mut Reader::new("sessions", &bytes), Limits { sessions: 1, ..LIMITS }).is_err());
        assert!(Sessions::decode(&mut Reader::new("sessions", &bytes), Limits { answer_bytes: 3, ..LIMITS }).is_err());
    }

    #[test]
    fn equal_tables_have_equal_fingerprints_and_others_do_not() {
        let table = |answer: &[u8], settled| {
            let mut sessions = Sessions::new(LIMITS);
            let id = sessions.open(Height(1));
            sessions.look(Height(2), stub(id, 8, settled));
            sessions.keep(stub(id, 8, settled), answer);
            sessions
        };
        assert_eq!(table(b"a", 1).fingerprint(), table(b"a", 1).fingerprint());
        assert_ne!(table(b"a", 1).fingerprint(), table(b"b", 1).fingerprint());
        assert_ne!(table(b"a", 1).fingerprint(), table(b"a", 2).fingerprint());
        let mut bytes = Vec::new();
        table(b"a", 1).encode(&mut bytes);
        let read = Sessions::decode(&mut Reader::new("sessions", &bytes), LIMITS).unwrap();
        assert_eq!(read.fingerprint(), table(b"a", 1).fingerprint());
    }
}
