//! `vestibule saml inspect`, run as an operator runs it.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs
)]

#[path = "support/provider.rs"]
mod provider;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider::Response;
use serde_json::Value;
use vestibule::saml::response::Accept;

/// Names in the manifest that the filter does not offer; `docs/deviations.md` says why.
const ON_PRINCIPLE: [&str; 4] = ["rsa-1_5", "3des", "no-transforms", "advice-assertions"];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vestibule")).args(["saml", "inspect"]).args(arguments).output().unwrap()
}

/// Exit code and JSON.
fn inspect(arguments: &[&str]) -> (i32, Value) {
    let output = run(&[arguments, &["--json"]].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), json)
}

fn vector(name: &str) -> String {
    format!("{}/tests/vectors/saml/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn scratch(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The flags our own vectors are to be judged by.
fn flags(certificate: &str) -> [String; 14] {
    [
        "--idp-cert",
        certificate,
        "--idp-entity-id",
        "https://idp.example/entity/",
        "--audience",
        "https://app.example/saml",
        "--acs",
        "https://app.example/acs",
        "--request-id",
        "_0123456789abcdef0123456789abcdef",
        "--at",
        "2027-01-01T10:00:00Z",
        "--skew",
        "0",
    ]
    .map(str::to_owned)
}

fn judged(file: &str, more: &[&str]) -> (i32, Value) {
    let flags = flags(&vector("idp.cert.pem"));
    let mut arguments = vec![file];
    arguments.extend(flags.iter().map(String::as_str));
    arguments.extend(more);
    inspect(&arguments)
}

#[test]
fn an_accepted_response_shows_who_signs_in_and_every_check() {
    let (code, json) = judged(&vector("good-both-signed.xml"), &[]);
    assert_eq!((code, json["verdict"].as_str()), (0, Some("accept")));
    assert_eq!(json["identity"]["name_id"], "ada@example.test");
    assert_eq!(json["identity"]["issuer"], "https://idp.example/entity/");
    let roles =
        &json["identity"]["attributes"]["http://schemas.microsoft.com/ws/2008/06/identity/claims/role"];
    assert_eq!(*roles, serde_json::json!(["reader", "writer"]));
    let checks = json["checks"].as_array().unwrap();
    assert!(checks.len() > 8);
    assert!(checks.iter().all(|check| check["outcome"] == "passed"), "{checks:?}");
    assert!(json["warnings"].as_array().unwrap().is_empty());
}

#[test]
fn a_refused_response_shows_the_rule_and_where_it_stopped() {
    let (code, json) = judged(&vector("bad-audience.xml"), &[]);
    assert_eq!((code, json["verdict"].as_str()), (1, Some("reject")));
    assert_eq!(json["code"], "audience_mismatch");
    assert!(json["detail"].as_str().unwrap().contains("must be exactly entity_id"));
    assert!(json["identity"].is_null());
    let last = json["checks"].as_array().unwrap().last().unwrap();
    assert_eq!((last["name"].as_str(), last["outcome"].as_str()), (Some("conditions"), Some("failed")));
}

#[test]
fn every_form_in_which_somebody_has_a_response_is_read() {
    let xml = std::fs::read(vector("good-assertion-signed.xml")).unwrap();
    let encoded = STANDARD.encode(&xml);
    let form = format!("RelayState=x&SAMLResponse={}", encoded.replace('+', "%2B").replace('=', "%3D"));
    let har = serde_json::json!({"log": {"entries": [{"request": {"postData": {"text": form}}}]}});
    for (name, text) in [
        ("response.b64", encoded.clone()),
        ("response.form", form.clone()),
        ("response.har", har.to_string()),
    ] {
        let (code, json) = judged(&scratch(name, &text), &[]);
        assert_eq!(code, 0, "{name}: {json}");
    }
    let (code, json) = judged(&scratch("broken.b64", &encoded[1..]), &[]);
    assert_eq!((code, json["code"].as_str()), (1, Some("base64")));
}

#[test]
fn wrong_usage_is_neither_accepted_nor_refused() {
    let good = vector("good-assertion-signed.xml");
    for arguments in [
        &["no-such-file.xml"][..],
        &[&good, "--idp-cert", "no-such-file.pem"],
        &[&good, "--accept", "everything"],
        &[&good, "--accept", "rsa-1_5"],
        &[&good, "--accept", "3des"],
        &[&good, "--at", "yesterday"],
        &[&good, "--skew", "301"],
        &[&good, "--tenant", "demo"],
        &[&good, "--config", "no-such-file.yaml"],
        &[],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let har = scratch("empty.har", r#"{"log":{"entries":[]}}"#);
    assert_eq!(run(&[&har]).status.code(), Some(2));
}

#[test]
fn what_is_not_given_is_taken_from_the_message_and_warned_about() {
    let good = vector("good-assertion-signed.xml");
    let certificate = vector("idp.cert.pem");
    let request = "_0123456789abcdef0123456789abcdef";
    let (code, json) = inspect(&[
        &good,
        "--idp-cert",
        &certificate,
        "--request-id",
        request,
        "--at",
        "2027-01-01T10:00:00Z",
    ]);
    assert_eq!(code, 0, "{json}");
    let warnings = json["warnings"].as_array().unwrap();
    let unchecked: Vec<_> = warnings.iter().filter(|warning| warning["code"] == "not_checked").collect();
    assert_eq!(unchecked.len(), 3);
    // A key is never taken from the message.
    let (code, json) = inspect(&[&good, "--request-id", request, "--at", "2027-01-01T10:00:00Z"]);
    assert_eq!((code, json["code"].as_str()), (1, Some("signature_untrusted")));
}

/// A file alone says nothing of the browser that it was for.
#[test]
fn the_request_of_an_ordinary_answer_is_taken_from_it_and_hides_no_other_fault() {
    let always = |name: &str, more: &[&str]| {
        let (file, certificate) = (vector(name), vector("idp.cert.pem"));
        let mut arguments = vec![file.as_str(), "--at", "2027-01-01T10:00:00Z", "--skew", "0"];
        if !more.contains(&"--idp-cert") {
            arguments.extend(["--idp-cert", &certificate]);
        }
        arguments.extend(more);
        inspect(&arguments)
    };
    let unchecked = |json: &Value| {
        let all = json["warnings"].as_array().unwrap().iter();
        let told = all.filter(|warning| warning["code"] == "not_checked");
        told.filter(|warning| warning["detail"].as_str().unwrap().starts_with("--request-id ")).count()
    };
    for name in ["good-assertion-signed.xml", "good-both-signed.xml"] {
        let (code, json) = always(name, &[]);
        assert_eq!((code, unchecked(&json)), (0, 1), "{json}");
        assert_eq!(json["identity"]["name_id"], "ada@example.test");
    }
    let other = vector("other.cert.pem");
    let (code, json) = always("good-assertion-signed.xml", &["--idp-cert", &other]);
    assert_eq!((code, json["code"].as_str()), (1, Some("signature_untrusted")), "{json}");
    let (code, json) = always("bad-audience.xml", &["--audience", "https://app.example/saml"]);
    assert_eq!((code, json["code"].as_str()), (1, Some("audience_mismatch")), "{json}");
    assert_eq!(unchecked(&json), 1);
    // Whose answer it is, is known there: nobody's.
    for asked in ["none", "", "_another"] {
        let (code, json) = always("good-assertion-signed.xml", &["--request-id", asked]);
        assert_eq!((code, json["code"].as_str()), (1, Some("unknown_request")), "{asked:?}");
        assert_eq!(unchecked(&json), 0);
    }
    // What answers nothing is not made an answer.
    let (code, json) = always("bad-unsolicited.xml", &[]);
    assert_eq!((code, json["code"].as_str()), (1, Some("unsolicited")), "{json}");
}

/// Only the signed part of an encrypted or wrapped message may say which request it answers: response and assertion that
/// answer two are refused, whichever is taken.
#[test]
fn one_request_is_taken_and_not_one_for_each_part() {
    let text = std::fs::read_to_string(vector("good-assertion-signed.xml")).unwrap();
    let other = text.replacen("InResponseTo=\"_0123", "InResponseTo=\"_9123", 1);
    assert_ne!(text, other);
    let file = scratch("two-requests.xml", &other);
    let certificate = vector("idp.cert.pem");
    let (code, json) = inspect(&[&file, "--idp-cert", &certificate, "--at", "2027-01-01T10:00:00Z"]);
    assert_eq!((code, json["code"].as_str()), (1, Some("unknown_request")), "{json}");
}

/// A configuration for the vectors, with these identity providers (entity ID and certificate) and what else `saml` has.
fn of_providers(name: &str, providers: &[(&str, &str)], more: &[(&str, Value)]) -> String {
    let provider = |(at, (entity_id, certificate)): (usize, &(&str, &str))| {
        serde_json::json!({
            "name": format!("p{at}"),
            "entity_id": entity_id,
            "sso_url": "https://idp.example/sso",
            "certificates": [std::fs::read_to_string(vector(certificate)).unwrap()],
        })
    };
    let providers: Vec<Value> = providers.iter().enumerate().map(provider).collect();
    let mut saml = serde_json::json!({
        "entity_id": "https://app.example/saml",
        "acs_path": "/acs",
        "clock_skew_seconds": 0,
        "identity_providers": providers,
    });
    for (field, value) in more {
        saml[field] = value.clone();
    }
    let config = serde_json::json!({
        "keys": [{"id": "k1", "secret": {"env": "NOT_SET_HERE"}}],
        "tenants": [{"name": "app", "public_url": "https://app.example", "saml": saml}],
    });
    scratch(name, &config.to_string())
}

#[test]
fn of_several_identity_providers_the_issuer_says_whose_keys_count() {
    const OURS: &str = "https://idp.example/entity/";
    const OTHER: &str = "https://other.example/";
    let by = |name: &str, providers: &[(&str, &str)], more: &[&str]| {
        let config = of_providers(&format!("several-{name}.json"), providers, &[]);
        let good = vector("good-assertion-signed.xml");
        let always = [good.as_str(), "--config", &config, "--at", "2027-01-01T10:00:00Z"];
        let (code, json) = inspect(&[&always[..], more].concat());
        (code, json["code"].as_str().unwrap_or("accepted").to_owned(), json)
    };
    let (code, said, json) = by("second", &[(OTHER, "other.cert.pem"), (OURS, "idp.cert.pem")], &[]);
    assert_eq!((code, said.as_str()), (0, "accepted"), "{json}");
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("the login must have been begun at p1"), "{warnings}");
    for (name, providers, more, expected) in [
        // The right key, but another's.
        ("swapped", [(OTHER, "idp.cert.pem"), (OURS, "other.cert.pem")], &[][..], "signature_untrusted"),
        ("first", [(OURS, "other.cert.pem"), (OTHER, "idp.cert.pem")], &[], "signature_untrusted"),
        (
            "nobody",
            [(OTHER, "idp.cert.pem"), ("https://third.example/", "idp.cert.pem")],
            &[],
            "issuer_mismatch",
        ),
        (
            "named",
            [(OTHER, "other.cert.pem"), (OURS, "idp.cert.pem")],
            &["--idp-entity-id", OTHER],
            "issuer_mismatch",
        ),
    ] {
        let (code, said, json) = by(name, &providers, more);
        assert_eq!((code, said.as_str()), (1, expected), "{name}: {json}");
    }
}

#[test]
fn the_way_and_the_time_of_a_sign_in_that_a_configuration_wants_are_judged() {
    let with = |name: &str, at: &str, field: (&str, Value)| {
        let providers = [("https://idp.example/entity/", "idp.cert.pem")];
        let config = of_providers(&format!("rules-{name}.json"), &providers, &[field]);
        let good = vector("good-assertion-signed.xml");
        let (code, json) = inspect(&[&good, "--config", &config, "--at", at]);
        (code, json)
    };
    // The person proved who they are a minute before.
    let (on, late) = ("2027-01-01T10:00:00Z", "2027-01-01T10:00:01Z");
    for (name, at, field, expected) in [
        ("young", on, ("max_authn_age_seconds", 60.into()), None),
        ("old", late, ("max_authn_age_seconds", 60.into()), Some("authn_too_old")),
        (
            "password",
            on,
            (
                "request",
                serde_json::json!({"authn_context": ["urn:oasis:names:tc:SAML:2.0:ac:classes:Password"]}),
            ),
            None,
        ),
        (
            "kerberos",
            on,
            (
                "request",
                serde_json::json!({"authn_context": ["urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"]}),
            ),
            Some("authn_context"),
        ),
    ] {
        let (code, json) = with(name, at, field);
        assert_eq!(
            (code, json["code"].as_str()),
            (i32::from(expected.is_some()), expected),
            "{name}: {json}"
        );
        let last = json["checks"].as_array().unwrap().last().unwrap();
        let outcome = if expected.is_some() { "failed" } else { "passed" };
        assert_eq!((last["name"].as_str(), last["outcome"].as_str()), (Some("configuration"), Some(outcome)));
        assert_eq!(json["identity"]["name_id"], "ada@example.test", "what the response says is shown");
    }
    // What only the login knows is said not to be judged.
    let (code, json) = with("forced", on, ("request", serde_json::json!({"force_authn": true})));
    assert_eq!(code, 0, "{json}");
    assert!(json["warnings"].to_string().contains("request.force_authn: whether"), "{json}");
}

#[test]
fn what_a_configuration_wants_of_entra_is_judged_as_the_filter_does() {
    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const TENANT_CLAIM: &str = "http://schemas.microsoft.com/identity/claims/tenantid";
    const OBJECT_CLAIM: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
    const OVERAGE: &str = "http://schemas.microsoft.com/claims/groups.link";
    const NOW: u64 = 1_800_000_000_000;
    let config = |name: &str, value: &str| {
        let config = serde_json::json!({
            "keys": [{"id": "k1", "secret": {"env": "NOT_SET_HERE"}}],
            "tenants": [{
                "name": "t",
                "public_url": "https://a.example",
                "saml": {
                    "entity_id": "https://a.example/saml",
                    "allow_unsolicited": true,
                    "unsolicited_max_age_seconds": 60,
                    "identity_providers": [
                        {"name": "other", "entity_id": "https://other.example/", "sso_url": "https://other.example/sso",
                         "certificates": [include_str!("vectors/idp.crt")]},
                        {"name": "staff", "entra": {"tenant_id": TENANT}, "certificates": [include_str!("vectors/idp.crt")]},
                    ],
                },
                "access": {
                    "identity_headers": [{"name": "x-user", "value": value}],
                    "rules": [{"path": {"prefix": "/"}, "access": "signed_in"}],
                },
            }],
        });
        scratch(&format!("entra-{name}.json"), &config.to_string())
    };
    let (groups, plain) = (config("groups", "{claim:groups}"), config("plain", "{name_id}"));
    let of = |config: &str, mut response: Response, claims: &[(&str, &str)]| {
        response.issuer = format!("https://sts.windows.net/{TENANT}/");
        for (name, value) in claims {
            response = response.with(name, &[value]);
        }
        let file = scratch("entra-response.b64", &response.encoded());
        let at = vestibule::common::UnixMillis(NOW).to_rfc3339();
        let (_, json) = inspect(&[&file, "--config", config, "--at", &at]);
        let told = json["warnings"].to_string();
        (json["code"].as_str().unwrap_or("accepted").to_owned(), told)
    };
    let answer = || Response::to("_1", NOW);
    let (tenant, object) = ((TENANT_CLAIM, TENANT), (OBJECT_CLAIM, "o-1"));
    let overage = (OVERAGE, "https://graph.windows.net/x");
    assert_eq!(of(&groups, answer(), &[tenant, object]).0, "accepted");
    assert_eq!(of(&groups, answer(), &[object]).0, "entra_tenant");
    let elsewhere = (TENANT_CLAIM, "00000000-0000-0000-0000-000000000000");
    assert_eq!(of(&groups, answer(), &[elsewhere, object]).0, "entra_tenant");
    assert_eq!(of(&groups, answer(), &[tenant]).0, "entra_object_id");
    assert_eq!(of(&groups, answer(), &[tenant, object, overage]).0, "group_overage");
    let (code, told) = of(&plain, answer(), &[tenant, object, overage]);
    assert!(code == "accepted" && told.contains("group_overage"), "{code} {told}");
    let mut old = Response::unsolicited(NOW);
    assert_eq!(of(&groups, old.clone(), &[tenant, object]).0, "accepted");
    old.issued = NOW - 600_000;
    assert_eq!(of(&groups, old, &[tenant, object]).0, "unsolicited_stale");
}

#[test]
fn a_certificate_that_cannot_be_used_is_told() {
    let broken = scratch("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let (code, json) = inspect(&[&vector("good-assertion-signed.xml"), "--idp-cert", &broken]);
    assert_eq!(code, 1);
    assert_eq!(json["warnings"][0]["code"], "certificate_der");
}

#[test]
fn a_configuration_gives_what_flags_would_give() {
    let certificate = std::fs::read_to_string(vector("idp.cert.pem")).unwrap();
    let tenant = |name: &str| {
        serde_json::json!({
            "name": name,
            "public_url": format!("https://{name}.example"),
            "saml": {
                "entity_id": "https://app.example/saml",
                "acs_path": "/acs",
                "clock_skew_seconds": 0,
                "identity_provider": {
                    "entity_id": "https://idp.example/entity/",
                    "sso_url": "https://idp.example/sso",
                    "certificates": [certificate],
                },
            },
            "access": {"rules": [{"path": {"prefix": "/"}, "access": "signed_in"}]},
        })
    };
    let config = serde_json::json!({
        "keys": [{"id": "k1", "secret": {"env": "NOT_SET_HERE"}}],
        "tenants": [tenant("app"), tenant("other")],
    });
    let config = scratch("config.json", &config.to_string());
    let good = vector("good-assertion-signed.xml");
    let flags = flags("");
    let always =
        [good.as_str(), "--request-id", flags[9].as_str(), "--at", flags[11].as_str(), "--config", &config];
    let (code, json) = inspect(&[&always[..], &["--tenant", "app"]].concat());
    assert_eq!(code, 0, "{json}");
    let (code, json) = inspect(&[&always[..], &["--tenant", "other"]].concat());
    assert_eq!((code, json["code"].as_str()), (1, Some("destination_mismatch")));
    assert_eq!(run(&always).status.code(), Some(2), "two tenants, none named");
}

#[test]
fn a_configuration_gives_signatures_relaxations_and_keys_as_well() {
    let with = |name: &str, changes: &[(&str, serde_json::Value)]| {
        let mut saml = serde_json::json!({
            "entity_id": "https://app.example/saml",
            "acs_path": "/acs",
            "clock_skew_seconds": 0,
            "identity_provider": {
                "entity_id": "https://idp.example/entity/",
                "sso_url": "https://idp.example/sso",
                "certificates": [std::fs::read_to_string(vector("idp.cert.pem")).unwrap()],
            },
        });
        for (field, value) in changes {
            saml[field] = value.clone();
        }
        let config = serde_json::json!({
            "keys": [{"id": "k1", "secret": {"env": "NOT_SET_HERE"}}],
            "tenants": [{"name": "app", "public_url": "https://app.example", "saml": saml}],
        });
        let (file, config) = (vector(name), scratch(&format!("{name}.json"), &config.to_string()));
        let (request, at) = ("_0123456789abcdef0123456789abcdef", "2027-01-01T10:00:00Z");
        let (_, json) = inspect(&[&file, "--request-id", request, "--at", at, "--config", &config]);
        json["code"].as_str().unwrap_or("accepted").to_owned()
    };
    assert_eq!(with("good-assertion-signed.xml", &[("requires", "response".into())]), "unsigned");
    assert_eq!(with("good-both-signed.xml", &[("requires", "both".into())]), "accepted");
    let key = std::fs::read_to_string(vector("sp.key.pem")).unwrap();
    let keys = ("decryption_keys", serde_json::json!([{"value": key}]));
    assert_eq!(with("cbc-encrypted-256.xml", std::slice::from_ref(&keys)), "encryption_cbc");
    assert_eq!(with("cbc-encrypted-256.xml", &[keys, ("accept", serde_json::json!(["cbc"]))]), "accepted");
}

#[test]
fn for_people_the_answer_begins_with_the_verdict_and_ends_with_the_checks() {
    let flags = flags(&vector("idp.cert.pem"));
    for (name, begins) in
        [("good-assertion-signed.xml", "ACCEPTED"), ("bad-expired.xml", "REJECTED: expired\n  the assertion")]
    {
        let file = vector(name);
        let mut arguments = vec![file.as_str()];
        arguments.extend(flags.iter().map(String::as_str));
        let output = String::from_utf8(run(&arguments).stdout).unwrap();
        assert!(output.starts_with(begins), "{output}");
        assert!(output.contains("Checks, in order:\n  passed   encoding\n"), "{output}");
    }
}

fn fixtures() -> PathBuf {
    std::env::var_os("VESTIBULE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"), PathBuf::from)
        .join("saml")
}

/// The arguments a case of the manifest is judged with.
fn arguments(case: &Value, relaxations: &[&str]) -> Vec<String> {
    let path = |name: &Value| fixtures().join(name.as_str().unwrap()).to_str().unwrap().to_owned();
    let mut all = vec![path(&case["file"]), "--skew".to_owned(), "0".to_owned()];
    let mut flag = |name: &str, value: String| all.extend([format!("--{name}"), value]);
    match case["trusted_certs"].as_array() {
        Some(several) => several.iter().for_each(|name| flag("idp-cert", path(name))),
        None if case["cert_pem"].is_string() => flag("idp-cert", path(&case["cert_pem"])),
        None => {}
    }
    if case["decryption_key"].is_string() {
        flag("decryption-key", path(&case["decryption_key"]));
    }
    for (name, field) in
        [("idp-entity-id", "idp_entity_id"), ("audience", "audience"), ("acs", "acs"), ("at", "clock")]
    {
        if let Some(value) = case[field].as_str() {
            flag(name, value.to_owned());
        }
    }
    flag("request-id", case["request_id"].as_str().unwrap_or("none").to_owned());
    relaxations.iter().for_each(|name| flag("accept", (*name).to_owned()));
    all
}

/// `None` where the outcome is right.
fn wrong(case: &Value, code: i32, json: &Value, expected: &str) -> Option<String> {
    let values = &case["values"];
    let identity = &json["identity"];
    let differs =
        |field: &str| values.get(field).is_some_and(|value| !value.is_null() && *value != identity[field]);
    let fields = ["issuer", "name_id", "name_id_format", "session_index", "not_on_or_after"];
    match (code, expected) {
        (0, "accept" | "either") => {
            let mut found: Vec<&str> = fields.into_iter().filter(|field| differs(field)).collect();
            let attributes = values.get("attributes").cloned().unwrap_or_else(|| serde_json::json!({}));
            if attributes != identity["attributes"] {
                found.push("attributes");
            }
            if values["authn_context"][0] != identity["authn_context"] {
                found.push("authn_context");
            }
            (!found.is_empty()).then(|| format!("{found:?} differ"))
        }
        (1, "reject" | "either") => None,
        _ => Some(format!("exit code {code}, {} {}", json["code"], json["detail"])),
    }
}

#[test]
fn every_case_of_the_corpus_comes_out_as_its_manifest_says() {
    let Ok(text) = std::fs::read_to_string(fixtures().join("manifest.json")) else {
        eprintln!("SKIPPED: {} is missing", fixtures().join("manifest.json").display());
        return;
    };
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    let (mut failures, mut excused, mut accepted) = (Vec::new(), Vec::new(), 0);
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let judge = |relaxations: &[&str], expected: &str| {
            let arguments = arguments(case, relaxations);
            let (code, json) = inspect(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            let why = wrong(case, code, &json, expected);
            (code, why.map(|why| format!("{id} with {relaxations:?}: expected {expected}: {why}")))
        };
        let (_, why) = judge(&[], case["strict_expected"].as_str().unwrap());
        failures.extend(why);
        let needs: Vec<&str> = case["needs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        if needs.iter().any(|need| ON_PRINCIPLE.contains(need)) {
            excused.push(id);
            continue;
        }
        if let Some(missing) = needs.iter().find(|need| !Accept::NAMES.contains(need)) {
            excused.push(missing);
            continue;
        }
        let (code, why) = judge(&needs, case["expected"].as_str().unwrap());
        accepted += usize::from(code == 0);
        failures.extend(why);
    }
    println!("{} cases, {accepted} accepted with what they need", cases.len());
    println!("not offered: {excused:?}");
    assert!(failures.is_empty(), "{} wrong\n{}", failures.len(), failures.join("\n"));
}
