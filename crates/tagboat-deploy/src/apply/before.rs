//! Everything before a host is changed. In: the plan. Out: the turns on all hosts, claimed, with the packages
//! there; or the reason why nothing was changed.

use std::time::Duration;

use tagboat_core::command::{Command, Input};
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::HostName;
use tagboat_core::ledger::Ledger;
use tagboat_core::ports::{Existing, FetchSpec, RepositoryError, RunError, Running, Scope};

use super::{StepName, Work};
use crate::delivery;
use crate::error::{last_words, unreachable};
use crate::host::{BUSY, FENCED};
use crate::plan::{DeployPlan, PlannedHost};

impl Work<'_> {
    /// Takes the turn on every host, in the order of their names.
    pub(super) fn take_turns(&mut self) -> Result<Vec<Box<dyn Running>>> {
        let mut turns = Vec::new();
        for planned in self.plan.in_lock_order() {
            let name = StepName::on(planned, format!("turn on {planned}"));
            turns.push(self.step(name, |work, scope| work.take_turn(scope, planned))?);
        }
        Ok(turns)
    }

    pub(super) fn take_turn(
        &self,
        scope: &Scope<'_>,
        planned: &PlannedHost,
    ) -> Result<Box<dyn Running>> {
        let request = &self.plan.request;
        let host = &planned.host.name;
        let command = planned.program.hold(
            request.patience,
            &planned.claim.deployment,
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
    pub(super) fn read_tag_again(&mut self) -> Result<()> {
        let name = self.plan.request.tag.remote_ref();
        self.step(StepName::of(format!("read {name} again")), |work, scope| {
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
    pub(super) fn winner(&self, scope: &Scope<'_>) -> Option<String> {
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

    pub(super) fn claim(&mut self) -> Result<()> {
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            let name = StepName::on(planned, format!("claim {planned}"));
            self.step(name, |work, scope| {
                work.must(scope, host, &planned.program.claim(&planned.claim))?;
                work.must(scope, host, &planned.program.join())
            })?;
        }
        Ok(())
    }

    /// Brings every host what it lacks, before one of them is changed: a package that cannot be brought then
    /// costs nothing.
    pub(super) fn deliver(&mut self) -> Result<()> {
        let request = &self.plan.request;
        let previous = self.plan.previous.as_ref().map(|previous| previous.version.debian());
        let versions: Vec<String> =
            [request.version.debian()].into_iter().chain(previous).collect();
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            let name = StepName::on(planned, format!("bring packages to {planned}"));
            self.step(name, |work, scope| {
                let broken = |error: std::io::Error| {
                    let what = format!("the repository cannot be read: {error}");
                    let still = "no host was changed";
                    Box::new(Diagnostic::unchanged("deploy::repository", Exit::Usage, what, still))
                };
                let (folder, package) = (&request.repository, &request.package);
                let wanted = delivery::wanted(folder, package, &versions, planned.host.arch);
                let wanted = wanted.map_err(broken)?;
                let holdings = work.must_answer(scope, host, &planned.program.holdings())?;
                let missing = delivery::missing(&wanted, &holdings);
                let archive = delivery::pack(&request.repository, &missing).map_err(broken)?;
                let input = Input::File(archive.path().to_owned());
                work.must(scope, host, &planned.program.receive().input(input))
            })?;
        }
        Ok(())
    }

    /// Runs a command that changes no application; a failure ends the deployment with nothing changed.
    pub(super) fn must(&self, scope: &Scope<'_>, host: &HostName, command: &Command) -> Result<()> {
        self.must_answer(scope, host, command).map(drop)
    }

    pub(super) fn must_answer(
        &self,
        scope: &Scope<'_>,
        host: &HostName,
        command: &Command,
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
}

fn repository_failed(error: &RepositoryError) -> Box<Diagnostic> {
    let still = "no host was changed";
    if matches!(error, RepositoryError::Run(RunError::Cancelled)) {
        let (code, what) = ("run::interrupted", "it was interrupted");
        let diagnostic = Diagnostic::unchanged(code, Exit::Interrupted, what, still);
        return Box::new(diagnostic.help("run the command again"));
    }
    Box::new(
        Diagnostic::unchanged("git::remote", Exit::Outside, error.to_string(), still)
            .help("see what git says: `git ls-remote origin`"),
    )
}
