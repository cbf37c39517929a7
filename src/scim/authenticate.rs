//! Who may provision: static bearer tokens, kept as their SHA-256 (rules A0 and A1).

use super::auth::unverified;
use super::error::Denied;
use crate::common::{Headers, UnixMillis};
use crate::crypto::{equal, sha256};

/// A bearer token that is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The operator's name for it; appears in the audit record.
    pub name: String,
    /// SHA-256 of the secret text.
    pub sha256: [u8; 32],
    /// When it begins to be accepted.
    pub not_before: Option<UnixMillis>,
    /// When it ceases to be accepted.
    pub expires: Option<UnixMillis>,
    /// The directory it was made for: where the token is a JWT, it must say the same.
    pub tenant_id: Option<String>,
}

impl Token {
    /// A token that is accepted at all times.
    #[must_use]
    pub fn new(name: &str, sha256: [u8; 32]) -> Self {
        Self { name: name.to_owned(), sha256, not_before: None, expires: None, tenant_id: None }
    }

    fn judge(&self, secret: &str, now: UnixMillis) -> Result<&str, Denied> {
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err(Denied::Expired);
        }
        if self.not_before.is_some_and(|begins| begins > now) {
            return Err(Denied::NotYet);
        }
        let said = self.tenant_id.as_ref().and_then(|own| Some((own, unverified(secret, "tid")?)));
        match said {
            Some((own, said)) if !own.eq_ignore_ascii_case(&said) => Err(Denied::Directory),
            _ => Ok(&self.name),
        }
    }
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

/// A bearer credential, and its SHA-256, which all that remember tokens know it by.
#[derive(Clone, Copy)]
pub struct Bearer<'h> {
    secret: &'h str,
    digest: [u8; 32],
}

impl<'h> Bearer<'h> {
    /// The one that a request carries.
    ///
    /// # Errors
    /// [`Denied`] where there is not exactly one (RFC 6750 section 2.1).
    pub fn of(headers: &'h Headers) -> Result<Self, Denied> {
        let secret = bearer(headers)?;
        Ok(Self { secret, digest: sha256(secret.as_bytes()) })
    }

    /// Its text.
    #[must_use]
    pub fn secret(&self) -> &'h str {
        self.secret
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl std::fmt::Debug for Bearer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(…)")
    }
}

/// The name of the token that the request carries.
///
/// Every token is compared, in constant time, so that the time tells nothing about which are configured. Of two equal
/// tokens the first that is accepted is named.
///
/// # Errors
/// [`Denied`] where there is no single bearer credential, or it is not one of the tokens, or not now.
pub fn authenticate<'t>(headers: &Headers, tokens: &'t [Token], now: UnixMillis) -> Result<&'t str, Denied> {
    known(&Bearer::of(headers)?, tokens, now)
}

/// As [`authenticate`], of a credential that has been read.
///
/// # Errors
/// [`Denied`] where it is not one of the tokens, or not now.
pub fn known<'t>(bearer: &Bearer<'_>, tokens: &'t [Token], now: UnixMillis) -> Result<&'t str, Denied> {
    let mut result = Err(Denied::Unknown);
    for token in tokens {
        let same = equal(&token.sha256, &bearer.digest);
        if same && result.is_err() {
            let judged = token.judge(bearer.secret, now);
            if judged.is_ok() || result == Err(Denied::Unknown) {
                result = judged;
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn tokens() -> Vec<Token> {
        [("old", "s3cr3t"), ("new", "ada@edge.example:k/e+y=="), ("empty", "")]
            .map(|(name, secret)| Token::new(name, sha256(secret.as_bytes())))
            .into()
    }

    fn ask(value: &str) -> Result<String, Denied> {
        authenticate(&Headers::from([("Authorization", value)]), &tokens(), NOW).map(str::to_owned)
    }

    #[test]
    fn any_of_several_tokens_is_accepted_and_named() {
        assert_eq!(ask("Bearer s3cr3t").unwrap(), "old");
        assert_eq!(ask("bEARER  ada@edge.example:k/e+y==").unwrap(), "new");
    }

    #[test]
    fn a_missing_header_is_told_from_a_wrong_one() {
        assert_eq!(authenticate(&Headers::default(), &tokens(), NOW), Err(Denied::Missing));
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
        assert_eq!(authenticate(&two, &tokens(), NOW), Err(Denied::Malformed));
        assert_eq!(ask("Bearer s3cr3t,Bearer s3cr3t"), Err(Denied::Malformed));
        assert_eq!(ask("Bearer nope, Bearer s3cr3t"), Err(Denied::Malformed));
        assert_eq!(ask("Bearer s3cr3t, "), Err(Denied::Malformed));
    }

    #[test]
    fn a_token_opens_from_its_beginning_until_its_end() {
        let digest = sha256(b"s3cr3t");
        let headers = Headers::from([("authorization", "Bearer s3cr3t")]);
        let day = std::time::Duration::from_secs(86_400);
        let token = Token {
            not_before: Some(NOW.before(day)),
            expires: Some(NOW.after(day)),
            ..Token::new("dated", digest)
        };
        let at = |now| authenticate(&headers, std::slice::from_ref(&token), now).map(str::to_owned);
        assert_eq!(at(NOW), Ok("dated".to_owned()));
        assert_eq!(at(NOW.before(day)), Ok("dated".to_owned()));
        assert_eq!(at(NOW.before(day).before(day)), Err(Denied::NotYet));
        assert_eq!(at(NOW.after(day)), Err(Denied::Expired));
        let again = [token.clone(), Token::new("again", digest)];
        assert_eq!(authenticate(&headers, &again, NOW.after(day)), Ok("again"));
        assert_eq!(Denied::Expired.code(), "token_expired");
        assert_eq!(Denied::Expired.reply().status, 401);
    }

    #[test]
    fn a_token_that_names_another_directory_than_it_was_made_for_is_refused() {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let jwt = format!("e30.{}.AAAA", URL_SAFE_NO_PAD.encode(r#"{"tid":"11111111-AAAA"}"#));
        let headers = Headers::from([("authorization", format!("Bearer {jwt}").as_str())]);
        let token = |tenant_id: Option<&str>| Token {
            tenant_id: tenant_id.map(str::to_owned),
            ..Token::new("paired", sha256(jwt.as_bytes()))
        };
        let ask = |token| authenticate(&headers, &[token], NOW).map(str::to_owned);
        assert_eq!(ask(token(Some("11111111-aaaa"))), Ok("paired".to_owned()));
        assert_eq!(ask(token(None)), Ok("paired".to_owned()));
        assert_eq!(ask(token(Some("22222222-bbbb"))), Err(Denied::Directory));
    }

    #[test]
    fn without_tokens_nobody_enters() {
        let headers = Headers::from([("authorization", "Bearer s3cr3t")]);
        assert_eq!(authenticate(&headers, &[], NOW), Err(Denied::Unknown));
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        let headers = Headers::new(vec![(b"authorization".to_vec(), b"Bearer s3cr3t\xff".to_vec())]);
        assert_eq!(authenticate(&headers, &tokens(), NOW), Err(Denied::Malformed));
    }
}
