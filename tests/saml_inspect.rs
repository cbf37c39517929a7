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

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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
    // Nor is a request.
    let (code, json) = inspect(&[&good, "--idp-cert", &certificate, "--at", "2027-01-01T10:00:00Z"]);
    assert_eq!((code, json["code"].as_str()), (1, Some("unknown_request")));
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
