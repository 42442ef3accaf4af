//! A forge in memory. In: runs, and failures on demand. Out: the port's promises, without a network.

use std::sync::Mutex;

use tagboat_core::ports::{Forge, ForgeError, ForgeRun, RunPage, Scope};
use tagboat_core::tag::EnvironmentName;

/// A forge with runs that a test sets up.
#[derive(Debug)]
pub struct FakeForge {
    per_page: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: Vec<(EnvironmentName, ForgeRun)>,
    failures: Vec<ForgeError>,
    asked: Vec<Option<String>>,
}

impl FakeForge {
    /// A forge without runs that gives so many a page.
    #[must_use]
    pub fn new(per_page: usize) -> Self {
        Self { per_page, state: Mutex::default() }
    }

    /// Adds a run of an environment; one of the same number goes.
    pub fn put(&self, environment: &EnvironmentName, run: ForgeRun) {
        let mut state = self.state.lock().unwrap();
        state.runs.retain(|(_, other)| other.id != run.id);
        state.runs.push((environment.clone(), run));
    }

    /// The next questions fail so, one after the other.
    pub fn fail(&self, failures: impl IntoIterator<Item = ForgeError>) {
        self.state.lock().unwrap().failures.extend(failures);
    }

    /// The pages that were asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Forge for FakeForge {
    fn runs(
        &self,
        scope: &Scope<'_>,
        environment: &EnvironmentName,
        page: Option<&str>,
    ) -> Result<RunPage, ForgeError> {
        if scope.cancel.is_cancelled() {
            return Err(ForgeError::Cancelled);
        }
        if scope.deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline) {
            return Err(ForgeError::TimedOut);
        }
        let mut state = self.state.lock().unwrap();
        state.asked.push(page.map(str::to_owned));
        if !state.failures.is_empty() {
            return Err(state.failures.remove(0));
        }
        let unknown = || ForgeError::Unexpected(format!("page {page:?}"));
        let first = page.map_or(Ok(0), |page| page.parse::<usize>().map_err(|_| unknown()))?;
        let here = state.runs.iter().filter(|(name, _)| name == environment);
        let mut runs: Vec<ForgeRun> = here.map(|(_, run)| run.clone()).skip(first).collect();
        let next = (runs.len() > self.per_page).then(|| (first + self.per_page).to_string());
        runs.truncate(self.per_page);
        Ok(RunPage { runs, next })
    }
}
