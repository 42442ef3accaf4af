//! Ledgers on a real remote, made as a deployment makes them: through core and the git adapter.

use jiff::Timestamp;
use tagboat_adapters::git::GitRepository;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::ledger::{Appended, Attempt, HoldChange, Ledger, Record};
use tagboat_core::ports::{
    Cancel, NewTag, RefUpdate, Repository as _, Scope, Silent, Swap, TagSigner,
};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::version::{ProjectPath, Version};
use tagboat_testing::monorepo::Monorepo;

pub(crate) fn tag(path: &str, environment: &str) -> EnvironmentTag {
    let environment = EnvironmentName::parse(environment).unwrap();
    EnvironmentTag::new(ProjectPath::parse(path).unwrap(), environment)
}

/// One environment tag that grows.
pub(crate) struct Book {
    repository: GitRepository,
    tag: EnvironmentTag,
    ledger: Option<Ledger>,
    held: Option<ObjectId>,
    triggered_by: String,
    signer: Option<Box<dyn TagSigner>>,
    before: Option<(Version, CommitSha)>,
}

impl Book {
    pub(crate) fn new(repo: &Monorepo, tag: EnvironmentTag) -> Self {
        Self::by(repo, tag, "alice")
    }

    /// One whose every attempt is this person's.
    pub(crate) fn by(repo: &Monorepo, tag: EnvironmentTag, triggered_by: &str) -> Self {
        let scope = Scope::new("test", &Silent, Cancel::default());
        let repository = GitRepository::open(&scope, &repo.work(), "origin").unwrap();
        Self {
            repository,
            tag,
            ledger: None,
            held: None,
            triggered_by: triggered_by.to_owned(),
            signer: None,
            before: None,
        }
    }

    /// A lightweight tag says so before its first record.
    pub(crate) fn before(&mut self, version: &str, commit: &CommitSha) {
        self.before = Some((Version::parse(version).unwrap(), commit.clone()));
    }

    /// From now on its records are signed.
    pub(crate) fn sign(&mut self, signer: Option<Box<dyn TagSigner>>) {
        self.signer = signer;
    }

    /// Adds an attempt to bring `version`, at so many minutes after the first, and pushes it.
    pub(crate) fn add(&mut self, version: &str, commit: &CommitSha, outcome: Terminal) {
        self.add_with(version, commit, outcome, vec![]);
    }

    /// The same, with holds that it sets or lifts.
    pub(crate) fn add_with(
        &mut self,
        version: &str,
        commit: &CommitSha,
        outcome: Terminal,
        holds: Vec<HoldChange>,
    ) {
        self.add_attempt(Attempt::Deploy, version, commit, outcome, holds, None);
    }

    /// Adds a person's roll-back to `version`, and what they overrode for it.
    pub(crate) fn add_rollback(
        &mut self,
        version: &str,
        commit: &CommitSha,
        holds: Vec<HoldChange>,
        overridden: Option<&str>,
    ) {
        let outcome = Terminal::Succeeded;
        self.add_attempt(Attempt::Rollback, version, commit, outcome, holds, overridden);
    }

    fn add_attempt(
        &mut self,
        attempt: Attempt,
        version: &str,
        commit: &CommitSha,
        outcome: Terminal,
        holds: Vec<HoldChange>,
        overridden: Option<&str>,
    ) {
        let scope = Scope::new("test", &Silent, Cancel::default());
        let newest = self.ledger.as_ref().map(Ledger::newest);
        let sequence = newest.map_or(1, |record| record.sequence + 1);
        let at = |second: u64| {
            let second = 1_767_225_600 + i64::try_from(sequence * 60 + second).unwrap();
            Timestamp::from_second(second).unwrap()
        };
        let before = self.before.as_ref().map(|(version, commit)| (version, commit));
        let previous = newest.map_or(before, Record::current);
        let id = DeploymentId::new(at(0), commit, |_| false);
        let record = Record {
            sequence,
            attempt,
            version: Version::parse(version).unwrap(),
            commit: commit.clone(),
            previous_version: previous.map(|(version, _)| version.clone()),
            previous_commit: previous.map(|(_, commit)| commit.clone()),
            outcome,
            started_at: at(0),
            completed_at: at(30),
            triggered_by: self.triggered_by.clone(),
            workflow_run_id: format!("local-{id}"),
            deployment_id: id,
            regions: vec![],
            holds,
            override_reason: overridden.map(str::to_owned),
        };
        let Appended { ledger, page } = match &self.ledger {
            Some(ledger) => ledger.append(record).unwrap(),
            None => {
                Appended { ledger: Ledger::first(self.tag.clone(), record).unwrap(), page: None }
            }
        };
        let write = |name: String, commit: &CommitSha, message: String| {
            let tag = NewTag { name, commit: commit.clone(), time: at(30), message };
            self.repository.write_tag(&scope, &tag).unwrap()
        };
        let (name, commit) = (self.tag.to_string(), ledger.commit().unwrap().clone());
        let new = match &self.signer {
            None => write(name, &commit, ledger.message()),
            Some(signer) => {
                let tag = NewTag { name, commit, time: at(30), message: ledger.message() };
                self.repository.sign_tag(&scope, &tag, signer.as_ref()).unwrap()
            }
        };
        let expected = self.held.clone();
        let mut updates =
            vec![RefUpdate { name: self.tag.remote_ref(), expected, new: new.clone() }];
        if let Some(page) = page {
            let object = write(page.name, &page.commit, page.message);
            updates.push(RefUpdate {
                name: self.tag.page_ref(page.number),
                expected: None,
                new: object,
            });
        }
        assert_eq!(self.repository.swap(&scope, &updates).unwrap(), Swap::Won);
        (self.ledger, self.held) = (Some(ledger), Some(new));
    }
}

/// A remote with two projects: `api`, deployed to staging and production, and `web`, tagged only.
pub(crate) fn two_projects() -> Monorepo {
    let repo = Monorepo::new();
    repo.write("environments/staging/environment.yml", "");
    repo.write("environments/production/environment.yml", "");
    let first = repo.commit("feat: begin");
    repo.tag("api/v1.0.0", "api 1.0.0");
    repo.tag("web/v0.1.0", "web 0.1.0");
    let second = repo.commit("feat: more");
    repo.tag("api/v1.1.0", "api 1.1.0");
    repo.push();
    let mut staging = Book::new(&repo, tag("api", "staging"));
    staging.add("api/v1.0.0", &first, Terminal::Succeeded);
    staging.add("api/v1.1.0", &second, Terminal::Succeeded);
    let mut production = Book::new(&repo, tag("api", "production"));
    production.add("api/v1.0.0", &first, Terminal::Succeeded);
    production.add("api/v1.1.0", &second, Terminal::RolledBack);
    repo
}
