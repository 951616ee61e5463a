//! A context for malachite's vote keeper that costs as little as its traits allow.
//!
//! Addresses are numbers and index the validator set directly; values are 32-byte digests, as ours are; votes compare by
//! address first, so that the keeper's ordered sets decide on the first field; there are no signatures and no extensions.

use std::fmt;
use std::sync::Arc;

use informalsystems_malachitebft_core_types as types;
use types::{NilOrVal, Round, SignedExtension, SignedMessage, VoteType};

/// The context: no state at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(pub(crate) u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Height(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validator {
    pub(crate) address: Address,
    pub(crate) weight: u64,
}

/// Validators whose addresses are their places, shared by all keepers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) list: Arc<Vec<Validator>>,
    pub(crate) total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vote {
    pub(crate) address: Address,
    pub(crate) kind: VoteType,
    pub(crate) value: NilOrVal<Digest>,
    pub(crate) height: Height,
    pub(crate) round: Round,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned;

/// What the traits ask for and a vote keeper never touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Never;

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl types::Address for Address {}

impl types::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0 + n)
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl types::Value for Digest {
    type Id = Digest;

    fn id(&self) -> Digest {
        *self
    }
}

impl types::Validator<Plain> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &() {
        &()
    }

    fn voting_power(&self) -> u64 {
        self.weight
    }
}

impl types::ValidatorSet<Plain> for Validators {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.list.get(address.0 as usize)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.list.get(index)
    }
}

impl types::Vote<Plain> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Digest> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Digest> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }

    fn extension(&self) -> Option<&SignedExtension<Plain>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Plain>> {
        None
    }

    fn extend(self, _: SignedExtension<Plain>) -> Self {
        self
    }
}

impl types::SigningScheme for Unsigned {
    type DecodingError = String;
    type Signature = ();
    type PublicKey = ();
    type PrivateKey = ();

    fn decode_signature(_: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn encode_signature((): &()) -> Vec<u8> {
        Vec::new()
    }
}

impl types::ProposalPart<Plain> for Never {
    fn is_first(&self) -> bool {
        false
    }

    fn is_last(&self) -> bool {
        false
    }
}

impl types::Proposal<Plain> for Never {
    fn height(&self) -> Height {
        Height(0)
    }

    fn round(&self) -> Round {
        Round::Nil
    }

    fn value(&self) -> &Digest {
        &Digest([0; 32])
    }

    fn take_value(self) -> Digest {
        Digest([0; 32])
    }

    fn pol_round(&self) -> Round {
        Round::Nil
    }

    fn validator_address(&self) -> &Address {
        &Address(0)
    }
}

impl types::Context for Plain {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Never;
    type Proposal = Never;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Value = Digest;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Unsigned;

    fn select_proposer<'a>(&self, validators: &'a Validators, height: Height, _: Round) -> &'a Validator {
        &validators.list[height.0 as usize % validators.list.len()]
    }

    fn new_proposal(&self, _: Height, _: Round, _: Digest, _: Round, _: Address) -> Never {
        Never
    }

    fn new_prevote(&self, height: Height, round: Round, value: NilOrVal<Digest>, address: Address) -> Vote {
        Vote { address, kind: VoteType::Prevote, value, height, round }
    }

    fn new_precommit(&self, height: Height, round: Round, value: NilOrVal<Digest>, address: Address) -> Vote {
        Vote { address, kind: VoteType::Precommit, value, height, round }
    }
}

/// A vote as the keeper takes it.
pub(crate) fn unsigned(vote: Vote) -> SignedMessage<Plain, Vote> {
    SignedMessage::new(vote, ())
}
