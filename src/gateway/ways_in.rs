//! The ways in that a tenant has, asked in turn.

use std::time::Duration;

use crate::common::{Headers, Host, UnixMillis};
use crate::config::{
    ApplicationServer, Authentication, KeySource, ScimSettings, TokenDemands, TokenEndpointSettings,
    TokenReading,
};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim::auth::{self, EntraIssuer, JwkSet, Published, ServerTokens, Vouched, Wanted};
use crate::scim::{self, Bearer, Denied};

use super::Gateway;
use super::documents::{Access, DocumentId, Documents, Kind, Source, Wish};
use super::event::{Call, CallAnswer};
use super::introspection::{Introspection, Known, Ticket};
use super::verified::Verified;

/// Octets; the key sets of large directories have some tens of thousands.
const MAX_KEYS: usize = 1 << 20;

/// A tenant's ways in.
#[derive(Debug)]
pub(super) struct WaysIn {
    tokens: Vec<scim::Token>,
    pub(super) issuing: Option<Issuing>,
    entra: Option<Signed<EntraIssuer>>,
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
    Keys(Signed<ServerTokens>),
    Asked(Introspection),
}

/// A way in by tokens that are signed with published keys.
#[derive(Debug)]
struct Signed<T> {
    wanted: T,
    keys: DocumentId,
    /// Those found good.
    verified: Verified,
}

impl<T> Signed<T> {
    fn new(wanted: T, keys: DocumentId) -> Self {
        Self { wanted, keys, verified: Verified::default() }
    }

    /// Who has a token that was found good before and still is.
    fn remembered(&self, gateway: &Gateway, bearer: &Bearer<'_>, now: UnixMillis) -> Option<Judgement> {
        let set = gateway.documents.keys(self.keys)?;
        self.verified.who(bearer.digest(), &set, now).map(Judgement::Accepted)
    }
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
            Signed::new(issuer, documents.add(source(&entra.keys)))
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
        let bearer = match Bearer::of(headers) {
            Ok(bearer) => bearer,
            Err(denied) => return Judgement::Denied(denied, denied.code()),
        };
        match scim::known(&bearer, &self.tokens, now) {
            Ok(name) => return Judgement::Accepted(name.to_owned()),
            Err(Denied::Unknown) => {}
            Err(denied) => return Judgement::Denied(denied, denied.code()),
        }
        if let Some(accepted) = self.remembered(gateway, &bearer, now) {
            return accepted;
        }
        if let Some(issuing) = &self.issuing
            && let Ok(client) = auth::access(headers, &issuing.keys, tenant, &issuing.endpoint, now)
        {
            return Judgement::Accepted(client.to_owned());
        }
        if let Some(entra) = &self.entra
            && (self.server.is_none() || auth::says_entra(headers))
        {
            return by_entra(gateway, headers, &bearer, entra, host);
        }
        match &self.server {
            Some(Server::Keys(tokens)) => by_keys(gateway, headers, &bearer, tokens, host),
            Some(Server::Asked(introspection)) => by_asking(introspection, &bearer, now),
            None => Judgement::Denied(Denied::Unknown, Denied::Unknown.code()),
        }
    }

    /// The one who was let in by the same token before, where everything that was asked then is as it was.
    fn remembered(&self, gateway: &Gateway, bearer: &Bearer<'_>, now: UnixMillis) -> Option<Judgement> {
        let by_entra = self.entra.as_ref().and_then(|entra| entra.remembered(gateway, bearer, now));
        by_entra.or_else(|| match &self.server {
            Some(Server::Keys(tokens)) => tokens.remembered(gateway, bearer, now),
            Some(Server::Asked(_)) | None => None,
        })
    }

    /// Takes the server's answer, which is in the memory for [`WaysIn::judge`] afterwards. False where it is none.
    pub(super) fn learn(&self, ticket: &Ticket, answer: Option<&CallAnswer>, now: UnixMillis) -> bool {
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
                Self::Keys(Signed::new(tokens, documents.add(source(from))))
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
        access: Access::Open,
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
    bearer: &Bearer<'_>,
    entra: &Signed<EntraIssuer>,
    host: &dyn Host,
) -> Judgement {
    by_published(gateway, bearer, entra, host, |issuer, keys| {
        auth::entra_token(headers, issuer, keys, host.now())
            .map(|good| Vouched { who: format!("entra:{}", good.who), until: good.until })
            .map_err(|refused| (refused.denied(), refused.code(), refused.wants_newer_keys()))
    })
}

fn by_keys(
    gateway: &Gateway,
    headers: &Headers,
    bearer: &Bearer<'_>,
    tokens: &Signed<ServerTokens>,
    host: &dyn Host,
) -> Judgement {
    by_published(gateway, bearer, tokens, host, |tokens, keys| {
        auth::server_token(headers, tokens, keys, host.now())
            .map(|good| Vouched { who: format!("server:{}", good.who), until: good.until })
            .map_err(|refused| (Denied::Unknown, refused.code(), refused.wants_newer_keys()))
    })
}

/// Judges by the keys of a document. What no key could make good is refused even where there are none.
fn by_published<T>(
    gateway: &Gateway,
    bearer: &Bearer<'_>,
    way: &Signed<T>,
    host: &dyn Host,
    judge: impl FnOnce(&T, &Published<'_>) -> Result<Vouched<String>, (Denied, &'static str, bool)>,
) -> Judgement {
    let set = gateway.documents.keys(way.keys);
    let none = JwkSet::default();
    match (judge(&way.wanted, &Published { set: set.as_deref().unwrap_or(&none), host }), set) {
        (Ok(good), set) => {
            if let Some(set) = set {
                way.verified.put(*bearer.digest(), &set, &good, host.now());
            }
            Judgement::Accepted(good.who)
        }
        (Err((denied, code, false)), _) => Judgement::Denied(denied, code),
        (Err((denied, code, true)), Some(_)) => {
            with_newer_keys(gateway, way.keys, host.now(), Judgement::Denied(denied, code))
        }
        (Err(_), None) => without_keys(gateway, way.keys, host.now()),
    }
}

fn by_asking(introspection: &Introspection, bearer: &Bearer<'_>, now: UnixMillis) -> Judgement {
    match introspection.known(bearer, now) {
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
