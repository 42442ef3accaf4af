//! The fake forge against the contract.

use tagboat_core::ports::{
    Cancel, Forge, ForgeError, ForgeRun, MAX_PAGES, RunStatus, Scope, Silent, every_run,
};
use tagboat_core::tag::EnvironmentName;
use tagboat_testing::contract::forge::{World, run};
use tagboat_testing::fake::FakeForge;

struct InMemory(FakeForge);

impl World for InMemory {
    fn forge(&self) -> &dyn Forge {
        &self.0
    }

    fn make(&self, environment: &EnvironmentName, runs: &[ForgeRun]) {
        for run in runs {
            self.0.put(environment, run.clone());
        }
    }

    fn fail(&self, how: ForgeError) {
        self.0.fail([how]);
    }

    fn more_than_a_page(&self) -> usize {
        7
    }
}

tagboat_testing::forge_contract!(Some(InMemory(FakeForge::new(3))));

#[test]
fn an_answer_without_an_end_is_no_queue() {
    let forge = FakeForge::new(1);
    let staging = EnvironmentName::parse("staging").unwrap();
    for id in 0..=MAX_PAGES {
        forge.put(&staging, run(id, RunStatus::Queued, 0));
    }
    let scope = Scope::new("test", &Silent, Cancel::default());
    let error = every_run(&forge, &scope, &staging).unwrap_err();
    assert!(matches!(error, ForgeError::Unexpected(_)), "{error}");
    assert_eq!(forge.asked().len(), MAX_PAGES);
}
