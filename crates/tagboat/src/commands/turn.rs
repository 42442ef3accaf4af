//! One deployment to an environment at a time on this machine (SPEC Q1, Q2). In: what was asked. Out: it, carried out in
//! its turn as things are then; or why it left the queue.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tagboat_adapters::detach::{GONE, Launched, detached_in, launch, leave_session, write_to};
use tagboat_config::Config;
use tagboat_core::command::Command;
use tagboat_core::deployment::DeploymentId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::Environment;
use tagboat_core::ledger::{Attempt, Ledger};
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{Dismissal, Place, Runner as _, Scope, Turn, TurnError, Waited};
use tagboat_core::queue::{
    DeploymentQueue, Notice, QueueName, Standing, Ticket, Wanted, left, superseded, usual_duration,
};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::time::whole_seconds;
use tagboat_core::version::{ProjectPath, Version};
use tagboat_report::pipeline_report::Subject;

use super::deploy::{Wish, carry_out, who};
use super::reading::State;
use super::repository::diagnostic;
use crate::cli::deploy::RunArgs;
use crate::context::Context;
use crate::report;

/// What becomes of others of the same project that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// They stay.
    Stay,
    /// They are skipped.
    Leave,
}

impl Others {
    /// As the command line says.
    pub(crate) const fn of(supersede: bool) -> Self {
        if supersede { Self::Leave } else { Self::Stay }
    }
}

/// What is known of a deployment before the remote is read.
pub(crate) struct Asked<'a> {
    pub(crate) attempt: Attempt,
    pub(crate) project: ProjectPath,
    pub(crate) environment: &'a Environment,
    pub(crate) run: &'a RunArgs,
    pub(crate) others: Others,
}

/// Takes a place in the environment's queue, waits for the turn, and carries out what `choose` decides from the state of
/// the remote then. Who must wait is told at once what would be wrong now. A plan that is only shown takes no place.
pub(crate) fn in_turn<'a>(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    asked: &Asked<'_>,
    choose: impl Fn(&State) -> Result<Wish<'a>>,
) -> Result<Exit> {
    if asked.run.detach && detached_in().is_none() {
        return detach(context);
    }
    let project = [asked.project.clone()];
    let about = About::Projects(&project);
    let mut waiter = match asked.run.dry_run {
        true => None,
        false => Waiter::enrol(context, scope, config, asked)?,
    };
    if let Some(waiter) = &mut waiter {
        let first = waiter.place.wait(scope, &waiter.now());
        match first.map_err(|error| waiter.gave_up(&error))? {
            Waited::Begun => {}
            met => {
                // A mistake is told now and not after the wait; and the others see who waits.
                let state = State::read(context, scope, Source::Remote, about)?;
                waiter.tell(&state, &choose(&state)?)?;
                waiter.wait(met)?;
            }
        }
    }
    let state = State::read(context, scope, Source::Remote, about)?;
    let mut wish = choose(&state)?;
    if let Some(waiter) = &mut waiter {
        wish.queued_as = Some(waiter.tell(&state, &wish)?);
        waiter.leave_terminal()?;
    }
    carry_out(context, scope, config, &state, wish)
}

/// The queue of an environment, by where this clone fetches from.
pub(crate) fn queue_name(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    environment: &EnvironmentName,
) -> QueueName {
    let words = ["remote", "get-url", config.remote.as_str()];
    let command = Command::new("git").args(words).folder(&context.root);
    let output = context.local().run(scope, &command).ok().filter(|output| output.success());
    let address = output.and_then(|output| output.text().lines().next().map(str::to_owned));
    // Without a remote nothing is deployed, and a path is of the clone alone.
    let here = context.root.display();
    let address = match address {
        Some(address) if address.starts_with('.') => format!("{here}/{address}"),
        Some(address) => address,
        None => here.to_string(),
    };
    QueueName::new(&address, environment.clone())
}

/// What the ledgers of an environment say to one who waits.
pub(crate) struct Past {
    /// How long a deployment usually takes, in seconds.
    pub(crate) usual: Option<u64>,
    /// Each project's newest ledger.
    ledgers: Vec<Ledger>,
}

impl Past {
    /// Reads it. It is an estimate, so a ledger that cannot be read is left out: the deployment itself refuses it.
    pub(crate) fn read(
        context: &Context<'_>,
        scope: &Scope<'_>,
        state: &State,
        environment: &EnvironmentName,
    ) -> Result<Self> {
        let here = state.listing.ledgers.iter().filter(|(tag, _)| tag.environment == *environment);
        let (tags, ids): (Vec<_>, Vec<_>) = here.map(|(tag, id)| (tag.clone(), id.clone())).unzip();
        let objects = context.repository().tag_objects(scope, &ids);
        let objects = objects.map_err(|error| diagnostic(&error))?;
        let ledgers: Vec<Ledger> = tags
            .into_iter()
            .zip(objects)
            .filter_map(|(tag, object)| Ledger::read(tag, &object?).ok())
            .collect();
        let records = ledgers.iter().flat_map(Ledger::entries).map(|entry| entry.record());
        Ok(Self { usual: usual_duration(records), ledgers })
    }

    fn running(&self, tag: &EnvironmentTag) -> Option<Version> {
        let ledger = self.ledgers.iter().find(|ledger| ledger.tag() == tag)?;
        ledger.newest().current().map(|(version, _)| version.clone())
    }
}

/// One who stands in the queue.
struct Waiter<'a> {
    context: &'a Context<'a>,
    scope: Scope<'a>,
    turn: Box<dyn Turn + 'a>,
    queue: QueueName,
    place: Box<dyn Place>,
    ticket: Ticket,
    asked: &'a Asked<'a>,
    usual: Option<u64>,
    since: Instant,
    stage: Stage,
}

/// Where a deployment tells what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// On the terminal that it was started on.
    Terminal,
    /// In its log.
    Background,
}

impl<'a> Waiter<'a> {
    /// Takes a place. What keeps deployments right are the hosts' locks and the compare-and-swap, so one that can take no
    /// place goes on without, and says so.
    fn enrol(
        context: &'a Context<'a>,
        scope: &Scope<'a>,
        config: &Config,
        asked: &'a Asked<'a>,
    ) -> Result<Option<Self>> {
        let queue = queue_name(context, scope, config, &asked.environment.name);
        let scope = scope.span(format!("queue of {}", queue.environment));
        let Some(turn) = context.turn() else {
            return without_place(context, asked, "there is no home for it: set HOME");
        };
        let now = whole_seconds(context.clock().now());
        let pid = std::process::id();
        let ticket = Ticket::new(asked.attempt, &asked.project, &who(context), now, pid);
        let since = context.clock().instant();
        match turn.enrol(&scope, &queue, &ticket) {
            Ok(place) => {
                let (turn, usual, stage) = (Box::new(turn), None, Stage::Terminal);
                let waiter =
                    Self { context, scope, turn, queue, place, ticket, asked, usual, since, stage };
                Ok(Some(waiter))
            }
            Err(TurnError::Cancelled) => Err(interrupted(&queue.environment)),
            Err(error) => without_place(context, asked, &error.to_string()),
        }
    }

    fn now(&self) -> impl Fn() -> jiff::Timestamp + use<'a> {
        let clock = self.context.clock();
        move || whole_seconds(clock.now())
    }

    /// Says on the ticket what this deployment is, as things are now, and gives its id: the one that it has already,
    /// unless it became another commit's.
    fn tell(&mut self, state: &State, wish: &Wish<'_>) -> Result<DeploymentId> {
        let past = Past::read(self.context, &self.scope, state, &self.queue.environment)?;
        let line = self.line();
        let taken = |id: &DeploymentId| {
            let others = line.iter().filter(|standing| standing.number != self.place.number());
            others
                .filter_map(|standing| standing.ticket.as_ref()?.wanted.as_ref())
                .any(|wanted| wanted.deployment_id == *id)
        };
        let before = self.ticket.wanted.take();
        let kept = before.as_ref().filter(|wanted| wanted.commit == wish.commit);
        let id = kept.map_or_else(
            || DeploymentId::new(self.ticket.since, &wish.commit, taken),
            |wanted| wanted.deployment_id.clone(),
        );
        if let Some(before) = before.filter(|before| before.version != wish.version) {
            self.note(&format!("{} now, instead of {}", wish.version, before.version));
        }
        let tag = EnvironmentTag::new(wish.project.path.clone(), self.queue.environment.clone());
        let run = self.context.variable("GITHUB_RUN_ID");
        self.ticket.wanted = Some(Wanted {
            version: wish.version.clone(),
            commit: wish.commit.clone(),
            package: format!("{}={}", wish.project.name, wish.version.debian()),
            previous_version: past.running(&tag),
            workflow_run_id: run.unwrap_or_else(|| format!("local-{id}")),
            deployment_id: id.clone(),
        });
        self.usual = past.usual;
        // What the ticket says is for people: without it the turn comes all the same.
        if let Err(error) = self.place.tell(&self.ticket) {
            self.context.terminal.warn(&format!("others cannot see what waits here: {error}"));
        }
        Ok(id)
    }

    /// Waits for the turn, from what was met first.
    fn wait(&mut self, first: Waited) -> Result<()> {
        self.supersede();
        let bound = self.asked.run.wait;
        let until = bound.and_then(|bound| self.since.checked_add(Duration::from_secs(bound)));
        let scope = until.map_or_else(|| self.scope.clone(), |until| self.scope.until(until));
        let mut met = first;
        loop {
            match met {
                Waited::Begun => break,
                Waited::Behind(_) => self.note(&self.told()),
                Waited::Again => {
                    self.context
                        .terminal
                        .warn("the queue's files were deleted: a new place was taken");
                }
                Waited::Dismissed(notice) => return Err(self.leave(&dismissed(self, &notice))),
            }
            self.leave_terminal()?;
            let next = self.place.wait(&scope, &self.now());
            met = next.map_err(|error| self.gave_up(&error))?;
        }
        let waited = self.context.clock().instant().duration_since(self.since);
        self.note(&format!("the turn has come, after {}", duration(waited.as_secs())));
        Ok(())
    }

    /// Asks those to leave whom this one skips, and says whom.
    fn supersede(&self) {
        let Some(wanted) =
            self.ticket.wanted.as_ref().filter(|_| self.asked.others == Others::Leave)
        else {
            return;
        };
        let line = self.line();
        let notice = Notice::Superseded {
            by: self.ticket.triggered_by.clone(),
            version: wanted.version.to_string(),
            run: wanted.workflow_run_id.clone(),
        };
        for number in superseded(self.place.number(), &self.ticket, &line) {
            let whom = line.iter().find(|standing| standing.number == number);
            let whom = whom.map_or_else(String::new, what);
            match self.turn.dismiss(&self.scope, &self.queue, number, &notice) {
                Ok(Dismissal::Told) => self.note(&format!("skips {whom}")),
                Ok(Dismissal::Running | Dismissal::Gone) => {}
                Err(error) => {
                    self.context.terminal.warn(&format!("{whom} cannot be skipped: {error}"));
                }
            }
        }
    }

    fn line(&self) -> Vec<Standing> {
        // It only tells: who cannot read it waits all the same.
        self.turn.line(&self.scope, &self.queue).unwrap_or_default()
    }

    fn standing(&self) -> (Vec<Standing>, DeploymentQueue, usize) {
        let line = self.line();
        let environment = self.queue.environment.clone();
        let now = self.context.clock().now();
        let queue = DeploymentQueue::from_line(environment, line.clone(), self.usual, now);
        let before = line.iter().filter(|standing| standing.number < self.place.number()).count();
        (line, queue, before)
    }

    /// `place 2, about 3 min; api/v1.1.0 of ann runs`.
    fn told(&self) -> String {
        let (line, queue, before) = self.standing();
        let index = if queue.current().is_some() { before.saturating_sub(1) } else { before };
        let estimate = queue.waiting().nth(index).and_then(|waiting| waiting.estimated_wait);
        let mut told = format!("place {}", index + 1);
        // Writing to a String cannot fail.
        if let Some(seconds) = estimate {
            write!(told, ", about {}", duration(seconds)).ok();
        }
        if let Some(first) = line.first().filter(|_| before > 0) {
            let verb = if queue.current().is_some() { "runs" } else { "is next" };
            write!(told, "; {} {verb}", what(first)).ok();
        }
        told
    }

    fn note(&self, text: &str) {
        use tagboat_core::ports::Progress;
        self.scope.observer.tell(&self.scope.span, &Progress::Note(text));
    }

    /// Why waiting ended without a turn, after leaving the queue.
    fn gave_up(&self, error: &TurnError) -> Box<Diagnostic> {
        let error = match error {
            TurnError::Cancelled => interrupted(&self.queue.environment),
            TurnError::TimedOut => busy(self),
            TurnError::Foreign(_) | TurnError::Io(_) => unusable(&self.queue.environment, error),
        };
        self.leave(&error)
    }

    /// Leaves the record of a wait that ended (SPEC D3: it is there alone).
    fn leave(&self, error: &Diagnostic) -> Box<Diagnostic> {
        if let Some(wanted) = &self.ticket.wanted {
            let subject = Subject {
                attempt: self.ticket.attempt,
                version: &wanted.version,
                environment: &self.queue.environment,
            };
            let at = whole_seconds(self.context.clock().now());
            let deployment = left(&self.ticket, &self.queue.environment, at);
            let run = wanted.workflow_run_id.clone();
            report::cancelled_wait(self.context, run, Some(&subject), deployment.as_ref(), error);
        }
        Box::new(error.clone())
    }

    /// Goes on without the terminal, where that was asked for and was not done yet.
    fn leave_terminal(&mut self) -> Result<()> {
        let Some(wanted) = self.ticket.wanted.as_ref().filter(|_| self.asked.run.detach) else {
            return Ok(());
        };
        let run = wanted.workflow_run_id.clone();
        let log = report::log_file(self.context, &run);
        let log = log.ok_or_else(|| not_detached("there is no home for its log: set HOME"))?;
        if std::mem::replace(&mut self.stage, Stage::Background) == Stage::Background {
            return Ok(());
        }
        leave_session().map_err(|error| not_detached(&error.to_string()))?;
        let (_, queue, before) = self.standing();
        let index = if queue.current().is_some() { before.checked_sub(1) } else { Some(before) };
        let waiting = index.and_then(|index| queue.waiting().nth(index));
        let waiting = waiting.filter(|_| before > 0);
        let terminal = self.context.terminal;
        terminal.json(&serde_json::json!({
            "workflow_run_id": run,
            "environment": self.queue.environment,
            "status": if waiting.is_some() { "queued" } else { "in_progress" },
            "queue_position": waiting.map(|waiting| waiting.position),
            "estimated_wait_time": waiting.and_then(|waiting| waiting.estimated_wait),
            "log": log,
        }));
        let place = if waiting.is_some() { self.told() } else { "its turn is now".to_owned() };
        terminal.say(&format!(
            "{} goes on without this terminal: {place}\nrun  {run}\nlog  {}",
            wanted.version,
            log.display()
        ));
        terminal.bytes(&[GONE]);
        let folder = log.parent().unwrap_or(&log);
        std::fs::create_dir_all(folder)
            .and_then(|()| write_to(&log))
            .map_err(|error| not_detached(&format!("{}: {error}", log.display())))
    }
}

/// `api/v1.1.0 of ann`.
pub(super) fn what(standing: &Standing) -> String {
    let Some(ticket) = &standing.ticket else { return "somebody unknown".to_owned() };
    let what = match &ticket.wanted {
        Some(wanted) => wanted.version.to_string(),
        None if ticket.project.is_empty() => "the project at the root".to_owned(),
        None => ticket.project.clone(),
    };
    format!("{what} of {}", ticket.triggered_by)
}

/// `40 s`, `3 min`, `2 h 5 min`.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Leaves it to a second process, and tells what that one says until it has left the terminal.
fn detach(context: &Context<'_>) -> Result<Exit> {
    let launched = std::env::current_dir().and_then(|folder| launch(&folder));
    match launched.map_err(|error| not_detached(&error.to_string()))? {
        Launched::Detached(said) => {
            context.terminal.bytes(&said);
            Ok(Exit::Done)
        }
        Launched::Ended(said, status) => {
            context.terminal.bytes(&said);
            let same = |exit: &Exit| status == Some(i32::from(exit.status()));
            Ok(EXITS.into_iter().find(same).unwrap_or(Exit::Bug))
        }
    }
}

/// How a deployment can end.
const EXITS: [Exit; 9] = [
    Exit::Done,
    Exit::Judged,
    Exit::Usage,
    Exit::Refused,
    Exit::Outside,
    Exit::RolledBack,
    Exit::NeedsPerson,
    Exit::Bug,
    Exit::Interrupted,
];

fn without_place<T>(context: &Context<'_>, asked: &Asked<'_>, why: &str) -> Result<Option<T>> {
    if asked.run.detach {
        return Err(not_detached(why));
    }
    context.terminal.warn(&format!(
        "no place in the queue of {} could be taken, so nobody is waited for: {why}",
        asked.environment.name
    ));
    Ok(None)
}

const STILL: &str = "no host was contacted";

fn interrupted(environment: &EnvironmentName) -> Box<Diagnostic> {
    let what = format!("the wait for the turn in {environment} was interrupted");
    Box::new(
        Diagnostic::unchanged("run::interrupted", Exit::Interrupted, what, STILL)
            .help("run the command again"),
    )
}

fn busy(waiter: &Waiter<'_>) -> Box<Diagnostic> {
    let environment = &waiter.queue.environment;
    let bound = waiter.asked.run.wait.unwrap_or_default();
    let what_not = format!("the turn in {environment} did not come within {bound} s");
    let (line, ..) = waiter.standing();
    let mut error = Diagnostic::unchanged("queue::busy", Exit::Refused, what_not, STILL);
    for standing in line.iter().filter(|other| other.number < waiter.place.number()).take(5) {
        let runs = standing.ticket.as_ref().is_some_and(|ticket| ticket.began_at.is_some());
        error = error.fact(if runs { "runs" } else { "before" }, what(standing));
    }
    Box::new(error.help(format!(
        "wait as long as it takes: leave `--wait` out; see who is there: `tagboat queue --env {environment}`"
    )))
}

fn dismissed(waiter: &Waiter<'_>, notice: &Notice) -> Diagnostic {
    let environment = &waiter.queue.environment;
    match notice {
        Notice::Cancelled { by } => Diagnostic::unchanged(
            "queue::cancelled",
            Exit::Refused,
            format!("the deployment was cancelled while it waited for its turn in {environment}"),
            STILL,
        )
        .fact("by", by.clone())
        .help(format!("see who waits: `tagboat queue --env {environment}`")),
        Notice::Superseded { by, version, run } => Diagnostic::unchanged(
            "queue::superseded",
            Exit::Refused,
            format!("the deployment was skipped while it waited for its turn in {environment}"),
            STILL,
        )
        .fact("newer", version.clone())
        .fact("by", by.clone())
        .fact("run", run.clone())
        .help(format!("see what runs when it is through: `tagboat history --env {environment}`")),
    }
}

/// The queue cannot be used by a verb that is about nothing else.
pub(super) fn unusable(environment: &EnvironmentName, error: &TurnError) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "queue::unusable",
            Exit::Outside,
            format!("the queue of {environment} cannot be read: {error}"),
            "no deployment was touched",
        )
        .help("look at the folder tagboat/queue below $XDG_STATE_HOME or ~/.local/state: it must be yours alone"),
    )
}

fn not_detached(why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "queue::not-detached",
            Exit::Outside,
            format!("the deployment cannot go on without this terminal: {why}"),
            STILL,
        )
        .help("run it without `--detach`"),
    )
}
