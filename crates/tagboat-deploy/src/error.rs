//! What this room refuses or fails at, as users meet it. In: what was seen. Out: diagnostics.

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::environment::HostName;
use tagboat_core::ports::{Output, RunError};

/// A host could not be asked, before anything was changed.
#[must_use]
pub fn unreachable(host: &HostName, error: &RunError) -> Box<Diagnostic> {
    let still = "no host was changed";
    Box::new(match error {
        RunError::HostKey(said) => Diagnostic::unchanged(
            "host::key-changed",
            Exit::Refused,
            format!("{host} shows another key than the pinned one"),
            still,
        )
        .fact("ssh", said.clone())
        .help("ask whoever runs the host; if the change is meant, commit its new `host_key`"),
        RunError::Cancelled => Diagnostic::unchanged(
            "run::interrupted",
            Exit::Interrupted,
            "it was interrupted",
            still,
        )
        .help("run the command again"),
        RunError::NotFound
        | RunError::TimedOut(_)
        | RunError::TooMuchOutput
        | RunError::Unreachable(_)
        | RunError::Io(_) => Diagnostic::unchanged(
            "host::unreachable",
            Exit::Outside,
            format!("{host} cannot be reached"),
            still,
        )
        .fact(
            "ssh",
            match error {
                RunError::Unreachable(why) => why.clone(),
                other => other.to_string(),
            },
        )
        .help(format!("try it by hand: `ssh` to the address of {host} in environments/")),
    })
}

/// A host answered something that its program never says, or the program is not there.
#[must_use]
pub fn unprepared(host: &HostName, output: &Output) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::unchanged(
            "host::unprepared",
            Exit::Refused,
            format!("{host} is not prepared for Tagboat, or by another version of it"),
            "no host was changed",
        )
        .fact("host", last_words(output))
        .help("prepare it: `tagboat host prepare ENVIRONMENT HOST`"),
    )
}

/// What a program that failed said last, in one line.
#[must_use]
pub fn last_words(output: &Output) -> String {
    let text = output.text();
    let spoken = text.lines().chain(output.stderr.lines()).filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = spoken.collect();
    let status = output.status.map_or_else(|| "a signal".to_owned(), |status| status.to_string());
    let last = apt_reason(&lines).or_else(|| lines.last().map(|line| (*line).to_owned()));
    format!("exit {status}: {}", last.unwrap_or_else(|| "it said nothing".to_owned()))
}

/// apt and dpkg put their reasons on lines that begin with `E:` or `dpkg:`. That dpkg failed (`E: Sub-process`) is
/// no reason; dpkg's own word on a package is one, with the line below it (dpkg, `src/main/errors.c`).
fn apt_reason(lines: &[&str]) -> Option<String> {
    let is_last = |line: &&str| {
        line.starts_with("dpkg:") || (line.starts_with("E:") && !line.starts_with("E: Sub-process"))
    };
    let sub_process = || lines.iter().rposition(|line| line.starts_with("E: Sub-process"));
    let at = lines.iter().rposition(is_last).or_else(sub_process)?;
    let below = lines.get(at + 1).filter(|line| lines[at].ends_with(':') && line.starts_with(' '));
    Some(
        below.map_or_else(
            || lines[at].to_owned(),
            |below| format!("{} {}", lines[at], below.trim()),
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(stdout: &str) -> String {
        last_words(&Output {
            status: Some(69),
            stdout: stdout.as_bytes().to_vec(),
            stderr: "tagboat-host: the phase failed\n".to_owned(),
            took: Duration::ZERO,
        })
    }

    #[test]
    fn what_dpkg_says_of_a_package_is_the_reason_and_not_that_it_failed() {
        let apt = "Setting up api (1.1.0) ...\n\
                   dpkg: error processing package api (--configure):\n\
                   \x20installed api package post-installation script subprocess returned error exit status 1\n\
                   Errors were encountered while processing:\n api\n\
                   E: Sub-process /usr/bin/dpkg returned an error code (1)\n";
        assert_eq!(
            said(apt),
            "exit 69: dpkg: error processing package api (--configure): installed api package \
             post-installation script subprocess returned error exit status 1"
        );
        assert_eq!(
            said("E: Version '9' for 'api' was not found\n"),
            "exit 69: E: Version '9' for 'api' was not found"
        );
        assert_eq!(said("E: Sub-process x\n"), "exit 69: E: Sub-process x");
        assert_eq!(said(""), "exit 69: tagboat-host: the phase failed");
    }
}
