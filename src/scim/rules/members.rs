//! Rules of group members: P20 P21 P23 P24 P25 P27. What goes wrong here empties a group.

use serde_json::Value;

use super::super::error::ScimError;
use super::super::filter::{Filter, Literal, Operator, Path};
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::rule::{Certainty, Rule};
use super::super::schema::{self, ResourceKind, ValueType};
use super::objects;

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Patch>] = &[&P20, &P21, &P23, &P24, &P25, &P27];

/// Whether `name` is the members of a group as a whole.
pub(crate) fn is_members(kind: &ResourceKind, name: &Name) -> bool {
    name.sub.is_none() && is_about_members(kind, name) && (name.urn.is_none() || name.is_of(schema::GROUP))
}

/// Whether `name` is, or is below, an attribute that a server may take for the members of a group: under any schema,
/// and at any endpoint that is not known to be something else.
pub(crate) fn is_about_members(kind: &ResourceKind, name: &Name) -> bool {
    matches!(kind, ResourceKind::Group | ResourceKind::Other(_))
        && name.attribute.eq_ignore_ascii_case("members")
}

/// Whether a path means one member and no other.
pub(crate) fn selects_one(path: &Path) -> bool {
    let pairs = path.selector.as_ref().and_then(Filter::equalities);
    pairs.is_some_and(|pairs| pairs.iter().any(|(name, _)| name.is_plain("value")))
}

/// A removal of members as a whole that nevertheless names some in its value.
fn removes_named(kind: &ResourceKind, operation: &Operation) -> bool {
    operation.verb == Verb::Remove
        && operation.value.is_some()
        && !operation.selects()
        && operation.name().is_some_and(|name| {
            is_about_members(kind, name)
                && name.sub.as_deref().is_none_or(|sub| sub.eq_ignore_ascii_case("value"))
        })
}

/// A removal that says with a value what no rule can say in its path: of several members through a selector, of a part
/// of every member, or of a whole schema that may hold the members.
fn removes_vaguely(kind: &ResourceKind, operation: &Operation) -> bool {
    let Some(path) = operation.path.as_ref().map(|path| &path.tree) else { return false };
    let is_group = matches!(kind, ResourceKind::Group | ResourceKind::Other(_));
    operation.verb == Verb::Remove
        && operation.value.as_ref().is_some_and(|value| !value.is_null())
        && ((is_group && path.name.is_bare_urn()) || is_about_members(kind, &path.name))
        && !removes_named(kind, operation)
        && !selects_one(path)
}

/// The identifiers that a value names; `None` where one of them cannot be read.
fn named(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(id) => Some(id.clone()),
        Value::Object(map) => member(map, "value").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let ids = match value {
        // null and [] name nobody (RFC 7643 section 2.5).
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(one).collect::<Option<_>>()?,
        other => vec![one(other)?],
    };
    // No filter is read here that asks for a control character, so that nobody can be selected by one.
    ids.iter().all(|id| !id.is_empty() && !id.contains(char::is_control)).then_some(ids)
}

const P20: Rule<Patch> = Rule {
    id: "P20",
    says: "removes the members that a removal names, one operation each, instead of all of them",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        let mut out = Vec::new();
        for operation in std::mem::take(&mut patch.operations) {
            if removes_vaguely(context.kind, &operation) {
                notes.refuse(vague(&operation));
            }
            if !removes_named(context.kind, &operation) {
                out.push(operation);
                continue;
            }
            match operation.value.as_ref().and_then(named) {
                // Nobody is named; P21 decides.
                Some(ids) if ids.is_empty() => out.push(operation),
                Some(ids) => {
                    notes.mark(operation.at("value"));
                    let mut seen = std::collections::HashSet::new();
                    for id in ids {
                        if seen.insert(id.clone()) {
                            out.push(removal_of(&operation, id));
                        }
                    }
                }
                // Passing it on would empty the group at a server that ignores the value.
                None => notes.refuse(vague(&operation)),
            }
        }
        patch.operations = out;
    },
};

fn vague(operation: &Operation) -> ScimError {
    ScimError::Value(format!("Operations[{}] removes members without saying which.", operation.place))
}

fn removal_of(operation: &Operation, id: String) -> Operation {
    let path = operation.path.as_ref().map(|path| Path {
        name: Name { sub: None, ..path.tree.name.clone() },
        selector: Some(Filter::Compare(Name::plain("value"), Operator::Eq, Literal::Text(id))),
    });
    operation.with(path, None)
}

const P21: Rule<Patch> = Rule {
    id: "P21",
    says: "drops a removal of members that names nobody",
    certainty: Certainty::Judgement,
    apply: |patch, context, notes| {
        patch.operations.retain(|operation| {
            let empty = removes_named(context.kind, operation)
                && operation.value.as_ref().and_then(named).is_some_and(|ids| ids.is_empty());
            if empty {
                notes.mark(operation.at("value"));
            }
            !empty
        });
    },
};

const P23: Rule<Patch> = Rule {
    id: "P23",
    says: "drops a $ref that is null",
    certainty: Certainty::Certain,
    apply: |patch, _, notes| {
        for operation in &mut patch.operations {
            let mut changed = false;
            operation.each_value(&mut |_, _, value| {
                for map in objects(value) {
                    if map.get("$ref").is_some_and(Value::is_null) {
                        map.shift_remove("$ref");
                        changed = true;
                    }
                }
            });
            if changed {
                notes.mark(operation.at("value"));
            }
        }
    },
};

const P24: Rule<Patch> = Rule {
    id: "P24",
    says: "makes an element of each text given to a multi-valued complex attribute",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        for operation in patch.operations.iter_mut().filter(|operation| operation.verb != Verb::Remove) {
            let mut changed = false;
            operation.each_value(&mut |name, selected, value| {
                let is_list = name.sub.is_none()
                    && schema::attribute(context.kind, name)
                        .is_some_and(|known| known.multi && known.value_type == ValueType::Complex);
                if selected || !is_list {
                    return;
                }
                if value.as_str().is_some_and(|text| !text.is_empty()) {
                    *value = Value::Array(vec![value.take()]);
                }
                for item in value.as_array_mut().into_iter().flatten().filter(|item| item.is_string()) {
                    *item = serde_json::json!({"value": item.take()});
                    changed = true;
                }
            });
            if changed {
                notes.mark(operation.at("value"));
            }
        }
    },
};

const P25: Rule<Patch> = Rule {
    id: "P25",
    says: "names a member's label display, not displayName",
    certainty: Certainty::Judgement,
    apply: |patch, context, notes| {
        for operation in &mut patch.operations {
            let mut changed = false;
            operation.each_value(&mut |name, _, value| {
                if is_members(context.kind, name) {
                    for map in objects(value) {
                        changed |= rename(map, "displayName", "display");
                    }
                }
            });
            if changed {
                notes.mark(operation.at("value"));
            }
        }
    },
};

/// Renames a member at its place; leaves it where the new name is taken.
pub(crate) fn rename(map: &mut serde_json::Map<String, Value>, from: &str, to: &str) -> bool {
    if !map.contains_key(from) || map.contains_key(to) {
        return false;
    }
    *map = std::mem::take(map)
        .into_iter()
        .map(|(key, value)| if key == from { (to.to_owned(), value) } else { (key, value) })
        .collect();
    true
}

const P27: Rule<Patch> = Rule {
    id: "P27",
    says: "names a member once in one list",
    certainty: Certainty::Harmless,
    apply: |patch, context, notes| {
        for operation in patch.operations.iter_mut().filter(|operation| operation.verb != Verb::Remove) {
            let mut changed = false;
            operation.each_value(&mut |name, _, value| {
                if let Value::Array(items) = value
                    && is_members(context.kind, name)
                {
                    let before = items.len();
                    let mut seen = std::collections::HashSet::new();
                    items.retain(|item| match item.get("value").and_then(Value::as_str) {
                        Some(id) => seen.insert(id.to_owned()),
                        None => true,
                    });
                    changed |= items.len() != before;
                }
            });
            if changed {
                notes.mark(operation.at("value"));
            }
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::trial::{group, group_refused, group_unchanged, other, other_refused, user};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_group_is_never_emptied_by_a_removal_that_names_members() {
        for value in [
            r#"[{"value":"u-1"},{"$ref":null,"value":"u-2"},{"value":"u-1"}]"#,
            r#"["u-1","u-2"]"#,
            r#"[{"Value":"u-1"},"u-2"]"#,
        ] {
            group(
                "P20",
                &format!(r#"[{{"op":"remove","path":"members","value":{value}}}]"#),
                r#"[{"op":"remove","path":"members[value eq \"u-1\"]"},{"op":"remove","path":"members[value eq \"u-2\"]"}]"#,
            );
        }
        for value in [r#"{"value":"u-1"}"#, r#""u-1""#] {
            group(
                "P20",
                &format!(r#"[{{"op":"remove","path":"members","value":{value}}}]"#),
                r#"[{"op":"remove","path":"members[value eq \"u-1\"]"}]"#,
            );
        }
    }

    #[test]
    fn a_removal_at_members_value_is_one_of_members() {
        group(
            "P20",
            r#"[{"op":"remove","path":"members.value","value":"u-1"}]"#,
            r#"[{"op":"remove","path":"members[value eq \"u-1\"]"}]"#,
        );
    }

    #[test]
    fn an_identifier_is_escaped_where_it_becomes_part_of_a_path() {
        group(
            "P20",
            r#"[{"op":"remove","path":"members","value":[{"value":"CORP\\ada \"A\""}]}]"#,
            r#"[{"op":"remove","path":"members[value eq \"CORP\\\\ada \\\"A\\\"\"]"}]"#,
        );
    }

    #[test]
    fn a_removal_whose_members_cannot_be_read_is_refused() {
        for value in [
            "[{}]",
            "[7]",
            r#"[{"value":"u"},{"value":null}]"#,
            "true",
            r#"{"display":"x"}"#,
            r#"[""]"#,
            r#"["CORP\\\tina"]"#,
        ] {
            group_refused("P20", &format!(r#"[{{"op":"remove","path":"members","value":{value}}}]"#), 400);
        }
    }

    #[test]
    fn a_removal_through_a_selector_of_several_members_or_of_a_part_of_them_that_has_a_value_is_refused() {
        for path in [
            r#"members[type eq \"User\"]"#,
            "members[value pr]",
            r#"members[value sw \"u\"]"#,
            r#"members[value eq \"u\" or value eq \"v\"]"#,
            r#"members[not (value eq \"u\")]"#,
            "members.display",
            "members.$ref",
            "Members.Type",
            "urn:ietf:params:scim:schemas:core:2.0:Group:members.display",
            "urn:northwind:2.0:Crew:members.display",
            "urn:ietf:params:scim:schemas:core:2.0:Group",
        ] {
            for value in [r#"[{"value":"u-1"}]"#, r#""u-1""#, "[]", r#"{"members":[{"value":"u-1"}]}"#] {
                let operations = format!(r#"[{{"op":"remove","path":"{path}","value":{value}}}]"#);
                group_refused("P20", &operations, 400);
                other_refused("P20", &operations, 400);
            }
            group_unchanged("P20", &format!(r#"[{{"op":"remove","path":"{path}"}}]"#));
        }
        let one = r#"[{"op":"remove","path":"members[value eq \"u\" and type eq \"User\"]","value":"u"}]"#;
        group_unchanged("P20", one);
    }

    #[test]
    fn members_are_members_under_any_schema_and_at_any_endpoint() {
        for path in [
            "members",
            "MEMBERS.value",
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "urn:northwind:2.0:Crew:members",
            "urn:northwind:members.value",
        ] {
            let from = format!(
                r#"[{{"op":"remove","path":"{path}","value":[{{"value":"u-1"}},{{"value":"u-2"}}]}}]"#
            );
            let whole = path.trim_end_matches(".value");
            let to = format!(
                r#"[{{"op":"remove","path":"{whole}[value eq \"u-1\"]"}},{{"op":"remove","path":"{whole}[value eq \"u-2\"]"}}]"#
            );
            group("P20", &from, &to);
            other("P20", &from, &to);
            other("P21", &format!(r#"[{{"op":"remove","path":"{path}","value":[]}}]"#), "[]");
            other_refused("P20", &format!(r#"[{{"op":"remove","path":"{path}","value":[{{}}]}}]"#), 400);
        }
    }

    #[test]
    fn a_removal_without_path_is_refused() {
        for members in [r#"{"members":[{"value":"u-1"}]}"#, r#"[{"value":"u-1"}]"#, "null"] {
            for path in ["", r#""path":"","#, r#""path":null,"#, r#""path":" ","#] {
                let operations = format!(r#"[{{"op":"Remove",{path}"value":{members}}}]"#);
                group_refused("P20", &operations, 400);
                other_refused("P20", &operations, 400);
            }
        }
    }

    #[test]
    fn a_removal_of_all_members_and_a_conformant_one_pass() {
        group_unchanged("P20", r#"[{"op":"remove","path":"members"}]"#);
        group_unchanged("P20", r#"[{"op":"remove","path":"members[value eq \"u\"]"}]"#);
        group_unchanged("P20", r#"[{"op":"replace","path":"members","value":[{"value":"u"}]}]"#);
    }

    #[test]
    fn p21_drops_a_removal_that_names_nobody() {
        for value in ["[]", "null"] {
            group(
                "P21",
                &format!(
                    r#"[{{"op":"remove","path":"members","value":{value}}},{{"op":"add","path":"externalId","value":"x"}}]"#
                ),
                r#"[{"op":"add","path":"externalId","value":"x"}]"#,
            );
        }
        group_unchanged("P21", r#"[{"op":"remove","path":"members"}]"#);
    }

    #[test]
    fn p23_drops_a_reference_that_is_null() {
        group(
            "P23",
            r#"[{"op":"add","path":"members","value":[{"$ref":null,"value":"u"},{"$ref":"x","value":"v"}]}]"#,
            r#"[{"op":"add","path":"members","value":[{"value":"u"},{"$ref":"x","value":"v"}]}]"#,
        );
        group(
            "P23",
            r#"[{"op":"add","value":{"members":[{"$ref":null,"value":"u"}]}}]"#,
            r#"[{"op":"add","value":{"members":[{"value":"u"}]}}]"#,
        );
    }

    #[test]
    fn p24_makes_elements_of_texts() {
        user(
            "P24",
            r#"[{"op":"add","path":"roles","value":["a",{"value":"b"}]}]"#,
            r#"[{"op":"add","path":"roles","value":[{"value":"a"},{"value":"b"}]}]"#,
        );
        group(
            "P24",
            r#"[{"op":"add","path":"members","value":"u"}]"#,
            r#"[{"op":"add","path":"members","value":[{"value":"u"}]}]"#,
        );
        user(
            "P24",
            r#"[{"op":"add","path":"title","value":"u"}]"#,
            r#"[{"op":"add","path":"title","value":"u"}]"#,
        );
        user(
            "P24",
            r#"[{"op":"add","path":"emails[type eq \"work\"].value","value":"u"}]"#,
            r#"[{"op":"add","path":"emails[type eq \"work\"].value","value":"u"}]"#,
        );
    }

    #[test]
    fn p25_names_a_label_display() {
        group(
            "P25",
            r#"[{"op":"add","path":"members","value":[{"displayName":"A","value":"u"}]}]"#,
            r#"[{"op":"add","path":"members","value":[{"display":"A","value":"u"}]}]"#,
        );
        group_unchanged(
            "P25",
            r#"[{"op":"add","path":"members","value":[{"displayName":"A","display":"B"}]}]"#,
        );
    }

    #[test]
    fn p27_names_a_member_once() {
        group(
            "P27",
            r#"[{"op":"add","path":"members","value":[{"value":"u"},{"value":"v"},{"value":"u"}]}]"#,
            r#"[{"op":"add","path":"members","value":[{"value":"u"},{"value":"v"}]}]"#,
        );
    }
}
