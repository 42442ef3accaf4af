//! Where a host is, and how it proves to be that host. In: text of a configuration. Out: values that ssh can
//! read in one way only.

use std::path::PathBuf;

use tagboat_core::ports::RunError;

/// The name under which the pinned key stands in our known_hosts, whatever the host's address.
pub(super) const KEY_ALIAS: &str = "tagboat-pinned";

/// A host's public key: `ssh-ed25519 AAAA…`, as in its `/etc/ssh/ssh_host_*_key.pub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey(String);

impl HostKey {
    /// Reads a type and a key in base64 (sshd(8), AUTHORIZED_KEYS FILE FORMAT); a comment after them is left
    /// out.
    ///
    /// # Errors
    /// [`RunError::HostKey`] for anything else.
    pub fn parse(text: &str) -> Result<Self, RunError> {
        let mut words = text.split_ascii_whitespace();
        let kind = |word: &&str| {
            word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.@".contains(&b))
                && !word.starts_with(['-', '@'])
        };
        let base64 = |word: &&str| {
            word.starts_with("AAAA")
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        };
        match (words.next().filter(kind), words.next().filter(base64)) {
            (Some(kind), Some(key)) if text.lines().count() == 1 => {
                Ok(Self(format!("{kind} {key}")))
            }
            _ => Err(RunError::HostKey("the pinned text is no public key".to_owned())),
        }
    }
}

/// How to reach a host. What is not said here is as the user's own ssh configuration says: jump hosts, for
/// example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    pub(super) host: String,
    pub(super) keys: Vec<HostKey>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity: Option<PathBuf>,
    pub(super) configuration: Option<PathBuf>,
}

impl SshAddress {
    /// The host of this name or address, which must show one of `keys`.
    ///
    /// # Errors
    /// [`RunError::Unreachable`] for a text that is no name, [`RunError::HostKey`] where no key is given:
    /// no host is believed at first sight.
    pub fn new(host: &str, keys: Vec<HostKey>) -> Result<Self, RunError> {
        check_word(host)?;
        if keys.is_empty() {
            return Err(RunError::HostKey(format!("no key is pinned for {host}")));
        }
        let host = host.to_owned();
        Ok(Self { host, keys, user: None, port: None, identity: None, configuration: None })
    }

    /// Logs in as this user.
    ///
    /// # Errors
    /// [`RunError::Unreachable`] for a text that is no user's name.
    pub fn user(mut self, user: &str) -> Result<Self, RunError> {
        check_word(user)?;
        self.user = Some(user.to_owned());
        Ok(self)
    }

    /// At this port.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// With this private key and no other.
    #[must_use]
    pub fn identity(mut self, file: impl Into<PathBuf>) -> Self {
        self.identity = Some(file.into());
        self
    }

    /// With this file in place of the user's and the machine's ssh_config(5).
    #[must_use]
    pub fn configuration(mut self, file: impl Into<PathBuf>) -> Self {
        self.configuration = Some(file.into());
        self
    }

    pub(super) fn known_hosts(&self) -> String {
        self.keys.iter().map(|key| format!("{KEY_ALIAS} {}\n", key.0)).collect()
    }
}

/// Letters, digits and what names and addresses have besides: never an option, a space or a `%` that ssh would
/// expand.
fn check_word(word: &str) -> Result<(), RunError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if word.is_empty() || word.starts_with('-') || word.len() > 255 || !word.bytes().all(plain) {
        let word: String = word.chars().take(64).collect();
        return Err(RunError::Unreachable(format!("{word:?} is no host's or user's name")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_key_is_one_type_and_one_key() {
        assert!(HostKey::parse("ssh-ed25519 AAAAC3Nza root@host").is_ok());
        for bad in
            ["", "ssh-ed25519", "AAAA", "@cert-authority AAAA", "-o AAAA", "ssh-rsa AAAA\n* x AAAA"]
        {
            assert!(HostKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_option_is_no_host_and_no_user() {
        let key = || vec![HostKey::parse("ssh-ed25519 AAAAC3Nza").unwrap()];
        for bad in ["", "-oProxyCommand=id", "a b", "a;b", "%h", "a/b"] {
            assert!(SshAddress::new(bad, key()).is_err(), "{bad:?}");
            assert!(SshAddress::new("host", key()).unwrap().user(bad).is_err(), "{bad:?}");
        }
        assert!(SshAddress::new("::1", key()).is_ok());
        assert!(SshAddress::new("host", Vec::new()).is_err());
    }
}
