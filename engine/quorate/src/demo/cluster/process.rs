//! A node as a process of its own: `quorate node --config FILE`, with its output in a file.
//!
//! It holds the other end of a pipe and stops when that closes, so that it does not outlive the demo, however that ends. And it is a
//! process group of its own: Ctrl-C at the terminal is the demo's to answer, and a node that is stopped in its tracks when the demo dies
//! is woken and hung up by the system.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _};
use rustix::process::{Pid, Signal, kill_process};

use super::plan::{configuration_path, node_name};

/// How much of its output is shown when a node dies early.
const TAIL: u64 = 2000;
/// Variables of the environment that would change what a node is told.
const VARIABLES: [&str; 3] = ["QUORATE_", "CONSENSUS_", "LUX_"];

/// A node's process. When this is dropped, the process is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts a node.
    pub(crate) fn start(home: &Path, node: u64) -> miette::Result<Self> {
        let binary = std::env::current_exe().into_diagnostic().wrap_err("cannot find this program's own file")?;
        let output = home.join(format!("{}.log", node_name(node)));
        let open = || File::options().create(true).append(true).open(&output);
        let (out, err) =
            open().and_then(|file| Ok((file.try_clone()?, file))).into_diagnostic().wrap_err("cannot write a node's output")?;
        let mut command = Command::new(binary);
        command.args(["node", "--while-stdin", "--config"]).arg(configuration_path(home, node));
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        for (name, _) in std::env::vars_os() {
            if VARIABLES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().into_diagnostic().wrap_err_with(|| format!("cannot start {}", node_name(node)))?;
        Ok(Self { child, output })
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        // If the system does not know, it runs as far as anybody can tell.
        self.child.try_wait().ok().flatten()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        // It may have died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it in its tracks.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to stop in good order.
    pub(crate) fn ask_to_stop(&mut self) {
        self.resume();
        self.child.stdin = None;
        self.signal(Signal::TERM);
    }

    /// Waits until it has ended, and kills it if it does not. Whether it ended by itself, and well.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> bool {
        loop {
            if let Some(status) = self.ended() {
                return status.success();
            }
            if Instant::now() >= deadline {
                self.kill();
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of what it wrote.
    pub(crate) fn last_words(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.output)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut bytes = Vec::new();
            file.take(TAIL).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        read().unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        // As long as nobody has waited for it, its number is its own; if it is dead, there is nothing to be done.
        if let Ok(id) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(id)
        {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
        }
    }
}
