//! `quorate node`: one node, headless, until it is told to stop.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use quorate_node::config::{self, Sources};
use quorate_node::{Node, logging};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::Out;

const AFTER: &str = "\
Examples:
  quorate node --config node-1.toml
  QUORATE_NODE_ID=2 quorate node

SIGTERM and Ctrl-C stop it in order: others lead first, and what was answered is on disk.

Exit codes: 0 it was told to stop and did, 2 the configuration is wrong, 3 it could not start or could not go on.";

/// Run one node, headless.
///
/// The configuration is looked for in --config, QUORATE_CONFIG, ./quorate.toml, ~/.quorate/ and /etc/quorate/; `quorate config show`
/// says what it comes to. The log goes to standard error.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER)]
#[group(skip)]
pub struct Options {
    /// The configuration: TOML, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Stop when standard input ends, as it does when whoever started the node does
    #[arg(long)]
    pub while_stdin: bool,
}

/// Runs the node.
///
/// # Errors
/// If it cannot start, or cannot go on.
pub fn run(options: &Options, out: Out<'_>) -> miette::Result<()> {
    let loaded =
        config::read(&Sources::of_process(options.config.clone())).map_err(|error| super::Usage { what: error.to_string(), help: None })?;
    let config = loaded.config;
    let _log = logging::begin(&config.log.level, config.log.format).into_diagnostic().wrap_err("cannot begin the log")?;
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    let control = Builder::new_multi_thread().worker_threads(1).thread_name("quorate-control").enable_all().build().into_diagnostic()?;
    let what = format!("node {} of {}", config.node, config.cluster.name.as_str());
    let mut node = Node::start(config, control.handle()).into_diagnostic().wrap_err_with(|| format!("{what} cannot start"))?;
    let addresses = node.addresses().clone();
    let mut text = format!("{what}\n  members  {}\n", addresses.members);
    if let Some(clients) = addresses.clients {
        text += &format!("  clients  {clients}\n");
    }
    if let Some(http) = addresses.http {
        text += &format!("  http     http://{http}/\n");
    }
    super::say(out, &text)?;
    let stdin = options.while_stdin.then(watch_stdin);
    let ended = control.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let stdin = async {
            match stdin {
                Some(ended) => drop(ended.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = node.ended() => Ok::<_, std::io::Error>(Some(ended)),
            _ = terminate.recv() => Ok(None),
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| None),
            () = stdin => Ok(None),
        }
    });
    match ended.into_diagnostic().wrap_err("cannot listen for signals")? {
        Some(Err(why)) => Err(miette!("{what} could not go on: {why}")),
        Some(Ok(())) => Ok(()),
        None => node.stop().map_err(|why| miette!("{what} did not stop in order: {why}")),
    }
}

/// Tells when standard input ends.
fn watch_stdin() -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while std::io::stdin().read(&mut bytes).is_ok_and(|read| read > 0) {}
        let _ = tell.send(());
    });
    ended
}
