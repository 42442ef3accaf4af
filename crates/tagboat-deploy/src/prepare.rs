//! What a bare host needs before it can be deployed to. In: the application, the repository's key. Out: files to
//! put there, and the commands that put them. Run as root, once, and again after an update of Tagboat.

use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::environment::HostName;
use tagboat_core::ports::{Runner, Scope};

use crate::error::{last_words, unreachable};
use crate::host::{Escalation, PROGRAM, SCRIPT};

/// An application that a host may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its package.
    pub package: String,
    /// Its systemd unit.
    pub unit: String,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct PrepareRequest {
    /// The host.
    pub host: HostName,
    /// Who will deploy; root needs no sudo.
    pub user: String,
    /// Who logs in now to prepare it: root, or someone whose sudo allows everything.
    pub login: String,
    /// The applications that may be deployed to it.
    pub apps: Vec<App>,
    /// The public key of the repository, ASCII-armoured (RFC 9580 §6.2).
    pub public_key: String,
    /// The repository's `Origin`.
    pub origin: String,
    /// Its suite.
    pub suite: String,
    /// Its components.
    pub components: Vec<String>,
}

/// A file on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFile {
    /// Its absolute path.
    pub path: String,
    /// `0755`.
    pub mode: &'static str,
    /// What it holds.
    pub content: String,
}

/// Puts a file by rename. Its arguments are path and mode, its input the content; a constant text, so nothing
/// from elsewhere becomes shell.
const PUT: &str = r#"set -eu
umask 077
mkdir -p "$(dirname "$1")"
chmod 0755 "$(dirname "$1")"
temporary=$(mktemp "$1.XXXXXX")
trap 'rm -f "$temporary"' EXIT
cat >"$temporary"
chmod "$2" "$temporary"
chown root:root "$temporary"
sync "$temporary"
mv -f "$temporary" "$1"
trap - EXIT
"#;

/// Puts a sudoers file only if sudo itself accepts it: a broken one locks everybody out.
const PUT_SUDOERS: &str = r#"set -eu
umask 077
if ! command -v visudo >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends sudo </dev/null
fi
temporary=$(mktemp /etc/sudoers.d/.tagboat.XXXXXX)
trap 'rm -f "$temporary"' EXIT
cat >"$temporary"
chmod 0440 "$temporary"
visudo --check --quiet --file="$temporary"
mv -f "$temporary" /etc/sudoers.d/tagboat
trap - EXIT
"#;

/// Lets sshd take its new drop-in, only if it accepts the whole configuration.
const RELOAD_SSHD: &str = "set -eu\n/usr/sbin/sshd -t\nsystemctl reload ssh.service\n";

/// What will be put on the host, in order.
#[must_use]
pub fn files(request: &PrepareRequest) -> Vec<HostFile> {
    let file =
        |path: &str, mode, content: String| HostFile { path: path.to_owned(), mode, content };
    let source = format!(
        "Types: deb\nURIs: file:/var/lib/tagboat/apt\nSuites: {}\nComponents: {}\n\
         Signed-By: /etc/apt/keyrings/tagboat.asc\n",
        request.suite,
        request.components.join(" ")
    );
    let mut files = vec![
        file(PROGRAM, "0755", SCRIPT.to_owned()),
        file("/etc/apt/keyrings/tagboat.asc", "0644", request.public_key.clone()),
        // Twice: for apt itself, and alone in a folder, so that a deployment asks no other repository.
        file("/etc/apt/sources.list.d/tagboat.sources", "0644", source.clone()),
        file("/etc/tagboat/apt.d/tagboat.sources", "0644", source),
        // Below 100, the priority of what is installed: an ordinary upgrade never replaces what was deployed
        // (apt_preferences(5)).
        file(
            "/etc/apt/preferences.d/tagboat",
            "0644",
            format!("Package: *\nPin: release o={}\nPin-Priority: 1\n", request.origin),
        ),
        // A deployer that vanished must not keep its turn: sshd asks after it, and lets go after 30 s.
        file(
            "/etc/ssh/sshd_config.d/tagboat.conf",
            "0644",
            "# Written by tagboat: a dead connection ends after 30 s, and with it a deployer's turn.\n\
             ClientAliveInterval 10\nClientAliveCountMax 3\n"
                .to_owned(),
        ),
    ];
    for App { package, unit } in &request.apps {
        let path = format!("/etc/tagboat/apps/{package}");
        files.push(file(&path, "0644", format!("unit={unit}\n")));
    }
    files
}

/// What the deploying user may do as root: run the one program.
#[must_use]
pub fn sudoers(user: &str) -> String {
    format!("# Written by tagboat.\n{user} ALL=(root) NOPASSWD: {PROGRAM}\n")
}

/// Every command of the preparation, in order.
#[must_use]
pub fn commands(request: &PrepareRequest) -> Vec<(String, Command)> {
    let escalation = Escalation::of(&request.login);
    let as_root = |program: &str| match escalation {
        Escalation::None => Command::new(program),
        Escalation::Sudo => Command::new("sudo").args(["-n", program]),
    };
    let script = |text: &str| as_root("sh").args(["-c", text, "tagboat-prepare"]);
    let mut commands: Vec<(String, Command)> = files(request)
        .into_iter()
        .map(|HostFile { path, mode, content }| {
            let put = script(PUT).args([path.as_str(), mode]).stdin(content);
            (format!("write {path}"), put)
        })
        .collect();
    if Escalation::of(&request.user) == Escalation::Sudo {
        let put = script(PUT_SUDOERS).stdin(sudoers(&request.user));
        let timeout = std::time::Duration::from_secs(300);
        commands.push(("write /etc/sudoers.d/tagboat".to_owned(), put.timeout(timeout)));
    }
    commands.push(("reload sshd".to_owned(), script(RELOAD_SSHD)));
    commands
}

/// Prepares the host.
///
/// # Errors
/// The first command that fails; running it again goes on.
pub fn apply(
    scope: &Scope<'_>,
    request: &PrepareRequest,
    runner: &dyn Runner,
) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for (what, command) in commands(request) {
        let scope = scope.span(format!("{what} on {}", request.host));
        let output =
            runner.run(&scope, &command).map_err(|error| unreachable(&request.host, &error))?;
        if !output.success() {
            let message = format!("{} could not be prepared: {what}", request.host);
            return Err(Box::new(
                Diagnostic::unchanged(
                    "host::failed",
                    Exit::Outside,
                    message,
                    "no application was changed; what is done already can be done again",
                )
                .fact("host", last_words(&output))
                .help(format!(
                    "log in as root or with full sudo: `tagboat host prepare … {} --as root`",
                    request.host
                )),
            ));
        }
        done.push(what);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(user: &str) -> PrepareRequest {
        PrepareRequest {
            host: HostName::parse("web-1").unwrap(),
            user: user.to_owned(),
            login: "root".to_owned(),
            apps: vec![App { package: "api".to_owned(), unit: "api.service".to_owned() }],
            public_key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n".to_owned(),
            origin: "Acme".to_owned(),
            suite: "stable".to_owned(),
            components: vec!["main".to_owned()],
        }
    }

    #[test]
    fn a_host_gets_the_program_the_key_the_source_and_its_applications() {
        let paths: Vec<String> = files(&request("deploy")).into_iter().map(|f| f.path).collect();
        assert_eq!(
            paths,
            [
                "/usr/local/lib/tagboat/host",
                "/etc/apt/keyrings/tagboat.asc",
                "/etc/apt/sources.list.d/tagboat.sources",
                "/etc/tagboat/apt.d/tagboat.sources",
                "/etc/apt/preferences.d/tagboat",
                "/etc/ssh/sshd_config.d/tagboat.conf",
                "/etc/tagboat/apps/api",
            ]
        );
    }

    #[test]
    fn only_a_user_who_is_not_root_gets_sudo_and_only_for_the_one_program() {
        let names = |user: &str| {
            commands(&request(user)).into_iter().map(|(what, _)| what).collect::<Vec<_>>()
        };
        assert!(names("deploy").contains(&"write /etc/sudoers.d/tagboat".to_owned()));
        assert!(!names("root").contains(&"write /etc/sudoers.d/tagboat".to_owned()));
        assert_eq!(
            sudoers("deploy").lines().last(),
            Some("deploy ALL=(root) NOPASSWD: /usr/local/lib/tagboat/host")
        );
    }
}
