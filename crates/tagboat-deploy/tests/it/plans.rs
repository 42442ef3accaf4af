//! Plans as people read them, and the reasons for refusals.

use tagboat_core::diagnostic::Exit;
use tagboat_core::ports::Architecture;
use tagboat_deploy::host::Installed;
use tagboat_deploy::plan::plan;
use tagboat_deploy::request::LostWayBack;

use crate::world::World;

#[test]
fn a_plan_shows_every_command_in_order() {
    let world = World::new(&["web-1", "web-2"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let clone = world.remote.clone_here();
    let (plan, _) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let held = plan.tag_object.as_ref().unwrap().to_string();
    let text = plan.to_string().replace(&held, "<tag object>");
    let text = text.replace(plan.head.deployment_id.as_str(), "<deployment>");
    insta::assert_snapshot!(text, @r"
    deploy api/v1.1.0 in production (<deployment>)
      now        api/v1.0.0 runs
      ledger     unsigned; record 2 will not be signed
      host       web-1: api 1.0.0
      host       web-2: api 1.0.0
      gap        api restarts in place: requests fail from its stop to its start
      way back   api/v1.0.0
    steps
       1  take the turn on web-1: /usr/local/lib/tagboat/host hold api 30 <deployment> alice
       2  take the turn on web-2: /usr/local/lib/tagboat/host hold api 30 <deployment> alice
       3  read refs/tags/api/production on the remote again: it must still hold <tag object>
       4  claim web-1: /usr/local/lib/tagboat/host claim api 1 <deployment> production
       5  wait on web-1 for a phase cut off before: /usr/local/lib/tagboat/host join api
       6  claim web-2: /usr/local/lib/tagboat/host claim api 1 <deployment> production
       7  wait on web-2 for a phase cut off before: /usr/local/lib/tagboat/host join api
       8  bring web-1 what its repository lacks: /usr/local/lib/tagboat/host receive
       9  bring web-2 what its repository lacks: /usr/local/lib/tagboat/host receive
      10  install on web-1: /usr/local/lib/tagboat/host install api 1.1.0 1 <deployment>
      11  health gate on web-1: /usr/local/lib/tagboat/host probe 8081 /api/health 5
      12  install on web-2: /usr/local/lib/tagboat/host install api 1.1.0 1 <deployment>
      13  health gate on web-2: /usr/local/lib/tagboat/host probe 8081 /api/health 5
      14  add record 2 and move refs/tags/api/production: push, if it still holds <tag object>
      15  settle web-1: /usr/local/lib/tagboat/host settle api 1 <deployment> 2
      16  settle web-2: /usr/local/lib/tagboat/host settle api 1 <deployment> 2
      17  let go of the turns
    ");
}

#[test]
fn what_is_executed_is_what_was_planned() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let before = world.machine("web-1").commands.len();
    let clone = world.remote.clone_here();
    let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let steps = plan.steps().join("\n");
    let life = crate::world::Life::full();
    world.carry_out(&clone, &plan, &facts, &life).unwrap();
    let machine = world.machine("web-1");
    for command in &machine.commands[before + 1..] {
        // Asking what is there changes nothing and is no step of its own.
        if command != "holdings" {
            assert!(steps.contains(command.as_str()), "{command} was not planned:\n{steps}");
        }
    }
}

#[test]
fn each_refusal_has_its_code_and_changes_nothing() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.1.0")).unwrap();
    let clone = world.remote.clone_here();
    let facts = || world.facts(&clone, &world.request("1.2.0")).unwrap();
    let refused = |facts, request| {
        let error = plan(&facts, request).unwrap_err();
        assert_eq!(error.exit, Exit::Refused);
        error.code
    };
    let mut unpublished = facts();
    unpublished.published.retain(|(version, _)| version != "1.2.0");
    assert_eq!(refused(unpublished, world.request("1.2.0")), "deploy::not-published");
    let mut other = facts();
    other.published = vec![("1.2.0".to_owned(), Architecture::Arm64)];
    assert_eq!(refused(other, world.request("1.2.0")), "deploy::not-published");
    let mut lost = facts();
    lost.published.retain(|(version, _)| version != "1.1.0");
    assert_eq!(refused(lost.clone(), world.request("1.2.0")), "deploy::no-way-back");
    // A person may accept that, and the plan says what it means.
    let mut accepted = world.request("1.2.0");
    accepted.lost_way_back = LostWayBack::Accepted;
    let told = plan(&lost, accepted.clone()).unwrap().to_string();
    let lost_is_told =
        "way back   none for certain: of api/v1.1.0, api 1.1.0 for amd64 is not published any more";
    assert!(told.contains(lost_is_told), "{told}");
    lost.published.clear();
    assert_eq!(refused(lost, accepted), "deploy::not-published");
    let mut nowhere = world.request("1.2.0");
    nowhere.parts.clear();
    assert_eq!(refused(facts(), nowhere), "deploy::no-host");
    let mut unprepared = facts();
    for host in unprepared.hosts.values_mut() {
        host.digest = "00".to_owned();
    }
    assert_eq!(refused(unprepared, world.request("1.2.0")), "host::unprepared");
    let mut elsewhere = facts();
    for host in elsewhere.hosts.values_mut() {
        host.fence.as_mut().unwrap().environment = Some("staging".to_owned());
    }
    assert_eq!(refused(elsewhere.clone(), world.request("1.2.0")), "host::other-environment");
    // What is left of another environment stands in nobody's way.
    for host in elsewhere.hosts.values_mut() {
        host.installed = Installed::No;
    }
    assert!(plan(&elsewhere, world.request("1.2.0")).is_ok());
    let mut free = world.request("1.2.0");
    free.lift_hold = Some("why".to_owned());
    assert_eq!(refused(facts(), free), "deploy::not-held");
    let mut unpinned = facts();
    unpinned.hosts.clear();
    assert_eq!(refused(unpinned, world.request("1.2.0")), "host::unpinned");
}

#[test]
fn an_application_installed_by_other_means_is_not_taken_over_unasked() {
    let world = World::new(&["web-1"]);
    world.machine("web-1").installed = Some("0.9".to_owned());
    let refused = world.deploy(world.request("1.0.0")).unwrap_err();
    assert_eq!(refused.code, "deploy::unknown-installation");
}
