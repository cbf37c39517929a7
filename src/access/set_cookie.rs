//! `Set-Cookie` of the application, read as browsers read it (RFC 6265, 5.2).

/// What an answer sets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// Lower-case, without a leading dot.
    pub(super) domain: Option<String>,
    /// `None`: the default of the request's path.
    pub(super) path: Option<&'a str>,
    max_age: Option<&'a str>,
    expires: Option<&'a str>,
}

impl<'a> SetCookie<'a> {
    /// `None` where it names no cookie, or is no text: that one has no companion.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (trimmed(name), trimmed(value));
        if name.is_empty() {
            return None;
        }
        let mut cookie = Self { name, value, domain: None, path: None, max_age: None, expires: None };
        for attribute in attributes.split(';') {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = trimmed(value);
            // The last one counts.
            match trimmed(key).to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.strip_prefix('.').unwrap_or(value);
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                    cookie.domain = (!domain.is_empty() && domain.bytes().all(plain))
                        .then(|| domain.to_ascii_lowercase());
                }
                "path" => cookie.path = value.starts_with('/').then_some(value),
                "max-age" => cookie.max_age = Some(value),
                "expires" => cookie.expires = Some(value),
                _ => {}
            }
        }
        Some(cookie)
    }

    /// The attributes that say how long it lives, for another cookie that is to live as long.
    pub(super) fn lifetime(&self) -> String {
        let age = |text: &str| {
            let digits = text.strip_prefix('-').unwrap_or(text);
            (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let date = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" ,:-+".contains(&byte);
            (1..=64).contains(&text.len()) && text.bytes().all(plain)
        };
        let max_age = self.max_age.filter(|text| age(text)).map(|text| format!("; Max-Age={text}"));
        let expires = self.expires.filter(|text| date(text)).map(|text| format!("; Expires={text}"));
        [max_age, expires].into_iter().flatten().collect()
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_cookie_is_read_as_browsers_read_it() {
        let cookie = SetCookie::read(
            b" sid = a=\"b\" ; PATH=/old; path=/app; Domain=.A.example;HttpOnly; max-age=60; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
        )
        .unwrap();
        assert_eq!((cookie.name, cookie.value), ("sid", "a=\"b\""));
        assert_eq!((cookie.path, cookie.domain.as_deref()), (Some("/app"), Some("a.example")));
        assert_eq!(cookie.lifetime(), "; Max-Age=60; Expires=Wed, 01 Jan 2031 00:00:00 GMT");
        let plain = SetCookie::read(b"sid=").unwrap();
        assert_eq!(
            (plain.value, plain.path, plain.domain.as_deref(), plain.lifetime().as_str()),
            ("", None, None, "")
        );
        for odd in [&b"=x"[..], b"x", b"", b"\xff=1"] {
            assert_eq!(SetCookie::read(odd), None);
        }
    }

    #[test]
    fn what_is_no_lifetime_is_not_passed_on() {
        for odd in ["max-age=1; x", "max-age=1x", "max-age=", "expires=<x>", "max-age=--1"] {
            let line = format!("a=b; {odd}");
            let kept = SetCookie::read(line.as_bytes()).unwrap().lifetime();
            assert!(kept.is_empty() || kept == "; Max-Age=1", "{odd}: {kept}");
        }
    }
}
