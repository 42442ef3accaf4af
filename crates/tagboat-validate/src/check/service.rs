//! Running a service (SPEC X3). In: a unit, the limits; what systemd, the service and the kernel said. Out: steps,
//! and findings: it starts in time, is healthy, takes no more memory than allowed, restarts and stops.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Severity};
use tagboat_core::gate::GatePolicy;
use tagboat_core::health::{Judgement, Probe, judge, read_answer};
use tagboat_core::ports::{Output, RunError};

use super::install::ANSWER;
use super::{HealthAnswer, HealthQuestion, Judged, Notes, Question, last_words, with_last_words};
use crate::measure;
use crate::plan::{OnFailure, Site, Step};
use crate::record::{CheckName, How};
use crate::request::HealthRequest;

/// Shorter than a deployment's: the start-up time is measured by it.
const HEALTH_INTERVAL: Duration = Duration::from_millis(250);

/// A program that ends right after its start must not pass while it still runs.
const ACTIVE_INTERVAL: Duration = Duration::from_secs(1);

/// Good answers in a row that pass (SPEC D4).
const PASSES: u32 = 3;

/// How long systemctl may wait for a job: systemd's own limits end it before (systemd-system.conf(5),
/// `DefaultTimeoutStartSec`, `DefaultTimeoutStopSec`: 90 s each; a restart takes both).
const JOB: Duration = Duration::from_secs(200);

/// Asks over loopback, with nothing but what every Debian has (bash(1), "REDIRECTION"): `curl` in the root could
/// stand in for a missing dependency.
const ASK: &str = concat!(
    r#"exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 7; "#,
    r#"printf "GET %s HTTP/1.0\r\nHost: localhost\r\nUser-Agent: tagboat\r\nAccept: application/json\r\n\r\n" "$2" >&3; "#,
    "head -c 81920 <&3",
);
/// Exit status of [`ASK`] where nothing listens.
const REFUSED: i32 = 7;
/// Exit status of timeout(1) where the time was up.
const TIMED_OUT: i32 = 124;

fn found(tag: &str, severity: Severity, message: impl Into<String>) -> Finding {
    Finding::new(format!("service/{tag}"), severity, message)
}

pub(crate) fn steps(site: &Site<'_>, unit: &str) -> Vec<Step> {
    let limits = &site.request.service_limits;
    let systemctl =
        |verb: &str| Command::new("systemctl").args([verb, "--", unit]).timeout(site.patience(JOB));
    let step = |what: &str, command: Command, question: Question| {
        Step::new(CheckName::Service, format!("{what} {unit}"), site.place, command, question)
            .diagnosis(journal(site, unit))
    };
    let verb = |verb: &str, help: &str| {
        let message = format!("systemctl {verb} {unit} fails");
        let otherwise = found(verb, Severity::Error, message).help(help);
        step(verb, systemctl(verb), Question::Succeeds(otherwise))
    };
    let start_help =
        "look at its log above; try it on a machine of your own: systemctl start, journalctl -u";
    let stop_help = "let it end on SIGTERM within 90 s, or set TimeoutStopSec= in its unit";
    let gate = |startup| {
        let question = health_question(site, unit, startup);
        step("ask for the health of", ask(site, unit), Question::Healthy(question))
    };
    let memory = measure::list_processes().timeout(site.patience(ANSWER));
    let weigh =
        Question::Memory { unit: unit.to_owned(), limit_mb: limits.memory_max_mb, how: site.how };
    let state = Command::new("systemctl")
        .args(["show", "--property=ActiveState", "--property=Result", "--", unit])
        .timeout(site.patience(ANSWER));
    let missing = found("no-unit", Severity::Error, format!("the packages bring no unit {unit}"))
        .help("ship it in /lib/systemd/system, or correct the name of the service in its project");
    let cat = Command::new("systemctl").args(["cat", "--", unit]).timeout(site.patience(ANSWER));
    vec![
        step("look for the unit", cat, Question::Succeeds(missing)),
        // Its installation may have started it: what is measured begins here.
        verb("stop", stop_help),
        verb("start", start_help),
        gate(Some((limits.startup_time_max, site.how))),
        step("read the memory of", memory, weigh).on_failure(OnFailure::GoOn),
        verb("restart", start_help),
        gate(None),
        verb("stop", stop_help),
        step("read the end of", state, Question::HasStopped(unit.to_owned())),
        // Its removal must meet it running.
        verb("start", start_help),
        step("look for units that have failed beside", list_failed(site), Question::NoUnitFailed),
    ]
}

/// What [`judge_failed`] reads.
pub(super) fn list_failed(site: &Site<'_>) -> Command {
    Command::new("systemctl")
        .args(["list-units", "--failed", "--all", "--plain", "--no-legend"])
        .timeout(site.patience(ANSWER))
}

fn journal(site: &Site<'_>, unit: &str) -> Command {
    Command::new("journalctl")
        .args(["--no-pager", "--quiet", "--output=cat", "--lines=20"])
        .arg(format!("--unit={unit}"))
        .timeout(site.patience(ANSWER))
}

/// The health of this unit, where the request says how it is asked.
fn health<'a>(site: &Site<'a>, unit: &str) -> Option<&'a HealthRequest> {
    let service = site.request.service.as_ref().filter(|service| service.unit == unit)?;
    service.health.as_ref()
}

fn ask(site: &Site<'_>, unit: &str) -> Command {
    let within = answer_within(site);
    let Some(health) = health(site, unit) else {
        return Command::new("systemctl")
            .args(["show", "--property=ActiveState", "--property=Result"])
            .args(["--property=NRestarts", "--", unit])
            .timeout(within);
    };
    let seconds = within.as_secs().max(1);
    Command::new("timeout")
        .args(["--kill-after=1", &seconds.to_string(), "bash", "-c", ASK, "tagboat-probe"])
        .args([&health.port.to_string(), &health.path])
        .timeout(within + Duration::from_secs(10))
}

fn answer_within(site: &Site<'_>) -> Duration {
    site.patience(GatePolicy::default().answer_within)
}

fn health_question(
    site: &Site<'_>,
    unit: &str,
    startup: Option<(Duration, How)>,
) -> HealthQuestion {
    let limits = &site.request.service_limits;
    let (answer, interval) = match health(site, unit) {
        Some(health) => (HealthAnswer::Http(health.expectation.clone()), HEALTH_INTERVAL),
        None => (HealthAnswer::Systemd, ACTIVE_INTERVAL),
    };
    let policy = GatePolicy {
        interval,
        answer_within: answer_within(site),
        start_within: site.patience(limits.startup_timeout),
        passes: PASSES,
        failures: limits.health_check_retries.max(1),
    };
    HealthQuestion { unit: unit.to_owned(), answer, policy, startup }
}

/// Judges one answer; `None` where it says nothing about the service.
pub(crate) fn hear(
    question: &HealthQuestion,
    answer: &Result<Output, RunError>,
) -> Option<Judgement> {
    let within = question.policy.answer_within.as_secs();
    let late = || format!("no whole answer within {within} s");
    let bad = |why: String| Some(Judgement::Bad(why));
    let output = match answer {
        Ok(output) => output,
        Err(RunError::TimedOut(_)) => return bad(late()),
        Err(RunError::TooMuchOutput) => return bad("its answer does not end".to_owned()),
        Err(_) => return None,
    };
    let expectation = match &question.answer {
        HealthAnswer::Systemd => return Some(judge_active(&output.text())),
        HealthAnswer::Http(expectation) => expectation,
    };
    let probe = match output.status {
        Some(0) => read_answer(&output.stdout),
        Some(REFUSED) => Probe::None("nothing listens on its port".to_owned()),
        Some(TIMED_OUT) => Probe::None(late()),
        _ => Probe::None(format!("it could not be asked: {}", last_words(output))),
    };
    Some(judge(&probe, expectation))
}

/// systemd's view (org.freedesktop.systemd1(5), `ActiveState`, `NRestarts`).
fn judge_active(shown: &str) -> Judgement {
    let properties = properties(shown);
    let property = |name: &str| properties.get(name).copied().unwrap_or("unknown");
    let restarts = property("NRestarts");
    match property("ActiveState") {
        "active" if restarts == "0" => Judgement::Good(Vec::new()),
        "active" => {
            Judgement::Bad(format!("it ended by itself and was restarted {restarts} times"))
        }
        state => Judgement::Bad(format!("systemd says it is {state} ({})", property("Result"))),
    }
}

/// `systemctl show` writes `Name=value` lines.
pub(super) fn properties(shown: &str) -> BTreeMap<&str, &str> {
    shown.lines().filter_map(|line| line.split_once('=')).collect()
}

/// What is found where the gate failed.
pub(crate) fn unhealthy(question: &HealthQuestion, why: &str) -> Finding {
    let message = format!("{} is not healthy: {why}", question.unit);
    found("unhealthy", Severity::Error, message)
        .help("look at its log above, and at the `health` section of its project")
}

pub(crate) fn judge_stopped(unit: &str, output: &Output) -> Judged {
    let shown = output.text();
    let properties = properties(&shown);
    let state = properties.get("ActiveState").copied().unwrap_or("unknown");
    let result = properties.get("Result").copied().unwrap_or("unknown");
    if output.success() && state == "inactive" && result == "success" {
        return Judged::clean();
    }
    let message = format!("{unit} was stopped, and is {state} ({result})");
    found("bad-end", Severity::Error, message)
        .help("let it exit with 0 on SIGTERM, or name its exit status in SuccessExitStatus= of its unit")
        .documentation("systemd.service(5), SuccessExitStatus=")
        .into()
}

fn failed_units(output: &Output) -> BTreeSet<String> {
    let text = output.text();
    text.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

pub(crate) fn remember_failed(notes: &mut Notes, output: &Output) -> Judged {
    if !output.success() {
        return unasked(output).into();
    }
    notes.failed_units = Some(failed_units(output));
    Judged::clean()
}

fn unasked(output: &Output) -> Finding {
    let message = "systemd does not say which units have failed";
    let finding = found("failed-unit", Severity::Error, message);
    with_last_words(finding, output).help("try again with --verbose")
}

pub(crate) fn judge_failed(notes: &mut Notes, output: &Output) -> Judged {
    let (true, Some(before)) = (output.success(), &notes.failed_units) else {
        return unasked(output).into();
    };
    let now = failed_units(output);
    let new = now.difference(before).map(|unit| {
        found("failed-unit", Severity::Error, format!("the unit {unit} has failed"))
            .help("see why on a machine of your own: systemctl status, journalctl -u")
    });
    new.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests;
