//! The check of a key before anything is touched: in: who signs, which key is configured and the time, out: a key that may sign, or why not.

use std::fmt;
use std::io::{Cursor, Read, Seek};

use jiff::{SignedDuration, Timestamp};
use pgp::types::{EcdsaPublicParams, KeyDetails as _, PublicParams};
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::time::readable;

use super::binding::{KeyRef, Problem};
use super::{Certificate, Component, Fingerprint, STILL};
use crate::signature::{Signer, check_lines, trim_lines, verify_detached, verify_inline};

/// How long before its end a key is spoken of (SPEC G1: warned before a key ages out).
pub const WARN_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A key that passed [`check`]: the only thing that signs a release or a repository.
pub struct CheckedKey {
    signer: Box<dyn Signer>,
    component: Component,
    until: Option<Timestamp>,
    warning: Option<Diagnostic>,
}

/// Checks the key that `signer` holds, at the time `now`: is it the `expected` one, valid, not revoked, not
/// bound by SHA-1, able to sign, readable by gpgv of Debian 12? Then signs a probe and verifies it, so that a
/// dead agent or a wrong passphrase shows here.
///
/// Of several keys in a certificate the newest subkey that may sign is taken, else the primary key, as gpg does.
///
/// # Errors
/// `keys::other-key`, `keys::algorithm`, `keys::revoked`, `keys::weak-binding`, `keys::unbound`, `keys::not-yet-valid`,
/// `keys::expired`, `keys::cannot-sign`, and what the signer says.
pub fn check(
    signer: Box<dyn Signer>,
    expected: Option<&Fingerprint>,
    now: Timestamp,
) -> Result<CheckedKey> {
    let certificate = signer.certificate();
    let found = certificate.fingerprint();
    if let Some(expected) = expected.filter(|expected| **expected != found) {
        return Err(Box::new(
            refuse("keys::other-key", "the key is not the configured one")
                .fact("configured", expected.to_string())
                .fact("found", found.to_string())
                .help("set the key's text or `gpg.signing.key_id`, so that both name one key"),
        ));
    }
    let components = certificate.components();
    let (key, primary) = components.first().ok_or_else(|| bug("a certificate has no key"))?;
    check_algorithm(*key)?;
    let primary = primary.clone().map_err(|problem| told(problem, certificate))?;
    check_time(&primary, certificate, now)?;

    let mut refused = None;
    let mut usable: Vec<Component> = Vec::new();
    for (key, component) in components {
        let judged = component.map_err(|problem| told(problem, certificate)).and_then(|found| {
            if found.signs {
                check_algorithm(key)?;
                check_time(&found, certificate, now)?;
            }
            Ok(found)
        });
        match judged {
            Ok(found) if found.signs && signer.holds(&found.fingerprint) => usable.push(found),
            Ok(_) => {}
            Err(why) => refused = Some(why),
        }
    }
    let is_subkey = |component: &Component| component.fingerprint != found;
    let component = usable.into_iter().max_by_key(|usable| (is_subkey(usable), usable.created));
    let component = component.ok_or_else(|| {
        refused.unwrap_or_else(|| {
            Box::new(
                refuse("keys::cannot-sign", "no key of the certificate may sign")
                    .fact("key", named(certificate))
                    .help("make a signing key: `tagboat keys new`"),
            )
        })
    })?;
    let until = [primary.until, component.until].into_iter().flatten().min();
    let warning = until.filter(|until| until.duration_since(now) <= WARN_BEFORE).map(|until| {
        Diagnostic::unchanged(
            "keys::expires-soon",
            Exit::Done,
            "the signing key expires soon",
            "the key signs until then",
        )
        .fact("key", named(certificate))
        .fact("expires", readable(until))
        .help("make its successor now, so that users can have both: `tagboat keys new`")
    });
    let checked = CheckedKey { component, until, warning, signer };
    drop(checked.detached(&mut Cursor::new(b"probe"), now)?);
    Ok(checked)
}

impl CheckedKey {
    /// The public half, for users and for verifying.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        self.signer.certificate()
    }

    /// The fingerprint of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate().fingerprint()
    }

    /// The primary key or the subkey that signs.
    #[must_use]
    pub const fn component(&self) -> &Component {
        &self.component
    }

    /// When it expires, if ever.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// `keys::expires-soon`, from 30 days before the end.
    #[must_use]
    pub const fn warning(&self) -> Option<&Diagnostic> {
        self.warning.as_ref()
    }

    /// `text` with its signature around it (RFC 4880, 7: the form of `InRelease`), made at `at` and verified.
    /// Blanks at the ends of lines are not covered by such a signature, so they are taken off first; the text
    /// ends with one newline.
    ///
    /// # Errors
    /// `release::long-line`, what the signer says; a bug where its signature does not verify.
    pub fn inline_sign(&self, text: &str, at: Timestamp) -> Result<String> {
        let text = trim_lines(text);
        check_lines(&text)?;
        let signed = self.signer.inline(&self.component.fingerprint, &text, at)?;
        let verified = verify_inline(&signed, std::slice::from_ref(self.certificate()))
            .map_err(|error| bug(format!("our own signature does not verify: {error}")))?;
        if verified.text != text {
            return Err(bug("our own signature is over another text"));
        }
        Ok(signed)
    }

    /// The armoured signature over the bytes of `input`, made at `at` and verified: `Release.gpg`, `<file>.asc`.
    /// The input is read from its start, twice.
    ///
    /// # Errors
    /// What the signer says, `release::unreadable` for the input; a bug where the signature does not verify.
    pub fn detached<R: Read + Seek>(&self, input: &mut R, at: Timestamp) -> Result<String> {
        let unreadable = |error: std::io::Error| {
            Box::new(
                Diagnostic::unchanged(
                    "release::unreadable",
                    Exit::Outside,
                    "a file could not be read while it was signed",
                    STILL,
                )
                .fact("seen", error.to_string()),
            )
        };
        input.rewind().map_err(unreadable)?;
        let signature = self.signer.detached(&self.component.fingerprint, input, at)?;
        input.rewind().map_err(unreadable)?;
        verify_detached(&signature, input, std::slice::from_ref(self.certificate()))
            .map_err(|error| bug(format!("our own signature does not verify: {error}")))?;
        Ok(signature)
    }
}

impl fmt::Debug for CheckedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedKey")
            .field("fingerprint", &self.fingerprint())
            .field("component", &self.component)
            .finish_non_exhaustive()
    }
}

fn refuse(code: &'static str, message: &'static str) -> Diagnostic {
    Diagnostic::unchanged(code, Exit::Refused, message, STILL)
}

fn named(certificate: &Certificate) -> String {
    format!("{} {}", certificate.fingerprint(), certificate.user_id())
}

fn told(problem: Problem, certificate: &Certificate) -> Box<Diagnostic> {
    let diagnostic = match problem {
        Problem::Revoked => refuse("keys::revoked", "the signing key was revoked")
            .help("sign with its successor, and tell users which key that is"),
        Problem::WeakHash => refuse("keys::weak-binding", "the key vouches for itself with SHA-1")
            .fact("effect", "apt refuses such keys since 2026-02-01")
            .help("renew its self-signature: `gpg --quick-set-expire FINGERPRINT 1y`"),
        Problem::Unbound => refuse("keys::unbound", "the key has no self-signature that verifies")
            .help("export it again: `gpg --armor --export-secret-keys FINGERPRINT`"),
    };
    Box::new(diagnostic.fact("key", named(certificate)))
}

fn check_time(component: &Component, certificate: &Certificate, now: Timestamp) -> Result<()> {
    let from = component.created.max(component.bound);
    if from > now {
        return Err(Box::new(
            refuse("keys::not-yet-valid", "the signing key is not valid yet")
                .fact("key", named(certificate))
                .fact("valid", format!("from {}", readable(from)))
                .fact("now", readable(now))
                .help("set this machine's clock: `timedatectl`"),
        ));
    }
    if let Some(until) = component.until.filter(|until| *until <= now) {
        return Err(Box::new(
            refuse("keys::expired", "the signing key has expired")
                .fact("key", named(certificate))
                .fact("expired", readable(until))
                .help("extend it and publish it anew (`gpg --quick-set-expire FINGERPRINT 1y`), or `tagboat keys new`"),
        ));
    }
    Ok(())
}

/// What gpgv of Debian 12 (GnuPG 2.2) verifies and apt's `Apt::Key::Assert-Pubkey-Algo` (2.9) accepts.
fn check_algorithm(key: KeyRef<'_>) -> Result<()> {
    let params = match key {
        KeyRef::Primary(key) => key.public_params(),
        KeyRef::Sub(key) => key.public_params(),
    };
    let seen = match params {
        PublicParams::EdDSALegacy(_) => return Ok(()),
        PublicParams::ECDSA(
            EcdsaPublicParams::P256 { .. }
            | EcdsaPublicParams::P384 { .. }
            | EcdsaPublicParams::P521 { .. },
        ) => return Ok(()),
        PublicParams::RSA(rsa) => {
            use pgp::ser::Serialize as _;
            // Two MPIs (RFC 4880, 3.2): modulus and exponent, each behind its length in bits.
            let bits = rsa
                .to_bytes()
                .ok()
                .and_then(|bytes| Some(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?])));
            match bits {
                Some(2048..) => return Ok(()),
                bits => format!("RSA with {} bits; 2048 is the least", bits.unwrap_or(0)),
            }
        }
        PublicParams::DSA(_) => "DSA".to_owned(),
        PublicParams::Ed25519(_) | PublicParams::Ed448(_) => {
            "an Ed25519 or Ed448 key in the form of RFC 9580".to_owned()
        }
        _ => "an algorithm that is not for signing, or not known".to_owned(),
    };
    Err(algorithm(seen))
}

pub(super) fn algorithm(seen: String) -> Box<Diagnostic> {
    Box::new(
        refuse("keys::algorithm", "apt on supported systems could not verify this kind of key")
            .fact("seen", seen)
            .help("make an Ed25519 key that all of them read: `tagboat keys new`"),
    )
}
