//! The checks. In: packages, and what programs in a clean root answered. Out: steps for the plan, and findings.

pub(crate) mod install;
pub(crate) mod lintian;
pub(crate) mod permissions;
pub(crate) mod removal;
pub(crate) mod service;
pub(crate) mod test_commands;

use std::collections::BTreeSet;
use std::time::Duration;

use tagboat_core::finding::{Finding, RequiredPass, Verdict, verdict};
use tagboat_core::gate::GatePolicy;
use tagboat_core::health::Expectation;
use tagboat_core::ports::Output;

use crate::measure;
use crate::record::{How, MeasurementName};

pub use lintian::LintianGate;

/// How many of a program's last lines a finding shows.
const SHOWN: usize = 6;

/// What a command is asked. Whoever runs it has its answer judged; only a gate is asked again.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Whether it exits with 0; else this was found.
    Succeeds(Finding),
    /// What lintian found.
    Lintian(LintianGate),
    /// Whether dependencies can be installed; its time counts.
    Resolves,
    /// Whether the packages can be installed, in this time.
    Installs {
        /// The longest that is good.
        limit: Duration,
        /// Whether a longer time is a failure.
        how: How,
    },
    /// Whether dpkg finds nothing half done.
    AuditIsEmpty,
    /// Whether these packages are installed in these versions.
    AreInstalled(Vec<(String, String)>),
    /// Which units have failed before.
    FailedUnitsBefore,
    /// Whether none has failed since.
    NoUnitFailed,
    /// Which files there were before.
    FilesBefore,
    /// Whether there are no more than before.
    NoFilesLeft,
    /// Whether a service becomes healthy.
    Healthy(HealthQuestion),
    /// How much memory a service's processes take.
    Memory {
        /// The unit.
        unit: String,
        /// The most that is good, in MiB.
        limit_mb: u64,
        /// Whether more is a failure.
        how: How,
    },
    /// Whether a service has come to its end, and well.
    HasStopped(String),
    /// Whether nothing of a unit is left: not loaded, not running.
    UnitIsGone(String),
    /// Whether dpkg knows none of them any more.
    AreGone(Vec<String>),
}

/// How a service is asked until there is a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthQuestion {
    /// The unit.
    pub unit: String,
    /// How its answer is read.
    pub answer: HealthAnswer,
    /// The gate's numbers.
    pub policy: GatePolicy,
    /// Whether the time to its first good answer is its start-up time, and the limit of that.
    pub startup: Option<(Duration, How)>,
}

/// What answers.
#[derive(Clone, Debug, PartialEq)]
pub enum HealthAnswer {
    /// The service, over HTTP; a good answer is like this.
    Http(Expectation),
    /// systemd.
    Systemd,
}

/// What came of one step.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Judged {
    pub(crate) findings: Vec<Finding>,
    pub(crate) verdict: Option<Verdict>,
}

impl Judged {
    /// Nothing was found.
    pub(crate) const fn clean() -> Self {
        Self { findings: Vec::new(), verdict: None }
    }

    /// Whether this step failed. Where a check has no gate of its own, an error is a failure.
    pub(crate) fn verdict(&self) -> Verdict {
        let errors = [RequiredPass::NoErrors];
        self.verdict.unwrap_or_else(|| verdict(&self.findings, &errors))
    }
}

impl From<Finding> for Judged {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding], verdict: None }
    }
}

impl From<Vec<Finding>> for Judged {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, verdict: None }
    }
}

/// What is remembered from one step of a trial to the next.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) files: Option<BTreeSet<Vec<u8>>>,
    pub(crate) failed_units: Option<BTreeSet<String>>,
    pub(crate) installing: Duration,
    pub(crate) measured: Vec<(MeasurementName, f64, f64)>,
    pub(crate) tool: Option<String>,
}

impl Notes {
    /// Judges the answer to a question that is asked once.
    pub(crate) fn judge(&mut self, question: &Question, output: &Output) -> Judged {
        match question {
            Question::Succeeds(otherwise) => {
                if output.success() {
                    return Judged::clean();
                }
                with_last_words(otherwise.clone(), output).into()
            }
            Question::Lintian(gate) => lintian::judge(self, gate, output),
            Question::Resolves => install::judge_resolved(self, output),
            Question::Installs { limit, how } => {
                install::judge_installed(self, *limit, *how, output)
            }
            Question::AuditIsEmpty => install::judge_audit(output),
            Question::AreInstalled(expected) => install::judge_states(expected, output),
            Question::FailedUnitsBefore => service::remember_failed(self, output),
            Question::NoUnitFailed => service::judge_failed(self, output),
            Question::FilesBefore => removal::remember_files(self, output),
            Question::NoFilesLeft => removal::judge_leftovers(self, output),
            Question::Memory { unit, limit_mb, how } => {
                measure::judge_memory(self, unit, *limit_mb, *how, output)
            }
            Question::HasStopped(unit) => service::judge_stopped(unit, output),
            Question::UnitIsGone(unit) => removal::judge_unit(unit, output),
            Question::AreGone(names) => removal::judge_gone(names, output),
            // Asked until there is a verdict, by who has a clock.
            Question::Healthy(question) => service::unhealthy(question, "it was not asked").into(),
        }
    }
}

/// `finding`, with how the program ended and the last that it said.
pub(crate) fn with_last_words(mut finding: Finding, output: &Output) -> Finding {
    let said = last_words(output);
    finding.message = match output.status {
        Some(status) => format!("{} (exit status {status})", finding.message),
        None => format!("{} (ended by a signal)", finding.message),
    };
    if !said.is_empty() {
        finding.message = format!("{}\n{said}", finding.message);
    }
    finding
}

/// The last lines of standard error that say something; of standard output, where there are none.
pub(crate) fn last_words(output: &Output) -> String {
    let lines = output.last_lines(SHOWN);
    if !lines.is_empty() {
        return lines.join("\n");
    }
    let text = output.text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
