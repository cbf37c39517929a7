//! Which request goes where.

use std::sync::Arc;

use serde_json::json;

use crate::{
    saml::metadata,
    web::{
        api::api,
        app::App,
        guard::foreign,
        http::{Request, Response},
        pages,
    },
};

/// Answers a request.
#[must_use]
pub fn route(app: &Arc<App>, request: &Request) -> Response {
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let settings = app.settings();
    let tenant = settings.tenant_id.as_str();
    // What Entra publishes is for everybody, and asked for by servers under whatever name.
    if method == "GET"
        && let Some(published) = published(app, tenant, &segments)
    {
        return published;
    }
    // A SAML message in a form comes from the application's page, and does what one in a query does.
    let is_message = method == "POST" && segments == [tenant, "saml2"];
    if let Some(refusal) = foreign(&settings.origin, request)
        && !is_message
    {
        return refusal;
    }
    match (method, segments.as_slice()) {
        ("GET", [tid, "saml2"]) if *tid == tenant => pages::saml(app, &request.query, request),
        ("POST", [tid, "saml2"]) if *tid == tenant => pages::saml_by_post(app, request),
        ("POST", [tid, "login"]) if *tid == tenant => pages::picked(app, request),
        (_, ["api", rest @ ..]) => api(app, method, rest, request),
        ("POST", ["ui", rest @ ..]) => pages::action(app, rest, request),
        ("GET", rest) => pages::page_at(app, rest, request),
        _ => pages::not_found(),
    }
}

fn published(app: &App, tenant: &str, segments: &[&str]) -> Option<Response> {
    let keys = || Response::json(200, &app.token_key.jwks());
    let configuration = |version: &str, keys: &str, issuer: String| {
        let base = format!("{}/{tenant}", app.settings().origin);
        Response::json(
            200,
            &json!({
                "issuer": issuer,
                "jwks_uri": format!("{base}/discovery{keys}/keys"),
                "token_endpoint": format!("{base}/oauth2{version}/token"),
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        )
    };
    match segments {
        [tid, rest @ ..] if *tid == tenant || *tid == "common" => match rest {
            ["discovery", "keys"] | ["discovery", "v2.0", "keys"] => Some(keys()),
            [".well-known", "openid-configuration"] => {
                Some(configuration("", "", format!("https://sts.windows.net/{tenant}/")))
            }
            ["v2.0", ".well-known", "openid-configuration"] => {
                let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
                Some(configuration("/v2.0", "/v2.0", issuer))
            }
            ["federationmetadata", "2007-06", "federationmetadata.xml"] if *tid == tenant => {
                Some(match metadata::document(&app.settings(), &app.key) {
                    Ok(document) => Response::new(200, "application/xml; charset=utf-8", document),
                    Err(detail) => Response::refusal(500, "not_signed", &detail),
                })
            }
            _ => None,
        },
        _ => None,
    }
}
