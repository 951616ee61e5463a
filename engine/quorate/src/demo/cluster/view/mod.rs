//! Draws the model. From 80 columns on, what clients see stands beside what happened; narrower, below it; and where there is next to no
//! room, the nodes stand alone.
//!
//! Nothing is said by colour alone, and the two colours that matter, blue and orange, are apart for those who do not see red or green. The
//! background is the terminal's own, whichever it is.

mod panels;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Wrap};

use super::model::Model;
use crate::demo::figures::clock;

/// What is well, and what names things. Bright enough on black, and dark enough on white.
const GOOD: Style = Style::new().fg(Color::Indexed(32));
/// What is not.
const BAD: Style = Style::new().fg(Color::Indexed(166));
/// What is unimportant.
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// From this width on there are two columns.
const WIDE: u16 = 78;
/// Below this height, or a width of [`NARROW`], there are nodes and nothing else.
const LOW: u16 = 14;
const NARROW: u16 = 44;

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    let [head, body, foot] = area.layout(&Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]));
    frame.render_widget(title(model, head.width), head);
    if area.height < LOW || area.width < NARROW {
        panels::nodes(frame, body, model, false);
    } else {
        panels_in(frame, body, model);
    }
    footer(frame, foot, model);
    if model.help {
        help(frame, body, model);
    }
}

/// How many events a screen has room for.
pub(crate) fn events_that_fit(area: Rect) -> usize {
    usize::from(area.height)
}

fn panels_in(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let nodes = model.nodes.len() as u16 + 3;
    // What can be typed is there as long as it leaves room for what happens.
    let hints = if body.height >= nodes + 13 { (model.hints.len() as u16 + 2).min(body.height - nodes - 8) } else { 0 };
    let rows = [Constraint::Length(nodes), Constraint::Min(6), Constraint::Length(hints)];
    let [nodes, middle, hints] = body.layout(&Layout::vertical(rows));
    panels::nodes(frame, nodes, model, true);
    if hints.height > 0 {
        panels::hints(frame, hints, model);
    }
    let [clients, events] = if body.width >= WIDE {
        middle.layout(&Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]))
    } else {
        middle.layout(&Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]))
    };
    panels::clients(frame, clients, model);
    panels::events(frame, events, model);
}

/// The first line: what this is, and how long it has run.
fn title(model: &Model, width: u16) -> Line<'static> {
    let name = Span::styled(" Quorate demo ", Style::new().add_modifier(Modifier::BOLD.union(Modifier::REVERSED)));
    let limit = model.limit.map_or_else(String::new, |limit| format!(" of {}", clock(limit)));
    let time = Span::styled(format!("{}{limit} ", clock(model.elapsed)), STRONG);
    let state = match (model.faults.is_empty(), model.leader().is_some()) {
        (false, _) => Span::styled("SOMETHING IS WRONG  ", BAD.patch(STRONG)),
        (true, true) => Span::raw(""),
        (true, false) => Span::styled("no leader  ", BAD),
    };
    let mut line = Line::from(vec![name]);
    let room = usize::from(width).saturating_sub(line.width() + state.width() + time.width() + 1);
    // As much of what it is as there is room for, the most important first.
    let mut shape = String::new();
    for part in &model.shape {
        let longer = if shape.is_empty() { format!(" {part}") } else { format!("{shape} · {part}") };
        if Span::raw(longer.as_str()).width() > room {
            break;
        }
        shape = longer;
    }
    line.push_span(Span::raw(shape));
    let gap = usize::from(width).saturating_sub(line.width() + state.width() + time.width());
    line.push_span(" ".repeat(gap));
    line.push_span(state);
    line.push_span(time);
    line
}

/// What can be pressed.
fn keys(model: &Model) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut keys = vec![
        ("q", "quit", "end the demo: stop the load, check everything, stop the nodes"),
        ("k", "kill leader", "kill the leader without a word; it is back after three seconds"),
        ("t", "transfer", "let another node lead, in good order"),
        ("l", "load", "another load: light, full, none"),
    ];
    if model.can_pause {
        keys.push(("p", "pause", "stop a follower in its tracks, or let it go on"));
    }
    keys.push(("?", "help", "show or hide this"));
    keys
}

fn footer(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let mut line = Line::default();
    for (key, text, _) in keys(model) {
        line.push_span(Span::styled(format!(" {key} "), GOOD.patch(STRONG)));
        line.push_span(Span::raw(format!("{text} ")));
    }
    frame.render_widget(line, area);
}

/// The keys and all that can be opened and typed, over everything else.
fn help(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let mut text = vec![Line::default()];
    text.extend(
        keys(model).into_iter().map(|(key, _, what)| Line::from(vec![Span::styled(format!("  {key}  "), GOOD.patch(STRONG)), what.into()])),
    );
    text.push(Line::default());
    for hint in &model.hints {
        text.push(Line::from(vec![Span::styled(format!("  {:<10} ", hint.what), STRONG), Span::raw(hint.text.as_str())]));
    }
    text.push(Line::default());
    text.extend(panels::LEGEND.map(|line| Line::raw(format!("  {line}"))));
    let widest = text.iter().map(Line::width).max().unwrap_or(0) as u16 + 4;
    let width = widest.min(body.width);
    let inside = usize::from(width.saturating_sub(2).max(1));
    let rows: usize = text.iter().map(|line| line.width().div_ceil(inside).max(1)).sum();
    let height = (rows as u16 + 2).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let inside = panel(frame, area, "Help", "? hides it".into());
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), inside);
}

/// A panel with a title on the left and something on the right; what is inside its border.
fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, right: String) -> Rect {
    let mut block = Block::bordered().border_type(BorderType::Rounded).border_style(DIM);
    block = block.title(Span::styled(format!(" {title} "), STRONG.remove_modifier(Modifier::DIM)));
    if !right.is_empty() {
        block = block.title_top(Line::from(Span::styled(format!(" {right} "), GOOD.remove_modifier(Modifier::DIM))).right_aligned());
    }
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Lines, one below the other, as many as fit.
fn lines<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'a>>) {
    let lines: Vec<Line<'a>> = lines.into_iter().take(usize::from(area.height)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

#[cfg(test)]
mod tests;
