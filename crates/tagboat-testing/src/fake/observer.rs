//! An observer that remembers. In: progress. Out: a list of it.

use std::sync::Mutex;
use std::time::Duration;

use tagboat_core::ports::{Observer, Progress};

/// What was told, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// [`Progress::Began`].
    Began,
    /// [`Progress::Line`].
    Line(String),
    /// [`Progress::Done`].
    Done(Duration),
    /// [`Progress::Failed`].
    Failed(Duration),
    /// [`Progress::Note`].
    Note(String),
}

/// Remembers everything with its span.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<(String, Told)>>);

impl Recorder {
    /// Everything up to now.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Told)> {
        self.0.lock().unwrap().clone()
    }

    /// The lines of programs, in the order in which they came.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |(_, told)| match told {
            Told::Line(line) => Some(line),
            Told::Began | Told::Done(_) | Told::Failed(_) | Told::Note(_) => None,
        };
        self.all().into_iter().filter_map(line).collect()
    }
}

impl Observer for Recorder {
    fn tell(&self, span: &str, progress: &Progress<'_>) {
        let told = match *progress {
            Progress::Began => Told::Began,
            Progress::Line(line) => Told::Line(line.to_owned()),
            Progress::Done(after) => Told::Done(after),
            Progress::Failed(after) => Told::Failed(after),
            Progress::Note(note) => Told::Note(note.to_owned()),
        };
        self.0.lock().unwrap().push((span.to_owned(), told));
    }
}
