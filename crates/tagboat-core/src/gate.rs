//! The health gate (SPEC D4). In: judged answers and when they came. Out: pass, fail, or ask again.
//!
//! It waits for a first good answer; from then on, so many good ones in a row pass and so many bad ones in
//! a row fail. A program that does neither for another start-up time flaps, and fails.

use std::time::Duration;

use crate::health::Judgement;

/// The gate's numbers. The defaults are SPEC D4's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatePolicy {
    /// From one question to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub answer_within: Duration,
    /// Until when the first good answer must have come, from the start of the gate.
    pub start_within: Duration,
    /// Good answers in a row that pass.
    pub passes: u32,
    /// Bad answers in a row that fail, once there was a good one.
    pub failures: u32,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            answer_within: Duration::from_secs(5),
            start_within: Duration::from_secs(30),
            passes: 3,
            failures: 3,
        }
    }
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// It is healthy; what a reader should still know.
    Passed(Vec<String>),
    /// It is not, and why.
    Failed(String),
}

/// A gate that is being asked.
#[derive(Clone, Debug)]
pub struct Gate {
    policy: GatePolicy,
    first_good: Option<Duration>,
    good: u32,
    bad: u32,
    warnings: Vec<String>,
}

impl Gate {
    /// A gate at its start.
    #[must_use]
    pub const fn new(policy: GatePolicy) -> Self {
        Self { policy, first_good: None, good: 0, bad: 0, warnings: Vec::new() }
    }

    /// Takes the judgement of an answer that came `at` after the start. `None`: ask again after the
    /// interval.
    pub fn hear(&mut self, at: Duration, judgement: Judgement) -> Option<GateVerdict> {
        match judgement {
            Judgement::Good(warnings) => {
                let first = *self.first_good.get_or_insert(at);
                (self.good, self.bad) = (self.good + 1, 0);
                for warning in warnings {
                    if !self.warnings.contains(&warning) {
                        self.warnings.push(warning);
                    }
                }
                if first > self.policy.start_within {
                    return Some(self.too_late());
                }
                if self.good >= self.policy.passes {
                    return Some(GateVerdict::Passed(std::mem::take(&mut self.warnings)));
                }
                self.flapping(at, first, "")
            }
            Judgement::Bad(why) => {
                (self.good, self.bad) = (0, self.bad + 1);
                let Some(first) = self.first_good else {
                    return (at >= self.policy.start_within).then(|| {
                        let within = self.policy.start_within.as_secs();
                        GateVerdict::Failed(format!("no good answer within {within} s: {why}"))
                    });
                };
                if self.bad >= self.policy.failures {
                    let bad = self.bad;
                    return Some(GateVerdict::Failed(format!("{bad} bad answers in a row: {why}")));
                }
                self.flapping(at, first, &why)
            }
        }
    }

    fn too_late(&self) -> GateVerdict {
        let within = self.policy.start_within.as_secs();
        GateVerdict::Failed(format!("the first good answer came later than {within} s"))
    }

    /// After a good answer it must settle: within a start-up time, or as long as the answers that pass
    /// take, whichever is longer.
    fn flapping(&self, at: Duration, first: Duration, why: &str) -> Option<GateVerdict> {
        let answers = (self.policy.interval + self.policy.answer_within) * self.policy.passes;
        let settle = self.policy.start_within.max(answers);
        (at >= first + settle).then(|| {
            let why = if why.is_empty() { String::new() } else { format!("; last: {why}") };
            GateVerdict::Failed(format!(
                "good and bad answers by turns for {} s{why}",
                settle.as_secs()
            ))
        })
    }
}

#[cfg(test)]
mod tests;
