//! Answers that come late, too late, or say nothing of what happened since they were asked for.

use std::time::Duration;

use super::*;
use vestibule::access::People;
use vestibule::crypto::{KeyRing, MasterKey};
use vestibule::gateway::{Call, Due, Exchange};

const ACTIVE: &str = r#"{"id":"u/1","active":true}"#;
const INACTIVE: &str = r#"{"id":"u/1","active":false}"#;

/// Another worker cannot say who was locked out.
fn cast_doubt(site: &Site) {
    let key = MasterKey::new("k1", b"0123456789abcdef0123456789abcdef").unwrap();
    let people = People::new(KeyRing::derive(&[key], "people").unwrap(), Duration::from_secs(86_400));
    people.cast_doubt(&site.host, "t").unwrap();
}

/// What the application is asked now; it has not answered.
fn due(site: &Site) -> Vec<(Due, Call)> {
    site.gateway.due(&site.host)
}

fn answers(site: &Site, id: &Due, status: u16, body: &str) {
    let answer = CallAnswer { status, headers: Headers::default(), body: body.as_bytes().to_vec() };
    site.gateway.answered(id, Some(&answer), &site.host);
}

fn path(call: &Call) -> String {
    call.headers.iter().find(|(name, _)| name == ":path").unwrap().1.clone()
}

fn code(site: &Site) -> String {
    site.host.told.borrow().get("code").cloned().unwrap_or_default()
}

/// A request waits, and doubt comes between the question and its answer.
fn doubted<'s>(browser: &Browser<'s>, answer: &str) -> (Exchange, Step) {
    let site = browser.site;
    later(site, 300);
    let (mut exchange, step) = browser.begins("/x");
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    doubted_again(site, answer);
    let step = exchange.on(Event::Woken, &site.host);
    (exchange, step)
}

fn doubted_again(site: &Site, answer: &str) {
    let asked = due(site);
    assert_eq!(asked.len(), 1);
    later(site, 1);
    cast_doubt(site);
    later(site, 1);
    answers(site, &asked[0].0, 200, answer);
}

#[test]
fn doubt_that_comes_while_the_application_is_asked_has_it_asked_again() {
    for (second, status) in [(ACTIVE, 200), (INACTIVE, 401)] {
        let site = site("");
        let (mut exchange, step) = doubted(&signed_in(&site), ACTIVE);
        assert!(matches!(step, Step::Wait(_)), "the answer is older than the doubt: {step:?}");
        assert_eq!(application(&site, |_| (200, second.to_owned())), [BY_ID]);
        let got = match exchange.on(Event::Woken, &site.host) {
            Step::Continue(_) => 200,
            Step::Answer(reply) => reply.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(got, status);
    }
}

#[test]
fn who_was_found_inactive_is_out_whatever_doubt_came_meanwhile() {
    let site = site("");
    let (_, step) = doubted(&signed_in(&site), INACTIVE);
    assert!(matches!(step, Step::Answer(reply) if reply.status == 401));
}

#[test]
fn a_question_that_was_under_way_when_doubt_came_does_not_settle_it() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 225);
    assert!(matches!(browser.begins("/x").1, Step::Continue(_)), "asked in the background");
    let asked = due(&site);
    later(&site, 1);
    cast_doubt(&site);
    later(&site, 1);
    let (mut exchange, step) = browser.begins_with_body("/x");
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert!(due(&site).is_empty(), "one question at a time");
    answers(&site, &asked[0].0, 200, ACTIVE);
    let step = exchange.on(Event::Woken, &site.host);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
    assert_eq!(application(&site, |_| (200, ACTIVE.to_owned())), [BY_ID]);
    assert!(matches!(exchange.on(Event::Woken, &site.host), Step::Continue(_)));
    assert_eq!(asks(&browser, |_| panic!("settled")), (200, vec![]));
}

#[test]
fn who_is_doubted_again_and_again_does_not_wait_for_ever() {
    let site = site("");
    let (mut exchange, mut step) = doubted(&signed_in(&site), ACTIVE);
    let mut waits = 1;
    while matches!(step, Step::Wait(_)) {
        waits += 1;
        doubted_again(&site, ACTIVE);
        step = exchange.on(Event::Woken, &site.host);
    }
    assert!(matches!(step, Step::Answer(reply) if reply.status == 503));
    assert_eq!((waits, code(&site).as_str()), (3, "recheck_restless"));
}

#[test]
fn who_has_waited_in_vain_does_not_wait_once_more_for_the_same_question() {
    for away in [false, true] {
        let site = site("");
        let browser = signed_in(&site);
        later(&site, 300);
        let (mut exchange, step) = browser.begins("/x");
        let Step::Wait(wait) = step else { panic!("{step:?}") };
        let asked = due(&site);
        cast_doubt(&site);
        if away {
            site.gateway.answered(&asked[0].0, None, &site.host);
        } else {
            site.host.time.set(wait.end().0);
        }
        let step = exchange.on(Event::Woken, &site.host);
        assert!(matches!(step, Step::Answer(reply) if reply.status == 401), "{away}");
    }
}

/// A tenant whose application does not filter, and gives its accounts one by one.
fn listed() -> Site {
    let text = tenant("credential: {bearer: {value: ours}}", "");
    Site::of(
        &text.replace(
            "      application:",
            "      abilities: {filter: {local: {page: 1}}}\n      application:",
        ),
    )
}

#[test]
fn a_question_of_many_calls_goes_on_as_long_as_each_is_answered() {
    const ENTRIES: usize = 20;
    let site = listed();
    let browser = signed_in(&site);
    later(&site, 300);
    let mut asked = Vec::new();
    loop {
        let (_, step) = browser.begins("/x");
        if matches!(step, Step::Continue(_)) {
            break;
        }
        let calls = due(&site);
        assert_eq!(calls.len(), 1, "{asked:?}");
        asked.push(path(&calls[0].1));
        assert!(asked.len() < 2 * ENTRIES, "it begins again and again: {asked:?}");
        later(&site, 4);
        if asked.len() == 1 {
            answers(&site, &calls[0].0, 404, "");
            continue;
        }
        let name = if asked.len() > ENTRIES { "oid-1" } else { "another" };
        let id = if asked.len() > ENTRIES { "u/1".to_owned() } else { format!("o{}", asked.len()) };
        let body = format!(
            r#"{{"totalResults":{ENTRIES},"Resources":[{{"id":"{id}","externalId":"{name}","active":true}}]}}"#
        );
        answers(&site, &calls[0].0, 200, &body);
    }
    assert_eq!(asked.len(), ENTRIES + 1);
    assert_eq!(asked.iter().filter(|path| *path == BY_ID).count(), 1);
}

#[test]
fn a_call_that_is_never_answered_gives_its_place_back() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 300);
    for round in 0..40 {
        assert!(matches!(browser.begins("/x").1, Step::Wait(_)));
        assert_eq!(due(&site).len(), 1, "{round}");
        later(&site, 41);
    }
    assert_eq!(asks(&browser, |_| (200, ACTIVE.to_owned())).0, 200);
}

#[test]
fn a_clock_that_is_set_back_costs_no_place() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 600);
    for round in 0..40 {
        assert!(matches!(browser.begins("/x").1, Step::Wait(_)));
        assert_eq!(due(&site).len(), 1, "{round}");
        site.host.time.set(site.host.time.get() - 1000);
    }
}

#[test]
fn the_answer_to_a_call_that_was_given_up_is_none_to_the_one_that_took_its_place() {
    let site = site("");
    let browser = signed_in(&site);
    later(&site, 300);
    assert!(matches!(browser.begins("/x").1, Step::Wait(_)));
    let lost = due(&site);
    later(&site, 41);
    let (mut exchange, step) = browser.begins("/x");
    assert!(matches!(step, Step::Wait(_)));
    answers(&site, &lost[0].0, 200, INACTIVE);
    assert_eq!(application(&site, |_| (200, ACTIVE.to_owned())), [BY_ID]);
    assert!(matches!(exchange.on(Event::Woken, &site.host), Step::Continue(_)));
}

#[test]
fn an_answer_that_is_not_understood_is_told_from_none_at_all() {
    for (status, said) in [(200, "account_unclear"), (503, "recheck_unreachable"), (0, "recheck_unreachable")]
    {
        let site = site("  recheck: {unreachable: refuse}\n");
        let (reply, _) = sign_in(&mut site.browser(), |_| (status, "<html>".to_owned()));
        assert_eq!((reply.status, code(&site).as_str()), (503, said), "{status}");
    }
}

#[test]
fn where_there_is_nothing_to_ask_by_it_does_not_say_that_the_application_is_away() {
    let site = site("  recheck: {match: [{attribute: externalId, claim: nothing}]}\n");
    let mut browser = site.browser();
    let (reply, asked) = sign_in(&mut browser, |_| panic!("there is nothing to ask by"));
    assert_eq!((reply.status, asked), (303, vec![]));
    later(&site, 600);
    assert_eq!(asks(&browser, |_| panic!("there is nothing to ask by")), (503, vec![]));
    assert_eq!(code(&site), "account_unclear");
}
