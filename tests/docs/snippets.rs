//! What the pages show of a configuration is taken by the reader of configurations.

use regex_lite::Regex;
use serde_json::{Value, json};
use vestibule::config::{Configuration, Problem, STAND_IN, read_tree};

const GUID: &str = "11111111-2222-3333-4444-555555555555";

/// What stands for something else in the pages, and something that it may stand for.
fn filled_in(block: &str) -> String {
    let certificate =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/idp.crt")).unwrap();
    let base64: String = certificate.lines().filter(|line| !line.contains("CERTIFICATE")).collect();
    let hash = Regex::new("sha256: \"?[0-9a-f]*…\"?").unwrap();
    let named = block.replace("MIIC…", &base64).replace("MIID…", &base64).replace("<tenant id>", GUID);
    let named = named.replace("<application id>", GUID);
    hash.replace_all(&named, format!("sha256: \"{}\"", "1".repeat(64))).into_owned()
}

/// Without the fields `...`, which stand for whatever else is there.
fn without_dots(tree: &Value) -> Value {
    match tree {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "..." && *name != "…")
            .map(|(name, value)| (name.clone(), without_dots(value)))
            .collect(),
        Value::Array(entries) => entries.iter().map(without_dots).collect(),
        other => other.clone(),
    }
}

/// A whole configuration around a part of one, by the name of its first field; `None` where it is about something else.
fn whole(part: &Value) -> Option<Value> {
    let first = part.as_object()?.keys().next()?.as_str();
    let mut tenant = json!({
        "name": "example",
        "public_url": "https://app.example.com",
        "scim": {
            "public_path": "/scim/v2/entra",
            "tokens": [{"name": "entra", "sha256": "0".repeat(64)}],
            "application": {"path": "/scim/v2", "cluster": "app", "credential": {"bearer": {"env": "TOKEN"}}},
        },
        "saml": {
            "entity_id": "https://app.example.com/saml",
            "entra": {"tenant_id": GUID},
            "identity_provider": {"certificates": [filled_in("MIIC…")]},
        },
        "access": {"application_cookies": [], "rules": [{"path": {"prefix": "/"}, "access": "signed_in"}]},
    });
    let mut top = json!({"keys": [{"id": "k1", "secret": {"env": "KEY"}}]});
    let place = match first {
        "scim" | "saml" | "access" | "session" | "pages" => &mut tenant,
        "authentication" | "abilities" | "schemas" => &mut tenant["scim"],
        "rules" | "policies" | "recheck" | "identity_headers" | "application_cookies" | "assertion" => {
            &mut tenant["access"]
        }
        "identity_provider" | "identity_providers" | "logout" | "replay_store" | "request" => {
            &mut tenant["saml"]
        }
        "keys" | "tenants" | "host" | "operators" | "tenant_selection" => &mut top,
        _ => return None,
    };
    laid_over(place, part);
    if let Some(saml) = tenant["saml"].as_object_mut().filter(|saml| saml.contains_key("identity_providers"))
    {
        saml.remove("entra");
        saml.remove("identity_provider");
    }
    if top.get("tenants").is_none() {
        top["tenants"] = json!([tenant]);
    }
    Some(top)
}

/// What the part says counts; what it does not speak of stays.
fn laid_over(base: &mut Value, part: &Value) {
    match (base, part) {
        (Value::Object(base), Value::Object(part)) => {
            for (name, value) in part {
                laid_over(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, part) => *base = part.clone(),
    }
}

fn problems(tree: &Value) -> Vec<Problem> {
    let text = serde_json::to_vec(tree).unwrap();
    Configuration::read(&text, &|_| Some(STAND_IN.to_owned())).err().unwrap_or_default()
}

#[test]
fn every_part_of_a_configuration_that_a_page_shows_is_taken() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (from, text) in super::links::documents() {
        for block in text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            let Ok(part) = read_tree(filled_in(block).as_bytes()) else { continue };
            let Some(tree) = whole(&without_dots(&part)) else { continue };
            count += 1;
            let first = block.lines().next().unwrap_or_default();
            faults.extend(
                problems(&tree).into_iter().map(|problem| format!("{}: {first}: {problem}", from.display())),
            );
        }
    }
    assert!(count >= 12, "{count} parts");
    assert_eq!(faults, Vec::<String>::new());
}
