//! Keys and signatures against gpg and gpgv.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use jiff::Timestamp;
use tagboat_core::diagnostic::Result;
use tagboat_release::keys::{
    self, Certificate, CheckedKey, Fingerprint, NewKeyRequest, SigningKey, check,
};
use tagboat_release::signature::{gpgv_detached, verify_detached, verify_inline};
use tempfile::TempDir;

use crate::fixture::{checked, gpgv, in_days, new_key, run, run_planned, secret, text};

/// gpg with a home of its own. Its agent ends with the home.
struct Gpg {
    home: TempDir,
}

impl Gpg {
    fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    fn run(&self, args: &[&str]) -> String {
        let home = self.home.path().to_str().unwrap();
        let fixed = [
            "--homedir",
            home,
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        let output = run("gpg", fixed.iter().chain(args));
        assert!(output.status.success(), "gpg {args:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn make(&self, args: &[&str]) -> String {
        self.run(args);
        self.fingerprint()
    }

    fn fingerprint(&self) -> String {
        let listed = self.run(&["--with-colons", "--list-keys"]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    fn load(&self) -> Result<SigningKey> {
        SigningKey::load(&secret(&self.run(&["--armor", "--export-secret-keys"])), None)
    }

    fn check(&self) -> Result<CheckedKey> {
        check(Box::new(self.load()?), None, Timestamp::now())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        drop(run("gpgconf", ["--homedir", self.home.path().to_str().unwrap(), "--kill", "all"]));
    }
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn gpg_reads_a_new_key_and_says_when_it_expires() {
    let now = Timestamp::now();
    let key = new_key(now, 365);
    let gpg = Gpg::new();
    let file = write(gpg.home.path(), "secret.asc", key.secret.expose());
    gpg.run(&["--import", file.to_str().unwrap()]);
    let listed = gpg.run(&["--with-colons", "--list-secret-keys"]);
    let fields: Vec<&str> = listed.lines().next().unwrap().split(':').collect();
    assert_eq!(fields[3], "22", "EdDSA: {listed}");
    assert_eq!(fields[6], (now.as_second() + 365 * 86_400).to_string(), "{listed}");
    assert_eq!(fields[11], "scSC", "{listed}");
    assert!(listed.contains("Example Archive <archive@example.org>"));
    assert_eq!(gpg.fingerprint(), checked(&key, now).fingerprint().to_string());
    assert_eq!(gpg.check().unwrap().until().unwrap().as_second(), now.as_second() + 365 * 86_400);
}

#[test]
fn gpg_unlocks_a_new_key_with_its_passphrase_and_we_do_too() {
    let request = NewKeyRequest {
        user_id: "Locked <locked@example.org>".to_owned(),
        days: 30,
        passphrase: Some(secret("correct horse")),
    };
    let key = SigningKey::generate(&request, Timestamp::now()).unwrap();
    assert!(SigningKey::load(&key.secret, Some(&secret("correct horse"))).is_ok());
    for wrong in [None, Some(secret("")), Some(secret("battery"))] {
        let error = SigningKey::load(&key.secret, wrong.as_ref()).unwrap_err();
        assert_eq!(error.code, "keys::passphrase");
        assert!(!format!("{error:?}").contains("battery"));
    }
    let gpg = Gpg::new();
    let file = write(gpg.home.path(), "secret.asc", key.secret.expose());
    let home = gpg.home.path().to_str().unwrap();
    let fixed = ["--homedir", home, "--batch", "--pinentry-mode", "loopback"];
    let import = ["--passphrase", "correct horse", "--import", file.to_str().unwrap()];
    let imported = run("gpg", fixed.iter().chain(&import));
    assert!(imported.status.success(), "{}", text(&imported));
    let message = write(gpg.home.path(), "message", "hello\n");
    let sign = ["--passphrase", "correct horse", "--detach-sign", message.to_str().unwrap()];
    let signed = run("gpg", fixed.iter().chain(&sign));
    assert!(signed.status.success(), "{}", text(&signed));
}

#[test]
fn gpgv_takes_every_text_that_we_sign_and_reads_it_as_we_do() {
    let folder = TempDir::new().unwrap();
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let keyring = write(folder.path(), "k.gpg", key.certificate().keyring().unwrap());
    for source in [
        "a\n",
        "a",
        "",
        "\n",
        "\n\na\n\n\n",
        "- dash\n-----BEGIN PGP SIGNATURE-----\n--\n-\n- - x\n",
        "From me\n",
        "blanks  \t\nat ends \n",
        "carriage\r\nreturn\r\n",
        "ä ö 漢字 \u{1f600}\n",
        &"long line ".repeat(1_999),
        &"-".repeat(19_990),
    ] {
        let signed = key.inline_sign(source, Timestamp::now()).unwrap();
        let file = write(folder.path(), "signed", &signed);
        assert!(gpgv(&keyring, &file), "{source:?}\n{signed}");
        let ours = verify_inline(&signed, std::slice::from_ref(key.certificate())).unwrap();
        let out = folder.path().join("out");
        let decoded = run(
            "gpgv",
            [
                "--keyring",
                keyring.to_str().unwrap(),
                "--output",
                out.to_str().unwrap(),
                "--",
                file.to_str().unwrap(),
            ],
        );
        assert!(decoded.status.success(), "{}", text(&decoded));
        assert_eq!(
            fs::read_to_string(&out).unwrap().trim_end(),
            ours.text.trim_end(),
            "{source:?}"
        );
        fs::remove_file(&out).unwrap();
        let tampered = write(folder.path(), "bad", signed.replacen("\n\n", "\n\nX", 1));
        assert!(!gpgv(&keyring, &tampered), "{source:?}");
        let tampered = fs::read_to_string(&tampered).unwrap();
        assert!(verify_inline(&tampered, std::slice::from_ref(key.certificate())).is_err());
    }
}

#[test]
fn a_line_that_gpgv_could_not_read_is_not_signed() {
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let error = key.inline_sign(&"x".repeat(19_991), Timestamp::now()).unwrap_err();
    assert_eq!(error.code, "release::long-line");
}

#[test]
fn gpgv_takes_a_detached_signature_and_only_for_these_bytes() {
    let folder = TempDir::new().unwrap();
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let keyring = write(folder.path(), "k.gpg", key.certificate().keyring().unwrap());
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let signature = key.detached(&mut Cursor::new(&bytes), Timestamp::now()).unwrap();
    let asc = write(folder.path(), "file.asc", &signature);
    let file = write(folder.path(), "file", &bytes);
    assert!(run_planned(&gpgv_detached(&keyring, &asc, &file)).status.success());
    let certificates = std::slice::from_ref(key.certificate());
    verify_detached(&signature, &mut Cursor::new(&bytes), certificates).unwrap();
    let mut other = bytes.clone();
    other[299_999] ^= 1;
    let file = write(folder.path(), "file", &other);
    assert!(!run_planned(&gpgv_detached(&keyring, &asc, &file)).status.success());
    let error = verify_detached(&signature, &mut Cursor::new(&other), certificates).unwrap_err();
    assert_eq!(error.code, "release::bad-signature");
}

#[test]
fn a_signature_by_a_key_that_is_not_trusted_is_not_good() {
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let other = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let signed = key.inline_sign("a\n", Timestamp::now()).unwrap();
    let error = verify_inline(&signed, std::slice::from_ref(other.certificate())).unwrap_err();
    assert_eq!(error.code, "release::bad-signature");
    assert_eq!(verify_inline(&signed, &[]).unwrap_err().code, "release::bad-signature");
}

#[test]
fn a_hostile_text_is_refused_in_seconds() {
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let certificates = std::slice::from_ref(key.certificate());
    let head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n";
    let signed = key.inline_sign("a\nb\n", Timestamp::now()).unwrap();
    let began = std::time::Instant::now();
    for bad in [
        format!("{head}{}", "\n".repeat(500_000)),
        format!("{head}{}", format!("{}\n", "x".repeat(50)).repeat(9_900)),
        format!("{head}{}", "x".repeat(600_000)),
        format!("before\n{signed}"),
        format!("{signed}after\n"),
        format!("{signed}{signed}"),
        signed.replace("Hash: SHA512", "Hash: SHA512\nComment: x"),
        signed.replace("\n\na\n", "\n\nx\n\na\n"),
        String::new(),
        "-----BEGIN PGP SIGNED MESSAGE-----".to_owned(),
    ] {
        let error = verify_inline(&bad, certificates).unwrap_err();
        assert_eq!(error.code, "release::bad-signature", "{}", &bad[..bad.len().min(200)]);
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn the_public_key_survives_both_of_its_forms() {
    let key = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let certificate = key.certificate();
    let armoured = Certificate::parse(certificate.armoured().unwrap().as_bytes()).unwrap();
    assert_eq!(&armoured, certificate);
    assert_eq!(&Certificate::parse(&certificate.keyring().unwrap()).unwrap(), certificate);
    let twice = [certificate.keyring().unwrap(), certificate.keyring().unwrap()].concat();
    assert_eq!(Certificate::parse(&twice).unwrap_err().code, "keys::unreadable");
}

#[test]
fn time_decides_whether_a_key_signs() {
    let key = new_key(in_days(-10), 50);
    let code = |now| {
        let loaded = SigningKey::load(&key.secret, None).unwrap();
        check(Box::new(loaded), None, now).map_err(|error| error.code)
    };
    assert_eq!(code(in_days(-11)).unwrap_err(), "keys::not-yet-valid");
    assert!(code(in_days(-10)).unwrap().warning().is_none());
    assert!(code(in_days(9)).unwrap().warning().is_none());
    assert_eq!(code(in_days(11)).unwrap().warning().unwrap().code, "keys::expires-soon");
    assert_eq!(code(in_days(39)).unwrap().warning().unwrap().code, "keys::expires-soon");
    assert_eq!(code(in_days(41)).unwrap_err(), "keys::expired");
}

#[test]
fn a_key_that_is_not_the_configured_one_is_refused() {
    let key = new_key(in_days(-1), 50);
    let other = checked(&new_key(in_days(-1), 50), Timestamp::now()).fingerprint();
    let own = checked(&key, Timestamp::now()).fingerprint();
    let with = |expected: &Fingerprint| {
        let loaded = SigningKey::load(&key.secret, None).unwrap();
        check(Box::new(loaded), Some(expected), Timestamp::now())
    };
    assert_eq!(with(&other).unwrap_err().code, "keys::other-key");
    assert_eq!(with(&own).unwrap().fingerprint(), own);
}

#[test]
fn keys_of_gpg_sign_with_the_key_that_gpg_would_take() {
    for made in [
        &["--quick-gen-key", "a@example.org", "rsa2048", "sign,cert", "1y"][..],
        &["--quick-gen-key", "a@example.org", "nistp256", "sign,cert", "1y"],
        &["--quick-gen-key", "a@example.org", "future-default", "default", "1y"],
    ] {
        let gpg = Gpg::new();
        let fingerprint = gpg.make(made);
        let key = gpg.check().unwrap();
        assert_eq!(key.fingerprint().to_string(), fingerprint);
        assert_eq!(key.component().fingerprint, key.fingerprint());
        let keyring = write(gpg.home.path(), "k.gpg", key.certificate().keyring().unwrap());
        let signed = key.inline_sign("a\n", Timestamp::now()).unwrap();
        assert!(gpgv(&keyring, &write(gpg.home.path(), "signed", signed)), "{made:?}");
    }
}

#[test]
fn a_signing_subkey_signs_in_the_place_of_its_primary_key() {
    let gpg = Gpg::new();
    let fingerprint = gpg.make(&["--quick-gen-key", "a@example.org", "ed25519", "cert", "2y"]);
    assert_eq!(gpg.check().unwrap_err().code, "keys::cannot-sign");
    gpg.run(&["--quick-add-key", &fingerprint, "ed25519", "sign", "1y"]);
    let key = gpg.check().unwrap();
    assert_eq!(key.fingerprint().to_string(), fingerprint);
    assert_ne!(key.component().fingerprint, key.fingerprint());
    let keyring = write(gpg.home.path(), "k.gpg", key.certificate().keyring().unwrap());
    let signed = key.inline_sign("a\n", Timestamp::now()).unwrap();
    assert!(gpgv(&keyring, &write(gpg.home.path(), "signed", &signed)));
    verify_inline(&signed, std::slice::from_ref(key.certificate())).unwrap();
}

#[test]
fn a_key_that_its_owner_extended_is_good_again() {
    let gpg = Gpg::new();
    let fingerprint = gpg.make(&["--quick-gen-key", "a@example.org", "ed25519", "sign,cert", "5d"]);
    let later = |gpg: &Gpg| check(Box::new(gpg.load().unwrap()), None, in_days(6));
    assert_eq!(later(&gpg).unwrap_err().code, "keys::expired");
    let before = gpg.check().unwrap().inline_sign("a\n", Timestamp::now()).unwrap();
    // gpg dates the new self-signature at least a second after the old one.
    gpg.run(&["--quick-set-expire", &fingerprint, "1y"]);
    let key = later(&gpg).unwrap();
    assert!(key.warning().is_none());
    verify_inline(&before, std::slice::from_ref(key.certificate())).unwrap();
}

#[test]
fn a_revoked_key_is_refused() {
    let gpg = Gpg::new();
    let fingerprint = gpg.make(&["--quick-gen-key", "a@example.org", "ed25519", "sign,cert", "1y"]);
    let made = gpg.home.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"));
    // gpg guards the file with a colon, so that nobody imports it by mistake.
    let revocation = fs::read_to_string(made).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let file = write(gpg.home.path(), "revocation.asc", revocation);
    gpg.run(&["--import", file.to_str().unwrap()]);
    assert_eq!(gpg.check().unwrap_err().code, "keys::revoked");
}

#[test]
fn a_revoked_signing_subkey_is_refused() {
    let gpg = Gpg::new();
    let fingerprint = gpg.make(&["--quick-gen-key", "a@example.org", "ed25519", "cert", "1y"]);
    gpg.run(&["--quick-add-key", &fingerprint, "ed25519", "sign", "1y"]);
    let home = gpg.home.path().to_str().unwrap();
    let commands = write(gpg.home.path(), "commands", "key 1\nrevkey\ny\n0\n\ny\nsave\n");
    let revoked = run(
        "sh",
        [
            "-c",
            &format!(
                "gpg --homedir {home} --no-tty --command-fd 0 --pinentry-mode loopback --passphrase '' --edit-key {fingerprint} < {}",
                commands.display()
            ),
        ],
    );
    assert!(revoked.status.success(), "{}", text(&revoked));
    assert_eq!(gpg.check().unwrap_err().code, "keys::revoked");
}

#[test]
fn a_key_bound_by_sha_1_is_refused() {
    let gpg = Gpg::new();
    gpg.make(&[
        "--cert-digest-algo",
        "SHA1",
        "--quick-gen-key",
        "a@example.org",
        "rsa2048",
        "sign,cert",
        "1y",
    ]);
    assert_eq!(gpg.check().unwrap_err().code, "keys::weak-binding");
}

#[test]
fn algorithms_that_apt_refuses_are_refused() {
    for made in [
        &["--quick-gen-key", "a@example.org", "dsa2048", "sign,cert", "1y"][..],
        &["--quick-gen-key", "a@example.org", "rsa1024", "sign,cert", "1y"],
    ] {
        let gpg = Gpg::new();
        gpg.make(made);
        assert_eq!(gpg.check().unwrap_err().code, "keys::algorithm", "{made:?}");
    }
}

#[test]
fn a_text_that_holds_no_secret_key_is_refused() {
    let key = checked(&new_key(in_days(-1), 50), Timestamp::now());
    let public = key.certificate().armoured().unwrap();
    for bad in ["", "hello", &public, "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n"] {
        let error = SigningKey::load(&secret(bad), None).unwrap_err();
        assert_eq!(error.code, "keys::unreadable", "{bad}");
    }
}

#[test]
fn a_subkey_exported_without_its_primary_secret_signs() {
    let gpg = Gpg::new();
    let fingerprint = gpg.make(&["--quick-gen-key", "a@example.org", "ed25519", "cert", "1y"]);
    gpg.run(&["--quick-add-key", &fingerprint, "ed25519", "sign", "1y"]);
    let exported = secret(&gpg.run(&["--armor", "--export-secret-subkeys"]));
    let loaded = SigningKey::load(&exported, None).unwrap();
    let key = keys::check(Box::new(loaded), None, Timestamp::now()).unwrap();
    assert_eq!(key.fingerprint().to_string(), fingerprint);
}

#[test]
fn sha256sum_checks_the_files_under_the_names_that_github_gives_them() {
    use tagboat_deb::Digests;
    use tagboat_release::checksums::{AssetName, FILE_NAME, render};

    let folder = TempDir::new().unwrap();
    let mut files = Vec::new();
    for name in ["api_1.0~rc.1_amd64.deb", "api_1.0_amd64.deb"] {
        let asset = AssetName::of_file(name).unwrap();
        fs::write(folder.path().join(asset.as_str()), name).unwrap();
        files.push((asset, Digests::of(name.as_bytes()).unwrap().sha256));
    }
    fs::write(folder.path().join(FILE_NAME), render(files).unwrap()).unwrap();
    let check = format!("cd {} && sha256sum --check --strict {FILE_NAME}", folder.path().display());
    let checked = run("sh", ["-c", &check]);
    assert!(checked.status.success(), "{}", text(&checked));
    assert!(text(&checked).contains("api_1.0.rc.1_amd64.deb: OK"), "{}", text(&checked));
}
