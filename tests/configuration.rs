//! What an operator may write, and what they are told when it is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use vestibule::gateway::Gateway;

const CERTIFICATE: &str = include_str!("vectors/idp.crt");

fn good() -> serde_json::Value {
    serde_json::json!({
        "keys": [{"id": "k1", "secret": {"env": "KEY"}}],
        "tenants": [{
            "name": "demo",
            "public_url": "https://app.example.com:8443",
            "scim": {
                "public_path": "/scim/v2/entra/",
                "tokens": [{"name": "entra", "sha256": "ab".repeat(32)}],
                "application": {"path": "/app-scim/v2", "cluster": "app", "credential": {"bearer": {"env": "TOKEN"}}},
            },
            "saml": {
                "entity_id": "https://app.example.com/saml",
                "identity_provider": {
                    "entity_id": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
                    "sso_url": "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/saml2",
                    "certificates": [CERTIFICATE],
                },
            },
            "access": {
                "identity_headers": [{"name": "X-User", "value": "{name_id}"}],
                "rules": [
                    {"path": {"prefix": "/public"}, "access": "public"},
                    {"path": {"prefix": "/"}, "access": "signed_in", "require": [{"claim": "roles", "one_of": ["a"]}]},
                ],
            },
        }],
    })
}

fn environment(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("dGhpcyBpcyBhIGtleSBvZiAzMiBieXRlcyBvciBtb3Jl".to_owned()),
        "TOKEN" => Some("application-token".to_owned()),
        _ => None,
    }
}

fn compile(value: &serde_json::Value) -> Result<Vec<String>, Vec<String>> {
    Gateway::compile(value.to_string().as_bytes(), &environment).map(|(_, warnings)| warnings)
}

/// The good configuration with one place set (or, with null, removed) by JSON pointer.
fn changed(pointer: &str, value: serde_json::Value) -> serde_json::Value {
    let mut config = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = config.pointer_mut(parent).unwrap();
    match (parent, value) {
        (serde_json::Value::Object(map), serde_json::Value::Null) => {
            map.remove(name);
        }
        (serde_json::Value::Object(map), value) => {
            map.insert(name.to_owned(), value);
        }
        (serde_json::Value::Array(list), value) => list[name.parse::<usize>().unwrap()] = value,
        _ => panic!("no such place"),
    }
    config
}

#[track_caller]
fn refused(pointer: &str, value: serde_json::Value, said: &str) {
    let errors = compile(&changed(pointer, value)).expect_err("must be refused");
    assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
}

#[test]
fn a_good_configuration_compiles_without_a_warning_as_json_and_as_yaml() {
    assert_eq!(compile(&good()), Ok(Vec::new()));
    let yaml = "keys: [{id: k1, secret: {env: KEY}}]\ntenants:\n  - name: t\n    public_url: https://a.example\n    access:\n      rules:\n        - {path: {prefix: /}, access: public}\n";
    assert!(Gateway::compile(yaml.as_bytes(), &environment).is_ok());
}

#[test]
fn a_misspelt_field_is_refused_with_a_suggestion() {
    refused(
        "/tenants/0/saml/entityid",
        "x".into(),
        "tenants[0].saml.entityid: is not a field Vestibule knows; did you mean `entity_id`?",
    );
    refused("/tenant", "x".into(), "did you mean `tenants`?");
    refused("/tenants/0/access/rules/0/acces", "public".into(), "did you mean `access`?");
}

#[test]
fn all_errors_are_told_at_once() {
    let mut config =
        changed("/tenants/0/saml/identity_provider/certificates", serde_json::json!(["nonsense", 7]));
    config["tenants"][0]["public_url"] = "ftp://x".into();
    config["tenants"][0]["scim"]["tokens"][0]["sha256"] = "zz".into();
    config["keys"][0]["secret"] = serde_json::json!({"env": "MISSING"});
    let errors = compile(&config).unwrap_err();
    for path in [
        "keys[0].secret.env",
        "tenants[0].public_url",
        "tenants[0].scim.tokens[0].sha256",
        "tenants[0].saml.identity_provider.certificates[0]",
        "tenants[0].saml.identity_provider.certificates[1]",
    ] {
        assert!(
            errors.iter().any(|error| error.starts_with(&format!("{path}: "))),
            "{path} is not in {errors:#?}"
        );
    }
}

#[test]
fn a_secret_that_is_not_set_says_how_to_set_it() {
    refused("/keys/0/secret/env", "MISSING".into(), "host_env_keys");
}

#[test]
fn a_secret_in_the_configuration_is_warned_about_and_never_repeated() {
    let secret = "S3cr3t-text-that-nobody-should-see-in-a-log";
    let warnings = compile(&changed("/keys/0/secret", serde_json::json!({"value": secret}))).unwrap();
    assert!(warnings[0].starts_with("keys[0].secret.value: ") && warnings[0].contains("config_dump"));
    let errors =
        compile(&changed("/keys/0/secret", serde_json::json!({"value": secret, "env": "KEY"}))).unwrap_err();
    assert!(!warnings.concat().contains(secret) && !errors.concat().contains(secret));
}

#[test]
fn a_weak_key_is_refused() {
    refused("/keys/0/secret", serde_json::json!({"value": "short"}), "vestibule keys new");
    refused("/keys/0/secret", serde_json::json!({"value": "a".repeat(64)}), "too few different characters");
    refused("/keys", serde_json::json!([]), "has no key");
}

#[test]
fn what_would_run_open_is_refused() {
    refused("/tenants", serde_json::Value::Null, "tenants: is missing");
    refused("/tenants/0/saml/identity_provider/certificates", serde_json::json!([]), "nobody could sign in");
    refused("/tenants/0/scim/tokens", serde_json::json!([]), "has no token");
    refused("/tenants/0/scim/public_path", "/".into(), "the root itself is not possible");
    refused("/tenants/0/saml", serde_json::Value::Null, "no identity provider");
    refused("/tenants/0/access/rules/1/require/0", serde_json::json!({"claim": "roles"}), "exactly one test");
    refused("/tenants/0/access/rules/1/require/0/one_of", serde_json::json!([]), "can never hold");
    refused(
        "/tenants/0/access/rules/0/require",
        serde_json::json!([{"claim": "x", "exists": true}]),
        "access: signed_in",
    );
}

#[test]
fn a_path_that_could_never_match_is_refused() {
    for path in ["public", "/a//b", "/a/../b", "/a%2fb", "/%61"] {
        refused("/tenants/0/access/rules/0/path/prefix", path.into(), "can never match");
    }
}

#[test]
fn a_rule_behind_a_wider_one_is_warned_about() {
    let rules = serde_json::json!([
        {"path": {"prefix": "/"}, "access": "signed_in"},
        {"path": {"prefix": "/public"}, "access": "public"},
    ]);
    let warnings = compile(&changed("/tenants/0/access/rules", rules)).unwrap();
    assert!(warnings[0].contains("rule 1 can never decide"), "{warnings:?}");
}

#[test]
fn headers_that_belong_to_http_are_no_identity_headers() {
    for name in ["Host", "cookie", "content-length", "x y", "x:y", "ü"] {
        refused("/tenants/0/access/identity_headers/0/name", name.into(), "cannot be an identity header");
    }
    refused("/tenants/0/access/identity_headers/0/value", "{nmae_id}".into(), "is not a placeholder");
    refused("/tenants/0/access/identity_headers/0/value", "{name_id".into(), "without `}`");
}

#[test]
fn two_tenants_share_neither_name_nor_host() {
    let mut config = good();
    let mut second = config["tenants"][0].clone();
    second["name"] = "other".into();
    config["tenants"].as_array_mut().unwrap().push(second);
    let errors = compile(&config).unwrap_err();
    assert!(errors[0].contains("belongs to tenant `demo` already"), "{errors:?}");
}

#[test]
fn provisioning_needs_a_host_that_can_hold_headers() {
    refused("/host", serde_json::json!({"stop_iteration": false}), "allow_on_headers_stop_iteration: true");
}

#[test]
fn plain_http_is_for_this_computer_only() {
    refused("/tenants/0/public_url", "http://app.example.com".into(), "use https");
    assert!(!compile(&changed("/tenants/0/public_url", "http://localhost:8080".into())).unwrap().is_empty());
}

#[test]
fn what_is_neither_yaml_nor_json_is_refused_in_one_line() {
    for text in ["", "{", "a: [", "\u{0}", "- 1", "a: 1\na: 2", "&a [*a, *a]"] {
        let errors = Gateway::compile(text.as_bytes(), &environment).map(|_| ()).unwrap_err();
        assert!(errors.iter().all(|error| !error.contains('\n')), "{errors:?}");
    }
    assert!(Gateway::compile(b"\xff\xfe", &environment).is_err());
}

#[test]
fn the_metadata_of_common_is_no_issuer() {
    refused(
        "/tenants/0/saml/identity_provider/entity_id",
        "https://sts.windows.net/{tenant}/".into(),
        "write the identifier with your tenant id",
    );
}

/// The good configuration with these ways in beside its static token.
fn authentication(ways: serde_json::Value) -> serde_json::Value {
    changed("/tenants/0/scim/authentication", ways)
}

const DIRECTORY: &str = "11111111-1111-1111-1111-111111111111";

fn ways() -> serde_json::Value {
    serde_json::json!({
        "entra_token": {"tenant_id": DIRECTORY, "keys": {"cluster": "login"}},
        "token_endpoint": {
            "clients": [{"id": "entra", "secrets": [{"sha256": "cd".repeat(32)}]}],
            "federations": [{"tenant_id": DIRECTORY, "subject": "s", "audiences": ["api://a"], "keys": {"cluster": "login"}}],
        },
        "application_server": {
            "introspection": {
                "cluster": "server", "path": "/introspect", "client": {"id": "a", "secret": {"env": "TOKEN"}},
                "scopes": ["scim"],
            },
            "pass": ["/oauth2"],
        },
    })
}

#[test]
fn every_way_in_compiles_with_and_without_static_tokens() {
    assert_eq!(compile(&authentication(ways())), Ok(Vec::new()));
    let mut without = authentication(ways());
    without["tenants"][0]["scim"].as_object_mut().unwrap().remove("tokens");
    assert_eq!(compile(&without), Ok(Vec::new()));
    refused("/tenants/0/scim/tokens", serde_json::Value::Null, "another way in under `authentication`");
    let mut none = authentication(serde_json::json!({}));
    none["tenants"][0]["scim"].as_object_mut().unwrap().remove("tokens");
    assert!(compile(&none).unwrap_err()[0].contains("names no way in"));
}

#[test]
fn a_way_in_that_is_half_written_is_refused_with_its_remedy() {
    for (pointer, value, said) in [
        ("/entra_token/tenant_id", "contoso.com".into(), "is not a tenant id"),
        ("/entra_token/tenant_id", serde_json::Value::Null, "exactly one of tenant_id, tenant_ids"),
        ("/entra_token/keys", serde_json::Value::Null, "entra_token.keys: is missing"),
        ("/entra_token/keys/path", "keys".into(), "is not a path"),
        ("/entra_token/audiences", serde_json::json!([]), "audiences: is empty"),
        ("/token_endpoint/clients/0/secrets", serde_json::json!([]), "secrets: is empty"),
        ("/token_endpoint/clients/0/secrets/0/sha256", "no".into(), "64 hexadecimal digits"),
        ("/token_endpoint/clients/0/id", "a:b".into(), "is not a client id"),
        ("/token_endpoint/lifetime_seconds", 10.into(), "from 300 to 86400"),
        ("/token_endpoint/federations/0/audiences", serde_json::Value::Null, "audiences: is missing"),
        ("/application_server/introspection/client", serde_json::Value::Null, "who asks"),
        ("/application_server/introspection/scopes", serde_json::Value::Null, "issued to anybody"),
        ("/application_server/introspection", serde_json::Value::Null, "exactly one of introspection, jwks"),
        ("/application_server/jwks", serde_json::json!({}), "exactly one of introspection, jwks"),
    ] {
        let pointer = format!("/tenants/0/scim/authentication{pointer}");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut config = authentication(ways());
        match (config.pointer_mut(parent).unwrap(), value) {
            (serde_json::Value::Object(map), serde_json::Value::Null) => drop(map.remove(name)),
            (serde_json::Value::Object(map), value) => drop(map.insert(name.to_owned(), value)),
            _ => panic!("{pointer}"),
        }
        let errors = compile(&config).expect_err(&pointer);
        assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
    }
}

#[test]
fn keys_of_a_server_are_of_use_only_with_issuer_and_audience() {
    let jwks = |more: serde_json::Value| {
        let mut jwks = serde_json::json!({
            "cluster": "server", "path": "/jwks", "issuer": "https://s.example", "audiences": ["a"],
        });
        jwks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        compile(&authentication(serde_json::json!({"application_server": {"jwks": jwks}})))
    };
    assert_eq!(jwks(serde_json::json!({"algorithms": ["PS256", "ES256"]})), Ok(Vec::new()));
    assert!(jwks(serde_json::json!({"require_type": false})).unwrap()[0].contains("identity token"));
    for name in ["HS256", "none", "rs256"] {
        assert!(jwks(serde_json::json!({"algorithms": [name]})).unwrap_err()[0].contains("is not a choice"));
    }
    let errors =
        compile(&authentication(serde_json::json!({"application_server": {"jwks": {"cluster": "s"}}})))
            .unwrap_err();
    for name in ["path", "issuer", "audiences"] {
        assert!(
            errors.iter().any(|error| error.contains(&format!("jwks.{name}: is missing"))),
            "{errors:#?}"
        );
    }
}

#[test]
fn endpoints_keep_out_of_one_anothers_way() {
    for (path, said) in [
        ("/scim/v2/entra/token", "overlap"),
        ("/app-scim/v2", "overlap"),
        ("/.vestibule/saml/acs", "is another's"),
        ("/.vestibule/sign-out", "Vestibule's own endpoints"),
    ] {
        let config = authentication(serde_json::json!({"token_endpoint": {
            "path": path, "clients": [{"id": "a", "secrets": [{"sha256": "cd".repeat(32)}]}]}}));
        let errors = compile(&config).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(said)), "{path}: {errors:#?}");
    }
    for path in ["/scim", "/scim/v2/entra", "/App-Scim/v2/x", "/.vestibule", "/.vestibule/oauth/token", "/"] {
        let mut config = ways();
        config["application_server"]["pass"] = serde_json::json!([path]);
        let errors = compile(&authentication(config)).expect_err(path);
        assert!(
            errors.iter().any(|error| error.contains("overlap") || error.contains("plain path")),
            "{errors:#?}"
        );
    }
}

#[test]
fn the_paths_of_our_own_and_of_well_known_endpoints_can_be_written() {
    let mut config = ways();
    config["token_endpoint"]["path"] = "/.vestibule/oauth/token".into();
    config["application_server"]["pass"] =
        serde_json::json!(["/oauth2/", "/.well-known/openid-configuration"]);
    assert_eq!(compile(&authentication(config)), Ok(Vec::new()));
    for path in ["oauth2", "/a/../b", "/a//b", "/a%2fb", "/", "", "/ü"] {
        let mut config = ways();
        config["application_server"]["pass"] = serde_json::json!([path]);
        assert!(compile(&authentication(config)).is_err(), "{path}");
    }
}

#[test]
fn a_token_and_the_directory_that_people_sign_in_from_are_one_pair() {
    let with = |id: &str| compile(&changed("/tenants/0/scim/tokens/0/tenant_id", id.into()));
    assert_eq!(with(DIRECTORY), Ok(Vec::new()));
    assert!(with("22222222-2222-2222-2222-222222222222").unwrap_err()[0].contains("the two are one pair"));
    let mut other = ways();
    other["entra_token"]["tenant_id"] = "22222222-2222-2222-2222-222222222222".into();
    assert!(compile(&authentication(other)).unwrap()[0].contains("provisions, but people sign in from"));
}

#[test]
fn the_dates_of_a_token_are_moments() {
    let token = "/tenants/0/scim/tokens/0";
    refused(&format!("{token}/expires"), "2027-01-31".into(), "is not a moment");
    refused(&format!("{token}/not_before"), "tomorrow".into(), "is not a moment");
    let dates = serde_json::json!({"name": "a", "sha256": "ab".repeat(32),
        "not_before": "2027-01-31T00:00:00Z", "expires": "2027-01-30T00:00:00Z"});
    refused(token, dates, "over before it begins");
}

#[test]
fn an_account_and_key_are_told_from_other_secrets() {
    let credential = "/tenants/0/scim/application/credential";
    refused(credential, serde_json::json!({"basic": {"from_token": {"env": "TOKEN"}}}), "account:key");
    assert_eq!(compile(&changed(credential, serde_json::json!({"basic_from_client": true}))), Ok(Vec::new()));
    refused(
        credential,
        serde_json::json!({"basic": {"from_token": {"env": "TOKEN"}, "user": "a"}}),
        "beside user or password",
    );
}
