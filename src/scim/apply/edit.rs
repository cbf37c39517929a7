//! One operation on a resource: whole attributes and parts of single ones.

use serde_json::{Map, Value};

use super::super::error::ScimError;
use super::super::filter::{Mode, Path};
use super::super::name::Name;
use super::super::patch::{Operation, Verb, member};
use super::super::person::is_about_active;
use super::super::rule::Context;
use super::super::rules::members::is_about_members;
use super::super::schema::{self, Attribute, ResourceKind, ValueType};
use super::compare::key_of;
use super::list;

/// What an attribute holds, by its schema, or else by what is there, or else by what is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Many,
    Complex,
    Simple,
}

pub(super) struct Editor<'c> {
    pub(super) context: &'c Context<'c>,
    resource: Map<String, Value>,
}

impl<'c> Editor<'c> {
    pub(super) fn new(resource: Map<String, Value>, context: &'c Context<'c>) -> Self {
        Self { context, resource }
    }

    pub(super) fn done(self) -> Map<String, Value> {
        self.resource
    }

    /// Does what one operation says.
    pub(super) fn operate(&mut self, operation: &Operation) -> Result<(), ScimError> {
        let given = operation.value.as_ref();
        let Some(path) = operation.path.as_ref().map(|path| &path.tree) else {
            return match (operation.verb, given) {
                (Verb::Remove, _) => Err(ScimError::NoTarget(format!(
                    "Operations[{}] removes without a path.",
                    operation.place
                ))),
                (verb, Some(Value::Object(map))) => self.set_all(verb, None, map),
                _ => Err(value_error("An operation without a path needs an object as its value.")),
            };
        };
        let name = self.settled(&path.name, given);
        if name.is_bare_urn() {
            if path.selector.is_some() {
                return Err(path_error(&name, "is a schema and has no elements"));
            }
            return self.schema(operation.verb, name.urn.as_deref(), given);
        }
        let has_value = given.is_some_and(|value| !value.is_null());
        match (operation.verb, &path.selector, &name.sub) {
            (Verb::Remove, Some(selector), _) => {
                self.guard_selected(&name, has_value)?;
                self.remove_elements(&name, selector)
            }
            (Verb::Remove, None, None) => self.remove(&name, given.filter(|value| !value.is_null())),
            (Verb::Remove, None, Some(sub)) => self.remove_part(&name, sub),
            (verb, selector, sub) => {
                let Some(value) = given else {
                    return Err(value_error("An operation that adds or replaces needs a value."));
                };
                match (selector, sub) {
                    (Some(selector), _) => self.set_elements(verb, &name, selector, value),
                    (None, Some(sub)) => self.set_part(&name, sub, value),
                    (None, None) => self.set(verb, &name, value),
                }
            }
        }
    }

    /// The name with the schema that it stands under in the resource: none for core attributes; and nothing but the schema
    /// where all of it is one, which in a URN without version only the resource or the value can tell.
    pub(super) fn settled(&self, name: &Name, given: Option<&Value>) -> Name {
        let mut name = Name { dotted: false, ..name.clone() };
        if self.context.kind.core().is_some_and(|core| name.is_of(core)) {
            name.urn = None;
            return name;
        }
        let whole = Name { sub: None, ..name.clone() }.to_string();
        let is_versionless = name.urn.as_deref().is_some_and(|urn| !urn.contains('.'));
        if is_versionless && name.sub.is_none() && !name.is_bare_urn() {
            let is_there = member(&self.resource, &whole).is_some_and(Value::is_object);
            let has_holder = name.urn.as_deref().is_some_and(|urn| member(&self.resource, urn).is_some());
            if is_there || (!has_holder && given.is_some_and(Value::is_object)) {
                return Name { urn: Some(whole), dotted: false, attribute: String::new(), sub: None };
            }
        }
        name
    }

    /// An operation on everything below a schema; `None` is the core schema, which is the resource itself.
    fn schema(&mut self, verb: Verb, urn: Option<&str>, given: Option<&Value>) -> Result<(), ScimError> {
        match (verb, urn, given) {
            (Verb::Remove, None, _) => {
                Err(ScimError::Mutability("The core schema cannot be removed.".into()))
            }
            // A value may name what is to go, or everything may be meant.
            (Verb::Remove, Some(_), Some(value)) if !value.is_null() => {
                Err(value_error("The removal of a schema takes no value."))
            }
            (Verb::Remove, Some(urn), _) => {
                if let Some(key) = key_of(&self.resource, urn) {
                    self.resource.shift_remove(&key);
                }
                Ok(())
            }
            (verb, urn, Some(Value::Object(map))) => self.set_all(verb, urn, map),
            _ => Err(value_error("A schema takes an object as its value.")),
        }
    }

    /// Sets every attribute that a map names.
    fn set_all(&mut self, verb: Verb, urn: Option<&str>, map: &Map<String, Value>) -> Result<(), ScimError> {
        for (key, value) in map {
            let path = Path::parse(key, Mode::Strict).filter(|path| path.selector.is_none());
            let Some(name) = path.map(|path| path.name).filter(|name| name.sub.is_none()) else {
                return Err(ScimError::Path("A value has a member that is no attribute's name.".into()));
            };
            let name = match (urn, &name.urn) {
                (Some(urn), None) => Name { urn: Some(urn.to_owned()), ..name },
                (None, _) => self.settled(&name, Some(value)),
                (Some(_), Some(_)) => {
                    return Err(ScimError::Path("A value has a schema within a schema.".into()));
                }
            };
            match (name.is_bare_urn(), value) {
                (true, Value::Null) if verb == Verb::Replace && name.urn.is_some() => {
                    self.schema(Verb::Remove, name.urn.as_deref(), None)?;
                }
                (true, Value::Null) => {}
                (true, value) => self.schema(verb, name.urn.as_deref(), Some(value))?,
                // A name with its schema in the place of a member says nothing of where its value belongs.
                (false, _) if urn.is_none() && name.urn.is_some() => {
                    return Err(path_error(&name, "belongs below its schema, or into a path"));
                }
                (false, value) => self.set(verb, &name, value)?,
            }
        }
        Ok(())
    }

    pub(super) fn known(&self, name: &Name) -> Option<&'static Attribute> {
        schema::attribute(self.context.kind, &Name { sub: None, ..name.clone() })
    }

    /// The value of an attribute, which is never null.
    pub(super) fn slot(&mut self, name: &Name) -> Option<&mut Value> {
        let holder = match &name.urn {
            Some(urn) => {
                let key = key_of(&self.resource, urn)?;
                self.resource.get_mut(&key)?.as_object_mut()?
            }
            None => &mut self.resource,
        };
        let key = key_of(holder, &name.attribute)?;
        holder.get_mut(&key).filter(|value| !value.is_null())
    }

    /// Gives an attribute a value; nothing (null, no elements, no members) leaves it unassigned (RFC 7643 section 2.5).
    pub(super) fn put(&mut self, name: &Name, value: Value) -> Result<(), ScimError> {
        let is_nothing = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if is_nothing {
            return self.clear(name);
        }
        let known = self.known(name).map(|known| known.name);
        let holder = match &name.urn {
            Some(urn) => {
                let own = schema::known_urn(urn).unwrap_or(urn);
                let key = key_of(&self.resource, own).unwrap_or_else(|| own.to_owned());
                let holder = self.resource.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if holder.is_null() {
                    *holder = Value::Object(Map::new());
                }
                let Value::Object(holder) = holder else {
                    return Err(ScimError::Upstream("The application has a value where a schema belongs."));
                };
                holder
            }
            None => &mut self.resource,
        };
        let key = key_of(holder, &name.attribute)
            .unwrap_or_else(|| known.map_or_else(|| name.attribute.clone(), str::to_owned));
        holder.insert(key, value);
        Ok(())
    }

    /// Leaves an attribute unassigned.
    pub(super) fn clear(&mut self, name: &Name) -> Result<(), ScimError> {
        if self.known(name).is_some_and(|known| known.required) {
            return Err(ScimError::Mutability(format!(
                "{} is required and cannot be removed.",
                name.attribute
            )));
        }
        let Some(urn) = &name.urn else {
            if let Some(key) = key_of(&self.resource, &name.attribute) {
                self.resource.shift_remove(&key);
            }
            return Ok(());
        };
        let Some(holder) = key_of(&self.resource, urn) else { return Ok(()) };
        if let Some(Value::Object(map)) = self.resource.get_mut(&holder)
            && let Some(key) = key_of(map, &name.attribute)
        {
            map.shift_remove(&key);
            if map.is_empty() {
                self.resource.shift_remove(&holder);
            }
        }
        Ok(())
    }

    /// Refuses a change of what only the application sets (RFC 7643 sections 3.1 and 4.1.2).
    pub(super) fn guard(&self, name: &Name) -> Result<(), ScimError> {
        let is = |attribute: &str| name.urn.is_none() && name.attribute.eq_ignore_ascii_case(attribute);
        if is("id") || is("meta") || (*self.context.kind == ResourceKind::User && is("groups")) {
            return Err(ScimError::Mutability(format!("{} is read-only.", name.attribute)));
        }
        Ok(())
    }

    /// Adds or replaces a whole attribute.
    fn set(&mut self, verb: Verb, name: &Name, value: &Value) -> Result<(), ScimError> {
        if let Err(error) = self.guard(name) {
            // What says only what is so anyway changes nothing.
            return if self.slot(name).is_some_and(|have| have == value) { Ok(()) } else { Err(error) };
        }
        if value.is_null() {
            // Both could be slips, and would deactivate a person or empty a group.
            if is_about_active(name) || is_about_members(self.context.kind, name) {
                return Err(ScimError::Value(format!("{} cannot be null.", name.attribute)));
            }
            return self.clear(name);
        }
        match self.shape(name, value)? {
            Shape::Many => self.set_list(verb, name, value),
            Shape::Complex => self.set_complex(name, value),
            Shape::Simple => self.put(name, value.clone()),
        }
    }

    fn shape(&mut self, name: &Name, value: &Value) -> Result<Shape, ScimError> {
        let misfit = || ScimError::Value(format!("{} takes no value of this kind.", name.attribute));
        if let Some(known) = self.known(name) {
            if known.multi {
                return Ok(Shape::Many);
            }
            return match (known.value_type, value) {
                (ValueType::Complex, Value::Object(_)) => Ok(Shape::Complex),
                (ValueType::Complex, _) | (_, Value::Object(_) | Value::Array(_)) => Err(misfit()),
                (ValueType::Boolean, value) if !value.is_boolean() => Err(misfit()),
                _ => Ok(Shape::Simple),
            };
        }
        match (self.slot(name), value) {
            (Some(Value::Array(_)), _) => Ok(Shape::Many),
            (Some(Value::Object(_)), Value::Object(_)) => Ok(Shape::Complex),
            // What is there says that a list, or a value that is none, does not belong here.
            (Some(Value::Object(_)), _) | (Some(_), Value::Array(_)) => Err(misfit()),
            (_, Value::Array(_)) => Ok(Shape::Many),
            (_, Value::Object(_)) => Ok(Shape::Complex),
            _ => Ok(Shape::Simple),
        }
    }

    /// The elements that a value gives to a list, in the spelling of the schema.
    fn items(&self, name: &Name, value: &Value) -> Result<Vec<Value>, ScimError> {
        let given = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let complex = self.known(name).map(|known| known.value_type == ValueType::Complex);
        let fits = |item: &Value| match complex {
            Some(true) => item.is_object(),
            Some(false) => !item.is_object() && !item.is_array(),
            None => !item.is_array(),
        };
        if !given.iter().filter(|item| !item.is_null()).all(fits) {
            return Err(ScimError::Value(format!("{} takes no element of this kind.", name.attribute)));
        }
        Ok(given.iter().filter(|item| !item.is_null()).map(|item| self.spelt(name, item)).collect())
    }

    /// An object without its null members and with the names of the schema.
    pub(super) fn spelt(&self, name: &Name, value: &Value) -> Value {
        let Value::Object(map) = value else { return value.clone() };
        let known = |key: &str| schema::sub_attribute(self.context.kind, &name.with_sub(key));
        let members = map.iter().filter(|(_, value)| !value.is_null());
        let spelt = |key: &String| known(key).map_or_else(|| key.clone(), |known| known.name.to_owned());
        Value::Object(members.map(|(key, value)| (spelt(key), value.clone())).collect())
    }

    fn set_list(&mut self, verb: Verb, name: &Name, value: &Value) -> Result<(), ScimError> {
        let items = self.items(name, value)?;
        if verb == Verb::Add && items.is_empty() {
            return Ok(());
        }
        let by_value = is_about_members(self.context.kind, name);
        let mut list = match (verb, self.slot(name)) {
            (Verb::Add, Some(have)) => match have.take() {
                Value::Array(have) => have,
                other => vec![other],
            },
            _ => Vec::new(),
        };
        list::append(&mut list, items, by_value)?;
        self.put(name, Value::Array(list))
    }

    /// Sub-attributes that are given replace those there are; the others stay (RFC 7644 sections 3.5.2.1, 3.5.2.3).
    fn set_complex(&mut self, name: &Name, value: &Value) -> Result<(), ScimError> {
        let Value::Object(given) = value else { return Ok(()) };
        let known = |key: &str| schema::sub_attribute(self.context.kind, &name.with_sub(key));
        let given: Map<String, Value> = given
            .iter()
            .map(|(key, value)| {
                (known(key).map_or(key.as_str(), |known| known.name).to_owned(), value.clone())
            })
            .collect();
        let mut map = match self.slot(name).map(Value::take) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        list::merge(&mut map, &given);
        self.put(name, Value::Object(map))
    }

    /// Refuses a part of a list: of which element is not said (RFC 7644 section 3.5.2, figure 7).
    fn guard_part(&mut self, name: &Name, sub: &str) -> Result<(), ScimError> {
        self.guard(name)?;
        let is_list = match self.known(name) {
            Some(known) => known.multi,
            None => matches!(self.slot(name), Some(Value::Array(_))),
        };
        let is_simple =
            self.known(name).is_some_and(|known| !known.multi && known.value_type != ValueType::Complex);
        if is_list {
            Err(path_error(name, "is a list; a path to a part of it needs a selector"))
        } else if is_simple || sub.contains('.') {
            Err(path_error(name, "has no such part"))
        } else {
            Ok(())
        }
    }

    fn set_part(&mut self, name: &Name, sub: &str, value: &Value) -> Result<(), ScimError> {
        self.guard_part(name, sub)?;
        if self.slot(name).is_some_and(|have| !have.is_object()) && !sub.eq_ignore_ascii_case("value") {
            return Err(ScimError::NoTarget(format!("{} has no parts.", name.attribute)));
        }
        if value.is_object() || value.is_array() {
            return Err(ScimError::Value(format!(
                "{} takes no value of this kind in a part.",
                name.attribute
            )));
        }
        let part = Map::from_iter([(sub.to_owned(), value.clone())]);
        self.set_complex(&Name { sub: None, ..name.clone() }, &Value::Object(part))
    }

    fn remove_part(&mut self, name: &Name, sub: &str) -> Result<(), ScimError> {
        self.guard_part(name, sub)?;
        let is_empty = match self.slot(name) {
            Some(Value::Object(map)) => {
                if let Some(key) = key_of(map, sub) {
                    map.shift_remove(&key);
                }
                map.is_empty()
            }
            Some(_) => return Err(ScimError::NoTarget(format!("{} has no parts.", name.attribute))),
            None => return Ok(()),
        };
        if is_empty { self.clear(name) } else { Ok(()) }
    }

    /// Removes an attribute, or, where a value names some, those elements of it only.
    fn remove(&mut self, name: &Name, named: Option<&Value>) -> Result<(), ScimError> {
        self.guard(name)?;
        let is_list = self.known(name).is_none_or(|known| known.multi);
        let Some(named) = named.filter(|_| is_list) else { return self.clear(name) };
        let named = self.items(name, named)?;
        let Some(Value::Array(items)) = self.slot(name) else { return Ok(()) };
        list::remove_named(items, &named)?;
        if items.is_empty() { self.clear(name) } else { Ok(()) }
    }
}

pub(super) fn value_error(what: &str) -> ScimError {
    ScimError::Value(what.into())
}

/// A path that cannot be taken. Names of attributes are the client's words, but no values.
pub(super) fn path_error(name: &Name, what: &str) -> ScimError {
    let attribute =
        if name.is_bare_urn() { name.urn.as_deref().unwrap_or_default() } else { &name.attribute };
    ScimError::Path(format!("{attribute} {what}."))
}
