//! Logins of the application's own: whose they are, and when they are dropped and taken away.

use super::session::{OpenedSessions, SessionRings, SessionTimes};
use super::{ApplicationCookies, Cookies, Owner, Session, SessionCookies, Sorted};
use crate::common::test_host::TestHost;
use crate::common::{HeaderEdit, Headers, Host, Identity, UnixMillis};
use crate::config::{Configuration, CookieName};
use crate::crypto::{KeyRing, MasterKey};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const AT: &str = "a.example";

fn names() -> Vec<CookieName> {
    let text = r#"
keys: [{id: k, secret: {value: "0123456789abcdef0123456789abcdef"}}]
tenants:
  - name: t
    public_url: https://a.example
    access: {application_cookies: [sid, "remember_*"], rules: [{path: {prefix: /}, access: public}]}
"#;
    let (mut configuration, _) = Configuration::read(text.as_bytes(), &|_| None).unwrap();
    configuration.tenants.remove(0).access.application_cookies
}

fn cookies(tenant: &str, key: u8) -> ApplicationCookies {
    let ring = KeyRing::derive(&[MasterKey::new("k", &[key; 32]).unwrap()], "application").unwrap();
    ApplicationCookies::new(ring, tenant, &names(), &OpenedSessions::default())
}

fn session(host: &TestHost, name: &str) -> Session {
    let identity = Identity { name_id: name.to_owned(), ..Identity::default() };
    Session::begin(host, identity, host.now(), UnixMillis(1_000_000), &|_| true).unwrap()
}

/// A browser's cookies: name, value, path.
#[derive(Clone, Default)]
struct Jar(Vec<(String, String, String)>);

impl Jar {
    fn keep(&mut self, lines: &[String]) {
        for line in lines {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let path =
                attributes.split(';').find_map(|text| text.trim().strip_prefix("Path=")).unwrap_or("/");
            self.0.retain(|(have, _, at)| (have.as_str(), at.as_str()) != (name, path));
            if !attributes.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned(), path.to_owned()));
            }
        }
    }

    fn request(&self, path: &str) -> Headers {
        let mut headers = Headers::default();
        for (name, value, _) in self.0.iter().filter(|(_, _, at)| path.starts_with(at.as_str())) {
            headers.apply(&HeaderEdit::add("cookie", &format!("{name}={value}")));
        }
        headers
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _, _)| have == name)
    }
}

/// The application answers a request for `path` of this owner with these `Set-Cookie` lines.
fn sets(jar: &mut Jar, host: &TestHost, path: &str, owner: Option<&Session>, lines: &[&str]) {
    let mut answer = Headers::default();
    lines.iter().for_each(|line| answer.apply(&HeaderEdit::add("set-cookie", line)));
    let owner = owner.map(Owner::of);
    let companions = cookies("t", 1).accompany(host, &answer, (AT, path), owner.as_ref());
    jar.keep(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
    jar.keep(&companions);
}

fn sort(jar: &Jar, path: &str, who: Option<&Session>) -> Sorted {
    let counts =
        |owner: Option<&Owner>| owner.map(|owner| owner.session.as_str()) == who.map(|who| who.id.as_str());
    let headers = jar.request(path);
    cookies("t", 1).sort(&headers, &Cookies::read(&headers), (AT, path), &counts)
}

/// What the application sees of them.
fn arrives(jar: &Jar, path: &str, who: Option<&Session>) -> String {
    let mut headers = jar.request(path);
    for edit in sort(jar, path, who).hide {
        headers.apply(&edit);
    }
    let lines: Vec<&str> = headers.all("cookie").map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("; ")
}

#[test]
fn a_login_reaches_the_application_for_whom_it_was_made() {
    let host = TestHost::at(1000);
    let (ada, bob) = (session(&host, "ada"), session(&host, "bob"));
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/", Some(&ada), &["sid=1; Path=/; HttpOnly", "theme=dark; Path=/"]);
    assert_eq!(arrives(&jar, "/x", Some(&ada)), "sid=1; theme=dark");
    assert_eq!(arrives(&jar, "/x", Some(&bob)), "theme=dark", "another person");
    assert_eq!(arrives(&jar, "/x", None), "theme=dark", "the session is over");
}

#[test]
fn a_login_that_nobody_of_ours_made_is_nobodys_and_is_dropped_when_somebody_signs_in() {
    let host = TestHost::at(1000);
    let ada = session(&host, "ada");
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/login", None, &["sid=1; Path=/"]);
    assert_eq!(arrives(&jar, "/", None), "sid=1", "the application's own password page goes on working");
    assert_eq!(arrives(&jar, "/", Some(&ada)), "");
}

#[test]
fn what_is_dropped_is_taken_from_the_browser_wherever_it_lies() {
    let host = TestHost::at(1000);
    let ada = session(&host, "ada");
    let mut jar = Jar::default();
    sets(
        &mut jar,
        &host,
        "/app/login",
        Some(&ada),
        &["sid=1", "remember_me=2; Path=/deep/down; Domain=a.example"],
    );
    assert!(jar.0.len() >= 4);
    // The browser shows neither of them here, but their companions.
    let sorted = sort(&jar, "/elsewhere", None);
    let is = |start: &str| sorted.expire.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(is("sid=; Path=/app; Secure; Max-Age=0"), 1, "{:?}", sorted.expire);
    assert_eq!(is("remember_me=; Path=/deep/down; Domain=a.example; Secure; Max-Age=0"), 1);
    assert_eq!(is("__Host-vestibule-a.t."), 2);
}

#[test]
fn a_login_without_its_companion_is_dropped_and_taken_away_on_every_path_it_can_have() {
    let jar = Jar(vec![("sid".into(), "stolen".into(), "/".into())]);
    assert_eq!(arrives(&jar, "/a/b", None), "");
    let lines = sort(&jar, "/a/b", None).expire;
    let paths: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("sid=; Path=")?.split(';').next()).collect();
    assert_eq!(paths, ["/", "/a", "/a/", "/a/b"]);
}

#[test]
fn a_companion_vouches_for_its_own_value_name_tenant_host_and_key_only() {
    let host = TestHost::at(1000);
    let ada = session(&host, "ada");
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/", Some(&ada), &["sid=1; Path=/"]);
    let changed = |from: &str, to: &str| {
        let mut jar = jar.clone();
        for (name, value, _) in &mut jar.0 {
            if name == from {
                *name = to.to_owned();
            } else if value == from {
                *value = to.to_owned();
            }
        }
        jar
    };
    assert_eq!(arrives(&changed("1", "2"), "/", Some(&ada)), "");
    assert_eq!(arrives(&changed("sid", "SID"), "/", Some(&ada)), "");
    assert_eq!(arrives(&changed("sid", "remember_x"), "/", Some(&ada)), "");
    let headers = jar.request("/");
    let counts = |_: Option<&Owner>| true;
    for (other, at) in [(cookies("u", 1), AT), (cookies("t", 2), AT), (cookies("t", 1), "b.example")] {
        assert_eq!(other.cookies(at, &Cookies::read(&headers)), 0);
        let sorted = other.sort(&headers, &Cookies::read(&headers), (at, "/"), &counts);
        assert_eq!(sorted.hide, [HeaderEdit::remove("cookie")]);
    }
}

#[test]
fn no_spelling_hides_a_login_from_the_filter() {
    for pair in [
        "SID=1",
        "s%69d=1",
        "sid =1",
        "a=b,sid=1",
        "a=b sid=1",
        "a=\"b\"sid=1",
        "a=b,sid =1",
        "$Version=1, sid=1",
        "remember-me=1",
        "Remember_=1",
    ] {
        let jar = Jar(vec![("x".into(), "1".into(), "/".into())]);
        let mut headers = jar.request("/");
        headers.apply(&HeaderEdit::add("cookie", &format!("y=2; {pair}")));
        let sorted = cookies("t", 1).sort(&headers, &Cookies::read(&headers), (AT, "/"), &|_| true);
        for edit in sorted.hide {
            headers.apply(&edit);
        }
        let lines: Vec<&[u8]> = headers.all("cookie").collect();
        assert_eq!(lines, [b"x=1".as_slice(), b"y=2"], "{pair}");
    }
}

#[test]
fn cookies_that_were_not_named_stay_as_they_are() {
    for line in ["sidney=1;  a=b", "x={\"sid\":1}", "x=a sid", "prefs=sid"] {
        let headers = Headers::from([("cookie", line)]);
        let sorted = cookies("t", 1).sort(&headers, &Cookies::read(&headers), (AT, "/"), &|_| false);
        assert!(sorted.hide.is_empty() && sorted.expire.is_empty(), "{line}");
    }
}

#[test]
fn equal_names_below_two_paths_do_not_get_in_each_others_way() {
    let host = TestHost::at(1000);
    let ada = session(&host, "ada");
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/one/x", Some(&ada), &["sid=1; Path=/one"]);
    sets(&mut jar, &host, "/two/x", Some(&ada), &["sid=2; Path=/two"]);
    assert_eq!(arrives(&jar, "/one/x", Some(&ada)), "sid=1");
    assert_eq!(arrives(&jar, "/two/x", Some(&ada)), "sid=2");
    sets(&mut jar, &host, "/one/x", Some(&ada), &["sid=; Path=/one; Max-Age=0"]);
    assert_eq!(arrives(&jar, "/one/x", Some(&ada)), "");
    assert_eq!(arrives(&jar, "/two/x", Some(&ada)), "sid=2");
}

#[test]
fn a_companion_lives_as_long_as_what_it_stands_for() {
    let host = TestHost::at(1000);
    let mut answer = Headers::default();
    let date = "Expires=Wed, 01 Jan 2031 00:00:00 GMT";
    answer.apply(&HeaderEdit::add("set-cookie", &format!("sid=1; max-age=600; {date}")));
    let lines = cookies("t", 1).accompany(&host, &answer, (AT, "/"), None);
    assert!(lines[0].ends_with(&format!("; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=600; {date}")));
}

#[test]
fn a_login_that_is_set_anew_is_not_taken_away_by_the_same_answer() {
    let mut answer = Headers::default();
    answer.apply(&HeaderEdit::add("set-cookie", "sid=new"));
    let lines = ["sid=; Path=/; Max-Age=0".to_owned(), "remember_me=; Path=/; Max-Age=0".to_owned()];
    assert_eq!(ApplicationCookies::but_not_set(&lines, &answer), lines[1..]);
}

#[test]
fn a_sign_out_takes_every_login_away_and_a_sign_in_those_of_others() {
    let host = TestHost::at(1000);
    let (ada, bob) = (session(&host, "ada"), session(&host, "bob"));
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/", Some(&ada), &["sid=1; Path=/"]);
    sets(&mut jar, &host, "/x/", None, &["remember_me=2; Path=/x"]);
    let headers = jar.request("/");
    let sent = Cookies::read(&headers);
    let mut left = jar.clone();
    left.keep(&cookies("t", 1).expire_all(&headers, &sent, (AT, "/")));
    assert!(left.0.is_empty(), "{:?}", left.0);
    for (person, sid) in [(&ada, true), (&bob, false)] {
        let mut left = jar.clone();
        left.keep(&cookies("t", 1).expire_others(&sent, AT, &person.identity));
        assert_eq!((left.has("sid"), left.has("remember_me")), (sid, false));
    }
}

#[test]
fn lines_are_bounded_and_hold_nothing_but_plain_text() {
    let path = format!("/{}", "a/".repeat(500));
    let many: String = (0..60).map(|at| format!("remember_{at}=1; ")).collect();
    let headers = Headers::from([("cookie", many.as_str())]);
    let sorted = cookies("t", 1).sort(&headers, &Cookies::read(&headers), (AT, &path), &|_| false);
    assert_eq!(sorted.expire.len(), 40);
    let headers = Headers::from([("cookie", "remember_<\r\n>ü=1; sid=1")]);
    let sorted = cookies("t", 1).sort(&headers, &Cookies::read(&headers), (AT, "/a\u{e9}/b"), &|_| false);
    assert!(sorted.expire.iter().all(|line| line.is_ascii() && !line.contains('\r')), "{:?}", sorted.expire);
    assert!(!sorted.expire.is_empty());
}

#[test]
fn no_cookie_of_ours_serves_as_another() {
    let host = TestHost::at(1000);
    let opened = OpenedSessions::default();
    let ring = |purpose| KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], purpose).unwrap();
    let rings = SessionRings { session: ring("session"), idle: ring("idle") };
    let minute = std::time::Duration::from_secs(60);
    let sessions = SessionCookies::new(rings, "t", SessionTimes { lifetime: minute, idle: minute }, &opened);
    let ada = session(&host, "ada");
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/", Some(&ada), &["sid=1; Path=/"]);
    let companion =
        jar.0.iter().find(|(name, _, _)| name.starts_with("__Host-vestibule-a.t.")).unwrap().1.clone();
    let mark = companion.get(companion.len() - 8..).unwrap();
    let headers = Headers::from([("cookie", format!("__Host-vestibule-s.t=1.{mark}.{companion}").as_str())]);
    assert!(sessions.read(host.now(), AT, &Cookies::read(&headers)).is_none());
}

#[test]
fn nobody_without_a_name_is_taken_for_somebody_else_without_one() {
    let host = TestHost::at(1000);
    let (one, other) = (session(&host, ""), session(&host, ""));
    let mut jar = Jar::default();
    sets(&mut jar, &host, "/", Some(&one), &["sid=1; Path=/"]);
    assert!(!Owner::of(&one).is(&other.identity));
    let headers = jar.request("/");
    jar.keep(&cookies("t", 1).expire_others(&Cookies::read(&headers), AT, &other.identity));
    assert!(!jar.has("sid"));
}
