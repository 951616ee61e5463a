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

use std::collections::{BTreeMap, BTreeSet};

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

/// One client's session. Two are equal if what a snapshot says of them is.
#[derive(Clone, Debug, Default)]
struct Session {
    used: u64,
    settled: u64,
    answers: BTreeMap<u64, Box<[u8]>>,
    /// The answers' length together.
    bytes: usize,
    /// Its share of the fingerprint, if that was reckoned since it last changed.
    share: Option<u64>,
}

impl Session {
    fn keep(&mut self, sequence: u64, answer: Box<[u8]>) {
        self.bytes += answer.len();
        self.bytes -= self.answers.insert(sequence, answer).map_or(0, |old| old.len());
    }

    /// Lets the oldest answer go, and says what its number was.
    fn forget(&mut self) -> Option<u64> {
        let (sequence, answer) = self.answers.pop_first()?;
        self.bytes -= answer.len();
        Some(sequence)
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        (self.used, self.settled, &self.answers) == (other.used, other.settled, &other.answers)
    }
}

impl Eq for Session {}

/// The table of sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    limits: Limits,
    table: BTreeMap<u64, Session>,
    /// By the entry that used it last, which session.
    by_use: BTreeMap<u64, u64>,
    bytes: usize,
    /// The sum of the shares that are reckoned.
    sum: u64,
    /// The sessions whose share is not in the sum.
    unsummed: BTreeSet<u64>,
}

impl PartialEq for Sessions {
    fn eq(&self, other: &Self) -> bool {
        (&self.limits, &self.table) == (&other.limits, &other.table)
    }
}

impl Eq for Sessions {}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, table: BTreeMap::new(), by_use: BTreeMap::new(), bytes: 0, sum: 0, unsummed: BTreeSet::new() }
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

    /// How long the answers are that are kept, all together.
    #[must_use]
    pub fn answer_bytes(&self) -> usize {
        self.bytes
    }

    /// A sum over the whole table that members can compare after an entry. Asking costs as much as what changed since the last time; it
    /// proves nothing against whoever wants to deceive.
    #[must_use]
    pub fn fingerprint(&mut self) -> u64 {
        while let Some(id) = self.unsummed.pop_first() {
            let Some(session) = self.table.get_mut(&id) else { continue };
            let share = fingerprint(id, session);
            session.share = Some(share);
            self.sum = self.sum.wrapping_add(share);
        }
        self.sum
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

    /// What [`Self::look`] would say to a request, which it does not note.
    #[must_use]
    pub fn seen(&self, stub: Stub) -> Seen<'_> {
        let Some(session) = self.table.get(&stub.session) else { return Seen::Expired };
        match session.answers.get(&stub.sequence) {
            Some(answer) => Seen::Before(answer),
            None if stub.sequence <= session.settled => Seen::Settled,
            None => Seen::Never,
        }
    }

    /// Looks a request up that is at this entry, and notes what its client has settled.
    pub fn look(&mut self, at: Height, stub: Stub) -> Seen<'_> {
        let Some(session) = changing(&mut self.table, &mut self.sum, &mut self.unsummed, stub.session) else { return Seen::Expired };
        if session.used != at.0 {
            self.by_use.remove(&session.used);
            self.by_use.insert(at.0, stub.session);
            session.used = at.0;
        }
        // No client settles what it asks for.
        session.settled = session.settled.max(stub.settled.min(stub.sequence.saturating_sub(1)));
        let before = session.bytes;
        while session.answers.first_key_value().is_some_and(|(first, _)| *first <= session.settled) {
            session.forget();
        }
        self.bytes -= before - session.bytes;
        self.seen(stub)
    }

    /// Keeps the answer to a request that was looked up and never seen.
    pub fn keep(&mut self, stub: Stub, answer: &[u8]) {
        let Some(session) = changing(&mut self.table, &mut self.sum, &mut self.unsummed, stub.session) else { return };
        let before = session.bytes;
        session.keep(stub.sequence, answer.into());
        self.bytes = self.bytes - before + session.bytes;
        while self.bytes > self.limits.answer_bytes && self.table.len() > 1 {
            self.evict();
        }
        if self.bytes <= self.limits.answer_bytes {
            return;
        }
        // The session that is being used stays, without the answers for which there is no room; the newest goes last.
        let Some(session) = changing(&mut self.table, &mut self.sum, &mut self.unsummed, stub.session) else { return };
        while session.bytes > self.limits.answer_bytes
            && let Some(sequence) = session.forget()
        {
            session.settled = session.settled.max(sequence);
        }
        self.bytes = session.bytes;
    }

    /// Takes out the session that was used longest ago.
    fn evict(&mut self) {
        let Some((_, id)) = self.by_use.pop_first() else { return };
        let Some(session) = self.table.remove(&id) else { return };
        self.bytes -= session.bytes;
        match session.share {
            Some(share) => self.sum = self.sum.wrapping_sub(share),
            None => drop(self.unsummed.remove(&id)),
        }
    }

    fn put(&mut self, id: u64, session: Session) {
        self.by_use.insert(session.used, id);
        self.bytes += session.bytes;
        self.unsummed.insert(id);
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
    let mut session = Session { used: reader.u64("last use")?, settled: reader.u64("settled")?, ..Session::default() };
    for _ in 0..reader.count("answers", 12, usize::MAX)? {
        let at = reader.at();
        let sequence = reader.u64("sequence")?;
        if sequence <= session.answers.last_key_value().map_or(session.settled, |(last, _)| *last) {
            return Err(reader.unexpected_at(at, "sequence", sequence, "rising ones that are not settled".into()));
        }
        let len = reader.count("answer", 1, usize::MAX)?;
        session.keep(sequence, reader.bytes("answer", len)?.into());
    }
    Ok(session)
}

/// A session that is about to change, whose share of the sum is no longer right.
fn changing<'a>(table: &'a mut BTreeMap<u64, Session>, sum: &mut u64, unsummed: &mut BTreeSet<u64>, id: u64) -> Option<&'a mut Session> {
    let session = table.get_mut(&id)?;
    if let Some(share) = session.share.take() {
        *sum = sum.wrapping_sub(share);
        unsummed.insert(id);
    }
    Some(session)
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
        let mut read = Sessions::decode(&mut Reader::new("sessions", &bytes), LIMITS).unwrap();
        assert_eq!(read.fingerprint(), table(b"a", 1).fingerprint());
    }
}
