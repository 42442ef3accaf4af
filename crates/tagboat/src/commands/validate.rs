//! `tagboat validate`: built packages judged. In: dist/, the quality gates. Out: a verdict a package, with what to do.

use std::path::Path;
use std::time::Duration;

use tagboat_config::shape::gates::{PolicyLevel as Level, RequiredPass as Pass};
use tagboat_config::{Config, VersionCheck};
use tagboat_core::diagnostic::{Exit, Result, bug};
use tagboat_core::finding::{Finding, RequiredPass, Severity, Verdict};
use tagboat_core::health::{Expectation, ExpectedVersion};
use tagboat_core::listing::{About, Source};
use tagboat_core::ports::{Architecture, Scope};
use tagboat_report::log_line::LogMetrics;
use tagboat_validate::record::{CheckName, Outcome, PackageRecord, Record};
use tagboat_validate::request::{
    Archive, Enabled, HealthRequest, InstallationRequest, LintianRequest, PackageUnderTest,
    PolicyLevel, ServiceLimits, ServiceRequest, TestEnvironment,
};
use tagboat_validate::sarif::sarif;
use tagboat_validate::{Ports, Request};

use super::reading::State;
use super::target::{Target, mirrors, origin_json, targets, tell_origin};
use crate::cli::build::ValidateArgs;
use crate::context::Context;
use crate::terminal::Table;

/// Judges.
pub(crate) fn run(arguments: &ValidateArgs, context: &Context<'_>) -> Result<Exit> {
    let scope = context.scope("validate");
    let config = context.config()?;
    let state = State::read(context, &scope, Source::Clone, About::Everything)?;
    let targets = targets(context, &scope, config, &state, arguments.what.as_deref())?;
    let origin = origin_json(&targets);
    // A plan is made without roots; then this fails only where one is carried out.
    let roots = if arguments.dry_run { None } else { Some(context.roots()?) };
    let mut records = Vec::new();
    let mut plans = Vec::new();
    for target in &targets {
        let wanted = super::build::architectures(target.project, arguments.arch)?;
        let request = request(context, &scope, config, target, &wanted)?;
        let scope = scope.span(format!("validate {}", target.project.name));
        context.terminal.log_about(super::build::about(context, target));
        let facts = tagboat_validate::observe(&request)?;
        let plan = tagboat_validate::plan(&facts, &request)?;
        tell_origin(context, std::slice::from_ref(target));
        let Some(roots) = &roots else {
            context.terminal.say(plan.to_string().trim_end());
            plans.push(plan.to_string());
            continue;
        };
        let ports = Ports { roots, clock: context.clock() };
        let record = tagboat_validate::apply(&scope, &plan, &ports)?;
        log(context, &record);
        records.push(record);
    }
    if arguments.dry_run {
        let document = serde_json::json!({ "plans": plans, "targets": origin, "offline": true });
        context.terminal.json(&document);
        return Ok(Exit::Done);
    }
    let document =
        serde_json::json!({ "validations": records, "targets": origin, "offline": true });
    for record in &records {
        context.terminal.say(&human(record));
    }
    let failed = records.iter().any(|record| record.validation_status == Verdict::Failed);
    match arguments.sarif.as_deref().map(|file| write_sarif(file, &records)) {
        // A verdict that stops the line is told, whatever else failed.
        Some(Err(lost)) if failed => context.terminal.warn(&lost.message),
        Some(Err(lost)) => return Err(lost),
        Some(Ok(())) | None => {}
    }
    context.terminal.json(&document);
    Ok(if failed { Exit::Judged } else { Exit::Done })
}

/// Every finding in one file, in the form that code scanning reads (SARIF 2.1.0), whole or not at all.
fn write_sarif(file: &Path, records: &[Record]) -> Result<()> {
    let packages: Vec<PackageRecord> =
        records.iter().flat_map(|record| record.packages.iter().cloned()).collect();
    let all = Record { packages, validation_status: Verdict::Passed };
    let still = "every package passed; nothing was changed";
    crate::files::write_sarif(file, &sarif(&all), "validate::not-written", still)
}

/// What lintian counted, for those who read logs.
fn log(context: &Context<'_>, record: &Record) {
    for package in &record.packages {
        for check in package.checks.iter().filter(|check| check.name == CheckName::Lintian) {
            let count = |severity| {
                let found = check.findings.iter().filter(|finding| finding.severity == severity);
                u64::try_from(found.count()).ok()
            };
            context.terminal.log_measured(
                &format!("lintian {} {}", package.name, package.version),
                Architecture::from_debian(&package.architecture),
                Duration::from_secs_f64(check.seconds.max(0.0)),
                LogMetrics {
                    package_size_bytes: None,
                    lintian_warnings: count(Severity::Warning),
                    lintian_errors: count(Severity::Error),
                },
            );
        }
    }
}

fn human(record: &Record) -> String {
    let mut table = Table::new(["PACKAGE", "CHECK", "WHERE", "VERDICT", "SECONDS"]);
    let mut findings = Vec::new();
    for package in &record.packages {
        let name = format!("{} {} {}", package.name, package.version, package.architecture);
        for check in &package.checks {
            let verdict = match &check.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed => "FAILED".to_owned(),
                Outcome::Skipped { reason } => format!("skipped: {reason}"),
            };
            let ground = check.ground.as_ref().map_or_else(
                || "-".to_owned(),
                |ground| {
                    format!(
                        "{} {} {}",
                        ground.environment,
                        ground.architecture,
                        ground.how.as_str()
                    )
                },
            );
            let seconds = format!("{:.1}", check.seconds);
            table.row([name.clone(), check.name.as_str().to_owned(), ground, verdict, seconds]);
            if check.outcome == Outcome::Failed {
                // What broke the gate; remarks are in the JSON form.
                let serious = check.findings.iter().filter(|f| f.severity <= Severity::Warning);
                for finding in serious {
                    let severity = finding.severity.as_str();
                    findings.push(format!("{name}: {severity}: {}", told(finding)));
                    findings.extend(finding.help.iter().map(|help| format!("  help: {help}")));
                }
            }
        }
    }
    findings.dedup();
    let findings: Vec<String> =
        findings.iter().map(|line| crate::terminal::printable(line)).collect();
    if findings.is_empty() {
        table.text()
    } else {
        format!("{}\n\n{}", table.text(), findings.join("\n"))
    }
}

/// A finding in one line; lintian's own are called by their tag alone.
fn told(finding: &Finding) -> String {
    if finding.rule.ends_with(&finding.message) {
        finding.rule.clone()
    } else {
        format!("{}: {}", finding.rule, finding.message)
    }
}

fn request(
    context: &Context<'_>,
    scope: &Scope<'_>,
    config: &Config,
    target: &Target<'_>,
    wanted: &[Architecture],
) -> Result<Request> {
    let files = super::publish::built(context, scope, config, target, wanted)?;
    let packages = files
        .into_iter()
        .map(|file| {
            let stem =
                file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let parts: Vec<&str> = stem.split('_').collect();
            let [name, version, architecture] = parts[..] else {
                return Err(bug(format!("{stem} is no package's file name")));
            };
            let architecture = architecture
                .parse()
                .map_err(|_| bug(format!("{stem} has an unknown architecture")))?;
            Ok(PackageUnderTest {
                name: name.to_owned(),
                version: version.to_owned(),
                architecture,
                file,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let gates = &config.validation;
    let service = &gates.service_validation;
    let enabled = |on: bool| if on { Enabled::Yes } else { Enabled::No };
    Ok(Request {
        packages,
        lintian: LintianRequest {
            enabled: enabled(gates.lintian.enabled),
            policy_level: match gates.lintian.policy_level {
                Level::Error => PolicyLevel::Error,
                Level::Warning => PolicyLevel::Warning,
                Level::Info => PolicyLevel::Info,
                Level::Pedantic => PolicyLevel::Pedantic,
            },
            suppress_tags: gates.lintian.suppress_tags.iter().map(ToString::to_string).collect(),
            required_passes: gates
                .lintian
                .required_passes
                .iter()
                .map(|pass| match pass {
                    Pass::NoErrors => RequiredPass::NoErrors,
                    Pass::NoWarnings => RequiredPass::NoWarnings,
                })
                .collect(),
        },
        installation: InstallationRequest {
            enabled: enabled(gates.installation_test.enabled),
            environments: environments(config),
            test_commands: commands(config, target),
        },
        service_limits: ServiceLimits {
            startup_timeout: service.startup_timeout.duration(),
            health_check_retries: service.health_check_retries.get(),
            memory_max_mb: u64::from(service.performance_thresholds.memory_max_mb.get()),
            startup_time_max: service.performance_thresholds.startup_time_max_seconds.duration(),
        },
        service: service_request(target),
        machine: machine(),
        mirrors: mirrors(config),
    })
}

/// `${PACKAGE_NAME}` stands for the package, as in builds.
fn commands(config: &Config, target: &Target<'_>) -> Vec<String> {
    let commands = config.validation.installation_test.test_commands.iter();
    commands
        .map(|line| line.to_string().replace("${PACKAGE_NAME}", target.project.name.as_str()))
        .collect()
}

fn environments(config: &Config) -> Vec<TestEnvironment> {
    let tests = &config.validation.installation_test.test_environments;
    tests
        .iter()
        .map(|environment| {
            let (system, release) = (environment.system(), environment.release());
            let archive = match (system, release) {
                ("debian", "12") => Archive::Mirrors(mirrors(config)),
                ("debian", "13") => {
                    Archive::Mirrors(vec![config.mirrors.debian_suite("trixie", &["main"])])
                }
                ("debian", _) => Archive::Unreachable(format!("Debian {release} is not known")),
                _ => Archive::Unreachable(format!("no clean root of {system} {release} is made")),
            };
            TestEnvironment { name: format!("{system}:{release}"), archive }
        })
        .collect()
}

fn service_request(target: &Target<'_>) -> Option<ServiceRequest> {
    let project = target.project;
    project.unit.as_ref()?;
    let health = project.health.as_ref().map(|health| HealthRequest {
        port: health.port,
        path: health.path.to_string(),
        expectation: Expectation {
            critical: health.critical.clone(),
            version: match (&target.version, health.version) {
                (Some(version), VersionCheck::Checked) => ExpectedVersion::Exactly {
                    version: version.clone(),
                    commit: target.commit.sha.clone(),
                },
                (None, _) | (_, VersionCheck::Unchecked) => ExpectedVersion::Unchecked,
            },
        },
    });
    Some(ServiceRequest { unit: format!("{}.service", project.name), health })
}

/// This machine's architecture; Tagboat itself is built for the two that it knows.
const fn machine() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 }
}
