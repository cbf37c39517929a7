//! Changes of a group's members for an application that takes them as lists only, and in a PATCH only.
//!
//! RFC 7644 has a removal select its members (`members[value eq "u"]`); such an application wants them in the value, as
//! Entra's own unflagged form has them. A replacement of all members, or the removal of all, which it does not know
//! either, becomes the difference to the members that the group has.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::error::ScimError;
use super::super::filter::{Literal, Mode, Path};
use super::super::patch::{Operation, Patch, Verb, member};
use super::super::request::{Outgoing, RequestShape};
use super::super::rule::{Applied, Context, Settings};
use super::super::rules::members::{is_about_members, is_members, selects_one};
use super::super::sequence::OwnRequest;
use super::{Answered, Effect, Ended, ErrandStep, put};
use crate::common::json;

/// What a change of members needs.
pub(super) enum Listed {
    /// The request is not about members.
    Not,
    /// One PATCH with this body.
    Forward(Vec<u8>, Vec<Applied>),
    /// The members must be known first.
    Errand(Box<(OwnRequest, Difference)>),
}

/// A PATCH that waits for the members that the group has, or that is on its way.
pub(super) struct Difference {
    shape: RequestShape,
    path: String,
    patch: Vec<u8>,
    is_sent: bool,
}

/// How `outgoing` changes members, if it does. What is about other attributes besides goes along in the same PATCH.
pub(super) fn plan(outgoing: &Outgoing, settings: &Settings) -> Listed {
    let context = Context { kind: &outgoing.shape.kind, settings };
    let Some(body) = &outgoing.body else { return Listed::Not };
    let Some(mut patch) = read(body, &context) else { return Listed::Not };
    let mut applied = give_paths(&mut patch, &context);
    let is_about = |operation: &Operation| touches(operation, &context);
    if !patch.operations.iter().any(is_about) {
        return Listed::Not;
    }
    if patch.operations.iter().any(|operation| is_about(operation) && replaces_all(operation, &context)) {
        let path = outgoing.path.split('?').next().unwrap_or_default();
        let work = Difference {
            shape: outgoing.shape.clone(),
            path: outgoing.path.clone(),
            patch: if applied.is_empty() { body.clone() } else { written(patch) },
            is_sent: false,
        };
        return Listed::Errand(Box::new((OwnRequest::get(format!("{path}?attributes=members")), work)));
    }
    applied.extend(list_removals(&mut patch, &context));
    let body = if applied.is_empty() { body.clone() } else { written(patch) };
    Listed::Forward(body, applied)
}

/// What is forwarded as one PATCH otherwise, as a write that no other may come between.
pub(super) fn at_its_turn(
    outgoing: &Outgoing,
    body: Vec<u8>,
    applied: Vec<Applied>,
) -> (OwnRequest, Difference) {
    let request = OwnRequest::patch(outgoing.path.clone(), body, applied);
    let work = Difference {
        shape: outgoing.shape.clone(),
        path: outgoing.path.clone(),
        patch: Vec::new(),
        is_sent: true,
    };
    (request, work)
}

fn read(body: &[u8], context: &Context<'_>) -> Option<Patch> {
    Patch::read_own(json::parse(body).ok()?, context).ok()
}

fn written(patch: Patch) -> Vec<u8> {
    patch.write().to_string().into_bytes()
}

/// Gives members that stand in a map of attributes, with or without their schema, an operation of their own with a path.
/// What stands beside them stays.
fn give_paths(patch: &mut Patch, context: &Context<'_>) -> Vec<Applied> {
    let mut applied = Vec::new();
    let mut out: Vec<Operation> = Vec::with_capacity(patch.operations.len());
    for mut operation in patch.operations.drain(..) {
        let is_schema_of = |path: &Path| {
            operation.verb != Verb::Remove && is_schema(path) && !is_about_members(context.kind, &path.name)
        };
        let urn = match operation.path.as_ref().map(|path| &path.tree) {
            None => None,
            Some(path) if is_schema_of(path) => Some(path.name.to_string()),
            Some(_) => {
                out.push(operation);
                continue;
            }
        };
        let Some(Value::Object(map)) = &mut operation.value else {
            out.push(operation);
            continue;
        };
        let found = take_members(urn.as_deref(), map, context);
        if found.is_empty() {
            out.push(operation);
            continue;
        }
        let is_spent = map.is_empty();
        applied.push(Applied { rule: super::LISTED, place: operation.at("value") });
        let own = found.into_iter().map(|(path, value)| operation.with(Some(path), Some(value)));
        let own: Vec<Operation> = own.collect();
        out.extend((!is_spent).then_some(operation));
        out.extend(own);
    }
    patch.operations = out;
    applied
}

/// Takes members out of a map of attributes, below `urn` where there is one, with the paths of what was taken. Null is no
/// list of members, and stays.
fn take_members(
    urn: Option<&str>,
    map: &mut Map<String, Value>,
    context: &Context<'_>,
) -> Vec<(Path, Value)> {
    let mut found = Vec::new();
    for (key, mut value) in std::mem::take(map) {
        let mut path = Path::parse(&key, Mode::Strict);
        if let (Some(path), Value::Object(inner), None) = (&path, &mut value, urn)
            && is_schema(path)
            && !is_about_members(context.kind, &path.name)
        {
            let below = take_members(Some(&path.name.to_string()), inner, context);
            let is_spent = inner.is_empty() && !below.is_empty();
            found.extend(below);
            if is_spent {
                continue;
            }
        }
        // A schema within a schema is none.
        path = path.filter(|path| urn.is_none() || path.name.urn.is_none());
        match path.filter(|path| is_about_members(context.kind, &path.name) && !value.is_null()) {
            Some(mut path) => {
                path.name.dotted = false;
                path.name.urn = path.name.urn.or_else(|| urn.map(str::to_owned));
                if context.kind.core().is_some_and(|core| path.name.is_of(core)) {
                    path.name.urn = None;
                }
                found.push((path, value));
            }
            None => {
                map.insert(key, value);
            }
        }
    }
    found
}

/// Whether a name with an object as its value is a schema: one without a version is written as an attribute below it
/// would be.
fn is_schema(path: &Path) -> bool {
    let is_versionless = path.name.urn.as_deref().is_some_and(|urn| !urn.contains('.'));
    path.selector.is_none() && (path.name.is_bare_urn() || (is_versionless && path.name.sub.is_none()))
}

fn touches(operation: &Operation, context: &Context<'_>) -> bool {
    match operation.name() {
        Some(name) => is_about_members(context.kind, name),
        None => false,
    }
}

/// Whether what it does to the members depends on those that there are.
fn replaces_all(operation: &Operation, context: &Context<'_>) -> bool {
    let is_whole =
        operation.name().is_some_and(|name| is_members(context.kind, name)) && !operation.selects();
    is_whole
        && (operation.verb == Verb::Replace || (operation.verb == Verb::Remove && operation.value.is_none()))
}

/// The one member that a removal selects, by nothing but its identifier.
fn removed(operation: &Operation, context: &Context<'_>) -> Option<String> {
    let path = &operation.path.as_ref()?.tree;
    let pairs = path.selector.as_ref()?.equalities()?;
    let is_removal =
        operation.verb == Verb::Remove && is_members(context.kind, &path.name) && selects_one(path);
    match pairs.as_slice() {
        [(_, Literal::Text(id))] if is_removal => Some(id.clone()),
        _ => None,
    }
}

/// Writes removals that follow one another as one list. What selects members in another way stays as it is.
fn list_removals(patch: &mut Patch, context: &Context<'_>) -> Vec<Applied> {
    let mut applied = Vec::new();
    let mut out: Vec<Operation> = Vec::with_capacity(patch.operations.len());
    let mut is_open = false;
    for operation in patch.operations.drain(..) {
        let Some(id) = removed(&operation, context) else {
            is_open = false;
            out.push(operation);
            continue;
        };
        let element = json!({"value": id});
        match out.last_mut().and_then(|last| last.value.as_mut()) {
            Some(Value::Array(items)) if is_open => items.push(element),
            _ => {
                applied.push(Applied { rule: super::LISTED, place: operation.at("path") });
                let path = operation.path.as_ref().map(|path| Path::of(path.tree.name.clone()));
                out.push(operation.with(path, Some(Value::Array(vec![element]))));
                is_open = true;
            }
        }
    }
    patch.operations = out;
    applied
}

/// A member of a group, by its identifier.
fn id_of(element: &Value) -> Option<&str> {
    match element {
        Value::String(id) => Some(id.as_str()),
        Value::Object(map) => member(map, "value")?.as_str(),
        _ => None,
    }
    .filter(|id| !id.is_empty())
}

/// The members of a value; `None` where one of them has no identifier.
fn all_of(value: Option<&Value>) -> Option<Vec<(String, Value)>> {
    let elements = match value {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    elements.iter().map(|element| Some((id_of(element)?.to_owned(), element.clone()))).collect()
}

impl Difference {
    pub(super) fn answered(self, answer: &Answered<'_>, settings: &Settings) -> ErrandStep {
        if self.is_sent {
            return match answer.status {
                0 => ErrandStep::refused(
                    ScimError::Upstream("The application did not answer."),
                    Effect::Unknown,
                ),
                _ => ErrandStep::Done(Ended::Latest),
            };
        }
        let Some(group) = answer.resource(&self.shape) else { return put::not_read(answer) };
        let unclear = || {
            let what = "The members of the group cannot be told apart.";
            ErrandStep::refused(ScimError::Upstream(what), Effect::NotApplied)
        };
        match self.difference(&group, settings) {
            Some(Some((body, applied))) => {
                let request = OwnRequest::patch(self.path.clone(), body, applied);
                ErrandStep::call(request, Self { is_sent: true, ..self })
            }
            Some(None) => {
                let applied = vec![Applied { rule: super::LISTED, place: "Operations".into() }];
                ErrandStep::made(204, Vec::new(), applied, Effect::Applied)
            }
            None => unclear(),
        }
    }

    /// The PATCH that has the same effect on the group as it is; `Some(None)` where nothing is left to do, `None` where
    /// that cannot be said.
    fn difference(
        &self,
        group: &Map<String, Value>,
        settings: &Settings,
    ) -> Option<Option<(Vec<u8>, Vec<Applied>)>> {
        let context = Context { kind: &self.shape.kind, settings };
        let mut patch = read(&self.patch, &context)?;
        let before = all_of(member(group, "members"))?;
        let mut after: Members = before.iter().cloned().collect();
        let (about, others): (Vec<_>, Vec<_>) =
            patch.operations.into_iter().partition(|operation| touches(operation, &context));
        for operation in &about {
            follow(&mut after, operation, &context)?;
        }
        let model = about.first()?;
        let path = || model.path.as_ref().map(|path| Path::of(path.tree.name.clone()));
        let was: HashSet<&str> = before.iter().map(|(id, _)| id.as_str()).collect();
        let gone: Vec<Value> = before
            .iter()
            .filter(|(id, _)| !after.contains_key(id))
            .map(|(id, _)| json!({"value": id}))
            .collect();
        let new: Vec<Value> = after
            .into_iter()
            .filter(|(id, _)| !was.contains(id.as_str()))
            .map(|(_, element)| element)
            .collect();
        patch.operations = others;
        for (verb, list) in [(Verb::Remove, gone), (Verb::Add, new)] {
            if !list.is_empty() {
                let mut operation = model.with(path(), Some(Value::Array(list)));
                operation.verb = verb;
                verb.text().clone_into(&mut operation.op);
                patch.operations.push(operation);
            }
        }
        if patch.operations.is_empty() {
            return Some(None);
        }
        let applied = vec![Applied { rule: super::LISTED, place: model.at("value") }];
        Some(Some((patch.write().to_string().into_bytes(), applied)))
    }
}

/// The members that a group comes to have, by identifier.
type Members = Map<String, Value>;

/// Follows one operation; `None` where it does what cannot be followed.
fn follow(members: &mut Members, operation: &Operation, context: &Context<'_>) -> Option<()> {
    if let Some(id) = removed(operation, context) {
        members.swap_remove(&id);
        return Some(());
    }
    if operation.selects() || !operation.name().is_some_and(|name| is_members(context.kind, name)) {
        return None;
    }
    let named = all_of(operation.value.as_ref())?;
    match operation.verb {
        Verb::Remove if operation.value.is_some() => {
            for (id, _) in named {
                members.swap_remove(&id);
            }
        }
        Verb::Remove => members.clear(),
        Verb::Replace => *members = named.into_iter().collect(),
        Verb::Add => members.extend(named),
    }
    Some(())
}
