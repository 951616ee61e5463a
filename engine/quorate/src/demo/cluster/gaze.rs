//! Asks every node how it is, ten times a second, at its own door for clients: what is shown is what anybody could have asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quorate_net::wire::client::{NodeStatus, PartitionStatus, Role as WireRole};
use quorate_node::KV;
use quorate_node::client::{Client, ClientConfig, Timeouts, Window};
use tokio::runtime;
use tokio::task::AbortHandle;
use tokio::time::{self, MissedTickBehavior};

use super::plan::Plan;
use super::sight::{Role, Sight, State};

const ASK_EVERY: Duration = Duration::from_millis(100);
/// A node that says nothing for so long is asked anew, over another connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a node said, and when.
#[derive(Clone, Debug, Default)]
struct Said {
    at: Option<Instant>,
    sight: Sight,
}

/// What all nodes said last.
pub(crate) struct Gaze {
    said: Vec<Arc<Mutex<Said>>>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Gaze {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Gaze {
    /// Begins to ask.
    pub(crate) fn begin(runtime: &runtime::Handle, plan: &Plan, config: &ClientConfig) -> Self {
        let (mut said, mut tasks) = (Vec::new(), Vec::new());
        // All are asked at the same moments: what they say is compared.
        let begun = time::Instant::now();
        for node in plan.nodes() {
            let place = Arc::new(Mutex::new(Said { at: None, sight: Sight { node, ..Sight::default() } }));
            let config = alone(config, plan.client_address(node));
            tasks.push(runtime.spawn(ask(node, config, begun, Arc::clone(&place))).abort_handle());
            said.push(place);
        }
        Self { said, tasks }
    }

    /// What a node said last, given since when its process has run.
    pub(crate) fn at(&self, node: u64, since: Instant) -> Sight {
        let Some(place) = self.said.get(node as usize - 1) else { return Sight { node, ..Sight::default() } };
        let said = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = said.at.is_some_and(|at| at >= since && at.elapsed() < 2 * PATIENCE + ASK_EVERY);
        Sight { state: if fresh { State::Up } else { State::Starting }, ..said.sight }
    }
}

/// A client of one node, which does not wait long.
pub(crate) fn alone(config: &ClientConfig, address: String) -> ClientConfig {
    let timeouts = Timeouts { connect: PATIENCE, silence: PATIENCE, request: PATIENCE };
    ClientConfig { endpoints: vec![address], timeouts, window: Window::default(), ..config.clone() }
}

async fn ask(node: u64, config: ClientConfig, begun: time::Instant, place: Arc<Mutex<Said>>) {
    let mut client = None;
    let mut moments = time::interval_at(begun, ASK_EVERY);
    moments.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        moments.tick().await;
        let asked = client.get_or_insert_with(|| Client::begin(config.clone()));
        match asked.status().await {
            Ok(status) if status.member == node => {
                if let Some(sight) = sight(node, &status) {
                    *place.lock().unwrap_or_else(PoisonError::into_inner) = Said { at: Some(Instant::now()), sight };
                }
            }
            // The client went to another member, or it does not answer.
            Ok(_) | Err(_) => client = None,
        }
    }
}

fn sight(node: u64, status: &NodeStatus) -> Option<Sight> {
    let partition = status.partitions.iter().find(|partition| partition.partition == KV.0)?;
    let PartitionStatus { term, leader, commit, applied, last, .. } = *partition;
    Some(Sight {
        node,
        state: State::Up,
        role: match partition.role() {
            WireRole::Follower => Role::Follower,
            WireRole::PreCandidate => Role::PreCandidate,
            WireRole::Candidate => Role::Candidate,
            WireRole::Leader => Role::Leader,
        },
        term,
        leader: (leader != 0).then_some(leader),
        commit,
        applied,
        last,
        stopped: (!partition.stopped.is_empty()).then(|| partition.stopped.clone()),
    })
}
