//! A planned deployment, carried out. In: the plan and the ports. Out: the record of what happened.
//!
//! Order: take the turn on every host of every region → read the tag on the remote again → claim → bring the
//! packages → region by region and host by host, as core's rollout says → record and tag by compare-and-swap →
//! settle → let go.

mod before;
mod ending;
mod hosts;

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use tagboat_core::deployment::Terminal;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::environment::{HostName, RegionName};
use tagboat_core::ledger::HoldChange;
use tagboat_core::ports::{Clock, Progress, Repository, Runner, Scope, TagSigner};
use tagboat_core::rollout::{Ending, Over};
use tagboat_core::time::whole_seconds;

use crate::observe::{Facts, Hosts};
use crate::plan::{DeployPlan, PlannedHost};

/// What the rooms' outside is for this one.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The repository.
    pub repository: &'a dyn Repository,
    /// How to run something on each host.
    pub hosts: &'a Hosts<'a>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// What signs the record, where it is signed.
    pub signer: Option<&'a dyn TagSigner>,
}

impl std::fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").field("hosts", &self.hosts.keys()).finish_non_exhaustive()
    }
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRecord {
    /// What it was: `install v1.1.0 on web-2 in eu-west`.
    pub step: String,
    /// The region of its host, if it has one.
    pub region: Option<RegionName>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended: `done`, or the reason why not.
    pub result: String,
}

/// What a deployment did.
#[derive(Clone, Debug)]
pub struct DeployRecord {
    /// How the hosts ended, region by region, and every Deployment at its end.
    pub over: Over,
    /// When the first Deployment began.
    pub started_at: Timestamp,
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
        match &self.over.ending {
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
    let started_at = now(ports);
    let turns = work.take_turns()?;
    work.read_tag_again()?;
    work.claim()?;
    work.deliver()?;
    if scope.cancel.is_cancelled() {
        return Err(interrupted());
    }
    let over = work.roll_out(started_at)?;
    if over.outcome() == Terminal::Cancelled {
        return Err(interrupted());
    }
    let journal = work.journal(&over.ending);
    let (sequence, not_recorded) = work.record(facts, &over, started_at);
    // The turns are held to the very end: until here nobody else may change a host.
    drop(turns);
    let holds = if sequence.is_some() { work.holds(&over.ending) } else { Vec::new() };
    let Work { steps, warnings, .. } = work;
    Ok(DeployRecord { over, started_at, steps, journal, warnings, holds, sequence, not_recorded })
}

fn now(ports: &Ports<'_>) -> Timestamp {
    whole_seconds(ports.clock.now())
}

/// What a step is called, and the region of its host.
struct StepName {
    step: String,
    region: Option<RegionName>,
}

impl StepName {
    const fn of(step: String) -> Self {
        Self { step, region: None }
    }

    fn on(host: &PlannedHost, step: String) -> Self {
        Self { step, region: host.region.clone() }
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
        name: StepName,
        act: impl FnOnce(&mut Self, &Scope<'_>) -> Result<T>,
    ) -> Result<T> {
        let scope = self.scope.span(name.step.clone());
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
        name: StepName,
        begun: Instant,
        result: Result<(), String>,
    ) {
        let took = self.ports.clock.instant().duration_since(begun);
        let progress = if result.is_ok() { Progress::Done(took) } else { Progress::Failed(took) };
        scope.observer.tell(&scope.span, &progress);
        let result = result.err().unwrap_or_else(|| "done".to_owned());
        let StepName { step, region } = name;
        self.steps.push(StepRecord { step, region, seconds: took.as_secs_f64(), result });
    }

    fn runner(&self, host: &HostName) -> Result<&dyn Runner> {
        let runner = self.ports.hosts.get(host);
        runner.map(AsRef::as_ref).ok_or_else(|| bug(format!("there is no way to {host}")))
    }
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
