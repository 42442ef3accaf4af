//! What is measured, and the limits it is held to (SPEC X2, X3). In: times; which process takes how much. Out:
//! notes for the record, and a finding where a limit is exceeded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::finding::{Finding, Severity};
use tagboat_core::ports::Output;

use crate::check::{HealthQuestion, Judged, Notes};
use crate::record::{How, MeasurementName};

/// Which process belongs to which control group, and what it takes (proc_pid_status(5), proc_pid_cgroup(5)). A
/// shell, for the names of files are known only there; processes that end meanwhile are no error.
const PROCESSES: &str = r#"exec grep -Hs -E '^(VmRSS:|[0-9]+:name=systemd:|0::)' /proc/[0-9]*/status /proc/[0-9]*/cgroup"#;

/// What [`judge_memory`] reads.
pub(crate) fn list_processes() -> Command {
    Command::new("sh").args(["-c", PROCESSES])
}

/// What exceeds a limit fails natively; under emulation it is only said, because it measures the emulator.
const fn severity(how: How) -> Severity {
    match how {
        How::Native => Severity::Error,
        How::Emulated => Severity::Warning,
    }
}

/// Takes the time of an installation, its dependencies included.
pub(crate) fn judge_installation(
    notes: &mut Notes,
    took: Duration,
    limit: Duration,
    how: How,
) -> Option<Finding> {
    let (took, limit) = (took.as_secs_f64(), limit.as_secs_f64());
    notes.measured.push((MeasurementName::InstallSeconds, took, limit));
    if took <= limit {
        return None;
    }
    let message = format!("the installation took {took:.0} s; {limit} s are allowed");
    let finding = Finding::new("install/slow", severity(how), message);
    Some(finding.help("let the maintainer scripts do less, and depend on less"))
}

/// Takes the time from the order to start to the first good answer, where the question wants it.
pub(crate) fn judge_startup(
    notes: &mut Notes,
    question: &HealthQuestion,
    took: Duration,
) -> Option<Finding> {
    let (limit, how) = question.startup?;
    let (took, limit) = (took.as_secs_f64(), limit.as_secs_f64());
    notes.measured.push((MeasurementName::StartupSeconds, took, limit));
    if took <= limit {
        return None;
    }
    let unit = &question.unit;
    let message =
        format!("{unit} took {took:.1} s to its first good answer; {limit} s are allowed");
    let help =
        "let it do less before it answers; or raise startup_time_max_seconds in quality-gates.yml";
    Some(Finding::new("service/slow-start", severity(how), message).help(help))
}

/// Takes the memory of a service's processes.
pub(crate) fn judge_memory(
    notes: &mut Notes,
    unit: &str,
    limit_mb: u64,
    how: How,
    output: &Output,
) -> Judged {
    let Some(kib) = resident_kib(unit, &output.text()) else {
        let message = format!("the memory of {unit} cannot be measured: no process of it is found");
        return Finding::new("service/memory-unknown", Severity::Error, message)
            .help("let it stay running after its start")
            .into();
    };
    #[expect(clippy::cast_precision_loss, reason = "KiB of one machine are far below 2^53")]
    let (mib, limit) = (kib as f64 / 1024.0, limit_mb as f64);
    notes.measured.push((MeasurementName::MemoryMb, mib, limit));
    if mib <= limit {
        return Judged::clean();
    }
    let message = format!("{unit} takes {mib:.0} MiB of memory; {limit_mb} MiB are allowed");
    Finding::new("service/memory", severity(how), message)
        .help("let it keep less in memory; or raise memory_max_mb in quality-gates.yml")
        .into()
}

/// The resident memory of a unit's processes in KiB: what they share is counted for each, so it is an upper
/// bound. The kernel's own account (`MemoryCurrent`) is not there in every root, and counts files it has cached.
fn resident_kib(unit: &str, listing: &str) -> Option<u64> {
    let mut members = BTreeSet::new();
    let mut resident = BTreeMap::new();
    for line in listing.lines() {
        let process = line.strip_prefix("/proc/").and_then(|rest| rest.split_once('/'));
        let Some((pid, rest)) = process else { continue };
        if let Some(path) = rest.strip_prefix("cgroup:").and_then(|it| it.splitn(3, ':').nth(2)) {
            // A name that would mean something to the kernel has an underscore before it (systemd, cg_escape).
            if path.split('/').any(|part| part.strip_prefix('_').unwrap_or(part) == unit) {
                members.insert(pid);
            }
        } else if let Some(value) = rest.strip_prefix("status:VmRSS:") {
            let kib = value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
            resident.insert(pid, kib);
        }
    }
    let sizes: Vec<u64> = members.iter().filter_map(|pid| resident.get(pid).copied()).collect();
    if sizes.is_empty() { None } else { Some(sizes.iter().sum()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "/proc/1/status:VmRSS:\t   12000 kB\n\
        /proc/83/status:VmRSS:\t   20480 kB\n\
        /proc/84/status:VmRSS:\t   10240 kB\n\
        /proc/90/status:VmRSS:\t    1024 kB\n\
        /proc/1/cgroup:1:name=systemd:/init.scope\n\
        /proc/83/cgroup:1:name=systemd:/system.slice/api.service\n\
        /proc/84/cgroup:0::/system.slice/api.service/worker\n\
        /proc/90/cgroup:0::/system.slice/other-api.service\n\
        /proc/91/cgroup:0::/system.slice/api.service\n";

    #[test]
    fn memory_is_that_of_the_units_control_group_and_of_what_lies_below() {
        assert_eq!(resident_kib("api.service", LISTING), Some(30_720));
        assert_eq!(resident_kib("other-api.service", LISTING), Some(1024));
        assert_eq!(resident_kib("none.service", LISTING), None);
        assert_eq!(resident_kib("api.service", ""), None);
    }

    #[test]
    fn memory_over_its_limit_fails_natively_and_is_told_under_emulation() {
        let output = Output {
            status: Some(2),
            stdout: LISTING.as_bytes().to_vec(),
            stderr: String::new(),
            took: Duration::ZERO,
        };
        for (how, severity) in [(How::Native, Severity::Error), (How::Emulated, Severity::Warning)]
        {
            let mut notes = Notes::default();
            let judged = judge_memory(&mut notes, "api.service", 29, how, &output);
            assert_eq!(judged.findings[0].rule, "service/memory");
            assert_eq!(judged.findings[0].severity, severity);
            assert_eq!(notes.measured, [(MeasurementName::MemoryMb, 30.0, 29.0)]);
        }
        let mut notes = Notes::default();
        let judged = judge_memory(&mut notes, "none.service", 29, How::Native, &output);
        assert_eq!(judged.findings[0].rule, "service/memory-unknown");
        let judged = judge_memory(&mut notes, "api.service", 30, How::Native, &output);
        assert_eq!(judged, Judged::clean());
    }
}
