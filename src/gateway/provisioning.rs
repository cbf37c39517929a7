//! Provisioning: from Entra's request to the application's, and back.

use crate::common::{HeaderEdit, Headers, Host, Level, Reply};
use crate::config::{Credential, ScimSettings};
use crate::scim::{self, Incoming, Normalised, Outgoing, RequestShape, Upstream};

use super::event::{Call, CallAnswer, Edits, Origin};
use super::join::{Change, Settled};
use super::request::Head;
use super::tenant::{ScimRoom, TenantRoom};
use super::{Gateway, reports};

/// A request at the door, or, once [`super::authentication`] has let it in, one whose body may still be coming.
pub(super) struct Arriving {
    pub(super) tenant: usize,
    method: String,
    /// Path and query below the public path.
    below: String,
    accept: Option<String>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    /// The credential for the application, where that is Entra's own or made from it.
    pub(super) authorization: Option<Vec<u8>>,
    /// `content-length`, as the client says.
    pub(super) declared_length: Option<usize>,
    forged: Vec<HeaderEdit>,
    pub(super) max_body: usize,
}

impl std::fmt::Debug for Arriving {
    /// Path and headers hold personal data and a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arriving").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A write that waits for the person's keys before it may change whether they are active.
#[derive(Debug)]
pub(super) struct LookUp {
    tenant: usize,
    edits: Edits,
    flow: Flow,
}

/// A request that has been released to the application.
#[derive(Debug)]
pub(super) struct Flow {
    tenant: usize,
    shape: RequestShape,
    change: Option<Change>,
    pub(super) max_response: usize,
}

/// What happens to an authenticated request.
pub(super) enum Next {
    Answer(Reply),
    LookUp(Call, Box<LookUp>),
    Forward(Edits, Box<Flow>),
}

/// The part of `path` below the tenant's public path, if it is there; `//` and a trailing slash are left for the rules.
pub(super) fn below<'p>(tenant: &TenantRoom, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(&tenant.settings.scim.as_ref()?.public_path)?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

/// Reads a request whose path is below the public path. Nobody has let it in yet.
pub(super) fn arrive(gateway: &Gateway, at: usize, head: &Head, below: &str) -> Result<Arriving, Reply> {
    let (_, settings, _) = parts(gateway, at).ok_or_else(unavailable)?;
    if head.upgrade {
        return Err(scim::error_reply(400, None, "An upgrade is not possible here."));
    }
    let text = |name| head.headers.text(name).map(str::to_owned);
    Ok(Arriving {
        tenant: at,
        method: head.method.clone(),
        below: if below.starts_with('/') { below.to_owned() } else { format!("/{below}") },
        accept: text("accept"),
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        authorization: head.headers.get("authorization").map(<[u8]>::to_vec),
        declared_length: head.content_length(),
        forged: [head.forged.clone(), keep_to_ourselves(&head.headers)].concat(),
        max_body: settings.max_body,
    })
}

/// Headers that Entra's client has no use for and that would tell the application something about us.
fn keep_to_ourselves(headers: &Headers) -> Vec<HeaderEdit> {
    let unwanted =
        ["cookie", "content-length", "transfer-encoding", "expect", "te", "trailer", "content-md5", "digest"];
    unwanted.iter().filter(|name| headers.has(name)).map(|name| HeaderEdit::remove(name)).collect()
}

/// Edits that take all trailers away: they describe the octets that came, not those that go, and none is of use to a
/// SCIM server.
pub(super) fn without(trailers: &Headers) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    for (name, _) in trailers.iter() {
        let edit = HeaderEdit::Remove(name.to_vec());
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    edits
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
            forward(&arriving, settings, *outgoing, body.is_some_and(|body| !body.is_empty()))
        }
    }
}

fn forward(arriving: &Arriving, settings: &ScimSettings, outgoing: Outgoing, came_with_body: bool) -> Next {
    let application = &settings.application;
    let mut headers = arriving.forged.clone();
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
        Credential::BasicFromClient => {
            let value = arriving.authorization.clone().unwrap_or_default();
            headers.push(HeaderEdit::Set(b"authorization".to_vec(), value));
        }
    }
    // Exact, never stale: many servers cannot read a body without it. A body that the rules dropped does not go on.
    let body = outgoing.body.or_else(|| came_with_body.then(Vec::new));
    if let Some(body) = &body {
        headers.push(HeaderEdit::set("content-length", &body.len().to_string()));
    }
    let edits = Edits { headers, trailers: Vec::new(), body };
    let change = outgoing.change.map(|change| Change::asked(arriving.tenant, change));
    let flow = |change| Flow {
        tenant: arriving.tenant,
        shape: outgoing.shape,
        change,
        max_response: settings.max_response,
    };
    match change.as_ref().and_then(Change::account) {
        Some(account) => {
            let call = look_up(settings, arriving.authorization.as_deref(), account);
            Next::LookUp(call, Box::new(LookUp { tenant: arriving.tenant, edits, flow: flow(change) }))
        }
        None => Next::Forward(edits, Box::new(flow(change))),
    }
}

/// Asks the application who the person is, before the write that may make it forget.
fn look_up(settings: &ScimSettings, authorization: Option<&[u8]>, user_id: &str) -> Call {
    let application = &settings.application;
    let authorization = match &application.credential {
        Credential::Keep | Credential::BasicFromClient => {
            authorization.and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned)
        }
        Credential::Remove => None,
        Credential::Set(value) => Some(value.expose().to_owned()),
    };
    let path = format!("{}/Users/{}", application.cluster_path, percent_encode(user_id));
    let mut headers = vec![
        (":method".to_owned(), "GET".to_owned()),
        (":path".to_owned(), path),
        (":authority".to_owned(), application.authority.clone()),
        ("accept".to_owned(), "application/scim+json".to_owned()),
    ];
    headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
    Call {
        cluster: application.cluster.clone(),
        headers,
        body: Vec::new(),
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

impl LookUp {
    /// The application has answered, or not: the write goes on either way, for Entra wants it.
    pub(super) fn answered(
        mut self,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> (Edits, Box<Flow>) {
        let learnt = match (&mut self.flow.change, answer) {
            (Some(change), Some(answer)) if answer.status == 200 => change.learn(&answer.body),
            _ => false,
        };
        if !learnt {
            let name = gateway.tenants.get(self.tenant).map_or("", |tenant| tenant.settings.name.as_str());
            let status = answer.map_or(0, |answer| answer.status);
            host.count("vestibule.scim.person_unknown");
            host.log(Level::Warn, &format!("tenant={name} event=scim.person_unknown status={status}"));
        }
        (self.edits, Box::new(self.flow))
    }

    /// The client left before the write went on. It may have been the last word on this person: count it.
    pub(super) fn abandoned(mut self, gateway: &Gateway, host: &dyn Host) {
        self.flow.abandoned(gateway, host);
    }
}

impl Flow {
    /// What the response's status says of the change. Comes before the response is passed on, so that Entra's success
    /// is never earlier than the lock-out. False where the lock-out could not be recorded: then there is no success.
    #[must_use]
    pub(super) fn answered(
        &mut self,
        gateway: &Gateway,
        status: Option<u16>,
        origin: Origin,
        host: &dyn Host,
    ) -> bool {
        let settled = match (origin, status) {
            (Origin::Upstream, Some(200..=299)) => Settled::Done,
            (Origin::Upstream, Some(400..=499)) => Settled::Refused,
            _ => Settled::Unknown,
        };
        self.settle(gateway, settled, host)
    }

    /// The stream ended without a response; nobody is left to be told.
    pub(super) fn abandoned(&mut self, gateway: &Gateway, host: &dyn Host) {
        let _reported = self.settle(gateway, Settled::Unknown, host);
    }

    fn settle(&mut self, gateway: &Gateway, settled: Settled, host: &dyn Host) -> bool {
        let recorded = self.change.as_ref().is_none_or(|change| change.settle(gateway, settled, host));
        // What was refused is over; of the rest the response may say more.
        if settled != Settled::Done {
            self.change = None;
        }
        recorded
    }

    /// The whole response is at hand: apply the response rules, and learn from it who was meant.
    pub(super) fn repair(
        &mut self,
        gateway: &Gateway,
        headers: &Headers,
        body: &[u8],
        host: &dyn Host,
    ) -> Edits {
        let Some((tenant, _, room)) = parts(gateway, self.tenant) else { return replace(&unavailable()) };
        let status = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(502);
        if headers.get("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"))
        {
            return replace(&scim::error_reply(502, None, "The application answered in a compressed form."));
        }
        self.learn_from(gateway, status, body, host);
        let upstream = Upstream {
            status,
            content_type: headers.text("content-type"),
            location: headers.text("location"),
            body,
        };
        let repaired = scim::repair(&self.shape, &upstream, &room.rules);
        reports::scim_rewritten(host, &tenant.settings.name, "response", &repaired.applied);
        let mut edits = Edits { headers: repaired.headers, ..Edits::default() };
        if repaired.status != status {
            edits.headers.push(HeaderEdit::set(":status", &repaired.status.to_string()));
        }
        if let Some(body) = repaired.body {
            set_body(&mut edits, headers, body, repaired.status);
        }
        edits
    }

    /// The application's own words about the account, after the write: it may know the person by more keys than before.
    fn learn_from(&mut self, gateway: &Gateway, status: u16, body: &[u8], host: &dyn Host) {
        let Some(mut change) = self.change.take() else { return };
        if (200..=299).contains(&status) && !body.is_empty() && change.learn(body) {
            let _reported = change.settle(gateway, Settled::Done, host);
        }
    }
}

fn set_body(edits: &mut Edits, headers: &Headers, body: Vec<u8>, status: u16) {
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
pub(super) fn as_reply(headers: &Headers, edits: Edits) -> Reply {
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
pub(super) fn replace(reply: &Reply) -> Edits {
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
pub(super) fn local_error(status: Option<u16>) -> Reply {
    let status = status.unwrap_or(502);
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
pub(super) fn not_recorded() -> Reply {
    scim::error_reply(503, None, "The change could not be recorded at the gateway; try again.")
}

pub(super) fn response_too_large() -> Reply {
    scim::error_reply(502, None, "The application's answer is larger than the gateway reads.")
}

pub(super) fn unavailable() -> Reply {
    scim::error_reply(500, None, "The gateway is not able to serve this request.")
}

pub(super) fn parts(gateway: &Gateway, at: usize) -> Option<(&TenantRoom, &ScimSettings, &ScimRoom)> {
    let tenant = gateway.tenants.get(at)?;
    Some((tenant, tenant.settings.scim.as_ref()?, tenant.scim.as_ref()?))
}
