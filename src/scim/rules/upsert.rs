//! Rules that need the current resource: P42 P31 P30.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::apply::index::Index;
use super::super::apply::matches::element_matches;
use super::super::filter::{Filter, Path};
use super::super::name::Name;
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::rule::{Certainty, Context, Notes, Rule};
use super::super::schema::ResourceKind;
use super::resource::described;

/// A PATCH for a resource.
pub(crate) struct Upsert {
    pub(crate) patch: Patch,
    /// The selections of the patch that are of nothing in the resource, as [`selected`] writes them.
    nothing: HashSet<String>,
}

impl Upsert {
    /// Looks once for what each operation selects in the resource that the patch is for.
    pub(crate) fn new(patch: Patch, resource: &Value, context: &Context<'_>) -> Self {
        let mut indices: HashMap<*const Value, Index> = HashMap::new();
        let mut seen = HashSet::new();
        let mut nothing = HashSet::new();
        for operation in patch.operations.iter().filter(|operation| may_change(operation)) {
            let Some((_, key)) = selected(operation) else { continue };
            let Some(path) = operation.path.as_ref().map(|path| &path.tree) else { continue };
            let Some(items) = elements(context.kind, resource, &path.name) else { continue };
            if !seen.insert(key.clone()) {
                continue;
            }
            // Of the same list, however its name is written.
            let index = indices.entry(items.as_ptr()).or_insert_with(|| Index::of(items));
            if selects_nothing(context, items, index, path) {
                nothing.insert(key);
            }
        }
        Self { patch, nothing }
    }
}

/// All of them, in order.
pub(crate) const ALL: &[&Rule<Upsert>] = &[&P42, &P31, &P30];

/// The attribute, and attribute and selector together, of an operation on the elements that a conjunction of
/// equalities selects.
pub(crate) fn selected(operation: &Operation) -> Option<(String, String)> {
    let path = &operation.path.as_ref()?.tree;
    let selector = path.selector.as_ref()?;
    let plain = selector.equalities()?.iter().all(|(name, _)| name.urn.is_none() && name.sub.is_none());
    let attribute = Name { sub: None, ..path.name.clone() }.to_string();
    let key = format!("{attribute}[{selector}]");
    plain.then_some((attribute, key))
}

/// The attributes, in lower case, that some operation sets or removes as a whole.
fn touched_whole(patch: &Patch) -> HashSet<String> {
    let mut touched = HashSet::new();
    for operation in &patch.operations {
        match operation.name() {
            Some(name) if !operation.selects() => {
                touched.insert(Name { sub: None, ..name.clone() }.to_string().to_ascii_lowercase());
            }
            Some(_) => {}
            None => {
                let map = operation.value.as_ref().and_then(Value::as_object);
                touched.extend(map.into_iter().flat_map(Map::keys).map(|key| key.to_ascii_lowercase()));
            }
        }
    }
    touched
}

/// The elements of an attribute; `None` where they cannot be told.
pub(crate) fn elements<'r>(kind: &ResourceKind, resource: &'r Value, name: &Name) -> Option<&'r [Value]> {
    let in_holder = |holder: Option<&'r Value>, name: &str| member(holder?.as_object()?, name);
    let holder = match &name.urn {
        Some(urn) if kind.core().is_none_or(|core| !name.is_of(core)) => in_holder(Some(resource), urn),
        _ => Some(resource),
    };
    match in_holder(holder, &name.attribute) {
        Some(Value::Array(items)) => Some(items),
        // Who belongs to what is too large for many applications to give with the resource: not to see it is not to
        // know it.
        None | Some(Value::Null) if !is_belonging(name) => Some(&[]),
        _ => None,
    }
}

/// Whether an attribute says who belongs to what: `members` of a group, `groups` of a user.
fn is_belonging(name: &Name) -> bool {
    ["members", "groups"].iter().any(|belonging| name.attribute.eq_ignore_ascii_case(belonging))
}

/// Whether a rule may change the operation. A part of an element that does not exist is set by making the element; but
/// an edit of somebody who does not belong must not become a belonging.
pub(crate) fn may_change(operation: &Operation) -> bool {
    operation.verb == Verb::Remove || operation.name().is_some_and(|name| !is_belonging(name))
}

/// Whether none of the elements is selected, however it is written there: a member that is the number 7 is there
/// for whoever removes the text "7". Text is compared without casing, as most attributes are (RFC 7643 section 2.2); an
/// element found too many leaves the operation as it is.
fn selects_nothing(context: &Context<'_>, items: &[Value], index: &Index, path: &Path) -> bool {
    let Some(selector) = &path.selector else { return false };
    let Some(wanted) = described(selector) else { return false };
    let same = |have: Option<&Value>, want: &Value| match (have, want) {
        (Some(Value::String(have)), Value::String(want)) => have.to_lowercase() == want.to_lowercase(),
        (have, want) => have == Some(want),
    };
    let is_selected = |item: &Value| {
        wanted.iter().all(|(key, want)| same(item.get(key), want))
            || element_matches(context, &path.name, item, selector)
    };
    !index
        .candidates(context, &path.name, selector)
        .into_iter()
        .filter_map(|at| items.get(at))
        .any(is_selected)
}

/// For each operation, its selection where that is of elements that do not exist and nothing else in the request gives
/// the attribute a value.
fn vain(subject: &Upsert) -> Vec<Option<String>> {
    let touched = touched_whole(&subject.patch);
    let of = |operation: &Operation| {
        let (attribute, key) = selected(operation)?;
        let is_vain = may_change(operation)
            && !touched.contains(&attribute.to_ascii_lowercase())
            && subject.nothing.contains(&key);
        is_vain.then_some(key)
    };
    subject.patch.operations.iter().map(of).collect()
}

const P42: Rule<Upsert> = Rule {
    id: "P42",
    says: "drops the removal of elements that do not exist",
    certainty: Certainty::Judgement,
    apply: |subject, _, notes| {
        let vain = vain(subject);
        let made: HashSet<String> = subject
            .patch
            .operations
            .iter()
            .filter(|operation| operation.verb != Verb::Remove)
            .filter_map(|operation| selected(operation).map(|(_, key)| key))
            .collect();
        let mut vain = vain.into_iter();
        subject.patch.operations.retain(|operation| {
            let key = vain.next().flatten().filter(|key| !made.contains(key));
            let drop = operation.verb == Verb::Remove && key.is_some();
            if drop {
                notes.mark(operation.at("path"));
            }
            !drop
        });
    },
};

const P31: Rule<Upsert> = Rule {
    id: "P31",
    says: "makes one element of several operations on an element that does not exist",
    certainty: Certainty::Judgement,
    apply: |subject, _, notes| make(subject, notes, &|count| count > 1),
};

const P30: Rule<Upsert> = Rule {
    id: "P30",
    says: "makes the element that an operation sets a part of and that does not exist",
    certainty: Certainty::Judgement,
    apply: |subject, _, notes| make(subject, notes, &|count| count == 1),
};

fn make(subject: &mut Upsert, notes: &mut Notes<'_>, wanted: &dyn Fn(usize) -> bool) {
    let keys = vain(subject);
    let operations = std::mem::take(&mut subject.patch.operations);
    let mut groups: HashMap<&str, Vec<&Operation>> = HashMap::new();
    for (operation, key) in operations.iter().zip(&keys) {
        if let Some(key) = key {
            groups.entry(key).or_default().push(operation);
        }
    }
    // A group with a removal stays: the order decides what is left, and that is the application's to say.
    let elements: HashMap<&str, (&Operation, Path, Value)> = groups
        .into_iter()
        .filter(|(_, group)| wanted(group.len()) && group.iter().all(|one| one.verb != Verb::Remove))
        .filter_map(|(key, group)| {
            let (path, element) = element(&group)?;
            Some((key, (*group.first()?, path, element)))
        })
        .collect();
    let mut out: Vec<Operation> = Vec::new();
    for (operation, key) in operations.iter().zip(&keys) {
        let Some((first, path, element)) = key.as_deref().and_then(|key| elements.get(key)) else {
            out.push(operation.clone());
            continue;
        };
        if std::ptr::eq(*first, operation) {
            let mut addition = operation.with(Some(path.clone()), Some(Value::Array(vec![element.clone()])));
            addition.verb = Verb::Add;
            Verb::Add.text().clone_into(&mut addition.op);
            notes.mark(operation.at("path"));
            out.push(addition);
        }
    }
    subject.patch.operations = out;
}

/// The element that a group of operations describes, and the path of its attribute.
fn element(group: &[&Operation]) -> Option<(Path, Value)> {
    let first = &group.first()?.path.as_ref()?.tree;
    let mut members: Map<String, Value> =
        first.selector.as_ref().and_then(|selector: &Filter| described(selector))?;
    for operation in group {
        let value = operation.value.clone()?;
        match (operation.name()?.sub.clone(), value) {
            (Some(sub), value) => {
                members.insert(sub, value);
            }
            (None, Value::Object(inner)) => members.extend(inner),
            (None, _) => return None,
        }
    }
    let name = Name { sub: None, ..first.name.clone() };
    Some((Path::of(name), Value::Object(members)))
}

#[cfg(test)]
mod tests {
    use super::super::super::request::RequestShape;
    use super::super::super::rule::Settings;
    use super::super::super::upsert::upsert;
    use super::super::super::url::Action;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn asked(kind: ResourceKind) -> RequestShape {
        RequestShape {
            kind,
            action: Action::Patch,
            id: Some("u-1".into()),
            head: false,
            wants_body: false,
            start_index: None,
            count: None,
            filter: None,
            attributes: false,
            excluded: Vec::new(),
        }
    }

    fn case(resource: &str, from: &str, to: &str, rules: &[&str]) {
        of(ResourceKind::User, resource, from, to, rules);
    }

    fn of(kind: ResourceKind, resource: &str, from: &str, to: &str, rules: &[&str]) {
        let shape = asked(kind);
        let read = |text: &str| crate::common::json::parse(text.as_bytes()).unwrap();
        let body = format!(r#"{{"Operations":{from}}}"#);
        let mut resource = read(resource);
        resource["id"] = "u-1".into();
        let (got, applied) = upsert(&shape, body.as_bytes(), &resource, &Settings::default()).unwrap();
        let got = got.map_or_else(
            || read("[]"),
            |body| crate::common::json::parse(&body).unwrap()["Operations"].clone(),
        );
        assert_eq!(got, read(to), "{from}");
        assert_eq!(applied.iter().map(|applied| applied.rule).collect::<Vec<_>>(), rules, "{from}");
    }

    const WORK: &str = r#"{"emails":[{"type":"Work","value":"a"}]}"#;

    #[test]
    fn p30_makes_an_element_only_where_there_is_none() {
        let operation = r#"[{"op":"replace","path":"emails[type eq \"work\"].value","value":"b"}]"#;
        case(
            "{}",
            operation,
            r#"[{"op":"add","path":"emails","value":[{"type":"work","value":"b"}]}]"#,
            &["P30"],
        );
        case(WORK, operation, operation, &[]);
    }

    #[test]
    fn p31_makes_one_element_of_many_operations_at_the_place_of_the_first() {
        case(
            "{}",
            r#"[{"op":"add","path":"addresses[type eq \"work\"].locality","value":"L"},{"op":"add","path":"title","value":"t"},
                {"op":"replace","path":"addresses[type eq \"work\"].country","value":"NL"},
                {"op":"replace","path":"roles[primary eq true].value","value":"r"}]"#,
            r#"[{"op":"add","path":"addresses","value":[{"type":"work","locality":"L","country":"NL"}]},
                {"op":"add","path":"title","value":"t"},{"op":"add","path":"roles","value":[{"primary":true,"value":"r"}]}]"#,
            &["P31", "P30"],
        );
    }

    #[test]
    fn p42_drops_the_removal_of_what_is_not_there() {
        let operation = r#"[{"op":"remove","path":"emails[type eq \"other\"].value"}]"#;
        case(WORK, operation, "[]", &["P42"]);
        let there = r#"[{"op":"remove","path":"emails[type eq \"work\"].value"}]"#;
        case(WORK, there, there, &[]);
    }

    #[test]
    fn an_edit_of_somebody_who_is_no_member_never_makes_a_membership() {
        for (kind, attribute) in [
            (ResourceKind::Group, "members"),
            (ResourceKind::Other("Teams".into()), "Members"),
            (ResourceKind::Group, "urn:ietf:params:scim:schemas:core:2.0:Group:members"),
            (ResourceKind::User, "groups"),
        ] {
            let one =
                format!(r#"{{"op":"replace","path":"{attribute}[value eq \"u\"].display","value":"U"}}"#);
            let two = format!(r#"{{"op":"add","path":"{attribute}[value eq \"u\"].type","value":"User"}}"#);
            for operations in [format!("[{one}]"), format!("[{one},{two}]")] {
                for resource in [r#"{"members":[],"groups":[]}"#, "{}"] {
                    of(kind.clone(), resource, &operations, &operations, &[]);
                }
            }
        }
    }

    #[test]
    fn p42_keeps_the_removal_of_a_member_where_the_members_are_not_in_sight() {
        let removal = r#"[{"op":"remove","path":"members[value eq \"u\"]"}]"#;
        for kind in [ResourceKind::Group, ResourceKind::Other("Teams".into())] {
            for resource in ["{}", r#"{"members":null}"#, r#"{"members":{"value":"u"}}"#] {
                of(kind.clone(), resource, removal, removal, &[]);
            }
            of(kind.clone(), r#"{"Members":[{"value":"u"}]}"#, removal, removal, &[]);
            of(kind, r#"{"members":[{"value":"v"}]}"#, removal, "[]", &["P42"]);
        }
    }

    #[test]
    fn p42_keeps_the_removal_of_what_is_there_in_another_form() {
        let removal = r#"[{"op":"remove","path":"members[value eq \"7\"]"}]"#;
        for members in [r#"[{"value":7},{"value":8}]"#, r#"["7"]"#, "[7]", r#"[{"Value":"7"}]"#] {
            let group = format!(r#"{{"members":{members}}}"#);
            of(ResourceKind::Group, &group, removal, removal, &[]);
        }
        of(ResourceKind::Group, r#"{"members":[{"value":70},"8"]}"#, removal, "[]", &["P42"]);
    }

    #[test]
    fn p30_makes_no_second_element_of_one_that_is_there_in_another_form() {
        let primary = r#"[{"op":"replace","path":"roles[primary eq true].value","value":"r"}]"#;
        case(r#"{"roles":[{"primary":"True","value":"a"}]}"#, primary, primary, &[]);
        let work = r#"[{"op":"replace","path":"emails[type eq \"work\"].value","value":"b"}]"#;
        case(r#"{"emails":[{"Type":"work","value":"a"}]}"#, work, work, &[]);
    }

    #[test]
    fn another_resource_an_error_and_a_list_decide_nothing() {
        let body = br#"{"Operations":[{"op":"remove","path":"emails[type eq \"work\"]"}]}"#;
        for resource in [
            "null",
            "[]",
            r#"[{"id":"u-1"}]"#,
            "{}",
            r#"{"id":"u-2"}"#,
            r#"{"id":"U-1"}"#,
            r#"{"id":null}"#,
            r#"{"id":"u-1","Resources":[{"id":"u-1"}]}"#,
            r#"{"id":"u-1","schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#,
        ] {
            let resource = crate::common::json::parse(resource.as_bytes()).unwrap();
            let result = upsert(&asked(ResourceKind::User), body, &resource, &Settings::default());
            assert!(result.is_err(), "{resource}");
        }
        let nobody = RequestShape { id: None, ..asked(ResourceKind::User) };
        let result = upsert(&nobody, body, &serde_json::json!({"id":"u-1"}), &Settings::default());
        assert!(result.is_err());
    }

    #[test]
    fn other_selectors_and_mixed_requests_stay() {
        for operations in [
            r#"[{"op":"replace","path":"emails[type ne \"work\"].value","value":"b"}]"#,
            r#"[{"op":"replace","path":"emails[type eq \"a\" or type eq \"b\"].value","value":"b"}]"#,
            r#"[{"op":"replace","path":"emails","value":[]},{"op":"replace","path":"emails[type eq \"x\"].value","value":"b"}]"#,
            r#"[{"op":"add","path":"emails[type eq \"x\"].value","value":"b"},{"op":"remove","path":"emails[type eq \"x\"]"}]"#,
        ] {
            case("{}", operations, operations, &[]);
        }
    }
}
