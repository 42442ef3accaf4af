//! The health gate, driven. In: a host and what a healthy answer is like. Out: the gate's verdict.

use std::time::Duration;

use tagboat_core::gate::{Gate, GateVerdict};
use tagboat_core::health::{Expectation, Probe, judge, read_answer};
use tagboat_core::ports::{Clock, Progress, RunError, Runner, Scope};

use crate::host::HostProgram;
use crate::request::HealthRequest;

/// Exit status of timeout(1) when the time was up.
const TIMED_OUT: i32 = 124;
/// Exit status of the probe when nothing listens.
const REFUSED: i32 = 7;

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoVerdict {
    /// Someone asked to stop.
    Interrupted,
    /// The host cannot be asked any more.
    Host(RunError),
}

/// Asks until the gate has a verdict.
///
/// # Errors
/// [`NoVerdict`].
pub fn run_gate(
    scope: &Scope<'_>,
    runner: &dyn Runner,
    clock: &dyn Clock,
    program: &HostProgram,
    health: &HealthRequest,
    expectation: &Expectation,
) -> Result<GateVerdict, NoVerdict> {
    let start = clock.instant();
    let mut gate = Gate::new(health.policy.clone());
    loop {
        let asked = clock.instant();
        let probe = ask(scope, runner, program, health)?;
        let judgement = judge(&probe, expectation);
        if let tagboat_core::health::Judgement::Bad(why) = &judgement {
            scope.observer.tell(&scope.span, &Progress::Line(why));
        }
        let now = clock.instant();
        if let Some(verdict) = gate.hear(now.duration_since(start), judgement) {
            return Ok(verdict);
        }
        let rest = health.policy.interval.saturating_sub(now.duration_since(asked));
        if !clock.sleep(scope, rest) && scope.cancel.is_cancelled() {
            return Err(NoVerdict::Interrupted);
        }
    }
}

fn ask(
    scope: &Scope<'_>,
    runner: &dyn Runner,
    program: &HostProgram,
    health: &HealthRequest,
) -> Result<Probe, NoVerdict> {
    let within = health.policy.answer_within;
    let command = program.probe(health.port, &health.path, within);
    let none = |why: String| Ok(Probe::None(why));
    match runner.run(scope, &command) {
        Ok(output) => match output.status {
            Some(0) => Ok(read_answer(&output.stdout)),
            Some(REFUSED) => none(format!("nothing listens on port {}", health.port)),
            Some(TIMED_OUT) => none(late(within)),
            _ => none(format!("the host could not ask: {}", crate::error::last_words(&output))),
        },
        Err(RunError::TimedOut(_)) => none(late(within)),
        Err(RunError::TooMuchOutput) => none("its answer does not end".to_owned()),
        Err(RunError::Cancelled) => Err(NoVerdict::Interrupted),
        Err(error @ (RunError::Unreachable(_) | RunError::HostKey(_))) => {
            Err(NoVerdict::Host(error))
        }
        Err(error @ (RunError::NotFound | RunError::Io(_))) => Err(NoVerdict::Host(error)),
    }
}

fn late(within: Duration) -> String {
    format!("no whole answer within {} s", within.as_secs())
}
