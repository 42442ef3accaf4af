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
    let said = output.last_lines(1).first().map_or_else(String::new, |line| (*line).to_owned());
    Box::new(
        Diagnostic::unchanged(
            "host::unprepared",
            Exit::Refused,
            format!("{host} is not prepared for Tagboat, or by another version of it"),
            "no host was changed",
        )
        .fact("host", if said.is_empty() { "it answered nothing".to_owned() } else { said })
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
    // apt and dpkg put their reasons on lines that begin with `E:` or `dpkg:`.
    let reason =
        lines.iter().rev().find(|line| line.starts_with("E:") || line.starts_with("dpkg:"));
    let last = reason.or(lines.last()).copied().unwrap_or("it said nothing");
    format!("exit {status}: {last}")
}
