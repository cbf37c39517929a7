//! Reading every cookie a request carries, and keeping ours from the application (RFC 6265).

use std::collections::BTreeSet;

use super::session::expired;
use crate::common::{HeaderEdit, Headers};

/// All cookies of ours begin so. The `__Host-` prefix makes browsers refuse them from a sibling domain.
pub(super) const OWN_PREFIX: &str = "__Host-vestibule-";

/// Whether a cookie of this name is ours.
#[must_use]
pub fn is_own_cookie(name: &str) -> bool {
    name.starts_with(OWN_PREFIX)
}

/// The cookies of ours that a request carries: every `cookie` header is read, for HTTP/1.1 keeps duplicates apart.
pub struct Cookies<'a> {
    own: Vec<(&'a str, &'a str)>,
    /// How many more there are, which nobody looks at.
    unread: usize,
}

/// More pairs than any honest browser sends for one site; the rest is not looked at.
const MOST: usize = 128;
/// Lines that one answer takes cookies away with.
const MOST_EXPIRED: usize = 32;

fn tenant_of(name: &str) -> Option<&str> {
    name.strip_prefix(OWN_PREFIX)?.split('.').nth(1)
}

impl<'a> Cookies<'a> {
    /// Reads all `cookie` headers.
    #[must_use]
    pub fn read(headers: &'a Headers) -> Self {
        let mut own = pairs(headers)
            .filter(|pair| is_own_pair(pair))
            // Without `=` it is none of ours, but counts: it is kept from the application like the others.
            .filter_map(|pair| std::str::from_utf8(pair).ok())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let read: Vec<_> = own.by_ref().take(MOST).collect();
        Self { own: read, unread: own.count() }
    }

    /// All values sent under `name`: a second one may have been planted, so each is tried.
    pub fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.own.iter().filter(move |(have, _)| *have == name).map(|(_, value)| *value)
    }

    /// Cookies whose name begins with `prefix`: the rest of the name, and the value.
    pub fn below<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = (&'a str, &'a str)> + 's {
        self.own.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, *value)))
    }

    /// Names of the tenants that the cookies say they are of: `__Host-vestibule-KIND.TENANT` and what may follow.
    pub fn tenants(&self) -> impl Iterator<Item = &'a str> {
        self.own.iter().filter_map(|(name, _)| tenant_of(name))
    }

    /// How many say so of this tenant, or of none, double ones counted.
    #[must_use]
    pub fn count_of(&self, tenant: Option<&str>) -> usize {
        self.own.iter().filter(|(name, _)| tenant_of(name) == tenant).count()
    }

    /// `Set-Cookie` values that take those of this tenant, or of none, from the browser; not more than 32.
    #[must_use]
    pub fn expire_of(&self, tenant: Option<&str>) -> Vec<String> {
        let names: BTreeSet<&str> =
            self.own.iter().map(|(name, _)| *name).filter(|name| tenant_of(name) == tenant).collect();
        let plain = |name: &&str| name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it));
        names.into_iter().filter(plain).take(MOST_EXPIRED).map(|name| expired(name, "Lax")).collect()
    }

    /// How many cookies of ours the request carries, double ones counted, and those that are too many to be looked at.
    #[must_use]
    pub fn count(&self) -> usize {
        self.own.len().saturating_add(self.unread)
    }

    /// Whether there are more cookies of ours than are looked at.
    #[must_use]
    pub fn are_too_many(&self) -> bool {
        self.unread > 0
    }

    /// Edits that keep our cookies from the application and leave all others as they are, octet by octet.
    #[must_use]
    pub fn hide(headers: &Headers) -> Vec<HeaderEdit> {
        Self::keep(headers, &|_| true)
    }

    /// Edits that leave those of the other cookies, `name=value`, which `stays` keeps.
    pub(super) fn keep(headers: &Headers, stays: &dyn Fn(&[u8]) -> bool) -> Vec<HeaderEdit> {
        let mut lines: Vec<Vec<&[u8]>> = Vec::new();
        let mut goes_any = false;
        for line in headers.all("cookie") {
            let mut kept = Vec::new();
            for pair in Pairs(Some(line)) {
                if is_own_pair(pair) || !stays(pair) {
                    goes_any = true;
                } else {
                    kept.push(pair);
                }
            }
            lines.push(kept);
        }
        if !goes_any {
            return Vec::new();
        }
        let came = lines.len();
        let mut lines: Vec<Vec<u8>> = lines.into_iter().map(|kept| kept.join(b"; ".as_slice())).collect();
        lines.retain(|line| !line.is_empty());
        // One call to the host is less than two.
        match (came, lines.as_mut_slice()) {
            (1, [line]) => vec![HeaderEdit::Set(b"cookie".to_vec(), std::mem::take(line))],
            _ => {
                let removed = std::iter::once(HeaderEdit::remove("cookie"));
                removed
                    .chain(lines.into_iter().map(|line| HeaderEdit::Add(b"cookie".to_vec(), line)))
                    .collect()
            }
        }
    }
}

/// The pairs of all `cookie` headers, white space around them left out.
pub(super) fn pairs(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    headers.all("cookie").flat_map(|line| Pairs(Some(line)))
}

/// The pairs of one line that are left.
struct Pairs<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Pairs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.0.take()?;
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        let (pair, rest) = line.split_at_checked(end)?;
        self.0 = rest.get(1..);
        Some(pair.trim_ascii())
    }
}

pub(super) fn is_own_pair(pair: &[u8]) -> bool {
    pair.starts_with(OWN_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn cookies_of_every_header_line_are_read() {
        let headers = Headers::from([
            ("cookie", "a=1; __Host-vestibule-s.x=one"),
            ("cookie", "__Host-vestibule-s.x=two;b=2"),
        ]);
        let cookies = Cookies::read(&headers);
        assert_eq!(cookies.values("__Host-vestibule-s.x").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(cookies.values("a").count(), 0);
    }

    #[test]
    fn a_cookie_of_our_name_without_a_value_counts() {
        let headers = Headers::from([("cookie", "__Host-vestibule-s.x; a=1")]);
        let cookies = Cookies::read(&headers);
        assert_eq!((cookies.count(), cookies.count_of(Some("x")), cookies.are_too_many()), (1, 1, false));
        assert_eq!(Cookies::hide(&headers), [HeaderEdit::set("cookie", "a=1")]);
    }

    #[test]
    fn our_cookies_are_hidden_and_the_others_stay() {
        let headers = Headers::from([
            ("cookie", "a=1; __Host-vestibule-s.x=one; b=\"2, 3\""),
            ("cookie", "__Host-vestibule-l.x.h=two"),
            ("cookie", "c=4"),
        ]);
        let mut after = headers.clone();
        for edit in Cookies::hide(&headers) {
            after.apply(&edit);
        }
        assert_eq!(after, Headers::from([("cookie", "a=1; b=\"2, 3\""), ("cookie", "c=4")]));
    }

    #[test]
    fn one_line_of_cookies_is_replaced_and_one_of_only_ours_is_taken_away() {
        let line = Headers::from([("cookie", "a=1;__Host-vestibule-s.x=one ; ;b=2;")]);
        assert_eq!(Cookies::hide(&line), [HeaderEdit::set("cookie", "a=1; ; b=2; ")]);
        let ours = Headers::from([("cookie", "__Host-vestibule-s.x=one")]);
        assert_eq!(Cookies::hide(&ours), [HeaderEdit::remove("cookie")]);
    }

    #[test]
    fn a_request_without_our_cookies_is_not_edited() {
        let headers = Headers::from([("cookie", "a=1;b=2 ;  c=3")]);
        assert!(Cookies::hide(&headers).is_empty());
    }

    #[test]
    fn a_thousand_cookies_are_not_all_looked_at() {
        let line = "__Host-vestibule-s.x=1; ".repeat(1000);
        let headers = Headers::from([("cookie", line.as_str())]);
        let cookies = Cookies::read(&headers);
        assert_eq!(cookies.values("__Host-vestibule-s.x").count(), MOST);
        assert!(cookies.are_too_many());
        assert_eq!(cookies.count(), 1000, "all are taken from the request");
    }
}
