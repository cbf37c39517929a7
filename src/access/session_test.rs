//! Sessions in use: what is opened, what is renewed, what ends by itself, and what a planted cookie can do.

use std::rc::Rc;
use std::time::Duration;

use super::session::{OpenedSessions, SessionRings, SessionTimes};
use super::{Cookies, Session, SessionCookies};
use crate::common::test_host::TestHost;
use crate::common::{HeaderEdit, Headers, Host, Identity, UnixMillis};
use crate::crypto::{KeyRing, MasterKey};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const AT: &str = "a.example";
const HOUR: u64 = 3_600_000;
const BEGIN: u64 = 1_000 * HOUR;

fn keyed(keys: &[(&str, u8)], opened: &OpenedSessions) -> SessionCookies {
    let masters: Vec<MasterKey> =
        keys.iter().map(|(id, byte)| MasterKey::new(id, &[*byte; 32]).unwrap()).collect();
    let ring = |purpose| KeyRing::derive(&masters, purpose).unwrap();
    let rings = SessionRings { session: ring("session"), idle: ring("idle") };
    let times = SessionTimes { lifetime: Duration::from_secs(8 * 3600), idle: Duration::from_secs(3600) };
    SessionCookies::new(rings, "t", times, opened)
}

/// One worker before one browser.
struct Scene {
    host: TestHost,
    cookies: SessionCookies,
    jar: Vec<(String, String)>,
}

impl Scene {
    /// Signed in for eight hours, with so many groups.
    fn signed_in(groups: usize) -> Self {
        let host = TestHost::at(BEGIN);
        let cookies = keyed(&[("k", 1)], &OpenedSessions::default());
        let mut scene = Self { host, cookies, jar: Vec::new() };
        scene.sign_in("ada", groups, BEGIN + 8 * HOUR);
        scene
    }

    fn sign_in(&mut self, name: &str, groups: usize, ends: u64) {
        let mut identity = Identity { name_id: name.to_owned(), ..Identity::default() };
        let values = (0..groups).map(|at| format!("{at:036}")).collect();
        identity.attributes.insert("groups".to_owned(), values);
        let now = self.host.now();
        let session = Session::begin(&self.host, identity, now, UnixMillis(ends), &|_| true).unwrap();
        let lines = self.cookies.set(&self.host, &session, AT).unwrap().unwrap();
        self.keep(&lines);
    }

    fn keep(&mut self, lines: &[String]) {
        for line in lines {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.jar.retain(|(have, _)| have != name);
            if !line.contains("Max-Age=0") {
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn headers(&self) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in &self.jar {
            headers.apply(&HeaderEdit::add("cookie", &format!("{name}={value}")));
        }
        headers
    }

    fn read(&self) -> Option<Rc<Session>> {
        self.cookies.read(self.host.now(), AT, &Cookies::read(&self.headers()))
    }

    /// A request at this time, and what its answer sets.
    fn visit(&mut self, at: u64) -> Option<Vec<String>> {
        self.host.time.set(at);
        let session = self.read()?;
        let headers = self.headers();
        let due = self.cookies.renewal_due(UnixMillis(at), &session, AT, &Cookies::read(&headers));
        let due = due.is_some_and(|due| due <= UnixMillis(at));
        let lines = if due {
            self.cookies.renew(&self.host, &session, UnixMillis(at), AT).unwrap()
        } else {
            Vec::new()
        };
        self.keep(&lines);
        Some(lines)
    }
}

#[test]
fn the_common_request_costs_no_decryption() {
    let mut scene = Scene::signed_in(100);
    for at in 0..1000 {
        assert!(scene.visit(BEGIN + at).is_some());
    }
    assert_eq!(scene.cookies.opened(), 1);
}

#[test]
fn what_is_kept_open_ends_in_time_all_the_same() {
    let mut scene = Scene::signed_in(0);
    scene.jar.clear();
    scene.sign_in("ada", 0, BEGIN + 1000);
    assert!(scene.visit(BEGIN + 999).is_some());
    assert!(scene.visit(BEGIN + 1000).is_none());
    assert_eq!(scene.cookies.opened(), 1);
}

#[test]
fn a_session_that_is_not_used_for_the_idle_lifetime_is_over() {
    let mut scene = Scene::signed_in(0);
    assert!(scene.visit(BEGIN + HOUR - 1).is_some());
    let mut scene = Scene::signed_in(0);
    assert!(scene.visit(BEGIN + HOUR).is_none());
}

#[test]
fn a_session_in_use_lives_on_to_its_end_and_no_longer() {
    let mut scene = Scene::signed_in(0);
    let mut at = BEGIN;
    while at < BEGIN + 8 * HOUR {
        assert!(scene.visit(at).is_some(), "after {} minutes", (at - BEGIN) / 60_000);
        at += 50 * 60_000;
    }
    assert!(scene.visit(BEGIN + 8 * HOUR).is_none());
    let kept = scene.read();
    assert!(kept.is_none(), "no renewal moves the end");
}

#[test]
fn a_renewal_waits_until_a_good_part_of_the_idle_lifetime_has_passed() {
    let mut scene = Scene::signed_in(0);
    assert_eq!(scene.visit(BEGIN + HOUR / 8 - 1), Some(Vec::new()));
    let lines = scene.visit(BEGIN + HOUR / 8).unwrap();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("__Host-vestibule-i.t=")
            && lines[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax")
    );
    assert_eq!(scene.visit(BEGIN + HOUR / 8 + 60_000), Some(Vec::new()), "once is enough");
}

#[test]
fn of_twenty_requests_at_once_one_renews() {
    let scene = Scene::signed_in(150);
    let now = BEGIN + HOUR / 2;
    scene.host.time.set(now);
    let headers = scene.headers();
    let sent = Cookies::read(&headers);
    let mut renewed = 0;
    for _ in 0..20 {
        let session = scene.cookies.read(UnixMillis(now), AT, &sent).unwrap();
        let due = scene.cookies.renewal_due(UnixMillis(now), &session, AT, &sent);
        assert!(due.is_some_and(|due| due <= UnixMillis(now)));
        renewed += scene.cookies.renew(&scene.host, &session, UnixMillis(now), AT).unwrap().len();
    }
    assert_eq!(renewed, 1);
    scene.host.time.set(now + 10_000);
    let session = scene.cookies.read(UnixMillis(now), AT, &sent).unwrap();
    let again = scene.cookies.renew(&scene.host, &session, UnixMillis(now), AT).unwrap();
    assert_eq!(again.len(), 1, "that answer may have been lost");
}

#[test]
fn renewals_that_arrive_in_any_order_do_no_harm() {
    let mut scene = Scene::signed_in(0);
    let session = scene.read().unwrap();
    let mut late = Vec::new();
    for minute in [10, 20, 30] {
        let at = UnixMillis(BEGIN + minute * 60_000);
        scene.host.time.set(at.0);
        late.push(scene.cookies.renew(&scene.host, &session, at, AT).unwrap());
    }
    for lines in late.iter().rev() {
        scene.keep(lines);
        assert!(scene.read().is_some());
    }
}

#[test]
fn a_renewal_that_comes_late_brings_nothing_back_and_gives_nobody_anothers_session() {
    let mut scene = Scene::signed_in(0);
    let ada = scene.read().unwrap();
    scene.host.time.set(BEGIN + HOUR / 2);
    let late = scene.cookies.renew(&scene.host, &ada, scene.host.now(), AT).unwrap();
    assert_eq!(late.len(), 1);
    let headers = scene.headers();
    scene.keep(&scene.cookies.clear(&Cookies::read(&headers)));
    scene.keep(&late);
    assert!(scene.read().is_none(), "signed out is signed out");
    scene.sign_in("bob", 0, BEGIN + 8 * HOUR);
    scene.keep(&late);
    assert_eq!(scene.read().unwrap().identity.name_id, "bob");
}

#[test]
fn the_time_that_an_answer_took_is_not_idle_and_a_late_answer_says_nothing_older() {
    let minutes = |minutes: u64| UnixMillis(BEGIN + minutes * 60_000);
    let mut scene = Scene::signed_in(0);
    let session = scene.read().unwrap();
    // A long poll that was asked at 10 and is answered at 60, and a page at 20 whose answer is at hand.
    scene.host.time.set(minutes(20).0);
    scene.keep(&scene.cookies.renew(&scene.host, &session, minutes(20), AT).unwrap());
    scene.host.time.set(minutes(60).0);
    scene.keep(&scene.cookies.renew(&scene.host, &session, minutes(10), AT).unwrap());
    scene.host.time.set(minutes(120).0 - 1);
    assert!(scene.read().is_some(), "an hour after the answer, not after the question");
    scene.host.time.set(minutes(120).0);
    assert!(scene.read().is_none());
    let too_late = scene.cookies.renew(&scene.host, &session, minutes(60), AT).unwrap();
    assert!(
        too_late.is_empty(),
        "what is over is not brought back by an answer that took as long: {too_late:?}"
    );
}

#[test]
fn a_clock_that_was_set_back_signs_nobody_out_and_keeps_nobody_for_ever() {
    let mut scene = Scene::signed_in(0);
    let session = scene.read().unwrap();
    scene.host.time.set(BEGIN + HOUR / 2);
    scene.keep(&scene.cookies.renew(&scene.host, &session, scene.host.now(), AT).unwrap());
    scene.host.time.set(BEGIN + HOUR / 4);
    assert!(scene.read().is_some());
    scene.host.time.set(BEGIN + HOUR / 2 + HOUR);
    assert!(scene.read().is_none());
}

#[test]
fn the_time_of_use_of_another_session_counts_for_nothing() {
    let mut scene = Scene::signed_in(0);
    let ada = scene.read().unwrap();
    scene.sign_in("bob", 0, BEGIN + 8 * HOUR);
    scene.host.time.set(BEGIN + HOUR / 2);
    scene.keep(&scene.cookies.renew(&scene.host, &ada, scene.host.now(), AT).unwrap());
    scene.host.time.set(BEGIN + HOUR);
    assert!(scene.read().is_none(), "bob was idle for an hour");
}

#[test]
fn a_session_under_an_older_key_is_given_the_newer_one_when_it_is_used() {
    let mut scene = Scene::signed_in(150);
    let opened = OpenedSessions::default();
    scene.cookies = keyed(&[("new", 2), ("k", 1)], &opened);
    let before = scene.read().unwrap();
    let lines = scene.visit(BEGIN + 1000).unwrap();
    assert!(lines.iter().any(|line| line.starts_with("__Host-vestibule-s.t=")));
    scene.cookies = keyed(&[("new", 2)], &OpenedSessions::default());
    let after = scene.read().expect("the older key may go");
    assert_eq!((after.id.as_str(), after.issued()), (before.id.as_str(), before.issued()));
    assert_eq!(after.ends(), before.ends());
    assert_eq!(scene.visit(BEGIN + 20_000), Some(Vec::new()), "once");
}

#[test]
fn an_answer_that_comes_late_does_not_write_the_session_itself() {
    let mut scene = Scene::signed_in(0);
    scene.cookies = keyed(&[("new", 2), ("k", 1)], &OpenedSessions::default());
    let session = scene.read().unwrap();
    scene.host.time.set(BEGIN + 2000);
    let lines = scene.cookies.renew(&scene.host, &session, UnixMillis(BEGIN), AT).unwrap();
    assert!(lines.iter().all(|line| line.starts_with("__Host-vestibule-i.t=")), "{lines:?}");
}

#[test]
fn where_the_idle_lifetime_is_no_shorter_than_the_session_nothing_is_renewed() {
    let mut scene = Scene::signed_in(0);
    scene.jar.clear();
    scene.sign_in("ada", 0, BEGIN + HOUR);
    assert_eq!(scene.visit(BEGIN + HOUR - 1), Some(Vec::new()));
}

#[test]
fn row_8_12_planted_pieces_of_every_name_before_and_behind_do_no_harm() {
    let scene = Scene::signed_in(150);
    assert!(scene.jar.len() > 1);
    for name in scene.jar.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>() {
        for value in ["", "x", "2.AAAAAAAA.AAAA", "AAAAAAAA.AAAA", "9.AAAAAAAA.A"] {
            for first in [true, false] {
                let mut jar = scene.jar.clone();
                jar.insert(if first { 0 } else { jar.len() }, (name.clone(), value.to_owned()));
                let planted = Scene {
                    jar,
                    host: TestHost::at(BEGIN),
                    cookies: keyed(&[("k", 1)], &OpenedSessions::default()),
                };
                assert!(planted.read().is_some(), "{name}={value} {first}");
            }
        }
    }
}

#[test]
fn row_8_12_pieces_of_two_people_never_make_one_session() {
    let mut scene = Scene::signed_in(150);
    let ada = scene.jar.clone();
    scene.sign_in("bob", 150, BEGIN + 8 * HOUR);
    let bob = scene.jar.clone();
    for mixed in [vec![ada[0].clone(), bob[1].clone()], vec![bob[0].clone(), ada[1].clone()]] {
        scene.jar = mixed;
        assert!(scene.read().is_none());
    }
    // All four: each first piece finds its own second.
    scene.jar = [bob, ada].concat();
    assert!(scene.read().is_some());
}

#[test]
fn row_8_13_no_changed_or_cut_cookie_opens_and_none_of_another_tenant_host_purpose_or_key() {
    let mut scene = Scene::signed_in(0);
    let (name, value) = scene.jar[0].clone();
    for at in 0..value.len() {
        let mut octets = value.clone().into_bytes();
        octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
        scene.jar = vec![(name.clone(), String::from_utf8(octets).unwrap())];
        // The mark that holds pieces together is not part of what was sealed, and of one piece nothing hangs on it.
        assert_eq!(scene.read().is_some(), (2..10).contains(&at), "{at}");
        scene.jar = vec![(name.clone(), value.get(..at).unwrap().to_owned())];
        assert!(scene.read().is_none(), "cut at {at}");
    }
    scene.jar = vec![(name, value)];
    let headers = scene.headers();
    let sent = Cookies::read(&headers);
    assert!(scene.cookies.read(UnixMillis(BEGIN), "b.example", &sent).is_none());
    for keys in [&[("k", 2)][..], &[("other", 1)]] {
        assert!(keyed(keys, &OpenedSessions::default()).read(UnixMillis(BEGIN), AT, &sent).is_none());
    }
}

#[test]
fn what_was_opened_for_one_host_is_not_opened_for_another() {
    let scene = Scene::signed_in(0);
    let headers = scene.headers();
    let sent = Cookies::read(&headers);
    assert!(scene.cookies.read(UnixMillis(BEGIN), AT, &sent).is_some());
    assert!(scene.cookies.read(UnixMillis(BEGIN), "b.example", &sent).is_none());
}
