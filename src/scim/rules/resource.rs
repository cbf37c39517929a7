//! Rules of whole resources in creates and replacements: C2 C10 C9 C4 C3 C6 C5 C1 C7 C8 P35.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::super::filter::{Filter, Literal, Mode, Path};
use super::super::name::Name;
use super::super::patch::{each_attribute, extension, member};
use super::super::person;
use super::super::rule::{Certainty, Rule};
use super::super::schema::{self, ResourceKind};
use super::super::url::Action;
use super::values::{app_roles, drop_nulls_within, is_manager, manager_object};
use super::{TO_BOOLEAN, TO_NUMBER, convert, filter, members, objects};

/// A resource as the client gives it.
pub(crate) struct Resource {
    pub(crate) members: Map<String, Value>,
    pub(crate) action: Action,
}

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Resource>] = &[&C2, &C10, &C9, &C4, &C3, &C6, &C5, &C1, &P12, &C7, &C8, &P35];

/// No client has more flat names than this; nesting takes time for each of them and each member.
const MOST_FLAT: usize = 200;

const C10: Rule<Resource> = Rule {
    id: "C10",
    says: "nests names that are written with dots or with their schema",
    certainty: Certainty::Judgement,
    apply: |resource, context, notes| {
        let count = resource.members.keys().filter(|key| flat(key).is_some()).count();
        if !(1..=MOST_FLAT).contains(&count) {
            return;
        }
        // What stands in its place already comes first, so that nothing nested can be overwritten.
        let (flat_members, mut out): (Vec<_>, Vec<_>) =
            std::mem::take(&mut resource.members).into_iter().partition(|(key, _)| flat(key).is_some());
        let mut out: Map<String, Value> = out.drain(..).collect();
        let own: HashSet<String> = out.keys().cloned().collect();
        let mut unfit = Vec::new();
        for (key, value) in flat_members {
            let path = flat(&key).map(|mut path| {
                filter::spell(context.kind, &mut path.name);
                path
            });
            // Elements join a list that this rule makes, never one of the client's own.
            let is_own = |path: &Path| {
                let holder = path
                    .name
                    .urn
                    .as_ref()
                    .filter(|_| context.kind.core().is_none_or(|core| !path.name.is_of(core)));
                path.selector.is_none() || !own.contains(holder.unwrap_or(&path.name.attribute))
            };
            match path.filter(|path| is_own(path) && fits(&out, path, context.kind)) {
                Some(path) if !value.is_object() || path.name.sub.is_none() => {
                    nest(&mut out, &path, value, context.kind);
                    notes.mark("body");
                }
                _ => unfit.push((key, value)),
            }
        }
        out.extend(unfit);
        resource.members = out;
    },
};

/// A member name that is a path: dotted, qualified, or selecting.
fn flat(key: &str) -> Option<Path> {
    let path = Path::parse(key, Mode::Strict)?;
    let name = &path.name;
    // Only a schema with its version says where it ends; in `urn:contoso.com:hr` the last part is none of its attributes.
    let known_urn =
        name.urn.as_deref().is_none_or(|urn| Name::parse(urn).is_some_and(|name| name.is_bare_urn()));
    let is_flat = name.sub.is_some() || name.urn.is_some() || path.selector.is_some();
    (is_flat && !name.is_bare_urn() && known_urn).then_some(path)
}

/// Whether the place where the value belongs is free, or an object or list that it can join.
fn fits(out: &Map<String, Value>, path: &Path, kind: &ResourceKind) -> bool {
    let name = &path.name;
    let other_spelling = |map: &Map<String, Value>, name: &str| {
        map.keys().any(|key| key != name && key.eq_ignore_ascii_case(name))
    };
    if name.urn.as_deref().is_some_and(|urn| other_spelling(out, urn)) {
        return false;
    }
    let holder = match &name.urn {
        Some(urn) if kind.core().is_none_or(|core| !name.is_of(core)) => match out.get(urn) {
            Some(Value::Object(inner)) => inner,
            Some(_) => return false,
            None => return path.selector.is_none(),
        },
        _ => out,
    };
    if other_spelling(holder, &name.attribute) {
        return false;
    }
    match (holder.get(&name.attribute), &name.sub, &path.selector) {
        (None, _, None) => true,
        (Some(Value::Object(inner)), Some(sub), None) => {
            !inner.contains_key(sub) && !other_spelling(inner, sub)
        }
        (None, Some(_), Some(selector)) => selector.equalities().is_some(),
        (Some(Value::Array(items)), Some(sub), Some(selector)) => described(selector).is_some_and(|wanted| {
            items.iter().filter(|item| has_all(item, &wanted)).all(|item| {
                item.as_object().is_some_and(|item| !item.contains_key(sub) && !other_spelling(item, sub))
            })
        }),
        _ => false,
    }
}

fn nest(out: &mut Map<String, Value>, path: &Path, value: Value, kind: &ResourceKind) {
    let name = &path.name;
    let holder = match &name.urn {
        Some(urn) if kind.core().is_none_or(|core| !name.is_of(core)) => {
            let inner = out.entry(urn.clone()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return };
            inner
        }
        _ => out,
    };
    match (&name.sub, &path.selector) {
        (Some(sub), Some(selector)) => {
            let list = holder.entry(name.attribute.clone()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = list {
                set_in_element(items, selector, sub, value);
            }
        }
        (Some(sub), None) => {
            let inner = holder.entry(name.attribute.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                inner.insert(sub.clone(), value);
            }
        }
        _ => {
            holder.insert(name.attribute.clone(), value);
        }
    }
}

/// The members of an element that a conjunction of equalities selects.
pub(crate) fn described(selector: &Filter) -> Option<Map<String, Value>> {
    let pairs = selector.equalities()?;
    Some(pairs.into_iter().map(|(name, literal)| (name.attribute.clone(), literal_value(literal))).collect())
}

/// Whether an element has all these members.
pub(crate) fn has_all(item: &Value, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, want)| item.get(key) == Some(want))
}

/// Puts a sub-attribute into the element that the selector describes, which is made where there is none.
fn set_in_element(items: &mut Vec<Value>, selector: &Filter, sub: &str, value: Value) {
    let Some(wanted) = described(selector) else { return };
    match items.iter_mut().find(|item| has_all(item, &wanted)) {
        Some(Value::Object(item)) => {
            item.insert(sub.to_owned(), value);
        }
        _ => {
            let mut item = wanted;
            item.insert(sub.to_owned(), value);
            items.push(Value::Object(item));
        }
    }
}

/// The JSON value of a literal.
pub(crate) fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) | Literal::Bare(text) => Value::String(text.clone()),
        Literal::Word(word) => crate::common::json::parse(word.as_bytes()).unwrap_or(Value::Null),
    }
}

const C9: Rule<Resource> = Rule {
    id: "C9",
    says: "gives member names the spelling of the schema",
    certainty: Certainty::Certain,
    apply: |resource, context, notes| {
        if spell_members(context.kind, &mut resource.members) {
            notes.mark("body");
        }
    },
};

/// Gives the members of a resource, of its extensions and of its complex attributes the spelling of the schema.
pub(crate) fn spell_members(kind: &ResourceKind, map: &mut Map<String, Value>) -> bool {
    respell(map, &mut |key, value| {
        if schema::spelt(kind, key).is_some_and(|known| is_spelt(known, value)) {
            return (false, None);
        }
        let Some(mut name) = Name::parse(key) else { return (false, None) };
        let mut changed = false;
        if extension(&name, value).is_some() {
            let urn = name.urn.clone();
            if let Value::Object(inner) = value {
                changed |= respell(inner, &mut |key, value| {
                    let Some(inner) = Name::parse(key).filter(|inner| inner.urn.is_none()) else {
                        return (false, None);
                    };
                    let mut inner = Name { urn: urn.clone(), ..inner };
                    let changed = spell_subs(kind, &inner, value);
                    let respelt = filter::spell(kind, &mut inner);
                    inner.urn = None;
                    (changed, respelt.then(|| inner.to_string()))
                });
            }
        } else {
            changed |= spell_subs(kind, &name, value);
        }
        let respelt = filter::spell(kind, &mut name);
        (changed, respelt.then(|| name.to_string()))
    })
}

/// Whether all members of a value of `known` are spelt as the schema spells them.
fn is_spelt(known: &schema::Attribute, value: &Value) -> bool {
    let one = |item: &Value| match item {
        Value::Object(map) => map.keys().all(|key| known.subs.iter().any(|sub| sub.name == key)),
        _ => true,
    };
    match value {
        Value::Array(items) => items.iter().all(one),
        other => one(other),
    }
}

fn spell_subs(kind: &ResourceKind, name: &Name, value: &mut Value) -> bool {
    let mut changed = false;
    if name.sub.is_none() {
        for map in objects(value) {
            changed |= respell(map, &mut |key, _| {
                let known = schema::sub_attribute(kind, &name.with_sub(key));
                (false, known.filter(|known| known.name != key).map(|known| known.name.to_owned()))
            });
        }
    }
    changed
}

/// Tells whether it changed the value, and the member's new name where it needs one.
type Spell<'s> = dyn FnMut(&str, &mut Value) -> (bool, Option<String>) + 's;

/// Renames members at their places, never onto another member.
fn respell(map: &mut Map<String, Value>, spell: &mut Spell<'_>) -> bool {
    let mut changed = false;
    let mut renames = Vec::new();
    for (key, value) in map.iter_mut() {
        let (inside, rename) = spell(key, value);
        changed |= inside;
        if let Some(rename) = rename {
            renames.push((key.clone(), rename));
        }
    }
    for (from, to) in renames {
        changed |= members::rename(map, &from, &to);
    }
    changed
}

const C2: Rule<Resource> = Rule {
    id: "C2",
    says: "drops members that are null",
    certainty: Certainty::Certain,
    apply: |resource, context, notes| {
        // In a replacement, null for `active` might mean to deactivate: the application decides.
        let keep_active = resource.action == Action::Replace && *context.kind == ResourceKind::User;
        if drop_nulls_below(&mut resource.members, keep_active) {
            notes.mark("body");
        }
    },
};

/// Drops null members at any depth; what is inside a value for `active` is left alone, and with
/// `keep_active` so is that value.
fn drop_nulls_below(map: &mut Map<String, Value>, keep_active: bool) -> bool {
    let is_active = |key: &str| {
        Name::parse(key).is_some_and(|name| {
            name.attribute.eq_ignore_ascii_case("active") || person::is_about_active(&name)
        })
    };
    let is_kept = |key: &str| keep_active && is_active(key);
    let before = map.len();
    map.retain(|key, value| !value.is_null() || is_kept(key));
    let mut changed = map.len() != before;
    let mut values = Vec::new();
    for (key, value) in map.iter_mut() {
        let is_schema = Name::parse(key).is_some_and(|name| person::is_schema(&name));
        if is_schema && let Value::Object(inner) = value {
            let before = inner.len();
            inner.retain(|key, value| !value.is_null() || is_kept(key));
            changed |= inner.len() != before;
            values.extend(inner.iter_mut().filter(|(key, _)| !is_active(key)).map(|(_, value)| value));
        } else if !is_active(key) {
            values.push(value);
        }
    }
    changed | drop_nulls_within(values)
}

const C4: Rule<Resource> = Rule {
    id: "C4",
    says: "drops id and meta, which the application assigns",
    certainty: Certainty::Certain,
    apply: |resource, _, notes| {
        if resource.action == Action::Create {
            for name in ["id", "meta"] {
                if resource.members.shift_remove(name).is_some() {
                    notes.mark(name);
                }
            }
        }
    },
};

const C3: Rule<Resource> = Rule {
    id: "C3",
    says: "drops schemas that are no SCIM schema and have no data",
    certainty: Certainty::Certain,
    apply: |resource, _, notes| {
        let keys: HashSet<String> = resource.members.keys().cloned().collect();
        if let Some(Value::Array(schemas)) = resource.members.get_mut("schemas") {
            let before = schemas.len();
            schemas.retain(|schema| {
                schema.as_str().is_none_or(|uri| {
                    uri.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) || keys.contains(uri)
                })
            });
            if schemas.len() != before {
                notes.mark("schemas");
            }
        }
    },
};

/// A misprint in Microsoft's tutorial.
const MISPRINT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User";

const C6: Rule<Resource> = Rule {
    id: "C6",
    says: "repairs the misprinted enterprise schema (2.0User)",
    certainty: Certainty::Judgement,
    apply: |resource, _, notes| {
        let mut changed = members::rename(&mut resource.members, MISPRINT, schema::ENTERPRISE);
        if let Some(Value::Array(schemas)) = resource.members.get_mut("schemas") {
            let has_right_one = schemas.iter().any(|schema| schema == schema::ENTERPRISE);
            for schema in schemas.iter_mut().filter(|schema| *schema == MISPRINT && !has_right_one) {
                *schema = schema::ENTERPRISE.into();
                changed = true;
            }
        }
        if changed {
            notes.mark("schemas");
        }
    },
};

const C5: Rule<Resource> = Rule {
    id: "C5",
    says: "lists every extension that has data, and none that the application lacks and that has no data",
    certainty: Certainty::Partly,
    apply: |resource, context, notes| {
        let used: Vec<String> = resource
            .members
            .iter()
            .filter(|(key, value)| {
                Name::parse(key).is_some_and(|name| extension(&name, value).is_some())
                    && schema::known_urn(key) != context.kind.core()
            })
            .map(|(key, _)| key.clone())
            .collect();
        let with_data: HashSet<String> = used.iter().map(|urn| urn.to_ascii_lowercase()).collect();
        let Some(Value::Array(schemas)) = resource.members.get_mut("schemas") else { return };
        let before = schemas.len();
        if let Some(known) = &context.settings.known_schemas {
            schemas.retain(|schema| {
                schema.as_str().is_none_or(|urn| {
                    known.contains(urn)
                        || !urn.contains(":extension:")
                        || with_data.contains(&urn.to_ascii_lowercase())
                })
            });
        }
        if schemas.len() != before {
            notes.judge("schemas");
        }
        let mut changed = false;
        let mut listed: HashSet<String> =
            schemas.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
        for urn in used {
            if listed.insert(urn.to_ascii_lowercase()) {
                schemas.push(urn.into());
                changed = true;
            }
        }
        if changed {
            notes.mark("schemas");
        }
    },
};

const C1: Rule<Resource> = Rule {
    id: "C1",
    says: "writes true and false as JSON for attributes that the schema calls Boolean",
    certainty: Certainty::Certain,
    apply: |resource, context, notes| {
        each_attribute(&mut resource.members, &mut |name, _, value| {
            if convert(context, name, value, &TO_BOOLEAN) {
                notes.mark(name.attribute.clone());
            }
        });
    },
};

const P12: Rule<Resource> = Rule {
    id: "P12",
    says: "writes numbers as JSON for attributes that the schema calls integer or decimal",
    certainty: Certainty::Certain,
    apply: |resource, context, notes| {
        each_attribute(&mut resource.members, &mut |name, _, value| {
            if convert(context, name, value, &TO_NUMBER) {
                notes.mark(name.attribute.clone());
            }
        });
    },
};

const C7: Rule<Resource> = Rule {
    id: "C7",
    says: "names a role's label display, not displayName",
    certainty: Certainty::Judgement,
    apply: |resource, context, notes| {
        each_attribute(&mut resource.members, &mut |name, _, value| {
            if schema::attribute(context.kind, name).is_some_and(|known| known.name == "roles") {
                for map in objects(value) {
                    if members::rename(map, "displayName", "display") {
                        notes.mark("roles");
                    }
                }
            }
        });
    },
};

const C8: Rule<Resource> = Rule {
    id: "C8",
    says: "makes an object of a manager given as text and drops one that is nobody",
    certainty: Certainty::Partly,
    apply: |resource, _, notes| {
        each_attribute(&mut resource.members, &mut |name, _, value| {
            if manager_object(name, value) {
                notes.mark("manager");
            }
        });
        let is_nobody = |value: &Value| match value {
            Value::String(text) => text.is_empty(),
            Value::Object(map) => {
                member(map, "value").is_some_and(|id| id.as_str().is_some_and(str::is_empty))
            }
            _ => false,
        };
        // No members are no value (RFC 7643 section 2.5): what is left of a null, once C2 dropped it, says nothing.
        let is_unassigned = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        for (urn, inner) in &mut resource.members {
            let Value::Object(inner) = inner else { continue };
            let is_manager = |key: &str| is_manager(&Name { urn: Some(urn.clone()), ..Name::plain(key) });
            let before = inner.len();
            inner.retain(|key, value| !(is_manager(key) && is_unassigned(value)));
            if inner.len() != before {
                notes.mark("manager");
            }
            let before = inner.len();
            inner.retain(|key, value| !(is_manager(key) && is_nobody(value)));
            if inner.len() != before {
                notes.judge("manager");
            }
        }
    },
};

const P35: Rule<Resource> = Rule {
    id: "P35",
    says: "decodes app roles that arrive as JSON text",
    certainty: Certainty::Judgement,
    apply: |resource, context, notes| {
        each_attribute(&mut resource.members, &mut |name, selected, value| {
            if app_roles(context.kind, name, selected, value) {
                notes.mark("roles");
            }
        });
    },
};

#[cfg(test)]
mod tests {
    use super::super::super::rule::{Context, Settings, run};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ENTERPRISE: &str = schema::ENTERPRISE;

    fn alone(rule: &str, settings: &Settings, action: Action, text: &str) -> (Value, usize) {
        let Value::Object(members) = crate::common::json::parse(text.as_bytes()).unwrap() else { panic!() };
        let mut resource = Resource { members, action };
        let chosen: Vec<_> = ALL.iter().copied().filter(|have| have.id == rule).collect();
        assert!(!chosen.is_empty());
        let mut trail = Vec::new();
        let context = Context { kind: &ResourceKind::User, settings };
        run(&chosen, &mut resource, &context, &mut trail).unwrap();
        (Value::Object(resource.members), trail.len())
    }

    fn case_of(rule: &str, action: Action, from: &str, to: &str) {
        let settings = Settings::default();
        let want = crate::common::json::parse(to.as_bytes()).unwrap();
        let (got, records) = alone(rule, &settings, action, from);
        assert_eq!(got.to_string(), want.to_string(), "{from}");
        assert_eq!(records > 0, crate::common::json::parse(from.as_bytes()).unwrap() != want);
        assert_eq!(alone(rule, &settings, action, to), (want, 0), "twice: {from}");
    }

    fn case(rule: &str, from: &str, to: &str) {
        case_of(rule, Action::Create, from, to);
    }

    #[test]
    fn c1_writes_booleans_where_the_schema_says_so() {
        case(
            "C1",
            r#"{"active":"True","title":"True","roles":[{"primary":"False","value":"True"}]}"#,
            r#"{"active":true,"title":"True","roles":[{"primary":false,"value":"True"}]}"#,
        );
    }

    #[test]
    fn c2_drops_null_at_any_depth() {
        case(
            "C2",
            r#"{"department":null,"title":"a","name":{"givenName":null},"emails":[{"value":"a","type":null}]}"#,
            r#"{"title":"a","name":{},"emails":[{"value":"a"}]}"#,
        );
        case_of("C2", Action::Replace, r#"{"active":null,"title":null}"#, r#"{"active":null}"#);
        case_of("C2", Action::Create, r#"{"active":null,"title":null}"#, "{}");
    }

    #[test]
    fn c3_drops_a_schema_that_is_no_scim_schema() {
        case(
            "C3",
            r#"{"schemas":["urn:a:b","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"]}"#,
            r#"{"schemas":["urn:a:b"]}"#,
        );
        case(
            "C3",
            r#"{"schemas":["http://x/y"],"http://x/y":{"a":1}}"#,
            r#"{"schemas":["http://x/y"],"http://x/y":{"a":1}}"#,
        );
    }

    #[test]
    fn c4_drops_what_the_application_assigns_in_a_create_only() {
        case("C4", r#"{"id":"1","meta":{},"userName":"a"}"#, r#"{"userName":"a"}"#);
        case_of("C4", Action::Replace, r#"{"id":"1","userName":"a"}"#, r#"{"id":"1","userName":"a"}"#);
    }

    #[test]
    fn c5_lists_extensions_that_have_data() {
        let custom = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";
        case(
            "C5",
            &format!(r#"{{"schemas":["{ENTERPRISE}"],"{custom}":{{"badge":"7"}},"{ENTERPRISE}":{{}}}}"#),
            &format!(
                r#"{{"schemas":["{ENTERPRISE}","{custom}"],"{custom}":{{"badge":"7"}},"{ENTERPRISE}":{{}}}}"#
            ),
        );
        let known = std::collections::BTreeSet::from([schema::USER.to_owned()]);
        let settings = Settings { known_schemas: Some(known), ..Settings::default() };
        let listed = format!(r#"{{"schemas":["{}","{ENTERPRISE}"]}}"#, schema::USER);
        let (got, _) = alone("C5", &settings, Action::Create, &listed);
        assert_eq!(got, serde_json::json!({"schemas": [schema::USER]}));
    }

    #[test]
    fn c6_repairs_the_misprint() {
        case(
            "C6",
            &format!(r#"{{"schemas":["{MISPRINT}"],"{MISPRINT}":{{"department":"d"}}}}"#),
            &format!(r#"{{"schemas":["{ENTERPRISE}"],"{ENTERPRISE}":{{"department":"d"}}}}"#),
        );
    }

    #[test]
    fn c7_names_a_label_display() {
        case(
            "C7",
            r#"{"roles":[{"displayName":"R","value":"r"}]}"#,
            r#"{"roles":[{"display":"R","value":"r"}]}"#,
        );
        case("C7", r#"{"emails":[{"displayName":"R"}]}"#, r#"{"emails":[{"displayName":"R"}]}"#);
    }

    #[test]
    fn c8_repairs_the_manager() {
        let with = |manager: &str| format!(r#"{{"{ENTERPRISE}":{{"manager":{manager},"department":"d"}}}}"#);
        let without = format!(r#"{{"{ENTERPRISE}":{{"department":"d"}}}}"#);
        case("C8", &with(r#""u-1""#), &with(r#"{"value":"u-1"}"#));
        case("C8", &with(r#""""#), &without);
        case("C8", &with(r#"{"value":""}"#), &without);
        case("C8", &with("{}"), &without);
    }

    #[test]
    fn c9_gives_names_the_spelling_of_the_schema() {
        case(
            "C9",
            &format!(
                r#"{{"UserName":"a","emails":[{{"Primary":true}}],"{}":{{"Department":"d","Manager":{{"Value":"u"}}}},"Badge":1}}"#,
                ENTERPRISE.to_lowercase()
            ),
            &format!(
                r#"{{"userName":"a","emails":[{{"primary":true}}],"{ENTERPRISE}":{{"department":"d","manager":{{"value":"u"}}}},"Badge":1}}"#
            ),
        );
    }

    #[test]
    fn c10_nests_flat_names() {
        case(
            "C10",
            &format!(
                r#"{{"name.givenName":"A","title":"t","name.familyName":"L","{ENTERPRISE}:department":"d","emails[type eq \"work\"].value":"x","emails[type eq \"work\"].primary":true}}"#
            ),
            &format!(
                r#"{{"title":"t","name":{{"givenName":"A","familyName":"L"}},"{ENTERPRISE}":{{"department":"d"}},"emails":[{{"type":"work","value":"x","primary":true}}]}}"#
            ),
        );
        for stays in [
            r#"{"name":"text","name.givenName":"A"}"#,
            r#"{"urn:contoso.com:scim:hr":{"badge":7}}"#,
            r#"{"urn:contoso.com:scim:hr:badge":7}"#,
        ] {
            case("C10", stays, stays);
        }
    }
}
