//! When documents are fetched, kept and waited for.

use super::*;
use crate::common::Headers;
use crate::common::test_host::TestHost;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const START: u64 = 1_800_000_000_000;
const KEYS: &str = include_str!("../../../tests/vectors/scim/jwt/keys.json");

fn source(path: &str) -> Source {
    Source {
        kind: Kind::Keys,
        cluster: "keys".into(),
        access: Access::Open,
        authority: "keys.example".into(),
        path: path.into(),
        timeout_ms: 5000,
        max_size: 100_000,
        refresh: Duration::from_secs(3600),
    }
}

fn one() -> (Documents, DocumentId) {
    let mut documents = Documents::default();
    let id = documents.add(source("/keys"));
    (documents, id)
}

fn good() -> CallAnswer {
    CallAnswer { status: 200, headers: Headers::default(), body: KEYS.as_bytes().to_vec() }
}

fn bad(status: u16) -> CallAnswer {
    CallAnswer { status, headers: Headers::default(), body: b"{\"keys\":[]}".to_vec() }
}

fn due(documents: &Documents, host: &TestHost) -> usize {
    documents.due(host).len()
}

fn later(host: &TestHost, seconds: u64) {
    host.time.set(host.time.get() + seconds * 1000);
}

/// How long it is until the next attempt, in milliseconds.
fn pause(documents: &Documents, host: &TestHost) -> u64 {
    documents.next_due().unwrap().0 - host.now().0
}

/// Whether the pauses are these, in seconds, or up to a tenth less.
fn are_about(pauses: &[u64], seconds: &[u64]) -> bool {
    let mut both = pauses.iter().zip(seconds);
    pauses.len() == seconds.len()
        && both.all(|(pause, seconds)| (seconds * 900..=seconds * 1000).contains(pause))
}

fn failed(host: &TestHost) -> u64 {
    host.counts.borrow().get("vestibule.document.failed").copied().unwrap_or_default()
}

#[test]
fn a_document_is_fetched_at_once_and_then_about_every_hour() {
    let (documents, id) = one();
    let host = TestHost::at(START);
    let calls = documents.due(&host);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].1.headers[1], (":path".to_owned(), "/keys".to_owned()));
    assert!(documents.keys(id).is_none() && documents.is_coming(id));
    host.time.set(START + 40);
    documents.answered(id, Some(&good()), &host);
    assert_eq!(*host.recorded.borrow(), [("vestibule.document.duration_ms".to_owned(), 40)]);
    assert!(documents.keys(id).is_some() && !documents.is_coming(id));
    assert_eq!(due(&documents, &host), 0);
    let next = documents.next_due().unwrap().0 - START - 40;
    assert!((3_240_000..=3_600_000).contains(&next), "{next}");
    later(&host, 3600);
    assert_eq!(due(&documents, &host), 1);
    assert_eq!(host.counts.borrow()["vestibule.document.fetched"], 1);
}

#[test]
fn a_document_that_an_application_does_not_have_is_no_failure_and_is_not_asked_for_all_the_time() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
    for status in [400, 404, 405, 501] {
        documents.need(id, None);
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, Some(&bad(status)), &host);
        assert!(documents.schemas(id).is_none() && !documents.is_untried(id));
        later(&host, 600);
        documents.need(id, None);
        assert_eq!(due(&documents, &host), 0);
        later(&host, 3600);
    }
    assert!(!host.counts.borrow().contains_key("vestibule.document.failed"));
    for status in [401, 403, 429, 500] {
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, Some(&bad(status)), &host);
        later(&host, 60);
        documents.need(id, None);
    }
    assert_eq!(host.counts.borrow()["vestibule.document.failed"], 4);
}

#[test]
fn what_requests_alone_need_is_read_for_them_and_not_again_while_there_are_none() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
    assert!(due(&documents, &host) == 0 && documents.next_due().is_none());
    assert!(documents.is_untried(id) && !documents.is_coming(id));
    documents.need(id, None);
    assert!(documents.take_newly_needed() && !documents.take_newly_needed());
    assert!(documents.is_coming(id), "whoever waits goes on waiting until it is asked for");
    assert_eq!(due(&documents, &host), 1);
    let answer = CallAnswer { body: br#"{"Resources":[]}"#.to_vec(), ..bad(200) };
    documents.answered(id, Some(&answer), &host);
    assert!(documents.schemas(id).is_some() && !documents.is_untried(id) && !documents.is_coming(id));
    later(&host, 7200);
    assert!(due(&documents, &host) == 0 && documents.next_due().is_none());
    documents.need(id, None);
    assert!(documents.take_newly_needed() && !documents.is_coming(id), "the old one serves meanwhile");
    assert_eq!(due(&documents, &host), 1);
}

#[test]
fn an_attempt_that_came_to_nothing_keeps_nobody_waiting() {
    let host = TestHost::at(START);
    let end = |how: &dyn Fn(&Documents, DocumentId)| {
        let mut documents = Documents::default();
        let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
        documents.need(id, None);
        assert_eq!(due(&documents, &host), 1);
        how(&documents, id);
        assert!(!documents.is_untried(id) && !documents.is_coming(id));
        documents.need(id, None);
        assert!(!documents.is_coming(id), "nor the next request");
    };
    end(&|documents, id| documents.answered(id, None, &host));
    end(&|documents, id| documents.answered(id, Some(&bad(503)), &host));
    end(&|documents, id| documents.not_sent(id, &host));
    end(&|documents, _| {
        later(&host, 10);
        assert_eq!(due(documents, &host), 0, "it is never answered");
    });
}

#[test]
fn a_source_that_asks_for_a_credential_gets_it() {
    let own = Source { access: Access::Own(Secret::from("Bearer s")), ..source("/Schemas") };
    assert!(own.call(None).headers.contains(&("authorization".into(), "Bearer s".into())));
    assert!(!format!("{own:?}").contains("Bearer"));
}

#[test]
fn a_credential_is_lent_to_its_own_tenants_source_alone_and_not_kept() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    let mut lent = |tenant: &str| {
        let access = Access::Lent(tenant.into());
        documents.add(Source { kind: Kind::Schemas, access, ..source("/Schemas") })
    };
    let (a, b) = (lent("a"), lent("b"));
    let open = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
    assert!(a != b);
    documents.need(a, Some(&Secret::from("Bearer of-a")));
    documents.need(b, None);
    documents.need(open, Some(&Secret::from("Bearer of-c")));
    let credentials = |documents: &Documents| -> Vec<Option<String>> {
        let calls = documents.due(&host);
        let of = |call: &Call| call.headers.iter().find(|(name, _)| name == "authorization").cloned();
        calls.iter().map(|(_, call)| of(call).map(|(_, value)| value)).collect()
    };
    assert_eq!(credentials(&documents), [Some("Bearer of-a".into()), None, None]);
    documents.answered(a, Some(&bad(404)), &host);
    later(&host, 3600);
    documents.need(a, None);
    assert!(credentials(&documents).contains(&None));
    assert!(!format!("{documents:?}").contains("of-a"));
}

#[test]
fn what_was_good_is_kept_whatever_comes_after() {
    let (documents, id) = one();
    let host = TestHost::at(START);
    due(&documents, &host);
    documents.answered(id, Some(&good()), &host);
    for answer in [None, Some(bad(200)), Some(bad(500)), Some(bad(404))] {
        later(&host, 3600);
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, answer.as_ref(), &host);
        assert!(documents.keys(id).is_some());
    }
    assert_eq!(host.counts.borrow()["vestibule.document.failed"], 4);
}

#[test]
fn nobody_makes_us_fetch_more_than_once_a_minute() {
    let (documents, id) = one();
    let host = TestHost::at(START);
    due(&documents, &host);
    assert_eq!(documents.wish(id, host.now()), Wish::Coming, "it is on its way");
    documents.answered(id, Some(&good()), &host);
    later(&host, 59);
    assert_eq!(documents.wish(id, host.now()), Wish::NotBefore(UnixMillis(START + 60_000)));
    assert_eq!(due(&documents, &host), 0);
    later(&host, 1);
    for _ in 0..3 {
        assert_eq!(documents.wish(id, host.now()), Wish::Coming);
    }
    assert_eq!(due(&documents, &host), 1);
    assert_eq!(due(&documents, &host), 0);
    documents.answered(id, Some(&bad(503)), &host);
    later(&host, 30);
    assert!(matches!(documents.wish(id, host.now()), Wish::Failed(_)), "a failed fetch counts too");
    assert_eq!(due(&documents, &host), 0);
    later(&host, 30);
    assert_eq!(due(&documents, &host), 1, "and is made up for");
}

#[test]
fn a_call_that_could_not_be_made_is_no_fetch_and_is_waited_for_where_the_next_is_soon() {
    for kept in [false, true] {
        let (documents, id) = one();
        let host = TestHost::at(START);
        if kept {
            assert_eq!(due(&documents, &host), 1);
            documents.answered(id, Some(&good()), &host);
            later(&host, 3600);
        }
        let mut pauses = Vec::new();
        for round in 0..8 {
            assert_eq!(due(&documents, &host), 1);
            documents.not_sent(id, &host);
            let next = documents.next_due().unwrap();
            // Within the patience of whoever needs it; beyond it they are told at once, and do not wait in vain.
            let answer = if round < 3 { Wish::Coming } else { Wish::Failed(next) };
            assert_eq!(documents.wish(id, host.now()), answer, "{kept} {round}");
            assert_eq!(documents.is_coming(id), round < 3);
            assert_eq!(due(&documents, &host), 0);
            assert_eq!(documents.next_due(), Some(next), "a stranger changes nothing");
            pauses.push(pause(&documents, &host));
            host.time.set(next.0);
        }
        assert!(are_about(&pauses, &[1, 2, 4, 8, 16, 32, 60, 60]), "{pauses:?}");
    }
}

#[test]
fn workers_that_fail_together_do_not_all_try_again_together() {
    let host = TestHost::at(START);
    let mut next: Vec<_> = (0..20)
        .map(|_| {
            let (documents, id) = one();
            due(&documents, &host);
            documents.answered(id, None, &host);
            pause(&documents, &host)
        })
        .collect();
    assert!(next.iter().all(|pause| (900..=1000).contains(pause)), "{next:?}");
    next.sort_unstable();
    next.dedup();
    assert!(next.len() > 5, "{next:?}");
}

#[test]
fn a_pause_grows_with_the_failures_before_it_and_with_no_others() {
    let host = TestHost::at(START);
    let (documents, id) = one();
    due(&documents, &host);
    documents.answered(id, Some(&good()), &host);
    for _ in 0..6 {
        later(&host, 3600);
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, Some(&bad(503)), &host);
    }
    for cluster_is_back in [bad(503), good()] {
        later(&host, 3600);
        let mut pauses = Vec::new();
        for _ in 0..3 {
            assert_eq!(due(&documents, &host), 1);
            documents.not_sent(id, &host);
            pauses.push(pause(&documents, &host));
            later(&host, 60);
        }
        assert!(are_about(&pauses, &[1, 2, 4]), "{pauses:?}");
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, Some(&cluster_is_back), &host);
    }
}

#[test]
fn a_fetch_that_is_never_answered_is_given_up() {
    let (documents, id) = one();
    let host = TestHost::at(START);
    due(&documents, &host);
    later(&host, 9);
    assert!(due(&documents, &host) == 0 && documents.is_coming(id));
    assert_eq!((failed(&host), host.lines.borrow().len()), (0, 0));
    later(&host, 1);
    assert!(due(&documents, &host) == 0 && !documents.is_coming(id));
    assert_eq!(failed(&host), 1);
    let line = "event=document.failed code=not_answered cluster=keys path=/keys status=0 kept=false";
    assert_eq!(*host.lines.borrow(), [line]);
    later(&host, 1);
    assert_eq!(due(&documents, &host), 1);
}

#[test]
fn what_was_never_had_is_tried_again_soon_by_the_clock_and_by_nobody_else() {
    let (documents, id) = one();
    let host = TestHost::at(START);
    let mut pauses = Vec::new();
    let answers = [None, Some(bad(503)), Some(bad(404)), None, Some(bad(500)), None, None, None];
    for (round, answer) in answers.into_iter().enumerate() {
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, answer.as_ref(), &host);
        let next = documents.next_due().unwrap();
        // Whoever comes shortly before the next attempt waits for it.
        let said = if round < 3 { Wish::Coming } else { Wish::Failed(next) };
        for _ in 0..3 {
            assert_eq!(documents.wish(id, host.now()), said, "{round}");
            assert_eq!(
                (due(&documents, &host), documents.next_due()),
                (0, Some(next)),
                "a stranger changes nothing"
            );
        }
        pauses.push(pause(&documents, &host));
        host.time.set(next.0);
    }
    assert!(are_about(&pauses, &[1, 2, 4, 8, 16, 32, 60, 60]), "{pauses:?}");
    assert_eq!(due(&documents, &host), 1);
    documents.answered(id, Some(&good()), &host);
    later(&host, 3600);
    assert_eq!(due(&documents, &host), 1);
    documents.answered(id, Some(&bad(503)), &host);
    assert_eq!(documents.next_due(), Some(host.now().after(BETWEEN)), "the old one serves meanwhile");
}

#[test]
fn sources_that_fail_keep_no_other_waiting() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    for number in 0..=MOST_AT_ONCE {
        documents.add(source(&format!("/{number}")));
    }
    let first = documents.due(&host);
    assert_eq!(first.len(), MOST_AT_ONCE);
    // All are due again by the time there is room.
    first.iter().for_each(|(id, _)| documents.answered(*id, None, &host));
    later(&host, 1);
    let second = documents.due(&host);
    assert_eq!(second.len(), MOST_AT_ONCE);
    assert_eq!(second[0].0, DocumentId(MOST_AT_ONCE), "the one that was never tried");
}

#[test]
fn sources_that_somebody_waits_for_keep_no_other_waiting_either() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    let all: Vec<_> = (0..=MOST_AT_ONCE).map(|number| documents.add(source(&format!("/{number}")))).collect();
    let answer_all = |calls: Vec<(DocumentId, Call)>| {
        calls.iter().for_each(|(id, _)| documents.answered(*id, Some(&good()), &host));
        calls.len()
    };
    while answer_all(documents.due(&host)) > 0 {}
    let (last, others) = all.split_last().unwrap();
    let wish = |id: &DocumentId| assert_eq!(documents.wish(*id, host.now()), Wish::Coming);
    later(&host, 61);
    others.iter().for_each(wish);
    assert_eq!(answer_all(documents.due(&host)), MOST_AT_ONCE);
    later(&host, 61);
    all.iter().for_each(wish);
    assert_eq!(documents.due(&host)[0].0, *last, "the one whose last turn is longest ago");
}

#[test]
fn a_source_without_a_cluster_keeps_no_other_waiting_either() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    for number in 0..=MOST_AT_ONCE {
        documents.add(source(&format!("/{number}")));
    }
    documents.due(&host).iter().for_each(|(id, _)| documents.not_sent(*id, &host));
    later(&host, 1);
    assert_eq!(documents.due(&host)[0].0, DocumentId(MOST_AT_ONCE), "the one that was never tried");
}

#[test]
fn the_operator_is_told_where_a_document_stands() {
    let mut documents = Documents::default();
    let host = TestHost::at(START);
    let id = documents.add(Source { kind: Kind::Schemas, ..source("/Schemas") });
    let schemas = CallAnswer { body: br#"{"Resources":[]}"#.to_vec(), ..bad(200) };
    let state = || documents.standing()[0]["state"].as_str().unwrap().to_owned();
    assert_eq!(state(), "awaited");
    for (answer, said) in [
        (bad(404), "absent"),
        (bad(500), "failed"),
        (bad(404), "absent"),
        (schemas, "good"),
        (bad(500), "old"),
    ] {
        documents.need(id, None);
        assert_eq!(due(&documents, &host), 1);
        documents.answered(id, Some(&answer), &host);
        assert_eq!(state(), said);
        later(&host, 3600);
    }
}

#[test]
fn one_source_is_one_document() {
    let mut documents = Documents::default();
    let first = documents.add(source("/a"));
    assert_ne!(first, documents.add(source("/b")));
    assert_eq!(first, documents.add(source("/a")));
}

#[test]
fn a_clock_that_was_set_back_puts_nothing_off_by_as_much() {
    let hour = 3_600_000;
    // Nobody could be asked, nobody answered, or the answer was bad.
    let ends: [fn(&Documents, DocumentId, &TestHost); 3] = [
        |documents, id, host| documents.not_sent(id, host),
        |_, _, _| (),
        |documents, id, host| documents.answered(id, Some(&bad(503)), host),
    ];
    for end in ends {
        let (documents, id) = one();
        let host = TestHost::at(START + hour);
        assert_eq!(due(&documents, &host), 1);
        end(&documents, id, &host);
        host.time.set(START);
        due(&documents, &host);
        later(&host, 60);
        let calls = (due(&documents, &host), later(&host, 60), due(&documents, &host));
        assert!(calls.0 + calls.2 >= 1, "within two minutes");
    }
    let (documents, id) = one();
    let host = TestHost::at(START + hour);
    due(&documents, &host);
    documents.answered(id, Some(&good()), &host);
    host.time.set(START);
    assert!(matches!(documents.wish(id, host.now()), Wish::NotBefore(moment) if moment.0 <= START + 60_000));
    assert!(documents.next_due().unwrap().0 <= START + hour);
}
