//! OpenPGP keys that the gpg program holds: in its keyring, its agent or on a card. In: a fingerprint. Out:
//! signatures as `git tag -s` makes them.

use jiff::Timestamp;
use tagboat_core::command::Command;
use tagboat_core::ports::{RepositoryError, Runner as _, Scope, Silent, TagSigner};

use super::{LOOKING, SIGNING, signed_by};
use crate::process::LocalRunner;

/// A secret key that `gpg` can sign with.
#[derive(Clone, Debug)]
pub struct GpgKey {
    runner: LocalRunner,
    fingerprint: String,
}

impl GpgKey {
    /// The key of this fingerprint (40 hexadecimal digits), where gpg has its secret half; `None` where it has
    /// not, or there is no gpg.
    #[must_use]
    pub fn find(runner: &LocalRunner, scope: &Scope<'_>, fingerprint: &str) -> Option<Self> {
        let command = gpg(["--list-secret-keys", "--", fingerprint]).timeout(LOOKING);
        let scope = Scope { observer: &Silent, ..scope.clone() };
        let found = runner.run(&scope, &command).is_ok_and(|output| output.success());
        found.then(|| Self { runner: runner.clone(), fingerprint: fingerprint.to_owned() })
    }
}

impl TagSigner for GpgKey {
    fn sign(
        &self,
        scope: &Scope<'_>,
        payload: &[u8],
        _: Timestamp,
    ) -> Result<String, RepositoryError> {
        // As gpg-interface.c of git has it, but for the digest: SHA-1 must not come from an old gpg.conf.
        let words = ["--armor", "--digest-algo", "SHA512", "--detach-sign", "--local-user"];
        let command = gpg(words).arg(&self.fingerprint).stdin(payload).timeout(SIGNING);
        signed_by(&self.runner, scope, &command)
    }
}

fn gpg<const N: usize>(words: [&str; N]) -> Command {
    Command::new("gpg").args(["--batch", "--no-tty", "--quiet"]).args(words)
}
