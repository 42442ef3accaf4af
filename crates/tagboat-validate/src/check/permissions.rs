//! Permissions and owners (SPEC X4). In: the entries of packages. Out: findings. Nothing is unpacked.

use tagboat_core::finding::{Finding, Place, Severity};
use tagboat_deb::tar::{EntryKind, TarEntry};

use crate::observe::PackageFacts;

/// Where programs lie that everybody may run (Filesystem Hierarchy Standard 3.0, through Debian Policy 9.1.1).
const PROGRAM_FOLDERS: [&str; 5] = ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/games/"];

/// Debian Policy 9.2.2: the numbers below are the same on every system.
const FIRST_OWN_ID: u64 = 100;

/// lintian's tag for the set-user-id and set-group-id bits: who overrides or suppresses it means them.
const MEANT: &str = "elevated-privileges";

const POLICY: &str = "Debian Policy 10.9";

/// The findings of every package, with its index.
pub(crate) fn judge_all(packages: &[PackageFacts], suppressed: &[String]) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    for (index, package) in packages.iter().enumerate() {
        let elevated = if suppressed.iter().any(|tag| tag == MEANT) || overrides(&package.overrides)
        {
            Severity::Info
        } else {
            Severity::Error
        };
        let of_entry = |entry: &TarEntry| judge(&package.under_test.name, entry, elevated);
        findings.extend(package.entries.iter().flat_map(of_entry).map(|finding| (index, finding)));
    }
    findings
}

/// Whether a file of overrides names the tag (Lintian User's Manual, "Overriding Lintian").
fn overrides(text: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).any(|word| word == MEANT)
}

fn judge(package: &str, entry: &TarEntry, elevated: Severity) -> Vec<Finding> {
    let found = |tag: &str, severity, message: String, help: &str| {
        Finding::new(format!("permissions/{tag}"), severity, message)
            .at(Place::package(package).file(&entry.path))
            .help(help)
            .documentation(POLICY)
    };
    let mut findings = Vec::new();
    let (path, mode) = (&entry.path, entry.mode);
    let shown = if path.is_empty() { "/" } else { path };
    match entry.kind {
        EntryKind::CharacterDevice | EntryKind::BlockDevice | EntryKind::Fifo => {
            let message = format!("{shown} is a device or a named pipe");
            let help = "leave it out; a maintainer script or systemd-tmpfiles makes it";
            let finding = found("device", Severity::Error, message, help);
            findings.push(finding.documentation("Debian Policy 10.6"));
        }
        EntryKind::Directory | EntryKind::File | EntryKind::Symlink(_) | EntryKind::HardLink(_) => {
        }
    }
    for (what, id, name) in [("owner", entry.uid, &entry.owner), ("group", entry.gid, &entry.group)]
    {
        if !is_systems(id, name) {
            let message = format!("the {what} of {shown} is {name:?} ({id}), not root");
            let help = "let the package own nothing but root's files; a maintainer script gives a file to a user \
                        that it made";
            findings.push(found("wrong-owner", Severity::Error, message, help));
        }
    }
    // A link's own permissions mean nothing (symlink(7)); a hard link's are those of its target.
    if matches!(entry.kind, EntryKind::Symlink(_) | EntryKind::HardLink(_)) {
        return findings;
    }
    let directory = entry.kind == EntryKind::Directory;
    if mode & 0o002 != 0 {
        let sticky = directory && mode & 0o1000 != 0;
        let severity = if sticky { Severity::Warning } else { Severity::Error };
        let message = format!("everybody may write to {shown} ({mode:04o})");
        let help = format!("give it the mode {:04o}", mode & !0o022);
        findings.push(found("world-writable", severity, message, &help));
    }
    if mode & 0o6000 != 0 {
        let severity = if directory { Severity::Info } else { elevated };
        let bits = if mode & 0o4000 != 0 { "set-user-id" } else { "set-group-id" };
        let message = format!("{shown} has the {bits} bit ({mode:04o})");
        let help = "take it away; where it is meant, override lintian's tag elevated-privileges in the package";
        findings.push(found("set-id", severity, message, help));
    }
    if entry.kind == EntryKind::File && is_program(path) && mode & 0o111 != 0o111 {
        let message =
            format!("{shown} lies among programs, but not everybody can run it ({mode:04o})");
        findings.push(found("not-executable", Severity::Error, message, "give it the mode 0755"));
    }
    findings
}

/// dpkg takes the name before the number, where there is one (tar's own rule).
fn is_systems(id: u64, name: &str) -> bool {
    match name {
        "root" => true,
        "" => id < FIRST_OWN_ID,
        _ => id != 0 && id < FIRST_OWN_ID,
    }
}

fn is_program(path: &str) -> bool {
    PROGRAM_FOLDERS
        .iter()
        .filter_map(|folder| path.strip_prefix(folder))
        .any(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: EntryKind, mode: u32) -> TarEntry {
        TarEntry {
            path: path.to_owned(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            size: 0,
            mtime: 0,
        }
    }

    fn rules(entry: &TarEntry) -> Vec<(String, Severity)> {
        let findings = judge("api", entry, Severity::Error);
        findings.into_iter().map(|finding| (finding.rule, finding.severity)).collect()
    }

    #[test]
    fn what_policy_allows_is_not_found() {
        for entry in [
            entry("usr/bin/api", EntryKind::File, 0o755),
            entry("usr/share/doc/api/copyright", EntryKind::File, 0o644),
            entry("usr/bin/link", EntryKind::Symlink("api".to_owned()), 0o777),
            entry("usr/bin/hard", EntryKind::HardLink("usr/bin/api".to_owned()), 0o644),
            entry("usr/bin", EntryKind::Directory, 0o755),
            entry("usr/lib/api/part", EntryKind::File, 0o644),
            TarEntry { gid: 8, group: "mail".to_owned(), ..entry("m", EntryKind::File, 0o644) },
            TarEntry { owner: String::new(), ..entry("n", EntryKind::File, 0o644) },
        ] {
            assert_eq!(rules(&entry), [], "{entry:?}");
        }
    }

    #[test]
    fn each_danger_has_its_rule() {
        use Severity::{Error, Info, Warning};
        let builder = TarEntry {
            uid: 1000,
            gid: 1000,
            owner: "builder".to_owned(),
            ..entry("usr/x", EntryKind::File, 0o644)
        };
        let disguised =
            TarEntry { owner: "builder".to_owned(), ..entry("usr/x", EntryKind::File, 0o644) };
        for (entry, rule, severity) in [
            (entry("etc/x", EntryKind::File, 0o666), "world-writable", Error),
            (entry("var/x", EntryKind::Directory, 0o777), "world-writable", Error),
            (entry("var/tmp/x", EntryKind::Directory, 0o1777), "world-writable", Warning),
            (entry("usr/bin/x", EntryKind::File, 0o4755), "set-id", Error),
            (entry("usr/lib/x", EntryKind::File, 0o2755), "set-id", Error),
            (entry("var/mail/x", EntryKind::Directory, 0o2775), "set-id", Info),
            (entry("usr/bin/x", EntryKind::File, 0o644), "not-executable", Error),
            (entry("usr/sbin/x", EntryKind::File, 0o750), "not-executable", Error),
            (entry("dev/x", EntryKind::BlockDevice, 0o600), "device", Error),
            (entry("dev/y", EntryKind::CharacterDevice, 0o600), "device", Error),
            (entry("run/z", EntryKind::Fifo, 0o600), "device", Error),
            (builder, "wrong-owner", Error),
            (disguised, "wrong-owner", Error),
        ] {
            let found = rules(&entry);
            let expected = (format!("permissions/{rule}"), severity);
            assert!(found.contains(&expected), "{entry:?}: {found:?}");
        }
    }

    #[test]
    fn a_set_id_bit_that_is_meant_is_only_told() {
        assert!(overrides("api binary: elevated-privileges 4755 [usr/bin/x]\n"));
        assert!(!overrides("# elevated-privileges\n"));
        let set_id = entry("usr/bin/x", EntryKind::File, 0o4755);
        assert_eq!(judge("api", &set_id, Severity::Info)[0].severity, Severity::Info);
    }
}
