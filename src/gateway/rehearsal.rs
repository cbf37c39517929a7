//! What the rules would say to a request that an operator describes, and why: the filter's own decision, without one.

use std::net::IpAddr;

use crate::access::{Decision, Explained, decide, explain};
use crate::common::path::{NormalPath, split_port};
use crate::common::{Headers, Identity, UnixMillis};

use super::choice::Nobody;
use super::policy::Facts;
use super::request::{Head, HeadProblem};
use super::tenant::TenantRoom;
use super::ways_in::WaysIn;
use super::{Gateway, logout, provisioning, token_endpoint};

/// A request as an operator describes it.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal<'a> {
    /// Method.
    pub method: &'a str,
    /// A whole URL, or path and query.
    pub url: &'a str,
    /// The tenant, where the URL is only a path and there are several.
    pub tenant: Option<&'a str>,
    /// Name of Envoy's route.
    pub route: Option<&'a str>,
    /// The policy that the metadata of Envoy's route name.
    pub policy: Option<&'a str>,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// Who is signed in.
    pub identity: Option<Identity>,
    /// When.
    pub now: UnixMillis,
}

/// What would become of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The tenant; `None` where it is nobody's.
    pub tenant: Option<String>,
    /// All readings of the path; the one that is decoded once comes first.
    pub readings: Vec<String>,
    /// What would become of it.
    pub outcome: Outcome,
    /// Why: every way in which the request is looked at. Empty where no rule is asked.
    pub ways: Vec<Explained>,
}

/// What would become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It passes; `identified`: the application is told who is there.
    Passes {
        /// Whether identity headers are sent.
        identified: bool,
    },
    /// A browser is sent to sign in; a program gets 401.
    SignIn,
    /// The same, though somebody is signed in: too long ago, or in another way than is wanted.
    SignInAnew,
    /// It is refused, with this code in the log.
    Refused(&'static str),
    /// It is for the filter itself, or for its provisioning; no rule is asked.
    Own(&'static str),
}

/// Why a description is none of a request to this gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RehearsalError {
    /// The URL is neither `https://host/path` nor a path.
    Url,
    /// There are several tenants, and the URL has no host.
    WhichTenant,
    /// There is no tenant of this name.
    NoSuchTenant,
    /// No tenant has this host, or the named one has not: such a request is answered 421.
    UnknownHost,
    /// Host and path lead to another tenant than the named one.
    OtherTenant,
    /// The method is not written in upper-case letters.
    Method,
}

impl std::fmt::Display for RehearsalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Url => "the URL is neither https://host/path nor a path that begins with /",
            Self::WhichTenant => "the URL has no host and there are several tenants: name one with --tenant",
            Self::NoSuchTenant => "there is no tenant of this name",
            Self::UnknownHost => {
                "this host belongs to no tenant (or not to the named one): the answer is 421"
            }
            Self::OtherTenant => "this host and path lead to another tenant than the named one",
            Self::Method => "the method is not written in upper-case letters",
        })
    }
}

impl Gateway {
    /// See the module.
    ///
    /// # Errors
    /// Where this is no request to this gateway.
    pub fn rehearse(&self, request: &Rehearsal<'_>) -> Result<Rehearsed, RehearsalError> {
        let (authority, path) = split(request.url)?;
        let tenant = match self.rehearsed_tenant(request.tenant, authority, path)? {
            Ok(tenant) => tenant,
            Err(nobody) => return Ok(nobodys(nobody)),
        };
        let authority = match authority {
            Some(authority) => authority,
            None => tenant.authority(),
        };
        let pairs = [(":method", request.method), (":path", path), (":authority", authority)];
        let head = Head::read(Headers::from(pairs), Vec::new()).map_err(|problem| match problem {
            HeadProblem::Method | HeadProblem::Connect => RehearsalError::Method,
            HeadProblem::Pseudo | HeadProblem::HopByHop => RehearsalError::Url,
        })?;
        let rehearsed = |readings, outcome, ways| Rehearsed {
            tenant: Some(tenant.settings.name.clone()),
            readings,
            outcome,
            ways,
        };
        if provisioning::below(tenant, &head.path).is_some() {
            return Ok(rehearsed(Vec::new(), Outcome::Own("provisioning"), Vec::new()));
        }
        let access = &tenant.settings.access;
        let path = match NormalPath::read_allowing(head.path.as_bytes(), access.path_spellings) {
            Ok(path) => path,
            Err(problem) => return Ok(rehearsed(Vec::new(), Outcome::Refused(problem.code()), Vec::new())),
        };
        let readings: Vec<String> = path.readings().map(str::to_owned).collect();
        let is_known = tenant.settings.hosts.contains(&head.host);
        if is_known && !self.choice.agrees(&head.host, &path, tenant.at) {
            return Ok(Rehearsed { readings, ..nobodys(Nobody::Spelling) });
        }
        if let Some(whose) = path.only().and_then(|path| self.own(tenant, path)) {
            return Ok(rehearsed(readings, Outcome::Own(whose), Vec::new()));
        }
        let facts = Facts {
            route: request.route.map(str::to_owned),
            policy: request.policy.map(str::to_owned),
            client: request.client,
        };
        let mut question = facts.question(tenant, &head, &path, request.now);
        question.identity = request.identity.as_ref();
        let outcome = match decide(access, &question) {
            Decision::Pass { opens_scim: false, .. } if path.readings().any(|it| self.closed.holds(it)) => {
                Outcome::Refused("scim_prefix_closed")
            }
            Decision::Pass { identified, .. } => Outcome::Passes { identified },
            Decision::SignIn => Outcome::SignIn,
            Decision::Stale | Decision::Weak => Outcome::SignInAnew,
            Decision::Forbidden => Outcome::Refused("claims"),
            Decision::Denied => Outcome::Refused("no_policy"),
        };
        Ok(rehearsed(readings, outcome, explain(access, &question)))
    }

    fn rehearsed_tenant(
        &self,
        name: Option<&str>,
        authority: Option<&str>,
        path: &str,
    ) -> Result<Result<&TenantRoom, Nobody>, RehearsalError> {
        let named = match name {
            Some(name) => {
                let found = self.tenants.iter().find(|tenant| tenant.settings.name == name);
                Some(found.ok_or(RehearsalError::NoSuchTenant)?)
            }
            None => None,
        };
        let (named, authority) = match (named, authority, self.tenants.as_slice()) {
            (_, Some(authority), _) => (named, authority),
            (Some(tenant), None, _) | (None, None, [tenant]) => (Some(tenant), tenant.authority()),
            (None, None, _) => return Err(RehearsalError::WhichTenant),
        };
        let (host, port) = split_port(authority);
        let host = host.to_ascii_lowercase();
        if let Some(tenant) = named.filter(|tenant| !tenant.settings.hosts.contains(&host)) {
            // A public URL may name what stands in the TLS handshake alone.
            let own = authority == tenant.authority();
            return if own { Ok(Ok(tenant)) } else { Err(RehearsalError::UnknownHost) };
        }
        if self.choice.needs_more(&host) {
            let tenant = named.ok_or(RehearsalError::WhichTenant)?;
            let leads_there = self.choice.leads_there(port, tenant.at);
            return if leads_there { Ok(Ok(tenant)) } else { Err(RehearsalError::UnknownHost) };
        }
        let path = path.split('?').next().unwrap_or_default();
        let found = match self.choice.by_address((&host, port), path) {
            Ok(at) => self.tenants.get(at).ok_or(RehearsalError::NoSuchTenant)?,
            Err(Nobody::UnknownHost) => return Err(RehearsalError::UnknownHost),
            Err(nobody) => return Ok(Err(nobody)),
        };
        match named {
            Some(tenant) if tenant.at != found.at => Err(RehearsalError::OtherTenant),
            _ => Ok(Ok(found)),
        }
    }

    /// Whose a path is that no rule is asked about.
    fn own(&self, tenant: &TenantRoom, path: &str) -> Option<&'static str> {
        let settings = &tenant.settings;
        let scim = settings.scim.as_ref();
        if token_endpoint::is_at(tenant, path) {
            return Some("the token endpoint");
        }
        if scim.is_some_and(|scim| WaysIn::passes(scim, path)) && !self.closed.holds(path) {
            return Some("the application's authorization server");
        }
        if settings.saml.as_ref().is_some_and(|saml| saml.acs_path == path) {
            return Some("the assertion consumer");
        }
        if logout::is_at(tenant, path) {
            return Some("the logout endpoint");
        }
        let own = path.strip_prefix(settings.path_prefix.as_str())?;
        (own == "/.vestibule" || own.starts_with("/.vestibule/")).then_some("an endpoint of the filter")
    }
}

/// A request that no tenant has.
fn nobodys(nobody: Nobody) -> Rehearsed {
    let (readings, ways) = (Vec::new(), Vec::new());
    Rehearsed { tenant: None, readings, outcome: Outcome::Refused(nobody.code()), ways }
}

/// Authority, where there is one, and path with query.
fn split(url: &str) -> Result<(Option<&str>, &str), RehearsalError> {
    if url.starts_with('/') {
        return Ok((None, url));
    }
    let (scheme, rest) = url.split_once("://").ok_or(RehearsalError::Url)?;
    if !matches!(scheme, "http" | "https") {
        return Err(RehearsalError::Url);
    }
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).ok_or(RehearsalError::Url)?;
    match path {
        "" => Ok((Some(authority), "/")),
        path if path.starts_with('/') => Ok((Some(authority), path)),
        _ => Err(RehearsalError::Url),
    }
}
