//! Cookies and request paths.

use std::time::Duration;

use vestibule::access::{
    Beginning, Cookies, LoginCookies, Manner, OpenedSessions, Session, SessionCookies, SessionRings,
    SessionTimes, is_own_cookie,
};
use vestibule::common::path::NormalPath;
use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, Identity, UnixMillis};
use vestibule::crypto::{KeyRing, MasterKey};

use crate::planted;

const HOST: &str = "app.example";
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// The cookies of one tenant, and those that it really gave out.
struct Issued {
    sessions: SessionCookies,
    logins: LoginCookies,
    /// `name=value` of each cookie of the session and of the login.
    session: Vec<String>,
    login: String,
    session_id: String,
}

thread_local! {
    static ISSUED: Issued = issue();
}

fn issue() -> Issued {
    let ring = |purpose| KeyRing::derive(&[MasterKey::new("k", &[1; 32]).unwrap()], purpose).unwrap();
    let host = TestHost::at(NOW.0);
    let rings = SessionRings { session: ring("session"), idle: ring("idle") };
    let times = SessionTimes { lifetime: Duration::from_secs(3600), idle: Duration::from_secs(600) };
    let sessions = SessionCookies::new(rings, "t", times, &OpenedSessions::default());
    let logins = LoginCookies::new(ring("login"), "t", Duration::from_secs(600));
    let mut identity = Identity { name_id: "ada@example.test".into(), ..Identity::default() };
    identity.attributes.insert("groups".into(), (0..80).map(|at| format!("{at:036}")).collect());
    let session =
        Session::begin(&host, identity, NOW, NOW.after(Duration::from_secs(3600)), &|_| true).unwrap();
    let pair = |line: &String| line.split(';').next().unwrap_or_default().to_owned();
    let lines = sessions.set(&host, &session, HOST).unwrap().unwrap();
    let session_cookies: Vec<_> =
        lines.iter().filter(|line| !line.ends_with("Max-Age=0")).map(pair).collect();
    assert!(session_cookies.len() > 1, "the session is to be in pieces");
    let none = Headers::default();
    let begun = logins
        .begin(
            &host,
            "0123456789abcdef",
            Beginning {
                request_id: "_request",
                target: "/",
                manner: Manner::default(),
                provider: None,
                counted: false,
            },
            HOST,
            &Cookies::read(&none),
        )
        .unwrap();
    Issued { session: session_cookies, login: pair(&begun[0]), session_id: session.id, sessions, logins }
}

/// Lines of `cookie` headers. `{0}`, `{1}` stand for the cookies of a real session, `{L}` for that of a pending login.
pub fn cookies(data: &[u8]) {
    ISSUED.with(|issued| cookies_of(issued, data));
}

fn cookies_of(issued: &Issued, data: &[u8]) {
    let mut octets = data.to_vec();
    for (at, cookie) in issued.session.iter().enumerate() {
        octets = replaced(&octets, format!("{{{at}}}").as_bytes(), cookie.as_bytes());
    }
    octets = replaced(&octets, b"{L}", issued.login.as_bytes());
    let lines = octets.split(|byte| *byte == b'\n').map(|line| (b"cookie".to_vec(), line.to_vec()));
    let headers = Headers::new(lines.collect());
    let sent = Cookies::read(&headers);

    let session = issued.sessions.read(NOW, HOST, &sent);
    let pairs: Vec<String> = headers
        .all("cookie")
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .map(|pair| String::from_utf8_lossy(pair.trim_ascii()).into_owned())
        .collect();
    if let Some(session) = &session {
        assert_eq!(session.id, issued.session_id, "a session that was never given out");
        assert!(
            issued.session.iter().all(|cookie| pairs.contains(cookie)),
            "a session out of half its cookies"
        );
    }
    for at_host in ["other.example", ""] {
        assert!(issued.sessions.read(NOW, at_host, &sent).is_none());
        assert!(issued.logins.pending(NOW, at_host, &sent).is_empty());
    }
    for (handle, login) in issued.logins.pending(NOW, HOST, &sent) {
        assert_eq!((handle.as_str(), login.request_id.as_str()), ("0123456789abcdef", "_request"));
        assert!(pairs.contains(&issued.login));
        planted!(session.is_some() && sent.count() > 5);
    }
    let accounted = issued.sessions.accounted(HOST, &sent);
    assert!(accounted <= sent.count());
    for line in issued.sessions.clear(&sent) {
        assert!(is_own_cookie(&line) && line.ends_with("Max-Age=0"));
    }
    hidden(&headers);
}

/// The application sees none of our cookies, and all others as they came.
fn hidden(headers: &Headers) {
    let mut after = headers.clone();
    for edit in Cookies::hide(headers) {
        after.apply(&edit);
    }
    let kept = |headers: &Headers| -> Vec<Vec<u8>> {
        let all = headers.all("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
        all.map(|pair| pair.trim_ascii().to_vec()).filter(|pair| !pair.is_empty()).collect()
    };
    let is_ours = |pair: &Vec<u8>| pair.starts_with(b"__Host-vestibule-");
    let mut expected = kept(headers);
    expected.retain(|pair| !is_ours(pair));
    assert_eq!(kept(&after), expected);
    assert!(Cookies::hide(&after).is_empty());
    assert_eq!(Cookies::read(&after).count(), 0);
}

fn replaced(octets: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// A request path: its normal form says nothing that servers read in different ways, and is its own normal form.
pub fn url(data: &[u8]) {
    let Ok(path) = NormalPath::read(data) else { return };
    let text = path.as_str();
    assert!(text.starts_with('/') && !text.contains("//") && !text.contains(['\\', ';', '#', '?']), "{text}");
    assert!(!text.chars().any(char::is_control));
    assert!(text.split('/').all(|segment| segment != "." && segment != ".."));
    let again = text.replace('%', "%25");
    let read = NormalPath::read(again.as_bytes());
    assert_eq!(read.as_ref().map(NormalPath::as_str), Ok(text));
    planted!(text.contains("/é") && text.ends_with('%'));
}
