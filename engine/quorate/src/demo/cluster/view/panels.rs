//! The panels, one function each.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline};

use super::super::chronicle::Tone;
use super::super::model::{Model, word};
use super::super::options::Load;
use super::super::plan::node_name;
use super::super::sight::{Role, Sight, State};
use super::{BAD, DIM, GOOD, STRONG, lines, panel};
use crate::demo::figures::{clock, count, nanos, rate};

/// The signs before nodes, and those in their bars.
pub(super) const LEGEND: [&str; 2] =
    ["★ leads  ● follows  ◌ starts or stands  ‖ stands still  ✗ is dead", "█ has applied it  ▒ has it in its log  · has it not yet"];

/// The width that numbers in the table need.
const NUMBER: usize = 10;

/// The nodes: what each is, and how much of the log it has.
pub(super) fn nodes(frame: &mut Frame<'_>, area: Rect, model: &Model, framed: bool) {
    let commit = model.nodes.iter().map(|node| node.commit).max().unwrap_or(0);
    let inside = if framed { panel(frame, area, "Nodes", format!("{} committed", count(commit))) } else { area };
    let width = usize::from(inside.width);
    // Columns go as room goes: first the bar, then the log's end, the commit, the term.
    let fixed = 2 + 7 + 1 + 10;
    let mut left = width.saturating_sub(fixed);
    let mut take = |needed: usize| {
        let fits = left >= needed;
        left -= if fits { needed } else { 0 };
        fits
    };
    let columns = Columns { lag: take(8), applied: take(NUMBER), term: take(6), commit: take(NUMBER), last: take(NUMBER), bar: 0 };
    let columns = Columns { bar: if left >= 7 { left - 2 } else { 0 }, ..columns };
    let mut rows = Vec::new();
    if framed {
        rows.push(Line::styled(columns.names(), DIM));
    }
    rows.extend(model.nodes.iter().map(|node| columns.row(node, model)));
    lines(frame, inside, rows);
}

struct Columns {
    lag: bool,
    applied: bool,
    term: bool,
    commit: bool,
    last: bool,
    bar: usize,
}

impl Columns {
    fn names(&self) -> String {
        let mut names = format!("  {:<7} {:<10}", "node", "state");
        for (shown, name, width) in [
            (self.term, "term", 6),
            (self.last, "log", NUMBER),
            (self.commit, "commit", NUMBER),
            (self.applied, "applied", NUMBER),
            (self.lag, "behind", 8),
        ] {
            if shown {
                names += &format!("{name:>width$}");
            }
        }
        if self.bar >= 11 { names + "  replicated" } else { names }
    }

    fn row(&self, node: &Sight, model: &Model) -> Line<'static> {
        let (sign, style) = sign(node);
        let known = node.state == State::Up || node.last > 0;
        let number = |value: u64, width: usize| if known { format!("{:>width$}", count(value)) } else { format!("{:>width$}", "-") };
        let strong = if node.leads() { STRONG } else { Style::new() };
        let mut line = Line::from(vec![
            Span::styled(format!("{sign} "), style.patch(STRONG)),
            Span::styled(format!("{:<7} ", node_name(node.node)), strong),
            Span::styled(format!("{:<10}", word(node)), style.patch(strong)),
        ]);
        // What a node said before it fell silent is shown, but not as if it said it now.
        let said = if node.state == State::Up { Style::new() } else { DIM };
        let lag = model.lag(node);
        for (shown, text, style) in [
            (self.term, number(node.term, 6), said),
            (self.last, number(node.last, NUMBER), said),
            (self.commit, number(node.commit, NUMBER), said),
            (self.applied, number(node.applied, NUMBER), said),
            (self.lag, number(lag, 8), if lag > 1000 { BAD } else { said }),
        ] {
            if shown {
                line.push_span(Span::styled(text, style));
            }
        }
        if self.bar > 0 {
            line.push_span("  ");
            let style = if node.state == State::Up { GOOD } else { DIM };
            line.push_span(Span::styled(bar(self.bar, node, model), style));
        }
        line
    }
}

fn sign(node: &Sight) -> (&'static str, Style) {
    match (node.state, node.role) {
        (State::Down(_), _) => ("✗", BAD),
        (State::Paused, _) => ("‖", BAD),
        (State::Up, _) if node.stopped.is_some() => ("✗", BAD),
        (State::Up, Role::Leader) => ("★", GOOD),
        (State::Up, Role::Follower) => ("●", Style::new()),
        (State::Up, Role::PreCandidate | Role::Candidate) | (State::Starting, _) => ("◌", BAD),
    }
}

/// How far a node is with the newest part of the log: full blocks are applied, shaded ones are there.
fn bar(width: usize, node: &Sight, model: &Model) -> String {
    let end = model.last();
    let behind = model.nodes.iter().map(|node| end - node.applied.min(end)).max().unwrap_or(0);
    // The scale stays the same while somebody catches up: a power of four with some room before the last.
    let mut window = 256;
    while window < behind + behind / 4 {
        window *= 4;
    }
    let window = window.min(end.max(1));
    let scaled = |index: u64| {
        let part = (index.min(end) + window).saturating_sub(end).min(window);
        (u128::from(part) * width as u128).div_ceil(u128::from(window)) as usize
    };
    let applied = scaled(node.applied);
    let there = scaled(node.last).max(applied);
    "█".repeat(applied) + &"▒".repeat(there - applied) + &"·".repeat(width - there)
}

/// What clients do and see.
pub(super) fn clients(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let load = model.load.map_or("", Load::name);
    let inside = panel(frame, area, "Clients", format!("load {load}"));
    let (now, total) = (&model.now, &model.total);
    let time = |micros: Option<u64>| micros.map_or_else(|| "-".to_owned(), |micros| nanos(micros as f64 * 1000.0));
    let name = |name: &str| Span::styled(format!(" {name:<8}"), DIM);
    let mut figures = vec![
        Line::from(vec![
            name("writes"),
            Span::styled(format!("{:<10}", rate(now.writes)), STRONG),
            name("reads"),
            Span::raw(rate(now.reads)),
        ]),
        Line::from(vec![
            name("p50"),
            Span::styled(format!("{:<10}", time(now.p50_us)), STRONG),
            name("p99"),
            Span::styled(time(now.p99_us), STRONG),
        ]),
    ];
    let wide = inside.width >= 50;
    let totals = format!(
        " {} written · {} read{}",
        count(total.commits),
        count(total.reads),
        if wide { format!(" · {} refused · {} in doubt", count(total.rejected), count(total.unknown)) } else { String::new() }
    );
    figures.push(Line::from(totals));
    let graphs = inside.height.saturating_sub(figures.len() as u16);
    // With much room, latency has a graph of its own.
    let tail = if graphs >= 10 { graphs / 2 } else { 0 };
    let rows = [Constraint::Length(figures.len() as u16), Constraint::Min(0), Constraint::Length(tail)];
    let [text, speed, latency] = inside.layout(&Layout::vertical(rows));
    lines(frame, text, figures);
    graph(frame, speed, &model.rates, GOOD, |top| format!("writes: at most {}", rate(top as f64)));
    graph(frame, latency, &model.tails, BAD, |top| format!("p99: at most {}", nanos(top as f64 * 1000.0)));
}

/// A graph of the latest samples, with the height of its top. It begins at zero.
fn graph(frame: &mut Frame<'_>, area: Rect, samples: &[u64], style: Style, label_of: impl Fn(u64) -> String) {
    if area.height < 2 {
        return;
    }
    let [label, area] = area.layout(&Layout::vertical([Constraint::Length(1), Constraint::Min(1)]));
    let newest_first: Vec<u64> = samples.iter().rev().copied().take(usize::from(area.width)).collect();
    let highest = newest_first.iter().copied().max().unwrap_or(0);
    lines(frame, label, [Line::styled(format!(" {}", label_of(highest)), DIM)]);
    let sparkline = Sparkline::default().data(newest_first).max(highest + highest / 8 + 1).direction(RenderDirection::RightToLeft);
    frame.render_widget(sparkline.style(style), area);
}

/// What happened, the newest first.
pub(super) fn events(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let changes = model.total.leader_changes;
    let right = if changes == 1 { "1 change of leader".into() } else { format!("{} changes of leader", count(changes)) };
    let inside = panel(frame, area, "Events", right);
    let faults = model.faults.iter().map(|fault| Line::styled(format!(" ✗ {fault}"), BAD.patch(STRONG)));
    let events = model.events.iter().map(|event| {
        let (sign, style) = match event.tone {
            Tone::Good => ("●", GOOD),
            Tone::Notice => ("·", Style::new()),
            Tone::Bad => ("✗", BAD),
        };
        Line::from(vec![
            Span::styled(format!(" {:>5} ", clock(event.at)), DIM),
            Span::styled(format!("{sign} "), style),
            Span::raw(event.text.clone()),
        ])
    });
    lines(frame, inside, faults.chain(events));
}

/// Where to look and what to type.
pub(super) fn hints(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let inside = panel(frame, area, "Try it", "? for more".into());
    lines(frame, inside, model.hints.iter().map(|hint| Line::raw(format!(" {}", hint.text))));
}
