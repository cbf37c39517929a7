//! The octets that go over the host boundary: header pairs, property paths, and the messages of `verify_signature`.
//!
//! Pure functions, so that they are tested where there is no host.

use crate::common::{HeaderEdit, Headers, NativeSignature, NativeSigning, NativeVerdict};

/// What the host takes in one list; it silently reads a larger one as empty (`limits.h` of proxy-wasm-cpp-host).
const MAX_PAIRS: usize = 1024;
/// See [`MAX_PAIRS`].
const MAX_PAIRS_BYTES: usize = 1_048_576;

/// Reads a serialized list of pairs: count, all lengths, then names and values, each closed by a zero octet.
///
/// `None` where the form is not exactly that; nothing is trusted to be within the buffer. Neither is a list read with a name that
/// has capitals in it: a host that does not fold names would not find it by the folded one, and what is to be taken out would go on.
pub(super) fn read_pairs(bytes: Vec<u8>) -> Option<Headers> {
    if bytes.is_empty() {
        return Some(Headers::default());
    }
    let (count, rest) = take_length(&bytes)?;
    let (mut lengths, mut rest) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut at = bytes.len().checked_sub(rest.len())?;
    let mut places = Vec::with_capacity(count);
    let mut take = |lengths: &mut &[u8]| {
        let (length, others) = take_length(lengths)?;
        *lengths = others;
        let place = at..at.checked_add(length)?;
        rest = after_closed(rest, length)?;
        at = place.end.checked_add(1)?;
        Some(place)
    };
    for _ in 0..count {
        let (name, value) = (take(&mut lengths)?, take(&mut lengths)?);
        if bytes.get(name.clone())?.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        places.push((name, value));
    }
    if !rest.is_empty() {
        return None;
    }
    Headers::within(bytes, places)
}

/// The little-endian length at the front, and what follows it.
fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

/// What follows `length` octets that are closed by a zero octet.
fn after_closed(bytes: &[u8], length: usize) -> Option<&[u8]> {
    match bytes.get(length..)?.split_first() {
        Some((0, rest)) => Some(rest),
        _ => None,
    }
}

/// Writes a list of pairs.
///
/// `None` where the host would read it as empty, or a pair as more than one header.
pub(super) fn write_pairs<T: AsRef<[u8]>>(pairs: &[(T, T)]) -> Option<Vec<u8>> {
    let sound = |(name, value): &(T, T)| is_writable_name(name.as_ref()) && is_field_value(value.as_ref());
    if pairs.len() > MAX_PAIRS || !pairs.iter().all(sound) {
        return None;
    }
    let mut bytes = u32::try_from(pairs.len()).ok()?.to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&u32::try_from(name.as_ref().len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(value.as_ref().len()).ok()?.to_le_bytes());
    }
    for (name, value) in pairs {
        for part in [name, value] {
            bytes.extend_from_slice(part.as_ref());
            bytes.push(0);
        }
    }
    (bytes.len() <= MAX_PAIRS_BYTES).then_some(bytes)
}

/// A property path: the parts with a zero octet between.
pub(super) fn property_path(path: &[&str]) -> Vec<u8> {
    path.join("\0").into_bytes()
}

/// Whether a header of this name may be written: a token of RFC 9110 section 5.6.2, or a pseudo-header.
///
/// The host does not check; a line break in a name or value would be a header, or a request, of its own.
pub(super) fn is_writable_name(name: &[u8]) -> bool {
    let token = name.strip_prefix(b":").unwrap_or(name);
    !token.is_empty() && token.iter().all(|octet| is_token(*octet))
}

/// Whether a header of a response goes along where that response is sent as a local reply, which has its own framing.
pub(super) fn is_kept_in_reply(name: &[u8]) -> bool {
    const FRAMING: [&[u8]; 6] =
        [b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"trailer", b"upgrade"];
    !name.starts_with(b":") && !FRAMING.contains(&name)
}

/// Whether a header of this name may be taken away. A forged name need not be a token; but pseudo-headers must stay, and
/// Envoy keeps `host` in the place of `:authority`.
pub(super) fn is_removable_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b":") && !name.eq_ignore_ascii_case(b"host") && !name.contains(&0)
}

/// Whether one more header of this name may be put beside those that are there.
pub(super) fn is_addable_name(name: &[u8]) -> bool {
    is_writable_name(name) && is_removable_name(name)
}

/// What an edit does to the place where a message ends (RFC 9112 section 6).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing.
    None,
    /// The length is taken away.
    LengthRemoved,
    /// The length becomes this, or something that is no length.
    Length(Option<usize>),
    /// It says how the body is coded, which is the proxy's to say.
    Encoding,
}

/// See [`Framing`].
pub(super) fn framing(edit: &HeaderEdit) -> Framing {
    let is = |name: &[u8], what: &str| name.eq_ignore_ascii_case(what.as_bytes());
    match edit {
        HeaderEdit::Set(name, value) if is(name, "content-length") => {
            let digits =
                std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
            Framing::Length(digits.and_then(|digits| digits.parse().ok()))
        }
        HeaderEdit::Add(name, _) if is(name, "content-length") => Framing::Length(None),
        HeaderEdit::Remove(name) if is(name, "content-length") => Framing::LengthRemoved,
        HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _)
            if is(name, "transfer-encoding") || is(name, "connection") || is(name, "upgrade") =>
        {
            Framing::Encoding
        }
        _ => Framing::None,
    }
}

/// Whether this is a field value that cannot be read as more than one (RFC 9110 section 5.5).
pub(super) fn is_field_value(value: &[u8]) -> bool {
    !value.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n'))
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// A log line in which nothing can be mistaken for a second line.
pub(super) fn log_line(line: &str) -> std::borrow::Cow<'_, str> {
    if line.chars().any(char::is_control) {
        line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>().into()
    } else {
        line.into()
    }
}

/// The argument of Envoy's `verify_signature`, protobuf by hand: hash 1, public key 2, signature 3, text 4.
pub(super) fn signature_question(question: &NativeSignature<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for (tag, field) in [
        (0x0a, question.hash.as_bytes()),
        (0x12, question.spki),
        (0x1a, question.signature),
        (0x22, question.message),
    ] {
        write_field(&mut message, tag, field);
    }
    message
}

/// The argument of Envoy's `sign`: hash 1, private key 2, text 3.
pub(super) fn signing_question(question: &NativeSigning<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for (tag, field) in
        [(0x0a, question.hash.as_bytes()), (0x12, question.private_key), (0x1a, question.message)]
    {
        write_field(&mut message, tag, field);
    }
    message
}

/// The signature in the answer of `sign`, which must be `result: true` and a signature, and nothing else.
pub(super) fn signature_made(answer: &[u8]) -> Option<&[u8]> {
    let rest = answer.strip_prefix(&[0x08, 0x01, 0x12])?;
    let (length, signature) = match rest {
        [length @ 0..=0x7f, signature @ ..] => (usize::from(*length), signature),
        [low, high @ 1..=0x7f, signature @ ..] => {
            (usize::from(low & 0x7f) | (usize::from(*high) << 7), signature)
        }
        _ => return None,
    };
    (signature.len() == length).then_some(signature)
}

fn write_field(to: &mut Vec<u8>, tag: u8, field: &[u8]) {
    to.push(tag);
    write_varint(to, field.len());
    to.extend_from_slice(field);
}

fn write_varint(to: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

/// What the answer of `verify_signature` means. Only the exact message `result: true` is a yes; a no is believed only
/// where it is about the signature itself, for the host may lack the hash or refuse the key.
pub(super) fn signature_verdict(answer: &[u8]) -> NativeVerdict {
    const SIGNATURE_IS_WRONG: &[u8] = b"Failed to verify digest";
    match answer {
        [0x08, 0x01] => NativeVerdict::Valid,
        [0x12, length, text @ ..]
            if usize::from(*length) == text.len() && text.starts_with(SIGNATURE_IS_WRONG) =>
        {
            NativeVerdict::Invalid
        }
        _ => NativeVerdict::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn pairs_written_are_the_pairs_read() {
        let bytes =
            write_pairs(&[pair("a", ""), pair("set-cookie", "x=1"), pair("set-cookie", "y=2")]).unwrap();
        let read = read_pairs(bytes).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read, Headers::from([("a", ""), ("set-cookie", "x=1"), ("set-cookie", "y=2")]));
    }

    #[test]
    fn no_pairs_are_an_empty_list_in_both_forms() {
        assert_eq!(read_pairs(Vec::new()), Some(Headers::default()));
        assert_eq!(read_pairs(vec![0; 4]), Some(Headers::default()));
    }

    #[test]
    fn header_values_need_not_be_text() {
        let bytes = [1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, b'x', 0, 0xff, 0xfe, 0];
        assert_eq!(read_pairs(bytes.to_vec()), Some(Headers::new(vec![(b"x".to_vec(), vec![0xff, 0xfe])])));
    }

    #[test]
    fn a_list_cut_short_or_with_more_behind_is_refused() {
        let whole = write_pairs(&[pair("name", "value"), pair("n", "v")]).unwrap();
        for length in 1..whole.len() {
            assert_eq!(read_pairs(whole[..length].to_vec()), None, "cut to {length}");
        }
        let mut longer = whole;
        longer.push(0);
        assert_eq!(read_pairs(longer), None);
    }

    #[test]
    fn a_list_whose_names_the_host_did_not_fold_is_refused() {
        for (name, is_read) in [("x-user", true), ("x-uSer", false), ("X-USER", false), ("x_1~", true)] {
            let bytes = write_pairs(&[pair("a", "B"), pair(name, "Ada")]).unwrap();
            assert_eq!(read_pairs(bytes).is_some(), is_read, "{name}");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(read_pairs(vec![0xff; 64]), None);
        assert_eq!(read_pairs(vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0]), None);
        assert_eq!(read_pairs(vec![1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x', b'y', 0]), None);
    }

    #[test]
    fn a_list_the_host_would_read_as_empty_is_not_written() {
        assert!(write_pairs(&vec![pair("a", "b"); 1024]).is_some());
        assert!(write_pairs(&vec![pair("a", "b"); 1025]).is_none());
        assert!(write_pairs(&[pair("a", &"b".repeat(1_048_576))]).is_none());
    }

    #[test]
    fn a_list_with_a_pair_that_would_be_two_headers_is_not_written() {
        assert!(write_pairs(&[pair("a", "b\r\nc: d")]).is_none());
        assert!(write_pairs(&[pair("a: b\r\nc", "d")]).is_none());
        assert!(write_pairs(&[(b"a".to_vec(), vec![0xff])]).is_some());
    }

    #[test]
    fn a_response_sent_as_a_reply_loses_its_framing_only() {
        for name in [&b"content-type"[..], b"set-cookie", b"etag", b"location"] {
            assert!(is_kept_in_reply(name));
        }
        for name in [&b":status"[..], b"content-length", b"transfer-encoding", b"trailer"] {
            assert!(!is_kept_in_reply(name));
        }
    }

    #[test]
    fn no_line_break_or_zero_gets_into_a_header() {
        assert!(is_field_value(b"caf\xc3\xa9, \xff"));
        for value in [&b"a\r\nx: y"[..], b"a\nb", b"a\rb", b"a\0b"] {
            assert!(!is_field_value(value));
        }
        assert!(is_writable_name(b"x-user") && is_writable_name(b":path"));
        for name in [&b""[..], b":", b"x user", b"x:y", b"x\r\ny", b"\xc3\xa9"] {
            assert!(!is_writable_name(name));
        }
    }

    #[test]
    fn pseudo_headers_and_host_cannot_be_removed_but_odd_names_can() {
        assert!(is_removable_name(b"x_user") && is_removable_name(b"x\xff"));
        for name in [&b":path"[..], b":authority", b"host", b"Host", b""] {
            assert!(!is_removable_name(name));
        }
    }

    #[test]
    fn an_edit_that_moves_the_end_of_a_message_is_seen() {
        assert_eq!(framing(&HeaderEdit::set("content-length", "12")), Framing::Length(Some(12)));
        for no_length in ["", "+12", "-1", " 12", "1e3", "99999999999999999999999"] {
            assert_eq!(framing(&HeaderEdit::set("Content-Length", no_length)), Framing::Length(None));
        }
        assert_eq!(framing(&HeaderEdit::add("content-length", "12")), Framing::Length(None));
        assert_eq!(framing(&HeaderEdit::remove("content-length")), Framing::LengthRemoved);
        assert_eq!(framing(&HeaderEdit::set("transfer-encoding", "chunked")), Framing::Encoding);
        assert_eq!(framing(&HeaderEdit::remove("transfer-encoding")), Framing::None);
        assert_eq!(framing(&HeaderEdit::set("content-type", "text/plain")), Framing::None);
    }

    #[test]
    fn no_second_host_or_path_is_added() {
        assert!(is_addable_name(b"set-cookie"));
        assert!(!is_addable_name(b"host") && !is_addable_name(b":path"));
    }

    #[test]
    fn a_property_path_has_zeros_between_its_parts() {
        assert_eq!(property_path(&["xds", "route_name"]), b"xds\0route_name");
    }

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(log_line("code=x"), "code=x");
        assert_eq!(log_line("a\nb\u{1b}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn long_fields_have_lengths_of_more_than_one_octet() {
        let question = NativeSignature { hash: "sha256", spki: &[7; 300], signature: &[], message: b"m" };
        let message = signature_question(&question);
        assert_eq!(&message[..8], b"\x0a\x06sha256");
        assert_eq!(&message[8..12], &[0x12, 0xac, 0x02, 7]);
        assert_eq!(&message[message.len() - 5..], &[0x1a, 0, 0x22, 1, b'm']);
    }

    #[test]
    fn a_question_to_sign_has_hash_key_and_text() {
        let question = NativeSigning { hash: "sha256", private_key: &[7; 2], message: b"m" };
        assert_eq!(signing_question(&question), b"\x0a\x06sha256\x12\x02\x07\x07\x1a\x01m");
    }

    #[test]
    fn only_a_whole_answer_is_a_signature() {
        let made = |length: &[u8], octets: usize| [&[8, 1, 0x12], length, &vec![7; octets]].concat();
        assert_eq!(signature_made(&made(&[0x80, 2], 256)), Some(&[7; 256][..]));
        assert_eq!(signature_made(&made(&[3], 3)), Some(&[7; 3][..]));
        for answer in [
            made(&[0x80, 2], 255),
            made(&[0x80, 2], 257),
            made(&[0x80], 0),
            made(&[0x80, 0x80, 1], 16384),
            vec![8, 0, 0x12, 1, 7],
            vec![0x12, 1, 7],
            vec![8, 1],
            Vec::new(),
        ] {
            assert_eq!(signature_made(&answer), None, "{answer:?}");
        }
    }

    #[test]
    fn only_the_exact_answer_is_a_valid_signature() {
        assert_eq!(signature_verdict(&[8, 1]), NativeVerdict::Valid);
        for answer in [&[][..], &[8], &[8, 0], &[8, 2], &[8, 1, 0], &[8, 1, 0x12, 0], &[0x12, 2, 8, 1]] {
            assert_eq!(signature_verdict(answer), NativeVerdict::Unavailable);
        }
    }

    #[test]
    fn a_no_is_believed_only_where_it_is_about_the_signature() {
        let mut answer = vec![0x12, 38];
        answer.extend_from_slice(b"Failed to verify digest. Error code: 0");
        assert_eq!(signature_verdict(&answer), NativeVerdict::Invalid);
        let mut answer = vec![0x12, 24];
        answer.extend_from_slice(b"sha-256 is not supported");
        assert_eq!(signature_verdict(&answer), NativeVerdict::Unavailable);
    }
}
