//! A runner that starts nothing. In: what programs would answer. Out: those answers, and every command that
//! was asked for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tagboat_core::command::{Command, OUTPUT_LIMIT};
use tagboat_core::ports::{Output, Progress, RunError, Runner, Running, Scope};

type Answer = Box<dyn Fn(&Command) -> Option<Result<Output, RunError>> + Send + Sync>;

/// Answers by rules, the newest first; a command that no rule answers is a program that does not exist.
#[derive(Default)]
pub struct FakeRunner {
    rules: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<Command>>,
}

impl fmt::Debug for FakeRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRunner").field("asked", &self.asked()).finish_non_exhaustive()
    }
}

/// What a program leaves behind that printed `stdout` and exited with `status`.
#[must_use]
pub fn exited(status: i32, stdout: impl Into<Vec<u8>>) -> Output {
    Output {
        status: Some(status),
        stdout: stdout.into(),
        stderr: String::new(),
        took: Duration::ZERO,
    }
}

impl FakeRunner {
    /// One without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule: `None` leaves the command to older ones.
    #[must_use]
    pub fn rule(
        self,
        answer: impl Fn(&Command) -> Option<Result<Output, RunError>> + Send + Sync + 'static,
    ) -> Self {
        self.rules.lock().unwrap().push(Box::new(answer));
        self
    }

    /// Adds a rule for commands that begin with these words: program first.
    #[must_use]
    pub fn on(self, words: &[&str], answer: Result<Output, RunError>) -> Self {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        self.rule(move |command| begins_with(command, &words).then(|| answer.clone()))
    }

    /// As [`FakeRunner::on`]; each answer is given once, in order, and the last one for ever.
    #[must_use]
    pub fn on_each(self, words: &[&str], answers: Vec<Result<Output, RunError>>) -> Self {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let answers = Mutex::new(VecDeque::from(answers));
        self.rule(move |command| {
            if !begins_with(command, &words) {
                return None;
            }
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        })
    }

    /// Every command asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Command> {
        self.asked.lock().unwrap().clone()
    }

    /// The same, as one could type them.
    #[must_use]
    pub fn asked_lines(&self) -> Vec<String> {
        self.asked().iter().map(ToString::to_string).collect()
    }

    fn answer(&self, command: &Command) -> Result<Output, RunError> {
        self.asked.lock().unwrap().push(command.clone());
        let rules = self.rules.lock().unwrap();
        let answer = rules.iter().rev().find_map(|rule| rule(command));
        answer.unwrap_or(Err(RunError::NotFound))
    }
}

fn begins_with(command: &Command, words: &[String]) -> bool {
    let mut asked = std::iter::once(&command.program).chain(&command.args);
    words.iter().all(|word| asked.next() == Some(word))
}

impl Runner for FakeRunner {
    fn run(&self, scope: &Scope<'_>, command: &Command) -> Result<Output, RunError> {
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if scope.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(RunError::TimedOut(Duration::ZERO));
        }
        let mut output = self.answer(command)?;
        if output.stdout.len() > OUTPUT_LIMIT {
            return Err(RunError::TooMuchOutput);
        }
        output.stderr = command.mask(&output.stderr);
        let tell = |line: &str| {
            scope.observer.tell(&scope.span, &Progress::Line(&command.mask(line)));
        };
        output.text().lines().for_each(tell);
        output.stderr.lines().for_each(tell);
        Ok(output)
    }

    /// Gives the lines of the answer and then waits to be dropped, unless its status is a failure.
    fn start(&self, scope: &Scope<'_>, command: &Command) -> Result<Box<dyn Running>, RunError> {
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let output = self.answer(command)?;
        let lines = output.text().lines().map(str::to_owned).collect();
        Ok(Box::new(FakeProcess { lines, ended: !output.success() }))
    }
}

struct FakeProcess {
    lines: VecDeque<String>,
    ended: bool,
}

impl Running for FakeProcess {
    fn line(&mut self, scope: &Scope<'_>, patience: Duration) -> Result<Option<String>, RunError> {
        if scope.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        match self.lines.pop_front() {
            Some(line) => Ok(Some(line)),
            None if self.ended => Ok(None),
            None => Err(RunError::TimedOut(patience)),
        }
    }

    fn alive(&mut self) -> bool {
        !self.ended
    }
}
