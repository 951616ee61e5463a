//! What is examined at the end: everything that was acknowledged is there, and all nodes hold the same.
//!
//! The leader is asked for all keys, linearizably; the revision that it answers with holds everything that was acknowledged before. Each node
//! is then asked at its own door for its own state at that same revision, as soon as it has it. So writes of others do no harm.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quorate_kv::{KeyValue, Keys, Query, QueryAnswer, Range, Refusal, Revision, Told};
use quorate_net::wire::client::Sureness;
use quorate_node::client::{Client, ClientConfig, Timeouts};
use tokio::time;

use super::gaze::alone;
use super::ledger::Promise;
use super::plan::{Plan, node_name};

/// How long the cluster may take to answer, and each node to catch up.
const PATIENCE: Duration = Duration::from_secs(15);
const PAGE: u64 = 2000;
/// More faults of one kind than these say nothing new.
const FAULTS_MAX: usize = 5;

/// What was examined, and what is wrong, a sentence each.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many keys were looked at.
    pub(crate) keys: usize,
    /// What is not as it must be.
    pub(crate) faults: Vec<String>,
}

/// Examines a cluster.
pub(crate) async fn examine(plan: &Plan, config: &ClientConfig, promises: &[Promise]) -> Findings {
    let config = ClientConfig { timeouts: Timeouts { request: PATIENCE, ..config.timeouts }, ..config.clone() };
    let client = Client::begin(config.clone());
    let (revision, all) = match read_all(&client, Revision(0), Sureness::Linearizable).await {
        Ok(read) => read,
        Err(why) => return Findings { keys: 0, faults: vec![format!("the cluster could not be asked what it holds: {why}")] },
    };
    client.close().await;
    let mut faults = broken(promises, &all);
    for node in plan.nodes() {
        let alone = alone(&config, plan.client_address(node));
        match time::timeout(PATIENCE, own_state(node, alone, revision)).await {
            Ok(Ok(own)) => faults.extend(difference(node, &own, &all)),
            Ok(Err(why)) => faults.push(format!("{} could not be asked what it holds: {why}", node_name(node))),
            Err(_) => faults.push(format!("{} has not reached revision {revision} within {PATIENCE:?}", node_name(node))),
        }
    }
    Findings { keys: promises.len(), faults }
}

type State = BTreeMap<Vec<u8>, KeyValue>;

/// Promises that were not kept.
fn broken(promises: &[Promise], all: &State) -> Vec<String> {
    let found = |promise: &Promise| all.get(promise.key.as_bytes()).map(|kv| kv.value.as_slice());
    let mut faults: Vec<String> = promises.iter().filter_map(|promise| promise.fault(found(promise))).collect();
    if faults.len() > FAULTS_MAX {
        let more = faults.len() - FAULTS_MAX;
        faults.truncate(FAULTS_MAX);
        faults.push(format!("and {more} more keys are not as they were acknowledged"));
    }
    faults
}

/// How what a node holds differs from what the leader told.
fn difference(node: u64, own: &State, all: &State) -> Option<String> {
    let keys = own.keys().chain(all.keys());
    let differs = keys.filter(|key| own.get(*key) != all.get(*key)).min()?;
    let shown = |state: &State| {
        state.get(differs).map_or_else(
            || "not there".to_owned(),
            |kv| format!("{:?} of revision {}", String::from_utf8_lossy(&kv.value), kv.mod_revision),
        )
    };
    let key = String::from_utf8_lossy(differs);
    Some(format!("{} holds something else: {key} is {}, and with the leader {}", node_name(node), shown(own), shown(all)))
}

/// What a node itself holds at a revision, once it is that far.
async fn own_state(node: u64, config: ClientConfig, revision: Revision) -> Result<State, String> {
    let asked_at = Instant::now();
    loop {
        let client = Client::begin(config.clone());
        let answer = match client.status().await {
            Ok(status) if status.member == node => read_all(&client, revision, Sureness::Local).await,
            Ok(status) => Err(format!("member {} answered in its place", status.member)),
            Err(error) => Err(error.to_string()),
        };
        client.close().await;
        match answer {
            Ok((_, state)) => return Ok(state),
            // It may be catching up, or just have started.
            Err(why) if asked_at.elapsed() > PATIENCE - Duration::from_secs(1) => return Err(why),
            Err(_) => time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Reads all keys at a revision, or at the newest if that is zero; in pages, which all are of the first one's revision.
async fn read_all(client: &Client, revision: Revision, sureness: Sureness) -> Result<(Revision, State), String> {
    let (mut revision, mut limit, mut state, mut from) = (revision, PAGE, State::new(), Vec::new());
    loop {
        let range = Range { revision, limit, ..Range::new(Keys::from(from.clone())) };
        let bytes = client.read(Query::Range(range).encode(), sureness).await.map_err(|error| error.to_string())?;
        let answer = QueryAnswer::decode(&bytes).map_err(|error| error.to_string())?;
        let found = match answer.told {
            Told::Range(found) => found,
            Told::Refused(Refusal::AnswerTooLong { .. }) if limit > 1 => {
                limit /= 2;
                continue;
            }
            Told::Refused(refusal) => return Err(refusal.to_string()),
            other => return Err(format!("it answered {other:?}")),
        };
        if revision == Revision(0) {
            revision = answer.revision;
        }
        let last = found.kvs.last().map(|kv| kv.key.clone());
        state.extend(found.kvs.into_iter().map(|kv| (kv.key.clone(), kv)));
        match last {
            // The next key is the last one with a zero behind it.
            Some(last) if found.more => from = [last, vec![0]].concat(),
            _ => return Ok((revision, state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entries: &[(&str, &str, u64)]) -> State {
        let kv = |&(key, value, revision): &(&str, &str, u64)| {
            let (key, value) = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
            (key.clone(), KeyValue { key, value, mod_revision: Revision(revision), ..KeyValue::default() })
        };
        entries.iter().map(kv).collect()
    }

    #[test]
    fn a_promise_that_was_not_kept_is_named_with_what_was_found() {
        let promise = |key: &str, value| Promise { key: key.into(), values: vec![value] };
        let all = state(&[("a", "1", 2), ("b", "1", 3)]);
        assert_eq!(broken(&[promise("a", 1), promise("c", 0)], &all), Vec::<String>::new());
        assert_eq!(broken(&[promise("a", 1), promise("b", 2)], &all), ["b is \"1\"; \"2\" was acknowledged"]);
        let many: Vec<Promise> = (0..9).map(|nth| promise(&format!("x{nth}"), 1)).collect();
        let faults = broken(&many, &all);
        assert_eq!((faults.len(), faults[FAULTS_MAX].as_str()), (FAULTS_MAX + 1, "and 4 more keys are not as they were acknowledged"));
    }

    #[test]
    fn nodes_that_hold_the_same_do_not_differ_and_others_do_in_their_first_key() {
        let all = state(&[("a", "1", 2), ("b", "1", 3)]);
        assert_eq!(difference(2, &all.clone(), &all), None);
        let lost = difference(2, &state(&[("a", "1", 2)]), &all).unwrap();
        assert_eq!(lost, "node-2 holds something else: b is not there, and with the leader \"1\" of revision 3");
        assert!(difference(2, &state(&[("a", "1", 2), ("aa", "9", 4), ("b", "1", 3)]), &all).unwrap().contains("aa is \"9\""));
        assert!(difference(2, &state(&[("a", "1", 5), ("b", "1", 3)]), &all).is_some());
    }
}
