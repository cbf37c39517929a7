//! The router, and the interface for scripts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    directory::{Deletion, GroupChange, UserChange},
    form,
    saml::{
        metadata,
        response::{Break, Signing},
    },
    scim::job::Report,
    web::{
        app::{App, Busy},
        http::{Request, Response},
        pages,
        sign_in::{Wish, sign_in},
    },
};

/// Answers a request.
#[must_use]
pub fn route(app: &App, request: &Request) -> Response {
    if let Some(refusal) = not_from_here(app, request) {
        return refusal;
    }
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let segments: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let tenant = app.settings.tenant_id.as_str();
    match (method, segments.as_slice()) {
        ("GET", []) => pages::overview(app),
        ("GET", [tid, "saml2"]) if *tid == tenant => pages::pick_user(app, &request.query),
        ("POST", [tid, "saml2"]) if *tid == tenant => pages::picked(app, request),
        ("GET", [tid, "federationmetadata", "2007-06", "federationmetadata.xml"]) if *tid == tenant => {
            match metadata::document(&app.settings, &app.key) {
                Ok(document) => Response::new(200, "application/xml; charset=utf-8", document),
                Err(detail) => Response::refusal(500, "not_signed", &detail),
            }
        }
        ("POST", ["ui", rest @ ..]) => pages::action(app, rest),
        (_, ["api", rest @ ..]) => api(app, method, rest, request),
        _ => Response::refusal(404, "not_found", "there is no such page"),
    }
}

/// Turns away pages of other sites that make a browser call the simulator.
fn not_from_here(app: &App, request: &Request) -> Option<Response> {
    let own = app.settings.origin.strip_prefix("http://").unwrap_or_default();
    let port = own.rsplit_once(':').map_or("80", |(_, port)| port);
    let hosts = [own.to_owned(), format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let host_is_good = request.header("host").is_some_and(|host| hosts.iter().any(|own| own == host));
    let origin_is_good = match request.header("origin") {
        None => true,
        Some(origin) => hosts.iter().any(|own| origin == format!("http://{own}")),
    };
    if host_is_good && (origin_is_good || request.method == "GET") {
        return None;
    }
    Some(Response::refusal(403, "foreign_origin", "the request comes from a page of another site"))
}

fn api(app: &App, method: &str, segments: &[&str], request: &Request) -> Response {
    match (method, segments) {
        ("GET", ["settings"]) => Response::json(200, &settings(app)),
        ("GET", ["users"]) => Response::json(200, &json!(app.directory().users)),
        ("GET", ["groups"]) => Response::json(200, &json!(app.directory().groups)),
        ("POST", ["users"]) => with_body(request, |change| created(app.directory().add_user(change))),
        ("POST", ["groups"]) => with_body(request, |change| created(app.directory().add_group(change))),
        ("GET", ["users", name]) => found(json!(app.directory().user(name))),
        ("GET", ["groups", name]) => found(json!(app.directory().group(name))),
        ("PATCH", ["users", name]) => {
            with_body(request, |change| changed(app.directory().change_user(name, change)))
        }
        ("PATCH", ["groups", name]) => {
            with_body(request, |change| changed(app.directory().change_group(name, change)))
        }
        ("DELETE", ["users", name]) => {
            let change = UserChange { deletion: Some(Deletion::Hard), ..UserChange::default() };
            changed(app.directory().change_user(name, change))
        }
        ("DELETE", ["groups", name]) => {
            let change = GroupChange { deletion: Some(Deletion::Hard), ..GroupChange::default() };
            changed(app.directory().change_group(name, change))
        }
        ("POST", ["sign-in"]) => with_body(request, |order| scripted_sign_in(app, &order)),
        ("POST", ["provision", "test-connection"]) => {
            let run = app.provision(|job, client, record| job.test_connection(client, record));
            report(run.map(|result| result.map(Some)))
        }
        ("POST", ["provision", "cycle"]) => report(app.cycle().map(|result| result.map(Some))),
        ("POST", ["provision", "on-demand"]) => with_body(request, |order| on_demand(app, &order)),
        ("POST", ["provision", "restart"]) => match app.provision(|job, _, _| job.restart()) {
            Ok(()) => Response::json(200, &json!({})),
            Err(Busy) => busy(),
        },
        ("GET", ["provision", "log"]) => Response::json(200, &json!(app.log())),
        ("GET", ["provision", "ids"]) => match app.provision(|job, _, _| job.user_ids()) {
            Ok(ids) => Response::json(200, &json!(ids)),
            Err(Busy) => busy(),
        },
        _ => Response::refusal(404, "not_found", "there is no such resource"),
    }
}

fn settings(app: &App) -> Value {
    json!({
        "tenant_id": app.settings.tenant_id,
        "issuer": app.settings.issuer(),
        "sso_url": app.settings.sso_url(),
        "identifier": app.settings.identifier,
        "reply_url": app.settings.reply_url,
        "tenant_url": app.tenant_url,
        "certificate": app.key.certificate_base64(),
    })
}

fn with_body<T: DeserializeOwned>(request: &Request, answer: impl FnOnce(T) -> Response) -> Response {
    match serde_json::from_slice(&request.body) {
        Ok(body) => answer(body),
        Err(error) => Response::refusal(400, "bad_body", &error.to_string()),
    }
}

fn created<T: serde::Serialize>(result: Result<T, String>) -> Response {
    match result {
        Ok(object) => Response::json(201, &json!(object)),
        Err(detail) => Response::refusal(400, "refused", &detail),
    }
}

fn changed<T: serde::Serialize>(result: Result<T, String>) -> Response {
    match result {
        Ok(object) => Response::json(200, &json!(object)),
        Err(detail) => Response::refusal(400, "refused", &detail),
    }
}

fn found(object: Value) -> Response {
    if object.is_null() {
        return Response::refusal(404, "not_found", "there is no such object");
    }
    Response::json(200, &object)
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
    signing: Signing,
    #[serde(default, rename = "break")]
    fault: Option<Break>,
    #[serde(default)]
    even_if_blocked: bool,
}

fn scripted_sign_in(app: &App, order: &SignInOrder) -> Response {
    let query =
        order.saml_request_url.as_deref().map(|url| url.split_once('?').map_or("", |(_, query)| query));
    if query.is_some() == order.unsolicited {
        return Response::refusal(400, "bad_body", "either saml_request_url or unsolicited has to be given");
    }
    let wish = Wish {
        query,
        user: &order.user,
        signing: order.signing,
        fault: order.fault,
        even_if_blocked: order.even_if_blocked,
    };
    match sign_in(app, &wish) {
        Ok(signed) => Response::json(
            200,
            &json!({
                "acs_url": app.settings.reply_url,
                "saml_response": STANDARD.encode(signed.xml),
                "relay_state": signed.relay_state.or_else(|| order.relay_state.clone()),
            }),
        ),
        Err(refusal) => Response::refusal(403, refusal.code, &refusal.detail),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDemandOrder {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    group: Option<String>,
}

fn on_demand(app: &App, order: &OnDemandOrder) -> Response {
    match (&order.user, &order.group) {
        (Some(user), None) => report(app.user_on_demand(user).map(Ok)),
        (None, Some(group)) => report(app.group_on_demand(group).map(Ok)),
        _ => Response::refusal(400, "bad_body", "either user or group has to be given"),
    }
}

fn report(result: Result<Result<Option<Report>, String>, Busy>) -> Response {
    match result {
        Ok(Ok(Some(report))) => Response::json(200, &json!(report)),
        Ok(Ok(None)) => Response::refusal(404, "not_found", "there is no such object"),
        Ok(Err(detail)) => Response::refusal(500, "not_run", &detail),
        Err(Busy) => busy(),
    }
}

fn busy() -> Response {
    Response::refusal(409, "busy", "another run is under way")
}

/// The query of the sign-on URL that a picker's form carries along.
pub(super) fn carried_query(fields: &[(String, String)]) -> Option<&str> {
    form::first(fields, "query")
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
