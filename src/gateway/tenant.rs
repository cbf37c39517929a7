//! A tenant as the exchange uses it: its settings, with keys derived and look-ups made.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::{LoginCookies, LogoutCookies, Rounds, SessionCookies};
use crate::config::{Credential, Piece, Tenant};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim;

use super::provider::Source;
use super::sign_on::SamlRoom;

/// See the module.
#[derive(Debug)]
pub(super) struct TenantRoom {
    pub(super) settings: Tenant,
    pub(super) sessions: SessionCookies,
    pub(super) logins: LoginCookies,
    pub(super) rounds: Rounds,
    pub(super) saml: Option<SamlRoom>,
    pub(super) provider: Option<Source>,
    pub(super) logouts: LogoutCookies,
    pub(super) scim: Option<ScimRoom>,
    /// Attributes that a header or a rule uses; a session keeps no others.
    needed: BTreeSet<String>,
}

/// Provisioning, in the form the SCIM room takes.
#[derive(Debug)]
pub(super) struct ScimRoom {
    pub(super) rules: scim::Settings,
    pub(super) tokens: Vec<scim::Token>,
    /// How many requests of this tenant this worker has in hand.
    pub(super) in_hand: Rc<Cell<usize>>,
}

impl TenantRoom {
    pub(super) fn new(
        settings: Tenant,
        provider: Option<Source>,
        masters: &[MasterKey],
    ) -> Result<Self, SealError> {
        let sessions = SessionCookies::new(KeyRing::derive(masters, "session")?, &settings.name);
        let logins = LoginCookies::new(
            KeyRing::derive(masters, "login")?,
            &settings.name,
            settings.session.login_lifetime,
        );
        let rounds = Rounds::new(KeyRing::derive(masters, "rounds")?, &settings.name);
        let saml = settings.saml.as_ref().map(SamlRoom::new);
        let logouts = LogoutCookies::new(KeyRing::derive(masters, "logout")?, &settings.name);
        let scim = settings.scim.as_ref().map(|scim| ScimRoom {
            rules: scim::Settings {
                public_base: format!("{}{}", settings.public_url, scim.public_path),
                application_base: scim.application.path.clone(),
                cluster_base: Some(scim.application.cluster_path.clone()),
                off: scim.rules_off.iter().cloned().collect(),
                own_credential: scim.application.credential != Credential::Keep,
                ..scim::Settings::default()
            },
            tokens: scim
                .tokens
                .iter()
                .map(|token| scim::Token { name: token.name.clone(), sha256: token.sha256 })
                .collect(),
            in_hand: Rc::default(),
        });
        let needed = needed(&settings);
        Ok(Self { settings, sessions, logins, rounds, saml, provider, logouts, scim, needed })
    }

    /// Whether `host` (without port) is the one of the public URL.
    pub(super) fn is_public_host(&self, host: &str) -> bool {
        let authority = self.settings.public_url.split_once("://").map_or("", |(_, authority)| authority);
        crate::common::path::host_without_port(authority) == host
    }

    pub(super) fn needs(&self, attribute: &str) -> bool {
        self.needed.contains(attribute)
    }
}

fn needed(settings: &Tenant) -> BTreeSet<String> {
    let headers = settings.access.identity_headers.iter().flat_map(|header| &header.value.0);
    let in_headers = headers.filter_map(|piece| match piece {
        Piece::Claim(name) => Some(name.clone()),
        _ => None,
    });
    let in_rules = settings.access.rules.iter().flat_map(|rule| &rule.require);
    in_headers.chain(in_rules.map(|condition| condition.claim.clone())).collect()
}
