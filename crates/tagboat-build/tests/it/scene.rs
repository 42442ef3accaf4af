//! What the tests share. In: a project's files. Out: a repository with a commit of them, requests, and roots in
//! which programs are closures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tagboat_build::observe::UnitFile;
use tagboat_build::request::{
    Architectures, Builder, Leftovers, PackagePlan, Parallel, ProjectPlan, Staged, StagedFile,
    StagedKind,
};
use tagboat_build::strategy::{Machine, StrategyChoice};
use tagboat_build::{Facts, Plan, Ports, Record, Request, apply, observe, plan};
use tagboat_core::command::Command;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{
    Architecture, Bind, Booted, Cancel, Commit, FetchSpec, Found, ListedRef, Log, LogQuery, Mirror,
    Network, NewTag, Output, RefUpdate, RefView, Repository, RepositoryError, Root, RootError,
    RootSpec, Roots, RunError, Runner, Scope, Swap, TagSigner,
};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_testing::fake::{FakeClock, FakeRemote, FakeRepository, FakeRunner, Recorder, exited};

pub(crate) const UNIT: &str = "[Unit]\nDescription=x\n\n[Service]\nExecStart=/usr/bin/api\n\n[Install]\nWantedBy=multi-user.target\n";

/// The files of a small staged project and of one with Debian packaging.
pub(crate) const FILES: [(&str, &str); 7] = [
    ("api/Makefile", "all:\n"),
    (
        "api/copyright",
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: 2026 Ada\nLicense: Expat\n Text.\n",
    ),
    ("api/api.1", ".TH API 1\n"),
    ("config/api.service", UNIT),
    ("local-rag/packaging/debian/control", LOCAL_RAG_CONTROL),
    ("local-rag/packaging/debian/rules", "#!/usr/bin/make -f\n%:\n\tdh $@\n"),
    ("config/local-rag.service", "[Service]\nExecStart=/usr/bin/local-rag\n"),
];

pub(crate) const LOCAL_RAG_CONTROL: &str = "Source: local-rag\nMaintainer: Ada Example <ada@example.org>\nBuild-Depends: debhelper-compat (= 13)\nRules-Requires-Root: no\n\nPackage: local-rag\nArchitecture: any\nDescription: search\n Long.\n";

/// A repository with one commit.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) repository: FakeRepository,
    pub(crate) commit: Commit,
    pub(crate) told: Recorder,
    pub(crate) cancel: Cancel,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&FILES)
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let remote = FakeRemote::new();
        let time: Timestamp = "2026-11-20T14:03:09Z".parse().unwrap();
        let sha = remote.commit("feat: answer questions", time, files);
        let repository = remote.clone_here();
        let told = Recorder::default();
        let cancel = Cancel::default();
        let scope = Scope::new("test", &told, cancel.clone());
        let commit = repository.commit(&scope, sha.as_str()).unwrap().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), repository, commit, told, cancel }
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope::new("test", &self.told, self.cancel.clone())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A request for `project`, each with a work folder of its own.
    pub(crate) fn request(&self, project: ProjectPlan) -> Request {
        let version = format!("{}/v1.2.0-rc.1", project.path);
        Request {
            project,
            version: Some(Version::parse(&version).unwrap()),
            commit: self.commit.clone(),
            branch: Some("main".to_owned()),
            builder_name: "test".to_owned(),
            mirrors: mirrors(),
            architectures: Architecture::ALL.to_vec(),
            strategy: StrategyChoice::Auto,
            parallel: Parallel::OneAfterAnother,
            out: self.path("dist"),
            logs: self.path("logs"),
            work: self.path("work"),
            leftovers: Leftovers::RemoveOnSuccess,
        }
    }

    /// observe, with the machine that the tests are written for.
    pub(crate) fn observe(&self, request: &Request) -> Result<Facts> {
        let facts = observe(&self.scope(), &self.repository, request)?;
        Ok(Facts { machine: amd64(), ..facts })
    }

    pub(crate) fn plan(&self, request: &Request) -> Result<Plan> {
        plan(&self.observe(request)?, request)
    }

    pub(crate) fn apply(&self, plan: Plan, roots: &dyn Roots) -> Result<Record> {
        let clock = FakeClock::fixed();
        let ports = Ports { repository: &self.repository, roots, clock: &clock };
        apply(plan, &self.scope(), &ports)
    }

    pub(crate) fn build(&self, request: &Request, roots: &dyn Roots) -> Result<Record> {
        self.apply(plan(&self.observe(request)?, request)?, roots)
    }
}

/// A machine that can do everything.
pub(crate) fn amd64() -> Machine {
    Machine { architecture: Architecture::Amd64, emulates: vec![Architecture::Arm64] }
}

pub(crate) fn mirrors() -> Vec<Mirror> {
    let uri = "http://deb.debian.org/debian".to_owned();
    vec![Mirror { uri, suite: "bookworm".to_owned(), components: vec!["main".to_owned()] }]
}

/// The facts of the staged project without a repository.
pub(crate) fn staged_facts() -> Facts {
    let unit = UnitFile { path: "config/api.service".to_owned(), text: UNIT.to_owned() };
    Facts { machine: amd64(), packaging: None, unit: Some(unit) }
}

pub(crate) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn file(from: &str, to: &str, mode: Option<u32>) -> StagedFile {
    StagedFile { from: from.to_owned(), to: to.to_owned(), mode, kind: StagedKind::File }
}

pub(crate) fn staged() -> Staged {
    Staged {
        package: PackagePlan {
            name: "api".to_owned(),
            synopsis: "notes over HTTP".to_owned(),
            extended: "Keeps notes.\n\nAnd serves them.".to_owned(),
            section: "web".to_owned(),
            priority: "optional".to_owned(),
            maintainer: "Ada Example <ada@example.org>".to_owned(),
            homepage: Some("https://example.org/api".to_owned()),
            depends: words(&["curl"]),
            conflicts: vec![],
            provides: words(&["notes"]),
            architectures: Architectures::Each(Architecture::ALL.to_vec()),
        },
        build: vec![words(&["make", "-C", "api", "VERSION=${BUILD_VERSION}"])],
        build_dependencies: words(&["libsqlite3-dev"]),
        files: vec![
            file("api/build/api", "/usr/bin/api", Some(0o755)),
            file("api/api.1", "/usr/share/man/man1/api.1", None),
            file("api/copyright", "/usr/share/doc/api/copyright", Some(0o644)),
        ],
        conffiles: vec![],
    }
}

pub(crate) fn staged_project(staged: Staged) -> ProjectPlan {
    ProjectPlan {
        path: ProjectPath::parse("api").unwrap(),
        unit: None,
        variables: vec![],
        builder: Builder::Staged(Box::new(staged)),
    }
}

pub(crate) fn debhelper_project() -> ProjectPlan {
    ProjectPlan {
        path: ProjectPath::parse("local-rag").unwrap(),
        unit: None,
        variables: vec![],
        builder: Builder::Debhelper,
    }
}

type Program = Arc<dyn Fn(&Path, &Command) -> Option<Result<Output, RunError>> + Send + Sync>;
type Refusal = Box<dyn Fn(&RootSpec) -> Option<RootError> + Send + Sync>;

/// Roots in which a program is a closure over the folder that is bound to `/build`. Every command is kept, by
/// that folder's name.
#[derive(Default)]
pub(crate) struct FakeRoots {
    programs: Vec<Program>,
    refusal: Option<Refusal>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    commands: BTreeMap<String, Vec<Command>>,
    networks: Vec<Network>,
}

impl FakeRoots {
    /// Programs as the staged project needs them: `make` makes a real program of this machine's, or of arm64.
    pub(crate) fn working() -> Self {
        Self::default()
            .on("dpkg-buildflags", |_, _| Ok(exited(0, "CFLAGS=-O2 -g\nLDFLAGS=-Wl,-z,relro\n")))
            .on("make", |folder, command| {
                let cross = command.env.iter().any(|(name, _)| name == "CC");
                let emulated = folder.ends_with("arm64-emulated");
                let elf = program(if cross || emulated { 183 } else { 62 });
                fs::create_dir_all(folder.join("source/api/build")).unwrap();
                fs::write(folder.join("source/api/build/api"), elf).unwrap();
                Ok(exited(0, "cc -o build/api\n"))
            })
            .on("dpkg-shlibdeps", |_, _| {
                Ok(exited(0, "shlibs:Depends=libsqlite3-0 (>= 3.5.9), libc6 (>= 2.34)\n"))
            })
            .on("strip", |_, _| Ok(exited(0, "")))
            .on("aarch64-linux-gnu-strip", |_, _| Ok(exited(0, "")))
            .on("chown", |_, _| Ok(exited(0, "")))
            .on("chmod", |_, _| Ok(exited(0, "")))
    }

    /// A program; the newest rule for a name counts.
    pub(crate) fn on(
        mut self,
        name: &str,
        run: impl Fn(&Path, &Command) -> Result<Output, RunError> + Send + Sync + 'static,
    ) -> Self {
        let name = name.to_owned();
        self.programs.push(Arc::new(move |folder, command| {
            (started(command) == name).then(|| run(folder, command))
        }));
        self
    }

    /// Which roots cannot be opened.
    pub(crate) fn refusing(
        mut self,
        refusal: impl Fn(&RootSpec) -> Option<RootError> + Send + Sync + 'static,
    ) -> Self {
        self.refusal = Some(Box::new(refusal));
        self
    }

    /// The commands of an attempt: `amd64-native`.
    pub(crate) fn asked(&self, attempt: &str) -> Vec<Command> {
        self.heard.lock().unwrap().commands.get(attempt).cloned().unwrap_or_default()
    }

    /// Whether every program ran without a network.
    pub(crate) fn always_alone(&self) -> bool {
        self.heard.lock().unwrap().networks.iter().all(|network| *network == Network::Loopback)
    }
}

/// The program that setpriv starts, or the command's own.
pub(crate) fn started(command: &Command) -> &str {
    let behind = command.args.iter().skip_while(|word| *word != "--").nth(1);
    behind.filter(|_| command.program == "setpriv").unwrap_or(&command.program)
}

/// The beginning of a program for a processor (elf(5)), and something behind it.
pub(crate) fn program(machine: u8) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    elf.extend([machine, 0]);
    elf.extend([7; 5000]);
    elf
}

impl Roots for FakeRoots {
    fn open(
        &self,
        _: &Scope<'_>,
        spec: &RootSpec,
        binds: &[Bind],
    ) -> Result<Box<dyn Root>, RootError> {
        if let Some(error) = self.refusal.as_ref().and_then(|refusal| refusal(spec)) {
            return Err(error);
        }
        let [Bind { from, to, .. }] = binds else { panic!("one bind: {binds:?}") };
        assert_eq!(to, "/build");
        Ok(Box::new(FakeRoot {
            folder: from.clone(),
            programs: self.programs.clone(),
            heard: Arc::clone(&self.heard),
        }))
    }
}

struct FakeRoot {
    folder: PathBuf,
    programs: Vec<Program>,
    heard: Arc<Mutex<Heard>>,
}

impl Root for FakeRoot {
    fn path(&self) -> &Path {
        &self.folder
    }

    fn runner(&self, network: Network) -> Box<dyn Runner + '_> {
        self.heard.lock().unwrap().networks.push(network);
        let attempt = self.folder.file_name().unwrap().to_str().unwrap().to_owned();
        let (folder, programs) = (self.folder.clone(), self.programs.clone());
        let heard = Arc::clone(&self.heard);
        Box::new(FakeRunner::new().rule(move |command| {
            let mut heard = heard.lock().unwrap();
            heard.commands.entry(attempt.clone()).or_default().push(command.clone());
            drop(heard);
            programs.iter().rev().find_map(|program| program(&folder, command))
        }))
    }

    fn boot(&self, _: &Scope<'_>, _: Duration) -> Result<Box<dyn Booted + '_>, RootError> {
        panic!("a build boots nothing")
    }
}

/// A repository whose exports have something more in them than text files.
pub(crate) struct Planted<'a> {
    pub(crate) inner: &'a FakeRepository,
    pub(crate) plant: fn(&Path),
}

impl Repository for Planted<'_> {
    fn each_ref(
        &self,
        scope: &Scope<'_>,
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        self.inner.each_ref(scope, take)
    }

    fn each_ref_of(
        &self,
        scope: &Scope<'_>,
        names: &[String],
        take: &mut dyn FnMut(RefView<'_>),
    ) -> Result<(), RepositoryError> {
        self.inner.each_ref_of(scope, names, take)
    }

    fn remote_refs(
        &self,
        scope: &Scope<'_>,
        patterns: &[&str],
    ) -> Result<Vec<ListedRef>, RepositoryError> {
        self.inner.remote_refs(scope, patterns)
    }

    fn fetch(&self, scope: &Scope<'_>, specs: &[FetchSpec]) -> Result<(), RepositoryError> {
        self.inner.fetch(scope, specs)
    }

    fn remember(
        &self,
        scope: &Scope<'_>,
        refs: &[(String, Option<ObjectId>)],
    ) -> Result<(), RepositoryError> {
        self.inner.remember(scope, refs)
    }

    fn each_object(
        &self,
        scope: &Scope<'_>,
        ids: &[ObjectId],
        take: &mut dyn FnMut(&ObjectId, Found),
    ) -> Result<(), RepositoryError> {
        self.inner.each_object(scope, ids, take)
    }

    fn write_tag(&self, scope: &Scope<'_>, tag: &NewTag) -> Result<ObjectId, RepositoryError> {
        self.inner.write_tag(scope, tag)
    }

    fn sign_tag(
        &self,
        scope: &Scope<'_>,
        tag: &NewTag,
        signer: &dyn TagSigner,
    ) -> Result<ObjectId, RepositoryError> {
        self.inner.sign_tag(scope, tag, signer)
    }

    fn swap(&self, scope: &Scope<'_>, updates: &[RefUpdate]) -> Result<Swap, RepositoryError> {
        self.inner.swap(scope, updates)
    }

    fn is_ancestor(
        &self,
        scope: &Scope<'_>,
        ancestor: &CommitSha,
        descendant: &str,
    ) -> Result<bool, RepositoryError> {
        self.inner.is_ancestor(scope, ancestor, descendant)
    }

    fn log(&self, scope: &Scope<'_>, query: &LogQuery<'_>) -> Result<Log, RepositoryError> {
        self.inner.log(scope, query)
    }

    fn commit(&self, scope: &Scope<'_>, name: &str) -> Result<Option<Commit>, RepositoryError> {
        self.inner.commit(scope, name)
    }

    fn export(
        &self,
        scope: &Scope<'_>,
        commit: &CommitSha,
        into: &Path,
    ) -> Result<(), RepositoryError> {
        self.inner.export(scope, commit, into)?;
        (self.plant)(into);
        Ok(())
    }
}
