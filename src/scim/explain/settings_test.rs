//! Each setting that a case can have, and what it does to the explanation.

use serde_json::{Value, json};

use super::{Explained, Outcome, explain_case};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CREW: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";

fn explained(context: Value, method: &str, path: &str, body: Value) -> Explained {
    let headers = json!({"Accept": "application/scim+json", "Content-Type": "application/scim+json"});
    explain_case(
        &json!({"context": context, "request": {"method": method, "path": path, "headers": headers, "body": body}}),
    )
}

fn patched(context: Value, operation: Value) -> Explained {
    explained(context, "PATCH", "/Users/u", json!({"Operations": [operation]}))
}

fn config(name: &str, value: Value) -> Value {
    json!({"config": {name: value}})
}

fn notes(explained: &Explained) -> String {
    explained.json["notes"].to_string()
}

#[test]
fn observe_shows_the_request_as_it_came_and_the_rules_that_would_apply() {
    let operation = json!({"op": "Replace", "path": "active", "value": "False"});
    let seen = patched(config("mode", "observe".into()), operation.clone());
    assert_eq!(seen.json["body"]["Operations"][0], operation);
    assert_eq!(seen.json["rules"], json!(["P1", "P2"]));
    assert!(notes(&seen).contains("nothing is rewritten") && notes(&seen).contains("deactivates a person"));
    let seen = patched(config("mode", "observe".into()), json!({"op": "remove"}));
    assert_eq!(seen.outcome, Outcome::Forwarded);
    assert!(notes(&seen).contains("would be refused: scim_no_target"));
}

#[test]
fn strict_refuses_a_judgement() {
    let operation = json!({"op": "replace", "path": "title", "value": ""});
    let seen = patched(config("mode", "strict".into()), operation.clone());
    assert_eq!(seen.json["short_circuit"]["body"]["scimType"], "invalidValue");
    assert_eq!(seen.outcome, Outcome::Refused);
    assert_eq!(patched(config("mode", "normalise".into()), operation).outcome, Outcome::Forwarded);
}

#[test]
fn a_mode_of_credentials_is_still_one() {
    let seen = explained(config("mode", "static".into()), "GET", "/Users", Value::Null);
    assert!(seen.json.get("decision").is_some() || seen.json.get("short_circuit").is_some());
}

#[test]
fn abilities_are_read_beside_the_settings_and_within_their_block() {
    let operation = json!({"op": "replace", "path": "userName", "value": "b"});
    for context in [config("user_name", "refuse".into()), config("abilities", json!({"user_name": "refuse"}))]
    {
        let seen = patched(context, operation.clone());
        assert_eq!(seen.json["short_circuit"]["body"]["scimType"], "mutability");
    }
    let seen = patched(config("user_name", "drop".into()), operation.clone());
    assert_eq!((&seen.json["short_circuit"]["status"], &seen.json["rules"]), (&json!(204), &json!(["X2"])));
    let seen = explained(config("groups", json!(false)), "DELETE", "/Groups/g", Value::Null);
    assert_eq!(seen.json["short_circuit"]["status"], 501);
    let seen = explained(config("discovery", "own".into()), "GET", "/Schemas", Value::Null);
    assert_eq!(seen.json["short_circuit"]["body"]["totalResults"], 3);
    let wrong = patched(config("user_name", "nonsense".into()), operation);
    assert!(notes(&wrong).contains("context.config.abilities means nothing here"));
}

#[test]
fn schemas_come_from_the_operator_or_from_the_applications_answer() {
    let operation = json!({"op": "add", "path": format!("{CREW}:remote"), "value": "True"});
    let types = json!({"attributes": {format!("{CREW}:remote"): "boolean"}});
    let seen = patched(config("schemas", types), operation.clone());
    assert_eq!(seen.json["body"]["Operations"][0]["value"], true);
    let published = json!([
        {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [{"name": "userName", "type": "string"}]},
        {"id": CREW, "attributes": [{"name": "remote", "type": "boolean"}]},
    ]);
    let context = json!({"schemas": published, "config": {"unknown_attributes": "drop"}});
    assert_eq!(patched(context.clone(), operation).json["body"]["Operations"][0]["value"], true);
    let seen = patched(context, json!({"op": "add", "path": "title", "value": "t"}));
    assert_eq!(seen.json["rules"], json!(["X1"]));
    let context = json!({"resource_types": [{"endpoint": "/Users"}]});
    let seen = explained(context, "GET", "/Groups/g", Value::Null);
    assert_eq!(seen.json["short_circuit"]["status"], 404);
}
