//! The order of a publication, and what is said where the disk fails at each call.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use tagboat_core::ports::{Cancel, Silent};
use tagboat_deb::Digests;

use super::*;
use crate::apt::layout::RepositoryPath;
use crate::apt::plan::plan;
use crate::apt::{Facts, Request, io_failed};
use crate::keys::{NewKeyRequest, ROTATION_DAYS, SigningKey, check};

/// What a disk was asked for; it fails from some call on.
#[derive(Default)]
struct Asked {
    calls: std::cell::RefCell<Vec<String>>,
    left: Cell<Option<usize>>,
}

impl Asked {
    fn call(&self, name: String) -> Result<()> {
        if let Some(left) = self.left.get() {
            if left == 0 {
                let full = std::io::Error::from_raw_os_error(28);
                return Err(io_failed("written", Path::new("x"), &full));
            }
            self.left.set(Some(left - 1));
        }
        self.calls.borrow_mut().push(name);
        Ok(())
    }
}

impl Disk for Asked {
    fn put(&self, to: &RepositoryPath, _: &[u8]) -> Result<()> {
        self.call(format!("put {to}"))
    }

    fn put_file(&self, to: &RepositoryPath, _: &Path, _: &Digests) -> Result<()> {
        self.call(format!("file {to}"))
    }

    fn settle(&self) -> Result<()> {
        self.call("settle".to_owned())
    }

    fn remove(&self, path: &RepositoryPath) -> Result<()> {
        self.call(format!("remove {path}"))
    }
}

fn made() -> (Plan, CheckedKey) {
    let now = Timestamp::now();
    let wanted = NewKeyRequest {
        user_id: "Example <a@example.org>".to_owned(),
        days: ROTATION_DAYS,
        passphrase: None,
    };
    let key = check(Box::new(SigningKey::generate(&wanted, now).unwrap().key), None, now).unwrap();
    let request = Request {
        folder: "repository".into(),
        suite: "stable".to_owned(),
        codename: "stable".to_owned(),
        component: "main".to_owned(),
        origin: "Example".to_owned(),
        label: "Example".to_owned(),
        architectures: tagboat_core::ports::Architecture::ALL.to_vec(),
        packages: Vec::new(),
        valid_for: None,
    };
    let facts = Facts { present: None, additions: Vec::new(), superseded: Vec::new() };
    let mut plan = plan(&facts, &request, &key, now).unwrap();
    let path = RepositoryPath::parse("dists/stable/old").unwrap();
    plan.steps.push(Step::Remove { path });
    (plan, key)
}

fn performed(disk: &Asked) -> Result<Record> {
    let (plan, key) = made();
    perform(&plan, &key, disk, &Scope::new("test", &Silent, Cancel::default()))
}

#[test]
fn inrelease_comes_last_and_all_else_is_on_the_disk_by_then() {
    let disk = Asked::default();
    performed(&disk).unwrap();
    let calls = disk.calls.borrow();
    let of = |name: &str| calls.iter().position(|call| call.ends_with(name)).unwrap();
    let end: Vec<&str> = calls[calls.len() - 6..].iter().map(String::as_str).collect();
    assert_eq!(
        end,
        [
            "put dists/stable/Release.gpg",
            "put dists/stable/Release",
            "settle",
            "put dists/stable/InRelease",
            "settle",
            "remove dists/stable/old"
        ]
    );
    let by_hash: Vec<usize> =
        (0..calls.len()).filter(|at| calls[*at].contains("/by-hash/")).collect();
    assert_eq!(by_hash, [0, 1, 2, 3]);
    assert!(of("binary-amd64/Packages") > 3);
}

#[test]
fn whatever_fails_the_error_says_what_readers_see() {
    let mut seen: BTreeMap<bool, usize> = BTreeMap::new();
    for left in 0.. {
        let disk = Asked { left: Cell::new(Some(left)), ..Asked::default() };
        let result = performed(&disk);
        let published = disk.calls.borrow().iter().any(|call| call.ends_with("InRelease"));
        *seen.entry(published).or_default() += 1;
        match result {
            Ok(record) if disk.left.get() == Some(0) && !record.left_behind.is_empty() => {
                assert!(published, "only the removal failed");
            }
            Ok(_) => break,
            Err(error) => match error.world {
                World::Unchanged(_) => assert!(!published),
                World::Now(_) => assert!(published && error.exit == Exit::NeedsPerson),
            },
        }
    }
    assert!(seen[&false] > 10 && seen[&true] == 3, "{seen:?}");
}
