//! Who led when, in everybody's eyes: in their answers while they ran, and in what they logged. Nobody may ever have seen two leaders in
//! one term of a partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quorate_net::wire::client::{NodeStatus, Role};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time;

use crate::crew::Crew;
use crate::probe::Probe;

/// How often each node is asked.
const EVERY: Duration = Duration::from_millis(20);

/// By partition and term.
type Leaders = BTreeMap<(u64, u64), BTreeSet<u64>>;

/// Somebody who looks on.
pub(crate) struct Sights {
    leaders: Arc<Mutex<Leaders>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Sights {
    /// Looks at all nodes that have a seat now, whether they run or not.
    pub(crate) fn begin(crew: &Crew) -> Self {
        let leaders: Arc<Mutex<Leaders>> = Arc::default();
        let tasks = crew.seats.values().map(|seat| {
            let (us, address, leaders) = (crew.tester().clone(), seat.client.clone(), Arc::clone(&leaders));
            crew.runtime.spawn(async move {
                loop {
                    if let Ok(mut probe) = Probe::dial(&us, &address).await {
                        while let Ok(status) = probe.status().await {
                            note(&mut leaders.lock().unwrap_or_else(PoisonError::into_inner), &status);
                            time::sleep(EVERY).await;
                        }
                    }
                    time::sleep(EVERY).await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { leaders, tasks }
    }

    /// Looks no longer, reads the logs, and says in how many terms somebody led; panics if there were two in one.
    pub(crate) fn end(self, crew: &Crew) -> usize {
        self.tasks.iter().for_each(JoinHandle::abort);
        let mut leaders = std::mem::take(&mut *self.leaders.lock().unwrap_or_else(PoisonError::into_inner));
        for id in crew.seats.keys() {
            for line in crew.log(*id) {
                let (Some(partition), Some(term)) = (line["partition"].as_u64(), line["term"].as_u64()) else { continue };
                let leader = match line["message"].as_str() {
                    Some("leads") => Some(*id),
                    Some("follows") => leader_of(&line["leader"]),
                    _ => None,
                };
                if let Some(leader) = leader {
                    leaders.entry((partition, term)).or_default().insert(leader);
                }
            }
        }
        for ((partition, term), leaders) in &leaders {
            assert_eq!(leaders.len(), 1, "several led partition {partition} in term {term}: {leaders:?}");
        }
        assert!(!leaders.is_empty(), "nobody was ever seen to lead");
        leaders.len()
    }
}

/// A leader that is logged may be none.
fn leader_of(value: &Value) -> Option<u64> {
    value.as_u64().filter(|leader| *leader > 0)
}

fn note(leaders: &mut Leaders, status: &NodeStatus) {
    for there in &status.partitions {
        let key = (u64::from(there.partition), there.term);
        if there.role() == Role::Leader {
            leaders.entry(key).or_default().insert(status.member);
        }
        if there.leader > 0 {
            leaders.entry(key).or_default().insert(there.leader);
        }
    }
}
