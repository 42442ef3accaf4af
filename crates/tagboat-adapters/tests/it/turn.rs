//! Queues on a real disk: the contract, and what somebody may do to their files.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_adapters::turn::QueueFolder;
use tagboat_core::ports::{Cancel, Dismissal, Place, Scope, Silent, Turn, TurnError, Waited};
use tagboat_core::queue::{Notice, QueueName, Ticket};
use tagboat_core::tag::EnvironmentName;
use tagboat_testing::contract::turn::{World, ticket};

struct OnDisk {
    folder: tempfile::TempDir,
    turn: QueueFolder,
}

fn on_disk() -> OnDisk {
    let folder = tempfile::tempdir().unwrap();
    // What the user chose is followed, links and all.
    std::fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("state")).unwrap();
    let turn = QueueFolder::new(folder.path().join("state/home"));
    OnDisk { folder, turn }
}

impl World for OnDisk {
    fn turn(&self) -> &dyn Turn {
        &self.turn
    }

    fn lose_everything(&self) {
        std::fs::remove_dir_all(self.folder.path().join("real/home")).unwrap();
    }
}

tagboat_testing::turn_contract!(Some(on_disk()));

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn queue() -> QueueName {
    QueueName::new("https://git.example/acme", EnvironmentName::parse("production").unwrap())
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

impl OnDisk {
    fn path(&self) -> PathBuf {
        let name = queue();
        let path = self.folder.path().join("state/home/tagboat/queue");
        path.join(name.repository()).join(name.environment.as_str())
    }

    fn enrol(&self, who: &str) -> Result<Box<dyn Place>, TurnError> {
        self.turn.enrol(&scope(), &queue(), &ticket(who))
    }

    fn line(&self) -> Vec<(u64, Option<Ticket>)> {
        let line = self.turn.line(&scope(), &queue()).unwrap();
        line.into_iter().map(|standing| (standing.number, standing.ticket)).collect()
    }
}

fn wait(place: &mut dyn Place) -> Result<Waited, TurnError> {
    place.wait(&scope().until(Instant::now() + Duration::from_secs(30)), &now)
}

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_lies_in_the_folder_and_is_no_place_is_passed_over() {
    let world = on_disk();
    drop(world.enrol("ann").unwrap());
    let path = world.path();
    // The next numbers are taken by what is no place; the rest has odd names.
    fifo(&path.join("1"));
    fifo(&path.join("1.leave"));
    std::fs::create_dir(path.join("2")).unwrap();
    symlink("/etc/passwd", path.join("3")).unwrap();
    symlink(".", path.join("4.leave")).unwrap();
    std::fs::write(path.join("5"), vec![b'x'; 100 << 20]).unwrap();
    std::fs::write(path.join("99999999999999999999"), "").unwrap();
    std::fs::write(path.join("\u{1b}[2J\u{202e}"), "").unwrap();
    std::fs::write(path.join("new"), "left by one that was killed").unwrap();
    assert_eq!(world.line(), Vec::new());
    let mut place = world.enrol("ann").unwrap();
    assert_eq!(wait(&mut *place), Ok(Waited::Begun));
    assert_eq!(world.line().len(), 1);
    assert!(!path.join("new").exists());
    assert!(!path.join("5").exists(), "what nobody holds is cleared away");
    assert_eq!(std::fs::read_to_string("/etc/passwd").unwrap().lines().count().min(1), 1);
}

#[test]
fn a_ticket_that_cannot_be_read_is_a_place_all_the_same() {
    let world = on_disk();
    let rubbish: [&[u8]; 6] = [
        b"",
        b"\xff\xfe\n",
        b"{\"attempt\":\"deploy\"}\n",
        b"null\n",
        b"no end of line",
        &[b'['; 1 << 20],
    ];
    let holder = world.enrol("ann").unwrap();
    let file = world.path().join(holder.number().to_string());
    let mut second = world.enrol("bob").unwrap();
    for content in rubbish {
        std::fs::write(&file, content).unwrap();
        let line = world.line();
        assert_eq!(line.len(), 2);
        assert_eq!(line[0], (holder.number(), None));
    }
    assert!(matches!(wait(&mut *second), Ok(Waited::Behind(1))));
    // It can be asked to leave like any other, and rubbish asks as well.
    let notice = Notice::Cancelled { by: "bob".to_owned() };
    let asked = world.turn.dismiss(&scope(), &queue(), holder.number(), &notice);
    assert_eq!(asked, Ok(Dismissal::Told));
    std::fs::write(world.path().join(format!("{}.leave", second.number())), [0; 99]).unwrap();
    assert!(matches!(wait(&mut *second), Ok(Waited::Dismissed(Notice::Cancelled { .. }))));
}

#[test]
fn folders_are_ours_alone_and_no_link_is_followed() {
    let world = on_disk();
    drop(world.enrol("ann").unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.path()), 0o700);
    assert_eq!(mode(&world.path().join("door")), 0o600);
    let elsewhere = world.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for depth in 0..3 {
        let path = world.path();
        let step = path.ancestors().nth(depth).unwrap();
        std::fs::remove_dir_all(step).unwrap();
        symlink(&elsewhere, step).unwrap();
        let refused = |seen: Option<TurnError>| {
            assert!(matches!(&seen, Some(TurnError::Foreign(_))), "{depth}: {seen:?}");
        };
        refused(world.enrol("ann").err());
        refused(world.turn.line(&scope(), &queue()).err());
        std::fs::remove_file(step).unwrap();
        drop(world.enrol("ann").unwrap());
        // Nor one in which others may write.
        std::fs::set_permissions(step, std::fs::Permissions::from_mode(0o777)).unwrap();
        refused(world.enrol("ann").err());
        std::fs::set_permissions(step, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    let door = world.path().join("door");
    for plant in [
        (|path: &Path| fifo(path)) as fn(&Path),
        |path| symlink("/etc/passwd", path).unwrap(),
        |path| std::fs::create_dir(path).unwrap(),
    ] {
        std::fs::remove_file(&door).unwrap();
        plant(&door);
        let seen = world.enrol("ann").err();
        assert!(matches!(&seen, Some(TurnError::Foreign(_))), "{seen:?}");
        if std::fs::symlink_metadata(&door).unwrap().is_dir() {
            std::fs::remove_dir(&door).unwrap();
            std::fs::write(&door, "").unwrap();
        }
    }
}

#[test]
fn a_file_of_another_user_is_no_place() {
    if !rustix_is_root() {
        return;
    }
    let world = on_disk();
    let holder = world.enrol("ann").unwrap();
    let file = world.path().join(holder.number().to_string());
    std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
    assert_eq!(world.line(), Vec::new());
    let mut other = world.enrol("bob").unwrap();
    assert_eq!(wait(&mut *other), Ok(Waited::Begun));
    let path = world.path();
    std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    assert!(matches!(world.enrol("cy").err(), Some(TurnError::Foreign(_))));
}

fn rustix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_folder_that_is_deleted_under_those_who_come_is_made_again() {
    let world = on_disk();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let vandal = threads.spawn(|| {
            let mut rounds = 0_u32;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                // It may have been deleted already, or filled again meanwhile.
                std::fs::remove_dir_all(world.folder.path().join("real/home/tagboat")).ok();
                rounds += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            rounds
        });
        let coming: Vec<_> = (0..4)
            .map(|who: i32| {
                let world = &world;
                threads.spawn(move || {
                    for _ in 0..50 {
                        let mut place = world.enrol(&who.to_string()).unwrap();
                        while !matches!(wait(&mut *place).unwrap(), Waited::Begun) {}
                    }
                })
            })
            .collect();
        let ended: Vec<_> = coming.into_iter().map(|thread| thread.join()).collect();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(vandal.join().unwrap() > 1);
        assert!(ended.iter().all(Result::is_ok));
    });
    // In peace again, the queue is one.
    let mut first = world.enrol("ann").unwrap();
    assert_eq!(wait(&mut *first), Ok(Waited::Begun));
    let mut second = world.enrol("bob").unwrap();
    assert_eq!(wait(&mut *second), Ok(Waited::Behind(1)));
}

#[test]
fn a_door_that_somebody_keeps_is_not_waited_for_for_ever() {
    let world = on_disk();
    drop(world.enrol("ann").unwrap());
    let door = std::fs::File::open(world.path().join("door")).unwrap();
    door.lock().unwrap();
    let began = Instant::now();
    let bounded = scope().until(began + Duration::from_millis(200));
    let seen = world.turn.enrol(&bounded, &queue(), &ticket("bob")).err();
    assert_eq!(seen, Some(TurnError::TimedOut));
    let interrupted = scope();
    interrupted.cancel.cancel();
    let seen = world.turn.enrol(&interrupted, &queue(), &ticket("bob")).err();
    assert_eq!(seen, Some(TurnError::Cancelled));
    let seen = world.enrol("bob").err();
    assert!(matches!(seen, Some(TurnError::Io(_))), "{seen:?}");
    assert!(began.elapsed() < Duration::from_secs(30));
    // Deleting it lets everybody in again.
    std::fs::remove_file(world.path().join("door")).unwrap();
    assert!(world.enrol("bob").is_ok());
}
