//! A `google.protobuf.Struct` in its wire form: Envoy hands a plugin configuration of that type over as it came.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 32;

/// Reads a serialized `Struct`; `None` where the octets are anything else, to the last one.
pub(super) fn read_struct(bytes: &[u8]) -> Option<Value> {
    (!bytes.is_empty()).then(|| structure(bytes, DEEPEST)).flatten().map(Value::Object)
}

/// One field of a message.
enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// `map<string, Value> fields = 1`
fn structure(bytes: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let depth = depth.checked_sub(1)?;
    let mut map = Map::new();
    for field in fields(bytes)? {
        let (1, Field::Bytes(entry)) = field else { return None };
        let (mut name, mut value) = (String::new(), Value::Null);
        for part in fields(entry)? {
            match part {
                (1, Field::Bytes(text)) => name = std::str::from_utf8(text).ok()?.to_owned(),
                (2, Field::Bytes(bytes)) => value = read_value(bytes, depth)?,
                _ => return None,
            }
        }
        if map.insert(name, value).is_some() {
            return None;
        }
    }
    Some(map)
}

fn read_value(bytes: &[u8], depth: usize) -> Option<Value> {
    let mut fields = fields(bytes)?.into_iter();
    let value = match fields.next()? {
        (1, Field::Varint(0)) => Value::Null,
        (2, Field::Fixed64(bytes)) => Value::Number(number(f64::from_le_bytes(bytes))?),
        (3, Field::Bytes(text)) => Value::String(std::str::from_utf8(text).ok()?.to_owned()),
        (4, Field::Varint(flag @ (0 | 1))) => Value::Bool(flag == 1),
        (5, Field::Bytes(bytes)) => Value::Object(structure(bytes, depth)?),
        (6, Field::Bytes(bytes)) => Value::Array(list(bytes, depth)?),
        _ => return None,
    };
    fields.next().is_none().then_some(value)
}

/// `repeated Value values = 1`
fn list(bytes: &[u8], depth: usize) -> Option<Vec<Value>> {
    let depth = depth.checked_sub(1)?;
    fields(bytes)?
        .into_iter()
        .map(|field| match field {
            (1, Field::Bytes(bytes)) => read_value(bytes, depth),
            _ => None,
        })
        .collect()
}

/// A number as an operator wrote it: whole where it is whole.
fn number(value: f64) -> Option<Number> {
    Number::from_f64(value).and_then(|number| {
        let text = number.to_string();
        text.strip_suffix(".0").unwrap_or(&text).parse().ok()
    })
}

fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Field::Varint(varint(&mut bytes)?),
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>()?;
                bytes = rest;
                Field::Fixed64(*value)
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(value)
            }
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
        [&[field << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn entry(name: &str, value: &[u8]) -> Vec<u8> {
        message(1, &[message(1, name.as_bytes()), message(2, value)].concat())
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let number = [&[0x11][..], &60f64.to_le_bytes()].concat();
        let half = [&[0x11][..], &0.5f64.to_le_bytes()].concat();
        let list = message(6, &message(1, &message(3, b"x")));
        let inner = message(5, &entry("f", &[0x20, 1]));
        let bytes = [
            entry("s", &message(3, b"text")),
            entry("n", &number),
            entry("h", &half),
            entry("z", &[0x08, 0]),
            entry("l", &list),
            entry("o", &inner),
        ]
        .concat();
        let value = read_struct(&bytes).unwrap();
        let expected = r#"{"s":"text","n":60,"h":0.5,"z":null,"l":["x"],"o":{"f":true}}"#;
        assert_eq!(value.to_string(), expected);
    }

    #[test]
    fn text_is_not_taken_for_a_struct() {
        for text in ["", "keys: []", "\nkeys: []\ntenants: []\n", "{\"keys\":[]}", "\n\n\n"] {
            assert!(read_struct(text.as_bytes()).is_none(), "{text:?}");
        }
    }

    #[test]
    fn truncated_octets_are_refused_at_every_length() {
        let bytes = entry("name", &message(3, b"value"));
        for end in 0..bytes.len() {
            assert!(read_struct(&bytes[..end]).is_none());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let mut value = message(3, b"x");
        for _ in 0..20 {
            value = message(6, &message(1, &value));
        }
        assert!(read_struct(&entry("a", &value)).is_some());
        for _ in 0..20 {
            value = message(6, &message(1, &value));
        }
        assert!(read_struct(&entry("a", &value)).is_none());
    }
}
