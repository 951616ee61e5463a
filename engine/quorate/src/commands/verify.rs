//! `quorate verify`: a proof file, checked offline, from its bytes and a trust anchor alone.
//!
//! What the file says is shown first, in words, and then whether it holds. A certificate, a receipt and evidence hold under a trust
//! anchor, which must come from elsewhere: the cluster that a file itself names proves nothing. Blocks name themselves by their hash
//! and anchors carry their chain, so these are checked by being read.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::{Context as _, IntoDiagnostic as _, miette};
use quorate_core::anchor::TrustAnchor;
use quorate_core::hash::Digest;
use quorate_core::ids::ClusterId;
use quorate_core::sealed::Sealed;
use serde_json::{Value, json};

use super::words::{self, Facts};
use super::{Out, Outcome, Usage, say, say_json};

const AFTER: &str = "\
Examples:
  quorate verify commit.proof --anchor cluster.anchor
  quorate verify receipt.proof --cluster 593afcb9…f98ba --entry write.bin
  quorate verify cluster.anchor --cluster 593afcb9…f98ba
  quorate verify block.proof --json

A trust anchor says which electorates may speak for a cluster. --cluster knows the first one only, whose root is the cluster's id;
an anchor file knows those that followed as well. Get either from someone you trust, and not from whoever shows you the proof.

Exit codes: 0 valid, 1 not valid (the reason is shown), 2 a certificate, receipt or evidence without anchor, 3 no file, or no proof file.";

/// Options of `quorate verify`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Options {
    /// The proof file; - for standard input
    file: PathBuf,
    /// The trust anchor, a file
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    anchor: Option<PathBuf>,
    /// The cluster's id, to trust its first electorate and no other
    #[arg(long, value_name = "HEX")]
    cluster: Option<Digest>,
    /// For a receipt, the entry that it is for
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let bytes = read(&options.file)?;
    let sealed = match Sealed::decode(&bytes) {
        Ok(sealed) => sealed,
        // The envelope is not there: whatever this is, it is no proof.
        Err(error) if error.what == "proof file" => {
            return Err(error).into_diagnostic().wrap_err_with(|| format!("{} is no proof file", options.file.display()));
        }
        Err(error) => {
            let what = error.what;
            return report(out, options, what, &Facts::default(), Some(Err(format!("damaged: {error}"))), &[]);
        }
    };
    if options.entry.is_some() && !matches!(sealed, Sealed::Receipt(_)) {
        return Err(Usage { what: format!("--entry is for receipts, and this is a {}", sealed.name()), help: None }.into());
    }
    let anchor = anchor(options)?;
    let mut notes = Vec::new();
    let verdict = judge(options, &sealed, anchor.as_ref(), &mut notes)?;
    let facts = words::facts(&sealed);
    let undecided = verdict.is_none();
    let outcome = report(out, options, sealed.name(), &facts, verdict, &notes)?;
    if undecided {
        let claimed = words::cluster(&sealed).map_or_else(String::new, |cluster| format!("; it says that its cluster is {cluster}"));
        return Err(Usage {
            what: format!("whether a {} is valid depends on whom you trust{claimed}", sealed.name()),
            help: Some("give --anchor FILE, or --cluster HEX to trust a cluster's first electorate".into()),
        }
        .into());
    }
    Ok(outcome)
}

/// The longest proof that is read: a certificate of 65,536 signers takes a twentieth of it.
const PROOF_BYTES_MAX: u64 = 256 << 20;

fn read(path: &Path) -> miette::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bounded = |source: &mut dyn Read| source.take(PROOF_BYTES_MAX + 1).read_to_end(&mut bytes).map(drop);
    let result = if path == Path::new("-") {
        bounded(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|mut file| bounded(&mut file))
    };
    result.into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > PROOF_BYTES_MAX {
        return Err(miette::miette!("{} is longer than any proof; expected at most {} MiB", path.display(), PROOF_BYTES_MAX >> 20));
    }
    Ok(bytes)
}

fn anchor(options: &Options) -> miette::Result<Option<TrustAnchor>> {
    if let Some(cluster) = options.cluster {
        return Ok(Some(TrustAnchor::genesis(ClusterId(cluster))));
    }
    let Some(path) = &options.anchor else { return Ok(None) };
    let sealed = Sealed::decode(&read(path)?).into_diagnostic().wrap_err_with(|| format!("{} is no trust anchor", path.display()))?;
    match sealed {
        Sealed::Anchor(anchor) => Ok(Some(anchor)),
        other => Err(miette!("{} is a {}; expected a trust anchor", path.display(), other.name())),
    }
}

/// Whether it holds; nothing if that cannot be said without an anchor.
fn judge(
    options: &Options,
    sealed: &Sealed,
    anchor: Option<&TrustAnchor>,
    notes: &mut Vec<&'static str>,
) -> miette::Result<Option<Result<(), String>>> {
    fn plain<E: ToString>(result: Result<(), E>) -> Result<(), String> {
        result.map_err(|error| error.to_string())
    }
    Ok(match (sealed, anchor) {
        (Sealed::Block(_), _) => {
            notes.push("its id is the hash of its header; that it was decided is for a certificate to say");
            Some(Ok(()))
        }
        (Sealed::Electorate(electorate), Some(anchor)) => Some(match anchor.epoch_of(&electorate.root()) {
            Some(epoch) if epoch == electorate.header().epoch => Ok(()),
            Some(epoch) => Err(format!("it says epoch {}; in the trust anchor's chain it stands at {epoch}", electorate.header().epoch)),
            None => Err(format!("it is none of the {} electorates that the trust anchor leads to", anchor.electorates())),
        }),
        (Sealed::Electorate(_), None) => {
            notes.push("it is well formed; whether it speaks for a cluster is for a trust anchor to say");
            Some(Ok(()))
        }
        (Sealed::Anchor(found), Some(anchor)) if found.cluster() != anchor.cluster() => {
            Some(Err(format!("it is of cluster {}; expected {}", found.cluster(), anchor.cluster())))
        }
        (Sealed::Anchor(_), anchor) => {
            notes.push("every electorate of its chain was certified by the one before");
            if anchor.is_none() {
                notes.push("trust it if its cluster id is the one that you know");
            }
            Some(Ok(()))
        }
        (Sealed::Certificate(certificate), Some(anchor)) => Some(plain(certificate.verify(anchor))),
        (Sealed::Evidence(evidence), Some(anchor)) => Some(plain(evidence.verify(anchor))),
        (Sealed::Receipt(receipt), Some(anchor)) => Some(match &options.entry {
            Some(path) => plain(receipt.verify(anchor, &read(path)?)),
            None => {
                notes.push("it proves an entry with this leaf hash; give --entry to check that it is yours");
                plain(receipt.verify_leaf(anchor))
            }
        }),
        (Sealed::Certificate(_) | Sealed::Evidence(_) | Sealed::Receipt(_), None) => None,
    })
}

fn report(
    out: Out<'_>,
    options: &Options,
    kind: &str,
    facts: &Facts,
    verdict: Option<Result<(), String>>,
    notes: &[&str],
) -> miette::Result<Outcome> {
    let reason = match &verdict {
        Some(Err(reason)) => Some(reason.as_str()),
        _ => None,
    };
    if options.json {
        let mut line = json!({
            "file": options.file.display().to_string(),
            "kind": kind,
            "valid": verdict.as_ref().map(Result::is_ok),
            "reason": reason,
            "notes": notes,
        });
        line["says"] = Value::Object(facts.0.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())).collect());
        say_json(out, &line)?;
    } else {
        // What it says is not yet what is so; the last line tells.
        let says = if facts.0.is_empty() { "" } else { ", which says:" };
        let mut text = format!("{}: {kind}{says}\n", options.file.display());
        for (name, words, _) in &facts.0 {
            text += &format!("  {:<12} {words}\n", name.replace('_', " "));
        }
        notes.iter().for_each(|note| text += &format!("  {:<12} {note}\n", "note"));
        text += &match (&verdict, reason) {
            (None, _) => String::new(),
            (_, None) => "VALID\n".to_owned(),
            (_, Some(reason)) => format!("NOT VALID: {reason}\n"),
        };
        say(out, &text)?;
    }
    Ok(if reason.is_none() { Outcome::Fine } else { Outcome::Failed })
}
