//! `quorate config certs`: an authority of the cluster's own, and certificates for its members and clients.
//!
//! The authority is made once and never replaced: whatever it issued would be worth nothing. Keys are replaced only when that is asked for.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_core::ids::MemberId;
use quorate_net::certs::{AUTHORITY_CERTIFICATE, AUTHORITY_KEY, Authority, date, describe};
use quorate_net::identity::{ClusterName, Identity, Who};
use serde_json::json;

use super::{Out, Outcome};
use crate::commands::{Usage, say, say_json};

const AFTER: &str = "\
Examples:
  quorate config certs --cluster prod --members 1,2,3 --out certs
  quorate config certs --cluster prod --members 4 --hosts 10.0.0.4,node-4.example.net --out certs
  quorate config certs --cluster prod --client ops --out certs

The first run makes the authority, ca.pem and ca.key; later ones use it. Members get node-ID.pem and node-ID.key, clients
client-NAME.pem and client-NAME.key. Each machine needs ca.pem and its own two files, and nobody needs ca.key but whoever issues: keep it
elsewhere. Members know each other by the identity in the certificate, quorate://CLUSTER/ID; hosts are for other software.

Exit codes: 0 made, 2 usage, 3 a file that cannot be read or written.";

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The authority outlives what it issues.
const AUTHORITY_DAYS: u32 = 3650;

/// Options of `quorate config certs`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The cluster's name: small letters, digits and hyphens
    #[arg(long, value_name = "NAME")]
    cluster: ClusterName,
    /// The ids of the members to make certificates for
    #[arg(long, value_name = "ID,…", value_delimiter = ',', required_unless_present = "client")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    members: Vec<u64>,
    /// Host names and addresses to put into the members' certificates, for all, or for one as ID=HOST
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', requires = "members")]
    hosts: Vec<String>,
    /// A client to make a certificate for; can be given several times
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// The folder of the authority and the certificates
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many days the certificates are valid
    #[arg(long, default_value_t = 365, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,
    /// Replace certificates and keys that are there; the authority's never
    #[arg(long)]
    force: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let wanted = wanted(options)?;
    let taken: Vec<String> = wanted.iter().flat_map(|(name, ..)| files(name)).filter(|file| options.out.join(file).exists()).collect();
    if !taken.is_empty() && !options.force {
        let what = format!("{} has {} already", options.out.display(), taken.join(", "));
        return Err(Usage { what, help: Some("--force replaces them; whoever uses the old ones needs the new ones then".into()) }.into());
    }
    let now = SystemTime::now();
    let (authority, new) = authority(options, now)?;
    let mut made = Vec::new();
    for (name, who, hosts) in wanted {
        let issued = authority
            .issue(&who, &hosts, now, DAY * options.days)
            .into_diagnostic()
            .wrap_err_with(|| format!("no certificate for {who}"))?;
        issued.write(&options.out, &name).into_diagnostic()?;
        let until = date(describe(&issued.cert_pem).into_diagnostic()?.not_after);
        made.push((name, Identity::new(options.cluster.clone(), who).to_string(), until));
    }
    let folder = options.out.display();
    if options.json {
        let issued = |(name, identity, until): &(String, String, String)| {
            let [cert, key] = files(name).map(|file| options.out.join(file));
            json!({ "identity": identity, "cert": cert, "key": key, "valid_until": until })
        };
        let issued: Vec<_> = made.iter().map(issued).collect();
        let ca = json!({ "cert": options.out.join(AUTHORITY_CERTIFICATE), "made": new });
        say_json(out, &json!({ "ok": true, "cluster": options.cluster.as_str(), "authority": ca, "issued": issued }))?;
        return Ok(Outcome::Fine);
    }
    let mut text =
        format!("{folder}/{AUTHORITY_CERTIFICATE}  authority of cluster {}{}\n", options.cluster, if new { ", new" } else { "" });
    for (name, identity, until) in &made {
        text += &format!("{folder}/{name}.pem  {identity}, valid until {until}\n");
    }
    if new {
        text += &format!("\nKeep {folder}/{AUTHORITY_KEY} where only you can read it: whoever has it can be any member.\n");
    }
    say(out, &text)?;
    Ok(Outcome::Fine)
}

/// What to make: the files' name, who it is for, and the hosts in it.
fn wanted(options: &Options) -> miette::Result<Vec<(String, Who, Vec<String>)>> {
    let mut wanted = Vec::new();
    let mut unused: Vec<&String> = options.hosts.iter().filter(|host| host.contains('=')).collect();
    for id in &options.members {
        let mut hosts = Vec::new();
        for host in &options.hosts {
            match host.split_once('=') {
                None => hosts.push(host.clone()),
                Some((whose, name)) if whose == id.to_string() => {
                    hosts.push(name.to_owned());
                    unused.retain(|other| *other != host);
                }
                Some(_) => {}
            }
        }
        wanted.push((format!("node-{id}"), Who::Member(MemberId(*id)), hosts));
    }
    if let Some(host) = unused.first() {
        return Err(Usage { what: format!("--hosts has {host:?}, and no such member is to be made"), help: None }.into());
    }
    for name in &options.client {
        let who = Who::client(name).map_err(|error| Usage { what: format!("--client: {error}"), help: None })?;
        wanted.push((format!("client-{name}"), who, Vec::new()));
    }
    let mut names: Vec<&String> = wanted.iter().map(|(name, ..)| name).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Usage { what: format!("{} is asked for twice", twice[0]), help: None }.into());
    }
    Ok(wanted)
}

fn files(name: &str) -> [String; 2] {
    [format!("{name}.pem"), format!("{name}.key")]
}

/// The authority in the folder, or a new one, and whether it is new.
fn authority(options: &Options, now: SystemTime) -> miette::Result<(Authority, bool)> {
    let dir: &Path = &options.out;
    let present = [AUTHORITY_CERTIFICATE, AUTHORITY_KEY].map(|name| dir.join(name).exists());
    if present == [false, false] {
        let authority = Authority::new(options.cluster.clone(), now, DAY * options.days.max(AUTHORITY_DAYS)).into_diagnostic()?;
        authority.write(dir).into_diagnostic()?;
        return Ok((authority, true));
    }
    let authority = Authority::read(dir).into_diagnostic().wrap_err_with(|| format!("the authority in {} is of no use", dir.display()))?;
    if *authority.cluster() != options.cluster {
        let what = format!("{} has the authority of cluster {}; expected {}", dir.display(), authority.cluster(), options.cluster);
        return Err(Usage { what, help: Some("name another folder, or that cluster".into()) }.into());
    }
    Ok((authority, false))
}
