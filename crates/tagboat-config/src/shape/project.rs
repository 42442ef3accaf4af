//! A project of `build-config.yml`. In: its tree. Out: what one package is, how it is made and how it is run.

use jiff::Timestamp;
use tagboat_core::ports::Architecture;
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::ProjectPath;
use tagboat_deb::PackageName;

use crate::decode::Here;
use crate::mistake::{Mistakes, code};
use crate::record::{choice, record};
use crate::value::{
    Argv, Branch, Dependency, Homepage, HostPath, Line, Maintainer, Mode, Port, Priority, RepoPath,
    Seconds, Section, Signer, Synopsis, Times, UrlPath, VariableName, Word,
};

record! {
    /// A project: one folder, one package, one line of versions.
    pub(crate) struct ProjectFields {
        /// Its folder, which is also the prefix of its tags; `.` is the root.
        path: ProjectPath,
        /// Shared files and folders that count as its own when its next version is derived.
        also: Vec<RepoPath> = Vec::new(),
        /// Its Debian package. With the debhelper builder it may be left out: `debian/control` says it.
        package: Option<PackageFields>,
        /// How the package is made.
        builder: Option<BuilderKind>,
        /// Commands that make the files, run in the repository's root (staged builder only).
        build: Option<Vec<Argv>>,
        /// Debian packages that the commands take (staged builder only).
        build_dependencies: Option<Vec<Dependency>>,
        /// What the package holds (staged builder only).
        files: Option<Vec<FileFields>>,
        /// Files of the package that an administrator may change (staged builder only).
        conffiles: Option<Vec<HostPath>>,
        /// Commands that test the project, run in the repository's root; each must succeed.
        test: Vec<Argv> = Vec::new(),
        /// Its systemd unit; `config/<name>.service` where nothing stands.
        unit: Option<RepoPath>,
        /// How it is deployed; without it, it is built and released only.
        target: Option<Target>,
        /// The two ports that it may serve on, for a switch without a gap.
        ports: Option<Ports>,
        /// How its health is asked.
        health: Option<HealthFields>,
        /// What is run on a host around a deployment.
        hooks: Hooks,
        /// Branches whose versions may go to a protected environment; the default branch where nothing
        /// stands.
        release_branches: Option<Vec<Branch>>,
        /// Keys of which one must have signed a version that goes to a protected environment; anybody's
        /// where the list is empty.
        signers: Vec<Signer> = Vec::new(),
        /// When nothing is deployed.
        freeze: Vec<Freeze> = Vec::new(),
        /// Variables that it takes.
        variables: Variables,
    }
    identity: path;
    check: fitting_fields;
}

record! {
    /// A Debian package (SPEC B1).
    pub(crate) struct PackageFields {
        /// Its name (Policy 5.6.1).
        name: PackageName,
        /// What it is built for.
        architecture: Vec<Architecture> = Architecture::ALL.to_vec(),
        /// What it is: a line, and more below.
        description: Option<Synopsis>,
        /// Its section (Policy 2.4).
        section: Option<Section>,
        /// How much a system needs it.
        priority: Priority = Priority::Optional,
        /// Who answers for it.
        maintainer: Option<Maintainer>,
        /// Its web page.
        homepage: Option<Homepage>,
        /// What it takes to run. What its programs link against is found by itself.
        dependencies: Vec<Dependency> = Vec::new(),
        /// What it cannot be installed beside.
        conflicts: Vec<Dependency> = Vec::new(),
        /// What it can stand for.
        provides: Vec<Dependency> = Vec::new(),
    }
    outputs: "version";
    check: sound_package;
}

choice! {
    /// How a package is made (SPEC B3).
    pub(crate) enum BuilderKind {
        /// By the project's own `debian/` or `packaging/debian/`, through dpkg-buildpackage.
        Debhelper = "debhelper",
        /// From a list of files, without debhelper or root.
        Staged = "staged"
    }
}

choice! {
    /// How a project is deployed (SPEC D5).
    pub enum Target {
        /// As a signed package, over ssh, on hosts with systemd.
        Apt = "apt"
    }
    planned: "docker", "swarm";
}

record! {
    /// A file of a package.
    pub(crate) struct FileFields {
        /// The file in the repository; made by `build` or committed.
        from: Option<RepoPath>,
        /// Where it is on a host.
        to: HostPath,
        /// Its permission bits, in quotes; "0755" for a folder and "0644" for a file where nothing stands.
        mode: Option<Mode>,
        /// What it is.
        kind as "type": FileKind = FileKind::File,
        /// Where a symbolic link leads: a path on the host, relative ones from the link's folder.
        target: Option<LinkTarget>,
    }
    identity: to;
    check: fitting_file;
}

choice! {
    /// What a file of a package is.
    pub(crate) enum FileKind {
        /// A file.
        File = "file",
        /// A symbolic link.
        Symlink = "symlink",
        /// An empty folder.
        Directory = "directory"
    }
}

crate::record::text! {
    /// Where a symbolic link leads.
    pub struct LinkTarget;
    expected: "where the link leads, as `../lib/api/api`";
    repeated: Allowed;
    check: |text| {
        if text.is_empty() || text.len() > 1024 || text.contains(char::is_whitespace) {
            Err("where a link leads has no blanks, and 1024 bytes at most")
        } else {
            Ok(())
        }
    };
}

record! {
    /// The two ports that a program may serve on.
    pub struct Ports {
        /// The first slot's.
        blue: Port,
        /// The second slot's.
        green: Port,
    }
    check: two_ports;
}

record! {
    /// How a program's health is asked (SPEC D4).
    pub(crate) struct HealthFields {
        /// The port; the first slot's where nothing stands.
        port: Option<Port>,
        /// The path.
        path: UrlPath = UrlPath::api_health(),
        /// Checks of its health document that must be up.
        critical: Vec<Word> = vec![Word::of("database")],
        /// Whether it must tell the expected version.
        version: VersionCheck = VersionCheck::Checked,
        /// Seconds from one question to the next.
        interval_seconds: Seconds = Seconds::of(1),
        /// Seconds that an answer may take.
        answer_within_seconds: Seconds = Seconds::of(5),
        /// Seconds until the first good answer must have come.
        start_within_seconds: Seconds = Seconds::of(30),
        /// Good answers in a row that pass.
        passes: Times = Times::of(3),
        /// Bad answers in a row that fail.
        failures: Times = Times::of(3),
    }
}

choice! {
    /// Whether a program must tell the expected version.
    pub enum VersionCheck {
        /// It must.
        Checked = "checked",
        /// It tells none.
        Unchecked = "unchecked"
    }
}

record! {
    /// What is run on a host around a deployment (SPEC E7, D12).
    pub struct Hooks {
        /// Before anything changes.
        before_deploy: Vec<Hook> = Vec::new(),
        /// After the health gate has passed.
        after_deploy: Vec<Hook> = Vec::new(),
        /// Before a roll-back.
        before_rollback: Vec<Hook> = Vec::new(),
    }
}

record! {
    /// A command on a host.
    pub struct Hook {
        /// The program and its arguments; no shell reads them.
        command: Argv,
        /// Seconds after which it is ended, and has failed.
        deadline_seconds: Seconds = Seconds::of(300),
        /// Whether it changes stored data, so that a backup is made first.
        migrates: bool = false,
    }
}

record! {
    /// A time in which nothing is deployed.
    pub struct Freeze {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
        /// Why, for who is refused.
        reason: Option<crate::value::Line>,
        /// Where; everywhere where the list is empty.
        environments: Vec<EnvironmentName> = Vec::new(),
    }
    check: ends_after_it_begins;
}

record! {
    /// Variables that a project takes (SPEC E5).
    pub struct Variables {
        /// While it is built; `tagboat build` takes them from its own environment. They are shown, so none is a
        /// secret.
        build_time: Vec<Variable> = Vec::new(),
        /// While it runs; an environment has them in `variables` of environment.yml or region.yml, or in its
        /// secrets file.
        run_time: Vec<Variable> = Vec::new(),
    }
    check: no_secret_in_a_build;
}

record! {
    /// A variable.
    pub struct Variable {
        /// Its name.
        name: VariableName,
        /// Whether nothing is built, or deployed, without it.
        required: bool = true,
        /// Whether its value may stand in a file only encrypted.
        secret: bool = false,
        /// What it is for.
        description: Option<Line>,
    }
    identity: name;
}

impl Hooks {
    pub(crate) const fn none() -> Self {
        Self { before_deploy: Vec::new(), after_deploy: Vec::new(), before_rollback: Vec::new() }
    }
}

impl Variables {
    pub(crate) const fn none() -> Self {
        Self { build_time: Vec::new(), run_time: Vec::new() }
    }
}

fn no_secret_in_a_build(variables: &Variables, here: Here<'_>, mistakes: &mut Mistakes) {
    let items = here.get("build_time").into_iter().flat_map(Here::items);
    for (variable, there) in variables.build_time.iter().zip(items) {
        if variable.secret {
            mistakes.mistake(
                code::CONTRADICTION,
                there.value("secret"),
                format!("the build-time variable `{}` is a secret", variable.name),
                "what a build is given is shown in its plan and its log, and may be in its package",
            );
        }
    }
}

fn fitting_fields(project: &ProjectFields, here: Here<'_>, mistakes: &mut Mistakes) {
    if project.builder == Some(BuilderKind::Debhelper) {
        for key in ["build", "build_dependencies", "files", "conffiles"] {
            if here.get(key).is_some() {
                mistakes.mistake(
                    code::CONTRADICTION,
                    here.key(key),
                    format!("`{key}` stands in a project of the debhelper builder"),
                    "this belongs to the staged builder; here `debian/` says it",
                );
            }
        }
    }
    if project.builder == Some(BuilderKind::Staged) {
        fitting_staged(project, here, mistakes);
    }
    if let (Some(_), None) = (project.target, &project.health) {
        mistakes.mistake(
            code::MISSING_KEY,
            here.key("target"),
            "a project that is deployed needs `health`",
            "expected `health` beside it: no deployment is done that nobody can judge",
        );
    }
    if let (Some(health), None) = (&project.health, &project.ports)
        && health.port.is_none()
    {
        mistakes.mistake(
            code::MISSING_KEY,
            here.key("health"),
            "nobody knows at which port health is asked",
            "expected `port` here, or `ports` beside it",
        );
    }
    if project.release_branches.as_ref().is_some_and(Vec::is_empty) {
        mistakes.mistake(
            code::BAD_VALUE,
            here.value("release_branches"),
            "without a release branch nothing can be deployed",
            "expected one branch at least, as `main`",
        );
    }
}

fn fitting_staged(project: &ProjectFields, here: Here<'_>, mistakes: &mut Mistakes) {
    let missing = |mistakes: &mut Mistakes, span, key: &str| {
        mistakes.mistake(
            code::MISSING_KEY,
            span,
            format!("`{key}` is missing"),
            format!("expected `{key}` here: the staged builder has no debian/control to read"),
        );
    };
    match (&project.package, here.get("package")) {
        (Some(package), Some(there)) => {
            if package.description.is_none() {
                missing(mistakes, there.head, "description");
            }
            if package.maintainer.is_none() {
                missing(mistakes, there.head, "maintainer");
            }
        }
        _ => missing(mistakes, here.key("builder"), "package"),
    }
    let Some(files) = &project.files else {
        missing(mistakes, here.key("builder"), "files");
        return;
    };
    let Some(list) = here.get("conffiles") else { return };
    let conffiles = project.conffiles.iter().flatten().zip(list.items());
    for (conffile, there) in conffiles {
        let packed = |file: &FileFields| file.to == *conffile && file.kind == FileKind::File;
        if !files.iter().any(packed) {
            mistakes.mistake(
                code::BAD_VALUE,
                there.span(),
                "a conffile that the package does not hold",
                "expected the `to` of one of `files`",
            );
        }
    }
}

fn sound_package(package: &PackageFields, here: Here<'_>, mistakes: &mut Mistakes) {
    if package.architecture.is_empty() {
        let span = here.value("architecture");
        let message = "a package is built for one architecture at least";
        mistakes.mistake(code::BAD_VALUE, span, message, "expected `amd64` or `arm64`");
    }
    for (key, relations) in [("conflicts", &package.conflicts), ("provides", &package.provides)] {
        let Some(list) = here.get(key) else { continue };
        for (relation, there) in relations.iter().zip(list.items()) {
            if relation.has_alternatives() {
                // Policy 7.1: alternatives are for Depends and its like.
                let message = format!("`{key}` knows no alternatives");
                mistakes.mistake(code::BAD_VALUE, there.span(), message, "expected one package");
            }
        }
    }
}

fn fitting_file(file: &FileFields, here: Here<'_>, mistakes: &mut Mistakes) {
    let (wanted, unwanted): (&[&str], &[&str]) = match file.kind {
        FileKind::File => (&["from"], &["target"]),
        FileKind::Symlink => (&["target"], &["from", "mode"]),
        FileKind::Directory => (&[], &["from", "target"]),
    };
    let word = file.kind.word();
    for key in wanted {
        if here.get(key).is_none() {
            mistakes.mistake(
                code::MISSING_KEY,
                here.head,
                format!("`{key}` is missing"),
                format!("expected `{key}` here: this is a {word}"),
            );
        }
    }
    for key in unwanted {
        if here.get(key).is_some() {
            mistakes.mistake(
                code::CONTRADICTION,
                here.key(key),
                format!("a {word} has no `{key}`"),
                "this belongs to another `type`",
            );
        }
    }
}

fn two_ports(ports: &Ports, here: Here<'_>, mistakes: &mut Mistakes) {
    if ports.blue == ports.green {
        mistakes.mistake(
            code::CONTRADICTION,
            here.value("green"),
            "both slots have one port",
            "expected another port than `blue`: both run at once during a switch",
        );
    }
}

fn ends_after_it_begins(freeze: &Freeze, here: Here<'_>, mistakes: &mut Mistakes) {
    if freeze.until <= freeze.from {
        mistakes.mistake(
            code::CONTRADICTION,
            here.value("until"),
            "this freeze ends before it begins",
            "expected an instant after `from`",
        );
    }
}
