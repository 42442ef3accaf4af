//! What is run on a host. In: application, version, deployment. Out: commands, and their answers read.
//!
//! The only program that is run there is [`PROGRAM`], whose text is [`SCRIPT`]: so the deploying user's sudo
//! can name that one file.

use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::deployment::DeploymentId;
use tagboat_core::tag::EnvironmentName;

/// Where `tagboat host prepare` puts the program.
pub const PROGRAM: &str = "/usr/local/lib/tagboat/host";

/// The program's text.
pub const SCRIPT: &str = include_str!("host/tagboat-host.sh");

/// Exit status of the program: another deployment has taken over.
pub const FENCED: i32 = 73;
/// Exit status of the program: the turn was not free in time (`EX_TEMPFAIL` of sysexits.h).
pub const BUSY: i32 = 75;

/// How long a phase may take: apt may wait 300 s for its lock, and a package has 5 minutes to install
/// (SPEC, limits).
pub const PHASE_TIMEOUT: Duration = Duration::from_secs(960);

/// How to become root on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// The user is root.
    None,
    /// `sudo -n`: it never asks.
    Sudo,
}

impl Escalation {
    /// Root needs none.
    #[must_use]
    pub fn of(user: &str) -> Self {
        if user == "root" { Self::None } else { Self::Sudo }
    }
}

/// The commands for one application on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProgram {
    /// The application: its package's name.
    pub app: String,
    /// How to become root.
    pub escalation: Escalation,
}

/// What a claim is made with: the ledger's newest record before this deployment, the deployment, and whose ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The sequence of that record; 0 before the first.
    pub sequence: u64,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The environment that the ledger is of.
    pub environment: EnvironmentName,
}

impl HostProgram {
    fn verb<const N: usize>(&self, verb: &str, arguments: [&str; N]) -> Command {
        let command = match self.escalation {
            Escalation::None => Command::new(PROGRAM),
            Escalation::Sudo => Command::new("sudo").args(["-n", PROGRAM]),
        };
        command.arg(verb).args(arguments)
    }

    /// What is there now.
    #[must_use]
    pub fn facts(&self) -> Command {
        self.verb("facts", [&self.app])
    }

    /// Waits for the turn, and keeps it as long as the command runs.
    #[must_use]
    pub fn hold(&self, patience: Duration, deployment: &DeploymentId, who: &str) -> Command {
        let seconds = patience.as_secs().to_string();
        // A person's name may hold anything; the host only needs to tell the loser who won.
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        let mut who: String =
            who.chars().map(|c| if plain(c) { c } else { '_' }).take(80).collect();
        if who.is_empty() {
            who.push('_');
        }
        self.verb("hold", [&self.app, &seconds, deployment.as_str(), &who])
            // It runs as long as the deployment does.
            .timeout(Duration::from_secs(24 * 3600))
    }

    /// From now on this deployment changes the host, and no older one.
    #[must_use]
    pub fn claim(&self, claim: &Claim) -> Command {
        let sequence = claim.sequence.to_string();
        let (deployment, environment) = (claim.deployment.as_str(), claim.environment.as_str());
        self.verb("claim", [&self.app, &sequence, deployment, environment])
    }

    /// The ledger has taken the deployment's record.
    #[must_use]
    pub fn settle(&self, claim: &Claim, recorded: u64) -> Command {
        let (sequence, recorded) = (claim.sequence.to_string(), recorded.to_string());
        self.verb("settle", [&self.app, &sequence, claim.deployment.as_str(), &recorded])
    }

    /// Lists the files of the host's repository.
    #[must_use]
    pub fn holdings(&self) -> Command {
        self.verb("holdings", [])
    }

    /// Takes files of the repository; its input is a tar archive.
    #[must_use]
    pub fn receive(&self) -> Command {
        self.verb("receive", []).timeout(PHASE_TIMEOUT)
    }

    /// Waits for a phase that still runs.
    #[must_use]
    pub fn join(&self) -> Command {
        self.verb("join", [&self.app]).timeout(PHASE_TIMEOUT)
    }

    /// Installs exactly this Debian version, higher or lower than what is there.
    #[must_use]
    pub fn install(&self, version: &str, claim: &Claim) -> Command {
        let sequence = claim.sequence.to_string();
        self.verb("install", [&self.app, version, &sequence, claim.deployment.as_str()])
            .timeout(PHASE_TIMEOUT)
    }

    /// Takes the application off.
    #[must_use]
    pub fn remove(&self, claim: &Claim) -> Command {
        let sequence = claim.sequence.to_string();
        self.verb("remove", [&self.app, &sequence, claim.deployment.as_str()])
            .timeout(PHASE_TIMEOUT)
    }

    /// Asks the service once.
    #[must_use]
    pub fn probe(&self, port: u16, path: &str, within: Duration) -> Command {
        let (port, seconds) = (port.to_string(), within.as_secs().max(1).to_string());
        // The host's own bound first; ours is for a host that does not answer at all.
        self.verb("probe", [&port, path, &seconds]).timeout(within + Duration::from_secs(5))
    }

    /// The last lines that the service logged.
    #[must_use]
    pub fn journal(&self, lines: usize) -> Command {
        self.verb("journal", [&self.app, &lines.to_string()])
    }

    /// Follows what the service logs.
    #[must_use]
    pub fn follow(&self, lines: usize) -> Command {
        self.verb("follow", [&self.app, &lines.to_string()]).timeout(Duration::from_secs(24 * 3600))
    }
}

/// What dpkg says of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is not there.
    No,
    /// This version, whole.
    Version(String),
    /// Something between: dpkg's word and the version. A phase was cut off; the next one mends it.
    Broken(String, String),
}

/// The newest claim that a host accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The sequence of the ledger's newest record that it knows of.
    pub sequence: u64,
    /// The deployment.
    pub deployment: String,
    /// The environment that the ledger is of; `None` where the claim is from before claims named it.
    pub environment: Option<String>,
}

/// A host as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The application there.
    pub installed: Installed,
    /// The newest claim that it accepted.
    pub fence: Option<Fence>,
    /// systemd's word for the phase unit: `active` or `activating` while one runs.
    pub phase: String,
    /// systemd's word for the service.
    pub unit: String,
    /// SHA-256 of the host's program.
    pub digest: String,
}

impl HostFacts {
    /// Reads the answer to [`HostProgram::facts`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let value = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).map(str::trim)
        };
        // Of a package that it only knows by name, dpkg tells no version.
        let installed = value("installed")?;
        let (status, version) = installed.split_once(' ').unwrap_or((installed, ""));
        let installed = match status {
            "installed" => Installed::Version(version.to_owned()),
            // "config-files": removed but not purged. There is no program left.
            "not-installed" | "config-files" | "unknown" => Installed::No,
            other => Installed::Broken(other.to_owned(), version.to_owned()),
        };
        let fence: Vec<&str> = value("fence")?.split(' ').collect();
        let fence = match fence[..] {
            ["-", ..] => None,
            [sequence, deployment, environment] => Some(Fence {
                sequence: sequence.parse().ok()?,
                deployment: deployment.to_owned(),
                environment: (environment != "-").then(|| environment.to_owned()),
            }),
            _ => return None,
        };
        Some(Self {
            installed,
            fence,
            phase: value("phase")?.to_owned(),
            unit: value("unit")?.to_owned(),
            digest: value("digest")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "installed installed 1.1.0\nfence 3 deploy-20251121-103045-abc123d production\n\
                          phase inactive\nunit active\ndigest 00ff\n";

    #[test]
    fn the_facts_of_a_host_are_read() {
        let facts = HostFacts::read(ANSWER).unwrap();
        assert_eq!(facts.installed, Installed::Version("1.1.0".to_owned()));
        let (deployment, environment) = ("deploy-20251121-103045-abc123d", "production");
        let fence = |environment: Option<&str>| Fence {
            sequence: 3,
            deployment: deployment.to_owned(),
            environment: environment.map(str::to_owned),
        };
        assert_eq!(facts.fence, Some(fence(Some(environment))));
        let old = HostFacts::read(&ANSWER.replace(environment, "-")).unwrap();
        assert_eq!(old.fence, Some(fence(None)));
        let bare = ANSWER.replace("installed 1.1.0", "not-installed -");
        let bare = bare.replace("fence 3 deploy-20251121-103045-abc123d production", "fence - - -");
        let facts = HostFacts::read(&bare).unwrap();
        assert_eq!((facts.installed, facts.fence), (Installed::No, None));
        let known = ANSWER.replace("installed 1.1.0", "not-installed ");
        assert_eq!(HostFacts::read(&known).unwrap().installed, Installed::No);
        let cut = ANSWER.replace("installed 1.1.0", "half-configured 1.2.0");
        let broken = Installed::Broken("half-configured".to_owned(), "1.2.0".to_owned());
        assert_eq!(HostFacts::read(&cut).unwrap().installed, broken);
    }

    #[test]
    fn rubbish_is_no_answer() {
        for text in ["", "installed\n", "installed installed 1\nfence x y\n", &ANSWER[..40]] {
            assert_eq!(HostFacts::read(text), None, "{text}");
        }
    }

    #[test]
    fn root_needs_no_sudo_and_a_persons_name_is_made_plain() {
        let id = DeploymentId::parse("deploy-20251121-103045-abc123d").unwrap();
        let app = "api".to_owned();
        let root = HostProgram { app: app.clone(), escalation: Escalation::of("root") };
        assert_eq!(root.facts().to_string(), "/usr/local/lib/tagboat/host facts api");
        let deploy = HostProgram { app, escalation: Escalation::of("deploy") };
        assert_eq!(
            deploy.hold(Duration::from_secs(30), &id, "Ann $(id) <a@b>").to_string(),
            "sudo -n /usr/local/lib/tagboat/host hold api 30 deploy-20251121-103045-abc123d Ann___id___a@b_"
        );
    }
}
