//! Which ports a cluster gets.
//!
//! Ports come in blocks of a hundred: node 1 has 7010 for members, 7011 for clients and 7012 for HTTP, node 2 has 7020 and so on, and the
//! next demo begins at 7100. The block's first port is held as long as the demo runs, so that no two of them take the same block; none is
//! among those that systems give to outgoing connections, so that a node that died finds its own free again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use miette::{Diagnostic, IntoDiagnostic as _, WrapErr as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where the blocks begin, and how long each is.
const FIRST: u16 = 7000;
const END: u16 = 32_000;
const BLOCK: u16 = 100;

/// The ports of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// For members.
    pub(crate) members: u16,
    /// For clients.
    pub(crate) clients: u16,
    /// For HTTP.
    pub(crate) http: u16,
}

impl Ports {
    fn all(self) -> [(u16, &'static str); 3] {
        [(self.members, "members"), (self.clients, "clients"), (self.http, "HTTP")]
    }
}

/// The ports of a cluster, and the hold on their block.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Those of each node.
    pub(crate) nodes: Vec<Ports>,
    _block: TcpListener,
}

/// A port that is needed is in use.
#[derive(Debug, Error, Diagnostic)]
#[error("port {port} ({whom} of node {node}) is in use")]
pub(crate) struct Taken {
    port: u16,
    whom: &'static str,
    node: usize,
    #[help]
    help: String,
}

/// Takes a block for so many nodes, whose clients come to `client_port` and those above it if one is given.
pub(crate) fn reserve(nodes: u8, client_port: Option<u16>) -> miette::Result<Reserved> {
    if let Some(first) = client_port {
        let Some(last) = first.checked_add(u16::from(nodes) - 1) else {
            return Err(miette::miette!(
                help = "choose a lower --client-port",
                "{nodes} nodes need ports {first} and above; 65535 is the last"
            ));
        };
        for (node, port) in (1..).zip(first..=last) {
            if !is_free(port).into_diagnostic().wrap_err_with(|| format!("cannot listen on 127.0.0.1:{port}"))? {
                let help = format!("clients need ports {first} to {last}; choose another --client-port, or leave it out");
                return Err(Taken { port, whom: "clients", node, help }.into());
            }
        }
    }
    for base in (FIRST..END).step_by(usize::from(BLOCK)) {
        let Some(block) = try_bind(base).into_diagnostic().wrap_err("cannot listen on 127.0.0.1")? else { continue };
        let ports: Vec<Ports> = (0..u16::from(nodes))
            .map(|nth| {
                let own = base + 10 * (nth + 1);
                Ports { members: own, clients: client_port.map_or(own + 1, |first| first + nth), http: own + 2 }
            })
            .collect();
        if first_taken(&ports).into_diagnostic()?.is_none() {
            return Ok(Reserved { nodes: ports, _block: block });
        }
    }
    Err(miette::miette!("no block of {BLOCK} ports between {FIRST} and {END} is free on 127.0.0.1"))
}

/// Takes the ports that a cluster had before.
pub(crate) fn reserve_again(nodes: &[Ports]) -> miette::Result<Reserved> {
    let taken = |(node, port, whom)| Taken {
        port,
        whom,
        node,
        help: "the nodes of a cluster keep their addresses; end what uses the port, or begin a new cluster in another --data".into(),
    };
    if let Some(found) = first_taken(nodes).into_diagnostic().wrap_err("cannot listen on 127.0.0.1")? {
        return Err(taken(found).into());
    }
    let base = nodes.first().map_or(FIRST, |ports| ports.members - ports.members % BLOCK);
    match try_bind(base).into_diagnostic().wrap_err("cannot listen on 127.0.0.1")? {
        Some(block) => Ok(Reserved { nodes: nodes.to_vec(), _block: block }),
        None => Err(taken((1, base, "hold on the ports")).into()),
    }
}

fn first_taken(nodes: &[Ports]) -> io::Result<Option<(usize, u16, &'static str)>> {
    for (node, ports) in (1..).zip(nodes) {
        for (port, whom) in ports.all() {
            if !is_free(port)? {
                return Ok(Some((node, port, whom)));
            }
        }
    }
    Ok(None)
}

fn is_free(port: u16) -> io::Result<bool> {
    Ok(try_bind(port)?.is_some())
}

/// Listens, unless somebody else does or only those with more rights may.
fn try_bind(port: u16) -> io::Result<Option<TcpListener>> {
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(door) => Ok(Some(door)),
        Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_demos_at_a_time_get_ports_of_their_own() {
        let (one, other) = (reserve(9, None).unwrap(), reserve(9, None).unwrap());
        let all = |reserved: &Reserved| reserved.nodes.iter().flat_map(|ports| ports.all()).map(|(port, _)| port).collect::<BTreeSet<_>>();
        assert_eq!(all(&one).len(), 27);
        assert!(all(&one).is_disjoint(&all(&other)));
    }

    #[test]
    fn a_port_in_use_is_named_with_whom_it_is_for() {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = door.local_addr().unwrap().port();
        let error = reserve(1, Some(port)).unwrap_err();
        assert_eq!(error.to_string(), format!("port {port} (clients of node 1) is in use"));
        assert!(error.help().unwrap().to_string().contains("--client-port"));
        assert!(reserve(2, Some(65_535)).unwrap_err().to_string().contains("65535 is the last"));
    }

    #[test]
    fn a_cluster_gets_the_ports_that_it_had_unless_somebody_has_them() {
        let nodes = {
            let reserved = reserve(3, None).unwrap();
            reserved.nodes
        };
        // Another test may have taken them meanwhile.
        let Ok(again) = reserve_again(&nodes) else { return };
        assert_eq!(again.nodes, nodes);
        assert!(reserve_again(&nodes).is_err());
    }
}
