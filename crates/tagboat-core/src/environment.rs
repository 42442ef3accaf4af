//! Environments, regions and hosts (SPEC E1, E2, E7). In: what `environments/` says. Out: values whose rules
//! hold; each broken rule has a sentence.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::ports::Architecture;
use crate::tag::EnvironmentName;

/// A host's name within its environment: an RFC 1123 label, lower case. It goes into file names, and hosts
/// are locked in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// A region's name: `[a-z]{2}-[a-z]+` (SPEC E2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionName(String);

/// A rule of this page that a text breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRule(&'static str);

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BrokenRule {}

impl HostName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`BrokenRule`] for what is no lower-case label of 63 bytes at most.
    pub fn parse(text: &str) -> Result<Self, BrokenRule> {
        let edge = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
        let bytes = text.as_bytes();
        let sound = bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge)
            && bytes.len() <= 63
            && bytes.iter().all(|byte| edge(byte) || *byte == b'-');
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(BrokenRule(
                "a host's name is made of lower-case letters, digits and inner hyphens, 63 at most",
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RegionName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`BrokenRule`] for what is not `[a-z]{2}-[a-z]+`.
    pub fn parse(text: &str) -> Result<Self, BrokenRule> {
        let lower = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let sound = text.split_once('-').is_some_and(|(head, tail)| {
            head.len() == 2 && lower(head) && lower(tail) && tail.len() <= 60
        });
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(BrokenRule(
                "a region's name is two lower-case letters, a hyphen and more of them, as in `eu-west`",
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Serialize for RegionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A host as an environment names it (SPEC E7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its name within the environment.
    pub name: HostName,
    /// A name or address that ssh can reach.
    pub address: String,
    /// Who logs in.
    pub user: String,
    /// The port of its sshd.
    pub port: u16,
    /// Its public key as in a `known_hosts` line: `ssh-ed25519 AAAA…`. Pinned: no other is accepted. `None`
    /// until a person has committed it; such a host cannot be deployed to.
    pub host_key: Option<String>,
    /// What it runs.
    pub arch: Architecture,
    /// Free words to choose hosts by.
    pub labels: Vec<String>,
}

/// A region within an environment (SPEC E2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Its name.
    pub name: RegionName,
    /// Its folder, relative to the repository's root.
    pub config_path: String,
    /// What clouds call it; at least one.
    pub cloud_mappings: BTreeMap<String, String>,
    /// Its hosts.
    pub hosts: Vec<Host>,
}

/// An environment (SPEC E1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// Its folder, relative to the repository's root.
    pub config_path: String,
    /// Its regions, in the order in which they are deployed.
    pub regions: Vec<Region>,
    /// Its secrets, relative to the repository's root.
    pub secrets_file: String,
    /// Whether people depend on it.
    pub is_production: bool,
    /// Whether a person must agree to a deployment.
    pub requires_approval: bool,
    /// Its hosts that are in no region.
    pub hosts: Vec<Host>,
}

impl Environment {
    /// Every host, of the environment itself and of its regions.
    pub fn every_host(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().chain(self.regions.iter().flat_map(|region| &region.hosts))
    }

    /// What is deployed one after the other, each by a Deployment of its own (SPEC D3): the hosts of the environment
    /// itself, then those of each region in the configured order. What has no host is left out.
    pub fn parts(&self) -> impl Iterator<Item = (Option<&RegionName>, &[Host])> {
        let own = std::iter::once((None, self.hosts.as_slice()));
        let regions = self.regions.iter().map(|region| (Some(&region.name), &region.hosts[..]));
        own.chain(regions).filter(|(_, hosts)| !hosts.is_empty())
    }

    /// What a reader should know though it is allowed.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.is_production && !self.requires_approval {
            warnings.push(format!("{} is production and requires no approval", self.name));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_and_regions_keep_to_their_grammar() {
        for good in ["web-1", "a", "1", &"a".repeat(63)] {
            assert!(HostName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "Web", "a.b", "a/b", "$(id)", &"a".repeat(64)] {
            assert!(HostName::parse(bad).is_err(), "{bad}");
        }
        for good in ["us-east", "eu-west"] {
            assert!(RegionName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "us", "us-", "usa-east", "us-east-1", "US-east", "us_east"] {
            assert!(RegionName::parse(bad).is_err(), "{bad}");
        }
    }
}
