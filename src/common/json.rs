//! Strict JSON (RFC 8259) from octets that somebody else wrote.
//!
//! Two readers that understand one text differently are a way around a guard. So this reader refuses what readers are
//! known to disagree about: member names that occur twice, surrogates without their other half, anything after the
//! value, nesting without end. Numbers keep their text and members their order.

use serde_json::{Map, Number, Value};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// Why a text is not strict JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Octets before the fault, counted from the start of the input.
    pub offset: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// What can be wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Not UTF-8 (RFC 8259 section 8.1).
    NotUtf8,
    /// The text ends inside a value.
    Unfinished,
    /// Something else was expected here.
    Unexpected,
    /// A number outside the grammar of RFC 8259 section 6.
    Number,
    /// An unknown or incomplete escape in a string.
    Escape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A control character that is not escaped.
    ControlCharacter,
    /// A member name that the object already has, once escapes are decoded.
    DuplicateName,
    /// A member name that the JSON library reserves for itself.
    ReservedName,
    /// Nesting beyond [`MAX_DEPTH`].
    TooDeep,
    /// Something follows the value.
    Trailing,
}

impl JsonError {
    /// A stable code for logs and tests.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            JsonFault::NotUtf8 => "json_not_utf8",
            JsonFault::Unfinished => "json_unfinished",
            JsonFault::Unexpected => "json_unexpected",
            JsonFault::Number => "json_number",
            JsonFault::Escape => "json_escape",
            JsonFault::LoneSurrogate => "json_lone_surrogate",
            JsonFault::ControlCharacter => "json_control_character",
            JsonFault::DuplicateName => "json_duplicate_name",
            JsonFault::ReservedName => "json_reserved_name",
            JsonFault::TooDeep => "json_too_deep",
            JsonFault::Trailing => "json_trailing",
        }
    }
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.fault {
            JsonFault::NotUtf8 => "not UTF-8",
            JsonFault::Unfinished => "ends inside a value",
            JsonFault::Unexpected => "unexpected character",
            JsonFault::Number => "malformed number",
            JsonFault::Escape => "malformed escape",
            JsonFault::LoneSurrogate => "half a surrogate pair",
            JsonFault::ControlCharacter => "control character in a string",
            JsonFault::DuplicateName => "member name occurs twice",
            JsonFault::ReservedName => "reserved member name",
            JsonFault::TooDeep => "nested too deep",
            JsonFault::Trailing => "something follows the value",
        };
        write!(f, "{what} at octet {}", self.offset)
    }
}

impl std::error::Error for JsonError {}

/// Reads one JSON value; one byte order mark before it is passed over (RFC 8259 section 8.1).
///
/// Takes time linear in the input, whatever the input.
///
/// # Errors
/// [`JsonError`] for everything that is not one strict JSON value.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    read(bytes).map(|(value, _)| value)
}

/// What was met on the way through a text: what was not need not be looked for in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// A null anywhere.
    pub null: bool,
    /// A member anywhere that may hold a SCIM URL by its name: `location` in any casing, or what begins as `$ref` does.
    pub reference: bool,
}

impl Seen {
    /// Of a value that was not read here: anything may be in it.
    pub const ANYTHING: Self = Self { null: true, reference: true };
}

/// The same as [`parse`], with what was met.
///
/// # Errors
/// As [`parse`].
pub fn read(bytes: &[u8]) -> Result<(Value, Seen), JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { offset: error.valid_up_to(), fault: JsonFault::NotUtf8 })?;
    let mut reader = Reader { text, at: 0, seen: Seen { null: false, reference: false } };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let value = reader.value(0, 0)?;
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.fault(JsonFault::Trailing));
    }
    Ok((value, reader.seen))
}

/// Where the first octet is that does not stand for itself in a string: a quote, a backslash, a control character.
fn special(octets: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Eight at a time: the highest bit of an octet is set where `x` is zero there, and perhaps above such a place.
    let zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGH;
    let mut rest = octets;
    let mut before = 0usize;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let quote = zero(word ^ ONES.wrapping_mul(0x22));
        let backslash = zero(word ^ ONES.wrapping_mul(0x5c));
        let control = zero(word & ONES.wrapping_mul(0xe0));
        let found = quote | backslash | control;
        if found != 0 {
            // Nothing below the lowest such place is marked by mistake, so it is one.
            let within = usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
            return Some(before.saturating_add(within));
        }
        before = before.saturating_add(8);
        rest = after;
    }
    let within = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(before.saturating_add(within))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    seen: Seen,
}

impl Reader<'_> {
    fn fault(&self, fault: JsonFault) -> JsonError {
        JsonError { offset: self.at, fault }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    /// What is wrong where some other character was needed.
    fn unexpected(&self) -> JsonError {
        self.fault(if self.peek().is_none() { JsonFault::Unfinished } else { JsonFault::Unexpected })
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.step();
        Ok(())
    }

    /// Recursion is bounded by [`MAX_DEPTH`]. `members`: how many an object here may have.
    fn value(&mut self, depth: usize, members: usize) -> Result<Value, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?, members),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => {
                self.seen.null = true;
                self.word("null", Value::Null)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, JsonError> {
        if depth >= MAX_DEPTH {
            return Err(self.fault(JsonFault::TooDeep));
        }
        Ok(depth.saturating_add(1))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize, about: usize) -> Result<Value, JsonError> {
        self.expect(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            self.step();
            return Ok(Value::Object(Map::new()));
        }
        let mut members = Map::with_capacity(about);
        loop {
            self.space();
            let start = self.at;
            let name = self.string()?;
            if matches!(name.as_bytes(), [b'$', ..]) || name.eq_ignore_ascii_case("location") {
                self.seen.reference = true;
                // The library stores numbers and raw values under such names when it converts between types.
                if name.starts_with("$serde_json::private::") {
                    return Err(JsonError { offset: start, fault: JsonFault::ReservedName });
                }
            }
            self.space();
            self.expect(b':')?;
            let value = self.value(depth, 0)?;
            if members.insert(name, value).is_some() {
                return Err(JsonError { offset: start, fault: JsonFault::DuplicateName });
            }
            self.space();
            match self.peek() {
                Some(b',') => self.step(),
                _ => {
                    self.expect(b'}')?;
                    return Ok(Value::Object(members));
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        /// Room for so many members is made before they have come.
        const MOST_EXPECTED: usize = 16;
        let mut items = Vec::new();
        let mut expected = 0usize;
        self.expect(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            self.step();
            return Ok(Value::Array(items));
        }
        loop {
            let item = self.value(depth, expected)?;
            // The next is mostly of the same shape; at most as much room is wasted as the last one had need of.
            expected = item.as_object().map_or(0, |map| map.len().min(MOST_EXPECTED));
            items.push(item);
            self.space();
            match self.peek() {
                Some(b',') => self.step(),
                _ => {
                    self.expect(b']')?;
                    return Ok(Value::Array(items));
                }
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.step();
        }
        if self.at == start { Err(self.fault(JsonFault::Number)) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.step();
        }
        if self.peek() == Some(b'0') {
            self.step();
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.fault(JsonFault::Number));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.step();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or("0");
        Ok(Value::Number(Number::from_string_unchecked(text.to_owned())))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let start = self.at;
            let Some(plain) = special(self.text.as_bytes().get(start..).unwrap_or_default()) else {
                self.at = self.text.len();
                return Err(self.fault(JsonFault::Unfinished));
            };
            self.at = start.saturating_add(plain);
            let part = self.text.get(start..self.at).unwrap_or_default();
            // Most strings are one such part, and take just the room that they need.
            if out.is_empty() {
                out = part.to_owned();
            } else {
                out.push_str(part);
            }
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.fault(JsonFault::ControlCharacter)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let fault = |fault| JsonError { offset: start, fault };
        self.step();
        let letter = self.peek().ok_or(fault(JsonFault::Unfinished))?;
        self.step();
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex().ok_or(fault(JsonFault::Escape))?;
                let point = match high {
                    0xd800..=0xdbff => {
                        if self.peek() != Some(b'\\') {
                            return Err(fault(JsonFault::LoneSurrogate));
                        }
                        self.step();
                        if self.peek() != Some(b'u') {
                            return Err(fault(JsonFault::LoneSurrogate));
                        }
                        self.step();
                        let low = self.hex().ok_or(fault(JsonFault::Escape))?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return Err(fault(JsonFault::LoneSurrogate));
                        }
                        0x1_0000_u32
                            .saturating_add((high & 0x3ff).wrapping_shl(10))
                            .saturating_add(low & 0x3ff)
                    }
                    other => other,
                };
                char::from_u32(point).ok_or(fault(JsonFault::LoneSurrogate))?
            }
            _ => return Err(fault(JsonFault::Escape)),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for _ in 0..4 {
            let digit = char::from(self.peek()?).to_digit(16)?;
            value = value.wrapping_shl(4) | digit;
            self.step();
        }
        Some(value)
    }
}

/// Writes a value as JSON without white space: the same octets as its `Display`, which goes through a formatter for each
/// piece of text. `about`: how many octets that may be, roughly.
#[must_use]
pub fn print(value: &Value, about: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(about.saturating_add(about.wrapping_shr(4)).saturating_add(64));
    write(value, &mut out);
    out
}

/// Recursion is bounded by what was read or made: [`MAX_DEPTH`] and a few.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.as_str().as_bytes()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(plain) = special(rest) {
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let Some((special, after)) = after.split_first() else { break };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn fault(text: &str) -> JsonFault {
        parse(text.as_bytes()).unwrap_err().fault
    }

    #[test]
    fn members_keep_their_order_and_numbers_their_text() {
        let text = r#"{"b":1.50,"a":[1e5,-0,12345678901234567890123],"c":{"x":"\u00e9\ud83d\udea2\/"}}"#;
        let value = parse(text.as_bytes()).unwrap();
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"b":1.50,"a":[1e5,-0,12345678901234567890123],"c":{"x":"é🚢/"}}"#
        );
    }

    #[test]
    fn what_is_printed_is_what_the_library_prints() {
        let every_control: String = (0..=0x20).filter_map(char::from_u32).collect();
        let texts = [every_control.as_str(), "", "\"\\/", "é🚢\u{7f}\u{2028}", "a\"", "\\b", "plain"];
        let mut value = serde_json::json!({
            "a": null, "b": [true, false, [], {}, [[1]]], "": {"c": {"d": "e"}}, "n\"\n": -1.5, "big": u64::MAX,
        });
        value["texts"] = texts.into();
        value["exact"] = parse(b"[1.50,1e5,-0,12345678901234567890123]").unwrap();
        assert_eq!(String::from_utf8(print(&value, 0)).unwrap(), value.to_string());
        assert_eq!(parse(&print(&value, 1000)).unwrap(), value);
        for text in texts {
            assert_eq!(print(&text.into(), 0), serde_json::to_vec(text).unwrap(), "{text:?}");
        }
    }

    #[test]
    fn what_may_need_a_look_is_seen_wherever_it_stands_and_however_it_is_spelt() {
        let seen = |text: &str| read(text.as_bytes()).unwrap().1;
        let [none, null, reference] =
            [(false, false), (true, false), (false, true)].map(|(null, reference)| Seen { null, reference });
        for (text, want) in [
            (r#"{"a":"null","b":[1,{"c":"location $ref"}],"locations":true}"#, none),
            ("null", null),
            (r#"{"a":[{"b":null}]}"#, null),
            (r#"[[{"$ref":1}]]"#, reference),
            (r#"{"\u0024ref":1}"#, reference),
            (r#"{"meta":{"location":"x"}}"#, reference),
            (r#"{"meta":{"Location":"x"}}"#, reference),
            (r#"{"meta":{"locat\u0069on":"x"}}"#, reference),
            (r#"{"location":null}"#, Seen::ANYTHING),
        ] {
            assert_eq!(seen(text), want, "{text}");
        }
    }

    #[test]
    fn the_first_octet_that_is_not_plain_is_found_wherever_it_stands() {
        for octet in 0..=255u8 {
            let is_special = matches!(octet, b'"' | b'\\' | 0..=0x1f);
            for plain in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                for length in 0..20 {
                    let mut octets = vec![plain; length];
                    assert_eq!(special(&octets), None);
                    octets.push(octet);
                    octets.extend_from_slice(&[plain; 9]);
                    assert_eq!(
                        special(&octets),
                        is_special.then_some(length),
                        "{octet} after {length} of {plain}"
                    );
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_library_on_ordinary_texts() {
        for text in ["null", " true ", "[]", "{}", "[1,2,[3]]", r#"{"a":{"b":null},"c":"\"\\\b\f\n\r\t"}"#] {
            assert_eq!(
                parse(text.as_bytes()).unwrap(),
                serde_json::from_str::<Value>(text).unwrap(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused_however_it_is_spelt() {
        assert_eq!(fault(r#"{"active":true,"active":false}"#), JsonFault::DuplicateName);
        assert_eq!(fault(r#"{"active":true,"\u0061ctive":false}"#), JsonFault::DuplicateName);
        assert!(parse(br#"{"active":true,"Active":false}"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded_and_ten_thousand_levels_do_not_overflow() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nest = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert!(parse(nest(MAX_DEPTH).as_bytes()).is_ok());
            assert_eq!(fault(&nest(MAX_DEPTH + 1)), JsonFault::TooDeep);
            assert_eq!(fault(&nest(10_000)), JsonFault::TooDeep);
        }
    }

    #[test]
    fn malformed_texts_are_refused_with_their_place() {
        for (text, offset, want) in [
            ("", 0, JsonFault::Unfinished),
            ("{", 1, JsonFault::Unfinished),
            ("[1,]", 3, JsonFault::Unexpected),
            (r#"{"a":1,}"#, 7, JsonFault::Unexpected),
            ("{a:1}", 1, JsonFault::Unexpected),
            ("'a'", 0, JsonFault::Unexpected),
            ("01", 1, JsonFault::Number),
            ("1.", 2, JsonFault::Number),
            ("-", 1, JsonFault::Number),
            ("1e", 2, JsonFault::Number),
            ("NaN", 0, JsonFault::Unexpected),
            ("tru", 3, JsonFault::Unfinished),
            ("\"a", 2, JsonFault::Unfinished),
            ("\"a\nb\"", 2, JsonFault::ControlCharacter),
            (r#""\x""#, 1, JsonFault::Escape),
            (r#""\u12""#, 1, JsonFault::Escape),
            (r#""\ud800""#, 1, JsonFault::LoneSurrogate),
            (r#""\udc00""#, 1, JsonFault::LoneSurrogate),
            (r#""\ud800\u0041""#, 1, JsonFault::LoneSurrogate),
            ("{} {}", 3, JsonFault::Trailing),
            ("// no\n1", 0, JsonFault::Unexpected),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(JsonError { offset, fault: want }), "{text:?}");
        }
        assert_eq!(parse(b"\"\xff\"").unwrap_err().fault, JsonFault::NotUtf8);
    }

    #[test]
    fn one_byte_order_mark_is_passed_over_and_a_second_is_not() {
        assert_eq!(parse("\u{feff}1".as_bytes()).unwrap().to_string(), "1");
        assert_eq!(fault("\u{feff}\u{feff}1"), JsonFault::Unexpected);
        assert_eq!(fault("1\u{feff}"), JsonFault::Trailing);
    }

    #[test]
    fn names_that_the_library_reserves_are_refused() {
        assert_eq!(fault(r#"{"$serde_json::private::Number":"1"}"#), JsonFault::ReservedName);
        assert_eq!(fault(r#"[{"\u0024serde_json::private::RawValue":"{}"}]"#), JsonFault::ReservedName);
    }

    #[test]
    fn a_huge_object_is_read_in_linear_time() {
        let members: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":0")).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(parse(text.as_bytes()).unwrap().as_object().unwrap().len(), 100_000);
    }
}
