//! Rules of request headers: T3 T4 T5.

use super::error::{MEDIA_TYPE, ScimError};
use super::rule::{Certainty, Rule};
use crate::common::HeaderEdit;

/// The headers that the rules are about.
pub(crate) struct MediaHeaders {
    pub(crate) accept: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) has_body: bool,
}

/// All of them, in order.
pub(crate) const ALL: &[&Rule<MediaHeaders>] = &[&T3, &T4, &T5];

const T3: Rule<MediaHeaders> = Rule {
    id: "T3",
    says: "adds an Accept header where there is none",
    certainty: Certainty::Harmless,
    apply: |headers, _, notes| {
        if headers.accept.as_deref().is_none_or(|accept| matches!(accept.trim(), "" | "*/*")) {
            headers.accept = Some(MEDIA_TYPE.to_owned());
            notes.mark("header.accept");
        }
    },
};

const T4: Rule<MediaHeaders> = Rule {
    id: "T4",
    says: "drops parameters of the content type",
    certainty: Certainty::Harmless,
    apply: |headers, _, notes| {
        if let Some(value) = &mut headers.content_type
            && let Some((media_type, _)) = value.split_once(';')
        {
            *value = media_type.trim().to_owned();
            notes.mark("header.content-type");
        }
    },
};

const T5: Rule<MediaHeaders> = Rule {
    id: "T5",
    says: "calls a SCIM message application/scim+json",
    certainty: Certainty::Certain,
    apply: |headers, _, notes| {
        let value = headers.content_type.as_deref().unwrap_or_default();
        if headers.has_body && !value.starts_with(MEDIA_TYPE) {
            headers.content_type = Some(MEDIA_TYPE.to_owned());
            notes.mark("header.content-type");
        }
    },
};

impl MediaHeaders {
    /// Takes the headers of a request.
    ///
    /// # Errors
    /// A body that is not said to be JSON in UTF-8, or that is encoded.
    pub(crate) fn read(
        accept: Option<&str>,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
        has_body: bool,
    ) -> Result<Self, ScimError> {
        if has_body {
            let coding = content_encoding.unwrap_or("identity").trim();
            if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
                return Err(ScimError::MediaType("The request body must not be compressed."));
            }
            let mut parts = content_type.unwrap_or(MEDIA_TYPE).split(';');
            let media_type = parts.next().unwrap_or_default().trim();
            let known = [MEDIA_TYPE, "application/json"];
            if !known.iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
                return Err(ScimError::MediaType("The request body must be application/scim+json."));
            }
            let charset = parts.find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
            });
            if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
                return Err(ScimError::MediaType("The request body must be UTF-8."));
            }
        }
        Ok(Self {
            accept: accept.map(str::to_owned),
            content_type: content_type.filter(|_| has_body).map(|value| value.trim().to_ascii_lowercase()),
            has_body,
        })
    }

    /// What is to be done to the headers of the request. Responses must come uncompressed, because they are read.
    pub(crate) fn edits(&self) -> Vec<HeaderEdit> {
        let mut edits = Vec::new();
        if let Some(accept) = &self.accept {
            edits.push(HeaderEdit::set("accept", accept));
        }
        match &self.content_type {
            Some(content_type) if self.has_body => edits.push(HeaderEdit::set("content-type", content_type)),
            _ => edits.push(HeaderEdit::remove("content-type")),
        }
        edits.push(HeaderEdit::remove("content-encoding"));
        edits.push(HeaderEdit::remove("accept-encoding"));
        edits
    }
}

/// Whether a client says by its `accept` that it wants to read JSON. What any client sends without a thought (`*/*`) says
/// nothing.
pub(crate) fn names_json(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let media = range.split(';').next().unwrap_or_default().trim();
        [MEDIA_TYPE, "application/json"].iter().any(|known| media.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Context, Settings, run};
    use super::super::schema::ResourceKind;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    type Seen = (Option<String>, Option<String>, Vec<&'static str>);

    fn read(accept: Option<&str>, content_type: Option<&str>, has_body: bool) -> Result<Seen, ScimError> {
        let mut headers = MediaHeaders::read(accept, content_type, None, has_body)?;
        let settings = Settings::default();
        let context = Context { kind: &ResourceKind::User, settings: &settings };
        let mut trail = Vec::new();
        run(ALL, &mut headers, &context, &mut trail)?;
        Ok((headers.accept, headers.content_type, trail.iter().map(|applied| applied.rule).collect()))
    }

    #[test]
    fn t3_adds_accept_and_never_a_content_type_to_a_request_without_body() {
        assert_eq!(read(None, None, false).unwrap(), (Some(MEDIA_TYPE.into()), None, vec!["T3"]));
        assert_eq!(
            read(Some("application/json"), None, false).unwrap().0.as_deref(),
            Some("application/json")
        );
        assert_eq!(read(None, Some(MEDIA_TYPE), false).unwrap().1, None);
    }

    #[test]
    fn t4_and_t5_leave_the_bare_media_type() {
        for (from, rules) in [
            ("application/scim+json", vec![]),
            ("application/scim+json; charset=utf-8", vec!["T4"]),
            ("application/json", vec!["T5"]),
            ("Application/JSON;charset=\"UTF-8\"", vec!["T4", "T5"]),
        ] {
            let (_, content_type, applied) = read(Some(MEDIA_TYPE), Some(from), true).unwrap();
            assert_eq!((content_type.as_deref(), applied), (Some(MEDIA_TYPE), rules), "{from}");
        }
    }

    #[test]
    fn another_media_type_charset_or_coding_is_refused() {
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""]
        {
            assert_eq!(
                read(None, Some(content_type), true).unwrap_err().reply().status,
                415,
                "{content_type}"
            );
        }
        let gzip = MediaHeaders::read(None, Some(MEDIA_TYPE), Some("gzip"), true).err().unwrap();
        assert_eq!(gzip.reply().status, 415);
        assert!(MediaHeaders::read(None, Some(MEDIA_TYPE), Some("Identity"), true).is_ok());
    }
}
