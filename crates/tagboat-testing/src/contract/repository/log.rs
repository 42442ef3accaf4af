//! The promises of a repository's log. In: a world of clones and one remote. Out: a panic where one is broken.

use tagboat_core::commit::CommitSha;
use tagboat_core::ports::{Log, LogEntry, LogQuery, RepositoryError, Since};

use super::{World, last, scope};

/// What `main` has at `paths` since a commit.
fn log(world: &dyn World, since: &CommitSha, until: &CommitSha, paths: &[&str]) -> Vec<LogEntry> {
    let since = Since::FirstOf(std::slice::from_ref(since));
    let query = LogQuery { until, since, paths, limit: 100 };
    let log = world.clone_here().log(&scope(), &query).unwrap();
    assert!(log.since == Some(0) || log.entries.is_empty());
    log.entries
}

fn messages(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}

/// See its name.
pub fn a_log_has_what_touched_a_path_newest_first(world: &dyn World) {
    let start = last(world);
    let first = world.commit("api 1", &[("api/main.py", "1"), ("web/index", "0")]);
    world.commit("web 1", &[("api/main.py", "1"), ("web/index", "1")]);
    let third = world.commit("api 2", &[("api/main.py", "2"), ("web/index", "1")]);
    let end = world.commit("nothing", &[("api/main.py", "2"), ("web/index", "1")]);
    let entries = log(world, &start, &end, &["api"]);
    assert_eq!(messages(&entries), ["api 2", "api 1"]);
    assert_eq!(entries.iter().map(|entry| &entry.sha).collect::<Vec<_>>(), [&third, &first]);
    assert_eq!(messages(&log(world, &start, &end, &["web"])), ["web 1", "api 1"]);
    assert_eq!(messages(&log(world, &start, &end, &["web/index"])), ["web 1", "api 1"]);
    assert_eq!(messages(&log(world, &start, &end, &["web", "api/main.py"])).len(), 3);
    assert_eq!(log(world, &start, &end, &["docs"]), []);
    assert_eq!(log(world, &start, &end, &[]), []);
    let all = log(world, &start, &end, &[""]);
    assert_eq!(messages(&all), ["nothing", "api 2", "web 1", "api 1"]);
    assert_eq!(log(world, &start, &end, &["api", ""]), all);
}

/// See its name.
pub fn a_log_begins_after_a_commit_or_at_the_beginning(world: &dyn World) {
    let first = world.commit("one", &[("api/a", "1")]);
    let second = world.commit("two", &[("api/a", "2")]);
    assert_eq!(messages(&log(world, &first, &second, &["api"])), ["two"]);
    assert_eq!(log(world, &second, &second, &["api"]), []);
    assert_eq!(log(world, &second, &first, &["api"]), [], "the other way round there is nothing");
    let since = Since::Beginning;
    let query = LogQuery { until: &second, since, paths: &["api"], limit: 100 };
    let log = world.clone_here().log(&scope(), &query).unwrap();
    assert_eq!(messages(&log.entries), ["two", "one", "first"]);
    assert_eq!(log.since, None);
}

/// See its name.
pub fn a_path_of_a_log_is_literal_and_whole(world: &dyn World) {
    let start = last(world);
    let odd = [
        "api2/x",
        "api.md",
        "ap*/x",
        "a?i/x",
        "[a]pi/x",
        ":(top)api",
        "-n/x",
        "ü b\u{301}/x",
        "$(id)",
    ];
    let mut files = Vec::new();
    for name in odd {
        files.push((name, "x"));
        world.commit(name, &files);
    }
    let end = world.commit("the end", &files);
    assert_eq!(log(world, &start, &end, &["ap"]), []);
    assert_eq!(log(world, &start, &end, &["a*"]), []);
    assert_eq!(log(world, &start, &end, &["API2"]), []);
    // The first commit removed what was in it.
    assert_eq!(messages(&log(world, &start, &end, &["api"])), ["api2/x"]);
    for name in &odd[1..] {
        let path = name.strip_suffix("/x").unwrap_or(name);
        assert_eq!(messages(&log(world, &start, &end, &[path])), [*name], "{path}");
    }
}

/// See its name.
pub fn a_file_that_moves_touches_both_paths(world: &dyn World) {
    let start = world.commit("there", &[("api/shared.py", "long enough to be a rename\n")]);
    world.commit("move", &[("web/shared.py", "long enough to be a rename\n")]);
    let end = world.commit("go on", &[("web/shared.py", "long enough to be a rename\n!\n")]);
    assert_eq!(messages(&log(world, &start, &end, &["api"])), ["move"]);
    assert_eq!(messages(&log(world, &start, &end, &["web"])), ["go on", "move"]);
    assert_eq!(messages(&log(world, &start, &end, &["api/shared.py"])), ["move"]);
    assert_eq!(messages(&log(world, &start, &end, &["web/shared.py"])), ["go on", "move"]);
}

/// See its name.
pub fn a_message_of_a_log_arrives_whole(world: &dyn World) {
    let start = last(world);
    let texts = [
        "feat(api)!: ü \u{1f6a2} \"quoted\" $(id) `id` %H %x00",
        "fix: x\n\na body\n\n  indented\n\nBREAKING CHANGE: y\nRefs: #1",
        "commit 1234567890123456789012345678901234567890\nAuthor: Eve <eve@example.org>\n\n    x",
        "--format=x",
        "x\u{1b}[31mred\u{7}",
    ];
    let mut end = start.clone();
    for (text, content) in texts.iter().zip(["1", "2", "3", "4", "5"]) {
        end = world.commit(text, &[("api/x", content)]);
    }
    let entries = log(world, &start, &end, &["api"]);
    let mut read = messages(&entries);
    read.reverse();
    assert_eq!(read, texts);
}

/// See its name.
pub fn more_commits_than_asked_for_are_an_error(world: &dyn World) {
    let start = last(world);
    let mut end = start.clone();
    for content in ["1", "2", "3"] {
        end = world.commit(content, &[("api/x", content)]);
    }
    let clone = world.clone_here();
    let asked = |limit| {
        let since = Since::FirstOf(std::slice::from_ref(&start));
        let query = LogQuery { until: &end, since, paths: &["api"], limit };
        clone.log(&scope(), &query).map(|log| log.entries)
    };
    assert_eq!(asked(3).unwrap().len(), 3);
    for limit in [2, 1, 0] {
        let error = asked(limit).unwrap_err();
        assert!(matches!(error, RepositoryError::Unexpected(_)), "{error:?}");
    }
}

/// See its name.
pub fn a_log_of_what_is_not_here_is_an_error(world: &dyn World) {
    let (here, nowhere) = (last(world), CommitSha::parse(&"12".repeat(20)).unwrap());
    let clone = world.clone_here();
    for (until, since) in [(&nowhere, &here), (&here, &nowhere)] {
        let since = Since::FirstOf(std::slice::from_ref(since));
        let query = LogQuery { until, since, paths: &["api"], limit: 100 };
        let error = clone.log(&scope(), &query).unwrap_err();
        assert!(matches!(error, RepositoryError::Git { .. }), "{error:?}");
    }
}

/// See its name.
pub fn a_log_leads_nowhere_but_into_the_repository(world: &dyn World) {
    let commit = last(world);
    let clone = world.clone_here();
    for path in ["..", "../x", "api/../../x", "/etc", ".", "./api", "api/", "a//b", "a\0b"] {
        let (since, paths) = (Since::Beginning, ["api", path]);
        let query = LogQuery { until: &commit, since, paths: &paths, limit: 100 };
        let error = clone.log(&scope(), &query).unwrap_err();
        assert!(matches!(error, RepositoryError::Unexpected(_)), "{path:?}: {error:?}");
    }
}

/// See its name.
pub fn a_log_begins_after_the_first_of_some_commits_that_is_behind(world: &dyn World) {
    let start = last(world);
    let old = world.commit("old", &[("api/x", "1")]);
    let middle = world.commit("middle", &[("api/x", "2")]);
    let new = world.commit("new", &[("api/x", "3")]);
    let clone = world.clone_here();
    let ask = |candidates: &[&CommitSha], until: &CommitSha| {
        let candidates: Vec<CommitSha> = candidates.iter().copied().cloned().collect();
        let since = Since::FirstOf(&candidates);
        let query = LogQuery { until, since, paths: &["api"], limit: 2 };
        let Log { since, entries } = clone.log(&scope(), &query).unwrap();
        (since, messages(&entries).join(", "))
    };
    let found = |place, text: &str| (Some(place), text.to_owned());
    assert_eq!(ask(&[&old, &middle], &new), found(0, "new, middle"));
    assert_eq!(ask(&[&middle, &old], &new), found(0, "new"));
    assert_eq!(ask(&[&new, &old], &new), found(0, ""), "a commit is its own");
    assert_eq!(ask(&[&new, &old, &start], &middle), found(1, "middle"));
    assert_eq!(ask(&[&new, &middle], &old), (None, String::new()));
    assert_eq!(ask(&[], &new), (None, String::new()));
    // The last of very many; and what is before the others may be longer than one asked for.
    let mut many = vec![&new; 300];
    many.extend([&old, &start]);
    assert_eq!(ask(&many, &middle), found(300, "middle"));
    assert_eq!(ask(&many, &old), found(300, ""));
}
