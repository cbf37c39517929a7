//! The captured response, in whatever form somebody has it.

use std::path::Path;

use serde_json::Value;

use super::Usage;

/// A response as it was found.
pub(super) enum Message {
    /// The document itself.
    Xml(Vec<u8>),
    /// The value of the form parameter: Base64.
    Encoded(String),
}

type Warnings = Vec<(&'static str, String)>;

/// Reads a file and finds the response in it.
pub(super) fn read(path: &Path) -> Result<(Message, Warnings), Usage> {
    let octets =
        crate::output::read_raw(path).map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    find(octets).map_err(|why| Usage(format!("{}: {why}", path.display())))
}

fn find(octets: Vec<u8>) -> Result<(Message, Warnings), String> {
    if let Ok(text) = std::str::from_utf8(&octets) {
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.starts_with('{') {
            return in_har(trimmed);
        }
        if !trimmed.contains('<') {
            let form = trimmed.split('&').any(|pair| pair.starts_with("SAMLResponse="));
            let value = if form { in_form(trimmed)? } else { text.to_owned() };
            return Ok((Message::Encoded(value), Vec::new()));
        }
    }
    Ok((Message::Xml(octets), Vec::new()))
}

/// The one parameter `SAMLResponse` of a URL-encoded form.
fn in_form(text: &str) -> Result<String, String> {
    let mut values = text.split('&').filter_map(|pair| pair.strip_prefix("SAMLResponse="));
    let value = values.next().ok_or("the form has no SAMLResponse")?;
    if values.next().is_some() {
        return Err("the form has more than one SAMLResponse, which the filter refuses".to_owned());
    }
    decode(&value.replace('+', " ")).ok_or_else(|| "the form is not URL-encoded UTF-8".to_owned())
}

/// Percent-decoding (RFC 3986, 2.1).
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// The last response that the browser posted, in the HTTP archive that its developer tools saved.
fn in_har(text: &str) -> Result<(Message, Warnings), String> {
    let har: Value =
        serde_json::from_str(text).map_err(|error| format!("neither XML nor a HAR file: {error}"))?;
    let entries = har.pointer("/log/entries").and_then(Value::as_array).ok_or("JSON, but no HAR file")?;
    let mut found: Vec<String> = entries.iter().filter_map(posted).collect();
    let count = found.len();
    let last = found.pop().ok_or(
        "no request in this HAR file posts a SAMLResponse; record again with \"Preserve log\" switched on",
    )?;
    let mut warnings = Vec::new();
    if count > 1 {
        warnings
            .push(("several_responses", format!("the file holds {count} responses; this is the last one")));
    }
    Ok((Message::Encoded(last), warnings))
}

fn posted(entry: &Value) -> Option<String> {
    let data = entry.pointer("/request/postData")?;
    let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
    if let Ok(value) = in_form(text) {
        return Some(value);
    }
    let params = data.get("params")?.as_array()?;
    let param =
        params.iter().find(|param| param.get("name").and_then(Value::as_str) == Some("SAMLResponse"))?;
    // Some browsers decode the parameters they list and some do not; Base64 has no percent sign of its own.
    param.get("value")?.as_str().and_then(decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        match find(text.as_bytes().to_vec()) {
            Ok((Message::Encoded(value), _)) => value,
            Ok((Message::Xml(_), _)) => "XML".to_owned(),
            Err(why) => format!("usage: {why}"),
        }
    }

    #[test]
    fn a_form_is_decoded_once_and_has_one_response() {
        assert_eq!(encoded("RelayState=%2Fa&SAMLResponse=QQ%3D%3D"), "QQ==");
        assert_eq!(encoded("SAMLResponse=Q%2BQ%2f\r\n"), "Q+Q/");
        assert!(encoded("SAMLResponse=QQ%3D%3D&SAMLResponse=QQ%3D%3D").starts_with("usage"));
        assert!(encoded("SAMLResponse=QQ%3").starts_with("usage"));
    }

    #[test]
    fn the_last_response_of_a_har_file_is_taken_however_the_browser_wrote_it() {
        let har = |posts: &[&str]| {
            let entries: Vec<String> =
                posts.iter().map(|post| format!("{{\"request\":{{\"postData\":{post}}}}}")).collect();
            format!("{{\"log\":{{\"entries\":[{{\"request\":{{}}}},{}]}}}}", entries.join(","))
        };
        let first = r#"{"text":"SAMLResponse=QQ%3D%3D&RelayState=x"}"#;
        let second = r#"{"params":[{"name":"SAMLResponse","value":"Qg%3D%3D"}]}"#;
        let third = r#"{"text":"","params":[{"name":"SAMLResponse","value":"Qw=="}]}"#;
        assert_eq!(encoded(&har(&[first])), "QQ==");
        assert_eq!(encoded(&har(&[first, second])), "Qg==");
        assert_eq!(encoded(&har(&[first, second, third])), "Qw==");
        assert!(encoded(&har(&[r#"{"text":"a=b"}"#])).starts_with("usage"));
    }

    #[test]
    fn whatever_has_an_angle_bracket_is_left_to_the_reader_of_the_filter() {
        for text in ["<a/>", "\u{feff}<a/>", "junk<a/>", "SAMLResponse=<a/>"] {
            assert_eq!(encoded(text), "XML");
        }
    }
}
