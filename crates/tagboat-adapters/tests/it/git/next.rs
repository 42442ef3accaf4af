//! The next version (SPEC V5) from real histories.

use std::cmp::Ordering;
use std::process::Command as StdCommand;

use tagboat_core::commit::CommitSha;
use tagboat_core::listing::{Listing, Source};
use tagboat_core::next::{
    Asks, Bump, Channel, Goal, HistoryRequest, NextError, NextVersion, final_version, next_version,
    observe_history,
};
use tagboat_core::ports::{Repository as _, RepositoryError};
use tagboat_core::tag::Environments;
use tagboat_core::version::ProjectPath;
use tagboat_testing::monorepo::Monorepo;

use super::{open, scope};

fn dpkg(left: &str, right: &str) -> Option<Ordering> {
    let words = [("lt", Ordering::Less), ("eq", Ordering::Equal), ("gt", Ordering::Greater)];
    let holds = |word: &str| {
        let args = ["--compare-versions", left, word, right];
        StdCommand::new("dpkg").args(args).status().unwrap().success()
    };
    words.into_iter().find(|(word, _)| holds(word)).map(|(_, order)| order)
}

/// A repository that is changed and tagged as its users would.
struct Story(Monorepo);

impl Story {
    /// A project `api`, and `web` beside it, without a version.
    fn begin() -> Self {
        let story = Self(Monorepo::new());
        story.0.write("web/main", "web\n");
        story.change("api", "feat: begin");
        story
    }

    /// The same, with `api` tagged.
    fn tagged(version: &str) -> Self {
        let story = Self::begin();
        story.tag(&format!("api/v{version}"));
        story
    }

    fn change(&self, project: &str, message: &str) -> CommitSha {
        self.0.write(&format!("{project}/main"), message);
        self.0.commit(message)
    }

    fn tag(&self, name: &str) {
        self.0.tag(name, name);
    }

    fn git(&self, args: &[&str]) -> String {
        self.0.git(args)
    }

    fn ask(&self, project: &str, paths: &[&str], goal: Goal) -> Result<NextVersion, NextError> {
        let git = open(&self.0, &self.0.work());
        let refs = git.refs(&scope()).unwrap();
        let listing = Listing::read(&refs, &Environments::default(), Source::Clone);
        let project = ProjectPath::parse(project).unwrap();
        let commit = git.commit(&scope(), "HEAD").unwrap().unwrap().sha;
        let request = HistoryRequest { project: &project, paths, commit: &commit };
        let history = observe_history(&git, &scope(), &listing, request).unwrap();
        next_version(&project, &history, goal, &dpkg)
    }

    fn next(&self) -> String {
        self.ask("api", &["api"], Goal::Final).unwrap().version.to_string()
    }

    fn pre(&self, channel: Channel) -> Result<String, NextError> {
        let next = self.ask("api", &["api"], Goal::Prerelease(channel));
        next.map(|next| next.version.to_string())
    }

    fn refusal(&self) -> String {
        self.ask("api", &["api"], Goal::Final).unwrap_err().to_string()
    }

    fn final_version(&self) -> Result<String, NextError> {
        let git = open(&self.0, &self.0.work());
        let refs = git.refs(&scope()).unwrap();
        let listing = Listing::read(&refs, &Environments::default(), Source::Clone);
        let project = ProjectPath::parse("api").unwrap();
        let commit = git.commit(&scope(), "HEAD").unwrap().unwrap().sha;
        let version = final_version(&listing, &project, &commit, &dpkg);
        version.map(|version| version.to_string())
    }
}

#[test]
fn the_first_version_is_0_1_0() {
    let story = Story::begin();
    assert_eq!(story.next(), "api/v0.1.0");
    assert_eq!(story.pre(Channel::Rc).unwrap(), "api/v0.1.0-rc.1");
}

#[test]
fn the_projects_own_commits_decide_and_no_others() {
    let story = Story::tagged("1.2.3");
    story.change("web", "feat!: web");
    story.change("api2", "feat!: api2");
    assert_eq!(story.refusal(), "no commit touched the project since api/v1.2.3");
    story.change("api", "fix: api");
    assert_eq!(story.next(), "api/v1.2.4");
    story.change("libs/shared", "feat: shared");
    assert_eq!(story.next(), "api/v1.2.4");
    let shared = story.ask("api", &["api", "libs/shared"], Goal::Final).unwrap();
    assert_eq!(shared.version.to_string(), "api/v1.3.0");
    let asks: Vec<String> = shared.reasons.iter().map(|it| it.asks.to_string()).collect();
    assert_eq!(asks, ["feature", "patch"]);
}

#[test]
fn a_break_is_major_from_1_0_0_and_minor_below() {
    for (base, expected) in [("1.2.3", "api/v2.0.0"), ("0.2.3", "api/v0.3.0")] {
        let story = Story::tagged(base);
        story.change("api", "feat!: marked");
        assert_eq!(story.next(), expected);
        let story = Story::tagged(base);
        story.change("api", "chore: footer\n\nbody\n\nBREAKING CHANGE: x");
        assert_eq!(story.next(), expected);
    }
    let story = Story::tagged("0.2.3");
    story.change("api", "feat: a");
    assert_eq!(story.next(), "api/v0.2.4");
}

#[test]
fn a_commit_that_is_not_conventional_is_a_patch() {
    let story = Story::tagged("1.2.3");
    story.change("api", "Fix it, finally");
    assert_eq!(story.next(), "api/v1.2.4");
    let story = Story::tagged("1.2.3");
    story.change("api", "docs: a word");
    assert_eq!(story.refusal(), "the 1 commit since api/v1.2.3 asks for no new version");
}

#[test]
fn merges_bring_what_their_branches_ask_for_and_ask_for_nothing() {
    let story = Story::tagged("1.2.3");
    story.git(&["switch", "-qc", "side"]);
    story.0.write("api/side", "side");
    story.0.commit("feat: side");
    story.git(&["switch", "-q", "main"]);
    story.change("api", "fix: main");
    story.git(&["merge", "-q", "--no-ff", "-m", "feat!: merge side", "side"]);
    assert_eq!(story.next(), "api/v1.3.0");
}

#[test]
fn gits_own_reverts_cancel_what_they_revert() {
    let story = Story::tagged("1.2.3");
    let feature = story.change("api", "feat!: a");
    story.git(&["revert", "--no-edit", feature.as_str()]);
    assert_eq!(story.refusal(), "the 2 commits since api/v1.2.3 ask for no new version");
    story.git(&["revert", "--no-edit", "HEAD"]);
    let next = story.ask("api", &["api"], Goal::Final).unwrap();
    assert_eq!(next.version.to_string(), "api/v2.0.0", "a revert of the revert brings it back");
    assert_eq!(next.reasons[0].asks, Asks::Undoes);
    // What an older version had.
    story.tag("api/v2.0.0");
    story.git(&["revert", "--no-edit", feature.as_str()]);
    assert_eq!(story.next(), "api/v2.0.1");
}

#[test]
fn the_revert_of_a_whole_merge_makes_the_version_higher_than_it_need_be_never_lower() {
    let story = Story::tagged("1.2.3");
    story.git(&["switch", "-qc", "side"]);
    story.0.write("api/side", "side");
    story.0.commit("feat: side");
    story.git(&["switch", "-q", "main"]);
    story.git(&["merge", "-q", "--no-ff", "-m", "merge side", "side"]);
    story.git(&["revert", "--no-edit", "-m1", "HEAD"]);
    assert_eq!(story.next(), "api/v1.3.0");
}

#[test]
fn a_file_that_moves_from_one_project_to_another_counts_for_both() {
    let story = Story::tagged("1.2.3");
    story.tag("web/v2.0.0");
    story.git(&["mv", "api/main", "web/from-api"]);
    story.0.commit("feat: move to web");
    assert_eq!(story.next(), "api/v1.3.0");
    let web = story.ask("web", &["web"], Goal::Final).unwrap();
    assert_eq!(web.version.to_string(), "web/v2.1.0");
}

#[test]
fn a_renamed_project_begins_again_unless_its_new_name_is_tagged_once() {
    let story = Story::tagged("1.2.3");
    story.git(&["mv", "api", "backend"]);
    story.0.commit("refactor!: api is called backend");
    let ask = || story.ask("backend", &["backend"], Goal::Final).map(|it| it.version.to_string());
    assert_eq!(ask().unwrap(), "backend/v0.1.0");
    story.tag("backend/v1.2.3");
    assert!(matches!(ask(), Err(NextError::NothingAsked { commits: 0, .. })));
    story.change("backend", "fix: a");
    assert_eq!(ask().unwrap(), "backend/v1.2.4");
}

#[test]
fn a_tag_on_another_branch_is_no_base_and_keeps_its_number() {
    let story = Story::tagged("1.0.0");
    story.git(&["switch", "-qc", "release-1.0"]);
    story.change("api", "fix: on the branch");
    assert_eq!(story.next(), "api/v1.0.1");
    story.tag("api/v1.0.1");
    story.git(&["switch", "-q", "main"]);
    story.change("api", "fix: on main");
    assert_eq!(
        story.refusal(),
        "api/v1.0.1 exists already, on a commit that is not behind this one"
    );
    story.change("api", "feat: on main");
    assert_eq!(story.next(), "api/v1.1.0");
    story.tag("api/v1.1.0");
    // The branch goes on below main's versions.
    story.git(&["switch", "-q", "release-1.0"]);
    story.change("api", "fix: again");
    assert_eq!(story.next(), "api/v1.0.2");
    // Once the branch is merged its versions are behind main too.
    story.git(&["switch", "-q", "main"]);
    story.git(&["merge", "-q", "-X", "ours", "-m", "merge", "release-1.0"]);
    story.change("api", "fix: more");
    assert_eq!(story.next(), "api/v1.1.1");
}

#[test]
fn versions_that_are_all_elsewhere_are_no_reason_to_begin_again() {
    let story = Story::begin();
    story.git(&["switch", "-qc", "release"]);
    story.change("api", "fix: on the branch");
    story.tag("api/v1.0.0");
    story.git(&["switch", "-q", "main"]);
    assert!(story.refusal().contains("descends from none of them"), "{}", story.refusal());
}

#[test]
fn of_several_tags_on_one_commit_the_highest_is_the_base() {
    let story = Story::tagged("1.2.3");
    for name in ["api/v1.10.0", "api/v1.9.0", "api/v2.0.0-rc.1", "web/v9.0.0", "api/v1.10.0-stable"]
    {
        story.tag(name);
    }
    assert_eq!(story.final_version().unwrap(), "api/v2.0.0");
    story.change("api", "fix: a");
    assert_eq!(story.next(), "api/v2.0.0");
    let story = Story::tagged("1.2.3");
    story.tag("api/v1.10.0");
    story.git(&["tag", "api/v1.9.0"]);
    story.change("api", "fix: a");
    assert_eq!(story.next(), "api/v1.10.1");
}

#[test]
fn from_alpha_to_the_final_version() {
    let story = Story::tagged("1.2.3");
    assert!(matches!(story.final_version(), Err(NextError::NoPrerelease { .. })));
    story.change("api", "feat: a");
    assert_eq!(story.pre(Channel::Alpha).unwrap(), "api/v1.3.0-alpha.1");
    story.tag("api/v1.3.0-alpha.1");
    let refused = story.pre(Channel::Alpha).unwrap_err();
    assert_eq!(refused.to_string(), "no commit touched the project since api/v1.3.0-alpha.1");
    story.change("web", "feat: elsewhere");
    assert!(story.pre(Channel::Alpha).is_err());
    story.change("api", "docs: b");
    assert!(story.pre(Channel::Alpha).is_err());
    story.change("api", "fix: b");
    assert_eq!(story.pre(Channel::Alpha).unwrap(), "api/v1.3.0-alpha.2");
    assert_eq!(story.pre(Channel::Rc).unwrap(), "api/v1.3.0-rc.1");
    story.tag("api/v1.3.0-rc.1");
    assert_eq!(story.final_version().unwrap(), "api/v1.3.0");
    let next = story.ask("api", &["api"], Goal::Final).unwrap();
    assert_eq!((next.version.to_string().as_str(), next.bump), ("api/v1.3.0", Bump::Minor));
    assert_eq!(next.reasons.len(), 3, "all since the last final version");
    story.change("api", "fix: c");
    assert!(matches!(story.final_version(), Err(NextError::NoPrerelease { .. })));
    assert!(matches!(story.pre(Channel::Beta), Err(NextError::Exists { .. })));
    assert_eq!(story.pre(Channel::Rc).unwrap(), "api/v1.3.0-rc.2");
    story.change("api", "fix!: d");
    assert_eq!(story.pre(Channel::Beta).unwrap(), "api/v2.0.0-beta.1");
}

#[test]
fn a_shallow_clone_gives_no_version() {
    let story = Story::tagged("1.2.3");
    story.change("api", "fix: a");
    story.change("api", "fix: b");
    story.0.push();
    let address = format!("file://{}", story.0.remote().display());
    for depth in ["--depth=1", "--depth=2"] {
        let clone = story.0.clone_from(depth, &address, &[depth]);
        story.0.git_in(&clone, &["fetch", "-q", "--depth=1", "origin", "tag", "api/v1.2.3"]);
        let git = open(&story.0, &clone);
        let refs = git.refs(&scope()).unwrap();
        let listing = Listing::read(&refs, &Environments::default(), Source::Clone);
        assert_eq!(listing.versions.len(), 1);
        let project = ProjectPath::parse("api").unwrap();
        let commit = git.commit(&scope(), "HEAD").unwrap().unwrap().sha;
        let request = HistoryRequest { project: &project, paths: &["api"], commit: &commit };
        let found = observe_history(&git, &scope(), &listing, request);
        assert_eq!(found, Err(RepositoryError::Shallow), "{depth}");
    }
}
