//! Topic `peers`: what goes over the network, and whether it gets there.

use quorate_core::ids::MemberId;

use super::field::{Text, names};
use super::record::record;

names! {
    /// What became of a message.
    "a fate"
    Fate {
        /// It was handed to the network.
        Sent = 0 "sent",
        /// It arrived.
        Delivered = 1 "delivered",
        /// It was lost.
        Dropped = 2 "dropped",
        /// The network made a second one of it.
        Duplicated = 3 "duplicated",
    }
}

names! {
    /// How a link is.
    "the state of a link"
    LinkState {
        /// Messages pass.
        Up = 0 "up",
        /// Messages pass late, or some are lost.
        Degraded = 1 "degraded",
        /// No message passes.
        Down = 2 "down",
    }
}

record! {
    /// A message between two members.
    pub struct Message {
        /// Who sent it.
        pub from: MemberId,
        /// To whom.
        pub to: MemberId,
        /// What it is, by the name of its class.
        pub class: Text,
        /// Its length.
        pub bytes: u64,
        /// What became of it.
        pub fate: Fate,
        /// How long it was under way, or will be.
        pub delay_ns: Option<u64>,
    }
}

record! {
    /// A link, in one direction, changed.
    pub struct LinkChanged {
        /// From whom.
        pub from: MemberId,
        /// To whom.
        pub to: MemberId,
        /// How it is now.
        pub state: LinkState,
    }
}
