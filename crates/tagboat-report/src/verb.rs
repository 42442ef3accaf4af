//! The commands that reports tell people to type. In: a verb and its arguments. Out: the line to type.
//!
//! This is the one list of them: a report cannot name a verb that does not stand here, and the front door's
//! tests type each with `--help`.

use tagboat_core::command::Command;
use tagboat_core::version::ProjectPath;

/// A verb of the front door that a report may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `tagboat deploy VERSION --env ENVIRONMENT [--lift-hold REASON]`.
    Deploy,
    /// `tagboat history PROJECT --env ENVIRONMENT`.
    History,
    /// `tagboat logs PROJECT --env ENVIRONMENT`.
    Logs,
    /// `tagboat mark STATE VERSION`.
    Mark,
    /// `tagboat rollback PROJECT --env ENVIRONMENT [--to VERSION]`.
    Rollback,
    /// `tagboat status [PROJECT]`.
    Status,
}

impl Verb {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Deploy, Self::History, Self::Logs, Self::Mark, Self::Rollback, Self::Status];

    /// As it is typed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::History => "history",
            Self::Logs => "logs",
            Self::Mark => "mark",
            Self::Rollback => "rollback",
            Self::Status => "status",
        }
    }

    /// The options that reports use with it.
    #[must_use]
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &["--env", "--lift-hold"],
            Self::History | Self::Logs => &["--env"],
            Self::Rollback => &["--env", "--to"],
            Self::Mark | Self::Status => &[],
        }
    }

    /// The line to type: quoted for a POSIX shell where that is needed.
    pub(crate) fn line<'a>(self, args: impl IntoIterator<Item = &'a str>) -> String {
        Command::new("tagboat").arg(self.word()).args(args).to_string()
    }
}

/// A project as it is typed: its path, `.` for the one at the root.
pub(crate) fn typed(project: &ProjectPath) -> &str {
    if project.is_root() { "." } else { project.as_str() }
}
