//! What can be typed. In: the command line. Out: arguments as values, and all help text.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod deploy;
pub(crate) mod forge;
pub(crate) mod history;
pub(crate) mod hooks;
pub(crate) mod host;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod mark;
pub(crate) mod promote;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod status;
pub(crate) mod version;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Takes a commit of a git monorepo to a running, healthy, reversible deployment, and tells what it did.
///
/// What is deployed where is read from git tags; nothing else is stored.
#[derive(Debug, Parser)]
#[command(name = "tagboat", version, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES, term_width = 80)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// How to show it.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Work, and find files that are named, as if started in FOLDER.
    #[arg(short = 'C', value_name = "FOLDER", global = true, default_value = ".")]
    #[arg(hide_default_value = true)]
    pub(crate) folder: PathBuf,
}

const EXIT_CODES: &str = "\
Exit status:
  0  done
  1  judged and failed (a gate, a finding)
  2  usage or configuration
  3  refused or lost a race; nothing changed
  4  an outside program, host or network failed; nothing changed
  5  failed and rolled back
  6  failed and not rolled back; a person is needed
 70  a bug in tagboat
130  interrupted";

/// What every verb understands.
#[derive(Args, Debug)]
pub(crate) struct OutputArgs {
    /// How results and errors are shown: for people, or as one JSON document on standard output.
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    #[arg(help_heading = "Output", hide_possible_values = true, value_name = "human|json")]
    #[arg(hide_default_value = true)]
    pub(crate) format: Format,
    /// How progress is told on standard error: for people, or as one JSON object a line.
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    #[arg(help_heading = "Output", hide_possible_values = true, value_name = "human|json")]
    #[arg(hide_default_value = true, env = "TAGBOAT_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: Format,
    /// Show what the programs that are run print.
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Output")]
    pub(crate) verbose: bool,
    /// Show results and errors only.
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON document on standard output.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(about = "Start: write a first configuration that explains itself")]
    Init(init::InitArgs),
    #[command(about = "Start: print a completion script for a shell")]
    Completions(init::CompletionsArgs),
    #[command(about = "See: what runs where, as the environment tags say")]
    Status(status::StatusArgs),
    #[command(about = "See: every deployment attempt, as the ledgers in the environment tags say")]
    History(history::HistoryArgs),
    #[command(about = "See: who runs and who waits in an environment")]
    Queue(queue::QueueArgs),
    #[command(about = "See: what a deployment would do")]
    Plan(deploy::PlanArgs),
    #[command(about = "See: what a deployed service logs")]
    Logs(deploy::LogsArgs),
    #[command(about = "See: whether configuration, tags and records hold")]
    Check(check::CheckArgs),
    #[command(about = "Make: versions: the next one, and the tags that give them")]
    #[command(subcommand)]
    Version(version::VersionVerb),
    #[command(about = "Make: the packages of a version")]
    Build(build::BuildArgs),
    #[command(about = "Make: judge packages in clean roots")]
    Validate(build::ValidateArgs),
    #[command(about = "Publish: make a signing key")]
    #[command(subcommand)]
    Keys(keys::KeysVerb),
    #[command(about = "Publish: add packages to the signed APT repository")]
    Publish(publish::PublishArgs),
    #[command(about = "Run: prepare a host for deployments")]
    #[command(subcommand)]
    Host(host::HostVerb),
    #[command(about = "Run: bring a version to an environment")]
    Deploy(deploy::DeployArgs),
    #[command(about = "Run: bring what runs in one environment to the next")]
    Promote(promote::PromoteArgs),
    #[command(about = "Run: go back to a version that ran before")]
    Rollback(deploy::RollbackArgs),
    #[command(about = "Run: mark a version stable, unstable or deprecated")]
    Mark(mark::MarkArgs),
    #[command(about = "Wire: git hooks that keep protected tags where they are")]
    #[command(subcommand)]
    Hooks(hooks::HooksVerb),
    #[command(about = "Wire: what the forge is told")]
    #[command(subcommand)]
    Forge(forge::ForgeVerb),
}

impl Verb {
    /// The word, as it is typed: what log lines call their component.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Completions(_) => "completions",
            Self::Status(_) => "status",
            Self::History(_) => "history",
            Self::Queue(_) => "queue",
            Self::Plan(_) => "plan",
            Self::Logs(_) => "logs",
            Self::Check(_) => "check",
            Self::Build(_) => "build",
            Self::Validate(_) => "validate",
            Self::Keys(_) => "keys",
            Self::Publish(_) => "publish",
            Self::Host(_) => "host",
            Self::Deploy(_) => "deploy",
            Self::Rollback(_) => "rollback",
            Self::Version(_) => "version",
            Self::Promote(_) => "promote",
            Self::Mark(_) => "mark",
            Self::Hooks(_) => "hooks",
            Self::Forge(_) => "forge",
        }
    }

    /// Whether what it prints is all that it does.
    pub(crate) const fn only_tells(&self) -> bool {
        match self {
            Self::Completions(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Plan(_)
            | Self::Logs(_)
            | Self::Check(_) => true,
            Self::Queue(arguments) => arguments.verb.is_none(),
            Self::Init(arguments) => arguments.dry_run,
            Self::Build(arguments) => arguments.dry_run,
            Self::Validate(arguments) => arguments.dry_run,
            Self::Keys(keys::KeysVerb::New(_)) => false,
            Self::Publish(arguments) => arguments.dry_run,
            Self::Host(host::HostVerb::Prepare(arguments)) => arguments.dry_run,
            Self::Deploy(arguments) => arguments.run.dry_run,
            Self::Rollback(arguments) => arguments.run.dry_run,
            Self::Version(verb) => match verb {
                version::VersionVerb::Next(_) => true,
                version::VersionVerb::Tag(arguments) => arguments.make.dry_run,
                version::VersionVerb::Final(arguments) => arguments.make.dry_run,
                version::VersionVerb::Adopt(arguments) => arguments.dry_run,
            },
            Self::Promote(arguments) => arguments.run.dry_run,
            Self::Mark(arguments) => arguments.dry_run,
            Self::Hooks(verb) => matches!(verb, hooks::HooksVerb::Run(_)),
            Self::Forge(_) => true,
        }
    }
}

/// For verbs that read the remote.
#[derive(Args, Debug)]
pub(crate) struct ReadArgs {
    /// Do not ask the remote: answer from what this clone last fetched, and say so.
    #[arg(long)]
    pub(crate) offline: bool,
}
