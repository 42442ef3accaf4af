//! This run's world. In: the command line and the environment. Out: the real ports, wired, each made when it is
//! first needed.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tagboat_adapters::clock::SystemClock;
use tagboat_adapters::detach::detached_in;
use tagboat_adapters::git::GitRepository;
use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::roots::{NspawnRoots, cache_folder};
use tagboat_adapters::ssh::{HostKey, SshAddress, SshHost};
use tagboat_adapters::turn::QueueFolder;
use tagboat_config::{Config, Files, Loaded};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::{Host, HostName};
use tagboat_core::ports::{Cancel, Clock, Repository, RepositoryError, RunError, Runner, Scope};
use tagboat_core::secret::Secret;

use crate::commands::{Doing, repository};
use crate::terminal::Terminal;

/// The remote that holds the state, where there is no configuration yet, or none that can be read.
const REMOTE: &str = "origin";

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The repository's root folder.
    pub(crate) root: PathBuf,
    /// Where results go.
    pub(crate) terminal: &'a Terminal,
    repository: GitRepository,
    clock: SystemClock,
    cancel: Cancel,
    /// The configuration, read once a run.
    loaded: std::result::Result<Loaded, Vec<Diagnostic>>,
}

impl<'a> Context<'a> {
    /// Finds the repository around the folder in which this process works.
    pub(crate) fn open(terminal: &'a Terminal) -> Result<Self> {
        let failed = |error: RepositoryError| repository::diagnostic(&error);
        let cancel = Cancel::default();
        let scope = Scope::new("repository", terminal.observer(), cancel.clone());
        let root =
            work_tree(Path::new(".")).ok_or_else(|| failed(RepositoryError::NotARepository))?;
        let loaded = tagboat_config::load(&Files::Folder(root.clone()));
        let remote = loaded.as_ref().map_or(REMOTE, |loaded| loaded.config.remote.as_str());
        let repository = GitRepository::open(&scope, &root, remote).map_err(failed)?;
        crate::interrupt::listen(&cancel);
        Ok(Self { root, terminal, repository, clock: SystemClock, cancel, loaded })
    }

    /// The git repository.
    pub(crate) fn repository(&self) -> &dyn Repository {
        &self.repository
    }

    /// Whether this clone lacks history, so that nothing may be derived from it.
    pub(crate) fn is_shallow(&self) -> bool {
        self.repository.is_shallow()
    }

    /// The time.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    /// A scope for one piece of work.
    pub(crate) fn scope(&self, span: &str) -> Scope<'_> {
        Scope::new(span, self.terminal.observer(), self.cancel.clone())
    }

    /// A path below the repository's root.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// The checked configuration; its warnings are `tagboat check`'s to tell. All its mistakes are told but the
    /// last, which is the error; to programs, which read one document, that one says how many there are.
    pub(crate) fn config(&self) -> Result<&Config> {
        let told = match &self.loaded {
            Ok(loaded) => return Ok(&loaded.config),
            Err(told) => told,
        };
        let mut mistakes: Vec<&Diagnostic> =
            told.iter().filter(|diagnostic| diagnostic.exit != Exit::Done).collect();
        let Some(last) = mistakes.pop() else {
            let reason = "a configuration was refused without a reason";
            return Err(tagboat_core::diagnostic::bug(reason));
        };
        let mut last = last.clone();
        if self.terminal.is_json() && !mistakes.is_empty() {
            let all = format!(
                "one of {} mistakes: `tagboat check --format json` has every one",
                mistakes.len() + 1
            );
            last = last.fact("others", all);
        } else {
            for mistake in mistakes {
                self.terminal.error(mistake);
            }
        }
        Err(Box::new(last))
    }

    /// What was read of the configuration: it and its warnings, or everything that is wrong with it.
    pub(crate) const fn loaded(&self) -> std::result::Result<&Loaded, &Vec<Diagnostic>> {
        self.loaded.as_ref()
    }

    /// Clean roots, kept in this machine's cache.
    pub(crate) fn roots(&self) -> Result<NspawnRoots> {
        Ok(NspawnRoots::new(LocalRunner::default(), self.cache()?))
    }

    /// A folder of this run alone, for files that are worked on. A plan that is only shown needs no cache: where
    /// there is none it reads the commit in the system's folder for temporary files.
    pub(crate) fn work(&self, name: &str, doing: Doing) -> Result<PathBuf> {
        let name = format!("{name}-{}", std::process::id());
        match (self.cache(), doing) {
            (Ok(cache), _) => Ok(cache.join("work").join(name)),
            (Err(error), Doing::All) => Err(error),
            (Err(error), Doing::Plan) => {
                let folder = std::env::temp_dir().join(format!("tagboat-{name}"));
                // Others write there too: ours must be new, and nobody else's.
                let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
                made.map(|()| folder).map_err(|why| error.fact("seen", why.to_string()).into())
            }
        }
    }

    /// The folder for what can be made again.
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        cache_folder(|name| std::env::var_os(name)).ok_or_else(|| {
            Box::new(
                Diagnostic::unchanged(
                    "usage::no-cache",
                    Exit::Usage,
                    "there is no folder to keep clean roots in",
                    "nothing was done",
                )
                .help("set HOME or TAGBOAT_CACHE"),
            )
        })
    }

    /// `$XDG_STATE_HOME`, or `~/.local/state` (XDG Base Directory Specification: a relative path counts as none). None
    /// where there is no home either.
    pub(crate) fn state_folder(&self) -> Option<PathBuf> {
        let folder =
            |name: &str| self.variable(name).map(PathBuf::from).filter(|it| it.is_absolute());
        folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))
    }

    /// The queues of this user on this machine, where there is a home for them.
    pub(crate) fn turn(&self) -> Option<QueueFolder> {
        self.state_folder().map(QueueFolder::new)
    }

    /// A variable of the environment that holds a secret; `None` where it is not set or empty.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
    }

    /// Another variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// The way to each of these hosts: one connection a host, its key pinned. A host without a pinned key has
    /// none, and the plan says so.
    pub(crate) fn hosts<'h>(
        &self,
        hosts: impl IntoIterator<Item = &'h Host>,
        identity: Option<&Path>,
    ) -> Result<BTreeMap<HostName, Box<dyn Runner + 'static>>> {
        let mut ways: BTreeMap<HostName, Box<dyn Runner>> = BTreeMap::new();
        for host in hosts {
            let Some(key) = &host.host_key else { continue };
            let way = self.host(host, key, &host.user, identity);
            let way =
                way.map_err(|error| tagboat_deploy::error::unreachable(&host.name, &error))?;
            ways.insert(host.name.clone(), Box::new(way));
        }
        Ok(ways)
    }

    /// The way to one host as this user.
    pub(crate) fn host(
        &self,
        host: &Host,
        key: &str,
        user: &str,
        identity: Option<&Path>,
    ) -> std::result::Result<SshHost, RunError> {
        let address = SshAddress::new(&host.address, vec![HostKey::parse(key)?])?;
        let address = address.user(user)?.port(host.port);
        let address = match identity {
            Some(file) => address.identity(file),
            None => address,
        };
        SshHost::new(LocalRunner::default(), address)
    }

    /// Programs on this machine.
    pub(crate) fn local(&self) -> LocalRunner {
        LocalRunner::default()
    }
}

/// Works in this folder from now on, so that files named beside `-C` lie below it, as git(1) has it.
pub(crate) fn enter(folder: &Path) -> Result<()> {
    // A process that goes on for another one begins where that one stands.
    let folder = &detached_in().unwrap_or_else(|| folder.to_owned());
    std::env::set_current_dir(folder).map_err(|error| {
        Box::new(
            Diagnostic::unchanged(
                "usage::folder",
                Exit::Usage,
                format!("{} cannot be entered: {error}", folder.display()),
                "nothing was done",
            )
            .help("name a folder of yours after -C"),
        )
    })
}

/// The nearest folder around `folder` that is the top of a work tree (`.git` is a folder, or a file in linked
/// work trees and submodules: gitrepository-layout(5)), or a bare repository itself.
fn work_tree(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let top = folder.ancestors().find(|folder| folder.join(".git").exists());
    let bare = || folder.join("objects").is_dir() && folder.join("HEAD").is_file();
    top.map(Path::to_owned).or_else(|| bare().then(|| folder.clone()))
}
