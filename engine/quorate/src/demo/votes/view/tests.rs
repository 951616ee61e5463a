//! The screen at sizes from a watch to a wall.

use std::time::Duration;

use quorate_core::hash::Digest;
use quorate_core::ids::Height;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::engine::Progress;
use super::super::model::{AccusedRow, CertificateRow, Model, OutcomeRow};
use super::draw;

fn model() -> Model {
    let outcome = |name, good| OutcomeRow { name, found: 1234, planted: 1234, good };
    let names = [("valid", true), ("of them repeated", true), ("wrong engine", false), ("wrong kind", false), ("bad signature", false)];
    Model {
        backend: "cpu · avx512ifma · 2 threads".into(),
        electorate: "100 members · more than two thirds of weight 5,043".into(),
        cluster: "0123abcd".into(),
        elapsed: Duration::from_secs(65),
        rounds: vec![
            Progress { height: Height(1_202), weight: [30, 0], decided: None },
            Progress { height: Height(1_201), weight: [91, 88], decided: Some(Digest([0xd7; 32])) },
        ],
        decided: 1_201,
        needed: 67,
        total: 100,
        outcomes: names.map(|(name, good)| outcome(name, good)).to_vec(),
        accused: vec![AccusedRow {
            member: 17,
            acts: 3,
            height: 1,
            kind: "commit",
            blocks: ["aaaaaaaa".into(), "bbbbbbbb".into()],
            convicted: true,
        }],
        stages: vec![("decode", 300.0), ("verify", 200_000.0), ("aggregate", 900.0), ("quorum", 200.0), ("merkle", 0.0)],
        rate: 1_020_000.0,
        rates: vec![900_000, 1_000_000, 1_100_000],
        shape: "100 voters × 8 rounds".into(),
        signing: 52_000.0,
        signers: 1,
        certificate: Some(CertificateRow {
            height: 1_201,
            block: "d7d7d7d7".into(),
            signers: 90,
            members: 100,
            weight: 88,
            verified: true,
            refused_elsewhere: true,
            ..CertificateRow::default()
        }),
        ..Model::default()
    }
}

fn screen(width: u16, height: u16, model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    buffer.content().chunks(usize::from(width)).map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[test]
fn the_decided_round_is_shown_at_every_size() {
    for (width, height) in [(80, 24), (100, 30), (200, 60), (60, 40), (20, 5)] {
        let screen = screen(width, height, &model());
        assert!(screen.contains("1,201") && screen.contains("✓ d7d7d7d7"), "{width}x{height}:\n{screen}");
        assert!(screen.contains("Quorate"), "{width}x{height}:\n{screen}");
    }
}

#[test]
fn every_size_and_an_empty_model_are_drawn_without_panic() {
    for width in 1..130 {
        for height in 1..45 {
            screen(width, height, &Model::default());
            screen(width, height, &model());
        }
    }
}

#[test]
fn a_usual_screen_shows_who_equivocated_and_that_the_certificate_verifies() {
    let screen = screen(80, 24, &model());
    for text in ["member 17", "aaaaaaaa ≠ bbbbbbbb", "✓ refused", "1.02 M/s", "verify", "bad signature"] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
}

#[test]
fn a_difference_between_planted_and_found_is_not_hidden() {
    let mut model = model();
    model.outcomes[4].planted = 1235;
    assert!(screen(80, 24, &model).contains("≠ 1,235"));
    assert!(screen(120, 24, &model).contains("≠ 1,235 planted"));
}
