//! The screen at sizes from a watch to a wall.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::chronicle::{Event, Tone};
use super::super::model::{Figures, Hint, Model, Totals};
use super::super::options::Load;
use super::super::sight::{Role, Sight, State};
use super::draw;

fn model(nodes: u64) -> Model {
    let sight = |node| Sight {
        node,
        state: if node == 3 { State::Down(2) } else { State::Up },
        role: if node == 2 { Role::Leader } else { Role::Follower },
        term: 4,
        leader: Some(2),
        commit: 12_345,
        applied: if node == 3 { 11_000 } else { 12_345 },
        last: if node == 3 { 11_000 } else { 12_346 },
        stopped: None,
    };
    let event = |at, tone, text: &str| Event { at: Duration::from_secs(at), tone, text: text.into() };
    let hint = |what: &str, text: &str| Hint { what: what.into(), text: text.into() };
    Model {
        shape: ["raft", "3 nodes", "TLS", "fsync", "one process"].map(str::to_owned).to_vec(),
        elapsed: Duration::from_secs(65),
        limit: Some(Duration::from_secs(90)),
        load: Some(Load::Light),
        nodes: (1..=nodes).map(sight).collect(),
        rates: vec![100, 110, 120, 0, 115],
        tails: vec![2_000, 3_000, 2_500, 0, 2_400],
        now: Figures { writes: 141.0, reads: 60.0, p50_us: Some(1_234), p99_us: Some(4_560) },
        total: Totals { commits: 9_876, reads: 4_321, rejected: 0, unknown: 1, leader_changes: 1 },
        events: vec![event(61, Tone::Good, "node-2 leads in term 4"), event(60, Tone::Bad, "node-3 died, the leader")],
        hints: vec![
            hint("metrics", "http://127.0.0.1:7012/metrics"),
            hint("write", "quorate kv --profile /tmp/x/client.toml put hello world"),
        ],
        can_pause: true,
        help: false,
        faults: Vec::new(),
    }
}

fn screen(width: u16, height: u16, model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    buffer.content().chunks(usize::from(width)).map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[test]
fn the_leader_is_shown_at_every_size() {
    for (width, height) in [(80, 24), (100, 30), (200, 60), (60, 40), (24, 6)] {
        let screen = screen(width, height, &model(3));
        assert!(screen.contains("★ node-2  leader"), "{width}x{height}:\n{screen}");
        assert!(screen.contains("✗ node-3  down, 2 s"), "{width}x{height}:\n{screen}");
    }
}

#[test]
fn every_size_and_an_empty_model_are_drawn_without_panic() {
    let help = Model { help: true, ..model(9) };
    for width in 1..130 {
        for height in 1..45 {
            for model in [&Model::default(), &model(3), &help] {
                screen(width, height, model);
            }
        }
    }
}

#[test]
fn a_usual_screen_has_room_for_everything_that_matters() {
    let screen = screen(80, 24, &model(3));
    for text in [
        "raft · 3 nodes · TLS",
        "1:05 of 1:30",
        "12,345 committed",
        "replicated",
        "load light",
        "141 /s",
        "1.23 ms",
        "4.56 ms",
        "9,876 written",
        "node-2 leads in term 4",
        "1 change of leader",
        "http://127.0.0.1:7012/metrics",
        "put hello world",
        "k kill leader",
        "p pause",
        "? help",
    ] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
}

#[test]
fn nine_nodes_fit_on_a_usual_screen_with_what_clients_see() {
    let screen = screen(80, 24, &model(9));
    for text in ["node-1", "node-9", "141 /s", "node-2 leads in term 4"] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
}

#[test]
fn who_is_behind_has_a_shorter_bar() {
    let screen = screen(120, 24, &model(3));
    let full = |node: &str| screen.lines().find(|line| line.contains(node)).unwrap().matches('█').count();
    assert!(full("node-1") > full("node-3") && full("node-3") > 0, "{screen}");
    assert!(screen.contains("1,345"), "{screen}");
}

#[test]
fn what_is_wrong_is_said_in_the_title_and_before_all_events() {
    let wrong = Model { faults: vec!["demo/1/0.0 is not there".into()], ..model(3) };
    let screen = screen(80, 24, &wrong);
    assert!(screen.contains("SOMETHING IS WRONG") && screen.contains("✗ demo/1/0.0 is not there"), "{screen}");
}

#[test]
fn without_a_leader_the_title_says_so() {
    let mut model = model(3);
    model.nodes[1].role = Role::Candidate;
    assert!(screen(80, 24, &model).contains("no leader"));
}

#[test]
fn the_help_names_every_key_and_every_sign() {
    let screen = screen(100, 40, &Model { help: true, ..model(3) });
    for text in [
        "kill the leader without a word",
        "let another node lead",
        "stop a follower in its tracks",
        "‖ stands still",
        "✗ is dead",
        "has it not yet",
        "metrics",
    ] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
    let quiet = self::screen(100, 40, &Model { help: true, can_pause: false, ..model(3) });
    assert!(!quiet.contains("in its tracks"));
}
