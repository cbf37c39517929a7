//! Rules on the shape of PATCH operations and on their paths: P14 P1 P3 P4, then P11 P13 P8 F8 F3.

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::filter::{Mode, Path};
use super::super::name::Name;
use super::super::patch::{OPERATIONS, Operation, Patch, Verb, extension};
use super::super::rule::{Certainty, Context, Notes, Rule};
use super::super::schema::{self, ResourceKind};
use super::{filter, values};

/// Rules on the shape, in order.
pub(crate) const SHAPE: &[&Rule<Patch>] = &[&P14, &P1, &P3, &P4];
/// Rules on paths, in order.
pub(crate) const PATHS: &[&Rule<Patch>] = &[&P11, &P13, &P8, &F8, &F3, &F4];

const P14: Rule<Patch> = Rule {
    id: "P14",
    says: "drops members that the PATCH message does not define",
    certainty: Certainty::Harmless,
    apply: |patch, _, notes| {
        let before = patch.members.len();
        patch.members.retain(|key, _| key == OPERATIONS || key.eq_ignore_ascii_case("schemas"));
        if patch.members.len() != before {
            notes.mark("body");
        }
        for operation in &mut patch.operations {
            if !operation.extra.is_empty() {
                operation.extra.clear();
                notes.mark(format!("Operations[{}]", operation.place));
            }
        }
    },
};

const P1: Rule<Patch> = Rule {
    id: "P1",
    says: "writes op in lower case",
    certainty: Certainty::Certain,
    apply: |patch, _, notes| {
        for operation in &mut patch.operations {
            if operation.op != operation.verb.text() {
                operation.verb.text().clone_into(&mut operation.op);
                notes.mark(operation.at("op"));
            }
        }
    },
};

const P3: Rule<Patch> = Rule {
    id: "P3",
    says: "splits a map without path that holds dotted names, or names to be cleared, into one operation each",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| expand(patch, context, notes, needs_path),
};

const P4: Rule<Patch> = Rule {
    id: "P4",
    says: "splits a map without path that holds names qualified by a schema into one operation each",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        expand(patch, context, notes, |_, path, value| {
            path.name.urn.is_some() && !path.name.is_bare_urn() && !is_container(&path.name, value)
        });
    },
};

/// Whether an object under a URN is an extension's. A URN without version cannot be told from a qualified attribute,
/// so an object below one is left alone.
fn is_container(name: &Name, value: &Value) -> bool {
    extension(name, value).is_some()
        || (value.is_object()
            && name.urn.as_deref().is_some_and(|urn| !urn.contains('.') && schema::known_urn(urn).is_none()))
}

/// Whether a member of a map can only be said with a path.
fn needs_path(context: &Context<'_>, path: &Path, value: &Value) -> bool {
    let name = &path.name;
    if let (Some(urn), Value::Object(inner)) = (extension(name, value), value) {
        let needs = |key: &str, value: &Value| {
            let inner = Name { urn: Some(urn.to_owned()), ..Name::parse(key)? };
            Some(inner.sub.is_some() || values::clears_once_unwrapped(context, &inner, value))
        };
        // With a member whose name cannot be read, the map stays as it is.
        let needed: Option<Vec<bool>> = inner.iter().map(|(key, value)| needs(key, value)).collect();
        return needed.is_some_and(|needed| needed.contains(&true));
    }
    if name.urn.is_none() && (name.sub.is_some() || path.selector.is_some()) {
        return true;
    }
    let is_manager =
        *context.kind == ResourceKind::User && name.is_plain("manager") && context.settings.is_on("P8");
    is_manager || values::clears_once_unwrapped(context, name, value)
}

fn expand(
    patch: &mut Patch,
    context: &Context<'_>,
    notes: &mut Notes<'_>,
    needs: fn(&Context<'_>, &Path, &Value) -> bool,
) {
    let mut out = Vec::new();
    for operation in std::mem::take(&mut patch.operations) {
        let needed = operation.path.is_none()
            && operation.verb != Verb::Remove
            && operation.value.as_ref().and_then(Value::as_object).is_some_and(|map| {
                map.iter().any(|(key, value)| read_key(key).is_some_and(|path| needs(context, &path, value)))
            });
        match operation.value {
            Some(Value::Object(ref map)) if needed => {
                notes.mark(operation.at("value"));
                for (key, value) in map {
                    match read_key(key) {
                        Some(path) => expand_member(&operation, path, key, value, context, needs, &mut out),
                        None => notes.refuse(ScimError::Path(format!(
                            "Operations[{}].value has a member whose name cannot be read.",
                            operation.place
                        ))),
                    }
                }
            }
            _ => out.push(operation),
        }
    }
    patch.operations = out;
}

fn read_key(key: &str) -> Option<Path> {
    Path::parse(key, Mode::Strict).or_else(|| Path::parse(key, Mode::Unescaped))
}

fn expand_member(
    operation: &Operation,
    path: Path,
    key: &str,
    value: &Value,
    context: &Context<'_>,
    needs: fn(&Context<'_>, &Path, &Value) -> bool,
    out: &mut Vec<Operation>,
) {
    if !is_container(&path.name, value) {
        out.push(operation.with(Some(path), Some(value.clone())));
        return;
    }
    // An extension's object is no attribute and has no path of its own: it stays a map, unless its members need paths.
    let members = value.as_object().filter(|_| needs(context, &path, value));
    match members {
        Some(members) => {
            for (key, value) in members {
                let inner = Name::parse(key).map(|inner| Name { urn: path.name.urn.clone(), ..inner });
                out.push(operation.with(inner.map(Path::of), Some(value.clone())));
            }
        }
        None => {
            let map = Map::from_iter([(key.to_owned(), value.clone())]);
            out.push(operation.with(None, Some(Value::Object(map))));
        }
    }
}

/// Changes paths with `change`, which tells whether it did.
fn each_path(patch: &mut Patch, notes: &mut Notes<'_>, change: &dyn Fn(&mut Path) -> bool) {
    for operation in &mut patch.operations {
        if let Some(path) = &mut operation.path
            && change(&mut path.tree)
        {
            path.rewrite();
            notes.mark(operation.at("path"));
        }
    }
}

const P8: Rule<Patch> = Rule {
    id: "P8",
    says: "qualifies the path manager with the enterprise schema",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        if *context.kind == ResourceKind::User {
            each_path(patch, notes, &|path| {
                let name = &mut path.name;
                let found = name.urn.is_none() && name.attribute.eq_ignore_ascii_case("manager");
                if found {
                    name.urn = Some(schema::ENTERPRISE.into());
                    filter::spell(&ResourceKind::User, name);
                }
                found
            });
        }
    },
};

const P11: Rule<Patch> = Rule {
    id: "P11",
    says: "separates schema and attribute with a colon, not a dot",
    certainty: Certainty::Certain,
    apply: |patch, _, notes| each_path(patch, notes, &|path| std::mem::take(&mut path.name.dotted)),
};

const P13: Rule<Patch> = Rule {
    id: "P13",
    says: "writes core attributes without their schema and all names in the spelling of the schema",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| {
        each_path(patch, notes, &|path| {
            let name = &mut path.name;
            let mut changed = false;
            let core = context.kind.core();
            if core.is_some_and(|core| name.is_of(core)) && !name.is_bare_urn() {
                name.urn = None;
                name.dotted = false;
                changed = true;
            }
            changed | filter::spell(context.kind, name)
        });
    },
};

/// Runs a rule for single paths over all of them.
fn selectors(patch: &mut Patch, context: &Context<'_>, notes: &mut Notes<'_>, id: &str) {
    let Some(rule) = filter::SELECTOR.iter().find(|rule| rule.id == id) else { return };
    each_path(patch, notes, &|path| {
        let before = path.clone();
        let mut trail = Vec::new();
        // Selector rules refuse nothing.
        let _ = super::super::rule::run(&[rule], path, context, &mut trail);
        *path != before
    });
}

const F8: Rule<Patch> = Rule {
    id: "F8",
    says: "gives attribute names in a selector the spelling of the schema",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| selectors(patch, context, notes, "F8"),
};

const F3: Rule<Patch> = Rule {
    id: "F3",
    says: "compares a Boolean attribute in a selector with true or false, not with a text",
    certainty: Certainty::Certain,
    apply: |patch, context, notes| selectors(patch, context, notes, "F3"),
};

const F4: Rule<Patch> = Rule {
    id: "F4",
    says: "quotes a literal that was left bare in a selector",
    certainty: Certainty::Judgement,
    apply: |patch, context, notes| selectors(patch, context, notes, "F4"),
};

#[cfg(test)]
mod tests {
    use super::super::trial::{group, unchanged, user};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

    #[test]
    fn p1_writes_the_verb_in_lower_case() {
        for op in ["Add", "ADD", "add"] {
            user(
                "P1",
                &format!(r#"[{{"op":"{op}","path":"title","value":"x"}}]"#),
                r#"[{"op":"add","path":"title","value":"x"}]"#,
            );
        }
    }

    #[test]
    fn p3_splits_a_map_with_a_dotted_name_and_keeps_the_order() {
        user(
            "P3",
            r#"[{"op":"replace","value":{"title":"a","name.givenName":"b","active":false}}]"#,
            r#"[{"op":"replace","path":"title","value":"a"},{"op":"replace","path":"name.givenName","value":"b"},
                {"op":"replace","path":"active","value":false}]"#,
        );
        user(
            "P3",
            r#"[{"op":"add","value":{"emails[type eq \"work\"].value":"a"}}]"#,
            r#"[{"op":"add","path":"emails[type eq \"work\"].value","value":"a"}]"#,
        );
        user(
            "P3",
            &format!(
                r#"[{{"op":"add","value":{{"name.givenName":"a","{ENTERPRISE}":{{"department":"d"}}}}}}]"#
            ),
            &format!(
                r#"[{{"op":"add","path":"name.givenName","value":"a"}},{{"op":"add","value":{{"{ENTERPRISE}":{{"department":"d"}}}}}}]"#
            ),
        );
    }

    #[test]
    fn p3_splits_a_map_with_a_name_to_be_cleared_however_its_value_is_wrapped() {
        for nothing in
            ["[]", r#"[{"value":[]}]"#, r#"[{"$ref":null,"value":""}]"#, r#"[{"value":[{"value":null}]}]"#]
        {
            user(
                "P3",
                &format!(r#"[{{"op":"add","value":{{"active":true,"title":{nothing}}}}}]"#),
                &format!(
                    r#"[{{"op":"add","path":"active","value":true}},{{"op":"add","path":"title","value":{nothing}}}]"#
                ),
            );
        }
    }

    #[test]
    fn p3_leaves_a_valid_map_alone() {
        for map in [
            r#"{"userName":"a"}"#.to_owned(),
            r#"{"name":{"familyName":"a"},"title":"b"}"#.to_owned(),
            r#"{"emails":[{"value":"a.b"}]}"#.to_owned(),
            format!(r#"{{"{ENTERPRISE}":{{"department":"d"}}}}"#),
            format!(r#"{{"{ENTERPRISE}":{{"name.givenName":"a","roles[primary eq true].value":"b"}}}}"#),
        ] {
            unchanged("P3", &format!(r#"[{{"op":"replace","value":{map}}}]"#));
        }
        unchanged("P3", r#"[{"op":"replace","path":"name","value":{"givenName":"b"}}]"#);
    }

    #[test]
    fn p4_splits_a_map_whose_names_carry_a_schema() {
        user(
            "P4",
            &format!(r#"[{{"op":"replace","value":{{"{ENTERPRISE}:department":"d","title":"t"}}}}]"#),
            &format!(
                r#"[{{"op":"replace","path":"{ENTERPRISE}:department","value":"d"}},{{"op":"replace","path":"title","value":"t"}}]"#
            ),
        );
        unchanged("P4", &format!(r#"[{{"op":"replace","value":{{"{ENTERPRISE}":{{"department":"d"}}}}}}]"#));
    }

    #[test]
    fn p8_qualifies_manager() {
        for path in ["manager", "Manager"] {
            user(
                "P8",
                &format!(r#"[{{"op":"add","path":"{path}","value":"m"}}]"#),
                &format!(r#"[{{"op":"add","path":"{ENTERPRISE}:manager","value":"m"}}]"#),
            );
        }
        unchanged("P8", &format!(r#"[{{"op":"add","path":"{ENTERPRISE}:manager","value":"m"}}]"#));
        group(
            "P8",
            r#"[{"op":"add","path":"manager","value":"m"}]"#,
            r#"[{"op":"add","path":"manager","value":"m"}]"#,
        );
    }

    #[test]
    fn p11_separates_schema_and_attribute_with_a_colon() {
        for urn in [ENTERPRISE, "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User"] {
            user(
                "P11",
                &format!(r#"[{{"op":"add","path":"{urn}.department","value":"d"}}]"#),
                &format!(r#"[{{"op":"add","path":"{urn}:department","value":"d"}}]"#),
            );
        }
    }

    #[test]
    fn p13_writes_names_as_the_schema_does() {
        for (from, to) in [
            (format!("{CORE}:active"), "active".to_owned()),
            (format!("{}:ACTIVE", CORE.to_uppercase().replacen("URN", "urn", 1)), "active".to_owned()),
            ("UserName".to_owned(), "userName".to_owned()),
            ("name.GivenName".to_owned(), "name.givenName".to_owned()),
            (format!("{}:Department", ENTERPRISE.to_lowercase()), format!("{ENTERPRISE}:department")),
        ] {
            user(
                "P13",
                &format!(r#"[{{"op":"add","path":"{from}","value":"d"}}]"#),
                &format!(r#"[{{"op":"add","path":"{to}","value":"d"}}]"#),
            );
        }
        unchanged("P13", r#"[{"op":"add","path":"BadgeNo","value":"d"}]"#);
    }

    #[test]
    fn p14_drops_members_that_the_message_does_not_define() {
        group(
            "P14",
            r#"[{"op":"add","path":"members","value":[{"value":"u"}],"name":"addMember"}]"#,
            r#"[{"op":"add","path":"members","value":[{"value":"u"}]}]"#,
        );
    }

    #[test]
    fn f3_f4_and_f8_repair_the_selector_of_a_path() {
        user(
            "F3",
            r#"[{"op":"add","path":"roles[primary eq \"True\"].value","value":"a"}]"#,
            r#"[{"op":"add","path":"roles[primary eq true].value","value":"a"}]"#,
        );
        user(
            "F4",
            r#"[{"op":"add","path":"emails[type eq work].value","value":"a"}]"#,
            r#"[{"op":"add","path":"emails[type eq \"work\"].value","value":"a"}]"#,
        );
        user(
            "F8",
            r#"[{"op":"add","path":"emails[Type eq \"work\"].value","value":"a"}]"#,
            r#"[{"op":"add","path":"emails[type eq \"work\"].value","value":"a"}]"#,
        );
    }
}
