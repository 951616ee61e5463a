//! What a demo's cluster consists of, and its files: what the next demo on the same data needs, a configuration for each node, certificates,
//! and a profile for clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_core::ids::MemberId;
use quorate_net::certs::{AUTHORITY_CERTIFICATE, Authority};
use quorate_net::identity::{ClusterName, Who};
use quorate_node::Config;
use quorate_node::config::{self, Sources};
use serde::{Deserialize, Serialize};

use super::ledger::Promise;
use super::options::{Durability, Options, Protocol};
use super::ports::Ports;
use crate::commands::Usage;

/// The file that makes a directory that of a demo.
pub(crate) const SIGN: &str = "demo.json";
/// The profile for clients.
const PROFILE: &str = "client.toml";
const CERTIFICATES: &str = "certs";
const CLUSTER: &str = "demo";
/// How long certificates are valid. They are made anew whenever a demo begins.
const AUTHORITY_VALID: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const CERTIFICATE_VALID: Duration = Duration::from_secs(366 * 24 * 3600);
/// How many nodes there are where nobody says.
const NODES: u8 = 3;

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// How its nodes agree.
    pub(crate) protocol: Protocol,
    /// When a write counts as kept.
    pub(crate) durability: Durability,
    /// The ports of the nodes, which are numbered from 1.
    pub(crate) ports: Vec<Ports>,
    /// How many demos have run on its data, with this one.
    pub(crate) runs: u32,
    /// What must be there since the demos before.
    pub(crate) promises: Vec<Promise>,
}

impl Plan {
    /// The cluster in a directory, if a demo has left one there.
    pub(crate) fn read(home: &Path) -> miette::Result<Option<Self>> {
        let path = home.join(SIGN);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))?;
        let plan: Self = serde_json::from_str(&text).into_diagnostic().wrap_err_with(|| format!("{} is no demo's", path.display()))?;
        if plan.ports.is_empty() || plan.ports.len() > 9 {
            return Err(miette::miette!("{} names {} nodes; expected 1 to 9", path.display(), plan.ports.len()));
        }
        Ok(Some(plan))
    }

    /// A new cluster.
    pub(crate) fn new(options: &Options, ports: Vec<Ports>) -> Self {
        let durability = options.durability.unwrap_or(Durability::Fsync);
        Self { protocol: options.protocol, durability, ports, runs: 0, promises: Vec::new() }
    }

    /// How many nodes a new cluster gets.
    pub(crate) fn nodes_wanted(options: &Options) -> u8 {
        options.nodes.unwrap_or(NODES)
    }

    /// Refuses options that are not those of this cluster, which was there before.
    pub(crate) fn expect(&self, options: &Options) -> miette::Result<()> {
        let differs = |what: &str, has: String, asked: String| {
            let help = format!("leave out {what}, or begin a new cluster in another --data");
            Err(Usage { what: format!("the cluster in --data has {what} {has}, not {asked}"), help: Some(help) }.into())
        };
        if let Some(nodes) = options.nodes.filter(|nodes| usize::from(*nodes) != self.ports.len()) {
            return differs("--nodes", self.ports.len().to_string(), nodes.to_string());
        }
        if let Some(port) = options.client_port.filter(|port| *port != self.ports[0].clients) {
            return differs("--client-port", self.ports[0].clients.to_string(), port.to_string());
        }
        if let Some(asked) = options.durability.filter(|asked| *asked != self.durability) {
            return differs("--durability", self.durability.name().into(), asked.name().into());
        }
        Ok(())
    }

    /// Writes it down, in the place of what was there.
    pub(crate) fn write(&self, home: &Path) -> miette::Result<()> {
        let text = serde_json::to_string_pretty(self).into_diagnostic()?;
        // A demo that dies while it writes leaves the old one.
        let (path, new) = (home.join(SIGN), home.join("demo.json.new"));
        write(&new, &text)?;
        fs::rename(&new, &path).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))
    }

    /// Makes the certificates, the profile and the configurations.
    pub(crate) fn write_files(&self, home: &Path) -> miette::Result<()> {
        let certificates = home.join(CERTIFICATES);
        let now = SystemTime::now();
        let authority = if certificates.join(AUTHORITY_CERTIFICATE).exists() {
            Authority::read(&certificates).into_diagnostic()?
        } else {
            let authority = Authority::new(self.name()?, now, AUTHORITY_VALID).into_diagnostic()?;
            authority.write(&certificates).into_diagnostic()?;
            authority
        };
        let issue = |who: &Who, name: &str| {
            let issued = authority.issue(who, &[], now, CERTIFICATE_VALID).into_diagnostic()?;
            issued.write(&certificates, name).into_diagnostic().wrap_err_with(|| format!("cannot write the certificate of {name}"))
        };
        issue(&Who::Client(CLUSTER.into()), "client")?;
        for node in self.nodes() {
            issue(&Who::Member(MemberId(node)), &node_name(node))?;
            write(&configuration_path(home, node), &self.configuration_text(home, node))?;
        }
        write(&profile_path(home), &self.profile_text())
    }

    /// The numbers of the nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u64> + use<> {
        1..=self.ports.len() as u64
    }

    /// The ports of a node.
    pub(crate) fn ports_of(&self, node: u64) -> Ports {
        self.ports[node as usize - 1]
    }

    /// Where clients reach a node.
    pub(crate) fn client_address(&self, node: u64) -> String {
        format!("127.0.0.1:{}", self.ports_of(node).clients)
    }

    fn name(&self) -> miette::Result<ClusterName> {
        CLUSTER.parse().into_diagnostic()
    }

    /// What a node of this process is told: what stands in its file, whatever the environment says.
    pub(crate) fn configuration(home: &Path, node: u64) -> miette::Result<Config> {
        let sources = Sources { file: Some(configuration_path(home, node)), ..Sources::default() };
        Ok(config::read(&sources).into_diagnostic()?.config)
    }

    /// What a node is told. Its paths are relative, so that the directory can be moved.
    fn configuration_text(&self, home: &Path, node: u64) -> String {
        let name = node_name(node);
        let Ports { members, clients, http } = self.ports_of(node);
        let seat = |node: u64| {
            let Ports { members, clients, .. } = self.ports_of(node);
            format!(
                "    {{ id = {node}, name = \"{}\", address = \"127.0.0.1:{members}\", client = \"127.0.0.1:{clients}\" }},\n",
                node_name(node)
            )
        };
        let seats: String = self.nodes().map(seat).collect();
        format!(
            "# {name} of a demo's cluster: quorate node --config {path}\n\n\
             [cluster]\nname = \"{CLUSTER}\"\nmembers = [\n{seats}]\n\n\
             [node]\nid = {node}\nbind = \"127.0.0.1:{members}\"\ndata = \"{name}\"\n\n\
             [client]\nbind = \"127.0.0.1:{clients}\"\n\n\
             [http]\nbind = \"127.0.0.1:{http}\"\n\n\
             [consensus]\nalgorithm = \"{protocol}\"\ntiming = \"lan\"\n\n\
             [storage]\ndurability = \"{durability}\"\n\n\
             [security]\nca = \"{CERTIFICATES}/{AUTHORITY_CERTIFICATE}\"\ncert = \"{CERTIFICATES}/{name}.pem\"\nkey = \"{CERTIFICATES}/{name}.key\"\n",
            path = configuration_path(home, node).display(),
            protocol = self.protocol.name(),
            durability = self.durability.name(),
        )
    }

    fn profile_text(&self) -> String {
        let endpoints: Vec<String> = self.nodes().map(|node| format!("{:?}", self.client_address(node))).collect();
        format!(
            "# For `quorate kv --profile` while the demo runs.\ncluster = \"{CLUSTER}\"\nendpoints = [{}]\nca = \"{CERTIFICATES}/{AUTHORITY_CERTIFICATE}\"\n\
             cert = \"{CERTIFICATES}/client.pem\"\nkey = \"{CERTIFICATES}/client.key\"\n",
            endpoints.join(", ")
        )
    }
}

/// What people call a node.
pub(crate) fn node_name(node: u64) -> String {
    format!("node-{node}")
}

/// Where the profile for clients is.
pub(crate) fn profile_path(home: &Path) -> PathBuf {
    home.join(PROFILE)
}

/// Where a node's configuration is.
pub(crate) fn configuration_path(home: &Path, node: u64) -> PathBuf {
    home.join(format!("{}.toml", node_name(node)))
}

fn write(path: &Path, text: &str) -> miette::Result<()> {
    fs::write(path, text).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))
}
