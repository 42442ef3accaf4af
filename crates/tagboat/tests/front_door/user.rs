//! Somebody who types commands. In: words. Out: what they saw.

use std::path::Path;
use std::process::{Command, Stdio};

use tagboat_testing::monorepo::Monorepo;

/// What a command showed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Seen {
    /// Everything in one text: what a snapshot shows.
    pub(crate) fn all(&self) -> String {
        let Self { status, stdout, stderr } = self;
        format!(
            "{stdout}{}{stderr}[exit {status}]",
            if stderr.is_empty() { "" } else { "-- stderr\n" }
        )
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// `tagboat` in a folder, with no setting of the machine or the user.
pub(crate) fn command(repo: &Monorepo, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagboat"));
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(repo.environment())
        .stdin(Stdio::null());
    command
}

/// Runs `tagboat` in a folder.
pub(crate) fn tagboat_in(repo: &Monorepo, folder: &Path, words: &[&str]) -> Seen {
    see(repo, &mut command(repo, folder, words))
}

/// Runs a command to its end.
pub(crate) fn see(repo: &Monorepo, command: &mut Command) -> Seen {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| {
        let folder = repo.folder().canonicalize().unwrap();
        String::from_utf8(bytes).unwrap().replace(folder.to_str().unwrap(), "<folder>")
    };
    Seen {
        status: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs `tagboat` in the work tree.
pub(crate) fn tagboat(repo: &Monorepo, words: &[&str]) -> Seen {
    tagboat_in(repo, &repo.work(), words)
}
