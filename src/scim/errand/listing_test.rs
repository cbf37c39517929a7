//! Filters that are evaluated here, for each way in which an application may give its list.

use serde_json::{Value, json};

use super::super::ability::Filtering;
use super::super::request::{Incoming, Normalised, normalise};
use super::super::response::{Upstream, repair};
use super::super::rule::Settings;
use super::trial::{Said, able, errand, is_forwarded, said, story};
use super::{Answered, Ended, ErrandStep, Work};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn local(page: u64, most_entries: u64) -> Settings {
    able(|abilities| abilities.filter = Filtering::Local { page, most_entries })
}

fn user(n: u64) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": format!("u-{n}"), "userName": format!("User{n}@n.example"),
        "active": n % 2 == 0, "title": "Clerk"})
}

fn users(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(user).collect()
}

fn list(total: u64, entries: &[Value]) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total, "Resources": entries})
}

/// The page of an application that does as the RFC says.
fn page_of(all: &[Value], path: &str) -> Said {
    let number = |name: &str| -> usize {
        let query = path.split_once('?').unwrap().1;
        query.split('&').find_map(|part| part.strip_prefix(name)).unwrap().parse().unwrap()
    };
    let start = number("startIndex=") - 1;
    let end = (start + number("count=")).min(all.len());
    said(200, list(all.len() as u64, all.get(start..end).unwrap_or_default()))
}

/// What the client gets of an application that gives `answer` for each path; the paths; most entries kept at once.
fn asked(
    path: &str,
    settings: &Settings,
    answer: &mut dyn FnMut(&str) -> Said,
) -> (Result<Value, String>, Vec<String>, usize) {
    let planned = errand("GET", path, &Value::Null, settings);
    assert_eq!(planned.exclusive(), None);
    let shape = planned.shape;
    let (mut call, mut errand) = (planned.first, planned.errand);
    let (mut paths, mut most) = (Vec::new(), 0);
    loop {
        paths.push(call.path.clone());
        let (status, _, body) = answer(&call.path);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        match errand.answered(&Answered { status, body: &body, ..Answered::default() }, settings) {
            ErrandStep::Call(next, work) => {
                (call, errand) = (next, *work);
                if let Work::Listing(listing) = &errand.0 {
                    most = most.max(listing.kept());
                }
            }
            ErrandStep::Done(Ended::Made { status, body, .. }) => {
                // What is made here is left as it is by the rules of responses.
                let upstream = Upstream { status, content_type: None, location: None, body: &body };
                let repaired = repair(&shape, &upstream, settings);
                assert_eq!((status, repaired.status), (200, 200));
                let body = serde_json::from_slice(&repaired.body.unwrap_or(body)).unwrap();
                return (Ok(body), paths, most);
            }
            ErrandStep::Done(ended) => return (Err(format!("{ended:?}")), paths, most),
        }
    }
}

/// Total and identifiers.
fn found(list: &Value) -> (u64, Vec<&str>) {
    let ids = list["Resources"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap());
    (list["totalResults"].as_u64().unwrap(), ids.collect())
}

const BY_NAME: &str = "/Users?filter=userName+eq+%22USER7%40n.example%22";

#[test]
fn the_filter_is_evaluated_over_every_page() {
    let all = users(0..10);
    let (got, paths, _) = asked(BY_NAME, &local(4, 100), &mut |path| page_of(&all, path));
    assert_eq!(found(&got.unwrap()), (1, vec!["u-7"]));
    assert_eq!(
        paths,
        ["/Users?startIndex=1&count=4", "/Users?startIndex=5&count=4", "/Users?startIndex=9&count=4"]
    );
    let nobody = "/Users?filter=userName+eq+%22nobody%22";
    let (got, _, _) = asked(nobody, &local(4, 100), &mut |path| page_of(&all, path));
    let got = got.unwrap();
    assert_eq!(
        (got["totalResults"].as_u64(), got["itemsPerPage"].as_u64(), &got["Resources"]),
        (Some(0), Some(0), &json!([]))
    );
    let (got, paths, _) = asked(nobody, &local(4, 100), &mut |path| page_of(&[], path));
    assert_eq!((found(&got.unwrap()), paths.len()), ((0, vec![]), 1));
}

#[test]
fn the_client_pages_the_matches() {
    let all = users(0..20);
    let ids = |query: &str| {
        let path = format!("/Users?filter=active+eq+true{query}");
        let got = asked(&path, &local(6, 100), &mut |path| page_of(&all, path)).0.unwrap();
        let (total, ids) = found(&got);
        assert_eq!(got["itemsPerPage"].as_u64(), Some(ids.len() as u64));
        (total, got["startIndex"].as_u64().unwrap(), ids.join(" "))
    };
    assert_eq!(ids("&startIndex=3&count=2"), (10, 3, "u-4 u-6".into()));
    assert_eq!(ids("&startIndex=0&count=1"), (10, 1, "u-0".into()));
    assert_eq!(ids("&startIndex=10"), (10, 10, "u-18".into()));
    assert_eq!(ids("&startIndex=11"), (10, 11, String::new()));
    assert_eq!(ids("&count=0"), (10, 1, String::new()));
    assert_eq!(ids("&count=-1"), (10, 1, String::new()));
    assert_eq!(
        ids(""),
        (10, 1, "u-0 u-2 u-4 u-6 u-8 u-10".into()),
        "as many as a page where the client does not say"
    );
}

#[test]
fn what_the_filter_looks_at_is_asked_for_and_given_only_where_it_was_wanted() {
    let first =
        |query: &str| errand("GET", &format!("/Users?{query}"), &Value::Null, &local(5, 100)).first.path;
    let by_mail = "filter=emails%5Btype+eq+%22work%22+and+value+eq+%22a%22%5D";
    assert_eq!(
        first(&format!("{by_mail}&attributes=id,title")),
        "/Users?attributes=id,title,emails&startIndex=1&count=5"
    );
    assert_eq!(
        first(&format!("{by_mail}&attributes=Emails")),
        "/Users?attributes=Emails&startIndex=1&count=5"
    );
    assert_eq!(
        first(&format!("{by_mail}&excludedAttributes=emails.value,title&sortBy=id")),
        "/Users?sortBy=id&excludedAttributes=title&startIndex=1&count=5"
    );
    assert_eq!(first(&format!("{by_mail}&excludedAttributes=emails")), "/Users?startIndex=1&count=5");

    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let entry = json!({"schemas": [enterprise], "id": "u-1", "meta": {"version": "1"}, "title": "t", "userName": "a",
        "emails": [{"type": "work", "value": "a"}], enterprise: {"department": "d", "manager": {"value": "m", "displayName": "M"}}});
    let get = |query: &str| {
        let path = format!("/Users?{by_mail}&{query}");
        let got = asked(&path, &local(5, 100), &mut |_| said(200, list(1, std::slice::from_ref(&entry))))
            .0
            .unwrap();
        let mut entry = got["Resources"][0].clone();
        for always in ["schemas", "id"] {
            assert!(entry.as_object_mut().unwrap().shift_remove(always).is_some(), "{query}");
        }
        entry
    };
    assert_eq!(get("attributes=title"), json!({"title": "t"}));
    assert_eq!(get("attributes=emails.type"), json!({"emails": [{"type": "work"}]}));
    assert_eq!(get("attributes=emails,title")["emails"], entry["emails"]);
    assert_eq!(
        get(&format!("attributes={enterprise}:manager.value")),
        json!({enterprise: {"manager": {"value": "m"}}})
    );
    assert_eq!(get(&format!("attributes={enterprise}")), json!({enterprise: entry[enterprise]}));
    assert_eq!(get("excludedAttributes=emails,id").get("emails"), None);
    assert_eq!(get("excludedAttributes=emails.value")["emails"], json!([{"type": "work"}]));
}

#[test]
fn an_application_that_gives_everything_at_once_is_taken_at_its_word() {
    let all = users(0..10);
    let (got, paths, _) = asked(BY_NAME, &local(4, 100), &mut |_| said(200, list(10, &all)));
    assert_eq!((found(&got.unwrap()), paths.len()), ((1, vec!["u-7"]), 1));
}

#[test]
fn a_full_page_that_is_said_to_be_all_is_checked_once() {
    let all = users(0..4);
    let first = || said(200, list(4, &users(0..4)));
    let error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"});
    for second in [
        page_of(&all, "?startIndex=5&count=4"),
        first(),
        said(404, error.clone()),
        said(400, error),
        said(200, list(0, &[])),
    ] {
        let mut answers = [first(), second].into_iter();
        let (got, paths, _) = asked(BY_NAME, &local(4, 100), &mut |_| answers.next().unwrap());
        assert_eq!((found(&got.unwrap()), paths.len()), ((0, vec![]), 2));
    }
    // An application that counts the entries of the page.
    let mut answers = [first(), said(200, list(4, &users(4..8)))].into_iter();
    let (got, _, _) = asked(BY_NAME, &local(4, 100), &mut |_| answers.next().unwrap());
    assert_eq!(got, Err("Refused scim_upstream NotApplied".into()));
}

#[test]
fn a_list_that_cannot_be_relied_on_is_an_error_and_never_an_empty_list() {
    let pages = |answers: Vec<Said>| {
        story(errand("GET", BY_NAME, &Value::Null, &local(4, 100)), &answers, &local(4, 100)).pop().unwrap()
    };
    let first = || said(200, list(10, &users(0..4)));
    let error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"});
    let no_id = json!({"userName": "x"});
    for bad in [
        said(0, Value::Null),
        said(204, Value::Null),
        said(404, error.clone()),
        said(404, json!("<html>")),
        said(302, Value::Null),
        said(200, json!("<html>")),
        said(200, error),
        said(200, json!({})),
        said(200, json!([user(1)])),
        said(200, json!({"Resources": users(4..8)})),
        said(200, list(10, &[])),
        said(200, list(10, &[no_id])),
        said(200, json!({"totalResults": 10, "Resources": {"a": 1}})),
        said(200, list(10, &[user(4), user(4)])),
        said(200, list(2, &users(4..8))),
    ] {
        for answers in [vec![bad.clone()], vec![first(), bad.clone()]] {
            assert_eq!(pages(answers), "Refused scim_upstream NotApplied", "{bad:?}");
        }
    }
    // The application's own words are passed on.
    for status in [400, 401, 403, 429, 500, 503] {
        for answers in [vec![said(status, json!({}))], vec![first(), said(status, json!({}))]] {
            assert_eq!(pages(answers), "Latest", "{status}");
        }
    }
    for second in [
        said(200, list(10, &users(0..4))),
        said(200, list(10, &users(3..7))),
        said(200, list(9, &users(4..8))),
        said(200, list(10, &users(4..18))),
    ] {
        assert_eq!(pages(vec![first(), second]), "Refused scim_upstream NotApplied");
    }
    // One more at the end changes nothing that was read.
    let grown = vec![first(), said(200, list(11, &users(4..8))), said(200, list(11, &users(8..11)))];
    assert!(pages(grown).starts_with("made 200"));
}

#[test]
fn too_many_entries_are_refused_at_once() {
    let all = users(0..11);
    let (got, paths, _) = asked(BY_NAME, &local(4, 10), &mut |path| page_of(&all, path));
    assert_eq!((got, paths.len()), (Err("Refused scim_too_many NotApplied".into()), 1));
    let (got, _, _) = asked(BY_NAME, &local(4, 11), &mut |path| page_of(&all, path));
    assert_eq!(found(&got.unwrap()), (1, vec!["u-7"]));
    let mut next = 0u64..;
    let (got, paths, _) =
        asked(BY_NAME, &local(100, 1200), &mut |_| said(200, list(1200, &[user(next.next().unwrap())])));
    assert_eq!((got, paths.len()), (Err("Refused scim_too_many NotApplied".into()), 130));
}

#[test]
fn a_comparison_without_meaning_is_refused() {
    let path = "/Users?filter=active+gt+true";
    let (got, _, _) = asked(path, &local(4, 10), &mut |path| page_of(&[], path));
    assert_eq!(got, Err("Refused scim_filter NotApplied".into()));
}

#[test]
fn only_filtered_lists_of_users_and_groups_are_made_here() {
    let settings = local(4, 10);
    for path in ["/Users", "/Users?startIndex=2", "/Users/u-1", "/Devices?filter=id+eq+%22a%22", "/Schemas"] {
        assert!(is_forwarded("GET", path, &Value::Null, &settings), "{path}");
    }
    assert!(is_forwarded("HEAD", BY_NAME, &Value::Null, &settings));
    assert!(is_forwarded("GET", BY_NAME, &Value::Null, &Settings::default()));
    let groups = "/Groups?excludedAttributes=members&filter=displayName+eq+%22Audit%22";
    assert_eq!(
        errand("GET", groups, &Value::Null, &settings).first.path,
        "/Groups?excludedAttributes=members&startIndex=1&count=4"
    );
}

#[test]
fn twenty_thousand_entries_pass_and_few_stay() {
    let total = 20_000u64;
    let mut kept_at_most = 0;
    let mut answer = |path: &str| {
        let number = |name: &str| {
            path.split(['?', '&']).find_map(|part| part.strip_prefix(name)).unwrap().parse::<u64>().unwrap()
        };
        let start = number("startIndex=");
        said(200, list(total, &users(start - 1..(start - 1 + number("count=")).min(total))))
    };
    for (path, want) in [
        ("/Users?filter=userName+eq+%22user19999%40n.example%22", 1),
        ("/Users?filter=title+pr&count=100000", 20_000),
    ] {
        let (got, paths, most) = asked(path, &local(200, total), &mut answer);
        assert_eq!((found(&got.unwrap()).0, paths.len()), (want, 100), "{path}");
        kept_at_most = kept_at_most.max(most);
    }
    assert!(kept_at_most <= 1000, "{kept_at_most}");
}

/// The same entries through a server that filters, for the wire form of the answer.
#[test]
fn the_answer_has_the_form_of_a_list() {
    let (got, _, _) =
        asked("/Users?filter=id+eq+%22u-3%22&startIndex=1&count=1", &local(10, 100), &mut |path| {
            page_of(&users(0..5), path)
        });
    let incoming = Incoming {
        method: "GET",
        path: "/Users?filter=id+eq+%22u-3%22",
        accept: None,
        content_type: None,
        content_encoding: None,
        body: None,
    };
    let Ok(Normalised::Forward(outgoing)) = normalise(&incoming, &Settings::default()) else {
        panic!("not forwarded")
    };
    let body = got.unwrap().to_string();
    let upstream = Upstream {
        status: 200,
        content_type: Some(super::super::MEDIA_TYPE),
        location: None,
        body: body.as_bytes(),
    };
    assert_eq!(repair(&outgoing.shape, &upstream, &Settings::default()).applied, []);
}
