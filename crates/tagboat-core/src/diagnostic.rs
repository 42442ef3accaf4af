//! The one form of every error. In: what was not done, what was seen, the state of the world. Out: a
//! value that the terminal, JSON and the exit code are made from.

use std::fmt;

/// The public meaning of the process's exit status (DESIGN §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: judged and failed: a gate, a finding.
    Judged = 1,
    /// 2: usage or configuration.
    Usage = 2,
    /// 3: refused or lost a race; nothing changed.
    Refused = 3,
    /// 4: an outside program, host or network failed; nothing changed.
    Outside = 4,
    /// 5: failed and rolled back.
    RolledBack = 5,
    /// 6: failed and not rolled back; a person is needed.
    NeedsPerson = 6,
    /// 70: a bug in Tagboat (`EX_SOFTWARE` of sysexits.h).
    Bug = 70,
    /// 130: interrupted by the user (128 + SIGINT, as shells report it).
    Interrupted = 130,
}

impl Exit {
    /// The number given to the operating system.
    #[must_use]
    pub const fn status(self) -> u8 {
        self as u8
    }
}

/// What is true of the world after the error: the line a reader looks for first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum World {
    /// Nothing was changed; the text says what still holds.
    Unchanged(String),
    /// Something was changed; the text says what holds now.
    Now(String),
}

/// A place in a file the user wrote. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the repository's root.
    pub file: String,
    /// The file's whole text, so that the line can be shown.
    pub text: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters the caret underlines; at least 1.
    pub width: usize,
    /// What stands beside the caret: what was expected.
    pub label: String,
}

/// An error, or a warning, as users see it. Its form on a terminal is
///
/// ```text
/// error[room::code]: what was not done, lower case, no full stop
///   = seen       a fact
///   = unchanged  the state of the world
///   help: one command to type, or one thing to change
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `room::code`; the page `docs/errors/<room>/<code>.md` explains it.
    pub code: &'static str,
    /// What the process's exit status will be.
    pub exit: Exit,
    /// What was not done: lower case, no full stop.
    pub message: String,
    /// Where in a file, if it was in a file.
    pub place: Option<Box<Place>>,
    /// What was seen: label and text, in order.
    pub facts: Vec<(&'static str, String)>,
    /// The state of the world.
    pub world: World,
    /// One command to type, or one thing to change.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic that names its code, its exit status and the state of the world: no error may
    /// leave one of them out.
    #[must_use]
    pub fn new(code: &'static str, exit: Exit, message: impl Into<String>, world: World) -> Self {
        Self {
            code,
            exit,
            message: message.into(),
            place: None,
            facts: Vec::new(),
            world,
            help: None,
        }
    }

    /// Nothing was changed: the commonest case.
    #[must_use]
    pub fn unchanged(
        code: &'static str,
        exit: Exit,
        message: impl Into<String>,
        still: impl Into<String>,
    ) -> Self {
        Self::new(code, exit, message, World::Unchanged(still.into()))
    }

    /// Adds a fact. Labels are one short word: `current`, `rejected`, `stderr`.
    #[must_use]
    pub fn fact(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.facts.push((label, text.into()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points into a file.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// Says what is true of the world, where the caller knows better than who made the error.
    #[must_use]
    pub fn world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// Changes the exit status, where what happened before or after decides it.
    #[must_use]
    pub const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// One line for logs; the terminal has its own rendering.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Diagnostic {}

/// What a room returns. The error is boxed: it is large and rare.
pub type Result<T, E = Box<Diagnostic>> = std::result::Result<T, E>;

/// A bug in Tagboat: a state that its own rules exclude.
#[must_use]
pub fn bug(message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "tagboat::bug",
            Exit::Bug,
            message,
            "unknown; `tagboat status` reads it anew",
        )
        .help("report it with the command you typed and this text"),
    )
}
