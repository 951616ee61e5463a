//! How a command reaches a cluster: what is typed comes first, then a profile.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_node::client::{Client, ClientConfig, Profile, RequestError};

use super::Usage;

/// Where the cluster is, and how to be sure that it is that.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reaching the cluster")]
pub(crate) struct Reach {
    /// Where some members serve clients, such as 127.0.0.1:7001,127.0.0.1:7011; the others are learned from them
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', global = true)]
    endpoints: Option<Vec<String>>,
    /// A file that says how to reach a cluster: endpoints, cluster, ca, cert, key
    #[arg(long, value_name = "FILE", env = "QUORATE_PROFILE", global = true)]
    profile: Option<PathBuf>,
    /// The cluster's name, if no certificate says it
    #[arg(long, value_name = "NAME", global = true)]
    cluster: Option<String>,
    /// Who vouches for members: a file with certificates
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// This client's certificate
    #[arg(long, value_name = "FILE", global = true)]
    cert: Option<PathBuf>,
    /// This client's key
    #[arg(id = "client_key", long = "key", value_name = "FILE", global = true)]
    key: Option<PathBuf>,
    /// Neither encrypt nor check who answers: for clusters that do not, on this machine
    #[arg(long, conflicts_with_all = ["ca", "cert", "client_key"], global = true)]
    insecure: bool,
    /// How long to try, such as 500ms, 5s or 1m
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = crate::demo::parse_duration, global = true)]
    timeout: Duration,
}

impl Reach {
    /// How long to try.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What a client is told.
    fn config(&self) -> miette::Result<ClientConfig> {
        let typed = Profile {
            cluster: self.cluster.clone(),
            endpoints: self.endpoints.clone(),
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            insecure: self.insecure,
        };
        let said = match &self.profile {
            Some(path) => Profile::read(path).map(|profile| typed.or(profile)),
            None => Ok(typed),
        };
        let mut config = said.and_then(Profile::resolve).map_err(|error| Usage {
            what: error.to_string(),
            help: Some("`--profile FILE` or QUORATE_PROFILE names a file that says how to reach a cluster; --help has the options".into()),
        })?;
        config.timeouts.request = self.timeout;
        config.timeouts.connect = config.timeouts.connect.min(self.timeout);
        Ok(config)
    }

    /// Connects, does something, and closes the connection in good order.
    pub(crate) fn run<T, F: Future<Output = miette::Result<T>>>(&self, work: impl FnOnce(Client) -> F) -> miette::Result<T> {
        let config = self.config()?;
        let at = config.endpoints.join(", ");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().into_diagnostic()?;
        runtime.block_on(async {
            let client =
                Client::connect(config).await.into_diagnostic().wrap_err_with(|| format!("no member of a cluster answers at {at}"))?;
            let result = work(client.clone()).await;
            client.close().await;
            result
        })
    }
}

/// What became of a request, for the one who typed it.
pub(crate) fn told(error: &RequestError) -> &'static str {
    if error.is_unknown() { "it may or may not have been done" } else { "it was not done" }
}
