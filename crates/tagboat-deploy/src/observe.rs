//! The hosts as they are. In: connections. Out: facts, one host at a time in the order of their names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::Result;
use tagboat_core::environment::HostName;
use tagboat_core::ledger::{History, Signed};
use tagboat_core::ports::{Architecture, Runner, Scope};

use crate::error;
use crate::host::{Escalation, HostFacts, HostProgram};
use crate::plan::{Previous, Signing};
use crate::request::DeployRequest;

/// How to run something on each host.
pub type Hosts<'a> = BTreeMap<HostName, Box<dyn Runner + 'a>>;

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The environment's records; none before its first deployment.
    pub history: Option<History>,
    /// What runs there by a lightweight tag from before the ledger, where there is one.
    pub adopted: Option<Previous>,
    /// What the signature of the ledger says; none where there is no ledger.
    pub ledger: Option<Signed>,
    /// Whether records are signed from now on.
    pub signing: Signing,
    /// The object that the remote's tag holds; none where there is no tag.
    pub tag_object: Option<ObjectId>,
    /// The hosts.
    pub hosts: BTreeMap<HostName, HostFacts>,
    /// What the repository here has of the package: version and architecture.
    pub published: Vec<(String, Architecture)>,
    /// When it was looked.
    pub now: Timestamp,
}

/// The commands for one host of a request.
#[must_use]
pub fn program(request: &DeployRequest, user: &str) -> HostProgram {
    HostProgram { app: request.package.clone(), escalation: Escalation::of(user) }
}

/// Asks every host.
///
/// # Errors
/// The first host that cannot be asked or is not prepared.
pub fn observe_hosts(
    scope: &Scope<'_>,
    request: &DeployRequest,
    hosts: &Hosts<'_>,
) -> Result<BTreeMap<HostName, HostFacts>> {
    let mut seen = BTreeMap::new();
    for host in request.hosts() {
        let Some(runner) = hosts.get(&host.name) else { continue };
        let command = program(request, &host.user).facts();
        let output = runner
            .run(&scope.span(format!("look at {}", host.name)), &command)
            .map_err(|error| error::unreachable(&host.name, &error))?;
        let facts = HostFacts::read(&output.text()).filter(|_| output.success());
        let facts = facts.ok_or_else(|| error::unprepared(&host.name, &output))?;
        seen.insert(host.name.clone(), facts);
    }
    Ok(seen)
}
