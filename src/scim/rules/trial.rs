//! Runs one PATCH rule alone, for the tables of the tests: everything but the rule is switched off.

use serde_json::Value;

use super::super::error::ScimError;
use super::super::patch::Patch;
use super::super::rule::{Context, Settings, run};
use super::super::schema::ResourceKind;
use super::{members, operations, values};

fn alone(rule: &str, kind: &ResourceKind, operations: &str) -> Result<(Value, usize), ScimError> {
    let settings = Settings::default();
    let context = Context { kind, settings: &settings };
    let body = format!(r#"{{"schemas":[],"Operations":{operations}}}"#);
    let mut trail = Vec::new();
    let mut patch = Patch::read(crate::common::json::parse(body.as_bytes()).unwrap(), &context, &mut trail)?;
    let all = operations::SHAPE.iter().chain(operations::PATHS).chain(members::ALL).chain(values::ALL);
    let chosen: Vec<_> = all.copied().filter(|have| have.id == rule).collect();
    assert!(!chosen.is_empty(), "no rule {rule}");
    run(&chosen, &mut patch, &context, &mut trail)?;
    let records = trail.iter().filter(|applied| applied.rule == rule).count();
    Ok((patch.write()["Operations"].clone(), records))
}

fn case(rule: &str, kind: &ResourceKind, from: &str, to: &str) {
    let want = crate::common::json::parse(to.as_bytes()).unwrap();
    let (got, records) = alone(rule, kind, from).unwrap();
    assert_eq!(got, want, "{from}");
    let changed = crate::common::json::parse(from.as_bytes()).unwrap() != want;
    assert_eq!(records > 0, changed, "a change leaves a record, and only a change: {from}");
    let (again, records) = alone(rule, kind, &got.to_string()).unwrap();
    assert_eq!((again, records), (want, 0), "twice: {from}");
}

/// `from` becomes `to` in a user, once and for all, with a record.
pub(crate) fn user(rule: &str, from: &str, to: &str) {
    case(rule, &ResourceKind::User, from, to);
}

/// A user's operations that the rule leaves alone.
pub(crate) fn unchanged(rule: &str, operations: &str) {
    case(rule, &ResourceKind::User, operations, operations);
}

/// The same for a group.
pub(crate) fn group(rule: &str, from: &str, to: &str) {
    case(rule, &ResourceKind::Group, from, to);
}

/// A group's operations that the rule leaves alone.
pub(crate) fn group_unchanged(rule: &str, operations: &str) {
    case(rule, &ResourceKind::Group, operations, operations);
}

/// The same for a resource of a type that is not known.
pub(crate) fn other(rule: &str, from: &str, to: &str) {
    case(rule, &ResourceKind::Other("Teams".into()), from, to);
}

/// A group's operations that the rule refuses.
pub(crate) fn group_refused(rule: &str, operations: &str, status: u16) {
    refused(rule, &ResourceKind::Group, operations, status);
}

/// The same for a resource of a type that is not known.
pub(crate) fn other_refused(rule: &str, operations: &str, status: u16) {
    refused(rule, &ResourceKind::Other("Teams".into()), operations, status);
}

fn refused(rule: &str, kind: &ResourceKind, operations: &str, status: u16) {
    match alone(rule, kind, operations) {
        Ok((got, _)) => panic!("{operations} became {got}"),
        Err(error) => assert_eq!(error.reply().status, status, "{operations}"),
    }
}
