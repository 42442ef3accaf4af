//! Repositories for one test. In: files, tags. Out: a real git repository with a remote, hermetic: no setting
//! of the machine or the user reaches it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use tagboat_core::commit::{CommitSha, ObjectId};
use tempfile::TempDir;

/// Who makes commits and tags.
pub const AUTHOR: &str = "Test <test@example.org>";

/// The time of the first commit, in seconds since 1970: 2026-01-01 00:00 UTC. Each further one is a minute
/// later.
pub const FIRST_COMMIT: i64 = 1_767_225_600;

/// A work tree `main`, and a bare remote called `origin`; all vanish when it is dropped.
#[derive(Debug)]
pub struct Monorepo {
    folder: TempDir,
    program: String,
    made: Mutex<i64>,
}

impl Monorepo {
    /// An empty repository with an empty remote, made with the `git` on `PATH`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_git("git")
    }

    /// The same, made with this `git`.
    ///
    /// # Panics
    /// Where git fails, as everything here.
    #[must_use]
    pub fn with_git(program: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir_all(folder.path().join("template/hooks")).unwrap();
        // What a repository for a minute does without, and a hundred tests together wait for: samples of hooks, a
        // process that looks for rubbish after every command, and a disk that has it all.
        std::fs::write(
            folder.path().join("gitconfig"),
            format!(
                "[user]\n\tname = Test\n\temail = test@example.org\n\
                 [init]\n\tdefaultBranch = main\n\ttemplateDir = {}\n\
                 [commit]\n\tgpgSign = false\n[maintenance]\n\tauto = false\n\
                 [gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[core]\n\tfsync = none\n",
                folder.path().join("template").display()
            ),
        )
        .unwrap();
        let repo = Self { folder, program: program.to_owned(), made: Mutex::new(0) };
        repo.git_in(repo.folder.path(), &["init", "-q", "--bare", "remote.git"]);
        repo.git_in(repo.folder.path(), &["init", "-q", "work"]);
        let remote = repo.remote();
        repo.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
        repo
    }

    /// The work tree.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The bare remote.
    #[must_use]
    pub fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// A folder for whatever else the test needs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The variables under which git sees no setting but this repository's own.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let inside = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        vec![
            ("HOME".to_owned(), inside("home")),
            ("XDG_CONFIG_HOME".to_owned(), inside("home/.config")),
            ("GIT_CONFIG_GLOBAL".to_owned(), inside("gitconfig")),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
        ]
    }

    /// Runs git in the work tree and gives what it printed, without the last newline.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.work(), args)
    }

    /// Runs git in a folder.
    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let time = format!("{} +0000", FIRST_COMMIT + *self.made.lock().unwrap() * 60);
        let output = Command::new(&self.program)
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment())
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
    }

    /// Writes a file of the work tree.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.work().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    /// Commits all that was written, a minute after the last commit.
    pub fn commit(&self, subject: &str) -> CommitSha {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", subject]);
        *self.made.lock().unwrap() += 1;
        CommitSha::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Makes an annotated tag of HEAD, and gives its object.
    pub fn tag(&self, name: &str, message: &str) -> ObjectId {
        self.git(&["tag", "-a", "-m", message, "--", name]);
        ObjectId::parse(&self.git(&["rev-parse", &format!("refs/tags/{name}")])).unwrap()
    }

    /// Pushes main and all tags.
    pub fn push(&self) {
        self.git(&["push", "-q", "origin", "main", "--tags"]);
    }

    /// A new clone of the remote, without its tags.
    pub fn clone_as(&self, name: &str) -> PathBuf {
        self.clone_from(name, self.remote().to_str().unwrap(), &[])
    }

    /// A new clone of the remote under another address.
    pub fn clone_from(&self, name: &str, address: &str, options: &[&str]) -> PathBuf {
        let mut args = vec!["clone", "-q", "--no-tags"];
        args.extend(options);
        args.extend(["--", address, name]);
        self.git_in(self.folder.path(), &args);
        self.folder.path().join(name)
    }

    /// Makes a hook of the remote: a shell script.
    pub fn remote_hook(&self, name: &str, script: &str) {
        write_script(&self.remote().join("hooks").join(name), script);
    }

    /// Makes a hook of a clone.
    pub fn hook(&self, clone: &Path, name: &str, script: &str) {
        write_script(&clone.join(".git/hooks").join(name), script);
    }
}

impl Default for Monorepo {
    fn default() -> Self {
        Self::new()
    }
}

fn write_script(file: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}
