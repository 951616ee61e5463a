//! A second, careless writer of certificates: it writes down whatever it is given, in the layout that `certificate.rs` states.

use quorate_core::certificate::{Certificate, Signer};
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Header};
use quorate_core::hash::Digest;
use quorate_core::quorum::Rule;

#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) context: Context,
    pub(crate) header: Header,
    pub(crate) kind: u8,
    pub(crate) candidate: Digest,
    pub(crate) rule: Rule,
    pub(crate) signers: Vec<Signer>,
    pub(crate) nodes: Vec<Digest>,
}

impl Forgery {
    /// A faithful copy of a certificate under `electorate`.
    pub(crate) fn of(certificate: &Certificate, electorate: &Electorate) -> Self {
        let copy = Self {
            context: *certificate.context(),
            header: *certificate.header(),
            kind: certificate.kind().code(),
            candidate: certificate.candidate(),
            rule: certificate.rule(),
            signers: certificate.signers().to_vec(),
            nodes: Vec::new(),
        }
        .proved_in(electorate);
        assert_eq!(copy.encode(), certificate.encode(), "the layout is the stated one");
        copy
    }

    /// With an honest proof that the signers stand in `electorate`, as far as there is one.
    pub(crate) fn proved_in(mut self, electorate: &Electorate) -> Self {
        let indices: Vec<u64> = self.signers.iter().map(|signer| u64::from(signer.voter.0)).collect();
        self.nodes = electorate.tree().multiproof(&indices).unwrap().nodes;
        self
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![1];
        self.context.encode(&mut out);
        self.header.encode(&mut out);
        out.push(self.kind);
        out.extend(self.candidate.0);
        self.rule.encode(&mut out);
        out.extend((self.signers.len() as u32).to_le_bytes());
        for signer in &self.signers {
            out.extend(signer.voter.0.to_le_bytes());
            out.extend(signer.member.record());
            out.extend(signer.body.0);
            out.extend(signer.signature.0);
        }
        out.extend((self.nodes.len() as u32).to_le_bytes());
        self.nodes.iter().for_each(|node| out.extend(node.0));
        out
    }

    /// The certificate that a reader makes of it.
    pub(crate) fn read(&self) -> Certificate {
        Certificate::decode(&self.encode()).unwrap()
    }

    /// Why a reader makes nothing of it.
    pub(crate) fn refusal(&self) -> String {
        Certificate::decode(&self.encode()).unwrap_err().to_string()
    }
}
