//! What a validation will do. In: facts and a request. Out: every command in every clean root, and what each
//! answer is judged by. Pure.

mod print;

use std::collections::BTreeSet;
use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::diagnostic::Result;
use tagboat_core::finding::Finding;
use tagboat_core::ports::{Architecture, Mirror, RootSpec};

use crate::check::{Question, install, lintian, permissions, removal, service, test_commands};
use crate::observe::{Facts, PackageFacts, Runs};
use crate::record::{CheckName, Ground, How, Outcome};
use crate::refusal;
use crate::request::{Archive, Enabled, Request, TestEnvironment};

/// Where packages lie in a root.
pub(crate) const PACKAGES_FOLDER: &str = "/srv/packages";

/// How much longer an emulated program may take. Measured: 10 to 21 times.
const EMULATION: u32 = 20;

/// Debian's smallest system that boots and talks.
const BOOTED: [&str; 2] = ["dbus", "systemd-sysv"];

/// What users' test commands ask services with, and what units of users need.
const FOR_TEST_COMMANDS: [&str; 4] =
    ["ca-certificates", "curl", "dbus-user-session", "libpam-systemd"];

/// A validation, planned. [`crate::apply()`] does exactly this.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it relies on.
    pub packages: Vec<PackageFacts>,
    /// What is found in the archives themselves: a finding and the index of its package.
    pub permissions: Vec<(usize, Finding)>,
    /// The clean roots, in order.
    pub trials: Vec<Trial>,
    /// What is known without trying.
    pub foreseen: Vec<Foreseen>,
}

/// What happens in one clean root.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What is done there: `lintian`, `installation`, `test commands`.
    pub name: &'static str,
    /// Where the packages run; `None` where they do not run.
    pub ground: Option<Ground>,
    /// What must be in the root.
    pub spec: RootSpec,
    /// Indices of the packages that are brought there; the first is `package.deb`.
    pub packages: Vec<usize>,
    /// The commands, in order.
    pub steps: Vec<Step>,
    /// How long it may take to boot.
    pub boot_patience: Duration,
}

/// A check that ends without a root.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Which.
    pub check: CheckName,
    /// Where it would have run.
    pub ground: Option<Ground>,
    /// Indices of the packages.
    pub packages: Vec<usize>,
    /// How it ends.
    pub outcome: Outcome,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// One command and what its answer is judged by.
#[derive(Clone, Debug)]
pub struct Step {
    /// The check that it is part of.
    pub check: CheckName,
    /// What it does: `install the packages`.
    pub what: String,
    /// Where it runs.
    pub place: Place,
    /// The command.
    pub command: Command,
    /// What it is asked.
    pub question: Question,
    /// What a failure means for the steps behind it.
    pub on_failure: OnFailure,
    /// What is run where it fails, to tell why.
    pub diagnosis: Option<Command>,
}

/// Where a command runs in a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Alone, with this machine's network: to fetch packages.
    Network,
    /// Alone, with loopback only.
    Loopback,
    /// Beside the services of the booted root, with loopback only.
    Booted,
}

/// What a failure means for the steps behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    GoOn,
    /// The rest of this check is left out.
    EndCheck,
    /// Nothing else can be tried in this root.
    EndTrial,
}

impl Step {
    /// A step whose failure ends its check.
    pub(crate) fn new(
        check: CheckName,
        what: impl Into<String>,
        place: Place,
        command: Command,
        question: Question,
    ) -> Self {
        Self {
            check,
            what: what.into(),
            place,
            command,
            question,
            on_failure: OnFailure::EndCheck,
            diagnosis: None,
        }
    }

    pub(crate) const fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    pub(crate) fn diagnosis(mut self, command: Command) -> Self {
        self.diagnosis = Some(command);
        self
    }
}

impl Trial {
    /// What it is, for a reader: `installation on debian:12 amd64, native`.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.ground {
            None => self.name.to_owned(),
            Some(ground) => format!("{} on {}", self.name, title(ground)),
        }
    }

    /// The checks that have a step here, in order.
    #[must_use]
    pub fn checks(&self) -> BTreeSet<CheckName> {
        self.steps.iter().map(|step| step.check).collect()
    }
}

fn title(ground: &Ground) -> String {
    let Ground { environment, architecture, how } = ground;
    format!("{environment} {architecture}, {}", how.as_str())
}

/// What the parts of a trial are planned from.
pub(crate) struct Site<'a> {
    pub(crate) request: &'a Request,
    /// Those that are tried together.
    pub(crate) packages: Vec<&'a PackageFacts>,
    pub(crate) how: How,
    /// Where they are installed and run.
    pub(crate) place: Place,
}

impl Site<'_> {
    /// `duration`, or what it may become under emulation.
    pub(crate) fn patience(&self, duration: Duration) -> Duration {
        patience(self.how, duration)
    }

    /// The names of the packages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|package| package.under_test.name.as_str())
    }
}

fn patience(how: How, duration: Duration) -> Duration {
    match how {
        How::Native => duration,
        How::Emulated => duration.saturating_mul(EMULATION),
    }
}

/// Where a package lies in a root.
pub(crate) fn path_in_root(package: &PackageFacts) -> String {
    format!("{PACKAGES_FOLDER}/{}", package.file_name)
}

/// Plans a validation.
///
/// # Errors
/// `validate::bad-request`.
pub fn plan(facts: &Facts, request: &Request) -> Result<Plan> {
    check_request(request)?;
    let permissions = permissions::judge_all(&facts.packages, &request.lintian.suppress_tags);
    let mut plan =
        Plan { packages: facts.packages.clone(), permissions, trials: vec![], foreseen: vec![] };
    let everything: Vec<usize> = (0..facts.packages.len()).collect();
    match request.lintian.enabled {
        Enabled::Yes => plan.trials.push(lintian_trial(facts, request)),
        Enabled::No => {
            plan.skip(CheckName::Lintian, None, &everything, "lintian.enabled is false");
        }
    }
    let installation = &request.installation;
    if installation.enabled == Enabled::No {
        for check in [CheckName::Install, CheckName::Service, CheckName::Removal] {
            plan.skip(check, None, &everything, "installation_test.enabled is false");
        }
        return Ok(plan);
    }
    for environment in &installation.environments {
        for architecture in architectures(facts, request) {
            plan.add_environment(facts, request, environment, architecture);
        }
    }
    if plan.trials.iter().all(|trial| trial.ground.is_none()) {
        let message = "the packages were installed nowhere: no test environment can be reached";
        let finding = install::finding("no-environment", message)
            .help("name one in quality-gates.yml whose archive can be reached: `debian:12`");
        plan.foreseen.push(Foreseen {
            check: CheckName::Install,
            ground: None,
            packages: everything,
            outcome: Outcome::Failed,
            findings: vec![finding],
        });
    }
    Ok(plan)
}

/// The path of a health question goes into an HTTP request line, and the unit's name into arguments.
fn check_request(request: &Request) -> Result<()> {
    let Some(service) = &request.service else { return Ok(()) };
    let stem = service.unit.strip_suffix(".service").unwrap_or_default();
    // systemd.unit(5): the characters of a unit's name; no option starts so.
    let plain = |c: char| c.is_ascii_alphanumeric() || ":_.@\\-".contains(c);
    if stem.is_empty() || stem.starts_with('-') || !stem.chars().all(plain) {
        let unit = &service.unit;
        return Err(refusal::bad_request(format!("{unit:?} is no name of a service's unit")));
    }
    let Some(health) = &service.health else { return Ok(()) };
    if !health.path.starts_with('/') || !health.path.chars().all(|c| c.is_ascii_graphic()) {
        let path = &health.path;
        return Err(refusal::bad_request(format!("{path:?} is no path of a health question")));
    }
    Ok(())
}

/// The architectures that are tried: those of the packages; this machine's where all are for all.
fn architectures(facts: &Facts, request: &Request) -> Vec<Architecture> {
    let own = |package: &PackageFacts| {
        Architecture::from_debian(package.under_test.architecture.as_str())
    };
    let named: BTreeSet<Architecture> = facts.packages.iter().filter_map(own).collect();
    if named.is_empty() { vec![request.machine] } else { named.into_iter().collect() }
}

fn lintian_trial(facts: &Facts, request: &Request) -> Trial {
    let packages: Vec<&PackageFacts> = facts.packages.iter().collect();
    Trial {
        name: "lintian",
        ground: None,
        spec: spec(request.machine, &request.mirrors, vec!["lintian".to_owned()]),
        packages: (0..facts.packages.len()).collect(),
        steps: vec![lintian::step(&packages, &request.lintian)],
        boot_patience: Duration::ZERO,
    }
}

fn spec(architecture: Architecture, mirrors: &[Mirror], packages: Vec<String>) -> RootSpec {
    RootSpec {
        architecture,
        foreign: Vec::new(),
        mirrors: mirrors.to_vec(),
        packages,
        build_depends: None,
    }
}

/// How long a bare system may take to boot here.
const BOOT_PATIENCE: Duration = Duration::from_secs(60);

impl Plan {
    fn skip(&mut self, check: CheckName, ground: Option<&Ground>, packages: &[usize], why: &str) {
        self.foreseen.push(Foreseen {
            check,
            ground: ground.cloned(),
            packages: packages.to_vec(),
            outcome: Outcome::Skipped { reason: why.to_owned() },
            findings: Vec::new(),
        });
    }

    fn add_environment(
        &mut self,
        facts: &Facts,
        request: &Request,
        environment: &TestEnvironment,
        architecture: Architecture,
    ) {
        let how = if architecture == request.machine { How::Native } else { How::Emulated };
        let ground = Ground {
            environment: environment.name.clone(),
            architecture: architecture.debian().to_owned(),
            how,
        };
        let fits = |index: &usize| {
            let word = facts.packages[*index].under_test.architecture.as_str();
            word == "all" || word == architecture.debian()
        };
        let indices: Vec<usize> = (0..facts.packages.len()).filter(fits).collect();
        let mirrors = match &environment.archive {
            Archive::Mirrors(mirrors) => mirrors,
            Archive::Unreachable(why) => {
                self.skip(CheckName::Install, Some(&ground), &indices, why);
                return;
            }
        };
        let packages: Vec<&PackageFacts> =
            indices.iter().map(|index| &facts.packages[*index]).collect();
        let has_units = packages.iter().any(|package| !package.units.is_empty());
        let boots = has_units || request.service.is_some();
        let place = if boots { Place::Booted } else { Place::Loopback };
        let site = Site { request, packages, how, place };

        let units = service_units(&site);
        let mut steps = install::steps(&site);
        if units.is_empty() {
            let why = "the packages bring no service that always runs";
            self.skip(CheckName::Service, Some(&ground), &indices, why);
        }
        for unit in &units {
            steps.extend(service::steps(&site, unit));
        }
        steps.extend(removal::steps(&site, &units));
        let trial = |name, spec, steps| Trial {
            name,
            ground: Some(ground.clone()),
            spec,
            packages: indices.clone(),
            steps,
            boot_patience: patience(how, BOOT_PATIENCE),
        };
        let bootable: Vec<String> = BOOTED.map(str::to_owned).to_vec();
        let bare = if boots { bootable.clone() } else { Vec::new() };
        self.trials.push(trial("installation", spec(architecture, mirrors, bare), steps));

        if request.installation.test_commands.is_empty() {
            return;
        }
        // A root of their own: what they are run with must not stand in for a missing dependency.
        let site = Site { place: Place::Booted, ..site };
        let mut tools = bootable;
        tools.extend(FOR_TEST_COMMANDS.map(str::to_owned));
        let steps = test_commands::steps(&site);
        self.trials.push(trial("test commands", spec(architecture, mirrors, tools), steps));
    }
}

/// The units that are started: the one of the request, and every other that always runs.
fn service_units(site: &Site<'_>) -> Vec<String> {
    let named = site.request.service.iter().map(|service| service.unit.clone());
    let own = site.packages.iter().flat_map(|package| &package.units);
    let own = own.filter(|unit| unit.runs == Runs::Always).map(|unit| unit.name.clone());
    let mut units: Vec<String> = Vec::new();
    for unit in named.chain(own) {
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}
