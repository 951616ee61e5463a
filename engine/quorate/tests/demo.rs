//! The demo's cluster as a newcomer runs it, and as they interrupt it: the real binary, real nodes, and nothing left behind.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

/// How long anything may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A place for temporary files that must be empty when the demo is over.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quorate-demo-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn left_behind(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn demo(&self, arguments: &[&str]) -> Demo {
        let child = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", &self.0)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Demo::of(child)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A demo that runs. It is killed if the test fails.
struct Demo {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Demo {
    fn of(mut child: Child) -> Self {
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, said: String::new() }
    }

    /// Reads on until a line has this in it.
    fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended without saying {text:?}:\n{}", self.said);
            self.said += &line;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The processes of the nodes.
    fn processes(&mut self) -> Vec<Pid> {
        let line = self.until(" processes ");
        line.split(" is ").skip(1).map(|rest| pid(rest.split([',', '\n']).next().unwrap().trim().parse().unwrap())).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid(self.child.id() as i32), signal).unwrap();
    }

    fn end(mut self) -> Ended {
        let (mut out, mut err) = (std::mem::take(&mut self.said), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ended { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The one object that it printed, of a demo that passed.
    fn object(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        let object: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out));
        assert_eq!(object["errors"], serde_json::json!([]));
        assert!(object["commits"].as_u64().unwrap() > 0 && object["checked_keys"].as_u64().unwrap() > 0, "{object}");
        object
    }

    /// Standard error on one line, without the frame that long messages are broken in.
    fn reason(&self) -> String {
        self.err.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn pid(number: i32) -> Pid {
    Pid::from_raw(number).unwrap()
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_gone(process: Pid) -> bool {
    // One that nobody has waited for yet is gone, too.
    let zombie = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).is_ok_and(|stat| stat.contains(") Z "));
    zombie || test_kill_process(process).is_err()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_script_gets_one_object_and_nothing_stays_behind() {
    let place = Place::new("json");
    let object = place.demo(&["--json", "--for", "3s"]).end().object();
    for (field, value) in [("protocol", "raft"), ("load", "light"), ("durability", "fsync")] {
        assert_eq!(object[field], value);
    }
    assert_eq!((object["nodes"].as_u64(), object["processes"].as_bool(), object["data"].is_null()), (Some(3), Some(false), true));
    for field in ["first_commit_ms", "p50_us", "p99_us", "max_us", "reads", "rejected", "unknown", "leader_changes", "elections", "kills"] {
        assert!(object[field].is_u64(), "{field}: {object}");
    }
    assert!(object["seconds"].as_f64().unwrap() >= 3.0 && object["throughput_per_second"].as_f64().unwrap() > 0.0, "{object}");
    assert_eq!(place.left_behind(), Vec::<PathBuf>::new());
}

#[test]
fn nodes_in_processes_of_their_own_do_the_same() {
    let place = Place::new("json-processes");
    let object =
        place.demo(&["--json", "--for", "3s", "--processes", "--load", "full", "--durability", "memory", "--nodes", "1"]).end().object();
    assert_eq!(
        (object["processes"].as_bool(), object["durability"].as_str(), object["nodes"].as_u64()),
        (Some(true), Some("memory"), Some(1))
    );
    assert_eq!(place.left_behind(), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupt_ends_it_in_good_order() {
    for (signal, more) in [(Signal::INT, &[][..]), (Signal::TERM, &["--processes"]), (Signal::HUP, &[])] {
        let place = Place::new(&format!("signal-{}", signal.as_raw()));
        let mut demo = place.demo(&[&["--plain", "--for", "10m"], more].concat());
        let processes = if more.is_empty() { Vec::new() } else { demo.processes() };
        demo.until(" written");
        demo.signal(signal);
        let ended = demo.end();
        assert_eq!(ended.code, Some(0), "{signal:?}: {}\n{}", ended.out, ended.err);
        assert!(ended.out.contains("all that was acknowledged is there, and all nodes hold the same"), "{}", ended.out);
        assert!(processes.iter().all(|process| is_gone(*process)));
        assert_eq!(place.left_behind(), Vec::<PathBuf>::new());
    }
}

#[test]
fn what_is_kept_is_gone_on_with_in_either_way_and_nothing_is_lost_in_between() {
    let place = Place::new("keep");
    let first = place.demo(&["--json", "--for", "1s", "--keep"]).end().object();
    let data = PathBuf::from(first["data"].as_str().unwrap());
    assert_eq!(place.left_behind(), std::slice::from_ref(&data));
    let second = place.demo(&["--json", "--for", "1s", "--processes", "--data", text(&data)]).end().object();
    let third = place.demo(&["--json", "--for", "1s", "--data", text(&data)]).end().object();
    let checked = [&first, &second, &third].map(|object| object["checked_keys"].as_u64().unwrap());
    assert!(checked[0] < checked[1] && checked[1] < checked[2], "{checked:?}");
    let other = place.demo(&["--json", "--for", "1s", "--data", text(&data), "--nodes", "5"]).end();
    assert_eq!(other.code, Some(2));
    assert!(other.reason().contains("the cluster in --data has --nodes 3, not 5"), "{}", other.err);
}

#[test]
fn what_was_acknowledged_and_is_gone_is_found_out() {
    let place = Place::new("loss");
    let data = place.0.join("data");
    place.demo(&["--json", "--for", "1s", "--nodes", "1", "--data", text(&data)]).end().object();
    fs::remove_dir_all(data.join("node-1")).unwrap();
    let ended = place.demo(&["--json", "--for", "1s", "--data", text(&data)]).end();
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert!(ended.reason().contains("is not there;") && ended.reason().contains("was acknowledged"), "{}", ended.err);
}

#[test]
fn a_node_that_is_killed_by_hand_is_missed_and_comes_back() {
    let place = Place::new("kill");
    let mut demo = place.demo(&["--plain", "--for", "10m", "--processes"]);
    let processes = demo.processes();
    assert_eq!(processes.len(), 3);
    demo.until(" written");
    kill_process(processes[1], Signal::KILL).unwrap();
    demo.until("node-2 died");
    demo.until("node-2 is back");
    demo.signal(Signal::INT);
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("1 death") && ended.out.contains("all nodes hold the same"), "{}", ended.out);
}

#[test]
fn no_node_outlives_a_demo_that_is_killed_not_even_one_that_stands_still() {
    let place = Place::new("orphans");
    let mut demo = place.demo(&["--plain", "--for", "10m", "--processes"]);
    let processes = demo.processes();
    demo.until(" written");
    kill_process(processes[0], Signal::STOP).unwrap();
    demo.signal(Signal::KILL);
    assert_eq!(demo.end().code, None);
    wait_for("the nodes end", || processes.iter().all(|process| is_gone(*process)));
}

#[test]
fn a_port_in_use_is_named_and_two_demos_do_not_get_in_each_others_way() {
    let place = Place::new("ports");
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = door.local_addr().unwrap().port().to_string();
    let ended = place.demo(&["--json", "--nodes", "1", "--client-port", &port]).end();
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), ""));
    assert!(ended.reason().contains(&format!("port {port} (clients of node 1) is in use")), "{}", ended.err);
    drop(door);
    let both = [place.demo(&["--json", "--for", "2s", "--client-port", &port, "--nodes", "1"]), place.demo(&["--json", "--for", "2s"])];
    both.map(|demo| demo.end().object());
    assert_eq!(place.left_behind(), Vec::<PathBuf>::new());
}
