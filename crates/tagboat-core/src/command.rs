//! An external program as a value. In: program, arguments, input, secrets. Out: something that can be
//! printed, compared in a test and handed to a [`crate::ports::Runner`]; nothing is started here.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

/// How long a program may run when nobody said otherwise. Long work names its own bound.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of a program's standard output is kept; the rest is an error, never a silent cut.
/// 64 MiB holds `git show-ref --tags -d` of 400,000 tags.
pub const OUTPUT_LIMIT: usize = 64 << 20;

/// What a program reads on standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// Nothing: it is closed, so no program can wait for an answer.
    #[default]
    Closed,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file's content, streamed.
    File(PathBuf),
    /// A secret, for programs that read one from standard input.
    Secret(Secret),
}

/// A program and its arguments. Arguments stay a list from here to `execve(2)`: no shell ever joins or
/// splits them, here or on a host.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Found on `PATH`, or an absolute path.
    pub program: String,
    /// The arguments, in order.
    pub args: Vec<String>,
    /// Variables added to a small fixed environment (`PATH`, `HOME`, `LC_ALL=C.UTF-8`, …).
    pub env: Vec<(String, String)>,
    /// Working folder, if it matters.
    pub folder: Option<PathBuf>,
    /// Standard input.
    pub input: Input,
    /// After this it is ended: SIGTERM, then SIGKILL.
    pub timeout: Duration,
    /// Values to be masked in whatever this command prints and in how it is shown.
    pub secrets: Vec<Secret>,
}

impl Command {
    /// A program without arguments, with closed input and [`DEFAULT_TIMEOUT`].
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            folder: None,
            input: Input::Closed,
            timeout: DEFAULT_TIMEOUT,
            secrets: Vec::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Gives it something to read.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// Gives it bytes to read.
    #[must_use]
    pub fn stdin(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input(Input::Bytes(bytes.into()))
    }

    /// Bounds its time.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Names a value that must never be shown.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// `text` with every secret of this command masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let input = match &self.input {
            Input::Secret(secret) => Some(secret),
            Input::Closed | Input::Bytes(_) | Input::File(_) => None,
        };
        self.secrets.iter().chain(input).fold(text.to_owned(), |text, secret| secret.mask(&text))
    }
}

/// As a person would type it in a POSIX shell: for reading, and safe to paste.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for (name, value) in &self.env {
            line.push_str(&quote(&format!("{name}={value}")));
            line.push(' ');
        }
        line.push_str(&quote(&self.program));
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quote(arg));
        }
        f.write_str(&self.mask(&line))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// One word of POSIX shell that stands for exactly `word` (POSIX.1-2017, XCU 2.2.2: everything between
/// single quotes is literal; a single quote itself is closed, escaped and reopened). Words of plain
/// characters are left as they are, for readers.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_could_type_it() {
        let command = Command::new("git").args(["log", "--format=%H", "a b", "it's", ""]);
        assert_eq!(command.to_string(), r"git log --format=%H 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_secret_is_masked_in_how_a_command_is_shown() {
        let command = Command::new("curl")
            .args(["--user", "bob:hunter2"])
            .secret(Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{command:?}"), "Command(curl --user bob:***)");
    }

    #[test]
    fn what_a_shell_would_expand_is_quoted() {
        for word in ["$(id)", "`id`", "a;b", "a|b", "*", "~", "=ls", "a\nb", "#x", "!1", "{a,b}"] {
            assert!(quote(word).starts_with('\''), "{word}");
        }
    }
}
