//! ssh keys, through `ssh-keygen -Y` (ssh-keygen(1)). In: a key, and what is signed. Out: signatures as git makes
//! them with `gpg.format=ssh`, and whether one is good.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tagboat_core::command::Command;
use tagboat_core::ports::{RepositoryError, RunError, Runner as _, Scope, Silent, TagSigner};
use tempfile::NamedTempFile;

use super::{LOOKING, SIGNING, last_words, signed_by};
use crate::process::LocalRunner;

/// What git's signatures are for: one made for another purpose with the same key does not count.
const NAMESPACE: &str = "git";

/// The largest signature that is read, in bytes; one of RSA with 16384 bits has 6 KiB.
const MAX_SIGNATURE: usize = 32 << 10;

/// A key file: a secret key; or a public one, whose secret half an agent holds.
#[derive(Clone, Debug)]
pub struct SshKey {
    runner: LocalRunner,
    file: PathBuf,
}

impl SshKey {
    /// The key in this file. Nothing is read yet.
    #[must_use]
    pub const fn new(runner: LocalRunner, file: PathBuf) -> Self {
        Self { runner, file }
    }
}

impl TagSigner for SshKey {
    fn sign(
        &self,
        scope: &Scope<'_>,
        payload: &[u8],
        _: Timestamp,
    ) -> Result<String, RepositoryError> {
        let command = keygen("sign").arg("-f").arg(self.file.display().to_string());
        let command = command.stdin(payload).timeout(SIGNING);
        signed_by(&self.runner, scope, &command)
    }
}

/// A public ssh key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPublicKey {
    blob: Vec<u8>,
    line: String,
}

impl SshPublicKey {
    /// Reads `ssh-ed25519 AAAA…`; further words are a comment. `None` where it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (algorithm, key) = (words.next()?, words.next()?);
        let blob = STANDARD.decode(key).ok()?;
        let (name, _) = field(&blob)?;
        (name == algorithm.as_bytes()).then(|| Self { line: format!("{algorithm} {key}"), blob })
    }

    /// `SHA256:…`, as ssh-keygen and git show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.blob)
    }
}

fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

/// An armoured ssh signature, taken apart (OpenSSH's PROTOCOL.sshsig); nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSignature {
    armoured: String,
    key: Vec<u8>,
}

impl SshSignature {
    /// Reads one, and nothing after it; `None` where it is none.
    #[must_use]
    pub fn parse(armoured: &str) -> Option<Self> {
        if armoured.len() > MAX_SIGNATURE {
            return None;
        }
        let text = armoured.strip_prefix("-----BEGIN SSH SIGNATURE-----\n")?;
        let text = text.trim_end().strip_suffix("-----END SSH SIGNATURE-----")?;
        let text: String = text.split('\n').collect();
        let bytes = STANDARD.decode(text).ok()?;
        let rest = bytes.strip_prefix(b"SSHSIG\0\0\0\x01")?;
        let (key, _) = field(rest)?;
        Some(Self { armoured: armoured.to_owned(), key: key.to_vec() })
    }

    /// Whether it says that this key made it.
    #[must_use]
    pub fn names(&self, key: &SshPublicKey) -> bool {
        self.key == key.blob
    }

    /// The fingerprint of the key that it names.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key)
    }
}

/// A length of four bytes, and so many bytes; then the rest (RFC 4251 §5, `string`).
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Whether `key` made `signature` over `payload`, for git. The text says why not.
///
/// # Errors
/// [`RunError`] where ssh-keygen could not be asked.
pub fn verify_ssh(
    runner: &LocalRunner,
    scope: &Scope<'_>,
    key: &SshPublicKey,
    signature: &SshSignature,
    payload: &[u8],
) -> Result<Result<(), String>, RunError> {
    if !signature.names(key) {
        return Ok(Err(format!("another key made it: {}", signature.fingerprint())));
    }
    let io = |error: std::io::Error| RunError::Io(error.to_string());
    // One key in the file, so that the signer's name decides nothing (ssh-keygen(1), ALLOWED SIGNERS).
    let allowed = format!("tagboat namespaces=\"{NAMESPACE}\" {}\n", key.line);
    let allowed = written(allowed.as_bytes()).map_err(io)?;
    let signed = written(signature.armoured.as_bytes()).map_err(io)?;
    let path = |file: &NamedTempFile| file.path().display().to_string();
    let command = keygen("verify")
        .args(["-I", "tagboat", "-f"])
        .arg(path(&allowed))
        .arg("-s")
        .arg(path(&signed))
        .stdin(payload)
        .timeout(LOOKING);
    let scope = Scope { observer: &Silent, ..scope.clone() };
    let output = runner.run(&scope, &command)?;
    Ok(if output.success() { Ok(()) } else { Err(last_words(&output)) })
}

fn keygen(action: &str) -> Command {
    Command::new("ssh-keygen")
        .args(["-Y", action, "-n", NAMESPACE])
        // Nobody sits there to answer: a key that is locked is for the agent.
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("SSH_ASKPASS", "false")
}

fn written(bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}
