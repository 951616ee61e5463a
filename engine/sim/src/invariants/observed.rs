//! What is known of every server from the facts so far.
//!
//! Most invariants speak of logs, and a log is the same whichever of them asks; so it is kept once, here. It knows terms and not
//! contents: what an entry says is for [`super::log_matching`]. Invariants see a fact beside the picture from before it.

use std::collections::{BTreeMap, VecDeque};

use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Part, Peer, Role};

use super::by_index::ByIndex;
use crate::fact::Fact;

/// The places in a server's log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    floor: Mark,
    terms: VecDeque<View>,
}

impl Log {
    /// Where it begins: the last place that is not in it any more.
    #[must_use]
    pub fn floor(&self) -> Mark {
        self.floor
    }

    /// Its last place.
    #[must_use]
    pub fn last(&self) -> Mark {
        let term = self.terms.back().copied().unwrap_or(self.floor.term);
        Mark { index: Height(self.floor.index.0 + self.terms.len() as u64), term }
    }

    /// The term of the entry at an index, or of the floor.
    #[must_use]
    pub fn term_at(&self, index: Height) -> Option<View> {
        match index.0.checked_sub(self.floor.index.0)? {
            0 => Some(self.floor.term),
            above => self.terms.get(usize::try_from(above - 1).ok()?).copied(),
        }
    }

    /// Whether it has the entry, or had it before a snapshot took over.
    #[must_use]
    pub fn has(&self, mark: Mark) -> bool {
        mark.index < self.floor.index || self.term_at(mark.index) == Some(mark.term)
    }

    fn cut(&mut self, from: Height) {
        let keep = from.0.saturating_sub(self.floor.index.0 + 1);
        self.terms.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
    }

    fn raise(&mut self, floor: Mark) {
        if self.term_at(floor.index) == Some(floor.term) {
            self.terms.drain(..(floor.index.0 - self.floor.index.0) as usize);
        } else {
            self.terms.clear();
        }
        self.floor = floor;
    }
}

/// What is known of a server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Whether its process runs.
    pub alive: bool,
    /// How often it was started.
    pub life: u32,
    /// What it is.
    pub role: Role,
    /// Its term.
    pub term: View,
    /// Whom it voted for in that term.
    pub vote: Option<MemberId>,
    /// Its log.
    pub log: Log,
    /// Up to where it holds the log for committed.
    pub commit: Height,
    /// Up to where its machine has applied the log.
    pub applied: Height,
    /// Up to where its log is on disk.
    pub durable: Height,
    /// The term on disk.
    pub durable_term: View,
    /// The vote on disk.
    pub durable_vote: Option<MemberId>,
    /// The members under which it acts, and those under which it acted before in the same life.
    pub configurations: [Option<Configuration>; 2],
}

/// An entry that somebody holds for committed.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// The entry's term.
    pub term: View,
    /// Who was the first.
    pub by: MemberId,
    /// In which term that one was.
    pub during: View,
}

/// What is known of all servers.
#[derive(Debug, Default)]
pub struct Observed {
    servers: BTreeMap<MemberId, Server>,
    commits: ByIndex<Commit>,
    highest: Height,
}

impl Observed {
    /// What is known of a server; nothing before it was started for the first time.
    #[must_use]
    pub fn server(&self, node: MemberId) -> Option<&Server> {
        self.servers.get(&node)
    }

    /// All servers that were ever started.
    pub fn servers(&self) -> impl Iterator<Item = (MemberId, &Server)> {
        self.servers.iter().map(|(id, server)| (*id, server))
    }

    /// The entry that is committed at an index.
    #[must_use]
    pub fn commit_at(&self, index: Height) -> Option<Commit> {
        self.commits.get(index).copied()
    }

    /// The last index that anybody ever held for committed.
    #[must_use]
    pub fn highest_commit(&self) -> Height {
        self.highest
    }

    /// Takes a fact in.
    pub fn take_in(&mut self, fact: &Fact) {
        if let Fact::Started { node, term, vote, floor, configuration } = fact {
            let life = self.servers.get(node).map_or(0, |server| server.life);
            let server = Server {
                alive: true,
                life: life + 1,
                role: Role::Follower,
                term: *term,
                vote: *vote,
                log: Log { floor: *floor, terms: VecDeque::new() },
                commit: floor.index,
                applied: floor.index,
                durable: floor.index,
                durable_term: *term,
                durable_vote: *vote,
                configurations: [Some(configuration.clone()), None],
            };
            self.servers.insert(*node, server);
            return;
        }
        let Some(server) = node_of(fact).and_then(|node| self.servers.get_mut(&node)) else { return };
        match fact {
            Fact::Crashed { .. } | Fact::Refused { .. } => {
                server.alive = false;
                server.role = Role::Follower;
            }
            Fact::Hard { term, vote, .. } => (server.term, server.vote) = (*term, *vote),
            Fact::Durable { term, vote, upto, .. } => {
                (server.durable_term, server.durable_vote) = (*term, *vote);
                // A snapshot may have taken the log's place in the meantime.
                server.durable = (*upto).clamp(server.log.floor().index, server.log.last().index);
            }
            Fact::Became { role, term, .. } => (server.role, server.term) = (*role, *term),
            Fact::Members { configuration, .. } => {
                let [now, before] = &mut server.configurations;
                *before = now.replace(configuration.clone());
            }
            Fact::Appended { mark, .. } => server.log.terms.push_back(mark.term),
            Fact::Cut { from, .. } => {
                server.log.cut(*from);
                server.durable = server.durable.min(server.log.last().index);
            }
            Fact::Floor { mark, .. } => {
                server.log.raise(*mark);
                server.commit = server.commit.max(mark.index);
                // What the snapshot took over is on disk in it; of a log that went with it, nothing is.
                server.durable = server.durable.clamp(mark.index, server.log.last().index);
            }
            Fact::Committed { node, index, term } => {
                for index in server.commit.0 + 1..=index.0.min(server.log.last().index.0) {
                    let index = Height(index);
                    if self.commits.get(index).is_none()
                        && let Some(of) = server.log.term_at(index)
                    {
                        self.commits.insert(index, Commit { term: of, by: *node, during: *term });
                    }
                }
                server.commit = server.commit.max(*index);
                self.highest = self.highest.max(*index);
            }
            Fact::Applied { mark, .. } | Fact::Restored { mark, .. } => server.applied = mark.index,
            _ => {}
        }
    }

    /// Takes note that an entry found on disk at the start is there.
    pub(super) fn started(&mut self, node: MemberId) {
        if let Some(server) = self.servers.get_mut(&node) {
            server.durable = server.log.last().index;
        }
    }
}

/// Whom a fact is about, if it is about a server.
#[must_use]
pub(super) fn node_of(fact: &Fact) -> Option<MemberId> {
    match fact {
        Fact::Started { node, .. }
        | Fact::Crashed { node }
        | Fact::Refused { node }
        | Fact::Hard { node, .. }
        | Fact::Durable { node, .. }
        | Fact::Granted { node, .. }
        | Fact::Acked { node, .. }
        | Fact::Became { node, .. }
        | Fact::Leased { node, .. }
        | Fact::Members { node, .. }
        | Fact::Appended { node, .. }
        | Fact::Cut { node, .. }
        | Fact::Floor { node, .. }
        | Fact::Committed { node, .. }
        | Fact::Applied { node, .. }
        | Fact::Restored { node, .. }
        | Fact::Memory { node, .. } => Some(*node),
        Fact::Acknowledged { .. } => None,
    }
}

/// Whether those of whom `has` is true are a majority: of the members, and while they change also of the former ones. If not, the half
/// that is short, in words.
///
/// This counts on its own, for all to see, and not with the engine's code, which is what is being watched.
///
/// # Errors
/// If they are not.
pub(super) fn majority(configuration: &Configuration, has: impl Fn(MemberId) -> bool) -> Result<(), String> {
    for (name, half) in [("members", configuration.peers()), ("former members", configuration.outgoing())] {
        let voters = || half.iter().filter(|peer| peer.part != Part::Learner);
        let (all, have): (usize, Vec<&Peer>) = (voters().count(), voters().filter(|peer| has(peer.id)).collect());
        if all > 0 && have.len() * 2 <= all {
            let ids = have.iter().map(|peer| peer.id.to_string()).collect::<Vec<_>>();
            let (who, least) = (if ids.is_empty() { "nobody".to_owned() } else { ids.join(", ") }, all / 2 + 1);
            return Err(format!("{} of {all} {name} that vote ({who}); expected at least {least}", have.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;
    use quorate_core::ids::Epoch;

    fn picture(facts: &[Fact]) -> Observed {
        let mut observed = Observed::default();
        facts.iter().for_each(|fact| observed.take_in(fact));
        observed
    }

    #[test]
    fn a_log_follows_appends_cuts_and_floors() {
        let mut facts = vec![started(1), appended(1, 1, 1), appended(1, 2, 1), appended(1, 3, 2), durable(1, 2, None, 3)];
        let log = |facts: &[Fact]| picture(facts).server(MemberId(1)).unwrap().log.clone();
        assert_eq!(log(&facts).last(), mark(3, 2));
        facts.push(cut(1, 3));
        assert_eq!((log(&facts).last(), picture(&facts).server(MemberId(1)).unwrap().durable), (mark(2, 1), Height(2)));
        facts.push(floor(1, 1, 1));
        assert_eq!((log(&facts).last(), log(&facts).term_at(Height(1)), log(&facts).term_at(Height(0))), (mark(2, 1), Some(View(1)), None));
        assert!(log(&facts).has(mark(2, 1)) && !log(&facts).has(mark(2, 2)) && log(&facts).has(mark(0, 0)));
        // A snapshot that the log does not have in it takes the log's place.
        facts.push(floor(1, 2, 5));
        assert_eq!((log(&facts).last(), log(&facts).floor()), (mark(2, 5), mark(2, 5)));
    }

    #[test]
    fn the_first_who_holds_an_entry_for_committed_is_remembered() {
        let logs = |node| [started(node), appended(node, 1, 1), appended(node, 2, 1)];
        let mut facts = [logs(1), logs(2)].concat();
        facts.extend([committed(1, 2, 1), committed(2, 1, 3)]);
        let observed = picture(&facts);
        let first = observed.commit_at(Height(1)).unwrap();
        assert_eq!((first.by, first.during, observed.highest_commit()), (MemberId(1), View(1), Height(2)));
        assert!(observed.commit_at(Height(3)).is_none());
    }

    #[test]
    fn a_majority_is_one_of_each_half_and_learners_are_none() {
        let before = Configuration::new(Epoch(1), [Peer::voter(1), Peer::voter(2), Peer::witness(3), Peer::learner(9)]).unwrap();
        let joint = before.towards([Peer::witness(3), Peer::voter(4), Peer::voter(5)]).unwrap();
        let of = |configuration: &Configuration, ids: &[u64]| majority(configuration, |id| ids.contains(&id.0));
        assert!(of(&before, &[1, 3]).is_ok() && of(&joint, &[2, 3, 4]).is_ok());
        assert!(of(&before, &[1, 9]).unwrap_err().contains("1 of 3 members that vote (1); expected at least 2"));
        assert!(of(&joint, &[3, 4]).unwrap_err().contains("former"));
        assert!(of(&joint, &[1, 2, 3]).is_err());
    }
}
