//! Hostile names. In: nothing. Out: the one list of them, and a repository that has each as a tag, a branch, a
//! project's path, a folder, an author and a message. What would be run if one were handed to a shell, or taken for an
//! option, leaves a file behind.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::monorepo::Monorepo;

/// How the names of files begin that a hostile name leaves behind where it is obeyed.
pub const CANARY: &str = "pwned";

/// The list: everything that a person, a program or git may hand over as a name. git lets most of them through
/// (git-check-ref-format(1)); as an author, a message, a folder or an argument all of them pass.
#[must_use]
pub fn texts() -> Vec<String> {
    let shell = [
        "$(touch${IFS}pwned)",
        "`touch${IFS}pwned`",
        ";touch${IFS}pwned;",
        "|touch${IFS}pwned",
        "&touch${IFS}pwned&",
        "&&touch${IFS}pwned",
        "<(touch${IFS}pwned)",
        ">pwned",
        "'$(touch${IFS}pwned)'",
        "\"$(touch${IFS}pwned)\"",
        "';touch${IFS}pwned;'",
        "!touch${IFS}pwned",
        "$(touch pwned)",
        "a\ntouch pwned\n",
        "a\r\ntouch pwned",
        "#{touch}${HOME}",
        "$HOME",
        "~root",
        "*",
        "{a,b}",
    ];
    let options = [
        "-",
        "--",
        "-h",
        "--help",
        "--output=pwned",
        "--upload-pack=touch${IFS}pwned",
        "--receive-pack=touch${IFS}pwned",
        "--exec=touch${IFS}pwned",
        "-oProxyCommand=touch${IFS}pwned",
        "-ccore.fsmonitor=touch${IFS}pwned",
        "--format=%(touch)",
        "--end-of-options",
        "@file",
    ];
    let terminal = [
        "\u{1b}[41mred",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;http://example.org\u{1b}\\link",
        "\u{1b}c",
        "\u{9b}41mC1",
        "\u{9d}0;title\u{9c}",
        "bell\u{7}",
        "back\u{8}\u{8}\u{8}",
        "over\rwritten",
        "del\u{7f}",
        "tab\tbed",
        "form\u{c}feed",
    ];
    let unicode = [
        "\u{202e}gpj.exe",
        "\u{202a}\u{202b}\u{202c}\u{202d}",
        "\u{2066}\u{2067}\u{2068}\u{2069}",
        "\u{200e}\u{200f}\u{61c}",
        "zero\u{200b}\u{200c}\u{200d}width\u{feff}",
        "line\u{2028}separator\u{2029}",
        "tag\u{e0041}\u{e007f}",
        "ünïcödé",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "日本語🚢",
        "\u{fffd}",
    ];
    let meaning = [
        "HEAD",
        "@",
        "refs/heads/main",
        "refs/tags/api/v1.0.0",
        // Nothing is there: as the name of a file that a command is to write, it must reach no file of this machine.
        "../../../etc/tagboat-hostile/passwd",
        "..",
        "a..b",
        "a\\b",
        "v1.0.0^{}",
        "v1.0.0~1",
        "%s%n%x",
        "%2e%2e%2f",
        "{{ 7 * 7 }}",
        "${{ github.token }}",
        "::set-output name=x::y",
        "::add-mask::x",
        "##[command]x",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "null",
        "true",
        "1e309",
        "v1.0.0-stable-stable",
        "v00001.0.0",
        "v99999999999999999999999.0.0",
        " ",
        "",
    ];
    let lists: [&[&str]; 5] = [&shell, &options, &terminal, &unicode, &meaning];
    let mut texts: Vec<String> = lists.concat().into_iter().map(str::to_owned).collect();
    texts.extend(["a".repeat(300), "\u{202e}".repeat(100), "a/".repeat(150)]);
    texts
}

/// What no text can hold: names that are not UTF-8.
#[must_use]
pub fn bytes() -> Vec<Vec<u8>> {
    vec![b"\xff\xfe".to_vec(), b"latin-\xe9".to_vec(), b"\xed\xa0\x80surrogate".to_vec()]
}

/// Those that git takes as a part of a ref's name, by its own word.
fn ref_names() -> BTreeSet<Vec<u8>> {
    let all = texts().into_iter().map(String::into_bytes).chain(bytes());
    all.filter(|name| {
        let mut full = b"refs/tags/".to_vec();
        full.extend(name);
        let checked = Command::new("git")
            .arg("check-ref-format")
            .arg(OsStr::from_bytes(&full))
            .stderr(Stdio::null())
            .status();
        !name.contains(&b'\0') && checked.unwrap().success()
    })
    .collect()
}

/// A repository whose configuration holds, with the project `api` (tags `api/v1.0.0` to `api/v1.2.0`) and the
/// environment `staging`, and with every hostile name that git lets through.
#[must_use]
pub fn repository() -> Monorepo {
    let repo = Monorepo::new();
    repo.write("config/ci-cd/build-config.yml", CONFIG);
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    for name in ["LICENSE", "api/api.service"] {
        repo.write(name, "[Service]\nExecStart=/bin/true\n");
    }
    repo.commit("feat: begin");
    repo.tag("api/v1.0.0", "api 1.0.0");
    plant_folders(&repo.work());
    repo.commit("feat: folders");
    repo.tag("api/v1.1.0", "api 1.1.0");
    repo.commit("feat: more");
    repo.tag("api/v1.2.0", "api 1.2.0");
    plant_commits(&repo);
    repo.push();
    plant_refs(&repo);
    repo
}

const CONFIG: &str = "projects:\n  - path: api\n    builder: staged\n    target: apt\n    \
    health: {path: /health, port: 8080}\n    package: {name: api, architecture: [amd64], \
    description: an api, maintainer: A <a@example.org>}\n    files: \
    [{from: LICENSE, to: /usr/share/doc/api/copyright}, \
    {from: api/api.service, to: /usr/lib/systemd/system/api.service}]\n    unit: api/api.service\n";

/// A folder of each name that a file system takes, here and in the project.
fn plant_folders(root: &Path) {
    let all = texts().into_iter().map(String::into_bytes).chain(bytes());
    for name in all {
        let is_plain = !name.contains(&b'/') && !matches!(&name[..], b"" | b"." | b"..");
        if !is_plain || name.len() > 255 {
            continue;
        }
        for parent in ["", "api", "folders"] {
            let folder = root.join(parent).join(OsStr::from_bytes(&name));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("file"), "").unwrap();
        }
    }
}

/// A commit by each, with it as message. git's own commands clean such names; the objects are written as they are.
fn plant_commits(repo: &Monorepo) {
    let tree = |content| {
        repo.write("api/turn", content);
        repo.git(&["add", "api/turn"]);
        repo.git(&["write-tree"])
    };
    // Each of them touches the project.
    let mut trees = [tree("one"), tree("other")].into_iter().cycle();
    let mut parent = repo.git(&["rev-parse", "HEAD"]);
    for (text, minute) in texts().into_iter().zip(10..) {
        let tree = trees.next().unwrap();
        let who: String = text.chars().filter(|c| !"\n<>\0".contains(*c)).collect();
        let time = crate::monorepo::FIRST_COMMIT + minute * 60;
        let person = format!("{who} <{who}@example.org> {time} +0000");
        let content = format!(
            "tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nfix(api): {text}\n\n{text}\n\n\
             BREAKING CHANGE: {text}\nReviewed-by: {text}\n"
        );
        parent = write_object(repo, "commit", content.as_bytes());
    }
    repo.git(&["update-ref", "refs/heads/main", &parent]);
    repo.git(&["reset", "-q", "--hard"]);
}

/// Each as a tag, as a part of one, and as a branch, written into `packed-refs`: a loose ref has no room for a name
/// of 300 bytes. The remote reads the objects from here.
fn plant_refs(repo: &Monorepo) {
    let commit = repo.git(&["rev-parse", "HEAD"]);
    let tags: Vec<String> = texts()
        .iter()
        .map(|text| {
            let who: String = text.chars().filter(|c| !"\n<>\0".contains(*c)).collect();
            let content = format!(
                "object {commit}\ntype commit\ntag x\ntagger {who} <{who}> 1767225600 +0000\n\n{text}\n"
            );
            write_object(repo, "tag", content.as_bytes())
        })
        .collect();
    let mut refs: BTreeSet<(Vec<u8>, &str)> = BTreeSet::new();
    for (name, index) in ref_names().into_iter().zip(0..) {
        let forms: [(&[u8], &[u8]); 6] = [
            (b"refs/heads/", b""),
            // Beside it there is a folder of this name.
            (b"refs/tags/", b"x"),
            (b"refs/tags/", b"/v1.0.0"),
            (b"refs/tags/api/", b""),
            (b"refs/tags/api/v1.0.0-", b""),
            (b"refs/tags/", b"/staging"),
        ];
        for (before, after) in forms {
            let full = [before, &name, after].concat();
            let object = if before == b"refs/heads/" { None } else { tags.get(index) };
            refs.insert((full, object.unwrap_or(&commit)));
        }
    }
    // git takes only a commit for a branch, and says nothing of the kind of a tag: the objects alternate.
    let mut packed = b"# pack-refs with: sorted \n".to_vec();
    for (name, object) in refs {
        packed.extend(object.as_bytes());
        packed.push(b' ');
        packed.extend(name);
        packed.push(b'\n');
    }
    std::fs::write(repo.work().join(".git/packed-refs"), &packed).unwrap();
    std::fs::write(repo.remote().join("packed-refs"), &packed).unwrap();
    let mut objects = String::new();
    writeln!(objects, "{}", repo.work().join(".git/objects").display()).unwrap();
    std::fs::write(repo.remote().join("objects/info/alternates"), objects).unwrap();
}

fn write_object(repo: &Monorepo, kind: &str, content: &[u8]) -> String {
    let mut writing = Command::new("git")
        .args(["hash-object", "-w", "--literally", "--stdin", "-t", kind])
        .current_dir(repo.work())
        .envs(repo.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writing.stdin.take().unwrap().write_all(content).unwrap();
    let output = writing.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Files that a hostile name left below a folder.
#[must_use]
pub fn canaries(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(CANARY) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}
