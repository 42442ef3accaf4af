//! A plan on paper. In: a plan. Out: text in which every command stands as one could type it.

use std::fmt;

use super::{Place, Plan, Trial, title};
use crate::observe::PackageFacts;
use crate::record::Outcome;

/// The plan as people read it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in &self.packages {
            let under_test = &package.under_test;
            writeln!(f, "validate {}", package.file_name)?;
            writeln!(f, "  file       {}", under_test.file.display())?;
            writeln!(f, "  sha256     {}", package.sha256)?;
            writeln!(
                f,
                "  files      {}, their permissions and owners judged",
                package.entries.len()
            )?;
        }
        for foreseen in &self.foreseen {
            let name = foreseen.check.as_str();
            let place = foreseen.ground.as_ref().map(title).unwrap_or_default();
            let how = match &foreseen.outcome {
                Outcome::Skipped { reason } => format!("skipped: {reason}"),
                Outcome::Failed => "fails".to_owned(),
                Outcome::Passed => "passes".to_owned(),
            };
            let at = if place.is_empty() { String::new() } else { format!(" on {place}") };
            writeln!(f, "{name}{at}: {how}")?;
        }
        for trial in &self.trials {
            trial.fmt_into(f, &self.packages)?;
        }
        Ok(())
    }
}

impl Trial {
    fn fmt_into(&self, f: &mut fmt::Formatter<'_>, packages: &[PackageFacts]) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        let held: Vec<&str> = self.spec.packages.iter().map(String::as_str).collect();
        let held = if held.is_empty() { "nothing more".to_owned() } else { held.join(" ") };
        let suite = self.spec.mirrors.first().map_or("", |mirror| mirror.suite.as_str());
        writeln!(f, "  root       a clean {suite} for {}, with {held}", self.spec.architecture)?;
        let brought = self.packages.iter().map(|index| packages[*index].file_name.as_str());
        writeln!(f, "  packages   {}", brought.collect::<Vec<_>>().join(" "))?;
        for (number, step) in (1..).zip(&self.steps) {
            let place = match step.place {
                Place::Network => "network",
                Place::Loopback => "loopback",
                Place::Booted => "booted",
            };
            let check = step.check.as_str();
            writeln!(f, "  {number:>2}  {check}, {place}: {}: {}", step.what, step.command)?;
            if let Some(diagnosis) = &step.diagnosis {
                writeln!(f, "      where it fails: {diagnosis}")?;
            }
        }
        Ok(())
    }
}
