use serde_json::json;

use super::super::ability::{Abilities, UnknownAttributes};
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CREW: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";

/// The shape that scim2-server and SCIMMY publish, cut to what matters here.
fn published() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 3, "itemsPerPage": 3, "startIndex": 1,
        "Resources": [
            {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": USER, "name": "User", "description": "User Account",
             "attributes": [
                {"name": "userName", "type": "string", "multiValued": false, "required": true, "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "server"},
                {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName", "type": "string"}, {"name": "familyName", "type": "string"}]},
                {"name": "active", "type": "string"},
                {"name": "title", "type": "boolean"},
                {"name": "emails", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value", "type": "string"}, {"name": "type", "type": "string"}]},
                {"name": "onCall", "type": "boolean"}],
             "meta": {"resourceType": "Schema", "location": "/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"}},
            {"id": GROUP, "name": "Group", "attributes": [
                {"name": "displayName", "type": "string"},
                {"name": "members", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value", "type": "string"}]}]},
            {"id": CREW, "name": "Crew", "attributes": [
                {"name": "remote", "type": "Boolean"}, {"name": "floor", "type": "integer"}, {"name": "load", "type": "decimal"},
                {"name": "since", "type": "dateTime"},
                {"name": "desk", "type": "complex", "subAttributes": [{"name": "standing", "type": "boolean"}]}]},
        ]
    })
}

fn learnt() -> Learnt {
    Learnt::schemas(published().to_string().as_bytes()).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

#[test]
fn types_of_extensions_are_learnt_and_those_of_the_rfc_are_not() {
    let types = learnt().declared_types;
    for (name, want) in [
        (format!("{CREW}:remote"), Some(ValueType::Boolean)),
        (format!("{}:FLOOR", CREW.to_uppercase()), Some(ValueType::Integer)),
        (format!("{CREW}:load"), Some(ValueType::Decimal)),
        (format!("{CREW}:since"), Some(ValueType::DateTime)),
        (format!("{CREW}:desk"), Some(ValueType::Complex)),
        (format!("{CREW}:desk.standing"), Some(ValueType::Boolean)),
        ("onCall".into(), Some(ValueType::Boolean)),
        (format!("{USER}:onCall"), Some(ValueType::Boolean)),
        ("active".into(), None),
        ("title".into(), None),
    ] {
        assert_eq!(types.get(&name), want, "{name}");
    }
    let known = schema_type("active", &types);
    assert_eq!(
        known,
        Some(ValueType::Boolean),
        "an application cannot make a text of the activity of an account"
    );
    assert_eq!(schema_type("title", &types), Some(ValueType::Text));
}

fn schema_type(text: &str, types: &DeclaredTypes) -> Option<ValueType> {
    super::super::schema::value_type(&ResourceKind::User, &name(text), types)
}

/// Declared types of core schemas go by their plain name, whichever of them it is.
#[test]
fn a_core_schema_redefines_no_attribute_of_another_one() {
    let mut published = published();
    let stray = json!([{"name": "active", "type": "string"}, {"name": "ACTIVE", "type": "string"}, {"name": "emails", "subAttributes": [{"name": "primary", "type": "string"}]}, {"name": "colour", "type": "boolean"}]);
    published["Resources"][1]["attributes"].as_array_mut().unwrap().extend(stray.as_array().unwrap().clone());
    let members = json!({"name": "members", "type": "boolean"});
    published["Resources"][0]["attributes"].as_array_mut().unwrap().push(members);
    let types = Learnt::schemas(published.to_string().as_bytes()).unwrap().declared_types;
    for (name, want) in
        [("active", None), ("emails.primary", None), ("members", None), ("colour", Some(ValueType::Boolean))]
    {
        assert_eq!(types.get(name), want, "{name}");
    }
    assert_eq!(schema_type("active", &types), Some(ValueType::Boolean));
    assert_eq!(schema_type("emails.primary", &types), Some(ValueType::Boolean));
}

#[test]
fn what_the_application_lacks_is_told_from_what_is_not_known() {
    let known = learnt().attributes;
    let of_user = |text: &str| known.lacks(&ResourceKind::User, &name(text));
    for text in [
        "nickName",
        "name.middleName",
        "emails.display",
        "urn:ietf:params:scim:schemas:core:2.0:User:nickName",
    ] {
        assert!(of_user(text), "{text}");
    }
    assert!(of_user(&format!("{ENTERPRISE}:department")) && of_user(ENTERPRISE));
    assert!(of_user(&format!("{CREW}:colour")) && of_user(&format!("{CREW}:desk.colour")));
    for text in [
        "UserName",
        "name",
        "Name.GivenName",
        "emails.Type",
        "emails.$ref",
        "title",
        "id",
        "externalId",
        "meta",
        "active",
    ] {
        assert!(!of_user(text), "{text}");
    }
    assert!(!of_user(CREW) && !of_user(&format!("{CREW}:Remote")));
    assert!(known.lacks(&ResourceKind::Group, &name("owners")));
    assert!(!known.lacks(&ResourceKind::Group, &name("members.$ref")));
    assert!(!known.lacks(&ResourceKind::Other("Teams".into()), &name("anything")));
}

#[test]
fn a_list_with_holes_or_without_users_makes_nothing_unknown() {
    let mut partial = published();
    partial["totalResults"] = 9.into();
    let mut without_users = published();
    without_users["Resources"].as_array_mut().unwrap().remove(0);
    let mut empty_users = published();
    empty_users["Resources"][0]["attributes"] = json!([]);
    for body in [
        partial,
        without_users,
        empty_users,
        json!([]),
        json!({"Resources": []}),
        json!([1, null, {"id": 7}]),
    ] {
        let learnt = Learnt::schemas(body.to_string().as_bytes()).unwrap();
        assert!(learnt.attributes.is_empty() && learnt.known_schemas.is_none(), "{body}");
    }
}

#[test]
fn a_bare_array_is_read_too_and_anything_else_teaches_nothing() {
    let list = published()["Resources"].clone();
    assert_eq!(Learnt::schemas(list.to_string().as_bytes()), Ok(learnt()));
    for body in [
        "",
        "<html>",
        "{}",
        "7",
        r#"{"Resources":{}}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#,
    ] {
        assert_eq!(Learnt::schemas(body.as_bytes()), Err(NotLearnt::Unreadable), "{body}");
    }
}

#[test]
fn a_hostile_answer_is_bounded() {
    let schemas: Vec<Value> = (0..=MOST_SCHEMAS).map(|n| json!({"id": format!("urn:a:{n}")})).collect();
    assert_eq!(Learnt::schemas(Value::from(schemas).to_string().as_bytes()), Err(NotLearnt::TooMany));
    let attributes: Vec<Value> = (0..=MOST_ATTRIBUTES).map(|n| json!({"name": format!("a{n}")})).collect();
    let body = json!([{"id": USER, "attributes": attributes}]);
    assert_eq!(Learnt::schemas(body.to_string().as_bytes()), Err(NotLearnt::TooMany));
    let long = "a".repeat(LONGEST_NAME + 1);
    let body = json!([{"id": USER, "attributes": [{"name": "userName"}, {"name": long, "type": "boolean"}, {"name": "a b"}, {"name": "a.b"}]}]);
    let learnt = Learnt::schemas(body.to_string().as_bytes()).unwrap();
    assert_eq!(learnt.declared_types, DeclaredTypes::new());
    assert!(learnt.attributes.lacks(&ResourceKind::User, &name("a.b")));
}

#[test]
fn the_operators_word_comes_first() {
    let said = Settings {
        declared_types: DeclaredTypes::from([(format!("{CREW}:floor"), ValueType::Text)]),
        known_schemas: Some(BTreeSet::from(["urn:x".to_owned()])),
        known_attributes: KnownAttributes::of(["userName", "nickName"]),
        groups_are_decided: true,
        abilities: Abilities { unknown_attributes: UnknownAttributes::Drop, ..Abilities::default() },
        ..Settings::default()
    };
    let mut learnt = learnt();
    learnt.has_groups = Some(false);
    let settings = said.with_learnt(&learnt);
    assert_eq!(settings.declared_types.get(&format!("{CREW}:floor")), Some(ValueType::Text));
    assert_eq!(settings.declared_types.get(&format!("{CREW}:load")), Some(ValueType::Decimal));
    assert_eq!(settings.known_schemas, said.known_schemas);
    assert_eq!(settings.known_attributes, said.known_attributes);
    assert!(!settings.without_groups);
    let settings = Settings::default().with_learnt(&learnt);
    assert!(settings.without_groups && settings.known_schemas.is_some_and(|known| known.contains(CREW)));
}

#[test]
fn groups_are_missing_only_where_the_list_of_resource_types_is_whole() {
    let user = json!({"name": "User", "endpoint": "/Users", "schema": USER});
    let group = json!({"name": "Group", "endpoint": "Groups", "schema": "urn:northwind:Crew"});
    for (body, want) in [
        (json!([user, group]), Some(true)),
        (json!({"totalResults": 1, "Resources": [user]}), Some(false)),
        (json!({"totalResults": 2, "Resources": [user]}), None),
        (json!({"totalResults": 2, "Resources": [group]}), Some(true)),
        (json!([]), None),
    ] {
        let mut learnt = Learnt::default();
        learnt.resource_types(body.to_string().as_bytes()).unwrap();
        assert_eq!(learnt.has_groups, want, "{body}");
    }
    assert_eq!(Learnt::default().resource_types(b"{}"), Err(NotLearnt::Unreadable));
}

#[test]
fn what_real_servers_publish_lacks_nothing_that_they_have() {
    let servers: [(&str, &[u8], &[&str]); 2] = [
        ("scim2-server 0.8.3", include_bytes!("../../../tests/vectors/scim/schemas/scim2-server.json"), &[]),
        ("SCIMMY", include_bytes!("../../../tests/vectors/scim/schemas/scimmy.json"), &[]),
    ];
    for (server, body, lacking) in servers {
        let learnt = Learnt::schemas(body).unwrap();
        assert_eq!(learnt.known_schemas.as_ref().map(BTreeSet::len), Some(3), "{server}");
        assert_eq!(learnt.declared_types, DeclaredTypes::new(), "{server}: all of it is in the RFC");
        let mut found = Vec::new();
        for (urn, kind) in
            [(USER, ResourceKind::User), (GROUP, ResourceKind::Group), (ENTERPRISE, ResourceKind::User)]
        {
            for attribute in super::super::schema::own_attributes(urn) {
                let name = Name { urn: Some(urn.to_owned()), ..Name::plain(attribute.name) };
                let subs = attribute.subs.iter().map(|sub| name.with_sub(sub.name));
                let all = std::iter::once(name.clone()).chain(subs);
                found.extend(
                    all.filter(|name| learnt.attributes.lacks(&kind, name)).map(|name| name.to_string()),
                );
            }
        }
        assert_eq!(found, lacking, "{server}");
        let unknown = Name { urn: Some(USER.to_owned()), ..Name::plain("shoeSize") };
        assert!(learnt.attributes.lacks(&ResourceKind::User, &unknown), "{server}");
    }
}
