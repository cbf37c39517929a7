//! A tenant as the exchange uses it: its settings, with keys derived and look-ups made.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::{
    ApplicationCookies, LoginCookies, LogoutCookies, OpenedSessions, Rounds, SessionCookies, SessionRings,
    SessionTimes,
};
use crate::common::{Headers, UnixMillis};
use crate::config::{Credential, Curiosity, ScimSettings, Tenant};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim;

use super::documents::Documents;
use super::pages::View;
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
    /// In the order of the configuration.
    pub(super) providers: Vec<Source>,
    pub(super) logouts: LogoutCookies,
    pub(super) scim: Option<ScimRoom>,
    /// Attributes that a header or a rule uses; a session keeps no others.
    needed: BTreeSet<String>,
    /// What the rules want to know of a request beside its head.
    pub(super) curiosity: Curiosity,
}

/// Provisioning, in the form the SCIM room takes.
#[derive(Debug)]
pub(super) struct ScimRoom {
    pub(super) rules: Rules,
    pub(super) ways_in: WaysIn,
    /// How many requests of this tenant this worker has in hand.
    pub(super) in_hand: Rc<Cell<usize>>,
}

/// Keys of each purpose. The same for all tenants: what is sealed is bound to the tenant's name.
#[derive(Debug)]
pub(super) struct Rings {
    session: KeyRing,
    idle: KeyRing,
    application: KeyRing,
    login: KeyRing,
    rounds: KeyRing,
    logout: KeyRing,
}

impl Rings {
    pub(super) fn derive(masters: &[MasterKey]) -> Result<Self, SealError> {
        let ring = |purpose| KeyRing::derive(masters, purpose);
        Ok(Self {
            session: ring("session")?,
            idle: ring("idle")?,
            application: ring("application")?,
            login: ring("login")?,
            rounds: ring("rounds")?,
            logout: ring("logout")?,
        })
    }
}

impl TenantRoom {
    /// What an operator should know of its tokens at a moment, one line each.
    pub(super) fn warnings_at(&self, now: UnixMillis) -> Vec<String> {
        let tokens = self.scim.as_ref().map(|room| room.ways_in.warnings(&self.settings.name, now));
        tokens.unwrap_or_default()
    }

    pub(super) fn new(
        at: usize,
        settings: Tenant,
        providers: Vec<Source>,
        (rings, masters): (&Rings, &[MasterKey]),
        opened: &OpenedSessions,
        documents: &mut Documents,
    ) -> Result<Self, SealError> {
        let of_session = SessionRings { session: rings.session.clone(), idle: rings.idle.clone() };
        let times = SessionTimes { lifetime: settings.session.lifetime, idle: settings.session.idle };
        let sessions = SessionCookies::new(of_session, &settings.name, times, opened);
        let named = &settings.access.application_cookies;
        let application = ApplicationCookies::new(rings.application.clone(), &settings.name, named, opened);
        let logins = LoginCookies::new(rings.login.clone(), &settings.name, settings.session.login_lifetime);
        let rounds = Rounds::new(rings.rounds.clone(), &settings.name);
        let saml = settings.saml.as_ref().map(SamlRoom::new);
        let logouts = LogoutCookies::new(rings.logout.clone(), &settings.name);
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
        let curiosity = settings.access.curiosity();
        Ok(Self {
            at,
            settings,
            sessions,
            application,
            logins,
            rounds,
            saml,
            providers,
            logouts,
            scim,
            needed,
            curiosity,
        })
    }

    /// Whether `host` (without port) is the one of the public URL.
    pub(super) fn is_public_host(&self, host: &str) -> bool {
        crate::common::path::host_without_port(self.authority()) == host
    }

    /// Host of the public URL, with its port where it has one.
    pub(super) fn authority(&self) -> &str {
        self.settings.public_url.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// A page as this request's browser wants it.
    pub(super) fn view(&self, headers: &Headers) -> View<'_> {
        View::of(&self.settings.pages, headers)
    }

    /// The path of an endpoint of ours: `/.vestibule/…` below the tenant's prefix.
    pub(super) fn own_path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.settings.path_prefix)
    }

    /// Where somebody goes who wants to go nowhere in particular.
    pub(super) fn start_path(&self) -> String {
        self.settings.saml.as_ref().map_or_else(|| self.own_path("/"), |saml| saml.start_path.clone())
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

/// Attributes that a header or a rule uses.
pub(super) fn needed(settings: &Tenant) -> BTreeSet<String> {
    let told = settings.access.identity_claims().map(str::to_owned);
    let in_rules = settings.access.all_rules().flat_map(|rule| &rule.require);
    let in_rules = in_rules.filter_map(|condition| condition.claim()).map(str::to_owned);
    let account = &settings.access.account;
    let asked_by = account.matches.iter().filter(|_| account.recheck.is_some());
    let asked_by = asked_by.filter_map(|one| one.claim.clone());
    told.chain(in_rules).chain(asked_by).collect()
}
