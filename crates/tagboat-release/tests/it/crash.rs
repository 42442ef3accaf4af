//! A publisher that is killed, or whose disk fails, at each of its system calls: SQLite's loop over the N-th failure.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::fixture::{World, assert_whole, publisher, text};

/// Runs the publisher under strace, which does something at the `at`-th of a system call.
fn publish_hurt(world: &World, packages: &[PathBuf], call: &str, at: u32, hurt: &str) -> Output {
    Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:{hurt}:when={at}")])
        .arg(publisher())
        .arg(world.root())
        .arg(world.secret_file())
        .args(packages)
        .output()
        .unwrap_or_else(|error| panic!("strace: {error}"))
}

/// Hurts a publisher at the first, second, ... of a call, until one gets through unhurt. The repository must be
/// whole after each, and the same command again must finish the work.
fn hurt_at_every(call: &str, hurt: &str, least: u32) {
    let world = World::new();
    world.publish(&[world.package("old", "1.0", "all")]).unwrap();
    let mut at = 1;
    loop {
        let packages = [
            world.package("api", &format!("1.{at}"), "amd64"),
            world.package("doc", &format!("1.{at}"), "all"),
        ];
        let output = publish_hurt(&world, &packages, call, at, hurt);
        assert_whole(world.root(), &world.keyring());
        if output.status.success() {
            break;
        }
        let again = Command::new(publisher())
            .arg(world.root())
            .arg(world.secret_file())
            .args(&packages)
            .output()
            .unwrap();
        assert!(again.status.success(), "{call} {at}: {}", text(&again));
        assert_whole(world.root(), &world.keyring());
        for listed in [format!("api 1.{at}"), format!("doc 1.{at}"), "old 1.0".to_owned()] {
            assert!(world.listed("amd64").contains(&listed), "{call} {at}: {listed} is lost");
        }
        assert_eq!(fs::read_dir(world.root().join(".tagboat/incoming")).unwrap().count(), 0);
        at += 1;
        assert!(at < 400, "{call} never got through");
    }
    assert!(at > least, "{call} was hurt only {} times", at - 1);
}

#[test]
fn a_publisher_killed_before_any_rename_leaves_a_whole_repository() {
    hurt_at_every("rename", "signal=KILL", 12);
}

#[test]
fn a_publisher_killed_before_any_fsync_leaves_a_whole_repository() {
    hurt_at_every("fsync", "signal=KILL", 12);
}

#[test]
fn a_publisher_killed_before_any_write_leaves_a_whole_repository() {
    hurt_at_every("write", "signal=KILL", 12);
}

#[test]
fn a_full_disk_leaves_a_whole_repository() {
    hurt_at_every("write", "error=ENOSPC", 12);
}

#[test]
fn a_failing_fsync_is_a_failure() {
    hurt_at_every("fsync", "error=EIO", 12);
}

#[test]
fn a_first_publication_that_is_killed_shows_nothing_or_all() {
    let mut at = 1;
    loop {
        let world = World::new();
        let packages = [world.package("api", "1.0", "amd64")];
        let output = publish_hurt(&world, &packages, "rename", at, "signal=KILL");
        assert_whole(world.root(), &world.keyring());
        if output.status.success() {
            break;
        }
        world.publish(&[world.package("web", "1.0", "amd64")]).unwrap();
        world.publish(&packages).unwrap();
        assert_whole(world.root(), &world.keyring());
        assert_eq!(world.listed("amd64"), ["api 1.0", "web 1.0"]);
        at += 1;
    }
    assert!(at > 12);
}
