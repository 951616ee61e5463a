//! A book against an adversary: a real table of sessions behind a network and a server that do everything that they may.
//!
//! The server is honest and the network is not kind. A request is carried out or refused; answers are late, doubled or out of order;
//! connections break, and what was under way over them may still be carried out, even after the client gave up. What is checked is the
//! rule of the book: each command ends once, and what its end says is true.

use std::collections::BTreeMap;

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::Height;
use quorate_net::wire::client::{Refused, Requests, Response, Written};
use quorate_storage::machine::sessions::{Limits, Seen, Sessions, Stub};

use super::*;

/// What the cluster is: a log of one machine with sessions, whose commands are numbers.
struct Cluster {
    index: u64,
    sessions: Sessions,
    /// How often each command was carried out, and where first.
    done: BTreeMap<u64, (u32, u64)>,
    order: Vec<u64>,
}

impl Cluster {
    fn new(limits: Limits) -> Self {
        Self { index: 0, sessions: Sessions::new(limits), done: BTreeMap::new(), order: Vec::new() }
    }

    fn carry_out(&mut self, body: &request::Body) -> response::Body {
        self.index += 1;
        let at = Height(self.index);
        match body {
            request::Body::Open(_) => response::Body::Opened(self.sessions.open(at)),
            request::Body::Write(write) => {
                let command = u64::from_le_bytes(write.command[..8].try_into().unwrap());
                let stub = Stub { session: write.session, sequence: write.sequence, settled: write.settled };
                assert!(write.session == 0 || write.settled < write.sequence, "{write:?}");
                if write.session != 0 {
                    match self.sessions.look(at, stub) {
                        Seen::Never => {}
                        Seen::Before(answer) => return written(u64::from_le_bytes(answer.try_into().unwrap())),
                        Seen::Settled => return refused(Why::Settled),
                        Seen::Expired => return refused(Why::SessionExpired),
                    }
                }
                let (times, first) = self.done.entry(command).or_insert((0, self.index));
                *times += 1;
                let first = *first;
                self.order.push(command);
                if write.session != 0 {
                    self.sessions.keep(stub, &first.to_le_bytes());
                }
                written(first)
            }
            other => panic!("nobody asks {other:?} here"),
        }
    }
}

fn written(index: u64) -> response::Body {
    response::Body::Written(Written { index, term: 1, answer: Bytes::copy_from_slice(&index.to_le_bytes()) })
}

fn refused(why: Why) -> response::Body {
    response::Body::Refused(Refused { why: why.into(), ..Refused::default() })
}

/// One in `nth`, or never.
#[derive(Clone, Copy, Default)]
struct Faults {
    refuse: u64,
    busy: u64,
    uncertain: u64,
    break_off: u64,
    double: u64,
    shuffle: bool,
    evict: u64,
    stall: u64,
    bad: u64,
}

struct World {
    rng: Seeded,
    now: Instant,
    book: Book,
    cluster: Cluster,
    faults: Faults,
    /// Came with the connection that stands.
    arrived: Vec<Request>,
    answers: Vec<Response>,
    /// Answers that come a second time.
    late: Vec<Response>,
    /// May yet be carried out, and nobody will hear of it.
    limbo: Vec<request::Body>,
    sessions: Vec<(u32, Delivery)>,
    given: u64,
    ended: BTreeMap<u64, (Delivery, Outcome)>,
}

impl World {
    fn new(seed: u64, faults: Faults, limits: Limits) -> Self {
        let (window, mut rng) = (Window { requests: 12, bytes: 1 << 10 }, Seeded::new(seed));
        let timeouts = Timeouts { request: Duration::from_millis(400), ..Timeouts::default() };
        let mut book = Book::new(timeouts, window, rng.next_u64());
        let options =
            [(Delivery::ExactlyOnce, OnBusy::Wait), (Delivery::ExactlyOnce, OnBusy::Report), (Delivery::AtMostOnce, OnBusy::Wait)];
        let begin = |(delivery, on_busy)| (book.begin(SessionOptions { delivery, on_busy }, window).0, delivery);
        let sessions = options.map(begin).to_vec();
        let cluster = Cluster::new(limits);
        let (arrived, answers, late, limbo) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { rng, now: Instant::now(), book, cluster, faults, arrived, answers, late, limbo, sessions, given: 0, ended: BTreeMap::new() }
    }

    fn one_in(&mut self, nth: u64) -> bool {
        nth != 0 && self.rng.below(nth) == 0
    }

    fn give(&mut self) {
        for _ in 0..self.rng.below(6) {
            let (session, _) = self.sessions[self.rng.below(self.sessions.len() as u64) as usize];
            let command = Bytes::copy_from_slice(&self.given.to_le_bytes());
            match self.book.submit(self.now, session, To::Tag(self.given), command) {
                Ok(()) => self.given += 1,
                Err((SubmitError::Full(_), _)) => {}
                Err((error, _)) => panic!("{error}"),
            }
        }
    }

    fn send(&mut self) {
        let mut body = BytesMut::new();
        while self.book.next_body(self.now, &mut body) == Sending::Body {
            let requests = Requests::decode(body.split().freeze()).unwrap();
            // What the lane asks for itself has no effect on anything.
            self.arrived.extend(requests.requests.into_iter().filter(|request| request.number != sending::OWN));
        }
    }

    fn serve(&mut self) {
        let stalls = self.one_in(self.faults.stall);
        if stalls {
            return;
        }
        for request in std::mem::take(&mut self.arrived) {
            let Request { number, body } = request;
            let body = body.unwrap();
            if self.one_in(self.faults.evict) {
                self.cluster.carry_out(&request::Body::Open(Default::default()));
            }
            let answer = if self.one_in(self.faults.refuse) {
                refused(Why::NotLeader)
            } else if self.one_in(self.faults.busy) {
                response::Body::Refused(Refused { why: Why::Busy.into(), retry_after_ms: 20, ..Refused::default() })
            } else if self.one_in(self.faults.bad) {
                refused([Why::BadRequest, Why::ReadOnly, Why::Forbidden][self.rng.below(3) as usize])
            } else if self.one_in(self.faults.uncertain) {
                if self.one_in(2) {
                    self.cluster.carry_out(&body);
                } else if self.one_in(2) {
                    self.limbo.push(body);
                }
                refused([Why::Uncertain, Why::Stopping][self.rng.below(2) as usize])
            } else {
                self.cluster.carry_out(&body)
            };
            self.answers.push(Response { number, body: Some(answer) });
        }
        if self.faults.shuffle {
            for at in (1..self.answers.len()).rev() {
                let other = self.rng.below(at as u64 + 1) as usize;
                self.answers.swap(at, other);
            }
        }
    }

    fn hear(&mut self) {
        let keep = if self.faults.shuffle { self.rng.below(self.answers.len() as u64 + 1) as usize } else { 0 };
        let mut late = std::mem::take(&mut self.late);
        for answer in self.answers.split_off(keep.min(self.answers.len())) {
            if self.one_in(self.faults.double) {
                // It comes once more at once, and perhaps when the same request is under way again.
                self.book.answer(self.now, answer.clone()).unwrap();
                late.push(answer.clone());
            }
            self.book.answer(self.now, answer).unwrap();
        }
        self.send();
        if self.one_in(2) {
            late.drain(..).for_each(|answer| self.book.answer(self.now, answer).unwrap());
        }
        self.late = late;
    }

    fn break_off(&mut self) {
        for request in std::mem::take(&mut self.arrived) {
            match self.rng.below(3) {
                0 => drop(self.cluster.carry_out(&request.body.unwrap())),
                1 => self.limbo.push(request.body.unwrap()),
                _ => {}
            }
        }
        self.answers.clear();
        self.late.clear();
        self.book.lost("the connection broke");
        self.book.connected();
    }

    fn take(&mut self) {
        for (session, delivery) in self.sessions.clone() {
            let mut ended = Vec::new();
            self.book.take(session, &mut ended);
            for (tag, outcome) in ended {
                let before = self.ended.insert(tag, (delivery, outcome));
                assert_eq!(before, None, "command {tag} ends a second time");
            }
        }
    }

    fn turn(&mut self) {
        self.now += Duration::from_millis(self.rng.below(20));
        self.send();
        self.serve();
        self.hear();
        // Who is told that somebody else leads leaves, when nothing is out or it takes too long.
        let leaves = self.book.leave().is_some_and(|leave| self.now >= leave.since + Duration::from_millis(50)) || self.book.is_drained();
        if self.book.leave().is_some() && leaves || self.one_in(self.faults.break_off) {
            self.break_off();
        }
        if self.one_in(3) && !self.limbo.is_empty() {
            let late = self.limbo.swap_remove(self.rng.below(self.limbo.len() as u64) as usize);
            self.cluster.carry_out(&late);
        }
        self.book.expire(self.now);
        if self.one_in(2) {
            self.take();
        }
    }

    fn run(mut self, turns: u32) -> Self {
        self.book.connected();
        for _ in 0..turns {
            self.give();
            self.turn();
        }
        let deadline = self.now + Duration::from_secs(2);
        // A session that is being opened may outlive the commands that it was to be opened for.
        let open = |world: &Self| (world.ended.len() as u64) < world.given || !world.book.slots.numbers(|_| true).is_empty();
        while open(&self) && self.now < deadline {
            self.now += Duration::from_millis(1);
            self.turn();
            self.take();
        }
        for late in std::mem::take(&mut self.limbo) {
            self.cluster.carry_out(&late);
        }
        self
    }

    /// Each command has ended once, and truly so.
    fn check(&self, seed: u64) {
        for tag in 0..self.given {
            let (times, first) = self.cluster.done.get(&tag).copied().unwrap_or_default();
            let (delivery, outcome) = self.ended.get(&tag).unwrap_or_else(|| panic!("seed {seed}: command {tag} did not end"));
            let told = format!("seed {seed}: command {tag} ({delivery:?}) ended as {outcome:?} and was carried out {times} times");
            match outcome {
                Ok(written) => assert!(times == 1 && written.index == Height(first), "{told}"),
                Err(RequestError::Unknown { .. }) => assert!(times <= 1, "{told}"),
                Err(_) => assert_eq!(times, 0, "{told}"),
            }
        }
        assert!(self.book.slots.numbers(|_| true).is_empty() && self.book.in_flight == 0, "seed {seed}");
        assert!(self.book.queue.is_empty() && self.book.redo.is_empty(), "seed {seed}");
        let sessions = self.book.sessions.iter().flatten();
        sessions.for_each(|session| assert_eq!((session.room(0), session.in_flight()), (Ok(true), 0), "seed {seed}"));
    }

    fn count(&self, which: impl Fn(&Outcome) -> bool) -> usize {
        self.ended.values().filter(|(_, outcome)| which(outcome)).count()
    }
}

const ROOMY: Limits = Limits { sessions: 16, answer_bytes: 1 << 20 };

#[test]
fn every_command_ends_once_and_truly_whatever_the_network_and_the_server_do() {
    let mut seen = [0; 6];
    for seed in 0..3000 {
        let mut rng = Seeded::new(seed ^ 0x51ed);
        let mut nth = || [0, 0, 3, 9, 40][rng.below(5) as usize];
        let faults = Faults {
            refuse: nth(),
            busy: nth(),
            uncertain: nth(),
            break_off: nth(),
            double: nth(),
            shuffle: nth() > 0,
            evict: nth(),
            stall: nth(),
            bad: nth(),
        };
        let limits = if rng.below(2) == 0 { ROOMY } else { Limits { sessions: 3, answer_bytes: 64 } };
        let world = World::new(seed, faults, limits).run(60);
        world.check(seed);
        seen[0] += world.count(Result::is_ok);
        seen[1] += world.count(|outcome| matches!(outcome, Err(RequestError::Unknown { .. })));
        seen[2] += world.count(|outcome| matches!(outcome, Err(RequestError::Busy { .. })));
        seen[3] += world.count(|outcome| matches!(outcome, Err(RequestError::Refused { .. })));
        seen[4] += world.count(|outcome| matches!(outcome, Err(RequestError::NotDone { .. })));
        seen[5] += world.book.counts().expired as usize;
    }
    // Otherwise the adversary would not be one.
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

#[test]
fn without_faults_commands_are_carried_out_in_the_order_in_which_they_were_given() {
    for seed in 0..50 {
        let mut world = World::new(seed, Faults::default(), ROOMY);
        world.sessions.truncate(1);
        let world = world.run(60);
        world.check(seed);
        assert!(world.cluster.order.is_sorted() && world.cluster.order.len() as u64 == world.given);
    }
}

#[test]
fn a_session_that_nothing_is_done_to_leaves_no_command_unknown() {
    let faults = Faults { refuse: 5, busy: 5, uncertain: 5, break_off: 10, double: 3, shuffle: true, ..Faults::default() };
    let mut done = 0;
    for seed in 0..300 {
        let mut world = World::new(seed, faults, ROOMY);
        world.sessions.truncate(1);
        // Long enough for all to be answered.
        world.book.timeouts.request = Duration::from_secs(3600);
        let world = world.run(60);
        world.check(seed);
        done += world.count(Result::is_ok);
        assert_eq!(world.count(Result::is_err), 0, "seed {seed}");
    }
    assert!(done > 10_000, "{done}");
}

#[test]
fn an_answer_that_does_not_fit_is_a_breach_and_one_to_nothing_is_not() {
    let mut world = World::new(1, Faults::default(), ROOMY);
    let read = request::Body::Read(quorate_net::wire::client::Read::default());
    let (asks, mut answer) = oneshot::channel();
    assert!(world.book.ask(world.now, What::Ask(read, Repeat::Freely), To::Ask(asks)).is_ok());
    world.book.connected();
    world.send();
    let number = world.arrived.last().unwrap().number;
    let breach = world.book.answer(world.now, Response { number, body: Some(written(1)) }).unwrap_err();
    let said = format!("the answer to request {number} is that something was written; expected what was read");
    assert_eq!(breach.to_string(), said);
    assert!(world.book.answer(world.now, Response { number, body: None }).unwrap_err().to_string().contains("empty"));
    world.book.answer(world.now, Response { number: number + 1, body: Some(written(1)) }).unwrap();
    assert_eq!(world.book.counts().strays, 1);
    world.book.lost(&breach.to_string());
    world.book.expire(world.now + Duration::from_secs(1));
    // It was a read: nothing was done, and the reason is what was wrong.
    assert!(matches!(answer.try_recv(), Ok(Err(RequestError::NotDone { why })) if why.contains(&said)));
}

#[test]
fn whoever_sends_is_not_told_of_what_cannot_be_sent_over_a_connection_that_is_to_be_left() {
    let mut world = World::new(1, Faults::default(), ROOMY);
    world.book.connected();
    let session = world.sessions[2].0;
    for tag in 0..2u64 {
        let command = Bytes::copy_from_slice(&tag.to_le_bytes());
        world.book.submit(world.now, session, To::Tag(tag), command).unwrap_or_else(|_| panic!("there is room"));
    }
    world.send();
    // One is refused, and is to be sent to somebody else; the other is still out.
    let number = world.arrived[0].number;
    world.book.answer(world.now, Response { number, body: Some(refused(Why::NotLeader)) }).unwrap();
    assert!(world.book.leave().is_some() && !world.book.is_drained());
    assert_eq!(world.book.next_body(world.now, &mut BytesMut::new()), Sending::Nothing);
    assert!(!world.book.is_news(), "it would look again, and find nothing, for ever");
    // Over the next connection it goes out.
    world.book.lost("it was left");
    world.book.connected();
    let mut body = BytesMut::new();
    assert_eq!(world.book.next_body(world.now, &mut body), Sending::Body);
    assert!(!Requests::decode(body.freeze()).unwrap().requests.is_empty());
}

#[test]
fn what_closes_with_the_client_says_what_may_have_been_done() {
    let mut world = World::new(1, Faults::default(), ROOMY);
    world.book.connected();
    let session = world.sessions[2].0;
    let command = |tag: u64| Bytes::copy_from_slice(&tag.to_le_bytes());
    world.book.submit(world.now, session, To::Tag(0), command(0)).unwrap_or_else(|_| panic!("there is room"));
    world.send();
    world.book.submit(world.now, session, To::Tag(1), command(1)).unwrap_or_else(|_| panic!("there is room"));
    world.book.close();
    world.take();
    assert!(matches!(world.ended[&0].1, Err(RequestError::Unknown { .. })));
    assert_eq!(world.ended[&1].1, Err(RequestError::Closed));
    assert!(matches!(world.book.submit(world.now, session, To::Tag(2), command(2)), Err((SubmitError::Closed, _))));
}

#[test]
fn a_session_that_nobody_has_any_more_is_let_go_when_its_last_request_has_ended() {
    let mut world = World::new(1, Faults::default(), ROOMY);
    world.book.connected();
    let (session, _) = world.sessions.pop().unwrap();
    for tag in 0..3u64 {
        let command = Bytes::copy_from_slice(&tag.to_le_bytes());
        world.book.submit(world.now, session, To::Tag(tag), command).unwrap_or_else(|_| panic!("there is room"));
        if tag == 1 {
            world.send();
        }
    }
    world.book.end(session);
    assert!(world.book.sessions[session as usize].is_some());
    world.turn();
    assert!(world.book.sessions[session as usize].is_none());
    assert_eq!(world.cluster.order, [0, 1]);
}

#[test]
fn what_was_left_to_say_over_a_connection_that_broke_is_no_reason_for_another_one() {
    let mut book = Book::new(Timeouts::default(), Window::default(), 1);
    book.connected();
    book.probe();
    book.cancels.push(7);
    book.lost("it broke before anything was sent");
    assert!(!book.is_wanted());
    // Otherwise whoever connects would be woken at once, for nothing, for ever.
    assert!(!book.is_news());
}
