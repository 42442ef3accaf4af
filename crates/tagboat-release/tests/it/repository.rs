//! What a publication says, holds and refuses; apt-ftparchive is the oracle of its index.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tagboat_core::ports::Architecture;
use tagboat_release::apt::{self, Outcome, Step};
use tagboat_release::keys::Certificate;

use crate::fixture::{
    RealClock, World, assert_whole, build_package, checked, files, gpgv, in_days, new_key, run,
    run_planned, scope, text,
};

fn code<T: std::fmt::Debug>(result: tagboat_core::diagnostic::Result<T>) -> &'static str {
    result.unwrap_err().code
}

/// Stanzas by file name, fields by name in lower case.
fn stanzas(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for stanza in text.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in stanza.lines() {
            if line.starts_with(' ') {
                let field = fields.get_mut(&last).unwrap();
                field.push('\n');
                field.push_str(line);
            } else {
                let (name, value) = line.split_once(':').unwrap();
                last = name.to_lowercase();
                fields.insert(last.clone(), value.trim().to_owned());
            }
        }
        all.insert(fields["filename"].clone(), fields);
    }
    all
}

#[test]
fn apt_ftparchive_says_the_same_of_every_package() {
    let world = World::new();
    let more = "Depends: libc6 (>= 2.36),\n libfoo1 | libbar2\nHomepage: https://example.org\n\
                X-Own: value\nMulti-Arch: foreign\nSource: api-source (1.0)\nTag: role::program\n";
    let built = world.path("built");
    world
        .publish(&[
            build_package(&built, "api", "1.0.0~rc.1", "amd64", more),
            build_package(&built, "api", "2:1.0.0+b-3", "amd64", more),
            build_package(&built, "libapi2", "1.0", "amd64", "Essential: no\nOrigin: Elsewhere\n"),
            build_package(&built, "api-doc", "1.0", "all", "Enhances: api\nBreaks: old (<< 1)\n"),
        ])
        .unwrap();
    let ours = fs::read_to_string(world.suite("main/binary-amd64/Packages")).unwrap();
    let root = world.root().display();
    let oracle = run(
        "sh",
        [
            "-c",
            &format!(
                "cd {root} && apt-ftparchive --md5 --no-sha1 --sha256 --no-sha512 packages pool"
            ),
        ],
    );
    assert!(oracle.status.success(), "{}", text(&oracle));
    let mut theirs = stanzas(&String::from_utf8(oracle.stdout).unwrap());
    for fields in theirs.values_mut() {
        for weak in ["sha1", "sha512"] {
            fields.remove(weak);
        }
    }
    assert_eq!(stanzas(&ours), theirs);
    assert_eq!(theirs.len(), 4);
}

#[test]
fn a_publication_has_debians_layout_and_no_other_file() {
    let world = World::new();
    world
        .publish(&[
            world.package("api", "1.0", "amd64"),
            world.package("libapi1", "1.0", "arm64"),
            world.package("docs", "1.0", "all"),
        ])
        .unwrap();
    let found: Vec<String> = files(world.root())
        .iter()
        .map(|path| path.strip_prefix(world.root()).unwrap().display().to_string())
        .filter(|path| !path.contains("by-hash"))
        .collect();
    let expected = [
        "dists/stable/InRelease",
        "dists/stable/Release",
        "dists/stable/Release.gpg",
        "dists/stable/main/binary-amd64/Packages",
        "dists/stable/main/binary-amd64/Packages.gz",
        "dists/stable/main/binary-arm64/Packages",
        "dists/stable/main/binary-arm64/Packages.gz",
        "pool/main/a/api/api_1.0_amd64.deb",
        "pool/main/d/docs/docs_1.0_all.deb",
        "pool/main/liba/libapi1/libapi1_1.0_arm64.deb",
    ];
    assert_eq!(found, expected);
    assert_eq!(world.listed("amd64"), ["api 1.0", "docs 1.0"]);
    assert_eq!(world.listed("arm64"), ["docs 1.0", "libapi1 1.0"]);
    assert_whole(world.root(), &world.keyring());
    let detached = tagboat_release::signature::gpgv_detached(
        &world.keyring(),
        &world.suite("Release.gpg"),
        &world.suite("Release"),
    );
    assert!(run_planned(&detached).status.success());
    let gz = run("gzip", [Path::new("-dc"), &world.suite("main/binary-amd64/Packages.gz")]);
    assert_eq!(gz.stdout, fs::read(world.suite("main/binary-amd64/Packages")).unwrap());
    assert_eq!(fs::read_dir(world.root().join(".tagboat/incoming")).unwrap().count(), 0);
}

#[test]
fn every_version_stays() {
    let world = World::new();
    for version in ["1.9", "1.10", "1.10~rc.2"] {
        world.publish(&[world.package("api", version, "amd64")]).unwrap();
    }
    assert_eq!(world.listed("amd64"), ["api 1.9", "api 1.10~rc.2", "api 1.10"]);
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let world = World::new();
    let package = world.package("api", "1.0", "amd64");
    world.publish(std::slice::from_ref(&package)).unwrap();
    let before = fs::read(world.suite("InRelease")).unwrap();
    let request = world.request(&[package.clone(), package]);
    let plan = world.plan(&request, in_days(1)).unwrap();
    assert!(plan.steps.is_empty(), "{plan}");
    let record = world.publish_at(&request, in_days(1)).unwrap();
    assert_eq!((record.added.len(), record.already_there.len(), record.written), (0, 2, 0));
    assert_eq!(fs::read(world.suite("InRelease")).unwrap(), before);
}

#[test]
fn other_bytes_under_the_same_version_are_refused_with_both_hashes() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let before = fs::read(world.suite("InRelease")).unwrap();
    let more = "Depends: other\n";
    // 1.00 is 1.0, and an epoch is not in the name of the file.
    for version in ["1.0", "1.00", "1.0-0", "1:1.0"] {
        let other = build_package(&world.path("other"), "api", version, "amd64", more);
        let error = world.publish(std::slice::from_ref(&other)).unwrap_err();
        assert_eq!(error.code, "publish::different-bytes", "{version}");
        let facts = format!("{:?}", error.facts);
        for file in [&other, &world.root().join("pool/main/a/api/api_1.0_amd64.deb")] {
            let sum = text(&run("sha256sum", [file]));
            assert!(facts.contains(&sum[..64]), "{facts}");
        }
    }
    let twice = [
        world.package("web", "1.0", "amd64"),
        build_package(&world.path("other"), "web", "1.0", "amd64", more),
    ];
    assert_eq!(code(world.publish(&twice)), "publish::different-bytes");
    assert_eq!(fs::read(world.suite("InRelease")).unwrap(), before);
}

#[test]
fn a_file_in_the_pool_that_no_index_names_is_never_overwritten() {
    let world = World::new();
    let package = world.package("api", "1.0", "amd64");
    let place = world.root().join("pool/main/a/api/api_1.0_amd64.deb");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "other").unwrap();
    assert_eq!(code(world.publish(std::slice::from_ref(&package))), "publish::different-bytes");
    assert_eq!(fs::read(&place).unwrap(), b"other");
    fs::copy(&package, &place).unwrap();
    let plan =
        world.plan(&world.request(std::slice::from_ref(&package)), Timestamp::now()).unwrap();
    assert!(!plan.steps.iter().any(|step| matches!(step, Step::CopyPackage { .. })), "{plan}");
    world.publish(&[package]).unwrap();
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn what_is_no_package_is_refused() {
    let world = World::new();
    let file = world.path("broken.deb");
    let whole = fs::read(world.package("api", "1.0", "amd64")).unwrap();
    for bytes in [&b""[..], b"hello", &whole[..whole.len() / 2]] {
        fs::write(&file, bytes).unwrap();
        assert_eq!(code(world.publish(std::slice::from_ref(&file))), "publish::not-a-package");
    }
    assert_eq!(code(world.publish(&[world.path("absent.deb")])), "publish::not-a-package");
    assert!(!world.root().join("dists").exists());
}

#[test]
fn an_architecture_without_an_index_is_refused() {
    let mut world = World::new();
    world.request.architectures = vec![Architecture::Amd64];
    let error = code(world.publish(&[world.package("api", "1.0", "arm64")]));
    assert_eq!(error, "publish::architecture");
}

#[test]
fn a_new_architecture_or_component_gets_its_index_and_none_goes_away() {
    let mut world = World::new();
    world.request.architectures = vec![Architecture::Amd64];
    world.publish(&[world.package("docs", "1.0", "all")]).unwrap();
    world.request.architectures = vec![Architecture::Arm64];
    world.request.component = "extra".to_owned();
    world.publish(&[]).unwrap();
    assert_eq!(world.listed("arm64"), ["docs 1.0"]);
    assert_eq!(world.listed("amd64"), ["docs 1.0"]);
    let release = fs::read_to_string(world.suite("Release")).unwrap();
    assert!(release.contains("Architectures: amd64 arm64\n"), "{release}");
    assert!(release.contains("Components: main extra\n"), "{release}");
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    assert!(world.suite("extra/binary-amd64/Packages").metadata().unwrap().len() > 0);
    assert!(world.root().join("pool/extra/a/api/api_1.0_amd64.deb").exists());
    assert_eq!(world.listed("amd64"), ["docs 1.0"]);
}

#[test]
fn an_identity_that_apt_would_stop_for_does_not_change() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let mut request = world.request(&[]);
    request.origin = "Other".to_owned();
    assert_eq!(code(world.publish_at(&request, Timestamp::now())), "publish::identity");
    let mut request = world.request(&[]);
    request.codename = "bookworm".to_owned();
    assert_eq!(code(world.publish_at(&request, Timestamp::now())), "publish::identity");
}

#[test]
fn a_date_never_goes_back() {
    let world = World::new();
    let now = Timestamp::now();
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let first =
        world.publish_at(&world.request(&[world.package("a1", "1", "all")]), at(0)).unwrap();
    let request = world.request(&[world.package("a2", "1", "all")]);
    let plan = world.plan(&request, at(-5)).unwrap();
    assert_eq!(plan.date, first.date);
    assert!(plan.to_string().contains("300 s ahead of this machine's clock"), "{plan}");
    assert_eq!(world.publish_at(&request, at(-5)).unwrap().date, first.date);
    let request = world.request(&[world.package("a3", "1", "all")]);
    assert_eq!(code(world.publish_at(&request, at(-11))), "publish::clock");
}

#[test]
fn a_repository_that_is_not_signed_by_a_trusted_key_is_not_touched() {
    let mut world = World::new();
    let package = world.package("api", "1.0", "amd64");
    world.publish(std::slice::from_ref(&package)).unwrap();
    let signed = fs::read_to_string(world.suite("InRelease")).unwrap();
    let forged = signed.replace("Components: main", "Components: evil");
    fs::write(world.suite("InRelease"), forged).unwrap();
    assert_eq!(code(world.publish(std::slice::from_ref(&package))), "publish::unverified");
    let (_, unsigned) = signed.split_once("\n\n").unwrap();
    fs::write(world.suite("InRelease"), unsigned).unwrap();
    assert_eq!(code(world.publish(std::slice::from_ref(&package))), "publish::unverified");
    fs::write(world.suite("InRelease"), signed).unwrap();
    world.key = new_key(in_days(-3), 365);
    assert_eq!(code(world.publish(&[package])), "publish::unverified");
}

#[test]
fn a_release_without_its_signature_is_not_taken_for_nothing() {
    let world = World::new();
    let package = world.package("api", "1.0", "amd64");
    world.publish(&[package]).unwrap();
    fs::remove_file(world.suite("InRelease")).unwrap();
    let other = [world.package("web", "1.0", "amd64")];
    world.publish(&other).unwrap();
    assert_eq!(world.listed("amd64"), ["api 1.0", "web 1.0"]);
    fs::remove_file(world.suite("InRelease")).unwrap();
    fs::remove_file(world.suite("Release.gpg")).unwrap();
    assert_eq!(code(world.publish(&other)), "publish::unverified");
}

#[test]
fn a_new_key_takes_over_a_repository_that_it_trusts_the_old_key_of() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let old = checked(&world.key, Timestamp::now()).certificate().clone();
    let new = checked(&new_key(in_days(-1), 365), Timestamp::now());
    let request = world.request(&[]);
    let facts = apt::observe(&request, &[new.certificate().clone(), old]).unwrap();
    let plan = apt::plan(&facts, &request, &new, Timestamp::now()).unwrap();
    let lock = apt::lock(&request.folder, Duration::ZERO, &RealClock, &scope()).unwrap();
    apt::apply(&plan, &new, &lock, &scope()).unwrap();
    assert!(!gpgv(&world.keyring(), &world.suite("InRelease")));
    fs::write(world.keyring(), new.certificate().keyring().unwrap()).unwrap();
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn damage_is_found_before_anything_is_written() {
    let world = World::new();
    let package = world.package("api", "1.0", "amd64");
    let more = [world.package("web", "1.0", "amd64")];
    world.publish(std::slice::from_ref(&package)).unwrap();
    let pool = world.root().join("pool/main/a/api/api_1.0_amd64.deb");
    fs::write(&pool, "short").unwrap();
    assert_eq!(code(world.publish(&more)), "publish::damaged");
    fs::remove_file(&pool).unwrap();
    assert_eq!(code(world.publish(&more)), "publish::damaged");
    fs::copy(&package, &pool).unwrap();
    // The plain name alone is repaired; without the file under its digest there is nothing to read.
    let index = world.suite("main/binary-amd64/Packages");
    fs::write(&index, "Package: evil\n").unwrap();
    let plan = world.plan(&world.request(&[]), Timestamp::now()).unwrap();
    assert!(!plan.steps.is_empty());
    world.publish(&[]).unwrap();
    assert_eq!(world.listed("amd64"), ["api 1.0"]);
    fs::write(&index, "Package: evil\n").unwrap();
    fs::remove_dir_all(world.suite("main/binary-amd64/by-hash")).unwrap();
    assert_eq!(code(world.publish(&more)), "publish::damaged");
}

#[test]
fn files_of_the_pool_are_not_read_again() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let pool = world.root().join("pool/main/a/api/api_1.0_amd64.deb");
    let size = fs::metadata(&pool).unwrap().len();
    // Other bytes of the same size pass: reading the whole pool for each package is what this avoids.
    fs::write(&pool, vec![0; usize::try_from(size).unwrap()]).unwrap();
    world.publish(&[world.package("web", "1.0", "amd64")]).unwrap();
    assert_eq!(world.listed("amd64"), ["api 1.0", "web 1.0"]);
}

#[test]
fn old_indices_stay_three_generations_and_a_day() {
    let world = World::new();
    let folder = world.suite("main/binary-amd64/by-hash/SHA256");
    let count = || fs::read_dir(&folder).unwrap().count();
    let publish = |number: i64, days| {
        let package = world.package("api", &number.to_string(), "amd64");
        world.publish_at(&world.request(&[package]), in_days(days)).unwrap()
    };
    for number in 1..=6 {
        publish(number, 0);
    }
    assert_eq!(count(), 12, "all are younger than a day");
    publish(7, 2);
    assert_eq!(count(), 6, "the new, the one before, and one more");
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn a_validity_is_renewed_each_time() {
    let mut world = World::new();
    world.request.valid_for = Some(Duration::from_secs(7 * 24 * 3600));
    world.publish_at(&world.request(&[]), "2026-11-21T10:00:00Z".parse().unwrap()).unwrap();
    let read = || fs::read_to_string(world.suite("Release")).unwrap();
    assert!(read().contains("Date: Sat, 21 Nov 2026 10:00:00 UTC\n"), "{}", read());
    assert!(read().contains("Valid-Until: Sat, 28 Nov 2026 10:00:00 UTC\n"), "{}", read());
    world.publish_at(&world.request(&[]), "2026-11-22T10:00:00Z".parse().unwrap()).unwrap();
    assert!(read().contains("Valid-Until: Sun, 29 Nov 2026 10:00:00 UTC\n"), "{}", read());
}

#[test]
fn the_same_request_at_the_same_time_gives_the_same_bytes() {
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let one = World::new();
    let packages = [one.package("api", "1.0", "amd64"), one.package("web", "1.0", "arm64")];
    let two = World::with_key(new_key(in_days(-2), 100));
    one.publish_at(&one.request(&packages), now).unwrap();
    two.publish_at(&two.request(&[packages[1].clone(), packages[0].clone()]), now).unwrap();
    for file in ["Release", "main/binary-amd64/Packages.gz", "main/binary-arm64/Packages"] {
        assert_eq!(
            fs::read(one.suite(file)).unwrap(),
            fs::read(two.suite(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn a_plan_says_what_it_will_do_and_what_it_wrote_stands_there() {
    let world = World::new();
    let request = world.request(&[world.package("api", "1.0", "amd64")]);
    let plan = world.plan(&request, Timestamp::now()).unwrap();
    assert_eq!(plan.outcomes, [("api 1.0 amd64".to_owned(), Outcome::Added)]);
    let shown = plan.to_string();
    let verbs: Vec<&str> =
        shown.lines().skip(5).map(|line| line.split_whitespace().next().unwrap()).collect();
    let writes = ["write"; 8];
    assert_eq!(verbs[0], "copy", "{shown}");
    assert_eq!(verbs[1..9], writes, "{shown}");
    assert_eq!(verbs[9..], ["sign", "write", "publish"], "{shown}");
    assert!(!world.root().join("dists").exists(), "a plan writes nothing");
}

#[test]
fn a_plan_for_another_publication_is_refused() {
    let world = World::new();
    let key = checked(&world.key, Timestamp::now());
    let plan =
        world.plan(&world.request(&[world.package("a1", "1", "all")]), Timestamp::now()).unwrap();
    world.publish(&[world.package("a2", "1", "all")]).unwrap();
    let lock = apt::lock(world.root(), Duration::ZERO, &RealClock, &scope()).unwrap();
    let error = apt::apply(&plan, &key, &lock, &scope()).unwrap_err();
    assert_eq!(error.code, "publish::changed");
    assert_eq!(world.listed("amd64"), ["a2 1"]);
}

#[test]
fn a_file_that_came_into_the_pool_after_the_plan_is_not_overwritten() {
    let world = World::new();
    let key = checked(&world.key, Timestamp::now());
    let request = world.request(&[world.package("api", "1.0", "amd64")]);
    let plan = world.plan(&request, Timestamp::now()).unwrap();
    let place = world.root().join("pool/main/a/api/api_1.0_amd64.deb");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "another suite's").unwrap();
    let lock = apt::lock(world.root(), Duration::ZERO, &RealClock, &scope()).unwrap();
    assert_eq!(code(apt::apply(&plan, &key, &lock, &scope())), "publish::changed");
    assert_eq!(fs::read(&place).unwrap(), b"another suite's");
}

#[test]
fn two_suites_share_one_pool() {
    let mut world = World::new();
    let package = world.package("api", "1.0", "amd64");
    world.publish(std::slice::from_ref(&package)).unwrap();
    for name in [&mut world.request.suite, &mut world.request.codename] {
        "testing".clone_into(name);
    }
    let other = build_package(&world.path("other"), "api", "1.0", "amd64", "Depends: other\n");
    assert_eq!(code(world.publish(&[other])), "publish::different-bytes");
    world.publish(&[package]).unwrap();
    assert!(world.root().join("dists/testing/InRelease").exists());
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn a_package_that_changed_after_the_plan_is_not_published() {
    let world = World::new();
    let package = world.package("api", "1.0", "amd64");
    let key = checked(&world.key, Timestamp::now());
    let plan =
        world.plan(&world.request(std::slice::from_ref(&package)), Timestamp::now()).unwrap();
    build_package(&world.path("built"), "api", "1.0", "amd64", "Depends: evil\n");
    let lock = apt::lock(world.root(), Duration::ZERO, &RealClock, &scope()).unwrap();
    let error = apt::apply(&plan, &key, &lock, &scope()).unwrap_err();
    assert_eq!(error.code, "publish::changed");
    assert!(files(world.root()).is_empty());
}

#[test]
fn a_stopped_publication_leaves_the_old_one() {
    let world = World::new();
    world.publish(&[world.package("a1", "1", "all")]).unwrap();
    let before = files(world.root());
    let key = checked(&world.key, Timestamp::now());
    let plan =
        world.plan(&world.request(&[world.package("a2", "1", "all")]), Timestamp::now()).unwrap();
    let lock = apt::lock(world.root(), Duration::ZERO, &RealClock, &scope()).unwrap();
    let stopped = scope();
    stopped.cancel.cancel();
    assert_eq!(code(apt::apply(&plan, &key, &lock, &stopped)), "publish::stopped");
    assert_eq!(files(world.root()), before);
}

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    let world = World::new();
    for bad in ["../up", "a b", "", ".hidden", "a/b", "a\nSigned-By: x"] {
        for field in 0..3 {
            let mut request = world.request(&[]);
            *[&mut request.suite, &mut request.codename, &mut request.component][field] =
                bad.to_owned();
            assert_eq!(code(world.plan(&request, Timestamp::now())), "publish::name", "{bad:?}");
        }
        if bad != "../up" && bad != "a b" && bad != ".hidden" && bad != "a/b" {
            let mut request = world.request(&[]);
            request.origin = bad.to_owned();
            assert_eq!(code(world.plan(&request, Timestamp::now())), "publish::name", "{bad:?}");
        }
    }
    assert!(!world.root().exists());
}

#[test]
fn a_certificate_that_is_only_read_verifies_too() {
    let world = World::new();
    world.publish(&[world.package("api", "1.0", "amd64")]).unwrap();
    let certificate = Certificate::parse(&fs::read(world.keyring()).unwrap()).unwrap();
    let facts = apt::observe(&world.request(&[]), &[certificate]).unwrap();
    assert_eq!(facts.present.unwrap().packages.len(), 1);
}
