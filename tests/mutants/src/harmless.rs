//! Changes after which a message says the same: canonical XML is blind to them, or they touch nothing that is signed and
//! nothing that is read.

use std::ops::Range;

use crate::markup::{Element, Markup, boundary, in_reference};
use crate::random::Random;
use crate::seeds::{CERTIFICATES, Seed};

/// `None` where there is nothing in the message that it could change.
pub type Operator = fn(&Seed, &str, &mut Random) -> Option<String>;

/// All operators of this kind.
pub const OPERATORS: [(&str, Operator); 20] = [
    ("order of attributes", attribute_order),
    ("white space in tags", space_in_tags),
    ("kind of quotes", quotes),
    ("form of empty elements", empty_form),
    ("character reference in text", reference_in_text),
    ("character reference in an attribute", reference_in_attribute),
    ("entity for a character", entity_for_character),
    ("section for a text", section),
    ("comment", comment),
    ("prologue", prologue),
    ("epilogue", epilogue),
    ("unused namespace", unused_namespace),
    ("namespace declared again", namespace_again),
    ("prefix outside what is signed", prefix_outside),
    ("white space outside what is signed", space_outside),
    ("extensions outside what is signed", extensions),
    ("envelope outside what is signed", envelope),
    ("key information", key_information),
    ("line breaks of the signature", signature_lines),
    ("line ends", line_ends),
];

fn attribute_order(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let several: Vec<_> = markup.elements.iter().filter(|element| element.attributes.len() > 1).collect();
    let element = random.of(&several)?;
    let (first, last) = (element.attributes.first()?.whole.start, element.attributes.last()?.whole.end);
    let mut all: Vec<&str> =
        element.attributes.iter().map(|attribute| markup.text(&attribute.whole)).collect();
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at + 1));
    }
    Some(markup.with(first..last, &all.join(" ")))
}

const SPACES: [&str; 6] = [" ", "\n", "\t", "  ", "\r\n", " \n\t "];

fn space(random: &mut Random) -> &'static str {
    SPACES[random.below(SPACES.len())]
}

fn space_in_tags(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    let more = space(random);
    let attribute = random.of(&element.attributes).cloned();
    let at = match (random.below(4), attribute) {
        (0, Some(attribute)) => attribute.whole.start,
        (1, Some(attribute)) => attribute.name.end,
        (2, Some(attribute)) => attribute.value.start - 1,
        // Before the end of the end tag, or of the only tag.
        (3, _) if element.is_empty_form() => element.whole.end - 2,
        (3, _) => element.whole.end - 1,
        _ if element.is_empty_form() => return None,
        _ => element.start.end - 1,
    };
    Some(markup.with(at..at, more))
}

fn quotes(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    let value = random.of(&element.attributes)?.value.clone();
    let text = markup.text(&value);
    let (old, new) = if xml[value.end..].starts_with('"') { ('"', '\'') } else { ('\'', '"') };
    let escaped = text.replace(new, if new == '"' { "&#34;" } else { "&apos;" });
    debug_assert!(!escaped.contains(old));
    Some(markup.with(value.start - 1..value.end + 1, &format!("{new}{escaped}{new}")))
}

fn empty_form(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let empty: Vec<_> = markup.elements.iter().filter(|element| element.inside.is_empty()).collect();
    let element = random.of(&empty)?;
    if element.is_empty_form() {
        let at = element.whole.end - 2..element.whole.end;
        Some(markup.with(at, &format!("></{}>", markup.text(&element.name))))
    } else {
        Some(markup.with(element.start.end - 1..element.whole.end, "/>"))
    }
}

fn reference_to(c: char, random: &mut Random) -> String {
    let code = u32::from(c);
    match random.below(5) {
        0 => format!("&#{code};"),
        1 => format!("&#x{code:x};"),
        2 => format!("&#x{code:X};"),
        3 => format!("&#000{code};"),
        _ => format!("&#x0000{code:x};"),
    }
}

/// A character of a text that is no part of a reference.
fn plain_character(text: &str, random: &mut Random) -> Option<(usize, char)> {
    let at = boundary(text, random.below(text.len()));
    let c = text[at..].chars().next()?;
    (!in_reference(text, at) && !matches!(c, '&' | '\r')).then_some((at, c))
}

fn reference_in_text(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let text = random.of(&markup.texts)?.clone();
    let (at, c) = plain_character(markup.text(&text), random)?;
    let at = text.start + at;
    Some(markup.with(at..at + c.len_utf8(), &reference_to(c, random)))
}

fn reference_in_attribute(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    let value = random.of(&element.attributes)?.value.clone();
    let (at, c) = plain_character(markup.text(&value), random)?;
    // A literal tab or line end means a space, and a reference to it does not.
    let c = if c.is_ascii_whitespace() { return None } else { c };
    let at = value.start + at;
    Some(markup.with(at..at + c.len_utf8(), &reference_to(c, random)))
}

fn entity_for_character(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let pairs = [
        ("&amp;", "&#38;"),
        ("&amp;", "&#x26;"),
        ("&lt;", "&#60;"),
        ("&gt;", ">"),
        ("&gt;", "&#x3E;"),
        ("&#xF6;", "ö"),
        ("&#xF6;", "&#246;"),
    ];
    let markup = Markup::scan(xml);
    let (from, to) = *random.of(&pairs)?;
    let in_text = |at: &usize| markup.texts.iter().any(|text| text.contains(at));
    let places: Vec<usize> = xml.match_indices(from).map(|(at, _)| at).filter(in_text).collect();
    let at = *random.of(&places)?;
    // Text must not come to hold the end of a section.
    (to != ">" || !xml[..at].ends_with("]]")).then(|| markup.with(at..at + from.len(), to))
}

fn section(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let text = random.of(&markup.texts)?.clone();
    let plain = markup.text(&text);
    if plain.contains(['&', ']']) {
        return None;
    }
    let (a, b) =
        (boundary(plain, random.below(plain.len() + 1)), boundary(plain, random.below(plain.len() + 1)));
    let part = text.start + a.min(b)..text.start + a.max(b);
    Some(markup.with(part.clone(), &format!("<![CDATA[{}]]>", &xml[part])))
}

/// Comments have no place in what a signature and an encrypted element are made of.
const NO_COMMENT: [&str; 2] = ["Signature", "EncryptedAssertion"];

fn comment(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    if element.is_empty_form() {
        return None;
    }
    let at = match random.below(3) {
        0 => element.inside.start,
        1 => element.inside.end,
        _ => {
            let text = random.of(&markup.texts)?.clone();
            let at = boundary(markup.text(&text), random.below(text.len()));
            if in_reference(markup.text(&text), at) {
                return None;
            }
            text.start + at
        }
    };
    if markup.within(at, &NO_COMMENT) {
        return None;
    }
    let all = ["<!---->", "<!-- -->", "<!-- <x/> &amp; ]]> -->", "<!--admin@example.test-->"];
    Some(markup.with(at..at, random.of(&all)?))
}

fn prologue(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let rest = xml.trim_start_matches('\u{feff}');
    let rest = if rest.starts_with("<?") { &rest[rest.find("?>")? + 2..] } else { rest };
    let all = [
        "",
        "\u{feff}",
        "<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='utf-8' ?>\r\n",
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n",
        "\n\n ",
        "<!-- before -->",
    ];
    Some([random.of(&all)?, rest].concat())
}

fn epilogue(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    Some([xml, random.of(&["\n", " \r\n\t", "<!-- behind -->\n"])?].concat())
}

fn unused_namespace(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    let (prefix, number) = (random.below(1000), random.below(3));
    let name =
        ["urn:x", "urn:oasis:names:tc:SAML:2.0:assertion", "http://www.w3.org/2000/09/xmldsig#"][number];
    let declared = format!(" xmlns:unused{prefix}=\"{name}\"");
    (!markup.text(&element.start).contains(&format!("xmlns:unused{prefix}")))
        .then(|| markup.with(element.name.end..element.name.end, &declared))
}

fn ancestors<'m>(markup: &'m Markup<'_>, element: &'m Element) -> impl Iterator<Item = &'m Element> {
    let mut next = Some(element);
    std::iter::from_fn(move || {
        let here = next?;
        next = here.parent.and_then(|index| markup.elements.get(index));
        Some(here)
    })
}

/// The declaration, as written, that an element's own prefix comes from.
fn declaration_of<'x>(markup: &Markup<'x>, element: &Element) -> Option<(String, &'x str)> {
    let (prefix, _) = markup.name(element);
    let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    let found = ancestors(markup, element)
        .find_map(|here| here.attributes.iter().find(|attribute| markup.text(&attribute.name) == name));
    found.map(|attribute| (name, markup.text(&attribute.value)))
}

fn namespace_again(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = random.of(&markup.elements)?;
    let (name, value) = declaration_of(&markup, element)?;
    if element.attributes.iter().any(|attribute| markup.text(&attribute.name) == name) {
        return None;
    }
    let quote = if value.contains('"') { '\'' } else { '"' };
    let declared = format!(" {name}={quote}{value}{quote}");
    Some(markup.with(element.name.end..element.name.end, &declared))
}

/// The element that the outermost signature covers; nothing around it is signed.
fn signed<'m>(seed: &Seed, markup: &'m Markup<'_>) -> Option<&'m Element> {
    match (seed.response_signed, seed.encrypted) {
        (true, _) => markup.elements.first(),
        (false, true) => markup.first("EncryptedAssertion"),
        (false, false) => markup.first("Assertion"),
    }
}

fn inside(outer: &Element, inner: &Element) -> bool {
    outer.whole.start <= inner.whole.start && inner.whole.end <= outer.whole.end
}

fn prefix_outside(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let signed = signed(seed, &markup)?;
    let outside: Vec<&Element> = markup.elements.iter().filter(|element| !inside(signed, element)).collect();
    let element = random.of(&outside)?;
    let (prefix, _) = markup.name(element);
    let declared = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    let own = element.attributes.iter().find(|attribute| markup.text(&attribute.name) == declared)?;
    // What is signed must not depend on the prefix, and nothing else may declare it again.
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let new = format!("again{}", random.below(100));
    for other in markup.elements.iter().filter(|other| inside(element, other)) {
        let uses = markup.name(other).0 == prefix
            || other.attributes.iter().any(|attribute| {
                !prefix.is_empty() && markup.text(&attribute.name).starts_with(&format!("{prefix}:"))
            });
        let declares = other.attributes.iter().any(|attribute| markup.text(&attribute.name) == declared);
        let in_signed = inside(signed, other);
        if markup.text(&other.start).contains(&new)
            || (declares && !std::ptr::eq(*element, other) && !in_signed)
        {
            return None;
        }
        if in_signed {
            let top = other.whole == signed.whole;
            if top && !declares && inside(element, signed) {
                let used_inside = markup.elements.iter().filter(|e| inside(signed, e)).any(|e| {
                    markup.name(e).0 == prefix
                        || e.attributes
                            .iter()
                            .any(|a| markup.text(&a.name).starts_with(&format!("{prefix}:")))
                });
                if used_inside {
                    return None;
                }
            }
            continue;
        }
        if uses {
            let local = markup.local(other);
            edits.push((other.name.clone(), format!("{new}:{local}")));
            if !other.is_empty_form() {
                let end = other.inside.end + 2;
                edits.push((end..end + other.name.len(), format!("{new}:{local}")));
            }
        }
    }
    edits.push((own.name.clone(), format!("xmlns:{new}")));
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut changed = xml.to_owned();
    edits.into_iter().for_each(|(range, text)| changed.replace_range(range, &text));
    Some(changed)
}

/// The signature that no other one covers.
fn outermost<'m>(seed: &Seed, markup: &'m Markup<'_>) -> Option<&'m Element> {
    if seed.encrypted && !seed.response_signed {
        return None;
    }
    markup.child(signed(seed, markup)?, "Signature")
}

fn space_outside(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let signed = signed(seed, &markup)?;
    let parents = ["Response", "Status", "StatusCode", "Extensions"];
    let holds = |element: &&Element| !inside(signed, element) && parents.contains(&markup.local(element));
    let mut places: Vec<usize> = Vec::new();
    for element in markup.elements.iter().filter(holds).filter(|element| !element.is_empty_form()) {
        places.extend([element.inside.start, element.inside.end]);
    }
    if let Some(signature) = outermost(seed, &markup) {
        let parts = ["SignedInfo", "SignatureValue", "KeyInfo"].map(|part| markup.child(signature, part));
        places.extend(parts.into_iter().flatten().flat_map(|part| [part.whole.start, part.whole.end]));
    }
    let at = *random.of(&places)?;
    Some(markup.with(at..at, space(random)))
}

fn extensions(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let status = markup.first("Status").filter(|_| !seed.response_signed)?;
    if markup.first("Extensions").is_some() {
        return None;
    }
    let all = [
        "",
        "<x xmlns=\"urn:x\"/>",
        "<x xmlns=\"urn:x\" a='1'>text<y>admin@example.test</y></x>",
        "<p:x xmlns:p=\"urn:x\" ID=\"_extension\"/>",
    ];
    let inside = random.of(&all)?;
    let element =
        format!("<e:Extensions xmlns:e=\"urn:oasis:names:tc:SAML:2.0:protocol\">{inside}</e:Extensions>");
    Some(markup.with(status.whole.start..status.whole.start, &element))
}

fn envelope(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let root = markup.elements.first().filter(|_| !seed.response_signed)?;
    let attribute = |name: &str| root.attributes.iter().find(|one| markup.text(&one.name) == name);
    match random.below(5) {
        0 => Some(markup.with(attribute("ID")?.value.clone(), "_another")),
        1 => Some(markup.with(attribute("IssueInstant")?.value.clone(), "2026-12-31T23:59:59Z")),
        // The signed confirmation names the request too.
        2 => Some(markup.with(attribute("InResponseTo")?.whole.clone(), "")),
        3 if !markup.text(&root.start).contains("Consent") => {
            let at = root.name.end;
            Some(markup.with(at..at, " Consent=\"urn:oasis:names:tc:SAML:2.0:consent:obtained\""))
        }
        _ => {
            let code = markup.first("StatusCode").filter(|_| markup.first("StatusMessage").is_none())?;
            let message =
                "<m:StatusMessage xmlns:m=\"urn:oasis:names:tc:SAML:2.0:protocol\">AADSTS0</m:StatusMessage>";
            Some(markup.with(code.whole.end..code.whole.end, message))
        }
    }
}

/// Nobody reads it.
fn key_information(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let signature = outermost(seed, &markup)?;
    let own = markup.child(signature, "KeyInfo")?;
    let certificate: String =
        random.of(&CERTIFICATES)?.lines().filter(|line| !line.starts_with('-')).collect();
    let all = [
        String::new(),
        "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><KeyName>another</KeyName></KeyInfo>"
            .to_owned(),
        format!(
            "<k:KeyInfo xmlns:k=\"http://www.w3.org/2000/09/xmldsig#\"><k:X509Data><k:X509Certificate>{certificate}\
             </k:X509Certificate></k:X509Data></k:KeyInfo>"
        ),
    ];
    Some(markup.with(own.whole.clone(), random.of(&all)?))
}

fn signature_lines(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let value = markup.child(outermost(seed, &markup)?, "SignatureValue")?;
    if markup.text(&value.inside).contains(['<', '&']) {
        return None;
    }
    let packed: String = markup.text(&value.inside).chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let width = *random.of(&[1000, 76, 64, 10])?;
    let lines: Vec<String> =
        packed.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let (around, between) = (random.of(&["", "\n", " \t"])?, random.of(&["\n", "\r\n", " "])?);
    Some(markup.with(value.inside.clone(), &[around, &lines.join(between) as &str, around].concat()))
}

fn line_ends(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let lines = xml.replace("\r\n", "\n");
    if !lines.contains('\n') {
        return None;
    }
    Some(lines.replace('\n', random.of(&["\r\n", "\r", "\n"])?))
}
