//! Structured log lines (SPEC O5). In: progress, and when it happened. Out: one JSON object a line.
//!
//! Secrets are masked before text comes here: the runner masks what programs print, commands mask themselves.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tagboat_core::commit::CommitSha;
use tagboat_core::ports::{Architecture, Progress};

use crate::render::json_line;
use crate::text::clip;

/// Most characters of a message; a program's longer line is clipped.
pub const MAX_MESSAGE: usize = 8_192;

/// How much a line matters. The greater, the more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// How something was done: what programs print.
    Debug,
    /// What was done. The default of what is written (SPEC O5).
    #[default]
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong.
    Error,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogResult {
    /// Well.
    Success,
    /// Not well.
    Failure,
}

/// What a line is said about: the same for a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogContext {
    /// The commit that is built or deployed.
    pub commit_sha: Option<CommitSha>,
    /// The branch it was taken from.
    pub branch: Option<String>,
    /// The forge's run, or `local-<deployment_id>`.
    pub workflow_run_id: Option<String>,
}

/// What was measured of a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogMetrics {
    /// Size of the `.deb`, in bytes.
    pub package_size_bytes: Option<u64>,
    /// Lintian's warnings.
    pub lintian_warnings: Option<u64>,
    /// Lintian's errors.
    pub lintian_errors: Option<u64>,
}

/// One line: the fields of SPEC O5 in their order, `null` where one does not apply, and a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When, UTC.
    pub timestamp: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// Which part of Tagboat: `deploy`.
    pub component: String,
    /// What it was doing: `install v1.4.0 on web-1`.
    pub operation: String,
    /// For which architecture, where there is one.
    pub architecture: Option<Architecture>,
    /// How long the operation took, once it ended, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How it ended, once it did.
    pub result: Option<LogResult>,
    /// What it is about.
    pub context: LogContext,
    /// What was measured.
    pub metrics: LogMetrics,
    /// What was said. Beside the fields of SPEC O5.
    pub message: String,
}

impl LogLine {
    /// Whether a log of this level holds it.
    #[must_use]
    pub fn passes(&self, least: Level) -> bool {
        self.level >= least
    }

    /// The line, without its end: one JSON object that is safe on a terminal as well.
    ///
    /// # Errors
    /// Where a value has no JSON form.
    pub fn text(&self) -> serde_json::Result<String> {
        json_line(self)
    }
}

/// Who logs, and about what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSource {
    /// Which part of Tagboat.
    pub component: String,
    /// For which architecture.
    pub architecture: Option<Architecture>,
    /// What it is about.
    pub context: LogContext,
}

impl LogSource {
    /// The line for what an [`Observer`](tagboat_core::ports::Observer) was told at `at` of the operation
    /// `span`.
    #[must_use]
    pub fn line(&self, at: Timestamp, span: &str, progress: &Progress<'_>) -> LogLine {
        let milliseconds =
            |took: &Duration| Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let (level, duration_ms, result, message) = match progress {
            Progress::Began => (Level::Info, None, None, "began"),
            Progress::Line(line) => (Level::Debug, None, None, *line),
            Progress::Note(note) => (Level::Info, None, None, *note),
            Progress::Done(took) => {
                (Level::Info, milliseconds(took), Some(LogResult::Success), "done")
            }
            Progress::Failed(took) => {
                (Level::Error, milliseconds(took), Some(LogResult::Failure), "failed")
            }
        };
        LogLine {
            timestamp: at,
            level,
            component: self.component.clone(),
            operation: clip(span, MAX_MESSAGE).into_owned(),
            architecture: self.architecture,
            duration_ms,
            result,
            context: self.context.clone(),
            metrics: LogMetrics::default(),
            message: clip(message, MAX_MESSAGE).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source() -> LogSource {
        LogSource {
            component: "deploy".to_owned(),
            architecture: Some(Architecture::Arm64),
            context: LogContext {
                commit_sha: CommitSha::parse(&"a".repeat(40)).ok(),
                branch: Some("main".to_owned()),
                workflow_run_id: Some("123456789".to_owned()),
            },
        }
    }

    fn at() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_line_has_the_public_fields_in_their_order() {
        let mut line = source().line(at(), "build", &Progress::Done(Duration::from_secs(270)));
        line.metrics = LogMetrics {
            package_size_bytes: Some(1_098_765),
            lintian_warnings: Some(0),
            lintian_errors: Some(0),
        };
        let commit = "a".repeat(40);
        let expected = format!(
            r#"{{"timestamp":"2026-11-21T12:00:00Z","level":"info","component":"deploy","operation":"build","architecture":"arm64","duration_ms":270000,"result":"success","context":{{"commit_sha":"{commit}","branch":"main","workflow_run_id":"123456789"}},"metrics":{{"package_size_bytes":1098765,"lintian_warnings":0,"lintian_errors":0}},"message":"done"}}"#
        );
        assert_eq!(line.text().unwrap(), expected);
    }

    #[test]
    fn what_programs_print_is_left_out_unless_asked_for() {
        let source = source();
        let level = |progress| source.line(at(), "build", &progress).level;
        let second = Duration::from_secs(1);
        assert_eq!(level(Progress::Began), Level::Info);
        assert_eq!(level(Progress::Note("falls back")), Level::Info);
        assert_eq!(level(Progress::Done(second)), Level::Info);
        assert_eq!(level(Progress::Failed(second)), Level::Error);
        let printed = source.line(at(), "build", &Progress::Line("make: done"));
        assert!(!printed.passes(Level::default()));
        assert!(printed.passes(Level::Debug));
    }

    #[test]
    fn a_line_without_an_end_is_clipped() {
        let long = "x".repeat(10 << 20);
        let line = source().line(at(), "build", &Progress::Line(&long));
        assert!(line.text().unwrap().len() < 2 * MAX_MESSAGE);
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_of_json_that_acts_on_nothing(said in r"(\PC|\pC|::|##\[){0,40}") {
            let line = source().line(at(), &said, &Progress::Line(&said)).text().unwrap();
            prop_assert!(!line.contains(crate::text::acts) && !line.contains("##["));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["message"].as_str(), Some(said.as_str()));
            prop_assert_eq!(read["operation"].as_str(), Some(said.as_str()));
        }
    }
}
