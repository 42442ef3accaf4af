//! Several publishers and readers at once.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use tagboat_release::apt;

use crate::fixture::{RealClock, World, assert_whole, gpgv, publisher, scope, text};

#[test]
fn of_ten_processes_that_publish_at_once_none_loses_its_package() {
    let world = World::new();
    let names: Vec<String> = (10..20).map(|number| format!("pkg{number}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            Command::new(publisher())
                .arg(world.root())
                .arg(world.secret_file())
                .arg(world.package(name, "1.0", "all"))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for publisher in running {
        let output = publisher.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let expected: Vec<String> = names.iter().map(|name| format!("{name} 1.0")).collect();
    assert_eq!(world.listed("amd64"), expected);
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn a_reader_sees_a_whole_repository_at_every_moment() {
    let world = World::new();
    world.publish(&[world.package("pkg", "0", "all")]).unwrap();
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for version in 1..=15 {
                world.publish(&[world.package("pkg", &version.to_string(), "all")]).unwrap();
            }
        });
        let mut rounds = 0;
        while !writer.is_finished() {
            // A client reads InRelease once, and then what it names.
            let snapshot = world.path("snapshot");
            fs::copy(world.suite("InRelease"), &snapshot).unwrap();
            assert!(gpgv(&world.keyring(), &snapshot));
            let release = fs::read_to_string(&snapshot).unwrap();
            let lines = release.lines().skip_while(|line| *line != "SHA256:").skip(1);
            for line in lines.take_while(|line| line.starts_with(' ')) {
                let [sum, size, path] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                    panic!()
                };
                let index = world.suite(path).with_file_name("by-hash").join("SHA256").join(sum);
                assert_eq!(fs::metadata(index).unwrap().len().to_string(), size);
            }
            rounds += 1;
        }
        assert!(rounds > 0);
        writer.join().unwrap();
    });
    assert_whole(world.root(), &world.keyring());
}

#[test]
fn a_lock_is_waited_for_no_longer_than_told_and_ends_with_its_holder() {
    let world = World::new();
    let patience = Duration::from_millis(120);
    let held = apt::lock(world.root(), patience, &RealClock, &scope()).unwrap();
    let error = apt::lock(world.root(), patience, &RealClock, &scope()).unwrap_err();
    assert_eq!(error.code, "publish::locked");
    drop(held);
    apt::lock(world.root(), Duration::ZERO, &RealClock, &scope()).unwrap();
}
