//! Keys. In: texts that name or are public keys. Out: fingerprints and keys that nobody can mistake.

use crate::decode::Text;
use crate::record::text;

text! {
    /// The fingerprint of an OpenPGP key: 40 hexadecimal digits (RFC 4880 §12.2) or 64 (RFC 9580 §5.5.4),
    /// upper case. A short id is refused: anybody can make a key that has it.
    pub struct Fingerprint;
    expected: "a whole fingerprint, 40 hexadecimal digits (`gpg --fingerprint` shows it)";
    pattern: "^([0-9A-F]{40}|[0-9A-F]{64})$";
    check: |text| {
        let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
        let short = |length: usize| matches!(length, 8 | 16);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if short(digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Err("a short key id can be forged")
        } else if hexadecimal && matches!(text.len(), 40 | 64) {
            if text.bytes().any(|b| b.is_ascii_lowercase()) {
                Err("a fingerprint is written in upper case, as gpg prints it")
            } else {
                Ok(())
            }
        } else {
            Err("this is no fingerprint")
        }
    };
}

/// Who may sign a tag that is deployed to a protected environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer(SignerKey);

/// A signer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerKey {
    /// An OpenPGP key.
    OpenPgp(Fingerprint),
    /// An ssh key: algorithm and key, as in `allowed_signers` (ssh-keygen(1)).
    Ssh(String),
}

impl Signer {
    /// The signer whose OpenPGP key has this fingerprint.
    #[must_use]
    pub const fn open_pgp(fingerprint: Fingerprint) -> Self {
        Self(SignerKey::OpenPgp(fingerprint))
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &SignerKey {
        &self.0
    }
}

impl Text for Signer {
    const EXPECTED: &'static str =
        "a whole OpenPGP fingerprint, or an ssh key, as `ssh-ed25519 AAAA…`";

    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.splitn(3, ' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        match second {
            // A third word is a comment, as `ssh-keygen` writes it.
            Some(key) => {
                check_public_key(first, key)?;
                Ok(Self(SignerKey::Ssh(format!("{first} {key}"))))
            }
            None => Fingerprint::parse(text).map(|key| Self(SignerKey::OpenPgp(key))),
        }
    }

    fn text(&self) -> String {
        match &self.0 {
            SignerKey::OpenPgp(fingerprint) => fingerprint.as_str().to_owned(),
            SignerKey::Ssh(key) => key.clone(),
        }
    }
}

/// Public key algorithms of sshd(8) that hosts and people use, each with the least bytes of such a key.
const ALGORITHMS: [(&str, usize); 5] = [
    ("ssh-ed25519", 51),
    ("ecdsa-sha2-nistp256", 104),
    ("ecdsa-sha2-nistp384", 136),
    ("ecdsa-sha2-nistp521", 172),
    // 2048 bits, the least that OpenSSH's RequiredRSASize may be wished to have.
    ("ssh-rsa", 270),
];

/// Whether `key` is base64 of a key of `algorithm`: it begins with its algorithm's name (RFC 4253 §6.6).
pub(crate) fn check_public_key(algorithm: &str, key: &str) -> Result<(), &'static str> {
    let Some((_, least)) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm) else {
        return Err(
            "this starts with none of ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 and ssh-rsa",
        );
    };
    let bytes = base64(key).ok_or("the key is no base64")?;
    let length = u32::try_from(algorithm.len()).unwrap_or(u32::MAX).to_be_bytes();
    let named =
        bytes.strip_prefix(&length).and_then(|rest| rest.strip_prefix(algorithm.as_bytes()));
    if named.is_none() {
        return Err("the key is of another algorithm than the word before it");
    }
    if bytes.len() < *least {
        return Err("the key is cut short, or too weak");
    }
    Ok(())
}

/// Padded standard base64 (RFC 4648 §4), strictly.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 || text.len() > 16384 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}
