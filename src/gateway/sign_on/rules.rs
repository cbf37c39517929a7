//! Rules of the house: what an administrator wants beyond a valid response. They refuse; nothing here lets anybody in.

use std::time::Duration;

use crate::access::{Login, Manner};
use crate::common::{Identity, UnixMillis};
use crate::config::{EntraSettings, GroupOverage, IdentityProvider, SamlSettings, Unsolicited, claim_name};
use crate::saml::response::Accepted;

use super::refusal::{Page, Refusal};

/// Replaces the groups where there are more than Entra sends (150).
const GROUPS_LINK: &str = "http://schemas.microsoft.com/claims/groups.link";

/// Checks an accepted response; `login` is the one that it answers. `groups_matter`: whether a rule or a header uses them.
///
/// Gives the codes of what an operator should look at.
pub(super) fn check(
    (saml, provider): (&SamlSettings, &IdentityProvider),
    accepted: &Accepted,
    login: Option<&Login>,
    groups_matter: bool,
    now: UnixMillis,
) -> Result<Vec<&'static str>, Refusal> {
    if login.is_none() {
        fresh(saml, accepted, now)?;
    }
    proof(saml, accepted, login, now)?;
    context(saml, &accepted.identity)?;
    if let Some(entra) = &provider.entra {
        of_entra(entra, &accepted.identity)?;
    }
    let overage = accepted.identity.attributes.contains_key(GROUPS_LINK);
    match provider.group_overage {
        GroupOverage::Deny if overage && groups_matter => Err(Refusal::with(
            "group_overage",
            Page::Groups,
            "the person has more than 150 groups and Entra sent none of them; send only the groups that are assigned to \
             the application",
        )),
        _ if overage => Ok(vec!["group_overage"]),
        _ => Ok(Vec::new()),
    }
}

/// A response that answers nothing could lie in somebody's drawer for as long as it is valid.
fn fresh(saml: &SamlSettings, accepted: &Accepted, now: UnixMillis) -> Result<(), Refusal> {
    let Unsolicited::Accept(max_age) = saml.unsolicited else {
        return Err(Refusal::new("unsolicited"));
    };
    if is_within(accepted.issued, max_age, saml.clock_skew, now) {
        return Ok(());
    }
    let detail =
        "the response answers no request and was issued too long ago, or in the future; compare the clocks";
    Err(Refusal::with("unsolicited_stale", Page::Again, detail))
}

/// When the person proved who they are.
fn proof(
    saml: &SamlSettings,
    accepted: &Accepted,
    login: Option<&Login>,
    now: UnixMillis,
) -> Result<(), Refusal> {
    let stale = |detail| Err(Refusal::with("authn_too_old", Page::Stale, detail));
    // What the configuration wants of everybody holds however the login was begun, and before it was configured too.
    let forced = saml.request.force_authn || login.is_some_and(|login| login.manner == Manner::Forced);
    let Some(instant) = accepted.authn_instant else {
        let asked = saml.max_authn_age.is_some() || forced;
        return if asked { stale("the assertion does not say when the person signed in") } else { Ok(()) };
    };
    if saml.max_authn_age.is_some_and(|most| !is_within(instant, most, saml.clock_skew, now)) {
        return stale("the person signed in longer ago than max_authn_age_seconds allows");
    }
    // Nobody was asked anything by what answers no request.
    let asked = |login: &Login| instant >= login.began().before(saml.clock_skew);
    if forced && !login.is_some_and(asked) {
        return stale("the identity provider was asked to have the person sign in anew, and did not");
    }
    Ok(())
}

fn is_within(moment: UnixMillis, most: Duration, skew: Duration, now: UnixMillis) -> bool {
    moment <= now.after(skew) && now.before(skew) <= moment.after(most)
}

/// Where a way of signing in was asked for, it must be what the assertion says (Core 3.3.2.2.1, `exact`).
fn context(saml: &SamlSettings, identity: &Identity) -> Result<(), Refusal> {
    let wanted = &saml.request.authn_context;
    if wanted.is_empty() || identity.authn_context.as_ref().is_some_and(|class| wanted.contains(class)) {
        return Ok(());
    }
    let told = super::status::told("NoAuthnContext", None);
    let detail = "the assertion does not name one of request.authn_context";
    Err(Refusal::with("authn_context", Page::Status(told), detail))
}

/// The directory is the configured one, and the person has the identifier that never changes.
fn of_entra(entra: &EntraSettings, identity: &Identity) -> Result<(), Refusal> {
    let only = |alias| match identity.attributes.get(claim_name(alias)).map(Vec::as_slice) {
        Some([one]) => Some(one.as_str()),
        _ => None,
    };
    if only("tenant_id").is_none_or(|tenant| !tenant.eq_ignore_ascii_case(&entra.tenant_id)) {
        let detail = "the claim tenantid is not entra.tenant_id: the person is of another directory, or the claim is missing";
        return Err(Refusal::with("entra_tenant", Page::General, detail));
    }
    if only("object_id").is_none_or(|object| object.trim().is_empty()) {
        let detail = "the claim objectidentifier is missing, or there are several";
        return Err(Refusal::with("entra_object_id", Page::General, detail));
    }
    Ok(())
}
