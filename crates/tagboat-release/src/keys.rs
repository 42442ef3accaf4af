//! Keys: in: armoured or binary OpenPGP keys, or the wish for a new one, out: a certificate, a signing key, a checked key.

mod binding;
mod check;
mod signing;

use std::fmt;

use jiff::Timestamp;
use pgp::composed::{ArmorOptions, Deserializable as _, SignedPublicKey};
use pgp::ser::Serialize as _;
use pgp::types::KeyDetails as _;
use tagboat_core::diagnostic::{Diagnostic, Exit, Result, bug};

pub use binding::Component;
pub(crate) use binding::{KeyRef, is_strong};
pub use check::{CheckedKey, WARN_BEFORE, check};
pub use signing::{NewKey, NewKeyRequest, ROTATION_DAYS, SigningKey};

/// The largest key text that is read, in bytes. Our own limit; a key with a hundred certifications has 50 KiB.
pub const MAX_KEY: usize = 1 << 20;

/// Said by every refusal of this module.
pub(crate) const STILL: &str = "nothing was signed or published";

/// The fingerprint of a version 4 key: the SHA-1 over its public part (RFC 4880, 12.2), 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Reads 40 hexadecimal digits, as gpg prints them: in groups, or with `0x` before them.
    ///
    /// # Errors
    /// `keys::fingerprint-form`. The short ids of 8 and 16 digits are refused: others can make keys that have
    /// the same (SPEC G1).
    pub fn parse(text: &str) -> Result<Self> {
        let digits: String = text.split_whitespace().collect();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        let mut bytes = [0; 20];
        let right = digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let read = right.then(|| {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
            }
            Some(Self(bytes))
        });
        read.flatten().ok_or_else(|| {
            let why = match digits.len() {
                8 | 16 => "it is a short id, and other keys can have the same",
                _ => "it is not 40 hexadecimal digits",
            };
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            Box::new(
                Diagnostic::unchanged(
                    "keys::fingerprint-form",
                    Exit::Usage,
                    "the configured key is not named by its full fingerprint",
                    STILL,
                )
                .fact("seen", format!("\"{shown}\": {why}"))
                .help("print it with `gpg --fingerprint`"),
            )
        })
    }

    fn of(key: &impl pgp::types::KeyDetails) -> Option<Self> {
        match key.fingerprint() {
            pgp::types::Fingerprint::V4(bytes) => Some(Self(bytes)),
            _ => None,
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key with its user ids, subkeys and self-signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub(crate) key: SignedPublicKey,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Reads one public key, armoured or binary.
    ///
    /// # Errors
    /// `keys::unreadable` for anything but exactly one key; `keys::algorithm` for a key that is not of version 4.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        check_size(bytes)?;
        let keys = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            SignedPublicKey::from_armor_many(bytes).map(|(keys, _)| only(keys))
        } else {
            SignedPublicKey::from_bytes_many(bytes).map(only)
        };
        Self::of(keys.map_err(unreadable)??)
    }

    pub(crate) fn of(key: SignedPublicKey) -> Result<Self> {
        let fingerprint = Fingerprint::of(&key.primary_key).ok_or_else(|| {
            let version = u8::from(key.primary_key.version());
            check::algorithm(format!("a key of version {version}"))
        })?;
        Ok(Self { key, fingerprint })
    }

    /// The fingerprint of its primary key: the name of the whole.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its first user id, made safe to print; empty where it has none.
    #[must_use]
    pub fn user_id(&self) -> String {
        let first = self.key.details.users.first();
        let id = first.map_or_else(String::new, |user| {
            String::from_utf8_lossy(user.id.id()).chars().flat_map(char::escape_debug).collect()
        });
        id.chars().take(200).collect()
    }

    /// As text, for people and web pages: `.asc`.
    ///
    /// # Errors
    /// A bug.
    pub fn armoured(&self) -> Result<String> {
        self.key.to_armored_string(ArmorOptions::default()).map_err(|error| {
            bug(format!("a public key that was read could not be written: {error}"))
        })
    }

    /// As bytes: what `Signed-By` of apt and gpgv's `--keyring` take in every version (`.gpg`).
    ///
    /// # Errors
    /// A bug.
    pub fn keyring(&self) -> Result<Vec<u8>> {
        self.key.to_bytes().map_err(|error| {
            bug(format!("a public key that was read could not be written: {error}"))
        })
    }
}

fn check_size(bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_KEY {
        return Err(unreadable("it is larger than 1 MiB"));
    }
    Ok(())
}

/// The one key of a text.
fn only<T>(mut keys: impl Iterator<Item = pgp::errors::Result<T>>) -> Result<T> {
    let first = keys.next().ok_or_else(|| unreadable("there is no key in it"))?;
    let first = first.map_err(unreadable)?;
    match keys.next() {
        None => Ok(first),
        Some(Ok(_)) => Err(unreadable("there is more than one key in it")),
        Some(Err(error)) => Err(unreadable(error)),
    }
}

fn unreadable(why: impl fmt::Display) -> Box<Diagnostic> {
    let why: String = why.to_string().chars().take(300).flat_map(char::escape_debug).collect();
    Box::new(
        Diagnostic::unchanged("keys::unreadable", Exit::Usage, "the key could not be read", STILL)
            .fact("seen", why)
            .help("export it again: `gpg --armor --export-secret-keys FINGERPRINT`"),
    )
}

/// Seconds since 1970 as an instant; OpenPGP has no others.
fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_fingerprint_names_a_key() {
        let full = "0123 4567 89AB CDEF 0123  4567 89ab cdef 0123 4567";
        let parsed = Fingerprint::parse(full).unwrap();
        assert_eq!(parsed.to_string(), "0123456789ABCDEF0123456789ABCDEF01234567");
        assert_eq!(Fingerprint::parse(&format!("0x{parsed}")).unwrap(), parsed);
        for bad in ["", "89ABCDEF", "0123456789ABCDEF", &"g".repeat(40), &"0".repeat(64), "é"] {
            assert_eq!(Fingerprint::parse(bad).unwrap_err().code, "keys::fingerprint-form");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in
            [&b""[..], b"hello", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", &[0x99; 80]]
        {
            assert_eq!(Certificate::parse(bad).unwrap_err().code, "keys::unreadable", "{bad:?}");
        }
    }
}
