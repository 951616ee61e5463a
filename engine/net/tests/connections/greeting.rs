//! Who gets in, and what both ends know of each other then.

use quorate_core::ids::{ClusterId, MemberId};
use quorate_net::class::Class;
use quorate_net::connection::{Expect, Local};
use quorate_net::identity::Who;

use crate::support::{CLUSTER, client, connected, meet, member, plain, secure};

#[tokio::test]
async fn members_meet_for_every_class_with_tls_and_without() {
    for kind in [secure as fn(Who) -> Local, plain] {
        for class in Class::ALL {
            let (us, them) = (kind(member(1)), kind(member(2)));
            let (dialled, accepted) = connected(&us, &them, class).await;
            let (there, here) = (dialled.remote(), accepted.remote());
            assert_eq!((&there.who, &here.who), (&member(2), &member(1)));
            assert_eq!((there.class, here.class), (class, class));
            assert_eq!((there.version, here.version), (1, 1));
            assert_eq!((there.cluster_id, here.cluster_id), (Some(CLUSTER), Some(CLUSTER)));
            assert_eq!(here.address, "127.0.0.1:7000", "where members reach the one who dialled");
            assert_eq!(there.address, there.peer.to_string(), "where it was dialled");
        }
    }
}

#[tokio::test]
async fn a_client_meets_any_member_and_need_not_know_the_clusters_id() {
    for kind in [secure as fn(Who) -> Local, plain] {
        let us = Local { cluster_id: ClusterId::default(), address: String::new(), ..kind(client("ops")) };
        let (dialled, accepted) = meet(&us, &kind(member(7)), Expect::AnyMember, Class::Client, |_| Ok(())).await;
        let (dialled, accepted) = (dialled.unwrap(), accepted.unwrap());
        assert_eq!(accepted.remote().who, client("ops"));
        assert_eq!(accepted.remote().cluster_id, None);
        assert_eq!(dialled.remote().who, Who::Member(MemberId(7)));
        assert_eq!(dialled.remote().cluster_id, Some(CLUSTER), "it learns it");
    }
}
