//! Whether the data directory is one that this node can write to, and its own.

use std::fs;
use std::path::Path;

use quorate_core::ids::Epoch;
use quorate_env::disk::RealDisk;
use quorate_node::config::{Config, Seat};
use quorate_node::node::cluster_id;
use quorate_protocol::raft::Configuration;
use quorate_storage::log::{Owner, owner};
use serde_json::json;

use crate::commands::doctor::{Check, Status};

/// The folder of the log in a data directory.
const LOG: &str = "log";

pub(super) fn check(config: &Config) -> Check {
    let data = &config.data;
    let values = json!({ "data": data });
    let bad = |found: String, advice: &str| Check::fine("data", found, values.clone()).but(Status::Problem, advice);
    if !data.exists() {
        // It will be made below the nearest folder that is there.
        let above = data.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.exists()).unwrap_or(Path::new("."));
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        return match tried(above) {
            Ok(()) => Check::fine("data", format!("{} will be made", data.display()), values),
            Err(error) => {
                bad(format!("{} is not there and cannot be made: {}: {error}", data.display(), above.display()), "make it, or name another")
            }
        };
    }
    if let Err(error) = tried(data) {
        return bad(format!("{} cannot be written to: {error}", data.display()), "give the node's user the right to, or name another");
    }
    let cluster =
        Configuration::new(Epoch(1), config.cluster.members.iter().map(Seat::peer)).map(|genesis| cluster_id(&config.cluster, &genesis));
    match owned(data) {
        Ok(Some(owner)) if cluster.as_ref().is_ok_and(|cluster| *cluster != owner.cluster) => {
            let found = format!("{} is of another cluster: another name, or other members at its birth", data.display());
            bad(found, "name another directory; cluster.name and the members at birth never change")
        }
        Ok(None) => Check::fine("data", format!("{} can be written to, and has no log yet", data.display()), values),
        Ok(Some(Owner { member, .. })) if member == config.node => {
            Check::fine("data", format!("{} is member {member}'s", data.display()), values)
        }
        Ok(Some(Owner { member, .. })) => {
            let found = format!("{} is member {member}'s; expected member {}'s", data.display(), config.node);
            bad(found, "name another directory, or another node.id: a member that votes with another's memory breaks promises")
        }
        Err(error) => bad(format!("{} cannot be read: {error}", data.display()), "`quorate doctor --repair-log DIR` says more"),
    }
}

/// Writes a file, and removes it.
fn tried(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".quorate-check-{}", std::process::id()));
    fs::File::create(&path)?;
    fs::remove_file(&path)
}

/// Whose log is there.
fn owned(data: &Path) -> std::io::Result<Option<Owner>> {
    if !data.join(LOG).is_dir() {
        return Ok(None);
    }
    owner(&RealDisk::open(data)?, LOG)
}
