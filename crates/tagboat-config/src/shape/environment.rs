//! `environment.yml` and `region.yml`. In: their trees. Out: their fields; the names of their folders are
//! checked where those are known.

use std::collections::BTreeMap;

use tagboat_core::environment::{Host, HostName, RegionName};
use tagboat_core::ports::Architecture;
use tagboat_core::tag::EnvironmentName;

use crate::decode::Here;
use crate::mistake::{Mistakes, code};
use crate::record::record;
use crate::value::{
    Address, HostKey, Line, Port, RepoPath, UserName, VariableName, VariableValue, Word,
};

record! {
    /// An environment: where versions are deployed to.
    pub(crate) struct EnvironmentFile {
        /// Its name; its folder's where nothing stands.
        name: Option<EnvironmentName>,
        /// Its folder, `environments/<name>`; it may be left out.
        config_path: Option<RepoPath>,
        /// Its regions in the order in which they are deployed; alphabetical where nothing stands.
        regions: Option<Vec<RegionName>>,
        /// Its secrets, within its folder; `secrets.enc` where nothing stands.
        secrets_file: Option<RepoPath>,
        /// Whether people depend on it; `production` always is.
        is_production: Option<bool>,
        /// Whether a person must agree to a deployment; as `is_production` where nothing stands.
        requires_approval: Option<bool>,
        /// Whether a deployment's record must be signed; where nothing stands, in production as soon as a
        /// signing key is configured.
        require_signed_ledger: Option<bool>,
        /// Values of run-time variables that are no secrets, by name; secrets belong into its secrets file.
        variables: BTreeMap<VariableName, VariableValue> = BTreeMap::new(),
        /// Hosts that belong to no region.
        hosts: Vec<HostFields> = Vec::new(),
    }
}

record! {
    /// A region of an environment.
    pub(crate) struct RegionFile {
        /// Its name; its folder's where nothing stands.
        name: Option<RegionName>,
        /// Its folder, `environments/<environment>/regions/<name>`; it may be left out.
        config_path: Option<RepoPath>,
        /// What clouds call it; one at least.
        cloud_mappings: BTreeMap<Word, Line>,
        /// Values of run-time variables that are no secrets, by name; here they go before the environment's.
        variables: BTreeMap<VariableName, VariableValue> = BTreeMap::new(),
        /// Its hosts.
        hosts: Vec<HostFields> = Vec::new(),
    }
    check: some_cloud;
}

record! {
    /// A host (SPEC E7).
    pub(crate) struct HostFields {
        /// Its name within the environment.
        name: HostName,
        /// A name or address that ssh can reach.
        address: Address,
        /// Who logs in.
        user: UserName,
        /// The port of its sshd.
        port: Port = Port::SSH,
        /// Its public key, pinned: no other is accepted. A host without one cannot be deployed to.
        host_key: Option<HostKey>,
        /// What it runs.
        arch: Architecture,
        /// Free words to choose hosts by.
        labels: Vec<Word> = Vec::new(),
    }
    identity: name;
}

impl HostFields {
    pub(crate) fn resolve(self) -> Host {
        Host {
            name: self.name,
            address: self.address.to_string(),
            user: self.user.to_string(),
            port: self.port.get(),
            host_key: self.host_key.map(|key| key.to_string()),
            arch: self.arch,
            labels: self.labels.iter().map(ToString::to_string).collect(),
        }
    }
}

fn some_cloud(region: &RegionFile, here: Here<'_>, mistakes: &mut Mistakes) {
    if region.cloud_mappings.is_empty() {
        mistakes.mistake(
            code::BAD_VALUE,
            here.value("cloud_mappings"),
            "a region is called something by one cloud at least",
            "expected a provider and its word, as `aws: eu-west-1`",
        );
    }
}
