//! Answers that come late, too late, or say nothing of what happened since they were asked for.

use super::*;
use vestibule::gateway::{Call, Due};

const ACTIVE: &str = r#"{"id":"u/1","active":true}"#;
const INACTIVE: &str = r#"{"id":"u/1","active":false}"#;

/// What the application is asked now; it has not answered.
fn due(site: &Site) -> Vec<(Due, Call)> {
    site.gateway.due(UnixMillis(site.host.time.get()))
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
