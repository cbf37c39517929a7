//! Rules of resources in responses: R7 R6 R8 R13 R14.

use serde_json::{Map, Value, json};

use super::super::patch::each_attribute_where;
use super::super::rule::{Certainty, Rule, Settings};
use super::super::schema::{self, ResourceKind};
use super::resource::spell_members;
use super::response::Answer;
use super::values::{drop_nulls, drop_nulls_within, manager_object};
use super::{TO_BOOLEAN, convert};

pub(crate) const R7: Rule<Answer> = Rule {
    id: "R7",
    says: "gives resources the types and spelling of the schema and drops null",
    certainty: Certainty::Partly,
    apply: |answer, context, notes| {
        let kind = context.kind;
        let may_hold_null = answer.seen.null;
        let changed = answer.each_resource(&mut |map| {
            let mut changed = may_hold_null && no_null(map);
            if matches!(kind, ResourceKind::Discovery(_)) {
                return changed;
            }
            changed |= spell_members(kind, map);
            if let Some(id) = map.get_mut("id")
                && id.is_number()
            {
                *id = Value::String(id.to_string());
                changed = true;
            }
            // Names with a schema may be the manager's, or those of extensions.
            let concerns = |key: &str, value: &Value| key.contains(':') || TO_BOOLEAN.may_be_within(value);
            each_attribute_where(map, &concerns, &mut |name, _, value| {
                changed |= convert(context, name, value, &TO_BOOLEAN);
                changed |= manager_object(name, value);
            });
            changed
        });
        if changed {
            notes.mark("body");
        }
    },
};

/// Drops null members at any depth; the reader bounds the depth.
fn no_null(map: &mut Map<String, Value>) -> bool {
    drop_nulls(map) | drop_nulls_within(map.values_mut().collect())
}

pub(crate) const R6: Rule<Answer> = Rule {
    id: "R6",
    says: "leaves members out where the request excludes them",
    certainty: Certainty::Certain,
    apply: |answer, context, notes| {
        let is_group = *context.kind == ResourceKind::Group;
        let urn = format!("{}:members", schema::GROUP).to_ascii_lowercase();
        let excluded = answer.shape.excluded.iter().any(|name| name == "members" || *name == urn);
        if is_group && excluded && answer.each_resource(&mut |map| map.shift_remove("members").is_some()) {
            notes.mark("members");
        }
    },
};

pub(crate) const R8: Rule<Answer> = Rule {
    id: "R8",
    says: "gives Location, meta.location and $ref the public base",
    certainty: Certainty::Certain,
    apply: |answer, context, notes| {
        let settings = context.settings;
        let (own, all) = (own_endpoints(context.kind), endpoints(context.kind));
        if let Some(public) = answer.location.as_deref().and_then(|have| public_url(have, &own, settings)) {
            answer.location = Some(public);
            notes.mark("header.location");
        }
        let changed = answer.seen.reference
            && answer.each_resource(&mut |map| {
                let mut changed = false;
                if let Some(location) = map.get_mut("meta").and_then(|meta| meta.get_mut("location")) {
                    changed |= publish(location, &own, settings);
                }
                for value in map.values_mut() {
                    changed |= publish_references(value, &all, settings);
                }
                changed
            });
        if changed {
            notes.mark("body");
        }
    },
};

/// The endpoints that resources of `kind` are at themselves.
fn own_endpoints(kind: &ResourceKind) -> Vec<&str> {
    match kind {
        ResourceKind::User => vec!["Users"],
        ResourceKind::Group => vec!["Groups"],
        ResourceKind::Me => vec!["Me", "Users"],
        ResourceKind::Discovery(name) => vec![name],
        // A query at the root finds resources of every type.
        ResourceKind::Other(_) => endpoints(kind),
    }
}

/// The endpoints that a resource of `kind` may refer to.
fn endpoints(kind: &ResourceKind) -> Vec<&str> {
    let mut all = vec!["Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Me"];
    if let ResourceKind::Other(own) = kind {
        all.push(own);
    }
    all
}

/// Every `$ref` within a value, at any depth; the reader bounds the depth.
fn publish_references(value: &mut Value, endpoints: &[&str], settings: &Settings) -> bool {
    let mut changed = false;
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == "$ref" {
                    changed |= publish(value, endpoints, settings);
                }
                changed |= publish_references(value, endpoints, settings);
            }
        }
        Value::Array(items) => {
            for item in items {
                changed |= publish_references(item, endpoints, settings);
            }
        }
        _ => {}
    }
    changed
}

fn publish(value: &mut Value, endpoints: &[&str], settings: &Settings) -> bool {
    let public = value.as_str().and_then(|url| public_url(url, endpoints, settings));
    public.is_some_and(|public| {
        *value = Value::String(public);
        true
    })
}

/// The public form of a URL of the application; `None` where it is none of its SCIM URLs, or public already.
///
/// An application behind proxies does not know the name it is called by, so the host of a URL (`localhost:8080`, an
/// address, an internal name) says nothing about whose it is. What says it is the path: a base of the application,
/// whole, and one of `endpoints` after it. That is enough only for `Location`, `meta.location` and `$ref`, which by their
/// meaning hold SCIM URLs (RFC 7643 sections 2.4 and 3.1); no other value is looked at.
fn public_url(url: &str, endpoints: &[&str], settings: &Settings) -> Option<String> {
    let public = settings.public_base.trim_end_matches('/');
    let is_public =
        url.strip_prefix(public).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if public.is_empty() || is_public {
        return None;
    }
    let path = match url.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            rest.get(rest.find('/').filter(|slash| *slash > 0)?..)?
        }
        Some(_) => return None,
        None if url.starts_with('/') && !url.starts_with("//") => url,
        None => return None,
    };
    let bases = [Some(settings.application_base.as_str()), settings.cluster_base.as_deref()];
    let rest = bases.into_iter().flatten().find_map(|base| {
        let rest = path.strip_prefix(base.trim_end_matches('/'))?;
        is_endpoint(rest, endpoints).then_some(rest)
    })?;
    Some(format!("{public}{rest}"))
}

/// Whether `rest` is `/` and an endpoint, and then nothing, a query, or a path that stays below it.
fn is_endpoint(rest: &str, endpoints: &[&str]) -> bool {
    let path = rest.split('?').next().unwrap_or_default();
    let mut segments = path.split('/').skip(1);
    let first = segments.next().unwrap_or_default();
    let is_dots = |segment: &str| {
        matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
            || segment.contains('\\')
    };
    path.starts_with('/')
        && endpoints.iter().any(|endpoint| endpoint.eq_ignore_ascii_case(first))
        && !segments.any(is_dots)
}

pub(crate) const R13: Rule<Answer> = Rule {
    id: "R13",
    says: "cuts schema discovery to what Microsoft's validator takes (validator mode)",
    certainty: Certainty::Judgement,
    apply: |answer, context, notes| {
        if !context.settings.validator_mode || *context.kind != ResourceKind::Discovery("Schemas") {
            return;
        }
        let changed = answer.each_resource(&mut |map| {
            let Some(Value::Array(attributes)) = map.get_mut("attributes") else { return false };
            let before = attributes.len();
            attributes.retain(|attribute| !is_named(attribute, "password"));
            let mut changed = attributes.len() != before;
            for attribute in attributes.iter_mut().filter(|attribute| is_named(attribute, "emails")) {
                if let Some(Value::Array(subs)) = attribute.get_mut("subAttributes") {
                    let before = subs.len();
                    subs.retain(|sub| !is_named(sub, "display"));
                    changed |= subs.len() != before;
                }
            }
            changed
        });
        if changed {
            notes.mark("body");
        }
    },
};

fn is_named(attribute: &Value, name: &str) -> bool {
    attribute.get("name").and_then(Value::as_str) == Some(name)
}

/// How a client authenticates to the filter.
pub(crate) fn authentication_scheme() -> Value {
    json!({
        "type": "oauthbearertoken",
        "name": "OAuth Bearer Token",
        "description": "Authentication terminated at the gateway",
    })
}

pub(crate) const R14: Rule<Answer> = Rule {
    id: "R14",
    says: "describes the authentication of the filter, not that of the application",
    certainty: Certainty::Judgement,
    apply: |answer, context, notes| {
        let applies = context.settings.own_credential
            && *context.kind == ResourceKind::Discovery("ServiceProviderConfig")
            && answer.is_success();
        if !applies {
            return;
        }
        let scheme = json!([authentication_scheme()]);
        if let Some(Value::Object(body)) = answer.json()
            && body.get("authenticationSchemes") != Some(&scheme)
        {
            body.insert("authenticationSchemes".into(), scheme);
            answer.changed = true;
            notes.mark("authenticationSchemes");
        }
    },
};
