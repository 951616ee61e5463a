//! A session with real nodes of this process, in the hands of somebody who presses every key.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::Parser as _;

use super::model::Model;
use super::options::{Load, Options};
use super::session::Session;
use super::sight::State;
use crate::cli::{Cli, Command};

/// How long anything may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(arguments: &[&str]) -> Options {
    let line = ["quorate", "demo"].iter().chain(arguments);
    let Command::Demo(options) = Cli::try_parse_from(line).unwrap().command else { panic!("another command") };
    options.cluster
}

fn session(arguments: &[&str]) -> Session {
    Session::begin(&options(arguments), None, Arc::new(AtomicBool::new(false)), Instant::now()).unwrap()
}

fn until(session: &mut Session, what: &str, condition: impl Fn(&Model) -> bool) -> Model {
    let deadline = Instant::now() + PATIENCE;
    loop {
        session.tick();
        let model = session.model(100, false);
        if condition(&model) {
            return model;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}:\n{model:#?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_leader_is_replaced_comes_back_and_nothing_is_lost() {
    let mut session = session(&["--durability", "memory"]);
    let before = until(&mut session, "writes", |model| model.total.commits > 20);
    let killed = before.leader().unwrap().node;
    session.kill_leader();
    let state = |model: &Model| model.nodes[killed as usize - 1].state;
    assert!(matches!(state(&session.model(0, false)), State::Down(_)));
    let after = until(&mut session, "another leader", |model| model.leader().is_some_and(|leader| leader.node != killed));
    until(&mut session, "writes go on", |model| model.total.commits > after.total.commits + 20);
    until(&mut session, "it is back", |model| state(model) == State::Up);
    let summary = session.finish().unwrap();
    assert_eq!(summary.errors, Vec::<String>::new());
    assert!(summary.leader_changes >= 1 && summary.kills == 1 && summary.checked_keys >= 64, "{summary:?}");
}

#[test]
fn leadership_is_handed_over_and_loads_follow_each_other_without_a_fault() {
    let mut session = session(&["--durability", "memory", "--load", "none"]);
    let before = until(&mut session, "a leader", |model| model.leader().is_some());
    assert_eq!(before.total.commits, 0);
    session.next_load();
    until(&mut session, "a light load", |model| model.load == Some(Load::Light) && model.total.commits > 20);
    let led = before.leader().unwrap().node;
    session.transfer();
    until(&mut session, "another leader", |model| model.leader().is_some_and(|leader| leader.node != led));
    session.next_load();
    let light = until(&mut session, "a full load", |model| model.load == Some(Load::Full));
    until(&mut session, "many writes", |model| model.total.commits > light.total.commits + 2_000);
    session.next_load();
    session.toggle_pause();
    let model = until(&mut session, "nothing to do", |model| model.load == Some(Load::None));
    assert!(model.events.iter().any(|event| event.text.contains("pausing takes --processes")), "{:#?}", model.events);
    let summary = session.finish().unwrap();
    assert_eq!((summary.errors, summary.kills), (Vec::new(), 0));
}
