//! The PATCH message (RFC 7644 section 3.5.2), read into operations and written again.

use serde_json::{Map, Value};

use super::error::ScimError;
use super::filter::{Mode, Path};
use super::name::Name;
use super::person::{is_about_active, is_activity};
use super::rule::{Applied, Context, Rule, record, run};
use super::rules::filter::{READ_PATH, Reading};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Replace,
    Remove,
}

impl Verb {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Add, Self::Replace, Self::Remove]
            .into_iter()
            .find(|verb| verb.text().eq_ignore_ascii_case(text.trim()))
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// One operation.
#[derive(Clone)]
pub(crate) struct Operation {
    /// Its place in the request, for records.
    pub(crate) place: usize,
    pub(crate) verb: Verb,
    /// How the verb is written.
    pub(crate) op: String,
    pub(crate) path: Option<PathText>,
    pub(crate) value: Option<Value>,
    /// Members that the message does not define.
    pub(crate) extra: Vec<(String, Value)>,
}

/// A path with its own spelling, which stays unless a rule changes it.
#[derive(Clone)]
pub(crate) struct PathText {
    text: String,
    pub(crate) tree: Path,
}

impl PathText {
    pub(crate) fn of(tree: Path) -> Self {
        Self { text: tree.to_string(), tree }
    }

    /// Writes the tree as it is now.
    pub(crate) fn rewrite(&mut self) {
        self.text = self.tree.to_string();
    }
}

/// The member that holds the operations.
pub(crate) const OPERATIONS: &str = "Operations";

/// The message.
pub(crate) struct Patch {
    /// Members besides the operations, such as `schemas`; null keeps the place of the operations.
    pub(crate) members: Map<String, Value>,
    pub(crate) operations: Vec<Operation>,
    /// Whether the client itself sent no operation.
    pub(crate) was_empty: bool,
}

impl Operation {
    pub(crate) fn at(&self, member: &str) -> String {
        format!("Operations[{}].{member}", self.place)
    }

    /// The same operation about something else.
    pub(crate) fn with(&self, path: Option<Path>, value: Option<Value>) -> Self {
        // Not `..self.clone()`: that would copy the whole value for every member of it.
        Self {
            place: self.place,
            verb: self.verb,
            op: self.op.clone(),
            path: path.map(PathText::of),
            value,
            extra: self.extra.clone(),
        }
    }

    /// Makes it a removal.
    pub(crate) fn remove(&mut self) {
        self.verb = Verb::Remove;
        self.op = Verb::Remove.text().to_owned();
        self.value = None;
    }

    /// The attribute that the path names, where there is a path.
    pub(crate) fn name(&self) -> Option<&Name> {
        self.path.as_ref().map(|path| &path.tree.name)
    }

    /// Whether the path selects elements.
    pub(crate) fn selects(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.tree.selector.is_some())
    }

    /// Calls `visit` for every attribute that the operation gives a value: its path, or each member of its map.
    ///
    /// The flag tells that the value is that of selected elements, not of the whole attribute.
    pub(crate) fn each_value(&mut self, visit: &mut dyn FnMut(&Name, bool, &mut Value)) {
        let Some(value) = &mut self.value else { return };
        match &self.path {
            Some(path) if !path.tree.name.is_bare_urn() => {
                visit(&path.tree.name, path.tree.selector.is_some(), value);
            }
            Some(path) => {
                if let (Value::Object(map), Some(urn)) = (value, path.tree.name.urn.as_deref()) {
                    each_of_extension(urn, map, visit);
                }
            }
            None => {
                if let Value::Object(map) = value {
                    each_attribute(map, visit);
                }
            }
        }
    }
}

/// Whether a member is an extension's object and not an attribute.
pub(crate) fn extension<'n>(name: &'n Name, value: &Value) -> Option<&'n str> {
    (name.is_bare_urn() && value.is_object()).then_some(name.urn.as_deref()).flatten()
}

/// Calls `visit` for every attribute of a resource or map of attributes, those of extensions included.
pub(crate) fn each_attribute(map: &mut Map<String, Value>, visit: &mut dyn FnMut(&Name, bool, &mut Value)) {
    each_attribute_where(map, &|_, _| true, visit);
}

/// The same of those members alone that `concerns` says yes to, before their names are read.
pub(crate) fn each_attribute_where(
    map: &mut Map<String, Value>,
    concerns: &dyn Fn(&str, &Value) -> bool,
    visit: &mut dyn FnMut(&Name, bool, &mut Value),
) {
    for (key, value) in map.iter_mut() {
        if !concerns(key, value) {
            continue;
        }
        let Some(path) = Path::parse(key, Mode::Strict) else { continue };
        match (extension(&path.name, value).map(str::to_owned), &mut *value) {
            (Some(urn), Value::Object(inner)) => each_of_extension(&urn, inner, visit),
            _ => visit(&path.name, path.selector.is_some(), value),
        }
    }
}

fn each_of_extension(
    urn: &str,
    map: &mut Map<String, Value>,
    visit: &mut dyn FnMut(&Name, bool, &mut Value),
) {
    for (key, value) in map.iter_mut() {
        if let Some(name) = Name::parse(key)
            && name.urn.is_none()
            && !name.is_bare_urn()
        {
            visit(&Name { urn: Some(urn.to_owned()), ..name }, false, value);
        }
    }
}

/// The member of an object by its name in any casing.
pub(crate) fn member<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

impl Patch {
    /// Reads a client's message. Names of its own members are taken in any casing.
    pub(crate) fn read(
        body: Value,
        context: &Context<'_>,
        trail: &mut Vec<Applied>,
    ) -> Result<Self, ScimError> {
        Self::read_by(READ_PATH, body, context, trail)
    }

    /// Reads what [`Patch::write`] wrote. Its literals are escaped, whatever a backslash means where the client writes one.
    pub(crate) fn read_own(body: Value, context: &Context<'_>) -> Result<Self, ScimError> {
        Self::read_by(&[], body, context, &mut Vec::new())
    }

    fn read_by(
        path_rules: PathRules,
        body: Value,
        context: &Context<'_>,
        trail: &mut Vec<Applied>,
    ) -> Result<Self, ScimError> {
        let Value::Object(body) = body else {
            return Err(ScimError::Syntax("The request body is no JSON object.".into()));
        };
        let mut members = Map::new();
        let mut operations = None;
        for (key, value) in body {
            if key.eq_ignore_ascii_case(OPERATIONS) {
                if key != OPERATIONS {
                    record(trail, "P14", "body");
                }
                members.insert(OPERATIONS.into(), Value::Null);
                operations = Some(value);
            } else {
                members.insert(key, value);
            }
        }
        let Some(Value::Array(list)) = operations else {
            return Err(ScimError::Syntax("The PATCH request has no list of Operations.".into()));
        };
        let was_empty = list.is_empty();
        let operations = list
            .into_iter()
            .enumerate()
            .map(|(place, value)| operation(path_rules, place, value, context, trail))
            .collect::<Result<_, _>>()?;
        Ok(Self { members, operations, was_empty })
    }

    /// Refuses what names an attribute that is read-only in every resource (RFC 7643 section 3.1).
    pub(crate) fn check_targets(&self, context: &Context<'_>) -> Result<(), ScimError> {
        let is_read_only = |name: &Name| {
            let is_core = name.urn.is_none() || context.kind.core().is_some_and(|core| name.is_of(core));
            is_core && ["id", "meta"].iter().any(|fixed| name.attribute.eq_ignore_ascii_case(fixed))
        };
        match self.operations.iter().find(|operation| operation.name().is_some_and(is_read_only)) {
            Some(operation) => {
                Err(ScimError::Mutability(format!("{} names a read-only attribute.", operation.at("path"))))
            }
            None => Ok(()),
        }
    }

    /// Refuses a value of `active` that is no Boolean (RFC 7643 section 4.1.1): where a deactivation destroys data, it must
    /// not be an application's guess.
    pub(crate) fn check_activity(&mut self) -> Result<(), ScimError> {
        for operation in self.operations.iter_mut().filter(|operation| operation.verb != Verb::Remove) {
            let mut good = true;
            operation.each_value(&mut |name, _, value| {
                good &= !is_about_active(name) || is_activity(value);
            });
            if !good {
                return Err(no_activity(&operation.at("value")));
            }
        }
        Ok(())
    }

    /// Writes the message.
    pub(crate) fn write(self) -> Value {
        let mut body = self.members;
        let operations = self.operations.into_iter().map(|operation| {
            let mut out = Map::new();
            out.insert("op".into(), operation.op.into());
            if let Some(path) = operation.path {
                out.insert("path".into(), path.text.into());
            }
            if let Some(value) = operation.value {
                out.insert("value".into(), value);
            }
            out.extend(operation.extra);
            Value::Object(out)
        });
        let operations = Value::Array(operations.collect());
        body.insert(OPERATIONS.into(), operations);
        Value::Object(body)
    }
}

/// The same for a resource that is created or replaced.
pub(crate) fn check_activity(members: &mut Map<String, Value>) -> Result<(), ScimError> {
    let mut good = true;
    each_attribute(members, &mut |name, _, value| good &= !is_about_active(name) || is_activity(value));
    if good { Ok(()) } else { Err(no_activity("The body")) }
}

fn no_activity(place: &str) -> ScimError {
    ScimError::Value(format!("{place} gives `active` a value that is neither true nor false."))
}

/// What makes a path readable.
type PathRules = &'static [&'static Rule<Reading<Path>>];

fn operation(
    path_rules: PathRules,
    place: usize,
    value: Value,
    context: &Context<'_>,
    trail: &mut Vec<Applied>,
) -> Result<Operation, ScimError> {
    let syntax = |what: &str| ScimError::Syntax(format!("Operations[{place}]{what}"));
    let Value::Object(members) = value else {
        return Err(syntax(" is no JSON object."));
    };
    if !is_canonical(&members) {
        record(trail, "P14", format!("Operations[{place}]"));
    }
    let (mut op, mut path, mut given, mut extra) = (None, None, None, Vec::new());
    for (key, value) in members {
        match key.to_ascii_lowercase().as_str() {
            "op" => op = Some(value),
            "path" => path = Some(value),
            "value" => given = Some(value),
            _ => extra.push((key, value)),
        }
    }
    let Some(Value::String(op)) = op else {
        return Err(syntax(".op is missing or no text."));
    };
    let verb = Verb::parse(&op).ok_or_else(|| syntax(".op is not add, remove or replace."))?;
    let path = match path {
        None => None,
        Some(Value::String(text)) if !text.trim().is_empty() => {
            Some(read_path(path_rules, place, text, context, trail)?)
        }
        // Null or an empty text is no path.
        Some(Value::Null | Value::String(_)) => {
            record(trail, "P13", format!("Operations[{place}].path"));
            None
        }
        Some(_) => return Err(ScimError::Path(format!("Operations[{place}].path is no text."))),
    };
    // RFC 7644 section 3.5.2.1; whether none means null is each server's guess.
    if verb != Verb::Remove && given.is_none() {
        return Err(ScimError::Value(format!("Operations[{place}] has no value.")));
    }
    // What such a removal would take away is each server's guess, and may be everything (RFC 7644 section 3.5.2.2).
    if verb == Verb::Remove && path.is_none() {
        return Err(ScimError::NoTarget(format!("Operations[{place}] removes without a path.")));
    }
    Ok(Operation { place, verb, op, path, value: given, extra })
}

/// Whether the members of an operation have their names' spelling and the order in which they are written.
fn is_canonical(members: &Map<String, Value>) -> bool {
    let places: Vec<usize> = members
        .keys()
        .map(|key| {
            let known = ["op", "path", "value"].iter().position(|known| known.eq_ignore_ascii_case(key));
            known.unwrap_or(usize::MAX)
        })
        .collect();
    let spelt = |key: &String| key.to_ascii_lowercase() == *key;
    let known = members.keys().zip(&places).filter(|(_, place)| **place != usize::MAX);
    places.is_sorted() && known.map(|(key, _)| key).all(spelt)
}

fn read_path(
    path_rules: PathRules,
    place: usize,
    text: String,
    context: &Context<'_>,
    trail: &mut Vec<Applied>,
) -> Result<PathText, ScimError> {
    let mut reading = Reading { tree: Path::parse(&text, Mode::Strict), text };
    run(path_rules, &mut reading, context, trail)?;
    let unread = || ScimError::Path(format!("Operations[{place}].path cannot be read."));
    let tree = reading.tree.ok_or_else(unread)?;
    // A text that only the tolerant reader understands is written anew.
    let strict = Path::parse(&reading.text, Mode::Strict).as_ref() == Some(&tree);
    let is_as_written = strict && reading.text.trim().len() == reading.text.len();
    if strict && !is_as_written {
        record(trail, "P13", format!("Operations[{place}].path"));
    }
    let text = if is_as_written { reading.text } else { tree.to_string() };
    Ok(PathText { text, tree })
}
