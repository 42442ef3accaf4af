//! `quality-gates.yml`. In: its tree. Out: what a package must pass before it is released.

use crate::record::{choice, record};
use crate::value::{
    CommandLine, Days, Hours, LintianTag, Megabytes, Minutes, Ratio, Seconds, TestEnvironment,
    Times,
};

record! {
    /// What a package must pass before it may be released.
    pub(crate) struct QualityGates {
        /// What is tried with every package.
        validation: Validation,
        /// What the pipeline must reach over time.
        quality_metrics: QualityMetrics,
        /// What is looked for in dependencies and sources.
        security: Security,
    }
    elsewhere: crate::shape::SECTIONS;
}

record! {
    /// What is tried with every package (SPEC X1-X3).
    pub struct Validation {
        /// Debian's checker of packages.
        lintian: Lintian,
        /// Installing it on clean systems.
        installation_test: InstallationTest,
        /// Starting its service.
        service_validation: ServiceValidation,
    }
}

record! {
    /// Debian's checker of packages.
    pub struct Lintian {
        /// Whether it runs.
        enabled: bool = true,
        /// The least severity that is shown.
        policy_level: PolicyLevel = PolicyLevel::Pedantic,
        /// What is not to be told.
        suppress_tags: Vec<LintianTag> = Vec::new(),
        /// What makes the gate pass.
        required_passes: Vec<RequiredPass> = vec![RequiredPass::NoErrors, RequiredPass::NoWarnings],
    }
}

choice! {
    /// The least severity that lintian shows.
    pub enum PolicyLevel {
        /// Errors.
        Error = "error",
        /// Warnings too.
        Warning = "warning",
        /// Remarks too.
        Info = "info",
        /// Everything.
        Pedantic = "pedantic"
    }
}

choice! {
    /// What lintian must not find.
    pub enum RequiredPass {
        /// No error.
        NoErrors = "no-errors",
        /// No warning.
        NoWarnings = "no-warnings"
    }
}

record! {
    /// Installing a package on clean systems.
    pub struct InstallationTest {
        /// Whether it is done.
        enabled: bool = true,
        /// On which systems.
        test_environments: Vec<TestEnvironment> =
            vec![TestEnvironment::of("ubuntu:22.04"), TestEnvironment::of("debian:12")],
        /// What is run there; `package.deb` stands for the built file.
        test_commands: Vec<CommandLine> = Vec::new(),
    }
}

record! {
    /// Starting a package's service under systemd.
    pub struct ServiceValidation {
        /// Seconds until it must run.
        startup_timeout: Seconds = Seconds::of(30),
        /// How often its health is asked before that counts as a failure.
        health_check_retries: Times = Times::of(3),
        /// What it may take.
        performance_thresholds: PerformanceThresholds,
    }
}

record! {
    /// What a service may take.
    pub struct PerformanceThresholds {
        /// Memory in MiB.
        memory_max_mb: Megabytes = Megabytes::of(512),
        /// Seconds from its start to its first good answer.
        startup_time_max_seconds: Seconds = Seconds::of(30),
    }
}

record! {
    /// What the pipeline must reach over time (SPEC O3).
    pub struct QualityMetrics {
        /// How many builds succeed.
        build_success_rate: BuildSuccessRate,
        /// How many validations succeed.
        validation_metrics: ValidationMetrics,
        /// How long builds take.
        performance_metrics: PerformanceMetrics,
        /// How reliable the whole is.
        reliability_metrics: ReliabilityMetrics,
    }
}

record! {
    /// How many builds succeed.
    pub struct BuildSuccessRate {
        /// The part that must.
        target: Ratio = Ratio::of(0.95),
        /// Over how many days.
        window_days: Days = Days::of(30),
    }
    outputs: "current";
}

record! {
    /// How many validations succeed, each a part of one.
    pub struct ValidationMetrics {
        /// Runs of lintian.
        lintian_pass_rate: Ratio = Ratio::of(1.0),
        /// Installations.
        installation_success_rate: Ratio = Ratio::of(1.0),
        /// Starts of a service.
        service_startup_success_rate: Ratio = Ratio::of(0.98),
    }
}

record! {
    /// How long builds may take.
    pub struct PerformanceMetrics {
        /// Seconds a build for amd64 takes on average; not judged where nothing stands.
        avg_build_time_amd64: Option<Seconds>,
        /// Seconds a build for arm64 takes on average; not judged where nothing stands.
        avg_build_time_arm64: Option<Seconds>,
        /// How much longer a cross build takes, as a part of a native one.
        cross_compile_overhead: Ratio = Ratio::of(0.5),
    }
}

record! {
    /// How reliable the whole is.
    pub struct ReliabilityMetrics {
        /// Mean time between failures, in hours.
        mtbf_hours: Hours = Hours::of(720),
        /// Minutes until a failure is repaired.
        recovery_time_minutes: Minutes = Minutes::of(15),
    }
}

record! {
    /// What is looked for in dependencies and sources (SPEC W4).
    pub struct Security {
        /// Known weaknesses.
        vulnerability_scanning: VulnerabilityScanning,
        /// Which dependencies are looked at.
        dependency_audit: DependencyAudit,
        /// Where things come from.
        supply_chain: SupplyChain,
    }
}

record! {
    /// Known weaknesses.
    pub struct VulnerabilityScanning {
        /// Whether they are looked for.
        enabled: bool = true,
        /// Who is asked.
        tools: Vec<ScanTool> = vec![ScanTool::GithubAdvisory, ScanTool::Safety],
        /// What fails the gate.
        fail_on: Vec<Severity> = vec![Severity::High, Severity::Critical],
    }
}

choice! {
    /// Who knows of weaknesses.
    pub enum ScanTool {
        /// GitHub's advisory database.
        GithubAdvisory = "github-advisory",
        /// Safety, for Python packages.
        Safety = "safety"
    }
}

choice! {
    /// How bad a weakness is (CVSS).
    pub enum Severity {
        /// 0.1 to 3.9.
        Low = "low",
        /// 4.0 to 6.9.
        Medium = "medium",
        /// 7.0 to 8.9.
        High = "high",
        /// 9.0 to 10.0.
        Critical = "critical"
    }
}

record! {
    /// Which dependencies are looked at.
    pub struct DependencyAudit {
        /// Python's.
        python_packages: bool = true,
        /// Debian's.
        system_packages: bool = true,
        /// The form of the report.
        report_format: ReportFormat = ReportFormat::Sarif,
    }
}

choice! {
    /// The form of a report of findings.
    pub enum ReportFormat {
        /// SARIF 2.1.0, as GitHub reads it.
        Sarif = "sarif"
    }
}

record! {
    /// Where things come from.
    pub struct SupplyChain {
        /// Whether downloads must have the expected checksum.
        verify_checksums: bool = true,
        /// Whether every commit must be signed.
        require_signed_commits: bool = false,
        /// Whether the origin of each artifact is recorded.
        track_provenance: bool = true,
    }
}
