//! Pushes that overrode a protection, as hooks recorded them (SPEC V4, S3). In: what is asked about. Out: which tag was
//! moved, made or deleted, by whom, when and why.

use jiff::Timestamp;
use serde::Serialize;
use tagboat_core::commit::ObjectId;
use tagboat_core::diagnostic::Result;
use tagboat_core::listing::{PAGES, Source, TAGS};
use tagboat_core::ports::Scope;
use tagboat_core::tag::{EnvironmentName, TagKind, classify};
use tagboat_core::tag_override::TagOverride;
use tagboat_core::time::readable;
use tagboat_core::version::ProjectPath;

use crate::commands::overriding::{fetch_recorded, read_recorded, recorded_refs};
use crate::commands::reading::State;
use crate::context::Context;
use crate::terminal::{Table, fits, fold, printable};

/// What somebody asks about.
pub(super) struct About<'a> {
    pub(super) project: Option<&'a ProjectPath>,
    pub(super) environment: Option<&'a str>,
    pub(super) state: &'a State,
}

/// A ref that was pushed though it is protected.
#[derive(Serialize)]
pub(super) struct Pushed {
    /// The record's own ref.
    record: String,
    #[serde(rename = "ref")]
    name: String,
    what: What,
    old: Option<String>,
    new: Option<String>,
    reason: String,
    by: String,
    at: Timestamp,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Made,
    Moved,
    Deleted,
}

impl About<'_> {
    /// Whether a ref is of the project, and of the environment where it is of one: a version is of all.
    fn concerns(&self, name: &str) -> bool {
        let tag = name.strip_prefix(TAGS).or_else(|| {
            let page = name.strip_prefix(PAGES)?;
            page.rsplit_once('/').map(|(tag, _)| tag)
        });
        let is_there = |environment: &EnvironmentName| {
            self.environment.is_none_or(|asked| environment.as_str() == asked)
        };
        let is_project = |path: &ProjectPath| self.project.is_none_or(|asked| asked == path);
        match tag.map(|tag| classify(tag, &self.state.environments)) {
            Some(TagKind::Version(version) | TagKind::State(version, _)) => {
                is_project(version.path())
            }
            Some(TagKind::Environment(path, environment)) => {
                is_project(&path) && is_there(&environment)
            }
            Some(TagKind::LegacySuffix(version, environment)) => {
                is_project(version.path()) && is_there(&environment)
            }
            Some(TagKind::Foreign) | None => self.project.is_none() && self.environment.is_none(),
        }
    }
}

/// Reads them, newest first; those that are not here are fetched where the remote is asked.
pub(super) fn read(
    context: &Context<'_>,
    scope: &Scope<'_>,
    source: Source,
    about: &About<'_>,
) -> Result<Vec<Pushed>> {
    if source == Source::Remote {
        fetch_recorded(context, scope)?;
    }
    let mut pushed = Vec::new();
    for (record, read) in read_recorded(context, scope, recorded_refs(context, scope)?)? {
        match read {
            Ok(all) => {
                let concerned = all.into_iter().filter(|change| about.concerns(&change.name));
                pushed.extend(concerned.map(|change| Pushed::new(&record, change)));
            }
            Err(object) => context.terminal.warn(&format!(
                "{record} ({object}) is no record of an override: `tagboat check` tells more"
            )),
        }
    }
    pushed.sort_by(|one, other| other.at.cmp(&one.at).then(one.name.cmp(&other.name)));
    Ok(pushed)
}

impl Pushed {
    fn new(record: &str, change: TagOverride) -> Self {
        let what = match (&change.old, &change.new) {
            (_, None) => What::Deleted,
            (None, Some(_)) => What::Made,
            (Some(_), Some(_)) => What::Moved,
        };
        let id = |id: Option<ObjectId>| id.map(|id| id.to_string());
        Self {
            record: record.to_owned(),
            name: change.name,
            what,
            old: id(change.old),
            new: id(change.new),
            reason: change.reason,
            by: change.by,
            at: change.at,
        }
    }

    /// `moved from 1a2b3c4 to 5d6e7f8`.
    fn told(&self) -> String {
        let short = |id: &Option<String>| {
            id.as_deref().map_or("nothing", |id| id.get(..7).unwrap_or(id)).to_owned()
        };
        match self.what {
            What::Made => format!("made, {}", short(&self.new)),
            What::Moved => format!("moved from {} to {}", short(&self.old), short(&self.new)),
            What::Deleted => format!("deleted, it was {}", short(&self.old)),
        }
    }
}

/// A table, or a line for each on a narrow terminal; none where nothing was overridden.
pub(super) fn human(pushed: &[Pushed], width: Option<usize>) -> Option<String> {
    if pushed.is_empty() {
        return None;
    }
    let tag = |name: &str| name.strip_prefix(TAGS).unwrap_or(name).to_owned();
    let mut table = Table::new(["WHEN", "TAG", "WHAT", "BY", "REASON"]);
    for one in pushed {
        let (when, by, reason) = (readable(one.at), one.by.clone(), one.reason.clone());
        table.row([when, tag(&one.name), one.told(), by, reason]);
    }
    let mut text = table.text();
    if !fits(&text, width) {
        let lines = pushed.iter().map(|one| {
            let (when, tag, told) = (readable(one.at), tag(&one.name), one.told());
            let line = format!("{when}: {tag} {told}, by {}: {}", one.by, one.reason);
            fold(&printable(&line), width, "    ")
        });
        text = lines.collect::<Vec<_>>().join("\n");
    }
    Some(format!("pushes that overrode a protection:\n{text}"))
}
