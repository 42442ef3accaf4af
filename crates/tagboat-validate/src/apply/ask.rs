//! The health gate of a service in a root. In: a question and the command that asks it. Out: what was found.

use std::time::{Duration, Instant};

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Severity};
use tagboat_core::gate::{Gate as Core, GateVerdict};
use tagboat_core::health::Judgement;
use tagboat_core::ports::{Clock, Progress, RunError, Runner, Scope, Silent};

use crate::check::service::{hear, unhealthy};
use crate::check::{HealthQuestion, Judged, Notes};
use crate::measure::judge_startup;

/// Asks until there is a verdict.
pub(super) struct Gate<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) clock: &'a dyn Clock,
    pub(super) runner: &'a dyn Runner,
    /// When the service was told to start.
    pub(super) since: Instant,
}

impl Gate<'_> {
    /// Errors are those that say nothing about the service.
    pub(super) fn run(
        &self,
        question: &HealthQuestion,
        command: &Command,
        notes: &mut Notes,
    ) -> Result<Judged, RunError> {
        let mut gate = Core::new(question.policy.clone());
        let mut first_good = None;
        let mut told = String::new();
        // Each refusal before it listens is a line of bash's, and says nothing new.
        let quiet = Scope { observer: &Silent, ..self.scope.clone() };
        loop {
            let asked = self.clock.instant();
            let answer = self.runner.run(&quiet, command);
            let Some(judgement) = hear(question, &answer) else {
                let unsaid = || RunError::Io("it gave neither answer nor error".to_owned());
                return Err(answer.err().unwrap_or_else(unsaid));
            };
            let at = self.elapsed();
            match &judgement {
                Judgement::Good(_) => drop(first_good.get_or_insert(at)),
                Judgement::Bad(why) if *why != told => {
                    self.scope.observer.tell(&self.scope.span, &Progress::Line(why));
                    told.clone_from(why);
                }
                Judgement::Bad(_) => {}
            }
            match gate.hear(at, judgement) {
                Some(GateVerdict::Passed(warnings)) => {
                    return Ok(passed(question, warnings, first_good.unwrap_or(at), notes));
                }
                Some(GateVerdict::Failed(why)) => return Ok(unhealthy(question, &why).into()),
                None => {}
            }
            let asking = self.clock.instant().saturating_duration_since(asked);
            let rest = question.policy.interval.saturating_sub(asking);
            if !self.clock.sleep(self.scope, rest) {
                return if self.scope.cancel.is_cancelled() {
                    Err(RunError::Cancelled)
                } else {
                    Ok(unhealthy(question, "the time for the whole validation is over").into())
                };
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.since)
    }
}

fn passed(
    question: &HealthQuestion,
    warnings: Vec<String>,
    first_good: Duration,
    notes: &mut Notes,
) -> Judged {
    let warning = |text: String| {
        Finding::new("service/degraded", Severity::Warning, format!("{}: {text}", question.unit))
            .help("look at the checks of its health answer")
    };
    let mut findings: Vec<Finding> = warnings.into_iter().map(warning).collect();
    findings.extend(judge_startup(notes, question, first_good));
    findings.into()
}
