//! The panels, one function each.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline};

use super::super::engine::Progress;
use super::super::model::{CertificateRow, Model, OutcomeRow};
use super::{BAD, DIM, GOOD, NAME, STRONG, UNDERWAY, bar, lines, panel};
use crate::demo::figures::{bytes, count, nanos, rate, short_digest, took};

/// The latest rounds: how near they are to their quorum, and what was decided.
pub(super) fn rounds(frame: &mut Frame<'_>, area: Rect, model: &Model, framed: bool) {
    let inside = if framed { panel(frame, area, "Rounds", format!("{} decided", count(model.decided))) } else { area };
    let width = usize::from(inside.width);
    let numbers = model.rounds.iter().map(|round| count(round.height.0).len()).max().unwrap_or(0).max(6) + usize::from(framed);
    // Height, two bars with a space each, and the block with a tick.
    let bars = width.saturating_sub(numbers + 13) / 2;
    let bars = if bars < 4 { 0 } else { bars };
    let mut rows = Vec::new();
    if framed && inside.height > 3 {
        let bar_name = |name: &str| format!("{:<bars$} ", format!("{name:.bars$}"));
        let names = format!("{:>numbers$} {}{}  decided", "height", bar_name("prepare"), bar_name("commit"));
        rows.push(Line::styled(names, DIM));
    }
    rows.extend(model.rounds.iter().map(|round| round_line(round, model, numbers, bars)));
    lines(frame, inside, rows);
}

fn round_line(round: &Progress, model: &Model, numbers: usize, bars: usize) -> Line<'static> {
    let mut spans = vec![Span::raw(format!("{:>numbers$} ", count(round.height.0)))];
    if bars > 0 {
        for weight in round.weight {
            spans.extend(bar::towards(bars, weight, model.needed, model.total));
            spans.push(Span::raw(" "));
        }
    }
    match &round.decided {
        Some(block) => spans.extend([Span::styled("✓ ", GOOD), Span::styled(short_digest(block), STRONG)]),
        None => spans.push(Span::styled("· open", UNDERWAY)),
    }
    Line::from(spans)
}

/// What became of the votes, beside what must become of them.
pub(super) fn outcomes(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let all: u64 = model.outcomes.iter().filter(|row| row.name != "of them repeated").map(|row| row.found).sum();
    let inside = panel(frame, area, "Votes", format!("{} so far", count(all)));
    let width = usize::from(inside.width);
    let row = |row: &OutcomeRow| {
        let (mark, style) = match (row.found == row.planted, row.good, row.found) {
            (false, ..) => (format!("≠ {}{}", count(row.planted), if width < 50 { "" } else { " planted" }), BAD),
            (true, true, _) => ("✓ as planted".to_owned(), GOOD),
            (true, false, 0) => (String::new(), DIM),
            (true, false, _) => ("✓ as planted".to_owned(), GOOD),
        };
        let name = Span::styled(format!(" {:<17}", row.name), if row.good { Style::new() } else { Style::new().fg(Color::Red) });
        let found = Span::styled(format!("{:>10}", count(row.found)), STRONG);
        let share = row.found as f64 * 100.0 / all.max(1) as f64;
        let mut spans = vec![name, found];
        if width >= 52 {
            spans.push(Span::styled(format!("{share:>7.1}%"), DIM));
        }
        spans.push(Span::styled(format!("  {mark}"), style));
        Line::from(spans)
    };
    lines(frame, inside, model.outcomes.iter().map(row));
}

/// Who voted for two blocks, and for which.
pub(super) fn equivocators(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let inside = panel(frame, area, "Equivocators", format!("{} caught", model.accused.len()));
    if model.accused.is_empty() {
        lines(frame, inside, [Line::styled(" nobody has voted for two blocks so far", DIM)]);
        return;
    }
    let rows = model.accused.iter().map(|accused| {
        let verdict = match (accused.convicted, inside.width >= 50) {
            (true, true) => Span::styled(" ✓ convicted", GOOD),
            (true, false) => Span::styled(" ✓ proof", GOOD),
            (false, _) => Span::styled(" ✗ NO PROOF", BAD),
        };
        let [one, other] = accused.blocks.clone();
        let mut spans = vec![
            Span::styled(format!(" member {:<4}", accused.member), UNDERWAY.patch(STRONG)),
            Span::raw(format!(" {one} ")),
            Span::styled("≠", BAD),
            Span::raw(format!(" {other}")),
        ];
        if inside.width >= 50 {
            spans.push(Span::styled(format!(" ×{:<5}", count(accused.acts)), DIM));
        }
        spans.push(verdict);
        if inside.width >= 90 {
            spans.push(Span::styled(format!(" by two {} votes at height {}", accused.kind, count(accused.height)), DIM));
        }
        Line::from(spans)
    });
    lines(frame, inside, rows);
}

/// Where the time of a round goes.
pub(super) fn stages(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    // The tree belongs to a certificate, not to a round.
    let counting = model.stages.iter().filter(|(name, _)| *name != "merkle");
    let longest = counting.clone().map(|(_, nanos)| *nanos).fold(1.0, f64::max);
    let sum: f64 = counting.map(|(_, nanos)| nanos).sum();
    let inside = panel(frame, area, "Pipeline", format!("{} a round", nanos(sum)));
    let width = usize::from(inside.width).saturating_sub(22);
    let rows = model.stages.iter().map(|&(name, time)| {
        let mut spans = vec![Span::styled(format!(" {name:<10}"), NAME)];
        let color = if name == "merkle" { Color::Magenta } else { Color::Blue };
        spans.extend(bar::part(width, time / longest, color));
        spans.push(Span::raw(format!("{:>10}", if time > 0.0 { nanos(time) } else { "-".to_owned() })));
        Line::from(spans)
    });
    lines(frame, inside, rows);
}

/// Verified votes a second of the pipeline's own time.
pub(super) fn speed(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let inside = panel(frame, area, "Verified votes", rate(model.rate));
    let [graph, note] = inside.layout(&Layout::vertical([Constraint::Min(1), Constraint::Length(inside.height.saturating_sub(2).min(3))]));
    let newest_first: Vec<u64> = model.rates.iter().rev().copied().take(usize::from(graph.width)).collect();
    // From zero to a little above the highest: a steady rate is a steady band, and not a wall.
    let top = newest_first.iter().max().map_or(1, |highest| highest + highest / 4 + 1);
    let sparkline = Sparkline::default().data(newest_first).max(top).direction(RenderDirection::RightToLeft);
    frame.render_widget(sparkline.style(Style::new().fg(Color::Green)), graph);
    let threads = if model.signers == 1 { "1 thread signs".to_owned() } else { format!("{} threads sign", model.signers) };
    let notes = [
        Line::styled(" in the pipeline's own time", DIM),
        Line::styled(format!(" at {}", model.shape), DIM),
        Line::styled(format!(" {threads} at most {}", rate(model.signing)), DIM),
    ];
    lines(frame, note, notes);
}

/// The last certificate, as a stranger finds it.
pub(super) fn certificate(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let Some(row) = &model.certificate else {
        let inside = panel(frame, area, "Certificate", String::new());
        lines(frame, inside, [Line::styled(" none yet", DIM)]);
        return;
    };
    let inside = panel(frame, area, "Last certificate", format!("height {}", count(row.height)));
    let name = |name: &'static str| Span::styled(format!(" {name:<10}"), NAME);
    let mut weight = vec![name("weight")];
    weight.extend(bar::towards(usize::from(inside.width).saturating_sub(29).max(4), row.weight, model.needed, model.total));
    weight.push(Span::raw(format!(" {} / {}", count(row.weight), count(model.needed))));
    let CertificateRow { verified, refused_elsewhere, .. } = *row;
    let verdict =
        if verified { Span::styled(format!("✓ in {}", took(row.took)), GOOD) } else { Span::styled("✗ DOES NOT VERIFY", BAD) };
    let elsewhere = if refused_elsewhere { Span::styled("✓ refused", GOOD) } else { Span::styled("✗ ACCEPTED", BAD) };
    let rows = [
        Line::from(vec![name("block"), Span::styled(row.block.clone(), STRONG)]),
        Line::from(vec![
            name("signers"),
            Span::raw(format!("{} of {}, {}", count(row.signers as u64), count(row.members as u64), bytes(row.bytes))),
        ]),
        Line::from(weight),
        Line::from(vec![name("offline"), verdict]),
        Line::from(vec![name("elsewhere"), elsewhere, Span::styled(if inside.width < 40 { "" } else { " by another anchor" }, DIM)]),
    ];
    lines(frame, inside, rows);
}
