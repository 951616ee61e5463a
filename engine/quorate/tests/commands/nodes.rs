//! Three real nodes, with TLS, for commands to reach.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use quorate::core::ids::MemberId;
use quorate::net::certs::Authority;
use quorate::net::identity::{ClusterName, Who};
use quorate::node::Node;
use quorate::node::config::{Config, Durability, Seat, Security};
use tokio::runtime::Runtime;

use crate::{Run, quorate_with};

pub(crate) struct Nodes {
    nodes: Vec<Node>,
    _control: Runtime,
    dir: PathBuf,
    pub(crate) profile: String,
}

impl Nodes {
    pub(crate) fn start(test: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("quorate-commands-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let (name, hour): (ClusterName, _) = ("commands".parse().expect("a name"), Duration::from_secs(3600));
        let authority = Authority::new(name.clone(), SystemTime::now(), hour).expect("an authority");
        authority.write(&dir).expect("it is written");
        let issue = |who: &Who, file: &str| {
            let issued = authority.issue(who, &[], SystemTime::now(), hour).expect("a certificate");
            issued.write(&dir, file).expect("it is written");
        };
        issue(&Who::Client("tester".into()), "client");
        // They are free now, and nobody else takes them before the nodes do.
        let doors: Vec<TcpListener> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports: Vec<u16> = doors.iter().map(|door| door.local_addr().expect("an address").port()).collect();
        drop(doors);
        let seats: Vec<Seat> = (1..=3).map(|id| Seat::local(id, ports[id as usize - 1], ports[id as usize + 2])).collect();
        let control = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let start = |seat: &Seat| {
            let cert = format!("node-{}", seat.id);
            issue(&Who::Member(seat.id), &cert);
            let mut config = Config::local(name.clone(), seats.clone(), seat.id, dir.join(&cert)).expect("it has a seat");
            config.security =
                Security::Tls { ca: dir.join("ca.pem"), cert: dir.join(format!("{cert}.pem")), key: dir.join(format!("{cert}.key")) };
            config.durability = Durability::Memory;
            Node::start(config, control.handle()).expect("the node starts")
        };
        let nodes = seats.iter().map(start).collect();
        let endpoints: Vec<&str> = seats.iter().map(|seat| seat.client.as_str()).collect();
        let text =
            format!("cluster = \"commands\"\nendpoints = {endpoints:?}\nca = \"ca.pem\"\ncert = \"client.pem\"\nkey = \"client.key\"\n");
        let profile = dir.join("client.toml");
        std::fs::write(&profile, text).expect("the profile is written");
        Self { nodes, _control: control, dir, profile: profile.display().to_string() }
    }

    /// Runs the binary against these.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        let reach = ["--profile", &self.profile, "--timeout", "30s"];
        quorate_with(&[arguments, &reach].concat(), input)
    }

    /// Stops one of them.
    pub(crate) fn stop(&mut self, id: MemberId) {
        self.nodes.remove(id.0 as usize - 1).stop().expect("it stops");
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.nodes.clear();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
