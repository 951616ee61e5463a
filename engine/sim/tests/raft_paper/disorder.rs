//! All sections at once: whatever the order of things, what the paper promises holds; and when faults end, the group goes on.
//!
//! The laboratory checks elections and machines after every step. Here reads are checked as well: none is answered with an index below
//! what anybody had committed when it was asked. The seeded world of the simulator does this with far more; this is small, and quick to
//! cut down when it fails.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use quorate_protocol::raft::{Answer, Peer, ReadWay, Settings};
use quorate_sim::lab::{Deed, Lab};

use super::*;

/// A sequence that looks like chance (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

struct Disorder {
    lab: Lab,
    dice: Dice,
    /// The highest index that anybody has committed.
    committed: u64,
    /// What had been committed when a read was asked.
    reads: BTreeMap<u64, u64>,
    answered: usize,
}

const SEEDS: u64 = 200;
const SERVERS: u64 = 5;
/// Clocks run at up to a fifth more than time does.
const DRIFT_PPM: u32 = 200_000;

impl Disorder {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let settings =
            Settings { append_bytes: 1 + dice.roll(40) as usize, inflight: 2, cache_bytes: 200, drift_ppm: DRIFT_PPM, ..Settings::LAN };
        let voters = 3 + dice.roll(2);
        let mut lab = Lab::new((1..=voters).map(|id| Peer::voter(id).with_priority(dice.roll(2) as u8)), settings);
        (voters + 1..=SERVERS).for_each(|id| lab.join(id));
        Self { lab, dice, committed: 0, reads: BTreeMap::new(), answered: 0 }
    }

    fn someone(&mut self) -> u64 {
        1 + self.dice.roll(SERVERS)
    }

    /// One thing happens.
    fn step(&mut self, nth: u64) {
        let (id, other) = (self.someone(), self.someone());
        let runs = self.lab.runs(id);
        match self.dice.roll(100) {
            0..=59 => self.message(),
            60..=75 if runs => {
                self.pass();
                self.lab.tick(id);
            }
            76..=80 if runs => _ = self.lab.propose(id, &nth.to_string()),
            81..=84 if runs => {
                let way = if self.dice.roll(2) == 0 { ReadWay::Index } else { ReadWay::Lease };
                let committed = self.committed;
                let ticket = self.lab.read(id, way);
                self.reads.insert(ticket, committed);
            }
            85 if runs => self.lab.crash(id),
            86..=88 if !runs => self.lab.restart(id),
            89 => self.lab.slow_disk(id),
            90..=91 if runs => self.lab.settle(id, 1),
            92 if runs => self.lab.quick_disk(id),
            93 if runs && id != other => {
                let applied = self.lab.raft(id).applied().0;
                self.lab.compact(id, applied);
            }
            94 => self.lab.cut(id, other),
            95 => self.lab.heal(),
            96 if runs => _ = self.lab.transfer(id, other),
            97 if runs => {
                let peers = (1..=SERVERS).filter(|_| self.dice.roll(3) > 0).collect::<Vec<_>>();
                let learner = self.someone();
                let peer = |id| if id == learner { Peer::learner(id) } else { Peer::voter(id) };
                self.lab.reconfigure(id, peers.into_iter().map(peer));
            }
            98 if runs => self.lab.stall(id, other > 2),
            99 if runs => self.lab.count_now(id),
            _ if runs && self.dice.roll(20) == 0 => self.lab.count_later(id),
            _ => {}
        }
        self.look();
    }

    /// Time passes, more of it for some.
    fn pass(&mut self) {
        let micros = self.dice.roll(60_000);
        self.lab.pass(Duration::from_micros(micros));
        for id in 1..=SERVERS {
            let more = self.dice.roll(micros * u64::from(DRIFT_PPM) / 1_000_000 + 1);
            self.lab.hurry(id, Duration::from_micros(more));
        }
    }

    /// Some message arrives, comes twice, or is lost.
    fn message(&mut self) {
        let count = self.lab.mail().len() as u64;
        if count == 0 {
            return;
        }
        let at = Cell::new(self.dice.roll(count.min(8)));
        let pick = |_: &Mail| at.replace(at.get().wrapping_sub(1)) == 0;
        match self.dice.roll(20) {
            0 => _ = self.lab.lose(pick),
            1 => {
                let mail = self.lab.mail()[at.get() as usize].clone();
                self.lab.post(mail);
            }
            _ => _ = self.lab.deliver_next(pick),
        }
    }

    fn look(&mut self) {
        for (id, deed) in self.lab.take_deeds() {
            match deed {
                Deed::Committed(index) => self.committed = self.committed.max(index.0),
                Deed::Answered(ticket, Answer::ReadAt { index }) => {
                    let asked_at = self.reads[&ticket];
                    assert!(index.0 >= asked_at, "server {id} answers read {ticket} at {index}, and {asked_at} was committed before");
                    self.answered += 1;
                }
                _ => {}
            }
        }
    }

    /// Faults end, and the group goes on.
    fn recover(&mut self) {
        self.lab.heal();
        for id in 1..=SERVERS {
            if !self.lab.runs(id) {
                self.lab.restart(id);
            }
            self.lab.quick_disk(id);
            self.lab.stall(id, false);
            self.lab.count_now(id);
        }
        self.lab.run(ms(4000));
        let leader = self.lab.leader().expect("somebody leads when nothing fails");
        let ticket = self.lab.propose(leader, "in the end");
        assert!(matches!(self.lab.answer(ticket), Some(Answer::Accepted { .. })), "{:?}", self.lab.answer(ticket));
        self.lab.run(ms(1000));
        let members: Vec<u64> = self.lab.raft(leader).configuration().everyone().map(|id| id.0).collect();
        for id in members {
            assert_eq!(self.lab.machine(id).last().map(String::as_str), Some("in the end"), "server {id}");
            assert_eq!(self.lab.machine(id), self.lab.machine(leader), "server {id}");
        }
        self.look();
    }
}

#[test]
fn whatever_the_order_of_things_the_promises_hold_and_the_group_goes_on() {
    let mut answered = 0;
    for seed in 1..=SEEDS {
        let mut disorder = Disorder::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..1500).for_each(|nth| disorder.step(nth));
            disorder.recover();
        }));
        assert!(run.is_ok(), "seed {seed}");
        answered += disorder.answered;
    }
    assert!(answered > 100, "{answered} reads were answered");
}
