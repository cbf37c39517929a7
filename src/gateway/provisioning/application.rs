//! Requests of our own to the application.

use crate::config::{Credential, ScimSettings, Secret};
use crate::scim::OwnRequest;

use super::super::event::Call;

/// The call that brings a request to the application which no request of the client's is behind.
pub(in crate::gateway) fn own_call(settings: &ScimSettings, request: OwnRequest) -> Call {
    let application = &settings.application;
    let credential = match (&application.own_credential, &application.credential) {
        (Some(value), _) | (None, Credential::Set(value)) => Some(value),
        (None, Credential::Keep | Credential::BasicFromClient | Credential::Remove) => None,
    };
    call(settings, credential, request)
}

/// What our own requests to the application carry as `Authorization`: the same as a forwarded one.
pub(super) fn credential(settings: &ScimSettings, authorization: Option<&[u8]>) -> Option<Secret> {
    match &settings.application.credential {
        Credential::Keep | Credential::BasicFromClient => {
            authorization.and_then(|value| std::str::from_utf8(value).ok()).map(Secret::from)
        }
        Credential::Remove => None,
        Credential::Set(value) => Some(value.clone()),
    }
}

/// The account of a user, to learn who it belongs to.
pub(in crate::gateway) fn account(user_id: &str) -> OwnRequest {
    OwnRequest {
        method: "GET",
        path: format!("/Users/{}", percent_encode(user_id)),
        body: None,
        if_match: None,
        applied: Vec::new(),
    }
}

/// The call that brings `request` to the application.
pub(super) fn call(settings: &ScimSettings, credential: Option<&Secret>, request: OwnRequest) -> Call {
    let application = &settings.application;
    let mut headers = vec![
        (":method".to_owned(), request.method.to_owned()),
        (":path".to_owned(), format!("{}{}", application.cluster_path, request.path)),
        (":authority".to_owned(), application.authority.clone()),
    ];
    let own = request.headers().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    headers.extend(own);
    headers.extend(credential.map(|value| ("authorization".to_owned(), value.expose().to_owned())));
    let body = request.body.unwrap_or_default();
    // Many servers read no body without it.
    if !body.is_empty() {
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    Call {
        cluster: application.cluster.clone(),
        headers,
        body,
        timeout_ms: application.timeout_ms,
        max_answer: settings.max_response,
    }
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
