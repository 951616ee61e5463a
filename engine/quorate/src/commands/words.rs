//! What a proof says, as facts with a name: in words for people, and as values for programs.

use quorate_core::certificate::Certificate;
use quorate_core::claim::Claim;
use quorate_core::electorate::{Electorate, Header};
use quorate_core::evidence::Fault;
use quorate_core::hash::TreeHash;
use quorate_core::ids::{ClusterId, Weight};
use quorate_core::sealed::Sealed;
use quorate_core::vote::Kind;
use serde_json::{Value, json};

/// Name, words, value.
#[derive(Debug, Default)]
pub(super) struct Facts(pub(super) Vec<(&'static str, String, Value)>);

impl Facts {
    fn add(&mut self, name: &'static str, words: impl Into<String>, value: impl Into<Value>) {
        self.0.push((name, words.into(), value.into()));
    }

    /// A fact whose words are its value.
    fn plain(&mut self, name: &'static str, value: impl ToString) {
        let text = value.to_string();
        self.add(name, text.clone(), text);
    }
}

/// Everything that a proof says of itself.
pub(super) fn facts(sealed: &Sealed) -> Facts {
    let mut facts = Facts::default();
    match sealed {
        Sealed::Block(block) => {
            facts.plain("id", block.id());
            facts.plain("parent", block.parent());
            facts.add("height", block.height().to_string(), block.height().0);
            facts.add("timestamp", format!("{} ns since 1970", block.timestamp().0), block.timestamp().0);
            facts.add("payload", format!("{} bytes", block.payload().len()), block.payload().len());
        }
        Sealed::Electorate(electorate) => electorate_facts(&mut facts, electorate),
        Sealed::Anchor(anchor) => {
            facts.plain("cluster", anchor.cluster());
            facts.add("electorates", format!("{}, the first included", anchor.electorates()), anchor.electorates());
            facts.plain("last", anchor.last());
        }
        Sealed::Certificate(certificate) => certificate_facts(&mut facts, certificate),
        Sealed::Receipt(receipt) => {
            let head = receipt.log().0;
            let words = format!("an entry with leaf hash {} is number {} of a log of {}", receipt.leaf(), receipt.index(), head.size);
            facts.add("claim", words, format!("entry {} of {}", receipt.index(), head.size));
            facts.plain("leaf", receipt.leaf());
            facts.add("index", receipt.index().to_string(), receipt.index());
            facts.add("size", head.size.to_string(), head.size);
            facts.add("log_root", format!("{} ({})", head.root, head.hash), head.root.to_string());
            certificate_facts(&mut facts, receipt.certificate());
        }
        Sealed::Evidence(evidence) => {
            let kind = kind_words(evidence.claim().kind());
            let member = evidence.member().id;
            let (code, words) = match evidence.fault() {
                Fault::Equivocation => ("equivocation", format!("member {member} signed a {kind} for two candidates")),
                Fault::ContradictoryBodies => {
                    ("contradictory-bodies", format!("member {member} signed two different bodies of one {kind}"))
                }
            };
            facts.add("claim", words, code);
            facts.add("member", member.to_string(), member.0);
            facts.plain("first", evidence.said()[0].candidate);
            facts.plain("second", evidence.said()[1].candidate);
            claim_facts(&mut facts, evidence.claim());
        }
    }
    facts
}

/// The cluster that a proof names.
pub(super) fn cluster(sealed: &Sealed) -> Option<ClusterId> {
    match sealed {
        Sealed::Block(_) | Sealed::Electorate(_) => None,
        Sealed::Anchor(anchor) => Some(anchor.cluster()),
        Sealed::Certificate(certificate) => Some(certificate.context().cluster),
        Sealed::Receipt(receipt) => Some(receipt.certificate().context().cluster),
        Sealed::Evidence(evidence) => Some(evidence.claim().context().cluster),
    }
}

fn electorate_facts(facts: &mut Facts, electorate: &Electorate) {
    let header = electorate.header();
    facts.plain("root", electorate.root());
    facts.add("epoch", header.epoch.to_string(), header.epoch.0);
    facts.plain("rule", header.rule);
    facts.add("joint", if header.joint { "yes, the union of two" } else { "no" }, header.joint);
    let signs = if electorate.signs() { "all with vote keys" } else { "not all with vote keys" };
    facts.add("members", format!("{}, {signs}", header.members), header.members);
    facts.add("weight", both(header, header.total), json!(header.total.map(|weight| weight.0)));
}

fn certificate_facts(facts: &mut Facts, certificate: &Certificate) {
    let kind = kind_words(certificate.kind());
    let worth = if certificate.is_final() { "which is final" } else { "which is a step and decides nothing" };
    facts.add("certified", format!("a quorum signed a {kind} for the candidate, {worth}"), certificate.is_final());
    facts.plain("candidate", certificate.candidate());
    facts.plain("rule", certificate.rule());
    let ids: Vec<u64> = certificate.signers().iter().map(|signer| signer.member.id.0).collect();
    let listed = ids.iter().take(12).map(u64::to_string).collect::<Vec<_>>().join(", ");
    let more = if ids.len() > 12 { ", …" } else { "" };
    let header = certificate.header();
    facts.add("signers", format!("{} of {} members: {listed}{more}", ids.len(), header.members), ids);
    let sum = |half: usize| certificate.signers().iter().fold(0u64, |sum, signer| sum.saturating_add(signer.member.weight[half].0));
    let weight = [Weight(sum(0)), Weight(sum(1))];
    facts.add("weight", format!("{} of {}", both(header, weight), both(header, header.total)), json!(weight.map(|weight| weight.0)));
    facts.plain("root", certificate.root(TreeHash::Blake3));
    claim_facts(facts, certificate.claim());
}

fn claim_facts(facts: &mut Facts, claim: &Claim) {
    let context = claim.context();
    facts.plain("kind", kind_words(claim.kind()));
    facts.plain("cluster", context.cluster);
    facts.add("partition", context.partition.to_string(), context.partition.0);
    facts.add("height", context.height.to_string(), context.height.0);
    facts.add("view", context.view.to_string(), context.view.0);
    facts.plain("electorate", context.electorate);
    facts.add("epoch", claim.header().epoch.to_string(), claim.header().epoch.0);
}

fn both(header: &Header, weight: [Weight; 2]) -> String {
    if header.joint { format!("{} and {}", weight[0], weight[1]) } else { weight[0].to_string() }
}

/// A kind of vote as people say it, such as `PBFT commit`.
fn kind_words(kind: Kind) -> String {
    let protocol = match kind {
        Kind::Snow(engine, _) => format!("{engine:?}"),
        Kind::Raft(_) => "Raft".to_owned(),
        Kind::Pbft(_) => "PBFT".to_owned(),
        Kind::Paxos(_) => "Paxos".to_owned(),
    };
    format!("{protocol} {}", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::vote::{Pbft, Raft};

    #[test]
    fn kinds_are_said_as_people_say_them() {
        assert_eq!(kind_words(Kind::Pbft(Pbft::ViewChange)), "PBFT view-change");
        assert_eq!(kind_words(Kind::Raft(Raft::Ack)), "Raft ack");
    }
}
