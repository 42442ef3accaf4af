//! What work costs. In: work that starts programs and waits for them. Out: processor time, peak memory and time of
//! all of them, and of what they started.
//!
//! Processor time is what the kernel adds to this process for every child that was waited for, and for every
//! child that those waited for (proc(5), `cutime` and `cstime` of `/proc/self/stat`). systemd-nspawn waits for
//! whatever runs in its root, so a root's programs count.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// The kernel's unit of `/proc/PID/stat`: `USER_HZ` is 100 on every architecture of Debian.
const TICK: Duration = Duration::from_millis(10);

/// How often memory is looked at. Only a peak in a process's last moments can be missed: the kernel keeps each
/// process's own maximum.
const GLANCE: Duration = Duration::from_millis(50);

/// The cost of some work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time of every process, to a hundredth of a second.
    pub(crate) cpu: Duration,
    /// Time on the wall.
    pub(crate) wall: Duration,
    /// The most memory that one of its processes ever held, in bytes.
    pub(crate) peak: u64,
    /// The same of the process that was started, without those that it started itself.
    pub(crate) own_peak: u64,
}

/// Does `work` and tells what the programs that it started and waited for took. One at a time.
pub(crate) fn measure(work: impl FnOnce() -> Result<()>) -> Result<Usage> {
    let before = children_cpu()?;
    let began = Instant::now();
    let (done, ended) = mpsc::channel::<()>();
    let (result, peaks) = thread::scope(|threads| {
        let watch = threads.spawn(move || {
            let mut peaks = Peaks::default();
            while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                peaks.look();
            }
            peaks
        });
        let result = work();
        drop(done);
        (result, watch.join())
    });
    let wall = began.elapsed();
    result?;
    let Peaks { all, own } = peaks.map_err(|_| "the thread that watches memory panicked")?;
    let cpu = children_cpu()?.saturating_sub(before);
    Ok(Usage { cpu, wall, peak: all, own_peak: own })
}

/// Runs a program that must succeed, silently.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_fed(command.stdin(Stdio::null()))
}

/// The same, with the input that it was given.
pub(crate) fn run_fed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().rev().take(5).collect();
    let program = command.get_program().to_string_lossy();
    let said: Vec<&str> = said.into_iter().rev().collect();
    Err(format!("{program}: {}: {}", output.status, said.join(" / ")).into())
}

/// The middle one; of an even number, the lower of the two in the middle.
pub(crate) fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn children_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let ticks = children_ticks(&stat).ok_or("/proc/self/stat cannot be read")?;
    Ok(TICK * ticks)
}

/// The sum of the fields 16 and 17 of proc(5). The second one, the program's name, may hold anything.
fn children_ticks(stat: &str) -> Option<u32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(13);
    let mut field = || fields.next()?.parse::<u32>().ok();
    Some(field()? + field()?)
}

#[derive(Debug, Default)]
struct Peaks {
    all: u64,
    own: u64,
}

impl Peaks {
    /// Whoever has ended meanwhile is not there any more: that is no failure.
    fn look(&mut self) {
        let own: BTreeSet<u32> = children(std::process::id()).into_iter().collect();
        let mut family: Vec<u32> = own.iter().copied().collect();
        let mut next = 0;
        while let Some(&pid) = family.get(next) {
            let peak = fs::read_to_string(format!("/proc/{pid}/status"))
                .ok()
                .and_then(|status| peak(&status))
                .unwrap_or(0);
            self.all = self.all.max(peak);
            if own.contains(&pid) {
                self.own = self.own.max(peak);
            }
            family.extend(children(pid));
            next += 1;
        }
    }
}

/// `VmHWM` of proc(5), in bytes.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// The children of all threads of a process.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let lists = threads.into_iter().flatten().flatten();
    let lists = lists.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let of_list =
        |list: String| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    lists.flat_map::<Vec<u32>, _>(of_list).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median([3, 1, 2].into_iter()), Some(2));
        assert_eq!(median([4, 1, 2, 3].into_iter()), Some(2));
        assert_eq!(median(std::iter::empty::<u32>()), None);
    }

    #[test]
    fn a_program_with_a_strange_name_is_measured_too() {
        let stat = "7 (a) S 1 (b)) R 1 7 7 0 -1 4194304 1 2 3 4 10 20 300 4000 20 0 1 0 5 6";
        assert_eq!(children_ticks(stat), Some(4300));
        assert_eq!(children_ticks("7 (a) R 1"), None);
    }

    #[test]
    fn what_a_grandchild_takes_is_counted() {
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done";
        let usage =
            measure(|| run(Command::new("sh").args(["-c", &format!("sh -c '{busy}'; exit 0")])));
        let Usage { cpu, .. } = usage.unwrap();
        assert!(cpu > TICK, "{cpu:?}");
    }

    #[test]
    fn memory_that_a_grandchild_holds_is_seen_and_is_not_the_childs_own() {
        // dd holds its block until the pipe's other end has read a line of our standard input.
        let script = "exec 3<&0; dd if=/dev/zero bs=64M count=1 status=none | { head -n 1 <&3; cat >/dev/null; }";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut peaks = Peaks::default();
        let until = Instant::now() + Duration::from_secs(20);
        while peaks.all < 64 << 20 {
            assert!(Instant::now() < until, "{peaks:?}");
            peaks.look();
        }
        drop(shell.stdin.take());
        assert!(shell.wait().unwrap().success());
        assert!(peaks.own < 32 << 20, "{peaks:?}");
    }

    #[test]
    fn a_program_that_fails_has_no_figure() {
        assert!(measure(|| run(Command::new("sh").args(["-c", "exit 3"]))).is_err());
    }
}
