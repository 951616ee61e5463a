//! `quorate config create`: a configuration to begin with, or one for each node of a cluster.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_net::identity::ClusterName;
use quorate_node::config::{Address, Config, Loaded, Sources, Syntax, Text, read_text};
use serde_json::json;

use super::form::{Chosen, Form, Member};
use super::{Out, Outcome};
use crate::commands::{Usage, say, say_json};

const AFTER: &str = "\
Examples:
  quorate config create
  quorate config create --nodes 3 --name prod --out prod
  quorate config create --hosts 10.0.0.1,10.0.0.2,10.0.0.3 --name prod --out prod --format yaml
  quorate config create --backend cpu --out - > quorate.toml

Without --nodes and --hosts it is a node alone, on this machine, without TLS. With --nodes the nodes are on this machine, ten ports apart;
with --hosts each is on a machine of its own. They use TLS then, with the certificates that `quorate config certs` makes in DIR/certs.

Exit codes: 0 written, 2 usage, 3 a file that cannot be written.";

/// How far apart the ports of nodes on one machine are.
const APART: u16 = 10;

/// Options of `quorate config create`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// What counts votes: cpu, reference, or hybrid for the best that is here; go, c, cpp and mlx are understood
    #[arg(long, default_value = "cpu", value_name = "NAME")]
    backend: String,
    /// How members agree: raft or gpu_optimized_raft
    #[arg(long, default_value = "raft", value_name = "NAME")]
    algorithm: String,
    /// How many nodes, all on this machine; one file each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    nodes: Option<u16>,
    /// The hosts of the nodes; one file each
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', conflicts_with = "nodes")]
    hosts: Vec<String>,
    /// The cluster's name: small letters, digits and hyphens
    #[arg(long, default_value = "quorate", value_name = "NAME")]
    name: ClusterName,
    /// The first port
    #[arg(long, default_value_t = Config::PORTS[0], value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    port: u16,
    /// The file, or the folder of the nodes' files; `-` prints the file
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// The form
    #[arg(long, value_enum, default_value = "toml", value_name = "FORM")]
    format: Form,
    /// Log what is of use when something is wrong
    #[arg(long)]
    debug: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let defaults = read_text(None, &Sources::default()).into_diagnostic()?;
    let alone = options.nodes.is_none() && options.hosts.is_empty();
    let files = if alone { vec![(single(options), single_path(options))] } else { cluster(options)? };
    let mut texts = Vec::new();
    for (chosen, path) in &files {
        // What holds without a line depends on the other lines.
        let loaded = accepted(options, &options.format.text(chosen, &defaults), path)?;
        texts.push(options.format.text(chosen, &loaded));
    }
    if options.out.as_deref() == Some(Path::new("-")) {
        let [text] = &texts[..] else {
            return Err(Usage { what: "several files cannot be printed".into(), help: Some("name a folder: --out DIR".into()) }.into());
        };
        say(out, text)?;
        return Ok(Outcome::Fine);
    }
    if let Some((_, path)) = files.iter().find(|(_, path)| path.exists()).filter(|_| !options.force) {
        return Err(Usage { what: format!("{} is there already", path.display()), help: Some("--force replaces it".into()) }.into());
    }
    for ((_, path), text) in files.iter().zip(&texts) {
        write(path, text).into_diagnostic().wrap_err_with(|| format!("{} cannot be written", path.display()))?;
    }
    let next = next(options, &files);
    if options.json {
        let paths: Vec<&PathBuf> = files.iter().map(|(_, path)| path).collect();
        say_json(out, &json!({ "ok": true, "files": paths, "next": next }))?;
    } else {
        let mut text: String = files.iter().map(|(_, path)| format!("{}\n", path.display())).collect();
        text += "\nNext:\n";
        next.iter().for_each(|step| text += &format!("  {step}\n"));
        say(out, &text)?;
    }
    Ok(Outcome::Fine)
}

/// What every node of the cluster says.
fn common(options: &Options) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("cluster.name", format!("\"{}\"", options.name)),
        ("consensus.algorithm", json!(options.algorithm).to_string()),
        ("consensus.backend", json!(options.backend).to_string()),
    ];
    if options.debug {
        values.push(("log.level", "\"debug\"".into()));
    }
    values
}

/// A node alone.
fn single(options: &Options) -> Chosen {
    let mut chosen = Chosen { values: common(options), members: Vec::new() };
    let address = |step: u16| format!("\"127.0.0.1:{}\"", options.port + step);
    chosen.values.extend([
        ("node.id", "1".into()),
        ("node.data", "\"quorate-data\"".into()),
        ("node.bind", address(0)),
        ("client.bind", address(1)),
        ("http.bind", address(2)),
        ("storage.durability", "\"fsync\"".into()),
    ]);
    chosen
}

fn single_path(options: &Options) -> PathBuf {
    let name = format!("quorate.{}", options.format.extension());
    match &options.out {
        None => PathBuf::from(name),
        Some(out) if out.is_dir() => out.join(name),
        Some(out) => out.clone(),
    }
}

/// A file for each node, with the same members in all.
fn cluster(options: &Options) -> miette::Result<Vec<(Chosen, PathBuf)>> {
    let apart = |nth: u16| options.port.checked_add(nth * APART);
    let here = options.nodes.map(|nodes| (0..nodes).map(|nth| Some(Address { host: "127.0.0.1".into(), port: apart(nth)? })).collect());
    let there = || options.hosts.iter().map(|host| Address::parse(&format!("{}:{}", bracketed(host), options.port))).collect();
    let addresses: Option<Vec<Address>> = here.unwrap_or_else(there);
    let addresses = addresses.filter(|addresses| addresses.iter().all(|address| address.port < u16::MAX - 2)).ok_or_else(|| Usage {
        what: "a host is none, or there are not so many ports".into(),
        help: Some("expected host names or addresses, such as --hosts 10.0.0.1,10.0.0.2".into()),
    })?;
    let member =
        |(id, address): (u64, &Address)| Member { id, address: address.to_string(), client: address.at(address.port + 1).to_string() };
    let members: Vec<Member> = (1..).zip(&addresses).map(member).collect();
    let folder = options.out.clone().unwrap_or_default();
    let mut files = Vec::new();
    for (id, address) in (1..).zip(&addresses) {
        let mut chosen = Chosen { values: common(options), members: members.clone() };
        // On a machine of its own a node listens everywhere, whatever its name leads to there.
        let any = Address { host: if address.host.contains(':') { "::".into() } else { "0.0.0.0".into() }, port: address.port };
        let bind = if options.nodes.is_some() { address } else { &any };
        chosen.values.extend([
            ("node.id", format!("{id}")),
            ("node.bind", format!("\"{bind}\"")),
            ("node.data", format!("\"data/node-{id}\"")),
            ("client.bind", format!("\"{}\"", bind.at(bind.port + 1))),
            ("http.bind", format!("\"127.0.0.1:{}\"", bind.port + 2)),
            ("storage.durability", "\"fsync\"".into()),
            ("security.ca", "\"certs/ca.pem\"".into()),
            ("security.cert", format!("\"certs/node-{id}.pem\"")),
            ("security.key", format!("\"certs/node-{id}.key\"")),
        ]);
        files.push((chosen, folder.join(format!("node-{id}.{}", options.format.extension()))));
    }
    Ok(files)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// What is written must be read again without a complaint; if it is not, an option was wrong.
fn accepted(options: &Options, text: &str, path: &Path) -> miette::Result<Loaded> {
    let syntax = match options.format {
        Form::Toml => Syntax::Toml,
        Form::Yaml => Syntax::Yaml,
        Form::Json => Syntax::Json,
    };
    read_text(Some(Text { syntax, file: path, text }), &Sources::default()).map_err(|error| {
        let what = error.problems.first().map_or_else(String::new, |problem| problem.what.clone());
        Usage { what, help: Some("`quorate config create --help` says what can be chosen".into()) }.into()
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create(true).truncate(true).open(path)?.write_all(text.as_bytes())
}

/// What to do with the files.
fn next(options: &Options, files: &[(Chosen, PathBuf)]) -> Vec<String> {
    let first = files.first().map_or_else(String::new, |(_, path)| path.display().to_string());
    let mut steps = Vec::new();
    if let Some((chosen, path)) = files.first().filter(|(chosen, _)| !chosen.members.is_empty()) {
        let ids: Vec<String> = chosen.members.iter().map(|member| member.id.to_string()).collect();
        let certs = path.with_file_name("certs");
        steps.push(format!("quorate config certs --cluster {} --members {} --out {}", options.name, ids.join(","), certs.display()));
    }
    steps.push(format!("quorate config check --config {first}"));
    steps
}
