//! Rules of group members: P20 P21 P23 P24 P25 P27. What goes wrong here empties a group.

use serde_json::Value;

use super::super::error::ScimError;
use super::super::filter::{Filter, Literal, Operator, Path};
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::rule::Rule;
use super::super::schema::{self, ResourceKind, ValueType};
use super::objects;

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Patch>] = &[&P20, &P21, &P23, &P24, &P25, &P27];

pub(crate) fn is_members(kind: &ResourceKind, name: &Name) -> bool {
    let known = schema::attribute(kind, name).is_some_and(|attribute| attribute.name == "members");
    let unknown_kind = matches!(kind, ResourceKind::Other(_)) && name.is_plain("members");
    name.sub.is_none() && (known || unknown_kind)
}

/// A removal of members as a whole that nevertheless names some in its value.
fn removes_named(kind: &ResourceKind, operation: &Operation) -> bool {
    operation.verb == Verb::Remove
        && operation.value.is_some()
        && !operation.selects()
        && operation.name().is_some_and(|name| {
            let is_value = name.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case("value"));
            is_members(kind, &if is_value { Name { sub: None, ..name.clone() } } else { name.clone() })
        })
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
    ids.iter().all(|id| !id.is_empty()).then_some(ids)
}

const P20: Rule<Patch> = Rule {
    id: "P20",
    says: "removes the members that a removal names, one operation each, instead of all of them",
    apply: |patch, context, notes| {
        let mut out = Vec::new();
        for operation in std::mem::take(&mut patch.operations) {
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
                None => notes.refuse(ScimError::Value(format!(
                    "Operations[{}] removes members without saying which.",
                    operation.place
                ))),
            }
        }
        patch.operations = out;
    },
};

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
    use super::super::trial::{group, group_refused, group_unchanged, user};
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
        for value in
            ["[{}]", "[7]", r#"[{"value":"u"},{"value":null}]"#, "true", r#"{"display":"x"}"#, r#"[""]"#]
        {
            group_refused("P20", &format!(r#"[{{"op":"remove","path":"members","value":{value}}}]"#), 400);
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
