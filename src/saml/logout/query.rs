//! The Redirect binding: a deflated message in the query, signed over the octets of the query (Bindings 3.4.4.1).
//!
//! The signature is over what the sender wrote, and percent-encoding can be written in many ways (Entra's is lower
//! case). So nothing is decoded and encoded again: the signed text is put together from the raw values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Expect, LogoutError, Message, Received, request, response};
use crate::common::Host;
use crate::crypto;
use crate::saml::deflate::inflate;
use crate::saml::signature::{MAX_KEYS, SignatureFault, algorithm_named};
use crate::saml::xml::{Document, Limits, Rules};

/// Longest relay state in octets (Bindings 3.4.3); a longer one is not sent back.
pub const RELAY_STATE: usize = 80;

const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
/// Octets of a query; servers on the way take hardly more.
const MAX_QUERY: usize = 65_536;

/// The parameters that mean something, raw.
#[derive(Default)]
struct Parameters<'q> {
    request: Option<&'q str>,
    response: Option<&'q str>,
    relay_state: Option<&'q str>,
    algorithm: Option<&'q str>,
    signature: Option<&'q str>,
    encoding: Option<&'q str>,
}

impl<'q> Parameters<'q> {
    /// Each at most once, and spelt as it is: `SAML%52equest` would be signed as another parameter than it is read as.
    fn read(query: &'q str) -> Result<Self, LogoutError> {
        if query.len() > MAX_QUERY {
            return Err(LogoutError::Parameter("SAMLRequest"));
        }
        let mut found = Self::default();
        for pair in query.split('&') {
            let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (place, name) = match decode(written, true).as_deref() {
                Some("SAMLRequest") => (&mut found.request, "SAMLRequest"),
                Some("SAMLResponse") => (&mut found.response, "SAMLResponse"),
                Some("RelayState") => (&mut found.relay_state, "RelayState"),
                Some("SigAlg") => (&mut found.algorithm, "SigAlg"),
                Some("Signature") => (&mut found.signature, "Signature"),
                Some("SAMLEncoding") => (&mut found.encoding, "SAMLEncoding"),
                Some(_) => continue,
                None => return Err(LogoutError::Parameter("with a broken escape")),
            };
            if written != name || place.replace(value).is_some() {
                return Err(LogoutError::Parameter(name));
            }
        }
        Ok(found)
    }

    /// The octets that are signed: these parameters in this order, whatever the order of the query.
    fn signed_text(&self, name: &str, message: &str, algorithm: &str) -> String {
        let relay_state = self.relay_state.map(|state| format!("&RelayState={state}")).unwrap_or_default();
        format!("{name}={message}{relay_state}&SigAlg={algorithm}")
    }
}

/// Reads a query as it came, octet by octet.
///
/// # Errors
/// At the first rule that is broken.
pub fn read_redirect(host: &dyn Host, query: &str, expect: &Expect<'_>) -> Result<Received, LogoutError> {
    let parameters = Parameters::read(query)?;
    let (is_request, name, raw) = match (parameters.request, parameters.response) {
        (Some(raw), None) => (true, "SAMLRequest", raw),
        (None, Some(raw)) => (false, "SAMLResponse", raw),
        _ => return Err(LogoutError::Parameter("SAMLRequest or SAMLResponse")),
    };
    if parameters.encoding.is_some_and(|raw| decode(raw, true).as_deref() != Some(DEFLATE)) {
        return Err(LogoutError::Parameter("SAMLEncoding"));
    }
    let octets = inflate(&base64(raw)?).map_err(|_| LogoutError::Deflate)?;
    // Nothing is canonicalised here: the octets themselves are signed, and a comment in them has no business.
    let rules = Rules { limits: Limits::MESSAGE, comments: false, instructions: false };
    let document = Document::parse(&octets, rules)?;
    let root = document.root().ok_or(LogoutError::NotLogout)?;
    // Cheap checks first: a stranger's message costs no signature check.
    if is_request {
        request::check(root, expect)?;
    } else {
        response::read(root, expect, false)?;
    }
    let signed = verify(host, &parameters, name, raw, expect)?;
    let message = match (is_request, signed) {
        (true, true) => Message::Request(request::read(root, expect)?),
        (true, false) => return Err(LogoutError::Unsigned),
        (false, signed) => Message::Response(response::read(root, expect, signed)?),
    };
    let relay_state =
        parameters.relay_state.map(|raw| decode(raw, true).ok_or(LogoutError::Parameter("RelayState")));
    Ok(Received { message, relay_state: relay_state.transpose()?.as_deref().and_then(bounded) })
}

/// Whether a trusted key signed the query; false where there is no signature.
fn verify(
    host: &dyn Host,
    parameters: &Parameters<'_>,
    name: &str,
    raw: &str,
    expect: &Expect<'_>,
) -> Result<bool, LogoutError> {
    let (algorithm, signature) = match (parameters.algorithm, parameters.signature) {
        (Some(algorithm), Some(signature)) => (algorithm, signature),
        (None, None) => return Ok(false),
        (None, Some(_)) => return Err(LogoutError::Parameter("SigAlg")),
        (Some(_), None) => return Err(LogoutError::Parameter("Signature")),
    };
    let value = base64(signature)?;
    let text = parameters.signed_text(name, raw, algorithm);
    let uri = decode(algorithm, true).ok_or(LogoutError::Parameter("SigAlg"))?;
    let algorithm = algorithm_named(&uri, expect.relaxed)?;
    let mut keys =
        expect.keys.iter().take(MAX_KEYS).filter(|key| expect.relaxed.short_rsa || !key.is_short());
    if keys.any(|key| crypto::verify(host, key, algorithm, text.as_bytes(), &value).is_ok()) {
        Ok(true)
    } else {
        Err(LogoutError::Signature(SignatureFault::Untrusted))
    }
}

/// A relay state that may go back.
pub(super) fn bounded(state: &str) -> Option<String> {
    (state.len() <= RELAY_STATE && !state.chars().any(char::is_control)).then(|| state.to_owned())
}

/// Base64 in a query. A `+` that nobody escaped stays one: the signature is over the raw text anyway.
fn base64(raw: &str) -> Result<Vec<u8>, LogoutError> {
    let text = decode(raw, false).ok_or(LogoutError::Base64)?;
    let packed: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ')).collect();
    match STANDARD.decode(packed) {
        Ok(octets) if !octets.is_empty() => Ok(octets),
        _ => Err(LogoutError::Base64),
    }
}

fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' if plus_is_space => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}
