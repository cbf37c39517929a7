use std::collections::BTreeSet;

use super::super::ability::Discovery;
use super::super::request::{Incoming, Normalised, normalise};
use super::super::schema::DeclaredTypes;
use super::super::{KnownAttributes, Learnt};
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CREW: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";

fn settings() -> Settings {
    Settings {
        public_base: "https://edge.example/scim".into(),
        discovery: Discovery::Own,
        ..Settings::default()
    }
}

fn asked(settings: &Settings, method: &str, path: &str) -> Result<Value, u16> {
    let incoming =
        Incoming { method, path, accept: None, content_type: None, content_encoding: None, body: None };
    match normalise(&incoming, settings) {
        Ok(Normalised::Answer { reply, applied }) => {
            assert_eq!(reply.status, 200);
            assert!(applied.iter().any(|one| one.rule == "X4"));
            Ok(crate::common::json::parse(&reply.body).unwrap_or(Value::Null))
        }
        Ok(Normalised::Forward(_)) => panic!("forwarded: {path}"),
        Err(error) => Err(error.reply().status),
    }
}

fn get(settings: &Settings, path: &str) -> Value {
    asked(settings, "GET", path).unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

fn names(schema: &Value) -> Vec<&str> {
    schema["attributes"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        _ => false,
    }
}

#[test]
fn lists_are_complete_without_null_and_in_the_public_base() {
    for path in ["/Schemas", "/schemas/", "/ResourceTypes"] {
        let list = get(&settings(), path);
        let count = list["Resources"].as_array().unwrap().len();
        assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(count), &json!(count)));
        assert_eq!((&list["startIndex"], &list["schemas"]), (&json!(1), &json!([LIST_SCHEMA])));
        assert!(!has_null(&list));
        for one in list["Resources"].as_array().unwrap() {
            let location = one["meta"]["location"].as_str().unwrap();
            let below = location.strip_prefix("https://edge.example/scim").unwrap();
            assert_eq!(get(&settings(), below), *one, "each is found where it says it is");
        }
    }
    assert_eq!(ids(&get(&settings(), "/Schemas")), [USER, GROUP, ENTERPRISE]);
    assert_eq!(ids(&get(&settings(), "/ResourceTypes")), ["User", "Group"]);
    let user = get(&settings(), "/ResourceTypes/User");
    assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
}

#[test]
fn the_provider_says_what_is_true() {
    let provider = get(&settings(), "/ServiceProviderConfig");
    for (feature, want) in [
        ("patch", true),
        ("filter", true),
        ("bulk", false),
        ("changePassword", false),
        ("sort", false),
        ("etag", false),
    ] {
        assert_eq!(provider[feature]["supported"], want, "{feature}");
    }
    assert_eq!(provider["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert!(provider["filter"]["maxResults"].is_number() && !has_null(&provider));
}

#[test]
fn only_reads_of_what_there_is_are_answered() {
    for (method, path, status) in [
        ("GET", "/Schemas/urn:nothing", 404),
        ("GET", "/ResourceTypes/Device", 404),
        ("GET", "/ServiceProviderConfig/x", 404),
        ("GET", "/Schemas?filter=id+pr", 403),
        ("DELETE", "/Schemas/x", 405),
    ] {
        assert_eq!(asked(&settings(), method, path), Err(status), "{method} {path}");
    }
    assert_eq!(asked(&settings(), "HEAD", "/Schemas"), Ok(Value::Null));
    let by_application = Settings { discovery: Discovery::Application, ..settings() };
    let incoming = Incoming {
        method: "GET",
        path: "/Schemas",
        accept: None,
        content_type: None,
        content_encoding: None,
        body: None,
    };
    assert!(matches!(normalise(&incoming, &by_application), Ok(Normalised::Forward(_))));
}

#[test]
fn declared_extensions_are_described_with_their_types() {
    let settings = Settings {
        declared_types: DeclaredTypes::from([
            (format!("{CREW}:remoteWorker"), ValueType::Boolean),
            (format!("{CREW}:desk"), ValueType::Complex),
            (format!("{CREW}:desk.floor"), ValueType::Integer),
            (format!("{ENTERPRISE}:shift"), ValueType::Text),
            ("onCall".into(), ValueType::Boolean),
            ("active".into(), ValueType::Text),
        ]),
        ..settings()
    };
    let crew = get(&settings, &format!("/Schemas/{CREW}"));
    assert_eq!((&crew["name"], names(&crew)), (&json!("Northwind"), vec!["desk", "remoteWorker"]));
    assert_eq!(crew["attributes"][1]["type"], "boolean");
    assert_eq!(crew["attributes"][0]["subAttributes"][0]["name"], "floor");
    assert!(names(&get(&settings, &format!("/Schemas/{ENTERPRISE}"))).contains(&"shift"));
    let user = get(&settings, &format!("/Schemas/{USER}"));
    let count = |wanted: &str| names(&user).iter().filter(|name| **name == wanted).count();
    assert_eq!((count("onCall"), count("active")), (1, 1));
    // What is published teaches the filter itself what it knew.
    let learnt = Learnt::schemas(get(&settings, "/Schemas").to_string().as_bytes()).unwrap();
    assert_eq!(learnt.declared_types.get(&format!("{CREW}:remoteWorker")), Some(ValueType::Boolean));
    assert!(learnt.known_schemas.unwrap().contains(CREW));
}

#[test]
fn what_the_application_does_not_have_is_not_described() {
    let settings = Settings {
        without_groups: true,
        known_schemas: Some(BTreeSet::from([USER.to_owned()])),
        known_attributes: KnownAttributes::of(["userName", "emails.value"]),
        validator_mode: true,
        ..settings()
    };
    assert_eq!(ids(&get(&settings, "/Schemas")), [USER]);
    assert_eq!(ids(&get(&settings, "/ResourceTypes")), ["User"]);
    assert_eq!(names(&get(&settings, &format!("/Schemas/{USER}"))), ["userName", "active", "emails"]);
    let validator = Settings { validator_mode: true, ..self::settings() };
    let user = get(&validator, &format!("/Schemas/{USER}"));
    assert!(!names(&user).contains(&"password"));
    let emails = user["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "emails").unwrap();
    assert!(emails["subAttributes"].as_array().unwrap().iter().all(|sub| sub["name"] != "display"));
}
