//! What runs where, for people. In: projects and their environments, and how wide a line may be. Out: the first of four
//! layouts that is no wider: a table, a table in short words, the same without the newest versions, a block a project.
//! No layout leaves a version away or cuts it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tagboat_core::deployment::Terminal as Outcome;
use tagboat_core::diagnostic::Diagnostic;
use tagboat_core::ledger::Signed;
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::version::Version;

use super::{Hold, Project, Running};
use crate::commands::reading::State;
use crate::terminal::{Table, age, ago, fits, fold, printable};

/// What is shown.
pub(super) struct Status<'a> {
    projects: &'a [Project],
    broken: &'a [(&'a EnvironmentTag, &'a Diagnostic)],
    /// The configured environments and those that a tag names.
    environments: BTreeSet<&'a EnvironmentName>,
    foreign: usize,
    now: Timestamp,
}

/// Where the newest version of a project stands in a table.
#[derive(Clone, Copy)]
enum Newest {
    /// In a column.
    Column,
    /// Below the project's name, where it runs nowhere.
    WhereItRunsNowhere,
}

/// A line below the table.
enum Line {
    /// Folded where it is too wide.
    Words(String),
    /// To be copied, so it is left whole.
    Command(String),
}

impl<'a> Status<'a> {
    /// Of these projects.
    pub(super) fn new(
        projects: &'a [Project],
        broken: &'a [(&'a EnvironmentTag, &'a Diagnostic)],
        state: &'a State,
        now: Timestamp,
    ) -> Self {
        let tagged = state.listing.ledgers.keys().map(|tag| &tag.environment);
        let environments = state.environments.configured().chain(tagged).collect();
        Self { projects, broken, environments, foreign: state.listing.foreign, now }
    }

    /// The text, in lines of at most so many columns where a layout allows it.
    pub(super) fn text(&self, width: Option<usize>) -> String {
        if self.projects.is_empty() {
            let foreign = match self.foreign {
                0 => String::new(),
                count => format!(" ({count} tags are not Tagboat's)"),
            };
            return format!(
                "no version tag yet{foreign}\nmake the first: `tagboat version tag PROJECT`, or \
                 `tagboat init` where nothing is configured"
            );
        }
        let layouts: [&dyn Fn() -> String; 3] =
            [&|| self.table(), &|| self.short_table(Newest::Column), &|| {
                self.short_table(Newest::WhereItRunsNowhere)
            }];
        let shown = layouts.iter().map(|layout| layout()).find(|text| fits(text, width));
        let mut text = shown.unwrap_or_else(|| self.blocks());
        for part in [self.notes(), self.signatures()] {
            let lines = part.into_iter().map(|line| match line {
                Line::Words(words) => fold(&words, width, "    "),
                Line::Command(command) => command,
            });
            let lines: Vec<String> = lines.collect();
            if !lines.is_empty() {
                text.push_str("\n\n");
                text.push_str(&lines.join("\n"));
            }
        }
        text
    }

    /// `v1.0.0 stable, 3 d ago` in each cell.
    fn table(&self) -> String {
        let mut table = Table::new(self.head(Newest::Column));
        for project in self.projects {
            let cells = self.environments.iter().map(|environment| {
                self.cell(project, environment, |running| self.in_words(running))
            });
            table.row([path(project).to_owned(), newest(project)].into_iter().chain(cells));
        }
        table.text()
    }

    /// `v1.0.0 3d` in each cell, and a mark on a line of its own.
    fn short_table(&self, place: Newest) -> String {
        let mut table = Table::new(self.head(place));
        for project in self.projects {
            let mut row = vec![vec![path(project).to_owned()]];
            match place {
                Newest::Column => row.push(vec![newest(project)]),
                Newest::WhereItRunsNowhere => {
                    let runs = |version: &Version| {
                        let mut running = project.environments.iter();
                        running.any(|running| running.version.as_ref() == Some(version))
                    };
                    let idle = project.newest_version.as_ref().filter(|version| !runs(version));
                    row[0].extend(idle.map(|version| format!("has {}", version.semver())));
                }
            }
            row.extend(self.environments.iter().map(|environment| {
                let cell = self.cell(project, environment, |running| match running.since {
                    Some(since) => format!("{} {}", runs(running), age(since, self.now)),
                    None => format!("{}\nno ledger", runs(running)),
                });
                let mut lines: Vec<String> = cell.lines().map(str::to_owned).collect();
                let mark = found(project, environment).and_then(|running| running.state);
                lines.extend(mark.map(|mark| mark.to_string()));
                lines
            }));
            table.tall_row(&row);
        }
        table.text()
    }

    /// A project, and below it a line for each environment where it runs.
    fn blocks(&self) -> String {
        let names = self.environments.iter().map(|name| name.as_str().len());
        let widest = names.max().unwrap_or(0);
        let mut blocks = Vec::new();
        for project in self.projects {
            let mut block = format!("{}: newest {}", path(project), newest(project));
            let mut runs_somewhere = false;
            for environment in &self.environments {
                let cell = self.cell(project, environment, |running| self.in_words(running));
                if cell != NOTHING {
                    runs_somewhere = true;
                    block.push_str(&format!("\n  {:<widest$}  {cell}", environment.as_str()));
                }
            }
            if !runs_somewhere {
                block.push_str(", deployed nowhere");
            }
            blocks.push(block);
        }
        blocks.join("\n")
    }

    fn head(&self, place: Newest) -> impl Iterator<Item = String> {
        let newest = matches!(place, Newest::Column).then_some("NEWEST");
        let first = std::iter::once("PROJECT").chain(newest).map(str::to_owned);
        first.chain(self.environments.iter().map(|name| name.as_str().to_uppercase()))
    }

    fn cell(
        &self,
        project: &Project,
        environment: &EnvironmentName,
        tell: impl Fn(&Running) -> String,
    ) -> String {
        let unreadable = |(tag, _): &(&EnvironmentTag, &Diagnostic)| {
            tag.path.as_str() == project.project && tag.environment == *environment
        };
        match found(project, environment) {
            Some(running) => tell(running),
            None if self.broken.iter().any(unreadable) => "?".to_owned(),
            None => NOTHING.to_owned(),
        }
    }

    fn in_words(&self, running: &Running) -> String {
        let mark = running.state.map(|state| format!(" {state}")).unwrap_or_default();
        let since =
            running.since.map_or_else(|| "no ledger".to_owned(), |since| ago(since, self.now));
        format!("{}{mark}, {since}", runs(running))
    }

    /// What else is to be known: attempts that failed, versions that are held, history that is lost.
    fn notes(&self) -> Vec<Line> {
        let mut notes = Vec::new();
        for project in self.projects {
            for running in &project.environments {
                let place = format!("{} in {}", path(project), running.environment);
                if !running.ledger {
                    notes.push(Line::Words(format!(
                        "{place}: the tag is lightweight, from before; its history is lost"
                    )));
                }
                let last = running.last_attempt.as_ref();
                let is_of_last = |hold: &&Hold| {
                    last.is_some_and(|last| {
                        (&last.version, last.completed_at) == (&hold.version, hold.since)
                    })
                };
                if let Some(last) = last
                    && !running.holds.iter().any(|hold| is_of_last(&hold))
                {
                    let (version, when) = (last.version.semver(), ago(last.completed_at, self.now));
                    let ended = ended(last.outcome);
                    notes.push(Line::Words(format!(
                        "{place}: the attempt to deploy {version} {ended} {when}"
                    )));
                }
                for hold in &running.holds {
                    let Hold { version, reason, since, lift } = hold;
                    let (version, when) = (version.semver(), ago(*since, self.now));
                    let told = match last.filter(|_| is_of_last(&hold)) {
                        Some(last) => {
                            format!("{version} {} {when} and is held", ended(last.outcome))
                        }
                        None => format!("{version} is held since {when}"),
                    };
                    notes.push(Line::Words(printable(&format!("{place}: {told}: {reason}"))));
                    notes.push(Line::Command(format!("  lift the hold: `{lift}`")));
                }
            }
        }
        notes
    }

    /// One line on all ledgers where they are alike; else how many are signed, and which are not. A signature that is
    /// not good has a line of its own.
    fn signatures(&self) -> Vec<Line> {
        let all = self.projects.iter().flat_map(|project| {
            let ledgers = project.environments.iter().filter(|running| running.ledger);
            ledgers.map(move |running| (project, running))
        });
        let all: Vec<(&Project, &Running)> = all.collect();
        if all.is_empty() {
            return Vec::new();
        }
        let signed = all.iter().filter(|(_, running)| running.signed).count();
        let bad = |running: &Running| matches!(running.verdict, Signed::Badly(_));
        if signed == all.len() {
            return vec![Line::Words("ledgers: signed".to_owned())];
        }
        if signed == 0 && !all.iter().any(|(_, running)| bad(running)) {
            return vec![Line::Words("ledgers: unsigned".to_owned())];
        }
        let mut lines = vec![format!("ledgers: {signed} of {} signed", all.len())];
        let mut unsigned: BTreeMap<&EnvironmentName, Vec<&str>> = BTreeMap::new();
        for (project, running) in all.iter().filter(|(_, running)| !running.signed) {
            if bad(running) {
                let verdict = printable(&running.verdict.to_string());
                lines.push(format!("  {} in {}: {verdict}", path(project), running.environment));
            } else {
                unsigned.entry(&running.environment).or_default().push(path(project));
            }
        }
        let of = |name: &EnvironmentName| {
            all.iter().filter(|(_, running)| running.environment == *name).count()
        };
        let (whole, partly): (Vec<_>, Vec<_>) =
            unsigned.iter().partition(|(name, projects)| projects.len() == of(name));
        if !whole.is_empty() {
            let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
            lines.push(format!("  unsigned: all of {}", names.join(", ")));
        }
        for (name, projects) in partly {
            lines.push(format!("  unsigned in {name}: {}", projects.join(", ")));
        }
        lines.into_iter().map(Line::Words).collect()
    }
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::RolledBack => "was rolled back",
        Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled => outcome.word(),
    }
}

/// Where nothing runs.
const NOTHING: &str = "-";

fn path(project: &Project) -> &str {
    if project.project.is_empty() { "(root)" } else { &project.project }
}

fn newest(project: &Project) -> String {
    project.newest_version.as_ref().map_or_else(|| NOTHING.to_owned(), Version::semver)
}

fn found<'p>(project: &'p Project, environment: &EnvironmentName) -> Option<&'p Running> {
    project.environments.iter().find(|running| running.environment == *environment)
}

/// The version, or the commit where no tag names it.
fn runs(running: &Running) -> String {
    let short = || running.commit_sha.chars().take(7).collect();
    running.version.as_ref().map_or_else(short, Version::semver)
}
