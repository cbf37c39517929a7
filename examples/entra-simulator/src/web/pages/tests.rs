use serde_json::{Value, json};

use crate::{
    form,
    saml::{request::query_of, request::tests as saml_request},
    web::{
        api::tests::{app, call, request},
        app::App,
        router::route,
    },
};

fn text(response: &crate::web::http::Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn header<'a>(response: &'a crate::web::http::Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// A request of the application, with more attributes and content.
fn asked(app: &App, attributes: &str, more: &str) -> String {
    let settings = app.settings();
    let xml = saml_request::request("_r9", &settings.identifier, &settings.reply_url, more);
    xml.replacen("ID=", &format!("{attributes} ID="), 1)
}

fn saml_path(app: &App) -> String {
    format!("/{}/saml2", app.settings().tenant_id)
}

#[test]
fn a_request_in_a_form_is_taken_from_the_applications_own_page() {
    let app = app();
    let encoded = {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(asked(&app, "", ""))
    };
    let body = format!("SAMLRequest={}&RelayState=r-2", form::encode_dotnet(&encoded));
    let mut posted = request("POST", &saml_path(&app), &body);
    posted.headers.push(("origin".into(), "https://localhost:8443".into()));
    let response = route(&app, &posted);
    assert_eq!(response.status, 200);
    assert!(text(&response).contains("RelayState=r-2"), "it is carried along");
    // The picker itself may only be submitted from here.
    let mut picked = request("POST", &format!("/{}/login", app.settings().tenant_id), "user=ada");
    picked.headers.push(("origin".into(), "https://localhost:8443".into()));
    assert_eq!(route(&app, &picked).status, 403);
}

#[test]
fn a_passive_request_asks_nobody() {
    let app = app();
    let target =
        format!("{}?{}", saml_path(&app), query_of(&asked(&app, "IsPassive=\"true\"", ""), Some("r")));
    let nobody = text(&route(&app, &request("GET", &target, "")));
    assert!(nobody.contains("name=\"SAMLResponse\"") && !nobody.contains("Pick an account"));
    let decoded = |page: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let value = page.split("name=\"SAMLResponse\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
    };
    assert!(decoded(&nobody).contains("status:NoPassive"));
    let mut somebody = request("GET", &target, "");
    somebody.headers.push(("cookie".into(), "a=b; simulator_account=ada".into()));
    assert!(decoded(&text(&route(&app, &somebody))).contains("ada@meadow.example"));
}

#[test]
fn contexts_and_formats_that_are_asked_for_are_honoured() {
    let app = app();
    let sign_in = |more: &str, order: Value| {
        let url = format!("http://x/?{}", query_of(&asked(&app, "", more), None));
        let mut order = order;
        order["user"] = "ada".into();
        order["saml_request_url"] = url.into();
        call(&app, "POST", "/api/sign-in", &order)
    };
    let context = r#"<p:RequestedAuthnContext xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" Comparison="exact"><a:AuthnContextClassRef xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion">urn:oasis:names:tc:SAML:2.0:ac:classes:X509</a:AuthnContextClassRef></p:RequestedAuthnContext>"#;
    let (status, answer) = sign_in(context, json!({}));
    assert_eq!((status, &answer["error"]), (403, &json!("AADSTS75011")));
    assert_eq!(sign_in(context, json!({"context": {"class": "x509"}})).0, 200);
    let format = r#"<p:NameIDPolicy xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/>"#;
    assert_eq!(sign_in(format, json!({})).0, 200);
    let name_id = app.sessions().all().next().unwrap().name_id.clone();
    assert!(name_id.len() == 43 && !name_id.contains('@'), "{name_id}");
}

#[test]
fn an_empty_source_of_the_name_and_a_second_tenant_are_refused_in_entras_words() {
    let app = app();
    call(&app, "PATCH", "/api/settings", &json!({"name_id_source": "user.mail"}));
    call(&app, "PATCH", "/api/users/ada", &json!({"mail": null}));
    let (status, answer) = call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "unsolicited": true}));
    assert_eq!((status, &answer["error"]), (403, &json!("AADSTS501241")));
}

#[test]
fn signing_out_without_a_logout_url_stays_here_and_with_one_goes_back() {
    let app = app();
    let (_, signed) = call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "unsolicited": true}));
    let index = signed["session_index"].as_str().unwrap().to_owned();
    let logout = format!(
        r#"<p:LogoutRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_l" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><Issuer>{}</Issuer><NameID>ada@meadow.example</NameID><p:SessionIndex>{index}</p:SessionIndex></p:LogoutRequest>"#,
        app.settings().identifier
    );
    let target = format!("{}?{}", saml_path(&app), query_of(&logout, Some("back")));
    let response = route(&app, &request("GET", &target, ""));
    assert!(response.status == 200 && text(&response).contains("You signed out"));
    assert_eq!(app.sessions().get(&index).unwrap().ended_by, Some("application"));
    let slo = "https://localhost:8443/.vestibule/saml/slo";
    call(&app, "PATCH", "/api/settings", &json!({"logout_url": slo}));
    let response = route(&app, &request("GET", &target, ""));
    assert_eq!(response.status, 303);
    assert!(header(&response, "Location").unwrap().starts_with(&format!("{slo}?SAMLResponse=")));
    let (status, answer) = call(&app, "POST", "/api/sign-out", &json!({"session_index": index}));
    assert_eq!(status, 200);
    assert!(answer["logout_url"].as_str().unwrap().starts_with(&format!("{slo}?SAMLRequest=")));
}

#[test]
fn requests_have_to_be_signed_where_the_application_requires_it() {
    let app = app();
    let certificate = app.key.certificate_base64();
    let change = json!({"verification_required": true, "verification_certificate": certificate});
    assert_eq!(call(&app, "PATCH", "/api/settings", &change).0, 200);
    let order = |query: &str| json!({"user": "ada", "saml_request_url": format!("http://x/?{query}")});
    let query = query_of(&asked(&app, "", ""), Some("r"));
    let (_, answer) = call(&app, "POST", "/api/sign-in", &order(&query));
    assert_eq!(answer["error"], "AADSTS76021");
    let algorithm = crate::keys::Algorithm::RsaSha256;
    let signed = format!("{query}&SigAlg={}", form::encode_dotnet(algorithm.uri()));
    let signature = form::encode_dotnet(&app.key.sign_base64(signed.as_bytes(), algorithm).unwrap());
    assert_eq!(call(&app, "POST", "/api/sign-in", &order(&format!("{signed}&Signature={signature}"))).0, 200);
    let other = signed.replacen("RelayState=r", "RelayState=s", 1);
    assert_eq!(call(&app, "POST", "/api/sign-in", &order(&format!("{other}&Signature={signature}"))).0, 403);
    let (_, answer) = call(&app, "POST", "/api/sign-in", &json!({"user": "ada", "unsolicited": true}));
    assert_eq!(answer["error"], "AADSTS76021", "a sign-in from here has no request");
}

#[test]
fn secrets_of_a_credential_are_never_told_again() {
    let app = app();
    let secret = json!({"kind": "client_credentials", "token_endpoint": "https://a.example/token",
        "client_id": "c-1", "client_secret": "s-e-c-r-e-t"});
    let (status, shown) = call(&app, "PUT", "/api/provision/credential", &secret);
    assert_eq!((status, &shown["client_id"]), (200, &json!("c-1")));
    for target in ["/api/provision/credential", "/api/provision/status", "/api/settings"] {
        assert!(!call(&app, "GET", target, &Value::Null).1.to_string().contains("s-e-c-r-e-t"), "{target}");
    }
    assert!(!text(&route(&app, &request("GET", "/provisioning", ""))).contains("s-e-c-r-e-t"));
}

#[test]
fn what_entra_publishes_is_served_under_any_name() {
    let app = app();
    let tenant = app.settings().tenant_id;
    for path in ["discovery/keys", "discovery/v2.0/keys", "federationmetadata/2007-06/federationmetadata.xml"]
    {
        let mut asked = request("GET", &format!("/{tenant}/{path}"), "");
        asked.headers = vec![("host".into(), "login.microsoftonline.com".into())];
        assert_eq!(route(&app, &asked).status, 200, "{path}");
    }
    let mut page = request("GET", "/people", "");
    page.headers = vec![("host".into(), "login.microsoftonline.com".into())];
    assert_eq!(route(&app, &page).status, 403);
}

#[test]
fn forms_change_what_they_say_and_refuse_what_cannot_be() {
    let app = app();
    let post = |path: &str, body: &str| route(&app, &request("POST", path, body));
    let created = post("/ui/users", "user_name=ivo&user_display_name=Ivo");
    assert_eq!(header(&created, "Location"), Some("/users/ivo?note=created"));
    assert_eq!(post("/ui/users/ivo", "displayName=Ivo+R&jobTitle=&manager=mira&roles=a,+b").status, 303);
    let ivo = app.directory().user("ivo").unwrap().clone();
    assert_eq!((ivo.job_title, ivo.manager.as_deref(), ivo.roles.len()), (None, Some("mira"), 2));
    assert_eq!(post("/ui/users/ivo", "displayName=Ivo&manager=nobody").status, 400);
    assert_eq!(post("/ui/users", "user_name=Not+Good").status, 400);
    assert_eq!(post("/ui/groups/orchard-crew", "displayName=Crew&members=ivo").status, 303);
    assert_eq!(app.directory().group("orchard-crew").unwrap().members, ["ivo"]);
    assert_eq!(post("/ui/single-sign-on/basic", "identifier=urn:a&reply_url=javascript:x").status, 400);
    let claims = "name_id_source=user.mail&name_id_format=unspecified&claim_name=a&claim_source=user.mail&claim_name=&claim_source=&emit=none&group_value=object_id";
    assert_eq!(post("/ui/single-sign-on/claims", claims).status, 303);
    assert_eq!(app.settings().claims.rules.len(), 1);
    assert_eq!(post("/ui/provisioning/credential", "kind=secret_token&token=").status, 400);
    assert_eq!(post("/ui/provisioning/credential", "kind=entra_token").status, 303);
    assert_eq!(app.status().credential["kind"], "entra_token");
}
