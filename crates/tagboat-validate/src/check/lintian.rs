//! lintian (SPEC X1). In: packages and a policy; what lintian wrote. Out: the step, and findings with the gate's
//! verdict. Only an answer that is whole, names every file and agrees with the exit status is believed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Place, RequiredPass, Severity, Verdict, verdict};
use tagboat_core::ports::Output;

use super::{Judged, Notes, Question, last_words};
use crate::observe::PackageFacts;
use crate::plan::{self, Step, path_in_root};
use crate::record::CheckName;
use crate::request::{LintianRequest, PolicyLevel};

/// Measured: 61 s of CPU for a package of 20,000 files.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// lintian(1), "EXIT STATUS" and `--fail-on`: it ended, and nothing that was to fail was found.
const CLEAN: i32 = 0;
/// It ended, and something was.
const FOUND: i32 = 2;

/// What lintian's answer is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintianGate {
    /// Every file that it must have looked at, and the package in it.
    pub files: Vec<(String, String)>,
    /// What it must not have found.
    pub required: Vec<RequiredPass>,
}

pub(crate) fn step(packages: &[&PackageFacts], request: &LintianRequest) -> Step {
    let files: Vec<(String, String)> = packages
        .iter()
        .map(|package| (path_in_root(package), package.under_test.name.clone()))
        .collect();
    let mut command = Command::new("lintian")
        // Debian's own profile, whatever the root's configuration says.
        .args(["--allow-root", "--no-cfg", "--no-user-dirs", "--profile", "debian"])
        .args(["--tag-display-limit", "0", "--exp-output", "format=json"])
        .args(["--fail-on", &fail_on(&request.required_passes)])
        .args(display(request))
        .timeout(PATIENCE);
    if !request.suppress_tags.is_empty() {
        command = command.arg(format!("--suppress-tags={}", request.suppress_tags.join(",")));
    }
    let command = command.args(files.iter().map(|(path, _)| path));
    let gate = LintianGate { files, required: request.required_passes.clone() };
    let what = "judge the packages by Debian's policy";
    Step::new(CheckName::Lintian, what, plan::Place::Loopback, command, Question::Lintian(gate))
}

/// lintian's own gate: its exit status is what our reading of its answer must agree with.
fn fail_on(required: &[RequiredPass]) -> String {
    let severities: BTreeSet<&str> = required.iter().map(|pass| pass.forbids().as_str()).collect();
    if severities.is_empty() {
        return "none".to_owned();
    }
    severities.into_iter().collect::<Vec<_>>().join(",")
}

/// What is shown, and never less than the gate judges.
fn display(request: &LintianRequest) -> Vec<&'static str> {
    let warnings = request.required_passes.contains(&RequiredPass::NoWarnings);
    match request.policy_level {
        PolicyLevel::Error if !warnings => vec!["--display-level", "=error"],
        PolicyLevel::Error | PolicyLevel::Warning => vec!["--display-level", ">=warning"],
        PolicyLevel::Info => vec!["--display-info"],
        PolicyLevel::Pedantic => vec!["--display-info", "--pedantic"],
    }
}

/// What `--exp-output format=json` writes (lintian, `Lintian::Output::JSON`).
#[derive(Deserialize)]
struct Answer {
    groups: Vec<Group>,
    lintian_version: Option<String>,
}

#[derive(Deserialize)]
struct Group {
    input_files: Vec<InputFile>,
}

#[derive(Deserialize)]
struct InputFile {
    path: String,
    hints: Vec<Hint>,
}

#[derive(Deserialize)]
struct Hint {
    tag: String,
    #[serde(default)]
    note: String,
    visibility: String,
    #[serde(default)]
    experimental: bool,
    pointer: Option<Pointer>,
    #[serde(default)]
    masks: Vec<serde_json::Value>,
    #[serde(rename = "override")]
    overridden: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Pointer {
    item: Option<Item>,
    #[serde(default)]
    line_position: u64,
}

#[derive(Deserialize)]
struct Item {
    name: String,
}

pub(crate) fn judge(notes: &mut Notes, gate: &LintianGate, output: &Output) -> Judged {
    match read(gate, output) {
        Ok((tool, findings)) => {
            notes.tool = Some(tool);
            let verdict = Some(verdict(&findings, &gate.required));
            Judged { findings, verdict }
        }
        Err(why) => no_verdict(&why, &last_words(output)),
    }
}

/// lintian did not come to its end, so nobody knows what it would have found: the gate is closed.
pub(crate) fn no_verdict(why: &str, said: &str) -> Judged {
    let message = format!("lintian gave no verdict: {why}");
    let message = if said.is_empty() { message } else { format!("{message}\n{said}") };
    let finding = Finding::new("lintian/no-verdict", Severity::Error, message).help(
        "run it again; where it names an unknown tag, correct `suppress_tags` in quality-gates.yml",
    );
    Judged { findings: vec![finding], verdict: Some(Verdict::Failed) }
}

/// lintian's name with its version, and what it found; or why its answer is not to be believed.
fn read(gate: &LintianGate, output: &Output) -> Result<(String, Vec<Finding>), String> {
    let status = output.status.ok_or("a signal ended it")?;
    if status != CLEAN && status != FOUND {
        return Err(format!("it left with exit status {status}"));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("its answer is not whole: {error}"))?;
    let version = answer.lintian_version.ok_or("it does not say which version it is")?;
    let mut unseen: BTreeSet<&str> = gate.files.iter().map(|(path, _)| path.as_str()).collect();
    let mut findings = Vec::new();
    let mut counted = false;
    for file in answer.groups.iter().flat_map(|group| &group.input_files) {
        let known = gate.files.iter().find(|(path, _)| *path == file.path);
        let (path, package) = known.ok_or(format!("it looked at {:?}", file.path))?;
        unseen.remove(path.as_str());
        for hint in &file.hints {
            let severity = Severity::from_word(&hint.visibility)
                .ok_or(format!("it knows a visibility {:?}", hint.visibility))?;
            if hint.overridden.is_some() || hint.experimental {
                continue;
            }
            // lintian's own gate counts what a screen hides.
            counted |= gate.required.iter().any(|pass| pass.forbids() == severity);
            if hint.masks.is_empty() {
                findings.push(finding(package, severity, hint));
            }
        }
    }
    if let Some(path) = unseen.first() {
        return Err(format!("it did not look at {path}"));
    }
    if counted != (status == FOUND) {
        return Err(format!("its exit status {status} and its answer contradict each other"));
    }
    findings.sort_by_key(|finding| finding.severity);
    Ok((format!("lintian {version}"), findings))
}

fn finding(package: &str, severity: Severity, hint: &Hint) -> Finding {
    let (tag, note) = (&hint.tag, hint.note.trim());
    let mut place = Place::package(package);
    if let Some(Pointer { item: Some(item), line_position }) = &hint.pointer {
        let file = item.name.trim_end_matches('/');
        place.file = Some(file.to_owned()).filter(|file| !file.is_empty());
        place.line = Some(*line_position).filter(|line| *line > 0);
    }
    let message = if note.is_empty() { tag.clone() } else { format!("{tag}: {note}") };
    let help = format!(
        "mend it; or, with a reason, override the tag in the package or add it to `suppress_tags`: {tag}"
    );
    Finding::new(format!("lintian/{tag}"), severity, message)
        .at(place)
        .help(help)
        .documentation(format!("lintian-explain-tags {tag}"))
}

#[cfg(test)]
mod tests;
