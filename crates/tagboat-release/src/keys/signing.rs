//! The key that signs, in memory: in: an armoured secret key and its passphrase, or the wish for a new key, out: signatures.

use std::fmt;
use std::io::Read;

use jiff::Timestamp;
use pgp::composed::{
    ArmorOptions, Deserializable as _, KeyType, SignedKeyDetails, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{
    Features, KeyFlags, PubKeyInner, PublicKey, SecretKey, SignatureConfig, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::types::{
    KeyDetails as _, KeyVersion, Password, S2kParams, SecretParams, SignedUser, StringToKey, Tag,
};
use rand08::rngs::OsRng;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};
use tagboat_core::secret::Secret;

use super::{Certificate, Fingerprint, STILL, check_size, only, unreadable};
use crate::signature::{Signer, armoured_inline, armoured_signature, signature_config};

/// How long a new key lasts, in days (SPEC G1 `key_management.rotation_days`).
pub const ROTATION_DAYS: u32 = 365;

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKeyRequest {
    /// `Name <address>`.
    pub user_id: String,
    /// Days until it expires; [`ROTATION_DAYS`] where nobody says otherwise; 0: never.
    pub days: u32,
    /// Locks the exported secret key.
    pub passphrase: Option<Secret>,
}

/// A new key.
#[derive(Debug)]
pub struct NewKey {
    /// Ready to sign.
    pub key: SigningKey,
    /// The armoured secret key, locked where there is a passphrase: what `GPG_PRIVATE_KEY` holds. It is nowhere else.
    pub secret: Secret,
}

/// A secret key in the memory of this process, unlocked.
pub struct SigningKey {
    key: SignedSecretKey,
    certificate: Certificate,
}

impl SigningKey {
    /// Makes an Ed25519 key of version 4 that certifies and signs, in the form that GnuPG 2.2 reads (algorithm 22).
    ///
    /// # Errors
    /// `keys::user-id` for a user id that is empty, longer than 200 bytes or not one printable line.
    pub fn generate(request: &NewKeyRequest, now: Timestamp) -> Result<NewKey> {
        let id = &request.user_id;
        if id.trim().is_empty() || id.len() > 200 || id.chars().any(char::is_control) {
            return Err(Box::new(
                Diagnostic::unchanged(
                    "keys::user-id",
                    Exit::Usage,
                    "a key needs a name of one line, of at most 200 bytes",
                    STILL,
                )
                .fact("seen", format!("{id:?}").chars().take(240).collect::<String>())
                .help("name it as in `Example Archive <archive@example.org>`"),
            ));
        }
        let failed = |error: pgp::errors::Error| bug(format!("a key could not be made: {error}"));
        let (unlocked, mut exported) = make(request, now).map_err(failed)?;
        if let Some(passphrase) = &request.passphrase {
            let password = Password::from(passphrase.expose());
            let lock = S2kParams::new_default(OsRng, KeyVersion::V4);
            exported.primary_key.set_password_with_s2k(&password, lock).map_err(failed)?;
        }
        let secret = exported.to_armored_string(ArmorOptions::default()).map_err(failed)?;
        Ok(NewKey { key: Self::of(unlocked)?, secret: Secret::new(secret) })
    }

    /// Reads one armoured secret key and unlocks all that can sign in it.
    ///
    /// # Errors
    /// `keys::unreadable`, `keys::passphrase`; `keys::algorithm` for a key that is not of version 4.
    pub fn load(armoured: &Secret, passphrase: Option<&Secret>) -> Result<Self> {
        let bytes = armoured.expose().as_bytes();
        check_size(bytes)?;
        let (keys, _) = SignedSecretKey::from_armor_many(bytes).map_err(unreadable)?;
        let mut key = only(keys)?;
        let password =
            passphrase.map_or_else(Password::empty, |secret| Password::from(secret.expose()));
        let refused = |_| {
            let seen = if passphrase.is_some() { "it is wrong" } else { "there is none" };
            Box::new(
                Diagnostic::unchanged(
                    "keys::passphrase",
                    Exit::Refused,
                    "the secret key could not be unlocked with its passphrase",
                    STILL,
                )
                .fact("passphrase", seen)
                .help("set the secret that `gpg.signing.passphrase_secret` names"),
            )
        };
        if is_locked(key.primary_key.secret_params()) {
            key.primary_key.remove_password(&password).map_err(refused)?;
        }
        for sub in &mut key.secret_subkeys {
            if is_locked(sub.key.secret_params()) {
                sub.key.remove_password(&password).map_err(refused)?;
            }
        }
        Self::of(key)
    }

    fn of(key: SignedSecretKey) -> Result<Self> {
        let certificate = Certificate::of(SignedPublicKey::from(key.clone()))?;
        Ok(Self { key, certificate })
    }

    fn sign(
        &self,
        component: &Fingerprint,
        kind: SignatureType,
        at: Timestamp,
        input: &mut dyn Read,
    ) -> Result<pgp::packet::Signature> {
        let failed =
            |error: pgp::errors::Error| bug(format!("a signature could not be made: {error}"));
        let none = &Password::empty();
        if Fingerprint::of(&self.key.primary_key) == Some(*component) {
            let key = &self.key.primary_key;
            return signature_config(key, kind, at)
                .and_then(|config| config.sign(key, none, input))
                .map_err(failed);
        }
        let subkey = self
            .key
            .secret_subkeys
            .iter()
            .find(|sub| Fingerprint::of(&sub.key) == Some(*component));
        let key = &subkey.ok_or_else(|| bug(format!("the key {component} is not held")))?.key;
        signature_config(key, kind, at)
            .and_then(|config| config.sign(key, none, input))
            .map_err(failed)
    }
}

impl Signer for SigningKey {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn holds(&self, component: &Fingerprint) -> bool {
        let primary = &self.key.primary_key;
        if Fingerprint::of(primary) == Some(*component) {
            return !primary.secret_params().is_encrypted();
        }
        self.key.secret_subkeys.iter().any(|sub| {
            Fingerprint::of(&sub.key) == Some(*component) && !sub.key.secret_params().is_encrypted()
        })
    }

    fn inline(&self, component: &Fingerprint, text: &str, at: Timestamp) -> Result<String> {
        armoured_inline(text, |normal| {
            self.sign(component, SignatureType::Text, at, &mut normal.as_bytes())
        })
    }

    fn detached(
        &self,
        component: &Fingerprint,
        input: &mut dyn Read,
        at: Timestamp,
    ) -> Result<String> {
        armoured_signature(self.sign(component, SignatureType::Binary, at, input)?)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.certificate.fingerprint())
    }
}

/// Whether a passphrase would unlock it. GnuPG marks a secret that was left out of an export, or lies on a card,
/// by a private kind of lock (doc/DETAILS, `gnu-dummy`): there is nothing behind it.
fn is_locked(secret: &SecretParams) -> bool {
    let SecretParams::Encrypted(secret) = secret else { return false };
    !matches!(
        secret.string_to_key_params(),
        S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
            | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. }
    )
}

/// The same key twice: to sign with, and to be locked and exported.
fn make(
    request: &NewKeyRequest,
    now: Timestamp,
) -> pgp::errors::Result<(SignedSecretKey, SignedSecretKey)> {
    let created = pgp::types::Timestamp::from_secs(u32::try_from(now.as_second()).unwrap_or(0));
    let lasts = pgp::types::Duration::from_secs(request.days.saturating_mul(24 * 60 * 60));
    let (public, secret) = KeyType::Ed25519Legacy.generate(OsRng)?;
    let public = PublicKey::from_inner(PubKeyInner::new(
        KeyVersion::V4,
        PublicKeyAlgorithm::EdDSALegacy,
        created,
        None,
        public,
    )?)?;
    let key = SecretKey::new(public.clone(), secret)?;

    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    let mut features = Features::default();
    features.set_seipd_v1(true);
    let mut config =
        SignatureConfig::v4(SignatureType::CertPositive, key.algorithm(), HashAlgorithm::Sha512);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::critical(SubpacketData::SignatureCreationTime(created))?,
        Subpacket::critical(SubpacketData::KeyFlags(flags))?,
        Subpacket::critical(SubpacketData::KeyExpirationTime(lasts))?,
        Subpacket::regular(SubpacketData::IsPrimary(true))?,
        Subpacket::regular(SubpacketData::Features(features))?,
        Subpacket::regular(SubpacketData::PreferredSymmetricAlgorithms(
            [SymmetricKeyAlgorithm::AES256].into_iter().collect(),
        ))?,
        Subpacket::regular(SubpacketData::PreferredHashAlgorithms(
            [HashAlgorithm::Sha512, HashAlgorithm::Sha256].into_iter().collect(),
        ))?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    let id = UserId::from_str(Default::default(), &request.user_id)?;
    let certified =
        config.sign_certification(&key, &public, &Password::empty(), Tag::UserId, &id)?;
    let details = SignedKeyDetails::new(
        Vec::new(),
        Vec::new(),
        vec![SignedUser::new(id, vec![certified])],
        Vec::new(),
    );
    let signed = SignedSecretKey::new(key, details, Vec::new(), Vec::new());
    Ok((signed.clone(), signed))
}
