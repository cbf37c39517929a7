//! Rules on the values of PATCH operations: P6 P7 P35 P2 P12 P40 P41 P9 P10 P43.

use serde_json::{Map, Number, Value};

use super::super::filter::Path;
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::person::is_about_active;
use super::super::rule::{Certainty, Context, Notes, Rule};
use super::super::schema::{self, ResourceKind, ValueType};
use super::members::{is_about_members, selects_one};
use super::{TO_BOOLEAN, TO_NUMBER, convert};

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Patch>] = &[&P6, &P7, &P35, &P2, &P12, &P40, &P41, &P9, &P10, &P43];

/// Whether `name` is the manager of the enterprise extension.
pub(crate) fn is_manager(name: &Name) -> bool {
    name.sub.is_none() && name.is_of(schema::ENTERPRISE) && name.attribute.eq_ignore_ascii_case("manager")
}

/// Changes values that are set; `change` tells whether it did.
fn each_set(patch: &mut Patch, notes: &mut Notes<'_>, change: &dyn Fn(&Name, bool, &mut Value) -> bool) {
    for operation in patch.operations.iter_mut().filter(|operation| operation.verb != Verb::Remove) {
        let mut changed = false;
        operation.each_value(&mut |name, selected, value| changed |= change(name, selected, value));
        if changed {
            notes.mark(operation.at("value"));
        }
    }
}

const P6: Rule<Patch> = Rule {
    id: "P6",
    says: "unwraps a value that old jobs wrap in a list of one",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        each_set(patch, notes, &|name, _, value| unwrap_wholly(context, name, value));
    },
};

/// Wrapped twice, a value would be unwrapped once more the next time.
fn unwrap_wholly(context: &Context<'_>, name: &Name, value: &mut Value) -> bool {
    let mut changed = false;
    while unwrap(context, name, value) {
        changed = true;
    }
    changed
}

fn unwrap(context: &Context<'_>, name: &Name, value: &mut Value) -> bool {
    let known = schema::meant(context.kind, name);
    let value_type = schema::value_type(context.kind, name, &context.settings.declared_types);
    if known.is_some_and(|known| known.multi) || value_type.is_none() {
        return false;
    }
    let Some([Value::Object(only)]) = value.as_array_mut().map(Vec::as_mut_slice) else { return false };
    if value_type == Some(ValueType::Complex) {
        // A reference into the identity provider means nothing to the application.
        let foreign = |reference: &Value| match reference {
            Value::String(text) => text.contains("://"),
            other => other.is_null(),
        };
        if only.get("$ref").is_some_and(foreign) {
            only.shift_remove("$ref");
        }
        *value = Value::Object(std::mem::take(only));
        return true;
    }
    let is_wrapper = only.keys().all(|key| key == "$ref" || key.eq_ignore_ascii_case("value"));
    match member(only, "value") {
        Some(inner) if is_wrapper => {
            *value = inner.clone();
            true
        }
        _ => false,
    }
}

const P7: Rule<Patch> = Rule {
    id: "P7",
    says: "makes an object of a manager given as text",
    certainty: Certainty::Certain,
    apply: |patch, _, notes| each_set(patch, notes, &|name, _, value| manager_object(name, value)),
};

/// `"u-1"` becomes `{"value":"u-1"}` for the manager; an empty text is left to the rules that clear.
pub(crate) fn manager_object(name: &Name, value: &mut Value) -> bool {
    let is_id = is_manager(name) && value.as_str().is_some_and(|text| !text.is_empty());
    if is_id {
        *value = serde_json::json!({"value": value.take()});
    }
    is_id
}

const P35: Rule<Patch> = Rule {
    id: "P35",
    says: "decodes app roles that arrive as JSON text",
    certainty: Certainty::Judgement,
    apply: |patch, context, notes| {
        each_set(patch, notes, &|name, selected, value| app_roles(context.kind, name, selected, value));
    },
};

/// Decodes roles of a user; shared with creates.
pub(crate) fn app_roles(kind: &ResourceKind, name: &Name, selected: bool, value: &mut Value) -> bool {
    if schema::attribute(kind, name).is_none_or(|known| known.name != "roles") {
        return false;
    }
    if selected {
        let is_value = name.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case("value"));
        let decoded = value.as_str().filter(|_| is_value).and_then(app_role);
        return decoded.is_some_and(|(role, _)| {
            *value = role.into();
            true
        });
    }
    let mut changed = false;
    for item in value.as_array_mut().into_iter().flatten() {
        let Value::Object(map) = item else { continue };
        if let Some((role, display)) = map.get("value").and_then(Value::as_str).and_then(app_role) {
            map.insert("value".into(), role.into());
            if let Some(display) = display
                && !map.contains_key("display")
            {
                map.insert("display".into(), display.into());
            }
            changed = true;
        }
    }
    changed
}

/// The value and the label of an app role; an empty value means the identifier.
fn app_role(text: &str) -> Option<(String, Option<String>)> {
    let Ok(Value::Object(role)) = crate::common::json::parse(text.as_bytes()) else { return None };
    let text = |name: &str| {
        member(&role, name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Some((text("value").or_else(|| text("id"))?, text("displayName")))
}

const P2: Rule<Patch> = Rule {
    id: "P2",
    says: "writes true and false as JSON for attributes that the schema calls Boolean",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        each_set(patch, notes, &|name, _, value| convert(context, name, value, &TO_BOOLEAN));
    },
};

const P12: Rule<Patch> = Rule {
    id: "P12",
    says: "writes numbers as JSON for attributes that the schema calls integer or decimal",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        each_set(patch, notes, &|name, _, value| convert(context, name, value, &TO_NUMBER));
    },
};

/// Canonical numbers only: a text with leading zeros or spaces is not the number.
pub(crate) fn to_number(value_type: ValueType, text: &str) -> Option<Value> {
    let is_whole = !text.contains(['.', 'e', 'E']);
    match value_type {
        ValueType::Integer if is_whole => {}
        ValueType::Decimal => {}
        _ => return None,
    }
    let is_number = crate::common::json::parse(text.as_bytes()).is_ok_and(|value| value.is_number());
    let is_bare = text.starts_with(|char: char| char == '-' || char.is_ascii_digit())
        && text.ends_with(|char: char| char.is_ascii_digit())
        && text != "-0";
    (is_number && is_bare).then(|| Value::Number(Number::from_string_unchecked(text.into())))
}

/// What a value that clears its attribute is cleared by; `None` for every other value.
pub(crate) fn clears(context: &Context<'_>, name: &Name, value: &Value) -> Option<&'static str> {
    let kind = context.kind;
    let may_clear = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Object(_) => is_manager(name),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !may_clear {
        return None;
    }
    // Clearing members empties the group, and clearing `active` might deactivate the person: neither is done because
    // of a value that could be a slip.
    if is_about_members(kind, name) || is_about_active(name) {
        return None;
    }
    let known = schema::meant(kind, name);
    let rule = if is_manager(name) && is_empty_manager(value) {
        "P9"
    } else if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
        let guarded = |known: &schema::Attribute| known.required;
        if name.is_bare_urn() || schema::attribute(kind, name).is_some_and(guarded) {
            return None;
        }
        "P40"
    } else if value.as_str().is_some_and(str::is_empty) {
        let clearable = known.is_some_and(|known| {
            !known.required
                && !known.multi
                && !matches!(known.name, "id" | "externalId")
                && matches!(known.value_type, ValueType::Text | ValueType::Reference)
        });
        if !clearable {
            return None;
        }
        "P41"
    } else {
        return None;
    };
    context.settings.is_on(rule).then_some(rule)
}

/// Whether a value clears its attribute, be it only once P6 has unwrapped it.
pub(crate) fn clears_once_unwrapped(context: &Context<'_>, name: &Name, value: &Value) -> bool {
    let mut inner = Value::Null;
    let is_wrapped = value.is_array() && context.settings.is_on("P6") && {
        inner.clone_from(value);
        unwrap_wholly(context, name, &mut inner)
    };
    clears(context, name, if is_wrapped { &inner } else { value }).is_some()
}

fn is_empty_manager(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Object(map) => {
            !map.is_empty()
                && map.iter().all(|(_, value)| value.is_null() || value.as_str().is_some_and(str::is_empty))
                && member(map, "value").is_some()
        }
        _ => false,
    }
}

const P40: Rule<Patch> = Rule {
    id: "P40",
    says: "removes what is set to null or to an empty list",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| clear(patch, context, notes, "P40"),
};

const P41: Rule<Patch> = Rule {
    id: "P41",
    says: "removes an optional attribute that is set to an empty text",
    certainty: Certainty::Judgement,
    apply: |patch, context, notes| clear(patch, context, notes, "P41"),
};

const P9: Rule<Patch> = Rule {
    id: "P9",
    says: "removes a manager that is set to nobody",
    certainty: Certainty::Partly,
    apply: |patch, context, notes| clear(patch, context, notes, "P9"),
};

fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().all(Value::is_null),
        value => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
    }
}

fn clear(patch: &mut Patch, context: &Context<'_>, notes: &mut Notes<'_>, rule: &str) {
    // Of what is not known it cannot be told whether a removal would take away more than the one value.
    let is_single = |operation: &Operation| {
        let is_one = |known: &schema::Attribute| !known.multi;
        operation.name().is_some_and(|name| {
            schema::meant(context.kind, name).is_some_and(is_one)
                && (operation.selects() || schema::attribute(context.kind, name).is_some_and(is_one))
        }) && !operation.value.as_ref().is_some_and(Value::is_array)
    };
    patch.operations.retain_mut(|operation| {
        let matches = operation.verb != Verb::Remove
            && operation
                .name()
                .zip(operation.value.as_ref())
                .is_some_and(|(name, value)| clears(context, name, value) == Some(rule));
        if !matches {
            return true;
        }
        // `{"value":""}` and an empty text are legal values; null is unassigned by definition (RFC 7643 section 2.5).
        if operation.value.as_ref().is_some_and(is_unassigned) {
            notes.mark(operation.at("value"));
        } else {
            notes.judge(operation.at("value"));
        }
        // Adding nothing to a list changes nothing (RFC 7644 section 3.5.2.1).
        if operation.verb == Verb::Add && !is_single(operation) {
            return false;
        }
        // An element whose value is gone is gone.
        if rule == "P41"
            && let Some(path) = &mut operation.path
            && path.tree.selector.is_some()
            && path.tree.name.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case("value"))
        {
            path.tree.name.sub = None;
            path.rewrite();
        }
        operation.remove();
        true
    });
}

const P10: Rule<Patch> = Rule {
    id: "P10",
    says: "drops the value of a removal",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        for operation in patch.operations.iter_mut().filter(|operation| operation.verb == Verb::Remove) {
            // Where the value may name elements of a list, dropping it would remove them all.
            let names_elements = operation.value.as_ref().is_some_and(|value| !value.is_null())
                && operation.path.as_ref().is_some_and(|path| {
                    let Path { name, selector } = &path.tree;
                    match selector {
                        None => schema::attribute(context.kind, name).is_none_or(|known| known.multi),
                        // `members[type eq "User"]` with a value may mean one of them; `[value eq "u"]` means one.
                        Some(_) => is_about_members(context.kind, name) && !selects_one(&path.tree),
                    }
                });
            if operation.path.is_some() && operation.value.is_some() && !names_elements {
                operation.value = None;
                notes.mark(operation.at("value"));
            }
        }
    },
};

const P43: Rule<Patch> = Rule {
    id: "P43",
    says: "answers a request without operations itself",
    certainty: Certainty::Judgement,
    apply: |patch, _, notes| {
        if patch.was_empty {
            notes.mark("Operations");
        }
    },
};

/// Whether nothing is left to be done, so that the application need not be asked (P43, P21).
pub(crate) fn is_done(patch: &Patch, context: &Context<'_>) -> bool {
    patch.operations.is_empty() && (!patch.was_empty || context.settings.is_on("P43"))
}

/// An object whose null members are dropped; for creates.
pub(crate) fn drop_nulls(map: &mut Map<String, Value>) -> bool {
    let has_null = map.values().any(Value::is_null);
    if has_null {
        map.retain(|_, value| !value.is_null());
    }
    has_null
}

/// Drops the null members of objects within the values, at any depth. A list of places instead of recursion keeps the
/// stack flat, whatever the bound of the reader.
pub(crate) fn drop_nulls_within(mut values: Vec<&mut Value>) -> bool {
    let mut changed = false;
    while let Some(value) = values.pop() {
        match value {
            Value::Object(inner) => {
                changed |= drop_nulls(inner);
                values.extend(inner.values_mut());
            }
            Value::Array(items) => values.extend(items.iter_mut()),
            _ => {}
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::trial::{group, group_unchanged, other, unchanged, user};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    /// One operation on `path`, from one value to another.
    fn value(rule: &str, path: &str, from: &str, to: &str) {
        let operation = |value: &str| format!(r#"[{{"op":"replace","path":"{path}","value":{value}}}]"#);
        user(rule, &operation(from), &operation(to));
    }

    fn removed(rule: &str, path: &str, from: &str, to: &str) {
        user(
            rule,
            &format!(r#"[{{"op":"replace","path":"{path}","value":{from}}}]"#),
            &format!(r#"[{{"op":"remove","path":"{to}"}}]"#),
        );
    }

    #[test]
    fn p2_writes_booleans_where_the_schema_says_so() {
        for (text, want) in [("False", "false"), ("True", "true"), ("false", "false"), (" TRUE ", "true")] {
            value("P2", "active", &format!("\"{text}\""), want);
            value("P2", r#"emails[type eq \"work\"].primary"#, &format!("\"{text}\""), want);
            value(
                "P2",
                "roles",
                &format!(r#"[{{"value":"a","primary":"{text}"}}]"#),
                &format!(r#"[{{"value":"a","primary":{want}}}]"#),
            );
        }
        user(
            "P2",
            r#"[{"op":"add","value":{"active":"False"}}]"#,
            r#"[{"op":"add","value":{"active":false}}]"#,
        );
        user(
            "P2",
            r#"[{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"active":"False"}}}]"#,
            r#"[{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"active":false}}}]"#,
        );
    }

    #[test]
    fn p2_never_converts_by_looks() {
        for (path, text) in [
            ("title", "True"),
            ("displayName", "false"),
            (r#"roles[primary eq true].value"#, "True"),
            ("urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:active", "True"),
            ("active", "no"),
            ("active", ""),
        ] {
            unchanged("P2", &format!(r#"[{{"op":"replace","path":"{path}","value":"{text}"}}]"#));
        }
    }

    #[test]
    fn p6_unwraps_single_values_only() {
        value("P6", "displayName", r#"[{"$ref":null,"value":"A"}]"#, r#""A""#);
        value("P6", "active", r#"[{"value":"False"}]"#, r#""False""#);
        value("P6", "displayName", r#"[{"value":[{"value":"A"}]}]"#, r#""A""#);
        value("P6", "name.givenName", r#"[{"$ref":null,"value":"A"}]"#, r#""A""#);
        let manager = format!("{ENTERPRISE}:manager");
        value(
            "P6",
            &manager,
            r#"[{"$ref":"http://idp.example/scim/Users/u","value":"u"}]"#,
            r#"{"value":"u"}"#,
        );
        value(
            "P6",
            &manager,
            r#"[{"$ref":"../Users/u","value":"u"}]"#,
            r#"{"$ref":"../Users/u","value":"u"}"#,
        );
        for (path, value) in [
            ("roles", r#"[{"$ref":null,"value":"A"}]"#),
            ("badge", r#"[{"$ref":null,"value":"A"}]"#),
            ("displayName", r#"[{"value":"A"},{"value":"B"}]"#),
            ("displayName", r#"[{"value":"A","type":"x"}]"#),
        ] {
            unchanged("P6", &format!(r#"[{{"op":"add","path":"{path}","value":{value}}}]"#));
        }
    }

    #[test]
    fn p7_makes_an_object_of_a_manager_in_every_form() {
        value("P7", &format!("{ENTERPRISE}:manager"), r#""u-1""#, r#"{"value":"u-1"}"#);
        user(
            "P7",
            &format!(r#"[{{"op":"add","value":{{"{ENTERPRISE}":{{"manager":"u-1"}}}}}}]"#),
            &format!(r#"[{{"op":"add","value":{{"{ENTERPRISE}":{{"manager":{{"value":"u-1"}}}}}}}}]"#),
        );
        unchanged("P7", &format!(r#"[{{"op":"add","path":"{ENTERPRISE}:manager","value":""}}]"#));
        unchanged("P7", &format!(r#"[{{"op":"add","path":"{ENTERPRISE}:department","value":"u-1"}}]"#));
    }

    #[test]
    fn p9_removes_a_manager_that_is_nobody() {
        let manager = format!("{ENTERPRISE}:manager");
        for from in [r#""""#, r#"{"value":""}"#, r#"{"value":null}"#, r#"{"value":"","displayName":""}"#] {
            removed("P9", &manager, from, &manager);
        }
        unchanged("P9", &format!(r#"[{{"op":"replace","path":"{manager}","value":{{"value":"u"}}}}]"#));
    }

    #[test]
    fn p10_drops_the_value_of_a_removal_but_never_one_that_may_name_elements() {
        user("P10", r#"[{"op":"remove","path":"title","value":"x"}]"#, r#"[{"op":"remove","path":"title"}]"#);
        user(
            "P10",
            r#"[{"op":"remove","path":"emails[type eq \"work\"]","value":"x"}]"#,
            r#"[{"op":"remove","path":"emails[type eq \"work\"]"}]"#,
        );
        unchanged("P10", r#"[{"op":"remove","path":"roles","value":[{"value":"x"}]}]"#);
        unchanged("P10", r#"[{"op":"remove","path":"badges","value":[{"value":"x"}]}]"#);
        unchanged("P10", r#"[{"op":"remove","path":"roles.value","value":"x"}]"#);
        group_unchanged("P10", r#"[{"op":"remove","path":"members","value":[{"value":"x"}]}]"#);
        group_unchanged(
            "P10",
            r#"[{"op":"remove","path":"members[type eq \"User\"]","value":[{"value":"x"}]}]"#,
        );
        group(
            "P10",
            r#"[{"op":"remove","path":"members[value eq \"x\"]","value":[{"value":"x"}]}]"#,
            r#"[{"op":"remove","path":"members[value eq \"x\"]"}]"#,
        );
    }

    #[test]
    fn p35_decodes_app_roles() {
        value(
            "P35",
            "roles",
            r#"[{"value":"{\"id\":\"1\",\"value\":\"approver\",\"displayName\":\"Approver\"}"}]"#,
            r#"[{"value":"approver","display":"Approver"}]"#,
        );
        value("P35", "roles", r#"[{"value":"{\"id\":\"1\",\"value\":null}"}]"#, r#"[{"value":"1"}]"#);
        value("P35", "roles[primary eq true].value", r#""{\"id\":\"1\",\"value\":\"a\"}""#, r#""a""#);
        for text in [
            r#"[{"value":"approver"}]"#,
            r#"[{"value":"{not json"}]"#,
            r#"[{"value":"[1]"}]"#,
            r#"[{"value":"25"}]"#,
        ] {
            unchanged("P35", &format!(r#"[{{"op":"add","path":"roles","value":{text}}}]"#));
        }
        unchanged("P35", r#"[{"op":"add","path":"emails","value":[{"value":"{\"value\":\"a\"}"}]}]"#);
    }

    #[test]
    fn p40_removes_what_is_set_to_null_but_never_clears_active_or_members() {
        removed("P40", "title", "null", "title");
        removed("P40", "roles", "[]", "roles");
        removed("P40", "name.middleName", "null", "name.middleName");
        for path in ["active", "userName"] {
            unchanged("P40", &format!(r#"[{{"op":"replace","path":"{path}","value":null}}]"#));
        }
        group_unchanged("P40", r#"[{"op":"replace","path":"members","value":[]}]"#);
        group_unchanged("P40", r#"[{"op":"add","path":"members","value":[]}]"#);
        user(
            "P40",
            r#"[{"op":"add","path":"roles","value":[]},{"op":"add","path":"title","value":"x"}]"#,
            r#"[{"op":"add","path":"title","value":"x"}]"#,
        );
    }

    #[test]
    fn p40_makes_no_removal_of_an_addition_to_what_may_be_a_list() {
        let badges = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:badges";
        for path in [badges, "badge", "emails", "emails.value", "roles.display"] {
            for value in ["null", "[]"] {
                user("P40", &format!(r#"[{{"op":"add","path":"{path}","value":{value}}}]"#), "[]");
            }
        }
        user("P40", r#"[{"op":"add","path":"title","value":null}]"#, r#"[{"op":"remove","path":"title"}]"#);
        other("P40", r#"[{"op":"add","path":"badges","value":null}]"#, "[]");
        user("P41", r#"[{"op":"add","path":"emails.value","value":""}]"#, "[]");
    }

    #[test]
    fn active_is_never_cleared_by_a_value_below_any_spelling_of_the_core_schema() {
        let core = "urn:ietf:params:scim:schemas:core";
        for path in ["active.value", "{}:2.0:User:active", "{}:2.0:active", "{}:active"] {
            let path = path.replace("{}", core);
            for verb in ["add", "replace"] {
                unchanged("P40", &format!(r#"[{{"op":"{verb}","path":"{path}","value":null}}]"#));
            }
        }
    }

    #[test]
    fn members_are_never_cleared_by_a_value_at_any_endpoint() {
        for path in [
            "members",
            "Members",
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "members.value",
            r#"members[type eq \"User\"].value"#,
        ] {
            for (verb, value) in [("add", "null"), ("add", "[]"), ("replace", "null"), ("replace", r#""""#)] {
                for rule in ["P40", "P41"] {
                    let operations = format!(r#"[{{"op":"{verb}","path":"{path}","value":{value}}}]"#);
                    group_unchanged(rule, &operations);
                    other(rule, &operations, &operations);
                }
            }
        }
    }

    #[test]
    fn p41_removes_an_optional_text_that_is_set_to_nothing() {
        removed("P41", "title", r#""""#, "title");
        removed(
            "P41",
            r#"addresses[type eq \"work\"].region"#,
            r#""""#,
            r#"addresses[type eq \"work\"].region"#,
        );
        removed("P41", r#"emails[type eq \"work\"].value"#, r#""""#, r#"emails[type eq \"work\"]"#);
        for path in ["userName", "active", "badge", "externalId"] {
            unchanged("P41", &format!(r#"[{{"op":"replace","path":"{path}","value":""}}]"#));
        }
    }
}
