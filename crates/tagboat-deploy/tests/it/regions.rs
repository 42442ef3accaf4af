//! Environments with regions: one Deployment each, in order, and one version everywhere in the end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tagboat_core::deployment::Terminal;
use tagboat_core::diagnostic::Exit;
use tagboat_core::rollout::{Ending, Failure};
use tagboat_deploy::apply::DeployRecord;

use crate::world::{Death, Life, World};

/// Two regions of one host each; `web-2` goes first, for its region does.
fn two_regions() -> World {
    World::new(&["web-1", "web-2"]).region("us-east", &["web-2"]).region("eu-west", &["web-1"])
}

/// The same, with version 1.0.0 on both.
fn running() -> World {
    let world = two_regions();
    assert_eq!(world.deploy(world.request("1.0.0")).unwrap().exit(), Exit::Done);
    world
}

fn everywhere(world: &World, version: &str) {
    assert!(world.installed().iter().all(|it| it.as_deref() == Some(version)), "{version}");
    assert_eq!(world.tagged().as_deref(), Some(version));
    assert!(world.machines.values().all(|m| m.lock().unwrap().holder.is_none()));
}

/// `us-east v1.1.0 succeeded`, in the order in which they ended.
fn deployments(record: &DeployRecord) -> Vec<String> {
    let tell = |deployment: &tagboat_core::deployment::Deployment<_>| {
        let head = deployment.head();
        let region = head.region.as_ref().unwrap();
        format!("{region} {} {}", head.version.semver(), deployment.outcome())
    };
    record.over.deployments.iter().map(tell).collect()
}

/// What the ledger's newest record says of each region.
fn recorded(world: &World) -> Vec<(String, Terminal)> {
    let history = world.history().unwrap();
    let regions = history.ledger().newest().regions.clone();
    regions.into_iter().map(|region| (region.region.unwrap(), region.outcome)).collect()
}

#[test]
fn a_plan_names_each_region_and_locks_hosts_across_them_by_name() {
    let world = running();
    let clone = world.remote.clone_here();
    let (plan, _) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let held = plan.tag_object.as_ref().unwrap().to_string();
    let text = plan.to_string().replace(&held, "<tag object>");
    let text = plan.parts.iter().enumerate().rev().fold(text, |text, (number, part)| {
        text.replace(part.head.deployment_id.as_str(), &format!("<deployment {}>", number + 1))
    });
    insta::assert_snapshot!(text, @r"
    deploy api/v1.1.0 in production (<deployment 2>)
      now        api/v1.0.0 runs
      ledger     unsigned; record 2 will not be signed
      region     us-east: web-2 (<deployment 1>)
      region     eu-west: web-1 (<deployment 2>)
      host       web-2 in us-east: api 1.0.0
      host       web-1 in eu-west: api 1.0.0
      gap        api restarts in place: requests fail from its stop to its start
      way back   api/v1.0.0
    steps
       1  take the turn on web-1 in eu-west: /usr/local/lib/tagboat/host hold api 30 <deployment 2> alice
       2  take the turn on web-2 in us-east: /usr/local/lib/tagboat/host hold api 30 <deployment 1> alice
       3  read refs/tags/api/production on the remote again: it must still hold <tag object>
       4  claim web-1 in eu-west: /usr/local/lib/tagboat/host claim api 1 <deployment 2> production
       5  wait on web-1 in eu-west for a phase cut off before: /usr/local/lib/tagboat/host join api
       6  claim web-2 in us-east: /usr/local/lib/tagboat/host claim api 1 <deployment 1> production
       7  wait on web-2 in us-east for a phase cut off before: /usr/local/lib/tagboat/host join api
       8  bring web-1 in eu-west what its repository lacks: /usr/local/lib/tagboat/host receive
       9  bring web-2 in us-east what its repository lacks: /usr/local/lib/tagboat/host receive
      10  install on web-2 in us-east: /usr/local/lib/tagboat/host install api 1.1.0 1 <deployment 1>
      11  health gate on web-2 in us-east: /usr/local/lib/tagboat/host probe 8081 /api/health 5
      12  install on web-1 in eu-west: /usr/local/lib/tagboat/host install api 1.1.0 1 <deployment 2>
      13  health gate on web-1 in eu-west: /usr/local/lib/tagboat/host probe 8081 /api/health 5
      14  add record 2 and move refs/tags/api/production: push, if it still holds <tag object>
      15  settle web-1 in eu-west: /usr/local/lib/tagboat/host settle api 1 <deployment 2> 2
      16  settle web-2 in us-east: /usr/local/lib/tagboat/host settle api 1 <deployment 1> 2
      17  let go of the turns
    ");
    let queued = serde_json::to_value(plan.queued()).unwrap();
    assert_eq!(queued[0]["status"], "queued");
    assert_eq!(
        (&queued[0]["region"], &queued[0]["queue_position"]),
        (&"us-east".into(), &1.into())
    );
    assert_eq!(
        (&queued[1]["region"], &queued[1]["queue_position"]),
        (&"eu-west".into(), &2.into())
    );
    assert_eq!(queued[0]["will_move_env_tag"], false);
    assert_eq!(queued[1]["will_move_env_tag"], true);
    let first = queued[0]["deployment_id"].as_str().unwrap();
    assert_eq!(queued[1]["deployment_id"], format!("{first}-2"));
    assert_eq!(queued[1]["workflow_run_id"], format!("local-{first}-2"));
}

#[test]
fn the_deployment_that_moves_the_tag_keeps_the_id_under_which_it_waited() {
    let world = running();
    let clone = world.remote.clone_here();
    let (plain, _) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let waited = plain.parts[0].head.deployment_id.clone();
    let mut request = world.request("1.1.0");
    request.queued_as = Some(waited.clone());
    let (plan, _) = world.plan(&clone, request).unwrap();
    assert_eq!(plan.parts[1].head.deployment_id, waited);
    assert_eq!(plan.parts[0].head.deployment_id.as_str(), format!("{waited}-2"));
    assert_eq!(plan.head.workflow_run_id, format!("local-{waited}"));
    // An id that the ledger knows is given to nobody again.
    let mut request = world.request("1.1.0");
    let known = world.history().unwrap().ledger().newest().deployment_id.clone();
    request.queued_as = Some(known.clone());
    let (plan, _) = world.plan(&clone, request).unwrap();
    assert!(plan.parts.iter().all(|part| part.head.deployment_id != known));
}

#[test]
fn regions_are_deployed_in_their_order_and_one_record_tells_of_all() {
    let world = two_regions();
    let record = world.deploy(world.request("1.0.0")).unwrap();
    assert_eq!((record.exit(), record.sequence), (Exit::Done, Some(1)));
    assert_eq!(deployments(&record), ["us-east v1.0.0 succeeded", "eu-west v1.0.0 succeeded"]);
    everywhere(&world, "1.0.0");
    let told = recorded(&world);
    let succeeded = |region: &str| (region.to_owned(), Terminal::Succeeded);
    assert_eq!(told, [succeeded("us-east"), succeeded("eu-west")]);
    let newest = world.history().unwrap().ledger().newest().clone();
    assert_eq!(newest.regions[1].deployment_id.as_ref(), Some(&newest.deployment_id));
    let named: Vec<_> = record.steps.iter().filter(|step| step.region.is_some()).collect();
    assert!(named.iter().all(|step| step.step.ends_with(step.region.as_ref().unwrap().as_str())));
    assert!(named.iter().any(|step| step.step == "install v1.0.0 on web-1 in eu-west"));
}

#[test]
fn an_environment_without_regions_has_one_deployment_and_names_none() {
    let world = World::new(&["web-1", "web-2"]);
    let record = world.deploy(world.request("1.0.0")).unwrap();
    let [deployment] = &record.over.deployments[..] else { panic!("{record:?}") };
    assert_eq!(deployment.head().region, None);
    assert_eq!(world.history().unwrap().ledger().newest().regions, []);
}

#[test]
fn hosts_outside_every_region_go_first() {
    let world = World::new(&["web-1", "web-2"]).region("eu-west", &["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let regions = world.history().unwrap().ledger().newest().regions.clone();
    assert_eq!(
        regions.iter().map(|it| it.region.as_deref()).collect::<Vec<_>>(),
        [None, Some("eu-west")]
    );
}

#[test]
fn when_the_second_region_is_sick_both_go_back_and_the_tag_stays() {
    let world = running();
    world.sick.lock().unwrap().insert("web-1 1.1.0".to_owned());
    let record = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!((record.exit(), record.sequence), (Exit::RolledBack, Some(2)));
    assert_eq!(
        deployments(&record),
        ["us-east v1.1.0 succeeded", "eu-west v1.1.0 rolled_back", "us-east v1.0.0 succeeded",]
    );
    everywhere(&world, "1.0.0");
    let back = |region: &str| (region.to_owned(), Terminal::RolledBack);
    assert_eq!(recorded(&world), [back("us-east"), back("eu-west")]);
    assert_eq!(world.deploy(world.request("1.1.0")).unwrap_err().code, "deploy::held");
}

#[test]
fn when_the_first_region_fails_the_second_is_never_touched() {
    let world = running();
    world.broken.lock().unwrap().insert(("web-2".to_owned(), "1.1.0".to_owned()));
    let record = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!(record.exit(), Exit::RolledBack);
    assert_eq!(deployments(&record), ["us-east v1.1.0 rolled_back", "eu-west v1.1.0 cancelled"]);
    let installs =
        world.machine("web-1").commands.iter().filter(|c| c.starts_with("install")).count();
    assert_eq!(installs, 1, "only the version from before");
    everywhere(&world, "1.0.0");
}

#[test]
fn a_failure_while_undoing_needs_a_person_and_names_each_region() {
    let world = running();
    let mut broken = world.broken.lock().unwrap();
    broken.insert(("web-1".to_owned(), "1.1.0".to_owned()));
    broken.insert(("web-2".to_owned(), "1.0.0".to_owned()));
    drop(broken);
    let record = world.deploy(world.request("1.1.0")).unwrap();
    assert_eq!(record.exit(), Exit::NeedsPerson);
    assert_eq!(
        recorded(&world),
        [("us-east".to_owned(), Terminal::Failed), ("eu-west".to_owned(), Terminal::RolledBack),]
    );
    assert_eq!(record.over.parts[0].stuck.len(), 1);
    assert_eq!(world.tagged().as_deref(), Some("1.0.0"));
}

#[test]
fn a_sick_first_deployment_is_removed_in_every_region() {
    let world = two_regions();
    world.sick.lock().unwrap().insert("web-1 1.0.0".to_owned());
    let record = world.deploy(world.request("1.0.0")).unwrap();
    assert_eq!((record.exit(), record.sequence), (Exit::RolledBack, None));
    assert_eq!(world.installed(), [None, None]);
    assert!(world.history().is_none());
}

#[test]
fn a_region_that_cannot_be_reached_before_the_start_costs_nothing() {
    let world = running();
    let clone = world.remote.clone_here();
    let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let before = world.machine("web-2").commands.len();
    world.cut.lock().unwrap().insert("web-1".to_owned());
    let refused = world.facts(&clone, &world.request("1.1.0")).unwrap_err();
    assert_eq!((refused.code, refused.exit), ("host::unreachable", Exit::Outside));
    // And where it was reached for the plan, and not any more for the turn.
    let refused = world.carry_out(&clone, &plan, &facts, &Life::full()).unwrap_err();
    assert_eq!((refused.code, refused.exit), ("host::unreachable", Exit::Outside));
    let since = world.machine("web-2").commands.split_off(before);
    assert!(since.iter().all(|command| command.starts_with("facts ")), "{since:?}");
    world.cut.lock().unwrap().clear();
    everywhere(&world, "1.0.0");
}

/// Kills the deployer at its every command; the same deployment again finishes it in both regions.
fn kill_everywhere(sick: Option<&str>) {
    for death in [Death::Before, Death::After] {
        for command in 1.. {
            let world = running();
            world.sick.lock().unwrap().extend(sick.map(str::to_owned));
            let clone = world.remote.clone_here();
            let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
            let life = Life::until(command, death);
            let run = || world.carry_out(&clone, &plan, &facts, &life).map(|record| record.exit());
            if catch_unwind(AssertUnwindSafe(run)).is_ok() {
                assert!(command > 12, "it could die at {command} commands only");
                break;
            }
            let expected = if sick.is_some() { "1.0.0" } else { "1.1.0" };
            match world.deploy(world.request("1.1.0")) {
                Ok(record) => {
                    let exit = if sick.is_some() { Exit::RolledBack } else { Exit::Done };
                    assert_eq!(record.exit(), exit, "{death:?} {command}");
                }
                // It died after the record was pushed.
                Err(error) => assert_eq!(error.code, "deploy::held", "{death:?} {command}"),
            }
            everywhere(&world, expected);
        }
    }
}

#[test]
fn a_deployer_killed_at_any_command_leaves_nothing_that_the_next_run_does_not_finish() {
    kill_everywhere(None);
}

#[test]
fn a_deployer_killed_while_it_undoes_regions_is_finished_by_the_next_run() {
    kill_everywhere(Some("web-1 1.1.0"));
}

#[test]
fn whenever_it_is_interrupted_one_version_runs_in_both_regions() {
    let mut between = 0;
    for command in 1.. {
        let world = running();
        let clone = world.remote.clone_here();
        let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
        let life = Life::stopped_after(command);
        match world.carry_out(&clone, &plan, &facts, &life) {
            Err(error) => {
                assert_eq!((error.code, error.exit), ("run::interrupted", Exit::Interrupted));
                everywhere(&world, "1.0.0");
                assert_eq!(world.history().unwrap().ledger().newest().sequence, 1, "{command}");
            }
            Ok(record) if record.exit() == Exit::RolledBack => {
                everywhere(&world, "1.0.0");
                let Ending::RolledBack(cause) = &record.over.ending else { panic!("{record:?}") };
                assert_eq!(cause.step, Failure::Interruption);
                let told = deployments(&record);
                if told[0] == "us-east v1.1.0 succeeded" && told[1] == "eu-west v1.1.0 cancelled" {
                    assert_eq!(told[2], "us-east v1.0.0 succeeded");
                    between += 1;
                }
                // A person's stop is no verdict on the version.
                assert!(world.history().unwrap().hold(&plan.request.version).is_none());
            }
            Ok(record) => {
                assert_eq!(record.exit(), Exit::Done);
                everywhere(&world, "1.1.0");
                if life.lived() < command {
                    break;
                }
            }
        }
    }
    assert!(between > 0, "no interruption fell between the regions");
}
