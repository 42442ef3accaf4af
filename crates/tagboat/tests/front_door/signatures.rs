//! Signed tags as a user meets them: ledgers by GPG and ssh keys, versions of a project's signers, what is refused where
//! a signature is required, and the word of a person that overrides it.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tagboat_adapters::process::LocalRunner;
use tagboat_adapters::signature::SshKey;
use tagboat_core::commit::CommitSha;
use tagboat_core::deployment::Terminal;
use tagboat_core::ports::{RepositoryError, Scope, TagSigner};
use tagboat_release::keys::{CheckedKey, NewKeyRequest, SigningKey, check};
use tagboat_testing::monorepo::Monorepo;

use crate::ledgers::{Book, tag};
use crate::user::{Seen, command, see, tagboat, tagboat_in};

const CONFIG: &str = "config/ci-cd/build-config.yml";

/// A project with two versions, an environment that need not be signed and production, which must as soon as there is a
/// key. `head` stands before the projects, `fields` in the project.
pub(crate) fn shop(head: &str, fields: &str) -> Monorepo {
    let repo = Monorepo::new();
    configure(&repo, head, fields);
    repo.write("environments/staging/environment.yml", "hosts: []\n");
    repo.write("environments/production/environment.yml", "hosts: []\n");
    repo.commit("feat: begin");
    repo.tag("api/v1.0.0", "api 1.0.0");
    repo.commit("feat: more");
    repo.tag("api/v1.1.0", "api 1.1.0");
    repo.push();
    repo
}

fn configure(repo: &Monorepo, head: &str, fields: &str) {
    repo.write(
        CONFIG,
        format!(
            "{head}projects:\n  - path: api\n    builder: staged\n    target: apt\n    \
             health: {{path: /health, port: 8080}}\n    package: {{name: api, architecture: [amd64], \
             description: a thing, maintainer: A <a@example.org>}}\n    files: []\n    \
             unit: api/api.service\n{fields}"
        ),
    );
    repo.write("api/api.service", "[Service]\nExecStart=/bin/true\n");
}

pub(crate) fn first(repo: &Monorepo) -> CommitSha {
    CommitSha::parse(&repo.git(&["rev-parse", "api/v1.0.0^{commit}"])).unwrap()
}

/// An ssh key, and its public line.
fn ssh_key(repo: &Monorepo, name: &str) -> (PathBuf, String) {
    let file = repo.folder().join(name);
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
    let line = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    (file, line.trim().to_owned())
}

fn ssh(file: &Path) -> Option<Box<dyn TagSigner>> {
    Some(Box::new(SshKey::new(LocalRunner::default(), file.to_owned())))
}

/// An OpenPGP key in memory: the one of `GPG_PRIVATE_KEY`.
struct OpenPgp(CheckedKey);

impl TagSigner for OpenPgp {
    fn sign(
        &self,
        _: &Scope<'_>,
        payload: &[u8],
        at: Timestamp,
    ) -> Result<String, RepositoryError> {
        Ok(self.0.detached(&mut Cursor::new(payload), at).unwrap())
    }
}

/// The key, its armoured secret, its certificate.
fn open_pgp() -> (OpenPgp, String, String) {
    let request =
        NewKeyRequest { user_id: "Jo <jo@example.org>".to_owned(), days: 0, passphrase: None };
    let made = SigningKey::generate(&request, Timestamp::from_second(1_700_000_000).unwrap());
    let made = made.unwrap();
    let secret = made.secret.expose().to_owned();
    let key = check(Box::new(made.key), None, Timestamp::now()).unwrap();
    let certificate = key.certificate().armoured().unwrap();
    (OpenPgp(key), secret, certificate)
}

fn fingerprint(key: &OpenPgp) -> String {
    key.0.fingerprint().to_string()
}

pub(crate) fn production(repo: &Monorepo, signer: Option<Box<dyn TagSigner>>) -> Book {
    let mut book = Book::new(repo, tag("api", "production"));
    book.sign(signer);
    book.add("api/v1.0.0", &first(repo), Terminal::Succeeded);
    book
}

pub(crate) fn refused(seen: &Seen, code: &str) {
    assert_eq!(seen.status, 3, "{}", seen.all());
    assert!(seen.stderr.contains(&format!("error[{code}]: ")), "{}", seen.all());
}

pub(crate) const DEPLOY: [&str; 4] = ["deploy", "api/v1.1.0", "--env", "production"];

/// The last refusal before a host would be contacted: everything else was allowed.
pub(crate) fn allowed(seen: &Seen) {
    refused(seen, "deploy::no-host");
}

pub(crate) fn with<'w>(words: &[&'w str], more: &[&'w str]) -> Vec<&'w str> {
    [words, more].concat()
}

#[test]
fn a_ledger_signed_with_an_ssh_key_is_shown_with_its_signer_and_may_be_deployed_over() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    production(&repo, ssh(&file));
    let status = tagboat(&repo, &["status"]);
    assert_eq!(status.status, 0, "{}", status.all());
    assert!(status.stdout.ends_with("ledgers: signed\n"), "{}", status.stdout);
    let history = tagboat(&repo, &["history"]);
    assert!(
        history.stdout.starts_with("api/production: 1 attempt, signed by SHA256:"),
        "{}",
        history.all()
    );
    let json = tagboat(&repo, &["history", "--format", "json"]).json();
    assert_eq!(json["ledgers"][0]["signed"], true);
    assert_eq!(json["ledgers"][0]["signature"]["verdict"], "good");
    let key = ["--signing-key", file.to_str().unwrap()];
    allowed(&tagboat(&repo, &with(&DEPLOY, &key)));
}

#[test]
fn a_ledger_signed_with_the_key_of_the_pipeline_verifies_with_stock_git_and_here() {
    let repo = shop("", "");
    let (key, secret, certificate) = open_pgp();
    let fingerprint = fingerprint(&key);
    configure(&repo, &format!("gpg: {{signing: {{key_id: {fingerprint}}}}}\n"), "");
    production(&repo, Some(Box::new(key)));
    // Without the public key nobody can verify it, so it does not count.
    refused(&tagboat(&repo, &["history"]), "ledger::bad-signature");
    repo.write("config/ci-cd/keys/pipeline.asc", &certificate);
    let history = tagboat(&repo, &["history"]);
    let told = format!("api/production: 1 attempt, signed by {fingerprint} Jo <jo@example.org>");
    assert!(history.stdout.starts_with(&told), "{}", history.all());

    let home = repo.folder().join("home/.gnupg");
    std::fs::create_dir_all(&home).unwrap();
    let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    std::fs::set_permissions(&home, private).unwrap();
    let run = |program: &str, args: &[&str]| {
        let output = std::process::Command::new(program)
            .args(args)
            .current_dir(repo.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(repo.environment())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {args:?}: {said}");
        said
    };
    run("gpg", &["--batch", "--import", "config/ci-cd/keys/pipeline.asc"]);
    repo.git(&["fetch", "-q", "origin", "refs/tags/api/production:refs/tags/api/production"]);
    let said = run("git", &["verify-tag", "api/production"]);
    run("gpgconf", &["--kill", "all"]);
    assert!(said.contains("Good signature from \"Jo <jo@example.org>\""), "{said}");

    // The same key from the environment would sign the next record; no other would.
    let deploy = |secret: &str| {
        let mut command = command(&repo, &repo.work(), &DEPLOY);
        see(&repo, command.env("GPG_PRIVATE_KEY", secret))
    };
    allowed(&deploy(&secret));
    refused(&deploy(&open_pgp().1), "ledger::no-key");
    refused(&deploy(""), "ledger::no-key");
}

#[test]
fn an_unsigned_ledger_is_refused_where_it_must_be_signed_by_every_verb_that_decides() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    production(&repo, None);
    assert_eq!(tagboat(&repo, &["status"]).status, 0);
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    for words in [
        &DEPLOY[..],
        &["plan", "api/v1.1.0", "--env", "production"],
        &["rollback", "api", "--env", "production"],
        &["history", "api"],
        &["history", "api", "--offline"],
    ] {
        let seen = tagboat(&repo, words);
        refused(&seen, "ledger::unsigned");
        assert!(
            seen.stderr.contains("api/v1.0.0 runs since record 1"),
            "{words:?}: {}",
            seen.all()
        );
    }
    // Who only looks sees the rest, and that something is wrong.
    let status = tagboat(&repo, &["status", "--format", "json"]);
    assert_eq!(
        (status.status, &status.json()["unreadable"][0]["code"]),
        (1, &"ledger::unsigned".into())
    );
    // One who looked into it says so, once; and only where it is needed.
    let key = ["--signing-key", file.to_str().unwrap()];
    let accept = ["--override", "ledger-signature=signing begins"];
    allowed(&tagboat(&repo, &with(&with(&DEPLOY, &key), &accept)));
    let staging = ["deploy", "api/v1.1.0", "--env", "staging"];
    refused(&tagboat(&repo, &with(&staging, &accept)), "deploy::nothing-to-override");
}

#[test]
fn a_promotion_reads_unsigned_ledgers_by_a_persons_word_and_not_without() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    production(&repo, None);
    let mut staging = Book::new(&repo, tag("api", "staging"));
    let second = repo.git(&["rev-parse", "api/v1.1.0^{commit}"]);
    staging.add("api/v1.1.0", &CommitSha::parse(&second).unwrap(), Terminal::Succeeded);
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    let key = ["--signing-key", file.to_str().unwrap()];
    let accept = ["--override", "ledger-signature=signing begins"];
    // The goal's ledger must be signed.
    let up = with(&["promote", "api", "--from", "staging", "--to", "production"], &key);
    refused(&tagboat(&repo, &up), "ledger::unsigned");
    allowed(&tagboat(&repo, &with(&up, &accept)));
    // The source's must, and only its own reading needs the word.
    repo.git_in(&repo.remote(), &["update-ref", "-d", "refs/tags/api/staging"]);
    repo.git(&["update-ref", "-d", "refs/tagboat/seen/api/staging"]);
    let down = with(&["promote", "api", "--from", "production", "--to", "staging"], &key);
    refused(&tagboat(&repo, &down), "ledger::unsigned");
    allowed(&tagboat(&repo, &with(&down, &accept)));
}

#[test]
fn a_signed_record_follows_an_unsigned_past_and_covers_it() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    let mut book = production(&repo, None);
    book.sign(ssh(&file));
    book.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    let history = tagboat(&repo, &["history"]);
    assert!(
        history.stdout.starts_with("api/production: 2 attempts, signed by SHA256:"),
        "{}",
        history.all()
    );
    // Taken off again, it is refused, whatever was seen before.
    book.sign(None);
    book.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    refused(&tagboat(&repo, &["history"]), "ledger::unsigned");
}

#[test]
fn a_signature_by_another_key_or_over_other_bytes_is_bad_and_says_so() {
    let repo = shop("", "");
    let (_, line) = ssh_key(&repo, "pipeline");
    let (stranger, _) = ssh_key(&repo, "stranger");
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    production(&repo, ssh(&stranger));
    let mut staging = Book::new(&repo, tag("api", "staging"));
    staging.sign(ssh(&stranger));
    staging.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    let seen = tagboat(&repo, &["history", "api", "--env", "production"]);
    refused(&seen, "ledger::bad-signature");
    assert!(seen.stderr.contains("may not sign it"), "{}", seen.stderr);
    // Where none is required it is shown, and called what it is.
    let seen = tagboat(&repo, &["history", "api", "--env", "staging"]);
    assert_eq!(seen.status, 0, "{}", seen.all());
    assert!(seen.stdout.contains("badly signed: the ssh key SHA256:"), "{}", seen.stdout);
    let status = tagboat(&repo, &["status"]);
    assert!(status.stdout.contains("api in staging: badly signed"), "{}", status.stdout);
    // A key that may not sign is not signed with either.
    let key = ["--signing-key", stranger.to_str().unwrap()];
    let staging = ["deploy", "api/v1.1.0", "--env", "staging"];
    refused(&tagboat(&repo, &with(&staging, &key)), "ledger::no-key");
}

/// Puts anything at the end of a tag object.
struct Rubbish(String);

impl TagSigner for Rubbish {
    fn sign(&self, _: &Scope<'_>, _: &[u8], _: Timestamp) -> Result<String, RepositoryError> {
        Ok(self.0.clone())
    }
}

#[test]
fn a_hostile_signature_is_bad_and_ends_nothing() {
    let repo = shop("", "");
    let (_, line) = ssh_key(&repo, "pipeline");
    let (key, _, certificate) = open_pgp();
    let head = format!("ledger_signers: [\"{line}\", {}]\n", fingerprint(&key));
    configure(&repo, &head, "");
    repo.write("config/ci-cd/keys/pipeline.asc", certificate);
    repo.write("config/ci-cd/keys/rubbish.asc", "no key\n");
    let good = Rubbish(key.0.detached(&mut Cursor::new(b"other bytes"), Timestamp::now()).unwrap());
    let mut book = production(&repo, None);
    let begin = |what: &str| format!("-----BEGIN {what}-----\n");
    for rubbish in [
        good.0,
        begin("PGP SIGNATURE"),
        format!("{}\n\n{}\n", begin("PGP SIGNATURE"), "A".repeat(3 << 20)),
        format!(
            "{}\nwsBz\u{1b}[31m\u{202e}\n-----END PGP SIGNATURE-----\n",
            begin("PGP SIGNATURE")
        ),
        format!("{}U1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----\n", begin("SSH SIGNATURE")),
        begin("SSH SIGNATURE"),
        begin("SIGNED MESSAGE"),
        begin("PGP MESSAGE"),
    ] {
        book.sign(Some(Box::new(Rubbish(rubbish.clone()))));
        book.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
        let seen = tagboat(&repo, &["history"]);
        refused(&seen, "ledger::bad-signature");
        assert!(!seen.all().contains(['\u{1b}', '\u{202e}']), "{:?}", seen.all());
        assert_eq!(tagboat(&repo, &["status"]).status, 1, "{}", &rubbish[..60.min(rubbish.len())]);
    }
}

#[test]
fn a_signed_ledger_copied_to_another_environment_is_refused() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    let mut staging = Book::new(&repo, tag("api", "staging"));
    staging.sign(ssh(&file));
    staging.add("api/v1.0.0", &first(&repo), Terminal::Succeeded);
    let id = repo.git_in(&repo.remote(), &["rev-parse", "refs/tags/api/staging"]);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/api/production", &id]);
    refused(&tagboat(&repo, &["history", "--env", "production"]), "ledger::broken");
}

#[test]
fn only_what_a_signer_signed_goes_to_a_protected_environment() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "signer");
    let (stranger, _) = ssh_key(&repo, "stranger");
    configure(&repo, "", &format!("    signers: [\"{line}\"]\n"));
    let sign = |file: &Path, name: &str| {
        let setting = format!("user.signingKey={}", file.display());
        repo.git(&["-c", "gpg.format=ssh", "-c", &setting, "tag", "-s", "-m", "signed", name]);
        repo.git(&["push", "-q", "origin", &format!("refs/tags/{name}")]);
    };
    sign(&file, "api/v1.2.0");
    sign(&stranger, "api/v1.2.1");
    repo.git(&["push", "-q", "origin", "HEAD:refs/tags/api/v1.2.2"]);
    // A good signature under another name is worth nothing.
    let id = repo.git(&["rev-parse", "refs/tags/api/v1.2.0"]);
    repo.git_in(&repo.remote(), &["update-ref", "refs/tags/api/v1.2.3", &id]);
    let deploy = |version: &str, environment: &str| {
        tagboat(&repo, &["deploy", version, "--env", environment])
    };
    allowed(&deploy("api/v1.2.0", "production"));
    for version in ["api/v1.1.0", "api/v1.2.1", "api/v1.2.2", "api/v1.2.3"] {
        refused(&deploy(version, "production"), "deploy::not-signed");
        allowed(&deploy(version, "staging"));
    }
    let accepted = ["--override", "signers=the signer is ill"];
    allowed(&tagboat(&repo, &with(&DEPLOY, &accepted)));
    // A checkout that made the tag lightweight loses no signature.
    let clone = repo.clone_as("checkout");
    let commit = repo.git(&["rev-parse", "api/v1.2.0^{commit}"]);
    repo.git_in(&clone, &["update-ref", "refs/tags/api/v1.2.0", &commit]);
    for file in [CONFIG, "api/api.service"] {
        let to = clone.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(repo.work().join(file), to).unwrap();
    }
    allowed(&tagboat_in(&repo, &clone, &["deploy", "api/v1.2.0", "--env", "production"]));
}

#[test]
fn a_roll_back_chooses_no_version_that_the_signers_would_refuse_and_says_why() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "signer");
    configure(&repo, "", &format!("    signers: [\"{line}\"]\n"));
    let setting = format!("user.signingKey={}", file.display());
    let tag_signed = |name: &str| {
        repo.git(&["-c", "gpg.format=ssh", "-c", &setting, "tag", "-s", "-m", "signed", name]);
    };
    tag_signed("api/v0.9.0");
    tag_signed("api/v1.2.0");
    repo.push();
    let head = CommitSha::parse(&repo.git(&["rev-parse", "HEAD"])).unwrap();
    for environment in ["staging", "production"] {
        let mut book = Book::new(&repo, tag("api", environment));
        for (version, commit) in [
            ("api/v0.9.0", &head),
            ("api/v1.0.0", &first(&repo)),
            ("api/v1.1.0", &head),
            ("api/v1.2.0", &head),
        ] {
            book.add(version, commit, Terminal::Succeeded);
        }
    }
    let seen = tagboat(&repo, &["rollback", "api", "--env", "production"]);
    let told = "from api/v1.2.0 back to api/v0.9.0: the only one that may be gone back to\n  \
                not api/v1.1.0: it is signed by none of its project's `signers`: unsigned\n  \
                not api/v1.0.0: it is signed by none of its project's `signers`: unsigned\n";
    assert!(seen.stderr.starts_with(told), "{}", seen.stderr);
    allowed(&seen);
    // By a person's word the newest it is; where nothing is protected, without one.
    let back = "from api/v1.2.0 back to api/v1.1.0: the newest of 3 that may be gone back to\n";
    let word = ["--override", "signers=the signer is ill"];
    let seen = tagboat(&repo, &with(&["rollback", "api", "--env", "production"], &word));
    assert!(seen.stderr.starts_with(back), "{}", seen.stderr);
    allowed(&seen);
    let seen = tagboat(&repo, &["rollback", "api", "--env", "staging"]);
    assert!(seen.stderr.starts_with(back), "{}", seen.stderr);
    // Who names one is told by the gate itself.
    let named = ["rollback", "api", "--env", "production", "--to", "v1.1.0"];
    refused(&tagboat(&repo, &named), "deploy::not-signed");
}

#[test]
fn a_version_signed_by_git_with_gpg_counts_where_its_public_key_is_here() {
    let repo = shop("", "");
    let (key, secret, certificate) = open_pgp();
    let home = repo.folder().join("home/.gnupg");
    std::fs::create_dir_all(&home).unwrap();
    let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    std::fs::set_permissions(&home, private).unwrap();
    let file = repo.folder().join("secret.asc");
    std::fs::write(&file, &secret).unwrap();
    let gpg = |program: &str, args: &[&str]| {
        let status = std::process::Command::new(program)
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(repo.environment())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{program} {args:?}");
    };
    gpg("gpg", &["--batch", "--import", file.to_str().unwrap()]);
    let setting = format!("user.signingKey={}", fingerprint(&key));
    repo.git(&["-c", &setting, "tag", "-s", "-m", "signed", "api/v1.2.0"]);
    gpg("gpgconf", &["--kill", "all"]);
    repo.git(&["push", "-q", "origin", "refs/tags/api/v1.2.0"]);
    configure(&repo, "", &format!("    signers: [{}]\n", fingerprint(&key)));
    let words = ["deploy", "api/v1.2.0", "--env", "production"];
    refused(&tagboat(&repo, &words), "deploy::not-signed");
    repo.write("config/ci-cd/keys/jo.asc", &certificate);
    allowed(&tagboat(&repo, &words));
    // Another key under the same file name is not the one that is named.
    repo.write("config/ci-cd/keys/jo.asc", open_pgp().2);
    refused(&tagboat(&repo, &words), "deploy::not-signed");
}

#[test]
fn the_ssh_key_that_git_signs_with_is_found_by_itself_where_it_may_sign() {
    let repo = shop("", "");
    let (file, line) = ssh_key(&repo, "pipeline");
    configure(&repo, &format!("ledger_signers: [\"{line}\"]\n"), "");
    refused(&tagboat(&repo, &DEPLOY), "ledger::no-key");
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", file.to_str().unwrap()]);
    allowed(&tagboat(&repo, &DEPLOY));
    // A plan that is only shown uses no key.
    repo.git(&["config", "--unset", "user.signingKey"]);
    allowed(&tagboat(&repo, &["plan", "api/v1.1.0", "--env", "production"]));
}

#[test]
fn a_freeze_is_overridden_by_name_and_with_a_reason_only() {
    let freeze = "    freeze: [{from: 2020-01-01T00:00:00Z, until: 2199-01-01T00:00:00Z}]\n";
    let repo = shop("", freeze);
    refused(&tagboat(&repo, &DEPLOY), "deploy::frozen");
    allowed(&tagboat(&repo, &with(&DEPLOY, &["--override", "freeze=mends the outage"])));
    for bad in ["freeze", "freeze=", "everything=x"] {
        assert_eq!(tagboat(&repo, &with(&DEPLOY, &["--override", bad])).status, 2, "{bad}");
    }
    let other = with(&DEPLOY, &["--override", "release-branch=x"]);
    refused(&tagboat(&repo, &other), "deploy::frozen");
}
