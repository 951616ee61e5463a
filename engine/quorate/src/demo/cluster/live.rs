//! The demo on a terminal: looks, keys and frames in turn.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::session::Session;
use super::view;
use crate::demo::screen::Screen;

const FRAME_EVERY: Duration = Duration::from_millis(100);

/// Runs until the time is up or somebody quits.
pub(crate) fn show(session: &mut Session) -> miette::Result<()> {
    let mut screen = Screen::open()?;
    let (mut frame_due, mut help) = (Instant::now(), false);
    while !session.is_over() {
        if Instant::now() >= frame_due {
            session.tick();
            draw(&mut screen.0, session, help)?;
            frame_due = Instant::now() + FRAME_EVERY;
        }
        let patience = frame_due.saturating_duration_since(Instant::now());
        // A signal ends the waiting early.
        match event::poll(patience) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).into_diagnostic().wrap_err("cannot read the terminal"),
        }
        match event::read().into_diagnostic().wrap_err("cannot read the terminal")? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match key {
                KeyEvent { code: KeyCode::Char('c' | 'd'), modifiers: KeyModifiers::CONTROL, .. } => return Ok(()),
                KeyEvent { code: KeyCode::Esc, .. } if help => help = false,
                KeyEvent { code: KeyCode::Char('q') | KeyCode::Esc, .. } => return Ok(()),
                KeyEvent { code: KeyCode::Char('k'), .. } => session.kill_leader(),
                KeyEvent { code: KeyCode::Char('t'), .. } => session.transfer(),
                KeyEvent { code: KeyCode::Char('l'), .. } => session.next_load(),
                KeyEvent { code: KeyCode::Char('p'), .. } => session.toggle_pause(),
                KeyEvent { code: KeyCode::Char('?' | 'h'), .. } => help = !help,
                _ => {}
            },
            Event::Resize(..) => {}
            _ => continue,
        }
        frame_due = Instant::now();
    }
    Ok(())
}

fn draw(terminal: &mut DefaultTerminal, session: &Session, help: bool) -> miette::Result<()> {
    let area = terminal.get_frame().area();
    let model = session.model(view::events_that_fit(area), help);
    terminal.draw(|frame| view::draw(frame, &model)).into_diagnostic().wrap_err("cannot draw")?;
    Ok(())
}
