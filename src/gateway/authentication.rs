//! Who may provision: the ways in that a tenant has, asked in turn.
//!
//! Nothing is refused with 401 that cannot be judged: Entra would put the job into quarantine. Where keys or the
//! application's authorization server cannot be had, the request waits for them, and then it is told to come again.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::{HeaderEdit, Headers, Host, Reply, UnixMillis};
use crate::config::{
    ApplicationServer, Authentication, Credential, KeySource, ScimSettings, TokenDemands,
    TokenEndpointSettings, TokenReading,
};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim::auth::{self, EntraIssuer, Published, ServerTokens, Wanted};
use crate::scim::{self, Denied};

use super::documents::{DocumentId, Documents, Kind, Source, Wish};
use super::event::{Call, CallAnswer, Step, Wait};
use super::introspection::{Introspection, Known, Ticket};
use super::provisioning::{Arriving, too_large, unavailable};
use super::{Gateway, reports};

/// How long a request is held for keys that are on their way.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Octets; the key sets of large directories have some tens of thousands.
const MAX_KEYS: usize = 1 << 20;

/// A tenant's ways in.
#[derive(Debug)]
pub(super) struct WaysIn {
    tokens: Vec<scim::Token>,
    pub(super) issuing: Option<Issuing>,
    entra: Option<(EntraIssuer, DocumentId)>,
    server: Option<Server>,
}

/// Tokens of our own.
#[derive(Debug)]
pub(super) struct Issuing {
    pub(super) path: String,
    pub(super) endpoint: auth::TokenEndpoint,
    /// Seals them. One ring for all tenants: each token says, sealed, to which it belongs.
    pub(super) keys: KeyRing,
    /// Where the keys of each directory are.
    pub(super) directories: Vec<(String, DocumentId)>,
}

#[derive(Debug)]
enum Server {
    Keys(ServerTokens, DocumentId),
    Asked(Introspection),
}

/// What is to be said of a credential.
pub(super) enum Judgement {
    /// Let in; the name is for the log.
    Accepted(String),
    /// 401, and the reason for the log.
    Denied(Denied, &'static str),
    /// It cannot be said before this document has come.
    Waits(DocumentId),
    /// It cannot be said before the application's server was asked.
    Asks(Call, Ticket),
    /// It cannot be said now, and why.
    Unknowable { retry_after: u64, code: &'static str },
}

impl WaysIn {
    pub(super) fn new(
        settings: &ScimSettings,
        masters: &[MasterKey],
        documents: &mut Documents,
    ) -> Result<Self, SealError> {
        let Authentication { entra_token, token_endpoint, application_server } = &settings.authentication;
        let tokens = settings.tokens.iter().map(|token| scim::Token {
            name: token.name.clone(),
            sha256: token.sha256,
            not_before: token.not_before,
            expires: token.expires,
            tenant_id: token.tenant_id.clone(),
        });
        let entra = entra_token.as_ref().map(|entra| {
            let issuer = EntraIssuer {
                tenant_ids: entra.tenant_ids.clone(),
                audiences: entra.audiences.clone(),
                applications: entra.applications.clone(),
            };
            (issuer, documents.add(source(&entra.keys)))
        });
        let issuing = match token_endpoint {
            Some(endpoint) => Some(Issuing::new(endpoint, masters, documents)?),
            None => None,
        };
        let server = application_server.as_ref().map(|server| Server::new(server, documents));
        Ok(Self { tokens: tokens.collect(), issuing, entra, server })
    }

    /// Judges the credential of a request.
    pub(super) fn judge(
        &self,
        gateway: &Gateway,
        tenant: &str,
        headers: &Headers,
        host: &dyn Host,
    ) -> Judgement {
        let now = host.now();
        match scim::authenticate(headers, &self.tokens, now) {
            Ok(name) => return Judgement::Accepted(name.to_owned()),
            Err(Denied::Unknown) => {}
            Err(denied) => return Judgement::Denied(denied, denied.code()),
        }
        if let Some(issuing) = &self.issuing
            && let Ok(client) = auth::access(headers, &issuing.keys, tenant, &issuing.endpoint, now)
        {
            return Judgement::Accepted(client.to_owned());
        }
        if let Some((issuer, document)) = &self.entra
            && (self.server.is_none() || auth::says_entra(headers))
        {
            return by_entra(gateway, headers, issuer, *document, host);
        }
        match &self.server {
            Some(Server::Keys(tokens, document)) => by_keys(gateway, headers, tokens, *document, host),
            Some(Server::Asked(introspection)) => by_asking(introspection, headers, now),
            None => Judgement::Denied(Denied::Unknown, Denied::Unknown.code()),
        }
    }

    /// Takes the server's answer, which is in the memory for [`WaysIn::judge`] afterwards. False where it is none.
    fn learn(&self, ticket: &Ticket, answer: Option<&CallAnswer>, now: UnixMillis) -> bool {
        match &self.server {
            Some(Server::Asked(introspection)) => introspection.learn(ticket, answer, now),
            _ => false,
        }
    }

    /// Whether a path is one of the application's authorization server, which is let through.
    pub(super) fn passes(settings: &ScimSettings, path: &str) -> bool {
        let server = settings.authentication.application_server.as_ref();
        server.is_some_and(|server| {
            server.pass.iter().any(|prefix| crate::common::path::is_at_or_below(path, prefix))
        })
    }

    /// What an operator should know of the tokens at this moment, one line each.
    pub(super) fn warnings(&self, tenant: &str, now: UnixMillis) -> Vec<String> {
        const SOON: Duration = Duration::from_secs(30 * 86_400);
        let tell = |token: &scim::Token| {
            let expires = token.expires.filter(|expires| *expires <= now.after(SOON))?;
            let what = if expires <= now { "has expired" } else { "expires soon" };
            let others =
                self.tokens.iter().filter(|other| other.expires.is_none_or(|end| end > expires)).count();
            let remedy = if others == 0 {
                "make a new one (vestibule token new), list it beside this one, and enter it in Entra"
            } else {
                "see to it that Entra uses a later one, and remove this one"
            };
            Some(format!(
                "tenant {tenant}: the token `{}` {what} ({}); {remedy}",
                token.name,
                expires.to_rfc3339()
            ))
        };
        self.tokens.iter().filter_map(tell).collect()
    }
}

impl Issuing {
    fn new(
        settings: &TokenEndpointSettings,
        masters: &[MasterKey],
        documents: &mut Documents,
    ) -> Result<Self, SealError> {
        let clients = settings
            .clients
            .iter()
            .map(|client| auth::Client { id: client.id.clone(), secrets: client.secrets.clone() });
        let federations = settings.federations.iter().map(|federation| auth::Federation {
            tenant_id: federation.tenant_id.clone(),
            subject: federation.subject.clone(),
            audiences: federation.audiences.clone(),
            application: federation.application.clone(),
            client_id: federation.client_id.clone(),
        });
        let endpoint = auth::TokenEndpoint {
            clients: clients.collect(),
            federations: federations.collect(),
            lifetime: settings.lifetime.as_secs(),
        };
        let directories = settings
            .federations
            .iter()
            .map(|federation| (federation.tenant_id.clone(), documents.add(source(&federation.keys))))
            .collect();
        let keys = KeyRing::derive(masters, "scim-token")?;
        Ok(Self { path: settings.path.clone(), endpoint, keys, directories })
    }
}

impl Server {
    fn new(settings: &ApplicationServer, documents: &mut Documents) -> Self {
        match &settings.reading {
            TokenReading::Introspection(how) => Self::Asked(Introspection::new(how, wanted(&how.demands))),
            TokenReading::Keys { source: from, algorithms, typed, demands } => {
                let known = auth::ALGORITHMS.iter();
                let algorithms = known.filter(|(name, _)| algorithms.iter().any(|have| have == name));
                let tokens = ServerTokens {
                    wanted: wanted(demands),
                    algorithms: algorithms.map(|(_, algorithm)| *algorithm).collect(),
                    typed: *typed,
                };
                Self::Keys(tokens, documents.add(source(from)))
            }
        }
    }
}

fn wanted(demands: &TokenDemands) -> Wanted {
    Wanted {
        issuer: demands.issuer.clone(),
        audiences: demands.audiences.clone(),
        clients: demands.clients.clone(),
        scopes: demands.scopes.clone(),
    }
}

fn source(keys: &KeySource) -> Source {
    Source {
        kind: Kind::Keys,
        cluster: keys.cluster.clone(),
        authority: keys.authority.clone(),
        path: keys.path.clone(),
        timeout_ms: keys.timeout_ms,
        max_size: MAX_KEYS,
        refresh: keys.refresh,
    }
}

fn by_entra(
    gateway: &Gateway,
    headers: &Headers,
    issuer: &EntraIssuer,
    document: DocumentId,
    host: &dyn Host,
) -> Judgement {
    let Some(set) = gateway.documents.keys(document) else {
        return without_keys(gateway, document, host.now());
    };
    let keys = Published { set: &set, host };
    match auth::entra_token(headers, issuer, &keys, host.now()) {
        Ok(directory) => Judgement::Accepted(format!("entra:{directory}")),
        Err(refused) => {
            let denied = Judgement::Denied(refused.denied(), refused.code());
            if refused.wants_newer_keys() {
                with_newer_keys(gateway, document, host.now(), denied)
            } else {
                denied
            }
        }
    }
}

fn by_keys(
    gateway: &Gateway,
    headers: &Headers,
    tokens: &ServerTokens,
    document: DocumentId,
    host: &dyn Host,
) -> Judgement {
    let Some(set) = gateway.documents.keys(document) else {
        return without_keys(gateway, document, host.now());
    };
    let keys = Published { set: &set, host };
    match auth::server_token(headers, tokens, &keys, host.now()) {
        Ok(client) => Judgement::Accepted(format!("server:{client}")),
        Err(refused) => {
            let denied = Judgement::Denied(Denied::Unknown, refused.code());
            if refused.wants_newer_keys() {
                with_newer_keys(gateway, document, host.now(), denied)
            } else {
                denied
            }
        }
    }
}

fn by_asking(introspection: &Introspection, headers: &Headers, now: UnixMillis) -> Judgement {
    let token = match scim::bearer(headers) {
        Ok(token) => token,
        Err(denied) => return Judgement::Denied(denied, denied.code()),
    };
    match introspection.known(token, now) {
        Known::Active(client) => Judgement::Accepted(format!("server:{client}")),
        Known::Refused(code) => Judgement::Denied(Denied::Unknown, code),
        Known::Asks(call, ticket) => Judgement::Asks(call, ticket),
        Known::Busy => Judgement::Unknowable { retry_after: 1, code: "introspection_busy" },
    }
}

/// There are no keys at all: nothing can be said of anybody.
pub(super) fn without_keys(gateway: &Gateway, document: DocumentId, now: UnixMillis) -> Judgement {
    match gateway.documents.wish(document, now) {
        Wish::Coming => Judgement::Waits(document),
        Wish::NotBefore(moment) | Wish::Failed(moment) => {
            Judgement::Unknowable { retry_after: seconds_until(moment, now), code: "keys_unavailable" }
        }
    }
}

/// There are keys, and not this one. Where they may be old, nothing is said.
pub(super) fn with_newer_keys(
    gateway: &Gateway,
    document: DocumentId,
    now: UnixMillis,
    denied: Judgement,
) -> Judgement {
    match gateway.documents.wish(document, now) {
        Wish::Coming => Judgement::Waits(document),
        Wish::NotBefore(_) => denied,
        Wish::Failed(moment) => {
            Judgement::Unknowable { retry_after: seconds_until(moment, now), code: "keys_outdated" }
        }
    }
}

fn seconds_until(moment: UnixMillis, now: UnixMillis) -> u64 {
    moment.0.saturating_sub(now.0).div_ceil(1000).clamp(1, 60)
}

/// A provisioning request of whom it is not known yet who sends it. Nothing of it goes anywhere.
#[derive(Debug)]
pub(super) struct Authenticating {
    arriving: Arriving,
    /// The credential, and no other header.
    credential: Headers,
    /// When patience ends.
    until: UnixMillis,
    ticket: Option<Ticket>,
    /// What has come meanwhile.
    pub(super) came: Came,
}

/// How much of a request has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Came {
    /// Octets of body; `None` where there is no body so far.
    pub(super) received: Option<usize>,
    /// Whether the request is complete.
    pub(super) ended: bool,
    /// Take away what came as trailers.
    pub(super) trailers: Vec<HeaderEdit>,
}

/// What becomes of a request at the door.
pub(super) enum Entry {
    /// It may come in.
    Admitted(Box<Arriving>),
    /// It stays outside until something comes.
    Pending(Box<Authenticating>, Step),
    /// It goes no further.
    Refused(Reply),
}

/// Judges a request when its head has come.
pub(super) fn enter(
    gateway: &Gateway,
    arriving: Box<Arriving>,
    headers: &Headers,
    ended: bool,
    host: &dyn Host,
) -> Entry {
    let credentials = headers.iter().filter(|(name, _)| *name == b"authorization");
    let credential = Headers::new(credentials.map(|(name, value)| (name.to_vec(), value.to_vec())).collect());
    let pending = Authenticating {
        arriving: *arriving,
        credential,
        until: host.now().after(PATIENCE),
        ticket: None,
        came: Came { ended, ..Came::default() },
    };
    Box::new(pending).settle(gateway, host)
}

impl Authenticating {
    /// The largest body that may come.
    pub(super) fn max_body(&self) -> usize {
        self.arriving.max_body
    }

    /// What was waited for has come, or patience is over.
    pub(super) fn woken(self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Entry {
        // A call of our own is still out: only its answer ends that.
        if self.ticket.is_some() {
            return Entry::Pending(self, Step::Hold);
        }
        self.settle(gateway, host)
    }

    /// The application's server has answered, or not.
    pub(super) fn answered(
        mut self: Box<Self>,
        gateway: &Gateway,
        answer: Option<&CallAnswer>,
        host: &dyn Host,
    ) -> Entry {
        let Some(ticket) = self.ticket.take() else { return Entry::Pending(self, Step::Hold) };
        let Some((tenant, _, room)) = super::provisioning::parts(gateway, self.arriving.tenant) else {
            return Entry::Refused(unavailable());
        };
        if room.ways_in.learn(&ticket, answer, host.now()) {
            return self.settle(gateway, host);
        }
        reports::introspection_failed(host, &tenant.settings.name, answer.map_or(0, |answer| answer.status));
        later(host, &tenant.settings.name, 5, "introspection_unavailable")
    }

    fn settle(mut self: Box<Self>, gateway: &Gateway, host: &dyn Host) -> Entry {
        let Some((tenant, settings, room)) = super::provisioning::parts(gateway, self.arriving.tenant) else {
            return Entry::Refused(unavailable());
        };
        let name = &tenant.settings.name;
        match room.ways_in.judge(gateway, name, &self.credential, host) {
            Judgement::Accepted(who) => {
                reports::scim_authenticated(host, name, &who);
                match for_application(&settings.application.credential, &self.credential) {
                    Ok(None) => {}
                    Ok(Some(value)) => self.arriving.authorization = Some(value),
                    Err(reply) => {
                        reports::scim_denied(host, name, "token_not_account_and_key");
                        return Entry::Refused(reply);
                    }
                }
                match self.arriving.admitted(gateway, host) {
                    Ok(arriving) => Entry::Admitted(Box::new(arriving)),
                    Err(reply) => Entry::Refused(reply),
                }
            }
            Judgement::Denied(denied, code) => {
                reports::scim_denied(host, name, code);
                Entry::Refused(denied.reply())
            }
            Judgement::Unknowable { retry_after, code } => later(host, name, retry_after, code),
            Judgement::Waits(_) if host.now() >= self.until => later(host, name, 5, "keys_late"),
            Judgement::Waits(document) => {
                let step = Step::Wait(Wait::Document(document, self.until));
                self.pending(step)
            }
            Judgement::Asks(call, ticket) => {
                self.ticket = Some(ticket);
                self.pending(Step::Call(call))
            }
        }
    }

    fn pending(self: Box<Self>, step: Step) -> Entry {
        // Nobody is let in later whose body is too large anyway.
        let limit = self.max_body();
        if self.arriving.declared_length.is_some_and(|length| length > limit) {
            return Entry::Refused(too_large(limit));
        }
        Entry::Pending(self, step)
    }
}

/// What the application gets in the place of Entra's own credential, where it is made from that.
fn for_application(credential: &Credential, given: &Headers) -> Result<Option<Vec<u8>>, Reply> {
    if *credential != Credential::BasicFromClient {
        return Ok(None);
    }
    let pair = scim::bearer(given).ok().filter(|token| token.contains(':'));
    let unfit = || {
        scim::error_reply(
            500,
            None,
            "The token is not of the form account:key, which the application asks for.",
        )
    };
    pair.map(|pair| Some(format!("Basic {}", STANDARD.encode(pair)).into_bytes())).ok_or_else(unfit)
}

/// Nothing can be said now; Entra comes again.
fn later(host: &dyn Host, tenant: &str, retry_after: u64, code: &'static str) -> Entry {
    reports::scim_unknowable(host, tenant, code);
    let reply = scim::error_reply(503, None, "The credential cannot be checked at present; try again.");
    Entry::Refused(reply.with("retry-after", retry_after.to_string()))
}
