use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    keys::{SigningKey, token::TokenKey},
    saml::{request::tests as saml_request, test_settings},
    scim::{
        client::Client,
        credential::{Credential, Principal},
    },
    web::{
        app::{App, Target},
        http::Request,
        router::route,
    },
};

/// A simulator whose application does not answer.
pub(crate) fn app() -> Arc<App> {
    let target = Target {
        tenant_url: "http://127.0.0.1:1/scim".into(),
        double_slash: false,
        application_id: "5d0c4b3a-2e1f-4a6b-9c8d-7e6f5a4b3c2d".into(),
        service_principal_id: "8a7b6c5d-4e3f-4d2c-8b1a-0f9e8d7c6b5a".into(),
    };
    let settings = test_settings();
    let principal =
        Principal { tenant_id: settings.tenant_id.clone(), object_id: target.service_principal_id.clone() };
    let token_key = Arc::new(TokenKey::generate().unwrap());
    let credential = Credential::SecretToken { token: "secret".into() };
    let client = Client::new(credential, principal, Arc::clone(&token_key), None).unwrap();
    Arc::new(App::new(settings, SigningKey::generate().unwrap(), token_key, target, client))
}

pub(crate) fn request(method: &str, target: &str, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: vec![("host".into(), "127.0.0.1:9081".into())],
        body: body.into(),
    }
}

pub(crate) fn call(app: &Arc<App>, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let response = route(app, &request(method, target, &body.to_string()));
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

#[test]
fn the_story_of_a_scripted_sign_in() {
    let app = app();
    let xml = saml_request::request("_r9", &app.settings().identifier, &app.settings().reply_url, "");
    let url = format!("{}?{}", app.settings().sso_url(), saml_request::query_of(&xml));
    let (status, answer) =
        call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "saml_request_url": url}));
    assert_eq!((status, &answer["relay_state"]), (200, &json!("r-1")));
    let response = STANDARD.decode(answer["saml_response"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(response).unwrap().contains("InResponseTo=\"_r9\""));

    call(&app, "PATCH", "/api/users/ada", &json!({"accountEnabled": false}));
    let (status, answer) =
        call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "saml_request_url": url}));
    assert_eq!((status, &answer["error"]), (403, &json!("AADSTS50057")));
    let forced = json!({"user": "ada", "saml_request_url": url, "even_if_blocked": true});
    assert_eq!(call(&app, "POST", "/api/sign-in", &forced).0, 200);
}

#[test]
fn an_unassigned_user_is_refused() {
    let (status, answer) = call(&app(), "POST", "/api/sign-in", &json!({"user": "zoe", "unsolicited": true}));
    assert_eq!((status, &answer["error"]), (403, &json!("AADSTS50105")));
}

#[test]
fn pages_of_other_sites_are_turned_away() {
    let app = app();
    let mut foreign = request("POST", "/api/provision/cycle", "{}");
    foreign.headers.push(("origin".into(), "https://evil.example".into()));
    assert_eq!(route(&app, &foreign).status, 403);
    let mut rebound = request("GET", "/", "");
    rebound.headers = vec![("host".into(), "evil.example".into())];
    assert_eq!(route(&app, &rebound).status, 403);
}

#[test]
fn a_failed_delivery_is_logged_without_the_token() {
    let app = app();
    let (status, report) = call(&app, "POST", "/api/provision/on-demand", &json!({"user": "ada"}));
    assert_eq!((status, &report["outcome"]), (200, &json!("failure")));
    let log = call(&app, "GET", "/api/provision/log", &Value::Null).1;
    assert_eq!(log[0]["request"]["method"], "GET");
    assert!(!log.to_string().contains("secret"));
    assert_eq!(call(&app, "POST", "/api/provision/on-demand", &json!({"user": "nobody"})).0, 404);
}

#[test]
fn users_and_groups_are_created_and_changed() {
    let app = app();
    assert_eq!(call(&app, "POST", "/api/users", &json!({"name": "ivo", "jobTitle": "Cooper"})).0, 201);
    let group = json!({"name": "coopers", "displayName": "Coopers", "members": ["ivo"]});
    assert_eq!(call(&app, "POST", "/api/groups", &group).0, 201);
    assert_eq!(call(&app, "GET", "/api/groups/coopers", &Value::Null).1["members"], json!(["ivo"]));
    assert_eq!(call(&app, "PATCH", "/api/users/ivo", &json!({"nonsense": 1})).0, 400);
    assert_eq!(call(&app, "DELETE", "/api/users/ivo", &Value::Null).1["deletion"], "hard");
    assert_eq!(call(&app, "GET", "/api/users/nobody", &Value::Null).0, 404);
}

#[test]
fn every_page_is_escaped_and_has_a_policy() {
    let app = app();
    call(&app, "PATCH", "/api/users/ada", &json!({"displayName": "<script>alert(1)</script>"}));
    let xml = saml_request::request("_r9", &app.settings().identifier, &app.settings().reply_url, "");
    let picker = format!("/{}/saml2?{}", app.settings().tenant_id, saml_request::query_of(&xml));
    call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "unsolicited": true}));
    call(&app, "PATCH", "/api/groups/orchard-crew", &json!({"displayName": "<script>alert(1)</script>"}));
    let pages = ["/people", "/users/ada", "/groups/orchard-crew", "/try", picker.as_str()];
    for target in pages {
        let response = route(&app, &request("GET", target, ""));
        let page = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status, 200, "{page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"));
        assert!(response.headers.iter().any(|(name, _)| *name == "Content-Security-Policy"));
    }
}

#[test]
fn picking_an_account_posts_a_response_to_the_application() {
    let app = app();
    let xml = saml_request::request("_r9", &app.settings().identifier, &app.settings().reply_url, "");
    let query = crate::form::encode_dotnet(&saml_request::query_of(&xml));
    let path = format!("/{}/login", app.settings().tenant_id);
    let picked = request("POST", &path, &format!("query={query}&user=ada&signing=both&break="));
    let page = String::from_utf8(route(&app, &picked).body).unwrap();
    assert!(page.contains("action=\"https://localhost:8443/.vestibule/saml/acs\""), "{page}");
    assert!(page.contains("name=\"SAMLResponse\"") && page.contains("name=\"RelayState\" value=\"r-1\""));

    let unassigned = request("POST", &path, &format!("query={query}&user=zoe"));
    let response = route(&app, &unassigned);
    assert_eq!(response.status, 400);
    assert!(String::from_utf8(response.body).unwrap().contains("AADSTS50105"));
    assert_eq!(route(&app, &request("GET", "/00000000-0000-4000-8000-000000000000/saml2", "")).status, 404);
}

#[test]
fn the_buttons_of_the_start_page_work() {
    let app = app();
    assert_eq!(route(&app, &request("POST", "/ui/users/ada/disable", "")).status, 303);
    assert!(!app.directory().user("ada").unwrap().account_enabled);
    assert_eq!(route(&app, &request("POST", "/ui/users/ada/enable", "")).status, 303);
    assert!(app.directory().user("ada").unwrap().account_enabled);
    assert_eq!(route(&app, &request("POST", "/ui/users/ada/explode", "")).status, 404);
    assert_eq!(route(&app, &request("GET", "/try", "")).status, 200);
    assert_eq!(route(&app, &request("GET", "/ui/users/ada/disable", "")).status, 404);
}
