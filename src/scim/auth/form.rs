//! The request of a token endpoint: a form (RFC 6749 appendix B), and the `Basic` credential of section 2.3.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::rules::query;
use super::token::TokenError;
use crate::common::Headers;

/// A form whose parameters occur once each (RFC 6749 section 3.2). Empty ones count as left out.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, TokenError> {
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(TokenError::Request("The request must be a form."));
        }
        let text = std::str::from_utf8(body).map_err(|_| TokenError::Request("The form is not UTF-8."))?;
        let decoded = query::decoded(query::split(text));
        let decoded = decoded.map_err(|_| TokenError::Request("The form cannot be decoded."))?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for parameter in decoded {
            let value = parameter.value.unwrap_or_default();
            if pairs.iter().any(|(have, _)| *have == parameter.name) {
                return Err(TokenError::Request("A parameter occurs twice."));
            }
            pairs.push((parameter.name, value));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// Identifier and secret of a client, as they were written and form-decoded: clients differ in whether they encode.
pub(super) struct Basic {
    pub(super) written: (String, String),
    pub(super) decoded: Option<(String, String)>,
}

impl Basic {
    /// The credential of the request; `None` where it has none.
    pub(super) fn of(headers: &Headers) -> Result<Option<Self>, TokenError> {
        if !headers.has("authorization") {
            return Ok(None);
        }
        let value = headers.only("authorization").ok_or(TokenError::Client { challenge: true })?;
        Self::read(value).map(Some).ok_or(TokenError::Client { challenge: true })
    }

    fn read(value: &str) -> Option<Self> {
        let (scheme, encoded) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let decoded = query::decode(id).zip(query::decode(secret));
        Some(Self { written: (id.to_owned(), secret.to_owned()), decoded })
    }
}
