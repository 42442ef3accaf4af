//! The only code that prints. In: results, tables, diagnostics, progress. Out: text for people on a
//! terminal or in a log, or one JSON document.

mod diagnostic;
mod progress;
mod table;
mod text;
mod usage;

use std::cell::RefCell;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::ports::Architecture;
use tagboat_report::log_line::{LogContext, LogMetrics};
use tagboat_report::render::{json, json_line};

pub(crate) use progress::ProgressLines;
pub(crate) use table::{Table, fits};
pub(crate) use tagboat_report::text::printable;
pub(crate) use text::{age, ago, fold};

use crate::cli::{Format, OutputArgs};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Standard output and standard error.
#[derive(Debug)]
pub(crate) struct Terminal {
    format: Format,
    verbosity: Verbosity,
    colour: bool,
    /// Why something could not be written to standard output.
    lost: RefCell<Option<String>>,
    progress: ProgressLines,
}

impl Terminal {
    /// As the user asked for it. Colour is for terminals, and `NO_COLOR` (no-color.org) switches it off.
    pub(crate) fn new(output: &OutputArgs, verb: &str) -> Self {
        let verbosity = match (output.quiet, output.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            format: output.format,
            verbosity,
            colour: wanted && std::io::stderr().is_terminal(),
            lost: RefCell::default(),
            progress: ProgressLines::new(verbosity, output.log_format, verb),
        }
    }

    /// Whether one JSON document is asked for.
    pub(crate) const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// How many columns a line may have: as `COLUMNS` says, or the terminal itself, 80 where it does not; a file or
    /// a program that reads takes any.
    pub(crate) fn width(&self) -> Option<usize> {
        let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        if let Some(columns) = named.filter(|columns| *columns > 0) {
            return Some(columns);
        }
        let out = std::io::stdout();
        out.is_terminal().then(|| {
            let size = rustix::termios::tcgetwinsize(&out);
            size.map_or(80, |size| usize::from(size.ws_col)).max(40)
        })
    }

    /// A result for people. Nothing where JSON is asked for.
    pub(crate) fn say(&self, text: &str) {
        if !self.is_json() {
            self.write(&format!("{text}\n"));
        }
    }

    /// A result for programs. Nothing where people are to read.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.is_json() {
            self.document(value);
        }
    }

    /// Something a reader should know beside the result.
    pub(crate) fn warn(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.complain(&format!("{}: {}\n", self.paint("33", "warning"), printable(text)));
        }
    }

    /// Something that happened, beside the result.
    pub(crate) fn note(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.complain(&format!("{}\n", printable(text)));
        }
    }

    /// Something that only a reader who asks for more wants to know.
    pub(crate) fn aside(&self, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            self.note(text);
        }
    }

    /// A warning, in the form of errors.
    pub(crate) fn diagnostic_warning(&self, warning: &Diagnostic) {
        if self.verbosity > Verbosity::Quiet && !self.is_json() {
            let headline = self.paint("1;33", &format!("warning[{}]", warning.code));
            self.complain(&diagnostic::text(warning, &headline));
        }
    }

    /// Mistakes and warnings that are the result itself; programs also read what stands `beside` them.
    pub(crate) fn findings(
        &self,
        mistakes: &[&Diagnostic],
        warnings: &[&Diagnostic],
        mut beside: serde_json::Value,
    ) {
        for warning in warnings {
            self.diagnostic_warning(warning);
        }
        if self.is_json() {
            let all = |list: &[&Diagnostic]| {
                list.iter().map(|told| diagnostic::json(told)["error"].take()).collect::<Vec<_>>()
            };
            beside["errors"] = all(mistakes).into();
            beside["warnings"] = all(warnings).into();
            self.json(&beside);
        } else {
            for mistake in mistakes {
                self.error(mistake);
            }
        }
    }

    /// One JSON document a line, for results that come one by one.
    pub(crate) fn json_line(&self, value: &serde_json::Value) {
        if self.is_json() {
            match json_line(value) {
                Ok(text) => self.write(&format!("{text}\n")),
                Err(error) => self.warn(&format!("a result has no JSON form: {error}")),
            }
        }
    }

    /// A document that is JSON whoever reads it.
    pub(crate) fn document(&self, value: &impl Serialize) {
        match json(value) {
            Ok(text) => self.write(&text),
            Err(error) => self.warn(&format!("the result has no JSON form: {error}")),
        }
    }

    /// A document that is what it is, as a script.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.write(&String::from_utf8_lossy(bytes));
    }

    /// An error, in its one form.
    pub(crate) fn error(&self, error: &Diagnostic) {
        if self.is_json() {
            // One line: it may follow results that came one by one.
            self.json_line(&diagnostic::json(error));
        } else {
            self.error_aside(error);
        }
    }

    /// What log lines are about from now on.
    pub(crate) fn log_about(&self, context: LogContext) {
        self.progress.about(context);
    }

    /// A log line with what was measured of a package.
    pub(crate) fn log_measured(
        &self,
        operation: &str,
        architecture: Option<Architecture>,
        took: Duration,
        metrics: LogMetrics,
    ) {
        self.progress.measured(operation, architecture, took, metrics);
    }

    /// Who hears of progress.
    pub(crate) const fn observer(&self) -> &ProgressLines {
        &self.progress
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Why standard output took not all of it, as on a full disk. Who went away, as `head` does, has what they
    /// wanted.
    pub(crate) fn lost_output(&self) -> Option<Diagnostic> {
        self.lost.borrow().as_deref().map(lost_output)
    }

    /// An error that standard output cannot take.
    pub(crate) fn error_aside(&self, error: &Diagnostic) {
        let headline = self.paint("1;31", &format!("error[{}]", error.code));
        self.complain(&diagnostic::text(error, &headline));
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.lost.borrow_mut().get_or_insert(error.to_string());
        }
    }

    fn complain(&self, text: &str) {
        // Where standard error is closed there is nobody left to tell.
        std::io::stderr().lock().write_all(text.as_bytes()).ok();
    }
}

/// `--help`, `--version`, or a command line that was not understood. Programs that asked for JSON get a document.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    let json = error.use_stderr() && usage::wants_json(std::env::args_os().skip(1));
    let printed = if json {
        let document = diagnostic::json(&usage::diagnostic(error));
        let line = json_line(&document).map_err(std::io::Error::from);
        line.and_then(|line| std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()))
    } else {
        usage::harmless(error).print()
    };
    match printed {
        Err(lost) if exit == Exit::Done && lost.kind() != ErrorKind::BrokenPipe => {
            let text = diagnostic::text(&lost_output(&lost.to_string()), "error[run::output]");
            // Where standard error is closed there is nobody left to tell.
            std::io::stderr().lock().write_all(text.as_bytes()).ok();
            ExitCode::from(Exit::Outside.status())
        }
        Ok(()) | Err(_) => ExitCode::from(exit.status()),
    }
}

fn lost_output(why: &str) -> Diagnostic {
    Diagnostic::unchanged(
        "run::output",
        Exit::Outside,
        format!("standard output could not be written: {why}"),
        "only the telling failed",
    )
    .help("see where the output goes: its disk may be full")
}
