//! The binary itself, run as a user or a script would run it: output, JSON and exit codes, for good input and bad.

mod cluster;
mod completions;
mod config;
mod doctor;
mod help;
mod kv;
mod liar;
mod nodes;
mod repair_log;
mod sim;
mod sim_check;
mod test;
mod trace;
mod verify;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run of the binary left behind.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The lines of standard output, each of which must be JSON.
    fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The one object that standard output must be.
    fn object(&self) -> Value {
        let mut lines = self.json();
        assert_eq!(lines.len(), 1, "{}", self.out);
        lines.remove(0)
    }

    /// Standard error on one line, without the frame that long messages are broken in.
    fn reason(&self) -> String {
        self.err.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Runs the binary.
fn quorate(arguments: &[&str]) -> Run {
    quorate_with(arguments, b"")
}

/// Runs the binary with these bytes as its standard input.
fn quorate_with(arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    // A command that reads no input may be gone before all of it is written.
    let _ = child.stdin.take().expect("standard input is piped").write_all(input);
    let output = child.wait_with_output().expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run { code: output.status.code().expect("no signal ended it"), out: text(output.stdout), err: text(output.stderr) }
}
