//! Further rows of the catalogue of attacks.

use super::*;

#[test]
fn row_4_4_4_6_markup_in_a_value_is_read_as_text_and_no_character_is_changed_or_lost() {
    const GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
    for (value, told) in [
        ("<b xmlns=\"urn:b\">one</b>two", "onetwo"),
        ("&lt;b&gt;", "<b>"),
        // Decomposed, composed, bidirectional, zero width, a control character of C1: percent-encoded, octet by octet.
        ("e\u{301}\u{e9}\u{202e}\u{200b}\u{85}", "e%CC%81%C3%A9%E2%80%AE%E2%80%8B%C2%85"),
    ] {
        let site = Site::new("", "");
        let mut browser = site.browser();
        signs_in(&mut browser, |response| *response = response.clone().with(GROUPS, &[value]));
        assert_eq!(browser.told("/x", "x-groups").as_deref(), Some(told));
    }
}

#[test]
fn row_8_1_8_2_an_assertion_is_used_once_whatever_is_written_around_it() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let waiting = browser.cookies.clone();
    let xml = Response::to(&id, NOW).xml();
    assert_eq!(browser.answer(&STANDARD.encode(&xml), Some(&state)).status, 303);
    for again in [xml.clone(), xml.replacen("_response-1", "_response-2", 1)] {
        let mut browser = site.browser();
        browser.cookies = waiting.clone();
        assert_eq!(browser.answer(&STANDARD.encode(again), Some(&state)).status, 403);
        assert!(site.said().contains("code=replayed"), "{}", site.said());
        assert!(!browser.has_session());
    }
    site.host.time.set(NOW + 3_000_000);
    assert!(browser.has_session(), "the first use stands");
}

#[test]
fn row_8_4_a_response_for_another_browser_is_refused_in_this_one() {
    let site = Site::new("", "");
    let (mut theirs, mut own) = (site.browser(), site.browser());
    let (id, state) = theirs.start("/page");
    let (_, own_state) = own.start("/page");
    for state in [&state, &own_state] {
        assert_eq!(own.answer(&Response::to(&id, NOW).encoded(), Some(state)).status, 403);
        assert!(!own.has_session());
    }
}

#[test]
fn row_8_5_what_is_signed_says_which_request_is_answered() {
    let outcome = |change: &dyn Fn(&str, &str) -> String| {
        let site = Site::new("", "");
        let mut browser = site.browser();
        let (id, state) = browser.start("/page");
        let xml = change(&Response::to(&id, NOW).xml(), &id);
        browser.answer(&STANDARD.encode(xml), Some(&state)).status
    };
    let outer = |id: &str| format!(" InResponseTo=\"{id}\"><saml:Issuer>");
    assert_eq!(outcome(&|xml, id| xml.replacen(&outer(id), "><saml:Issuer>", 1)), 303);
    assert_eq!(outcome(&|xml, id| xml.replacen(&outer(id), &outer("_other"), 1)), 403);
    // The signed part names none, the unsigned one does.
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let xml = Response::unsolicited(NOW).xml();
    let pretends = xml.replacen("><saml:Issuer>", &outer(&id), 1);
    assert_ne!(xml, pretends);
    assert_eq!(browser.answer(&STANDARD.encode(pretends), Some(&state)).status, 403);
}

#[test]
fn row_8_9_nothing_that_comes_in_is_inflated() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    let (id, state) = browser.start("/page");
    let xml = Response::to(&id, NOW).xml();
    let deflated = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 9));
    assert_eq!(browser.answer(&deflated, Some(&state)).status, 403);
    assert!(site.said().contains("code=xml"), "{}", site.said());
    let escaped = deflated.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let by_get = browser.get(&format!("/.vestibule/saml/acs?SAMLResponse={escaped}")).unwrap();
    assert_eq!(by_get.status, 405);
}

#[test]
fn row_8_11_a_form_says_each_thing_once_and_in_its_body() {
    let site = Site::new("", "");
    let mut browser = site.browser();
    browser.start("/page");
    for (body, code) in [
        ("", "no_single_response"),
        ("SAMLRequest=AAAA", "no_single_response"),
        ("SAMLResponse=AAAA&SAMLResponse=AAAA", "no_single_response"),
        ("SAMLResponse=AAAA&SAML%52esponse=AAAA", "no_single_response"),
        ("SAMLResponse=AAAA&RelayState=a&RelayState=b", "two_relay_states"),
        ("SAMLResponse=%zz", "malformed_form"),
        ("SAMLResponse=%ff", "malformed_form"),
    ] {
        let Sent::Answered(reply) = browser.post_body(body.to_owned()) else { panic!("{body}") };
        assert_eq!(reply.status, 403);
        assert!(site.said().contains(&format!("code={code} ")), "{body}: {}", site.said());
    }
    browser.acs_path = "/.vestibule/saml/acs?SAMLResponse=AAAA".to_owned();
    let Sent::Answered(_) = browser.post_body("x=y".to_owned()) else { panic!() };
    assert!(site.said().contains("code=no_single_response "), "what the query says is nobody's word");
}

#[test]
fn row_8_23_the_clocks_may_differ_by_the_skew_and_no_more() {
    for (skew, issued, status) in [
        (0, NOW + 300_000, 303),
        (0, NOW + 300_001, 403),
        (60, NOW + 360_000, 303),
        (60, NOW + 360_001, 403),
        (300, NOW + 600_000, 303),
    ] {
        // The assertion is valid from five minutes before it was issued.
        let (found, _) = outcome(&format!("clock_skew_seconds: {skew}"), |response| response.issued = issued);
        assert_eq!(found, status, "{skew} {issued}");
    }
}
