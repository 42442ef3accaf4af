//! Fetching. In: which refs of the remote go where. Out: they and their objects, here.

use std::collections::{HashMap, HashSet};

use tagboat_core::ports::{Existing, FetchSpec, RepositoryError, Scope};

use super::GitRepository;
use super::names::{check_destination, check_remote_ref};
use super::program::{Hooks, refusal, remote_refusal};

/// Up to here refs are fetched by their names, in one connection. git compares every name with every ref of
/// the remote: 20,000 of 20,000 take 100 s. Beyond it a listing gives their objects, these are fetched, and
/// the refs are written here: 5,000 take half a second and one more connection.
const BY_NAME: usize = 64;

impl GitRepository {
    pub(super) fn fetch_specs(
        &self,
        scope: &Scope<'_>,
        specs: &[FetchSpec],
    ) -> Result<(), RepositoryError> {
        for spec in specs {
            check_remote_ref(&spec.from)?;
            check_destination(&spec.to)?;
        }
        let missing = self.without_kept(scope, specs.iter().collect())?;
        if missing.is_empty() {
            // `git fetch` without a refspec would fetch what is configured.
            return Ok(());
        }
        if missing.len() <= BY_NAME {
            self.fetch_by_name(scope, &missing)
        } else {
            self.fetch_by_object(scope, missing)
        }
    }

    /// Leaves out what is to be kept and is here: outside refs/tags/ git would fast-forward it.
    fn without_kept<'s>(
        &self,
        scope: &Scope<'_>,
        specs: Vec<&'s FetchSpec>,
    ) -> Result<Vec<&'s FetchSpec>, RepositoryError> {
        if specs.iter().all(|spec| spec.existing == Existing::Overwrite) {
            return Ok(specs);
        }
        let mut here: HashSet<String> = HashSet::new();
        self.local_refs(scope, &mut |listed| {
            here.insert(listed.name.to_owned());
        })?;
        let keep =
            |spec: &&FetchSpec| spec.existing == Existing::Overwrite || !here.contains(&spec.to);
        Ok(specs.into_iter().filter(keep).collect())
    }

    fn fetch_by_name(
        &self,
        scope: &Scope<'_>,
        specs: &[&FetchSpec],
    ) -> Result<(), RepositoryError> {
        let mut refspecs = String::new();
        for spec in specs {
            if spec.existing == Existing::Overwrite {
                refspecs.push('+');
            }
            refspecs.extend([spec.from.as_str(), ":", spec.to.as_str(), "\n"]);
        }
        let command = self.fetch_command(refspecs);
        let bound = self.git.patience.transfer;
        let output = self.git.network(scope, command.clone(), bound, Hooks::Silent)?;
        if output.success() {
            return Ok(());
        }
        // Another process may have fetched the same meanwhile: what is to be kept is here, then.
        let still: Vec<&FetchSpec> = self.without_kept(scope, specs.to_vec())?;
        if still.is_empty() {
            return Ok(());
        }
        // A remote that does not answer and one that lacks a ref give the same status: ask it.
        self.listed_refs(scope, &self.remote, &[specs[0].from.as_str()])?;
        Err(refusal(&command.stdin(Vec::new()), &output))
    }

    fn fetch_by_object(
        &self,
        scope: &Scope<'_>,
        specs: Vec<&FetchSpec>,
    ) -> Result<(), RepositoryError> {
        let names: Vec<&str> = specs.iter().map(|spec| spec.from.as_str()).collect();
        let there: HashMap<String, _> = self
            .listed_refs(scope, &self.remote, &names)?
            .into_iter()
            .map(|listed| (listed.name, listed.object))
            .collect();
        let mut ids = String::new();
        for spec in &specs {
            let Some(id) = there.get(&spec.from) else {
                return Err(RepositoryError::Git {
                    command: format!("git fetch {}", self.remote),
                    said: format!("the remote has no ref {}", spec.from),
                });
            };
            ids.extend([id.as_str(), "\n"]);
        }
        let bound = self.git.patience.transfer;
        let output = self.git.network(scope, self.fetch_command(ids), bound, Hooks::Silent)?;
        if !output.success() {
            return Err(remote_refusal(&output));
        }
        let script = |specs: &[&FetchSpec]| -> String {
            let line = |spec: &&FetchSpec| {
                let verb = match spec.existing {
                    Existing::Overwrite => "update",
                    Existing::Keep => "create",
                };
                there.get(&spec.from).map(|id| format!("{verb} {} {id}\n", spec.to))
            };
            specs.iter().filter_map(line).collect()
        };
        match self.update_refs(scope, script(&specs)) {
            Err(RepositoryError::Git { .. }) => {
                // Another process may have made one that is to be kept.
                let still = self.without_kept(scope, specs)?;
                self.update_refs(scope, script(&still))
            }
            done => done,
        }
    }

    fn fetch_command(&self, lines: String) -> tagboat_core::command::Command {
        // --refmap= : else git updates configured copies of the same refs as well.
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-show-forced-updates",
            "--no-auto-maintenance",
            "--refmap=",
            "--stdin",
            &self.remote,
        ];
        self.command(args).stdin(lines)
    }
}
