//! Given environments and regions (seed 004, entities 3 and 4; SPEC E1, E2). In: records. Out: fields that break a rule.

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::environment::RegionName;
use tagboat_core::tag::EnvironmentName;

use super::given::{Item, Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::environment-record",
    says: "a given environment or region keeps to the rules of its fields",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for item in of_kind(facts.given, Kind::Environment) {
        environment(item, facts, &mut told);
    }
    for item in of_kind(facts.given, Kind::Region) {
        region(item, "environments/", &mut told);
    }
    told
}

fn environment(item: Item<'_>, facts: &Facts<'_>, told: &mut Vec<Diagnostic>) {
    let name = item.text("name").unwrap_or_default();
    if let Err(why) = EnvironmentName::parse(name) {
        told.push(item.wrong(RULE, "name", why.to_string(), "expected `[a-z][a-z0-9-]*`"));
    }
    below(item, "config_path", "environments/", told);
    match item.text("secrets_file") {
        None => {
            let message = "an environment has a file of secrets";
            told.push(item.wrong(RULE, "secrets_file", message, "expected its path"));
        }
        Some(path) => {
            let plain = facts.plain_secrets.iter().find(|(found, _)| found == path);
            if let Some((_, why)) = plain {
                let message = format!("{path} is not encrypted: {why}");
                told.push(item.wrong(
                    RULE,
                    "secrets_file",
                    message,
                    "expected a file that SOPS wrote",
                ));
            }
        }
    }
    let production = item.truth("is_production");
    if name == "production" && production != Some(true) {
        let message = "the environment `production` is production";
        told.push(item.wrong(RULE, "is_production", message, "expected true"));
    }
    if production == Some(true) && item.truth("requires_approval") != Some(true) {
        let message = format!("`{name}` is production and requires no approval");
        let warning =
            item.wrong(RULE, "requires_approval", message, "true lets a person look first");
        told.push(warning.exit(Exit::Done));
    }
    let regions = format!("{}/regions/", item.text("config_path").unwrap_or_default());
    for item in item.list("regions") {
        region(item, &regions, told);
    }
}

fn region(item: Item<'_>, within: &str, told: &mut Vec<Diagnostic>) {
    if let Err(why) = RegionName::parse(item.text("name").unwrap_or_default()) {
        told.push(item.wrong(RULE, "name", why.to_string(), "expected `[a-z]{2}-[a-z]+`"));
    }
    below(item, "config_path", within, told);
    if item.text("config_path").is_some_and(|path| !path.contains("/regions/")) {
        let message = "a region lies in its environment's folder of regions";
        told.push(item.wrong(RULE, "config_path", message, "expected …/regions/<region>"));
    }
    if item.get("cloud_mappings").is_none_or(Item::is_empty) {
        let message = "a region is called something by at least one cloud";
        told.push(item.wrong(RULE, "cloud_mappings", message, "expected {provider: name}"));
    }
}

/// A path inside a folder, that cannot lead out of it.
fn below(item: Item<'_>, field: &str, within: &str, told: &mut Vec<Diagnostic>) {
    let path = item.text(field).unwrap_or_default();
    let sound = path.strip_prefix(within).is_some_and(|rest| {
        !rest.is_empty()
            && rest.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
    });
    if !sound {
        let message = format!("`{field}` is no path inside {within}");
        told.push(item.wrong(RULE, field, message, format!("expected {within}<name>")));
    }
}
