//! What the application is told, rule by rule.

use super::assertion::Assertions;
use super::session::Session;
use super::tell::{Teller, Untold};
use crate::common::test_host::TestHost;
use crate::common::{HeaderEdit, Identity, UnixMillis};
use crate::config::{
    AssertionClaim, AssertionSettings, BasicCredentials, GroupNames, IdentityHeader, IdentitySettings,
    Secret, Template, Told, Unencodable, claim_name,
};
use crate::crypto::{PublicKey, SignatureAlgorithm, TokenAlgorithm, TokenKey, verify};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const KEY: &str = include_str!("../../tests/vectors/saml/idp-ec.key.pem");
const CERTIFICATE: &str = include_str!("../../tests/vectors/saml/idp-ec.cert.pem");
const NOW: u64 = 1_700_000_000_000;
const END: u64 = NOW + 3_600_000;

fn header(name: &str, template: &str) -> IdentityHeader {
    IdentityHeader { name: name.to_owned(), value: Template::of(template) }
}

fn with(headers: Vec<IdentityHeader>) -> IdentitySettings {
    IdentitySettings { headers, ..IdentitySettings::default() }
}

fn person(claims: &[(&str, &[&str])]) -> Identity {
    let mut identity = Identity { name_id: "ada@n.example".to_owned(), ..Identity::default() };
    for (name, values) in claims {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        identity.attributes.insert(claim_name(name).to_owned(), values);
    }
    identity
}

fn session(host: &TestHost, identity: Identity) -> Session {
    Session::begin(host, identity, UnixMillis(NOW), UnixMillis(END), &|_| true).unwrap()
}

fn told(
    settings: &IdentitySettings,
    rule: Option<&Told>,
    identity: &Identity,
) -> Result<Vec<(String, String)>, Untold> {
    let host = TestHost::at(NOW);
    let assertions = Assertions::default();
    let teller = Teller { host: &host, tenant: "t", settings, rule, assertions: &assertions };
    let edits = teller.tell(&session(&host, identity.clone()))?;
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    Ok(edits
        .iter()
        .map(|edit| match edit {
            HeaderEdit::Set(name, value) => (text(name), text(value)),
            other => panic!("{other:?}"),
        })
        .collect())
}

fn value_as(unencodable: Unencodable, template: &str, identity: &Identity) -> Result<Option<String>, Untold> {
    let settings = IdentitySettings { unencodable, ..with(vec![header("x-a", template)]) };
    Ok(told(&settings, None, identity)?.into_iter().next().map(|(_, value)| value))
}

fn value(template: &str, identity: &Identity) -> Option<String> {
    value_as(Unencodable::Encode, template, identity).unwrap()
}

#[test]
fn row_7_1_7_2_a_value_can_neither_split_a_header_nor_leave_printable_ascii() {
    for (given, text) in [
        ("a\r\nx-admin: 1", "a%0D%0Ax-admin: 1"),
        ("a\nb", "a%0Ab"),
        ("a\0", "a%00"),
        ("a\tb", "a%09b"),
        ("münchen", "m%C3%BCnchen"),
        ("\u{85}\u{1f600}", "%C2%85%F0%9F%98%80"),
        ("100%", "100%25"),
        ("a,b", "a,b"),
        (" a ", "%20a%20"),
        ("\u{7f}", "%7F"),
    ] {
        assert_eq!(value("{claim:c}", &person(&[("c", &[given])])).as_deref(), Some(text), "{given:?}");
    }
}

#[test]
fn row_7_1_7_2_a_value_that_cannot_stand_is_refused_where_that_is_wanted() {
    let refuse = |template: &str, given: &[&str]| {
        value_as(Unencodable::Refuse, template, &person(&[("c", given), ("groups", given)]))
    };
    for bad in ["a\r\nb", "a\0b", "münchen", " a", "a "] {
        assert_eq!(refuse("{claim:c}", &[bad]), Err(Untold::CannotStand), "{bad:?}");
    }
    assert_eq!(refuse("{claim:c}", &["100%"]), Ok(Some("100%".to_owned())), "as it is, or not at all");
    assert_eq!(refuse("{claim:groups}", &["a,b"]), Err(Untold::CannotStand));
    assert_eq!(refuse("{claim:groups|join:;}", &["a,b", "c"]), Ok(Some("a,b;c".to_owned())));
    assert_eq!(refuse("{claim:c|base64}", &["ü"]), Ok(Some("w7w=".to_owned())), "encoded on purpose");
}

#[test]
fn row_7_3_splitting_and_decoding_gives_the_list_back() {
    let decoded = |text: &str| {
        let mut octets = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            octets.push(match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(octets).unwrap()
    };
    for (function, separator) in [("", ","), ("|join:;", ";"), ("|join:'|'", "|"), ("|join:', '", ", ")] {
        for groups in
            [&["a,b"][..], &["a;b", "c|d"], &["a, b", ",", "%2C"], &[" ", "é", "x"], &["admin,users"]]
        {
            let text = value(&format!("{{claim:groups{function}}}"), &person(&[("groups", groups)])).unwrap();
            let back: Vec<String> = text.split(separator).map(decoded).collect();
            assert_eq!(back, groups, "{text}");
        }
    }
}

#[test]
fn functions_do_what_their_names_say() {
    let ada = person(&[
        ("email", &["Ada@N.example", "ada@other.example"]),
        ("roles", &["Editor"]),
        ("both", &["a", "b"]),
        ("odd", &["Ä =?/\n"]),
        ("empty", &["", ""]),
        ("plain", &["ada"]),
    ]);
    for (template, expected) in [
        ("{claim:email|lower}", Some("ada@n.example,ada@other.example")),
        ("{claim:email|first}", Some("Ada@N.example")),
        ("{claim:email|first|lower|local}", Some("ada")),
        ("{claim:email|local:n.example}", Some("Ada")),
        ("{claim:email|local:elsewhere.example}", None),
        ("{claim:plain|local}", Some("ada")),
        ("{claim:plain|local:n.example}", None),
        ("{claim:roles|only}", Some("Editor")),
        ("{claim:both|only}", None),
        ("{claim:both|only|default:viewer}", Some("viewer")),
        ("{claim:absent|default:none}", Some("none")),
        ("{claim:empty|default:none}", Some("none")),
        ("{claim:empty}", None),
        ("{claim:both|join:;|base64}", Some("YTti")),
        ("{claim:both|base64|join:;}", Some("YQ==;Yg==")),
        ("{claim:odd|percent}", Some("%C3%84%20%3D%3F%2F%0A")),
        ("{claim:odd|quoted_printable}", Some("=C3=84 =3D?/=0A")),
        ("{claim:odd|base64}", Some("w4QgPT8vCg==")),
        ("user={name_id}; mail={claim:absent}", Some("user=ada@n.example; mail=")),
        ("mail={claim:absent}", None),
        ("fixed {{text}}", Some("fixed {text}")),
    ] {
        assert_eq!(value(template, &ada).as_deref(), expected, "{template}");
    }
}

#[test]
fn groups_are_told_by_name_and_unknown_ones_only_where_wanted() {
    let names = [("0a-1".to_owned(), "admins".to_owned()), ("0b-2".to_owned(), "a,b".to_owned())];
    let mut settings = with(vec![header("x-a", "{claim:groups}")]);
    settings.groups = GroupNames { names: names.into_iter().collect(), keep_unknown: false };
    let ada = person(&[("groups", &["0A-1", "0c-3", "0b-2"])]);
    let groups = |settings: &IdentitySettings, identity: &Identity| {
        told(settings, None, identity).unwrap().first().map(|(_, value)| value.clone())
    };
    assert_eq!(groups(&settings, &ada).as_deref(), Some("admins,a%2Cb"));
    settings.groups.keep_unknown = true;
    assert_eq!(groups(&settings, &ada).as_deref(), Some("admins,0c-3,a%2Cb"));
    assert_eq!(groups(&settings, &person(&[("groups", &["Admins"])])), None, "nobody calls themselves so");
}

#[test]
fn row_7_7_headers_have_bounds_each_and_together() {
    let ids: Vec<String> = (0..150).map(|at| format!("{at:036}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(
        value("{claim:groups}", &person(&[("groups", &ids)])).map(|text| text.len()),
        Some(150 * 37 - 1)
    );
    let mut settings = with(vec![header("x-a", "{claim:c}"), header("x-b", "{claim:c}")]);
    settings.max_header = 300;
    settings.max_headers = 600;
    let length = |octets: usize| {
        let text = "a".repeat(octets);
        told(&settings, None, &person(&[("c", &[&text])])).map(|all| all.len())
    };
    assert_eq!(length(293), Ok(2));
    assert_eq!(length(294), Err(Untold::TooLarge), "together");
    settings.max_headers = 10_000;
    let long = "a".repeat(301);
    assert_eq!(told(&settings, None, &person(&[("c", &[&long])])), Err(Untold::TooLarge), "each");
}

#[test]
fn a_rule_adds_replaces_and_suppresses() {
    let mut settings = with(vec![header("x-user", "{name_id}"), header("x-kept", "1")]);
    settings.basic =
        Some(BasicCredentials { user: Template::name_id(), password: Secret::from("of the application") });
    let rule = Told { headers: vec![header("x-user", "somebody")], basic: false, assertion: false };
    let names = |rule: Option<&Told>| -> Vec<String> {
        told(&settings, rule, &person(&[])).unwrap().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(None), ["x-user", "x-kept", "authorization"]);
    assert_eq!(
        told(&settings, Some(&rule), &person(&[])),
        Ok(vec![("x-user".to_owned(), "somebody".to_owned())])
    );
    assert_eq!(names(Some(&Told::default())), Vec::<String>::new());
}

#[test]
fn credentials_are_those_of_rfc_7617_or_none() {
    let mut settings = with(Vec::new());
    settings.basic = Some(BasicCredentials {
        user: Template::of("{claim:c}"),
        password: Secret::from("of the: application"),
    });
    let of = |user: &str| told(&settings, None, &person(&[("c", &[user])]));
    let pair = STANDARD.encode("Ädä:of the: application");
    assert_eq!(of("Ädä"), Ok(vec![("authorization".to_owned(), format!("Basic {pair}"))]));
    assert_eq!(of("a:b"), Err(Untold::CannotStand));
    assert_eq!(of("a\nb"), Err(Untold::CannotStand));
    assert_eq!(told(&settings, None, &person(&[])), Err(Untold::NoSubject));
}

fn assertion() -> IdentitySettings {
    let claim = |name: &str, template: &str, list| AssertionClaim {
        name: name.to_owned(),
        value: Template::of(template),
        list,
    };
    let mut settings = with(Vec::new());
    settings.assertion = Some(AssertionSettings {
        audience: "https://app.example".to_owned(),
        issuer: "https://a.example".to_owned(),
        subject: Template::name_id(),
        keys: vec![TokenKey::from_pem(KEY, Some("k1")).unwrap()],
        algorithm: TokenAlgorithm::Es256,
        lifetime: Duration::from_secs(120),
        header: "x-vestibule-assertion".to_owned(),
        claims: vec![
            claim("email", "{claim:email}", false),
            claim("groups", "{claim:groups}", true),
            claim("absent", "{claim:absent}", false),
        ],
    });
    settings
}

/// Header and claims of a token whose signature is right.
fn opened(token: &str) -> (serde_json::Value, serde_json::Value) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let key = PublicKey::from_certificate(CERTIFICATE).unwrap();
    let host = TestHost::default();
    let signature = decode(signature);
    verify(&host, &key, SignatureAlgorithm::EcdsaSha256, message.as_bytes(), &signature).unwrap();
    let (head, claims) = message.split_once('.').unwrap();
    let json = |text: &str| serde_json::from_slice(&decode(text)).unwrap();
    (json(head), json(claims))
}

#[test]
fn the_assertion_says_who_is_there_as_it_is() {
    let ada = person(&[("email", &["ü\r\n,%"]), ("groups", &["a,b", "c"])]);
    let all = told(&assertion(), None, &ada).unwrap();
    let (head, claims) = opened(&all[0].1);
    assert_eq!(head, serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}));
    let mut claims = claims.as_object().unwrap().clone();
    assert_eq!(claims.remove("jti").unwrap().as_str().unwrap().len(), 22);
    assert_eq!(
        serde_json::Value::from(claims),
        serde_json::json!({
            "iss": "https://a.example", "aud": "https://app.example", "sub": "ada@n.example",
            "email": "ü\r\n,%", "groups": ["a,b", "c"],
            "iat": NOW / 1000, "exp": NOW / 1000 + 120,
        })
    );
}

#[test]
fn an_assertion_is_signed_once_for_a_session_and_while() {
    let (host, settings, assertions) = (TestHost::at(NOW), assertion(), Assertions::default());
    let token = |session: &Session, tenant: &str, settings: &IdentitySettings| {
        let teller = Teller { host: &host, tenant, settings, rule: None, assertions: &assertions };
        match teller.tell(session).unwrap().remove(0) {
            HeaderEdit::Set(_, value) => String::from_utf8(value).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let ada = session(&host, person(&[]));
    let first = token(&ada, "t", &settings);
    host.time.set(NOW + 59_999);
    assert_eq!(token(&ada, "t", &settings), first);
    assert_eq!(host.counts.borrow()["vestibule.assertion.signed"], 1);
    host.time.set(NOW + 60_000);
    let second = token(&ada, "t", &settings);
    assert_ne!(second, first, "at least half of its lifetime is left");
    assert_ne!(token(&session(&host, person(&[])), "t", &settings), second, "another session");
    assert_ne!(token(&ada, "u", &settings), second, "another tenant");
    let mut changed = ada.clone();
    changed.identity = person(&[("email", &["new@n.example"])]);
    assert_eq!(opened(&token(&changed, "t", &settings)).1["email"], "new@n.example");
    host.time.set(END - 1500);
    let last = opened(&token(&ada, "t", &settings)).1;
    assert_eq!(last["exp"], END / 1000, "never beyond the session");
}

#[test]
fn what_cannot_be_proven_is_not_told() {
    let host = TestHost::at(NOW);
    let ada = session(&host, person(&[]));
    let tell = |settings: &IdentitySettings| {
        let assertions = Assertions::default();
        let teller = Teller { host: &host, tenant: "t", settings, rule: None, assertions: &assertions };
        teller.tell(&ada).map(|edits| edits.len())
    };
    let mut settings = assertion();
    assert_eq!(tell(&settings), Ok(1));
    host.random_fails.set(true);
    assert_eq!(tell(&settings), Err(Untold::NotSigned));
    host.random_fails.set(false);
    settings.max_header = 256;
    assert_eq!(tell(&settings), Err(Untold::TooLarge));
    let mut settings = assertion();
    let inner = settings.assertion.as_mut().unwrap();
    inner.subject = Template::of("{claim:object_id}");
    assert_eq!(tell(&settings), Err(Untold::NoSubject));
    settings.assertion.as_mut().unwrap().keys.clear();
    assert_eq!(tell(&settings), Err(Untold::NoSubject));
    let mut settings = assertion();
    settings.assertion.as_mut().unwrap().keys.clear();
    assert_eq!(tell(&settings), Err(Untold::NotSigned));
}
