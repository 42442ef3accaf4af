//! Signatures: in: text or bytes and a key, out: what gpgv and apt verify; and the same back again.

use std::io::{Read, Seek};
use std::path::Path;

use jiff::Timestamp;
use pgp::composed::{ArmorOptions, CleartextSignedMessage, Deserializable as _, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::KeyDetails;
use tagboat_core::command::Command;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};

use crate::keys::{Certificate, Fingerprint};

/// The largest signed text that is read, in bytes. Our own limit; `InRelease` of Debian 12 has 150 KiB, ours 2.
pub const MAX_SIGNED: usize = 512 << 10;

/// The most lines of a signed text. Our own limit, Debian's has 1,500: rPGP searches the whole text anew at
/// each line, so that only this keeps a hostile text to a second or two.
pub const MAX_LINES: usize = 10_000;

/// The longest line that can be signed with its signature around it, in bytes: GnuPG reads no longer ones
/// (`MAX_LINELEN`, 20,000 with the end of the line and an escaped dash).
pub const MAX_LINE: usize = 19_990;

/// Something that holds a secret key: the memory of this process, or later the gpg program with its agent or
/// card. It signs with the component that [`crate::keys::check`] chose; nothing else calls it.
pub trait Signer {
    /// The public half.
    fn certificate(&self) -> &Certificate;

    /// Whether the secret half of this key of the certificate is there.
    fn holds(&self, component: &Fingerprint) -> bool;

    /// `text` with a signature of the type "canonical text document" around it. It has no blanks at the ends
    /// of its lines, and ends with one newline.
    ///
    /// # Errors
    /// Why it could not be signed.
    fn inline(&self, component: &Fingerprint, text: &str, at: Timestamp) -> Result<String>;

    /// An armoured signature of the type "binary document" over all of `input`.
    ///
    /// # Errors
    /// Why it could not be signed.
    fn detached(
        &self,
        component: &Fingerprint,
        input: &mut dyn Read,
        at: Timestamp,
    ) -> Result<String>;
}

/// What a signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The text that was signed, nothing around it; empty for a detached signature.
    pub text: String,
    /// The certificate whose key signed.
    pub by: Fingerprint,
    /// When, by the signer's clock.
    pub at: Timestamp,
}

/// Verifies a text with its signature around it. Whether the key has expired since is not asked; a revoked
/// key, one bound by SHA-1 and a signature over SHA-1 count for nothing.
///
/// # Errors
/// `release::bad-signature`.
pub fn verify_inline(signed: &str, certificates: &[Certificate]) -> Result<Verified> {
    if signed.len() > MAX_SIGNED || signed.lines().count() > MAX_LINES {
        return Err(bad("it is larger than 512 KiB or 10,000 lines"));
    }
    let (message, _) = CleartextSignedMessage::from_string(signed).map_err(bad)?;
    let normal = message.signed_text();
    let (by, at) = verify(message.signatures(), certificates, |signature, key| {
        key.verifies(signature, &mut normal.as_bytes())
    })?;
    let mut text = normal.replace("\r\n", "\n");
    text.push('\n');
    Ok(Verified { text, by, at })
}

/// Verifies a detached, armoured signature over all of `input`, on the terms of [`verify_inline`].
///
/// # Errors
/// `release::bad-signature`.
pub fn verify_detached(
    armoured: &str,
    input: &mut (impl Read + Seek),
    certificates: &[Certificate],
) -> Result<Verified> {
    let (signatures, _) = DetachedSignature::from_string_many(armoured).map_err(bad)?;
    let signatures: Vec<Signature> = signatures
        .map(|signature| signature.map(|detached| detached.signature))
        .collect::<pgp::errors::Result<_>>()
        .map_err(bad)?;
    let start = input.stream_position().map_err(bad)?;
    let (by, at) = verify(&signatures, certificates, |signature, key| {
        input.seek(std::io::SeekFrom::Start(start)).is_ok() && key.verifies(signature, input)
    })?;
    Ok(Verified { text: String::new(), by, at })
}

/// gpgv over a signed text, as apt runs it. `keyring` is a file as [`Certificate::keyring`] makes it, absolute:
/// gpgv looks for a bare name in the user's own folder.
#[must_use]
pub fn gpgv_inline(keyring: &Path, signed: &Path) -> Command {
    gpgv(keyring).arg(signed.display().to_string())
}

/// gpgv over a file and its detached signature.
#[must_use]
pub fn gpgv_detached(keyring: &Path, signature: &Path, file: &Path) -> Command {
    gpgv(keyring).arg(signature.display().to_string()).arg(file.display().to_string())
}

fn gpgv(keyring: &Path) -> Command {
    Command::new("gpgv").arg("--keyring").arg(keyring.display().to_string()).arg("--")
}

fn verify(
    signatures: &[Signature],
    certificates: &[Certificate],
    mut verifies: impl FnMut(&Signature, crate::keys::KeyRef<'_>) -> bool,
) -> Result<(Fingerprint, Timestamp)> {
    for signature in signatures {
        let document = matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text));
        let Some(made) = signature.created() else { continue };
        let at = Timestamp::from_second(i64::from(made.as_secs())).map_err(bad)?;
        if !document || !crate::keys::is_strong(signature) {
            continue;
        }
        for certificate in certificates {
            for (key, component) in certificate.components() {
                let counts = component.is_ok_and(|found| found.signs && found.created <= at);
                if counts && verifies(signature, key) {
                    return Ok((certificate.fingerprint(), at));
                }
            }
        }
    }
    Err(bad("no signature in it is good and by a key that is trusted here"))
}

fn bad(why: impl std::fmt::Display) -> Box<Diagnostic> {
    let why: String = why.to_string().chars().take(300).flat_map(char::escape_debug).collect();
    Box::new(
        Diagnostic::unchanged(
            "release::bad-signature",
            Exit::Refused,
            "the signature is not good",
            "nothing was changed",
        )
        .fact("seen", why),
    )
}

/// Whether GnuPG would read every line of a signed text.
pub(crate) fn check_lines(text: &str) -> Result<()> {
    match text.lines().position(|line| line.len() > MAX_LINE) {
        None => Ok(()),
        Some(at) => Err(Box::new(
            Diagnostic::unchanged(
                "release::long-line",
                Exit::Refused,
                "a text has a line that is too long to be signed",
                "nothing was signed or published",
            )
            .fact("line", format!("{}, longer than {MAX_LINE} bytes", at + 1)),
        )),
    }
}

/// The text without blanks at the ends of its lines, with one newline at its own end. RFC 4880, 7.1 leaves
/// such blanks out of the signature; rPGP signs them and GnuPG does not, so they must not be there.
pub(crate) fn trim_lines(text: &str) -> String {
    let mut trimmed = String::with_capacity(text.len() + 1);
    for line in text.trim_end().lines() {
        trimmed.push_str(line.trim_end_matches([' ', '\t', '\r']));
        trimmed.push('\n');
    }
    if trimmed.is_empty() {
        trimmed.push('\n');
    }
    trimmed
}

/// What a signature of ours says beside its value: when and by whom. rPGP's own default asks the system's clock.
pub(crate) fn signature_config(
    key: &impl KeyDetails,
    kind: SignatureType,
    at: Timestamp,
) -> pgp::errors::Result<SignatureConfig> {
    let at = pgp::types::Timestamp::from_secs(u32::try_from(at.as_second()).unwrap_or(0));
    let mut config = SignatureConfig::v4(kind, key.algorithm(), HashAlgorithm::Sha512);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::critical(SubpacketData::SignatureCreationTime(at))?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(config)
}

/// The cleartext framework around `text`. The newline before the signature belongs to the frame (RFC 4880, 7.1),
/// so the text's own last one is left to it, as gpg does.
pub(crate) fn armoured_inline(
    text: &str,
    sign: impl FnOnce(&str) -> Result<Signature>,
) -> Result<String> {
    let mut failed = None;
    let message = CleartextSignedMessage::new_many(text.trim_end_matches('\n'), |normal| {
        sign(normal).map(|signature| vec![signature]).map_err(|error| {
            let told = error.message.clone();
            failed = Some(error);
            std::io::Error::other(told).into()
        })
    });
    let message = message.map_err(|error| {
        failed.take().unwrap_or_else(|| bug(format!("a text could not be signed: {error}")))
    })?;
    message
        .to_armored_string(ArmorOptions::default())
        .map_err(|error| bug(format!("a signed text could not be written: {error}")))
}

pub(crate) fn armoured_signature(signature: Signature) -> Result<String> {
    DetachedSignature::new(signature)
        .to_armored_string(ArmorOptions::default())
        .map_err(|error| bug(format!("a signature could not be written: {error}")))
}
