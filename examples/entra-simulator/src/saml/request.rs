//! Authentication requests of the Redirect binding, judged as Entra judges them.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

use crate::{form, saml::SignOnSettings};

/// A request is a few hundred bytes; this is far above any real one.
const MAX_XML: usize = 64 * 1024;
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const POST_BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// What a request says, as far as Entra honours it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AuthnRequest {
    /// To be repeated as `InResponseTo`.
    pub id: String,
    /// Entity identifier of the service provider.
    pub issuer: String,
    /// Where the response is wanted.
    pub reply_url: Option<String>,
    /// The user has to sign in anew.
    pub force_authn: bool,
    version: String,
    binding: Option<String>,
    comparison: Option<String>,
    has_subject: bool,
}

/// A refusal with the code that Entra's sign-in page would show.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `AADSTS50011`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
}

fn refuse<T>(code: &'static str, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, detail: detail.into() })
}

/// Reads the request out of the query of a sign-on URL.
///
/// # Errors
/// There is no request, or it is not one that Entra would accept.
pub fn from_query(query: &str, settings: &SignOnSettings) -> Result<(AuthnRequest, Option<String>), Refusal> {
    let Ok(pairs) = form::pairs(query) else { return refuse("AADSTS750054", "the query cannot be decoded") };
    let Some(encoded) = form::first(&pairs, "SAMLRequest") else {
        return refuse("AADSTS750054", "SAMLRequest is not in the query");
    };
    let request = parse(&inflate(encoded)?)?;
    judge(&request, settings)?;
    Ok((request, form::first(&pairs, "RelayState").map(str::to_owned)))
}

fn inflate(encoded: &str) -> Result<String, Refusal> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let Ok(packed) = GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(encoded) else {
        return refuse("AADSTS75005", "SAMLRequest is not base64");
    };
    let Ok(bytes) = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_XML) else {
        return refuse("AADSTS75005", "SAMLRequest is not DEFLATE, or too large");
    };
    String::from_utf8(bytes).or_else(|_| refuse("AADSTS75005", "SAMLRequest is not UTF-8"))
}

fn parse(xml: &str) -> Result<AuthnRequest, Refusal> {
    read(xml).or_else(|detail| refuse("AADSTS75005", detail))
}

fn read(xml: &str) -> Result<AuthnRequest, String> {
    let mut reader = NsReader::from_str(xml);
    let mut request = AuthnRequest::default();
    let mut depth = 0usize;
    let mut in_issuer = false;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(start) => {
                in_issuer = open(&mut request, &namespace, &start, depth)?;
                depth += 1;
            }
            Event::Empty(start) => {
                open(&mut request, &namespace, &start, depth)?;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                in_issuer = false;
            }
            Event::Text(text) if in_issuer => {
                request.issuer.push_str(&text.xml10_content());
            }
            Event::DocType(_) | Event::PI(_) => {
                return Err("document types and instructions are refused".into());
            }
            Event::GeneralRef(reference) if in_issuer => {
                let known = quick_xml::escape::resolve_predefined_entity(&reference);
                request.issuer.push_str(known.ok_or("the issuer has an unknown reference")?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if request.id.is_empty() { Err("there is no samlp:AuthnRequest".into()) } else { Ok(request) }
}

/// Takes in one start tag; true if text that follows is the issuer.
fn open(
    request: &mut AuthnRequest,
    namespace: &ResolveResult<'_>,
    start: &BytesStart<'_>,
    depth: usize,
) -> Result<bool, String> {
    let is = |uri: &str, name: &str| {
        *namespace == ResolveResult::Bound(Namespace(uri)) && start.local_name().as_ref() == name
    };
    let attribute = |name: &str| -> Result<Option<String>, String> {
        let found = start.try_get_attribute(name).map_err(|error| error.to_string())?;
        let Some(found) = found else { return Ok(None) };
        let plain = quick_xml::escape::unescape(&found.value).map_err(|error| error.to_string())?;
        Ok(Some(plain.into_owned()))
    };
    match depth {
        0 if is(PROTOCOL, "AuthnRequest") => {
            request.id = attribute("ID")?.unwrap_or_default();
            request.version = attribute("Version")?.unwrap_or_default();
            request.reply_url = attribute("AssertionConsumerServiceURL")?;
            request.binding = attribute("ProtocolBinding")?;
            request.force_authn = matches!(attribute("ForceAuthn")?.as_deref(), Some("true" | "1"));
        }
        0 => return Err("the root is not samlp:AuthnRequest".into()),
        1 if is(ASSERTION, "Issuer") => return Ok(true),
        1 if is(ASSERTION, "Subject") => request.has_subject = true,
        1 if is(PROTOCOL, "RequestedAuthnContext") => {
            request.comparison = Some(attribute("Comparison")?.unwrap_or_else(|| "exact".into()));
        }
        _ => {}
    }
    Ok(false)
}

fn judge(request: &AuthnRequest, settings: &SignOnSettings) -> Result<(), Refusal> {
    if request.id.starts_with(|first: char| first.is_ascii_digit()) {
        return refuse("AADSTS7500529", "the request ID starts with a digit");
    }
    if request.version != "2.0" {
        return refuse("AADSTS75005", "the version is not 2.0");
    }
    if request.issuer.trim() != settings.identifier {
        let detail = format!("the application '{}' was not found in the tenant", request.issuer.trim());
        return refuse("AADSTS700016", detail);
    }
    if request.reply_url.as_ref().is_some_and(|url| *url != settings.reply_url) {
        return refuse("AADSTS50011", "the reply URL of the request is not the one registered");
    }
    if request.binding.as_deref().is_some_and(|binding| binding != POST_BINDING) {
        return refuse("AADSTS75003", "the response can be sent by HTTP-POST only");
    }
    if request.has_subject {
        return refuse("AADSTS900236", "the request names a Subject");
    }
    if request.comparison.as_deref().is_some_and(|comparison| comparison != "exact") {
        return refuse("AADSTS75005", "the comparison of RequestedAuthnContext has to be exact");
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::from_query;
    use crate::{form, saml::test_settings};

    /// A query as a service provider makes it.
    pub(crate) fn query_of(xml: &str) -> String {
        let packed = STANDARD.encode(miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6));
        format!("SAMLRequest={}&RelayState=r-1", form::encode_dotnet(&packed))
    }

    pub(crate) fn request(id: &str, issuer: &str, reply: &str, more: &str) -> String {
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="{id}" Version="2.0" IssueInstant="2026-01-01T00:00:00Z" AssertionConsumerServiceURL="{reply}"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</saml:Issuer>{more}</samlp:AuthnRequest>"#
        )
    }

    fn code(xml: &str) -> Option<&'static str> {
        from_query(&query_of(xml), &test_settings()).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_good_request_is_read() {
        let settings = test_settings();
        let xml = request("_r1", &settings.identifier, &settings.reply_url, "");
        let (read, relay) = from_query(&query_of(&xml), &settings).unwrap();
        assert_eq!((read.id.as_str(), read.reply_url.as_deref()), ("_r1", Some(settings.reply_url.as_str())));
        assert_eq!(relay.as_deref(), Some("r-1"));
    }

    #[test]
    fn refusals_carry_the_codes_of_entra() {
        let settings = test_settings();
        let (issuer, reply) = (settings.identifier.as_str(), settings.reply_url.as_str());
        assert_eq!(code(&request("1r", issuer, reply, "")), Some("AADSTS7500529"));
        assert_eq!(code(&request("_r", "https://other.example", reply, "")), Some("AADSTS700016"));
        assert_eq!(code(&request("_r", issuer, "https://evil.example/acs", "")), Some("AADSTS50011"));
        let subject = r#"<Subject xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>"#;
        assert_eq!(code(&request("_r", issuer, reply, subject)), Some("AADSTS900236"));
        assert_eq!(code("<x/>"), Some("AADSTS75005"));
        assert_eq!(from_query("a=b", &settings).unwrap_err().code, "AADSTS750054");
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        assert_eq!(code(&" ".repeat(70_000)), Some("AADSTS75005"));
    }

    #[test]
    fn a_document_type_is_refused() {
        let settings = test_settings();
        let xml = request("_r1", &settings.identifier, &settings.reply_url, "");
        assert_eq!(code(&format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{xml}")), Some("AADSTS75005"));
    }
}
