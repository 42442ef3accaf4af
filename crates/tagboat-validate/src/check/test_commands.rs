//! The user's own commands (SPEC X2). In: shell text. Out: steps in a root where the packages are installed.

use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Severity};

use super::{Question, install};
use crate::plan::{OnFailure, PACKAGES_FOLDER, Place, Site, Step};
use crate::record::CheckName;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Where a session of root's keeps its sockets (pam_systemd(8)).
const RUNTIME_FOLDER: &str = "/run/user/0";

fn found(tag: &str, message: impl Into<String>) -> Finding {
    Finding::new(format!("test-commands/{tag}"), Severity::Error, message)
}

pub(crate) fn steps(site: &Site<'_>) -> Vec<Step> {
    let check = CheckName::TestCommands;
    let step = |what: &str, command: Command, otherwise: Finding| {
        Step::new(check, what, Place::Booted, command, Question::Succeeds(otherwise))
            .on_failure(OnFailure::EndTrial)
    };
    let mut steps = install::prepare(site, check);
    let otherwise = found("install", "the packages cannot be installed")
        .help("see what the check `install` found");
    steps.push(step("install the packages", install::install(site), otherwise));
    // The manager of root's own units, for `systemctl --user` (systemd(1), user@.service(5)).
    let session = Command::new("systemctl")
        .args(["start", "user@0.service"])
        .timeout(site.patience(Duration::from_secs(60)));
    let otherwise =
        found("session", "there is no session for units of users").help("try again with --verbose");
    steps.push(step("open a session for units of users", session, otherwise));
    for text in &site.request.installation.test_commands {
        let otherwise = found("failed", format!("the test command failed: {text}")).help(
            "run it on a machine of your own; where it asks a service that has only just been started, let it \
             wait: curl --retry 10 --retry-connrefused",
        );
        steps.push(step("run the test command", command(site, text), otherwise));
    }
    steps
}

/// The only text that a shell reads as a whole: the user wrote it for one. It runs inside a clean root that is
/// thrown away, in the folder where `package.deb` is the built file.
fn command(site: &Site<'_>, text: &str) -> Command {
    Command::new("sh")
        .args(["-c", text])
        .folder(PACKAGES_FOLDER)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("XDG_RUNTIME_DIR", RUNTIME_FOLDER)
        .timeout(site.patience(PATIENCE))
}
