//! What the provisioning client is told when a request is refused (RFC 7644 section 3.12).

use serde_json::{Value, json};

use crate::common::Reply;
use crate::common::json::JsonError;

/// Media type of every SCIM message (RFC 7644 section 3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
/// Schema of the error message.
pub(crate) const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Why a SCIM request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimError {
    /// No or a wrong credential.
    Unauthorized(Denied),
    /// The body is not strict JSON.
    Json(JsonError),
    /// JSON, but not the message that the method asks for. The text names the place, never a value.
    Syntax(String),
    /// A PATCH path that cannot be read (RFC 7644 section 3.5.2).
    Path(String),
    /// An operation that names nothing to work on (RFC 7644 section 3.5.2.2).
    NoTarget(String),
    /// A filter that cannot be read (RFC 7644 section 3.4.2.2).
    Filter(String),
    /// A value that cannot be carried over without guessing, or that is missing.
    Value(String),
    /// Only a judgement could repair it, and those are not wanted ([`super::Mode::Strict`]).
    Judgement {
        /// The rule that would have judged.
        rule: &'static str,
        /// Where: a path into the message, never a value of it.
        place: String,
    },
    /// A secret in a URL (RFC 7644 section 7.5.2).
    Sensitive(&'static str),
    /// A version of the protocol that is not served (RFC 7644 section 3.13).
    Version,
    /// There is no such resource.
    Absent(&'static str),
    /// A query that is not allowed (RFC 7644 section 4).
    Forbidden(&'static str),
    /// A change of what may not be changed, or the removal of what must be there (RFC 7644 section 3.5.2.2).
    Mutability(String),
    /// More entries than can be looked through (RFC 7644 section 3.12).
    TooMany(String),
    /// The application did not answer, or with something else than was asked for.
    Upstream(&'static str),
    /// An ambiguous or malformed URL.
    Url(&'static str),
    /// A media type or content coding other than plain SCIM JSON.
    MediaType(&'static str),
    /// The method is not one that SCIM knows for this endpoint.
    Method,
    /// No such endpoint.
    Endpoint,
    /// `/Bulk` and `/Me`: a write there could hide whom it concerns.
    Unsupported(&'static str),
}

/// Why a credential was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no `Authorization` header.
    Missing,
    /// More than one, or one that is not a single `Bearer` credential.
    Malformed,
    /// A credential that is not ours.
    Unknown,
    /// A token of ours whose time is over.
    Expired,
    /// A token of ours whose time has not come.
    NotYet,
    /// A token of ours that was made for another directory than the one it says.
    Directory,
}

impl Denied {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "scim_token_missing",
            Self::Malformed => "scim_token_malformed",
            Self::Unknown => "scim_token_unknown",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::Directory => "token_directory",
        }
    }

    /// The 401 with its challenge (RFC 6750 section 3).
    #[must_use]
    pub fn reply(self) -> Reply {
        ScimError::Unauthorized(self).reply()
    }
}

impl From<Denied> for ScimError {
    fn from(denied: Denied) -> Self {
        Self::Unauthorized(denied)
    }
}

impl From<JsonError> for ScimError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl ScimError {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(denied) => denied.code(),
            Self::Json(error) => error.code(),
            Self::Syntax(_) => "scim_syntax",
            Self::Path(_) => "scim_path",
            Self::NoTarget(_) => "scim_no_target",
            Self::Filter(_) => "scim_filter",
            Self::Value(_) => "scim_value",
            Self::Mutability(_) => "scim_mutability",
            Self::Judgement { .. } => "scim_judgement",
            Self::Sensitive(_) => "scim_sensitive",
            Self::Version => "scim_version",
            Self::Absent(_) => "scim_absent",
            Self::Forbidden(_) => "scim_forbidden",
            Self::TooMany(_) => "scim_too_many",
            Self::Upstream(_) => "scim_upstream",
            Self::Url(_) => "scim_url",
            Self::MediaType(_) => "scim_media_type",
            Self::Method => "scim_method",
            Self::Endpoint => "scim_endpoint",
            Self::Unsupported(_) => "scim_unsupported",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Unauthorized(_) => 401,
            Self::MediaType(_) => 415,
            Self::Method => 405,
            Self::Endpoint | Self::Absent(_) => 404,
            Self::Forbidden(_) => 403,
            Self::Unsupported(_) => 501,
            Self::Upstream(_) => 502,
            _ => 400,
        }
    }

    fn scim_type(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) | Self::Syntax(_) => Some("invalidSyntax"),
            Self::Path(_) => Some("invalidPath"),
            Self::NoTarget(_) => Some("noTarget"),
            Self::Filter(_) => Some("invalidFilter"),
            Self::Value(_) => Some("invalidValue"),
            Self::Mutability(_) => Some("mutability"),
            Self::Judgement { place, .. } => Some(judged(place)),
            Self::Sensitive(_) => Some("sensitive"),
            Self::Version => Some("invalidVers"),
            Self::TooMany(_) => Some("tooMany"),
            _ => None,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized(Denied::Missing) => "The request carries no bearer token.".into(),
            Self::Unauthorized(_) => "The bearer token is not accepted.".into(),
            Self::Json(error) => format!("The request body is not valid JSON: {error}."),
            Self::Syntax(what)
            | Self::Path(what)
            | Self::NoTarget(what)
            | Self::Filter(what)
            | Self::Value(what)
            | Self::Mutability(what)
            | Self::TooMany(what) => what.clone(),
            Self::Judgement { rule, place } => format!(
                "Only a judgement by rule {rule} could repair {place}, and this gateway is set not to judge."
            ),
            Self::Url(what)
            | Self::MediaType(what)
            | Self::Unsupported(what)
            | Self::Upstream(what)
            | Self::Sensitive(what)
            | Self::Absent(what)
            | Self::Forbidden(what) => (*what).into(),
            Self::Version => "This version of the SCIM protocol is not served here; 2.0 is.".into(),
            Self::Method => "SCIM does not define this method for this endpoint.".into(),
            Self::Endpoint => "There is no such SCIM endpoint.".into(),
        }
    }

    /// The answer to the client.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let reply = error_reply(self.status(), self.scim_type(), &self.detail());
        match self {
            // No error code where no credential was given (RFC 6750 section 3.1).
            Self::Unauthorized(Denied::Missing) => reply.with("www-authenticate", "Bearer"),
            Self::Unauthorized(_) => reply.with("www-authenticate", r#"Bearer error="invalid_token""#),
            _ => reply,
        }
    }
}

impl std::fmt::Display for ScimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail())
    }
}

impl std::error::Error for ScimError {}

/// The `scimType` for what a judgement at `place` would have repaired.
fn judged(place: &str) -> &'static str {
    if place.starts_with("query") {
        "invalidFilter"
    } else if place.ends_with("path") {
        "invalidPath"
    } else if matches!(place, "body" | "Operations" | "schemas") {
        "invalidSyntax"
    } else {
        "invalidValue"
    }
}

/// The error message as JSON.
pub(crate) fn error_body(status: u16, scim_type: Option<&str>, detail: Option<&str>) -> Value {
    let mut body = json!({"schemas": [ERROR_SCHEMA], "status": status.to_string()});
    if let Value::Object(members) = &mut body {
        if let Some(scim_type) = scim_type {
            members.insert("scimType".into(), scim_type.into());
        }
        if let Some(detail) = detail {
            members.insert("detail".into(), detail.into());
        }
    }
    body
}

/// A reply with a SCIM error message.
#[must_use]
pub fn error_reply(status: u16, scim_type: Option<&str>, detail: &str) -> Reply {
    let body = error_body(status, scim_type, Some(detail));
    Reply::status(status).body(MEDIA_TYPE, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_error_is_a_scim_message_whose_status_is_text() {
        for (error, status, scim_type) in [
            (ScimError::Unauthorized(Denied::Missing), 401, None),
            (ScimError::Syntax("x".into()), 400, Some("invalidSyntax")),
            (ScimError::Path("x".into()), 400, Some("invalidPath")),
            (ScimError::NoTarget("x".into()), 400, Some("noTarget")),
            (ScimError::Filter("x".into()), 400, Some("invalidFilter")),
            (ScimError::Value("x".into()), 400, Some("invalidValue")),
            (ScimError::Mutability("x".into()), 400, Some("mutability")),
            (ScimError::Judgement { rule: "F4", place: "query.filter".into() }, 400, Some("invalidFilter")),
            (ScimError::Judgement { rule: "F6", place: "Operations.path".into() }, 400, Some("invalidPath")),
            (
                ScimError::Judgement { rule: "P41", place: "Operations[0].value".into() },
                400,
                Some("invalidValue"),
            ),
            (ScimError::Judgement { rule: "P43", place: "Operations".into() }, 400, Some("invalidSyntax")),
            (ScimError::Sensitive("x"), 400, Some("sensitive")),
            (ScimError::Version, 400, Some("invalidVers")),
            (ScimError::Absent("x"), 404, None),
            (ScimError::Forbidden("x"), 403, None),
            (ScimError::TooMany("x".into()), 400, Some("tooMany")),
            (ScimError::Upstream("x"), 502, None),
            (ScimError::MediaType("x"), 415, None),
            (ScimError::Unsupported("x"), 501, None),
        ] {
            let reply = error.reply();
            assert_eq!(reply.status, status);
            assert_eq!(header(&reply, "content-type"), Some(MEDIA_TYPE));
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(body["schemas"], json!([ERROR_SCHEMA]));
            assert_eq!(body["status"], status.to_string());
            assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type);
            assert!(body["detail"].is_string());
        }
    }

    #[test]
    fn the_challenge_names_an_error_only_where_a_credential_was_given() {
        let missing = Denied::Missing.reply();
        assert_eq!(header(&missing, "www-authenticate"), Some("Bearer"));
        let unknown = Denied::Unknown.reply();
        assert!(header(&unknown, "www-authenticate").unwrap().contains("invalid_token"));
    }
}
