//! Signatures of tag objects, through `gpg` and `ssh-keygen`. In: what is signed, and a key. Out: the armoured
//! signature that git itself would make, or whether an ssh signature is good.

mod gpg;
mod ssh;

use std::time::Duration;

use tagboat_core::command::Command;
use tagboat_core::ports::{Output, RepositoryError, Runner as _, Scope};

use crate::process::LocalRunner;

pub use gpg::GpgKey;
pub use ssh::{SshKey, SshPublicKey, SshSignature, verify_ssh};

/// How long a program may take to sign: an agent may ask its person for a passphrase or a touch.
const SIGNING: Duration = Duration::from_secs(120);

/// How long it may take to verify, or to look for a key: there is nothing to wait for.
const LOOKING: Duration = Duration::from_secs(30);

/// Runs a program that signs, and gives what it printed.
fn signed_by(
    runner: &LocalRunner,
    scope: &Scope<'_>,
    command: &Command,
) -> Result<String, RepositoryError> {
    let not_signed = |why: String| RepositoryError::NotSigned(why);
    let output = runner.run(scope, command).map_err(|error| not_signed(error.to_string()))?;
    let mut text = output.text();
    if !output.success() || !text.starts_with("-----BEGIN ") {
        return Err(not_signed(format!("{}: {}", command.program, last_words(&output))));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The last line that a program said, and never nothing.
fn last_words(output: &Output) -> String {
    output.last_lines(1).first().map_or_else(
        || output.status.map_or("a signal ended it".to_owned(), |s| format!("exit status {s}")),
        |line| (*line).to_owned(),
    )
}
