//! A large repository. In: its size. Out: a clone with that many tags, kept in the cache under what made it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use tagboat_core::commit::{CommitSha, ObjectId};
use tagboat_core::deployment::{DeploymentId, Terminal};
use tagboat_core::ledger::{Attempt, Ledger, Page, Record};
use tagboat_core::tag::{EnvironmentName, EnvironmentTag};
use tagboat_core::version::{ProjectPath, Version};

use crate::usage::run;
use crate::{Result, scratch};

/// Change this when what [`make`] writes changes: what is kept is then made again.
const GENERATION: u32 = 2;

const ENVIRONMENTS: [&str; 5] = ["production", "staging", "canary", "sandbox", "performance"];
/// The file with the object of each ledger, one a line.
pub(crate) const LEDGERS: &str = "ledgers";

const COMMITS: usize = 2_000;
const FIRST: i64 = 1_735_689_600;

/// How large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// In the table, and in the cache.
    pub(crate) name: &'static str,
    tags: usize,
    projects: usize,
    storage: Storage,
}

/// How git keeps the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    /// In one file (git-pack-refs(1)).
    Packed,
    /// In a file each.
    Loose,
}

impl Size {
    /// What a company with many services has after some years.
    pub(crate) const PACKED: Self = Self {
        name: "100,000 packed tags",
        tags: 100_000,
        projects: 500,
        storage: Storage::Packed,
    };
    /// A tenth of it.
    pub(crate) const TENTH: Self =
        Self { name: "10,000 packed tags", tags: 10_000, projects: 50, storage: Storage::Packed };
    /// Half of it.
    pub(crate) const HALF: Self =
        Self { name: "50,000 packed tags", tags: 50_000, projects: 250, storage: Storage::Packed };
    /// What a clone holds that was never packed.
    pub(crate) const LOOSE: Self =
        Self { name: "20,000 loose tags", tags: 20_000, projects: 100, storage: Storage::Loose };
}

impl Size {
    fn versions_of_a_project(&self) -> usize {
        self.tags / self.projects - ENVIRONMENTS.len()
    }

    /// The highest version tag of the first project.
    pub(crate) fn newest_version(&self) -> String {
        format!("{}/{}", project(0), semver(self.versions_of_a_project() - 1))
    }
}

fn semver(number: usize) -> String {
    format!("v{}.{}.{}", number / 100, number / 10 % 10, number % 10)
}

/// The repository's folder.
pub(crate) fn make(size: &Size) -> Result<PathBuf> {
    let name = format!("scale-{GENERATION}-{}-{:?}", size.tags, size.storage).to_lowercase();
    let folder = scratch("scale")?.join(name);
    if folder.join("made").exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    write_files(&folder, size)?;
    let git = |words: &[&str]| run(Command::new("git").args(words).current_dir(&folder));
    git(&["init", "--quiet", "--initial-branch", "main"])?;
    import(&folder, &commits(&folder, size)?)?;
    let listed = Command::new("git")
        .args(["rev-list", "--reverse", "main"])
        .current_dir(&folder)
        .output()?
        .stdout;
    let commits: Vec<CommitSha> = String::from_utf8(listed)?
        .lines()
        .map(|line| Ok(CommitSha::from(ObjectId::parse(line)?)))
        .collect::<Result<_>>()?;
    let (stream, pages) = tags(size, &commits)?;
    import(&folder, &stream)?;
    // A page's name is its ref's without `refs/`; fast-import makes tags below `refs/tags/` only.
    let mut moves = String::new();
    for page in pages {
        write!(moves, "create refs/{page} refs/tags/{page}\ndelete refs/tags/{page}\n")?;
    }
    update_refs(&folder, &moves)?;
    git(&["pack-refs", "--all"])?;
    if size.storage == Storage::Loose {
        loosen(&folder)?;
    }
    git(&["reset", "--quiet", "--hard"])?;
    let patterns = ENVIRONMENTS.map(|name| format!("refs/tags/*/{name}"));
    let ledgers = Command::new("git")
        .args(["for-each-ref", "--format=%(objectname)"])
        .args(patterns)
        .current_dir(&folder)
        .output()?
        .stdout;
    fs::write(folder.join(LEDGERS), ledgers)?;
    fs::write(folder.join("made"), "")?;
    Ok(folder)
}

/// Makes each packed ref a file again.
fn loosen(folder: &Path) -> Result<()> {
    let packed = folder.join(".git/packed-refs");
    for line in fs::read_to_string(&packed)?.lines() {
        if let Some((id, name)) = line.split_once(' ').filter(|(id, _)| id.len() == 40) {
            let path = folder.join(".git").join(name);
            fs::create_dir_all(path.parent().ok_or("a ref without a folder")?)?;
            fs::write(path, format!("{id}\n"))?;
        }
    }
    Ok(fs::remove_file(packed)?)
}

fn project(index: usize) -> String {
    format!("p{index:03}")
}

/// A configuration with every project.
fn write_files(folder: &Path, size: &Size) -> Result<()> {
    let mut config = String::from("projects:\n");
    for name in (0..size.projects).map(project) {
        write!(
            config,
            "  - path: {name}\n    target: apt\n    builder: staged\n    package: {{name: {name}, \
             architecture: [amd64], section: misc, maintainer: T <t@example.org>, description: a server}}\n    \
             files: [{{from: {name}/f0, to: /usr/share/{name}/f0}}]\n    health: {{port: 8080}}\n"
        )?;
    }
    fs::create_dir_all(folder.join("config/ci-cd"))?;
    fs::write(folder.join("config/ci-cd/build-config.yml"), config)?;
    for name in ENVIRONMENTS {
        let environment = folder.join("environments").join(name);
        fs::create_dir_all(&environment)?;
        fs::write(environment.join("environment.yml"), "requires_approval: true\n")?;
    }
    Ok(())
}

/// The history, as git-fast-import(1) reads it: each commit changes one project. The first has the configuration.
fn commits(folder: &Path, size: &Size) -> Result<String> {
    let mut stream = String::new();
    for index in 0..COMMITS {
        let name = project(index % size.projects);
        let (message, content) = (format!("feat({name}): change {index}"), format!("{index}\n"));
        let time = FIRST + i64::try_from(index)? * 600;
        write!(
            stream,
            "commit refs/heads/main\ncommitter T <t@example.org> {time} +0000\ndata {}\n{message}\n",
            message.len()
        )?;
        if index == 0 {
            let files = ENVIRONMENTS.map(|name| format!("environments/{name}/environment.yml"));
            let files = files.iter().map(String::as_str).chain(["config/ci-cd/build-config.yml"]);
            for path in files {
                let text = fs::read_to_string(folder.join(path))?;
                write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len())?;
            }
            for name in (0..size.projects).map(project) {
                write!(stream, "M 100644 inline {name}/f0\ndata 2\n0\n\n")?;
                let unit = "[Service]\nExecStart=/bin/true\n";
                let length = unit.len();
                write!(stream, "M 100644 inline config/{name}.service\ndata {length}\n{unit}\n")?;
            }
        }
        write!(stream, "M 100644 inline {name}/f1\ndata {}\n{content}\n", content.len())?;
    }
    Ok(stream)
}

/// Version tags, every other one annotated; each project's environments, with their ledgers; and the names of pages.
fn tags(size: &Size, commits: &[CommitSha]) -> Result<(String, Vec<String>)> {
    let (mut stream, mut pages) = (String::new(), Vec::new());
    for index in 0..size.projects {
        let name = project(index);
        let path = ProjectPath::parse(&name)?;
        let mut versions = Vec::new();
        for number in 0..size.versions_of_a_project() {
            let semver = semver(number);
            let commit = &commits[(index + number * 7) % commits.len()];
            versions.push((Version::parse(&path.join(&semver))?, commit));
            let tag = format!("{name}/{semver}");
            if number % 2 == 0 {
                write!(stream, "reset refs/tags/{tag}\nfrom {commit}\n\n")?;
            } else {
                annotated(&mut stream, &tag, commit, &format!("{tag}\n"))?;
            }
        }
        for (place, environment) in ENVIRONMENTS.into_iter().enumerate() {
            let tag = EnvironmentTag::new(path.clone(), EnvironmentName::parse(environment)?);
            // 20 to 39 records in the tag, over one page of 20.
            let attempts = 40 + (index + place * 7) % 20;
            let (ledger, page) = ledger(tag, &versions, attempts.min(versions.len()))?;
            let name = ledger.tag().to_string();
            annotated(&mut stream, &name, ledger.commit()?, &ledger.message())?;
            if let Some(page) = page {
                annotated(&mut stream, &page.name, &page.commit, &page.message)?;
                pages.push(page.name);
            }
        }
    }
    Ok((stream, pages))
}

fn annotated(stream: &mut String, name: &str, commit: &CommitSha, message: &str) -> Result<()> {
    write!(
        stream,
        "tag {name}\nfrom {commit}\ntagger T <t@example.org> {FIRST} +0000\ndata {}\n{message}\n",
        message.len()
    )?;
    Ok(())
}

/// A ledger as this many successful deployments leave it.
fn ledger(
    tag: EnvironmentTag,
    versions: &[(Version, &CommitSha)],
    attempts: usize,
) -> Result<(Ledger, Option<Page>)> {
    let (mut ledger, mut page): (Option<Ledger>, _) = (None, None);
    for ((version, commit), sequence) in versions.iter().zip(1_u64..).take(attempts) {
        let at = Timestamp::from_second(FIRST + i64::try_from(sequence)? * 3600)?;
        let previous = ledger.as_ref().and_then(|ledger| ledger.newest().current());
        let id = DeploymentId::new(at, commit, |_| false);
        let record = Record {
            sequence,
            attempt: Attempt::Deploy,
            version: version.clone(),
            commit: (*commit).clone(),
            previous_version: previous.map(|(version, _)| version.clone()),
            previous_commit: previous.map(|(_, commit)| commit.clone()),
            outcome: Terminal::Succeeded,
            started_at: at,
            completed_at: at,
            triggered_by: "ann".to_owned(),
            workflow_run_id: format!("local-{id}"),
            deployment_id: id,
            regions: Vec::new(),
            holds: Vec::new(),
            override_reason: None,
        };
        ledger = Some(match &ledger {
            None => Ledger::first(tag.clone(), record)?,
            Some(ledger) => {
                let grown = ledger.append(record)?;
                page = grown.page.or(page);
                grown.ledger
            }
        });
    }
    Ok((ledger.ok_or("a ledger has records")?, page))
}

fn import(folder: &Path, stream: &str) -> Result<()> {
    feed(folder, &["fast-import", "--quiet", "--force"], stream)
}

fn update_refs(folder: &Path, lines: &str) -> Result<()> {
    feed(folder, &["update-ref", "--stdin"], lines)
}

fn feed(folder: &Path, words: &[&str], text: &str) -> Result<()> {
    let mut git = Command::new("git");
    let mut child = git.args(words).current_dir(folder).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("git has an input")?.write_all(text.as_bytes())?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("git {}: {status}", words[0]).into()) }
}
