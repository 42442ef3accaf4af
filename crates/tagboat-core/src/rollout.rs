//! One version to the hosts of one region (SPEC D4, D5). In: events. Out: the next effect, or the end.
//!
//! Hosts are changed and judged one after the other, the first as the canary. When one fails, every host
//! that was touched goes back, the failed one first, and is judged again: the end is one version
//! everywhere, or a list of the hosts where it is not. The machine does nothing itself; whoever performs
//! its effects tells it what came of them, so every order of failure is a test without a host.

mod regional;

use std::fmt;

use crate::environment::HostName;

pub use regional::{Fared, Over, Part, Regional, RegionalRollout, WayBack};

/// What is to be done next, on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put the new version on it.
    Install(HostName),
    /// Ask whether the new version is healthy there.
    Judge(HostName),
    /// Put the version before back.
    Restore(HostName),
    /// Ask whether the version before is healthy there.
    JudgeRestored(HostName),
    /// A first deployment failed: take the new version off again.
    Remove(HostName),
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was done; a judgement was good.
    Done,
    /// It was not, or not for certain; the text says why.
    Failed(String),
    /// Someone asked to stop while it ran. What it did is not known.
    Interrupted,
    /// Someone asked to stop before it was begun: nothing was done.
    Declined,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The new version runs everywhere, healthy.
    Succeeded,
    /// The version before runs everywhere again, healthy; or the first one is gone again. So too where nothing had
    /// to be undone, for it was stopped before a host was touched.
    RolledBack(Cause),
    /// These hosts could not be brought back, each with its reason.
    Stuck(Cause, Vec<(HostName, String)>),
}

/// What ended the way forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// On which host.
    pub host: HostName,
    /// In which step.
    pub step: Failure,
    /// What was seen.
    pub reason: String,
}

/// `health gate on web-1: the check "database" is down`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Failure::Install => "installation",
            Failure::Health => "health gate",
            Failure::Interruption => "interruption",
        };
        write!(f, "{step} on {}: {}", self.host, self.reason)
    }
}

/// The step that ended the way forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The installation.
    Install,
    /// The health gate.
    Health,
    /// A person's interruption.
    Interruption,
}

/// Where hosts go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// A version ran before.
    Version,
    /// Nothing did: this is the first deployment.
    Nothing,
}

/// What a rollout answers to an event.
#[derive(Clone, Debug)]
pub enum Next {
    /// It goes on with this effect.
    Do(Rollout, Effect),
    /// It is over.
    Over(Ending),
}

/// A rollout under way. It can be told one event for each effect that it asked for, and is gone when it is
/// over.
#[derive(Clone, Debug)]
pub struct Rollout {
    before: Before,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Forward {
        /// Touched so far; the last one is being changed or judged.
        touched: Vec<HostName>,
        /// Not touched yet, the next one last.
        waiting: Vec<HostName>,
        step: Step,
    },
    Back {
        cause: Cause,
        host: HostName,
        step: Step,
        /// Touched and not undone yet, the next one last.
        left: Vec<HostName>,
        stuck: Vec<(HostName, String)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Changing,
    Judging,
}

impl Rollout {
    /// A rollout to `canary`, then to `others` in this order, and its first effect.
    #[must_use]
    pub fn new(canary: HostName, others: Vec<HostName>, before: Before) -> (Self, Effect) {
        let effect = Effect::Install(canary.clone());
        let waiting = others.into_iter().rev().collect();
        let way = Way::Forward { touched: vec![canary], waiting, step: Step::Changing };
        (Self { before, way }, effect)
    }

    /// The way back of hosts that all run the new version, for a reason that lies elsewhere: the last one first.
    #[must_use]
    pub fn undo(hosts: Vec<HostName>, cause: Cause, before: Before) -> Next {
        Self::next_back(before, cause, hosts, Vec::new())
    }

    /// Tells what came of the last effect.
    #[must_use]
    pub fn hear(self, event: Event) -> Next {
        match self.way {
            Way::Forward { touched, waiting, step } => {
                Self::forward(self.before, touched, waiting, step, event)
            }
            Way::Back { cause, host, step, left, stuck } => {
                Self::back(self.before, cause, host, step, left, stuck, event)
            }
        }
    }

    fn forward(
        before: Before,
        mut touched: Vec<HostName>,
        mut waiting: Vec<HostName>,
        step: Step,
        event: Event,
    ) -> Next {
        let Some(host) = touched.last().cloned() else { return Next::Over(Ending::Succeeded) };
        let (failure, reason) = match (event, step) {
            (Event::Done, Step::Changing) => {
                let way = Way::Forward { touched, waiting, step: Step::Judging };
                return Next::Do(Self { before, way }, Effect::Judge(host));
            }
            (Event::Done, Step::Judging) => {
                let Some(next) = waiting.pop() else { return Next::Over(Ending::Succeeded) };
                touched.push(next.clone());
                let way = Way::Forward { touched, waiting, step: Step::Changing };
                return Next::Do(Self { before, way }, Effect::Install(next));
            }
            (Event::Failed(reason), Step::Changing) => (Failure::Install, reason),
            (Event::Failed(reason), Step::Judging) => (Failure::Health, reason),
            (Event::Interrupted, _) | (Event::Declined, Step::Judging) => {
                (Failure::Interruption, "it was interrupted".to_owned())
            }
            (Event::Declined, Step::Changing) => {
                // This one was not touched, so it has nowhere to go back from.
                touched.pop();
                (
                    Failure::Interruption,
                    "it was interrupted before this host was changed".to_owned(),
                )
            }
        };
        Self::next_back(before, Cause { host, step: failure, reason }, touched, Vec::new())
    }

    fn back(
        before: Before,
        cause: Cause,
        host: HostName,
        step: Step,
        left: Vec<HostName>,
        mut stuck: Vec<(HostName, String)>,
        event: Event,
    ) -> Next {
        match event {
            Event::Done if step == Step::Changing && before == Before::Version => {
                let effect = Effect::JudgeRestored(host.clone());
                let way = Way::Back { cause, host, step: Step::Judging, left, stuck };
                return Next::Do(Self { before, way }, effect);
            }
            Event::Done => {}
            Event::Failed(reason) => stuck.push((host, reason)),
            // Whoever performs the effects does not interrupt an undoing at the first Ctrl-C; at the
            // second the program leaves. What was cut off here did not get done.
            Event::Interrupted | Event::Declined => {
                stuck.push((host, "it was interrupted".to_owned()));
            }
        }
        Self::next_back(before, cause, left, stuck)
    }

    fn next_back(
        before: Before,
        cause: Cause,
        mut left: Vec<HostName>,
        stuck: Vec<(HostName, String)>,
    ) -> Next {
        let Some(host) = left.pop() else {
            return Next::Over(if stuck.is_empty() {
                Ending::RolledBack(cause)
            } else {
                Ending::Stuck(cause, stuck)
            });
        };
        let effect = match before {
            Before::Version => Effect::Restore(host.clone()),
            Before::Nothing => Effect::Remove(host.clone()),
        };
        let way = Way::Back { cause, host, step: Step::Changing, left, stuck };
        Next::Do(Self { before, way }, effect)
    }
}

#[cfg(test)]
mod tests;
