//! Character data: line ends, references, attribute values.

use std::borrow::Cow;

use super::Fault;
use super::chars::is_char;

/// Line ends as XML 2.11 wants them: CR LF and a lone CR become LF.
pub(super) fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What stands between `&` and `;`: a character reference or one of the five predefined entities.
pub(super) fn reference(name: &str) -> Result<char, Fault> {
    let number = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => name.strip_prefix('#').ok_or(Fault::Reference)?,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // The digits are checked by hand: the standard parser also takes a sign.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(Fault::Reference);
    }
    let code = u32::from_str_radix(digits, radix).map_err(|_| Fault::Character)?;
    char::from_u32(code).filter(|c| is_char(*c)).ok_or(Fault::Character)
}

/// The normalised value of an attribute of type CDATA (XML 3.3.3); `raw` is what stands between the quotes.
pub(super) fn attribute_value(raw: &str) -> Result<Cow<'_, str>, Fault> {
    if raw.contains('<') {
        return Err(Fault::Syntax);
    }
    if !raw.contains(['&', '\r', '\n', '\t']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let lines = line_ends(raw);
    let mut pieces = lines.split('&');
    push_spaced(&mut value, pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, rest) = piece.split_once(';').ok_or(Fault::Reference)?;
        value.push(reference(name)?);
        push_spaced(&mut value, rest);
    }
    Ok(Cow::Owned(value))
}

/// Literal tabs and line ends become spaces; those written as references do not come through here.
fn push_spaced(value: &mut String, literal: &str) {
    value.extend(literal.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }));
}
