//! Does exactly the plan. In: a plan and the outside world. Out: a record. A package that fails is no error; an
//! error is what kept a check from being made at all.

mod ask;
mod gather;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use tagboat_core::diagnostic::Result;
use tagboat_core::finding::{Finding, Severity, Verdict};
use tagboat_core::ports::{Network, Progress, RootError, RunError, Runner, Scope, Silent};
use tagboat_deb::digest::Digesting;

use crate::check::{Judged, Notes, Question, last_words, lintian};
use crate::observe::PackageFacts;
use crate::plan::{OnFailure, PACKAGES_FOLDER, Place, Plan, Step, Trial};
use crate::record::{CheckName, Record};
use crate::{Ports, refusal};

/// What a user's command calls the built file (SPEC X2).
const BUILT_FILE: &str = "package.deb";

/// Carries a plan out.
///
/// # Errors
/// `validate::no-root`, `validate::changed`, `validate::not-asked`, `validate::interrupted`,
/// `validate::unreadable`. There is no verdict then, which is not a good one.
pub fn apply(scope: &Scope<'_>, plan: &Plan, ports: &Ports<'_>) -> Result<Record> {
    let mut ended = Vec::new();
    for trial in &plan.trials {
        let scope = scope.span(format!("validate {}", trial.title()));
        ended.push(run_trial(&scope, plan, trial, ports)?);
    }
    Ok(gather::record(plan, &ended))
}

/// How the checks of one trial ended.
struct Ended<'a> {
    trial: &'a Trial,
    checks: BTreeMap<CheckName, Checked>,
    notes: Notes,
    // Why nothing else was tried.
    over: Option<String>,
}

/// How one check ended, for all packages of its trial.
#[derive(Default)]
struct Checked {
    findings: Vec<Finding>,
    failed: bool,
    took: Duration,
}

fn run_trial<'a>(
    scope: &Scope<'_>,
    plan: &Plan,
    trial: &'a Trial,
    ports: &Ports<'_>,
) -> Result<Ended<'a>> {
    let no_root = |error: RootError| refusal::no_root(trial, &error);
    let root = ports.roots.open(scope, &trial.spec, &[]).map_err(no_root)?;
    bring(root.path(), plan, trial)?;
    let mut run = Run {
        scope,
        ports,
        ended: Ended { trial, checks: BTreeMap::new(), notes: Notes::default(), over: None },
        left_out: BTreeSet::new(),
        began: ports.clock.instant(),
    };
    let alone = trial.steps.iter().take_while(|step| step.place != Place::Booted).count();
    let (alone, booted) = trial.steps.split_at(alone);
    for step in alone {
        let network = match step.place {
            Place::Network => Network::Shared,
            Place::Loopback | Place::Booted => Network::Loopback,
        };
        run.step(&*root.runner(network), step)?;
    }
    if run.ended.over.is_none() && !booted.is_empty() {
        let booting = root.boot(scope, trial.boot_patience).map_err(no_root)?;
        let runner = booting.runner();
        for step in booted {
            run.step(&*runner, step)?;
        }
    }
    Ok(run.ended)
}

/// Copies the packages into a root, and makes sure that they are those that were planned for.
fn bring(root: &Path, plan: &Plan, trial: &Trial) -> Result<()> {
    let folder = root.join(PACKAGES_FOLDER.trim_start_matches('/'));
    let refused = |error: &io::Error| {
        refusal::no_root(trial, &RootError::Io(format!("{}: {error}", folder.display())))
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    fs::create_dir_all(&folder).map_err(|error| refused(&error))?;
    // Whatever our umask is: apt reads as a user of its own.
    mode(&folder, 0o755).map_err(|error| refused(&error))?;
    for package in trial.packages.iter().map(|index| &plan.packages[*index]) {
        let target = folder.join(&package.file_name);
        copy(package, &target, &refused)?;
        mode(&target, 0o644).map_err(|error| refused(&error))?;
    }
    if let Some(first) = trial.packages.first() {
        let link = folder.join(BUILT_FILE);
        symlink(&plan.packages[*first].file_name, link).map_err(|error| refused(&error))?;
    }
    Ok(())
}

fn copy(
    package: &PackageFacts,
    target: &Path,
    refused: &dyn Fn(&io::Error) -> Box<tagboat_core::diagnostic::Diagnostic>,
) -> Result<()> {
    let source = &package.under_test.file;
    let unreadable = |error: io::Error| refusal::unreadable(source, &error);
    let mut from = Digesting::new(fs::File::open(source).map_err(unreadable)?);
    let mut to = fs::File::create_new(target).map_err(|error| refused(&error))?;
    io::copy(&mut from, &mut to).and_then(|_| to.flush()).map_err(|error| refused(&error))?;
    if from.finish().sha256.to_string() == package.sha256 {
        Ok(())
    } else {
        Err(refusal::changed(source))
    }
}

struct Run<'a, 'b> {
    scope: &'b Scope<'b>,
    ports: &'b Ports<'b>,
    ended: Ended<'a>,
    left_out: BTreeSet<CheckName>,
    // When the last command began that was not a gate's.
    began: Instant,
}

impl Run<'_, '_> {
    fn step(&mut self, runner: &dyn Runner, step: &Step) -> Result<()> {
        if self.ended.over.is_some() || self.left_out.contains(&step.check) {
            return Ok(());
        }
        let clock = self.ports.clock;
        let scope = self.scope.span(format!("{}: {}", self.scope.span, step.what));
        scope.observer.tell(&scope.span, &Progress::Began);
        let began = clock.instant();
        let answered = match &step.question {
            Question::Healthy(question) => {
                let gate = ask::Gate { scope: &scope, clock, runner, since: self.began };
                gate.run(question, &step.command, &mut self.ended.notes)
            }
            question => {
                self.began = began;
                self.answer(&scope, runner, step, question)
            }
        };
        let mut judged = match answered {
            Ok(judged) => judged,
            Err(error @ (RunError::NotFound | RunError::TimedOut(_) | RunError::TooMuchOutput)) => {
                unanswered(step, &error)
            }
            Err(RunError::Cancelled) => return Err(refusal::interrupted()),
            Err(error) => {
                return Err(refusal::not_asked(self.ended.trial, &step.what, &error));
            }
        };
        let failed = judged.verdict() == Verdict::Failed;
        if failed && let Some(diagnosis) = &step.diagnosis {
            self.explain(&scope, runner, diagnosis, &mut judged)?;
        }
        let took = clock.instant().saturating_duration_since(began);
        let end = if failed { Progress::Failed(took) } else { Progress::Done(took) };
        scope.observer.tell(&scope.span, &end);

        let checked = self.ended.checks.entry(step.check).or_default();
        checked.took += took;
        checked.failed |= failed;
        checked.findings.append(&mut judged.findings);
        match (failed, step.on_failure) {
            (true, OnFailure::EndCheck) => drop(self.left_out.insert(step.check)),
            (true, OnFailure::EndTrial) => {
                self.ended.over = Some(format!("it failed to {}", step.what));
            }
            (true, OnFailure::GoOn) | (false, _) => {}
        }
        Ok(())
    }

    fn answer(
        &mut self,
        scope: &Scope<'_>,
        runner: &dyn Runner,
        step: &Step,
        question: &Question,
    ) -> Result<Judged, RunError> {
        // Lists of thousands of files are nobody's progress.
        let lists = matches!(
            question,
            Question::FilesBefore | Question::NoFilesLeft | Question::Memory { .. }
        );
        let quiet = Scope { observer: &Silent, ..scope.clone() };
        let output = runner.run(if lists { &quiet } else { scope }, &step.command)?;
        Ok(self.ended.notes.judge(question, &output))
    }

    /// Adds what a log says to what was found.
    fn explain(
        &self,
        scope: &Scope<'_>,
        runner: &dyn Runner,
        diagnosis: &tagboat_core::command::Command,
        judged: &mut Judged,
    ) -> Result<()> {
        let said = match runner.run(scope, diagnosis) {
            Ok(output) if output.success() => output.text(),
            Ok(output) => format!("its log cannot be read: {}", last_words(&output)),
            Err(RunError::Cancelled) => return Err(refusal::interrupted()),
            Err(error) => format!("its log cannot be read: {error}"),
        };
        if let (Some(finding), false) = (judged.findings.first_mut(), said.trim().is_empty()) {
            finding.message = format!("{}\n{}", finding.message, said.trim_end());
        }
        Ok(())
    }
}

/// A program that is not there, does not end or says too much: the check has failed, whatever it was to find.
fn unanswered(step: &Step, error: &RunError) -> Judged {
    if matches!(step.question, Question::Lintian(_)) {
        return lintian::no_verdict(&error.to_string(), "");
    }
    let program = &step.command.program;
    let message = format!("{program} gave no answer, asked to {}: {error}", step.what);
    Finding::new(format!("{}/no-answer", step.check.as_str()), Severity::Error, message)
        .help("let what the package starts come to its end; or try again with --verbose")
        .into()
}

#[cfg(test)]
mod tests;
