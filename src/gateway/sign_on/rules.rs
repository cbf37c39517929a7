//! Rules of the house: what an administrator wants beyond a valid response. They refuse; nothing here lets anybody in.

use std::time::Duration;

use crate::access::{Login, Manner};
use crate::common::{Identity, UnixMillis};
use crate::config::{
    EntraSettings, GroupOverage, IdentityProvider, SamlSettings, Tenant, Unsolicited, claim_name,
};
use crate::gateway::tenant::needed;
use crate::saml::response::Accepted;

use super::refusal::{Page, Refusal};

/// Replaces the groups where there are more than Entra sends (150).
const GROUPS_LINK: &str = "http://schemas.microsoft.com/claims/groups.link";

/// What a response answers.
#[derive(Clone, Copy)]
enum Answered<'l> {
    /// No request.
    Nothing,
    /// The request of this login.
    Login(&'l Login),
    /// A request, of whose login nothing is known: nobody is let in by this, it is for a look from outside.
    Unseen,
}

/// Why a response that SAML finds nothing wrong with signs nobody in all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuledOut {
    /// Stable public code.
    pub code: &'static str,
    /// What an operator should change; may be empty.
    pub detail: String,
}

/// What the filter would say of an accepted response by the conditions of the configuration: the directory and identifier of
/// Entra, groups that did not come along, the way and the time of the sign-in, the age of a response that answers no request.
/// Gives the codes of what an operator should look at.
///
/// Nobody is signed in by it: the login that a response answers is not known here, so that whether somebody proved who they are
/// after it began is not judged (`request.force_authn`), nor is the account.
///
/// # Errors
/// At the first condition that does not hold.
pub fn house_rules(
    tenant: &Tenant,
    provider: &IdentityProvider,
    accepted: &Accepted,
    now: UnixMillis,
) -> Result<Vec<&'static str>, RuledOut> {
    let Some(saml) = &tenant.saml else {
        return Err(RuledOut { code: "not_configured", detail: String::new() });
    };
    let answered = if accepted.in_response_to.is_some() { Answered::Unseen } else { Answered::Nothing };
    let groups_matter = needed(tenant).contains(claim_name("groups"));
    judge((saml, provider), accepted, answered, groups_matter, now).map_err(|refusal| {
        let (code, detail) = refusal.reason();
        RuledOut { code, detail }
    })
}

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
    let answered = login.map_or(Answered::Nothing, Answered::Login);
    judge((saml, provider), accepted, answered, groups_matter, now)
}

fn judge(
    (saml, provider): (&SamlSettings, &IdentityProvider),
    accepted: &Accepted,
    answered: Answered<'_>,
    groups_matter: bool,
    now: UnixMillis,
) -> Result<Vec<&'static str>, Refusal> {
    if matches!(answered, Answered::Nothing) {
        fresh(saml, accepted, now)?;
    }
    proof(saml, accepted, answered, now)?;
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
    answered: Answered<'_>,
    now: UnixMillis,
) -> Result<(), Refusal> {
    let stale = |detail| Err(Refusal::with("authn_too_old", Page::Stale, detail));
    // What the configuration wants of everybody holds however the login was begun, and before it was configured too.
    let forced = saml.request.force_authn
        || matches!(answered, Answered::Login(login) if login.manner == Manner::Forced);
    let Some(instant) = accepted.authn_instant else {
        let asked = saml.max_authn_age.is_some() || forced;
        return if asked { stale("the assertion does not say when the person signed in") } else { Ok(()) };
    };
    if saml.max_authn_age.is_some_and(|most| !is_within(instant, most, saml.clock_skew, now)) {
        return stale("the person signed in longer ago than max_authn_age_seconds allows");
    }
    let asked = match answered {
        Answered::Login(login) => instant >= login.began().before(saml.clock_skew),
        // Nobody was asked anything by what answers no request.
        Answered::Nothing => false,
        Answered::Unseen => true,
    };
    if forced && !asked {
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
