//! Removing and purging (SPEC X2). In: packages and units; what there was before and is behind. Out: steps, and
//! findings: nothing runs any more, nothing is left that nobody owns.

use std::collections::BTreeSet;

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Place, Severity};
use tagboat_core::ports::Output;

use super::install::{self, ANSWER, apt_get, read_states};
use super::service::{self, properties};
use super::{Judged, Notes, Question, with_last_words};
use crate::plan::{self, OnFailure, Site, Step};
use crate::record::CheckName;

/// Where nothing may be left. A service's state below /var is the user's: neither remove nor purge may be
/// expected to destroy it (Debian Policy 10.7.3 speaks of configuration and logs only).
const FOLDERS: [&str; 3] = ["/etc", "/opt", "/usr"];

/// What Debian's own tools write beside the files they keep: caches and backups, which belong to the system
/// (ldconfig(8), shadow(5), subuid(5)).
const OF_THE_SYSTEM: [&str; 8] = [
    "/etc/.pwd.lock",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/ld.so.cache~",
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/subgid-",
    "/etc/subuid-",
];

/// How many leftovers are listed one by one.
const LISTED: usize = 20;

fn found(tag: &str, message: impl Into<String>) -> Finding {
    Finding::new(format!("removal/{tag}"), Severity::Error, message)
}

/// Every path below the folders, each ended by a NUL: names may hold anything else.
pub(super) fn list_files(site: &Site<'_>) -> Command {
    Command::new("find").args(FOLDERS).args(["-xdev", "-print0"]).timeout(site.patience(ANSWER))
}

pub(crate) fn steps(site: &Site<'_>, units: &[String]) -> Vec<Step> {
    let booted = site.place == plan::Place::Booted;
    let step = |what: &str, command: Command, question: Question| {
        let step = Step::new(CheckName::Removal, what, site.place, command, question);
        // Each tells of something else that is left.
        step.on_failure(OnFailure::GoOn)
    };
    let systemctl = |args: &[&str]| {
        Command::new("systemctl").args(args.iter().copied()).timeout(site.patience(ANSWER))
    };
    let script = "look at the maintainer script that fails: prerm, postrm";
    let succeeds = |tag: &str, message: &str, help: &str| {
        Question::Succeeds(found(tag, message).help(help).documentation("Debian Policy 6.8"))
    };
    let mut steps = Vec::new();
    if booted {
        // Whatever failed until now was told by other checks.
        let what = "list the units that have failed before";
        steps.push(step(what, service::list_failed(site), Question::FailedUnitsBefore));
    }
    steps.extend([
        step(
            "remove the packages",
            apt_get(site).arg("remove").args(site.names()),
            succeeds("remove", "the packages cannot be removed", script),
        ),
        step(
            "purge the packages",
            // apt does not know a package any more of which nothing was left to purge; dpkg does not mind.
            Command::new("dpkg")
                .arg("--purge")
                .args(site.names())
                .env("DEBIAN_FRONTEND", "noninteractive")
                .timeout(site.patience(std::time::Duration::from_secs(300))),
            succeeds("purge", "the packages cannot be purged", script),
        ),
        step(
            "read what is still known of them",
            install::query(site),
            Question::AreGone(site.names().map(str::to_owned).collect()),
        ),
    ]);
    if booted {
        steps.push(step(
            "let systemd read its units again",
            systemctl(&["daemon-reload"]),
            succeeds("reload", "systemd cannot read its units", "look at the units that are left"),
        ));
        for unit in units {
            let show = ["show", "--property=LoadState", "--property=ActiveState", "--", unit];
            let question = Question::UnitIsGone(unit.clone());
            steps.push(step(
                &format!("look for what is left of {unit}"),
                systemctl(&show),
                question,
            ));
        }
        let what = "look for units that have failed";
        steps.push(step(what, service::list_failed(site), Question::NoUnitFailed));
    }
    steps.push(step("look for files that are left", list_files(site), Question::NoFilesLeft));
    steps
}

fn paths(output: &Output) -> BTreeSet<Vec<u8>> {
    let paths = output.stdout.split(|byte| *byte == 0);
    paths.filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

/// find(1) says where it could not look, and then its list is not whole. `/opt` need not be there.
fn unlisted(output: &Output) -> Finding {
    with_last_words(found("unlisted", "the files in the root cannot be listed"), output)
        .help("try again with --verbose")
}

pub(crate) fn remember_files(notes: &mut Notes, output: &Output) -> Judged {
    if !output.success() {
        return unlisted(output).into();
    }
    notes.files = Some(paths(output));
    Judged::clean()
}

pub(crate) fn judge_leftovers(notes: &mut Notes, output: &Output) -> Judged {
    let (true, Some(before)) = (output.success(), &notes.files) else {
        return unlisted(output).into();
    };
    let now = paths(output);
    let of_the_system = |path: &[u8]| OF_THE_SYSTEM.iter().any(|own| own.as_bytes() == path);
    let mut left: Vec<&[u8]> = Vec::new();
    for path in now.difference(before).map(Vec::as_slice).filter(|path| !of_the_system(path)) {
        // What lies in a folder that is left is told by the folder.
        let inside = |folder: &&[u8]| {
            path.strip_prefix(*folder).is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        if !left.iter().rev().any(inside) {
            left.push(path);
        }
    }
    let mut findings: Vec<Finding> = left.iter().take(LISTED).map(|path| leftover(path)).collect();
    if left.len() > LISTED {
        let message = format!("{} more files are left behind", left.len() - LISTED);
        findings.push(found("leftover", message).help("let postrm purge remove them all"));
    }
    findings.into()
}

fn leftover(path: &[u8]) -> Finding {
    let path = String::from_utf8_lossy(path);
    let place = Place { file: Some(path.trim_start_matches('/').to_owned()), ..Place::default() };
    found("leftover", format!("{path} is left behind after the purge, and nobody owns it"))
        .at(place)
        .help("let postrm remove it on purge; programs must not write below /usr")
        .documentation("Debian Policy 6.8")
}

pub(crate) fn judge_unit(unit: &str, output: &Output) -> Judged {
    let shown = output.text();
    let properties = properties(&shown);
    let loaded = properties.get("LoadState").copied().unwrap_or("unknown");
    let active = properties.get("ActiveState").copied().unwrap_or("unknown");
    let mut findings = Vec::new();
    if !matches!(active, "inactive" | "failed") || !output.success() {
        let message = format!("{unit} is {active} though its package was removed");
        findings.push(
            found("still-running", message)
                .help("let prerm stop it: dh_installsystemd does, and so does deb-systemd-invoke stop")
                .documentation("dh_installsystemd(1)"),
        );
    } else if loaded != "not-found" {
        let message = format!("{unit} is still {loaded} though its package was purged");
        findings.push(
            found("unit-left", message)
                .help("let postrm purge its state: dh_installsystemd does, and so does deb-systemd-helper purge")
                .documentation("deb-systemd-helper(1p)"),
        );
    }
    findings.into()
}

pub(crate) fn judge_gone(names: &[String], output: &Output) -> Judged {
    let text = output.text();
    let states = read_states(&text);
    // dpkg-query(1): 0 where all are known, 1 where one is not; else it could not look.
    if !matches!(output.status, Some(0 | 1)) {
        let finding = found("state", "dpkg does not say what it still knows of them");
        return with_last_words(finding, output).help("try again with --verbose").into();
    }
    let left = |name: &String| {
        let (_, state) = states.get(name.as_str())?;
        // Unknown, or wanted by nobody and not installed: `un`, `pn`.
        if state.get(1..2) == Some("n") {
            return None;
        }
        let message = format!("{name} is still in state {state:?} after its purge");
        let finding = found("state", message).at(Place::package(name));
        Some(finding.help("look at postrm: it must end with 0 on purge"))
    };
    names.iter().filter_map(left).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(status: i32, stdout: &str) -> Output {
        Output {
            status: Some(status),
            stdout: stdout.as_bytes().to_vec(),
            stderr: String::new(),
            took: std::time::Duration::ZERO,
        }
    }

    fn rules(judged: &Judged) -> Vec<&str> {
        judged.findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn a_folder_that_is_left_is_told_once_and_the_systems_own_files_never() {
        let mut notes = Notes::default();
        let before = output(0, "/etc\0/usr\0/usr/lib\0");
        assert_eq!(remember_files(&mut notes, &before), Judged::clean());
        let behind = "/etc\0/etc/passwd-\0/etc/api.conf\0/usr\0/usr/lib\0\
                      /usr/lib/api\0/usr/lib/api/__pycache__\0/usr/lib/api/__pycache__/a\nb.pyc\0/usr/lib/api2\0";
        let judged = judge_leftovers(&mut notes, &output(0, behind));
        let files: Vec<_> =
            judged.findings.iter().filter_map(|finding| finding.place.file.as_deref()).collect();
        assert_eq!(files, ["etc/api.conf", "usr/lib/api", "usr/lib/api2"]);
        assert_eq!(judge_leftovers(&mut notes, &before), Judged::clean());
    }

    #[test]
    fn a_list_that_is_not_whole_is_never_taken_for_clean() {
        let empty = output(0, "");
        assert_eq!(rules(&judge_leftovers(&mut Notes::default(), &empty)), ["removal/unlisted"]);
        let cut = output(1, "/etc\0");
        assert_eq!(rules(&remember_files(&mut Notes::default(), &cut)), ["removal/unlisted"]);
    }

    #[test]
    fn what_still_runs_or_is_still_known_is_found() {
        let gone = output(0, "LoadState=not-found\nActiveState=inactive\n");
        assert_eq!(judge_unit("a.service", &gone), Judged::clean());
        let running = output(0, "LoadState=loaded\nActiveState=active\n");
        assert_eq!(rules(&judge_unit("a.service", &running)), ["removal/still-running"]);
        let masked = output(0, "LoadState=masked\nActiveState=inactive\n");
        assert_eq!(rules(&judge_unit("a.service", &masked)), ["removal/unit-left"]);
        assert_eq!(rules(&judge_unit("a.service", &output(0, ""))), ["removal/still-running"]);

        let names = ["api".to_owned()];
        for good in [output(1, ""), output(0, "api\t\tun \n"), output(0, "api\t\tpn \n")] {
            assert_eq!(judge_gone(&names, &good), Judged::clean());
        }
        for bad in [output(0, "api\t1\trc \n"), output(0, "api\t1\tii \n"), output(2, "")] {
            assert_eq!(rules(&judge_gone(&names, &bad)), ["removal/state"]);
        }
    }
}
