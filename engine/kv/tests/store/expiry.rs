//! Leases, and the clock of whoever leads.

use std::time::Duration;

use quorate_env::clock::Moment;
use quorate_kv::{Command, Expiry, Keys, LeaseId, Outcome, Put, Range, Refusal, Revision, Store};

use crate::{done, restored, tell, written};

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

fn grant(store: &mut Store, lease: u64, ttl_seconds: u64) -> LeaseId {
    match done(store, &Command::Grant { lease: LeaseId(lease), ttl_seconds }) {
        Outcome::Granted { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_that_ran_out_takes_its_keys_with_it_in_one_revision() {
    let (mut store, mut expiry) = (Store::default(), Expiry::new());
    let lease = grant(&mut store, 0, 10);
    for key in ["a", "b"] {
        done(&mut store, &Command::Put(Put { lease, ..Put::new(key, "") }));
    }
    done(&mut store, &Command::Put(Put::new("c", "")));
    expiry.observe(at(1), &store);
    assert_eq!((expiry.next(), expiry.due(at(10)), expiry.left(lease, at(4))), (Some(at(11)), Vec::new(), Some(Duration::from_secs(7))));
    let due = expiry.due(at(11));
    assert_eq!(due, [Command::Expire { lease, renewals: 0 }]);
    assert_eq!(done(&mut store, &due[0]), Outcome::Ended { lease, deleted: 2 });
    assert_eq!((store.revision(), store.range(&Range::new(Keys::all())).unwrap().1.count), (Revision(5), 1));
    expiry.observe(at(11), &store);
    assert_eq!((expiry.next(), expiry.left(lease, at(11))), (None, None));
}

#[test]
fn a_proposal_that_comes_after_a_renewal_has_no_effect() {
    let (mut store, mut expiry) = (Store::default(), Expiry::new());
    let lease = grant(&mut store, 7, 10);
    done(&mut store, &Command::Put(Put { lease, ..Put::new("k", "") }));
    expiry.observe(at(0), &store);
    let due = expiry.due(at(10));
    done(&mut store, &Command::KeepAlive(lease));
    assert_eq!(tell(&mut store, &due[0]).outcome, Outcome::Refused(Refusal::LeaseRenewed(lease)));
    expiry.observe(at(10), &store);
    assert_eq!((expiry.next(), store.lease(lease, true).unwrap().keys), (Some(at(20)), vec![b"k".to_vec()]));
}

#[test]
fn a_proposal_that_came_to_nothing_is_made_again() {
    let (mut store, mut expiry) = (Store::default(), Expiry::new());
    let lease = grant(&mut store, 7, 10);
    expiry.observe(at(0), &store);
    assert_eq!((expiry.due(at(10)).len(), expiry.due(at(10)).len(), expiry.due(at(11)).len()), (1, 0, 1));
    assert_eq!(expiry.left(lease, at(11)), Some(Duration::from_secs(1)));
}

#[test]
fn who_begins_to_lead_gives_every_lease_its_whole_time() {
    let (mut store, mut expiry) = (Store::default(), Expiry::new());
    let (short, long) = (grant(&mut store, 1, 10), grant(&mut store, 2, 20));
    expiry.observe(at(0), &store);
    expiry.reset(at(9));
    assert_eq!((expiry.left(short, at(9)), expiry.left(long, at(9))), (Some(Duration::from_secs(10)), Some(Duration::from_secs(20))));
    assert_eq!(expiry.next(), Some(at(19)));
}

#[test]
fn what_was_missed_or_restored_is_noticed() {
    let (mut store, mut expiry) = (Store::default(), Expiry::new());
    let gone = grant(&mut store, 1, 10);
    expiry.observe(at(0), &store);
    done(&mut store, &Command::Revoke(gone));
    for nth in 2..10_000 {
        grant(&mut store, nth, nth);
    }
    expiry.observe(at(5), &store);
    assert_eq!((expiry.left(gone, at(5)), expiry.left(LeaseId(9999), at(5))), (None, Some(Duration::from_secs(9999))));
    let mut other = Store::default();
    grant(&mut other, 3, 3);
    let bytes = written(&other);
    quorate_storage::machine::StateMachine::restore(&mut store, quorate_storage::Mark::default(), &mut &bytes[..]).unwrap();
    expiry.observe(at(6), &store);
    assert_eq!(
        (expiry.next(), expiry.left(LeaseId(3), at(6)), expiry.left(LeaseId(4), at(6))),
        (Some(at(8)), Some(Duration::from_secs(2)), None)
    );
}

#[test]
fn a_key_goes_with_the_lease_that_it_was_written_with_last() {
    let mut store = Store::default();
    let (one, two) = (grant(&mut store, 1, 10), grant(&mut store, 2, 10));
    for lease in [one, two] {
        done(&mut store, &Command::Put(Put { lease, ..Put::new("k", "") }));
    }
    assert_eq!((store.lease(one, true).unwrap().keys.len(), store.lease(two, true).unwrap().keys.len()), (0, 1));
    done(&mut store, &Command::Put(Put { ignore_lease: true, ..Put::new("k", "more") }));
    let store = &mut restored(&written(&store), *store.limits());
    assert_eq!(done(store, &Command::Revoke(one)), Outcome::Ended { lease: one, deleted: 0 });
    assert_eq!(done(store, &Command::Revoke(two)), Outcome::Ended { lease: two, deleted: 1 });
}

#[test]
fn a_lease_without_a_name_gets_one_that_is_free() {
    let mut store = Store::default();
    grant(&mut store, 2, 10);
    let (one, three) = (grant(&mut store, 0, 10), grant(&mut store, 0, 10));
    assert_eq!((one, three), (LeaseId(1), LeaseId(3)));
    done(&mut store, &Command::Revoke(three));
    assert_eq!(grant(&mut store, 0, 10), LeaseId(4), "a name is not used again");
}
