//! One file. In: its path. Out: its tree, its value where it is sound, and what is to be told of it.

use std::sync::Arc;

use tagboat_core::diagnostic::Diagnostic;

use crate::decode::{Here, Shape};
use crate::files::{FileError, Files};
use crate::mistake::{Mistakes, code, of_file};
use crate::yaml::{self, Node, Span};

/// Whether a file may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presence {
    /// It must be there; what to do where it is not.
    Required(&'static str),
    /// Its defaults hold where it is not.
    Optional,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Sheet<T> {
    /// Its tree; `None` where it is missing or no YAML.
    pub(super) tree: Option<Arc<Node>>,
    /// Its value; `None` where a mistake was told.
    pub(super) value: Option<T>,
    /// What is told of its lines.
    pub(super) mistakes: Mistakes,
    /// What is told of the file as a whole.
    whole: Option<Diagnostic>,
}

impl<T: Shape> Sheet<T> {
    pub(super) fn read(files: &Files, path: &str, presence: Presence) -> Self {
        let nothing =
            |whole, value| Self { tree: None, value, mistakes: Mistakes::of(path, ""), whole };
        let bytes = match files.read(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => match presence {
                Presence::Optional => return nothing(None, T::absent()),
                Presence::Required(help) => {
                    let missing = of_file(code::MISSING_FILE, format!("there is no {path}"));
                    return nothing(Some(missing.help(help)), None);
                }
            },
            Err(error) => return nothing(Some(unreadable(path, &error)), None),
        };
        let text = match text_of(&bytes) {
            Ok(text) => text,
            Err((span, what)) => {
                let mut mistakes = Mistakes::of(path, String::from_utf8_lossy(&bytes));
                let label =
                    "expected UTF-8 without a byte-order mark, its lines ended by line feeds";
                mistakes.mistake(code::ENCODING, span, what, label);
                return Self { tree: None, value: None, mistakes, whole: None };
            }
        };
        let mut mistakes = Mistakes::of(path, text);
        let tree = match yaml::parse(text) {
            Ok(tree) => tree.unwrap_or_else(|| Arc::new(Node::empty())),
            Err(error) => {
                mistakes.unreadable(error);
                return Self { tree: None, value: None, mistakes, whole: None };
            }
        };
        let value = T::decode(Here::of(&tree), &mut mistakes);
        Self { tree: Some(tree), value, mistakes, whole: None }
    }

    /// The value, and everything that is told.
    pub(super) fn into_parts(self) -> (Option<T>, Vec<Diagnostic>) {
        let told = self.whole.into_iter().chain(self.mistakes.finish()).collect();
        (self.value, told)
    }
}

/// A file that is there and cannot be read.
pub(super) fn unreadable(path: &str, error: &FileError) -> Diagnostic {
    let code = match error {
        FileError::TooLong => code::LIMIT,
        FileError::Outside | FileError::NoFile | FileError::Io(_) => code::UNREADABLE,
    };
    of_file(code, format!("{path} cannot be read: {error}"))
}

/// A file's text; else where it stops being one that YAML and every editor read alike, and why.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, (Span, &'static str)> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err((Span::START, "the file begins with a byte-order mark"));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err((Span::START, "the file is UTF-16"));
    }
    let (text, what) = match std::str::from_utf8(bytes) {
        Ok(text) => match (text.find('\0'), lone_return(text)) {
            (None, None) => return Ok(text),
            (Some(at), _) => {
                (&text[..at], "a NUL byte stands here: the file is UTF-16, or no text")
            }
            // YAML would begin a line here and no editor would show one.
            (None, Some(at)) => (&text[..at], "a carriage return stands here without a line feed"),
        },
        Err(error) => {
            let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(sound).unwrap_or_default(), "a byte here is no UTF-8")
        }
    };
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Err((Span { line, column, width: 1 }, what))
}

fn lone_return(text: &str) -> Option<usize> {
    let next = |at: usize| text.as_bytes().get(at + 1);
    text.match_indices('\r').map(|(at, _)| at).find(|at| next(*at) != Some(&b'\n'))
}
