//! Answers to the provisioning client: the application's in another form, the proxy's, and our own.

use crate::common::{HeaderEdit, Headers, Reply};
use crate::scim;

use super::super::event::Edits;

pub(in crate::gateway) fn set_body(edits: &mut Edits, headers: &Headers, body: Vec<u8>, status: u16) {
    for name in ["transfer-encoding", "content-md5", "digest"] {
        if headers.has(name) {
            edits.headers.push(HeaderEdit::remove(name));
        }
    }
    if status == 204 {
        edits.headers.push(HeaderEdit::remove("content-length"));
        edits.headers.push(HeaderEdit::remove("content-type"));
    } else {
        edits.headers.push(HeaderEdit::set("content-length", &body.len().to_string()));
    }
    edits.body = Some(body);
}

/// A response without a body cannot be given one in place: the same as an answer of our own.
pub(in crate::gateway) fn as_reply(headers: &Headers, edits: Edits) -> Reply {
    const FRAMING: [&str; 5] = ["content-length", "transfer-encoding", "connection", "keep-alive", "trailer"];
    let mut headers = headers.clone();
    for edit in &edits.headers {
        headers.apply(edit);
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let kept = headers.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
    Reply {
        status: headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(502),
        headers: kept
            .filter(|(name, _)| !name.starts_with(':') && !FRAMING.contains(&name.as_str()))
            .collect(),
        body: edits.body.unwrap_or_default(),
    }
}

/// Edits that turn a response which is being held into `reply`.
pub(in crate::gateway) fn replace(reply: &Reply) -> Edits {
    let mut edits = Edits::default();
    edits.headers.push(HeaderEdit::set(":status", &reply.status.to_string()));
    for name in ["transfer-encoding", "content-encoding", "etag", "location"] {
        edits.headers.push(HeaderEdit::remove(name));
    }
    for (name, value) in &reply.headers {
        edits.headers.push(HeaderEdit::set(name, value));
    }
    edits.headers.push(HeaderEdit::set("content-length", &reply.body.len().to_string()));
    edits.body = Some(reply.body.clone());
    edits
}

/// The proxy answered in the application's place: a SCIM client reads SCIM errors only.
pub(in crate::gateway) fn local_error(status: Option<u16>) -> Reply {
    // Whoever else answered in the application's place: it is no success of the application's.
    let status = status.filter(|status| (400..600).contains(status)).unwrap_or(502);
    let detail = match status {
        413 => "The request is larger than the gateway takes.",
        408 | 504 => "The application did not answer in time.",
        502 | 503 => "The application cannot be reached or broke off.",
        404 => "The gateway has no route to the application's SCIM server.",
        _ => "The gateway could not pass the request on.",
    };
    scim::error_reply(status, None, detail)
}

pub(super) fn too_large(limit: usize) -> Reply {
    scim::error_reply(413, None, &format!("The request is larger than {limit} octets."))
}

/// The change was made, but the lock-out that it means could not be recorded: Entra tries again.
pub(in crate::gateway) fn not_recorded() -> Reply {
    scim::error_reply(503, None, "The change could not be recorded at the gateway; try again.")
}

pub(super) fn response_too_large() -> Reply {
    scim::error_reply(502, None, "The application's answer is larger than the gateway reads.")
}

pub(super) fn compressed() -> Reply {
    scim::error_reply(502, None, "The application answered in a compressed form.")
}

pub(in crate::gateway) fn unavailable() -> Reply {
    scim::error_reply(500, None, "The gateway is not able to serve this request.")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_answer_in_the_applications_place_is_never_a_success() {
        for (came, goes) in
            [(Some(200), 502), (Some(204), 502), (Some(302), 502), (Some(700), 502), (None, 502)]
        {
            assert_eq!(local_error(came).status, goes, "{came:?}");
        }
        for kept in [400, 404, 413, 429, 503, 504] {
            assert_eq!(local_error(Some(kept)).status, kept);
        }
    }
}
