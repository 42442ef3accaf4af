//! Deployments to hosts in memory, to their end or to the deployer's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tagboat_core::deployment::Terminal;
use tagboat_core::diagnostic::Exit;
use tagboat_core::ledger::Attempt;
use tagboat_core::rollout::Ending;

use crate::world::{Death, Life, World, tag, version};

fn some(versions: &[&str]) -> Vec<Option<String>> {
    versions.iter().map(|version| Some((*version).to_owned())).collect()
}

#[test]
fn a_first_deployment_makes_the_tag_and_an_upgrade_moves_it() {
    let world = World::new(&["web-1", "web-2"]);
    let first = world.deploy(world.request("1.0.0")).unwrap();
    assert_eq!((first.exit(), first.sequence), (Exit::Done, Some(1)));
    assert_eq!(world.tagged().as_deref(), Some("1.0.0"));
    let second = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!((second.exit(), second.sequence), (Exit::Done, Some(2)));
    assert_eq!(world.tagged().as_deref(), Some("1.1.0"));
    assert_eq!(world.installed(), some(&["1.1.0", "1.1.0"]));
    assert_eq!(world.machine("web-1").fence.as_ref().map(|fence| fence.0), Some(2));
}

#[test]
fn a_sick_version_is_rolled_back_recorded_and_held() {
    let world = World::new(&["web-1", "web-2"]);
    world.deploy(world.request("1.1.0")).unwrap();
    world.sick.lock().unwrap().insert("1.2.0".to_owned());
    let sick = world.deploy(world.request("1.2.0")).unwrap();
    assert_eq!((sick.exit(), sick.sequence), (Exit::RolledBack, Some(2)));
    assert_eq!(sick.journal, ["no such table: note"]);
    assert_eq!(world.installed(), some(&["1.1.0", "1.1.0"]));
    let history = world.history().unwrap();
    let newest = history.ledger().newest();
    assert_eq!(newest.outcome, Terminal::RolledBack);
    assert_eq!(newest.current().map(|(v, _)| v.bare()).as_deref(), Some("1.1.0"));
    let hold = history.hold(&version("1.2.0")).unwrap();
    assert!(hold.reason.starts_with("health gate on web-1: "), "{}", hold.reason);

    let refused = world.deploy(world.request("1.2.0")).unwrap_err();
    assert_eq!((refused.code, refused.exit), ("deploy::held", Exit::Refused));
    world.sick.lock().unwrap().clear();
    let mut lifted = world.request("1.2.0");
    lifted.lift_hold = Some("the table is back".to_owned());
    assert_eq!(world.deploy(lifted).unwrap().exit(), Exit::Done);
    assert!(world.history().unwrap().hold(&version("1.2.0")).is_none());
}

#[test]
fn a_sick_first_deployment_is_removed_and_leaves_no_tag() {
    let world = World::new(&["web-1"]);
    world.sick.lock().unwrap().insert("1.0.0".to_owned());
    let record = world.deploy(world.request("1.0.0")).unwrap();
    assert_eq!((record.exit(), record.sequence), (Exit::RolledBack, None));
    assert_eq!(world.installed(), [None]);
    assert!(world.history().is_none());
}

#[test]
fn when_the_second_host_fails_the_first_goes_back_too() {
    let world = World::new(&["web-1", "web-2"]);
    world.deploy(world.request("1.0.0")).unwrap();
    world.broken.lock().unwrap().insert(("web-2".to_owned(), "1.1.0".to_owned()));
    let record = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!(record.exit(), Exit::RolledBack);
    assert_eq!(world.installed(), some(&["1.0.0", "1.0.0"]));
}

#[test]
fn a_host_that_cannot_go_back_needs_a_person() {
    let world = World::new(&["web-1", "web-2"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let mut broken = world.broken.lock().unwrap();
    broken.insert(("web-2".to_owned(), "1.1.0".to_owned()));
    broken.insert(("web-1".to_owned(), "1.0.0".to_owned()));
    drop(broken);
    let record = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!(record.exit(), Exit::NeedsPerson);
    assert!(matches!(&record.over.ending, Ending::Stuck(_, stuck) if stuck.len() == 1));
    assert_eq!(world.history().unwrap().ledger().newest().outcome, Terminal::Failed);
}

#[test]
fn a_roll_back_moves_the_tag_down_and_holds_what_it_left() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    world.deploy(world.request("1.1.0")).unwrap();
    let lower = world.deploy(world.request("1.0.0")).unwrap_err();
    assert_eq!(lower.code, "deploy::lower-version");
    let mut back = world.request("1.0.0");
    back.attempt = Attempt::Rollback;
    back.reason = Some("slow".to_owned());
    assert_eq!(world.deploy(back).unwrap().exit(), Exit::Done);
    assert_eq!(world.tagged().as_deref(), Some("1.0.0"));
    assert_eq!(world.history().unwrap().hold(&version("1.1.0")).unwrap().reason, "slow");
}

#[test]
fn the_slower_of_two_deployers_changes_nothing() {
    let world = World::new(&["web-1", "web-2"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let slow = world.remote.clone_here();
    let (plan, facts) = world.plan(&slow, world.request("1.1.0")).unwrap();
    world.deploy(world.request("1.2.0")).unwrap();
    let before: Vec<usize> =
        world.machines.values().map(|machine| machine.lock().unwrap().commands.len()).collect();
    let lost = world.carry_out(&slow, &plan, &facts, &Life::full()).unwrap_err();
    assert_eq!((lost.code, lost.exit), ("deploy::lost-race", Exit::Refused));
    let (what, winner) = &lost.facts[0];
    assert_eq!(*what, "winner");
    assert!(
        winner.starts_with("api/v1.2.0 succeeded ") && winner.ends_with(" by alice"),
        "{winner}"
    );
    for (machine, before) in world.machines.values().zip(before) {
        let machine = machine.lock().unwrap();
        let since: Vec<&str> =
            machine.commands[before..].iter().map(|c| c.split(' ').next().unwrap()).collect();
        assert_eq!(since, ["hold"], "the loser only waited for its turn");
    }
    assert_eq!(world.tagged().as_deref(), Some("1.2.0"));
}

#[test]
fn a_deployer_that_finds_the_turn_taken_is_told_by_whom() {
    let world = World::new(&["web-1"]);
    world.machine("web-1").holder = Some("deploy-20261121-100000-abc123d bob".to_owned());
    let busy = world.deploy(world.request("1.0.0")).unwrap_err();
    assert_eq!((busy.code, busy.exit), ("deploy::busy", Exit::Refused));
    assert_eq!(busy.facts[1], ("by", "bob".to_owned()));
}

#[test]
fn a_paused_deployer_that_wakes_up_is_fenced() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let paused = world.remote.clone_here();
    let (plan, _) = world.plan(&paused, world.request("1.1.0")).unwrap();
    world.deploy(world.request("1.2.0")).unwrap();
    // It lost its turn long ago, and goes on with the command that it was about to send.
    let host = plan.hosts().next().unwrap();
    assert_eq!(world.run("web-1", &host.program.install("1.1.0", &host.claim)), Some(73));
    assert_eq!(world.run("web-1", &host.program.claim(&host.claim)), Some(73));
    assert_eq!(world.installed(), some(&["1.2.0"]));
}

#[test]
fn an_older_ledger_than_a_host_has_seen_is_refused() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let old = world.remote.get(&tag().remote_ref());
    world.deploy(world.request("1.1.0")).unwrap();
    world.remote.set(&tag().remote_ref(), old);
    let refused = world.deploy(world.request("1.2.0")).unwrap_err();
    assert_eq!((refused.code, refused.exit), ("ledger::replayed", Exit::Refused));
    assert_eq!(world.installed(), some(&["1.1.0"]));
}

#[test]
fn a_tag_moved_while_the_hosts_were_locked_needs_a_person() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let old = world.remote.get(&tag().remote_ref());
    world.deploy(world.request("1.1.0")).unwrap();
    world.remote.ambush(&tag().remote_ref(), old);
    let record = world.deploy(world.request("1.2.0")).unwrap();
    assert_eq!(record.exit(), Exit::NeedsPerson);
    assert_eq!(record.not_recorded.unwrap().code, "deploy::not-recorded");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NewVersion {
    Healthy,
    Sick,
}

/// Kills the deployer at its every command, before and after the host did it; then runs the same deployment
/// again. However it died, the end is one version everywhere, and the tag says which.
fn kill_everywhere(new: NewVersion) {
    for death in [Death::Before, Death::After] {
        for command in 1.. {
            let world = World::new(&["web-1", "web-2"]);
            world.deploy(world.request("1.0.0")).unwrap();
            if new == NewVersion::Sick {
                world.sick.lock().unwrap().insert("1.1.0".to_owned());
            }
            let clone = world.remote.clone_here();
            let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
            let life = Life::until(command, death);
            let died = catch_unwind(AssertUnwindSafe(|| {
                world.carry_out(&clone, &plan, &facts, &life).map(|record| record.exit())
            }))
            .is_err();
            if !died {
                assert!(command > 12, "it could die at {command} commands only");
                break;
            }
            let again = world.deploy(world.request("1.1.0"));
            let expected = if new == NewVersion::Sick { "1.0.0" } else { "1.1.0" };
            match again {
                Ok(record) => {
                    let exit = if new == NewVersion::Sick { Exit::RolledBack } else { Exit::Done };
                    assert_eq!(record.exit(), exit, "{death:?} {command}");
                }
                // It died after the record was pushed: the same deployment is held now.
                Err(error) => assert_eq!(error.code, "deploy::held", "{death:?} {command}"),
            }
            assert_eq!(world.installed(), some(&[expected, expected]), "{death:?} {command}");
            assert_eq!(world.tagged().as_deref(), Some(expected), "{death:?} {command}");
            assert!(world.machines.values().all(|m| m.lock().unwrap().holder.is_none()));
        }
    }
}

#[test]
fn a_deployer_killed_at_any_command_is_finished_by_the_next_run() {
    kill_everywhere(NewVersion::Healthy);
}

#[test]
fn a_deployer_killed_at_any_command_of_a_roll_back_is_finished_by_the_next_run() {
    kill_everywhere(NewVersion::Sick);
}

#[test]
fn a_first_deployment_killed_at_any_command_is_finished_by_the_next_run() {
    for death in [Death::Before, Death::After] {
        for command in 1.. {
            let world = World::new(&["web-1"]);
            let clone = world.remote.clone_here();
            let (plan, facts) = world.plan(&clone, world.request("1.0.0")).unwrap();
            let life = Life::until(command, death);
            let run = || world.carry_out(&clone, &plan, &facts, &life).map(|record| record.exit());
            if catch_unwind(AssertUnwindSafe(run)).is_ok() {
                break;
            }
            assert_eq!(world.deploy(world.request("1.0.0")).unwrap().exit(), Exit::Done);
            assert_eq!(world.installed(), some(&["1.0.0"]), "{death:?} {command}");
            assert_eq!(world.tagged().as_deref(), Some("1.0.0"), "{death:?} {command}");
        }
    }
}
