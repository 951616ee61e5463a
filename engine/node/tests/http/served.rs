//! A node that is a cluster by itself, and HTTP in front of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quorate_core::ids::MemberId;
use quorate_node::config::{Config, Durability, Seat};
use quorate_node::http::{HttpOptions, serve};
use quorate_node::{Handle, Node};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, PATIENCE, ask};

/// Ends with everything that belongs to it when it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<std::io::Result<()>>>,
    node: Option<Node>,
    runtime: Runtime,
    folder: PathBuf,
}

impl Served {
    /// A node that leads.
    pub(crate) fn begin(options: HttpOptions) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("quorate-http-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let name = "http".parse().unwrap();
        let mut config = Config::local(name, vec![Seat::local(1, 0, 0)], MemberId(1), folder.clone()).unwrap();
        config.durability = Durability::Memory;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let node = Node::start(config, runtime.handle()).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = runtime.spawn(serve(listener, node.handle(), options, stopped));
        let served = Self { address, stop: Some(stop), server: Some(server), node: Some(node), runtime, folder };
        served.wait_until_it_leads();
        served
    }

    fn wait_until_it_leads(&self) {
        let begun = Instant::now();
        loop {
            let status = self.runtime.block_on(self.handle().status()).unwrap();
            if !status.partitions.is_empty() && status.partitions.iter().all(|partition| partition.leader == 1) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the node does not lead: {status:?}");
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.node.as_ref().expect("the node runs").handle()
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        ask(self.address, "GET", target, &[], b"")
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: impl AsRef<[u8]>) -> Answer {
        ask(self.address, method, target, &[], body.as_ref())
    }

    /// What is answered, which is no failure.
    pub(crate) fn good(&self, method: &str, target: &str, body: impl AsRef<[u8]>) -> Value {
        let answer = self.ask(method, target, body);
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.text());
        answer.json()
    }

    /// The failure that is answered: its status, its word, and all of it.
    pub(crate) fn bad(&self, method: &str, target: &str, body: impl AsRef<[u8]>) -> (u16, String, Value) {
        let answer = self.ask(method, target, body);
        let json = answer.json();
        assert!(json["why"].as_str().is_some_and(|why| !why.is_empty()), "{method} {target}: {json}");
        (answer.status, json["error"].as_str().expect("a word").to_owned(), json)
    }

    /// Tells the server to stop, and does not wait for it.
    pub(crate) fn tell_to_stop(&mut self) {
        let _ = self.stop.take().expect("it was not told yet").send(());
    }

    /// Waits until the server has ended.
    pub(crate) fn wait_until_ended(&mut self) {
        let server = self.server.take().expect("nobody waited yet");
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, server).await }).expect("it ends").unwrap().unwrap();
    }

    /// Stops the node, but not the server in front of it.
    pub(crate) fn stop_node(&mut self) {
        self.node.take().expect("the node runs").stop().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            let _ = node.stop();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
