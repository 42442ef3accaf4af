//! What to do next. In: how a run ended. Out: its links, the likeliest first; `status` is always the last.

use tagboat_core::ledger::{Attempt, HoldAction, HoldChange};
use tagboat_core::rollout::{Ending, Failure};
use tagboat_core::tag::{EnvironmentName, State};
use tagboat_core::version::{ProjectPath, Version};

use super::{DeploymentRun, ReportStatus, Run, Subject};
use crate::action_link::{ActionLink, ActionLinks, Category, Label};
use crate::forge::{ActionsUrl, Workflow};
use crate::verb::{Verb, typed};

const DEPLOY_NEXT: Label = Label::fixed("Deploy to the next environment");
const DEPLOY_NEWER: Label = Label::fixed("Deploy a version that mends it");
const DEPLOY_AGAIN: Label = Label::fixed("Run it again");
const REPAIR: Label = Label::fixed("Put the version before back");
const LIFT: Label = Label::fixed("Lift the hold");
const MARK: Label = Label::fixed("Mark the version stable");
const ROLL_BACK: Label = Label::fixed("Roll back");
const LOGS: Label = Label::fixed("See what the service logs");
const HISTORY: Label = Label::fixed("See every attempt");
const STATUS: Label = Label::fixed("See what runs where");

/// What links are about.
struct About<'a> {
    run: &'a Run,
    project: &'a ProjectPath,
    environment: &'a EnvironmentName,
}

/// The links after a deployment that reached its hosts.
pub(super) fn after_deployment(run: &Run, record: &DeploymentRun<'_>) -> ActionLinks {
    let head = record.deployment.head();
    let (version, previous) = (&head.version, head.previous_version.as_ref());
    let about = About { run, project: version.path(), environment: &head.environment };
    let mut links = Vec::new();
    match (record.ending, record.attempt) {
        (Ending::Succeeded, _) if record.not_recorded.is_some() => {
            links.push(about.again(record.attempt, version));
            links.push(about.history());
        }
        (Ending::Succeeded, Attempt::Deploy) => {
            links.extend(record.next_environment.map(|next| about.deploy_next(version, next)));
            links.push(about.mark_stable(version));
            links
                .extend(previous.filter(|previous| *previous < version).map(|_| about.roll_back()));
            links.push(about.logs());
        }
        (Ending::Succeeded, Attempt::Rollback) => {
            links.push(about.logs());
            links.push(about.deploy_newer());
            links.extend(about.lift(record.holds));
            links.push(about.history());
        }
        (Ending::RolledBack(cause), attempt) => {
            if cause.step == Failure::Interruption {
                links.push(about.again(attempt, version));
            }
            links.push(about.logs());
            links.push(about.deploy_newer());
            links.extend(about.lift(record.holds));
            // A first deployment that failed has left no history.
            links.extend(previous.map(|_| about.history()));
        }
        (Ending::Stuck(..), _) => {
            links.push(about.logs());
            links.extend(previous.map(|previous| about.repair(previous)));
            links.push(about.deploy_newer());
            links.extend(about.lift(record.holds));
            links.extend(previous.map(|_| about.history()));
        }
    }
    ActionLinks::new(links, status(run, Some(about.project)))
}

/// The links after a run that changed nothing.
pub(super) fn after_refusal(
    run: &Run,
    subject: Option<&Subject<'_>>,
    status_of_run: ReportStatus,
) -> ActionLinks {
    let project = subject.map(|subject| subject.version.path());
    let mut links = Vec::new();
    if let Some(Subject { attempt, version, environment }) = subject {
        let about = About { run, project: version.path(), environment };
        if status_of_run == ReportStatus::Cancelled {
            links.push(about.again(*attempt, version));
        }
        links.push(about.history());
    }
    ActionLinks::new(links, status(run, project))
}

impl About<'_> {
    fn deploy_next(&self, version: &Version, next: &EnvironmentName) -> ActionLink {
        link(
            DEPLOY_NEXT,
            self.workflow(Workflow::Deploy),
            format!("Runs {version} in {next}"),
            "rocket",
            Category::Deployment,
            Verb::Deploy.line([&version.to_string(), "--env", next.as_str()]),
        )
    }

    fn deploy_newer(&self) -> ActionLink {
        // A name in the form of a version tag, for the reader to fill in.
        let version = self.project.join("vX.Y.Z");
        link(
            DEPLOY_NEWER,
            self.workflow(Workflow::Deploy),
            format!("Runs a newer version in {}, once it is tagged", self.environment),
            "rocket",
            Category::Deployment,
            Verb::Deploy.line([&version, "--env", self.environment.as_str()]),
        )
    }

    fn again(&self, attempt: Attempt, version: &Version) -> ActionLink {
        let environment = self.environment.as_str();
        let (workflow, category, command) = match attempt {
            Attempt::Deploy => (
                Workflow::Deploy,
                Category::Deployment,
                Verb::Deploy.line([&version.to_string(), "--env", environment]),
            ),
            Attempt::Rollback => {
                let (project, to) = (typed(self.project), version.semver());
                let line = Verb::Rollback.line([project, "--env", environment, "--to", &to]);
                (Workflow::Rollback, Category::Rollback, line)
            }
        };
        let description = "Finds what is done already, and does the rest".to_owned();
        link(DEPLOY_AGAIN, self.workflow(workflow), description, "sync", category, command)
    }

    fn repair(&self, previous: &Version) -> ActionLink {
        link(
            REPAIR,
            self.workflow(Workflow::Deploy),
            format!("Runs {previous} on every host of {} again", self.environment),
            "tools",
            Category::Maintenance,
            Verb::Deploy.line([&previous.to_string(), "--env", self.environment.as_str()]),
        )
    }

    /// How to deploy a version that was put on hold.
    fn lift(&self, holds: &[HoldChange]) -> Option<ActionLink> {
        let held = holds.iter().find(|change| change.action == HoldAction::Held)?;
        let version = held.version.to_string();
        let environment = self.environment.as_str();
        Some(link(
            LIFT,
            self.workflow(Workflow::Deploy),
            format!("Deploys {version} all the same; REASON goes into the ledger"),
            "unlock",
            Category::Deployment,
            Verb::Deploy.line([&version, "--env", environment, "--lift-hold", "REASON"]),
        ))
    }

    fn roll_back(&self) -> ActionLink {
        let project = typed(self.project);
        link(
            ROLL_BACK,
            self.workflow(Workflow::Rollback),
            format!("Goes back to the newest version that {} ran well before", self.environment),
            "undo",
            Category::Rollback,
            Verb::Rollback.line([project, "--env", self.environment.as_str()]),
        )
    }

    fn mark_stable(&self, version: &Version) -> ActionLink {
        link(
            MARK,
            self.page(),
            "Roll-backs prefer versions that are marked so".to_owned(),
            "tag",
            Category::State,
            Verb::Mark.line([State::Stable.word(), &version.to_string()]),
        )
    }

    fn logs(&self) -> ActionLink {
        let project = typed(self.project);
        link(
            LOGS,
            self.page(),
            format!("Shows its last lines on each host of {}", self.environment),
            "log",
            Category::Maintenance,
            Verb::Logs.line([project, "--env", self.environment.as_str()]),
        )
    }

    fn history(&self) -> ActionLink {
        let project = typed(self.project);
        link(
            HISTORY,
            self.page(),
            format!("Who deployed what to {}, when, and how it ended", self.environment),
            "history",
            Category::State,
            Verb::History.line([project, "--env", self.environment.as_str()]),
        )
    }

    fn workflow(&self, workflow: Workflow) -> Option<ActionsUrl> {
        self.run.pages.as_ref().map(|pages| pages.workflow(workflow))
    }

    fn page(&self) -> Option<ActionsUrl> {
        page(self.run)
    }
}

fn status(run: &Run, project: Option<&ProjectPath>) -> ActionLink {
    link(
        STATUS,
        page(run),
        "The version in each environment, and since when".to_owned(),
        "pulse",
        Category::State,
        Verb::Status.line(project.map(typed)),
    )
}

fn page(run: &Run) -> Option<ActionsUrl> {
    run.pages.as_ref().map(|pages| pages.run(&run.workflow_run_id))
}

fn link(
    label: Label,
    url: Option<ActionsUrl>,
    description: String,
    icon: &str,
    category: Category,
    command: String,
) -> ActionLink {
    let (description, icon) = (Some(description), Some(icon.to_owned()));
    ActionLink { label, url, description, icon, category, command }
}
