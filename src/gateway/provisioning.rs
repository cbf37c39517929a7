//! Provisioning: from Entra's request to the application's, and back.

mod answer;
mod application;
mod calling;
mod flow;
pub(super) mod load;

use std::rc::Rc;

use crate::common::{HeaderEdit, Headers, Host, Reply};
use crate::config::{Credential, ScimSettings};
use crate::scim::{
    self, AccountChange, Incoming, Members, Normalised, Outgoing, Plan, Planned, ScimError, Sequence,
};

pub(super) use answer::{as_reply, local_error, not_recorded, replace, unavailable};
pub(super) use application::{account as account_request, own_call};
pub(super) use calling::Calling;
use calling::{Task, Then};
pub(super) use flow::{Answered, Flow, FollowUp};

use super::documents::DocumentId;
use super::event::{Call, Edits, Wait};
use super::join::Change;
use super::request::Head;
use super::tenant::{ScimRoom, TenantRoom};
use super::{Gateway, membership, reports};

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
    /// What takes its trailers away, where it has any, whenever it goes on.
    pub(super) trailers: Vec<HeaderEdit>,
    pub(super) max_body: usize,
    /// Taken when it is let in.
    place: Option<load::Place>,
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
    Wait(Wait, Box<Calling>),
    /// Nothing has happened that anybody waits for.
    Hold(Box<Calling>),
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
        trailers: Vec::new(),
        max_body: settings.max_body,
        place: None,
    })
}

impl Arriving {
    /// What is worth waiting for before the rules are applied, see [`super::rules::Rules::need`]. For a request that was
    /// let in, alone: strangers make us ask for nothing.
    pub(super) fn awaits(&self, gateway: &Gateway) -> Option<DocumentId> {
        let (_, settings, room) = parts(gateway, self.tenant)?;
        let credential = application::credential(settings, self.authorization.as_deref());
        room.rules.need(&gateway.documents, credential.as_ref())
    }

    /// Lets it in, if there is room for it.
    pub(super) fn admitted(mut self, gateway: &Gateway, host: &dyn Host) -> Result<Self, Reply> {
        let (tenant, settings, room) = parts(gateway, self.tenant).ok_or_else(unavailable)?;
        if self.declared_length.is_some_and(|length| length > settings.max_body) {
            return Err(self.too_large(gateway, host));
        }
        let Some(place) = load::Place::take(&room.in_hand, settings.max_in_hand) else {
            reports::scim_overload(host, &tenant.settings.name);
            return Err(load::too_many(2, "The gateway has too many requests in hand; try again."));
        };
        self.place = Some(place);
        Ok(self)
    }

    /// Refuses it for its size.
    pub(super) fn too_large(&self, gateway: &Gateway, host: &dyn Host) -> Reply {
        if let Some((tenant, ..)) = parts(gateway, self.tenant) {
            reports::scim_refused(host, &tenant.settings.name, "too_large");
        }
        answer::too_large(self.max_body)
    }
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
    let Some((tenant, _, room)) = parts(gateway, arriving.tenant) else {
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
    let rules = room.rules.now(&gateway.documents);
    match scim::normalise(&incoming, &rules) {
        Err(error) => {
            reports::scim_refused(host, name, error.code());
            Next::Answer(error.reply())
        }
        Ok(Normalised::Answer { reply, applied }) => {
            reports::scim_rewritten(host, name, &arriving.method, &applied);
            Next::Answer(reply)
        }
        Ok(Normalised::Forward(outgoing)) => {
            let members = membership::concerned(tenant, &arriving.method, &arriving.below, body);
            let came_with_body = body.is_some_and(|body| !body.is_empty());
            send(gateway, (arriving, rules), *outgoing, (came_with_body, members), host)
        }
    }
}

/// How the normalised request goes to the application: as it is, or by exchanges of our own.
fn send(
    gateway: &Gateway,
    (arriving, rules): (Arriving, Rc<scim::Settings>),
    outgoing: Outgoing,
    (came_with_body, members): (bool, Option<Members>),
    host: &dyn Host,
) -> Next {
    let Some((tenant, settings, _)) = parts(gateway, arriving.tenant) else {
        return Next::Answer(unavailable());
    };
    let (name, what) = (&tenant.settings.name, &arriving.method);
    let credential = application::credential(settings, arriving.authorization.as_deref());
    let flow = |shape, change: Option<AccountChange>, sequence, place| Flow {
        tenant: arriving.tenant,
        rules: Rc::clone(&rules),
        shape,
        change: change.map(|change| Change::asked(arriving.tenant, change)),
        members,
        sequence,
        credential,
        max_response: settings.max_response,
        _place: place,
    };
    match scim::plan(outgoing, &rules) {
        Plan::Forward(outgoing) => {
            match &outgoing.observed {
                Some(observed) => {
                    let refused = observed.refusal.as_ref().map(ScimError::code);
                    reports::scim_observed(host, name, what, &outgoing.applied, refused);
                }
                None => reports::scim_rewritten(host, name, what, &outgoing.applied),
            }
            // What is only observed is followed by nothing.
            let sequence = Sequence::of(&outgoing, &rules).filter(|_| outgoing.observed.is_none());
            let edits = edits(settings, &arriving, &outgoing, came_with_body);
            let Outgoing { shape, change, body, .. } = *outgoing;
            // A body that the rules dropped does not go on.
            let body = body.or_else(|| came_with_body.then(Vec::new));
            let flow = flow(shape, change, sequence, arriving.place);
            calling::begin(gateway, flow, Then::Forward(Edits { body, ..edits }), host)
        }
        Plan::Errand(planned) => {
            let exclusive = planned.exclusive().map(str::to_owned);
            let Planned { first, errand, shape, change, applied, .. } = *planned;
            reports::scim_rewritten(host, name, what, &applied);
            reports::scim_rewritten(host, name, first.method, &first.applied);
            let task = Task { first, errand: Box::new(errand), exclusive };
            calling::begin(gateway, flow(shape, change, None, arriving.place), Then::Errand(task), host)
        }
    }
}

/// What changes in the head of a request that is forwarded.
fn edits(settings: &ScimSettings, arriving: &Arriving, outgoing: &Outgoing, came_with_body: bool) -> Edits {
    let application = &settings.application;
    let mut headers = arriving.forged.clone();
    headers.push(HeaderEdit::set(":path", &format!("{}{}", application.path, outgoing.path)));
    if outgoing.method != arriving.method {
        headers.push(HeaderEdit::set(":method", &outgoing.method));
    }
    headers.extend(outgoing.headers.iter().cloned());
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
    // Exact, never stale: many servers cannot read a body without it.
    if outgoing.body.is_some() || came_with_body {
        let length = outgoing.body.as_ref().map_or(0, Vec::len);
        headers.push(HeaderEdit::set("content-length", &length.to_string()));
    }
    Edits { headers, trailers: arriving.trailers.clone(), ..Edits::default() }
}

pub(super) fn parts(gateway: &Gateway, at: usize) -> Option<(&TenantRoom, &ScimSettings, &ScimRoom)> {
    let tenant = gateway.tenants.get(at)?;
    Some((tenant, tenant.settings.scim.as_ref()?, tenant.scim.as_ref()?))
}
