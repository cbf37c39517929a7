//! Authentication requests of the Redirect binding, judged as Entra judges them.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    form,
    saml::{
        SignOnSettings,
        claims::NameIdFormat,
        read::{ASSERTION, MAX_XML, Node, PROTOCOL, parse},
        verify,
    },
};

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
    /// The user must not be asked.
    pub is_passive: bool,
    /// The name identifier that is wanted.
    pub name_id_format: Option<NameIdFormat>,
    /// Classes, one of which is wanted.
    pub contexts: Vec<String>,
}

/// A refusal with the code that Entra's sign-in page would show.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `AADSTS50011`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
}

/// A refusal.
pub(super) fn refuse<T>(code: &'static str, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, detail: detail.into() })
}

/// Reads the request out of the query of a sign-on URL.
///
/// # Errors
/// There is no request, or it is not one that Entra would accept.
pub fn from_query(query: &str, settings: &SignOnSettings) -> Result<(AuthnRequest, Option<String>), Refusal> {
    let (root, relay_state) = message(query, "SAMLRequest")?;
    let request = judge(&root, settings)?;
    if settings.verification_required {
        verify::query(query, settings.verification_certificate.as_deref().unwrap_or_default())?;
    }
    Ok((request, relay_state))
}

/// The message in a query, and the relay state beside it.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn message(query: &str, name: &str) -> Result<(Node, Option<String>), Refusal> {
    let Ok(pairs) = form::pairs(query) else { return refuse("AADSTS750054", "the query cannot be decoded") };
    let Some(encoded) = form::first(&pairs, name) else {
        return refuse("AADSTS750054", format!("{name} is not in the query"));
    };
    let root = parse(&inflate(encoded)?).or_else(|detail| refuse("AADSTS75005", detail))?;
    Ok((root, form::first(&pairs, "RelayState").map(str::to_owned)))
}

/// The query that says the same as a form of the POST binding.
///
/// # Errors
/// The message is not base64 of a text.
pub fn query_of_form(message: &str, relay_state: Option<&str>) -> Result<String, Refusal> {
    let Some(xml) = base64_of(message).and_then(|octets| String::from_utf8(octets).ok()) else {
        return refuse("AADSTS75005", "SAMLRequest is not base64 of a text");
    };
    Ok(query_of(&xml, relay_state))
}

/// A query with a message in it.
#[must_use]
pub fn query_of(xml: &str, relay_state: Option<&str>) -> String {
    let mut query = format!("SAMLRequest={}", form::encode_dotnet(&deflated(xml)));
    if let Some(relay) = relay_state {
        query.push_str(&format!("&RelayState={}", form::encode_dotnet(relay)));
    }
    query
}

/// DEFLATE and base64, as the Redirect binding wants it.
#[must_use]
pub fn deflated(xml: &str) -> String {
    let packed = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6);
    base64::engine::general_purpose::STANDARD.encode(packed)
}

fn base64_of(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let plain: String = text.split_ascii_whitespace().collect();
    GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(plain).ok()
}

fn inflate(encoded: &str) -> Result<String, Refusal> {
    let Some(packed) = base64_of(encoded) else {
        return refuse("AADSTS75005", "the message is not base64");
    };
    let Ok(bytes) = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_XML / 4) else {
        return refuse("AADSTS75005", "the message is not DEFLATE, or too large");
    };
    String::from_utf8(bytes).or_else(|_| refuse("AADSTS75005", "the message is not UTF-8"))
}

fn judge(root: &Node, settings: &SignOnSettings) -> Result<AuthnRequest, Refusal> {
    if !root.is(PROTOCOL, "AuthnRequest") {
        return refuse("AADSTS75005", "the root is not samlp:AuthnRequest");
    }
    let id = root.attribute("ID").unwrap_or_default();
    if id.is_empty() {
        return refuse("AADSTS75005", "there is no ID");
    }
    if id.starts_with(|first: char| first.is_ascii_digit()) {
        return refuse("AADSTS7500529", "the request ID starts with a digit");
    }
    if root.attribute("Version") != Some("2.0") {
        return refuse("AADSTS75005", "the version is not 2.0");
    }
    let issuer = root.child(ASSERTION, "Issuer").map_or("", |issuer| issuer.text.as_str());
    if issuer != settings.identifier {
        let detail = format!("the application '{issuer}' was not found in the tenant");
        return refuse("AADSTS700016", detail);
    }
    let reply_url = root.attribute("AssertionConsumerServiceURL");
    if reply_url.is_some_and(|url| url != settings.reply_url) {
        return refuse("AADSTS50011", "the reply URL of the request is not the one registered");
    }
    if root.attribute("ProtocolBinding").is_some_and(|binding| binding != POST_BINDING) {
        return refuse("AADSTS75003", "the response can be sent by HTTP-POST only");
    }
    if root.child(ASSERTION, "Subject").is_some() {
        return refuse("AADSTS900236", "the request names a Subject");
    }
    Ok(AuthnRequest {
        id: id.to_owned(),
        issuer: issuer.to_owned(),
        reply_url: reply_url.map(str::to_owned),
        force_authn: root.is_true("ForceAuthn"),
        is_passive: root.is_true("IsPassive"),
        name_id_format: wanted_format(root)?,
        contexts: wanted_contexts(root)?,
    })
}

fn wanted_format(root: &Node) -> Result<Option<NameIdFormat>, Refusal> {
    let wanted = root.child(PROTOCOL, "NameIDPolicy").and_then(|policy| policy.attribute("Format"));
    match wanted {
        None => Ok(None),
        Some(uri) => match NameIdFormat::of_uri(uri) {
            // "Unspecified" leaves it to the configuration.
            Some(NameIdFormat::Unspecified) => Ok(None),
            Some(format) => Ok(Some(format)),
            None => refuse("AADSTS75016", format!("the NameIDPolicy '{uri}' is not supported")),
        },
    }
}

fn wanted_contexts(root: &Node) -> Result<Vec<String>, Refusal> {
    let Some(wanted) = root.child(PROTOCOL, "RequestedAuthnContext") else { return Ok(Vec::new()) };
    if wanted.attribute("Comparison").is_some_and(|comparison| comparison != "exact") {
        return refuse("AADSTS75005", "the comparison of RequestedAuthnContext has to be exact");
    }
    let classes = wanted.children(ASSERTION, "AuthnContextClassRef");
    Ok(classes.map(|class| class.text.clone()).collect())
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
        let format = r#"<samlp:NameIDPolicy Format="urn:x"/>"#;
        assert_eq!(code(&request("_r", issuer, reply, format)), Some("AADSTS75016"));
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
