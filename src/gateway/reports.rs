//! What operators see: one log line and one counter per outcome, with fixed names, without secrets and personal data.

use crate::common::{Host, Level};
use crate::scim::Applied;

use super::pages::Reference;

pub(super) fn scim_denied(host: &dyn Host, tenant: &str, code: &str) {
    tell(host, "scim.denied", code, None);
    host.count("vestibule.scim.denied");
    host.count(&format!("vestibule.scim.denied.{code}"));
    host.log(Level::Info, &format!("tenant={tenant} event=scim.denied code={code}"));
}

pub(super) fn scim_authenticated(host: &dyn Host, tenant: &str, token: &str) {
    host.count("vestibule.scim.authenticated");
    host.log(Level::Debug, &format!("tenant={tenant} event=scim.authenticated token={}", printable(token)));
}

/// A request that can neither be let in nor be refused now.
pub(super) fn scim_unknowable(host: &dyn Host, tenant: &str, code: &str) {
    tell(host, "scim.unknowable", code, None);
    host.count("vestibule.scim.unknowable");
    host.count(&format!("vestibule.scim.unknowable.{code}"));
    host.log(Level::Warn, &format!("tenant={tenant} event=scim.unknowable code={code}"));
}

pub(super) fn introspection_failed(host: &dyn Host, tenant: &str, status: u16) {
    host.count("vestibule.introspection.failed");
    host.log(
        Level::Error,
        &format!(
            "tenant={tenant} event=introspection.failed status={status} remedy=\"is the server there, and does it \
             know our client?\""
        ),
    );
}

pub(super) fn token_granted(host: &dyn Host, tenant: &str, client: &str) {
    host.count("vestibule.token.granted");
    host.log(Level::Info, &format!("tenant={tenant} event=token.granted client={}", printable(client)));
}

pub(super) fn token_denied(host: &dyn Host, tenant: &str, code: &str) {
    tell(host, "token.denied", code, None);
    host.count("vestibule.token.denied");
    host.count(&format!("vestibule.token.denied.{code}"));
    host.log(Level::Info, &format!("tenant={tenant} event=token.denied code={code}"));
}

pub(super) fn scim_refused(host: &dyn Host, tenant: &str, code: &str) {
    tell(host, "scim.refused", code, None);
    host.count("vestibule.scim.refused");
    host.count(&format!("vestibule.scim.refused.{code}"));
    host.log(Level::Info, &format!("tenant={tenant} event=scim.refused code={code}"));
}

/// Turned away for now: as many requests are in hand as there may be.
pub(super) fn scim_overload(host: &dyn Host, tenant: &str) {
    host.tell("outcome", "scim.overload");
    host.count("vestibule.scim.overload");
    host.log(Level::Warn, &format!("tenant={tenant} event=scim.overload"));
}

/// Turned away for now: others change the same resource.
pub(super) fn scim_queue_full(host: &dyn Host, tenant: &str) {
    host.tell("outcome", "scim.queue_full");
    host.count("vestibule.scim.queue_full");
    host.log(Level::Warn, &format!("tenant={tenant} event=scim.queue_full"));
}

/// An exchange is refused because the proxy's callbacks made no sense, or did not hand over what they spoke of.
pub(super) fn out_of_order(host: &dyn Host) {
    tell(host, "exchange.out_of_order", "exchange", None);
    host.count("vestibule.exchange.out_of_order");
    host.log(Level::Error, "event=exchange.out_of_order code=exchange");
}

/// The audit record of one rewritten request or response: rules and places, never values.
pub(super) fn scim_rewritten(host: &dyn Host, tenant: &str, what: &str, applied: &[Applied]) {
    if !applied.is_empty() {
        host.count("vestibule.scim.rewritten");
        count_rules(host, "rewritten", applied);
        audit(host, tenant, "rewritten", what, applied, "");
    }
}

/// The same of what would have been, where nothing is rewritten; `refused`: the code with which it would have been
/// refused.
pub(super) fn scim_observed(
    host: &dyn Host,
    tenant: &str,
    what: &str,
    applied: &[Applied],
    refused: Option<&'static str>,
) {
    if !applied.is_empty() || refused.is_some() {
        host.count("vestibule.scim.observed");
        count_rules(host, "observed", applied);
        audit(host, tenant, "observed", what, applied, refused.unwrap_or_default());
    }
}

/// Each rule once, however often it was applied. Names of rules are fixed in the code.
fn count_rules(host: &dyn Host, event: &str, applied: &[Applied]) {
    let rules: std::collections::BTreeSet<&str> = applied.iter().map(|applied| applied.rule).collect();
    for rule in rules {
        host.count(&format!("vestibule.scim.{event}.{rule}"));
    }
    host.tell("outcome", &format!("scim.{event}"));
}

fn audit(host: &dyn Host, tenant: &str, event: &str, what: &str, applied: &[Applied], refused: &str) {
    let rules: Vec<String> = applied
        .iter()
        .take(64)
        .map(|applied| format!("{}@{}", applied.rule, printable(&applied.place)))
        .collect();
    let more = applied.len().saturating_sub(rules.len());
    let refused = if refused.is_empty() { String::new() } else { format!(" refused={refused}") };
    host.log(
        Level::Info,
        &format!(
            "tenant={tenant} event=scim.{event} what={} rules={} more={more}{refused}",
            printable(what),
            rules.join(",")
        ),
    );
}

/// `first`: what was told of before is not counted again, and said again only where it went wrong.
pub(super) fn deactivated(host: &dyn Host, tenant: &str, first: bool, determined: bool, recorded: bool) {
    if first {
        host.count("vestibule.revocation.deactivated");
    } else if recorded {
        return;
    }
    let level = if recorded && determined { Level::Info } else { Level::Error };
    host.log(
        level,
        &format!(
            "tenant={tenant} event=revocation.deactivated person_known={determined} recorded={recorded}"
        ),
    );
}

/// `first` as above.
pub(super) fn renamed(host: &dyn Host, tenant: &str, first: bool, determined: bool, recorded: bool) {
    if first {
        host.count("vestibule.revocation.renamed");
    } else if recorded {
        return;
    }
    let level = if recorded { Level::Info } else { Level::Error };
    host.log(
        level,
        &format!("tenant={tenant} event=revocation.renamed person_known={determined} recorded={recorded}"),
    );
}

/// `first` as above.
pub(super) fn reactivated(host: &dyn Host, tenant: &str, first: bool, recorded: bool) {
    if first {
        host.count("vestibule.revocation.reactivated");
    } else if recorded {
        return;
    }
    let level = if recorded { Level::Info } else { Level::Error };
    host.log(level, &format!("tenant={tenant} event=revocation.reactivated recorded={recorded}"));
}

/// A write of which it is not known, or could not be put down, whose sessions it concerns; `status`: how the application
/// answered the question who that is.
pub(super) fn person_unknown(host: &dyn Host, tenant: &str, status: u16) {
    host.count("vestibule.scim.person_unknown");
    host.log(Level::Warn, &format!("tenant={tenant} event=scim.person_unknown status={status}"));
}

/// The application has said how an account stands.
pub(super) fn rechecked(host: &dyn Host, tenant: &str, outcome: &str, sign_in: bool) {
    host.count(&format!("vestibule.recheck.{outcome}"));
    let level = match outcome {
        "active" => Level::Debug,
        "unclear" => Level::Warn,
        _ => Level::Info,
    };
    host.log(level, &format!("tenant={tenant} event=recheck.{outcome} sign_in={sign_in}"));
}

pub(super) fn recheck_unreachable(host: &dyn Host, tenant: &str, status: u16) {
    host.count("vestibule.recheck.unreachable");
    host.log(
        Level::Error,
        &format!(
            "tenant={tenant} event=recheck.unreachable status={status} remedy=\"is the SCIM server of the application there, \
             and does it take our credential?\""
        ),
    );
}

pub(super) fn recheck_not_recorded(host: &dyn Host, tenant: &str) {
    host.count("vestibule.recheck.not_recorded");
    host.log(Level::Error, &format!("tenant={tenant} event=recheck.not_recorded"));
}

/// A lock-out on record here was taken back, for the application says that the account is active.
pub(super) fn lock_out_lifted(host: &dyn Host, tenant: &str) {
    host.count("vestibule.revocation.lifted");
    host.log(Level::Info, &format!("tenant={tenant} event=revocation.lifted"));
}

/// A stream that was open was broken off.
pub(super) fn stream_closed(host: &dyn Host, tenant: &str, code: &str) {
    host.count("vestibule.stream.closed");
    host.log(Level::Info, &format!("tenant={tenant} event=stream.closed code={code}"));
}

pub(super) fn groups_changed(host: &dyn Host, tenant: &str, accounts: Option<usize>, recorded: bool) {
    host.count("vestibule.revocation.groups_changed");
    let level = if recorded { Level::Info } else { Level::Error };
    let accounts = accounts.map_or("all".to_owned(), |accounts| accounts.to_string());
    host.log(
        level,
        &format!("tenant={tenant} event=revocation.groups_changed accounts={accounts} recorded={recorded}"),
    );
}

/// A sign-in: `accepted`, `rejected` is the answer of the identity provider, `failed` is ours.
pub(super) fn sign_on(
    host: &dyn Host,
    tenant: &str,
    outcome: &str,
    code: &str,
    reference: &Reference,
    detail: &str,
) {
    tell(host, &format!("sign_on.{outcome}"), code, Some(reference));
    host.count(&format!("vestibule.sign_on.{outcome}"));
    if !code.is_empty() {
        host.count(&format!("vestibule.sign_on.{outcome}.{code}"));
    }
    let detail: String = detail.chars().filter(|char| !char.is_control()).take(400).collect();
    let level = if outcome == "failed" { Level::Error } else { Level::Info };
    host.log(
        level,
        &format!(
            "tenant={tenant} event=sign_on.{outcome} code={code} ref={} detail=\"{detail}\"",
            reference.as_str()
        ),
    );
}

/// A message of Single Logout: `accepted` and `answered` came to something, `rejected` was refused, `failed` is ours.
pub(super) fn logout(
    host: &dyn Host,
    tenant: &str,
    outcome: &str,
    code: &str,
    reference: &Reference,
    detail: &str,
) {
    tell(host, &format!("logout.{outcome}"), code, Some(reference));
    host.count(&format!("vestibule.logout.{outcome}"));
    if !code.is_empty() {
        host.count(&format!("vestibule.logout.{outcome}.{code}"));
    }
    let level = if outcome == "failed" { Level::Error } else { Level::Info };
    host.log(
        level,
        &format!(
            "tenant={tenant} event=logout.{outcome} code={code} ref={} detail=\"{detail}\"",
            reference.as_str()
        ),
    );
}

pub(super) fn sign_on_warning(host: &dyn Host, tenant: &str, code: &str) {
    host.count("vestibule.sign_on.warned");
    host.log(Level::Warn, &format!("tenant={tenant} event=sign_on.warned code={code}"));
}

pub(super) fn refused(host: &dyn Host, tenant: &str, code: &str, reference: Option<&Reference>) {
    tell(host, "access.refused", code, reference);
    host.count("vestibule.access.refused");
    host.count(&format!("vestibule.access.refused.{code}"));
    let reference = reference.map_or("", Reference::as_str);
    host.log(Level::Info, &format!("tenant={tenant} event=access.refused code={code} ref={reference}"));
}

/// A request that a rule lets through, and whether the application is told who is there.
pub(super) fn passed(host: &dyn Host, identified: bool) {
    let outcome = if identified { "identified" } else { "anonymous" };
    host.count(&format!("vestibule.access.{outcome}"));
    host.tell("outcome", &format!("access.{outcome}"));
}

/// A request for which somebody has to sign in first.
pub(super) fn sign_in_required(host: &dyn Host) {
    host.count("vestibule.access.sign_in_required");
    host.tell("outcome", "access.sign_in_required");
}

/// For the access log: what came of an exchange, why, and under which reference.
fn tell(host: &dyn Host, outcome: &str, code: &str, reference: Option<&Reference>) {
    host.tell("outcome", outcome);
    if !code.is_empty() {
        host.tell("code", code);
    }
    if let Some(reference) = reference {
        host.tell("reference", reference.as_str());
    }
}

/// Text from outside in a log line: no line ends, no white space, bounded.
fn printable(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() || char.is_whitespace() { '_' } else { char })
        .take(120)
        .collect()
}
