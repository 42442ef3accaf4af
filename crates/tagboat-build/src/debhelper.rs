//! Projects with Debian packaging of their own. In: that packaging and a version. Out: the steps that take it
//! through dpkg-buildpackage, with a changelog entry made from tag and commit.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use tagboat_core::command::Command;
use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{Architecture, Commit};
use tagboat_core::version::Version;
use tagboat_deb::changelog::{Entry, EntryHead, Urgency, parse_first_entry};
use tagboat_deb::{DebianVersion, PackageName};

use crate::observe::{Facts, OwnUnit, Packaging, PackagingPlace, Rights};
use crate::plan::{
    Attempt, BUILD_TIMEOUT, Flags, Job, Plan, STEP_TIMEOUT, Step, as_builder, frame, hand_over,
    job, normal_modes, unknown_architecture,
};
use crate::refusal;
use crate::request::Request;
use crate::strategy::{Strategy, StrategyChoice};
use crate::variables::{self, EPOCH, FOLDER, SOURCE};

/// What becomes of the project's changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Changelog {
    /// It says the version already, and since when.
    Kept(Timestamp),
    /// This text takes its place.
    Written(String),
}

/// Which of the project's packages a job makes (dpkg-buildpackage(1), `--build`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All of them.
    Binary,
    /// Those of an architecture.
    Any,
    /// Those for all architectures.
    All,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Any => "any",
            Self::All => "all",
        }
    }
}

pub(crate) fn plan_debhelper(
    facts: &Facts,
    request: &Request,
    packaging: &Packaging,
) -> Result<Plan> {
    let (version, changelog, note) = decide_version(request, packaging)?;
    let mut plan = frame(request, packaging.source.as_str(), version);
    plan.notes.extend(note);
    let project = Project { facts, request, packaging, changelog: &changelog };
    for (label, target, part) in parts(facts, request, packaging)? {
        let made = project.job(&plan, &label, target, part)?;
        plan.jobs.push(made);
    }
    Ok(plan)
}

/// The jobs: what is for all architectures is made once, natively where that is asked for anyway.
fn parts(
    facts: &Facts,
    request: &Request,
    packaging: &Packaging,
) -> Result<Vec<(String, Architecture, Part)>> {
    let words = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lists: Vec<Vec<String>> = packaging.packages.iter().map(|(_, list)| words(list)).collect();
    let for_all = |list: &Vec<String>| list.iter().any(|word| word == "all");
    let machine = facts.machine.architecture;
    if lists.iter().all(for_all) {
        return Ok(vec![("all".to_owned(), machine, Part::All)]);
    }
    let has_all = lists.iter().any(for_all);
    let targets = &request.architectures;
    let carrier = if targets.contains(&machine) { Some(&machine) } else { targets.first() };
    let mut parts: Vec<(String, Architecture, Part)> = Vec::new();
    for target in targets {
        if parts.iter().any(|(_, known, _)| known == target) {
            continue;
        }
        if !lists.iter().flatten().any(|word| covers(word, *target)) {
            let made_for = lists.concat().join(" ");
            return Err(unknown_architecture(*target, &made_for));
        }
        let part = if has_all && Some(target) != carrier { Part::Any } else { Part::Binary };
        parts.push((target.to_string(), *target, part));
    }
    Ok(parts)
}

/// Whether an architecture or wildcard of a control file takes in `target` (Debian Policy 11.1.1).
fn covers(word: &str, target: Architecture) -> bool {
    ["any", "linux-any"].contains(&word)
        || word == target.debian()
        || word.strip_prefix("any-") == Some(target.debian())
        || word.strip_prefix("linux-") == Some(target.debian())
}

/// What every job of a project is made from.
struct Project<'a> {
    facts: &'a Facts,
    request: &'a Request,
    packaging: &'a Packaging,
    changelog: &'a Changelog,
}

impl Project<'_> {
    fn job(&self, plan: &Plan, label: &str, target: Architecture, part: Part) -> Result<Job> {
        // What is for all architectures is built where it is fastest, whatever was asked for the others.
        let native = Request { strategy: StrategyChoice::Auto, ..self.request.clone() };
        let request = if part == Part::All { &native } else { self.request };
        let make = |attempt: &mut Attempt| {
            self.add_steps(attempt, part);
            Ok(())
        };
        job(self.facts, request, plan, label, target, &self.packaging.control, make)
    }

    fn add_steps(&self, attempt: &mut Attempt, part: Part) {
        let Project { facts, request, packaging, changelog } = self;
        let inside = |path: &str| format!("{SOURCE}/{}", request.project.path.join(path));
        let debian = inside("debian");
        let run = |command: Command| Step::Run { command, flags: Flags::Left };
        let write = |file: String, text: &str| {
            let command =
                Command::new("install").args(["--mode=0644", "--", "/dev/stdin"]).arg(file);
            run(command.stdin(text).timeout(STEP_TIMEOUT))
        };
        let steps = &mut attempt.steps;
        steps.extend([Step::Export, normal_modes()]);
        if packaging.place == PackagingPlace::PackagingDebian {
            let from = inside(packaging.place.folder());
            let copy = Command::new("cp").args(["--archive", "--no-target-directory", "--"]);
            steps.push(run(copy.arg(from).arg(&debian).timeout(STEP_TIMEOUT)));
        }
        match changelog {
            Changelog::Written(text) => steps.push(write(format!("{debian}/changelog"), text)),
            // Many commits may have this version, and it has the same bytes in all of them: so its date is not
            // the commit's but its own, as dpkg-buildpackage(1) has it, for what reads the times of files too.
            Changelog::Kept(dated) => {
                let epoch = variables::since_1970(*dated).to_string();
                steps.push(run(set_times(&epoch)));
                for (_, value) in attempt.variables.iter_mut().filter(|(name, _)| name == EPOCH) {
                    value.clone_from(&epoch);
                }
            }
        }
        if let (Some(unit), OwnUnit::Absent) = (&facts.unit, packaging.own_unit) {
            let name = &packaging.packages[0].0;
            steps.push(write(format!("{debian}/{name}.service"), &unit.text));
        }
        let mut build = Command::new("dpkg-buildpackage").args([
            format!("--build={}", part.word()),
            "--no-sign".to_owned(),
            "--jobs=auto".to_owned(),
        ]);
        // Debug symbols are no part of a delivery; deb-build-options of dpkg(1) and debhelper(7).
        let mut options = "noautodbgsym".to_owned();
        if attempt.strategy == Strategy::Cross {
            build = build.arg(format!("--host-arch={}", attempt.target));
            options.push_str(" nocheck");
            let note =
                "the packaging's own tests do not run: they are programs for another machine";
            attempt.notes.push(note.to_owned());
        }
        let build = build.folder(inside("").trim_end_matches('/')).timeout(BUILD_TIMEOUT);
        let build = build.env("DEB_BUILD_OPTIONS", options);
        match packaging.rights {
            Rights::Nobody => {
                steps.push(hand_over(&[FOLDER]));
                steps.push(run(as_builder(build)));
            }
            Rights::Root => {
                let note =
                    "debian/rules runs as root in its root; `Rules-Requires-Root: no` avoids that";
                attempt.notes.push(note.to_owned());
                steps.push(run(build));
            }
        }
        let project = format!("source/{}", request.project.path.join(""));
        steps.push(Step::Collect { project: project.trim_end_matches('/').to_owned() });
    }
}

/// Dates every source file so many seconds after 1970 (touch(1)).
fn set_times(epoch: &str) -> Command {
    let date = format!("--date=@{epoch}");
    Command::new("find")
        .args([SOURCE, "-exec", "touch", "--no-dereference", &date, "--", "{}", "+"])
        .timeout(STEP_TIMEOUT)
}

/// The version that a build gives the packages: the tag's, or the one that the packaging's own changelog says.
///
/// # Errors
/// `build::no-version`, `build::bad-packaging`.
pub fn version(request: &Request, packaging: &Packaging) -> Result<DebianVersion> {
    decide_version(request, packaging).map(|(version, ..)| version)
}

/// The version, and what becomes of the changelog that says it.
fn decide_version(
    request: &Request,
    packaging: &Packaging,
) -> Result<(DebianVersion, Changelog, Option<String>)> {
    let file = request.project.path.join(&format!("{}/changelog", packaging.place.folder()));
    let bad = |error: tagboat_deb::Error| refusal::bad_packaging(&file, error.to_string());
    let existing = packaging.changelog.as_deref().filter(|text| !text.trim().is_empty());
    let head = existing.map(|text| parse_first_entry(text.as_bytes())).transpose().map_err(bad)?;
    let kept = |head: EntryHead| {
        // Day and weekday of entries written by hand may disagree; dpkg goes by the day.
        let date = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(&head.date);
        let date = date.map_err(|error| refusal::bad_packaging(&file, error.to_string()))?;
        Ok((head.version, Changelog::Kept(date), None))
    };
    let (version, head) = match (&request.version, head) {
        (None, None) => {
            let message =
                "the project has neither a version tag nor a changelog that says a version";
            let help = "put a version tag on the commit, and push it";
            return Err(Box::new(refusal::refuse("build::no-version", message).help(help)));
        }
        (None, Some(head)) => return kept(head),
        (Some(version), head) => (version, head),
    };
    let upstream = version.debian();
    let mut note = None;
    let mut epoch = String::new();
    if let Some(head) = &head {
        // Its revision, if it has one, is the maintainers' to count.
        if head.version.upstream() == upstream {
            return kept(head.clone());
        }
        // An epoch can never be dropped again (Debian Policy 5.6.12).
        if head.version.epoch() > 0 {
            epoch = format!("{}:", head.version.epoch());
        }
    }
    let debian = DebianVersion::parse(&format!("{epoch}{upstream}")).map_err(bad)?;
    if let Some(head) = head.filter(|head| head.version > debian) {
        note = Some(format!("the tag gives {debian}, below {} in {file}", head.version));
    }
    let entry = render_entry(request, version, &packaging.source, &debian, &packaging.maintainer);
    let mut text = entry.map_err(bad)?;
    if let Some(existing) = existing {
        text.push('\n');
        text.push_str(existing.trim_start());
    }
    Ok((debian, Changelog::Written(text), note))
}

/// The changelog entry of a version: what the commit says of itself, dated and signed as it is.
///
/// # Errors
/// What is no entry of deb-changelog(5): a suite or a maintainer outside its grammar.
pub(crate) fn render_entry(
    request: &Request,
    version: &Version,
    package: &PackageName,
    debian: &DebianVersion,
    maintainer: &str,
) -> Result<String, tagboat_deb::Error> {
    let suite = request.mirrors.first().map_or("unstable", |mirror| mirror.suite.as_str());
    Entry {
        package: package.clone(),
        version: debian.clone(),
        distribution: suite.to_owned(),
        urgency: Urgency::Medium,
        changes: vec![change(&request.commit, version)],
        maintainer: maintainer.to_owned(),
        date: date(&request.commit),
    }
    .render()
}

/// lintian complains of lines above 80 characters; four are the indent.
const WIDTH: usize = 76;

fn change(commit: &Commit, version: &Version) -> String {
    let plain: String =
        commit.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut text = String::new();
    let mut column = 0;
    for word in plain.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
    }
    if text.is_empty() { format!("Release {}", version.semver()) } else { text }
}

/// deb-changelog(5): RFC 5322, here always in UTC. A commit from before 1970 is dated 1970, as its files are.
fn date(commit: &Commit) -> String {
    let time = commit.time.max(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
