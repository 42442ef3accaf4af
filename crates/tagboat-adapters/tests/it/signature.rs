//! Signatures of tags against the real git, gpg and ssh-keygen: theirs count here, ours count there.

use std::path::{Path, PathBuf};
use std::process::Command;

use tagboat_adapters::git::{GitProgram, GitRepository};
use tagboat_adapters::process::{Environment, LocalRunner};
use tagboat_adapters::signature::{GpgKey, SshKey, SshPublicKey, SshSignature, verify_ssh};
use tagboat_core::commit::ObjectId;
use tagboat_core::ports::{
    Cancel, NewTag, Repository as _, RepositoryError, Scope, Silent, TagObject, TagSigner,
};
use tagboat_testing::monorepo::Monorepo;

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

/// A repository with one commit, a runner that sees nothing of the machine's settings, and a GnuPG of its own.
struct Ground {
    repo: Monorepo,
    runner: LocalRunner,
}

impl Ground {
    fn new() -> Self {
        let repo = Monorepo::new();
        repo.write("a", "a\n");
        repo.commit("feat: begin");
        let path = std::env::var_os("PATH").unwrap();
        let all = repo.environment().into_iter();
        let all = all.fold(Environment::fixed(path), |all, (name, value)| all.with(name, value));
        Self { repo, runner: LocalRunner::new(all) }
    }

    fn git(&self) -> GitRepository {
        let program = GitProgram::new(self.runner.clone(), "git");
        GitRepository::open_with(program, &scope(), &self.repo.work(), "origin").unwrap()
    }

    /// Runs a program; whether it succeeded, and all it said.
    fn run(&self, program: &str, args: &[&str]) -> (bool, String) {
        let output = Command::new(program)
            .args(args)
            .current_dir(self.repo.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(self.repo.environment())
            .output()
            .unwrap();
        let all = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&all).into_owned())
    }

    fn must(&self, program: &str, args: &[&str]) -> String {
        let (done, said) = self.run(program, args);
        assert!(done, "{program} {args:?}: {said}");
        said
    }

    fn ssh_key(&self, kind: &str, name: &str, passphrase: &str) -> (PathBuf, SshPublicKey) {
        let file = self.repo.folder().join(name);
        let path = file.to_str().unwrap();
        self.must("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "x", "-f", path]);
        let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
        (file, SshPublicKey::parse(&public).unwrap())
    }

    /// A gpg key, and its fingerprint.
    fn gpg_key(&self) -> String {
        let home = self.repo.folder().join("home/.gnupg");
        std::fs::create_dir_all(&home).unwrap();
        private(&home);
        let made = ["--batch", "--passphrase", "", "--quick-gen-key", "Jo <jo@example.org>"];
        self.must("gpg", &[&made[..], &["ed25519", "sign", "0"]].concat());
        let listed = self.must("gpg", &["--batch", "--with-colons", "--list-keys"]);
        let line = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
        line.trim_end_matches(':').to_owned()
    }

    fn signed(&self, signer: &dyn TagSigner) -> Result<ObjectId, RepositoryError> {
        let commit = self.git().commit(&scope(), "HEAD").unwrap().unwrap();
        let tag = NewTag {
            name: "api/production".to_owned(),
            commit: commit.sha,
            time: commit.time,
            message: "api/production runs api/v1.0.0\n\n{\"format\":1}\n".to_owned(),
        };
        self.git().sign_tag(&scope(), &tag, signer)
    }

    /// Names an object by a tag, and lets stock git judge it.
    fn verify_tag(&self, id: &ObjectId, settings: &[&str]) -> (bool, String) {
        self.repo.git(&["update-ref", "refs/tags/api/production", id.as_str()]);
        self.run("git", &[settings, &["verify-tag", "api/production"]].concat())
    }

    fn read(&self, name: &str) -> TagObject {
        let id = ObjectId::parse(&self.repo.git(&["rev-parse", name])).unwrap();
        self.git().tag_objects(&scope(), &[id]).unwrap().remove(0).unwrap()
    }

    fn verify(&self, key: &SshPublicKey, tag: &TagObject) -> Result<(), String> {
        let signature = tag.signature.as_ref().unwrap();
        let read = SshSignature::parse(&signature.armoured).unwrap();
        verify_ssh(&self.runner, &scope(), key, &read, &signature.payload).unwrap()
    }
}

fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Ends the agent of this GnuPG, which would outlive its folder.
        let _ended = self.run("gpgconf", &["--kill", "all"]);
    }
}

#[test]
fn what_an_ssh_key_signs_stock_git_verifies_and_so_do_we() {
    let ground = Ground::new();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let (file, key) = ground.ssh_key(kind, kind, "");
        let id = ground.signed(&SshKey::new(ground.runner.clone(), file.clone())).unwrap();
        let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
        let allowed = ground.repo.folder().join("allowed");
        std::fs::write(&allowed, format!("jo@example.org {public}")).unwrap();
        let setting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        let (good, said) = ground.verify_tag(&id, &["-c", &setting]);
        assert!(good && said.contains("Good \"git\" signature for jo@example.org"), "{said}");
        assert!(said.contains(&key.fingerprint()), "{said}");
        assert_eq!(ground.verify(&key, &ground.read("api/production")), Ok(()));
    }
}

#[test]
fn what_stock_git_signs_with_an_ssh_key_counts_here() {
    let ground = Ground::new();
    let (file, key) = ground.ssh_key("ed25519", "key", "");
    let (_, other) = ground.ssh_key("ed25519", "other", "");
    let setting = format!("user.signingKey={}", file.display());
    let words = ["-c", "gpg.format=ssh", "-c", &setting, "tag", "-s", "-m", "1.0 ü", "v1.0.0"];
    ground.repo.git(&words);
    let tag = ground.read("v1.0.0");
    assert_eq!(ground.verify(&key, &tag), Ok(()));
    let why = ground.verify(&other, &tag).unwrap_err();
    assert!(why.contains(&key.fingerprint()), "{why}");
}

#[test]
fn an_ssh_signature_over_other_bytes_or_for_another_purpose_is_bad() {
    let ground = Ground::new();
    let (file, key) = ground.ssh_key("ed25519", "key", "");
    let id = ground.signed(&SshKey::new(ground.runner.clone(), file.clone())).unwrap();
    ground.repo.git(&["update-ref", "refs/tags/api/production", id.as_str()]);
    let good = ground.read("api/production");
    for at in [0, good.signature.as_ref().unwrap().payload.len() - 1] {
        let mut forged = good.clone();
        forged.signature.as_mut().unwrap().payload[at] ^= 1;
        assert!(ground.verify(&key, &forged).is_err(), "byte {at}");
    }
    // The same key, the same bytes, signed as a file.
    let payload = ground.repo.folder().join("payload");
    std::fs::write(&payload, &good.signature.as_ref().unwrap().payload).unwrap();
    let (file, payload) = (file.to_str().unwrap(), payload.to_str().unwrap());
    ground.must("ssh-keygen", &["-q", "-Y", "sign", "-n", "file", "-f", file, payload]);
    let mut other = good.clone();
    let armoured = std::fs::read_to_string(format!("{payload}.sig")).unwrap();
    other.signature.as_mut().unwrap().armoured = armoured;
    assert!(ground.verify(&key, &other).is_err());
    // Cut short, or with something behind it, it is none.
    let armoured = &good.signature.as_ref().unwrap().armoured;
    for bad in [&armoured[..armoured.len() / 2], "", &format!("{armoured}more\n")] {
        assert_eq!(SshSignature::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_key_that_is_locked_or_missing_ends_in_an_error_and_never_asks() {
    let ground = Ground::new();
    let (file, _) = ground.ssh_key("ed25519", "locked", "hunter2");
    for file in [file, ground.repo.folder().join("nowhere"), PathBuf::from("--help")] {
        let error = ground.signed(&SshKey::new(ground.runner.clone(), file)).unwrap_err();
        assert!(matches!(error, RepositoryError::NotSigned(_)), "{error:?}");
    }
}

#[test]
fn what_gpg_signs_for_us_stock_git_verifies() {
    let ground = Ground::new();
    assert!(GpgKey::find(&ground.runner, &scope(), &"0".repeat(40)).is_none());
    let fingerprint = ground.gpg_key();
    let key = GpgKey::find(&ground.runner, &scope(), &fingerprint).unwrap();
    let id = ground.signed(&key).unwrap();
    let (good, said) = ground.verify_tag(&id, &[]);
    assert!(good && said.contains("Good signature from \"Jo <jo@example.org>\""), "{said}");
    // Where only the public half is, there is nothing to sign with.
    let exported = ground.repo.folder().join("public.asc");
    let exported = exported.to_str().unwrap();
    ground.must("gpg", &["--batch", "--armor", "--output", exported, "--export", &fingerprint]);
    let stranger = Ground::new();
    std::fs::create_dir_all(stranger.repo.folder().join("home/.gnupg")).unwrap();
    private(&stranger.repo.folder().join("home/.gnupg"));
    stranger.must("gpg", &["--batch", "--import", exported]);
    assert!(GpgKey::find(&stranger.runner, &scope(), &fingerprint).is_none());
}
