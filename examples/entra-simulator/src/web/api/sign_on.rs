//! Signing in and out, and what the application's single sign-on is set to.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, not_found, with_body};
use crate::{
    keys::Algorithm,
    saml::{
        change::SettingsChange, claims::ClaimRule, context::Context, faults::Break, logout,
        response::Signing, sp_metadata,
    },
    web::{
        app::App,
        http::{Request, Response},
        sign_in::{Wish, sign_in},
    },
};

pub(super) fn answer(app: &App, method: &str, segments: &[&str], request: &Request) -> Response {
    match (method, segments) {
        ("GET", ["settings"]) => Response::json(200, &settings(app)),
        ("PATCH", ["settings"]) => {
            with_body(request, |change: SettingsChange| done(200, change_settings(app, change)))
        }
        ("POST", ["settings", "metadata"]) => done(200, upload(app, request.text())),
        ("POST", ["sign-in"]) => with_body(request, |order| scripted_sign_in(app, order)),
        ("GET", ["sessions"]) => Response::json(200, &json!(app.sessions().all().collect::<Vec<_>>())),
        ("POST", ["sign-out"]) => with_body(request, |order| sign_out(app, &order)),
        _ => not_found(),
    }
}

/// Changes the settings.
///
/// # Errors
/// Values that cannot be.
pub fn change_settings(app: &App, change: SettingsChange) -> Result<Value, String> {
    {
        let mut settings = app.settings_mut();
        *settings = change.apply(&settings)?;
    }
    Ok(settings(app))
}

/// *Upload metadata file*.
///
/// # Errors
/// It is no metadata of a service provider.
pub fn upload(app: &App, xml: &str) -> Result<Value, String> {
    change_settings(app, SettingsChange::of(sp_metadata::read(xml)?))
}

fn settings(app: &App) -> Value {
    let it = app.settings();
    let target = app.target();
    json!({
        "tenant_id": it.tenant_id,
        "issuer": it.issuer(),
        "sso_url": it.sso_url(),
        "metadata_url": format!("{}/{}/federationmetadata/2007-06/federationmetadata.xml", it.origin, it.tenant_id),
        "identifier": it.identifier,
        "reply_url": it.reply_url,
        "sign_on_url": it.sign_on_url,
        "relay_state": it.relay_state,
        "logout_url": it.logout_url,
        "tenant_url": target.tenant_url,
        "application_id": target.application_id,
        "service_principal_id": target.service_principal_id,
        "certificate": app.key.certificate_base64(),
        "certificates": Algorithm::CERTIFICATES.map(|by| app.key.certificate_for(by)),
        "signing": it.signing,
        "algorithm": it.algorithm,
        "encrypts": it.encrypts,
        "encryption_certificate": it.encryption_certificate,
        "cipher": it.cipher,
        "key_transport": it.key_transport,
        "verification_required": it.verification_required,
        "verification_certificate": it.verification_certificate,
        "name_id_source": it.claims.name_id_source,
        "name_id_format": it.claims.name_id_format,
        "claims": it.claims.rules,
        "groups": it.claims.groups,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInOrder {
    user: String,
    #[serde(default)]
    saml_request_url: Option<String>,
    #[serde(default)]
    unsolicited: bool,
    #[serde(default)]
    relay_state: Option<String>,
    #[serde(default)]
    signing: Option<Signing>,
    #[serde(default)]
    algorithm: Option<Algorithm>,
    #[serde(default)]
    encryption: Option<String>,
    #[serde(default)]
    claims: Option<Vec<ClaimRule>>,
    #[serde(default)]
    context: Context,
    #[serde(default, rename = "break")]
    fault: Option<Break>,
    #[serde(default)]
    even_if_blocked: bool,
}

fn scripted_sign_in(app: &App, order: SignInOrder) -> Response {
    let query =
        order.saml_request_url.as_deref().map(|url| url.split_once('?').map_or("", |(_, query)| query));
    if query.is_some() == order.unsolicited {
        return Response::refusal(400, "bad_body", "either saml_request_url or unsolicited has to be given");
    }
    let wish = Wish {
        query,
        user: &order.user,
        signing: order.signing,
        algorithm: order.algorithm,
        encryption: order.encryption.as_deref(),
        claims: order.claims,
        context: order.context,
        fault: order.fault,
        even_if_blocked: order.even_if_blocked,
    };
    match sign_in(app, &wish) {
        Ok(signed) => Response::json(
            200,
            &json!({
                "acs_url": app.settings().reply_url,
                "saml_response": STANDARD.encode(signed.xml),
                "relay_state": order.relay_state.or(signed.relay_state),
                "session_index": signed.session_index,
            }),
        ),
        Err(refusal) => Response::refusal(403, refusal.code, &refusal.detail),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOutOrder {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    session_index: Option<String>,
}

fn sign_out(app: &App, order: &SignOutOrder) -> Response {
    let index = match (&order.session_index, &order.user) {
        (Some(index), None) => Some(index.clone()),
        (None, Some(user)) => app.sessions().latest_of(user).map(|session| session.index.clone()),
        _ => return Response::refusal(400, "bad_body", "either user or session_index has to be given"),
    };
    match index.map(|index| end_session(app, &index)) {
        Some(Ok(url)) => Response::json(200, &json!({"logout_url": url})),
        Some(Err(detail)) => Response::refusal(400, "refused", &detail),
        None => not_found(),
    }
}

/// Ends a session at Entra; the URL by which the browser tells the application.
///
/// # Errors
/// No such session, or the application has no Logout URL.
pub fn end_session(app: &App, index: &str) -> Result<String, String> {
    let settings = app.settings();
    let to =
        settings.logout_url.clone().ok_or("the application has no Logout URL, so Entra tells it nothing")?;
    let name_id =
        app.sessions().get(index).map(|session| session.name_id.clone()).ok_or("no such session")?;
    let url = logout::request(&settings, &to, &app.key, &name_id, index)?;
    app.sessions().ended_by_entra(index);
    Ok(url)
}
