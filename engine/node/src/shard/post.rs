//! Where the members are, and the way to them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::ids::{MemberId, PartitionId};
use quorate_net::class::Class;
use quorate_net::connection::Local;
use quorate_net::frame::Kind;
use quorate_net::links::{Link, LinkEvent, OutboxLimits};
use quorate_net::raft::{class_of, encode};
use quorate_protocol::raft::Message;
use tokio::sync::mpsc;

/// Where a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) client: String,
}

/// The connections to one member.
struct Lines {
    address: String,
    control: Link,
    log: Link,
    snapshot: Link,
    /// Whether something was sent on each, in this order, since they were flushed.
    waits: [Cell<bool>; 3],
}

/// Sends letters.
pub(crate) struct Post {
    us: Arc<Local>,
    me: MemberId,
    places: BTreeMap<MemberId, Place>,
    lines: BTreeMap<MemberId, Lines>,
    tell: mpsc::UnboundedSender<(MemberId, Class, LinkEvent)>,
}

impl Post {
    /// A post that tells of its connections' fate.
    pub(crate) fn new(us: Arc<Local>, me: MemberId, tell: mpsc::UnboundedSender<(MemberId, Class, LinkEvent)>) -> Self {
        Self { us, me, places: BTreeMap::new(), lines: BTreeMap::new(), tell }
    }

    /// A member is here.
    pub(crate) fn place(&mut self, member: MemberId, place: Place) {
        if let Some(lines) = self.lines.get(&member)
            && lines.address != place.address
        {
            self.lines.remove(&member);
        }
        self.places.insert(member, place);
    }

    /// A member has come, and said where it is. It is believed unless something better is known. It is there now, so nobody waits before
    /// dialling it again: whoever comes back is needed for the next election at once.
    pub(crate) fn introduce(&mut self, member: MemberId, address: &str) {
        if let Some(Lines { control, log, snapshot, .. }) = self.lines.get(&member) {
            [control, log, snapshot].into_iter().for_each(Link::heard_of);
        }
        if !address.is_empty() {
            self.places.entry(member).or_insert_with(|| Place { address: address.to_owned(), client: String::new() });
        }
    }

    /// Nothing is sent to this member any more.
    pub(crate) fn forget(&mut self, member: MemberId) {
        self.places.remove(&member);
        self.lines.remove(&member);
    }

    /// The members whose places are known.
    pub(crate) fn known(&self) -> impl Iterator<Item = MemberId> {
        self.places.keys().copied()
    }

    /// Where clients reach a member.
    pub(crate) fn client_address(&self, member: MemberId) -> Option<String> {
        self.places.get(&member).map(|place| place.client.clone()).filter(|client| !client.is_empty())
    }

    /// Connects to all that are known, so that the first letter does not have to wait.
    pub(crate) fn connect(&mut self) {
        let members: Vec<MemberId> = self.places.keys().copied().collect();
        for member in members {
            self.lines(member);
        }
    }

    fn lines(&mut self, member: MemberId) -> Option<&Lines> {
        if member == self.me {
            return None;
        }
        if !self.lines.contains_key(&member) {
            let address = self.places.get(&member)?.address.clone();
            let open = |class| {
                let tell = self.tell.clone();
                let told = move |event| drop(tell.send((member, class, event)));
                Link::open(Arc::clone(&self.us), member, address.clone(), class, OutboxLimits::default(), told)
            };
            let lines = Lines {
                control: open(Class::Control),
                log: open(Class::Log),
                snapshot: open(Class::Snapshot),
                waits: Default::default(),
                address,
            };
            self.lines.insert(member, lines);
        }
        self.lines.get(&member)
    }

    /// Sends a letter, if there is a way. What does not arrive the protocol sends again.
    pub(crate) fn send(&mut self, partition: PartitionId, to: MemberId, message: &Message) {
        let Some(lines) = self.lines(to) else { return };
        let (nth, link) = match class_of(&message.body) {
            Class::Control => (0, &lines.control),
            Class::Snapshot => (2, &lines.snapshot),
            Class::Log | Class::Client => (1, &lines.log),
        };
        match link.send_with(Kind::Raft, partition, |out| encode(message, out)) {
            Ok(()) => lines.waits[nth].set(true),
            Err(full) => tracing::trace!(to = to.0, "not sent: {full}"),
        }
    }

    /// Hands the system what was sent, rather than when the links have their turn: others can begin with it meanwhile.
    pub(crate) fn flush(&self) {
        for lines in self.lines.values() {
            for (waits, link) in lines.waits.iter().zip([&lines.control, &lines.log, &lines.snapshot]) {
                if waits.take() {
                    link.hurry();
                }
            }
        }
    }
}
