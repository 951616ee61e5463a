//! What is proved, attacked: certificates, trust anchors, receipts and evidence of small clusters with real keys.

mod anchor;
mod certificate;
mod cluster;
mod codecs;
mod evidence;
mod flips;
mod forger;
mod golden;
mod receipt;
