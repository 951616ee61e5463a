//! Linearizability: published histories, small ones by hand, generated ones, and a checker that tries everything.

mod budget;
mod by_hand;
mod files;
mod generated;
mod permutations;
mod published;

use quorate_sim::history::models::{Bytes, Call, Kind, Reply};
use quorate_sim::history::{Client, History, OpId, Recorder, Verdict};

/// More than any history here needs.
const PLENTY: u64 = 10_000_000;

/// A verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Good,
    Bad,
    Undecided,
}

fn judged(kind: Kind, history: &History<Call, Reply>, budget: u64) -> Word {
    match kind.check(history, budget).expect("the model has these operations") {
        Verdict::Linearizable => Word::Good,
        Verdict::NotLinearizable(_) => Word::Bad,
        Verdict::Undecided(_) => Word::Undecided,
    }
}

fn get(key: &str) -> Call {
    Call::Get { key: key.into() }
}

fn put(key: &str, value: &str) -> Call {
    Call::Put { key: key.into(), value: value.into() }
}

fn append(key: &str, value: &str) -> Call {
    Call::Append { key: key.into(), value: value.into() }
}

fn delete(key: &str) -> Call {
    Call::Delete { key: key.into() }
}

fn swap(key: &str, expected: Option<&str>, new: Option<&str>) -> Call {
    Call::CompareAndSet { key: key.into(), expected: expected.map(Bytes::from), new: new.map(Bytes::from) }
}

fn found(value: &str) -> Reply {
    Reply::Value(Some(value.into()))
}

const ABSENT: Reply = Reply::Value(None);

/// A recorder whose time passes by itself, and whose story is known to be possible.
#[derive(Default)]
struct Story {
    recorder: Recorder<Call, Reply>,
    now: u64,
}

impl Story {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn invoke(&mut self, client: u64, call: Call) -> OpId {
        let now = self.tick();
        self.recorder.invoke(Client(client), call, now).expect("there is room")
    }

    fn complete(&mut self, id: OpId, reply: Reply) {
        let now = self.tick();
        self.recorder.complete(id, reply, now).expect("it is open");
    }

    fn fail(&mut self, id: OpId) {
        let now = self.tick();
        self.recorder.fail(id, now).expect("it is open");
    }

    fn lost(&mut self, id: OpId) {
        let now = self.tick();
        self.recorder.lost(id, now).expect("it is open");
    }

    /// An operation that nothing overlaps unless it is open already.
    fn at_once(&mut self, client: u64, call: Call, reply: Reply) -> OpId {
        let id = self.invoke(client, call);
        self.complete(id, reply);
        id
    }

    fn told(self) -> History<Call, Reply> {
        self.recorder.history()
    }
}
