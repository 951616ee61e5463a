//! Bars of eighths: one that fills towards a mark, and one that compares.

use ratatui::style::{Color, Style};
use ratatui::text::Span;

const EIGHTHS: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/// What is not filled.
const GROUND: Color = Color::Indexed(236);

/// A bar for `value` of `total`, with a mark where `needed` is reached: yellow before, green from there on.
pub(super) fn towards(width: usize, value: u64, needed: u64, total: u64) -> Vec<Span<'static>> {
    let color = if value >= needed { Color::Green } else { Color::Yellow };
    let scaled = |part: u64, units: usize| (u128::from(part) * units as u128 / u128::from(total.max(1))) as usize;
    let eighths = scaled(value.min(total), width * 8);
    let mark = scaled(needed.min(total), width).min(width.saturating_sub(1));
    let cell = |at: usize| {
        let filled = eighths.saturating_sub(at * 8).min(8);
        if at == mark {
            let ground = if filled == 8 { color } else { GROUND };
            let mark = if filled == 8 { Color::Black } else { Color::White };
            return Span::styled("│", Style::new().fg(mark).bg(ground));
        }
        Span::styled(EIGHTHS[filled], Style::new().fg(color).bg(GROUND))
    };
    (0..width).map(cell).collect()
}

/// A bar for a part of the whole; anything at all is an eighth.
pub(super) fn part(width: usize, part: f64, color: Color) -> Vec<Span<'static>> {
    let eighths = (part.clamp(0.0, 1.0) * (width * 8) as f64).ceil() as usize;
    (0..width).map(|at| Span::styled(EIGHTHS[eighths.saturating_sub(at * 8).min(8)], Style::new().fg(color).bg(GROUND))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(spans: &[Span<'_>]) -> String {
        spans.iter().map(|span| span.content.as_ref()).collect()
    }

    #[test]
    fn a_bar_fills_by_eighths_and_shows_where_the_quorum_is() {
        assert_eq!(text(&towards(6, 0, 67, 100)), "    │ ");
        assert_eq!(text(&towards(6, 50, 67, 100)), "███ │ ");
        assert_eq!(text(&towards(6, 55, 67, 100)), "███▎│ ");
        assert_eq!(text(&towards(6, 100, 67, 100)), "████│█");
        assert_eq!(text(&towards(0, 100, 67, 100)), "");
        assert_eq!(text(&towards(2, u64::MAX, u64::MAX, u64::MAX)), "█│");
    }

    #[test]
    fn a_part_that_is_not_nothing_is_seen() {
        assert_eq!(text(&part(4, 0.0, Color::Blue)), "    ");
        assert_eq!(text(&part(4, 0.001, Color::Blue)), "▏   ");
        assert_eq!(text(&part(4, 7.0, Color::Blue)), "████");
    }
}
