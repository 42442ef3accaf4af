//! Somebody with a source package in a git repository, and the binary. In: an unpacked source. Out: what the
//! commands said and made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tagboat_adapters::process::LocalRunner;
use tagboat_core::command::Command;
use tagboat_core::ports::{Output, Runner as _};
use tagboat_testing::monorepo::Monorepo;

use crate::clean::scope;

/// How long a command may take, where every root has to be made first.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// A repository without a remote, and no setting of the machine or the user but the cache folder.
pub(crate) struct Stranger {
    repo: Monorepo,
    cache: PathBuf,
}

impl Stranger {
    pub(crate) fn new(cache: &Path) -> Self {
        Self { repo: Monorepo::new(), cache: cache.to_owned() }
    }

    /// Where the source is unpacked.
    pub(crate) fn folder(&self) -> &Path {
        self.repo.folder()
    }

    /// The source.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder().join("hello")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.repo.git_in(&self.tree(), args)
    }

    /// Commits all that was unpacked: what upstream's `.gitignore` leaves out as well.
    pub(crate) fn import(&self) {
        self.git(&["init", "--quiet"]);
        self.git(&["add", "--force", "--all"]);
        self.git(&["commit", "--quiet", "--message", "Import hello"]);
    }

    /// Runs the binary in the source, which must end well.
    #[track_caller]
    pub(crate) fn tagboat(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagboat"))
            .args(words.iter().copied())
            .folder(self.tree())
            .env("TAGBOAT_CACHE", self.cache.to_str().unwrap())
            .timeout(PATIENCE);
        command.env.extend(self.repo.environment());
        let output = LocalRunner::default().run(&scope(), &command).unwrap();
        assert!(output.success(), "{command}\n{}\n{}", output.text(), output.stderr);
        output
    }
}
