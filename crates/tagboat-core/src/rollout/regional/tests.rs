use proptest::prelude::*;

use super::*;
use crate::rollout::Failure;
use crate::tag::EnvironmentName;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_763_721_045 + second).unwrap()
}

fn commit(digit: char) -> CommitSha {
    CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(&format!("api/v{text}")).unwrap()
}

fn host(part: usize, number: usize) -> HostName {
    HostName::parse(&format!("web-{part}-{number}")).unwrap()
}

const REGIONS: [Option<&str>; 4] = [None, Some("eu-west"), Some("us-east"), Some("ap-south")];

/// The environment's own hosts, then regions; two hosts each.
fn parts(count: usize, previous: Option<&Version>) -> Vec<Part> {
    let mut ids: Vec<DeploymentId> = Vec::new();
    let part = |(number, region): (usize, &Option<&str>)| {
        let id = DeploymentId::new(time(0), &commit('b'), |id| ids.contains(id));
        ids.push(id.clone());
        Part {
            head: Head {
                deployment_id: id,
                version: version("1.1.0"),
                environment: EnvironmentName::parse("production").unwrap(),
                region: region.map(|name| RegionName::parse(name).unwrap()),
                commit: commit('b'),
                artifact: Artifact::Package("api=1.1.0".to_owned()),
                tag_move: if number + 1 == count { TagMove::Moves } else { TagMove::Stays },
                previous_version: previous.cloned(),
                workflow_run_id: "1".to_owned(),
                triggered_by: "alice".to_owned(),
            },
            canary: host(number, 0),
            others: vec![host(number, 1)],
        }
    };
    REGIONS[..count].iter().enumerate().map(part).collect()
}

fn way_back() -> WayBack {
    WayBack {
        version: version("1.0.0"),
        commit: commit('a'),
        artifact: Artifact::Package("api=1.0.0".to_owned()),
    }
}

/// Runs it; `answer` says what comes of each effect.
fn run(
    count: usize,
    before: Before,
    mut answer: impl FnMut(&Effect) -> Event,
) -> (Vec<Effect>, Over) {
    let back = (before == Before::Version).then(way_back);
    let mut parts = parts(count, back.as_ref().map(|back| &back.version)).into_iter();
    let first = parts.next().unwrap();
    let (mut rollout, mut effect) = RegionalRollout::new(first, parts.collect(), back, time(0));
    let mut done = Vec::new();
    for second in 1.. {
        assert!(second < 200, "it does not end: {done:?}");
        let event = answer(&effect);
        done.push(effect);
        match rollout.hear(event, time(second)) {
            Regional::Do(next, wanted) => (rollout, effect) = (*next, wanted),
            Regional::Over(over) => return (done, over),
        }
    }
    unreachable!()
}

fn failing(at: &Effect) -> impl FnMut(&Effect) -> Event {
    move |effect| if effect == at { Event::Failed("sick".to_owned()) } else { Event::Done }
}

/// `eu-west api/v1.1.0 succeeded`, each Deployment in the order in which they ended.
fn told(over: &Over) -> Vec<String> {
    let tell = |deployment: &Deployment<Ended>| {
        let head = deployment.head();
        let region = head.region.as_ref().map_or("-", RegionName::as_str);
        format!("{region} {} {}", head.version.semver(), deployment.outcome())
    };
    over.deployments.iter().map(tell).collect()
}

fn fared(over: &Over) -> Vec<Terminal> {
    over.parts.iter().map(|part| part.outcome).collect()
}

#[test]
fn regions_go_one_after_the_other_each_with_its_canary_and_the_last_moves_the_tag() {
    let (effects, over) = run(3, Before::Version, |_| Event::Done);
    let expected: Vec<Effect> = (0..3)
        .flat_map(|part| (0..2).map(move |number| host(part, number)))
        .flat_map(|host| [Effect::Install(host.clone()), Effect::Judge(host)])
        .collect();
    assert_eq!(effects, expected);
    assert_eq!((&over.ending, over.outcome()), (&Ending::Succeeded, Terminal::Succeeded));
    let expected = ["- v1.1.0 succeeded", "eu-west v1.1.0 succeeded", "us-east v1.1.0 succeeded"];
    assert_eq!(told(&over), expected);
    let moves: Vec<TagMove> = over.deployments.iter().map(|d| d.head().tag_move).collect();
    assert_eq!(moves, [TagMove::Stays, TagMove::Stays, TagMove::Moves]);
    // Each begins when the one before has ended.
    for pair in over.deployments.windows(2) {
        assert_eq!(pair[1].started_at(), Some(pair[0].completed_at()));
    }
}

#[test]
fn when_a_region_is_sick_it_goes_back_then_those_that_had_succeeded_and_what_waits_is_cancelled() {
    let sick = Effect::Judge(host(2, 0));
    let (effects, over) = run(4, Before::Version, failing(&sick));
    let restored = |host: HostName| [Effect::Restore(host.clone()), Effect::JudgeRestored(host)];
    let back: Vec<Effect> = [host(2, 0), host(1, 1), host(1, 0), host(0, 1), host(0, 0)]
        .into_iter()
        .flat_map(restored)
        .collect();
    let at = effects.iter().position(|effect| *effect == sick).unwrap();
    assert_eq!(effects[at + 1..], back);
    assert_eq!(
        told(&over),
        [
            "- v1.1.0 succeeded",
            "eu-west v1.1.0 succeeded",
            "us-east v1.1.0 rolled_back",
            "ap-south v1.1.0 cancelled",
            "eu-west v1.0.0 succeeded",
            "- v1.0.0 succeeded",
        ]
    );
    assert_eq!(
        fared(&over),
        [Terminal::RolledBack, Terminal::RolledBack, Terminal::RolledBack, Terminal::Cancelled]
    );
    let cause = Cause { host: host(2, 0), step: Failure::Health, reason: "sick".to_owned() };
    assert_eq!((&over.ending, over.outcome()), (&Ending::RolledBack(cause), Terminal::RolledBack));
    // What goes back says what it leaves, never moves the tag, and has an id of its own.
    let undoing = over.deployments.last().unwrap().head();
    assert_eq!(undoing.previous_version, Some(version("1.1.0")));
    assert_eq!((undoing.tag_move, &undoing.commit), (TagMove::Stays, &commit('a')));
    let mut ids: Vec<_> = over.deployments.iter().map(|d| &d.head().deployment_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), over.deployments.len());
}

#[test]
fn a_region_that_was_cancelled_in_the_queue_never_began() {
    let (_, over) = run(3, Before::Version, failing(&Effect::Install(host(0, 0))));
    assert_eq!(fared(&over)[1..], [Terminal::Cancelled, Terminal::Cancelled]);
    let shown = serde_json::to_value(&over.deployments[1]).unwrap();
    assert_eq!(shown["region"], "eu-west");
    assert_eq!(shown["status"], "cancelled");
    assert!(shown["started_at"].is_null() && shown["queue_position"].is_null());
    // No gate judged the first one.
    let first = serde_json::to_value(&over.deployments[0]).unwrap();
    assert!(first["health_check_passed"].is_null(), "{first}");
}

#[test]
fn a_first_deployment_is_taken_off_again_in_every_region_and_that_deploys_nothing() {
    let (effects, over) = run(2, Before::Nothing, failing(&Effect::Judge(host(1, 1))));
    let back = [host(1, 1), host(1, 0), host(0, 1), host(0, 0)].map(Effect::Remove);
    assert_eq!(effects[effects.len() - 4..], back);
    assert_eq!(told(&over), ["- v1.1.0 succeeded", "eu-west v1.1.0 rolled_back"]);
    assert_eq!(fared(&over), [Terminal::RolledBack, Terminal::RolledBack]);
}

#[test]
fn what_cannot_go_back_is_named_by_region_and_the_others_still_go() {
    let stuck = Effect::JudgeRestored(host(1, 0));
    let (effects, over) = run(3, Before::Version, |effect| match effect {
        Effect::Install(h) if *h == host(2, 0) => Event::Failed("no space".to_owned()),
        Effect::Restore(h) if *h == host(2, 0) => Event::Failed("no space".to_owned()),
        effect if *effect == stuck => Event::Failed("sick as well".to_owned()),
        _ => Event::Done,
    });
    assert_eq!(effects.last(), Some(&Effect::JudgeRestored(host(0, 0))));
    let stuck: Vec<_> = over.parts.iter().map(|part| part.stuck.clone()).collect();
    assert_eq!(stuck[0], []);
    assert_eq!(stuck[1], [(host(1, 0), "sick as well".to_owned())]);
    assert_eq!(stuck[2], [(host(2, 0), "no space".to_owned())]);
    assert_eq!(fared(&over), [Terminal::RolledBack, Terminal::Failed, Terminal::Failed]);
    assert_eq!(over.outcome(), Terminal::Failed);
    let Ending::Stuck(cause, all) = &over.ending else { panic!("{:?}", over.ending) };
    assert_eq!((&cause.host, all.len()), (&host(2, 0), 2));
    let undoing = over.deployments.iter().find(|d| d.head().version == version("1.0.0")).unwrap();
    assert_eq!(undoing.outcome(), Terminal::Failed);
    assert_eq!(serde_json::to_value(undoing).unwrap()["health_check_passed"], false);
}

#[test]
fn an_interruption_between_two_regions_touches_nothing_more_and_undoes_the_first() {
    let (effects, over) = run(3, Before::Version, |effect| match effect {
        Effect::Install(h) if *h == host(1, 0) => Event::Declined,
        _ => Event::Done,
    });
    let touched = |effect: &Effect| matches!(effect, Effect::Restore(h) if *h == host(1, 0));
    assert!(!effects.iter().any(touched), "{effects:?}");
    assert_eq!(
        told(&over),
        [
            "- v1.1.0 succeeded",
            "eu-west v1.1.0 cancelled",
            "us-east v1.1.0 cancelled",
            "- v1.0.0 succeeded",
        ]
    );
    assert!(matches!(&over.ending, Ending::RolledBack(Cause { step: Failure::Interruption, .. })));
    assert_eq!(over.outcome(), Terminal::RolledBack);
}

#[test]
fn what_is_interrupted_before_the_first_host_is_cancelled_as_a_whole() {
    let (effects, over) = run(2, Before::Version, |_| Event::Declined);
    assert_eq!(effects, [Effect::Install(host(0, 0))]);
    assert_eq!(fared(&over), [Terminal::Cancelled, Terminal::Cancelled]);
    assert_eq!(over.outcome(), Terminal::Cancelled);
}

proptest! {
    #[test]
    fn in_every_order_of_failure_the_end_tells_what_runs_in_each_region(
        count in 1_usize..5,
        first in proptest::bool::ANY,
        events in proptest::collection::vec(0_u8..12, 60),
    ) {
        let before = if first { Before::Nothing } else { Before::Version };
        let all: Vec<HostName> =
            (0..count).flat_map(|part| [host(part, 0), host(part, 1)]).collect();
        // What each host is known to run.
        let mut new = vec![false; all.len()];
        let mut old = vec![true; all.len()];
        let mut asked = 0;
        let index = |name: &HostName| all.iter().position(|host| host == name).unwrap();
        let (_, over) = run(count, before, |effect| {
            let event = match events[asked % events.len()] {
                0 => Event::Failed("no".to_owned()),
                1 => Event::Interrupted,
                2 => Event::Declined,
                _ => Event::Done,
            };
            asked += 1;
            let done = event == Event::Done;
            match effect {
                Effect::Install(_) if event == Event::Declined => {}
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
        prop_assert_eq!(over.parts.len(), count);
        for (number, part) in over.parts.iter().enumerate() {
            let hosts = [2 * number, 2 * number + 1];
            match part.outcome {
                Terminal::Succeeded => prop_assert!(hosts.iter().all(|host| new[*host])),
                Terminal::RolledBack | Terminal::Cancelled => {
                    prop_assert!(hosts.iter().all(|host| old[*host]));
                }
                Terminal::Failed => {
                    let stuck: Vec<usize> = part.stuck.iter().map(|(name, _)| index(name)).collect();
                    prop_assert!(!stuck.is_empty());
                    for host in hosts {
                        prop_assert_eq!(old[host], !stuck.contains(&host));
                    }
                }
            }
        }
        // One version everywhere, or a named exception.
        let succeeded = over.parts.iter().filter(|part| part.outcome == Terminal::Succeeded);
        prop_assert!(matches!(succeeded.count(), n if n == 0 || n == count));
        // Whoever undid a success says so by a Deployment, if there was a version to go back to.
        let of = |wanted: &'static str| {
            over.deployments.iter().filter(move |d| d.head().version == version(wanted))
        };
        prop_assert_eq!(of("1.1.0").count(), count);
        let undone = if over.outcome() == Terminal::Succeeded || first {
            0
        } else {
            of("1.1.0").filter(|d| d.outcome() == Terminal::Succeeded).count()
        };
        prop_assert_eq!(of("1.0.0").count(), undone);
    }
}
