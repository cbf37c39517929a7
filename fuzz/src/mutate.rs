//! Mutations that keep the structure of a text: whole elements or values are removed, doubled, moved and wrapped. Every
//! other mutation is libFuzzer's own, dictionary included.

use std::ops::Range;

use libfuzzer_sys::fuzzer_mutate;

/// What the inputs of a target look like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Octets without a structure that is known here.
    Octets,
    /// JSON, or text with quotes and brackets as in filters.
    Brackets,
    /// XML.
    Markup,
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1) as u64) as usize
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

/// Mutates the first `size` octets of `data` in place, to at most `most`; gives the new size.
pub fn mutate(shape: Shape, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) << 1 | 1);
    random.below(2);
    if shape != Shape::Octets && random.below(3) > 0 {
        let changed =
            std::str::from_utf8(&data[..size]).ok().and_then(|text| structural(shape, text, &mut random));
        if let Some(changed) = changed.filter(|changed| changed.len() <= most && !changed.is_empty()) {
            data[..changed.len()].copy_from_slice(changed.as_bytes());
            return changed.len();
        }
    }
    fuzzer_mutate(data, size, most)
}

fn structural(shape: Shape, text: &str, random: &mut Random) -> Option<String> {
    let parts = match shape {
        Shape::Octets => return None,
        Shape::Brackets => brackets(text),
        Shape::Markup => elements(text),
    };
    if parts.is_empty() {
        return None;
    }
    let one = random.of(&parts).clone();
    let other = random.of(&parts).clone();
    let with = |range: Range<usize>, new: &str| [&text[..range.start], new, &text[range.end..]].concat();
    let comma = if shape == Shape::Brackets { "," } else { "" };
    Some(match random.below(if shape == Shape::Markup { 10 } else { 5 }) {
        0 => with(one, ""),
        1 => with(one.start..one.start, &[&text[other], comma].concat()),
        2 => with(one.end..one.end, &[comma, &text[other]].concat()),
        3 => with(one, &text[other]),
        4 if shape == Shape::Brackets => {
            let (before, after) =
                random.of(&[("[", "]"), ("{\"value\":", "}"), ("(", ")"), ("[{\"value\":", "}]")]);
            with(one.clone(), &[before, &text[one], after].concat())
        }
        4 => {
            let (before, after) = random.of(&WRAPPERS);
            with(one.clone(), &[before, &text[one], after].concat())
        }
        5 => with(one.start..one.start, EVIL),
        6 => with(one.end..one.end, EVIL),
        7 => {
            // Just inside an element or a start tag, where it is most likely to matter.
            let at = one.start + text[one.clone()].find('>').unwrap_or(0) + random.below(2);
            with(at..at, random.of::<&str>(&INSERTS))
        }
        8 => {
            let mut at = random.below(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            with(at..at, random.of::<&str>(&INSERTS))
        }
        _ => {
            let (from, to) = random.of(&RENAMES);
            let places: Vec<_> = text.match_indices(from).map(|(at, _)| at).collect();
            if places.is_empty() {
                return None;
            }
            let at = *random.of(&places);
            with(at..at + from.len(), to)
        }
    })
}

/// Where quoted texts, objects, lists and groups begin and end.
fn brackets(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut open, mut quote, mut escaped) = (Vec::new(), Vec::new(), None, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => match quote.take() {
                Some(start) => found.push(start..at + 1),
                None => quote = Some(at),
            },
            _ if quote.is_some() => {}
            b'{' | b'[' | b'(' => open.push(at),
            b'}' | b']' | b')' => found.extend(open.pop().map(|start| start..at + 1)),
            _ => {}
        }
    }
    found
}

/// Where elements begin and end; nothing useful, but no failure, for a text that is not well-formed.
fn elements(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for (at, _) in text.match_indices('<') {
        let Some(end) = text[at..].find('>').map(|length| at + length + 1) else { break };
        if text[at..].starts_with("</") {
            found.extend(open.pop().map(|start| start..end));
        } else if text[..end].ends_with("/>") {
            found.push(at..end);
        } else if text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            open.push(at);
        }
    }
    found
}

/// What an attacker would like to be read: somebody else's assertion, unsigned.
const EVIL: &str = r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_evil" Version="2.0" IssueInstant="2027-01-01T09:59:00Z"><Issuer>https://idp.example/entity/</Issuer><Subject><NameID>admin@example.test</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="2027-01-01T11:00:00Z" Recipient="https://app.example/acs" InResponseTo="_0123456789abcdef0123456789abcdef"/></SubjectConfirmation></Subject><Conditions><AudienceRestriction><Audience>https://app.example/saml</Audience></AudienceRestriction></Conditions></Assertion>"#;

const WRAPPERS: [(&str, &str); 9] = [
    ("<samlp:Extensions>", "</samlp:Extensions>"),
    ("<Advice xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</Advice>"),
    ("<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Object>"),
    ("<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</KeyInfo>"),
    ("<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Signature>"),
    (
        "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_evil\" Version=\"2.0\">",
        "</Assertion>",
    ),
    ("<EncryptedAssertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</EncryptedAssertion>"),
    ("<x xmlns:samlp=\"urn:x\" xmlns=\"urn:y\">", "</x>"),
    ("<![CDATA[", "]]>"),
];

const INSERTS: [&str; 18] = [
    "<!-- -->",
    "<!---->",
    "&amp;",
    "&#13;",
    "&#x9;",
    "\r\n",
    " ",
    "<?x y?>",
    "<![CDATA[admin]]>",
    " xmlns=\"\"",
    " xmlns:a=\"urn:a\" a:b=\"c\"",
    " xml:lang=\"en\"",
    " xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
    " ID=\"_assertion\"",
    " Id=\"_response\"",
    "\u{feff}",
    "\0",
    "admin@example.test",
];

const RENAMES: [(&str, &str); 14] = [
    ("_assertion", "_response"),
    ("_response", "_assertion"),
    ("_assertion", "_evil"),
    ("ada@example.test", "admin@example.test"),
    ("SignedInfo", "Manifest"),
    ("Signature>", "Object>"),
    ("<Assertion", "<samlp:Assertion"),
    ("exc-c14n#", "exc-c14n#WithComments"),
    ("rsa-sha256", "hmac-sha256"),
    ("aes256-gcm", "aes128-gcm"),
    ("rsa-oaep-mgf1p", "rsa-1_5"),
    ("URI=\"#_assertion\"", "URI=\"\""),
    ("a", "b"),
    ("xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"", "xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\""),
];
