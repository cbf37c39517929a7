//! Several identity providers in one tenant: people choose, and a login at one is answered by that one only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs
)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/provider.rs"]
mod provider;
#[path = "support/single_logout.rs"]
mod single_logout;

use browser::{Browser, Site, begun, header, text};
use provider::Response;
use single_logout::Logout;
use vestibule::gateway::Gateway;

const OTHER: &str = "https://other.example/";
const CHOICE: &str = "/.vestibule/sign-in?return=/page";

/// Two identity providers with the same certificate, so that nothing but what is to be tested tells them apart.
fn two(saml: &str, pages: &str) -> String {
    let certificate = include_str!("vectors/idp.crt").replace('\n', "\\n");
    format!(
        r#"
keys: [{{id: k1, secret: {{value: "0123456789abcdef0123456789abcdef"}}}}]
tenants:
  - name: t
    public_url: https://a.example
    saml:
      entity_id: https://a.example/saml
      logout: {{}}
      identity_providers:
        - {{name: staff, label: "Staff <of> Fabrikam", brand: microsoft, entity_id: "https://idp.example/", sso_url: "https://idp.example/sso", slo_url: "https://idp.example/slo", certificates: ["{certificate}"]}}
        - {{name: guests, label: Guests, entity_id: "{OTHER}", sso_url: "https://other.example/sso", certificates: ["{certificate}"]}}
{saml}
    access:
      rules: [{{path: {{prefix: /}}, access: signed_in}}]
    pages: {{{pages}}}
"#
    )
}

fn site() -> Site {
    Site::of(&two("", ""))
}

fn begin(browser: &mut Browser<'_>, name: &str) -> (String, String) {
    begun(&browser.get(&format!("/.vestibule/sign-in?idp={name}&return=/page")).unwrap())
}

fn answer(id: &str, issuer: &str, now: u64) -> Response {
    let mut response = Response::to(id, now);
    issuer.clone_into(&mut response.issuer);
    response.id = format!("_of-{id}");
    response
}

#[test]
fn somebody_without_a_session_is_asked_how_to_sign_in() {
    let site = site();
    let mut browser = site.browser();
    let reply = browser.get("/page?a=1").unwrap();
    assert_eq!(reply.status, 302);
    assert_eq!(header(&reply, "location"), Some("/.vestibule/sign-in?return=/page%3Fa%3D1"));
    let page = browser.get("/.vestibule/sign-in?return=/page%3Fa%3D1").unwrap();
    assert_eq!(page.status, 200);
    let html = text(&page);
    assert!(html.contains("<h1>Sign in</h1>"));
    assert!(html.contains("Staff &lt;of&gt; Fabrikam") && html.contains("Sign in with Microsoft</span></a>"));
    assert!(html.contains("href=\"/.vestibule/sign-in?idp=staff&amp;return=/page%3Fa%3D1\""));
    assert!(html.contains("href=\"/.vestibule/sign-in?idp=guests&amp;return=/page%3Fa%3D1\">Guests</a>"));
    assert!(browser.cookies.is_empty(), "nothing has begun yet");
}

#[test]
fn each_choice_leads_to_its_own_identity_provider_and_back() {
    for (name, sso, issuer) in [
        ("staff", "https://idp.example/sso?", "https://idp.example/"),
        ("guests", "https://other.example/sso?", OTHER),
    ] {
        let site = site();
        let mut browser = site.browser();
        let reply = browser.get(&format!("/.vestibule/sign-in?idp={name}&return=/page")).unwrap();
        assert!(header(&reply, "location").unwrap().starts_with(sso));
        let (id, state) = begun(&reply);
        let reply = browser.answer(&answer(&id, issuer, site.host.time.get()).encoded(), Some(&state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/page"), "{}", text(&reply));
        assert!(browser.has_session());
    }
}

#[test]
fn the_answer_of_another_identity_provider_than_the_chosen_one_is_refused() {
    for (name, issuer) in [("staff", OTHER), ("guests", "https://idp.example/")] {
        for relay_state in [true, false] {
            let site = site();
            let mut browser = site.browser();
            let (id, state) = begin(&mut browser, name);
            let response = answer(&id, issuer, site.host.time.get()).encoded();
            let reply = browser.answer(&response, relay_state.then_some(state.as_str()));
            assert_eq!(reply.status, 403);
            assert!(!browser.has_session());
        }
    }
}

#[test]
fn two_tabs_at_two_identity_providers_are_two_logins_and_do_not_mix() {
    let site = site();
    let mut browser = site.browser();
    let (staff, guests) = (begin(&mut browser, "staff"), begin(&mut browser, "guests"));
    let now = site.host.time.get();
    // Crosswise: the answer of the one to the request of the other, with either relay state and with none.
    for state in [Some(staff.1.as_str()), Some(guests.1.as_str()), None] {
        assert_eq!(browser.answer(&answer(&staff.0, OTHER, now).encoded(), state).status, 403);
        assert_eq!(browser.answer(&answer(&guests.0, provider::ISSUER, now).encoded(), state).status, 403);
    }
    assert!(!browser.has_session());
    // Without a relay state the right answer is found all the same.
    assert_eq!(browser.answer(&answer(&guests.0, OTHER, now).encoded(), None).status, 303);
    assert_eq!(
        browser.answer(&answer(&staff.0, provider::ISSUER, now).encoded(), Some(&staff.1)).status,
        303
    );
}

#[test]
fn an_unknown_name_leads_to_the_choice_and_a_passive_attempt_back() {
    let site = site();
    let mut browser = site.browser();
    assert_eq!(browser.get("/.vestibule/sign-in?idp=nobody&return=/page").unwrap().status, 200);
    let passive = browser.get("/.vestibule/sign-in?passive=1&return=/page").unwrap();
    assert_eq!((passive.status, header(&passive, "location")), (302, Some("/page")));
    let fresh = text(&browser.get("/.vestibule/sign-in?fresh=1&return=/page").unwrap());
    assert!(fresh.contains("href=\"/.vestibule/sign-in?fresh=1&amp;idp=staff&amp;return=/page\""));
}

#[test]
fn signing_out_leads_to_the_identity_provider_that_signed_in_where_it_has_an_address() {
    for (name, issuer, leaves) in [("staff", provider::ISSUER, true), ("guests", OTHER, false)] {
        let site = site();
        let mut browser = site.browser();
        let (id, state) = begin(&mut browser, name);
        assert_eq!(
            browser.answer(&answer(&id, issuer, site.host.time.get()).encoded(), Some(&state)).status,
            303
        );
        let reply = browser.post_to("/.vestibule/sign-out");
        let to = header(&reply, "location").unwrap_or_default();
        assert_eq!(to.starts_with("https://idp.example/slo?"), leaves, "{name}: {to}");
        assert!(!browser.has_session());
    }
}

#[test]
fn one_identity_provider_ends_no_session_of_anothers_people() {
    let site = site();
    let mut browser = site.browser();
    let (id, state) = begin(&mut browser, "guests");
    let response = answer(&id, OTHER, site.host.time.get());
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
    // The same name and index, but said by the other.
    let message = Logout::of("ada@n.example", &[&response.id]).query("");
    assert_eq!(
        browser.get(&format!("{}?{message}", single_logout::SLO_PATH)).map(|reply| reply.status),
        Some(303)
    );
    assert!(browser.has_session());
}

/// Somebody of this name with a session at the identity provider of this name.
fn signed_in<'s>(site: &'s Site, (name, issuer): (&str, &str), person: &str) -> Browser<'s> {
    let mut browser = site.browser();
    let (id, state) = begin(&mut browser, name);
    let response = Response { name: person.to_owned(), ..answer(&id, issuer, site.host.time.get()) };
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
    browser
}

#[test]
fn a_logout_of_all_sessions_of_somebody_is_of_those_at_its_own_identity_provider() {
    let many: Vec<String> = (0..17).map(|at| format!("_{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    // More indexes than are looked at mean all as well.
    for indexes in [&[][..], &many] {
        let site = site();
        let mut ours = signed_in(&site, ("staff", "https://idp.example/"), "ada@n.example");
        let mut theirs = signed_in(&site, ("guests", OTHER), "Ada@n.example");
        let mut bobs = signed_in(&site, ("guests", OTHER), "bob@n.example");
        let mut late = site.browser();
        let (id, state) = begin(&mut late, "staff");
        let mut too_late = site.browser();
        let (their_id, their_state) = begin(&mut too_late, "guests");
        site.host.time.set(site.host.time.get() + 1);
        let now = site.host.time.get();
        let message = Logout { issuer: OTHER.to_owned(), now, ..Logout::of("ADA@n.example", indexes) };
        let reply =
            site.browser().get(&format!("{}?{}", single_logout::SLO_PATH, message.query(""))).unwrap();
        assert_eq!(reply.status, 200, "it has no address for an answer");
        assert!(ours.has_session(), "of the other identity provider");
        assert!(!theirs.has_session() && bobs.has_session());
        site.host.time.set(now + 1000);
        let response = answer(&id, "https://idp.example/", now + 1000).encoded();
        assert_eq!(late.answer(&response, Some(&state)).status, 303, "a login that was begun before");
        let response = answer(&their_id, OTHER, now + 1000).encoded();
        assert_eq!(too_late.answer(&response, Some(&their_state)).status, 403);
        assert!(
            signed_in(&site, ("guests", OTHER), "ada@n.example").has_session(),
            "signing in anew is possible"
        );
    }
}

/// The configuration of [`two`] without one of its identity providers, or without sign-outs that come from there.
fn without(line: &str) -> String {
    two("", "").lines().filter(|have| !have.contains(line)).map(|have| format!("{have}\n")).collect()
}

#[test]
fn what_an_identity_provider_ended_stays_ended_under_a_configuration_with_more_or_fewer_of_them() {
    let both = || two("", "");
    let (one, deaf) = (without("name: guests"), without("logout: {}"));
    for (before, after) in
        [(both(), one.clone()), (one.clone(), both()), (both(), deaf.clone()), (both(), both())]
    {
        for (ends, by_index) in [(true, true), (true, false), (false, false)] {
            let site = Site::of(&before);
            let mut ada = site.browser();
            let (id, state) = begin(&mut ada, "staff");
            let Response { id: index, .. } = answer(&id, provider::ISSUER, 0);
            let response = answer(&id, provider::ISSUER, site.host.time.get()).encoded();
            assert_eq!(ada.answer(&response, Some(&state)).status, 303);
            assert!(ada.has_session());
            let indexes: &[&str] = if by_index { &[&index] } else { &[] };
            if ends {
                let message = Logout::of("ada@n.example", indexes).query("");
                let path = format!("{}?{message}", single_logout::SLO_PATH);
                assert_eq!(site.browser().get(&path).unwrap().status, 303);
                assert!(!ada.has_session());
            }
            let cookies = ada.cookies;
            let Site { host, .. } = site;
            let Site { gateway, .. } = Site::of(&after);
            gateway.prepare(&host).unwrap();
            let site = Site { gateway, host };
            let mut ada = Browser { cookies, ..site.browser() };
            assert_eq!(ada.has_session(), !ends, "by index: {by_index}, from {before} to {after}");
        }
    }
}

#[test]
fn the_sessions_of_an_identity_provider_that_is_taken_out_of_the_configuration_are_over() {
    for both in [two("", ""), without("logout: {}")] {
        for (removed, has_session) in [("name: guests", true), ("name: staff", false)] {
            let site = Site::of(&both);
            let mut ada = signed_in(&site, ("staff", provider::ISSUER), "ada@n.example");
            assert!(ada.has_session());
            let cookies = ada.cookies;
            let Site { host, .. } = site;
            let rest: String =
                both.lines().filter(|have| !have.contains(removed)).map(|have| format!("{have}\n")).collect();
            let Site { gateway, .. } = Site::of(&rest);
            gateway.prepare(&host).unwrap();
            let site = Site { gateway, host };
            let mut ada = Browser { cookies, ..site.browser() };
            assert_eq!(ada.has_session(), has_session, "without {removed}: {both}");
        }
    }
}

#[test]
fn it_finds_somebody_by_every_name_by_which_they_are_recognised() {
    let site = site();
    let mut browser = site.browser();
    let (id, state) = begin(&mut browser, "guests");
    let email = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    let response = answer(&id, OTHER, site.host.time.get()).with(email, &["ada@other.example"]);
    assert_eq!(browser.answer(&response.encoded(), Some(&state)).status, 303);
    let message = Logout { issuer: OTHER.to_owned(), ..Logout::of("ada@other.example", &[]) };
    site.browser().get(&format!("{}?{}", single_logout::SLO_PATH, message.query(""))).unwrap();
    assert!(!browser.has_session());
}

#[test]
fn a_sign_in_that_begins_at_any_of_them_is_bounced_to_that_one() {
    for (issuer, sso) in [
        ("https://idp.example/", "https://idp.example/sso?SAMLRequest="),
        (OTHER, "https://other.example/sso?SAMLRequest="),
    ] {
        let site = Site::of(&two("      allow_unsolicited: bounce", ""));
        let mut browser = site.browser();
        let now = site.host.time.get();
        let response = Response { issuer: issuer.to_owned(), ..Response::unsolicited(now) };
        let reply = browser.answer(&response.encoded(), Some("/deep"));
        assert_eq!(reply.status, 302, "{}", site.said());
        assert!(header(&reply, "location").unwrap().starts_with(sso), "no choice is asked for");
        let (id, state) = begun(&reply);
        let reply = browser.answer(&answer(&id, issuer, now).encoded(), Some(&state));
        assert_eq!(header(&reply, "location"), Some("https://a.example/deep"));
        assert!(browser.has_session());
    }
}

#[test]
fn what_is_of_none_of_them_is_not_bounced_and_the_nearest_tells_why() {
    let site = Site::of(&two("      allow_unsolicited: bounce", ""));
    for (issuer, signed, code) in [
        ("https://stranger.example/", true, "issuer"),
        (OTHER, false, "unsigned"),
        ("https://idp.example/", false, "unsigned"),
    ] {
        let now = site.host.time.get();
        let response =
            Response { issuer: issuer.to_owned(), sign_assertion: signed, ..Response::unsolicited(now) };
        assert_eq!(site.browser().answer(&response.encoded(), None).status, 403);
        assert!(site.said().contains(&format!("code={code}")), "{issuer}: {}", site.said());
    }
}

#[test]
fn texts_and_languages_of_the_choice_follow_the_browser_and_the_operator() {
    let site = Site::of(&two("", "default_language: de, texts: {de: {\"choice.title\": \"Willkommen\"}}"));
    let html = text(&site.browser().get(CHOICE).unwrap());
    assert!(html.contains("<html lang=\"de\">") && html.contains("<h1>Willkommen</h1>"));
    assert!(html.contains("Mit Microsoft anmelden"));
}

fn refused(text: &str, said: &str) {
    let errors = Gateway::compile(text.as_bytes(), &|_| None).expect_err("must be refused");
    assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
}

#[test]
fn a_list_of_identity_providers_that_is_ambiguous_is_refused_with_a_remedy() {
    let good = two("", "");
    refused(
        &good.replace("name: guests", "name: staff"),
        "identity_providers[1]: `staff` names two identity providers; give each its own name",
    );
    refused(
        &good.replace(OTHER, "https://idp.example/"),
        "identity_providers[1]: the entity_id `https://idp.example/` is another's already; an issuer is one",
    );
    refused(
        &good.replace("logout: {}", "logout: {slo_url: \"https://idp.example/slo\"}"),
        "logout.slo_url: says for all identity providers where people sign out; write slo_url in each",
    );
    refused(
        &two("      identity_provider: {}", ""),
        "identity_providers: stands beside identity_provider; write one of the two",
    );
    refused(
        &two("      entra: {tenant_id: 3d0c5b7e-1111-4222-8333-944445555666}", ""),
        "saml.entra: stands beside identity_providers; write `entra` in each that is Entra",
    );
    refused(
        &good.replace("brand: microsoft", "brand: acme"),
        "`acme` is not a choice here; write one of none, microsoft",
    );
}

#[test]
fn what_is_wrong_with_pages_is_refused_with_a_remedy() {
    for (pages, said) in [
        (
            "texts: {de: {\"no_acces.title\": x}}",
            "tenants[0].pages.texts.de: `no_acces.title` is not a text; did you mean no_access.title",
        ),
        ("texts: {DE: {\"no_access.title\": x}}", "`DE` is not a language"),
        ("style: \"</style><script>\"", "tenants[0].pages.style: has `<`"),
        ("style: \"a{background:URL(//evil)}\"", "tenants[0].pages.style: has `<`"),
        (
            "support: \"javascript:alert(1)\"",
            "tenants[0].pages.support: `javascript:alert(1)` is not an address",
        ),
        ("default_language: fr", "there are no texts in `fr`"),
    ] {
        refused(&two("", pages), said);
    }
}
