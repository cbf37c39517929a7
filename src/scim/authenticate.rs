//! Who may provision: static bearer tokens, kept as their SHA-256 (rules A0 and A1).

use super::error::Denied;
use crate::common::Headers;
use crate::crypto::{equal, sha256};

/// A bearer token that is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The operator's name for it; appears in the audit record.
    pub name: String,
    /// SHA-256 of the secret text.
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.name)
    }
}

/// The bearer credential of the request (RFC 6750 section 2.1): everything after the scheme and its spaces; it may hold
/// colons and padding.
///
/// # Errors
/// [`Denied`] where there is not exactly one `Authorization` header with exactly one `Bearer` credential. A proxy may
/// have joined two headers with a comma, so a comma refuses.
pub(crate) fn bearer(headers: &Headers) -> Result<&str, Denied> {
    if !headers.has("authorization") {
        return Err(Denied::Missing);
    }
    let value = headers.only("authorization").ok_or(Denied::Malformed)?;
    let (scheme, secret) = value.trim().split_once(' ').ok_or(Denied::Malformed)?;
    let secret = secret.trim_start_matches(' ');
    let sound = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if !scheme.eq_ignore_ascii_case("bearer") || !sound {
        return Err(Denied::Malformed);
    }
    Ok(secret)
}

/// The name of the token that the request carries.
///
/// Every token is compared, in constant time, so that the time tells nothing about which are configured. Of two equal
/// tokens the first is named.
///
/// # Errors
/// [`Denied`] where there is no single bearer credential, or it is not one of the tokens.
pub fn authenticate<'t>(headers: &Headers, tokens: &'t [Token]) -> Result<&'t str, Denied> {
    let digest = sha256(bearer(headers)?.as_bytes());
    let mut found = None;
    for token in tokens {
        let same = equal(&token.sha256, &digest);
        if same && found.is_none() {
            found = Some(token.name.as_str());
        }
    }
    found.ok_or(Denied::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn tokens() -> Vec<Token> {
        [("old", "s3cr3t"), ("new", "ada@edge.example:k/e+y=="), ("empty", "")]
            .map(|(name, secret)| Token { name: name.into(), sha256: sha256(secret.as_bytes()) })
            .into()
    }

    fn ask(value: &str) -> Result<String, Denied> {
        authenticate(&Headers::from([("Authorization", value)]), &tokens()).map(str::to_owned)
    }

    #[test]
    fn any_of_several_tokens_is_accepted_and_named() {
        assert_eq!(ask("Bearer s3cr3t").unwrap(), "old");
        assert_eq!(ask("bEARER  ada@edge.example:k/e+y==").unwrap(), "new");
    }

    #[test]
    fn a_missing_header_is_told_from_a_wrong_one() {
        assert_eq!(authenticate(&Headers::default(), &tokens()), Err(Denied::Missing));
        assert_eq!(ask("Bearer nope"), Err(Denied::Unknown));
        assert_eq!(ask("Bearer S3CR3T"), Err(Denied::Unknown));
    }

    #[test]
    fn another_scheme_or_no_secret_is_malformed() {
        for value in ["", "Bearer", "Bearer ", "Basic s3cr3t", "s3cr3t", "Bearers3cr3t", "Bearer\ts3cr3t"] {
            assert_eq!(ask(value), Err(Denied::Malformed), "{value:?}");
        }
    }

    #[test]
    fn two_credentials_are_refused_whether_apart_or_joined() {
        let two = Headers::from([("authorization", "Bearer s3cr3t"), ("Authorization", "Bearer s3cr3t")]);
        assert_eq!(authenticate(&two, &tokens()), Err(Denied::Malformed));
        assert_eq!(ask("Bearer s3cr3t,Bearer s3cr3t"), Err(Denied::Malformed));
        assert_eq!(ask("Bearer nope, Bearer s3cr3t"), Err(Denied::Malformed));
        assert_eq!(ask("Bearer s3cr3t, "), Err(Denied::Malformed));
    }

    #[test]
    fn without_tokens_nobody_enters() {
        let headers = Headers::from([("authorization", "Bearer s3cr3t")]);
        assert_eq!(authenticate(&headers, &[]), Err(Denied::Unknown));
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        let headers = Headers::new(vec![(b"authorization".to_vec(), b"Bearer s3cr3t\xff".to_vec())]);
        assert_eq!(authenticate(&headers, &tokens()), Err(Denied::Malformed));
    }
}
