//! The nodes of a demo, in this process or in processes of their own: started, killed, stopped in their tracks, started again, and at last
//! ended in good order.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_node::Node;
use tokio::runtime;

use super::plan::{Plan, node_name};
use super::process::Process;
use super::sight::State;

/// A node that died starts again after this long.
const BACK_AFTER: Duration = Duration::from_secs(3);
/// How long nodes may take to stop in good order.
const PARTING: Duration = Duration::from_secs(5);
/// A node that dies sooner than this has not come up.
const SETTLED: Duration = Duration::from_secs(2);
/// So often a node may die without coming up before it is given up.
const FALLS_MAX: u32 = 5;

/// A node.
struct Member {
    body: Body,
    since: Instant,
    falls: u32,
}

enum Body {
    Inside(Node),
    Process { process: Process, paused: bool },
    Dead { back: Option<Instant> },
}

/// All nodes.
pub(crate) struct Crew {
    plan: Plan,
    home: PathBuf,
    control: runtime::Handle,
    processes: bool,
    members: Vec<Member>,
    notes: Vec<String>,
}

impl Crew {
    /// Starts all nodes.
    pub(crate) fn start(plan: &Plan, home: PathBuf, control: runtime::Handle, processes: bool) -> miette::Result<Self> {
        let mut crew = Self { plan: plan.clone(), home, control, processes, members: Vec::new(), notes: Vec::new() };
        for node in plan.nodes() {
            let member = Member { body: crew.body(node)?, since: Instant::now(), falls: 0 };
            crew.members.push(member);
        }
        Ok(crew)
    }

    fn body(&self, node: u64) -> miette::Result<Body> {
        if self.processes {
            return Ok(Body::Process { process: Process::start(&self.home, node)?, paused: false });
        }
        let started = Node::start(Plan::configuration(&self.home, node)?, &self.control);
        Ok(Body::Inside(started.into_diagnostic().wrap_err_with(|| format!("cannot start {}", node_name(node)))?))
    }

    fn member(&mut self, node: u64) -> Option<&mut Member> {
        self.members.get_mut((node as usize).checked_sub(1)?)
    }

    /// Whether nodes can be stopped in their tracks.
    pub(crate) fn can_pause(&self) -> bool {
        self.processes
    }

    /// What a node's process does, and since when it has run.
    pub(crate) fn state(&self, node: u64) -> (State, Instant) {
        let Some(member) = self.members.get(node as usize - 1) else { return (State::Down(0), Instant::now()) };
        let state = match &member.body {
            Body::Inside(_) | Body::Process { paused: false, .. } => State::Up,
            Body::Process { paused: true, .. } => State::Paused,
            Body::Dead { back: None } => State::Down(0),
            Body::Dead { back: Some(back) } => State::Down(back.saturating_duration_since(Instant::now()).as_secs() + 1),
        };
        (state, member.since)
    }

    /// The number of a node's process, if it has one of its own.
    pub(crate) fn process_id(&self, node: u64) -> Option<u32> {
        match &self.members.get(node as usize - 1)?.body {
            Body::Process { process, .. } => Some(process.id()),
            Body::Inside(_) | Body::Dead { .. } => None,
        }
    }

    /// Kills a node without a word. It is back after a while.
    pub(crate) fn kill(&mut self, node: u64) {
        let Some(member) = self.member(node) else { return };
        let back = Some(Instant::now() + BACK_AFTER);
        match std::mem::replace(&mut member.body, Body::Dead { back }) {
            Body::Inside(inside) => inside.kill(),
            Body::Process { mut process, .. } => process.kill(),
            dead @ Body::Dead { .. } => member.body = dead,
        }
    }

    /// Stops a node in its tracks, or lets it go on.
    pub(crate) fn toggle_pause(&mut self, node: u64) {
        if let Some(Member { body: Body::Process { process, paused }, .. }) = self.member(node) {
            if *paused {
                process.resume()
            } else {
                process.pause()
            }
            *paused = !*paused;
        }
    }

    /// A node that is stopped in its tracks.
    pub(crate) fn paused(&self) -> Option<u64> {
        self.plan.nodes().find(|node| self.state(*node).0 == State::Paused)
    }

    /// Sees who has died, and starts those again whose time has come.
    pub(crate) fn look_after(&mut self) {
        for node in self.plan.nodes() {
            if let Some(member) = self.member(node) {
                let died = match &mut member.body {
                    Body::Process { process, .. } => process.ended().map(|status| format!("{status}\n{}", process.last_words())),
                    Body::Inside(inside) => inside.has_ended().then(|| "it could not go on".to_owned()),
                    Body::Dead { .. } => None,
                };
                if let Some(how) = died {
                    self.bury(node, &how);
                }
            }
            let due = matches!(self.member(node), Some(Member { body: Body::Dead { back: Some(back) }, .. }) if *back <= Instant::now());
            if due {
                self.revive(node);
            }
        }
    }

    fn bury(&mut self, node: u64, how: &str) {
        let Some(member) = self.member(node) else { return };
        member.falls = if member.since.elapsed() < SETTLED { member.falls + 1 } else { 0 };
        let given_up = member.falls >= FALLS_MAX;
        member.body = Body::Dead { back: (!given_up).then(|| Instant::now() + BACK_AFTER) };
        if given_up {
            self.notes.push(format!("{} does not start: {how}", node_name(node)));
        }
    }

    fn revive(&mut self, node: u64) {
        let body = self.body(node);
        let Some(member) = self.member(node) else { return };
        match body {
            Ok(body) => (member.body, member.since) = (body, Instant::now()),
            Err(error) => {
                member.since = Instant::now();
                let how = format!("{error:#}");
                self.bury(node, &how);
            }
        }
    }

    /// Starts those who are dead and lets those go on who are stopped.
    pub(crate) fn revive_all(&mut self) {
        for node in self.plan.nodes() {
            match self.state(node).0 {
                State::Down(_) => self.revive(node),
                State::Paused => self.toggle_pause(node),
                State::Up | State::Starting => {}
            }
        }
    }

    /// What went wrong since this was last asked.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// How a process ended that was just started, if one did.
    pub(crate) fn stillborn(&mut self) -> Option<String> {
        self.members.iter_mut().zip(1..).find_map(|(member, node)| match &mut member.body {
            Body::Process { process, .. } => {
                let status = process.ended()?;
                Some(format!("{} did not start ({status}):\n{}", node_name(node), process.last_words()))
            }
            Body::Inside(_) | Body::Dead { .. } => None,
        })
    }

    /// Ends all nodes in good order, at the same time. Says who did not end well.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let deadline = Instant::now() + PARTING;
        let mut endings = Vec::new();
        for (member, node) in std::mem::take(&mut self.members).into_iter().zip(1..) {
            let name = node_name(node);
            endings.push(std::thread::spawn(move || match member.body {
                Body::Inside(inside) => inside.stop().err().map(|why| format!("{name} did not stop well: {why}")),
                Body::Process { mut process, .. } => {
                    process.ask_to_stop();
                    (!process.wait_until(deadline)).then(|| format!("{name} did not stop well: {}", process.last_words()))
                }
                Body::Dead { .. } => None,
            }));
        }
        endings.into_iter().filter_map(|ending| ending.join().unwrap_or_else(|_| Some("a node panicked while it stopped".into()))).collect()
    }
}
