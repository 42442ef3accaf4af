//! `tagboat keys`: signing keys. In: whose. Out: a secret file, and what to configure.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use tagboat_core::diagnostic::{Diagnostic, Exit, Result};
use tagboat_core::secret::Secret;
use tagboat_release::keys::{NewKeyRequest, SigningKey};
use tagboat_release::signature::Signer as _;

use crate::cli::keys::{KeysVerb, NewArgs};
use crate::context::Context;
use crate::terminal::printable;

/// Runs one of them.
pub(crate) fn run(verb: &KeysVerb, context: &Context<'_>) -> Result<Exit> {
    match verb {
        KeysVerb::New(arguments) => new(arguments, context),
    }
}

fn new(arguments: &NewArgs, context: &Context<'_>) -> Result<Exit> {
    let request = NewKeyRequest {
        user_id: arguments.user.clone(),
        days: arguments.days,
        passphrase: context.secret("GPG_PASSPHRASE"),
    };
    let made = SigningKey::generate(&request, context.clock().now())?;
    write_secret(arguments, &made.secret)?;
    let fingerprint = made.key.certificate().fingerprint();
    context.terminal.json(&serde_json::json!({
        "fingerprint": fingerprint.to_string(),
        "secret_file": arguments.out,
    }));
    context.terminal.say(&format!(
        "{} holds the secret key of {}: keep it out of git, and a copy of it elsewhere\n\
         configure its fingerprint in config/ci-cd/build-config.yml:\n\n  publish:\n    key: {fingerprint}",
        printable(&arguments.out.to_string_lossy()),
        printable(&arguments.user)
    ));
    Ok(Exit::Done)
}

/// A new file that only its owner can read; an existing one is never overwritten.
fn write_secret(arguments: &NewArgs, secret: &Secret) -> Result<()> {
    let opened =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arguments.out);
    let written = opened.and_then(|mut file| {
        file.write_all(secret.expose().as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        Box::new(
            Diagnostic::unchanged(
                "keys::not-written",
                Exit::Usage,
                format!("{} could not be written: {error}", arguments.out.display()),
                "no key was made",
            )
            .help("name a file that does not exist yet, in a folder of yours"),
        )
    })
}
