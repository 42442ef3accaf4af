//! One running program. In: its pipes and a scope. Out: its lines, its status, its end.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tagboat_core::command::{Command, Input, OUTPUT_LIMIT};
use tagboat_core::ports::{Observer, Progress, RunError, Running, Scope};

use super::lines::{Lines, Masker};
use super::{DRAIN, Environment, GRACE, STDERR_KEPT, Taken};
use crate::clock::TICK;

/// A pipe of Linux holds this much (pipe(7)); more at once cannot come.
const CHUNK: usize = 64 << 10;

/// What a pipe is made to hold whose reader takes all as it comes: the most that a user may ask for by default (pipe(7)).
const WIDE: usize = 1 << 20;

/// How long what a program prints may gather in such a pipe. Programs print some KiB at a time, and to wake up for each
/// costs both sides more than to print and to read it.
const GATHER: Duration = Duration::from_millis(1);

/// How long a program that reads until the end of its input gets to leave by itself when we let go of it.
const FAREWELL: Duration = Duration::from_millis(200);

/// What becomes of standard input when all of it has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    /// The program sees its end.
    ClosedAtEnd,
    /// It stays open until the process is dropped.
    KeptOpen,
}

/// How long a program may run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Until when.
    pub(super) deadline: Option<Instant>,
    /// Where its output is taken as it comes: how long it may print nothing. The deadline then moves with each output.
    pub(super) patience: Option<Duration>,
}

/// How a program ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself, with this status, or by a signal.
    Ended(Option<i32>),
    /// By us: its reader had enough.
    Enough,
}

/// A program that runs on this machine. Dropping it closes its input and ends its process group.
#[derive(Debug)]
pub struct LocalProcess {
    child: Child,
    pid: Pid,
    // Readable once the program has exited (pidfd_open(2)).
    exited: OwnedFd,
    // Whether wait(2) has been done: from then on the ids may be somebody else's.
    reaped: bool,
    stdin: Option<ChildStdin>,
    stdin_mode: Stdin,
    to_write: Vec<u8>,
    written: usize,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    stdout_lines: Lines,
    stderr_lines: Lines,
    out: Vec<u8>,
    // How much of standard output may be there at once.
    chunk: usize,
    // Where the next line of `out` begins that `Running::line` has not given yet.
    given: usize,
    err: String,
    masker: Masker,
    began: Instant,
}

/// What a turn of the loop saw.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Something,
    Nothing,
}

impl LocalProcess {
    pub(super) fn spawn(
        environment: &Environment,
        command: &Command,
        stdin_mode: Stdin,
    ) -> Result<Self, RunError> {
        let io = |error: std::io::Error| RunError::Io(error.to_string());
        if let Some(folder) = &command.folder {
            // execve(2) and chdir(2) fail with the same ENOENT.
            if !folder.is_dir() {
                return Err(RunError::Io(format!("{} is no folder", folder.display())));
            }
        }
        let mut to_write = Vec::new();
        let stdin = match &command.input {
            Input::Closed if stdin_mode == Stdin::ClosedAtEnd => Stdio::null(),
            Input::Closed => Stdio::piped(),
            Input::Bytes(bytes) => {
                to_write.clone_from(bytes);
                Stdio::piped()
            }
            Input::Secret(secret) => {
                to_write = secret.expose().as_bytes().to_vec();
                Stdio::piped()
            }
            Input::File(path) => File::open(path)
                .map_err(|error| RunError::Io(format!("{}: {error}", path.display())))?
                .into(),
        };
        let program = environment.find(&command.program).ok_or(RunError::NotFound)?;
        let mut builder = std::process::Command::new(program);
        builder
            .arg0(&command.program)
            .args(&command.args)
            .env_clear()
            .envs(environment.iter())
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &command.folder {
            builder.current_dir(folder);
        }
        let mut child = builder.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => RunError::NotFound,
            _ => io(error),
        })?;
        let pid = Pid::from_child(&child);
        let prepared = prepare(&child, pid);
        let exited = match prepared {
            Ok(exited) => exited,
            Err(error) => {
                // Without these the program cannot be watched, so it must not go on.
                child.kill().map_err(io)?;
                child.wait().map_err(io)?;
                return Err(RunError::Io(error.to_string()));
            }
        };
        Ok(Self {
            pid,
            exited,
            reaped: false,
            stdin: child.stdin.take(),
            stdin_mode,
            to_write,
            written: 0,
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            stdout_lines: Lines::default(),
            stderr_lines: Lines::default(),
            out: Vec::new(),
            chunk: CHUNK,
            given: 0,
            err: String::new(),
            masker: Masker::new(command),
            began: Instant::now(),
        })
    }

    /// What it has printed on standard error up to now: the last 64 KiB, masked.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.err
    }

    /// Its exit status if it has ended by itself; `None` while it runs and where a signal ended it.
    pub fn status(&mut self) -> Option<i32> {
        if self.alive() { None } else { self.reap().ok().flatten() }
    }

    pub(super) fn into_output(mut self) -> (Vec<u8>, String) {
        cut_to_tail(&mut self.err);
        (std::mem::take(&mut self.out), std::mem::take(&mut self.err))
    }

    /// Runs it until it has exited and its pipes are closed, or until it must be ended.
    pub(super) fn run_to_end(
        &mut self,
        scope: &Scope<'_>,
        bound: Bound,
        take: &mut dyn FnMut(&[u8]) -> Taken,
    ) -> Result<End, RunError> {
        let Bound { mut deadline, patience } = bound;
        if let (Some(_), Some(pipe)) = (patience, &self.stdout) {
            // Where that is not allowed it holds what it held.
            self.chunk = fcntl_setpipe_size(pipe, WIDE).unwrap_or(CHUNK);
        }
        let mut drain_until = None;
        loop {
            let now = Instant::now();
            let left = self.has_exited();
            if left && drain_until.is_none() {
                drain_until = Some(now + DRAIN);
            }
            let drained = self.stdout.is_none() && self.stderr.is_none();
            if left && (drained || drain_until.is_some_and(|until| now >= until)) {
                self.finish_lines(scope);
                return self.reap().map(End::Ended);
            }
            if self.out.len() > OUTPUT_LIMIT {
                self.end_group(scope, GRACE)?;
                return Err(RunError::TooMuchOutput);
            }
            // A program that has left in time has not timed out, whatever it left behind.
            if !left && deadline.is_some_and(|deadline| now >= deadline) {
                self.end_group(scope, GRACE)?;
                return Err(RunError::TimedOut(self.began.elapsed()));
            }
            if !left && scope.cancel.is_cancelled() {
                self.end_group(scope, GRACE)?;
                return Err(RunError::Cancelled);
            }
            let until = if left { drain_until } else { deadline };
            let before = self.out.len();
            self.turn(scope, until.map_or(TICK, |until| TICK.min(until - now)))?;
            if self.out.len() == before {
                continue;
            }
            match take(&self.out) {
                Taken::Bytes(count) => drop(self.out.drain(..count.min(self.out.len()))),
                Taken::Enough => {
                    // What it still says goes nowhere.
                    self.end_group(scope, Duration::ZERO)?;
                    return Ok(End::Enough);
                }
            }
            if let Some(patience) = patience {
                let own = Instant::now().checked_add(patience);
                deadline = [own, scope.deadline].into_iter().flatten().min();
                if self.stdout.is_some() {
                    std::thread::sleep(GATHER);
                }
            }
        }
    }

    /// Waits for whatever comes first, `patience` at most, and takes it.
    fn turn(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Turn, RunError> {
        let readable = PollFlags::IN;
        let writes = self.written < self.to_write.len();
        if !writes && self.stdin_mode == Stdin::ClosedAtEnd {
            drop(self.stdin.take());
        }
        // Once it has exited, its pidfd stays readable and would make this a busy loop.
        let left = self.has_exited();
        let mut fds = Vec::with_capacity(4);
        if !left {
            fds.push(PollFd::new(&self.exited, readable));
        }
        let watched = self.stdout.as_ref().map(|pipe| (pipe.as_fd(), readable));
        let watched =
            watched.into_iter().chain(self.stderr.as_ref().map(|p| (p.as_fd(), readable)));
        let input = self.stdin.as_ref().filter(|_| writes);
        let watched = watched.chain(input.map(|pipe| (pipe.as_fd(), PollFlags::OUT)));
        fds.extend(watched.map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags)));
        let timeout = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(Turn::Nothing),
            Ok(_) => {}
            Err(error) => return Err(RunError::Io(error.to_string())),
        }
        drop(fds);
        if writes {
            self.write_some();
        }
        self.read_stdout(scope);
        self.read_stderr(scope);
        Ok(Turn::Something)
    }

    fn write_some(&mut self) {
        let Some(pipe) = self.stdin.as_mut() else { return };
        match pipe.write(&self.to_write[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if is_temporary(&error) => {}
            // It reads no more: what it does with the beginning is its business, and its status tells.
            Err(_) => {
                self.written = self.to_write.len();
                drop(self.stdin.take());
            }
        }
    }

    fn read_stdout(&mut self, scope: &Scope<'_>) {
        let Some(pipe) = self.stdout.as_ref() else { return };
        let from = self.out.len();
        let open = read_some(pipe, &mut self.out, self.chunk);
        if scope.observer.wants_lines() {
            let tell = &mut |line: &str| tell(scope, line);
            self.stdout_lines.take(&self.out[from..], &self.masker, tell);
        }
        if open == Pipe::Closed {
            drop(self.stdout.take());
        }
    }

    fn read_stderr(&mut self, scope: &Scope<'_>) {
        let Some(pipe) = self.stderr.as_ref() else { return };
        let mut chunk = Vec::new();
        let open = read_some(pipe, &mut chunk, CHUNK);
        let err = &mut self.err;
        self.stderr_lines.take(&chunk, &self.masker, &mut |line| {
            tell(scope, line);
            keep_tail(err, line);
        });
        if open == Pipe::Closed {
            drop(self.stderr.take());
        }
    }

    fn finish_lines(&mut self, scope: &Scope<'_>) {
        self.stdout_lines.finish(&self.masker, &mut |line| tell(scope, line));
        let err = &mut self.err;
        self.stderr_lines.finish(&self.masker, &mut |line| {
            tell(scope, line);
            keep_tail(err, line);
        });
    }

    fn has_exited(&self) -> bool {
        self.reaped || is_readable(&self.exited)
    }

    fn reap(&mut self) -> Result<Option<i32>, RunError> {
        let status = self.child.wait().map_err(|error| RunError::Io(error.to_string()))?;
        self.reaped = true;
        debug_assert!(status.code().is_some() || status.signal().is_some());
        Ok(status.code())
    }

    /// Ends its whole group: SIGTERM, and SIGKILL for what is left when it has exited and nobody holds
    /// its pipes any more, or after `grace`.
    fn end_group(&mut self, scope: &Scope<'_>, grace: Duration) -> Result<(), RunError> {
        if self.reaped {
            return Ok(());
        }
        drop(self.stdin.take());
        self.signal(Signal::TERM)?;
        let until = Instant::now() + grace;
        loop {
            let now = Instant::now();
            let drained = self.stdout.is_none() && self.stderr.is_none();
            if now >= until || (drained && self.has_exited()) {
                break;
            }
            self.turn(scope, TICK.min(until - now))?;
            // Nobody asks for it any more.
            self.out.truncate(OUTPUT_LIMIT);
        }
        self.signal(Signal::KILL)?;
        self.finish_lines(scope);
        self.reap().map(drop)
    }

    fn signal(&self, signal: Signal) -> Result<(), RunError> {
        match kill_process_group(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(RunError::Io(error.to_string())),
        }
    }

    /// The next whole line that has been read already; at the end of the output, the rest.
    fn next_line(&mut self) -> Option<String> {
        let rest = &self.out[self.given..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = match length {
            Some(length) => &rest[..length],
            None if self.stdout.is_none() && !rest.is_empty() => rest,
            None => return None,
        };
        let text = String::from_utf8_lossy(line).into_owned();
        self.given += line.len() + usize::from(length.is_some());
        // What has been given is not kept: a log may go on for days.
        if self.given > CHUNK {
            drop(self.out.drain(..self.given));
            self.given = 0;
        }
        Some(text)
    }
}

impl Running for LocalProcess {
    fn line(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Option<String>, RunError> {
        let began = Instant::now();
        let own = began.checked_add(patience);
        loop {
            if let Some(line) = self.next_line() {
                return Ok(Some(line));
            }
            if self.stdout.is_none() {
                return Ok(None);
            }
            if self.out.len() - self.given > OUTPUT_LIMIT {
                return Err(RunError::TooMuchOutput);
            }
            if scope.cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            let now = Instant::now();
            let until = [own, scope.deadline].into_iter().flatten().min();
            if until.is_some_and(|until| now >= until) {
                return Err(RunError::TimedOut(began.elapsed()));
            }
            let turn = self.turn(scope, until.map_or(TICK, |until| TICK.min(until - now)))?;
            // It has left, and whoever holds its output says nothing: that is the end.
            if turn == Turn::Nothing && self.has_exited() {
                drop(self.stdout.take());
            }
        }
    }

    fn alive(&mut self) -> bool {
        !self.has_exited()
    }
}

impl Drop for LocalProcess {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        drop(self.stdin.take());
        drop(self.stdout.take());
        drop(self.stderr.take());
        let timeout = Timespec { tv_sec: 0, tv_nsec: FAREWELL.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.exited, PollFlags::IN)];
        let left = poll(&mut fds, Some(&timeout)).is_ok_and(|count| count > 0);
        let scope = Scope::new("", &tagboat_core::ports::Silent, Default::default());
        // Nobody is left to tell; SIGKILL in it cannot be refused for a child of ours.
        let ended = if left { self.reap().map(drop) } else { self.end_group(&scope, GRACE) };
        debug_assert!(ended.is_ok(), "{ended:?}");
    }
}

/// Whether a pipe may give more.
#[derive(Debug, PartialEq, Eq)]
enum Pipe {
    Open,
    Closed,
}

/// Reads one chunk of at most so many bytes, if there is one.
fn read_some(pipe: &impl AsFd, into: &mut Vec<u8>, chunk: usize) -> Pipe {
    into.reserve(chunk);
    match rustix::io::read(pipe, spare_capacity(into)) {
        Ok(0) => Pipe::Closed,
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Pipe::Open,
        Err(_) => Pipe::Closed,
    }
}

fn is_temporary(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn is_readable(fd: &OwnedFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&at_once)).is_ok_and(|count| count > 0)
}

/// Our ends of the pipes must not block us; the program's ends stay as they are.
fn prepare(child: &Child, pid: Pid) -> Result<OwnedFd, Errno> {
    if let Some(pipe) = &child.stdin {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    if let Some(pipe) = &child.stdout {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    if let Some(pipe) = &child.stderr {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    pidfd_open(pid, PidfdFlags::empty())
}

fn tell(scope: &Scope<'_>, line: &str) {
    let observer: &dyn Observer = scope.observer;
    observer.tell(&scope.span, &Progress::Line(line));
}

/// Appends a line and keeps the last [`STDERR_KEPT`] bytes.
fn keep_tail(kept: &mut String, line: &str) {
    kept.push_str(line);
    kept.push('\n');
    // Twice the size before cutting: each byte is moved once at most.
    if kept.len() > 2 * STDERR_KEPT {
        cut_to_tail(kept);
    }
}

fn cut_to_tail(kept: &mut String) {
    let mut from = kept.len().saturating_sub(STDERR_KEPT);
    while !kept.is_char_boundary(from) {
        from += 1;
    }
    drop(kept.drain(..from));
}
