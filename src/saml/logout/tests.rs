//! Logout messages that count, and those that do not. `logout/` was signed by openssl and xmlsec1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::common::test_host::TestHost;
use crate::saml::signature::SignatureFault;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/saml/", $name))
    };
}
const REQUEST: &str = vector!("logout/request.query");
const RELAY: &str = vector!("logout/request-relay.query");
const LOWER: &str = vector!("logout/request-lower.query");
const RESPONSE: &str = vector!("logout/response.query");
const POSTED: &str = vector!("logout/request.xml");
const UNTRUSTED: LogoutError = LogoutError::Signature(SignatureFault::Untrusted);

fn with<T>(change: impl FnOnce(&mut Expect<'_>), judge: impl FnOnce(&TestHost, &Expect<'_>) -> T) -> T {
    let keys = [vector!("idp.cert.pem"), vector!("idp-ec.cert.pem")];
    let keys = keys.map(|pem| PublicKey::from_certificate(pem).unwrap());
    let issuers = ["https://idp.example/entity/".to_owned()];
    let mut expect = Expect {
        issuers: &issuers,
        destination: "https://app.example/slo",
        no_destination: false,
        keys: &keys,
        relaxed: Relaxed::default(),
        now: UnixMillis::parse_rfc3339("2027-01-01T10:01:00Z").unwrap(),
        skew: Duration::from_secs(60),
    };
    change(&mut expect);
    judge(&TestHost::default(), &expect)
}

fn redirect(query: &str) -> Result<Received, LogoutError> {
    with(|_| {}, |host, expect| read_redirect(host, query, expect))
}

fn form(name: &str, xml: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), STANDARD.encode(xml))]
}

fn post(form: &[(String, String)]) -> Result<Received, LogoutError> {
    with(|_| {}, |host, expect| read_post(host, form, expect))
}

fn at(time: &str, query: &str) -> Result<Received, LogoutError> {
    let now = UnixMillis::parse_rfc3339(time).unwrap();
    with(|expect| expect.now = now, |host, expect| read_redirect(host, query, expect))
}

#[track_caller]
fn request_of(received: Received) -> LogoutRequest {
    match received.message {
        Message::Request(request) => request,
        Message::Response(_) => panic!("no request"),
    }
}

#[track_caller]
fn response_of(received: Received) -> LogoutResponse {
    match received.message {
        Message::Response(response) => response,
        Message::Request(_) => panic!("no response"),
    }
}

/// An unsigned query with this message.
fn query_of(name: &str, xml: &str) -> String {
    let packed = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6));
    format!("{name}={}", crate::saml::escape::query(&packed))
}

#[test]
fn a_signed_request_says_whose_sessions_end() {
    for query in [REQUEST, RELAY, LOWER, vector!("logout/request-ecdsa.query")] {
        let request = request_of(redirect(query).unwrap());
        assert_eq!((request.id.as_str(), request.name_id.as_str()), ("_logout", "ada@example.test"));
        assert_eq!(request.session_indexes, ["_assertion"]);
        assert_eq!(request.ends.to_rfc3339(), "2027-01-01T10:06:00.000Z");
    }
    let all = request_of(redirect(vector!("logout/request-all-sessions.query")).unwrap());
    assert!(all.session_indexes.is_empty());
    let posted = request_of(post(&form("SAMLRequest", POSTED)).unwrap());
    assert_eq!(posted.session_indexes, ["_assertion"]);
}

#[test]
fn the_relay_state_comes_back_as_it_came() {
    assert_eq!(redirect(REQUEST).unwrap().relay_state, None);
    assert_eq!(redirect(RELAY).unwrap().relay_state.as_deref(), Some("a b+c/d"));
    assert_eq!(redirect(LOWER).unwrap().relay_state.as_deref(), Some("https://idp.example/?a=b&c"));
    let long = [form("SAMLRequest", POSTED), vec![("RelayState".to_owned(), "x".repeat(81))]].concat();
    assert_eq!(post(&long).unwrap().relay_state, None, "too long to go back");
}

#[test]
fn the_signature_is_over_the_octets_that_came_and_no_others() {
    assert!(LOWER.contains("%3a") && REQUEST.contains("%3A"));
    // The same values, written in the other case: not what was signed.
    let (message, signature) = LOWER.split_once("&Signature=").unwrap();
    let upper: String =
        message
            .split('%')
            .enumerate()
            .map(|(at, part)| {
                if at == 0 { part.to_owned() } else { format!("%{}{}", part[..2].to_uppercase(), &part[2..]) }
            })
            .collect();
    assert_eq!(redirect(&format!("{upper}&Signature={signature}")), Err(UNTRUSTED));
}

#[test]
fn the_order_of_parameters_in_the_query_does_not_matter_but_that_of_the_signature_is_fixed() {
    let parts: Vec<&str> = RELAY.split('&').collect();
    let [message, relay, algorithm, signature] = parts[..] else { panic!("four parameters") };
    for order in [[signature, algorithm, relay, message], [message, algorithm, relay, signature]] {
        assert!(redirect(&order.join("&")).is_ok());
    }
    // Other parameters are not ours to judge.
    assert!(redirect(&format!("{RELAY}&utm=1")).is_ok());
}

#[test]
fn a_parameter_that_comes_twice_or_in_disguise_is_refused() {
    let parts: Vec<&str> = RELAY.split('&').collect();
    for part in &parts {
        let name = part.split('=').next().unwrap();
        for query in [format!("{RELAY}&{part}"), format!("{RELAY}&{name}=x"), format!("{RELAY}&{name}")] {
            assert!(matches!(redirect(&query), Err(LogoutError::Parameter(_))), "{query}");
        }
        let disguised = RELAY.replace(name, &format!("%{:02x}{}", name.as_bytes()[0], &name[1..]));
        assert!(matches!(redirect(&disguised), Err(LogoutError::Parameter(_))), "{disguised}");
    }
    assert!(matches!(redirect(&format!("{REQUEST}&SAMLResponse=x")), Err(LogoutError::Parameter(_))));
    assert!(matches!(redirect(&format!("{REQUEST}&SAMLEncoding=urn%3Ax")), Err(LogoutError::Parameter(_))));
    assert!(matches!(redirect("RelayState=x"), Err(LogoutError::Parameter(_))));
    assert!(matches!(redirect(""), Err(LogoutError::Parameter(_))));
    let twice = [form("SAMLRequest", POSTED), form("SAMLRequest", POSTED)].concat();
    assert!(matches!(post(&twice), Err(LogoutError::Parameter(_))));
}

#[test]
fn a_relay_state_that_was_not_signed_is_not_taken_along() {
    let (message, rest) = REQUEST.split_once("&SigAlg").unwrap();
    assert_eq!(redirect(&format!("{message}&RelayState=injected&SigAlg{rest}")), Err(UNTRUSTED));
    assert_eq!(redirect(&format!("{message}&RelayState=&SigAlg{rest}")), Err(UNTRUSTED));
    let changed = RELAY.replace("RelayState=a%20b", "RelayState=a%20c");
    assert_ne!(changed, RELAY);
    assert_eq!(redirect(&changed), Err(UNTRUSTED));
    // Two parameters cannot be shifted into one another.
    let shifted = RELAY.replace("&RelayState=", "%26RelayState%3D");
    assert!(redirect(&shifted).is_err());
}

#[test]
fn an_unsigned_request_ends_nothing() {
    let unsigned = REQUEST.split_once("&SigAlg").unwrap().0;
    assert_eq!(redirect(unsigned), Err(LogoutError::Unsigned));
    let (before, rest) = POSTED.split_once("<Signature ").unwrap();
    let stripped = format!("{before}{}", rest.split_once("</Signature>").unwrap().1);
    assert_eq!(post(&form("SAMLRequest", &stripped)), Err(LogoutError::Unsigned));
    // A signature within does not count in the Redirect binding, for nobody looks at it there.
    assert_eq!(redirect(&query_of("SAMLRequest", POSTED)), Err(LogoutError::Unsigned));
    let (all, signature) = REQUEST.split_once("&Signature=").unwrap();
    assert_eq!(redirect(all), Err(LogoutError::Parameter("Signature")));
    let message = all.split_once("&SigAlg").unwrap().0;
    assert_eq!(redirect(&format!("{message}&Signature={signature}")), Err(LogoutError::Parameter("SigAlg")));
    assert_eq!(redirect(&format!("{all}&Signature=")), Err(LogoutError::Base64));
}

#[test]
fn another_key_signs_nobody_out() {
    assert_eq!(redirect(vector!("logout/request-other-key.query")), Err(UNTRUSTED));
    assert_eq!(post(&form("SAMLRequest", vector!("logout/request-other-key.xml"))), Err(UNTRUSTED));
}

#[test]
fn sha_1_counts_only_where_it_is_accepted_by_name() {
    let query = vector!("logout/request-sha1.query");
    assert_eq!(redirect(query), Err(LogoutError::Signature(SignatureFault::Algorithm)));
    let relaxed = Relaxed { sha1_signature: true, ..Relaxed::default() };
    assert!(
        with(|expect| expect.relaxed = relaxed, |host, expect| read_redirect(host, query, expect)).is_ok()
    );
    // An algorithm that was not signed for is another text, whatever it is.
    for uri in
        ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"]
    {
        let (message, rest) = REQUEST.split_once("&SigAlg=").unwrap();
        let signature = rest.split_once("&Signature=").unwrap().1;
        let query = format!("{message}&SigAlg={}&Signature={signature}", crate::saml::escape::query(uri));
        assert!(matches!(redirect(&query), Err(LogoutError::Signature(_))), "{uri}");
    }
}

#[test]
fn a_request_meant_for_another_is_refused() {
    assert_eq!(redirect(vector!("logout/request-elsewhere.query")), Err(LogoutError::Destination));
    for destination in ["https://app.example/slo/", "https://app.example/SLO", "https://app.example/slo?a"] {
        let wrong = with(
            |expect| expect.destination = destination,
            |host, expect| read_redirect(host, REQUEST, expect),
        );
        assert_eq!(wrong, Err(LogoutError::Destination));
    }
    let none = POSTED.replace(" Destination=\"https://app.example/slo\"", "");
    assert_eq!(post(&form("SAMLRequest", &none)), Err(LogoutError::Missing("Destination")));
}

#[test]
fn a_request_of_another_hour_is_refused() {
    assert!(at("2027-01-01T09:59:00.000Z", REQUEST).is_ok());
    assert_eq!(at("2027-01-01T09:58:59.999Z", REQUEST), Err(LogoutError::Stale));
    assert!(at("2027-01-01T10:05:59.999Z", REQUEST).is_ok());
    assert_eq!(at("2027-01-01T10:06:00.000Z", REQUEST), Err(LogoutError::Stale));
    let short = POSTED.replace("NotOnOrAfter=\"2027-01-01T10:05", "NotOnOrAfter=\"2027-01-01T10:00");
    assert_eq!(post(&form("SAMLRequest", &short)), Err(LogoutError::Expired));
    for (from, to) in
        [("10:00:00.000Z\" Dest", "10:00:00.000\" Dest"), ("NotOnOrAfter=\"2027", "NotOnOrAfter=\"x")]
    {
        let wrong = POSTED.replace(from, to);
        assert!(matches!(post(&form("SAMLRequest", &wrong)), Err(LogoutError::Time(_))), "{to}");
    }
    let none = POSTED.replace("IssueInstant=", "Issued=");
    assert_eq!(post(&form("SAMLRequest", &none)), Err(LogoutError::Missing("IssueInstant")));
}

#[test]
fn whoever_is_not_the_provider_signs_nobody_out() {
    let other = ["https://idp.example/entity".to_owned()];
    let judged = with(
        |expect| expect.issuers = Box::leak(Box::new(other)),
        |host, expect| read_redirect(host, REQUEST, expect),
    );
    assert_eq!(judged, Err(LogoutError::Issuer));
    let none = POSTED.replace("<Issuer ", "<Extensions ").replace("</Issuer>", "</Extensions>");
    assert!(post(&form("SAMLRequest", &none)).is_err());
}

#[test]
fn whatever_is_changed_in_a_signed_message_is_noticed() {
    for (from, to) in [
        ("ada@example.test", "bob@example.test"),
        ("<samlp:SessionIndex>_assertion</samlp:SessionIndex>", ""),
        ("_assertion</", "_other</"),
        ("emailAddress\">", "persistent\">"),
        ("NotOnOrAfter=\"2027-01-01T10:05", "NotOnOrAfter=\"2027-01-01T11:05"),
    ] {
        let changed = POSTED.replace(from, to);
        assert_ne!(changed, POSTED);
        let judged = post(&form("SAMLRequest", &changed));
        assert_eq!(judged, Err(LogoutError::Signature(SignatureFault::Digest)), "{to}");
    }
    // A comment is no part of what was signed, and cuts nothing.
    let commented = POSTED.replace("ada@example.test", "ada@example.test<!---->.evil");
    assert!(post(&form("SAMLRequest", &commented)).is_err());
    let commented = POSTED.replace("ada@example.test", "ada@<!--x-->example.test");
    assert_eq!(request_of(post(&form("SAMLRequest", &commented)).unwrap()).name_id, "ada@example.test");
}

#[test]
fn a_signed_request_wrapped_in_another_is_not_taken_for_it() {
    let (before, rest) = POSTED.split_once("<Signature ").unwrap();
    let bare = format!("{before}{}", rest.split_once("</Signature>").unwrap().1);
    let evil = bare.replace("ada@", "eve@").replace("_logout", "_evil");
    let signature = format!("<Signature {}</Signature>", rest.split_once("</Signature>").unwrap().0);
    let (start, content) = evil.split_once("</Issuer>").unwrap();
    for wrapped in [
        format!("{start}</Issuer>{signature}<samlp:Extensions>{bare}</samlp:Extensions>{content}"),
        format!("{start}</Issuer><samlp:Extensions>{POSTED}</samlp:Extensions>{content}"),
        format!(
            "{start}</Issuer>{}{content}",
            signature.replace("</Signature>", &format!("<Object>{bare}</Object></Signature>"))
        ),
        format!("{start}</Issuer>{POSTED}{content}"),
        format!("{start}</Issuer>{signature}{content}"),
        format!("{evil}{POSTED}"),
    ] {
        assert!(post(&form("SAMLRequest", &wrapped)).is_err(), "{wrapped}");
    }
}

#[test]
fn a_message_of_the_other_kind_is_refused_although_it_is_signed() {
    assert_eq!(redirect(vector!("logout/response-as-request.query")), Err(LogoutError::NotLogout));
    assert_eq!(redirect(vector!("logout/request-as-response.query")), Err(LogoutError::NotLogout));
    assert_eq!(post(&form("SAMLResponse", POSTED)), Err(LogoutError::NotLogout));
    assert_eq!(post(&form("SAMLRequest", vector!("good-assertion-signed.xml"))), Err(LogoutError::NotLogout));
    // The signature covers the name of the parameter.
    let renamed = RESPONSE.replace("SAMLResponse=", "SAMLRequest=");
    assert!(redirect(&renamed).is_err());
}

#[test]
fn a_response_says_which_request_it_answers_and_whether_it_is_signed() {
    let response = response_of(redirect(RESPONSE).unwrap());
    assert_eq!(
        (response.in_response_to.as_str(), response.outcome, response.signed),
        ("_request", Outcome::Success, true)
    );
    let unsigned = RESPONSE.split_once("&SigAlg").unwrap().0;
    assert!(!response_of(redirect(unsigned).unwrap()).signed);
    let posted = vector!("logout/response.xml");
    assert!(response_of(post(&form("SAMLResponse", posted)).unwrap()).signed);
    let forged = posted.replace("status:Success", "status:Responder");
    assert!(post(&form("SAMLResponse", &forged)).is_err(), "a signature that is there must be right");
}

#[test]
fn a_response_as_entra_writes_it_is_read_where_the_operator_expects_it() {
    let query = vector!("logout/response-entra.query");
    assert_eq!(redirect(query), Err(LogoutError::Issuer));
    let issuers = ["https://idp.example/entity/".to_owned(), "https://login.idp.example/entity/".to_owned()];
    let judge = |no_destination| {
        let issuers: &'static [String] = Box::leak(Box::new(issuers.clone()));
        with(
            |expect| (expect.issuers, expect.no_destination) = (issuers, no_destination),
            |host, expect| read_redirect(host, query, expect),
        )
    };
    assert_eq!(judge(false), Err(LogoutError::Missing("Destination")));
    assert!(response_of(judge(true).unwrap()).signed);
}

#[test]
fn of_a_failed_logout_is_told_how_far_it_came() {
    let answer = |code: &str| {
        format!(
            "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_a\" Version=\"2.0\" \
             IssueInstant=\"2027-01-01T10:00:00Z\" Destination=\"https://app.example/slo\" InResponseTo=\"_r\">\
             <Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://idp.example/entity/</Issuer>\
             <samlp:Status>{code}</samlp:Status></samlp:LogoutResponse>"
        )
    };
    let status = "urn:oasis:names:tc:SAML:2.0:status:";
    for (code, outcome) in [
        (format!("<samlp:StatusCode Value=\"{status}Success\"/>"), Outcome::Success),
        (format!("<samlp:StatusCode Value=\"{status}Responder\"/>"), Outcome::Failed),
        (
            format!(
                "<samlp:StatusCode Value=\"{status}Success\"><samlp:StatusCode Value=\"{status}PartialLogout\"/></samlp:StatusCode>"
            ),
            Outcome::Partial,
        ),
    ] {
        let response = response_of(redirect(&query_of("SAMLResponse", &answer(&code))).unwrap());
        assert_eq!((response.outcome, response.signed), (outcome, false));
    }
    assert_eq!(redirect(&query_of("SAMLResponse", &answer(""))), Err(LogoutError::Missing("StatusCode")));
}

#[test]
fn a_message_that_unpacks_to_very_much_is_not_unpacked() {
    let bomb = query_of("SAMLRequest", &" ".repeat(50_000_000));
    assert!(bomb.len() < 70_000);
    assert!(matches!(redirect(&bomb), Err(LogoutError::Deflate | LogoutError::Parameter(_))));
    assert!(redirect(&query_of("SAMLRequest", &" ".repeat(1_000_000))) == Err(LogoutError::Deflate));
    assert_eq!(redirect("SAMLRequest=AAAA"), Err(LogoutError::Deflate));
    assert_eq!(redirect("SAMLRequest=%"), Err(LogoutError::Base64));
}

#[test]
fn more_sessions_than_are_told_apart_are_all_of_them() {
    let index = "<samlp:SessionIndex>_assertion</samlp:SessionIndex>";
    let document = POSTED.replace(index, &index.repeat(17));
    let tree =
        crate::saml::xml::Document::parse(document.as_bytes(), crate::saml::xml::Rules::MESSAGE).unwrap();
    let request = with(|_| {}, |_, expect| super::request::read(tree.root().unwrap(), expect)).unwrap();
    assert!(request.session_indexes.is_empty());
}

#[test]
fn every_prefix_and_every_changed_octet_of_a_message_is_refused_without_a_panic() {
    for end in 0..REQUEST.len() {
        assert!(redirect(&REQUEST[..end]).is_err());
    }
    for at in (0..REQUEST.len()).step_by(7) {
        let mut changed = REQUEST.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(redirect(std::str::from_utf8(&changed).unwrap()).is_err(), "{at}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn raw_queries_of_another_provider_in_the_field_are_read_with_what_they_need() {
    use crate::saml::test_support::fixture;
    let Some(certificate) = fixture("saml/slo/acme_tools_com.cert") else { return };
    let keys = [PublicKey::from_certificate(&certificate).unwrap()];
    let issuers = ["http://localhost:20000/saml2/idp/metadata.php".to_owned()];
    let judge = |name: &str, now: &str| {
        let record: serde_json::Value =
            serde_json::from_str(&fixture(&format!("saml/slo/{name}.json")).unwrap()).unwrap();
        let change = |expect: &mut Expect<'_>| {
            expect.now = UnixMillis::parse_rfc3339(now).unwrap();
            expect.relaxed.sha1_signature = true;
        };
        with(change, |host, expect| {
            let destination = "http://idp.lvh.me:5000/auth/saml/ats/treadstone/idp_slo";
            let expect = Expect { keys: &keys, issuers: &issuers, destination, ..*expect };
            read_redirect(host, record["originalQuery"].as_str().unwrap(), &expect)
        })
    };
    let request = judge("idp_slo_redirect", "2018-04-11T14:03:13Z").unwrap();
    assert!(request.relay_state.is_some());
    assert_eq!(request_of(request).session_indexes, ["_00bf7b2d5d9d3c970217eecefb1194bef3362a618e"]);
    let response = response_of(judge("sp_slo_redirect", "2018-04-11T15:32:32Z").unwrap());
    assert_eq!((response.outcome, response.signed), (Outcome::Success, true));
    let failed = response_of(judge("sp_slo_redirect_failure", "2018-04-11T15:32:32Z").unwrap());
    assert_eq!((failed.outcome, failed.signed), (Outcome::Failed, true));
}
