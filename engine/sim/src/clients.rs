//! Clients: each does one operation at a time, and insists until it knows what became of it.
//!
//! A client opens a session and numbers its writes; what it got no answer to it sends again under the same number, mostly to another
//! server. Reads go to whoever leads, by index or by lease, or to any server. A client follows whoever says that somebody else leads. Now
//! and then it gives up, and its operation stays unknown. Every value that is written is written once only, so that a history tells much.

use std::sync::Arc;

use quorate_env::rng::Seeded;
use quorate_protocol::raft::ReadWay;
use quorate_storage::machine::sessions::Stub;

use crate::fact::Fact;
use crate::happening::{Ask, Happening, Reply, Request};
use crate::machine::{self, Op, Said};
use crate::network::Network;
use crate::plan::{MS, Shape};
use crate::queue::Queue;
use crate::record::{Answer, Call, OpId, Recorder};
use crate::tally::Tally;

/// After so many attempts a client may give up.
const PATIENCE: u32 = 12;

/// What clients need of the world.
pub(crate) struct Outside<'a> {
    pub(crate) now: u64,
    pub(crate) queue: &'a mut Queue<Happening>,
    pub(crate) facts: &'a mut Vec<Fact>,
    pub(crate) network: &'a mut Network,
    pub(crate) rng: &'a mut Seeded,
    pub(crate) shape: &'a Shape,
    pub(crate) tally: &'a mut Tally,
    pub(crate) record: &'a mut Recorder,
    /// How many servers there are.
    pub(crate) servers: u16,
    /// Whether the time of faults is over.
    pub(crate) healed: bool,
    /// The places of the members, once the time of faults is over and somebody leads: by then clients have been told.
    pub(crate) members: Vec<u16>,
}

impl Outside<'_> {
    /// The member after one, or the first.
    fn after(&self, one: u16) -> u16 {
        let mut members: Vec<u16> = self.members.clone();
        members.sort_unstable();
        members.iter().copied().find(|nth| *nth > one).or(members.first().copied()).unwrap_or(one)
    }

    /// Somebody to ask.
    fn anybody(&mut self) -> u16 {
        if self.members.is_empty() {
            return self.rng.below(u64::from(self.servers)) as u16;
        }
        self.members[self.rng.below(self.members.len() as u64) as usize]
    }
}

/// What a client is at.
enum Doing {
    Opening,
    Writing,
    Reading { key: u16, way: ReadWay, anywhere: bool },
}

struct Current {
    doing: Doing,
    command: Option<Arc<[u8]>>,
    id: Option<OpId>,
    attempt: u32,
    since_heal: bool,
}

/// What must get done once nothing goes wrong any more.
#[derive(Clone, Copy, Default)]
struct Done {
    write: bool,
    /// A read at whoever leads, by lease.
    lease: bool,
    /// A read at somebody who follows.
    follower: bool,
}

/// One client.
pub(crate) struct Client {
    number: u32,
    session: Option<u64>,
    sequence: u64,
    operations: u64,
    current: Option<Current>,
    /// The timer that counts; earlier ones do not.
    turn: u64,
    target: u16,
    seen: Option<u64>,
    /// What it began after the time of faults, and got done.
    done: Done,
}

impl Client {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, session: None, sequence: 0, operations: 0, current: None, turn: 0, target: 0, seen: None, done: Done::default() }
    }

    /// Whether it got done, after the time of faults, a write and reads of each sort.
    pub(crate) fn is_content(&self) -> bool {
        let Done { write, lease, follower } = self.done;
        write && lease && follower
    }

    /// What it waits for, in words.
    pub(crate) fn words(&self) -> String {
        match &self.current {
            None => "nothing".into(),
            Some(current) => {
                let what = match current.doing {
                    Doing::Opening => "a session",
                    Doing::Writing => "a write",
                    Doing::Reading { anywhere: true, .. } => "a read anywhere",
                    Doing::Reading { .. } => "a read",
                };
                format!("{what}, attempt {}, at server {}", current.attempt, self.target + 1)
            }
        }
    }

    /// Its timer has come.
    pub(crate) fn wake(&mut self, turn: u64, outside: &mut Outside<'_>) {
        if turn != self.turn {
            return;
        }
        match &self.current {
            None if !self.is_content() => self.begin(outside),
            None => {}
            Some(current) => {
                if current.attempt >= PATIENCE && !outside.healed && outside.rng.one_in(4) {
                    self.give_up(outside);
                    return self.think(outside);
                }
                self.target = outside.anybody();
                self.attempt(outside);
            }
        }
    }

    /// Sets the timer.
    pub(crate) fn sleep(&mut self, after: u64, outside: &mut Outside<'_>) {
        self.turn += 1;
        outside.queue.push(outside.now + after, Happening::Client { client: self.number, turn: self.turn });
    }

    fn think(&mut self, outside: &mut Outside<'_>) {
        let after = outside.rng.below(outside.shape.think_ns + 1) + 1;
        self.sleep(after, outside);
    }

    fn begin(&mut self, outside: &mut Outside<'_>) {
        if outside.rng.one_in(50) {
            // As if it had begun again: its old session lies about until there is no room for it.
            self.session = None;
        }
        self.operations += 1;
        let key = outside.rng.below(u64::from(outside.shape.keys)) as u16;
        let (doing, command, call) = match self.session {
            None => (Doing::Opening, Some(machine::open_session(self.number, self.operations)), None),
            Some(_) if !outside.healed && outside.rng.below(100) < outside.shape.reads_percent => {
                let way = if outside.rng.one_in(2) { ReadWay::Lease } else { ReadWay::Index };
                let anywhere = outside.rng.one_in(3);
                (Doing::Reading { key, way, anywhere }, None, Some(Call::Get { key }))
            }
            Some(_) if self.done.write => {
                let (way, anywhere) = if self.done.lease { (ReadWay::Index, true) } else { (ReadWay::Lease, false) };
                (Doing::Reading { key, way, anywhere }, None, Some(Call::Get { key }))
            }
            Some(session) => {
                self.sequence += 1;
                let op = self.choose(key, outside.rng);
                let stub = Stub { session, sequence: self.sequence, settled: self.sequence - 1 };
                let padding = outside.rng.below(outside.shape.padding + 1) as usize;
                (Doing::Writing, Some(machine::request(stub, op, padding)), Some(Call::Change(op)))
            }
        };
        let id = call.map(|call| outside.record.invoke(self.number, call, outside.now));
        if matches!(doing, Doing::Reading { anywhere: true, .. }) && outside.healed {
            self.target = outside.after(self.target);
        } else if matches!(doing, Doing::Reading { anywhere: true, .. }) {
            self.target = outside.anybody();
        }
        self.current = Some(Current { doing, command, id, attempt: 0, since_heal: outside.healed });
        self.attempt(outside);
    }

    fn choose(&self, key: u16, rng: &mut Seeded) -> Op {
        let value = u64::from(self.number) << 32 | self.sequence;
        match rng.below(8) {
            0 => Op::Delete { key },
            1..=2 => Op::CompareAndSet { key, expected: if rng.one_in(4) { None } else { self.seen }, value },
            _ => Op::Put { key, value },
        }
    }

    /// Sends the request, once more or for the first time.
    fn attempt(&mut self, outside: &mut Outside<'_>) {
        let Some(current) = &mut self.current else { return };
        current.attempt += 1;
        let ask = match (&current.doing, &current.command) {
            (Doing::Reading { key, way, .. }, _) => Ask::Read { key: *key, way: *way },
            (_, Some(command)) => Ask::Write(Arc::clone(command)),
            (_, None) => return,
        };
        let request = Request { client: self.number, operation: self.operations, attempt: current.attempt, ask };
        let Outside { now, network, queue, rng, .. } = outside;
        network.carry_outside(*now, rng, |at| queue.push(at, Happening::Request { nth: self.target, request: request.clone() }));
        let patience = outside.shape.settings.election.as_nanos() as u64 * 2;
        self.sleep(patience + outside.rng.below(patience), outside);
    }

    fn give_up(&mut self, outside: &mut Outside<'_>) {
        if let Some(id) = self.current.take().and_then(|current| current.id) {
            outside.tally.lost += 1;
            outside.record.lost(id, outside.now);
        }
    }

    /// A server says something.
    pub(crate) fn hear(&mut self, operation: u64, attempt: u32, reply: Reply, outside: &mut Outside<'_>) {
        let Some(current) = self.current.as_ref().filter(|_| operation == self.operations) else { return };
        match (reply, &current.doing) {
            (Reply::Written { said, mark, print }, Doing::Opening | Doing::Writing) => {
                self.written(said, mark, print, outside);
            }
            (Reply::Value { value, leads }, &Doing::Reading { way, .. }) => {
                if current.since_heal {
                    self.done.lease |= leads && way == ReadWay::Lease;
                    if !self.done.lease {
                        self.target = outside.after(self.target);
                    }
                    // Where there is one member only, nobody follows.
                    self.done.follower |= !leads || outside.members.len() == 1;
                }
                if let Some(id) = current.id {
                    outside.record.complete(id, Answer::Value(value), outside.now);
                }
                self.seen = value;
                outside.tally.reads += 1;
                self.current = None;
                self.think(outside);
            }
            (Reply::Elsewhere(Some(leader)), _) if attempt == current.attempt => {
                self.target = (leader.0.max(1) - 1) as u16;
                // Two that send each other's clients away must not keep a client busy.
                let after = if current.attempt < 3 { 1 } else { MS + outside.rng.below(10 * MS) };
                self.again(after, outside);
            }
            (Reply::Elsewhere(None) | Reply::TryAgain, _) if attempt == current.attempt => {
                let after = 5 * MS + outside.rng.below(20 * MS);
                self.again(after, outside);
            }
            _ => {}
        }
    }

    /// Tries again in a moment; where a leader was named, there.
    fn again(&mut self, after: u64, outside: &mut Outside<'_>) {
        if after == 1 {
            self.attempt(outside);
        } else {
            self.sleep(after, outside);
        }
    }

    fn written(&mut self, said: Said, mark: quorate_core::mark::Mark, print: crate::fact::Print, outside: &mut Outside<'_>) {
        let Some(current) = self.current.take() else { return };
        match (said, &current.doing) {
            (Said::Opened(session), Doing::Opening) => {
                self.session = Some(session);
                self.sequence = 0;
            }
            (Said::Done(was), Doing::Writing) => {
                outside.facts.push(Fact::Acknowledged { client: self.number, sequence: self.operations, mark, print });
                if let Some(id) = current.id {
                    outside.record.complete(id, Answer::Done(was), outside.now);
                }
                outside.tally.writes += 1;
                self.done.write |= current.since_heal;
            }
            _ => {
                // The session is gone, and with it the knowledge of what was done.
                self.session = None;
                if let Some(id) = current.id {
                    outside.tally.lost += 1;
                    outside.record.lost(id, outside.now);
                }
            }
        }
        self.think(outside);
    }
}
