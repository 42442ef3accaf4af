//! The hosts, changed and judged as core's rollout says. In: its effects. Out: what came of each, until it is over.

use jiff::Timestamp;
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Result, bug};
use tagboat_core::environment::HostName;
use tagboat_core::gate::GateVerdict;
use tagboat_core::health::Expectation;
use tagboat_core::ports::{Cancel, Progress, RunError, Scope};
use tagboat_core::rollout::{Effect, Ending, Event, Over, Regional, RegionalRollout};
use tagboat_core::version::Version;

use super::{StepName, Work, now};
use crate::error::last_words;
use crate::plan::PlannedHost;
use crate::probe::{NoVerdict, run_gate};

impl Work<'_> {
    /// Performs core's effects until it says that it is over.
    pub(super) fn roll_out(&mut self, begun: Timestamp) -> Result<Over> {
        let mut parts = self.plan.rollout_parts().into_iter();
        let first = parts.next().ok_or_else(|| bug("a deployment without a host"))?;
        let back = self.plan.way_back();
        let (mut rollout, mut effect) = RegionalRollout::new(first, parts.collect(), back, begun);
        loop {
            let event = self.perform(&effect);
            match rollout.hear(event, now(&self.ports)) {
                Regional::Do(next, wanted) => (rollout, effect) = (*next, wanted),
                Regional::Over(over) => return Ok(over),
            }
        }
    }

    pub(super) fn perform(&mut self, effect: &Effect) -> Event {
        let plan = self.plan;
        let version = &plan.request.version;
        let back = plan.previous.as_ref().map(|previous| &previous.version);
        let (Effect::Install(host)
        | Effect::Judge(host)
        | Effect::Restore(host)
        | Effect::JudgeRestored(host)
        | Effect::Remove(host)) = effect;
        let Some(planned) = plan.host(host) else {
            return Event::Failed("unknown host".to_owned());
        };
        let name = match effect {
            Effect::Install(_) => format!("install {} on {planned}", version.semver()),
            Effect::Judge(_) => format!("health gate on {planned}"),
            Effect::Restore(_) => {
                let back = back.map_or_else(String::new, Version::semver);
                format!("put {back} back on {planned}")
            }
            Effect::JudgeRestored(_) => format!("health gate on {planned} after the roll-back"),
            Effect::Remove(_) => format!("remove {} from {planned}", plan.request.package),
        };
        let name = StepName::on(planned, name);
        // The way back is not stopped by the Ctrl-C that began it.
        let undoing = !matches!(effect, Effect::Install(_) | Effect::Judge(_));
        let mut scope = self.scope.span(name.step.clone());
        if undoing {
            scope.cancel = Cancel::default();
        } else if scope.cancel.is_cancelled() {
            return Event::Declined;
        }
        let begun = self.begin(&scope);
        let claim = &planned.claim;
        let event = match effect {
            Effect::Install(_) => {
                self.phase(&scope, host, &planned.program.install(&version.debian(), claim))
            }
            Effect::Restore(_) => match back {
                Some(back) => {
                    self.phase(&scope, host, &planned.program.install(&back.debian(), claim))
                }
                None => Event::Failed("there is nothing to go back to".to_owned()),
            },
            Effect::Remove(_) => self.phase(&scope, host, &planned.program.remove(claim)),
            Effect::Judge(_) => self.gate(&scope, planned, &plan.expected()),
            Effect::JudgeRestored(_) => match plan.expected_before() {
                Some(expected) => self.gate(&scope, planned, &expected),
                None => Event::Failed("there is nothing to go back to".to_owned()),
            },
        };
        let result = match &event {
            Event::Done => Ok(()),
            Event::Failed(reason) => Err(reason.clone()),
            Event::Interrupted | Event::Declined => Err("interrupted".to_owned()),
        };
        self.finish(&scope, name, begun, result);
        event
    }

    /// A phase runs on the host by itself; if the connection is cut, wait for it there and see again.
    pub(super) fn phase(&self, scope: &Scope<'_>, host: &HostName, command: &Command) -> Event {
        let Ok(runner) = self.runner(host) else { return Event::Failed("no way to it".to_owned()) };
        match runner.run(scope, command) {
            Ok(output) if output.success() => Event::Done,
            Ok(output) => Event::Failed(last_words(&output)),
            Err(RunError::Cancelled) => Event::Interrupted,
            Err(RunError::Unreachable(why)) => {
                scope
                    .observer
                    .tell(&scope.span, &Progress::Note("the connection was cut; trying once more"));
                // The same command again: it first waits for the phase that still runs, then finds its work
                // done or does it.
                match runner.run(scope, command) {
                    Ok(output) if output.success() => Event::Done,
                    Ok(output) => Event::Failed(last_words(&output)),
                    Err(RunError::Cancelled) => Event::Interrupted,
                    Err(_) => Event::Failed(format!("the host cannot be reached: {why}")),
                }
            }
            Err(error) => Event::Failed(error.to_string()),
        }
    }

    pub(super) fn gate(
        &mut self,
        scope: &Scope<'_>,
        planned: &PlannedHost,
        expected: &Expectation,
    ) -> Event {
        let host = &planned.host.name;
        let Ok(runner) = self.runner(host) else { return Event::Failed("no way to it".to_owned()) };
        let health = &self.plan.request.health;
        let verdict = run_gate(scope, runner, self.ports.clock, &planned.program, health, expected);
        match verdict {
            Ok(GateVerdict::Passed(warnings)) => {
                self.warnings
                    .extend(warnings.into_iter().map(|warning| format!("{planned}: {warning}")));
                Event::Done
            }
            Ok(GateVerdict::Failed(why)) => Event::Failed(why),
            Err(NoVerdict::Interrupted) => Event::Interrupted,
            Err(NoVerdict::Host(error)) => Event::Failed(error.to_string()),
        }
    }

    /// What the sick service said. By then it has been put back, so its last lines are not the newest.
    pub(super) fn journal(&self, ending: &Ending) -> Vec<String> {
        let (Ending::RolledBack(cause) | Ending::Stuck(cause, _)) = ending else {
            return Vec::new();
        };
        let Some(planned) = self.plan.host(&cause.host) else { return Vec::new() };
        let Ok(runner) = self.runner(&cause.host) else { return Vec::new() };
        // It only helps a reader: where it cannot be had the report is shorter.
        match runner.run(&self.scope.span("journal"), &planned.program.journal(20)) {
            Ok(output) if output.success() => output.text().lines().map(str::to_owned).collect(),
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}
