//! The demo without a screen: where to look and what to type, and then one line a second, with what happened in between.

use std::io::Write;
use std::time::Duration;

use super::chronicle::Event;
use super::model::{Hint, Model, word};
use super::plan::node_name;
use super::session::Session;
use crate::demo::figures::{clock, count, nanos, rate};
use crate::demo::print;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs to the end and prints a line a second. Whoever stops reading wants it to end.
pub(crate) fn show(session: &mut Session, out: &mut impl Write) -> miette::Result<()> {
    let (mut due, mut told) = (Duration::from_secs(1), 0);
    while !session.is_over() {
        session.tick();
        for event in session.chronicle.since(told) {
            if !print(out, &event_line(event))? {
                return Ok(());
            }
        }
        told = session.chronicle.told();
        if session.elapsed() >= due {
            if !print(out, &line(&session.model(0, false)))? {
                return Ok(());
            }
            due = Duration::from_secs(session.elapsed().as_secs() + 1);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// What stands above everything else: what this is, where to look, what to type.
pub(crate) fn opening(shape: &[String], hints: &[Hint], processes: &[(u64, u32)]) -> String {
    let mut text = format!("Quorate demo: {}; Ctrl-C ends it\n\n", shape.join(", "));
    for Hint { what, text: hint } in hints {
        text += &format!("  {what:<14} {hint}\n");
    }
    if !processes.is_empty() {
        let all: Vec<String> = processes.iter().map(|(node, id)| format!("{} is {id}", node_name(*node))).collect();
        text += &format!("  {:<14} {}\n", "processes", all.join(", "));
    }
    text
}

fn event_line(event: &Event) -> String {
    format!("{:>6} · {}", clock(event.at), event.text)
}

fn line(model: &Model) -> String {
    let time = |micros: Option<u64>| micros.map_or_else(|| "-".to_owned(), |micros| nanos(micros as f64 * 1000.0));
    let leader = model.leader().map_or_else(|| "no leader".into(), |leader| format!("{} leads", node_name(leader.node)));
    let nodes: Vec<String> = model
        .nodes
        .iter()
        .filter(|node| !matches!(word(node).as_str(), "leader" | "follower"))
        .map(|node| format!(" · {} {}", node_name(node.node), word(node)))
        .collect();
    format!(
        "{:>6} {leader} · {} of {} up · {} written, {} · p50 {}, p99 {}{}",
        clock(model.elapsed),
        model.up(),
        model.nodes.len(),
        count(model.total.commits),
        rate(model.now.writes),
        time(model.now.p50_us),
        time(model.now.p99_us),
        nodes.concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::model::{Figures, Totals};
    use super::super::sight::{Role, Sight, State};
    use super::*;

    #[test]
    fn a_line_says_who_leads_how_fast_it_goes_and_who_is_missing() {
        let node = |node, state, role| Sight { node, state, role, ..Sight::default() };
        let model = Model {
            elapsed: Duration::from_secs(3),
            nodes: vec![node(1, State::Up, Role::Leader), node(2, State::Down(2), Role::Follower)],
            now: Figures { writes: 141.0, reads: 60.0, p50_us: Some(1_234), p99_us: None },
            total: Totals { commits: 1_400, ..Totals::default() },
            ..Model::default()
        };
        assert_eq!(line(&model), "  0:03 node-1 leads · 1 of 2 up · 1,400 written, 141 /s · p50 1.23 ms, p99 - · node-2 down, 2 s");
    }

    #[test]
    fn the_opening_has_all_that_can_be_typed() {
        let hints = [Hint { what: "metrics".into(), text: "http://127.0.0.1:7012/metrics".into() }];
        let text = opening(&["raft".into(), "3 nodes".into()], &hints, &[(1, 4711)]);
        for part in ["Quorate demo: raft, 3 nodes; Ctrl-C ends it", "metrics        http://127.0.0.1:7012/metrics", "node-1 is 4711"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }
}
