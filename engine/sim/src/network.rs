//! The network: when a message arrives, how often, and whether it does.
//!
//! Each ordered pair of servers is a link of its own, so that a cut can be one-way and partial. A link takes a while that differs from
//! message to message, now and then a very long while; it loses and doubles; it may let messages overtake each other or keep
//! them in order; it may be slow, so that what is long holds up what comes behind it. When a connection is reset, what is under way on it
//! is lost. Whoever sends learns nothing of all this.

use quorate_core::ids::MemberId;
use quorate_env::rng::Seeded;
use quorate_protocol::raft::Message;

use crate::adversary::{Adversary, Treatment};
use crate::plan::{Links, Plan};

/// The most that a slow link keeps waiting, in nanoseconds. What would wait longer is dropped, as by a full buffer.
const BACKLOG_NS: u64 = 2_000_000_000;

/// Of a million messages between clients and servers, at least so many come twice: what is done twice by sessions alone must be seen.
const OUTSIDE_TWICE_PPM: u64 = 5_000;

/// One direction between two servers.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// How many cuts there are at the moment.
    cuts: u32,
    /// How many bytes it carries in a second; as many as one wants, if zero.
    bytes_per_second: u64,
    /// Until when it is busy with what was sent before.
    busy_until: u64,
    /// When the last message arrives.
    last_arrival: u64,
    /// Counts resets.
    connection: u32,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Transit {
    /// From whom.
    pub from: MemberId,
    /// To whom.
    pub to: MemberId,
    /// On which of the connections that there were.
    pub connection: u32,
    /// What it says.
    pub message: Message,
}

/// The network between servers.
pub struct Network {
    links: Links,
    /// Links that are extraordinarily bad lose so many messages of a million besides, and double half as many.
    pub lossy_ppm: u64,
    /// Whether nothing goes wrong any more.
    healed: bool,
    table: Vec<Link>,
    adversaries: Vec<(u32, Box<dyn Adversary>)>,
    next_adversary: u32,
    /// Messages that were handed in.
    pub sent: u64,
    /// Messages that will not arrive.
    pub lost: u64,
    /// Messages that arrive once more than they were sent.
    pub doubled: u64,
}

const SIDE: usize = Plan::SERVERS_MAX as usize;

fn place(member: MemberId) -> usize {
    (member.0.max(1) as usize - 1).min(SIDE - 1)
}

impl Network {
    /// A network in which nothing is wrong beyond what its links are like.
    #[must_use]
    pub fn new(links: Links) -> Self {
        Self {
            links,
            lossy_ppm: 0,
            healed: false,
            table: vec![Link::default(); SIDE * SIDE],
            adversaries: Vec::new(),
            next_adversary: 0,
            sent: 0,
            lost: 0,
            doubled: 0,
        }
    }

    fn link(&mut self, from: MemberId, to: MemberId) -> &mut Link {
        &mut self.table[place(from) * SIDE + place(to)]
    }

    /// Cuts a link, or takes one cut away.
    pub fn cut(&mut self, from: MemberId, to: MemberId, cut: bool) {
        let link = self.link(from, to);
        link.cuts = if cut { link.cuts + 1 } else { link.cuts.saturating_sub(1) };
    }

    /// Whether nothing gets through.
    #[must_use]
    pub fn is_cut(&self, from: MemberId, to: MemberId) -> bool {
        self.table[place(from) * SIDE + place(to)].cuts > 0
    }

    /// Makes all links of a server slow; or fast again, with zero.
    pub fn slow(&mut self, whom: MemberId, bytes_per_second: u64) {
        for other in (1..=SIDE as u64).map(MemberId) {
            self.link(whom, other).bytes_per_second = bytes_per_second;
            self.link(other, whom).bytes_per_second = bytes_per_second;
        }
    }

    /// Resets the connection between two servers: what is under way is lost, both ways.
    pub fn reset(&mut self, one: MemberId, other: MemberId) {
        self.link(one, other).connection += 1;
        self.link(other, one).connection += 1;
    }

    /// Whether a message that arrives now is still on a connection that there is.
    #[must_use]
    pub fn delivers(&self, transit: &Transit) -> bool {
        self.table[place(transit.from) * SIDE + place(transit.to)].connection == transit.connection
    }

    /// Lets somebody make trouble. Returns a number by which to stop it.
    pub fn admit(&mut self, adversary: Box<dyn Adversary>) -> u32 {
        self.next_adversary += 1;
        self.adversaries.push((self.next_adversary, adversary));
        self.next_adversary
    }

    /// Stops an adversary.
    pub fn dismiss(&mut self, number: u32) {
        self.adversaries.retain(|(known, _)| *known != number);
    }

    /// When what goes between a client and a server now arrives: not at all, once, or twice, and then perhaps much later.
    pub(crate) fn carry_outside(&mut self, now: u64, rng: &mut Seeded, mut arrive: impl FnMut(u64)) {
        let links = self.links;
        let loss = links.loss_ppm + self.lossy_ppm;
        if loss > 0 && rng.below(1_000_000) < loss {
            return;
        }
        arrive(now + latency(&links, rng));
        let twice = if self.healed { 0 } else { links.twice_ppm.max(OUTSIDE_TWICE_PPM) + self.lossy_ppm / 2 };
        if twice > 0 && rng.below(1_000_000) < twice {
            arrive(now + latency(&links, rng) + rng.below(links.tail_ns + 1));
        }
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_healed(&self) -> bool {
        self.healed
    }

    /// Takes away everything that is wrong beyond what links are like anyway; these then lose nothing any more. What a slow link has yet to
    /// carry is gone, with the connection.
    pub fn heal(&mut self, now: u64) {
        self.adversaries.clear();
        self.lossy_ppm = 0;
        self.healed = true;
        (self.links.loss_ppm, self.links.twice_ppm) = (0, 0);
        for link in &mut self.table {
            (link.cuts, link.bytes_per_second) = (0, 0);
            if link.busy_until > now {
                (link.busy_until, link.last_arrival) = (0, 0);
                link.connection += 1;
            }
        }
    }

    /// Sends a message. What arrives of it, and when, goes to `arrive`.
    pub fn send(
        &mut self,
        now: u64,
        from: MemberId,
        to: MemberId,
        message: Message,
        rng: &mut Seeded,
        mut arrive: impl FnMut(u64, Transit),
    ) {
        self.sent += 1;
        let mut delay = 0;
        if !self.adversaries.is_empty() {
            for (_, adversary) in &mut self.adversaries {
                match adversary.treat(from, to, &message, rng) {
                    Treatment::Pass => {}
                    Treatment::Delay(by) => delay += by,
                    Treatment::Drop => {
                        self.lost += 1;
                        return;
                    }
                }
            }
            let again: Vec<_> = self.adversaries.iter_mut().filter_map(|(_, adversary)| adversary.again(rng)).collect();
            for (from, to, message) in again {
                self.doubled += 1;
                self.carry(now, 0, from, to, message, rng, &mut arrive);
            }
        }
        let (loss, twice) = (self.links.loss_ppm + self.lossy_ppm, self.links.twice_ppm + self.lossy_ppm / 2);
        if loss > 0 && rng.below(1_000_000) < loss {
            self.lost += 1;
            return;
        }
        if twice > 0 && rng.below(1_000_000) < twice {
            self.doubled += 1;
            self.carry(now, delay, from, to, message.clone(), rng, &mut arrive);
        }
        self.carry(now, delay, from, to, message, rng, &mut arrive);
    }

    #[expect(clippy::too_many_arguments, reason = "a message, its way, and the world around it")]
    fn carry(
        &mut self,
        now: u64,
        delay: u64,
        from: MemberId,
        to: MemberId,
        message: Message,
        rng: &mut Seeded,
        arrive: &mut impl FnMut(u64, Transit),
    ) {
        let links = self.links;
        let link = &mut self.table[place(from) * SIDE + place(to)];
        if link.cuts > 0 {
            self.lost += 1;
            return;
        }
        let mut ready = now;
        if let Some(takes) = (message.body.bytes() as u64 * 1_000_000_000).checked_div(link.bytes_per_second) {
            ready = link.busy_until.max(now);
            if ready - now > BACKLOG_NS {
                self.lost += 1;
                return;
            }
            ready += takes;
            link.busy_until = ready;
        }
        let mut at = ready + delay + latency(&links, rng);
        if !links.overtaking {
            at = at.max(link.last_arrival + 1);
            link.last_arrival = at;
        }
        arrive(at, Transit { from, to, connection: link.connection, message });
    }
}

/// How long a message takes on a link where nothing is wrong.
pub fn latency(links: &Links, rng: &mut Seeded) -> u64 {
    // One number is enough for both: what is left over of the second choice decides the first.
    let choice = rng.next_u64();
    let jitter = ((u128::from(choice) * u128::from(links.jitter_ns + 1)) >> 64) as u64;
    let tail = if choice.is_multiple_of(links.tail_one_in.max(1)) { rng.below(links.tail_ns + 1) } else { 0 };
    links.base_ns + jitter + tail
}

#[cfg(test)]
mod tests {
    use quorate_core::ids::View;
    use quorate_protocol::raft::Body;

    use super::*;
    use crate::adversary::{Delayer, Replayer, Withholder};

    const LINKS: Links =
        Links { base_ns: 100, jitter_ns: 900, tail_one_in: 50, tail_ns: 100_000, loss_ppm: 0, twice_ppm: 0, overtaking: true };

    fn beat(nth: u64) -> Message {
        Message { term: View(nth), body: Body::StandNow }
    }

    /// The terms of what arrives of a hundred messages, in order of arrival, and when.
    fn arrivals(network: &mut Network, from: u64, to: u64) -> Vec<(u64, u64)> {
        let (mut rng, mut got) = (Seeded::new(7), Vec::new());
        for nth in 0..100 {
            let arrive = |at, transit: Transit| got.push((at, transit.message.term.0));
            network.send(nth * 10, MemberId(from), MemberId(to), beat(nth), &mut rng, arrive);
        }
        got.sort_unstable();
        got
    }

    #[test]
    fn a_link_overtakes_if_it_may_and_otherwise_keeps_the_order() {
        for overtaking in [true, false] {
            let got = arrivals(&mut Network::new(Links { overtaking, ..LINKS }), 1, 2);
            assert_eq!(got.len(), 100);
            assert_eq!(got.windows(2).all(|pair| pair[0].1 < pair[1].1), !overtaking);
            assert!(got.iter().any(|(at, nth)| at - nth * 10 > 2000), "the tail is heavy");
        }
    }

    #[test]
    fn a_cut_is_one_way_and_lasts_until_the_last_one_is_taken_back() {
        let mut network = Network::new(LINKS);
        network.cut(MemberId(1), MemberId(2), true);
        network.cut(MemberId(1), MemberId(2), true);
        assert_eq!((arrivals(&mut network, 1, 2).len(), arrivals(&mut network, 2, 1).len()), (0, 100));
        network.cut(MemberId(1), MemberId(2), false);
        assert!(network.is_cut(MemberId(1), MemberId(2)));
        network.cut(MemberId(1), MemberId(2), false);
        assert_eq!(arrivals(&mut network, 1, 2).len(), 100);
    }

    #[test]
    fn lossy_links_lose_and_double_until_they_are_healed() {
        let mut network = Network::new(LINKS);
        network.lossy_ppm = 300_000;
        let got = arrivals(&mut network, 1, 2);
        let once: std::collections::BTreeSet<_> = got.iter().map(|(_, nth)| *nth).collect();
        assert!(once.len() < 90 && got.len() > once.len(), "{} {}", once.len(), got.len());
        network.heal(0);
        assert_eq!(arrivals(&mut network, 1, 2).len(), 100);
    }

    #[test]
    fn a_slow_link_holds_up_what_comes_behind() {
        let mut network = Network::new(LINKS);
        network.slow(MemberId(2), 40_000);
        let got = arrivals(&mut network, 1, 2);
        assert!(got.last().is_some_and(|(at, _)| *at >= 99 * 1_000_000));
        assert!(arrivals(&mut network, 1, 3).last().is_some_and(|(at, _)| *at < 1_000_000));
    }

    #[test]
    fn what_is_under_way_when_a_connection_is_reset_does_not_arrive() {
        let mut network = Network::new(LINKS);
        let mut under_way = Vec::new();
        network.send(0, MemberId(1), MemberId(2), beat(1), &mut Seeded::new(1), |_, transit| under_way.push(transit));
        assert!(network.delivers(&under_way[0]));
        network.reset(MemberId(2), MemberId(1));
        assert!(!network.delivers(&under_way[0]));
    }

    #[test]
    fn adversaries_withhold_delay_and_repeat() {
        let mut network = Network::new(LINKS);
        let number = network.admit(Box::new(Withholder { who: MemberId(1), victim: MemberId(2) }));
        assert_eq!((arrivals(&mut network, 1, 2).len(), arrivals(&mut network, 1, 3).len()), (0, 100));
        network.dismiss(number);
        let number = network.admit(Box::new(Delayer { who: MemberId(1), most_ns: 80_000 }));
        assert!(arrivals(&mut network, 1, 2).iter().all(|(at, nth)| at - nth * 10 >= 70_000));
        network.dismiss(number);
        network.admit(Box::new(Replayer::default()));
        let got = arrivals(&mut network, 1, 2);
        assert!(got.len() > 100);
        let mut terms: Vec<_> = got.iter().map(|(_, nth)| *nth).collect();
        terms.sort_unstable();
        terms.dedup();
        assert_eq!(terms.len(), 100);
    }
}
