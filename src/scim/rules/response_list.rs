//! Rules of lists in responses: R2 and R12.

use serde_json::{Map, Value, json};

use super::super::error::error_body;
use super::super::filter::Literal;
use super::super::name::Name;
use super::super::rule::{Certainty, Context, Rule};
use super::super::schema::{self, ResourceKind, ValueType};
use super::super::url::Action;
use super::response::{Answer, LIST_SCHEMA, is_list_response, number};

pub(crate) const R2: Rule<Answer> = Rule {
    id: "R2",
    says: "completes a list: Resources, schemas and whole numbers",
    certainty: Certainty::Partly,
    apply: |answer, context, notes| {
        let is_catalogue = answer.shape.action == Action::Read
            && matches!(answer.shape.kind, ResourceKind::Discovery("Schemas" | "ResourceTypes"))
            && answer.is_success();
        if !answer.is_list() && !is_catalogue {
            return;
        }
        let start = answer.shape.start_index.unwrap_or(1).max(1);
        let shape = answer.shape.clone();
        let is_list = answer.is_list()
            && answer.json().is_some_and(|body| is_list_response(body, &shape, context.settings));
        let changed = match answer.json() {
            Some(value @ Value::Array(_)) => {
                let count = value.as_array().map_or(0, Vec::len);
                *value = json!({
                    "schemas": [LIST_SCHEMA],
                    "totalResults": count,
                    "startIndex": start,
                    "itemsPerPage": count,
                    "Resources": value.take(),
                });
                true
            }
            Some(Value::Object(map)) if is_list => complete(map, start),
            _ => false,
        };
        if changed {
            answer.changed = true;
            notes.mark("body");
        }
    },
};

fn complete(map: &mut Map<String, Value>, start: u64) -> bool {
    let mut changed = false;
    for name in ["schemas", "totalResults", "startIndex", "itemsPerPage", "Resources"] {
        let other = map.keys().find(|key| key.eq_ignore_ascii_case(name) && *key != name).cloned();
        if let Some(other) = other {
            changed |= super::members::rename(map, &other, name);
        }
    }
    if !map.contains_key("schemas") {
        map.insert("schemas".into(), json!([LIST_SCHEMA]));
        changed = true;
    }
    let count = map.get("Resources").and_then(Value::as_array).map_or(0, Vec::len);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    for (name, missing) in [("totalResults", count), ("startIndex", start), ("itemsPerPage", count)] {
        match map.get(name).and_then(number) {
            Some(have) => {
                if !map.get(name).is_some_and(Value::is_number) {
                    map.insert(name.into(), have.into());
                    changed = true;
                }
            }
            None => {
                map.insert(name.into(), missing.into());
                changed = true;
            }
        }
    }
    if !map.get("Resources").is_some_and(Value::is_array) {
        map.insert("Resources".into(), json!([]));
        changed = true;
    }
    changed
}

pub(crate) const R12: Rule<Answer> = Rule {
    id: "R12",
    says: "drops the entries of a complete list that the filter does not match, and refuses a list of nothing else",
    certainty: Certainty::Judgement,
    apply: |answer, context, notes| {
        let Some(filter) = answer.shape.filter.clone().filter(|_| answer.is_list()) else { return };
        let Some(pairs) = filter.equalities() else { return };
        let Some(Value::Object(map)) = answer.json() else { return };
        let total = map.get("totalResults").and_then(number);
        let Some(Value::Array(items)) = map.get_mut("Resources") else { return };
        let before = items.len();
        if total != u64::try_from(before).ok() {
            return;
        }
        let matches =
            |item: &Value| !pairs.iter().any(|(name, literal)| differs(context, item, name, literal));
        if !items.iter().any(matches) {
            // Entra takes the one entry of a list for the account that it looked for, and renames or disables it. An empty
            // list would make it create another. Where no entry can be what was meant, neither is told.
            let may_be_meant =
                |item: &Value| pairs.iter().all(|(name, literal)| may_mean(context, item, name, literal));
            if before > 0 && !items.iter().any(may_be_meant) {
                let detail = "The application lists what the filter does not match, and nothing else.";
                answer.set(502, error_body(502, None, Some(detail)));
                notes.mark("Resources");
            }
            return;
        }
        items.retain(matches);
        let after = items.len();
        if after != before {
            map.insert("totalResults".into(), after.into());
            map.insert("itemsPerPage".into(), after.into());
            answer.changed = true;
            notes.mark("Resources");
        }
    },
};

/// Whether a resource certainly does not have the value. What is not in the answer, or is no plain text, is not judged.
fn differs(context: &Context<'_>, item: &Value, name: &Name, literal: &Literal) -> bool {
    // Case is not judged either: which attributes are case-exact is the application's word.
    texts(context, item, name, literal).is_some_and(|(have, want)| have.to_lowercase() != want.to_lowercase())
}

/// Whether the application may have meant this resource, whose value is another than the one that was asked for: it need not
/// compare as we do, and may know people by another attribute as well. White space and the domain of an account are left out
/// of account, and what is not ASCII has several forms.
fn may_mean(context: &Context<'_>, item: &Value, name: &Name, literal: &Literal) -> bool {
    texts(context, item, name, literal).is_none_or(|(have, want)| {
        let begins = |have: &str| !have.is_empty() && want.to_lowercase().starts_with(&have.to_lowercase());
        !want.is_ascii() || !have.is_ascii() || begins(have) || says(item, &account_of(want))
    })
}

/// Whether a text anywhere in a resource is this account.
fn says(value: &Value, account: &str) -> bool {
    match value {
        Value::String(text) => account_of(text) == account,
        Value::Array(items) => items.iter().any(|item| says(item, account)),
        Value::Object(map) => map.values().any(|value| says(value, account)),
        _ => false,
    }
}

/// `ada` of `Ada@corp.example` and of `CORP\ada`.
fn account_of(text: &str) -> String {
    let text = text.rsplit('\\').next().unwrap_or_default();
    let text = text.split('@').next().unwrap_or_default();
    text.chars().filter(char::is_ascii_graphic).map(|char| char.to_ascii_lowercase()).collect()
}

/// The value of a resource and the one that was asked for, where both are plain text.
fn texts<'v>(
    context: &Context<'_>,
    item: &'v Value,
    name: &Name,
    literal: &'v Literal,
) -> Option<(&'v str, &'v str)> {
    let known = schema::meant(context.kind, name);
    let (Some(known), Literal::Text(want)) = (known, literal) else { return None };
    if known.multi || known.value_type != ValueType::Text {
        return None;
    }
    let holder = match &name.urn {
        Some(urn) if !context.kind.core().is_some_and(|core| name.is_of(core)) => item.get(urn),
        _ => Some(item),
    };
    let value = holder.and_then(|holder| holder.get(&name.attribute));
    let value = match &name.sub {
        Some(sub) => value.and_then(|value| value.get(sub)),
        None => value,
    };
    Some((value.and_then(Value::as_str)?, want.as_str()))
}
