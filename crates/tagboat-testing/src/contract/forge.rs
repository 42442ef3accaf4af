//! The promises of a forge. In: a world whose forge has the runs that a test asks for. Out: a panic where one is broken.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::Timestamp;
use tagboat_core::ports::{
    Cancel, Forge, ForgeError, ForgeRun, RunStatus, Scope, Silent, every_run,
};
use tagboat_core::queue::DeploymentQueue;
use tagboat_core::tag::EnvironmentName;

/// A forge, and the means to make it what a test needs.
pub trait World {
    /// The port.
    fn forge(&self) -> &dyn Forge;
    /// Makes these runs of an environment, in this order. Fields that a forge gives by itself may differ.
    fn make(&self, environment: &EnvironmentName, runs: &[ForgeRun]);
    /// The next question is answered so.
    fn fail(&self, how: ForgeError);
    /// More runs than stand on one page.
    fn more_than_a_page(&self) -> usize;
}

fn environment(name: &str) -> EnvironmentName {
    EnvironmentName::parse(name).unwrap()
}

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// A run that began to wait so many seconds after the first one.
#[must_use]
pub fn run(id: usize, status: RunStatus, waiting: i64) -> ForgeRun {
    let at = Timestamp::from_second(1_767_225_600 + waiting).unwrap();
    ForgeRun {
        id: id.to_string(),
        status,
        created_at: at,
        waiting_since: at,
        started_at: (status == RunStatus::InProgress).then_some(at),
        actor: "ann".to_owned(),
        reference: "main".to_owned(),
        deployment: None,
        url: format!("https://forge.example/acme/web/actions/runs/{id}"),
    }
}

fn ids(runs: &[ForgeRun]) -> BTreeSet<String> {
    runs.iter().map(|run| run.id.clone()).collect()
}

/// See its name.
pub fn an_environment_without_runs_has_none(world: &dyn World) {
    assert_eq!(every_run(world.forge(), &scope(), &environment("staging")), Ok(Vec::new()));
}

/// See its name.
pub fn runs_are_those_of_the_environment(world: &dyn World) {
    let (staging, production) = (environment("staging"), environment("production"));
    world.make(&staging, &[run(1, RunStatus::InProgress, 0), run(2, RunStatus::Queued, 1)]);
    world.make(&production, &[run(3, RunStatus::Queued, 2)]);
    let seen = every_run(world.forge(), &scope(), &staging).unwrap();
    assert_eq!(ids(&seen), ["1", "2"].map(str::to_owned).into());
    let going = seen.iter().find(|run| run.id == "1").unwrap();
    assert_eq!(going.status, RunStatus::InProgress);
    assert!(going.started_at.is_some() && going.url.ends_with("/1") && going.actor == "ann");
    assert_eq!(ids(&every_run(world.forge(), &scope(), &production).unwrap()).len(), 1);
}

/// See its name.
pub fn every_page_is_read(world: &dyn World) {
    let staging = environment("staging");
    let count = world.more_than_a_page();
    let second = |id: usize| i64::try_from(id).unwrap();
    let runs: Vec<ForgeRun> =
        (1..=count).rev().map(|id| run(id, RunStatus::Queued, second(id))).collect();
    world.make(&staging, &runs);
    let first = world.forge().runs(&scope(), &staging, None).unwrap();
    assert!(first.next.is_some() && first.runs.len() < count);
    let seen = every_run(world.forge(), &scope(), &staging).unwrap();
    assert_eq!(seen.len(), count);
    let queue = DeploymentQueue::from_runs(staging, seen, None, Timestamp::UNIX_EPOCH).unwrap();
    let since: Vec<_> = queue.waiting().map(|waiting| waiting.member.since).collect();
    assert!(since.is_sorted() && since.len() == count);
}

/// See its name.
pub fn a_failure_is_told_as_what_it_is(world: &dyn World) {
    let until = Timestamp::from_second(1_767_225_600).unwrap();
    for failure in [
        ForgeError::RateLimited(Some(until)),
        ForgeError::RateLimited(None),
        ForgeError::Unavailable(502),
        ForgeError::NotPermitted("Resource not accessible by integration".to_owned()),
        ForgeError::NotFound,
    ] {
        world.fail(failure.clone());
        let seen = every_run(world.forge(), &scope(), &environment("staging")).unwrap_err();
        assert_eq!(std::mem::discriminant(&seen), std::mem::discriminant(&failure), "{seen}");
    }
    // It was only for that question.
    assert!(every_run(world.forge(), &scope(), &environment("staging")).is_ok());
}

/// See its name.
pub fn an_ended_scope_asks_nothing(world: &dyn World) {
    let cancelled = scope();
    cancelled.cancel.cancel();
    let staging = environment("staging");
    assert_eq!(world.forge().runs(&cancelled, &staging, None), Err(ForgeError::Cancelled));
    let late = scope().until(Instant::now());
    assert_eq!(world.forge().runs(&late, &staging, None), Err(ForgeError::TimedOut));
}
