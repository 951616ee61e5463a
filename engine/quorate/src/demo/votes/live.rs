//! The demo on a terminal: steps, keys and frames in turn.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::Model;
use super::session::Session;
use super::view;
use crate::demo::screen::Screen;

const FRAME_EVERY: Duration = Duration::from_millis(66);
const SLOW_STEP_EVERY: Duration = Duration::from_millis(150);

/// Runs until the time is up or somebody quits.
pub(crate) fn show(session: &mut Session) -> miette::Result<()> {
    let mut screen = Screen::open()?;
    let (mut frame_due, mut step_due, mut slow) = (Instant::now(), Instant::now(), false);
    while !session.is_over() {
        let now = Instant::now();
        let waits = session.is_paused() || now < step_due;
        if !waits {
            session.advance()?;
            if slow {
                step_due = now + SLOW_STEP_EVERY;
            }
        }
        if now >= frame_due {
            session.certify_in_passing()?;
            draw(&mut screen.0, session, slow)?;
            frame_due = Instant::now() + FRAME_EVERY;
        }
        let patience = if waits { FRAME_EVERY / 4 } else { Duration::ZERO };
        while event::poll(patience).into_diagnostic()? {
            match event::read().into_diagnostic()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match key {
                    KeyEvent { code: KeyCode::Char('q') | KeyCode::Esc, .. } => return Ok(()),
                    KeyEvent { code: KeyCode::Char('c' | 'd'), modifiers: KeyModifiers::CONTROL, .. } => return Ok(()),
                    KeyEvent { code: KeyCode::Char(' ' | 'p'), .. } => session.toggle_pause(),
                    KeyEvent { code: KeyCode::Char('s'), .. } => (slow, step_due) = (!slow, now),
                    _ => {}
                },
                Event::Resize(..) => {}
                _ => continue,
            }
            frame_due = now;
            break;
        }
    }
    Ok(())
}

fn draw(terminal: &mut DefaultTerminal, session: &mut Session, slow: bool) -> miette::Result<()> {
    let area = terminal.get_frame().area();
    let model = Model::of(session, view::rounds_that_fit(area), slow)?;
    terminal.draw(|frame| view::draw(frame, &model)).into_diagnostic().wrap_err("cannot draw")?;
    Ok(())
}
