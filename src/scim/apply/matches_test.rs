//! Which filters of RFC 7644 section 3.4.2.2 hold of a resource.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::super::filter::{Filter, Mode};
use super::super::rule::{Context, Settings};
use super::super::schema::{DeclaredTypes, ResourceKind, ValueType};
use super::matches::{check, resource_matches};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

static ADA: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let text = r#"{"id":"U-1","externalId":"E-1","userName":"Ada@Northwind.example","active":"True","title":"",
        "name":{"familyName":"Lovelace"},"nickName":null,
        "meta":{"lastModified":"2026-03-01T12:00:00+02:00","resourceType":"User"},
        "emails":[{"type":"work","value":"Ada@n.example","primary":true},{"type":"home","value":"ada@home.example"}],
        "tags":["Red","blue"],"photos":[],
        "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"employeeNumber":43,"manager":{"value":"M-1"}},
        "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User":{"level":7,"since":"2020-01-01T00:00:00Z","big":9007199254740993}}"#;
    crate::common::json::parse(text.as_bytes()).unwrap().as_object().unwrap().clone()
});

const LEVEL: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:level";
const BIG: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:big";
const SINCE: &str = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:since";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn settings() -> Settings {
    Settings {
        declared_types: DeclaredTypes::from([(SINCE.to_owned(), ValueType::DateTime)]),
        ..Settings::default()
    }
}

fn holds(filter: &str) -> Option<bool> {
    let settings = settings();
    let context = Context { kind: &ResourceKind::User, settings: &settings };
    let filter = Filter::parse(filter, Mode::Strict).unwrap_or_else(|| panic!("{filter}"));
    check(&context, None, &filter).ok()?;
    Some(resource_matches(&context, &ADA, &filter))
}

fn all(filters: &[&str], want: Option<bool>) {
    for filter in filters {
        assert_eq!(holds(filter), want, "{filter}");
    }
}

#[test]
fn every_operator_holds_where_it_should() {
    all(
        &[
            r#"userName eq "ada@northwind.example""#,
            r#"userName ne "bo""#,
            r#"userName co "NORTH""#,
            r#"userName sw "ADA@""#,
            r#"userName ew ".Example""#,
            r#"userName gt "aaa""#,
            r#"userName lt "b""#,
            r#"userName ge "ada@northwind.example""#,
            r#"userName le "ada@northwind.example""#,
            "userName pr",
            "name pr",
            r#"UserName eq "ada@northwind.example""#,
            r#"name.FamilyName sw "love""#,
            &format!(r#"{CORE}:userName sw "ada""#),
        ],
        Some(true),
    );
    all(
        &[
            r#"userName eq "ada""#,
            r#"userName ne "ADA@northwind.example""#,
            r#"userName co "south""#,
            r#"userName gt "b""#,
            r#"userName lt "a""#,
            "title pr",
            "nickName pr",
            "photos pr",
            "displayName pr",
            r#"displayName eq "x""#,
            r#"displayName gt "x""#,
        ],
        Some(false),
    );
}

#[test]
fn casing_counts_in_identifiers_only() {
    all(
        &[
            r#"id eq "U-1""#,
            r#"externalId eq "E-1""#,
            &format!(r#"{ENTERPRISE}:manager.value eq "M-1""#),
            &format!(r#"{ENTERPRISE}:manager eq "M-1""#),
            r#"emails.value eq "ada@N.example""#,
            r#"tags eq "red""#,
        ],
        Some(true),
    );
    all(
        &[
            r#"id eq "u-1""#,
            r#"externalId eq "e-1""#,
            &format!(r#"{ENTERPRISE}:manager.value eq "m-1""#),
            r#"meta.resourceType eq "user""#,
        ],
        Some(false),
    );
}

#[test]
fn any_value_of_a_list_is_enough_and_a_value_path_wants_one_element() {
    all(
        &[
            r#"emails co "home""#,
            r#"emails.type eq "work" and emails.value sw "ada@home""#,
            r#"emails[type eq "home" and value sw "ada@home"]"#,
            r#"emails[type eq "work"].value eq "ada@n.example""#,
            r#"emails[not (type eq "work") and value pr]"#,
            "emails[primary eq true]",
            r#"emails.type ne "work""#,
            r#"tags[value eq "blue"]"#,
            "emails pr",
        ],
        Some(true),
    );
    all(
        &[
            r#"emails[type eq "work" and value sw "ada@home"]"#,
            r#"emails[type eq "home"].value eq "ada@n.example""#,
            "emails[primary eq false]",
            r#"photos[value pr]"#,
            r#"tags eq "green""#,
        ],
        Some(false),
    );
}

#[test]
fn and_or_and_not_bind_as_the_rfc_says() {
    all(
        &[
            r#"userName eq "x" and id eq "x" or active eq true"#,
            r#"active eq true or userName eq "x" and id eq "x""#,
            r#"not (userName eq "x") and (id eq "x" or id eq "U-1")"#,
        ],
        Some(true),
    );
    all(&[r#"(active eq true or id eq "U-1") and userName eq "x""#, "not (active eq true)"], Some(false));
}

#[test]
fn numbers_moments_and_booleans_compare_as_such() {
    all(
        &[
            &format!("{LEVEL} eq 7"),
            &format!("{LEVEL} eq 7.0"),
            &format!("{LEVEL} gt 6"),
            &format!("{LEVEL} lt 10"),
            &format!("{LEVEL} ne 8"),
            &format!("{BIG} gt 9007199254740992"),
            "active eq true",
            "active ne false",
            r#"active eq "true""#,
            r#"meta.lastModified eq "2026-03-01T10:00:00Z""#,
            r#"meta.lastModified gt "2026-03-01T09:59:59.5Z""#,
            r#"meta.lastModified lt "2026-03-01T11:30:00+01:00""#,
            &format!(r#"{SINCE} ge "2020-01-01T01:00:00+01:00""#),
            &format!(r#"{ENTERPRISE}:employeeNumber eq "43""#),
        ],
        Some(true),
    );
    all(
        &[
            &format!("{LEVEL} gt 7"),
            &format!("{LEVEL} lt 6"),
            "active eq false",
            r#"meta.lastModified gt "2026-03-01T10:00:00Z""#,
        ],
        Some(false),
    );
}

#[test]
fn null_is_no_value() {
    all(
        &["nickName eq null", "displayName eq null", "userName ne null", r#"displayName ne "x""#],
        Some(true),
    );
    all(&["userName eq null", "nickName ne null"], Some(false));
}

#[test]
fn comparisons_without_meaning_are_refused() {
    all(
        &[
            "active gt true",
            "active gt false",
            "userName gt null",
            "userName co true",
            "emails[primary ge true]",
            "id sw 4",
            r#"x509Certificates.value pr and active lt "true""#,
        ],
        None,
    );
}
