//! What a certificate says of its own keys: in: a certificate, out: each key that may sign, until when, or what is wrong with it.
//!
//! rPGP verifies single signatures and has no policy; the policy is here, and its sources are GnuPG's
//! `merge_selfsigs` (the newest self-signature counts) and apt's and sqv's refusal of SHA-1.

use jiff::Timestamp;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag};

use super::{Certificate, Fingerprint, instant};

/// A primary key or a subkey.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyRef<'a> {
    Primary(&'a PublicKey),
    Sub(&'a PublicSubkey),
}

impl KeyRef<'_> {
    /// Whether this key made the signature over all of `input`.
    pub(crate) fn verifies(self, signature: &Signature, input: &mut dyn std::io::Read) -> bool {
        match self {
            Self::Primary(key) => signature.verify(key, input).is_ok(),
            Self::Sub(key) => signature.verify(key, input).is_ok(),
        }
    }
}

/// Why a key of a certificate does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No self-signature that verifies.
    Unbound,
    /// The newest self-signature is over SHA-1 or MD5.
    WeakHash,
    /// It was revoked.
    Revoked,
}

/// A key that its certificate binds, and what the binding says.
#[derive(Clone, Debug)]
pub struct Component {
    /// Of this key; of the certificate itself, where it is the primary key.
    pub fingerprint: Fingerprint,
    /// When the key was made: no signature of it is older.
    pub created: Timestamp,
    /// When its newest self-signature was made: what is said here is true from then on.
    pub bound: Timestamp,
    /// From then on it is not; `None`: for ever.
    pub until: Option<Timestamp>,
    /// Whether it may sign what is not a key.
    pub signs: bool,
}

/// A key and what its certificate says of it.
pub(crate) type Read<'a> = (KeyRef<'a>, Result<Component, Problem>);

impl Certificate {
    /// The primary key, then the subkeys in their order; keys that are not of version 4 are left out.
    pub(crate) fn components(&self) -> Vec<Read<'_>> {
        let primary = &self.key.primary_key;
        let mut components = vec![(KeyRef::Primary(primary), self.primary())];
        for sub in &self.key.public_subkeys {
            if let Some(fingerprint) = Fingerprint::of(&sub.key) {
                let bound = bind_subkey(primary, &sub.key, &sub.signatures, fingerprint);
                components.push((KeyRef::Sub(&sub.key), bound));
            }
        }
        components
    }

    fn primary(&self) -> Result<Component, Problem> {
        let key = &self.key.primary_key;
        let details = &self.key.details;
        // Whether or not it verifies: a doubtful revocation is looked into by a person.
        if details.revocation_signatures.iter().any(|signature| is_by(signature, key)) {
            return Err(Problem::Revoked);
        }
        let mut signatures: Vec<&Signature> = Vec::new();
        for user in &details.users {
            let verified = user.signatures.iter().filter(|signature| {
                is_by(signature, key)
                    && signature.verify_certification(key, Tag::UserId, &user.id).is_ok()
            });
            let newest = newest(verified);
            signatures.extend(newest.filter(|s| s.typ() != Some(SignatureType::CertRevocation)));
        }
        signatures.extend(
            details.direct_signatures.iter().filter(|s| is_by(s, key) && s.verify_key(key).is_ok()),
        );
        let binding = newest(signatures.into_iter()).ok_or(Problem::Unbound)?;
        // A primary key without flags may do what its algorithm can: keys older than RFC 2440 had none.
        component(key, self.fingerprint(), binding, |flags| flags.is_none_or(KeyFlags::sign))
    }
}

fn bind_subkey(
    primary: &PublicKey,
    key: &PublicSubkey,
    signatures: &[Signature],
    fingerprint: Fingerprint,
) -> Result<Component, Problem> {
    if signatures.iter().any(|s| s.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Err(Problem::Revoked);
    }
    let verified = signatures.iter().filter(|s| s.verify_subkey_binding(primary, key).is_ok());
    let binding = newest(verified).ok_or(Problem::Unbound)?;
    let component =
        component(key, fingerprint, binding, |flags| flags.is_some_and(KeyFlags::sign))?;
    if component.signs {
        // RFC 4880, 5.2.1: a subkey that signs says itself that it belongs to the primary key.
        let back = binding.embedded_signature().ok_or(Problem::Unbound)?;
        back.verify_primary_key_binding(key, primary).map_err(|_| Problem::Unbound)?;
        if !is_strong(back) {
            return Err(Problem::WeakHash);
        }
    }
    Ok(component)
}

fn component(
    key: &impl KeyDetails,
    fingerprint: Fingerprint,
    binding: &Signature,
    may_sign: impl Fn(Option<&KeyFlags>) -> bool,
) -> Result<Component, Problem> {
    if !is_strong(binding) {
        return Err(Problem::WeakHash);
    }
    let created = i64::from(key.created_at().as_secs());
    let made = seconds(binding);
    let end = |start: i64, lasts: Option<pgp::types::Duration>| {
        lasts.map(|lasts| i64::from(lasts.as_secs())).filter(|lasts| *lasts != 0).map(|l| start + l)
    };
    let ends = [
        end(created, binding.key_expiration_time()),
        end(made, binding.signature_expiration_time()),
    ];
    let flags = binding.config().and_then(|config| {
        config.hashed_subpackets().find_map(|subpacket| match &subpacket.data {
            SubpacketData::KeyFlags(flags) => Some(flags),
            _ => None,
        })
    });
    Ok(Component {
        fingerprint,
        created: instant(created),
        bound: instant(made),
        until: ends.into_iter().flatten().min().map(instant),
        signs: may_sign(flags),
    })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| seconds(signature))
}

fn seconds(signature: &Signature) -> i64 {
    signature.created().map_or(0, |time| i64::from(time.as_secs()))
}

/// Whether a signature says that this key made it, or does not say who did.
fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    (ids.is_empty() && fingerprints.is_empty())
        || ids.iter().any(|id| **id == key.legacy_key_id())
        || fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint())
}

/// apt refuses signatures over less since 2016 (`APT::Hashes`), sqv's policy keys bound by SHA-1 since 2026-02-01.
pub(crate) fn is_strong(signature: &Signature) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha224, Sha256, Sha384, Sha512};
    matches!(signature.hash_alg(), Some(Sha224 | Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512))
}
