use proptest::prelude::*;

use super::*;

fn host(number: usize) -> HostName {
    HostName::parse(&format!("web-{number}")).unwrap()
}

/// Runs a rollout over `hosts` hosts; `answer` says what comes of each effect. The effects and the end.
fn run(
    hosts: usize,
    before: Before,
    mut answer: impl FnMut(&Effect) -> Event,
) -> (Vec<Effect>, Ending) {
    let others = (1..hosts).map(host).collect();
    let (mut rollout, mut effect) = Rollout::new(host(0), others, before);
    let mut done = Vec::new();
    loop {
        let event = answer(&effect);
        done.push(effect);
        match rollout.hear(event) {
            Next::Do(next, wanted) => (rollout, effect) = (next, wanted),
            Next::Over(ending) => return (done, ending),
        }
        assert!(done.len() < 100, "it does not end: {done:?}");
    }
}

fn sick(effect: &Effect, at: &Effect) -> Event {
    if effect == at { Event::Failed("sick".to_owned()) } else { Event::Done }
}

#[test]
fn each_host_is_judged_before_the_next_is_changed() {
    let (effects, ending) = run(2, Before::Version, |_| Event::Done);
    let expected = [
        Effect::Install(host(0)),
        Effect::Judge(host(0)),
        Effect::Install(host(1)),
        Effect::Judge(host(1)),
    ];
    assert_eq!((effects.as_slice(), ending), (expected.as_slice(), Ending::Succeeded));
}

#[test]
fn when_the_second_host_is_sick_both_go_back_and_are_judged() {
    let (effects, ending) = run(3, Before::Version, |effect| sick(effect, &Effect::Judge(host(1))));
    let back = [
        Effect::Restore(host(1)),
        Effect::JudgeRestored(host(1)),
        Effect::Restore(host(0)),
        Effect::JudgeRestored(host(0)),
    ];
    assert_eq!(effects[4..], back);
    let cause = Cause { host: host(1), step: Failure::Health, reason: "sick".to_owned() };
    assert_eq!(ending, Ending::RolledBack(cause));
}

#[test]
fn a_first_deployment_that_fails_is_removed_again() {
    let (effects, ending) =
        run(2, Before::Nothing, |effect| sick(effect, &Effect::Install(host(0))));
    assert_eq!(effects, [Effect::Install(host(0)), Effect::Remove(host(0))]);
    assert!(matches!(ending, Ending::RolledBack(Cause { step: Failure::Install, .. })));
}

#[test]
fn a_host_that_cannot_go_back_is_named_and_the_others_still_go() {
    let (effects, ending) = run(2, Before::Version, |effect| match effect {
        Effect::Judge(h) if *h == host(1) => Event::Failed("sick".to_owned()),
        Effect::Restore(h) if *h == host(1) => Event::Failed("no space".to_owned()),
        _ => Event::Done,
    });
    assert_eq!(
        effects[4..],
        [Effect::Restore(host(1)), Effect::Restore(host(0)), Effect::JudgeRestored(host(0)),]
    );
    let Ending::Stuck(_, stuck) = ending else { panic!("{ending:?}") };
    assert_eq!(stuck, [(host(1), "no space".to_owned())]);
}

#[test]
fn an_interruption_turns_back_and_never_stops_the_way_back() {
    let (effects, ending) = run(2, Before::Version, |effect| match effect {
        Effect::Install(_) | Effect::Judge(_) => Event::Interrupted,
        _ => Event::Done,
    });
    let expected =
        [Effect::Install(host(0)), Effect::Restore(host(0)), Effect::JudgeRestored(host(0))];
    assert_eq!(effects, expected);
    assert!(matches!(ending, Ending::RolledBack(Cause { step: Failure::Interruption, .. })));
}

proptest! {
    #[test]
    fn in_every_order_of_failure_the_end_tells_what_runs(
        hosts in 1_usize..5,
        first in proptest::bool::ANY,
        events in proptest::collection::vec(0_u8..4, 40),
    ) {
        let before = if first { Before::Nothing } else { Before::Version };
        // What each host is known to run: true the new version, judged healthy.
        let mut new = vec![false; hosts];
        let mut old = vec![true; hosts];
        let mut asked = 0;
        let index = |name: &HostName| (0..hosts).find(|n| host(*n) == *name).unwrap();
        let (_, ending) = run(hosts, before, |effect| {
            let event = match events[asked % events.len()] {
                0 => Event::Failed("no".to_owned()),
                1 => Event::Interrupted,
                _ => Event::Done,
            };
            asked += 1;
            let done = event == Event::Done;
            match effect {
                Effect::Install(h) => old[index(h)] = false,
                Effect::Judge(h) => new[index(h)] = done,
                Effect::Restore(h) => new[index(h)] = false,
                Effect::JudgeRestored(h) => old[index(h)] = done,
                Effect::Remove(h) => {
                    new[index(h)] = false;
                    old[index(h)] = done;
                }
            }
            event
        });
        match ending {
            Ending::Succeeded => prop_assert!(new.iter().all(|healthy| *healthy)),
            Ending::RolledBack(_) => prop_assert!(old.iter().all(|back| *back)),
            Ending::Stuck(_, stuck) => {
                let named: Vec<usize> = stuck.iter().map(|(name, _)| index(name)).collect();
                for (number, back) in old.iter().enumerate() {
                    prop_assert_eq!(*back, !named.contains(&number), "host {}", number);
                }
            }
        }
    }
}
