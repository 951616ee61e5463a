//! Draws the model. Wide screens get two columns, narrow ones one, and tiny ones the rounds alone.

mod bar;
mod panels;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use super::model::Model;
use crate::demo::figures::clock;

/// What is unimportant.
const DIM: Style = Style::new().fg(Color::DarkGray);
/// What is well.
const GOOD: Style = Style::new().fg(Color::Green);
/// What is not.
const BAD: Style = Style::new().fg(Color::Red);
/// What is on its way.
const UNDERWAY: Style = Style::new().fg(Color::Yellow);
/// What names things.
const NAME: Style = Style::new().fg(Color::Cyan);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Below this width panels stand in one column.
const WIDE: u16 = 76;
/// Below this height, or a width of [`NARROW`], there are rounds and nothing else.
const LOW: u16 = 14;
const NARROW: u16 = 44;

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    if area.height < LOW || area.width < NARROW {
        let [head, body] = area.layout(&Layout::vertical([Constraint::Length(1), Constraint::Min(0)]));
        frame.render_widget(title(model, head.width), head);
        panels::rounds(frame, body, model, false);
        return;
    }
    let rows = Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)]);
    let [head, body, foot] = area.layout(&rows);
    header(frame, head, model);
    footer(frame, foot, model);
    if area.width >= WIDE {
        wide(frame, body, model);
    } else {
        narrow(frame, body, model);
    }
}

/// How many rounds the screen has room for.
pub(crate) fn rounds_that_fit(area: Rect) -> usize {
    usize::from(area.height)
}

fn wide(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let [left, right] = body.layout(&Layout::horizontal([Constraint::Percentage(56), Constraint::Percentage(44)]));
    // Two lines each, and the border.
    let accused = (2 * model.accused.len().max(1) as u16 + 2).min((left.height / 4).max(4));
    let rows = [Constraint::Min(5), Constraint::Length(model.outcomes.len() as u16 + 2), Constraint::Length(accused)];
    let [rounds, outcomes, equivocators] = left.layout(&Layout::vertical(rows));
    panels::rounds(frame, rounds, model, true);
    panels::outcomes(frame, outcomes, model);
    panels::equivocators(frame, equivocators, model);
    let rows = [Constraint::Length(model.stages.len() as u16 + 2), Constraint::Min(4), Constraint::Length(8)];
    let [stages, speed, certificate] = right.layout(&Layout::vertical(rows));
    panels::stages(frame, stages, model);
    panels::speed(frame, speed, model);
    panels::certificate(frame, certificate, model);
}

fn narrow(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let outcomes = model.outcomes.len() as u16 + 2;
    let rows = [Constraint::Min(6), Constraint::Length(outcomes), Constraint::Length(if body.height >= 26 { 8 } else { 0 })];
    let [rounds, outcomes, certificate] = body.layout(&Layout::vertical(rows));
    panels::rounds(frame, rounds, model, true);
    panels::outcomes(frame, outcomes, model);
    panels::certificate(frame, certificate, model);
}

fn header(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let [first, second] = area.layout(&Layout::vertical([Constraint::Length(1); 2]));
    frame.render_widget(title(model, first.width), first);
    let text = [Span::raw(" "), Span::raw(model.electorate.as_str()), Span::styled(" · cluster ", DIM), Span::raw(model.cluster.as_str())];
    frame.render_widget(Line::from_iter(text), second);
}

/// The first line: who this is, what counts, and how long it has run.
fn title(model: &Model, width: u16) -> Line<'static> {
    let state = match (model.paused, model.slow) {
        (true, _) => Span::styled("paused ", UNDERWAY.patch(STRONG)),
        (false, true) => Span::styled("slow motion ", UNDERWAY),
        (false, false) => Span::styled("running ", GOOD),
    };
    let limit = model.limit.map_or_else(String::new, |limit| format!(" of {}", clock(limit)));
    let time = Span::styled(format!("{}{limit} ", clock(model.elapsed)), STRONG);
    let name = Span::styled(" Quorate demo ", Style::new().fg(Color::Black).bg(Color::Cyan).patch(STRONG));
    let backend = Span::raw(format!(" {}", model.backend));
    let mut line = Line::from(vec![name]);
    let taken = |line: &Line<'_>| line.width() + state.width() + time.width();
    if taken(&line) + backend.width() < usize::from(width) {
        line.push_span(backend);
    }
    let gap = usize::from(width).saturating_sub(taken(&line));
    line.push_span(" ".repeat(gap));
    line.push_span(state);
    line.push_span(time);
    line
}

fn footer(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let key = |key: &'static str| Span::styled(key, NAME);
    let text = |text: &'static str| Span::styled(text, DIM);
    let pause = if model.paused { " go on  " } else { " pause  " };
    let slow = if model.slow { " full speed  " } else { " slow motion  " };
    let keys = vec![key(" q"), text(" quit  "), key("space"), text(pause), key("s"), text(slow)];
    frame.render_widget(Line::from(keys), area);
}

/// A panel with a title on the left and something on the right; what is inside its border.
fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, right: String) -> Rect {
    let mut block = Block::bordered().border_type(BorderType::Rounded).border_style(DIM);
    block = block.title(Span::styled(format!(" {title} "), Style::new().fg(Color::White).patch(STRONG)));
    if !right.is_empty() {
        block = block.title_top(Line::from(Span::styled(format!(" {right} "), NAME)).right_aligned());
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
