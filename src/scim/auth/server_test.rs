//! Tokens of the application's own authorization server: which open, and which do not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::jwt::Keys;
use super::server::{ServerTokens, Wanted, believed, introspected, server_token};
use super::{JwkSet, JwtError, Published};
use crate::common::test_host::TestHost;
use crate::common::{Headers, UnixMillis};
use crate::crypto::SignatureAlgorithm;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixMillis = UnixMillis(1_800_000_060_000);
const KEYS: &[u8] = include_bytes!("../../../tests/vectors/scim/jwt/server-keys.json");
const RS384: &str = include_str!("../../../tests/vectors/scim/jwt/server-rs384.jwt");
const PS256: &str = include_str!("../../../tests/vectors/scim/jwt/server-ps256.jwt");
const ES256: &str = include_str!("../../../tests/vectors/scim/jwt/server-es256.jwt");

fn wanted() -> Wanted {
    Wanted {
        issuer: Some("https://login.app.example".into()),
        audiences: vec!["https://app.example/scim".into()],
        clients: vec!["entra".into()],
        scopes: vec!["scim".into()],
    }
}

fn server(algorithms: &[SignatureAlgorithm]) -> ServerTokens {
    ServerTokens { wanted: wanted(), algorithms: algorithms.to_vec(), typed: true }
}

fn ask(token: &str, algorithms: &[SignatureAlgorithm]) -> Result<String, &'static str> {
    let host = TestHost::default();
    let set = JwkSet::parse(KEYS).unwrap();
    let headers = Headers::from([("authorization", format!("Bearer {}", token.trim()).as_str())]);
    let keys = Published { set: &set, host: &host };
    server_token(&headers, &server(algorithms), &keys, NOW)
        .map(|good| good.who)
        .map_err(super::ServerRefused::code)
}

const ALL: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::RsaSha384, SignatureAlgorithm::PssSha256, SignatureAlgorithm::EcdsaSha256];

#[test]
fn every_algorithm_that_is_named_is_verified() {
    for token in [RS384, PS256, ES256] {
        assert_eq!(ask(token, &ALL), Ok("entra".to_owned()));
    }
}

#[test]
fn an_algorithm_that_is_not_named_is_not_taken() {
    for token in [RS384, PS256, ES256] {
        assert_eq!(ask(token, &[SignatureAlgorithm::RsaSha256]), Err("jwt_header"));
    }
}

#[test]
fn a_changed_signature_message_or_key_is_noticed() {
    for token in [RS384, PS256, ES256] {
        let token = token.trim();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut octets = URL_SAFE_NO_PAD.decode(signature).unwrap();
        octets[5] ^= 1;
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(octets));
        assert_eq!(ask(&forged, &ALL), Err("jwt_signature"));
        assert_eq!(ask(&format!("{message}."), &ALL), Err("jwt_signature"));
        let (header, claims) = message.split_once('.').unwrap();
        let mut other: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        other["sub"] = "another".into();
        let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(other.to_string()));
        assert_eq!(ask(&forged, &ALL), Err("jwt_signature"));
    }
}

#[test]
fn the_publisher_says_what_a_key_signs_with_and_not_the_token() {
    let (_, rest) = RS384.trim().split_once('.').unwrap();
    let with = |kid: &str, alg: &str| {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": kid}).to_string();
        ask(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header)), &ALL)
    };
    assert_eq!(with("rsa-rs256-only", "RS384"), Err("jwt_signature"));
    assert_eq!(with("ec", "RS384"), Err("jwt_signature"));
    assert_eq!(with("rsa", "ES256"), Err("jwt_signature"));
    assert_eq!(with("shared", "HS256"), Err("jwt_header"));
    assert_eq!(with("rsa", "none"), Err("jwt_header"));
    assert_eq!(with("shared", "RS384"), Err("jwt_unknown_key"), "a symmetric key is no key here");
    assert_eq!(with("new", "RS384"), Err("jwt_unknown_key"));
}

/// Keys that vouch for whatever is signed: the claims are what is looked at.
struct Vouch;

impl Keys for Vouch {
    fn check(&self, _: &str, _: SignatureAlgorithm, _: &[u8], _: &[u8]) -> Result<(), JwtError> {
        Ok(())
    }
}

fn claims() -> Value {
    json!({"iss": "https://login.app.example", "aud": "https://app.example/scim", "client_id": "entra",
        "scope": "a scim b", "exp": 1_800_003_600})
}

fn vouched(typ: Option<&str>, typed: bool, claims: &Value) -> Result<String, &'static str> {
    let mut header = json!({"alg": "RS384", "kid": "k"});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.AAAA", part(&header), part(claims));
    let server = ServerTokens { typed, ..server(&ALL) };
    believed(&token, &server, &Vouch, NOW).map(|good| good.who).map_err(JwtError::code)
}

/// Each changed claim with what is said of it.
fn changes() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("iss", json!("https://login.app.example/"), "jwt_issuer"),
        ("iss", Value::Null, "jwt_issuer"),
        ("aud", json!("https://app.example/scim/"), "jwt_audience"),
        ("aud", json!(["a", "b"]), "jwt_audience"),
        ("aud", Value::Null, "jwt_audience"),
        ("client_id", json!("another"), "jwt_application"),
        ("client_id", Value::Null, "jwt_application"),
        ("scope", json!("scimming"), "jwt_scope"),
        ("scope", Value::Null, "jwt_scope"),
        ("exp", json!("1800003600"), "jwt_expired"),
        ("nbf", json!(1_800_003_600), "jwt_not_yet"),
    ]
}

fn with(name: &str, value: &Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn every_claim_that_is_asked_for_is_looked_at() {
    assert_eq!(vouched(Some("at+jwt"), true, &claims()), Ok("entra".to_owned()));
    for (name, value, code) in changes() {
        assert_eq!(vouched(Some("at+jwt"), true, &with(name, &value)), Err(code), "{name}: {value}");
    }
    assert_eq!(vouched(Some("at+jwt"), true, &with("exp", &Value::Null)), Err("jwt_expired"));
    assert_eq!(vouched(Some("at+jwt"), true, &with("exp", &json!(1_799_999_000))), Err("jwt_expired"));
    let listed = with("aud", &json!(["x", "https://app.example/scim"]));
    assert!(vouched(Some("at+jwt"), true, &listed).is_ok());
}

#[test]
fn an_identity_token_is_no_access_token() {
    for (typ, strict, lenient) in [
        (Some("at+jwt"), true, true),
        (Some("application/AT+JWT"), true, true),
        (Some("JWT"), false, true),
        (None, false, true),
        (Some("logout+jwt"), false, false),
    ] {
        assert_eq!(vouched(typ, true, &claims()).is_ok(), strict, "{typ:?}");
        assert_eq!(vouched(typ, false, &claims()).is_ok(), lenient, "{typ:?}");
    }
}

#[test]
fn the_servers_answer_is_believed_only_where_it_says_active_and_all_that_is_asked_for() {
    let ask = |value: &Value| introspected(value.to_string().as_bytes(), &wanted(), NOW);
    let mut active = claims();
    active["active"] = true.into();
    let opened = ask(&active).unwrap().unwrap();
    assert_eq!((opened.client.as_str(), opened.expires), ("entra", Some(UnixMillis(1_800_003_600_000))));
    for (name, value, code) in changes() {
        let mut changed = with(name, &value);
        changed["active"] = true.into();
        assert_eq!(ask(&changed).unwrap().unwrap_err().code(), code, "{name}: {value}");
    }
    let mut expired = active.clone();
    expired["exp"] = 1_800_000_060.into();
    assert_eq!(ask(&expired).unwrap().unwrap_err().code(), "jwt_expired");
    let mut without_end = active.clone();
    without_end.as_object_mut().unwrap().remove("exp");
    assert_eq!(ask(&without_end).unwrap().unwrap().expires, None);
    assert_eq!(ask(&json!({"active": false})).unwrap().unwrap_err().code(), "token_inactive");
    for no_answer in [json!({}), json!({"active": "true"}), json!({"active": 1}), json!([]), json!(true)] {
        assert!(ask(&no_answer).is_none(), "{no_answer}");
    }
    assert!(introspected(b"<html>", &wanted(), NOW).is_none());
    assert!(introspected(br#"{"active":false,"active":true}"#, &wanted(), NOW).is_none());
}
