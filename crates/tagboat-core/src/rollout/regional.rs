//! One version to an environment, region by region, a Deployment each (SPEC D1-D3). In: events, and when they came.
//! Out: the next effect, or the end with every Deployment.
//!
//! Regions go one after the other, each with its canary; what waits is queued. When one fails, its hosts go back, what
//! waits is cancelled, and then the regions that had succeeded go back too, the last one first. `succeeded` is an end
//! (D2), so what undoes it is a Deployment of its own, to the version before; where nothing ran before, taking the
//! version off again deploys nothing and is none.

use jiff::Timestamp;

use super::{Before, Cause, Effect, Ending, Event, Next, Rollout};
use crate::commit::CommitSha;
use crate::deployment::{
    Artifact, Deployment, DeploymentId, Ended, Head, Preparing, Queued, TagMove, Terminal,
};
use crate::environment::{HostName, RegionName};
use crate::version::Version;

/// What one Deployment changes: the hosts of a region, or those that the environment has outside its regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its Deployment.
    pub head: Head,
    /// The host that goes first.
    pub canary: HostName,
    /// The others, in order.
    pub others: Vec<HostName>,
}

/// What hosts go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// The version that ran before.
    pub version: Version,
    /// Its commit.
    pub commit: CommitSha,
    /// What is put on the hosts for it.
    pub artifact: Artifact,
}

/// How one part fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fared {
    /// Its region; none for the hosts outside every region.
    pub region: Option<RegionName>,
    /// The Deployment that brought the version there, or would have.
    pub deployment_id: DeploymentId,
    /// Which version runs there in the end: `rolled_back` also where it had succeeded and went back with the others.
    pub outcome: Terminal,
    /// The hosts that are not back, each with its reason.
    pub stuck: Vec<(HostName, String)>,
}

/// The end of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// As a whole.
    pub ending: Ending,
    /// Part by part, in the order in which they are deployed.
    pub parts: Vec<Fared>,
    /// Every Deployment, in the order in which they ended.
    pub deployments: Vec<Deployment<Ended>>,
}

impl Over {
    /// How the attempt ended. It is cancelled where no host of any part was touched.
    #[must_use]
    pub fn outcome(&self) -> Terminal {
        match &self.ending {
            Ending::Succeeded => Terminal::Succeeded,
            Ending::Stuck(..) => Terminal::Failed,
            Ending::RolledBack(_) => {
                if self.parts.iter().all(|part| part.outcome == Terminal::Cancelled) {
                    Terminal::Cancelled
                } else {
                    Terminal::RolledBack
                }
            }
        }
    }
}

/// What a rollout answers to an event.
#[derive(Clone, Debug)]
pub enum Regional {
    /// It goes on with this effect.
    Do(Box<RegionalRollout>, Effect),
    /// It is over.
    Over(Over),
}

/// A rollout over regions under way. As [`Rollout`], it is told one event for each effect that it asked for.
#[derive(Clone, Debug)]
pub struct RegionalRollout {
    rest: Rest,
    asked: Effect,
    turn: Turn,
}

/// The part whose hosts are being changed.
#[derive(Clone, Debug)]
struct Turn {
    part: Part,
    rollout: Rollout,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    /// The new version comes.
    Forward(Deployment<Preparing>, Seen),
    /// It had come, and goes again because another part failed. Without a Deployment where nothing ran before.
    Back(Option<Deployment<Preparing>>, Seen, Failed),
}

/// What ended the way forward, and what could not be undone so far.
#[derive(Clone, Debug)]
struct Failed {
    cause: Cause,
    stuck: Vec<(HostName, String)>,
}

/// What a Deployment went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// No host was touched.
    Nothing,
    /// A host was touched.
    Change,
    /// And a health gate refused.
    Refusal,
}

impl RegionalRollout {
    /// A rollout to `first`, begun at `at`, then to `others` in this order, and its first effect.
    #[must_use]
    pub fn new(
        first: Part,
        others: Vec<Part>,
        back: Option<WayBack>,
        at: Timestamp,
    ) -> (Self, Effect) {
        let queued = (1..).zip(others).map(|(position, part)| {
            let deployment = Deployment::queued(part.head.clone(), position, None);
            (part, deployment)
        });
        let mut waiting: Vec<(Part, Deployment<Queued>)> = queued.collect();
        waiting.reverse();
        let deployment = Deployment::begun(first.head.clone(), at);
        let (succeeded, fared, ended) = (Vec::new(), Vec::new(), Vec::new());
        let rest = Rest { back, waiting, succeeded, fared, ended };
        let (turn, effect) = Turn::forward(first, deployment, rest.before());
        (Self { rest, asked: effect.clone(), turn }, effect)
    }

    /// Tells what came of the last effect, and when.
    #[must_use]
    pub fn hear(mut self, event: Event, at: Timestamp) -> Regional {
        let Turn { part, rollout, way } = self.turn;
        let way = way.hear(&self.asked, &event);
        let ending = match rollout.hear(event) {
            Next::Do(rollout, effect) => {
                self.asked = effect.clone();
                self.turn = Turn { part, rollout, way };
                return Regional::Do(Box::new(self), effect);
            }
            Next::Over(ending) => ending,
        };
        let rest = self.rest;
        match way {
            Way::Forward(deployment, seen) => rest.forward(part, deployment, seen, ending, at),
            Way::Back(deployment, seen, failed) => rest.back(deployment, seen, failed, ending, at),
        }
    }
}

impl Turn {
    fn forward(part: Part, deployment: Deployment<Preparing>, before: Before) -> (Self, Effect) {
        let (rollout, effect) = Rollout::new(part.canary.clone(), part.others.clone(), before);
        (Self { part, rollout, way: Way::Forward(deployment, Seen::Nothing) }, effect)
    }
}

impl Way {
    fn hear(self, asked: &Effect, event: &Event) -> Self {
        let refused = matches!(event, Event::Failed(_));
        match self {
            Self::Forward(deployment, seen) => {
                let new = match asked {
                    Effect::Install(_) if *event == Event::Declined => Seen::Nothing,
                    Effect::Judge(_) if refused => Seen::Refusal,
                    _ => Seen::Change,
                };
                Self::Forward(deployment, seen.max(new))
            }
            Self::Back(deployment, seen, failed) => {
                let judged = matches!(asked, Effect::JudgeRestored(_));
                let new = if judged && refused { Seen::Refusal } else { Seen::Change };
                Self::Back(deployment, seen.max(new), failed)
            }
        }
    }
}

/// Every part but the one whose turn it is.
#[derive(Clone, Debug)]
struct Rest {
    back: Option<WayBack>,
    /// Not begun yet, the next one last.
    waiting: Vec<(Part, Deployment<Queued>)>,
    /// Where the new version runs, healthy; the newest last.
    succeeded: Vec<Part>,
    fared: Vec<Fared>,
    ended: Vec<Deployment<Ended>>,
}

impl Rest {
    /// A part ended on the way forward.
    fn forward(
        mut self,
        part: Part,
        deployment: Deployment<Preparing>,
        seen: Seen,
        ending: Ending,
        at: Timestamp,
    ) -> Regional {
        let (cause, stuck) = match ending {
            Ending::Succeeded => {
                let ended = deployment.change().check_health().succeed(at);
                self.note(&ended, Vec::new());
                self.ended.push(ended);
                self.succeeded.push(part);
                return self.next(at);
            }
            Ending::RolledBack(cause) => (cause, Vec::new()),
            Ending::Stuck(cause, stuck) => (cause, stuck),
        };
        let ended = if seen == Seen::Nothing {
            deployment.cancel(at)
        } else {
            let failing = fail(deployment, seen);
            if stuck.is_empty() { failing.rolled_back(at) } else { failing.stay(at) }
        };
        self.note(&ended, stuck.clone());
        self.ended.push(ended);
        while let Some((_, queued)) = self.waiting.pop() {
            let cancelled = queued.cancel(at);
            self.note(&cancelled, Vec::new());
            self.ended.push(cancelled);
        }
        self.undo(Failed { cause, stuck }, at)
    }

    /// A part that had succeeded went back, as far as it could.
    fn back(
        mut self,
        deployment: Option<Deployment<Preparing>>,
        seen: Seen,
        mut failed: Failed,
        ending: Ending,
        at: Timestamp,
    ) -> Regional {
        let stuck = match ending {
            Ending::Succeeded | Ending::RolledBack(_) => Vec::new(),
            Ending::Stuck(_, stuck) => stuck,
        };
        self.ended.extend(deployment.map(|deployment| {
            if stuck.is_empty() {
                deployment.change().check_health().succeed(at)
            } else {
                fail(deployment, seen).stay(at)
            }
        }));
        // Parts succeed in their order: those that still have are the first ones.
        if let Some(fared) = self.fared.get_mut(self.succeeded.len()) {
            fared.outcome = if stuck.is_empty() { Terminal::RolledBack } else { Terminal::Failed };
            fared.stuck.clone_from(&stuck);
        }
        failed.stuck.extend(stuck);
        self.undo(failed, at)
    }

    /// The next part that waits, or the good end.
    fn next(mut self, at: Timestamp) -> Regional {
        let Some((part, queued)) = self.waiting.pop() else {
            return self.over(Ending::Succeeded);
        };
        let (turn, effect) = Turn::forward(part, queued.begin(at), self.before());
        self.take(turn, effect)
    }

    /// The next part that goes back, or the end.
    fn undo(mut self, failed: Failed, at: Timestamp) -> Regional {
        let Some(part) = self.succeeded.pop() else {
            let Failed { cause, stuck } = failed;
            return self.over(if stuck.is_empty() {
                Ending::RolledBack(cause)
            } else {
                Ending::Stuck(cause, stuck)
            });
        };
        let hosts = [std::slice::from_ref(&part.canary), &part.others].concat();
        let deployment =
            self.back.as_ref().map(|back| Deployment::begun(self.head_back(&part, back, at), at));
        match Rollout::undo(hosts, failed.cause.clone(), self.before()) {
            Next::Do(rollout, effect) => {
                let way = Way::Back(deployment, Seen::Nothing, failed);
                self.take(Turn { part, rollout, way }, effect)
            }
            Next::Over(ending) => self.back(deployment, Seen::Nothing, failed, ending, at),
        }
    }

    /// The Deployment by which a part goes back to the version before.
    fn head_back(&self, part: &Part, back: &WayBack, at: Timestamp) -> Head {
        let taken = |id: &DeploymentId| {
            let known = self.fared.iter().map(|fared| &fared.deployment_id);
            known.chain(self.ended.iter().map(|ended| &ended.head().deployment_id)).any(|k| k == id)
        };
        Head {
            deployment_id: DeploymentId::new(at, &back.commit, taken),
            version: back.version.clone(),
            commit: back.commit.clone(),
            artifact: back.artifact.clone(),
            tag_move: TagMove::Stays,
            previous_version: Some(part.head.version.clone()),
            ..part.head.clone()
        }
    }

    const fn before(&self) -> Before {
        if self.back.is_some() { Before::Version } else { Before::Nothing }
    }

    fn note(&mut self, ended: &Deployment<Ended>, stuck: Vec<(HostName, String)>) {
        let Head { region, deployment_id, .. } = ended.head();
        let (region, deployment_id) = (region.clone(), deployment_id.clone());
        self.fared.push(Fared { region, deployment_id, outcome: ended.outcome(), stuck });
    }

    fn take(self, turn: Turn, effect: Effect) -> Regional {
        let rollout = RegionalRollout { rest: self, asked: effect.clone(), turn };
        Regional::Do(Box::new(rollout), effect)
    }

    fn over(self, ending: Ending) -> Regional {
        Regional::Over(Over { ending, parts: self.fared, deployments: self.ended })
    }
}

fn fail(deployment: Deployment<Preparing>, seen: Seen) -> Deployment<crate::deployment::Failing> {
    let changing = deployment.change();
    if seen == Seen::Refusal { changing.check_health().fail() } else { changing.fail() }
}

#[cfg(test)]
mod tests;
