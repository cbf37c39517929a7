//! Rules of the URL and its query: T1 T2 F7 F1 F9.

use super::super::error::ScimError;
use super::super::rule::{Certainty, Context, Notes, Rule};
use super::super::url::{hex_pair, is_unreserved, push_encoded};

/// The query as text, one entry for each parameter, before anything is decoded.
pub(crate) type RawQuery = Vec<String>;

/// A parameter, decoded once.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    /// How it will be written.
    pub(crate) written: String,
}

pub(crate) type Query = Vec<Parameter>;

/// Rules before decoding, in order.
pub(crate) const RAW: &[&Rule<RawQuery>] = &[&T1, &F7];
/// Rules after decoding, in order.
pub(crate) const DECODED: &[&Rule<Query>] = &[&F9, &F1];

const FLAGS: [&str; 3] = ["aadoptscim062020", "azureadscimpatch062020", "azureadscimpatch2017"];

const T1: Rule<RawQuery> = Rule {
    id: "T1",
    says: "removes the feature flag of the tenant URL (aadOptscim062020 and its kin) from the query",
    certainty: Certainty::Harmless,
    apply: |query, _, notes| {
        let before = query.len();
        query.retain(|part| {
            let name = part.split('=').next().unwrap_or_default();
            let name = decode(name).unwrap_or_default().to_ascii_lowercase();
            !FLAGS.contains(&name.trim_matches(|char: char| char == '/' || char.is_whitespace()))
        });
        if query.len() != before {
            notes.mark("query");
        }
    },
};

/// Path rule; applied where the URL is read, because the target depends on it.
pub(crate) const T2: Rule<String> = Rule {
    id: "T2",
    says: "collapses doubled and trailing slashes and gives the path its one canonical spelling",
    certainty: Certainty::Harmless,
    apply: |_, _, notes| notes.mark("path"),
};

const F7: Rule<RawQuery> = Rule {
    id: "F7",
    says: "encodes a percent sign that starts no percent-encoding",
    certainty: Certainty::Judgement,
    apply: |query, _, notes| {
        for part in query {
            let mut out = String::new();
            for (at, char) in part.char_indices() {
                out.push(char);
                if char == '%' {
                    let mut rest = part.bytes().skip(at.saturating_add(1));
                    if hex_pair((rest.next(), rest.next())).is_none() {
                        out.push_str("25");
                    }
                }
            }
            if out != *part {
                *part = out;
                notes.mark("query");
            }
        }
    },
};

const F1: Rule<Query> = Rule {
    id: "F1",
    says: "decodes form encoding once and writes percent-encoding",
    certainty: Certainty::Certain,
    apply: |query, _, notes| {
        for parameter in query {
            let written = parameter.canonical();
            if written != parameter.written {
                parameter.written = written;
                notes.mark(format!("query.{}", known(&parameter.name)));
            }
        }
    },
};

const PARAMETERS: [&str; 7] =
    ["filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"];

const F9: Rule<Query> = Rule {
    id: "F9",
    says: "gives query parameters the spelling of the RFC and a startIndex of at least 1",
    certainty: Certainty::Harmless,
    apply: |query: &mut Query, _: &Context<'_>, notes: &mut Notes<'_>| {
        for parameter in query {
            let Some(known) =
                PARAMETERS.into_iter().find(|known| known.eq_ignore_ascii_case(&parameter.name))
            else {
                continue;
            };
            let below_one = known == "startIndex"
                && parameter
                    .value
                    .as_deref()
                    .and_then(|value| value.parse::<i64>().ok())
                    .is_some_and(|n| n < 1);
            if parameter.name != known || below_one {
                known.clone_into(&mut parameter.name);
                if below_one {
                    parameter.value = Some("1".into());
                }
                parameter.written = parameter.canonical();
                notes.mark(format!("query.{known}"));
            }
        }
    },
};

/// A parameter's name where it is one of SCIM's, for records.
fn known(name: &str) -> &'static str {
    PARAMETERS.into_iter().find(|known| *known == name).unwrap_or("other")
}

impl Parameter {
    /// The canonical encoding.
    pub(crate) fn canonical(&self) -> String {
        // A list of attribute names keeps its commas.
        let keep_comma = matches!(self.name.as_str(), "attributes" | "excludedAttributes");
        let mut out = encode(&self.name, false);
        if let Some(value) = &self.value {
            out.push('=');
            out.push_str(&encode(value, keep_comma));
        }
        out
    }
}

/// Splits a raw query into its parameters.
pub(crate) fn split(query: &str) -> RawQuery {
    query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Decodes each parameter once, as form data.
pub(crate) fn decoded(raw: RawQuery) -> Result<Query, ScimError> {
    let broken = || ScimError::Url("The query of the request cannot be decoded.");
    raw.into_iter()
        .map(|written| {
            let (name, value) = match written.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (written.as_str(), None),
            };
            let name = decode(name).ok_or_else(broken)?;
            let value = value.map(|value| decode(value).ok_or_else(broken)).transpose()?;
            Ok(Parameter { name, value, written })
        })
        .collect()
}

/// Undoes form encoding (percent-encoding, and `+` for a space).
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex_pair((bytes.next(), bytes.next()))?,
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn encode(text: &str, keep_comma: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if is_unreserved(byte) || (keep_comma && byte == b',') {
            out.push(char::from(byte));
        } else {
            push_encoded(&mut out, byte);
        }
    }
    out
}
