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
                "application_cookies": ["JSESSIONID", "remember_*"],
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

const SCIM: &str = "/tenants/0/scim";

#[test]
fn everything_an_operator_decides_about_provisioning_compiles() {
    let mut config = good();
    let scim = config.pointer_mut(SCIM).unwrap().as_object_mut().unwrap();
    let crew = "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User";
    scim.extend(
        serde_json::json!({
            "mode": "strict",
            "rules_off": ["P20", "R13"],
            "literal_backslash": true,
            "validator": true,
            "schemas": {
                "attributes": {format!("{crew}:remote"): "boolean", format!("{crew}:desk.floor"): "integer", "onCall": "boolean"},
                "known": [crew],
                "supported": ["userName", "name.givenName", format!("{crew}:remote")],
                "from_application": true,
                "refresh_seconds": 600,
            },
            "abilities": {
                "patch": "put",
                "members": "listed",
                "remove_all_members": "refuse",
                "filter": {"local": {"page": 200, "most_entries": 20_000}},
                "eager": ["emails", format!("{crew}:desks")],
                "unknown_attributes": "drop",
                "user_name": "refuse",
                "groups": false,
                "delete": "deactivate",
                "deactivate": "deactivate",
                "discovery": "own",
            },
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(compile(&config), Ok(Vec::new()));
    config.pointer_mut(SCIM).unwrap()["abilities"]["filter"] = "local".into();
    assert_eq!(compile(&config), Ok(Vec::new()));
    config.pointer_mut(SCIM).unwrap()["mode"] = "observe".into();
    assert!(compile(&config).unwrap()[0].contains("abilities do nothing in mode: observe"));
}

#[test]
fn a_rule_that_there_is_not_is_named_with_the_nearest_ones() {
    for (rule, near) in
        [("p20", "did you mean P20?"), ("P26", "P20"), ("R15", "R1"), ("nonsense", "the rules are T3")]
    {
        refused(
            &format!("{SCIM}/rules_off"),
            serde_json::json!(["P1", rule]),
            "tenants[0].scim.rules_off[1]: ",
        );
        refused(&format!("{SCIM}/rules_off"), serde_json::json!(["P1", rule]), near);
    }
}

#[test]
fn a_wrong_word_about_provisioning_is_told_the_right_ones() {
    let at = |field: &str| format!("{SCIM}/{field}");
    refused(&at("mode"), "watch".into(), "write one of observe, normalise, strict");
    refused(&at("literal_backslash"), "yes".into(), "tenants[0].scim.literal_backslash: is text");
    refused(&at("validator"), 1.into(), "write true or false");
    for (abilities, said) in [
        (serde_json::json!({"patch": "post"}), "write one of patch, put"),
        (serde_json::json!({"filter": "here"}), "write one of application, local"),
        (serde_json::json!({"filter": {"locl": {}}}), "did you mean `local`?"),
        (
            serde_json::json!({"filter": {"local": {"page": 0}}}),
            "filter.local.page: is not a whole number from 1 to 1000",
        ),
        (
            serde_json::json!({"filter": {"local": {"most_entries": 2_000_000}}}),
            "most_entries: is not a whole number",
        ),
        (
            serde_json::json!({"filter": {"local": {"page": 100, "most_entries": 50}}}),
            "a page that is larger than most_entries",
        ),
        (serde_json::json!({"eager": ["emails[type eq \"work\"]"]}), "abilities.eager[0]: "),
        (serde_json::json!({"eager": ["emails.value"]}), "is a part of an attribute"),
        (serde_json::json!({"members": "list"}), "write one of selected, listed"),
        (serde_json::json!({"unknown_attributes": true}), "abilities.unknown_attributes: is true or false"),
        (serde_json::json!({"user_name": "keep"}), "write one of pass, drop, refuse"),
        (serde_json::json!({"groups": "no"}), "abilities.groups: is text"),
        (serde_json::json!({"delete": "keep"}), "write one of delete, deactivate"),
        (serde_json::json!({"delete": "deactivate", "deactivate": "delete"}), "choose one of"),
        (serde_json::json!({"discovery": "none"}), "write one of application, own"),
        (serde_json::json!({"discover": "own"}), "did you mean `discovery`?"),
    ] {
        refused(&at("abilities"), abilities, said);
    }
    for (schemas, said) in [
        (serde_json::json!({"attributes": {"active": "bool"}}), "write one of string, boolean"),
        (serde_json::json!({"attributes": {"a b": "boolean"}}), "is not an attribute"),
        (serde_json::json!({"attributes": {"a.b.c": "boolean"}}), "is not an attribute"),
        (serde_json::json!({"attributes": ["active"]}), "schemas.attributes: is a list"),
        (serde_json::json!({"known": ["User"]}), "write its URN"),
        (serde_json::json!({"supported": ["emails[type pr]"]}), "schemas.supported[0]: "),
        (serde_json::json!({"refresh_seconds": 1}), "from 60 to 604800"),
        (
            serde_json::json!({"from_application": false, "refresh_seconds": 60}),
            "means nothing where from_application is false",
        ),
    ] {
        refused(&at("schemas"), schemas, said);
    }
}

#[test]
fn attributes_can_only_be_unknown_where_something_is_known() {
    let mut config =
        changed(&format!("{SCIM}/abilities"), serde_json::json!({"unknown_attributes": "refuse"}));
    assert_eq!(compile(&config), Ok(Vec::new()), "the application's own schemas are asked by default");
    let ask_nobody = serde_json::json!({"unknown_attributes": "drop", "discovery": "own"});
    let errors = compile(&changed(&format!("{SCIM}/abilities"), ask_nobody)).unwrap_err();
    assert!(errors[0].contains("abilities.discovery: application"), "{errors:?}");
    config.pointer_mut(SCIM).unwrap()["schemas"] = serde_json::json!({"from_application": false});
    assert!(compile(&config).unwrap_err()[0].contains("schemas.supported"));
    config.pointer_mut(SCIM).unwrap()["schemas"]["supported"] = serde_json::json!(["userName"]);
    assert_eq!(compile(&config), Ok(Vec::new()));
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
    let warnings = compile(&changed(credential, serde_json::json!({"basic_from_client": true}))).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("own_credential"), "{warnings:?}");
    refused(
        credential,
        serde_json::json!({"basic": {"from_token": {"env": "TOKEN"}, "user": "a"}}),
        "beside user or password",
    );
}

// Sign-on.

#[track_caller]
fn warned(pointer: &str, value: serde_json::Value, said: &str) {
    let warnings = compile(&changed(pointer, value)).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert!(warnings.iter().any(|warning| warning.contains(said)), "{said:?} is not in {warnings:#?}");
}

#[test]
fn every_relaxation_that_the_filter_has_can_be_named_and_no_other() {
    use vestibule::saml::response::Accept;
    for name in Accept::NAMES {
        let outcome = compile(&changed("/tenants/0/saml/accept", serde_json::json!([name])));
        assert_eq!(outcome.is_ok(), name != "unsolicited", "{name}: {outcome:?}");
    }
    refused(
        "/tenants/0/saml/accept",
        serde_json::json!(["rsa15"]),
        "`rsa15` is nothing that can be accepted",
    );
    refused("/tenants/0/saml/accept", serde_json::json!(["unsolicited"]), "write allow_unsolicited: true");
}

#[test]
fn a_relaxation_that_costs_something_is_warned_about() {
    for name in
        ["sha1-signature", "sha1-digest", "rsa-1024", "cbc", "inclusive-c14n", "no-audience-restriction"]
    {
        warned("/tenants/0/saml/accept", serde_json::json!([name]), &format!("accept[0]: `{name}` "));
    }
    assert_eq!(
        compile(&changed("/tenants/0/saml/accept", serde_json::json!(["no-destination"]))),
        Ok(Vec::new())
    );
}

#[test]
fn what_a_sign_in_must_be_like_is_chosen_from_a_few_words() {
    refused("/tenants/0/saml/requires", "all".into(), "write one of any, assertion, response, both");
    refused(
        "/tenants/0/saml/allow_unsolicited",
        "yes".into(),
        "tenants[0].saml.allow_unsolicited: `yes` is not a choice",
    );
    refused("/tenants/0/saml/allow_unsolicited", 1.into(), "write true or false");
    warned("/tenants/0/saml/allow_unsolicited", true.into(), "lets anybody sign a browser in as themselves");
    assert_eq!(compile(&changed("/tenants/0/saml/allow_unsolicited", "bounce".into())), Ok(Vec::new()));
    refused("/tenants/0/saml/unsolicited_max_age_seconds", 5.into(), "from 10 to 3600");
    refused("/tenants/0/saml/max_authn_age_seconds", 1.into(), "from 60 to");
    refused("/tenants/0/saml/start_path", "/.vestibule/saml/acs".into(), "is an endpoint of the filter");
    refused("/tenants/0/saml/start_path", "//evil".into(), "is not a plain path");
}

#[test]
fn the_entra_preset_wants_the_directory_itself() {
    refused("/tenants/0/saml/entra", serde_json::json!({"tenant_id": "contoso.com"}), "is not a GUID");
    refused("/tenants/0/saml/entra", serde_json::json!({}), "tenants[0].saml.entra.tenant_id: is missing");
    let other = serde_json::json!({"tenant_id": "22222222-1111-1111-1111-111111111111"});
    refused("/tenants/0/saml/entra", other, "identifier of another tenant");
    let same = serde_json::json!({"tenant_id": "11111111-1111-1111-1111-111111111111"});
    assert_eq!(compile(&changed("/tenants/0/saml/entra", same)), Ok(Vec::new()));
    let lax =
        serde_json::json!({"tenant_id": "11111111-1111-1111-1111-111111111111", "group_overage": "ignore"});
    warned("/tenants/0/saml/entra", lax, "as if they had none");
}

#[test]
fn what_is_asked_of_the_provider_cannot_contradict_itself_or_saml() {
    let request = |value: serde_json::Value| changed("/tenants/0/saml/request", value);
    let errors = |value| compile(&request(value)).unwrap_err().join("\n");
    assert!(errors(serde_json::json!({"force_authn": true, "is_passive": true})).contains("choose one of"));
    let mut unasked = request(serde_json::json!({"force_authn": true}));
    unasked["tenants"][0]["saml"]["allow_unsolicited"] = serde_json::json!(true);
    let said = compile(&unasked).unwrap_err().join("\n");
    assert!(said.contains("tenants[0].saml.allow_unsolicited") && said.contains("write `bounce`"), "{said}");
    unasked["tenants"][0]["saml"]["allow_unsolicited"] = serde_json::json!("bounce");
    assert!(compile(&unasked).is_ok());
    assert!(errors(serde_json::json!({"binding": "artifact"})).contains("write one of redirect, post"));
    assert!(
        errors(serde_json::json!({"hints": {"RelayState": "x"}})).contains("is not a field Vestibule knows")
    );
    assert!(errors(serde_json::json!({"name_id_format": "upn"})).contains("is not a choice"));
    assert!(
        errors(serde_json::json!({"sign": {"key": {"env": "KEY"}, "certificate": CERTIFICATE}}))
            .contains("private key")
    );
    warned("/tenants/0/saml/request", serde_json::json!({"authn_context": ["urn:x"]}), "AADSTS75011");
}

#[test]
fn private_keys_are_read_at_configuration_and_never_told() {
    let key = |name: &str| std::fs::read_to_string(format!("tests/vectors/saml/{name}.key.pem")).unwrap();
    let certificate =
        |name: &str| std::fs::read_to_string(format!("tests/vectors/saml/{name}.cert.pem")).unwrap();
    let keys = |list| changed("/tenants/0/saml/decryption_keys", list);
    let good = serde_json::json!([
        {"value": key("sp")},
        {"key": {"value": key("sp.pkcs1")}, "certificate": certificate("sp")},
    ]);
    assert!(compile(&keys(good)).is_ok());
    for (list, said) in [
        (serde_json::json!([{"value": key("short")}]), "has fewer than 2048 bit"),
        (serde_json::json!([{"value": key("idp-ec")}]), "not an RSA private key"),
        (serde_json::json!([{"value": "secret-text"}]), "not an unencrypted private key in PEM"),
        (
            serde_json::json!([{"key": {"value": key("sp")}, "certificate": certificate("idp")}]),
            "of another key",
        ),
        (serde_json::json!([{"env": "MISSING"}]), "is not set in Envoy"),
    ] {
        let errors = compile(&keys(list)).unwrap_err().join("\n");
        assert!(errors.contains(said), "{said}: {errors}");
        assert!(!errors.contains("secret-text") && !errors.contains("MII"), "{errors}");
    }
    let sign =
        serde_json::json!({"sign": {"key": {"value": key("idp-ec")}, "certificate": certificate("idp-ec")}});
    warned("/tenants/0/saml/request", sign, "which Entra does not verify");
    let wrong =
        serde_json::json!({"sign": {"key": {"value": key("idp")}, "certificate": certificate("idp-ec")}});
    refused("/tenants/0/saml/request", wrong, "is the certificate of another key");
}

/// `vestibule check` does not know the environment of Envoy.
#[test]
fn a_key_that_is_only_set_in_envoy_is_no_error_where_somebody_checks_elsewhere() {
    let mut config = changed("/tenants/0/saml/decryption_keys", serde_json::json!([{"env": "SP_KEY"}]));
    config["tenants"][0]["saml"]["request"] =
        serde_json::json!({"sign": {"key": {"env": "SIGNING_KEY"}, "certificate": CERTIFICATE}});
    let stand_in = |_: &str| Some(vestibule::config::STAND_IN.to_owned());
    let (_, warnings) = Gateway::compile(config.to_string().as_bytes(), &stand_in).unwrap();
    let unseen = warnings.iter().filter(|warning| warning.contains("was not looked at")).count();
    assert_eq!(unseen, 2, "{warnings:#?}");
}

#[test]
fn a_replay_store_is_a_cluster_and_a_path() {
    refused("/tenants/0/saml/replay_store", serde_json::json!({}), "replay_store.cluster: is missing");
    let odd = serde_json::json!({"cluster": "s", "path_prefix": "used"});
    refused("/tenants/0/saml/replay_store", odd, "is not a plain path");
    assert_eq!(
        compile(&changed("/tenants/0/saml/replay_store", serde_json::json!({"cluster": "s"}))),
        Ok(Vec::new())
    );
    refused("/host", serde_json::json!({"private_key_operations_per_second": 0}), "from 1 to 10000");
}

#[test]
fn an_application_whose_logins_are_not_named_is_warned_about() {
    let pointer = "/tenants/0/access/application_cookies";
    let named = |value| compile(&changed(pointer, value)).unwrap();
    let said =
        |warnings: &[String]| warnings.iter().any(|line| line.contains("names no application_cookies"));
    assert!(said(&named(serde_json::Value::Null)));
    assert!(named(serde_json::json!([])).is_empty(), "who says that there are none has thought of it");
    assert!(named(serde_json::json!(["sid"])).is_empty());
    let rules = serde_json::json!([{"path": {"prefix": "/"}, "access": "public"}]);
    assert!(!said(&compile(&changed("/tenants/0/access", serde_json::json!({"rules": rules}))).unwrap()));
    for wrong in [serde_json::json!(["*"]), serde_json::json!(["a b"]), serde_json::json!("sid")] {
        let errors = compile(&changed(pointer, wrong)).unwrap_err();
        assert!(errors[0].starts_with("tenants[0].access.application_cookies"), "{errors:?}");
    }
}

#[test]
fn how_long_a_session_may_go_unused_is_within_bounds() {
    let set =
        |value: u64| compile(&changed("/tenants/0/session", serde_json::json!({"idle_seconds": value})));
    assert!(set(60).unwrap().is_empty() && set(604_800).unwrap().is_empty());
    assert!(set(59).is_err() && set(604_801).is_err() && set(0).is_err());
}
