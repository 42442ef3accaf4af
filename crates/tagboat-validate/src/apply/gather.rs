//! The record. In: how the checks of all trials ended. Out: one record for each package, with what concerns it.

use tagboat_core::finding::{Finding, RequiredPass, Severity, Verdict, verdict};

use super::{Checked, Ended};
use crate::check::Question;
use crate::plan::Plan;
use crate::record::{CheckName, CheckRecord, How, Measurement, Outcome, PackageRecord, Record};

pub(super) fn record(plan: &Plan, ended: &[Ended<'_>]) -> Record {
    let packages: Vec<PackageRecord> =
        (0..plan.packages.len()).map(|index| package(plan, ended, index)).collect();
    let validation_status =
        packages.iter().map(PackageRecord::verdict).fold(Verdict::Passed, Verdict::and);
    Record { packages, validation_status }
}

fn package(plan: &Plan, ended: &[Ended<'_>], index: usize) -> PackageRecord {
    let facts = &plan.packages[index];
    let name = &facts.under_test.name;
    let mut checks = vec![permissions(plan, index)];
    for foreseen in plan.foreseen.iter().filter(|it| it.packages.contains(&index)) {
        checks.push(CheckRecord {
            name: foreseen.check,
            ground: foreseen.ground.clone(),
            outcome: foreseen.outcome.clone(),
            findings: foreseen.findings.clone(),
            tool: None,
            seconds: 0.0,
        });
    }
    let mut measurements = Vec::new();
    for ended in ended.iter().filter(|ended| ended.trial.packages.contains(&index)) {
        for check in ended.trial.checks() {
            checks.push(concerning(name, ended, check));
        }
        let Some(ground) = &ended.trial.ground else { continue };
        let measured = ended.notes.measured.iter().map(|(name, value, limit)| Measurement {
            name: *name,
            value: *value,
            limit: *limit,
            ground: ground.clone(),
        });
        measurements.extend(measured);
    }
    checks.sort_by_key(|check| check.name);
    let native =
        |check: &CheckRecord| check.ground.as_ref().is_some_and(|ground| ground.how == How::Native);
    let ran_somewhere = checks.iter().any(|check| check.ground.is_some());
    let how = if ran_somewhere && !checks.iter().any(native) { How::Emulated } else { How::Native };
    PackageRecord {
        name: name.clone(),
        version: facts.under_test.version.clone(),
        architecture: facts.under_test.architecture.to_string(),
        file: facts.under_test.file.clone(),
        checksum_sha256: facts.sha256.clone(),
        how,
        checks,
        measurements,
    }
}

fn permissions(plan: &Plan, index: usize) -> CheckRecord {
    let own = plan.permissions.iter().filter(|(package, _)| *package == index);
    let mut findings: Vec<Finding> = own.map(|(_, finding)| finding.clone()).collect();
    findings.sort_by_key(|finding| finding.severity);
    let outcome = outcome(verdict(&findings, &[RequiredPass::NoErrors]));
    let name = CheckName::Permissions;
    CheckRecord { name, ground: None, outcome, findings, tool: None, seconds: 0.0 }
}

const fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Passed => Outcome::Passed,
        Verdict::Failed => Outcome::Failed,
    }
}

/// What one check of a trial means for one of its packages: what was found in another one is not its fault,
/// what was found in all of them is.
fn concerning(package: &str, ended: &Ended<'_>, name: CheckName) -> CheckRecord {
    let ground = ended.trial.ground.clone();
    let Some(checked) = ended.checks.get(&name) else {
        let reason = ended.over.clone().unwrap_or_else(|| "nothing was left to try".to_owned());
        let outcome = Outcome::Skipped { reason };
        return CheckRecord { name, ground, outcome, findings: vec![], tool: None, seconds: 0.0 };
    };
    let concerns = |finding: &&Finding| {
        finding.place.package.as_deref().is_none_or(|concerned| concerned == package)
    };
    let mut findings: Vec<Finding> = checked.findings.iter().filter(concerns).cloned().collect();
    findings.sort_by_key(|finding| finding.severity);
    let outcome = outcome(judge(ended, checked, &findings, name));
    let seconds = checked.took.as_secs_f64();
    let tool = ended.notes.tool.clone();
    CheckRecord { name, ground, outcome, findings, tool, seconds }
}

fn judge(ended: &Ended<'_>, checked: &Checked, concerning: &[Finding], name: CheckName) -> Verdict {
    if !checked.failed {
        return Verdict::Passed;
    }
    let gate = ended.trial.steps.iter().find_map(|step| match &step.question {
        Question::Lintian(gate) if step.check == name => Some(gate.required.as_slice()),
        _ => None,
    });
    let required = gate.unwrap_or(&[RequiredPass::NoErrors]);
    // A failure that no package is named for is everybody's.
    let nameless =
        |finding: &Finding| finding.place.package.is_none() && finding.severity == Severity::Error;
    if concerning.iter().any(nameless) { Verdict::Failed } else { verdict(concerning, required) }
}
