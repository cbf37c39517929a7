//! Rules that an operator asks for: X1 and X2 for what the application cannot take, X3 and X4 for what it does not have, and
//! P22, a guard.
//!
//! They come last, when names have the spelling of the schema. Whether somebody is active, and who is a member, is
//! never left out: its loss would look like a success to Entra.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::ability::{EmptiedGroups, UnknownAttributes, UserNameChange};
use super::super::error::ScimError;
use super::super::filter::{Mode, Path};
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, extension};
use super::super::person::{is_about_active, is_about_user_name, is_core_schema};
use super::super::rule::{Certainty, Context, Rule};
use super::super::schema::{self, GROUP, ResourceKind};
use super::super::url::Action;
use super::members::{is_about_members, selects_one};
use super::resource::Resource;
use super::response::Answer;

/// Those of PATCH messages, in order.
pub(crate) const PATCH: &[&Rule<Patch>] = &[&X1_PATCH, &X2_PATCH, &P22];
/// Those of whole resources, in order.
pub(crate) const RESOURCE: &[&Rule<Resource>] = &[&X1, &X2];

const X1_ID: &str = "X1";
const X1_SAYS: &str = "drops or refuses attributes that the application does not know (unknown_attributes)";
const X2_ID: &str = "X2";
const X2_SAYS: &str = "drops or refuses a change of userName (user_name)";

const X1_PATCH: Rule<Patch> = Rule {
    id: X1_ID,
    says: X1_SAYS,
    certainty: Certainty::Chosen,
    apply: |patch, context, notes| {
        let choice = context.settings.abilities.unknown_attributes;
        if choice == UnknownAttributes::Pass {
            return;
        }
        let lacks = |name: &Name| lacks(context, name);
        patch.operations.retain_mut(|operation| {
            let found = without(operation, &lacks);
            let place = match found {
                Found::Nothing => return true,
                Found::Part => operation.at("value"),
                Found::Whole => operation.at("path"),
            };
            if choice == UnknownAttributes::Refuse {
                let what = format!("{place} names an attribute that the application does not know.");
                notes.refuse(ScimError::Path(what));
                return true;
            }
            notes.mark(place);
            found == Found::Part && operation.value.as_ref().is_none_or(is_something)
        });
    },
};

const X2_PATCH: Rule<Patch> = Rule {
    id: X2_ID,
    says: X2_SAYS,
    certainty: Certainty::Chosen,
    apply: |patch, context, notes| {
        let choice = context.settings.abilities.user_name_change;
        if choice == UserNameChange::Pass || *context.kind != ResourceKind::User {
            return;
        }
        patch.operations.retain_mut(|operation| {
            let found = without(operation, &is_about_user_name);
            if found == Found::Nothing {
                return true;
            }
            if choice == UserNameChange::Refuse {
                notes.refuse(immutable(&operation.at("path")));
                return true;
            }
            notes.mark(operation.at(if found == Found::Whole { "path" } else { "value" }));
            found == Found::Part && operation.value.as_ref().is_none_or(is_something)
        });
    },
};

const P22: Rule<Patch> = Rule {
    id: "P22",
    says: "refuses the removal of all members of a group (remove_all_members)",
    certainty: Certainty::Chosen,
    apply: |patch, context, notes| {
        if context.settings.abilities.emptied_groups == EmptiedGroups::Pass {
            return;
        }
        let empties =
            |operation: &&Operation| operation.verb != Verb::Add && empties_members(context.kind, operation);
        if let Some(operation) = patch.operations.iter().find(empties) {
            let what = format!("{} removes all members, which is refused here.", operation.at("path"));
            notes.refuse(ScimError::Value(what));
        }
    },
};

/// Whether a removal or replacement leaves a group, or what may be one, without the members that it has.
fn empties_members(kind: &ResourceKind, operation: &Operation) -> bool {
    let is_nobody = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let may_be_group = matches!(kind, ResourceKind::Group | ResourceKind::Other(_));
    let about = |key: &str| Name::parse(key).is_some_and(|name| is_about_members(kind, &name));
    let leaves_nobody = |value: &Value| {
        let own = |map: &Map<String, Value>| map.iter().any(|(key, value)| about(key) && is_nobody(value));
        // The attributes of a schema may stand below its name.
        value.as_object().is_some_and(|map| own(map) || map.values().filter_map(Value::as_object).any(own))
    };
    let is_one = operation.path.as_ref().is_some_and(|path| selects_one(&path.tree));
    match operation.name() {
        // Whom any other selector than that of one member selects may be everybody. A part of a member is none.
        Some(name) if is_about_members(kind, name) => {
            let is_part = operation.selects()
                && name.sub.as_ref().is_some_and(|sub| !sub.eq_ignore_ascii_case("value"));
            !is_one && !is_part && operation.value.as_ref().is_none_or(is_nobody)
        }
        // A removal of the whole schema.
        Some(name) if may_be_group && name.is_bare_urn() => {
            operation.verb == Verb::Remove || operation.value.as_ref().is_some_and(leaves_nobody)
        }
        Some(_) => false,
        None => may_be_group && operation.value.as_ref().is_some_and(leaves_nobody),
    }
}

const X1: Rule<Resource> = Rule {
    id: X1_ID,
    says: X1_SAYS,
    certainty: Certainty::Chosen,
    apply: |resource, context, notes| {
        let choice = context.settings.abilities.unknown_attributes;
        if choice == UnknownAttributes::Pass {
            return;
        }
        let mut places = BTreeSet::new();
        let lacks = |name: &Name| lacks(context, name);
        let mut gone = BTreeSet::new();
        resource.members.retain(|key, value| {
            let was_object = value.is_object();
            let found = strip_member(None, key, value, &lacks);
            if found == Found::Nothing {
                return true;
            }
            places.insert(place_of(key));
            let stays = found == Found::Part && is_something(value);
            if !stays && was_object {
                gone.insert(key.to_ascii_lowercase());
            }
            stays
        });
        if choice == UnknownAttributes::Refuse {
            if let Some(place) = places.first() {
                let what = format!("The application does not know `{place}`, or a part of it.");
                notes.refuse(ScimError::Value(what));
            }
            return;
        }
        places.into_iter().for_each(|place| notes.mark(place));
        // A schema without data is not claimed.
        if let Some(Value::Array(schemas)) = resource.members.get_mut("schemas") {
            schemas.retain(|urn| urn.as_str().is_none_or(|urn| !gone.contains(&urn.to_ascii_lowercase())));
        }
    },
};

const X2: Rule<Resource> = Rule {
    id: X2_ID,
    says: X2_SAYS,
    certainty: Certainty::Chosen,
    apply: |resource, context, notes| {
        // A replacement must carry the name (RFC 7643 section 4.1.1), and whether it is a new one is not known here: to
        // leave it out would break the request, so it stays where changes are dropped.
        let refuses = context.settings.abilities.user_name_change == UserNameChange::Refuse;
        if refuses && resource.action == Action::Replace && *context.kind == ResourceKind::User {
            notes.refuse(immutable("the body"));
        }
    },
};

fn immutable(place: &str) -> ScimError {
    ScimError::Mutability(format!("{place} changes userName, which this application does not let change."))
}

pub(crate) const X3: Rule<Answer> = Rule {
    id: "X3",
    says: "refuses what is about groups where the application has none, and leaves them out of discovery (groups)",
    certainty: Certainty::Chosen,
    apply: |answer, context, notes| {
        let is_catalogue = matches!(answer.shape.kind, ResourceKind::Discovery("Schemas" | "ResourceTypes"));
        if !context.settings.without_groups || !is_catalogue || !answer.is_success() {
            return;
        }
        let Some(Value::Object(list)) = answer.json() else { return };
        let Some(Value::Array(items)) = list.get_mut("Resources") else { return };
        let before = items.len();
        items.retain(|item| !is_of_groups(item));
        let after = items.len();
        if after != before {
            list.insert("totalResults".into(), after.into());
            list.insert("itemsPerPage".into(), after.into());
            answer.changed = true;
            notes.mark("Resources");
        }
    },
};

/// Whether a schema or resource type is that of groups.
fn is_of_groups(item: &Value) -> bool {
    let says = |name: &str, want: &str| {
        item.get(name).and_then(Value::as_str).is_some_and(|have| have.eq_ignore_ascii_case(want))
    };
    says("id", GROUP) || says("schema", GROUP) || says("endpoint", "/Groups")
}

/// Request rule; applied where the target is known.
pub(crate) const X4: Rule<String> = Rule {
    id: "X4",
    says: "answers schema discovery itself (discovery)",
    certainty: Certainty::Chosen,
    apply: |_, _, notes| notes.mark("path"),
};

/// What may be asked of `/Groups` where there are none.
pub(crate) fn only_queries(action: Action) -> Result<(), ScimError> {
    match action {
        Action::List | Action::Search => Ok(()),
        Action::Read => Err(ScimError::Absent("This application has no groups.")),
        _ => Err(ScimError::Unsupported(
            "This application has no groups: switch off the group mapping of this provisioning job.",
        )),
    }
}

/// Whether the application certainly does not know the attribute, so that it can be left out.
fn lacks(context: &Context<'_>, name: &Name) -> bool {
    let kind = context.kind;
    let is_needed = is_about_active(name)
        || is_core_schema(name)
        || is_about_members(kind, name)
        || schema::attribute(kind, name).is_some_and(|known| known.required);
    !is_needed && context.settings.known_attributes.lacks(kind, name)
}

/// How much of something an attribute is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// It has been taken out; something else may be left.
    Part,
    Whole,
}

/// Takes the attributes that `is_it` means out of an operation.
fn without(operation: &mut Operation, is_it: &dyn Fn(&Name) -> bool) -> Found {
    let name = operation.path.as_ref().map(|path| path.tree.name.clone());
    let Some(value) = &mut operation.value else {
        return if name.as_ref().is_some_and(is_it) { Found::Whole } else { Found::Nothing };
    };
    match name {
        Some(name) if is_about_active(&name) => Found::Nothing,
        Some(name) if is_it(&name) => Found::Whole,
        Some(name) if name.is_bare_urn() || is_core_schema(&name) => {
            strip_map(Some(&name.to_string()), value, is_it)
        }
        Some(name) => strip_subs(&name, value, is_it),
        None => strip_map(None, value, is_it),
    }
}

/// Out of a map of attributes; those of an extension have its URN.
fn strip_map(urn: Option<&str>, value: &mut Value, is_it: &dyn Fn(&Name) -> bool) -> Found {
    let Value::Object(map) = value else { return Found::Nothing };
    let mut found = Found::Nothing;
    map.retain(|key, value| match strip_member(urn, key, value, is_it) {
        Found::Nothing => true,
        part => {
            found = Found::Part;
            part == Found::Part && is_something(value)
        }
    });
    found
}

fn strip_member(urn: Option<&str>, key: &str, value: &mut Value, is_it: &dyn Fn(&Name) -> bool) -> Found {
    let path = Path::parse(key, Mode::Strict).or_else(|| Path::parse(key, Mode::Unescaped));
    // What has no attribute's name is no attribute that anybody knows.
    let name = path.map_or_else(|| Name::plain(key), |path| path.name);
    let name = match urn {
        Some(urn) if name.urn.is_none() => Name { urn: Some(urn.to_owned()), ..name },
        _ => name,
    };
    // What is below the activity of an account belongs to it, however it is written.
    if is_about_active(&name) {
        return Found::Nothing;
    }
    if is_it(&name) {
        return Found::Whole;
    }
    if is_core_schema(&name) || extension(&name, value).is_some() {
        return strip_map(Some(&name.to_string()), value, is_it);
    }
    strip_subs(&name, value, is_it)
}

/// Out of the sub-attributes of a complex value, or of each element of a list.
fn strip_subs(name: &Name, value: &mut Value, is_it: &dyn Fn(&Name) -> bool) -> Found {
    let mut found = Found::Nothing;
    if name.sub.is_some() {
        return found;
    }
    let mut strip = |map: &mut Map<String, Value>| {
        let before = map.len();
        map.retain(|sub, _| !is_it(&name.with_sub(sub)));
        if map.len() != before {
            found = Found::Part;
        }
    };
    match value {
        Value::Object(map) => strip(map),
        Value::Array(items) => {
            items.iter_mut().filter_map(Value::as_object_mut).for_each(strip);
            if found == Found::Part {
                items.retain(|item| item.as_object().is_none_or(|map| !map.is_empty()));
            }
        }
        _ => {}
    }
    found
}

/// Whether anything is left of a value; nothing must not become the clearing of an attribute.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// A member's name for the record: without the values that a selector holds.
fn place_of(key: &str) -> String {
    Path::parse(key, Mode::Strict).map_or_else(|| "body".to_owned(), |path| path.name.to_string())
}

#[cfg(test)]
mod tests;
