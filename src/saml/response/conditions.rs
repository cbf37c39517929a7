//! Conditions (SAML Core 2.5): when, and for whom.

use super::envelope::{child, time};
use super::{Expectations, Rejection};
use crate::common::UnixMillis;
use crate::saml::names::ASSERTION;
use crate::saml::xml::Element;

/// What was found, all of it met.
pub(super) struct Conditions {
    pub(super) not_on_or_after: Option<UnixMillis>,
    pub(super) end_as_written: Option<String>,
}

/// Checks that all conditions are met; one that is not understood is not met (Core 2.5.1.1).
pub(super) fn check(assertion: Element<'_>, expect: &Expectations<'_>) -> Result<Conditions, Rejection> {
    let conditions = child(assertion, ASSERTION, "Conditions")?.ok_or(Rejection::Missing("Conditions"))?;
    let not_on_or_after = period(conditions, expect)?;
    let mut restricted = false;
    for condition in conditions.children() {
        if condition.is(ASSERTION, "AudienceRestriction") {
            audience(condition, expect)?;
            restricted = true;
        } else if !condition.is(ASSERTION, "OneTimeUse") && !condition.is(ASSERTION, "ProxyRestriction") {
            // OneTimeUse is what the replay check does to every assertion; ProxyRestriction binds identity providers.
            return Err(Rejection::UnknownCondition(condition.local().to_owned()));
        }
    }
    if restricted || expect.accept.no_audience_restriction {
        Ok(Conditions {
            not_on_or_after,
            end_as_written: conditions.attribute("NotOnOrAfter").map(str::to_owned),
        })
    } else {
        Err(Rejection::AudienceMissing)
    }
}

/// The half-open interval from `NotBefore` to `NotOnOrAfter`, widened by the skew at both ends.
fn period(conditions: Element<'_>, expect: &Expectations<'_>) -> Result<Option<UnixMillis>, Rejection> {
    let read = |name, place| conditions.attribute(name).map(|text| time(text, place)).transpose();
    let not_before = read("NotBefore", "NotBefore of the conditions")?;
    let not_on_or_after = read("NotOnOrAfter", "NotOnOrAfter of the conditions")?;
    match not_before {
        Some(begin) if expect.now.after(expect.skew) < begin => return Err(Rejection::NotYetValid),
        None if !expect.accept.no_conditions_not_before => {
            return Err(Rejection::Missing("NotBefore of the conditions"));
        }
        _ => {}
    }
    match not_on_or_after {
        Some(end) if expect.now.before(expect.skew) >= end => return Err(Rejection::Expired),
        Some(end) if not_before.is_some_and(|begin| begin >= end) => return Err(Rejection::Expired),
        None if !expect.accept.no_conditions_not_on_or_after => {
            return Err(Rejection::Missing("NotOnOrAfter of the conditions"));
        }
        _ => {}
    }
    Ok(not_on_or_after)
}

/// One of the audiences of one restriction must be this service provider (Core 2.5.1.4).
fn audience(restriction: Element<'_>, expect: &Expectations<'_>) -> Result<(), Rejection> {
    let mut other = String::new();
    for audience in restriction.children() {
        if !audience.is(ASSERTION, "Audience") {
            return Err(Rejection::Unexpected(audience.local().to_owned()));
        }
        let found = audience.text().ok_or_else(|| Rejection::Unexpected("element in Audience".to_owned()))?;
        if found == expect.audience && !found.is_empty() {
            return Ok(());
        }
        other = found.into_owned();
    }
    Err(Rejection::Audience(other))
}
