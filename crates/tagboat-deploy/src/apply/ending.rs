//! The end of a deployment. In: how the hosts ended. Out: the record in the ledger, and the hosts' memory of it.

use jiff::Timestamp;
use tagboat_core::deployment::{Deployment, Terminal};
use tagboat_core::diagnostic::{Diagnostic, Exit, World};
use tagboat_core::ledger::{Attempt, History, HoldAction, HoldChange, Record, RegionOutcome};
use tagboat_core::ports::{Cancel, Scope};
use tagboat_core::rollout::{Ending, Failure, Fared, Over};
use tagboat_core::version::Version;

use super::{StepName, Work};
use crate::environment_tag::{NotRecorded, Place, add_record};
use crate::observe::Facts;
use crate::plan::DeployPlan;

impl Work<'_> {
    /// The last step: the record, the tag, and the hosts' memory of both.
    pub(super) fn record(
        &mut self,
        facts: &Facts,
        over: &Over,
        started_at: Timestamp,
    ) -> (Option<u64>, Option<Box<Diagnostic>>) {
        let plan = self.plan;
        if plan.previous.is_none() && over.outcome() != Terminal::Succeeded {
            // There is no tag yet that could hold it (SPEC D3).
            return (None, None);
        }
        let record = self.ledger_record(over, started_at);
        let sequence = record.sequence;
        let name = StepName::of(format!("record {sequence} in {}", plan.request.tag));
        let mut scope = self.scope.span(name.step.clone());
        // What the hosts run now must be written down, whoever asked to stop.
        scope.cancel = Cancel::default();
        let begun = self.begin(&scope);
        let ledger = facts.history.as_ref().map(History::ledger);
        let to = Place {
            repository: self.ports.repository,
            signer: self.ports.signer,
            tag: &plan.request.tag,
            expected: plan.tag_object.as_ref(),
        };
        let added = add_record(&scope, &to, ledger, record);
        let problem = added.err().map(|why| not_recorded(plan, &why));
        let result = problem.as_ref().map_or(Ok(()), |problem| Err(problem.message.clone()));
        self.finish(&scope, name, begun, result);
        if problem.is_none() {
            self.settle(&scope, sequence);
        }
        (problem.is_none().then_some(sequence), problem)
    }

    fn ledger_record(&self, over: &Over, started_at: Timestamp) -> Record {
        let plan = self.plan;
        let ends = over.deployments.iter().map(Deployment::completed_at);
        let completed_at = ends.max().unwrap_or(started_at);
        let previous = plan.previous.as_ref();
        Record {
            sequence: plan.sequence + 1,
            attempt: plan.request.attempt,
            version: plan.request.version.clone(),
            commit: plan.request.commit.clone(),
            previous_version: previous.map(|previous| previous.version.clone()),
            previous_commit: previous.map(|previous| previous.commit.clone()),
            outcome: over.outcome(),
            started_at,
            completed_at,
            triggered_by: plan.head.triggered_by.clone(),
            deployment_id: plan.head.deployment_id.clone(),
            workflow_run_id: plan.head.workflow_run_id.clone(),
            regions: self.regions(over),
            holds: self.holds(&over.ending),
            override_reason: plan.request.override_reason.clone(),
        }
    }

    /// How each region fared; nothing where the environment has none.
    fn regions(&self, over: &Over) -> Vec<RegionOutcome> {
        let outcome = |part: &Fared| RegionOutcome {
            region: part.region.as_ref().map(ToString::to_string),
            outcome: part.outcome,
            deployment_id: Some(part.deployment_id.clone()),
        };
        let parts = if self.plan.has_regions() { over.parts.as_slice() } else { &[] };
        parts.iter().map(outcome).collect()
    }

    /// A version that was rolled back is held, unless it was a person who stopped it (SPEC R4).
    pub(super) fn holds(&self, ending: &Ending) -> Vec<HoldChange> {
        let request = &self.plan.request;
        let change = |version: &Version, action, reason: String| HoldChange {
            version: version.clone(),
            action,
            reason,
        };
        let mut holds = Vec::new();
        if let Some(reason) = &request.lift_hold {
            holds.push(change(&request.version, HoldAction::Lifted, reason.clone()));
        }
        match (ending, request.attempt, &self.plan.previous) {
            (Ending::RolledBack(cause) | Ending::Stuck(cause, _), Attempt::Deploy, _)
                if cause.step != Failure::Interruption =>
            {
                holds.push(change(&request.version, HoldAction::Held, cause.to_string()));
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

    pub(super) fn settle(&mut self, scope: &Scope<'_>, sequence: u64) {
        for planned in self.plan.in_lock_order() {
            let host = &planned.host.name;
            let settle = planned.program.settle(&planned.claim, sequence);
            // The next deployment claims with the newer number anyhow; until then an older ledger would not
            // be noticed by this host.
            if let Err(error) = self.must(scope, host, &settle) {
                self.warnings
                    .push(format!("{planned} does not know of record {sequence}: {error}"));
            }
        }
    }
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
            World::Now(format!(
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
