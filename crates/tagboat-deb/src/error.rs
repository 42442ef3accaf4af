//! What is wrong and where: in: any failure of this crate, out: one `Error` to match or print.

use std::borrow::Cow;
use std::{error, fmt, io};

/// The byte stream that an offset counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The .deb file itself.
    Archive,
    /// The uncompressed `control.tar`.
    ControlTar,
    /// The uncompressed `data.tar`.
    DataTar,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archive => "the archive",
            Self::ControlTar => "control.tar",
            Self::DataTar => "data.tar",
        })
    }
}

/// Every failure of this crate. Foreign text inside a message is escaped, so that it is safe to
/// print.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The reader or writer that the caller gave failed.
    Io(io::Error),
    /// A short text (a name, a version, a date) is not in its grammar.
    Grammar {
        /// The field's term for the text, such as `package name`.
        what: &'static str,
        /// The text itself.
        text: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A control field is missing, or its value would not be read back as it is.
    Field {
        /// The name of the field.
        name: String,
        /// The rule that it breaks.
        reason: Cow<'static, str>,
    },
    /// A line of a text file cannot be understood.
    Line {
        /// The number of the line, counted from 1.
        line: u64,
        /// The rule that it breaks.
        reason: Cow<'static, str>,
    },
    /// The bytes of an archive are not in their format.
    Malformed {
        /// The stream that the offset counts in.
        part: Part,
        /// Where, in bytes from the start of the part.
        offset: u64,
        /// The rule that is broken there.
        reason: Cow<'static, str>,
    },
    /// An archive is larger than the caller allows.
    Limit {
        /// The stream that is too large.
        part: Part,
        /// What was counted, such as `bytes`.
        what: &'static str,
        /// How many the limit allows.
        allowed: u64,
    },
    /// An entry cannot be packed.
    Entry {
        /// Its path inside the package.
        path: String,
        /// The rule that it breaks.
        reason: Cow<'static, str>,
    },
    /// The content of a file could not be read while it was packed.
    Source {
        /// Its path inside the package.
        path: String,
        /// What the source said.
        error: io::Error,
    },
}

impl Error {
    pub(crate) fn grammar(what: &'static str, text: &str, reason: &'static str) -> Self {
        Self::Grammar { what, text: text.to_owned(), reason }
    }

    pub(crate) fn field(name: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Field { name: name.to_owned(), reason: reason.into() }
    }

    pub(crate) fn line(line: u64, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Line { line, reason: reason.into() }
    }

    pub(crate) fn malformed(part: Part, offset: u64, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { part, offset, reason: reason.into() }
    }

    pub(crate) fn entry(path: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Entry { path: path.to_owned(), reason: reason.into() }
    }

    /// Carries this error through a `Read` or `Write` of someone else; [`From<io::Error>`] takes it
    /// out again.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::Io(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Grammar { what, text, reason } => {
                write!(f, "{what} \"{}\": {reason}", clipped(text))
            }
            Self::Field { name, reason } => write!(f, "field \"{}\": {reason}", clipped(name)),
            Self::Line { line, reason } => write!(f, "line {line}: {reason}"),
            Self::Malformed { part, offset, reason } => {
                write!(f, "{part}, byte {offset}: {reason}")
            }
            Self::Limit { part, what, allowed } => {
                write!(f, "{part} has more than the {allowed} {what} allowed")
            }
            Self::Entry { path, reason } => write!(f, "entry \"{}\": {reason}", clipped(path)),
            Self::Source { path, error } => {
                write!(f, "reading the content of \"{}\": {error}", clipped(path))
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Source { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Foreign text for a message: escaped, and never longer than a line or two.
pub(crate) fn clipped(text: &str) -> String {
    const CHARS: usize = 120;
    let mut clipped: String = text.chars().take(CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS).is_some() {
        clipped.push_str("...");
    }
    clipped
}
