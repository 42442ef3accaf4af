//! `build-config.yml`. In: its tree. Out: what is built and how it is released.

use tagboat_core::ports::{Architecture, Mirror};

use super::project::{PackageFields, ProjectFields};
use crate::decode::Here;
use crate::mistake::{Mistakes, code};
use crate::record::{choice, record};
use crate::value::{
    Branch, CommandLine, Count, Days, Email, Fingerprint, Homepage, Keep, Line, MirrorUri, Remote,
    RepoPath, Signer, TagPattern, ToolVersion, VariableName, Webhook, Word,
};

record! {
    /// What tagboat builds, from where, and how it is released and deployed.
    pub(crate) struct BuildConfig {
        /// The projects of the repository. A repository with a single one at its root may write `package`
        /// instead.
        projects: Option<Vec<ProjectFields>>,
        /// The one package of the repository, built from `debian/` or `packaging/debian/` at its root.
        package: Option<PackageFields>,
        /// Where packages come from.
        mirrors: Mirrors,
        /// The branch that releases come from, and whose `environments/` count.
        default_branch: Branch = Branch::of("main"),
        /// The git remote that holds the tags.
        remote: Remote = Remote::of("origin"),
        /// The signed APT repository.
        publish: PublishFields,
        /// How packages of another architecture are built.
        strategy: Strategy = Strategy::Auto,
        /// Whether both architectures are built at once on one machine.
        parallel_builds: Option<bool>,
        /// What is kept of what was built.
        artifacts: Artifacts,
        /// When and how a version is released.
        release: Release,
        /// Signing keys.
        gpg: Gpg,
        /// Keys that may sign ledgers, beside `gpg.signing.key_id`: whole OpenPGP fingerprints or ssh public keys.
        ledger_signers: Vec<Signer> = Vec::new(),
        /// Builds on a developer's machine.
        local_build: LocalBuild,
        /// What runs before a commit and in a simulated pipeline.
        tdd_integration: TddIntegration,
    }
    outputs: "build_info";
    elsewhere: crate::shape::SECTIONS;
    check: one_shape;
}

choice! {
    /// How packages of another architecture are built (SPEC B4).
    pub enum Strategy {
        /// The fastest that works; it says which.
        Auto = "auto",
        /// On a machine of that architecture.
        Native = "native",
        /// By a cross compiler.
        Cross = "cross",
        /// By QEMU in user mode: 10 to 21 times slower.
        Emulated = "emulated"
    }
}

record! {
    /// Where packages come from (SPEC E7).
    pub struct Mirrors {
        /// Debian's packages: the URI of sources.list(5) without suite and components.
        debian: MirrorUri = MirrorUri::debian(),
        /// Ubuntu's packages. Without it nothing is tried on Ubuntu.
        ubuntu: Option<MirrorUri>,
    }
}

impl Mirrors {
    /// Debian's mirror for a suite, as `bookworm`.
    #[must_use]
    pub fn debian_suite(&self, suite: &str, components: &[&str]) -> Mirror {
        mirror(&self.debian, suite, components)
    }

    /// Ubuntu's mirror for a suite, as `jammy`, if one is configured.
    #[must_use]
    pub fn ubuntu_suite(&self, suite: &str, components: &[&str]) -> Option<Mirror> {
        self.ubuntu.as_ref().map(|uri| mirror(uri, suite, components))
    }
}

fn mirror(uri: &MirrorUri, suite: &str, components: &[&str]) -> Mirror {
    Mirror {
        uri: uri.as_str().to_owned(),
        suite: suite.to_owned(),
        components: components.iter().map(|&component| component.to_owned()).collect(),
    }
}

record! {
    /// The signed APT repository that `publish` writes (SPEC G2).
    pub(crate) struct PublishFields {
        /// The folder it is written to.
        folder: RepoPath = RepoPath::sound("dist/apt"),
        /// `Origin` of its Release file; the first package's name where nothing stands.
        origin: Option<Line>,
        /// `Label` of its Release file; the origin where nothing stands.
        label: Option<Line>,
        /// Its suite, under `dists/`.
        suite: Word = Word::of("stable"),
        /// Its components; packages go to the first.
        components: Vec<Word> = vec![Word::of("main")],
        /// The fingerprint of the key that signs it; `gpg.signing.key_id` where nothing stands.
        key: Option<Fingerprint>,
    }
    check: some_component;
}

record! {
    /// What is kept of what was built (SPEC B2).
    pub struct Artifacts {
        /// How long.
        retention: Retention,
    }
    outputs: "packages";
}

record! {
    /// How long packages and images are kept.
    pub struct Retention {
        /// Builds of branches, in days.
        branch_builds: Keep = Keep::Days(Days::of(90)),
        /// Builds of releases.
        release_builds: Keep = Keep::Permanent,
        /// Most builds kept of one branch.
        max_artifacts_per_branch: Count = Count::of(50),
    }
}

record! {
    /// When and how a version is released (SPEC L1).
    pub struct Release {
        /// What starts a release.
        trigger: Trigger,
        /// What is done without asking.
        automation: Automation,
        /// Who must agree.
        approval: Approval,
        /// Who is told.
        notifications: Notifications,
        /// Whether a release stays a draft until a person publishes it.
        draft: bool = false,
    }
    outputs: "tag", "name", "prerelease", "changelog", "assets";
}

record! {
    /// What starts a release.
    pub struct Trigger {
        /// What kind of event.
        kind as "type": TriggerKind = TriggerKind::Tag,
        /// Which tags, after the project's path.
        pattern: TagPattern = TagPattern::of("v*.*.*"),
        /// Whether the tag must be a version of semver.org.
        require_semver: bool = true,
    }
}

choice! {
    /// What kind of event starts a release.
    pub enum TriggerKind {
        /// A version tag.
        Tag = "tag"
    }
}

record! {
    /// What a release does without asking.
    pub struct Automation {
        /// Makes a release on GitHub.
        create_github_release: bool = true,
        /// Writes the changelog from the commits.
        generate_changelog: bool = true,
        /// Attaches the packages.
        attach_packages: bool = true,
        /// Signs the packages.
        sign_packages: bool = true,
    }
}

record! {
    /// Who must agree to a release.
    pub struct Approval {
        /// Whether somebody must.
        required: bool = false,
        /// Who may: accounts of the forge.
        reviewers: Vec<Word> = Vec::new(),
    }
}

record! {
    /// Who is told of a release.
    pub struct Notifications {
        /// The variable that holds the URL of a Slack webhook; empty for none. The URL itself is a secret.
        slack_webhook: Webhook = Webhook::None,
        /// Mail addresses.
        email_list: Vec<Email> = Vec::new(),
    }
    check: no_plain_webhook;
}

record! {
    /// Signing keys (SPEC G1).
    pub struct Gpg {
        /// How packages are signed.
        signing: Signing,
        /// How users verify.
        verification: Verification,
        /// How keys are looked after.
        key_management: KeyManagement,
    }
}

record! {
    /// How packages are signed.
    pub struct Signing {
        /// Whether they are.
        enabled: bool = true,
        /// The whole fingerprint of the key. Short ids are refused: anybody can make a key that has one.
        key_id: Option<Fingerprint>,
        /// The variable that holds the passphrase.
        passphrase_secret: VariableName = VariableName::of("GPG_PASSPHRASE"),
    }
}

record! {
    /// How users verify.
    pub struct Verification {
        /// Where the public key is.
        public_key_url: Option<Homepage>,
        /// A key server that has it.
        keyserver: Word = Word::of("keyserver.ubuntu.com"),
    }
}

record! {
    /// How keys are looked after.
    pub struct KeyManagement {
        /// The age at which a key is to be replaced.
        rotation_days: Days = Days::of(365),
        /// Whether a backup of the key must exist.
        backup_required: bool = true,
        /// Whether an ageing key is told.
        monitoring: bool = true,
    }
}

record! {
    /// Builds on a developer's machine (SPEC W2).
    pub struct LocalBuild {
        /// The script that starts one.
        script_path: RepoPath = RepoPath::sound("scripts/build-local.sh"),
        /// What can be built there.
        supported_architectures: Vec<Architecture> = Architecture::ALL.to_vec(),
        /// The least versions of the tools it takes.
        requirements: Requirements,
        /// How it is done.
        configuration: LocalConfiguration,
    }
}

record! {
    /// The least versions of tools.
    pub struct Requirements {
        /// To run what was built for another architecture.
        qemu: ToolVersion = ToolVersion::of(">=6.0"),
        /// For clean systems to try a package on.
        docker: ToolVersion = ToolVersion::of(">=20.0"),
        /// To judge packages.
        lintian: ToolVersion = ToolVersion::of(">=2.100"),
    }
}

record! {
    /// How a local build is done.
    pub struct LocalConfiguration {
        /// Whether both architectures are built at once.
        parallel_builds: bool = false,
        /// Whether what is left over is removed.
        cleanup_after_build: bool = true,
        /// Whether every line is shown.
        verbose_output: bool = true,
    }
}

record! {
    /// What runs before a commit and in a simulated pipeline (SPEC W2).
    pub struct TddIntegration {
        /// Commands that must succeed before a commit.
        pre_commit_hooks: Vec<CommandLine> = Vec::new(),
        /// The pipeline on a developer's machine.
        ci_simulation: CiSimulation,
        /// What is measured.
        performance_benchmarks: PerformanceBenchmarks,
    }
}

record! {
    /// The pipeline on a developer's machine.
    pub struct CiSimulation {
        /// The script that starts it.
        script: RepoPath = RepoPath::sound("scripts/test-ci-local.sh"),
        /// Whether packages are built too.
        includes_package_build: bool = true,
    }
}

record! {
    /// What is measured of a build.
    pub struct PerformanceBenchmarks {
        /// How long it took.
        include_build_time: bool = true,
        /// How large the package is.
        track_package_size: bool = true,
        /// Whether the cross-built package is equivalent.
        validate_cross_compile: bool = true,
    }
}

/// One of `projects` and `package` says what there is to build.
fn one_shape(config: &BuildConfig, here: Here<'_>, mistakes: &mut Mistakes) {
    match (&config.projects, &config.package) {
        (Some(_), Some(_)) => mistakes.mistake(
            code::CONTRADICTION,
            here.key("package"),
            "`package` stands beside `projects`",
            "a package belongs to its project in the list",
        ),
        (None, None) => mistakes.mistake_with_help(
            code::MISSING_KEY,
            here.head,
            "`projects` is missing",
            "expected `projects` here, or `package` for a repository with a single one",
            "`tagboat init` writes a first configuration",
        ),
        (Some(projects), None) if projects.is_empty() => mistakes.mistake(
            code::BAD_VALUE,
            here.value("projects"),
            "the list of projects is empty",
            "expected one project at least",
        ),
        _ => {}
    }
    let local = here.get("local_build").and_then(|there| there.get("configuration"));
    let local = local.and_then(|there| there.get("parallel_builds"));
    if let (Some(wanted), Some(there)) = (config.parallel_builds, local)
        && wanted != config.local_build.configuration.parallel_builds
    {
        mistakes.mistake(
            code::CONTRADICTION,
            there.span(),
            "`parallel_builds` says one thing here and another at the top",
            "expected one of the two",
        );
    }
}

fn some_component(publish: &PublishFields, here: Here<'_>, mistakes: &mut Mistakes) {
    if publish.components.is_empty() {
        let span = here.value("components");
        let message = "a repository has one component at least";
        mistakes.mistake(code::BAD_VALUE, span, message, "expected a word, as `main`");
    }
}

fn no_plain_webhook(told: &Notifications, here: Here<'_>, mistakes: &mut Mistakes) {
    if let Webhook::Plain(_) = told.slack_webhook {
        mistakes.warning(
            code::PLAIN_WEBHOOK,
            here.key("slack_webhook"),
            "whoever reads this file can post to your channel",
            "expected the name of the variable that holds the URL",
        );
    }
}
