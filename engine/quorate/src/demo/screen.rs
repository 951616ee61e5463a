//! Who watches, and the terminal that they watch on, which is given back on every way out.

use std::io::{self, IsTerminal as _};

use miette::{IntoDiagnostic as _, WrapErr as _};
use ratatui::DefaultTerminal;

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// A person at a terminal that can be drawn on.
    Screen,
    /// A log, a pipe, or a person who wants lines.
    Lines,
    /// A script that wants the summary.
    Nobody,
}

impl Watcher {
    /// Who watches, given whether only a summary is wanted, or lines.
    pub(crate) fn of(json: bool, plain: bool) -> Self {
        match (json, plain || !is_there()) {
            (true, _) => Self::Nobody,
            (false, true) => Self::Lines,
            (false, false) => Self::Screen,
        }
    }
}

/// Whether there is a terminal that can be drawn on, and somebody at it.
pub(crate) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// The terminal, in raw mode and on its other screen until this is dropped. A panic gives it back too, before it is reported.
pub(crate) struct Screen(pub(crate) DefaultTerminal);

impl Screen {
    /// Takes the terminal.
    pub(crate) fn open() -> miette::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                // It may have been half way.
                let _ = ratatui::try_restore();
                Err(error).into_diagnostic().wrap_err("cannot draw on this terminal; --plain prints lines instead")
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
