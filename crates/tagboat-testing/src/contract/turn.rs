//! The promises of a queue. In: queues in which nobody stands. Out: a panic where one is broken.

use std::collections::BTreeSet;
use std::sync::{Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagboat_core::ledger::Attempt;
use tagboat_core::ports::{Cancel, Dismissal, Place, Scope, Silent, Turn, TurnError, Waited};
use tagboat_core::queue::{Notice, QueueName, Ticket};
use tagboat_core::tag::EnvironmentName;
use tagboat_core::version::ProjectPath;

/// Queues, and somebody who deletes all that is on disk.
pub trait World: Sync {
    /// The port.
    fn turn(&self) -> &dyn Turn;
    /// Everything that queues keep is deleted.
    fn lose_everything(&self);
}

const AT_ONCE: usize = 32;

/// Longer than anything here takes on a machine that does other things as well.
const LONG: Duration = Duration::from_secs(60);

/// Within this time one who waits must have noticed.
const AT_ONCE_IS: Duration = Duration::from_secs(1);

fn scope() -> Scope<'static> {
    Scope::new("test", &Silent, Cancel::default())
}

fn queue(repository: &str, environment: &str) -> QueueName {
    QueueName::new(repository, EnvironmentName::parse(environment).unwrap())
}

fn production() -> QueueName {
    queue("https://git.example/acme.git", "production")
}

/// A ticket of somebody.
#[must_use]
pub fn ticket(who: &str) -> Ticket {
    let project = ProjectPath::parse("api").unwrap();
    Ticket::new(Attempt::Deploy, &project, who, now(), std::process::id())
}

fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

fn enrol(world: &dyn World, who: &str) -> Box<dyn Place> {
    world.turn().enrol(&scope(), &production(), &ticket(who)).unwrap()
}

fn wait(place: &mut dyn Place) -> Waited {
    place.wait(&scope().until(Instant::now() + LONG), &now).unwrap()
}

/// Waits over all that is told meanwhile.
fn wait_for_turn(place: &mut dyn Place) {
    loop {
        match wait(place) {
            Waited::Begun => return,
            Waited::Behind(_) | Waited::Again => {}
            Waited::Dismissed(notice) => panic!("dismissed: {notice:?}"),
        }
    }
}

fn names(world: &dyn World) -> Vec<String> {
    let line = world.turn().line(&scope(), &production()).unwrap();
    line.into_iter().map(|standing| standing.ticket.unwrap().triggered_by).collect()
}

fn cancelled() -> Notice {
    Notice::Cancelled { by: "bob".to_owned() }
}

/// See its name.
pub fn an_empty_queue_gives_the_turn_at_once(world: &dyn World) {
    assert_eq!(world.turn().line(&scope(), &production()), Ok(Vec::new()));
    let mut place = enrol(world, "ann");
    assert_eq!(wait(&mut *place), Waited::Begun);
    // And it keeps it.
    assert_eq!(wait(&mut *place), Waited::Begun);
    let line = world.turn().line(&scope(), &production()).unwrap();
    assert_eq!(line.len(), 1);
    assert_eq!(line[0].number, place.number());
    assert_eq!(line[0].ticket.as_ref().unwrap().began_at, Some(now()));
    drop(place);
    assert_eq!(world.turn().line(&scope(), &production()), Ok(Vec::new()));
}

/// See its name.
pub fn a_ticket_says_what_it_was_told_last(world: &dyn World) {
    let mut place = enrol(world, "ann");
    let long = Ticket { project: "x/".repeat(100), ..ticket("ann") };
    place.tell(&long).unwrap();
    place.tell(&ticket("ann and bob")).unwrap();
    assert_eq!(names(world), ["ann and bob"]);
    assert_eq!(wait(&mut *place), Waited::Begun);
    // When the turn came is not for the holder to say.
    place.tell(&ticket("ann")).unwrap();
    let line = world.turn().line(&scope(), &production()).unwrap();
    assert_eq!(line[0].ticket, Some(Ticket { began_at: Some(now()), ..ticket("ann") }));
}

/// See its name.
pub fn the_turn_goes_round_in_the_order_of_coming(world: &dyn World) {
    let first = enrol(world, "0");
    let served = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for who in 1..=8 {
            let mut place = enrol(world, &who.to_string());
            let served = &served;
            threads.spawn(move || {
                wait_for_turn(&mut *place);
                served.lock().unwrap().push(who);
            });
        }
        assert_eq!(names(world), (0..=8).map(|who| who.to_string()).collect::<Vec<_>>());
        assert!(served.lock().unwrap().is_empty());
        drop(first);
    });
    assert_eq!(served.into_inner().unwrap(), (1..=8).collect::<Vec<_>>());
}

/// See its name.
pub fn those_who_come_at_once_get_places_of_their_own_and_run_one_at_a_time(world: &dyn World) {
    let (barrier, running) = (Barrier::new(AT_ONCE), Mutex::new(()));
    let numbers = Mutex::new(BTreeSet::new());
    std::thread::scope(|threads| {
        for who in 0..AT_ONCE {
            let (barrier, running, numbers) = (&barrier, &running, &numbers);
            threads.spawn(move || {
                barrier.wait();
                let mut place = enrol(world, &who.to_string());
                numbers.lock().unwrap().insert(place.number());
                wait_for_turn(&mut *place);
                let alone = running.try_lock().expect("two have the turn");
                std::thread::yield_now();
                drop(alone);
                // Numbers may be used again once all are gone: so nobody goes before all have come.
                until_all_came(numbers);
            });
        }
    });
    assert_eq!(world.turn().line(&scope(), &production()), Ok(Vec::new()));
}

/// Waits until everybody has a number, each its own.
fn until_all_came(numbers: &Mutex<BTreeSet<u64>>) {
    let until = Instant::now() + LONG;
    while numbers.lock().unwrap().len() < AT_ONCE {
        assert!(Instant::now() < until, "some got the same number");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// See its name.
pub fn a_holder_that_goes_frees_its_place_at_once(world: &dyn World) {
    let holder = enrol(world, "ann");
    let (told, behind) = mpsc::channel();
    std::thread::scope(|threads| {
        let waiter = threads.spawn(move || {
            let mut place = enrol(world, "bob");
            assert_eq!(wait(&mut *place), Waited::Behind(1));
            told.send(()).unwrap();
            assert_eq!(wait(&mut *place), Waited::Begun);
            Instant::now()
        });
        behind.recv().unwrap();
        drop(holder);
        let freed = Instant::now();
        let began = waiter.join().unwrap();
        assert!(began.saturating_duration_since(freed) < AT_ONCE_IS);
    });
}

/// See its name.
pub fn one_who_leaves_the_middle_moves_those_behind_up(world: &dyn World) {
    let _first = enrol(world, "0");
    let second = enrol(world, "1");
    let third = enrol(world, "2");
    let mut last = enrol(world, "3");
    assert_eq!(wait(&mut *last), Waited::Behind(3));
    drop(second);
    assert_eq!(wait(&mut *last), Waited::Behind(2));
    drop(third);
    assert_eq!(wait(&mut *last), Waited::Behind(1));
    assert_eq!(names(world), ["0", "3"]);
}

/// See its name.
pub fn one_who_waits_can_be_asked_to_leave(world: &dyn World) {
    let mut first = enrol(world, "ann");
    wait_for_turn(&mut *first);
    let mut second = enrol(world, "bob");
    let mut third = enrol(world, "cy");
    assert_eq!(wait(&mut *second), Waited::Behind(1));
    let ask = |number| world.turn().dismiss(&scope(), &production(), number, &cancelled());
    assert_eq!(ask(second.number()), Ok(Dismissal::Told));
    let asked = Instant::now();
    assert_eq!(wait(&mut *second), Waited::Dismissed(cancelled()));
    assert!(asked.elapsed() < AT_ONCE_IS);
    // It still stands there until it goes; and whoever takes a place after it is not asked.
    assert_eq!(names(world), ["ann", "bob", "cy"]);
    let gone = second.number();
    drop(second);
    assert_eq!(names(world), ["ann", "cy"]);
    assert_eq!(ask(gone), Ok(Dismissal::Gone));
    assert_eq!(wait(&mut *third), Waited::Behind(1));
    drop(first);
    wait_for_turn(&mut *third);
}

/// See its name.
pub fn one_that_runs_is_not_asked_to_leave(world: &dyn World) {
    let mut place = enrol(world, "ann");
    wait_for_turn(&mut *place);
    let number = place.number();
    let asked = world.turn().dismiss(&scope(), &production(), number, &cancelled());
    assert_eq!(asked, Ok(Dismissal::Running));
    assert_eq!(wait(&mut *place), Waited::Begun);
    let nobody = world.turn().dismiss(&scope(), &production(), number + 7, &cancelled());
    assert_eq!(nobody, Ok(Dismissal::Gone));
}

/// See its name.
pub fn a_notice_is_for_one_place_and_not_for_its_number(world: &dyn World) {
    let first = enrol(world, "ann");
    let asked = world.turn().dismiss(&scope(), &production(), first.number(), &cancelled());
    assert_eq!(asked, Ok(Dismissal::Told));
    drop(first);
    let mut next = enrol(world, "bob");
    assert_eq!(wait(&mut *next), Waited::Begun);
}

/// See its name.
pub fn queues_of_other_environments_and_repositories_are_others(world: &dyn World) {
    let mut kept = Vec::new();
    for name in [
        production(),
        queue("https://git.example/acme.git", "staging"),
        queue("https://git.example/other.git", "production"),
    ] {
        let mut place = world.turn().enrol(&scope(), &name, &ticket("ann")).unwrap();
        assert_eq!(wait(&mut *place), Waited::Begun);
        kept.push(place);
    }
}

/// See its name.
pub fn a_wait_ends_when_it_is_interrupted_or_its_time_is_over(world: &dyn World) {
    let _first = enrol(world, "ann");
    let mut second = enrol(world, "bob");
    assert_eq!(wait(&mut *second), Waited::Behind(1));
    let brief = scope().until(Instant::now() + Duration::from_millis(50));
    assert_eq!(second.wait(&brief, &now), Err(TurnError::TimedOut));
    let interrupted = scope();
    let cancel = interrupted.cancel.clone();
    std::thread::scope(|threads| {
        threads.spawn(move || cancel.cancel());
        assert_eq!(second.wait(&interrupted, &now), Err(TurnError::Cancelled));
    });
    assert_eq!(
        world.turn().enrol(&interrupted, &production(), &ticket("cy")).err(),
        Some(TurnError::Cancelled)
    );
    drop(second);
    assert_eq!(names(world), ["ann"]);
}

/// See its name.
pub fn no_time_to_wait_is_enough_where_nobody_is_before(world: &dyn World) {
    let late = scope().until(Instant::now());
    let mut place = enrol(world, "ann");
    assert_eq!(place.wait(&late, &now), Ok(Waited::Begun));
}

/// See its name.
pub fn with_everything_deleted_places_are_lost_and_nobody_waits_for_ever(world: &dyn World) {
    let mut first = enrol(world, "0");
    wait_for_turn(&mut *first);
    let mut waiting: Vec<Box<dyn Place>> =
        ["1", "2", "3", "4"].into_iter().map(|who| enrol(world, who)).collect();
    for place in &mut waiting {
        assert!(matches!(wait(&mut **place), Waited::Behind(_)));
    }
    world.lose_everything();
    assert_eq!(world.turn().line(&scope(), &production()), Ok(Vec::new()));
    // Each takes a new place, in whatever order they notice.
    for place in waiting.iter_mut().rev() {
        assert_eq!(wait(&mut **place), Waited::Again);
    }
    assert_eq!(names(world), ["4", "3", "2", "1"]);
    drop(first);
    let served = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for (mut place, who) in waiting.into_iter().zip(1..) {
            let served = &served;
            threads.spawn(move || {
                wait_for_turn(&mut *place);
                served.lock().unwrap().push(who);
            });
        }
    });
    assert_eq!(served.into_inner().unwrap(), [4, 3, 2, 1]);
}
