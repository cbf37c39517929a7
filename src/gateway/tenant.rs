//! A tenant as the exchange uses it: its settings, with keys derived and look-ups made.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::{
    ApplicationCookies, LoginCookies, LogoutCookies, OpenedSessions, Rounds, SessionCookies, SessionRings,
};
use crate::config::{Credential, ScimSettings, Tenant};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim;

use super::documents::Documents;
use super::provider::Source;
use super::rules::Rules;
use super::sign_on::SamlRoom;
use super::ways_in::WaysIn;

/// See the module.
#[derive(Debug)]
pub(super) struct TenantRoom {
    /// Its place among the gateway's tenants.
    pub(super) at: usize,
    pub(super) settings: Tenant,
    pub(super) sessions: SessionCookies,
    pub(super) application: ApplicationCookies,
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
    pub(super) rules: Rules,
    pub(super) ways_in: WaysIn,
    /// How many requests of this tenant this worker has in hand.
    pub(super) in_hand: Rc<Cell<usize>>,
}

impl TenantRoom {
    pub(super) fn new(
        at: usize,
        settings: Tenant,
        provider: Option<Source>,
        masters: &[MasterKey],
        opened: &OpenedSessions,
        documents: &mut Documents,
    ) -> Result<Self, SealError> {
        let rings = SessionRings {
            session: KeyRing::derive(masters, "session")?,
            idle: KeyRing::derive(masters, "idle")?,
        };
        let sessions = SessionCookies::new(rings, &settings.name, settings.session.idle, opened);
        let named = &settings.access.application_cookies;
        let ring = KeyRing::derive(masters, "application")?;
        let application = ApplicationCookies::new(ring, &settings.name, named, opened);
        let logins = LoginCookies::new(
            KeyRing::derive(masters, "login")?,
            &settings.name,
            settings.session.login_lifetime,
        );
        let rounds = Rounds::new(KeyRing::derive(masters, "rounds")?, &settings.name);
        let saml = settings.saml.as_ref().map(SamlRoom::new);
        let logouts = LogoutCookies::new(KeyRing::derive(masters, "logout")?, &settings.name);
        let ways_in = match &settings.scim {
            Some(scim) => Some(WaysIn::new(scim, masters, documents)?),
            None => None,
        };
        let scim = settings.scim.as_ref().zip(ways_in).map(|(scim, ways_in)| ScimRoom {
            rules: Rules::new(&settings.name, rules(&settings.public_url, scim), scim, documents),
            ways_in,
            in_hand: Rc::default(),
        });
        let needed = needed(&settings);
        Ok(Self {
            at,
            settings,
            sessions,
            application,
            logins,
            rounds,
            saml,
            provider,
            logouts,
            scim,
            needed,
        })
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

/// What the operator decided about provisioning, as the pipelines take it.
fn rules(public_url: &str, scim: &ScimSettings) -> scim::Settings {
    let schemas = &scim.schemas;
    let supported = schemas.supported.iter().flatten().map(String::as_str);
    scim::Settings {
        public_base: format!("{public_url}{}", scim.public_path),
        application_base: scim.application.path.clone(),
        cluster_base: Some(scim.application.cluster_path.clone()),
        off: scim.rules_off.iter().cloned().collect(),
        declared_types: schemas.attributes.iter().map(|(name, value_type)| (name, *value_type)).collect(),
        known_schemas: schemas.known.as_ref().map(|known| known.iter().cloned().collect()),
        known_attributes: scim::KnownAttributes::of(supported),
        without_groups: scim.help.groups == Some(false),
        groups_are_decided: scim.help.groups.is_some(),
        discovery: scim.help.discovery,
        own_credential: !matches!(
            scim.application.credential,
            Credential::Keep | Credential::BasicFromClient
        ),
        validator_mode: scim.validator,
        literal_backslash: scim.literal_backslash,
        mode: scim.mode,
        abilities: scim.help.abilities.clone(),
    }
}

fn needed(settings: &Tenant) -> BTreeSet<String> {
    let told = settings.access.identity_claims().map(str::to_owned);
    let in_rules = settings.access.rules.iter().flat_map(|rule| &rule.require);
    let account = &settings.access.account;
    let asked_by = account.matches.iter().filter(|_| account.recheck.is_some());
    let asked_by = asked_by.filter_map(|one| one.claim.clone());
    told.chain(in_rules.map(|condition| condition.claim.clone())).chain(asked_by).collect()
}
