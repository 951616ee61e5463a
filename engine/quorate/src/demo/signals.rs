//! The signals that end a demo: in good order at the first, at once at the second.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use miette::{IntoDiagnostic as _, WrapErr as _};
use signal_hook::consts::TERM_SIGNALS;

/// The signal of a terminal that went away.
#[cfg(unix)]
const GONE: &[i32] = &[signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const GONE: &[i32] = &[];

/// What becomes true when somebody wants the demo to end. Whoever asks a second time does not want to wait.
pub(crate) fn heed() -> miette::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for &signal in TERM_SIGNALS.iter().chain(GONE) {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .into_diagnostic()
            .wrap_err("cannot listen for Ctrl-C")?;
    }
    Ok(interrupted)
}
