//! Whom to ask next.
//!
//! Whoever is asked and does not lead says who does, if it knows: that one is next, at once. If nobody knows, all known addresses take
//! turns, with pauses that grow and differ, so that many clients do not come back together. Redirects that lead to nothing count as
//! failures: two members that send clients to each other do not make them run in circles.

use std::time::Duration;

use quorate_env::rng::Rng;

/// The first pause, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Redirects in a row that are followed without a pause.
const REDIRECTS: u32 = 2;
/// How many addresses are kept beside those that were given.
const LEARNED_MAX: usize = 64;

/// The addresses that are known, and which is next.
#[derive(Clone, Debug)]
pub(super) struct Route {
    addresses: Vec<String>,
    given: usize,
    turn: usize,
    leader: Option<String>,
    failures: u32,
    redirects: u32,
}

impl Route {
    /// The addresses that were given, beginning with the one at `first`.
    pub(super) fn new(addresses: Vec<String>, first: u64) -> Self {
        let given = addresses.len();
        let turn = usize::try_from(first % given.max(1) as u64).unwrap_or_default();
        Self { addresses, given, turn, leader: None, failures: 0, redirects: 0 }
    }

    /// Who is next, and how long to wait before.
    pub(super) fn next(&mut self, rng: &mut dyn Rng) -> (String, Duration) {
        let pause = match self.failures + self.redirects.saturating_sub(REDIRECTS) {
            0 => Duration::ZERO,
            failures => jittered((PAUSE_MIN * (1 << (failures - 1).min(8))).min(PAUSE_MAX), rng),
        };
        if let Some(leader) = self.leader.take() {
            return (leader, pause);
        }
        let address = self.addresses.get(self.turn % self.addresses.len().max(1)).cloned().unwrap_or_default();
        self.turn += 1;
        (address, pause)
    }

    /// Who was asked does not lead, and says who does, if it knows.
    pub(super) fn redirected(&mut self, leader: Option<&str>) {
        match leader.filter(|address| !address.is_empty()) {
            Some(address) => {
                self.redirects = self.redirects.saturating_add(1);
                self.leader = Some(address.to_owned());
            }
            None => self.failed(),
        }
    }

    /// Who was asked could not be reached, or went away.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Who was asked does what it is asked.
    pub(super) fn worked(&mut self) {
        (self.failures, self.redirects) = (0, 0);
    }

    /// These are where members serve clients now.
    pub(super) fn learned<'a>(&mut self, addresses: impl Iterator<Item = &'a str>) {
        self.addresses.truncate(self.given);
        for address in addresses.filter(|address| !address.is_empty()).take(LEARNED_MAX) {
            if !self.addresses.iter().any(|known| known == address) {
                self.addresses.push(address.to_owned());
            }
        }
    }
}

/// A time between half of this and all of it.
pub(super) fn jittered(time: Duration, rng: &mut dyn Rng) -> Duration {
    let part = u32::try_from(rng.next_u64() % 1001).unwrap_or_default();
    time / 2 + time / 2 * part / 1000
}

#[cfg(test)]
mod tests {
    use quorate_env::rng::Seeded;

    use super::*;

    fn route(addresses: &[&str]) -> Route {
        Route::new(addresses.iter().map(|&address| address.to_owned()).collect(), 0)
    }

    #[test]
    fn a_leader_that_was_named_is_next_at_once_and_only_once() {
        let (mut route, mut rng) = (route(&["a", "b"]), Seeded::new(1));
        assert_eq!(route.next(&mut rng), ("a".into(), Duration::ZERO));
        route.redirected(Some("c"));
        assert_eq!(route.next(&mut rng), ("c".into(), Duration::ZERO));
        route.failed();
        let (address, pause) = route.next(&mut rng);
        assert_eq!(address, "b");
        assert!(pause >= PAUSE_MIN / 2 && pause <= PAUSE_MIN, "{pause:?}");
    }

    #[test]
    fn redirects_in_a_circle_get_pauses() {
        let (mut route, mut rng) = (route(&["a"]), Seeded::new(1));
        let mut pauses = Vec::new();
        for turn in 0..20 {
            route.redirected(Some(if turn % 2 == 0 { "b" } else { "a" }));
            pauses.push(route.next(&mut rng).1);
        }
        assert_eq!(pauses[..2], [Duration::ZERO; 2]);
        assert!(pauses[2..].iter().all(|pause| *pause >= PAUSE_MIN / 2));
        assert!(pauses[19] >= PAUSE_MAX / 2 && pauses[19] <= PAUSE_MAX, "{pauses:?}");
        route.worked();
        route.redirected(Some("b"));
        assert_eq!(route.next(&mut rng).1, Duration::ZERO);
    }

    #[test]
    fn addresses_that_were_learned_take_turns_with_those_that_were_given() {
        let (mut route, mut rng) = (route(&["a"]), Seeded::new(1));
        route.learned(["a", "b", "", "c"].into_iter());
        let mut seen: Vec<String> = (0..3).map(|_| route.next(&mut rng).0).collect();
        seen.sort();
        assert_eq!(seen, ["a", "b", "c"]);
        route.learned(["d"].into_iter());
        assert_eq!(route.addresses, ["a", "d"]);
    }
}
