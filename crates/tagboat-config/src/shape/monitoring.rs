//! `monitoring.yml`. In: its tree. Out: what is measured of the pipeline, who is told, and what is logged.

use crate::record::{choice, record};
use crate::value::{LabelName, MetricName, Percent, Times, Window};

record! {
    /// What is measured of the pipeline, when it calls for help, and what it logs.
    pub(crate) struct MonitoringFile {
        /// What is measured, and who is told.
        monitoring: Monitoring,
        /// What is logged.
        logging: Logging,
    }
    elsewhere: crate::shape::SECTIONS;
}

record! {
    /// What is measured, and who is told (SPEC O1, O2).
    pub struct Monitoring {
        /// What is measured.
        metrics: Metrics,
        /// Who is told when.
        alerting: Alerting,
    }
}

record! {
    /// The metrics of the pipeline.
    pub struct Metrics {
        /// How long a build takes.
        build_duration: BuildDuration,
        /// How many builds succeed.
        success_rate: SuccessRate,
        /// How large what was built is.
        artifact_size: ArtifactSize,
    }
}

record! {
    /// How long a build takes.
    pub struct BuildDuration {
        /// The metric's name.
        prometheus_metric: MetricName = MetricName::of("cicd_build_duration_seconds"),
        /// Its labels.
        labels: Vec<LabelName> = labels(&["architecture", "branch", "result"]),
    }
}

record! {
    /// How many builds succeed.
    pub struct SuccessRate {
        /// The metric's name.
        prometheus_metric: MetricName = MetricName::of("cicd_build_success_rate"),
        /// Over which time.
        window: Window = Window::DAY,
    }
}

record! {
    /// How large what was built is.
    pub struct ArtifactSize {
        /// The metric's name.
        prometheus_metric: MetricName = MetricName::of("cicd_artifact_size_bytes"),
        /// Its labels.
        labels: Vec<LabelName> = labels(&["architecture", "package_name"]),
    }
}

record! {
    /// Who is told when.
    pub struct Alerting {
        /// Builds fail.
        build_failure: BuildFailure,
        /// Builds become slower.
        performance_degradation: PerformanceDegradation,
    }
}

record! {
    /// Builds fail.
    pub struct BuildFailure {
        /// So many in a row.
        threshold: Times = Times::of(2),
        /// Where it is told.
        channels: Vec<Channel> = vec![Channel::Slack, Channel::Email],
    }
}

choice! {
    /// Where something is told.
    pub enum Channel {
        /// Slack.
        Slack = "slack",
        /// Mail.
        Email = "email"
    }
}

record! {
    /// Builds become slower.
    pub struct PerformanceDegradation {
        /// By so many percent.
        build_time_increase: Percent = Percent::of(50),
        /// Over which time.
        window: Window = Window::WEEK,
    }
}

record! {
    /// What is logged (SPEC O5).
    pub struct Logging {
        /// In which form.
        format: LogFormat = LogFormat::Json,
        /// From which level on.
        level: LogLevel = LogLevel::Info,
    }
    outputs: "fields";
}

choice! {
    /// The form of a log.
    pub enum LogFormat {
        /// A JSON object a line.
        Json = "json",
        /// For people.
        Text = "text"
    }
}

choice! {
    /// From which level on something is logged.
    pub enum LogLevel {
        /// What went wrong.
        Error = "error",
        /// And what may go wrong.
        Warn = "warn",
        /// And what was done.
        Info = "info",
        /// And how.
        Debug = "debug"
    }
}

fn labels(names: &[&str]) -> Vec<LabelName> {
    names.iter().map(|name| LabelName::of(name)).collect()
}
