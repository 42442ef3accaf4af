//! Decides. In: facts and a request. Out: every step of the build with its exact arguments, or a refusal.
//! Nothing is read, written or started here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{Access, Architecture, Bind, BuildDepends, Commit, RootSpec};
use tagboat_deb::deb::ControlFile;
use tagboat_deb::tar::SetId;
use tagboat_deb::{DebianVersion, Paragraph};

use crate::observe::Facts;
use crate::request::{Builder, Leftovers, Parallel, Request, StagedKind};
use crate::strategy::{Candidate, Strategy};
use crate::{debhelper, refusal, staged, strategy, variables};

/// How long a build command may run. A pipeline has 30 minutes (SPEC, limits to hold), and emulation, which
/// is exempt, takes 10 to 21 times as long as a native build.
pub const BUILD_TIMEOUT: Duration = Duration::from_secs(4 * 3600);
/// How long one of our own small commands may run, on a large tree and under emulation.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(600);

/// The user and group that build: `nobody` and `nogroup`, which base-passwd promises in every Debian root.
pub(crate) const BUILDER: &str = "65534:65534";

/// Everything that a build will do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source package, or the staged package: the name of logs.
    pub package: String,
    /// The version that the packages get.
    pub version: DebianVersion,
    /// The commit.
    pub commit: Commit,
    /// The branch, for the record.
    pub branch: Option<String>,
    /// Who builds, for the record.
    pub builder_name: String,
    /// The project's own build-time variables that are set, by name.
    pub variables: Vec<String>,
    /// One job an architecture, in the order asked for.
    pub jobs: Vec<Job>,
    /// How they follow each other.
    pub parallel: Parallel,
    /// The folder that receives the packages.
    pub out: PathBuf,
    /// This run's own folder.
    pub work: PathBuf,
    /// What becomes of it.
    pub leftovers: Leftovers,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// One architecture's packages.
#[derive(Clone, Debug)]
pub struct Job {
    /// Debian's word for what is made: `amd64`, `arm64`, `all`.
    pub label: String,
    /// Everything that is printed goes here.
    pub log: PathBuf,
    /// The ways to make it; the next is taken where one does not work. Never empty.
    pub attempts: Vec<Attempt>,
}

/// One way to make one architecture's packages.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The way.
    pub strategy: Strategy,
    /// Why.
    pub reason: String,
    /// What is compiled for.
    pub target: Architecture,
    /// Its folder on this machine, seen as [`variables::FOLDER`] inside.
    pub folder: PathBuf,
    /// The root.
    pub root: RootSpec,
    /// Set for every command of the steps.
    pub variables: Vec<(String, String)>,
    /// What a reader should know of this way.
    pub notes: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Attempt {
    /// What the root sees of this machine: the attempt's own folder, nothing else.
    #[must_use]
    pub fn binds(&self) -> Vec<Bind> {
        let to = variables::FOLDER.to_owned();
        vec![Bind { from: self.folder.clone(), to, access: Access::ReadWrite }]
    }
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Step {
    /// The commit's files are put into `source`.
    Export,
    /// A command runs in the root.
    Run {
        /// Without the attempt's variables.
        command: Command,
        /// Whether it is given what [`Step::ReadFlags`] found.
        flags: Flags,
    },
    /// The distribution's compiler flags are asked for (dpkg-buildflags(1)).
    ReadFlags {
        /// Prints `NAME=value` lines.
        command: Command,
    },
    /// The listed files are taken from `source` to `stage`.
    Stage {
        /// The package.
        package: String,
        /// A `debian/control` for dpkg-shlibdeps, which starts nowhere without one.
        control: String,
        /// What is taken.
        files: Vec<PlannedFile>,
        /// What programs among them may be.
        programs: Programs,
    },
    /// Each program loses what it does not need to run.
    Strip {
        /// The program's path is added at its end; run once for each.
        command: Command,
    },
    /// The libraries that the programs need become dependencies (dpkg-shlibdeps(1)).
    FindLibraries {
        /// The programs' paths are added at its end; run once, if there is any.
        command: Command,
    },
    /// The package is written.
    Pack(Box<Packing>),
    /// The packages that dpkg-buildpackage made are taken.
    Collect {
        /// The project's folder, from the attempt's; its parent has the packages.
        project: String,
    },
}

/// Whether a command gets the distribution's compiler flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// `CFLAGS` and the like are set.
    Given,
    /// They are not.
    Left,
}

/// Which machine code a package may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// For this processor.
    For(Architecture),
    /// None: the package is for all.
    Refused,
}

/// A file of a staged package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// From the repository's root; a link's target.
    pub from: String,
    /// In the package, without the slash at its start.
    pub to: String,
    /// `None`: by whether it can be executed.
    pub mode: Option<u32>,
    /// What it is.
    pub kind: StagedKind,
    /// What is done to its content.
    pub form: Form,
}

/// What is done to a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Plain,
    /// It is compressed, as Debian Policy 12.1 wants it of manual pages.
    Gzip,
}

/// A staged package, except for what only the build can tell.
#[derive(Clone, Debug)]
pub struct Packing {
    /// The control fields, without `Depends`.
    pub control: Paragraph,
    /// `Depends`, without the libraries.
    pub depends: Vec<String>,
    /// Files that are made here, all with mode 0644: path without the slash at its start, content.
    pub generated: BTreeMap<String, Vec<u8>>,
    /// Paths named as configuration, without the slash at their start.
    pub conffiles: BTreeSet<String>,
    /// Maintainer scripts.
    pub scripts: BTreeMap<ControlFile, Vec<u8>>,
    /// Whether a listed mode asks for set-user-id or set-group-id.
    pub set_id: SetId,
    /// The date of everything, in seconds since 1970.
    pub mtime: u64,
}

/// Decides every step.
///
/// # Errors
/// `build::no-version`, `build::unknown-architecture`, `build::no-strategy`, `build::bad-package`,
/// `build::bad-packaging`, `build::bad-path`, `build::no-copyright`, `build::unknown-variable`,
/// `build::reserved-variable`, `build::no-command`.
pub fn plan(facts: &Facts, request: &Request) -> Result<Plan> {
    match (&request.project.builder, &facts.packaging) {
        (Builder::Staged(staged), _) => staged::plan_staged(facts, request, staged),
        (Builder::Debhelper, Some(packaging)) => {
            debhelper::plan_debhelper(facts, request, packaging)
        }
        (Builder::Debhelper, None) => Err(tagboat_core::diagnostic::bug(
            "a debhelper project was observed without its packaging",
        )),
    }
}

/// What both builders' plans have in common.
pub(crate) fn frame(request: &Request, package: &str, version: DebianVersion) -> Plan {
    Plan {
        package: package.to_owned(),
        version,
        commit: request.commit.clone(),
        branch: request.branch.clone(),
        builder_name: request.builder_name.clone(),
        variables: request.project.variables.iter().map(|(name, _)| name.clone()).collect(),
        jobs: Vec::new(),
        parallel: request.parallel,
        out: request.out.clone(),
        work: request.work.clone(),
        leftovers: request.leftovers,
        notes: Vec::new(),
    }
}

/// A job with its attempts; `make` fills in what the builder does.
pub(crate) fn job(
    facts: &Facts,
    request: &Request,
    plan: &Plan,
    label: &str,
    target: Architecture,
    build_depends: &str,
    make: impl Fn(&mut Attempt) -> Result<()>,
) -> Result<Job> {
    let candidates = strategy::choose(&facts.machine, target, request.strategy).map_err(|why| {
        let message = format!("there is no way to build for {target} here");
        let help = "`--strategy auto` takes the fastest that works";
        Box::new(refusal::refuse("build::no-strategy", message).fact("why", why).help(help))
    })?;
    let attempt = |Candidate { strategy, reason }| {
        let machine = match strategy {
            Strategy::Native | Strategy::Cross => facts.machine.architecture,
            Strategy::Emulated => target,
        };
        let mut attempt = Attempt {
            strategy,
            reason,
            target,
            folder: request.work.join(format!("{label}-{strategy}")),
            root: root(request, strategy, machine, target, build_depends),
            variables: step_variables(request, plan, machine, target)?,
            notes: Vec::new(),
            steps: Vec::new(),
        };
        make(&mut attempt)?;
        Ok(attempt)
    };
    let log = format!("{}_{}_{label}.log", plan.package, plan.version.without_epoch());
    Ok(Job {
        label: label.to_owned(),
        log: request.logs.join(log),
        attempts: candidates.into_iter().map(attempt).collect::<Result<_>>()?,
    })
}

fn root(
    request: &Request,
    strategy: Strategy,
    machine: Architecture,
    target: Architecture,
    control: &str,
) -> RootSpec {
    let mut packages = vec!["build-essential".to_owned()];
    let mut foreign = Vec::new();
    if strategy == Strategy::Cross {
        foreign.push(target);
        packages.push(format!("crossbuild-essential-{target}"));
        // The cross compiler brings copies of these for its own use; dpkg-shlibdeps needs the packages that the
        // target will have.
        packages.push(format!("libc6-dev:{target}"));
        packages.push(format!("libstdc++6:{target}"));
    }
    RootSpec {
        architecture: machine,
        foreign,
        mirrors: request.mirrors.clone(),
        packages,
        build_depends: Some(BuildDepends { control: control.to_owned(), host: target }),
    }
}

fn step_variables(
    request: &Request,
    plan: &Plan,
    machine: Architecture,
    target: Architecture,
) -> Result<Vec<(String, String)>> {
    let version = match &request.version {
        Some(version) => version.bare(),
        None => plan.version.upstream().to_owned(),
    };
    let subject = variables::Subject {
        version: &version,
        commit: &request.commit,
        package: &plan.package,
        target,
        machine,
    };
    let mut all = variables::computed(&subject);
    for (name, value) in &request.project.variables {
        if all.iter().any(|(known, _)| known == name) {
            let message = format!("the build variable {name} cannot be set: Tagboat computes it");
            let help = "choose another name in `variables.build_time`";
            return Err(Box::new(refusal::refuse("build::reserved-variable", message).help(help)));
        }
        all.push((name.clone(), value.clone()));
    }
    Ok(all)
}

/// A project is built for what it is made for.
pub(crate) fn unknown_architecture(
    target: Architecture,
    made_for: &str,
) -> Box<tagboat_core::diagnostic::Diagnostic> {
    let message = format!("the project is not made for {target}");
    let help = "add it to the package's architectures, or leave it out of the request";
    Box::new(
        refusal::refuse("build::unknown-architecture", message)
            .fact("made for", made_for)
            .help(help),
    )
}

/// `command`, started by a user who owns the sources and nothing else (setpriv(1)).
pub(crate) fn as_builder(command: Command) -> Command {
    let (user, group) = BUILDER.split_once(':').unwrap_or((BUILDER, BUILDER));
    let program = command.program.clone();
    let args = command.args.clone();
    Command { program: "setpriv".to_owned(), args: Vec::new(), ..command }
        .args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()])
        .arg("--")
        .arg(program)
        .args(args)
}

/// Gives the sources the modes that every checkout should have: git knows only whether a file can be executed,
/// and the rest is `tar.umask` (git-config(1)) and our own umask.
pub(crate) fn normal_modes() -> Step {
    let command = Command::new("chmod")
        .args(["--recursive", "u=rwX,go=rX", "--", variables::SOURCE])
        .timeout(STEP_TIMEOUT);
    Step::Run { command, flags: Flags::Left }
}

/// Hands folders over to that user. Links are not followed.
pub(crate) fn hand_over(folders: &[&str]) -> Step {
    let command = Command::new("chown")
        .args(["--recursive", "--no-dereference", BUILDER, "--"])
        .args(folders.iter().copied())
        .timeout(STEP_TIMEOUT);
    Step::Run { command, flags: Flags::Left }
}
