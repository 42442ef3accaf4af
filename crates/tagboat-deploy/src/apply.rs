//! A planned deployment, carried out. In: the plan and the ports. Out: the record of what happened.
//!
//! Order: take the turn on every host → read the tag on the remote again → claim → bring the packages → hosts
//! one by one, as core's rollout says → record and tag by compare-and-swap → settle → let go.

use std::time::{Duration, Instant};

use serde::Serialize;
use tagboat_core::commit::ObjectId;
use tagboat_core::deployment::{Deployment, Ended, Preparing, Terminal};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::environment::HostName;
use tagboat_core::gate::GateVerdict;
use tagboat_core::health::Expectation;
use tagboat_core::ledger::{Attempt, HoldAction, HoldChange, Ledger, Record};
use tagboat_core::ports::{
    Cancel, Clock, Existing, FetchSpec, Progress, Repository, RepositoryError, RunError, Runner,
    Running, Scope,
};
use tagboat_core::rollout::{Before, Cause, Effect, Ending, Event, Failure, Next, Rollout};
use tagboat_core::time::whole_seconds;

use crate::delivery;
use crate::environment_tag::{NotRecorded, add_record};
use crate::error::{last_words, unreachable};
use crate::host::{BUSY, FENCED};
use crate::observe::{Facts, Hosts};
use crate::plan::{DeployPlan, PlannedHost};
use crate::probe::{NoVerdict, run_gate};

/// What the rooms' outside is for this one.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The repository.
    pub repository: &'a dyn Repository,
    /// How to run something on each host.
    pub hosts: &'a Hosts<'a>,
    /// Time.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").field("hosts", &self.hosts.keys()).finish_non_exhaustive()
    }
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRecord {
    /// What it was: `install on web-1`.
    pub step: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended: `done`, or the reason why not.
    pub result: String,
}

/// What a deployment did.
#[derive(Clone, Debug)]
pub struct DeployRecord {
    /// The deployment at its end.
    pub deployment: Deployment<Ended>,
    /// How the hosts ended.
    pub ending: Ending,
    /// The steps, in order.
    pub steps: Vec<StepRecord>,
    /// What the service last logged on the host that failed.
    pub journal: Vec<String>,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// The holds that its record put on and took off.
    pub holds: Vec<HoldChange>,
    /// Its number in the ledger; none where nothing was recorded, as for a first deployment that failed.
    pub sequence: Option<u64>,
    /// Why it is not in the ledger though it should be: a person is needed.
    pub not_recorded: Option<Box<Diagnostic>>,
}

impl DeployRecord {
    /// The exit status that it means.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match &self.ending {
            _ if self.not_recorded.is_some() => Exit::NeedsPerson,
            Ending::Succeeded => Exit::Done,
            Ending::RolledBack(_) => Exit::RolledBack,
            Ending::Stuck(..) => Exit::NeedsPerson,
        }
    }
}

/// Carries a plan out.
///
/// # Errors
/// Where nothing was changed: a lost race, a host that cannot be reached, an interruption in time. Once a
/// host has changed, what happened is in the record, however it ended.
pub fn apply(
    scope: &Scope<'_>,
    plan: &DeployPlan,
    facts: &Facts,
    ports: &Ports<'_>,
) -> Result<DeployRecord> {
    let mut work = Work { scope, plan, ports: *ports, steps: Vec::new(), warnings: Vec::new() };
    let deployment = Deployment::begun(plan.head.clone(), now(ports));
    let turns = work.take_turns()?;
    work.read_tag_again()?;
    work.claim()?;
    work.deliver()?;
    if scope.cancel.is_cancelled() {
        return Err(interrupted());
    }
    let (ending, checked) = work.roll_out();
    let journal = work.journal(&ending);
    let ended = end(deployment, &ending, checked, now(ports));
    let (sequence, not_recorded) = work.record(facts, &ended, &ending);
    // The turns are held to the very end: until here nobody else may change a host.
    drop(turns);
    let holds = if sequence.is_some() { work.holds(&ending) } else { Vec::new() };
    let Work { steps, warnings, .. } = work;
    let deployment = ended;
    Ok(DeployRecord { deployment, ending, steps, journal, warnings, holds, sequence, not_recorded })
}

fn now(ports: &Ports<'_>) -> jiff::Timestamp {
    whole_seconds(ports.clock.now())
}

/// Whether the health gate was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    No,
    Yes,
}

fn end(
    deployment: Deployment<Preparing>,
    ending: &Ending,
    judged: Judged,
    at: jiff::Timestamp,
) -> Deployment<Ended> {
    let changing = deployment.change();
    let failing = match (ending, judged) {
        (Ending::Succeeded, _) => return changing.check_health().succeed(at),
        (Ending::RolledBack(_) | Ending::Stuck(..), Judged::Yes) => changing.check_health().fail(),
        (Ending::RolledBack(_) | Ending::Stuck(..), Judged::No) => changing.fail(),
    };
    match ending {
        Ending::RolledBack(_) => failing.rolled_back(at),
        Ending::Succeeded | Ending::Stuck(..) => failing.stay(at),
    }
}

struct Work<'a> {
    scope: &'a Scope<'a>,
    plan: &'a DeployPlan,
    ports: Ports<'a>,
    steps: Vec<StepRecord>,
    warnings: Vec<String>,
}

impl Work<'_> {
    /// Does something, and writes down what it was, how long it took and how it ended.
    fn step<T>(
        &mut self,
        name: String,
        act: impl FnOnce(&mut Self, &Scope<'_>) -> Result<T>,
    ) -> Result<T> {
        let scope = self.scope.span(name.clone());
        let begun = self.begin(&scope);
        let done = act(self, &scope);
        let result = done.as_ref().map(|_| ()).map_err(|error| error.message.clone());
        self.finish(&scope, name, begun, result);
        done
    }

    fn begin(&self, scope: &Scope<'_>) -> Instant {
        scope.observer.tell(&scope.span, &Progress::Began);
        self.ports.clock.instant()
    }

    fn finish(
        &mut self,
        scope: &Scope<'_>,
        step: String,
        begun: Instant,
        result: Result<(), String>,
    ) {
        let took = self.ports.clock.instant().duration_since(begun);
        let progress = if result.is_ok() { Progress::Done(took) } else { Progress::Failed(took) };
        scope.observer.tell(&scope.span, &progress);
        let result = result.err().unwrap_or_else(|| "done".to_owned());
        self.steps.push(StepRecord { step, seconds: took.as_secs_f64(), result });
    }

    fn runner(&self, host: &HostName) -> Result<&dyn Runner> {
        let runner = self.ports.hosts.get(host);
        runner.map(AsRef::as_ref).ok_or_else(|| bug(format!("there is no way to {host}")))
    }

    /// Takes the turn on every host, in the order of their names.
    fn take_turns(&mut self) -> Result<Vec<Box<dyn Running>>> {
        let mut turns = Vec::new();
        for planned in self.plan.in_lock_order() {
            let name = format!("turn on {}", planned.host.name);
            turns.push(self.step(name, |work, scope| work.take_turn(scope, planned))?);
        }
        Ok(turns)
    }

    fn take_turn(&self, scope: &Scope<'_>, planned: &PlannedHost) -> Result<Box<dyn Running>> {
        let request = &self.plan.request;
        let host = &planned.host.name;
        let command = planned.program.hold(
            request.patience,
            &self.plan.head.deployment_id,
            &request.triggered_by,
        );
        let failed = |error: &RunError| unreachable(host, error);
        let mut turn = self.runner(host)?.start(scope, &command).map_err(|e| failed(&e))?;
        // The host gives up by itself after the patience; a little more is for the way.
        let patience = request.patience + Duration::from_secs(15);
        let line = turn.line(scope, patience).map_err(|e| failed(&e))?;
        match line.as_deref() {
            Some("held") => Ok(turn),
            Some(busy) if busy.starts_with("busy ") => {
                let mut words = busy.split(' ').skip(1);
                let holder = words.next().unwrap_or("-").to_owned();
                let who = words.next().unwrap_or("-").to_owned();
                Err(Box::new(
                    Diagnostic::unchanged(
                        "deploy::busy",
                        Exit::Refused,
                        format!("another deployment has the turn on {host}"),
                        "no host was changed",
                    )
                    .fact("holder", holder)
                    .fact("by", who)
                    .help("wait for it and run the command again"),
                ))
            }
            other => Err(Box::new(
                Diagnostic::unchanged(
                    "host::unprepared",
                    Exit::Refused,
                    format!("{host} did not give the turn"),
                    "no host was changed",
                )
                .fact("host", other.unwrap_or("it answered nothing"))
                .help(format!(
                    "prepare it: `tagboat host prepare {} {host}`",
                    request.tag.environment
                )),
            )),
        }
    }

    /// The plan was made before the turn: whatever moved the tag since then makes it void.
    fn read_tag_again(&mut self) -> Result<()> {
        let name = self.plan.request.tag.remote_ref();
        self.step(format!("read {name} again"), |work, scope| {
            let refs = work.ports.repository.remote_refs(scope, &[&name]);
            let refs = refs.map_err(|error| repository_failed(&error))?;
            let now = refs.into_iter().find(|listed| listed.name == name).map(|r| r.object);
            if now == work.plan.tag_object {
                return Ok(());
            }
            let show = |id: Option<&ObjectId>| {
                id.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let mut lost = Diagnostic::unchanged(
                "deploy::lost-race",
                Exit::Refused,
                format!(
                    "another deployment was faster: {} moved since the plan",
                    work.plan.request.tag
                ),
                "no host was changed by this deployment",
            );
            if let Some(winner) = work.winner(scope) {
                lost = lost.fact("winner", winner);
            }
            Err(Box::new(
                lost.fact("planned on", show(work.plan.tag_object.as_ref()))
                    .fact("holds now", show(now.as_ref()))
                    .help("see what happened: `tagboat history`; then decide again"),
            ))
        })
    }

    /// Who moved the tag. It only helps a reader: where it cannot be read, the loser has lost all the same.
    fn winner(&self, scope: &Scope<'_>) -> Option<String> {
        let (repository, tag) = (self.ports.repository, &self.plan.request.tag);
        let spec = FetchSpec {
            from: tag.remote_ref(),
            to: tag.local_ref(),
            existing: Existing::Overwrite,
        };
        repository.fetch(scope, &[spec]).ok()?;
        let refs = repository.refs(scope).ok()?;
        let id = refs.into_iter().find(|listed| listed.name == tag.local_ref())?.object;
        let object = repository.tag_objects(scope, &[id]).ok()?.pop()??;
        let ledger = Ledger::read(tag.clone(), &object).ok()?;
        Some(DeployPlan::told(ledger.newest()))
    }

    fn claim(&mut self) -> Result<()> {
        let claim = self.plan.claim();
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            self.step(format!("claim {host}"), |work, scope| {
                work.must(scope, host, &planned.program.claim(&claim))?;
                work.must(scope, host, &planned.program.join())
            })?;
        }
        Ok(())
    }

    /// Brings every host what it lacks, before one of them is changed: a package that cannot be brought then
    /// costs nothing.
    fn deliver(&mut self) -> Result<()> {
        let request = &self.plan.request;
        let previous = self.plan.previous.as_ref().map(|previous| previous.version.debian());
        let versions: Vec<String> =
            [request.version.debian()].into_iter().chain(previous).collect();
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            self.step(format!("bring packages to {host}"), |work, scope| {
                let broken = |error: std::io::Error| {
                    let what = format!("the repository cannot be read: {error}");
                    let still = "no host was changed";
                    Box::new(Diagnostic::unchanged("deploy::repository", Exit::Usage, what, still))
                };
                let wanted = delivery::wanted(&request.repository, &versions, planned.host.arch);
                let wanted = wanted.map_err(broken)?;
                let holdings = work.must_answer(scope, host, &planned.program.holdings())?;
                let missing = delivery::missing(&wanted, &holdings);
                let archive = delivery::pack(&request.repository, &missing).map_err(broken)?;
                let input = tagboat_core::command::Input::File(archive.path().to_owned());
                work.must(scope, host, &planned.program.receive().input(input))
            })?;
        }
        Ok(())
    }

    /// Runs a command that changes no application; a failure ends the deployment with nothing changed.
    fn must(
        &self,
        scope: &Scope<'_>,
        host: &HostName,
        command: &tagboat_core::command::Command,
    ) -> Result<()> {
        self.must_answer(scope, host, command).map(drop)
    }

    fn must_answer(
        &self,
        scope: &Scope<'_>,
        host: &HostName,
        command: &tagboat_core::command::Command,
    ) -> Result<String> {
        let output = self.runner(host)?.run(scope, command).map_err(|e| unreachable(host, &e))?;
        if output.success() {
            return Ok(output.text());
        }
        let (code, exit) = match output.status {
            Some(FENCED) => ("deploy::fenced", Exit::Refused),
            Some(BUSY) => ("deploy::busy", Exit::Refused),
            _ => ("host::failed", Exit::Outside),
        };
        let what = format!("{host} did not do what was asked: {}", last_words(&output));
        Err(Box::new(
            Diagnostic::unchanged(code, exit, what, "no application was changed")
                .fact("command", command.to_string())
                .help("run the command again with `--verbose`"),
        ))
    }

    /// Performs core's effects until it says that it is over.
    fn roll_out(&mut self) -> (Ending, Judged) {
        let mut hosts = self.plan.hosts.iter().map(|planned| planned.host.name.clone());
        let Some(canary) = hosts.next() else { return (Ending::Succeeded, Judged::No) };
        let (mut rollout, mut effect) = Rollout::new(canary, hosts.collect(), self.plan.before());
        let mut judged = Judged::No;
        loop {
            if matches!(effect, Effect::Judge(_)) {
                judged = Judged::Yes;
            }
            let event = self.perform(&effect);
            match rollout.hear(event) {
                Next::Do(next, wanted) => (rollout, effect) = (next, wanted),
                Next::Over(ending) => return (ending, judged),
            }
        }
    }

    fn perform(&mut self, effect: &Effect) -> Event {
        let plan = self.plan;
        let claim = plan.claim();
        let version = &plan.request.version;
        let back = plan.previous.as_ref().map(|previous| &previous.version);
        let (name, host) = match effect {
            Effect::Install(host) => (format!("install {} on {host}", version.semver()), host),
            Effect::Judge(host) => (format!("health gate on {host}"), host),
            Effect::Restore(host) => {
                let back = back.map_or_else(String::new, tagboat_core::version::Version::semver);
                (format!("put {back} back on {host}"), host)
            }
            Effect::JudgeRestored(host) => {
                (format!("health gate on {host} after the roll-back"), host)
            }
            Effect::Remove(host) => (format!("remove {} from {host}", plan.request.package), host),
        };
        // The way back is not stopped by the Ctrl-C that began it.
        let undoing = !matches!(effect, Effect::Install(_) | Effect::Judge(_));
        let mut scope = self.scope.span(name.clone());
        if undoing {
            scope.cancel = Cancel::default();
        } else if scope.cancel.is_cancelled() {
            return Event::Interrupted;
        }
        let begun = self.begin(&scope);
        let Some(planned) = plan.host(host) else {
            return Event::Failed("unknown host".to_owned());
        };
        let event = match effect {
            Effect::Install(_) => {
                self.phase(&scope, host, &planned.program.install(&version.debian(), &claim))
            }
            Effect::Restore(_) => match back {
                Some(back) => {
                    self.phase(&scope, host, &planned.program.install(&back.debian(), &claim))
                }
                None => Event::Failed("there is nothing to go back to".to_owned()),
            },
            Effect::Remove(_) => self.phase(&scope, host, &planned.program.remove(&claim)),
            Effect::Judge(_) => self.gate(&scope, planned, &plan.expected()),
            Effect::JudgeRestored(_) => match plan.expected_before() {
                Some(expected) => self.gate(&scope, planned, &expected),
                None => Event::Failed("there is nothing to go back to".to_owned()),
            },
        };
        let result = match &event {
            Event::Done => Ok(()),
            Event::Failed(reason) => Err(reason.clone()),
            Event::Interrupted => Err("interrupted".to_owned()),
        };
        self.finish(&scope, name, begun, result);
        event
    }

    /// A phase runs on the host by itself; if the connection is cut, wait for it there and see again.
    fn phase(
        &self,
        scope: &Scope<'_>,
        host: &HostName,
        command: &tagboat_core::command::Command,
    ) -> Event {
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

    fn gate(&mut self, scope: &Scope<'_>, planned: &PlannedHost, expected: &Expectation) -> Event {
        let host = &planned.host.name;
        let Ok(runner) = self.runner(host) else { return Event::Failed("no way to it".to_owned()) };
        let health = &self.plan.request.health;
        let verdict = run_gate(scope, runner, self.ports.clock, &planned.program, health, expected);
        match verdict {
            Ok(GateVerdict::Passed(warnings)) => {
                self.warnings
                    .extend(warnings.into_iter().map(|warning| format!("{host}: {warning}")));
                Event::Done
            }
            Ok(GateVerdict::Failed(why)) => Event::Failed(why),
            Err(NoVerdict::Interrupted) => Event::Interrupted,
            Err(NoVerdict::Host(error)) => Event::Failed(error.to_string()),
        }
    }

    /// What the sick service said. By then it has been put back, so its last lines are not the newest.
    fn journal(&self, ending: &Ending) -> Vec<String> {
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

    /// The last step: the record, the tag, and the hosts' memory of both.
    fn record(
        &mut self,
        facts: &Facts,
        ended: &Deployment<Ended>,
        ending: &Ending,
    ) -> (Option<u64>, Option<Box<Diagnostic>>) {
        let plan = self.plan;
        if plan.previous.is_none() && ended.outcome() != Terminal::Succeeded {
            // There is no tag yet that could hold it (SPEC D3).
            return (None, None);
        }
        let record = self.ledger_record(ended, ending);
        let sequence = record.sequence;
        let name = format!("record {sequence} in {}", plan.request.tag);
        let mut scope = self.scope.span(name.clone());
        // What the hosts run now must be written down, whoever asked to stop.
        scope.cancel = Cancel::default();
        let begun = self.begin(&scope);
        let ledger = facts.history.as_ref().map(tagboat_core::ledger::History::ledger);
        let (repository, expected) = (self.ports.repository, plan.tag_object.as_ref());
        let added = add_record(&scope, repository, &plan.request.tag, ledger, expected, record);
        let problem = added.err().map(|why| not_recorded(plan, &why));
        let result = problem.as_ref().map_or(Ok(()), |problem| Err(problem.message.clone()));
        self.finish(&scope, name, begun, result);
        if problem.is_none() {
            self.settle(&scope, sequence);
        }
        (problem.is_none().then_some(sequence), problem)
    }

    fn ledger_record(&self, ended: &Deployment<Ended>, ending: &Ending) -> Record {
        let plan = self.plan;
        let started_at = self.started_at(ended);
        let previous = plan.previous.as_ref();
        Record {
            sequence: plan.sequence + 1,
            attempt: plan.request.attempt,
            version: plan.request.version.clone(),
            commit: plan.request.commit.clone(),
            previous_version: previous.map(|previous| previous.version.clone()),
            previous_commit: previous.map(|previous| previous.commit.clone()),
            outcome: ended.outcome(),
            started_at,
            completed_at: ended.completed_at(),
            triggered_by: plan.head.triggered_by.clone(),
            deployment_id: plan.head.deployment_id.clone(),
            workflow_run_id: plan.head.workflow_run_id.clone(),
            regions: Vec::new(),
            holds: self.holds(ending),
            override_reason: None,
        }
    }

    fn started_at(&self, ended: &Deployment<Ended>) -> jiff::Timestamp {
        ended.started_at().unwrap_or_else(|| ended.completed_at())
    }

    /// A version that was rolled back is held, unless it was a person who stopped it (SPEC R4).
    fn holds(&self, ending: &Ending) -> Vec<HoldChange> {
        let request = &self.plan.request;
        let change = |version: &tagboat_core::version::Version, action, reason: String| {
            HoldChange { version: version.clone(), action, reason }
        };
        let mut holds = Vec::new();
        if let Some(reason) = &request.lift_hold {
            holds.push(change(&request.version, HoldAction::Lifted, reason.clone()));
        }
        match (ending, request.attempt, &self.plan.previous) {
            (Ending::RolledBack(cause) | Ending::Stuck(cause, _), Attempt::Deploy, _)
                if cause.step != Failure::Interruption =>
            {
                holds.push(change(&request.version, HoldAction::Held, told(cause)));
            }
            (Ending::Succeeded, Attempt::Rollback, Some(previous))
                if previous.version > request.version =>
            {
                let reason = request.reason.clone().unwrap_or_else(|| "rolled back".to_owned());
                holds.push(change(&previous.version, HoldAction::Held, reason));
            }
            _ => {}
        }
        holds
    }

    fn settle(&mut self, scope: &Scope<'_>, sequence: u64) {
        let claim = self.plan.claim();
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            // The next deployment claims with the newer number anyhow; until then an older ledger would not
            // be noticed by this host.
            if let Err(error) = self.must(scope, host, &planned.program.settle(&claim, sequence)) {
                self.warnings.push(format!("{host} does not know of record {sequence}: {error}"));
            }
        }
    }
}

/// Why it turned back, in one line.
#[must_use]
pub fn told(cause: &Cause) -> String {
    let step = match cause.step {
        Failure::Install => "installation",
        Failure::Health => "health gate",
        Failure::Interruption => "interruption",
    };
    format!("{step} on {}: {}", cause.host, cause.reason)
}

fn interrupted() -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "run::interrupted",
            Exit::Interrupted,
            "the deployment was stopped before a host was changed",
            "every host runs what it ran",
        )
        .help("run the command again"),
    )
}

fn repository_failed(error: &RepositoryError) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "git::remote",
            Exit::Outside,
            error.to_string(),
            "no host was changed",
        )
        .help("see what git says: `git ls-remote origin`"),
    )
}

fn not_recorded(plan: &DeployPlan, why: &NotRecorded) -> Box<Diagnostic> {
    let tag = &plan.request.tag;
    let (said, seen) = match why {
        NotRecorded::Lost(Some(id)) => {
            ("someone moved the tag while the hosts were locked".to_owned(), id.to_string())
        }
        NotRecorded::Lost(None) => {
            ("someone removed the tag while the hosts were locked".to_owned(), "nothing".to_owned())
        }
        NotRecorded::Repository(error) => (error.to_string(), "not known".to_owned()),
        NotRecorded::Ledger(error) => (error.to_string(), "not known".to_owned()),
    };
    Box::new(
        Diagnostic::new(
            "deploy::not-recorded",
            Exit::NeedsPerson,
            format!("what the hosts run now is not in the ledger of {tag}: {said}"),
            tagboat_core::diagnostic::World::Now(format!(
                "the hosts are as the steps say; {tag} says otherwise"
            )),
        )
        .fact("remote holds", seen)
        .help(format!(
            "once the remote answers, run the same command again: it finds its work done and records it; see \
             `tagboat status {}`",
            tag.path
        )),
    )
}

/// Where a deployment's failure left things, for the headline of its report.
#[must_use]
pub fn left(plan: &DeployPlan, ending: &Ending) -> String {
    match (ending, &plan.previous, plan.before()) {
        (Ending::Succeeded, ..) => {
            format!("{} runs {}", plan.request.tag.environment, plan.request.version)
        }
        (Ending::RolledBack(_), Some(previous), Before::Version) => {
            format!("{} runs {} again", plan.request.tag.environment, previous.version)
        }
        (Ending::RolledBack(_), ..) => {
            format!("{} is gone from every host again", plan.request.package)
        }
        (Ending::Stuck(_, stuck), ..) => {
            let hosts: Vec<String> =
                stuck.iter().map(|(host, why)| format!("{host} ({why})")).collect();
            format!("not brought back: {}", hosts.join(", "))
        }
    }
}
