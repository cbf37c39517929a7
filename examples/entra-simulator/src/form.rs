//! `application/x-www-form-urlencoded`, read and written.

/// Decodes one name or value: `+` is a space, `%` two hexadecimal digits.
///
/// # Errors
/// An incomplete escape, or bytes that are not UTF-8.
pub fn decode(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                let (Some(high), Some(low)) = pair else { return Err("an escape is incomplete".into()) };
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| "not UTF-8".to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The pairs of a query or form body, decoded, in order.
///
/// # Errors
/// More than 100 pairs, or one that cannot be decoded.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts: Vec<&str> = text.split('&').filter(|part| !part.is_empty()).collect();
    if parts.len() > 100 {
        return Err("too many parameters".into());
    }
    parts
        .into_iter()
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The first value of a name.
#[must_use]
pub fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Encodes as .NET's `HttpUtility.UrlEncode` does, which is what Entra's client uses: a space is `+`, hexadecimal
/// digits are lower case, and `!()*-._` stay.
#[must_use]
pub fn encode_dotnet(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'!' | b'(' | b')' | b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{decode, encode_dotnet, first, pairs};

    #[test]
    fn filters_are_encoded_with_plus_and_lower_case_digits() {
        assert_eq!(
            encode_dotnet(r#"userName eq "ada+x@meadow.example""#),
            "userName+eq+%22ada%2bx%40meadow.example%22"
        );
    }

    #[test]
    fn decoding_undoes_encoding() {
        let text = "a b&c=d+e%/ü\"";
        assert_eq!(decode(&encode_dotnet(text)).unwrap(), text);
        assert!(decode("%4").is_err());
        assert!(decode("%zz").is_err());
        assert!(decode("%ff").is_err());
    }

    #[test]
    fn pairs_keep_their_order_and_empty_values() {
        let parsed = pairs("a=1&b&a=2").unwrap();
        assert_eq!(first(&parsed, "a"), Some("1"));
        assert_eq!(first(&parsed, "b"), Some(""));
        assert_eq!(first(&parsed, "c"), None);
        assert!(pairs(&"a&".repeat(101)).is_err());
    }
}
