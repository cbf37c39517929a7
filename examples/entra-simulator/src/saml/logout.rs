//! Single sign-out by the front channel: requests of the application answered, and requests of our own.

use crate::{
    clock::{format_ms, now_ms},
    form,
    keys::{Algorithm, SigningKey},
    random,
    saml::{
        SignOnSettings,
        read::{ASSERTION, Node, PROTOCOL},
        request::{Refusal, deflated, refuse},
    },
    xml,
};

/// What an application's request to sign out says.
#[derive(Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    pub id: String,
    /// Ignored by Entra, and shown.
    pub name_id: String,
    /// Ignored by Entra, and used here to say which session has ended.
    pub session_indexes: Vec<String>,
}

/// Judges a request as Entra does, which wants no signature.
///
/// # Errors
/// What Entra would refuse.
pub fn judge(root: &Node, settings: &SignOnSettings) -> Result<LogoutRequest, Refusal> {
    let id = root.attribute("ID").unwrap_or_default();
    if id.is_empty() || id.starts_with(|first: char| first.is_ascii_digit()) {
        return refuse("AADSTS7500529", "the request ID is missing or starts with a digit");
    }
    if root.attribute("Version") != Some("2.0") {
        return refuse("AADSTS75005", "the version is not 2.0");
    }
    if root.attribute("IssueInstant").is_none() {
        return refuse("AADSTS75005", "there is no IssueInstant");
    }
    let issuer = root.child(ASSERTION, "Issuer").map_or("", |issuer| issuer.text.as_str());
    if issuer != settings.identifier {
        return refuse("AADSTS700016", format!("the application '{issuer}' was not found in the tenant"));
    }
    let Some(name_id) = root.child(ASSERTION, "NameID") else {
        return refuse("AADSTS75005", "there is no NameID");
    };
    let indexes = root.children(PROTOCOL, "SessionIndex").map(|index| index.text.clone());
    Ok(LogoutRequest { id: id.to_owned(), name_id: name_id.text.clone(), session_indexes: indexes.collect() })
}

/// The URL to which the browser goes with the answer.
///
/// # Errors
/// It could not be signed.
pub fn answer(
    settings: &SignOnSettings,
    logout_url: &str,
    key: &SigningKey,
    in_response_to: &str,
    relay_state: Option<&str>,
) -> Result<String, String> {
    let code = xml::Element::new(xml::PROTOCOL, "StatusCode")
        .with("Value", "urn:oasis:names:tc:SAML:2.0:status:Success");
    let response = message("LogoutResponse", logout_url)?
        .with("InResponseTo", in_response_to)
        .child(xml::Element::new(xml::ASSERTION, "Issuer").text(settings.issuer()))
        .child(xml::Element::new(xml::PROTOCOL, "Status").child(code));
    signed_url("SAMLResponse", &response.wire(), logout_url, key, relay_state)
}

/// The URL to which the browser goes, top or in a frame, to end a session at the application.
///
/// # Errors
/// It could not be signed.
pub fn request(
    settings: &SignOnSettings,
    logout_url: &str,
    key: &SigningKey,
    name_id: &str,
    session_index: &str,
) -> Result<String, String> {
    let request = message("LogoutRequest", logout_url)?
        .child(xml::Element::new(xml::ASSERTION, "Issuer").text(settings.issuer()))
        .child(xml::Element::new(xml::ASSERTION, "NameID").text(name_id))
        .child(xml::Element::new(xml::PROTOCOL, "SessionIndex").text(session_index));
    signed_url("SAMLRequest", &request.wire(), logout_url, key, None)
}

fn message(name: &'static str, to: &str) -> Result<xml::Element, String> {
    Ok(xml::Element::new(xml::PROTOCOL, name)
        .with("ID", format!("_{}", random::guid()?))
        .with("Version", "2.0")
        .with("IssueInstant", format_ms(now_ms()))
        .with("Destination", to))
}

/// The signature is over the query in the spelling of .NET, whose hexadecimal digits are lower case.
fn signed_url(
    name: &str,
    xml: &str,
    to: &str,
    key: &SigningKey,
    relay_state: Option<&str>,
) -> Result<String, String> {
    let mut query = format!("{name}={}", form::encode_dotnet(&deflated(xml)));
    if let Some(relay) = relay_state {
        query.push_str(&format!("&RelayState={}", form::encode_dotnet(relay)));
    }
    query.push_str(&format!("&SigAlg={}", form::encode_dotnet(Algorithm::RsaSha256.uri())));
    let signature = key.sign_base64(query.as_bytes(), Algorithm::RsaSha256)?;
    let separator = if to.contains('?') { '&' } else { '?' };
    Ok(format!("{to}{separator}{query}&Signature={}", form::encode_dotnet(&signature)))
}

/// What an application answered to a request of ours: the last part of its status, such as `Success`.
#[must_use]
pub fn status_of(root: &Node) -> String {
    let code = root.child(PROTOCOL, "Status").and_then(|status| status.child(PROTOCOL, "StatusCode"));
    let value = code.and_then(|code| code.attribute("Value")).unwrap_or_default();
    value.rsplit(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{answer, judge, request, status_of};
    use crate::{
        keys::tests::shared_key,
        saml::{read::parse, request::message, test_settings},
    };

    const SLO: &str = "https://localhost:8443/.vestibule/saml/slo";

    fn logout(id: &str, issuer: &str) -> String {
        format!(
            r#"<p:LogoutRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><Issuer>{issuer}</Issuer><NameID>ada@meadow.example</NameID><p:SessionIndex>_i</p:SessionIndex></p:LogoutRequest>"#
        )
    }

    #[test]
    fn a_request_of_the_application_is_judged_as_entra_does() {
        let settings = test_settings();
        let good = judge(&parse(&logout("_l", &settings.identifier)).unwrap(), &settings).unwrap();
        assert_eq!((good.name_id.as_str(), good.session_indexes.len()), ("ada@meadow.example", 1));
        for (id, issuer, code) in
            [("1l", settings.identifier.as_str(), "AADSTS7500529"), ("_l", "urn:other", "AADSTS700016")]
        {
            assert_eq!(judge(&parse(&logout(id, issuer)).unwrap(), &settings).unwrap_err().code, code);
        }
    }

    #[test]
    fn messages_are_signed_queries_in_lower_case() {
        let settings = test_settings();
        let url = answer(&settings, SLO, shared_key(), "_l", Some("r 1")).unwrap();
        let query = url.strip_prefix(SLO).unwrap().trim_start_matches('?');
        assert!(query.contains("&RelayState=r+1&SigAlg=http%3a%2f%2f") && query.contains("&Signature="));
        let (root, _) = message(query, "SAMLResponse").unwrap();
        assert_eq!(status_of(&root), "Success");
        assert_eq!(root.attribute("InResponseTo"), Some("_l"));
        let url = request(&settings, SLO, shared_key(), "ada@meadow.example", "_i").unwrap();
        assert!(message(url.split_once('?').unwrap().1, "SAMLRequest").is_ok());
    }
}
