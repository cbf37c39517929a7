//! Keeping what an identity was given out of shared caches (RFC 9111, RFC 9213).

use crate::common::{HeaderEdit, Headers};

/// Edits that keep an answer from every shared cache: it becomes `private` where it was not stricter already. What the
/// application says to browsers stays; what it says to shared caches goes, in whichever header.
#[must_use]
pub fn keep_private(answer: &Headers) -> Vec<HeaderEdit> {
    let mut edits: Vec<HeaderEdit> = Vec::new();
    for (name, _) in answer.iter() {
        let edit = HeaderEdit::Remove(name.to_vec());
        if speaks_to_shared_caches(name) && !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    let said: Vec<&[u8]> = answer.all("cache-control").collect();
    let value = private(&said);
    if said.as_slice() != [value.as_bytes()] {
        edits.push(HeaderEdit::set("cache-control", &value));
    }
    edits
}

/// The edit that has caches tell answers apart by the cookies of the request, where the answer does not say so already.
#[must_use]
pub fn vary_by_cookie(answer: &Headers) -> Option<HeaderEdit> {
    let said: Vec<&[u8]> = answer.all("vary").collect();
    let names = |line: &[u8]| {
        line.split(|byte| *byte == b',').any(|name| {
            let name = name.trim_ascii();
            name == b"*" || name.eq_ignore_ascii_case(b"cookie")
        })
    };
    if said.iter().any(|line| names(line)) {
        return None;
    }
    // One line: not every cache reads a second.
    let mut value = said.join(b", ".as_slice());
    value.extend_from_slice(if value.is_empty() { b"Cookie" } else { b", Cookie" });
    Some(HeaderEdit::Set(b"vary".to_vec(), value))
}

/// Headers by which an application addresses shared caches alone; to these they count more than `Cache-Control`
/// (RFC 9213, 2.2).
fn speaks_to_shared_caches(name: &[u8]) -> bool {
    let targeted = name != b"cache-control" && name.ends_with(b"cache-control");
    targeted || matches!(name, b"surrogate-control" | b"edge-control" | b"x-accel-expires")
}

/// `Cache-Control` that lets no shared cache store; what cannot be read lets nobody store.
fn private(said: &[&[u8]]) -> String {
    let text = said.join(b",".as_slice());
    let directives = std::str::from_utf8(&text).ok().and_then(directives);
    let Some(directives) = directives else { return "no-store".to_owned() };
    let is = |directive: &str, name: &str| directive.eq_ignore_ascii_case(name);
    let name = |directive: &str| directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kept: Vec<&str> = directives
        .into_iter()
        .filter(|directive| match name(directive).as_str() {
            "public" | "s-maxage" => false,
            // With an argument it is about some headers only (RFC 9111, 5.2.2.7).
            "private" => is(directive, "private"),
            _ => true,
        })
        .collect();
    let has = |wanted: &str| kept.iter().any(|directive| name(directive) == wanted);
    // Beside `must-understand` some caches pass `no-store` over (RFC 9111, 5.2.2.3).
    let strict = has("private") || (has("no-store") && !has("must-understand"));
    let first = if strict { None } else { Some("private") };
    first.into_iter().chain(kept).collect::<Vec<_>>().join(", ")
}

/// The directives, split at commas outside quotes; `None` where a quote has no end.
fn directives(text: &str) -> Option<Vec<&str>> {
    let (mut found, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                found.push(text.get(from..at)?.trim());
                from = at.saturating_add(1);
            }
            _ => {}
        }
    }
    found.push(text.get(from..)?.trim());
    found.retain(|directive| !directive.is_empty());
    (!quoted).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn after(pairs: &[(&str, &str)], edits: Vec<HeaderEdit>) -> Vec<(String, String)> {
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.apply(&HeaderEdit::add(name, value));
        }
        for edit in edits {
            headers.apply(&edit);
        }
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        headers.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.apply(&HeaderEdit::add(name, value));
        }
        headers
    }

    fn made_private(lines: &[&str]) -> String {
        let pairs: Vec<(&str, &str)> = lines.iter().map(|line| ("cache-control", *line)).collect();
        let after = after(&pairs, keep_private(&headers(&pairs)));
        assert_eq!(after.len(), 1, "{after:?}");
        after[0].1.clone()
    }

    #[test]
    fn an_answer_given_to_an_identity_is_private_or_stricter_whatever_the_application_says() {
        for (said, kept) in [
            (&[][..], "private"),
            (&[""], "private"),
            (&["public, max-age=60"], "private, max-age=60"),
            (&["max-age=60, s-maxage=600, PUBLIC"], "private, max-age=60"),
            (&["public", "s-maxage=1"], "private"),
            (&["no-store"], "no-store"),
            (&["No-Store, max-age=0"], "No-Store, max-age=0"),
            (&["private, max-age=5"], "private, max-age=5"),
            (&["private=\"set-cookie, x\", max-age=5"], "private, max-age=5"),
            (&["no-cache=\"a, s-maxage=5\""], "private, no-cache=\"a, s-maxage=5\""),
            (&["must-understand, no-store"], "private, must-understand, no-store"),
            (&["no-cache"], "private, no-cache"),
            (&["x=\"never ends"], "no-store"),
            (&["x=\"a\\\"b\", public"], "private, x=\"a\\\"b\""),
            (&["public;max-age=60"], "private, public;max-age=60"),
        ] {
            assert_eq!(made_private(said), kept, "{said:?}");
        }
        let mut odd = Headers::default();
        odd.apply(&HeaderEdit::Set(b"cache-control".to_vec(), b"public\xff".to_vec()));
        assert_eq!(keep_private(&odd), [HeaderEdit::set("cache-control", "no-store")]);
    }

    #[test]
    fn what_is_said_to_shared_caches_in_other_headers_is_taken_away() {
        let pairs = [
            ("cache-control", "private"),
            ("cdn-cache-control", "max-age=60"),
            ("cloudflare-cdn-cache-control", "max-age=60"),
            ("surrogate-control", "max-age=60"),
            ("x-accel-expires", "60"),
            ("expires", "0"),
        ];
        let kept = after(&pairs, keep_private(&headers(&pairs)));
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cache-control", "expires"]);
    }

    #[test]
    fn an_answer_that_is_strict_already_is_not_edited() {
        assert!(keep_private(&headers(&[("cache-control", "no-store")])).is_empty());
        assert!(keep_private(&headers(&[("cache-control", "private, max-age=60")])).is_empty());
    }

    #[test]
    fn answers_are_told_apart_by_cookies_once() {
        for (said, kept) in [
            (&[][..], Some("Cookie")),
            (&["accept"], Some("accept, Cookie")),
            (&["accept", "origin"], Some("accept, origin, Cookie")),
            (&["Accept, COOKIE"], None),
            (&["*"], None),
            (&["x-cookie"], Some("x-cookie, Cookie")),
        ] {
            let pairs: Vec<(&str, &str)> = said.iter().map(|line| ("vary", *line)).collect();
            let edit = vary_by_cookie(&headers(&pairs));
            assert_eq!(edit, kept.map(|kept| HeaderEdit::set("vary", kept)), "{said:?}");
        }
    }
}
