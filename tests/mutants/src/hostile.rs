//! Changes after which a message may be refused, but must never say anything that nobody signed.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::judge::Message;
use crate::markup::{Element, Markup, boundary};
use crate::random::Random;
use crate::seeds::{CERTIFICATES, SETTING, Seed};
use crate::wrapping::evil_assertion;

/// `None` where the message lacks what it needs.
pub type Operator = fn(&Seed, &str, &mut Random) -> Option<String>;

/// All operators of this kind that change a text.
pub const OPERATORS: [(&str, Operator); 30] = [
    ("element removed", removed),
    ("element doubled", doubled),
    ("element moved", moved),
    ("element replaced by another", replaced),
    ("element wrapped", wrapped),
    ("element unwrapped", unwrapped),
    ("element renamed", renamed),
    ("elements exchanged", exchanged),
    ("element repeated many times", repeated),
    ("attacker's assertion anywhere", evil_anywhere),
    ("markup in a value", markup_in_value),
    ("markup between tokens", markup_between),
    ("value changed", value_changed),
    ("values exchanged", values_exchanged),
    ("space in a value", space_in_value),
    ("characters that look alike", look_alike),
    ("reference to a character", reference),
    ("document type", document_type),
    ("namespace declared otherwise", namespace),
    ("prefix exchanged", prefix),
    ("identifier doubled", identifier),
    ("attribute tricks", attribute),
    ("reference of the signature", signature_reference),
    ("algorithm of the signature", algorithm),
    ("transforms of the signature", transforms),
    ("key information of another", key_information),
    ("signature of another message", graft),
    ("part of another message", splice),
    ("status, destination, version", envelope),
    ("time", time),
];

/// Makes octets or a form of a text.
pub type Encoder = fn(&str, &mut Random) -> Message;

/// All operators that make octets or a form of a text; one of them comes last, if any.
pub const LAST: [(&str, Encoder); 4] = [
    ("encoding", encoding),
    ("octets changed", octets),
    ("truncation", truncation),
    ("Base64 of the form", form),
];

fn any<'m>(markup: &'m Markup<'_>, random: &mut Random) -> Option<&'m Element> {
    random.of(&markup.elements)
}

fn removed(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    Some(markup.with(element.whole.clone(), ""))
}

fn doubled(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    Some(markup.with(element.whole.end..element.whole.end, markup.text(&element.whole)))
}

fn place(markup: &Markup<'_>, random: &mut Random) -> Option<usize> {
    let element = any(markup, random)?;
    let all = [element.whole.start, element.whole.end, element.inside.start, element.inside.end];
    random.of(&all).copied()
}

fn moved(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let whole = any(&markup, random)?.whole.clone();
    let to = place(&markup, random)?;
    let text = markup.text(&whole);
    if whole.contains(&to) {
        return None;
    }
    Some(if to <= whole.start {
        [&xml[..to], text, &xml[to..whole.start], &xml[whole.end..]].concat()
    } else {
        [&xml[..whole.start], &xml[whole.end..to], text, &xml[to..]].concat()
    })
}

fn replaced(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let (one, other) = (any(&markup, random)?.whole.clone(), any(&markup, random)?.whole.clone());
    Some(markup.with(one, markup.text(&other)))
}

fn exchanged(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let (a, b) = (any(&markup, random)?.whole.clone(), any(&markup, random)?.whole.clone());
    exchange(xml, a, b)
}

fn exchange(xml: &str, a: Range<usize>, b: Range<usize>) -> Option<String> {
    let (a, b) = if a.start <= b.start { (a, b) } else { (b, a) };
    (a.end <= b.start)
        .then(|| [&xml[..a.start], &xml[b.clone()], &xml[a.end..b.start], &xml[a], &xml[b.end..]].concat())
}

const WRAPPERS: [(&str, &str); 11] = [
    ("<e:Extensions xmlns:e=\"urn:oasis:names:tc:SAML:2.0:protocol\">", "</e:Extensions>"),
    ("<Advice xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">", "</Advice>"),
    ("<Object xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Object>"),
    ("<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</KeyInfo>"),
    ("<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</Signature>"),
    ("<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">", "</SignedInfo>"),
    (
        "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_evil\" Version=\"2.0\">",
        "</Assertion>",
    ),
    ("<x xmlns:samlp=\"urn:x\" xmlns:saml2p=\"urn:x\" xmlns=\"urn:y\">", "</x>"),
    (
        "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_evil\" Version=\"2.0\">",
        "</p:Response>",
    ),
    ("<![CDATA[", "]]>"),
    ("<!--", "-->"),
];

fn wrapped(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let whole = any(&markup, random)?.whole.clone();
    let (before, after) = random.of(&WRAPPERS)?;
    Some(markup.with(whole.clone(), &[before, markup.text(&whole), after].concat()))
}

fn unwrapped(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    Some(markup.with(element.whole.clone(), markup.text(&element.inside)))
}

const NAMES: [&str; 20] = [
    "Response",
    "Assertion",
    "EncryptedAssertion",
    "Signature",
    "SignedInfo",
    "Reference",
    "DigestValue",
    "SignatureValue",
    "KeyInfo",
    "Object",
    "Manifest",
    "Issuer",
    "Subject",
    "NameID",
    "Attribute",
    "AttributeValue",
    "Audience",
    "Extensions",
    "assertion",
    "x",
];

fn renamed(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    let name = *random.of(&NAMES)?;
    let (prefix, _) = markup.name(element);
    let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}:{name}") };
    rename(xml, element, &name)
}

fn rename(xml: &str, element: &Element, name: &str) -> Option<String> {
    let mut changed = xml.to_owned();
    if !element.is_empty_form() {
        let end = element.inside.end + 2;
        let old = end..end + element.name.len();
        if old.end > xml.len() || !xml.is_char_boundary(old.start) || !xml.is_char_boundary(old.end) {
            return None;
        }
        changed.replace_range(old, name);
    }
    changed.replace_range(element.name.clone(), name);
    Some(changed)
}

/// Towards the largest message that is read.
fn repeated(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    if !random.once_in(8) {
        return None;
    }
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    let most = (270_000_usize.saturating_sub(xml.len()) / element.whole.len().max(1)).min(5000);
    let times = random.below(most);
    Some(markup.with(element.whole.end..element.whole.end, &markup.text(&element.whole).repeat(times)))
}

fn evil_anywhere(seed: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let at = place(&markup, random)?;
    Some(markup.with(at..at, &evil_assertion(seed, random)?))
}

const MARKUP: [&str; 14] = [
    "<!-- -->",
    "<!---->",
    "<?x y?>",
    "<![CDATA[admin]]>",
    "<![CDATA[]]>",
    "&amp;",
    "&mallory;",
    "<x/>",
    "<x>mallory</x>",
    "</x>",
    "<",
    "&",
    "]]>",
    "<!ELEMENT x ANY>",
];

fn markup_in_value(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let text = random.of(&markup.texts)?.clone();
    let at = boundary(xml, text.start + random.below(text.len() + 1));
    Some(markup.with(at..at, random.of(&MARKUP)?))
}

fn markup_between(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let at = place(&markup, random)?;
    Some(markup.with(at..at, random.of(&MARKUP)?))
}

/// A text or the value of an attribute.
fn value(markup: &Markup<'_>, random: &mut Random) -> Option<Range<usize>> {
    if random.once_in(2) {
        return random.of(&markup.texts).cloned();
    }
    let all: Vec<_> = markup.elements.iter().flat_map(|element| &element.attributes).collect();
    random.of(&all).map(|attribute| attribute.value.clone())
}

const VALUES: [&str; 14] = [
    "mallory@example.test",
    "admin",
    "",
    " ",
    "_evil",
    "#_evil",
    "https://app.example/saml",
    "https://evil.example/",
    "urn:oasis:names:tc:SAML:2.0:status:Success",
    "urn:oasis:names:tc:SAML:2.0:cm:bearer",
    "2099-01-01T00:00:00Z",
    "true",
    "AAAA",
    "\u{202e}nimda",
];

fn value_changed(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let value = value(&markup, random)?;
    let new = *random.of(&VALUES)?;
    let half = value.start..boundary(xml, value.start + value.len() / 2).max(value.start);
    Some(match random.below(4) {
        0 => markup.with(value.end..value.end, new),
        1 => markup.with(value.start..value.start, new),
        2 => markup.with(half, new),
        _ => markup.with(value, new),
    })
}

fn values_exchanged(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let (a, b) = (value(&markup, random)?, value(&markup, random)?);
    exchange(xml, a, b)
}

fn space_in_value(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let value = value(&markup, random)?;
    let at = boundary(xml, *random.of(&[value.start, value.end, value.start + value.len() / 2])?);
    let spaces =
        [" ", "\n", "\t", "\r", "&#13;", "&#10;", "&#32;", "\u{a0}", "\u{200b}", "\u{85}", "\u{2028}"];
    Some(markup.with(at..at, random.of(&spaces)?))
}

fn look_alike(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let value = value(&markup, random)?;
    let pairs = [("a", "\u{430}"), ("e", "\u{435}"), ("o", "\u{3bf}"), ("i", "I"), ("_", "\u{ff3f}")];
    let (from, to) = random.of(&pairs)?;
    let at = value.start + markup.text(&value).find(from)?;
    Some(markup.with(at..at + from.len(), to))
}

fn reference(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let all = [
        "&#0;",
        "&#x0;",
        "&#xD800;",
        "&#xFFFE;",
        "&#x110000;",
        "&#99999999999;",
        "&#+65;",
        "&#x+41;",
        "&#;",
        "&#x;",
        "&# 65;",
        "&#X41;",
        "&;",
        "&nbsp;",
        "&lt",
        "&#1;",
        "&#xB;",
        "&#13;&#10;",
    ];
    let markup = Markup::scan(xml);
    let value = value(&markup, random)?;
    let at = boundary(xml, value.start + random.below(value.len() + 1));
    Some(markup.with(at..at, random.of(&all)?))
}

fn document_type(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let all = [
        "<!DOCTYPE x>",
        "<!DOCTYPE x [<!ENTITY mallory \"mallory@example.test\">]>",
        "<!DOCTYPE x [<!ATTLIST x ID ID #IMPLIED>]>",
        "<!DOCTYPE x SYSTEM \"file:///dev/null\">",
        "<?xml-stylesheet href=\"x\"?>",
        "<?xml version=\"1.0\"?>",
        "<!doctype x>",
    ];
    let what = random.of(&all)?;
    let markup = Markup::scan(xml);
    let at = if random.once_in(2) { markup.elements.first()?.whole.start } else { place(&markup, random)? };
    Some(markup.with(at..at, what))
}

const NAMESPACES: [&str; 9] = [
    "",
    "urn:x",
    "urn:oasis:names:tc:SAML:2.0:protocol",
    "urn:oasis:names:tc:SAML:2.0:assertion",
    "urn:oasis:names:tc:SAML:2.0:assertion ",
    "http://www.w3.org/2000/09/xmldsig#",
    "http://www.w3.org/XML/1998/namespace",
    "http://www.w3.org/2000/xmlns/",
    "relative",
];
const PREFIXES: [&str; 11] =
    ["", "samlp", "saml", "saml2p", "saml2", "ds", "dsig", "xs", "xml", "xmlns", "xenc"];

fn namespace(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    let (name, prefix) = (random.of(&NAMESPACES)?, random.of(&PREFIXES)?);
    let own = element
        .attributes
        .iter()
        .find(|attribute| markup.text(&attribute.name).starts_with("xmlns"))
        .filter(|_| random.once_in(2));
    if let Some(own) = own {
        return Some(markup.with(own.value.clone(), name));
    }
    let declared =
        if prefix.is_empty() { format!(" xmlns=\"{name}\"") } else { format!(" xmlns:{prefix}=\"{name}\"") };
    Some(markup.with(element.name.end..element.name.end, &declared))
}

fn prefix(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    let prefix = random.of(&PREFIXES)?;
    let local = markup.local(element);
    let name = if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") };
    rename(xml, element, &name)
}

fn identifiers<'x>(markup: &Markup<'x>) -> Vec<&'x str> {
    let all = markup.elements.iter().flat_map(|element| &element.attributes);
    all.filter(|one| markup.text(&one.name).eq_ignore_ascii_case("id"))
        .map(|one| markup.text(&one.value))
        .collect()
}

fn identifier(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let all = identifiers(&markup);
    let id = random.of(&all)?;
    let element = any(&markup, random)?;
    let name = random.of(&["ID", "Id", "id", "iD", "xml:id", "AssertionID", "saml2:ID"])?;
    let at = if random.once_in(2) { element.name.end } else { element.attributes.last()?.whole.end };
    Some(markup.with(at..at, &format!(" {name}=\"{id}\"")))
}

fn attribute(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let element = any(&markup, random)?;
    let own = random.of(&element.attributes)?;
    let (name, text) = (markup.text(&own.name), markup.text(&own.whole));
    Some(match random.below(7) {
        0 => markup.with(own.whole.clone(), ""),
        1 => markup.with(own.whole.clone(), &format!("{text} {text}")),
        2 => markup.with(own.whole.end..own.whole.end, &format!(" {name}=\"mallory\"")),
        3 => markup.with(own.whole.start..own.whole.start, &format!("{name}=\"mallory\" ")),
        4 => markup.with(own.name.clone(), &name.to_lowercase()),
        5 => markup.with(own.name.clone(), &format!("x:{name}")),
        _ => {
            let other = any(&markup, random)?;
            let other = random.of(&other.attributes)?.whole.clone();
            exchange(xml, own.whole.clone(), other)?
        }
    })
}

fn signature_reference(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let all: Vec<_> = markup.elements.iter().filter(|one| markup.local(one) == "Reference").collect();
    let reference = random.of(&all)?;
    let ids = identifiers(&markup);
    let id = random.of(&ids)?;
    let uri = reference.attributes.iter().find(|one| markup.text(&one.name) == "URI");
    let new = match random.below(10) {
        0 => String::new(),
        1 => id.to_string(),
        2 => format!("#{id}"),
        3 => format!("#xpointer(id('{id}'))"),
        4 => "#xpointer(/)".to_owned(),
        5 => format!("# {id}"),
        6 => format!("%23{id}"),
        7 => "file:///dev/null".to_owned(),
        8 => "#_evil".to_owned(),
        _ => {
            return Some(
                markup.with(reference.whole.end..reference.whole.end, markup.text(&reference.whole)),
            );
        }
    };
    match uri {
        Some(uri) if random.once_in(8) => Some(markup.with(uri.whole.clone(), "")),
        Some(uri) => Some(markup.with(uri.value.clone(), &new)),
        None => Some(markup.with(reference.name.end..reference.name.end, &format!(" URI=\"{new}\""))),
    }
}

const ALGORITHMS: [&str; 24] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmlenc#sha512",
    "http://www.w3.org/2000/09/xmldsig#sha1",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2000/09/xmldsig#base64",
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "",
];

fn algorithm(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let all: Vec<_> = markup
        .elements
        .iter()
        .flat_map(|element| &element.attributes)
        .filter(|one| markup.text(&one.name) == "Algorithm")
        .collect();
    let own = random.of(&all)?;
    Some(markup.with(own.value.clone(), random.of(&ALGORITHMS)?))
}

fn transforms(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let all: Vec<_> = markup.elements.iter().filter(|one| markup.local(one) == "Transforms").collect();
    let own = random.of(&all)?;
    let list = |prefixes: &str| {
        format!(
            "<Transform xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
             <InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/></Transform>"
        )
    };
    let plain = |algorithm: &str| {
        format!("<Transform xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"{algorithm}\"/>")
    };
    let xpath = "<Transform xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                 <XPath>not(ancestor-or-self::*[local-name()='Subject'])</XPath></Transform>";
    let new = match random.below(6) {
        0 => list("xs samlp saml #default"),
        1 => list(&"p ".repeat(65)),
        2 => xpath.to_owned(),
        3 => return Some(markup.with(own.whole.clone(), "")),
        4 => return Some(markup.with(own.inside.clone(), "")),
        _ => plain(random.of(&ALGORITHMS)?),
    };
    let at = *random.of(&[own.inside.start, own.inside.end])?;
    Some(markup.with(at..at, &new))
}

fn key_information(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let markup = Markup::scan(xml);
    let all: Vec<_> = markup.elements.iter().filter(|one| markup.local(one) == "X509Certificate").collect();
    let own = random.of(&all)?;
    let other = random.of(&CERTIFICATES)?.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    Some(markup.with(own.inside.clone(), &other))
}

fn same_name(xml: &str, random: &mut Random) -> Option<(Range<usize>, &'static str)> {
    let other: &'static Seed = random.of(&SETTING.seeds)?;
    let (mine, theirs) = (Markup::scan(xml), Markup::scan(other.xml));
    let own = any(&mine, random)?;
    let all: Vec<_> = theirs.elements.iter().filter(|one| theirs.local(one) == mine.local(own)).collect();
    Some((own.whole.clone(), theirs.text(&random.of(&all)?.whole)))
}

/// Two messages of one signer: whoever is accepted is one of the two, in all values.
fn splice(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let (own, theirs) = same_name(xml, random)?;
    let markup = Markup::scan(xml);
    Some(match random.below(3) {
        0 => markup.with(own.start..own.start, theirs),
        1 => markup.with(own.end..own.end, theirs),
        _ => markup.with(own, theirs),
    })
}

fn graft(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let other: &'static Seed = random.of(&SETTING.seeds)?;
    let (mine, theirs) = (Markup::scan(xml), Markup::scan(other.xml));
    let part = *random.of(&[
        "Signature",
        "SignedInfo",
        "SignatureValue",
        "DigestValue",
        "CipherValue",
        "EncryptedKey",
    ])?;
    let own: Vec<_> = mine.elements.iter().filter(|one| mine.local(one) == part).collect();
    let all: Vec<_> = theirs.elements.iter().filter(|one| theirs.local(one) == part).collect();
    Some(mine.with(random.of(&own)?.whole.clone(), theirs.text(&random.of(&all)?.whole)))
}

fn envelope(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let pairs = [
        ("status:Success", "status:Responder"),
        ("status:Success", "status:Success "),
        ("Destination=\"https://app.example/acs\"", "Destination=\"https://app.example/acs/\""),
        ("Destination=\"https://app.example/acs\"", ""),
        ("Recipient=\"https://app.example/acs\"", "Recipient=\"https://evil.example/acs\""),
        ("Version=\"2.0\"", "Version=\"1.1\""),
        ("_0123456789abcdef0123456789abcdef", "_of_another_tab"),
        ("_0123456789abcdef0123456789abcdef", ""),
        ("https://idp.example/entity/", "https://idp.example/entity"),
        ("https://app.example/saml", "https://app.example/SAML"),
        ("cm:bearer", "cm:holder-of-key"),
        (" Consent=", " consent="),
    ];
    let (from, to) = random.of(&pairs)?;
    let places: Vec<_> = xml.match_indices(from).map(|(at, _)| at).collect();
    let at = *random.of(&places)?;
    Some([&xml[..at], to, &xml[at + from.len()..]].concat())
}

fn time(_: &Seed, xml: &str, random: &mut Random) -> Option<String> {
    let places: Vec<_> = xml.match_indices("2027-01-01T").map(|(at, _)| at).collect();
    let at = *random.of(&places)?;
    let end = at + xml[at..].find('"')?;
    let all = [
        "2099-01-01T00:00:00Z",
        "1999-01-01T00:00:00Z",
        "2027-01-01T10:00:00.000Z",
        "2027-01-01T10:00:00",
        "2027-01-01T12:00:00+02:00",
        "2027-01-01T24:00:00Z",
        "2027-13-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "-2027-01-01T00:00:00Z",
        "0",
    ];
    Some([&xml[..at], random.of(&all)?, &xml[end..]].concat())
}

fn utf16(xml: &str, big: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(xml.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn encoding(xml: &str, random: &mut Random) -> Message {
    let body = xml.find("?>").filter(|_| xml.starts_with("<?")).map_or(xml, |at| &xml[at + 2..]);
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{body}");
    Message::Octets(match random.below(12) {
        0 => utf16(xml, true, true),
        1 => utf16(xml, false, true),
        2 => utf16(xml, true, false),
        3 => utf16(&declared("UTF-16"), false, false),
        4 => declared("UTF-16").into_bytes(),
        5 => declared("ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        6 => declared("UTF-7").replace('<', "+ADw-").into_bytes(),
        7 => declared("utf8").into_bytes(),
        8 => format!("<?xml version=\"1.1\"?>{body}").into_bytes(),
        9 => [b"\xef\xbb\xbf\xef\xbb\xbf".as_slice(), xml.as_bytes()].concat(),
        // An overlong form of "/".
        10 => xml.bytes().flat_map(|b| if b == b'/' { vec![0xc0, 0xaf] } else { vec![b] }).collect(),
        _ => [xml.as_bytes(), b"\0"].concat(),
    })
}

fn octets(xml: &str, random: &mut Random) -> Message {
    let mut octets = xml.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(octets.len());
        let bits = random.bits() as u8;
        match random.below(5) {
            0 => octets.insert(at, bits),
            1 if !octets.is_empty() => drop(octets.remove(at)),
            2 => octets.insert(at, *b"<>&\"'/!?[]\0\r\n \xff".get(usize::from(bits) % 16).unwrap_or(&b'<')),
            _ => octets.get_mut(at).into_iter().for_each(|octet| *octet ^= 1 << (bits % 8)),
        }
    }
    Message::Octets(octets)
}

fn truncation(xml: &str, random: &mut Random) -> Message {
    let octets = xml.as_bytes();
    let (a, b) = (random.below(octets.len() + 1), random.below(octets.len() + 1));
    Message::Octets(match random.below(3) {
        0 => octets[..a].to_vec(),
        1 => octets[a..].to_vec(),
        _ => [&octets[..a.min(b)], &octets[a.max(b)..]].concat(),
    })
}

fn form(xml: &str, random: &mut Random) -> Message {
    let right = STANDARD.encode(xml);
    let at = random.below(right.len());
    let with = |text: &str| [&right[..at], text, &right[at..]].concat();
    Message::Form(match random.below(10) {
        0 => with("="),
        1 => with("-"),
        2 => with("%"),
        3 => with("\u{a0}"),
        4 => with("\0"),
        5 => right.trim_end_matches('=').to_owned(),
        6 => right.clone() + "=",
        7 => right.clone() + "AAAA",
        8 => right.replace('+', "-").replace('/', "_"),
        _ => [&right[..at], &right[right.len().min(at + 1)..]].concat(),
    })
}
