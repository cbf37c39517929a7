use serde_json::json;

use super::{
    Dialect, TenantUrl, add_members, changes, create_group, create_user, match_user, patch, read_user,
    remove_members, set_active, set_manager, test_connection,
};
use crate::{directory::Directory, scim::attributes::map};

const BASE: &str = "https://localhost:8443/scim/v2/entra/";

fn url() -> TenantUrl {
    TenantUrl::new(BASE, false)
}

#[test]
fn test_connection_asks_for_a_user_and_a_group_that_do_not_exist() {
    let [users, groups] = test_connection(&url(), "31b7");
    assert_eq!(users.url, "https://localhost:8443/scim/v2/entra/Users?filter=userName+eq+%2231b7%22");
    assert_eq!(
        groups.url,
        "https://localhost:8443/scim/v2/entra/Groups?excludedAttributes=members&filter=displayName+eq+%2231b7%22"
    );
    assert!(users.headers().is_empty() && users.body.is_none());
}

#[test]
fn filters_have_plus_and_lower_case_digits() {
    let request = match_user(&url(), "ada+x@meadow.example");
    assert!(request.url.ends_with("filter=userName+eq+%22ada%2bx%40meadow.example%22"), "{}", request.url);
}

#[test]
fn the_flag_leaks_onto_every_request() {
    let flagged = TenantUrl::new("https://h.example/scim?aadOptscim062020", false);
    assert_eq!(flagged.dialect(), Dialect::Compatibility);
    assert_eq!(read_user(&flagged, "7").url, "https://h.example/scim/Users/7?aadOptscim062020");
    let request = match_user(&flagged, "a");
    assert_eq!(request.url, "https://h.example/scim/Users?aadOptscim062020&filter=userName+eq+%22a%22");
    assert_eq!(url().dialect(), Dialect::Default);
}

#[test]
fn a_trailing_slash_can_be_doubled() {
    assert_eq!(read_user(&TenantUrl::new(BASE, true), "7").url, format!("{BASE}/Users/7"));
}

#[test]
fn a_user_is_created_with_text_booleans_and_a_charset() {
    let directory = Directory::with_examples();
    let request = create_user(&url(), directory.user("ada").unwrap(), Dialect::Default);
    assert_eq!(request.headers(), [("Content-Type", "application/scim+json; charset=utf-8")]);
    let body = request.body.unwrap();
    assert_eq!(body["active"], "True");
    assert_eq!(body["userName"], "ada@meadow.example");
    assert_eq!(
        body["emails"],
        json!([{"primary": true, "type": "work", "value": "ada.ferngrove@meadow.example"}])
    );
    assert_eq!(body["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"], "Orchards");
    assert!(body.get("manager").is_none());
}

#[test]
fn a_group_is_created_with_a_schema_that_is_none() {
    let directory = Directory::with_examples();
    let body = create_group(&url(), directory.group("orchard-crew").unwrap()).body.unwrap();
    assert_eq!(
        body["schemas"][1],
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    );
    assert!(body.get("members").is_none());
}

#[test]
fn without_the_flag_there_is_one_capital_operation_per_attribute() {
    let directory = Directory::with_examples();
    let old = map(directory.user("ada").unwrap());
    let mut user = directory.user("ada").unwrap().clone();
    user.job_title = Some("Lead".into());
    user.given_name = Some("Adah".into());
    let operations = changes(&old, &map(&user), Dialect::Default);
    assert_eq!(operations[0], json!({"op": "Replace", "path": "title", "value": "Lead"}));
    assert_eq!(operations[1], json!({"op": "Replace", "path": "name.givenName", "value": "Adah"}));
    assert_eq!(operations[2]["path"], "name.formatted");
    assert_eq!(operations.len(), 3);
}

#[test]
fn with_the_flag_single_attributes_share_one_operation_without_path() {
    let directory = Directory::with_examples();
    let old = map(directory.user("ada").unwrap());
    let mut user = directory.user("ada").unwrap().clone();
    user.surname = Some("Fern".into());
    user.mail = Some("ada@other.example".into());
    let operations = changes(&old, &map(&user), Dialect::Compatibility);
    assert_eq!(
        operations,
        [
            json!({"op": "replace", "value": {"name.familyName": "Fern", "name.formatted": "Ada Fern"}}),
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada@other.example"}),
        ]
    );
}

#[test]
fn a_new_value_is_added_and_a_lost_one_is_left() {
    let old = vec![("title".to_owned(), "Lead".to_owned())];
    let new = vec![("displayName".to_owned(), "Ada".to_owned())];
    assert_eq!(
        changes(&old, &new, Dialect::Default),
        [json!({"op": "Add", "path": "displayName", "value": "Ada"})]
    );
}

#[test]
fn disabling_sends_text_or_boolean_by_dialect() {
    assert_eq!(
        set_active(false, Dialect::Default),
        json!({"op": "Replace", "path": "active", "value": "False"})
    );
    assert_eq!(
        set_active(false, Dialect::Compatibility),
        json!({"op": "replace", "path": "active", "value": false})
    );
}

#[test]
fn the_manager_is_bare_text() {
    let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    assert_eq!(
        set_manager(false, Some("u-1"), Dialect::Default),
        json!({"op": "Add", "path": path, "value": "u-1"})
    );
    assert_eq!(set_manager(true, None, Dialect::Default), json!({"op": "Remove", "path": path}));
}

#[test]
fn members_are_removed_by_value_or_by_selector() {
    let ids = ["u-1".to_owned(), "u-2".to_owned()];
    assert_eq!(
        remove_members(&ids, Dialect::Default),
        [
            json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u-1"}, {"$ref": null, "value": "u-2"}]})
        ]
    );
    assert_eq!(
        remove_members(&ids, Dialect::Compatibility)[1],
        json!({"op": "remove", "path": "members[value eq \"u-2\"]"})
    );
    assert!(add_members(&[], Dialect::Default).is_empty());
    let request = patch(&url(), "Groups", "g", add_members(&ids, Dialect::Default));
    assert_eq!(request.body.unwrap()["Operations"][0]["op"], "Add");
}

#[test]
fn the_flag_is_put_on_and_taken_off() {
    let with = |typed: &str, flag| TenantUrl::with_flag(typed, flag);
    assert_eq!(with("https://a.example/scim/", true), "https://a.example/scim/?aadOptscim062020");
    assert_eq!(
        with("https://a.example/scim/?x=1&AADOptScim062020=true", false),
        "https://a.example/scim/?x=1"
    );
    assert_eq!(
        with("https://a.example/scim/?aadOptscim062020", true),
        "https://a.example/scim/?aadOptscim062020"
    );
}
