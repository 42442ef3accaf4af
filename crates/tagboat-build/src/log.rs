//! The log of a build. In: what happens and what programs print. Out: a file with all of it, the last lines for
//! an error, and the same news for whoever listens beside.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tagboat_core::ports::{Observer, Progress};

/// How many lines an error shows: a compiler's message with its context.
const KEPT: usize = 12;

/// Writes what it hears to a file, and passes it on.
pub(crate) struct Log<'a> {
    listener: &'a dyn Observer,
    written: Mutex<Written>,
}

struct Written {
    file: File,
    last: VecDeque<String>,
    failure: Option<io::Error>,
}

impl<'a> Log<'a> {
    /// A new file at `path`; a log of an earlier build of the same version is replaced.
    pub(crate) fn create(path: &Path, listener: &'a dyn Observer) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let written = Written { file: File::create(path)?, last: VecDeque::new(), failure: None };
        Ok(Self { listener, written: Mutex::new(written) })
    }

    /// Writes a line of our own, which no listener hears.
    pub(crate) fn note(&self, line: &str) {
        self.lock().write(line);
    }

    /// The last lines that programs printed, and forgets them: what follows is another program's.
    pub(crate) fn take_last(&self) -> Vec<String> {
        self.lock().last.drain(..).collect()
    }

    /// Makes sure that everything is in the file.
    ///
    /// # Errors
    /// The first thing that the operating system refused since the log was made.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut written = self.lock();
        match written.failure.take() {
            Some(error) => Err(error),
            None => written.file.sync_all(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        // A line is written whole or not at all: what another thread left is still a log.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn write(&mut self, line: &str) {
        if let Err(error) = self.file.write_all(format!("{line}\n").as_bytes()) {
            // An observer must not fail: the build's end asks for this.
            self.failure.get_or_insert(error);
        }
    }
}

impl Observer for Log<'_> {
    fn tell(&self, span: &str, progress: &Progress<'_>) {
        {
            let mut written = self.lock();
            match progress {
                Progress::Line(line) => {
                    written.write(line);
                    if !line.trim().is_empty() {
                        if written.last.len() == KEPT {
                            written.last.pop_front();
                        }
                        written.last.push_back((*line).to_owned());
                    }
                }
                Progress::Note(note) => written.write(&format!("note: {note}")),
                Progress::Began => written.write(&format!("== {span}")),
                Progress::Done(after) => {
                    written.write(&format!("== {span}: done in {:.1} s", after.as_secs_f64()));
                }
                Progress::Failed(after) => {
                    written.write(&format!("== {span}: failed after {:.1} s", after.as_secs_f64()));
                }
            }
        }
        self.listener.tell(span, progress);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tagboat_core::ports::Silent;

    use super::*;

    #[test]
    fn everything_is_in_the_log_and_only_the_end_is_kept_for_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/a.log");
        let log = Log::create(&path, &Silent).unwrap();
        log.tell("api amd64", &Progress::Began);
        for number in 0..100 {
            log.tell("api amd64", &Progress::Line(&format!("line {number}")));
        }
        log.tell("api amd64", &Progress::Line(" "));
        log.tell("api amd64", &Progress::Failed(Duration::from_millis(1500)));
        log.finish().unwrap();
        let last = log.take_last();
        assert_eq!((last.len(), last.last().unwrap().as_str()), (KEPT, "line 99"));
        assert!(log.take_last().is_empty());
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("== api amd64\nline 0\nline 1\n"), "{text}");
        assert!(text.ends_with("line 99\n \n== api amd64: failed after 1.5 s\n"), "{text}");
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let log = Log::create(Path::new("/dev/full"), &Silent).unwrap();
        log.tell("api", &Progress::Line("x"));
        assert_eq!(log.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
