//! What only the real git can do wrong.

use std::path::PathBuf;
use std::process::Command as StdCommand;
use std::time::{Duration, Instant};

use tagboat_adapters::git::{GitRepository, Patience};
use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{
    Existing, FetchSpec, NewTag, RefUpdate, Repository as _, RepositoryError, Swap,
};
use tagboat_testing::monorepo::Monorepo;
use tagboat_testing::sshd::{LoginShell, Sshd};

use super::{hermetic, open, scope};

const TAG: &str = "refs/tags/api/production";

fn with_commit() -> Monorepo {
    let repo = Monorepo::new();
    repo.write("a", "a\n");
    repo.commit("first");
    repo.push();
    repo
}

fn new_tag(git: &GitRepository, message: &str) -> ObjectId {
    let commit = git.commit(&scope(), "HEAD").unwrap().unwrap();
    let tag = NewTag {
        name: "api/production".to_owned(),
        commit: commit.sha,
        time: commit.time,
        message: format!("{message}\n"),
    };
    git.write_tag(&scope(), &tag).unwrap()
}

fn update(expected: Option<&ObjectId>, new: &ObjectId) -> RefUpdate {
    RefUpdate { name: TAG.to_owned(), expected: expected.cloned(), new: new.clone() }
}

fn script(path: PathBuf, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_empty_repository_has_no_refs_and_no_commit() {
    let repo = Monorepo::new();
    let git = open(&repo, &repo.work());
    assert_eq!(git.refs(&scope()).unwrap(), []);
    assert_eq!(git.remote_refs(&scope(), &["refs/tags/*"]).unwrap(), []);
    assert_eq!(git.commit(&scope(), "HEAD").unwrap(), None);
    assert!(!git.is_shallow());
}

#[test]
fn a_folder_below_the_work_tree_is_in_the_repository_and_others_are_in_none() {
    let repo = with_commit();
    repo.write("deep/er/file", "");
    open(&repo, &repo.work().join("deep/er"));
    open(&repo, &repo.remote());
    let other = tempfile_outside();
    for folder in [other.path().to_owned(), other.path().join("none")] {
        let result = GitRepository::open_with(hermetic(&repo, "git"), &scope(), &folder, "origin");
        assert_eq!(result.unwrap_err(), RepositoryError::NotARepository);
    }
}

fn tempfile_outside() -> tempfile::TempDir {
    tempfile::TempDir::new().unwrap()
}

#[test]
fn a_repository_that_git_will_not_touch_is_not_called_missing() {
    let repo = with_commit();
    std::fs::write(repo.work().join(".git/config"), "[broken").unwrap();
    let result = GitRepository::open_with(hermetic(&repo, "git"), &scope(), &repo.work(), "origin");
    let error = result.unwrap_err();
    assert!(
        matches!(&error, RepositoryError::Git { said, .. } if said.contains("config")),
        "{error:?}"
    );
}

#[test]
fn a_program_that_is_no_git_is_not_found() {
    let repo = with_commit();
    let git = hermetic(&repo, "tagboat-no-such-git");
    let result = GitRepository::open_with(git, &scope(), &repo.work(), "origin");
    let not_found = RepositoryError::Run(tagboat_core::ports::RunError::NotFound);
    assert_eq!(result.unwrap_err(), not_found);
}

#[test]
fn hostile_ref_names_are_listed_as_they_are() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let repo = with_commit();
    let long = "x".repeat(200);
    let names =
        ["-x", "--output=x", "$(id)", "`id`", "\u{202e}txt", "a;b", "'q'", &long, "ü", "x{}", "&"];
    let head = repo.git(&["rev-parse", "HEAD"]);
    for name in names {
        repo.git(&["update-ref", &format!("refs/tags/{name}/v1.0.0"), &head]);
    }
    let odd = repo.work().join(".git/refs/tags").join(OsStr::from_bytes(b"odd\xff\xfe"));
    let bytes = std::fs::write(odd, format!("{head}\n")).is_ok();
    let git = open(&repo, &repo.work());
    let listed: Vec<String> =
        git.refs(&scope()).unwrap().into_iter().map(|listed| listed.name).collect();
    for name in names {
        let name = format!("refs/tags/{name}/v1.0.0");
        assert!(listed.contains(&name), "{name:?} in {listed:?}");
    }
    assert_eq!(listed.contains(&"refs/tags/odd\u{fffd}\u{fffd}".to_owned()), bytes);
    // And they travel.
    repo.git(&["push", "-q", "origin", "refs/tags/*:refs/tags/*"]);
    assert_eq!(git.remote_refs(&scope(), &["refs/tags/*"]).unwrap().len(), listed.len());
    let specs: Vec<FetchSpec> = names
        .iter()
        .filter(|name| !name.contains("{}"))
        .map(|name| FetchSpec {
            from: format!("refs/tags/{name}/v1.0.0"),
            to: format!("refs/tagboat/remote/tags/{name}/v1.0.0"),
            existing: Existing::Overwrite,
        })
        .collect();
    git.fetch(&scope(), &specs).unwrap();
}

#[test]
fn a_hundred_thousand_tags_are_listed_in_a_moment() {
    use std::io::Write as _;
    let repo = with_commit();
    let head = repo.git(&["rev-parse", "HEAD"]);
    let tag = repo.tag("annotated", "x");
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    for n in 0..100_000 {
        packed += &format!("{tag} refs/tags/project{:03}/v1.{n:06}.0\n^{head}\n", n / 1000);
    }
    let mut file = std::fs::File::create(repo.work().join(".git/packed-refs")).unwrap();
    file.write_all(packed.as_bytes()).unwrap();
    let git = open(&repo, &repo.work());
    let began = Instant::now();
    let refs = git.refs(&scope()).unwrap();
    let took = began.elapsed();
    assert_eq!(refs.len(), 100_001);
    assert!(refs.iter().all(|listed| listed.target().as_str() == head));
    // Ten times what it takes on an idle machine: a slower way would be slower by more.
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn branches_and_foreign_refs_are_not_listed() {
    let repo = with_commit();
    for name in ["refs/notes/x", "refs/heads/tags/x", "refs/tagboatx/y", "refs/remotes/tags/z"] {
        repo.git(&["update-ref", name, "HEAD"]);
    }
    assert_eq!(open(&repo, &repo.work()).refs(&scope()).unwrap(), []);
}

#[test]
fn without_an_identity_no_tag_is_written_and_the_reason_is_plain() {
    let repo = with_commit();
    std::fs::write(repo.folder().join("gitconfig"), "").unwrap();
    let git = open(&repo, &repo.work());
    let commit = git.commit(&scope(), "HEAD").unwrap().unwrap();
    let message = "x\n".to_owned();
    let tag = NewTag { name: "v1".to_owned(), commit: commit.sha, time: commit.time, message };
    let error = git.write_tag(&scope(), &tag).unwrap_err();
    assert!(error.to_string().contains("user.email"), "{error}");
}

#[test]
fn signed_tags_and_old_ones_without_a_tagger_are_read() {
    let repo = with_commit();
    let head = repo.git(&["rev-parse", "HEAD"]);
    let bodies = [
        format!("object {head}\ntype commit\ntag v0\n\nno tagger\n"),
        format!(
            "object {head}\ntype commit\ntag v1\ntagger A <a@b> 9 +0100\n\nm\n\
             -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
        ),
        "total rubbish".to_owned(),
    ];
    let ids = bodies.map(|body| {
        repo.write("body", &body);
        let id = repo.git(&["hash-object", "-t", "tag", "-w", "--literally", "body"]);
        ObjectId::parse(&id).unwrap()
    });
    let read = open(&repo, &repo.work()).tag_objects(&scope(), &ids).unwrap();
    assert_eq!(read[0].as_ref().unwrap().message, "no tagger\n");
    let signed = read[1].as_ref().unwrap();
    assert_eq!(signed.message, "m\n");
    assert!(
        signed.signature.as_ref().unwrap().armoured.starts_with("-----BEGIN PGP SIGNATURE-----")
    );
    assert_eq!(read[2], None);
}

#[test]
fn thousands_of_tag_objects_and_a_huge_blob_are_read_at_once() {
    let repo = with_commit();
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, &"line of a ledger\n".repeat(2000));
    repo.write("blob", vec![b'x'; 80 << 20]);
    let blob = ObjectId::parse(&repo.git(&["hash-object", "-w", "blob"])).unwrap();
    // 34 KiB each: more than what one program may print.
    let mut ids = vec![tag; 2500];
    ids[1200] = blob;
    let read = git.tag_objects(&scope(), &ids).unwrap();
    assert_eq!(read.iter().filter(|tag| tag.is_some()).count(), 2499);
    assert!(read[1200].is_none());
}

#[test]
fn a_remote_that_is_gone_or_unreachable_is_a_remote_error() {
    let repo = with_commit();
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    for address in [repo.folder().join("none").display().to_string(), "ssh://127.0.0.1:9/x".into()]
    {
        repo.git(&["remote", "set-url", "origin", &address]);
        let spec =
            FetchSpec { from: TAG.into(), to: "refs/tagboat/x".into(), existing: Existing::Keep };
        let errors = [
            git.remote_refs(&scope(), &[TAG]).unwrap_err(),
            git.fetch(&scope(), &[spec]).unwrap_err(),
            git.swap(&scope(), &[update(None, &tag)]).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, RepositoryError::Remote(_)), "{address}: {error:?}");
        }
    }
}

#[test]
fn a_remote_that_never_answers_is_given_up_at_the_deadline() {
    let repo = with_commit();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("git://{}/x", silent.local_addr().unwrap());
    repo.git(&["remote", "set-url", "origin", &address]);
    let git = open(&repo, &repo.work());
    let began = Instant::now();
    let scope = scope().until(began + Duration::from_millis(400));
    let error = git.remote_refs(&scope, &[TAG]).unwrap_err();
    assert!(matches!(error, RepositoryError::Remote(_)), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_remote_that_hangs_is_waited_for_as_long_as_the_caller_says() {
    let repo = with_commit();
    let hang = repo.folder().join("hang");
    std::fs::write(&hang, "#!/bin/sh\nexec sleep 600\n").unwrap();
    assert!(StdCommand::new("chmod").arg("+x").arg(&hang).status().unwrap().success());
    repo.git(&["config", "core.sshCommand", hang.to_str().unwrap()]);
    let short = Duration::from_millis(300);
    let long = Duration::from_secs(600);
    let listing = Patience { listing: short, transfer: long };
    let transfer = Patience { listing: long, transfer: short };
    let open = |patience| {
        let git = hermetic(&repo, "git").patient(patience);
        GitRepository::open_with(git, &scope(), &repo.work(), "origin").unwrap()
    };
    let late = |result: Result<(), RepositoryError>, began: Instant| {
        assert!(matches!(&result, Err(RepositoryError::Remote(_))), "{result:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    };
    let git = open(transfer);
    let tag = new_tag(&git, "x");
    repo.git(&["remote", "set-url", "origin", "ssh://nowhere.invalid/x"]);
    let spec =
        FetchSpec { from: TAG.into(), to: "refs/tagboat/x".into(), existing: Existing::Overwrite };
    late(git.fetch(&scope(), &[spec]), Instant::now());
    let git = open(listing);
    late(git.remote_refs(&scope(), &[TAG]).map(drop), Instant::now());
    let both = open(Patience { listing: short, transfer: short });
    late(both.swap(&scope(), &[update(None, &tag)]).map(drop), Instant::now());
}

#[test]
fn a_hook_on_the_remote_that_refuses_is_a_refusal_and_changes_nothing() {
    let repo = with_commit();
    repo.remote_hook("pre-receive", "echo 'not on my watch' >&2; exit 1");
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    let error = git.swap(&scope(), &[update(None, &tag)]).unwrap_err();
    assert!(matches!(&error, RepositoryError::Git { .. }), "{error:?}");
    assert_eq!(git.remote_refs(&scope(), &[TAG]).unwrap(), []);
}

#[test]
fn an_update_hook_that_refuses_one_ref_refuses_all() {
    let repo = with_commit();
    repo.remote_hook("update", "test \"$1\" != refs/tags/api/production");
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    let page =
        RefUpdate { name: "refs/tagboat/ledger/x/0".into(), expected: None, new: tag.clone() };
    let error = git.swap(&scope(), &[page, update(None, &tag)]).unwrap_err();
    assert!(matches!(&error, RepositoryError::Git { .. }), "{error:?}");
    assert_eq!(git.remote_refs(&scope(), &[TAG, "refs/tagboat/*"]).unwrap(), []);
}

#[test]
fn the_users_own_pre_push_hook_is_asked_and_its_refusal_stands() {
    let repo = with_commit();
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    repo.hook(&repo.work(), "pre-push", "cat > asked; echo 'no pushing today' >&2; exit 1");
    let error = git.swap(&scope(), &[update(None, &tag)]).unwrap_err();
    assert!(error.to_string().contains("no pushing today"), "{error}");
    let asked = std::fs::read_to_string(repo.work().join("asked")).unwrap();
    assert!(asked.contains(TAG), "{asked}");
    assert_eq!(git.remote_refs(&scope(), &[TAG]).unwrap(), []);
}

#[test]
fn private_bookkeeping_fires_no_hook() {
    let repo = with_commit();
    let git = open(&repo, &repo.work());
    repo.hook(&repo.work(), "reference-transaction", "touch fired; exit 1");
    let id = git.commit(&scope(), "HEAD").unwrap().unwrap().sha.object().clone();
    git.remember(&scope(), &[("refs/tagboat/seen/x".to_owned(), Some(id))]).unwrap();
    assert!(!repo.work().join("fired").exists());
}

#[test]
fn a_branch_that_has_a_tags_whole_name_stops_no_swap_and_is_not_taken_for_it() {
    let repo = with_commit();
    let git = open(&repo, &repo.work());
    let branch = format!("refs/heads/{TAG}");
    repo.git(&["push", "-q", "origin", &format!("HEAD:{branch}")]);
    let before = git.remote_refs(&scope(), &[&branch]).unwrap();
    let (first, second) = (new_tag(&git, "first"), new_tag(&git, "second"));
    assert_eq!(git.swap(&scope(), &[update(None, &first)]).unwrap(), Swap::Won);
    assert_eq!(git.swap(&scope(), &[update(Some(&first), &second)]).unwrap(), Swap::Won);
    let tag = git.remote_refs(&scope(), &[TAG]).unwrap();
    assert_eq!(tag[0].object, second);
    assert_eq!(git.remote_refs(&scope(), &[&branch]).unwrap(), before);
    // And it is fetched as what it is.
    let to = "refs/tagboat/remote/tags/api/production".to_owned();
    let spec = FetchSpec { from: TAG.to_owned(), to: to.clone(), existing: Existing::Overwrite };
    git.fetch(&scope(), &[spec]).unwrap();
    assert_eq!(repo.git(&["rev-parse", &to]), second.as_str());
    // Nothing of a push stays here.
    assert_eq!(repo.git(&["for-each-ref", "refs/tagboat/outbox"]), "");
}

#[test]
fn a_push_whose_connection_dies_after_the_remote_took_it_has_won() {
    let repo = with_commit();
    // The other end dies with the refs written and no word said.
    repo.remote_hook("reference-transaction", "test \"$1\" != committed || kill -KILL $PPID");
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    assert_eq!(git.swap(&scope(), &[update(None, &tag)]), Ok(Swap::Won));
}

#[test]
fn a_push_that_dies_before_the_remote_took_it_is_of_unknown_outcome() {
    let repo = with_commit();
    let program = script(repo.folder().join("receive-pack"), "exit 1");
    repo.git(&["config", "remote.origin.receivepack", &program]);
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    let error = git.swap(&scope(), &[update(None, &tag)]).unwrap_err();
    assert!(matches!(error, RepositoryError::Remote(_)), "{error:?}");
}

#[test]
fn a_cancelled_push_that_the_remote_took_has_won_all_the_same() {
    let repo = with_commit();
    let flag = repo.folder().join("taken");
    repo.remote_hook("post-receive", &format!("touch {}; sleep 20", flag.display()));
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    let scope = scope();
    let end = std::thread::scope(|threads| {
        let pusher = threads.spawn(|| git.swap(&scope, &[update(None, &tag)]));
        let until = Instant::now() + Duration::from_secs(15);
        while !flag.exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        scope.cancel.cancel();
        pusher.join().unwrap()
    });
    assert_eq!(end, Ok(Swap::Won));
}

#[test]
fn settings_that_would_break_a_push_or_a_fetch_are_overruled() {
    let repo = with_commit();
    repo.tag("v0.0.1", "followed");
    for (name, value) in [
        ("remote.origin.mirror", "true"),
        ("push.followTags", "true"),
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
        ("remote.origin.prune", "true"),
        ("remote.origin.tagOpt", "--tags"),
        ("core.pager", "false"),
        ("push.default", "nothing"),
        ("advice.pushUpdateRejected", "true"),
        ("color.ui", "always"),
        ("core.hooksPath", "/no/such/folder"),
    ] {
        repo.git(&["config", name, value]);
    }
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    assert_eq!(git.swap(&scope(), &[update(None, &tag)]).unwrap(), Swap::Won);
    let to = "refs/tagboat/remote/tags/api/production".to_owned();
    let spec = FetchSpec { from: TAG.into(), to, existing: Existing::Overwrite };
    git.fetch(&scope(), &[spec]).unwrap();
    let names: Vec<String> = git.refs(&scope()).unwrap().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["refs/tagboat/remote/tags/api/production", "refs/tags/v0.0.1"]);
    let there = git.remote_refs(&scope(), &["refs/tags/*"]).unwrap();
    assert_eq!(there.len(), 1, "{there:?}");
    assert!(!repo.work().join(".git/FETCH_HEAD").exists());
}

#[test]
fn the_outcome_is_read_from_where_the_push_went() {
    let repo = with_commit();
    repo.git_in(repo.folder(), &["init", "-q", "--bare", "elsewhere.git"]);
    let elsewhere = repo.folder().join("elsewhere.git").display().to_string();
    repo.git(&["remote", "set-url", "--push", "origin", &elsewhere]);
    let git = open(&repo, &repo.work());
    let tag = new_tag(&git, "x");
    assert_eq!(git.swap(&scope(), &[update(None, &tag)]).unwrap(), Swap::Won);
    assert_eq!(git.remote_refs(&scope(), &[TAG]).unwrap(), [], "the other one has it");
    // Two at once cannot be compared and swapped.
    repo.git(&["remote", "set-url", "--add", "--push", "origin", "/nowhere"]);
    let error = git.swap(&scope(), &[update(Some(&tag), &tag)]).unwrap_err();
    assert!(matches!(error, RepositoryError::Unexpected(_)), "{error:?}");
}

#[test]
fn a_shallow_clone_says_so_and_derives_nothing_from_missing_history() {
    let repo = with_commit();
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("second");
    repo.push();
    let address = format!("file://{}", repo.remote().display());
    let clone = repo.clone_from("shallow", &address, &["--depth", "1"]);
    let git = open(&repo, &clone);
    assert!(git.is_shallow());
    let head = git.commit(&scope(), "HEAD").unwrap().unwrap();
    assert!(git.is_ancestor(&scope(), &head.sha, "HEAD").unwrap());
    repo.git(&["push", "-q", "origin", "HEAD~1:refs/heads/old"]);
    repo.git_in(&clone, &["fetch", "-q", "--depth", "1", "origin", &first]);
    let first = ObjectId::parse(&first).unwrap().into();
    let result = git.is_ancestor(&scope(), &first, "HEAD");
    assert_eq!(result, Err(RepositoryError::Shallow));
}

#[test]
fn a_replaced_commit_changes_nothing() {
    let repo = with_commit();
    let first = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("second");
    let second = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["replace", &second, &first]);
    let commit = open(&repo, &repo.work()).commit(&scope(), "HEAD").unwrap().unwrap();
    assert_eq!(commit.subject, "second");
}

#[test]
fn an_export_keeps_links_modes_and_odd_names_and_leaves_out_what_the_commit_says() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let repo = Monorepo::new();
    let deep = format!("{}/file", "long-component-of-a-path".repeat(5));
    repo.write(&deep, "deep\n");
    repo.write("--odd \u{202e} $(id)\n", "odd\n");
    repo.write("run", "#!/bin/sh\n");
    repo.write("dev/only", "x");
    repo.write(".gitattributes", "/dev export-ignore\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(repo.work().join("run"), mode).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", repo.work().join("link")).unwrap();
    let commit = repo.commit("x");
    // Neither of these may come along.
    repo.write("uncommitted", "x");
    repo.write(".gitattributes", "* export-ignore\n");
    repo.write(".git/info/exclude", "ignored\n");
    repo.git(&["config", "tar.umask", "0000"]);
    let into = tempfile_outside();
    open(&repo, &repo.work()).export(&scope(), &commit, into.path()).unwrap();
    let at = |name: &str| into.path().join(name);
    assert_eq!(std::fs::read_to_string(at(&deep)).unwrap(), "deep\n");
    assert!(at("--odd \u{202e} $(id)\n").exists());
    assert_eq!(std::fs::metadata(at("run")).unwrap().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_link(at("link")).unwrap(), PathBuf::from("/etc/passwd"));
    assert!(!at("dev/only").exists() && !at("uncommitted").exists());
    let time = |name: &str| std::fs::symlink_metadata(at(name)).unwrap().mtime();
    let folder = deep.split('/').next().unwrap();
    assert_eq!((time("run"), time(folder)), (1_767_225_600, 1_767_225_600));
}

#[test]
fn an_export_larger_than_a_programs_output_may_be_is_written() {
    let repo = Monorepo::new();
    repo.write("large", vec![7; 70 << 20]);
    let commit = repo.commit("x");
    let into = tempfile_outside();
    open(&repo, &repo.work()).export(&scope(), &commit, into.path()).unwrap();
    assert_eq!(std::fs::metadata(into.path().join("large")).unwrap().len(), 70 << 20);
}

#[test]
fn a_submodule_is_refused_and_named() {
    let repo = with_commit();
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},vendor/x")]);
    repo.git(&["commit", "-q", "-m", "submodule"]);
    let git = open(&repo, &repo.work());
    let commit = git.commit(&scope(), "HEAD").unwrap().unwrap().sha;
    let into = tempfile_outside();
    let error = git.export(&scope(), &commit, into.path()).unwrap_err();
    assert!(error.to_string().contains("vendor/x"), "{error}");
}

#[test]
fn a_tree_that_would_leave_the_folder_writes_nothing_outside() {
    let repo = with_commit();
    repo.write("blob", "pwned\n");
    let blob = repo.git(&["hash-object", "-w", "blob"]);
    let mktree = |line: &str| {
        repo.write("tree", line);
        let shell = "git mktree < tree";
        let output = StdCommand::new("sh")
            .args(["-c", shell])
            .current_dir(repo.work())
            .envs(repo.environment())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let inner = mktree(&format!("100644 blob {blob}\tescaped\n"));
    let tree = mktree(&format!("040000 tree {inner}\t..\n"));
    if tree.is_empty() {
        // This git makes no such tree.
        return;
    }
    let commit = repo.git(&["commit-tree", "-m", "x", &tree]);
    let commit = ObjectId::parse(&commit).unwrap().into();
    let outer = tempfile_outside();
    let into = outer.path().join("into");
    std::fs::create_dir(&into).unwrap();
    assert!(open(&repo, &repo.work()).export(&scope(), &commit, &into).is_err());
    assert!(!outer.path().join("escaped").exists());
}

#[test]
fn refs_that_are_written_by_the_hundred_are_packed_and_no_others() {
    let repo = with_commit();
    repo.git(&["tag", "mine"]);
    let git = open(&repo, &repo.work());
    let id = new_tag(&git, "x");
    let seen =
        |number: usize| (format!("refs/tagboat/seen/p{number}/production"), Some(id.clone()));
    git.remember(&scope(), &(0..200).map(seen).collect::<Vec<_>>()).unwrap();
    git.remember(&scope(), &[seen(200)]).unwrap();
    assert_eq!(git.refs(&scope()).unwrap().len(), 202);
    let loose = |number: usize| repo.work().join(".git").join(seen(number).0).exists();
    let version = repo.git(&["version"]);
    let mut numbers = version.trim_start_matches("git version ").split('.');
    let mut number = || numbers.next().unwrap().parse::<u32>().unwrap();
    // git-pack-refs(1) has `--include` since then.
    let packs = (number(), number()) >= (2, 42);
    assert_eq!(loose(0), !packs, "{version}");
    assert!(loose(200) && repo.work().join(".git/refs/tags/mine").exists());
}

#[test]
fn a_tag_of_a_tag_leads_to_its_commit_however_it_is_asked_for() {
    let repo = with_commit();
    repo.git(&["tag", "--annotate", "--message=inner", "api/inner"]);
    repo.git(&["tag", "--annotate", "--message=outer", "api/v1.0.0", "api/inner"]);
    repo.git(&["tag", "other"]);
    let git = open(&repo, &repo.work());
    let mut found = Vec::new();
    let names = ["refs/tags/api/".to_owned()];
    git.each_ref_of(&scope(), &names, &mut |listed| found.push(listed.to_listed())).unwrap();
    let commit = git.commit(&scope(), "HEAD").unwrap().unwrap().sha;
    let targets = found.iter().map(|listed| (listed.name.as_str(), listed.target()));
    let expected =
        ["refs/tags/api/inner", "refs/tags/api/v1.0.0"].map(|name| (name, commit.object()));
    assert_eq!(targets.collect::<Vec<_>>(), expected);
}

#[test]
fn of_many_who_ask_a_remote_at_once_each_is_answered_though_its_sshd_drops_most_at_first() {
    let Some(sshd) = Sshd::start_with(LoginShell::Dash, "MaxStartups 2") else { return };
    let repo = with_commit();
    let url = format!("ssh://{}@127.0.0.1:{}{}", sshd.user(), sshd.port(), repo.remote().display());
    repo.git(&["remote", "set-url", "origin", &url]);
    repo.git(&["config", "core.sshCommand", &sshd.git_ssh_command()]);
    let listed = std::thread::scope(|threads| {
        let ask = || open(&repo, &repo.work()).remote_refs(&scope(), &["HEAD"]);
        let all: Vec<_> = (0..12).map(|_| threads.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    for refs in listed {
        assert_eq!(refs.unwrap().len(), 1);
    }
}

#[test]
fn why_a_remote_cannot_be_reached_is_told_and_not_what_git_says_of_every_remote() {
    let repo = with_commit();
    repo.git(&["remote", "set-url", "origin", "ssh://127.0.0.1/there"]);
    let ssh = script(
        repo.folder().join("ssh"),
        "echo 'nobody@127.0.0.1: Permission denied' >&2; exit 255",
    );
    repo.git(&["config", "core.sshCommand", &ssh]);
    let failed = open(&repo, &repo.work()).remote_refs(&scope(), &["HEAD"]);
    let said = "nobody@127.0.0.1: Permission denied".to_owned();
    assert_eq!(failed, Err(RepositoryError::Remote(said)));
}
