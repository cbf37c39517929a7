//! What the operations of RFC 7644 section 3.5.2 make of a resource.

use serde_json::{Value, json};

use super::super::error::ScimError;
use super::super::patch::Patch;
use super::super::rule::{Context, Settings};
use super::super::schema::ResourceKind;
use super::apply;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const BADGES: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";

fn read(text: &str) -> Value {
    crate::common::json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn done(kind: &ResourceKind, resource: &Value, operations: &Value) -> Result<Value, ScimError> {
    let settings = Settings::default();
    let context = Context { kind, settings: &settings };
    let message = read(&json!({"Operations": operations}).to_string());
    let patch = Patch::read(message, &context, &mut Vec::new())?;
    let resource = read(&resource.to_string());
    apply(resource.as_object().unwrap(), &patch.operations, &context).map(Value::Object)
}

/// The user `{id, userName, schemas}` and what `with` adds, after `operations`, without what it began with.
fn user(with: &Value, operations: &Value) -> Result<Value, ScimError> {
    let mut resource = json!({"id": "u-1", "userName": "ada", "schemas": [USER]});
    for (key, value) in with.as_object().unwrap() {
        resource[key] = value.clone();
    }
    let mut after = done(&ResourceKind::User, &resource, operations)?;
    for (key, value) in [("id", json!("u-1")), ("userName", json!("ada")), ("schemas", json!([USER]))] {
        if after[key] == value {
            after.as_object_mut().unwrap().shift_remove(key);
        }
    }
    Ok(after)
}

fn case(with: &Value, operations: &Value, want: &Value) {
    assert_eq!(user(with, operations).as_ref(), Ok(&read(&want.to_string())), "{operations} on {with}");
}

fn refused(with: &Value, operations: &Value, scim_type: &str) {
    let error = user(with, operations).err().unwrap_or_else(|| panic!("{operations} on {with} was done"));
    let body: Value = serde_json::from_slice(&error.reply().body).unwrap();
    assert_eq!(body["scimType"], scim_type, "{operations} on {with}");
}

#[test]
fn a_single_attribute_is_set_by_add_and_by_replace() {
    for op in ["add", "replace"] {
        for with in [json!({}), json!({"title": "Clerk"}), json!({"Title": null})] {
            let got = user(&with, &json!([{"op": op, "path": "TITLE", "value": "Chief"}])).unwrap();
            let key = if with.get("Title").is_some() { "Title" } else { "title" };
            assert_eq!(got, json!({key: "Chief"}), "in the spelling that is there, or else the schema's");
        }
        case(
            &json!({"active": true}),
            &json!([{"op": op, "path": "active", "value": false}]),
            &json!({"active": false}),
        );
    }
}

#[test]
fn a_map_without_path_sets_every_attribute_it_names() {
    case(
        &json!({"title": "a", "nickName": "n", "name": {"givenName": "A", "familyName": "L"}, "emails": [{"value": "a"}]}),
        &json!([{"op": "replace", "value": {"title": "b", "name": {"givenName": "B"}, "emails": [{"value": "b"}],
            ENTERPRISE: {"department": "d"}, "schemas": [USER]}}]),
        &json!({"title": "b", "nickName": "n", "name": {"givenName": "B", "familyName": "L"}, "emails": [{"value": "b"}],
            ENTERPRISE: {"department": "d"}, "schemas": [USER, ENTERPRISE]}),
    );
    case(
        &json!({"emails": [{"value": "a"}]}),
        &json!([{"op": "add", "value": {"emails": [{"value": "b"}], "title": "t"}}]),
        &json!({"emails": [{"value": "a"}, {"value": "b"}], "title": "t"}),
    );
    refused(&json!({}), &json!([{"op": "add", "value": ["x"]}]), "invalidValue");
    refused(&json!({}), &json!([{"op": "add", "value": {"name.givenName": "x"}}]), "invalidPath");
    refused(
        &json!({}),
        &json!([{"op": "replace", "value": {format!("{ENTERPRISE}:department"): "x"}}]),
        "invalidPath",
    );
}

#[test]
fn the_sub_attributes_that_are_not_named_stay() {
    let name = json!({"name": {"familyName": "L", "givenName": "A"}});
    for op in ["add", "replace"] {
        case(
            &name,
            &json!([{"op": op, "path": "name", "value": {"GivenName": "B", "middleName": "M"}}]),
            &json!({"name": {"familyName": "L", "givenName": "B", "middleName": "M"}}),
        );
        case(
            &name,
            &json!([{"op": op, "path": "name.givenName", "value": "B"}]),
            &json!({"name": {"familyName": "L", "givenName": "B"}}),
        );
        case(
            &json!({}),
            &json!([{"op": op, "path": "name.givenname", "value": "B"}]),
            &json!({"name": {"givenName": "B"}}),
        );
    }
    case(&name, &json!([{"op": "remove", "path": "name.givenName"}]), &json!({"name": {"familyName": "L"}}));
    case(
        &json!({"name": {"givenName": "A"}}),
        &json!([{"op": "remove", "path": "name.givenName"}]),
        &json!({}),
    );
    case(&name, &json!([{"op": "remove", "path": "name"}]), &json!({}));
    case(&name, &json!([{"op": "remove", "path": "name.formatted"}]), &name);
}

#[test]
fn what_is_added_to_a_list_joins_it_once() {
    let have = json!({"emails": [{"type": "work", "value": "w", "display": "W"}]});
    let add = |value: Value| json!([{"op": "add", "path": "emails", "value": value}]);
    for same in [
        json!([{"type": "work", "value": "w", "display": "W"}]),
        json!([{"display": "W", "value": "w", "type": "work"}]),
        json!([{"value": "w"}]),
        json!({"value": "w", "type": "work"}),
        json!([{"Value": "w"}, {"value": "w"}]),
        json!([]),
        json!([null]),
    ] {
        case(&have, &add(same), &have);
    }
    case(
        &have,
        &add(json!([{"type": "home", "value": "w"}])),
        &json!({"emails": [have["emails"][0], {"type": "home", "value": "w"}]}),
    );
    case(
        &have,
        &add(json!([{"type": "work", "value": "w", "primary": true}])),
        &json!({"emails": [{"type": "work", "value": "w", "display": "W", "primary": true}]}),
    );
    case(&json!({}), &add(json!({"value": "w"})), &json!({"emails": [{"value": "w"}]}));
    case(&json!({"emails": null}), &add(json!([{"value": "w"}])), &json!({"emails": [{"value": "w"}]}));
    refused(&have, &add(json!("w")), "invalidValue");
    refused(&have, &add(json!([["w"]])), "invalidValue");
}

#[test]
fn a_list_is_replaced_or_removed_as_a_whole() {
    let have = json!({"emails": [{"value": "a"}, {"value": "b"}]});
    let replace = |value: Value| json!([{"op": "replace", "path": "emails", "value": value}]);
    case(&have, &replace(json!([{"value": "c"}])), &json!({"emails": [{"value": "c"}]}));
    case(&have, &replace(json!([])), &json!({}));
    case(&have, &replace(Value::Null), &json!({}));
    case(&have, &json!([{"op": "remove", "path": "emails"}]), &json!({}));
    case(&json!({}), &json!([{"op": "remove", "path": "emails"}]), &json!({}));
}

#[test]
fn a_removal_that_names_elements_removes_those_and_no_others() {
    let have = json!({"roles": [{"value": "a", "display": "A"}, {"value": "b"}]});
    let remove = |value: Value| json!([{"op": "remove", "path": "roles", "value": value}]);
    case(&have, &remove(json!([{"value": "a"}])), &json!({"roles": [{"value": "b"}]}));
    case(&have, &remove(json!([{"value": "c"}])), &have);
    case(&have, &remove(json!([{"value": "a"}, {"value": "b"}])), &json!({}));
    refused(&have, &remove(json!([{"display": "A"}])), "invalidValue");
    refused(&have, &remove(json!(["a"])), "invalidValue");
}

#[test]
fn a_value_path_means_the_elements_that_its_filter_selects() {
    let have = json!({"emails": [{"Type": "Work", "value": "w"}, {"type": "home", "value": "h"}]});
    let at = |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
    for op in ["add", "replace"] {
        case(
            &have,
            &at(op, r#"emails[type eq "work"].value"#, json!("x")),
            &json!({"emails": [{"Type": "Work", "value": "x"}, {"type": "home", "value": "h"}]}),
        );
        case(
            &have,
            &at(op, r#"emails[type pr and not (value sw "w")].display"#, json!("x")),
            &json!({"emails": [{"Type": "Work", "value": "w"}, {"type": "home", "value": "h", "display": "x"}]}),
        );
        case(
            &have,
            &at(op, r#"emails[value co "w" or value eq "H"].display"#, json!("x")),
            &json!({"emails": [{"Type": "Work", "value": "w", "display": "x"}, {"type": "home", "value": "h", "display": "x"}]}),
        );
        refused(&have, &at(op, r#"emails[type eq "other"].value"#, json!("x")), "noTarget");
        refused(&json!({}), &at(op, r#"emails[type eq "work"].value"#, json!("x")), "noTarget");
        refused(&have, &at(op, r#"emails[primary gt true].value"#, json!("x")), "invalidFilter");
        refused(
            &json!({"name": {"givenName": "A"}}),
            &at(op, r#"name[givenName eq "A"].familyName"#, json!("x")),
            "invalidPath",
        );
        refused(&have, &at(op, "emails.value", json!("x")), "invalidPath");
        refused(&have, &at(op, r#"emails[type eq "home"].value"#, json!({"a": 1})), "invalidValue");
    }
    case(
        &have,
        &at("add", r#"emails[type eq "home"]"#, json!({"display": "H"})),
        &json!({"emails": [{"Type": "Work", "value": "w"}, {"type": "home", "value": "h", "display": "H"}]}),
    );
    case(
        &have,
        &at("replace", r#"emails[type eq "home"]"#, json!([{"type": "other", "Value": "o"}])),
        &json!({"emails": [{"Type": "Work", "value": "w"}, {"type": "other", "value": "o"}]}),
    );
    case(
        &have,
        &json!([{"op": "remove", "path": r#"emails[type eq "work"]"#}]),
        &json!({"emails": [{"type": "home", "value": "h"}]}),
    );
    case(&have, &json!([{"op": "remove", "path": r#"emails[value pr]"#}]), &json!({}));
    refused(&have, &json!([{"op": "remove", "path": r#"emails[type eq "other"]"#}]), "noTarget");
}

#[test]
fn a_part_of_an_element_is_removed_and_an_element_without_its_value_goes() {
    let have = json!({"emails": [{"type": "work", "value": "w", "display": "W"}], "addresses": [{"type": "work", "locality": "L"}]});
    case(
        &have,
        &json!([{"op": "remove", "path": r#"emails[type eq "work"].display"#}]),
        &json!({"emails": [{"type": "work", "value": "w"}], "addresses": have["addresses"]}),
    );
    case(
        &have,
        &json!([{"op": "remove", "path": r#"emails[type eq "work"].value"#}]),
        &json!({"addresses": have["addresses"]}),
    );
    case(
        &have,
        &json!([{"op": "remove", "path": r#"addresses[type eq "work"].locality"#}]),
        &json!({"emails": have["emails"], "addresses": [{"type": "work"}]}),
    );
}

#[test]
fn one_element_at_most_is_primary() {
    let have = json!({"emails": [{"value": "a", "primary": true}, {"value": "b"}, {"value": "c", "primary": false}]});
    let after = |at: usize| {
        let emails: Vec<Value> = ["a", "b", "c"]
            .iter()
            .enumerate()
            .map(|(have, value)| match have {
                _ if have == at => json!({"value": value, "primary": true}),
                1 => json!({"value": value}),
                _ => json!({"value": value, "primary": false}),
            })
            .collect();
        json!({"emails": emails})
    };
    case(&have, &json!([{"op": "add", "path": "emails[value eq \"b\"].primary", "value": true}]), &after(1));
    case(
        &have,
        &json!([{"op": "replace", "path": "emails[value eq \"c\"]", "value": {"value": "c", "primary": true}}]),
        &after(2),
    );
    case(
        &have,
        &json!([{"op": "add", "path": "emails", "value": [{"value": "b", "primary": true}]}]),
        &after(1),
    );
    case(
        &have,
        &json!([{"op": "add", "path": "emails[value eq \"a\"].display", "value": "A"}]),
        &json!({"emails": [{"value": "a", "primary": true, "display": "A"}, {"value": "b"}, {"value": "c", "primary": false}]}),
    );
    refused(
        &have,
        &json!([{"op": "add", "path": "emails[value pr].primary", "value": true}]),
        "invalidValue",
    );
    refused(
        &have,
        &json!([{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]),
        "invalidValue",
    );
}

#[test]
fn extensions_are_edited_below_their_schema() {
    let lower = ENTERPRISE.to_lowercase();
    let have = json!({ENTERPRISE: {"department": "d", "costCenter": "c"}, "schemas": [USER, ENTERPRISE]});
    let with = |extension: Value| json!({ENTERPRISE: extension, "schemas": [USER, ENTERPRISE]});
    for path in [format!("{ENTERPRISE}:department"), format!("{lower}:Department")] {
        case(
            &have,
            &json!([{"op": "replace", "path": path, "value": "e"}]),
            &with(json!({"department": "e", "costCenter": "c"})),
        );
        case(&have, &json!([{"op": "remove", "path": path}]), &with(json!({"costCenter": "c"})));
        case(
            &json!({}),
            &json!([{"op": "add", "path": path, "value": "e"}]),
            &with(json!({"department": "e"})),
        );
    }
    for op in ["add", "replace"] {
        case(
            &have,
            &json!([{"op": op, "path": ENTERPRISE, "value": {"department": "e"}}]),
            &with(json!({"department": "e", "costCenter": "c"})),
        );
    }
    case(&have, &json!([{"op": "remove", "path": ENTERPRISE}]), &json!({}));
    case(&have, &json!([{"op": "replace", "value": {ENTERPRISE: null}}]), &json!({}));
    case(
        &json!({}),
        &json!([{"op": "replace", "path": USER, "value": {"title": "t"}}]),
        &json!({"title": "t"}),
    );
    case(
        &json!({}),
        &json!([{"op": "replace", "path": format!("{USER}:title"), "value": "t"}]),
        &json!({"title": "t"}),
    );
    refused(&have, &json!([{"op": "remove", "path": USER}]), "mutability");
    refused(&have, &json!([{"op": "replace", "path": ENTERPRISE, "value": "x"}]), "invalidValue");
    refused(
        &have,
        &json!([{"op": "remove", "path": ENTERPRISE, "value": {"department": "d"}}]),
        "invalidValue",
    );
}

#[test]
fn attributes_that_no_schema_knows_are_treated_by_their_shape() {
    let path = |name: &str| format!("{BADGES}:{name}");
    let with = |extension: Value| json!({BADGES: extension, "schemas": [USER, BADGES]});
    let have = with(json!({"tags": ["a"], "badge": {"colour": "red", "no": 7}, "level": 3}));
    let mut tagged = have.clone();
    tagged[BADGES]["tags"] = json!(["a", "b"]);
    for value in [json!("b"), json!(["b"]), json!(["a", "b", "b"])] {
        case(&have, &json!([{"op": "add", "path": path("tags"), "value": value}]), &tagged);
    }
    let mut coloured = have.clone();
    coloured[BADGES]["badge"] = json!({"colour": "blue", "no": 7});
    case(&have, &json!([{"op": "replace", "path": path("badge"), "value": {"Colour": "blue"}}]), &coloured);
    case(&have, &json!([{"op": "replace", "path": path("badge.colour"), "value": "blue"}]), &coloured);
    case(
        &json!({}),
        &json!([{"op": "add", "path": path("tags"), "value": ["a"]}]),
        &with(json!({"tags": ["a"]})),
    );
    case(
        &json!({}),
        &json!([{"op": "add", "path": path("badge.colour"), "value": "red"}]),
        &with(json!({"badge": {"colour": "red"}})),
    );
    refused(&have, &json!([{"op": "add", "path": path("badge"), "value": "x"}]), "invalidValue");
    refused(&have, &json!([{"op": "add", "path": path("level"), "value": ["x"]}]), "invalidValue");
    let versionless = json!({"urn:northwind:extra": {"a": 1}, "schemas": [USER, "urn:northwind:extra"]});
    let mut more = versionless.clone();
    more["urn:northwind:extra"]["b"] = json!(2);
    case(&versionless, &json!([{"op": "add", "path": "urn:northwind:extra", "value": {"b": 2}}]), &more);
    case(&versionless, &json!([{"op": "add", "path": "urn:northwind:extra:b", "value": 2}]), &more);
    case(&versionless, &json!([{"op": "add", "value": {"urn:northwind:extra": {"b": 2}}}]), &more);
}

#[test]
fn what_only_the_application_sets_is_not_changed() {
    let have = json!({"groups": [{"value": "g"}], "meta": {"version": "1"}});
    for operation in [
        json!({"op": "replace", "path": "id", "value": "u-2"}),
        json!({"op": "add", "value": {"ID": "u-2"}}),
        json!({"op": "remove", "path": "id"}),
        json!({"op": "replace", "path": "meta.version", "value": "2"}),
        json!({"op": "remove", "path": "meta"}),
        json!({"op": "add", "path": "groups", "value": [{"value": "h"}]}),
        json!({"op": "remove", "path": "groups[value eq \"g\"]"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "path": "userName", "value": null}),
        json!({"op": "remove", "path": "schemas"}),
    ] {
        refused(&have, &json!([operation]), "mutability");
    }
    case(&have, &json!([{"op": "replace", "value": {"id": "u-1", "groups": [{"value": "g"}]}}]), &have);
    let group = json!({"id": "g", "displayName": "Audit", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]});
    let removal = json!([{"op": "remove", "path": "displayName"}]);
    assert!(matches!(done(&ResourceKind::Group, &group, &removal), Err(ScimError::Mutability(_))));
}

#[test]
fn values_that_do_not_fit_are_refused_and_nothing_is_half_done() {
    for operation in [
        json!({"op": "add", "path": "title"}),
        json!({"op": "replace", "path": "active", "value": "perhaps"}),
        json!({"op": "replace", "path": "active", "value": null}),
        json!({"op": "replace", "path": "title", "value": {"a": 1}}),
        json!({"op": "replace", "path": "title", "value": ["a"]}),
        json!({"op": "replace", "path": "name", "value": "Ada"}),
        json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "m-1"}),
    ] {
        refused(
            &json!({"active": true}),
            &json!([{"op": "add", "path": "nickName", "value": "n"}, operation]),
            "invalidValue",
        );
    }
    refused(&json!({}), &json!([{"op": "add", "path": "title.value", "value": "x"}]), "invalidPath");
}

#[test]
fn a_reference_to_somebody_else_keeps_nothing_of_the_former() {
    let manager = |value: Value| json!({ENTERPRISE: {"manager": value}, "schemas": [USER, ENTERPRISE]});
    let have = manager(json!({"value": "m-1", "$ref": "/Users/m-1", "displayName": "Bo"}));
    for (path, value) in [("manager", json!({"value": "m-2"})), ("manager.value", json!("m-2"))] {
        let operations = json!([{"op": "replace", "path": format!("{ENTERPRISE}:{path}"), "value": value}]);
        case(&have, &operations, &manager(json!({"value": "m-2"})));
    }
    let same = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "m-1"}}]);
    case(&have, &same, &have);
    case(&have, &json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}]), &json!({}));
}

#[test]
fn members_are_told_by_their_value() {
    let group = |members: Value| json!({"id": "g", "displayName": "Audit", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "members": members});
    let have = group(json!([{"value": "u-1", "display": "Ada", "type": "User"}, {"value": "U-1"}]));
    let after = |operations: Value| done(&ResourceKind::Group, &have, &operations).unwrap();
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "u-1"}, {"value": "u-2"}, {"value": "u-2"}]}]);
    assert_eq!(
        after(add),
        group(
            json!([{"value": "u-1", "display": "Ada", "type": "User"}, {"value": "U-1"}, {"value": "u-2"}])
        )
    );
    let removal = json!([{"op": "remove", "path": "members[value eq \"U-1\"]"}]);
    assert_eq!(after(removal), group(json!([{"value": "u-1", "display": "Ada", "type": "User"}])));
    for vague in [
        json!([{"op": "replace", "path": "members", "value": null}]),
        json!([{"op": "remove", "path": "members[type eq \"User\"]", "value": [{"value": "u-1"}]}]),
    ] {
        assert!(matches!(done(&ResourceKind::Group, &have, &vague), Err(ScimError::Value(_))), "{vague}");
    }
    let all = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(after(all).get("members"), None);
}

#[test]
fn thousands_of_members_are_added_and_one_removed_without_delay() {
    let members: Vec<Value> = (0..20_000).map(|n| json!({"value": format!("u-{n}")})).collect();
    let more: Vec<Value> = (19_000..25_000).map(|n| json!({"value": format!("u-{n}")})).collect();
    let group = json!({"id": "g", "displayName": "All", "members": members});
    let operations = json!([{"op": "add", "path": "members", "value": more}, {"op": "remove", "path": "members[value eq \"u-7\"]"}]);
    let after = done(&ResourceKind::Group, &group, &operations).unwrap();
    assert_eq!(after["members"].as_array().unwrap().len(), 24_999);
}

#[test]
fn elements_that_complete_one_another_are_added_twice_as_once() {
    let tags = json!([{"value": "work", "primary": "b"}, {"value": "work", "primary": "a"}]);
    let add = json!([{"op": "add", "path": format!("{BADGES}:tags"), "value": tags}]);
    let once = user(&json!({}), &add).unwrap();
    assert_eq!(user(&once, &add), Ok(once));
}
