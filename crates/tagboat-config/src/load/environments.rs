//! The environments. In: the folders below `environments/`. Out: environments with their regions and hosts,
//! and what is wrong with them.

use std::collections::BTreeMap;

use tagboat_core::diagnostic::{Diagnostic, Exit};
use tagboat_core::environment::{Environment, Host, HostName, Region, RegionName};
use tagboat_core::tag::EnvironmentName;

use super::sheet::{Presence, Sheet, unreadable};
use crate::decode::{Here, Text, listed, name as shown};
use crate::files::Files;
use crate::mistake::{Mistakes, code, of_file, wanted};
use crate::secrets;
use crate::shape::environment::{EnvironmentFile, HostFields, RegionFile};
use crate::value::{RepoPath, VariableName, VariableValue};
use crate::variables::EnvironmentVariables;

/// An environment whose every default is settled.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) environment: Environment,
    /// What its file says of the ledger, if anything.
    pub(super) require_signed_ledger: Option<bool>,
    /// What its files say of variables.
    pub(super) variables: EnvironmentVariables,
}

/// Every environment, and what is told of their files. An environment with a mistake is there under its name
/// all the same: its tags exist.
pub(super) fn load(files: &Files) -> (Vec<Settled>, Vec<Diagnostic>) {
    let (mut settled, mut told) = (Vec::new(), Vec::new());
    let folders = match files.folders("environments") {
        Ok(folders) => folders,
        Err(error) => return (settled, vec![unreadable("environments", &error)]),
    };
    for folder in folders {
        match EnvironmentName::parse(&folder) {
            Ok(name) => {
                let (one, diagnostics) = load_one(files, name);
                settled.push(one);
                told.extend(diagnostics);
            }
            Err(error) => told.push(of_file(
                code::BAD_VALUE,
                format!("the folder environments/{} is no environment: {error}", plain(&folder)),
            )),
        }
    }
    (settled, told)
}

fn load_one(files: &Files, name: EnvironmentName) -> (Settled, Vec<Diagnostic>) {
    let folder = format!("environments/{name}");
    let help = "an environment is a folder with this file in it, which may be empty";
    let mut sheet = Sheet::<EnvironmentFile>::read(
        files,
        &format!("{folder}/environment.yml"),
        Presence::Required(help),
    );
    let tree = sheet.tree.take();
    let root = tree.as_ref().map(|tree| Here::of(tree));
    sheet.mistakes.veil(root.map_or(0..0, |here| here.lines("variables")));
    let mut of_regions = Vec::new();
    let mut seen = Seen::default();
    let mut variables = EnvironmentVariables::default();
    let mut fields = sheet.value.take();
    if let Some(fields) = &mut fields {
        variables.own = std::mem::take(&mut fields.variables);
    }
    let mut environment = Environment {
        is_production: name.as_str() == "production",
        requires_approval: false,
        secrets_file: format!("{folder}/secrets.enc"),
        config_path: folder.clone(),
        regions: Vec::new(),
        hosts: Vec::new(),
        name,
    };
    let (mut require_signed_ledger, mut order) = (None, None);
    if let (Some(fields), Some(here)) = (fields, root) {
        require_signed_ledger = fields.require_signed_ledger;
        order.clone_from(&fields.regions);
        settle(fields, here, &mut environment, &mut seen, &mut sheet.mistakes);
    }
    let mut regions = Regions { seen, variables: &mut variables.regions, told: &mut of_regions };
    environment.regions = regions.load(files, &folder);
    if let (Some(order), Some(here)) = (order, root) {
        sort_regions(&order, here, &mut environment.regions, &mut sheet.mistakes);
    }
    let (_, mut told) = sheet.into_parts();
    if let Ok(Some(bytes)) = files.read(&environment.secrets_file) {
        variables.secrets = secrets::names(&bytes);
    }
    told.extend(check_secrets(files, &environment));
    told.extend(of_regions);
    (Settled { environment, require_signed_ledger, variables }, told)
}

/// Where hosts stand already: names and addresses are an environment's, across its regions.
#[derive(Default)]
struct Seen {
    names: BTreeMap<HostName, String>,
    addresses: BTreeMap<(String, u16), String>,
}

fn settle(
    fields: EnvironmentFile,
    here: Here<'_>,
    environment: &mut Environment,
    seen: &mut Seen,
    mistakes: &mut Mistakes,
) {
    same_as_folder(fields.name.as_ref(), &environment.name, here, mistakes);
    same_path(fields.config_path.as_ref(), &environment.config_path, here, mistakes);
    if let Some(secrets) = fields.secrets_file {
        let within = format!("{}/", environment.config_path);
        if !secrets.as_str().starts_with(&within) {
            let message = "the secrets of an environment stand in its folder";
            let label = format!("expected a path that starts with `{within}`");
            mistakes.mistake(code::BAD_VALUE, here.value("secrets_file"), message, label);
        }
        environment.secrets_file = secrets.to_string();
    }
    match fields.is_production {
        Some(false) if environment.is_production => mistakes.mistake(
            code::CONTRADICTION,
            here.value("is_production"),
            "the environment `production` is production",
            "expected true, or another name for its folder",
        ),
        Some(said) => environment.is_production = said,
        None => {}
    }
    environment.requires_approval = fields.requires_approval.unwrap_or(environment.is_production);
    if environment.is_production && !environment.requires_approval {
        mistakes.warning(
            code::NO_APPROVAL,
            here.value("requires_approval"),
            format!("`{}` is production and requires no approval", environment.name),
            "true lets a person look first",
        );
    }
    environment.hosts = take_hosts(fields.hosts, here, seen, mistakes);
}

/// The regions of one environment, while they are loaded.
struct Regions<'a> {
    seen: Seen,
    variables: &'a mut BTreeMap<RegionName, BTreeMap<VariableName, VariableValue>>,
    told: &'a mut Vec<Diagnostic>,
}

impl Regions<'_> {
    fn load(&mut self, files: &Files, folder: &str) -> Vec<Region> {
        let folder = format!("{folder}/regions");
        let names = match files.folders(&folder) {
            Ok(names) => names,
            Err(error) => {
                self.told.push(unreadable(&folder, &error));
                return Vec::new();
            }
        };
        let mut regions = Vec::new();
        for name in names {
            let config_path = format!("{folder}/{}", plain(&name));
            let name = match RegionName::parse(&name) {
                Ok(name) => name,
                Err(error) => {
                    let message = format!("the folder {config_path} is no region: {error}");
                    self.told.push(of_file(code::BAD_VALUE, message));
                    continue;
                }
            };
            let help = "a region is a folder with this file in it, which says what clouds call it";
            let path = format!("{config_path}/region.yml");
            let mut sheet = Sheet::<RegionFile>::read(files, &path, Presence::Required(help));
            let mut region =
                Region { name, config_path, cloud_mappings: BTreeMap::new(), hosts: Vec::new() };
            let tree = sheet.tree.take();
            let lines = tree.as_ref().map_or(0..0, |tree| Here::of(tree).lines("variables"));
            sheet.mistakes.veil(lines);
            if let (Some(fields), Some(tree)) = (sheet.value.take(), &tree) {
                let here = Here::of(tree);
                same_as_folder(fields.name.as_ref(), &region.name, here, &mut sheet.mistakes);
                same_path(
                    fields.config_path.as_ref(),
                    &region.config_path,
                    here,
                    &mut sheet.mistakes,
                );
                region.cloud_mappings = fields
                    .cloud_mappings
                    .iter()
                    .map(|(cloud, word)| (cloud.to_string(), word.to_string()))
                    .collect();
                region.hosts = take_hosts(fields.hosts, here, &mut self.seen, &mut sheet.mistakes);
                self.variables.insert(region.name.clone(), fields.variables);
            }
            self.told.extend(sheet.into_parts().1);
            regions.push(region);
        }
        regions
    }
}

/// Puts regions into the order that environment.yml names: every one, and no other.
fn sort_regions(
    order: &[RegionName],
    here: Here<'_>,
    regions: &mut [Region],
    mistakes: &mut Mistakes,
) {
    let Some(list) = here.get("regions") else { return };
    for (name, there) in order.iter().zip(list.items()) {
        if !regions.iter().any(|region| region.name == *name) {
            let message = format!("there is no region `{name}`");
            let label = format!("expected a folder regions/{name} beside this file");
            mistakes.mistake(code::BAD_VALUE, there.span(), message, label);
        }
    }
    let forgotten: Vec<&str> = regions
        .iter()
        .map(|region| region.name.as_str())
        .filter(|name| !order.iter().any(|named| named.as_str() == *name))
        .collect();
    if !forgotten.is_empty() {
        let names = listed(forgotten.into_iter());
        let message = format!("`regions` leaves out {names}");
        let label = "expected every folder below regions/, in the order of deployment";
        mistakes.mistake(code::MISSING_KEY, list.head, message, label);
    }
    regions.sort_by_key(|region| order.iter().position(|name| *name == region.name));
}

fn take_hosts(
    fields: Vec<HostFields>,
    here: Here<'_>,
    seen: &mut Seen,
    mistakes: &mut Mistakes,
) -> Vec<Host> {
    let items: Vec<Here<'_>> = here.get("hosts").into_iter().flat_map(Here::items).collect();
    for (host, there) in fields.iter().zip(items) {
        let place = |key| format!("{}:{}", mistakes.file(), there.value(key).line);
        let (name, address) = (place("name"), place("address"));
        let other = seen.names.entry(host.name.clone()).or_insert_with(|| name);
        // Twice in one file is told by the list itself.
        if other.split(':').next() != Some(mistakes.file()) {
            let message = format!("two hosts of one environment are called `{}`", host.name);
            let label = format!("the other is in {other}");
            mistakes.mistake(code::DUPLICATE, there.value("name"), message, label);
        }
        // A port of one address may lead to another machine than the next one does.
        let way = (host.address.to_string().to_ascii_lowercase(), host.port.get());
        if let Some(other) = seen.addresses.insert(way, address) {
            let message = format!("two hosts of one environment are at {}", host.address);
            let label = format!("the other is in {other}: one machine would be deployed to twice");
            mistakes.mistake(code::DUPLICATE, there.value("address"), message, label);
        }
    }
    fields.into_iter().map(HostFields::resolve).collect()
}

fn same_as_folder<T: Text + PartialEq>(
    written: Option<&T>,
    folder: &T,
    here: Here<'_>,
    mistakes: &mut Mistakes,
) {
    if let Some(written) = written.filter(|written| *written != folder) {
        let message = format!("`{}` is not the name of its folder", written.text());
        let label = wanted(&format!("`{}`", folder.text()));
        mistakes.mistake(code::BAD_VALUE, here.value("name"), message, label);
    }
}

fn same_path(written: Option<&RepoPath>, path: &str, here: Here<'_>, mistakes: &mut Mistakes) {
    if written.is_some_and(|written| written.as_str() != path) {
        let message = "`config_path` is not the folder that this file is in";
        let label = wanted(&format!("`{path}`, or nothing"));
        mistakes.mistake(code::BAD_VALUE, here.value("config_path"), message, label);
    }
}

/// What is told of a file of secrets: its name, never its content.
fn check_secrets(files: &Files, environment: &Environment) -> Option<Diagnostic> {
    let path = &environment.secrets_file;
    match files.read(path) {
        Ok(None) => Some(
            of_file(
                code::NO_SECRETS,
                format!("{} has no secrets: there is no {path}", environment.name),
            )
            .exit(Exit::Done)
            .help("keep secrets there, encrypted by sops"),
        ),
        Ok(Some(bytes)) => secrets::check(&bytes).err().map(|why| {
            of_file(code::PLAIN_SECRETS, format!("{path} is not encrypted by SOPS: {why}")).help(
                "encrypt it, and change what it held: whoever reads the repository has read it",
            )
        }),
        Err(error) => Some(unreadable(path, &error)),
    }
}

/// A folder's name as it is shown.
fn plain(name: &str) -> String {
    shown(name).trim_matches('`').to_owned()
}
