//! Installing (SPEC X2). In: packages; what apt and dpkg said. Out: steps, and findings: dependencies resolve,
//! everything is configured, in time.

use std::collections::BTreeMap;
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Place, Severity};
use tagboat_core::ports::Output;

use super::{Judged, Notes, Question, removal, service, with_last_words};
use crate::measure;
use crate::observe::relation_name;
use crate::plan::{self, OnFailure, Site, Step, path_in_root};
use crate::record::{CheckName, How};

/// SPEC X2: the longest that an installation may take.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// When apt is ended: well behind the limit, so that a slow installation is told from one that hangs.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What stands before apt's list of the dependencies that it cannot fulfil.
const UNMET: &str = "The following packages have unmet dependencies:\n";

/// How long dpkg may take to answer a question.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

pub(crate) fn finding(tag: &str, message: impl Into<String>) -> Finding {
    Finding::new(format!("install/{tag}"), Severity::Error, message)
}

/// apt-get that never asks (apt-get(8), debconf(7)). Without recommended packages: what a package needs must
/// stand in its Depends.
pub(super) fn apt_get(site: &Site<'_>) -> Command {
    Command::new("apt-get")
        .args(["--yes", "--no-install-recommends", "--option=Dpkg::Use-Pty=0"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .timeout(site.patience(PATIENCE))
}

pub(crate) fn steps(site: &Site<'_>) -> Vec<Step> {
    let mut steps = prepare(site, CheckName::Install);
    let limit = LIMIT;
    let mut more: Vec<Step> = Vec::new();
    let mut add = |what: &str, command: Command, question: Question, on_failure: OnFailure| {
        let step = Step::new(CheckName::Install, what, site.place, command, question);
        more.push(step.on_failure(on_failure));
    };
    let booted = site.place == plan::Place::Booted;
    if booted {
        let what = "list the units that have failed before";
        add(what, service::list_failed(site), Question::FailedUnitsBefore, OnFailure::EndTrial);
    }
    let what = "list the files there are before";
    add(what, removal::list_files(site), Question::FilesBefore, OnFailure::EndTrial);
    let question = Question::Installs { limit, how: site.how };
    add("install the packages", install(site), question, OnFailure::EndTrial);
    let audit = Command::new("dpkg").arg("--audit").timeout(site.patience(ANSWER));
    add("look for anything half done", audit, Question::AuditIsEmpty, OnFailure::GoOn);
    let versions = site
        .packages
        .iter()
        .map(|package| (package.under_test.name.clone(), package.under_test.version.clone()));
    let question = Question::AreInstalled(versions.collect());
    add("read what is installed", query(site), question, OnFailure::GoOn);
    if booted {
        let what = "look for units that have failed";
        add(what, service::list_failed(site), Question::NoUnitFailed, OnFailure::GoOn);
    }
    steps.extend(more);
    steps
}

/// What must be there before the packages are installed without a network.
pub(super) fn prepare(site: &Site<'_>, check: CheckName) -> Vec<Step> {
    let clauses = outer_dependencies(site);
    if clauses.is_empty() {
        return Vec::new();
    }
    let command = apt_get(site).args(["satisfy".to_owned(), clauses.join(", ")]);
    let what = "install what the packages depend on";
    let place = plan::Place::Network;
    vec![Step::new(check, what, place, command, Question::Resolves).on_failure(OnFailure::EndTrial)]
}

/// apt-get(8) takes a path with a slash for a file; apt 2.6 wants it absolute.
pub(super) fn install(site: &Site<'_>) -> Command {
    apt_get(site).arg("install").args(site.packages.iter().map(|package| path_in_root(package)))
}

/// The state of each package, as dpkg has it (dpkg-query(1), `db:Status-Abbrev`).
pub(super) fn query(site: &Site<'_>) -> Command {
    Command::new("dpkg-query")
        .args(["--show", r"--showformat=${Package}\t${Version}\t${db:Status-Abbrev}\n"])
        .args(site.names())
        .timeout(site.patience(ANSWER))
}

/// The dependencies that the packages do not fulfil for each other.
fn outer_dependencies(site: &Site<'_>) -> Vec<String> {
    let provided = |name: &str| {
        site.names().any(|own| own == name)
            || site.packages.iter().any(|it| it.provides.iter().any(|own| own == name))
    };
    let mut clauses: Vec<String> = Vec::new();
    for clause in site.packages.iter().flat_map(|package| &package.depends) {
        let within = clause.split('|').any(|alternative| provided(relation_name(alternative)));
        if !within && !clauses.contains(clause) {
            clauses.push(clause.clone());
        }
    }
    clauses
}

pub(crate) fn judge_resolved(notes: &mut Notes, output: &Output) -> Judged {
    notes.installing += output.took;
    if output.success() {
        return Judged::clean();
    }
    let message = "what the packages depend on cannot be installed";
    let mut finding = with_last_words(finding("dependencies", message), output);
    // apt tells which on standard output.
    let said = output.text();
    if let Some((_, unmet)) = said.split_once(UNMET) {
        finding.message = format!("{}\n{}", finding.message, unmet.trim_matches('\n'));
    }
    finding
        .help(
            "correct `dependencies`: every package must be in the archive of the test environment",
        )
        .documentation("Debian Policy 7.2")
        .into()
}

pub(crate) fn judge_installed(
    notes: &mut Notes,
    limit: Duration,
    how: How,
    output: &Output,
) -> Judged {
    notes.installing += output.took;
    if !output.success() {
        return failed(output).into();
    }
    let took = notes.installing;
    measure::judge_installation(notes, took, limit, how).map_or_else(Judged::clean, Judged::from)
}

/// apt could not install the packages.
pub(super) fn failed(output: &Output) -> Finding {
    let message = "the packages cannot be installed";
    with_last_words(finding("failed", message), output)
        .help("look at what apt says; where a maintainer script failed, at that script")
        .documentation("Debian Policy 6.5")
}

pub(crate) fn judge_audit(output: &Output) -> Judged {
    if output.success() && output.stdout.is_empty() {
        return Judged::clean();
    }
    let text = output.text();
    let message = format!("dpkg finds something half done\n{}", text.trim());
    finding("half-done", message.trim_end())
        .help("let the maintainer scripts end with 0 only when all is done")
        .documentation("dpkg(1), --audit")
        .into()
}

/// Package → version and state; dpkg-query's lines as [`query`] asks for them.
pub(super) fn read_states(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let mut states = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        if let (Some(name), Some(version), Some(state)) =
            (fields.next(), fields.next(), fields.next())
        {
            states.insert(name, (version, state.trim_end()));
        }
    }
    states
}

pub(crate) fn judge_states(expected: &[(String, String)], output: &Output) -> Judged {
    let text = output.text();
    let states = read_states(&text);
    let wrong = |(name, version): &(String, String)| {
        let seen = match states.get(name.as_str()) {
            Some((seen, "ii")) if seen == version => return None,
            Some((seen, state)) => format!("{seen}, in state {state:?}"),
            None => "nothing".to_owned(),
        };
        let message = format!("{name} {version} should be installed; dpkg has {seen}");
        let finding = finding("state", message).at(Place::package(name));
        Some(finding.help("let the maintainer scripts end with 0 only when all is done"))
    };
    expected.iter().filter_map(wrong).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MeasurementName;

    fn output(status: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status: Some(status),
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.to_owned(),
            took: Duration::from_secs(200),
        }
    }

    #[test]
    fn only_the_expected_version_fully_installed_will_do() {
        let expected = [("api".to_owned(), "1.0".to_owned())];
        for good in ["api\t1.0\tii \n", "other\t2\tii \napi\t1.0\tii \n"] {
            assert_eq!(judge_states(&expected, &output(0, good, "")), Judged::clean());
        }
        for bad in ["", "api\t1.1\tii \n", "api\t1.0\tiU \n", "api\t1.0\tiHR\n", "api\n", "rubbish"]
        {
            let judged = judge_states(&expected, &output(0, bad, ""));
            assert_eq!(judged.findings.len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn an_audit_that_says_anything_or_fails_is_a_finding() {
        assert_eq!(judge_audit(&output(0, "", "")), Judged::clean());
        assert_eq!(judge_audit(&output(1, "", "")).findings[0].rule, "install/half-done");
        let said = judge_audit(&output(0, "The following packages are only half configured\n", ""));
        assert_eq!(said.findings.len(), 1);
    }

    #[test]
    fn the_time_for_dependencies_counts_as_installing_and_fails_only_natively() {
        for (how, severity) in [(How::Native, Severity::Error), (How::Emulated, Severity::Warning)]
        {
            let mut notes = Notes::default();
            assert_eq!(judge_resolved(&mut notes, &output(0, "", "")), Judged::clean());
            let judged = judge_installed(&mut notes, LIMIT, how, &output(0, "", ""));
            assert_eq!(judged.findings[0].rule, "install/slow");
            assert_eq!(judged.findings[0].severity, severity);
            assert_eq!(notes.measured, [(MeasurementName::InstallSeconds, 400.0, 300.0)]);
        }
    }

    #[test]
    fn a_failure_shows_what_apt_said_last_and_which_dependency_is_missing() {
        let unmet = "The following packages have unmet dependencies:\n satisfy : Depends: x\n";
        let judged = judge_resolved(&mut Notes::default(), &output(100, unmet, "E: held\n"));
        assert!(judged.findings[0].message.ends_with("E: held\n satisfy : Depends: x"));
        let said = output(
            100,
            "",
            "noise\n\nE: Unable to correct problems, you have held broken packages.\n",
        );
        let judged = judge_resolved(&mut Notes::default(), &said);
        let message = &judged.findings[0].message;
        assert!(message.contains("exit status 100"), "{message}");
        assert!(message.ends_with("held broken packages."), "{message}");
    }
}
