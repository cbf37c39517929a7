//! What Entra makes of an answer.

use serde_json::Value;

use crate::scim::{client::Answer, requests::RawRequest};

/// Which answer is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// 200 with a ListResponse.
    List,
    /// The same, with at most one result.
    Match,
    /// 200 or 201 with a resource that has an identifier.
    Resource,
    /// 200 or 204.
    Changed,
    /// 2xx, or 404: it is gone either way.
    Gone,
}

/// Entra's reading of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Why the step failed.
    pub(super) failure: Option<String>,
    /// Whether the whole job stops.
    pub(super) quarantine: bool,
}

pub(super) fn judge(request: &RawRequest, answer: &Result<Answer, String>, expect: Expect) -> Verdict {
    let failed = |failure: String, quarantine| Verdict { failure: Some(failure), quarantine };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failed(format!("no answer: {error}"), false),
    };
    let is_list = matches!(expect, Expect::List | Expect::Match);
    match answer.status {
        401 | 403 => failed(
            "InvalidCredentials: You appear to have entered invalid credentials. Please confirm you are using the \
             correct information for an administrative account."
                .into(),
            true,
        ),
        404 if is_list => {
            failed(
                "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable: We received HTTP/404 Not \
                 Found from your application rather than the expected HTTP/200 OK. Check the tenant URL."
                    .into(),
                true,
            )
        }
        404 if expect == Expect::Gone => Verdict { failure: None, quarantine: false },
        409 if request.method == "POST" => failed("DuplicateTargetEntries: an object with this name is there already".into(), false),
        429 => failed("the application asks to go slower".into(), false),
        200..=299 => Verdict { failure: incompatibility(answer, expect), quarantine: false },
        status => failed(format!("HTTP {status}{}", detail_of(&answer.body)), false),
    }
}

fn incompatibility(answer: &Answer, expect: Expect) -> Option<String> {
    let incompatible =
        |why: &str| Some(format!("SystemForCrossDomainIdentityManagementServiceIncompatible: {why}"));
    match expect {
        Expect::Changed | Expect::Gone => None,
        _ if !answer.is_json => incompatible("the answer is not JSON"),
        Expect::Resource => match answer.body.get("id") {
            Some(Value::String(_)) => None,
            _ => incompatible("the resource has no identifier"),
        },
        Expect::List | Expect::Match => {
            let total = answer.body.get("totalResults").and_then(Value::as_u64);
            let resources = answer.body.get("Resources").and_then(Value::as_array).map_or(0, Vec::len);
            match total {
                None => incompatible("the answer is no list"),
                Some(total) if total > 0 && resources == 0 => incompatible("the list has no Resources"),
                Some(total) if expect == Expect::Match && total > 1 => {
                    Some("MultipleEntriesInResponse: more than one object matches".into())
                }
                Some(_) => None,
            }
        }
    }
}

fn detail_of(body: &Value) -> String {
    body.get("detail").and_then(Value::as_str).map(|detail| format!(": {detail}")).unwrap_or_default()
}
