//! The schemas and the decoder are one description: these tests hold that together.

use serde_json::Value as Json;

use super::{ConfigFile, json};
use crate::Files;
use crate::shape::SECTIONS;
use crate::tests::support::{good, told};

/// Every object of a schema, with a path that YAML can write.
fn walk(schema: &Json, path: &str, found: &mut Vec<(String, Json)>) {
    if schema["type"] == "object" {
        found.push((path.to_owned(), schema.clone()));
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        walk(inner, &format!("{path}.{key}"), found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), found);
    }
}

fn objects(file: ConfigFile) -> Vec<(String, Json)> {
    let mut found = Vec::new();
    walk(&json(file), "", &mut found);
    found
}

#[test]
fn every_key_of_a_schema_says_what_it_means() {
    for file in ConfigFile::ALL {
        for (path, object) in objects(file) {
            for (key, property) in object["properties"].as_object().into_iter().flatten() {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.'), "{}{path}.{key}: {text:?}", file.path());
            }
        }
    }
}

#[test]
fn no_schema_lets_an_unknown_key_pass_where_the_decoder_refuses_it() {
    for file in ConfigFile::ALL {
        for (path, object) in objects(file) {
            let open = object["propertyNames"].is_object();
            assert!(open || object["additionalProperties"] == Json::Bool(false), "{path}");
        }
    }
}

#[test]
fn every_section_is_known_to_belong_to_one_file() {
    for file in [ConfigFile::BuildConfig, ConfigFile::QualityGates, ConfigFile::Monitoring] {
        let schema = json(file);
        let mut keys: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut sections: Vec<&str> =
            SECTIONS.iter().filter(|(_, home)| *home == file.path()).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        sections.sort_unstable();
        assert_eq!(keys, sections);
    }
}

/// A default that stands in a schema, written into a file, is read and changes nothing.
#[test]
fn every_default_of_a_schema_is_read_by_the_decoder() {
    for file in [ConfigFile::QualityGates, ConfigFile::Monitoring] {
        let defaults = defaults_of(&json(file)).to_string();
        let mut files = good();
        files.insert(file.path().to_owned(), defaults.clone().into_bytes());
        assert_eq!(told(&Files::Listed(files)), "it loads\n", "{defaults}");
    }
    let mut defaults = defaults_of(&json(ConfigFile::BuildConfig));
    defaults.as_object_mut().unwrap().retain(|key, _| key != "projects" && key != "package");
    let mut files = good();
    let build = files.get_mut("config/ci-cd/build-config.yml").unwrap();
    for (key, value) in defaults.as_object().unwrap() {
        build.extend(format!("{key}: {value}\n").bytes());
    }
    assert_eq!(told(&Files::Listed(files)), "it loads\n", "{defaults}");
}

fn defaults_of(schema: &Json) -> Json {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let inner = properties.filter_map(|(key, property)| {
        let default = match &property["default"] {
            Json::Null if property["properties"].is_object() => defaults_of(property),
            Json::Null => return None,
            default => default.clone(),
        };
        Some((key.clone(), default))
    });
    inner.collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_schema_reads_well() {
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&json(ConfigFile::Region)).unwrap(),
        @r#"
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "additionalProperties": false,
      "description": "A region of an environment.",
      "properties": {
        "cloud_mappings": {
          "additionalProperties": {
            "type": "string"
          },
          "description": "What clouds call it; one at least.",
          "propertyNames": {
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$",
            "type": "string"
          },
          "type": "object"
        },
        "config_path": {
          "description": "Its folder, `environments/<environment>/regions/<name>`; it may be left out.",
          "type": "string"
        },
        "hosts": {
          "default": [],
          "description": "Its hosts.",
          "items": {
            "additionalProperties": false,
            "description": "A host (SPEC E7).",
            "properties": {
              "address": {
                "description": "A name or address that ssh can reach.",
                "pattern": "^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,254}$",
                "type": "string"
              },
              "arch": {
                "description": "What it runs.",
                "enum": [
                  "amd64",
                  "arm64"
                ]
              },
              "host_key": {
                "description": "Its public key, pinned: no other is accepted. A host without one cannot be deployed to.",
                "type": "string"
              },
              "labels": {
                "default": [],
                "description": "Free words to choose hosts by.",
                "items": {
                  "pattern": "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$",
                  "type": "string"
                },
                "type": "array"
              },
              "name": {
                "description": "Its name within the environment.",
                "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                "type": "string"
              },
              "port": {
                "default": 22,
                "description": "The port of its sshd.",
                "maximum": 65535,
                "minimum": 1,
                "type": "integer"
              },
              "user": {
                "description": "Who logs in.",
                "pattern": "^[a-z_][a-z0-9_-]{0,31}$",
                "type": "string"
              }
            },
            "required": [
              "name",
              "address",
              "user",
              "arch"
            ],
            "type": "object"
          },
          "type": "array"
        },
        "name": {
          "description": "Its name; its folder's where nothing stands.",
          "pattern": "^[a-z]{2}-[a-z]{1,60}$",
          "type": "string"
        },
        "variables": {
          "additionalProperties": {
            "type": [
              "string",
              "number",
              "boolean"
            ]
          },
          "description": "Values of run-time variables that are no secrets, by name; here they go before the environment's.",
          "propertyNames": {
            "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,254}$",
            "type": "string"
          },
          "type": "object"
        }
      },
      "required": [
        "cloud_mappings"
      ],
      "title": "environments/*/regions/*/region.yml",
      "type": "object"
    }
    "#);
}
