//! The log for people and for those who collect logs: lines on standard error, as text or as JSON.
//!
//! Whoever logs never waits. Lines go to a thread that writes them; when the other end does not take them (a terminal that was stopped, a
//! pipe that nobody reads), a bounded number of bytes waits, and what comes then is dropped, counted, and the count is written down as
//! soon as lines are taken again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Format;

/// So many bytes of lines wait to be written.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// So long the end of a program waits for its last lines.
const FLUSH_MAX: Duration = Duration::from_secs(1);
/// What filters lines, if the configuration is to be overruled for once.
const FILTER_VARIABLE: &str = "RUST_LOG";

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines this process has dropped, because they were not taken in time.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter makes no sense.
    #[error(
        "the log's filter {filter:?} cannot be read: {why}; expected error, warn, info, debug or trace, or such as info,quorate_net=debug"
    )]
    Filter {
        /// What it says.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is one already.
    #[error("this process has a log already; it is begun once")]
    Begun,
    /// The thread that writes could not be started.
    #[error("the thread that writes the log cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Keeps the log until it is dropped; then what waits is written, if it is taken within a second.
#[must_use = "what still waits when the program ends is written when this is dropped"]
pub struct Log {
    lines: Lines,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush(FLUSH_MAX);
    }
}

/// Begins the log of this process, on standard error. The environment's `RUST_LOG` has the last word on the filter.
///
/// # Errors
/// If the filter makes no sense, or there is a log already.
pub fn begin(filter: &str, format: Format) -> Result<Log, LogError> {
    let overruled = std::env::var(FILTER_VARIABLE).ok().filter(|filter| !filter.is_empty());
    let lines = Lines::begin(io::stderr(), format, WAITING_BYTES_MAX)?;
    let subscriber = subscriber(overruled.as_deref().unwrap_or(filter), format, lines.clone(), io::IsTerminal::is_terminal(&io::stderr()))?;
    subscriber.try_init().map_err(|_| LogError::Begun)?;
    Ok(Log { lines })
}

/// What writes down the lines that pass the filter.
fn subscriber(filter: &str, format: Format, lines: Lines, colours: bool) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| LogError::Filter { filter: filter.into(), why: error.to_string() })?;
    let common = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    Ok(match format {
        Format::Text => Box::new(common.with_ansi(colours).finish()),
        Format::Json => Box::new(common.json().flatten_event(true).finish()),
    })
}

enum Said {
    Line(Vec<u8>),
    /// Everything before it is to be written, and whoever waits is to be told.
    Flush(mpsc::SyncSender<()>),
}

/// Takes lines to the thread that writes them.
#[derive(Clone)]
struct Lines {
    said: mpsc::Sender<Said>,
    account: Arc<Account>,
    waiting_max: usize,
}

/// What waits, and what was lost.
#[derive(Default)]
struct Account {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

impl Account {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Lines {
    fn begin(to: impl Write + Send + 'static, format: Format, waiting_max: usize) -> io::Result<Self> {
        let (said, heard) = mpsc::channel();
        let account = Arc::new(Account::default());
        let written = Arc::clone(&account);
        thread::Builder::new().name("log".into()).spawn(move || write(to, format, &heard, &written))?;
        Ok(Self { said, account, waiting_max })
    }

    fn say(&self, line: Vec<u8>) {
        let bytes = line.len();
        let before = self.account.waiting.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.waiting_max || self.said.send(Said::Line(line)).is_err() {
            self.account.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.account.drop_one();
        }
    }

    fn flush(&self, within: Duration) {
        let (written, wait) = mpsc::sync_channel(1);
        if self.said.send(Said::Flush(written)).is_ok() {
            // Whether it was in time is of no use to anybody any more.
            let _ = wait.recv_timeout(within);
        }
    }
}

/// The thread that writes. What cannot be written is lost, and counted as such.
fn write(mut to: impl Write, format: Format, heard: &mpsc::Receiver<Said>, account: &Account) {
    let mut reported = 0;
    while let Ok(said) = heard.recv() {
        match said {
            Said::Line(line) => {
                if to.write_all(&line).is_err() {
                    account.drop_one();
                }
                account.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            }
            Said::Flush(written) => {
                let _ = to.flush();
                let _ = written.try_send(());
            }
        }
        let dropped = account.dropped.load(Ordering::Relaxed);
        let room = account.waiting.load(Ordering::Relaxed) == 0;
        if room && dropped > reported && to.write_all(report(format, dropped - reported).as_bytes()).is_ok() {
            reported = dropped;
        }
    }
}

/// The line that says how many lines are missing.
fn report(format: Format, lines: u64) -> String {
    let mut time = String::new();
    // Without its time, the line still says what matters.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let (target, message) = (module_path!(), "lines were dropped here, because they were not taken in time");
    match format {
        Format::Text => format!("{time}  WARN {target}: {message} lines={lines}\n"),
        Format::Json => {
            let line = serde_json::json!({ "timestamp": time, "level": "WARN", "target": target, "message": message, "lines": lines });
            format!("{line}\n")
        }
    }
}

/// A line while it is put together; it is said when it is whole.
struct Line<'a> {
    lines: &'a Lines,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.lines.say(std::mem::take(&mut self.bytes));
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, bytes: Vec::with_capacity(128) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};
    use std::time::Instant;

    use super::*;

    /// Somebody who takes lines, but only while the gate is open.
    #[derive(Clone, Default)]
    struct Reader {
        gate: Arc<Gate>,
    }

    #[derive(Default)]
    struct Gate {
        /// Whether it is open, and what was taken.
        state: Mutex<(bool, Vec<u8>)>,
        changed: Condvar,
    }

    impl Reader {
        fn open(&self, open: bool) {
            self.gate.state.lock().unwrap().0 = open;
            self.gate.changed.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.gate.state.lock().unwrap().1.clone()).unwrap()
        }
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.gate.changed.wait_while(self.gate.state.lock().unwrap(), |(open, _)| !*open).unwrap();
            state.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(filter: &str, format: Format, then: impl FnOnce()) -> String {
        let reader = Reader::default();
        reader.open(true);
        let lines = Lines::begin(reader.clone(), format, 1 << 16).unwrap();
        tracing::subscriber::with_default(subscriber(filter, format, lines.clone(), false).unwrap(), then);
        lines.flush(Duration::from_secs(10));
        reader.text()
    }

    #[test]
    fn a_line_of_json_has_what_was_said_and_its_fields() {
        let text = log("info", Format::Json, || {
            tracing::info!(partition = 1, leader = "node-2", "a leader was heard of");
            tracing::debug!("not asked for");
        });
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "a leader was heard of");
        assert_eq!(lines[0]["partition"], 1);
        assert_eq!(lines[0]["leader"], "node-2");
        assert!(lines[0]["timestamp"].is_string() && lines[0]["target"].is_string(), "{text}");
    }

    #[test]
    fn text_is_one_line_for_each_thing_said_and_the_filter_goes_by_place() {
        let text = log("warn,quorate_node=debug", Format::Text, || {
            tracing::debug!(bytes = 12, "here");
            tracing::info!(target: "elsewhere", "not there");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("DEBUG") && text.contains("here") && text.contains("bytes=12"), "{text}");
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_refused_with_what_would() {
        let lines = Lines::begin(io::sink(), Format::Text, 1).unwrap();
        let Err(error) = subscriber("info,quorate=loud", Format::Text, lines, false) else { panic!("it was taken") };
        assert!(error.to_string().contains("quorate=loud") && error.to_string().contains("expected error, warn"), "{error}");
    }

    #[test]
    fn whoever_logs_does_not_wait_for_a_reader_that_stands_still() {
        let reader = Reader::default();
        let lines = Lines::begin(reader.clone(), Format::Text, 4096).unwrap();
        let begun = Instant::now();
        let subscriber = subscriber("info", Format::Text, lines.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || (0..10_000).for_each(|number| tracing::info!(number, "said")));
        assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
        assert!(lines.account.waiting.load(Ordering::Relaxed) <= 4096);
        let lost = lines.account.dropped.load(Ordering::Relaxed);
        reader.open(true);
        lines.flush(Duration::from_secs(10));
        let written = reader.text().lines().filter(|line| line.contains("said")).count() as u64;
        assert!(written > 0, "nothing was written");
        assert_eq!(written + lost, 10_000, "what was written and what is counted as dropped are not all");
        assert!(dropped() >= lost, "the process counts less than one of its logs");
    }

    #[test]
    fn what_was_dropped_is_said_once_lines_are_taken_again() {
        for format in [Format::Text, Format::Json] {
            let reader = Reader::default();
            let lines = Lines::begin(reader.clone(), format, 64).unwrap();
            (0..10).for_each(|_| lines.say([vec![b'x'; 39], vec![b'\n']].concat()));
            reader.open(true);
            lines.flush(Duration::from_secs(10));
            let text = reader.text();
            let report = text.lines().nth(1).expect("a line after the one that there was room for");
            match format {
                Format::Text => assert!(report.ends_with("lines=9") && report.contains("WARN"), "{report}"),
                Format::Json => {
                    let report: serde_json::Value = serde_json::from_str(report).unwrap();
                    assert_eq!((&report["lines"], &report["level"]), (&9.into(), &"WARN".into()));
                    assert!(report["timestamp"].as_str().is_some_and(|time| time.starts_with("20")), "{report}");
                }
            }
        }
    }
}
