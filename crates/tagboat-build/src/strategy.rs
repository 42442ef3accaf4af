//! How a package comes to be for another machine (SPEC B4). In: this machine, what is asked for. Out: the
//! ways to try, the best first, each with its reason; or why there is none.

use std::fmt;

use serde::{Deserialize, Serialize};
use tagboat_core::ports::Architecture;

/// One way to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// On a machine of that architecture.
    Native,
    /// By a cross compiler that runs here.
    Cross,
    /// In a root of that architecture, whose programs QEMU runs.
    Emulated,
}

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrategyChoice {
    /// The fastest that works; each fall-back is said aloud.
    #[default]
    Auto,
    /// This one or none.
    Only(Strategy),
}

impl Strategy {
    /// Its word in configuration and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Cross => "cross",
            Self::Emulated => "emulated",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// This machine, as far as it decides how to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Whose programs its processor runs.
    pub architecture: Architecture,
    /// The other architectures whose programs QEMU's user mode is registered for.
    pub emulates: Vec<Architecture>,
}

/// One way that can be tried, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The way.
    pub strategy: Strategy,
    /// One clause for the reader of the plan.
    pub reason: String,
}

/// The ways to build for `target` on `machine`, in the order in which they are tried.
///
/// The order is by measured cost against a native build: cross 1.05 to 1.09 times, emulated 10 to 21 times.
///
/// # Errors
/// Why what was asked for cannot be done here.
pub fn choose(
    machine: &Machine,
    target: Architecture,
    choice: StrategyChoice,
) -> Result<Vec<Candidate>, String> {
    let here = machine.architecture;
    let native = target == here;
    let emulated = machine.emulates.contains(&target);
    let candidate = |strategy, reason: String| vec![Candidate { strategy, reason }];
    match choice {
        StrategyChoice::Auto if native => {
            Ok(candidate(Strategy::Native, format!("this machine is {here}")))
        }
        StrategyChoice::Auto => {
            let reason =
                format!("this machine is {here}; a cross compiler costs about a tenth more");
            let mut candidates = candidate(Strategy::Cross, reason);
            if emulated {
                let reason = "if cross building fails; 10 to 20 times slower".to_owned();
                candidates.push(Candidate { strategy: Strategy::Emulated, reason });
            }
            Ok(candidates)
        }
        StrategyChoice::Only(Strategy::Native) if !native => {
            Err(format!("this machine is {here}, so {target} is not native to it"))
        }
        StrategyChoice::Only(Strategy::Cross) if native => {
            Err(format!("this machine is {here} itself, so there is nothing to cross to"))
        }
        StrategyChoice::Only(Strategy::Emulated) if native => {
            Err(format!("this machine is {here} itself, so there is nothing to emulate"))
        }
        StrategyChoice::Only(Strategy::Emulated) if !emulated => {
            Err(format!("QEMU is not registered for {target} programs on this machine"))
        }
        StrategyChoice::Only(strategy) => Ok(candidate(strategy, "asked for".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMD64: Architecture = Architecture::Amd64;
    const ARM64: Architecture = Architecture::Arm64;

    fn ways(
        emulates: &[Architecture],
        target: Architecture,
        choice: StrategyChoice,
    ) -> Vec<Strategy> {
        let machine = Machine { architecture: AMD64, emulates: emulates.to_vec() };
        let candidates = choose(&machine, target, choice).unwrap_or_default();
        candidates.into_iter().map(|candidate| candidate.strategy).collect()
    }

    #[test]
    fn auto_is_native_here_and_cross_elsewhere_with_emulation_behind_it() {
        use Strategy::{Cross, Emulated, Native};
        assert_eq!(ways(&[ARM64], AMD64, StrategyChoice::Auto), [Native]);
        assert_eq!(ways(&[ARM64], ARM64, StrategyChoice::Auto), [Cross, Emulated]);
        assert_eq!(ways(&[], ARM64, StrategyChoice::Auto), [Cross]);
    }

    #[test]
    fn a_way_that_was_asked_for_is_taken_or_refused_and_never_replaced() {
        use Strategy::{Cross, Emulated, Native};
        for (target, strategy, possible) in [
            (AMD64, Native, true),
            (AMD64, Cross, false),
            (AMD64, Emulated, false),
            (ARM64, Native, false),
            (ARM64, Cross, true),
            (ARM64, Emulated, true),
        ] {
            let ways = ways(&[ARM64], target, StrategyChoice::Only(strategy));
            assert_eq!(ways, if possible { vec![strategy] } else { vec![] }, "{target} {strategy}");
        }
        assert!(ways(&[], ARM64, StrategyChoice::Only(Emulated)).is_empty());
    }
}
