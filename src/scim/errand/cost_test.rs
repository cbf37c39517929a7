//! What the removal of many members from a large group costs: both grow together, and a worker of Envoy does nothing else
//! meanwhile. The bounds are loose, for tests run unoptimised and on busy machines; work that grows with the product takes
//! minutes here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::ability::PatchForm;
use super::super::request::{Incoming, Normalised, Outgoing, normalise};
use super::super::rule::Settings;
use super::super::upsert::upsert;
use super::trial::{able, errand, said, story};

const MEMBERS: usize = 6_000;
const REMOVALS: usize = 20_000;
const BOUND: Duration = Duration::from_secs(15);

fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn group(members: usize) -> Value {
    let members: Vec<Value> = (0..members)
        .map(|n| json!({"value": id(n), "type": "User", "display": format!("Person {n}"), "$ref": format!("https://app.test/Users/{n}")}))
        .collect();
    json!({"id": "g-1", "displayName": "Team", "members": members})
}

/// One removal that lists the members from `first` on.
fn removal(first: usize, count: usize) -> Value {
    let listed: Vec<Value> = (first..first + count).map(|n| json!({"value": id(n)})).collect();
    json!({"Operations": [{"op": "Remove", "path": "members", "value": listed}]})
}

fn normalised(body: &Value) -> Outgoing {
    let body = body.to_string().into_bytes();
    let incoming = Incoming {
        method: "PATCH",
        path: "/Groups/g-1",
        accept: None,
        content_type: None,
        content_encoding: None,
        body: Some(&body),
    };
    match normalise(&incoming, &Settings::default()) {
        Ok(Normalised::Forward(outgoing)) => *outgoing,
        other => panic!("{other:?}"),
    }
}

/// The second form of a PATCH that removes `removals` members, all but one of which are none, and how long it takes.
fn second_form(members: usize, removals: usize) -> (Value, Duration) {
    let outgoing = normalised(&removal(members - 1, removals));
    let resource = group(members);
    let start = Instant::now();
    let (body, _) =
        upsert(&outgoing.shape, &outgoing.body.unwrap(), &resource, &Settings::default()).unwrap();
    let took = start.elapsed();
    println!("{removals} removals, {members} members, second form: {took:?}");
    (serde_json::from_slice(&body.unwrap()).unwrap(), took)
}

/// The members that a PUT leaves, where all but the first are removed and others besides, and how long it takes.
fn put(members: usize, removals: usize, first: usize) -> (Vec<String>, Duration) {
    let settings = able(|abilities| abilities.patch = PatchForm::Put);
    let planned = errand("PATCH", "/Groups/g-1", &removal(first, removals), &settings);
    let answers = [said(200, group(members)), said(204, Value::Null)];
    let start = Instant::now();
    let told = story(planned, &answers, &settings);
    let took = start.elapsed();
    println!("{removals} removals, {members} members, put: {took:?}");
    let body = told[1].strip_prefix("PUT /Groups/g-1 ").unwrap_or_else(|| panic!("{}", told[1]));
    let after: Value = serde_json::from_str(body).unwrap();
    let left = after["members"].as_array().unwrap().iter();
    (left.map(|member| member["value"].as_str().unwrap().to_owned()).collect(), took)
}

#[test]
fn many_removals_from_a_large_group_do_not_multiply() {
    let (body, took) = second_form(MEMBERS, REMOVALS);
    let left = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id(MEMBERS - 1))}]);
    assert_eq!(body["Operations"], left);
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn many_removals_from_a_large_group_do_not_multiply_in_a_put() {
    let (left, took) = put(MEMBERS, REMOVALS, 1);
    assert_eq!(left, [id(0)]);
    assert!(took < BOUND, "{took:?}");
}

/// A PUT of what a PATCH with these operations leaves of a resource, and how long it takes.
fn put_of(path: &str, operations: Vec<Value>, resource: Value) -> (Vec<String>, Duration) {
    let settings = able(|abilities| abilities.patch = PatchForm::Put);
    let planned = errand("PATCH", path, &json!({"Operations": operations}), &settings);
    let answers = [said(200, resource), said(204, Value::Null)];
    let start = Instant::now();
    let told = story(planned, &answers, &settings);
    (told, start.elapsed())
}

#[test]
fn many_removals_from_what_is_not_there_do_not_multiply() {
    let none = json!({"op": "remove", "path": "emails[type ne \"x\"]"});
    let user = json!({"id": "u-1", "userName": "ada"});
    let (_, took) = put_of("/Users/u-1", vec![none; REMOVALS], user);
    assert!(took < BOUND, "{took:?}");
    let last = json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(0))});
    let (told, took) = put_of("/Groups/g-1", vec![last; REMOVALS], group(1));
    assert!(took < BOUND, "{took:?}");
    assert!(!told[1].contains("Person 0"), "{}", told[1]);
}

#[test]
fn what_is_gone_is_not_looked_at_again_and_again() {
    let mut team = group(MEMBERS);
    team["members"].as_array_mut().unwrap().push(json!({"value": "g-2", "type": "Group"}));
    let all = json!({"op": "remove", "path": "members[type eq \"User\"]"});
    let (told, took) = put_of("/Groups/g-1", vec![all; REMOVALS], team);
    assert!(took < BOUND, "{took:?}");
    assert!(told[1].contains("g-2") && !told[1].contains("Person"), "{}", told[1]);
}
