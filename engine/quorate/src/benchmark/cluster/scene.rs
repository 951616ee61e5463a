//! A cluster to be measured.

use miette::{IntoDiagnostic as _, Result, miette};
use quorate_node::client::{Client, ClientConfig};
use tokio::runtime::{Builder, Runtime};

use crate::demo::cluster::crew::Crew;
use crate::demo::cluster::home::Home;
use crate::demo::cluster::options::{Durability, Protocol};
use crate::demo::cluster::plan::{Plan, profile_path};
use crate::demo::cluster::ports;

/// How many nodes there are.
pub(super) const NODES: u8 = 3;

/// A cluster that runs, and a client of it.
pub(super) struct Scene {
    /// What drives the nodes' doors, and the client.
    _control: Runtime,
    pub(super) client: Client,
    crew: Option<Crew>,
    _home: Home,
}

impl Scene {
    /// Starts a cluster and waits until it carries out a command.
    pub(super) fn begin(durability: Durability) -> Result<Self> {
        let home = Home::temporary()?;
        let reserved = ports::reserve(NODES, None)?;
        let plan = Plan { protocol: Protocol::Raft, durability, ports: reserved.nodes.clone(), runs: 0, promises: Vec::new() };
        plan.write_files(home.path())?;
        // The nodes' handshakes are made here, too, and then there is nothing else to do.
        let control = Builder::new_multi_thread().worker_threads(1).enable_all().build().into_diagnostic()?;
        let crew = Crew::start(&plan, home.path().to_owned(), control.handle().clone(), false)?;
        let config = ClientConfig::read(&profile_path(home.path())).into_diagnostic()?;
        let client = control.block_on(async {
            let client = Client::connect(config).await?;
            client.write(super::command(0)).await.map(|_| client)
        });
        let client = client.map_err(|error| miette!("the cluster did not begin to work: {error}"))?;
        Ok(Self { _control: control, client, crew: Some(crew), _home: home })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(crew) = self.crew.take() {
            crew.stop();
        }
    }
}
