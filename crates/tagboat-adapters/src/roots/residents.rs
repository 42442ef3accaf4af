//! Processes inside a root. In: the folder that is their `/`. Out: who they are; or nobody, any more.
//!
//! What counts is what the kernel says about a process's root, never a pid file: so guests are found whose
//! systemd-nspawn was killed, and those of a run that is long dead.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{major, minor};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tagboat_core::ports::RootError;

use super::refused;

/// How long the kernel gets to end what was killed; unmounting and core dumps take their time.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether another file system is mounted on `folder`.
pub(super) fn is_mounted(folder: &Path) -> bool {
    let device = |path: &Path| fs::symlink_metadata(path).map(|facts| facts.dev()).ok();
    match (device(folder), folder.parent().and_then(device)) {
        (Some(here), Some(above)) => here != above,
        _ => false,
    }
}

/// A mount point in `folder`, itself included, as this process sees it.
pub(super) fn mount_within(folder: &Path) -> Result<Option<String>, RootError> {
    let table = Path::new("/proc/self/mountinfo");
    let mounts = fs::read_to_string(table).map_err(refused(table))?;
    let mut points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    Ok(points.find(|point| Path::new(point).starts_with(folder)))
}

/// A mount point as proc_pid_mountinfo(5) writes it: blank, tab, newline and backslash in octal.
fn unescape(point: &str) -> String {
    let escapes = [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")];
    escapes.iter().fold(point.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

/// Every process whose `/` is `root`.
pub(super) fn find(root: &Path) -> Vec<Pid> {
    Place::new(root).residents()
}

/// The first process of the guest in `root`: 1 in a process namespace of its own (proc_pid_status(5),
/// `NSpid`).
pub(super) fn leader(root: &Path) -> Option<Pid> {
    find(root).into_iter().find(|pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let inner = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        inner.is_some_and(|ids| ids.split_whitespace().skip(1).eq(["1"]))
    })
}

/// Kills `pid` if it lives in `root`.
pub(super) fn kill(root: &Path, pid: Pid) {
    Place::new(root).kill(pid);
}

/// Kills every process whose `/` is `root`, and waits until none is left.
pub(super) fn end(root: &Path) -> Result<(), RootError> {
    let until = Instant::now() + PATIENCE;
    let place = Place::new(root);
    loop {
        let inside = place.residents();
        if inside.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let ids: Vec<String> = inside.iter().map(ToString::to_string).collect();
            let ids = ids.join(", ");
            return Err(RootError::Io(format!(
                "{}: processes {ids} cannot be ended",
                root.display()
            )));
        }
        for pid in inside {
            place.kill(pid);
        }
        std::thread::sleep(PAUSE);
    }
}

/// A folder, as the kernel names it where it is some process's `/`.
struct Place<'a> {
    root: &'a Path,
    // Of the file system that is mounted there, as in mountinfo: `0:40`.
    device: Option<String>,
}

impl<'a> Place<'a> {
    fn new(root: &'a Path) -> Self {
        let facts = fs::symlink_metadata(root).ok().filter(|_| is_mounted(root));
        let device = facts.map(|facts| format!("{}:{}", major(facts.dev()), minor(facts.dev())));
        Self { root, device }
    }

    fn residents(&self) -> Vec<Pid> {
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = processes.filter_map(|entry| pid(&entry.ok()?.file_name()));
        pids.filter(|pid| self.holds(*pid)).collect()
    }

    fn holds(&self, pid: Pid) -> bool {
        // A chroot(2) without a mount: mmdebstrap's.
        if fs::read_link(format!("/proc/{pid}/root")).is_ok_and(|link| link.starts_with(self.root))
        {
            return true;
        }
        let Some(device) = &self.device else { return false };
        let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        // proc_pid_mountinfo(5): mount id, parent id, major:minor, root, mount point.
        mounts.lines().any(|line| {
            let fields = line.split(' ').skip(2).take(3);
            fields.eq([device.as_str(), "/", "/"])
        })
    }

    fn kill(&self, pid: Pid) {
        // The descriptor first: so whoever is looked at is whoever is killed, whatever becomes of the number.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if self.holds(pid) {
            // It can only fail because the process has ended by itself.
            let _ended: Result<(), Errno> = pidfd_send_signal(process, Signal::KILL);
        }
    }
}

fn pid(name: &OsStr) -> Option<Pid> {
    Pid::from_raw(name.to_str()?.parse().ok()?)
}
