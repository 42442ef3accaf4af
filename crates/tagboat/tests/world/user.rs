//! Somebody who types commands. In: words. Out: what they saw; or a process that can be watched, stopped and killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything here may take, on a machine that does other things as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);

/// What a command showed.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its exit status; minus the signal's number where one ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Seen {
    /// It ended in one of these ways.
    #[track_caller]
    pub(crate) fn expect_one_of(self, statuses: &[i32]) -> Self {
        assert!(
            statuses.contains(&self.status),
            "{}: {}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// It ended so.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It said this, on whichever stream and however its lines are broken.
    #[track_caller]
    pub(crate) fn saying(self, words: &[&str]) -> Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        let line = all.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(line.contains(word), "{word:?} is not in\n{all}");
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command that runs, in a process group of its own.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Option<(JoinHandle<String>, JoinHandle<()>)>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&lines);
        let readers = (
            std::thread::spawn(move || {
                let mut text = String::new();
                stdout.read_to_string(&mut text).unwrap();
                text
            }),
            std::thread::spawn(move || {
                for line in stderr.lines() {
                    heard.lock().unwrap().push(line.unwrap());
                }
            }),
        );
        Self { child, lines, readers: Some(readers) }
    }

    /// What it has said on standard error up to now.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until it begins a step; `false` where it ends without.
    pub(crate) fn begins(&mut self, step: &str) -> bool {
        let is = |line: &String| line.starts_with(step) && line.ends_with(" …");
        let said = |process: &Self| process.said().iter().any(is);
        let mut over = false;
        wait_until(step, || {
            over = self.child.try_wait().unwrap().is_some();
            over || said(self)
        });
        if over && let Some((_, lines)) = &self.readers {
            // What it said last is still being read.
            wait_until("its end", || lines.is_finished());
        }
        said(self)
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal to its process group.
    pub(crate) fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        // It may have ended by now.
        let sent = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
        assert!(sent.is_ok());
    }

    /// The processes that it started, and theirs.
    pub(crate) fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = family.get(next).copied() {
            // proc(5); a thread's children stand below that thread.
            for task in
                std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten()
            {
                let list = std::fs::read_to_string(task.path().join("children"));
                let pids = list.unwrap_or_default();
                family.extend(pids.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
            next += 1;
        }
        family
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Seen {
        let mut status = None;
        wait_until("its end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        let (stdout, stderr) = self.readers.take().unwrap();
        let stdout = stdout.join().unwrap();
        stderr.join().unwrap();
        let status = status.code().unwrap_or_else(|| -status.signal().unwrap());
        Seen { status, stdout, stderr: self.said().join("\n") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.readers.is_some() {
            self.signal("-KILL");
            self.child.wait().unwrap();
        }
    }
}

/// Looks again and again, until it holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    // To ask starts programs on a host: what takes long is asked for less and less often.
    let mut pause = Duration::from_millis(20);
    while !holds() {
        assert!(Instant::now() < until, "waited {} s for: {what}", PATIENCE.as_secs());
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(300));
    }
}
