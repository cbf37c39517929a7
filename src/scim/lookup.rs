//! Whose account is it? Asked of the application by one attribute, and read from what it answers.

use serde_json::Value;

use super::patch::member;
use super::person::{person, resource_id};
use crate::common::json;

/// What an answer says of the account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// It is there.
    Found {
        /// Its identifier at the application.
        id: String,
        /// What it says of `active`; many applications say nothing of an active one.
        active: Option<bool>,
    },
    /// It is not.
    Missing,
    /// Several accounts share the value.
    Several,
    /// The answer says neither.
    Unclear,
}

/// Path and query of the question, below the application's base (RFC 7644 section 3.4.2.2).
#[must_use]
pub fn account_query(attribute: &str, value: &str) -> String {
    let filter = format!("{attribute} eq {}", Value::String(value.to_owned()));
    let mut path = "/Users?filter=".to_owned();
    for byte in filter.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// Reads the answer to [`account_query`]. An application that lists more than was asked for is not believed: what counts
/// has the value that was asked for.
#[must_use]
pub fn read_list(attribute: &str, value: &str, body: &[u8]) -> Account {
    let Ok(Value::Object(list)) = json::parse(body) else { return Account::Unclear };
    let total = member(&list, "totalResults").and_then(number);
    let resources = match member(&list, "Resources") {
        Some(Value::Array(resources)) => resources.as_slice(),
        None | Some(Value::Null) if total == Some(0) => &[],
        _ => return Account::Unclear,
    };
    let mut found = resources.iter().filter(|resource| has(resource, attribute, value));
    let Some(first) = found.next() else {
        // One page of a list that was not filtered says nothing of who is on the others.
        let all = total.is_none_or(|total| total <= u64::try_from(resources.len()).unwrap_or(u64::MAX));
        return if all { Account::Missing } else { Account::Unclear };
    };
    let account = read(first);
    if found.all(|other| resource_id(other) == resource_id(first)) { account } else { Account::Several }
}

/// Reads the answer to a question for the account of this identifier.
#[must_use]
pub fn read_one(id: &str, body: &[u8]) -> Account {
    match json::parse(body).map(|resource| read(&resource)) {
        Ok(account @ Account::Found { .. }) if matches!(&account, Account::Found { id: its, .. } if its == id) => {
            account
        }
        _ => Account::Unclear,
    }
}

fn read(resource: &Value) -> Account {
    match resource_id(resource) {
        Some(id) => Account::Found { id, active: person(resource).1 },
        None => Account::Unclear,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a resource has this value; names and identifiers that differ in case are one person's.
fn has(resource: &Value, attribute: &str, value: &str) -> bool {
    let same = |found: Option<&Value>| {
        found
            .and_then(Value::as_str)
            .is_some_and(|text| text.trim().to_lowercase() == value.trim().to_lowercase())
    };
    let Some(map) = resource.as_object() else { return false };
    let (name, sub) = attribute.split_once('.').unwrap_or((attribute, ""));
    match member(map, name) {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_object).any(|item| same(member(item, sub)))
        }
        other => sub.is_empty() && same(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn listed(value: &str, list: &Value) -> Account {
        read_list("userName", value, list.to_string().as_bytes())
    }

    fn found(id: &str, active: Option<bool>) -> Account {
        Account::Found { id: id.to_owned(), active }
    }

    #[test]
    fn a_value_cannot_end_its_literal_or_the_query() {
        assert_eq!(
            account_query("userName", "a\" or \"&x=ü"),
            "/Users?filter=userName%20eq%20%22a%5C%22%20or%20%5C%22%26x%3D%C3%BC%22"
        );
    }

    #[test]
    fn an_account_is_found_with_what_it_says_of_active() {
        for (active, read) in [(json!(true), Some(true)), (json!("False"), Some(false)), (json!({}), None)] {
            let list =
                json!({"totalResults": 1, "Resources": [{"id": "u-1", "userName": "ADA", "active": active}]});
            assert_eq!(listed("ada", &list), found("u-1", read));
        }
        assert_eq!(listed("ada", &json!({"resources": [{"id": 7, "username": "ada"}]})), found("7", None));
    }

    #[test]
    fn only_a_whole_list_without_the_account_says_that_it_is_missing() {
        assert_eq!(listed("ada", &json!({"totalResults": 0, "Resources": []})), Account::Missing);
        assert_eq!(listed("ada", &json!({"totalResults": "0"})), Account::Missing);
        assert_eq!(listed("ada", &json!({"Resources": [{"id": "u", "userName": "bob"}]})), Account::Missing);
        for unclear in [
            json!({"totalResults": 3, "Resources": [{"id": "u", "userName": "bob"}]}),
            json!({"totalResults": 1}),
            json!({"ok": true}),
            json!([]),
            json!({"Resources": {"id": "u", "userName": "ada"}}),
            json!({"Resources": [{"userName": "ada"}]}),
        ] {
            assert_eq!(listed("ada", &unclear), Account::Unclear, "{unclear}");
        }
        assert_eq!(read_list("userName", "ada", b"<html>"), Account::Unclear);
    }

    #[test]
    fn a_list_that_was_not_filtered_does_not_make_anybody_somebody_else() {
        let list = json!({"Resources": [{"id": "1", "userName": "bob", "active": true},
            {"id": "2", "userName": "ada", "active": false}]});
        assert_eq!(listed("ada", &list), found("2", Some(false)));
        assert_eq!(listed("eve", &list), Account::Missing);
    }

    #[test]
    fn a_value_that_several_share_tells_nobody_apart() {
        let list = json!({"Resources": [{"id": "1", "userName": "ada"}, {"id": "2", "userName": "Ada"}]});
        assert_eq!(listed("ada", &list), Account::Several);
        let list = json!({"Resources": [{"id": "1", "userName": "ada"}, {"id": "1", "userName": "ada"}]});
        assert_eq!(listed("ada", &list), found("1", None));
    }

    #[test]
    fn an_address_is_looked_for_among_all() {
        let list = json!({"Resources": [{"id": "1", "emails": [{"value": "x"}, {"value": "A@n.example"}]}]});
        let body = list.to_string();
        assert_eq!(read_list("emails.value", "a@n.example", body.as_bytes()), found("1", None));
        assert_eq!(read_list("emails.value", "b@n.example", body.as_bytes()), Account::Missing);
    }

    #[test]
    fn one_account_is_that_of_its_identifier_only() {
        assert_eq!(read_one("u-1", br#"{"id":"u-1","active":false}"#), found("u-1", Some(false)));
        for body in [&br#"{"id":"u-2","active":false}"#[..], br#"{"Resources":[{"id":"u-1"}]}"#, b"", b"{}"] {
            assert_eq!(read_one("u-1", body), Account::Unclear);
        }
    }
}
