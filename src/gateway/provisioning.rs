//! Provisioning: from Entra's request to the application's, and back.

mod answer;
mod application;
mod calling;
mod flow;
pub(super) mod load;

use crate::common::{HeaderEdit, Headers, Host, Level, Reply};
use crate::config::{Credential, ScimSettings};
use crate::scim::{self, Incoming, Normalised, Outgoing, Sequence};

pub(super) use answer::{
    as_reply, local_error, not_recorded, replace, response_too_large, too_large, unavailable,
};
pub(super) use calling::Calling;
pub(super) use flow::{Answered, Flow, FollowUp};

use super::event::{Call, Edits};
use super::join::Change;
use super::request::Head;
use super::tenant::{ScimRoom, TenantRoom};
use super::{Gateway, reports};

/// An authenticated request whose body may still be coming.
pub(super) struct Arriving {
    tenant: usize,
    method: String,
    /// Path and query below the public path.
    below: String,
    accept: Option<String>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    authorization: Option<Vec<u8>>,
    forged: Vec<HeaderEdit>,
    pub(super) max_body: usize,
    place: load::Place,
}

impl std::fmt::Debug for Arriving {
    /// Path and headers hold personal data and a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arriving").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What happens to an authenticated request.
pub(super) enum Next {
    Answer(Reply),
    Call(Call, Box<Calling>),
    Forward(Edits, Box<Flow>),
}

/// The part of `path` below the tenant's public path, if it is there; `//` and a trailing slash are left for the rules.
pub(super) fn below<'p>(tenant: &TenantRoom, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(&tenant.settings.scim.as_ref()?.public_path)?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

/// Authenticates a request whose path is below the public path.
pub(super) fn arrive(
    gateway: &Gateway,
    at: usize,
    head: &Head,
    below: &str,
    host: &dyn Host,
) -> Result<Arriving, Reply> {
    let (tenant, settings, room) = parts(gateway, at).ok_or_else(unavailable)?;
    if head.upgrade {
        return Err(scim::error_reply(400, None, "An upgrade is not possible here."));
    }
    let token = scim::authenticate(&head.headers, &room.tokens).map_err(|denied| {
        reports::scim_denied(host, &tenant.settings.name, denied.code());
        denied.reply()
    })?;
    reports::scim_authenticated(host, &tenant.settings.name, token);
    if head.content_length().is_some_and(|length| length > settings.max_body) {
        return Err(too_large(settings.max_body));
    }
    let Some(place) = load::Place::take(&room.in_hand, settings.max_in_hand) else {
        host.count("vestibule.scim.overload");
        host.log(Level::Warn, &format!("tenant={} event=scim.overload", tenant.settings.name));
        return Err(load::too_many(2, "The gateway has too many requests in hand; try again."));
    };
    let text = |name| head.headers.text(name).map(str::to_owned);
    Ok(Arriving {
        tenant: at,
        method: head.method.clone(),
        below: if below.starts_with('/') { below.to_owned() } else { format!("/{below}") },
        accept: text("accept"),
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        authorization: head.headers.get("authorization").map(<[u8]>::to_vec),
        forged: [head.forged.clone(), keep_to_ourselves(&head.headers)].concat(),
        max_body: settings.max_body,
        place,
    })
}

/// Headers that Entra's client has no use for and that would tell the application something about us.
fn keep_to_ourselves(headers: &Headers) -> Vec<HeaderEdit> {
    let unwanted =
        ["cookie", "content-length", "transfer-encoding", "expect", "te", "trailer", "content-md5", "digest"];
    unwanted.iter().filter(|name| headers.has(name)).map(|name| HeaderEdit::remove(name)).collect()
}

/// The body is complete (or there is none): apply the rules.
pub(super) fn normalise(gateway: &Gateway, arriving: Arriving, body: Option<&[u8]>, host: &dyn Host) -> Next {
    let Some((tenant, settings, room)) = parts(gateway, arriving.tenant) else {
        return Next::Answer(unavailable());
    };
    let name = &tenant.settings.name;
    let incoming = Incoming {
        method: &arriving.method,
        path: &arriving.below,
        accept: arriving.accept.as_deref(),
        content_type: arriving.content_type.as_deref(),
        content_encoding: arriving.content_encoding.as_deref(),
        body: body.filter(|body| !body.is_empty()),
    };
    match scim::normalise(&incoming, &room.rules) {
        Err(error) => {
            reports::scim_refused(host, name, error.code());
            Next::Answer(error.reply())
        }
        Ok(Normalised::Answer { reply, applied }) => {
            reports::scim_rewritten(host, name, &arriving.method, &applied);
            Next::Answer(reply)
        }
        Ok(Normalised::Forward(outgoing)) => {
            reports::scim_rewritten(host, name, &arriving.method, &outgoing.applied);
            forward(arriving, settings, &room.rules, *outgoing, body.is_some_and(|body| !body.is_empty()))
        }
    }
}

fn forward(
    arriving: Arriving,
    settings: &ScimSettings,
    rules: &scim::Settings,
    outgoing: Outgoing,
    came_with_body: bool,
) -> Next {
    let sequence = Sequence::of(&outgoing, rules);
    let application = &settings.application;
    let mut headers = arriving.forged;
    headers.push(HeaderEdit::set(":path", &format!("{}{}", application.path, outgoing.path)));
    if outgoing.method != arriving.method {
        headers.push(HeaderEdit::set(":method", &outgoing.method));
    }
    headers.extend(outgoing.headers);
    headers.push(HeaderEdit::remove("accept-encoding"));
    match &application.credential {
        Credential::Keep => {}
        Credential::Remove => headers.push(HeaderEdit::remove("authorization")),
        Credential::Set(value) => headers.push(HeaderEdit::set("authorization", value.expose())),
    }
    // Exact, never stale: many servers cannot read a body without it. A body that the rules dropped does not go on.
    let body = outgoing.body.or_else(|| came_with_body.then(Vec::new));
    if let Some(body) = &body {
        headers.push(HeaderEdit::set("content-length", &body.len().to_string()));
    }
    let edits = Edits { headers, trailers: Vec::new(), body };
    let flow = Flow {
        tenant: arriving.tenant,
        shape: outgoing.shape,
        change: outgoing.change.map(|change| Change::asked(arriving.tenant, change)),
        sequence,
        credential: application::credential(settings, arriving.authorization.as_deref()),
        max_response: settings.max_response,
        _place: arriving.place,
    };
    // Asked before the write that may make the application forget who it is.
    match flow.change.as_ref().and_then(Change::account).map(application::account) {
        Some(request) => {
            let call = application::call(settings, flow.credential.as_ref(), request);
            Next::Call(call, Box::new(Calling { edits, flow }))
        }
        None => Next::Forward(edits, Box::new(flow)),
    }
}

fn parts(gateway: &Gateway, at: usize) -> Option<(&TenantRoom, &ScimSettings, &ScimRoom)> {
    let tenant = gateway.tenants.get(at)?;
    Some((tenant, tenant.settings.scim.as_ref()?, tenant.scim.as_ref()?))
}
