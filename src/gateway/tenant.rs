//! A tenant as the exchange uses it: its settings, with keys derived and look-ups made.

use std::collections::BTreeSet;

use crate::access::{LoginCookies, SessionCookies};
use crate::config::{Credential, Piece, Tenant};
use crate::crypto::{KeyRing, MasterKey, SealError};
use crate::scim;

use super::documents::Documents;
use super::ways_in::WaysIn;

/// See the module.
#[derive(Debug)]
pub(super) struct TenantRoom {
    pub(super) settings: Tenant,
    pub(super) sessions: SessionCookies,
    pub(super) logins: LoginCookies,
    pub(super) scim: Option<ScimRoom>,
    /// Attributes that a header or a rule uses; a session keeps no others.
    needed: BTreeSet<String>,
}

/// Provisioning, in the form the SCIM room takes.
#[derive(Debug)]
pub(super) struct ScimRoom {
    pub(super) rules: scim::Settings,
    pub(super) ways_in: WaysIn,
}

impl TenantRoom {
    pub(super) fn new(
        settings: Tenant,
        masters: &[MasterKey],
        documents: &mut Documents,
    ) -> Result<Self, SealError> {
        let sessions = SessionCookies::new(KeyRing::derive(masters, "session")?, &settings.name);
        let logins = LoginCookies::new(
            KeyRing::derive(masters, "login")?,
            &settings.name,
            settings.session.login_lifetime,
        );
        let ways_in = match &settings.scim {
            Some(scim) => Some(WaysIn::new(scim, masters, documents)?),
            None => None,
        };
        let scim = settings.scim.as_ref().zip(ways_in).map(|(scim, ways_in)| ScimRoom {
            rules: scim::Settings {
                public_base: format!("{}{}", settings.public_url, scim.public_path),
                application_base: scim.application.path.clone(),
                cluster_base: Some(scim.application.cluster_path.clone()),
                off: scim.rules_off.iter().cloned().collect(),
                own_credential: !matches!(
                    scim.application.credential,
                    Credential::Keep | Credential::BasicFromClient
                ),
                ..scim::Settings::default()
            },
            ways_in,
        });
        let needed = needed(&settings);
        Ok(Self { settings, sessions, logins, scim, needed })
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
