//! What a deployment leaves in the ledger: signatures, overrides, and what a lightweight tag said before.

use jiff::Timestamp;
use tagboat_core::deployment::Terminal;
use tagboat_core::diagnostic::Exit;
use tagboat_core::ledger::{Ledger, PAGE};
use tagboat_core::ports::{
    Cancel, Repository as _, RepositoryError, Scope, Silent, TagObject, TagSigner,
};
use tagboat_deploy::observe::Facts;
use tagboat_deploy::plan::{Previous, Signing, plan};

use crate::world::{Life, World, tag, version};

const TAG: &str = "refs/tags/api/production";

/// Signs, or has lost its key.
enum Key {
    There,
    Lost,
}

impl TagSigner for Key {
    fn sign(
        &self,
        _: &Scope<'_>,
        payload: &[u8],
        at: Timestamp,
    ) -> Result<String, RepositoryError> {
        match self {
            Self::There => Ok(format!("-----BEGIN SSH SIGNATURE-----\n{} {at}\n", payload.len())),
            Self::Lost => Err(RepositoryError::NotSigned("the agent is gone".to_owned())),
        }
    }
}

fn held(world: &World, name: &str) -> Option<TagObject> {
    let id = world.remote.get(name)?;
    let clone = world.remote.clone_here();
    let scope = Scope::new("test", &Silent, Cancel::default());
    let spec = tagboat_core::ports::FetchSpec {
        from: name.to_owned(),
        to: "refs/tagboat/remote/held".to_owned(),
        existing: tagboat_core::ports::Existing::Overwrite,
    };
    clone.fetch(&scope, &[spec]).unwrap();
    clone.tag_objects(&scope, &[id]).unwrap().remove(0)
}

#[test]
fn a_deployment_signs_the_tag_that_it_pushes_and_its_pages_are_covered_by_their_hashes() {
    let world = World::new(&["web-1"]);
    for _ in 0..2 * PAGE {
        let clone = world.remote.clone_here();
        let (plan, facts) = world.plan(&clone, world.request("1.0.0")).unwrap();
        let signer: &dyn TagSigner = &Key::There;
        let life = Life::full();
        let record = world.carry_out_signed(&clone, &plan, &facts, &life, Some(signer)).unwrap();
        assert_eq!(record.exit(), Exit::Done, "{:?}", record.not_recorded);
        world.clock.pass(std::time::Duration::from_secs(60));
    }
    let object = held(&world, TAG).unwrap();
    let signature = object.signature.clone().unwrap();
    assert!(signature.payload.ends_with(object.message.as_bytes()));
    assert_eq!(Ledger::read(tag(), &object).unwrap().newest().sequence, 40);
    let page = held(&world, "refs/tagboat/ledger/api/production/0").unwrap();
    assert_eq!(page.signature, None);
    assert_eq!(world.history().unwrap().records().count(), 2 * PAGE);
}

#[test]
fn a_record_that_cannot_be_signed_is_never_pushed_unsigned() {
    let world = World::new(&["web-1"]);
    world.deploy(world.request("1.0.0")).unwrap();
    let before = world.remote.get(TAG);
    let clone = world.remote.clone_here();
    let (plan, facts) = world.plan(&clone, world.request("1.1.0")).unwrap();
    let life = Life::full();
    let record = world.carry_out_signed(&clone, &plan, &facts, &life, Some(&Key::Lost)).unwrap();
    assert_eq!(record.exit(), Exit::NeedsPerson);
    let why = record.not_recorded.unwrap();
    assert!(why.message.contains("the agent is gone"), "{}", why.message);
    assert_eq!(world.remote.get(TAG), before);
}

#[test]
fn an_override_is_in_the_plan_and_in_the_record() {
    let world = World::new(&["web-1"]);
    let mut request = world.request("1.0.0");
    request.override_reason = Some("freeze: mends the outage".to_owned());
    let clone = world.remote.clone_here();
    let (plan, _) = world.plan(&clone, request.clone()).unwrap();
    assert!(plan.to_string().contains("\n  override   freeze: mends the outage\n"), "{plan}");
    world.deploy(request).unwrap();
    let history = world.history().unwrap();
    let overridden = history.ledger().newest().override_reason.clone();
    assert_eq!(overridden.as_deref(), Some("freeze: mends the outage"));
}

/// A lightweight tag on the commit of 1.0.0, which is installed.
fn adopted(world: &World) -> Facts {
    let request = world.request("1.0.0");
    world.remote.set(TAG, Some(request.commit.object().clone()));
    world.machine("web-1").installed = Some("1.0.0".to_owned());
    facts(world)
}

fn facts(world: &World) -> Facts {
    let request = world.request("1.0.0");
    let mut facts = world.facts(&world.remote.clone_here(), &request).unwrap();
    facts.adopted = Some(Previous { version: version("1.0.0"), commit: request.commit });
    facts
}

#[test]
fn a_first_deployment_over_a_lightweight_tag_records_what_was_there_before() {
    let world = World::new(&["web-1"]);
    let facts = adopted(&world);
    let plan = plan(&facts, world.request("1.1.0")).unwrap();
    assert!(plan.to_string().contains("its history is lost"), "{plan}");
    let clone = world.remote.clone_here();
    let record = world.carry_out(&clone, &plan, &facts, &Life::full()).unwrap();
    assert_eq!(record.exit(), Exit::Done, "{:?}", record.not_recorded);
    let history = world.history().unwrap();
    let newest = history.ledger().newest();
    assert_eq!((newest.sequence, newest.outcome), (1, Terminal::Succeeded));
    assert_eq!(newest.previous_version, Some(version("1.0.0")));
    assert_eq!(newest.previous_commit, Some(world.request("1.0.0").commit));
}

#[test]
fn over_a_lightweight_tag_a_lower_version_may_be_deployed_for_nothing_is_recorded_to_go_back_to() {
    let world = World::new(&["web-1"]);
    let mut facts = adopted(&world);
    let higher = world.request("1.2.0");
    facts.adopted = Some(Previous { version: higher.version, commit: higher.commit });
    world.machine("web-1").installed = Some("1.2.0".to_owned());
    facts.hosts = self::facts(&world).hosts;
    let plan = plan(&facts, world.request("1.1.0")).unwrap();
    assert_eq!(plan.previous.unwrap().version, version("1.2.0"));
}

#[test]
fn a_sick_first_deployment_over_a_lightweight_tag_goes_back_and_is_recorded() {
    let world = World::new(&["web-1"]);
    let facts = adopted(&world);
    world.sick.lock().unwrap().insert("1.1.0".to_owned());
    let plan = plan(&facts, world.request("1.1.0")).unwrap();
    let clone = world.remote.clone_here();
    let record = world.carry_out(&clone, &plan, &facts, &Life::full()).unwrap();
    assert_eq!(record.exit(), Exit::RolledBack);
    assert_eq!(world.installed(), [Some("1.0.0".to_owned())]);
    assert_eq!(world.tagged().as_deref(), Some("1.0.0"));
}

#[test]
fn a_lightweight_tag_that_somebody_moves_meanwhile_is_a_lost_race() {
    let world = World::new(&["web-1"]);
    let facts = adopted(&world);
    let plan = plan(&facts, world.request("1.1.0")).unwrap();
    let other = world.request("1.2.0").commit.object().clone();
    world.remote.set(TAG, Some(other.clone()));
    let clone = world.remote.clone_here();
    let error = world.carry_out(&clone, &plan, &facts, &Life::full()).unwrap_err();
    assert_eq!((error.code, error.exit), ("deploy::lost-race", Exit::Refused));
    assert_eq!(world.remote.get(TAG), Some(other));
}

#[test]
fn a_host_that_runs_otherwise_than_the_lightweight_tag_says_is_not_taken_over() {
    let world = World::new(&["web-1"]);
    adopted(&world);
    world.machine("web-1").installed = Some("0.9.0".to_owned());
    let error = plan(&facts(&world), world.request("1.1.0")).unwrap_err();
    assert_eq!(error.code, "deploy::unknown-installation");
}

#[test]
fn a_plan_says_whether_the_next_record_is_signed() {
    let world = World::new(&["web-1"]);
    let mut facts = facts(&world);
    facts.signing = Signing::Signed;
    facts.adopted = None;
    let plan = plan(&facts, world.request("1.0.0")).unwrap();
    assert!(
        plan.to_string().contains("\n  ledger     none yet; record 1 will be signed\n"),
        "{plan}"
    );
}
