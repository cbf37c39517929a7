//! Who gets in, and every way in which somebody else does not.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::common::test_host::TestHost;
use crate::common::{Headers, UnixMillis};
use crate::crypto::{SignatureAlgorithm, sha256};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOKEN: &str = include_str!("../../../tests/vectors/scim/jwt/entra-v1.jwt");
const KEYS: &[u8] = include_bytes!("../../../tests/vectors/scim/jwt/keys.json");
const TENANT: &str = "3d0c5b7e-1111-4222-8333-944445555666";
const NOW: UnixMillis = UnixMillis(1_800_000_060_000);

/// Keys that vouch for one `kid`, whatever is signed: the claims are what is looked at.
struct Vouch;

impl Keys for Vouch {
    fn check(&self, kid: &str, _: SignatureAlgorithm, _: &[u8], _: &[u8]) -> Result<(), JwtError> {
        if kid == "k" { Ok(()) } else { Err(JwtError::UnknownKey) }
    }
}

fn ask(token: &str, now: UnixMillis) -> Result<String, &'static str> {
    let host = TestHost::default();
    let set = JwkSet::parse(KEYS).unwrap();
    let keys = Published { set: &set, host: &host };
    let headers = Headers::from([("authorization", format!("Bearer {token}").as_str())]);
    let issuer = EntraIssuer::of(TENANT);
    entra_token(&headers, &issuer, &keys, now).map(|good| good.who.to_owned()).map_err(EntraRefused::code)
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn made(header: &Value, claims: &Value) -> String {
    format!("{}.{}.AAAA", encode(header), encode(claims))
}

fn entra_claims() -> Value {
    json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "aud": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
        "appid": "00000014-0000-0000-c000-000000000000", "tid": TENANT, "ver": "1.0",
        "nbf": 1_800_000_000, "exp": 1_800_003_600})
}

fn vouched(header: &Value, claims: &Value) -> Result<String, &'static str> {
    let headers = Headers::from([("authorization", format!("Bearer {}", made(header, claims)).as_str())]);
    entra::judged(&headers, &EntraIssuer::of(TENANT), &Vouch, NOW)
        .map(|good| good.who.to_owned())
        .map_err(EntraRefused::code)
}

#[test]
fn entras_own_token_is_accepted_by_its_signature_and_its_claims() {
    assert_eq!(ask(TOKEN.trim(), NOW), Ok(TENANT.to_owned()));
    assert_eq!(ask(TOKEN.trim(), UnixMillis(1_800_003_600_000 + 299_000)), Ok(TENANT.to_owned()));
    assert_eq!(ask(TOKEN.trim(), UnixMillis(1_800_003_600_000 + 300_000)), Err("jwt_expired"));
    assert_eq!(ask(TOKEN.trim(), UnixMillis(1_800_000_000_000 - 301_000)), Err("jwt_not_yet"));
}

#[test]
fn a_changed_token_is_refused() {
    let token = TOKEN.trim();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let mut claims = entra_claims();
    claims["oid"] = "x".into();
    assert_eq!(ask(&format!("{header}.{}.{signature}", encode(&claims)), NOW), Err("jwt_signature"));
    assert_eq!(ask(&format!("{message}."), NOW), Err("jwt_signature"));
    for broken in
        [message, "", "a", "a.b", "..", &format!("{token}.x"), &format!("{token}="), &token.replace('.', " ")]
    {
        assert!(ask(broken, NOW).is_err(), "{broken}");
    }
}

#[test]
fn only_rs256_with_a_key_from_outside_is_taken() {
    let header = |more: Value| {
        let mut header = json!({"alg": "RS256", "kid": "k"});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        header
    };
    assert_eq!(vouched(&header(json!({})), &entra_claims()), Ok(TENANT.to_owned()));
    for more in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "HS256"}),
        json!({"alg": "rs256"}),
        json!({"alg": "RS512"}),
        json!({"alg": ["RS256"]}),
        json!({"jwk": {}}),
        json!({"jku": "https://e.example"}),
        json!({"x5c": []}),
        json!({"x5u": ""}),
        json!({"crit": ["exp"]}),
        json!({"typ": "at+jwt"}),
        json!({"kid": 1}),
        json!({"kid": ""}),
    ] {
        assert_eq!(vouched(&header(more.clone()), &entra_claims()), Err("jwt_header"), "{more}");
    }
    assert_eq!(vouched(&header(json!({"kid": "new"})), &entra_claims()), Err("jwt_unknown_key"));
}

#[test]
fn tenant_issuer_audience_and_application_are_all_pinned() {
    for (claim, value, code) in [
        ("tid", json!("aaaa5b7e-1111-4222-8333-944445555666"), "jwt_tenant"),
        ("tid", Value::Null, "jwt_tenant"),
        ("iss", json!("https://sts.windows.net/aaaa5b7e-1111-4222-8333-944445555666/"), "jwt_issuer"),
        ("iss", json!(format!("https://sts.windows.net/{TENANT}")), "jwt_issuer"),
        ("iss", json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0")), "jwt_issuer"),
        ("aud", json!("00000003-0000-0000-c000-000000000000"), "jwt_audience"),
        ("aud", json!(["8adf8e6e-67b2-4cf2-a259-e3dc5476c621"]), "jwt_audience"),
        ("appid", json!("00000003-0000-0000-c000-000000000000"), "jwt_application"),
        ("appid", Value::Null, "jwt_application"),
        ("ver", json!("2.0"), "jwt_claim"),
        ("exp", Value::Null, "jwt_expired"),
        ("exp", json!("1800003600"), "jwt_expired"),
        ("exp", json!(-1), "jwt_expired"),
        ("nbf", json!(1_900_000_000), "jwt_not_yet"),
        ("nbf", json!("soon"), "jwt_not_yet"),
    ] {
        let mut claims = entra_claims();
        claims[claim] = value.clone();
        assert_eq!(vouched(&json!({"alg": "RS256", "kid": "k"}), &claims), Err(code), "{claim} {value}");
    }
}

#[test]
fn a_claim_that_occurs_twice_refuses_the_token() {
    let claims = entra_claims().to_string().replacen('{', r#"{"tid":"other","#, 1);
    let token =
        format!("{}.{}.AAAA", encode(&json!({"alg": "RS256", "kid": "k"})), URL_SAFE_NO_PAD.encode(claims));
    let headers = Headers::from([("authorization", format!("Bearer {token}").as_str())]);
    let refused = entra::judged(&headers, &EntraIssuer::of(TENANT), &Vouch, NOW).unwrap_err();
    assert_eq!((refused.code(), refused.wants_newer_keys()), ("jwt_malformed", false));
}

#[test]
fn a_key_set_keeps_only_strong_rsa_keys_for_signatures() {
    assert!(JwkSet::parse(KEYS).is_some());
    for none in
        [&b"{}"[..], b"[]", b"", br#"{"keys":[]}"#, br#"{"keys":[{"kty":"oct","kid":"known-key","k":"AA"}]}"#]
    {
        assert!(JwkSet::parse(none).is_none());
    }
    let host = TestHost::default();
    let set = JwkSet::parse(KEYS).unwrap();
    for kid in ["weak", "for-encryption", "other"] {
        assert_eq!(
            Published { set: &set, host: &host }.check(kid, SignatureAlgorithm::RsaSha256, b"", b""),
            Err(JwtError::UnknownKey),
            "{kid}"
        );
    }
}

fn endpoint() -> TokenEndpoint {
    TokenEndpoint {
        clients: vec![
            Client { id: "entra".into(), secrets: vec![sha256(b"old"), sha256(b"n:e+w%2B")] },
            Client { id: "other".into(), secrets: vec![sha256(b"theirs")] },
        ],
        federations: vec![Federation {
            tenant_id: TENANT.into(),
            subject: "subject".into(),
            audiences: vec!["api://app".into(), "app".into()],
            application: "azp".into(),
            client_id: None,
        }],
        lifetime: 3600,
    }
}

/// Who gets a token, or the status and error of the answer.
fn request(headers: &[(&str, &str)], body: &str) -> Result<(String, Grant), (u16, String)> {
    let pairs = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let form = (b"content-type".to_vec(), b"application/x-www-form-urlencoded; charset=utf-8".to_vec());
    let headers = Headers::new(pairs.chain([form]).collect());
    let request = TokenRequest { method: "POST", headers: &headers, body: body.as_bytes() };
    match token::judged(&request, &endpoint(), &|_, check| Some(check(&Vouch)), NOW) {
        Ok(granted) => Ok((granted.client.to_owned(), granted.grant)),
        Err(error) => {
            let reply = error.reply();
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            Err((reply.status, body["error"].as_str().unwrap().to_owned()))
        }
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn refused(status: u16, error: &str) -> Result<(String, Grant), (u16, String)> {
    Err((status, error.to_owned()))
}

#[test]
fn a_client_gets_a_token_for_any_of_its_secrets_in_header_or_body() {
    let entra = Ok(("entra".to_owned(), Grant::ClientCredentials));
    let body = "grant_type=client_credentials";
    assert_eq!(request(&[("authorization", &basic("entra:old"))], body), entra);
    assert_eq!(request(&[("authorization", &basic("entra:n:e+w%2B"))], body), entra);
    assert_eq!(request(&[("authorization", &basic("entra:n%3Ae%2Bw%252B"))], body), entra);
    assert_eq!(request(&[], &format!("{body}&client_id=entra&client_secret=old&scope=scim")), entra);
    assert_eq!(request(&[], &format!("{body}&client_id=entra&client_secret=n:e%2Bw%252B")), entra);
}

#[test]
fn a_wrong_client_or_secret_is_401_invalid_client() {
    let body = "grant_type=client_credentials";
    for pair in ["entra:nope", "entra:", "entra:theirs", "nobody:old", ":old", "entra"] {
        assert_eq!(
            request(&[("authorization", &basic(pair))], body),
            refused(401, "invalid_client"),
            "{pair}"
        );
    }
    for more in [
        "",
        "&client_id=entra",
        "&client_secret=old",
        "&client_id=entra&client_secret=",
        "&client_id=entra&client_secret=theirs",
    ] {
        assert_eq!(request(&[], &format!("{body}{more}")), refused(401, "invalid_client"), "{more}");
    }
    let bearer = [("authorization", "Bearer x")];
    assert_eq!(request(&bearer, body), refused(401, "invalid_client"));
    let both = format!("{body}&client_id=other");
    assert_eq!(request(&[("authorization", &basic("entra:old"))], &both), refused(401, "invalid_client"));
    let challenge = TokenError::Client { challenge: true }.reply();
    assert!(challenge.headers.iter().any(|(name, _)| name == "www-authenticate"));
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let client = "client_id=entra&client_secret=old";
    for body in [
        format!("grant_type=client_credentials&grant_type=client_credentials&{client}"),
        format!("grant_type=client_credentials&{client}&client_secret=old"),
        format!("grant_type=client_credentials&{client}&client_assertion=x"),
        format!("grant_type=client_credentials&{client}&x=%"),
        client.to_owned(),
    ] {
        assert_eq!(request(&[], &body), refused(400, "invalid_request"), "{body}");
    }
    let both = [("authorization", basic("entra:old"))];
    let both: Vec<(&str, &str)> = both.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = "grant_type=client_credentials&client_secret=old";
    assert_eq!(request(&both, body), refused(400, "invalid_request"));
    assert_eq!(
        request(&[], &format!("grant_type=password&{client}")),
        refused(400, "unsupported_grant_type")
    );
    let headers = Headers::from([("content-type", "application/json")]);
    let json = TokenRequest { method: "POST", headers: &headers, body: b"{}" };
    let error = token(&json, &endpoint(), &|_| None, NOW).unwrap_err();
    assert_eq!(error.code(), "token_request");
    assert_eq!(
        token(&TokenRequest { method: "GET", ..json }, &endpoint(), &|_| None, NOW),
        Err(TokenError::Method)
    );
}

fn assertion(claim: &str, value: Value) -> String {
    let mut claims = json!({"iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": "api://app",
        "sub": "subject", "oid": "subject", "tid": TENANT, "azp": "azp", "exp": 1_800_003_600});
    claims[claim] = value;
    made(&json!({"alg": "RS256", "kid": "k"}), &claims)
}

fn federation(token: &str) -> (String, String) {
    let client = format!(
        "grant_type=client_credentials&client_id=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={token}"
    );
    let exchange = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={token}&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=scim"
    );
    (client, exchange)
}

#[test]
fn entras_assertion_gets_a_token_in_both_forms_and_more_than_once() {
    for audience in ["api://app", "app"] {
        let (client, exchange) = federation(&assertion("aud", audience.into()));
        for _ in 0..2 {
            assert_eq!(request(&[], &client), Ok(("subject".to_owned(), Grant::ClientCredentials)));
            assert_eq!(request(&[], &exchange), Ok(("subject".to_owned(), Grant::Exchange)));
        }
    }
}

#[test]
fn an_assertion_of_anybody_else_gets_none() {
    for (claim, value) in [
        ("tid", json!("aaaa5b7e-1111-4222-8333-944445555666")),
        ("iss", json!("https://login.microsoftonline.com/aaaa5b7e-1111-4222-8333-944445555666/v2.0")),
        ("iss", json!(format!("https://sts.windows.net/{TENANT}/"))),
        ("aud", json!("api://other")),
        ("aud", json!("api://app/")),
        ("sub", json!("somebody")),
        ("oid", json!("somebody")),
        ("azp", json!("somebody")),
        ("azp", Value::Null),
        ("exp", json!(1_799_990_000)),
    ] {
        let (client, exchange) = federation(&assertion(claim, value.clone()));
        assert_eq!(request(&[], &client), refused(401, "invalid_client"), "{claim} {value}");
        assert_eq!(request(&[], &exchange), refused(400, "invalid_request"), "{claim} {value}");
    }
}

#[test]
fn without_keys_of_the_directory_the_caller_is_told_to_look_for_newer_ones() {
    let (client, _) = federation(&assertion("aud", "app".into()));
    let headers = Headers::from([("content-type", "application/x-www-form-urlencoded")]);
    let request = TokenRequest { method: "POST", headers: &headers, body: client.as_bytes() };
    assert!(token(&request, &endpoint(), &|_| None, NOW).unwrap_err().wants_newer_keys());
}
