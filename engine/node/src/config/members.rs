//! The members of a cluster, as files name them: with ids, or by address alone.
//!
//! Members without ids are told apart by their addresses: all of them, this node included, are put in the order of host and port, and
//! numbered from 1. Every member's file leads to the same numbers if every file calls every member the same. So a node that has a name
//! instead of a number is at the host of that name, in the domain that its peers have in common.

use quorate_core::ids::MemberId;
use quorate_pipeline::registry::nearest;
use quorate_protocol::raft::{Configuration, Part};

use super::Seat;
use super::address::Address;
use super::shape::{Wrong, meant};
use super::text::{Mark, Node, Value};

/// One of a list of members.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) id: Option<u64>,
    pub(super) name: Option<String>,
    pub(super) address: Address,
    pub(super) client: Option<Address>,
    pub(super) part: Part,
    pub(super) priority: u8,
}

/// What a file says of this node itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) number: Option<u64>,
    pub(super) name: Option<String>,
    pub(super) bind: Option<Address>,
    pub(super) address: Option<Address>,
    pub(super) client: Option<Address>,
    /// The port for clients, where only that is known.
    pub(super) client_port: Option<u16>,
    pub(super) join: bool,
}

/// Why a list makes no cluster: the key that is wrong, and what is.
pub(super) type Unfit = (&'static str, String);

const FIELDS: [&str; 7] = ["id", "name", "address", "client", "part", "priority", "weight"];
const PARTS: [(&str, Part); 3] = [("voter", Part::Voter), ("learner", Part::Learner), ("witness", Part::Witness)];

impl Item {
    fn at(address: Address) -> Self {
        Self { id: None, name: None, address, client: None, part: Part::Voter, priority: 0 }
    }

    /// Where clients reach it: at the next port, unless it says otherwise.
    fn client(&self) -> Address {
        self.client.clone().unwrap_or_else(|| self.address.at(beside(self.address.port, 1)))
    }

    fn seat(&self, id: u64) -> Seat {
        Seat {
            id: MemberId(id),
            name: self.name.clone().unwrap_or_else(|| format!("node-{id}")),
            address: self.address.to_string(),
            client: self.client().to_string(),
            part: self.part,
            priority: self.priority,
        }
    }
}

/// A port beside another; the system's choice stays the system's choice.
pub(super) fn beside(port: u16, step: u16) -> u16 {
    if port == 0 { 0 } else { port.checked_add(step).unwrap_or(port - step) }
}

/// Reads a list of members. `key` is the list's name, as it was written.
pub(super) fn read(key: &str, node: &Node) -> Result<Vec<Item>, Vec<Wrong>> {
    let expected = "a list of members, each \"HOST:PORT\", \"ID=HOST:PORT\", or a table with an address";
    let Value::List(nodes) = &node.value else {
        return Err(vec![Wrong { at: node.at, what: format!("{key} is {}; expected {expected}", node.value.shown()) }]);
    };
    if nodes.len() > Configuration::MAX_PEERS {
        let what = format!("{key} has {} members; expected at most {}", nodes.len(), Configuration::MAX_PEERS);
        return Err(vec![Wrong { at: node.at, what }]);
    }
    let (mut items, mut wrong) = (Vec::new(), Vec::new());
    for (nth, node) in (1..).zip(nodes) {
        let name = format!("{key}, member {nth} of the list,");
        match &node.value {
            Value::Text(text) => match of_text(text) {
                Some(item) => items.push(item),
                None => wrong.push(Wrong { at: node.at, what: format!("{name} is {text:?}; expected HOST:PORT or ID=HOST:PORT") }),
            },
            Value::Table(_) => match of_table(key, node) {
                Ok(item) => items.push(item),
                Err(more) => wrong.extend(more),
            },
            other => wrong.push(Wrong { at: node.at, what: format!("{name} is {}; expected HOST:PORT or a table", other.shown()) }),
        }
    }
    if wrong.is_empty() { Ok(items) } else { Err(wrong) }
}

fn of_text(text: &str) -> Option<Item> {
    let (id, address) = match text.split_once('=') {
        Some((id, address)) => (Some(id.trim().parse::<i64>().ok().filter(|id| *id > 0)?.unsigned_abs()), address.trim()),
        None => (None, text),
    };
    Some(Item { id, ..Item::at(Address::parse(address)?) })
}

fn of_table(key: &str, node: &Node) -> Result<Item, Vec<Wrong>> {
    let Value::Table(entries) = &node.value else { return Err(Vec::new()) };
    let mut item = Item::at(Address { host: String::new(), port: 0 });
    let (mut wrong, mut addressed) = (Vec::new(), false);
    for entry in entries {
        let value = &entry.node.value;
        let mut say = |at: Mark, what: String| wrong.push(Wrong { at, what });
        let bad = |expected: &str| format!("{key}: {} is {}; expected {expected}", entry.key, value.shown());
        let address = || value_text(value).and_then(Address::parse);
        match entry.key.as_str() {
            "id" => match value {
                Value::Whole(id) if *id > 0 => item.id = Some(id.unsigned_abs()),
                _ => say(entry.node.at, bad("a whole number from 1")),
            },
            "name" => match value_text(value).filter(|name| !name.is_empty()) {
                Some(name) => item.name = Some(name.to_owned()),
                None => say(entry.node.at, bad("a name")),
            },
            "address" => {
                addressed = true;
                match address() {
                    Some(address) => item.address = address,
                    None => say(entry.node.at, bad(Address::EXPECTED)),
                }
            }
            "client" => match address() {
                Some(address) => item.client = Some(address),
                None => say(entry.node.at, bad(Address::EXPECTED)),
            },
            "part" => match PARTS.iter().find(|(word, _)| value_text(value) == Some(word)) {
                Some((_, part)) => item.part = *part,
                None => say(entry.node.at, bad("voter, learner or witness")),
            },
            "priority" => match value {
                Value::Whole(priority @ 0..=255) => item.priority = priority.to_le_bytes()[0],
                _ => say(entry.node.at, bad("a whole number from 0 to 255")),
            },
            "weight" => match value {
                Value::Whole(1) => {}
                Value::Whole(_) | Value::Real(_) => say(entry.node.at, bad("1: Raft counts every member alike")),
                _ => say(entry.node.at, bad("1")),
            },
            other => {
                let near = meant(nearest(other, FIELDS));
                say(entry.at, format!("{key}: {other:?} is nothing that a member has{near}; expected {}", FIELDS.join(", ")));
            }
        }
    }
    if !addressed {
        wrong.push(Wrong { at: node.at, what: format!("{key}: a member without an address; expected address = \"HOST:PORT\"") });
    }
    if wrong.is_empty() { Ok(item) } else { Err(wrong) }
}

fn value_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Who this node is, and who is in the cluster.
pub(super) fn from_members(items: &[Item], own: &Own) -> Result<(u64, Vec<Seat>), Unfit> {
    let seats = numbered(items).ok_or_else(|| mixed("cluster.members"))?;
    let list = || seats.iter().map(|seat| seat.id.to_string()).collect::<Vec<_>>().join(", ");
    let id = match (own.number, &own.name) {
        (Some(number), _) => number,
        (None, Some(name)) => match seats.iter().find(|seat| seat.name == *name) {
            Some(seat) => seat.id.0,
            None => {
                let names: Vec<&str> = seats.iter().map(|seat| seat.name.as_str()).collect();
                let near = meant(nearest(name, names.iter().copied()));
                return Err(("node.id", format!("node.id is {name:?}, and no member is called so{near}; there are {}", names.join(", "))));
            }
        },
        (None, None) => return Err(("node.id", format!("node.id is missing; expected which of the members this node is: {}", list()))),
    };
    Ok((id, seats))
}

/// The same from a list of the others.
pub(super) fn from_peers(peers: &[Item], own: &Own) -> Result<(u64, Vec<Seat>), Unfit> {
    let address = own_address(peers, own)?;
    let client = own.client.clone().or_else(|| own.client_port.map(|port| address.at(port)));
    let me = Item { id: own.number, name: own.name.clone(), client, ..Item::at(address) };
    let by_number = peers.iter().any(|peer| peer.id.is_some());
    let mut items: Vec<Item> = peers.to_vec();
    if own.join {
        let Some(number) = own.number else {
            return Err(("node.id", "node.id is no number; expected the id of a new member, since it will join".into()));
        };
        return Ok((number, numbered(&items).ok_or_else(|| mixed("cluster.peers"))?));
    }
    if by_number && own.number.is_none() {
        return Err(("node.id", "node.id is no number, and the peers have ids; expected this node's id".into()));
    }
    // Some list this node among its own peers. What its own file says of it counts.
    items.retain(|peer| peer.address != me.address || by_number && peer.id != me.id);
    if by_number {
        items.push(me);
        let seats = numbered(&items).ok_or_else(|| mixed("cluster.peers"))?;
        return Ok((own.number.unwrap_or_default(), seats));
    }
    items.push(Item { id: None, ..me.clone() });
    let seats = numbered(&items).ok_or_else(|| mixed("cluster.peers"))?;
    let mine = me.address.to_string();
    let id = seats.iter().find(|seat| seat.address == mine).map_or(0, |seat| seat.id.0);
    match own.number {
        Some(number) if number != id => {
            let what =
                format!("node.id is {number}, but in the order of their addresses this node, {mine}, is member {id} of {}", seats.len());
            Err(("node.id", what + "; expected that number, or ids in the list of peers: \"2=HOST:PORT\""))
        }
        _ => Ok((id, seats)),
    }
}

fn mixed(key: &'static str) -> Unfit {
    (key, format!("{key}: some members have an id and some have none; expected one for each, or for none"))
}

/// Seats by rising id. Members without ids get them in the order of their addresses; `None` if only some have one.
fn numbered(items: &[Item]) -> Option<Vec<Seat>> {
    let mut items = items.to_vec();
    let with_ids = items.iter().filter(|item| item.id.is_some()).count();
    if with_ids == 0 {
        items.sort_by(|one, other| one.address.cmp(&other.address));
        let hosts: Vec<String> = items.iter().map(|item| item.address.host.clone()).collect();
        let alone = |host: &String| hosts.iter().filter(|other| *other == host).count() == 1;
        let named = |item: &Item| {
            let name = if alone(&item.address.host) { item.address.host.clone() } else { item.address.to_string() };
            Item { name: item.name.clone().or(Some(name)), ..item.clone() }
        };
        return Some((1..).zip(&items).map(|(id, item)| named(item).seat(id)).collect());
    }
    items.sort_by_key(|item| item.id);
    items.iter().map(|item| item.id.map(|id| item.seat(id))).collect()
}

/// Where this node is, as the files of the others have it.
fn own_address(peers: &[Item], own: &Own) -> Result<Address, Unfit> {
    let port = own.bind.as_ref().map_or(super::Config::PORTS[0], |bind| bind.port);
    let bound = own.bind.clone().filter(|bind| !bind.is_wildcard());
    let by_name = peers.iter().all(|peer| peer.address.ip().is_none() && !peer.address.is_loopback());
    let named = own.name.as_deref().filter(|_| by_name && !peers.is_empty());
    let address = match (&own.address, named) {
        (Some(address), _) => Some(address.clone()),
        (None, Some(name)) => {
            let host = in_domain(name, peers);
            let address = Address::parse(&format!("{host}:{port}"));
            Some(address.ok_or_else(|| ("node.id", format!("node.id is {name:?}; expected a number from 1, or this node's host name")))?)
        }
        (None, None) => bound.or_else(|| own.bind.is_none().then(|| Address { host: "127.0.0.1".into(), port })),
    };
    address.or_else(|| own.bind.clone().filter(|_| peers.is_empty())).ok_or_else(|| {
        let what = "node.address is missing; expected the address that the other members have in their lists for this node";
        ("node.address", what.to_owned())
    })
}

/// A name in the domain that all peers have in common, if it has none itself.
fn in_domain(name: &str, peers: &[Item]) -> String {
    let mut domains = peers.iter().map(|peer| peer.address.host.split_once('.').map(|(_, domain)| domain));
    match domains.next().flatten() {
        Some(domain) if !name.contains('.') && domains.all(|other| other == Some(domain)) => format!("{name}.{domain}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(list: &[&str]) -> Vec<Item> {
        list.iter().map(|text| of_text(text).unwrap()).collect()
    }

    fn called(name: &str) -> Own {
        Own { name: Some(name.into()), bind: Address::parse("0.0.0.0:7000"), ..Own::default() }
    }

    fn bound(number: Option<u64>, bind: &str) -> Own {
        Own { number, bind: Address::parse(bind), ..Own::default() }
    }

    #[test]
    fn every_member_comes_to_the_same_numbers() {
        for domain in ["", ".cluster.local"] {
            let all: Vec<String> = ["node-1", "node-2", "node-3"].iter().map(|name| format!("{name}{domain}:7000")).collect();
            let mut lists = Vec::new();
            for (nth, name) in (1..).zip(["node-1", "node-2", "node-3"]) {
                let others: Vec<&str> = all.iter().map(String::as_str).filter(|address| !address.starts_with(name)).collect();
                let (id, seats) = from_peers(&peers(&others), &called(name)).unwrap();
                assert_eq!(id, nth);
                let addresses: Vec<String> = seats.iter().map(|seat| format!("{}={}", seat.id, seat.address)).collect();
                lists.push(addresses);
            }
            assert!(lists.iter().all(|list| *list == lists[0]), "{lists:?}");
        }
        // Ports count as numbers.
        let (id, seats) = from_peers(&peers(&["127.0.0.1:10000", "127.0.0.1:9000"]), &bound(None, "127.0.0.1:9500")).unwrap();
        assert_eq!((id, seats[2].address.as_str()), (2, "127.0.0.1:10000"));
        assert_eq!(seats[0].name, "127.0.0.1:9000");
    }

    #[test]
    fn a_number_that_does_not_follow_is_refused() {
        let (key, what) = from_peers(&peers(&["10.0.0.2:7000"]), &bound(Some(2), "10.0.0.1:7000")).unwrap_err();
        assert_eq!(key, "node.id");
        assert!(what.contains("is member 1 of 2") && what.contains("2=HOST:PORT"), "{what}");
        let (id, seats) = from_peers(&peers(&["1=10.0.0.2:7000"]), &bound(Some(2), "10.0.0.1:7000")).unwrap();
        assert_eq!((id, seats[0].address.as_str()), (2, "10.0.0.2:7000"));
        let (key, _) = from_peers(&peers(&["1=10.0.0.2:7000", "10.0.0.3:7000"]), &bound(Some(2), "10.0.0.1:7000")).unwrap_err();
        assert_eq!(key, "cluster.peers");
    }

    #[test]
    fn a_node_that_the_others_cannot_call_says_what_is_missing() {
        let (key, what) = from_peers(&peers(&["10.0.0.2:7000"]), &called("node-1")).unwrap_err();
        assert_eq!((key, what.starts_with("node.address is missing")), ("node.address", true));
        let (key, _) = from_peers(&peers(&["node-2:7000"]), &bound(None, "0.0.0.0:7000")).unwrap_err();
        assert_eq!(key, "node.address");
    }

    #[test]
    fn a_node_among_its_own_peers_is_one_member() {
        let (id, seats) = from_peers(&peers(&["node-1:7000", "node-2:7000"]), &called("node-1")).unwrap();
        assert_eq!((id, seats.len()), (1, 2));
    }

    #[test]
    fn who_joins_is_not_among_the_members_at_birth() {
        let own = Own { join: true, ..bound(Some(4), "10.0.0.4:7000") };
        let (id, seats) = from_peers(&peers(&["10.0.0.1:7000", "10.0.0.2:7000"]), &own).unwrap();
        assert_eq!((id, seats.len()), (4, 2));
    }
}
