//! Where a browser goes after a sign-in: always a page of this host, never one of our own endpoints.

use crate::common::path::NormalPath;
use crate::config::{SamlSettings, Tenant};
use crate::gateway::request::safe_target;

/// A target of ours, or the start page where it is none: the consumer takes no GET.
pub(super) fn landing(saml: &SamlSettings, wanted: Option<&str>) -> String {
    wanted
        .and_then(safe_target)
        .filter(|target| !is_own(saml, target))
        .unwrap_or_else(|| saml.start_path.clone())
}

/// What the relay state of a response that answers no request of ours means: a page of this host, as a path or as a whole
/// URL. Anything else is nobody's business.
pub(super) fn of_relay_state(tenant: &Tenant, saml: &SamlSettings, relay_state: Option<&str>) -> String {
    landing(saml, relay_state.map(|text| text.strip_prefix(tenant.public_url.as_str()).unwrap_or(text)))
}

/// Endpoints of ours that lie anywhere. Administrators are told to write the consumer's URL into *Relay State* as well; a
/// slash more or less is the same.
fn is_own(saml: &SamlSettings, target: &str) -> bool {
    let logout = saml.logout.as_ref().map(|logout| logout.path.as_str());
    NormalPath::read(target.as_bytes()).is_ok_and(|path| {
        let is = |own: &str| path.as_str().trim_end_matches('/') == own.trim_end_matches('/');
        is(&saml.acs_path) || logout.is_some_and(is)
    })
}
