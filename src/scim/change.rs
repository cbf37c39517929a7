//! What a write means for the person's access.
//!
//! It is read from the request as it came, by its own tolerant reader, so that no switched-off rule and no spelling can
//! hide a deactivation from the sessions that it must end.

use serde_json::{Map, Value};

use super::filter::{Mode, Path};
use super::name::Name;
use super::patch::{Verb, member};
use super::person::{
    Activity, Addresses, Said, activity, add_keys, add_own_addresses, each_said, is_schema, said_at,
};
use super::schema::ResourceKind;
use super::url::{Action, Target};
use crate::common::PersonKeys;

/// What happens to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// `active` becomes false or is taken away.
    Deactivate,
    /// `active` becomes true, or an account is created that is not inactive.
    Reactivate,
    /// The account is deleted.
    Delete,
    /// The names by which the person is recognised change and nothing is said of `active`.
    Rename,
}

/// A write that concerns a person's access.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// What happens.
    pub kind: ChangeKind,
    /// Identifier of the user at the application, decoded; none in a create.
    pub user_id: Option<String>,
    /// Keys that the request itself names. A deactivation names usually none: ask the application for the user.
    pub keys: PersonKeys,
}

impl std::fmt::Debug for AccountChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountChange").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Seen {
    active: Option<bool>,
    keys: PersonKeys,
    /// E-mail addresses that may be the person's own at work: they are locked out with the person, never let in.
    unclear: PersonKeys,
}

impl Seen {
    fn take(&mut self, said: &Said<'_>) {
        match said {
            // The last word counts: operations are applied in order (RFC 7644 section 3.5.2). What cannot be read is
            // no word.
            Said::Active(value) => match activity(value) {
                Activity::On => self.active = Some(true),
                Activity::Off => self.active = Some(false),
                Activity::Unclear => {}
            },
            Said::Keys(value) => add_keys(&mut self.keys, value),
            Said::Emails(value, addresses) => {
                let unclear = add_own_addresses(&mut self.keys, value, *addresses);
                self.unclear.extend(&unclear);
            }
        }
    }

    /// The same of an operation of a PATCH, which may add to what there is.
    fn take_by(&mut self, verb: Option<Verb>, said: &Said<'_>) {
        match said {
            Said::Emails(value, Addresses::All) if verb == Some(Verb::Add) => {
                self.take(&Said::Emails(value, Addresses::Added));
            }
            said => self.take(said),
        }
    }

    fn map(&mut self, map: &Map<String, Value>) {
        each_said(map, &mut |said| self.take(&said));
    }

    /// The keys, for a change of this kind.
    fn keys_for(mut self, kind: ChangeKind) -> PersonKeys {
        if matches!(kind, ChangeKind::Deactivate | ChangeKind::Delete) {
            self.keys.extend(&self.unclear);
        }
        self.keys
    }
}

/// What the request does to a person's access; `None` where it does nothing to it.
pub(crate) fn account_change(target: &Target, body: Option<&Value>) -> Option<AccountChange> {
    let (kind, seen) = read(target, body)?;
    Some(AccountChange { kind, user_id: target.id.clone(), keys: seen.keys_for(kind) })
}

fn read(target: &Target, body: Option<&Value>) -> Option<(ChangeKind, Seen)> {
    if target.kind != ResourceKind::User {
        return None;
    }
    let mut seen = Seen::default();
    let kind = match target.action {
        Action::Delete => ChangeKind::Delete,
        Action::Patch => {
            patch(&mut seen, body?);
            kind_of(&seen)?
        }
        Action::Replace => {
            seen.map(body?.as_object()?);
            kind_of(&seen)?
        }
        Action::Create => {
            // In a create null is no value at all (rule C2): the account gets the application's default.
            match created(body?.as_object()?, &mut seen) {
                Activity::Off => ChangeKind::Deactivate,
                Activity::On => ChangeKind::Reactivate,
                Activity::Unclear => return None,
            }
        }
        Action::Read | Action::List | Action::Search => return None,
    };
    Some((kind, seen))
}

/// What a request that cannot be read whole might do to a person's access, where it is passed on nevertheless.
///
/// A write to an account may deactivate it, so it counts as if it did; nobody is let in by a request that was not read.
pub(crate) fn possible_change(target: &Target, body: Option<&Value>) -> Option<AccountChange> {
    match target.action {
        Action::Patch | Action::Replace if target.kind == ResourceKind::User => Some(AccountChange {
            kind: ChangeKind::Deactivate,
            user_id: target.id.clone(),
            keys: read(target, body)
                .map_or_else(PersonKeys::none, |(_, seen)| seen.keys_for(ChangeKind::Deactivate)),
        }),
        _ => account_change(target, body)
            .filter(|change| matches!(change.kind, ChangeKind::Deactivate | ChangeKind::Delete)),
    }
}

/// The change that is left of `asked` once a rule that the operator chose has taken attributes out: a name that does
/// not reach the application is no key, but a deactivation is never lost.
pub(crate) fn left_of(asked: Option<AccountChange>, target: &Target, body: &Value) -> Option<AccountChange> {
    let asked = asked?;
    let left = account_change(target, Some(body));
    if asked.kind == ChangeKind::Rename {
        return left;
    }
    let keys = left.map_or_else(PersonKeys::none, |change| change.keys);
    Some(AccountChange { keys, ..asked })
}

/// What is asked for, or what is sent where that says more: whatever the rules make of a request, somebody whom the
/// application is told to deactivate is locked out here.
pub(crate) fn at_least(asked: Option<AccountChange>, target: &Target, body: &Value) -> Option<AccountChange> {
    let deactivates = |change: &AccountChange| change.kind == ChangeKind::Deactivate;
    match account_change(target, Some(body)).filter(deactivates) {
        Some(sent) if !asked.as_ref().is_some_and(deactivates) => Some(sent),
        _ => asked,
    }
}

fn kind_of(seen: &Seen) -> Option<ChangeKind> {
    match seen.active {
        Some(false) => Some(ChangeKind::Deactivate),
        Some(true) => Some(ChangeKind::Reactivate),
        None => (!seen.keys.is_empty() || !seen.unclear.is_empty()).then_some(ChangeKind::Rename),
    }
}

/// Whether a new account is active; without a word on it, it is.
fn created(body: &Map<String, Value>, seen: &mut Seen) -> Activity {
    let mut result = Activity::On;
    each_said(body, &mut |said| match said {
        Said::Active(Value::Null) => {}
        Said::Active(value) => result = activity(value),
        Said::Keys(_) | Said::Emails(..) => seen.take(&said),
    });
    result
}

/// Whether one object says twice, in different forms, whether the account is active, or a list of objects where one
/// object belongs (RFC 7644 section 3.5.2) says it more than once. Which of them an application believes cannot be known.
pub(crate) fn contradicts_itself(target: &Target, body: &Value) -> bool {
    let count = |map: &Map<String, Value>| {
        let mut count = 0usize;
        each_said(map, &mut |said| {
            count = count.saturating_add(usize::from(matches!(said, Said::Active(_))))
        });
        count
    };
    let twice = |map: &Map<String, Value>| count(map) > 1;
    let Some(body) = body.as_object().filter(|_| target.kind == ResourceKind::User) else { return false };
    if target.action != Action::Patch {
        return twice(body);
    }
    let operations = member(body, "Operations").and_then(Value::as_array);
    operations.into_iter().flatten().filter_map(Value::as_object).any(|operation| {
        match member(operation, "value") {
            Some(Value::Object(map)) => twice(map),
            Some(Value::Array(items)) => {
                let counts = items.iter().filter_map(Value::as_object).map(count);
                // Elements of an attribute that has a path are each their own.
                let is_of_attribute = path_of(operation)
                    .is_some_and(|path| Name::parse(path.trim()).is_none_or(|name| !is_schema(&name)));
                if is_of_attribute {
                    counts.max().unwrap_or(0) > 1
                } else {
                    counts.fold(0, usize::saturating_add) > 1
                }
            }
            _ => false,
        }
    })
}

fn path_of(operation: &Map<String, Value>) -> Option<&str> {
    member(operation, "path").and_then(Value::as_str).filter(|path| !path.trim().is_empty())
}

fn patch(seen: &mut Seen, body: &Value) {
    let operations = body.as_object().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
    for operation in operations.into_iter().flatten().filter_map(Value::as_object) {
        let verb = member(operation, "op").and_then(Value::as_str).and_then(Verb::parse);
        let value = member(operation, "value").unwrap_or(&Value::Null);
        match path_of(operation) {
            Some(path) => at_path(seen, verb, path, value),
            None => without_path(seen, verb, value),
        }
    }
}

fn at_path(seen: &mut Seen, verb: Option<Verb>, path: &str, value: &Value) {
    let Some(path) = Path::parse(path, Mode::Strict).or_else(|| Path::parse(path, Mode::Unescaped)) else {
        return;
    };
    if is_schema(&path.name) {
        // A whole schema: as if its members stood without path under its name.
        let items = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let under = |item: &Value| Value::Object(Map::from_iter([(path.name.to_string(), item.clone())]));
        return without_path(seen, verb, &Value::Array(items.iter().map(under).collect()));
    }
    match said_at(&path, value) {
        Some(Said::Active(_)) if verb == Some(Verb::Remove) => seen.active = Some(false),
        Some(Said::Keys(_) | Said::Emails(..)) if verb == Some(Verb::Remove) => {}
        Some(said) => seen.take_by(verb, &said),
        None => {}
    }
}

fn without_path(seen: &mut Seen, verb: Option<Verb>, value: &Value) {
    let maps = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    for map in maps.iter().filter_map(Value::as_object) {
        if verb == Some(Verb::Remove) {
            // Not in the RFC; an application that takes it removes what the map names.
            each_said(map, &mut |said| {
                if matches!(said, Said::Active(_)) {
                    seen.active = Some(false);
                }
            });
        } else {
            each_said(map, &mut |said| seen.take_by(verb, &said));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::url::target;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

    fn change(method: &str, path: &str, body: &str) -> Option<AccountChange> {
        let target = target(method, path, true).unwrap();
        let body = (!body.is_empty()).then(|| crate::common::json::parse(body.as_bytes()).unwrap());
        account_change(&target, body.as_ref())
    }

    fn patched(operations: &str) -> Option<ChangeKind> {
        change("PATCH", "/Users/u-1", &format!(r#"{{"Operations":{operations}}}"#)).map(|change| change.kind)
    }

    /// Every form in which Entra, a harness or a lenient client says that `active` takes a value.
    fn forms(value: &str) -> Vec<String> {
        let mut forms = Vec::new();
        let urn_upper = CORE.to_uppercase();
        let paths = [
            "active".to_owned(),
            "Active".to_owned(),
            " active ".to_owned(),
            "active.value".to_owned(),
            format!("{CORE}:active"),
            format!("{CORE}.active"),
            format!("{urn_upper}:ACTIVE"),
            "urn:ietf:params:scim:schemas:core:2.0:active".to_owned(),
            "urn:ietf:params:scim:schemas:core:2.0:Active.value".to_owned(),
            "URN:IETF:params:scim:schemas:core:2.0.active".to_owned(),
            "urn:ietf:params:scim:schemas:core:active".to_owned(),
            "urn:ietf:params:scim:schemas:core:2.0:active:value".to_owned(),
        ];
        for path in &paths {
            for op in ["replace", "Replace", "add", "ADD"] {
                forms.push(format!(r#"[{{"op":"{op}","path":"{path}","value":{value}}}]"#));
            }
            forms.push(format!(r#"[{{"Op":"replace","Path":"{path}","Value":{value}}}]"#));
            let key = path.trim();
            forms.push(format!(r#"[{{"op":"replace","value":{{"{key}":{value}}}}}]"#));
            forms.push(format!(r#"[{{"op":"replace","path":"","value":{{"{key}":{value}}}}}]"#));
            forms.push(format!(
                r#"[{{"op":"replace","path":null,"value":[{{"title":"x","{key}":{value}}}]}}]"#
            ));
        }
        let versioned = "urn:ietf:params:scim:schemas:core:2.0";
        for urn in [CORE, &urn_upper, versioned, "urn:ietf:params:scim:schemas:core"] {
            forms.push(format!(r#"[{{"op":"replace","value":{{"{urn}":{{"Active":{value}}}}}}}]"#));
            forms.push(format!(r#"[{{"op":"replace","path":"{urn}","value":{{"active":{value}}}}}]"#));
        }
        forms
    }

    #[test]
    fn a_deactivation_is_recognised_in_every_form() {
        for value in ["false", r#""False""#, r#""false""#, r#"" False ""#, "0", "0.0", r#""0""#, "null", "[]"]
        {
            for wrapped in [
                value.to_owned(),
                format!(r#"[{{"$ref":null,"value":{value}}}]"#),
                format!(r#"{{"value":{value}}}"#),
            ] {
                for form in forms(&wrapped) {
                    assert_eq!(patched(&form), Some(ChangeKind::Deactivate), "{form}");
                }
            }
        }
    }

    #[test]
    fn a_reactivation_is_recognised_in_every_form() {
        for value in ["true", r#""True""#, r#"[{"$ref":null,"value":"TRUE"}]"#] {
            for form in forms(value) {
                assert_eq!(patched(&form), Some(ChangeKind::Reactivate), "{form}");
            }
        }
    }

    #[test]
    fn taking_active_away_is_a_deactivation() {
        for form in [
            r#"[{"op":"remove","path":"active"}]"#.to_owned(),
            r#"[{"op":"Remove","path":"ACTIVE","value":"True"}]"#.to_owned(),
            format!(r#"[{{"op":"remove","path":"{CORE}:active"}}]"#),
            r#"[{"op":"remove","value":{"active":true}}]"#.to_owned(),
        ] {
            assert_eq!(patched(&form), Some(ChangeKind::Deactivate), "{form}");
        }
    }

    #[test]
    fn the_last_of_several_operations_counts() {
        let on = r#"{"op":"replace","path":"active","value":"True"}"#;
        let off = r#"{"op":"replace","value":{"active":false}}"#;
        let odd = r#"{"op":"replace","path":"active","value":"perhaps"}"#;
        assert_eq!(patched(&format!("[{on},{off}]")), Some(ChangeKind::Deactivate));
        assert_eq!(patched(&format!("[{off},{on}]")), Some(ChangeKind::Reactivate));
        assert_eq!(patched(&format!("[{off},{odd}]")), Some(ChangeKind::Deactivate));
    }

    #[test]
    fn a_deactivation_is_never_invented() {
        for value in [r#""no""#, r#""""#, "7", "{}", r#"["True","False"]"#, r#"{"state":false}"#] {
            for form in forms(value) {
                assert_eq!(patched(&form), None, "{form}");
            }
        }
        for form in [
            r#"[{"op":"replace","path":"title","value":"active"}]"#,
            r#"[{"op":"replace","path":"name.active","value":false}]"#,
            r#"[{"op":"replace","path":"active.since","value":null}]"#,
            r#"[{"op":"replace","path":"emails[type eq \"work\"].active","value":false}]"#,
            r#"[{"op":"replace","value":{"name":{"active":false}}}]"#,
            r#"[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:active","value":false}]"#,
            r#"[{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:Northwind:2.0:User":{"active":false}}}]"#,
            "[]",
        ] {
            assert_eq!(patched(form), None, "{form}");
        }
    }

    #[test]
    fn replacements_creates_and_deletions_count_too() {
        let put =
            |body: &str| change("PUT", "/users/u%2D1", body).map(|change| (change.kind, change.user_id));
        let id = Some("u-1".to_owned());
        assert_eq!(put(r#"{"userName":"a","Active":"False"}"#), Some((ChangeKind::Deactivate, id.clone())));
        assert_eq!(put(r#"{"userName":"a","active":null}"#), Some((ChangeKind::Deactivate, id.clone())));
        assert_eq!(put(r#"{"userName":"a","active":true}"#), Some((ChangeKind::Reactivate, id.clone())));
        assert_eq!(put(r#"{"userName":"a"}"#), Some((ChangeKind::Rename, id.clone())));

        let post = |body: &str| change("POST", "//Users/", body).map(|change| change.kind);
        assert_eq!(post(r#"{"userName":"a","active":"False"}"#), Some(ChangeKind::Deactivate));
        assert_eq!(
            post(&format!(r#"{{"userName":"a","{CORE}:active":false}}"#)),
            Some(ChangeKind::Deactivate)
        );
        for body in
            [r#"{"userName":"a","active":true}"#, r#"{"userName":"a"}"#, r#"{"userName":"a","active":null}"#]
        {
            assert_eq!(post(body), Some(ChangeKind::Reactivate), "{body}");
        }
        assert_eq!(post(r#"{"userName":"a","active":"perhaps"}"#), None);

        let deleted = change("DELETE", "/%55SERS/u-1/", "").unwrap();
        assert_eq!((deleted.kind, deleted.user_id), (ChangeKind::Delete, id));
        assert_eq!(change("DELETE", "/Groups/g", ""), None);
        assert_eq!(change("GET", "/Users/u", ""), None);
    }

    #[test]
    fn keys_come_from_the_request() {
        let body = r#"{"userName":"Ada","urn:ietf:params:scim:schemas:core:2.0:User:externalId":"E","active":false,
            "emails":[{"value":"A@n.example"}],"emails[type eq \"work\"].value":"w@n.example","title":"no"}"#;
        let change = change("POST", "/Users", body).unwrap();
        assert_eq!(change.keys.iter().collect::<Vec<_>>(), ["ada", "e", "a@n.example", "w@n.example"]);
        assert_eq!(change.user_id, None);
        assert_eq!(patched(r#"[{"op":"replace","path":"userName","value":"b"}]"#), Some(ChangeKind::Rename));
        assert_eq!(patched(r#"[{"op":"remove","path":"externalId"}]"#), None);
    }

    fn keys_of(method: &str, path: &str, body: &str) -> Option<(ChangeKind, Vec<String>)> {
        let change = change(method, path, body)?;
        Some((change.kind, change.keys.iter().map(str::to_owned).collect()))
    }

    #[test]
    fn of_addresses_in_a_whole_user_only_the_persons_own_at_work_are_keys() {
        let two = r#"[{"type":"work","value":"adm@n"},{"type":"other","value":"ada@n"}]"#;
        for (emails, want) in [
            (two, vec!["a", "adm@n"]),
            (r#"[{"value":"w@n","primary":"True"},{"value":"ada@n"}]"#, vec!["a", "w@n"]),
            (r#"[{"value":"a@n"}]"#, vec!["a", "a@n"]),
            (r#""a@n""#, vec!["a", "a@n"]),
        ] {
            for active in ["true", "\"False\""] {
                let body = format!(r#"{{"userName":"a","active":{active},"emails":{emails}}}"#);
                for (method, path) in [("POST", "/Users"), ("PUT", "/Users/u-1")] {
                    assert_eq!(keys_of(method, path, &body).unwrap().1, want, "{method} {body}");
                }
                let body = format!(r#"{{"Operations":[{{"op":"replace","value":{body}}}]}}"#);
                assert_eq!(keys_of("PATCH", "/Users/u-1", &body).unwrap().1, want, "{body}");
            }
        }
    }

    #[test]
    fn an_address_that_is_selected_is_a_key_where_its_the_persons_own_at_work() {
        let flag = |on: bool| format!(r#"{{"op":"replace","path":"active","value":{on}}}"#);
        let at = |selector: &str, more: &str| {
            let path = serde_json::Value::from(format!("emails[{selector}].value"));
            let body = format!(r#"{{"Operations":[{{"op":"Add","path":{path},"value":"x@n"}}{more}]}}"#);
            keys_of("PATCH", "/Users/u-1", &body)
        };
        let own = vec!["x@n".to_owned()];
        for selector in [
            r#"type eq "work""#,
            r#"Type EQ "Work""#,
            "type eq work",
            "primary eq true",
            r#"primary eq "True""#,
            r#"type eq "work" and primary eq true"#,
            r#"type eq "other" and primary eq true"#,
        ] {
            assert_eq!(at(selector, ""), Some((ChangeKind::Rename, own.clone())), "{selector}");
            let on = at(selector, &format!(",{}", flag(true)));
            assert_eq!(on, Some((ChangeKind::Reactivate, own.clone())), "{selector}");
        }
        for selector in [r#"type eq "other""#, r#"type eq "home" and primary eq false"#] {
            assert_eq!(at(selector, ""), None, "{selector}");
            for (on, kind) in [(true, ChangeKind::Reactivate), (false, ChangeKind::Deactivate)] {
                assert_eq!(at(selector, &format!(",{}", flag(on))), Some((kind, vec![])), "{selector}");
            }
        }
        // It may be the person's own: that locks out, and lets nobody in.
        for selector in
            [r#"value eq "y@n""#, r#"not (type eq "home")"#, r#"type eq "work" or type eq "home""#]
        {
            assert_eq!(at(selector, ""), Some((ChangeKind::Rename, vec![])), "{selector}");
            let on = at(selector, &format!(",{}", flag(true)));
            assert_eq!(on, Some((ChangeKind::Reactivate, vec![])), "{selector}");
            let off = at(selector, &format!(",{}", flag(false)));
            assert_eq!(off, Some((ChangeKind::Deactivate, own.clone())), "{selector}");
        }
        let key = |selector: &str| {
            let key = serde_json::Value::from(format!("emails[{selector}].value"));
            keys_of("POST", "/Users", &format!(r#"{{"userName":"a","active":false,{key}:"x@n"}}"#)).unwrap().1
        };
        assert_eq!(key(r#"type eq "other""#), ["a"]);
        assert_eq!(key(r#"type eq "work""#), ["a", "x@n"]);
    }

    #[test]
    fn an_address_that_is_added_is_not_the_only_one_there_is() {
        let added = |verb: &str, element: &str| {
            let body = format!(r#"{{"Operations":[{{"op":"{verb}","path":"emails","value":[{element}]}}]}}"#);
            keys_of("PATCH", "/Users/u-1", &body).map(|(_, keys)| keys)
        };
        let own = Some(vec!["x@n".to_owned()]);
        assert_eq!(added("add", r#"{"type":"other","value":"x@n"}"#), None);
        assert_eq!(added("replace", r#"{"type":"other","value":"x@n"}"#), own);
        for element in [r#"{"value":"x@n"}"#, r#"{"type":"work","value":"x@n"}"#, r#""x@n""#] {
            assert_eq!(added("add", element), own, "{element}");
        }
    }
}
