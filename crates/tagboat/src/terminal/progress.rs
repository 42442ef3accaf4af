//! Progress told on standard error. In: events, from several threads. Out: plain lines for people, or structured
//! log lines (SPEC O5).

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tagboat_core::ports::{Architecture, Observer, Progress};
use tagboat_report::log_line::{Level, LogContext, LogLine, LogMetrics, LogSource};

use super::{Verbosity, printable};
use crate::cli::Format;

/// What is over sooner is not worth a line of its own for people.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Where progress goes.
#[derive(Debug)]
pub(crate) struct ProgressLines {
    verbosity: Verbosity,
    format: Format,
    // Also the turn of the thread that writes: one line at a time.
    source: Mutex<LogSource>,
}

impl ProgressLines {
    pub(super) fn new(verbosity: Verbosity, format: Format, verb: &str) -> Self {
        let source = LogSource { component: verb.to_owned(), ..LogSource::default() };
        Self { verbosity, format, source: Mutex::new(source) }
    }

    pub(super) fn about(&self, context: LogContext) {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).context = context;
    }

    pub(super) fn measured(
        &self,
        operation: &str,
        architecture: Option<Architecture>,
        took: Duration,
        metrics: LogMetrics,
    ) {
        if self.format == Format::Json {
            let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            let source = LogSource { architecture, ..source.clone() };
            let line = source.line(Timestamp::now(), operation, &Progress::Done(took));
            self.write_log(&LogLine { metrics, ..line });
        }
    }

    fn least(&self) -> Level {
        match self.verbosity {
            Verbosity::Quiet => Level::Error,
            Verbosity::Normal => Level::Info,
            Verbosity::Verbose => Level::Debug,
        }
    }

    fn write_log(&self, line: &LogLine) {
        // A log line always has a JSON form: it holds text and numbers only.
        if let (true, Ok(text)) = (line.passes(self.least()), line.text()) {
            write_line(&text);
        }
    }

    /// The line that people see, if this much is worth telling them.
    fn human(&self, span: &str, progress: &Progress<'_>) -> Option<String> {
        let verbose = self.verbosity == Verbosity::Verbose;
        match progress {
            _ if self.verbosity == Verbosity::Quiet => None,
            Progress::Began => verbose.then(|| format!("{span} …")),
            Progress::Line(line) => verbose.then(|| format!("{span} | {}", printable(line))),
            Progress::Done(took) => (verbose || *took >= WORTH_A_LINE)
                .then(|| format!("{span}: done in {:.1} s", took.as_secs_f32())),
            Progress::Failed(took) => {
                Some(format!("{span}: failed after {:.1} s", took.as_secs_f32()))
            }
            Progress::Note(note) => Some(format!("{span}: {}", printable(note))),
        }
    }
}

impl Observer for ProgressLines {
    fn wants_lines(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    fn tell(&self, span: &str, progress: &Progress<'_>) {
        match self.format {
            Format::Human => {
                if let Some(line) = self.human(&printable(span), progress) {
                    let _turn = self.source.lock();
                    write_line(&line);
                }
            }
            Format::Json => {
                let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
                // Rooms name the architecture in the span: `build api arm64: make`.
                let architecture = span
                    .split([' ', ':', ','])
                    .find_map(Architecture::from_debian)
                    .or(source.architecture);
                let source = LogSource { architecture, ..source.clone() };
                self.write_log(&source.line(Timestamp::now(), span, progress));
            }
        }
    }
}

fn write_line(line: &str) {
    // Where standard error is closed there is nobody left to tell.
    std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()).ok();
}
