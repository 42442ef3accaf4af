//! What ssh is given. In: texts of an environment. Out: names, users and keys that are arguments and lines of
//! `known_hosts`, never options.

use tagboat_core::environment::{HostName, RegionName};

use super::key::check_public_key;
use crate::decode::{Repeated, Text};
use crate::record::text;

text! {
    /// What ssh can reach: a host name or an address.
    pub struct Address;
    expected: "a host name or an address, as `192.0.2.10`";
    pattern: "^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,254}$";
    repeated: Allowed;
    check: |text| {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b':');
        let inner = |b: u8| b.is_ascii_alphanumeric() || b".:_-".contains(&b);
        if first && text.len() <= 255 && text.bytes().all(inner) { Ok(()) }
        else { Err("an address has letters, digits and `.:_-` only; the port has a key of its own") }
    };
}

text! {
    /// Who logs in: as useradd(8) of Debian accepts names.
    pub struct UserName;
    expected: "a user's name, as `deploy`";
    pattern: "^[a-z_][a-z0-9_-]{0,31}$";
    repeated: Allowed;
    check: |text| {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if first && text.len() <= 32 && text.bytes().all(inner) { Ok(()) }
        else { Err("a user's name has lower-case letters, digits and `_-` only, 32 at most") }
    };
}

text! {
    /// A host's public key without its name, as in a line of `known_hosts` (sshd(8)).
    pub struct HostKey;
    expected: "a public key, as `ssh-ed25519 AAAA…` (`ssh-keyscan` shows it; compare it on the host)";
    check: check_host_key;
}

fn check_host_key(text: &str) -> Result<(), &'static str> {
    let mut words = text.split(' ');
    let (algorithm, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if words.next().is_some() {
        return Err("a host key is an algorithm and a key, without name or comment");
    }
    check_public_key(algorithm, key)
}

impl Text for HostName {
    const EXPECTED: &'static str = "the name of a host, as `web-1`";
    const PATTERN: Option<&'static str> = Some("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$");
    const REPEATED: Repeated = Repeated::Refused;

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Text for RegionName {
    const EXPECTED: &'static str = "the name of a region, as `eu-west`";
    const PATTERN: Option<&'static str> = Some("^[a-z]{2}-[a-z]{1,60}$");

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}
