//! Stock apt, as a user has it, with a root of its own: in: a published repository, out: what apt says.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::fixture::{World, in_days, new_key, text};

/// apt with its state, cache, sources and keys below one folder.
struct Apt {
    root: TempDir,
}

impl Apt {
    fn new(world: &World, architecture: &str) -> Self {
        let root = TempDir::new().unwrap();
        let at = root.path().display();
        for folder in [
            "state/lists/partial",
            "cache/archives/partial",
            "etc/preferences.d",
            "etc/apt.conf.d",
            "etc/trusted.gpg.d",
            "etc/sources.list.d",
            "log",
            "work",
        ] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("status"), "").unwrap();
        let source = format!(
            "deb [signed-by={}] file:{} stable main\n",
            world.keyring().display(),
            world.root().display()
        );
        fs::write(root.path().join("etc/sources.list"), source).unwrap();
        let conf = format!(
            "Dir::State \"{at}/state\";\nDir::State::status \"{at}/status\";\nDir::Cache \"{at}/cache\";\n\
             Dir::Etc \"{at}/etc\";\nDir::Log \"{at}/log\";\nAPT::Architecture \"{architecture}\";\n\
             #clear APT::Architectures;\nAPT::Architectures {{ \"{architecture}\"; }};\n\
             APT::Sandbox::User \"\";\nAcquire::Languages \"none\";\nDpkg::Use-Pty \"false\";\n"
        );
        fs::write(root.path().join("apt.conf"), conf).unwrap();
        Self { root }
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        Command::new(program)
            .args(args)
            .current_dir(self.root.path().join("work"))
            .env("APT_CONFIG", self.root.path().join("apt.conf"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap()
    }

    /// The warnings of `apt-get update` are errors here: a user must see none.
    fn update(&self) -> Result<String, String> {
        let output = self.run("apt-get", &["update", "-o", "APT::Update::Error-Mode=any"]);
        let said = text(&output);
        let good = output.status.success() && !said.contains("W:") && !said.contains("E:");
        if good { Ok(said) } else { Err(said) }
    }

    fn versions(&self, name: &str) -> Vec<String> {
        let output = self.run("apt-cache", &["madison", name]);
        let lines = text(&output);
        lines.lines().map(|line| line.split('|').nth(1).unwrap().trim().to_owned()).collect()
    }
}

#[test]
fn apt_updates_lists_and_downloads_for_both_architectures() {
    let world = World::new();
    world
        .publish(&[
            world.package("api", "1.0.0~rc.1", "amd64"),
            world.package("api", "1.0.0", "amd64"),
            world.package("api", "1.0.0", "arm64"),
            world.package("api-doc", "1.0.0+b", "all"),
        ])
        .unwrap();
    for (architecture, versions) in [("amd64", &["1.0.0", "1.0.0~rc.1"][..]), ("arm64", &["1.0.0"])]
    {
        let apt = Apt::new(&world, architecture);
        apt.update().unwrap();
        assert_eq!(apt.versions("api"), versions, "{architecture}");
        let simulated = text(&apt.run("apt-get", &["install", "-s", "api", "api-doc"]));
        let all = "Inst api-doc (1.0.0+b Example:stable [all])";
        assert!(
            simulated.contains(&format!("Inst api (1.0.0 Example:stable [{architecture}])")),
            "{simulated}"
        );
        assert!(simulated.contains(all), "{simulated}");
        let got = apt.run("apt-get", &["download", "api", "api-doc"]);
        assert!(got.status.success(), "{}", text(&got));
        let file = format!("api_1.0.0_{architecture}.deb");
        let downloaded = fs::read(apt.root.path().join("work").join(&file)).unwrap();
        assert_eq!(downloaded, fs::read(world.path("built").join(&file)).unwrap());
    }
}

#[test]
fn apt_sees_the_next_publication() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let apt = Apt::new(&world, "amd64");
    apt.update().unwrap();
    world.publish(&[world.package("api", "1.1", "amd64")]).unwrap();
    apt.update().unwrap();
    assert_eq!(apt.versions("api"), ["1.1", "1.0"]);
}

#[test]
fn apt_refuses_a_tampered_an_unsigned_and_a_foreign_release() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let signed = fs::read_to_string(world.suite("InRelease")).unwrap();
    let apt = Apt::new(&world, "amd64");

    fs::write(world.suite("InRelease"), signed.replace("Label: Example", "Label: Evil")).unwrap();
    let said = apt.update().unwrap_err();
    assert!(said.contains("not valid") || said.contains("BADSIG"), "{said}");

    for file in ["InRelease", "Release.gpg"] {
        fs::remove_file(world.suite(file)).unwrap();
    }
    let said = apt.update().unwrap_err();
    assert!(said.contains("is not signed"), "{said}");

    fs::write(world.suite("InRelease"), &signed).unwrap();
    apt.update().unwrap();
    let foreign = World::new();
    fs::copy(foreign.keyring(), world.keyring()).unwrap();
    let said = Apt::new(&world, "amd64").update().unwrap_err();
    assert!(said.contains("NO_PUBKEY"), "{said}");
}

#[test]
fn apt_takes_the_detached_signature_where_inrelease_is_not_there() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    fs::remove_file(world.suite("InRelease")).unwrap();
    Apt::new(&world, "amd64").update().unwrap();
}

#[test]
fn apt_reads_indices_by_their_digest_whatever_their_plain_names_hold() {
    let mut world = World::new();
    world.request.codename = "bookworm".to_owned();
    world.publish(&[world.package("api", "1.0~rc.1", "amd64")]).unwrap();
    for file in ["main/binary-amd64/Packages", "main/binary-amd64/Packages.gz", "Release"] {
        fs::write(world.suite(file), "of the next publication").unwrap();
    }
    let apt = Apt::new(&world, "amd64");
    apt.update().unwrap();
    let got = apt.run("apt-get", &["download", "api=1.0~rc.1"]);
    assert!(got.status.success(), "{}", text(&got));
}

#[test]
fn apt_refuses_a_publication_after_its_validity() {
    let mut world = World::new();
    world.request.valid_for = Some(Duration::from_secs(24 * 3600));
    let request = world.request(&[world.package("api", "1.0", "amd64")]);
    world.publish_at(&request, in_days(-2)).unwrap();
    let said = Apt::new(&world, "amd64").update().unwrap_err();
    assert!(said.contains("expired"), "{said}");
    world.publish_at(&request, Timestamp::now()).unwrap();
    Apt::new(&world, "amd64").update().unwrap();
}

#[test]
fn apt_of_this_machine_refuses_a_key_that_expired_since() {
    let world = World::with_key(new_key(in_days(-3), 2));
    let request = world.request(&[world.package("api", "1.0", "amd64")]);
    world.publish_at(&request, in_days(-2)).unwrap();
    let said = Apt::new(&world, "amd64").update().unwrap_err();
    assert!(said.contains("EXPKEYSIG") || said.contains("xpired"), "{said}");
}

#[test]
fn apt_refuses_a_package_that_changed_in_the_pool() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let apt = Apt::new(&world, "amd64");
    apt.update().unwrap();
    let pool = world.root().join("pool/main/a/api/api_1.0_amd64.deb");
    let mut bytes = fs::read(&pool).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&pool, bytes).unwrap();
    let got = apt.run("apt-get", &["download", "api"]);
    assert!(!got.status.success() && text(&got).contains("Hash Sum mismatch"), "{}", text(&got));
}
