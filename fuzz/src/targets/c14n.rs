//! Canonical XML.

use vestibule::saml::c14n::{MAX_OUTPUT, Method, canonicalize};
use vestibule::saml::xml::{Content, Document, Element, Limits, Rules};

use super::xml::ALL;
use crate::planted;
use crate::support::digest;

/// Canonical octets may be longer than a message.
const AGAIN: Rules =
    Rules { limits: Limits { bytes: MAX_OUTPUT, namespace_bytes: 4096, ..Limits::MESSAGE }, ..ALL };

/// The canonical form is the same document, and is its own canonical form.
pub fn c14n(data: &[u8]) {
    let Ok(document) = Document::parse(data, ALL) else { return };
    let root = document.root().unwrap();
    let chosen = usize::try_from(digest(data) >> 8).unwrap_or_default() % root.descendants().count();
    let prefixes = ["", "a", "x", "samlp"].map(str::to_owned).to_vec();
    for apex in [Some(root), root.descendants().nth(chosen)].into_iter().flatten() {
        for method in [
            Method::default(),
            Method { comments: true, ..Method::default() },
            Method { comments: true, inclusive_prefixes: prefixes.clone(), ..Method::default() },
            Method { comments: true, inclusive: true, ..Method::default() },
        ] {
            holds(apex, &method);
        }
    }
}

fn holds(apex: Element<'_>, method: &Method) {
    let Ok(octets) = canonicalize(apex, method, None, MAX_OUTPUT) else { return };
    let again = match Document::parse(&octets, AGAIN) {
        Ok(again) => again,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&octets)),
    };
    let root = again.root().unwrap();
    let twice = canonicalize(root, method, None, MAX_OUTPUT).unwrap();
    assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&octets));
    assert_eq!(said(root, true), said(apex, method.comments), "{}", String::from_utf8_lossy(&octets));
    planted!(method.inclusive && root.attributes().len() > 2 && root.declarations().len() > 2);
    // Without one of its children it is the document without that child.
    if let Some(child) = apex.children().last() {
        let without = canonicalize(apex, method, Some(child), MAX_OUTPUT).unwrap();
        assert!(without.len() < octets.len());
        assert!(Document::parse(&without, AGAIN).is_ok());
    }
}

/// What an element says, whatever its prefixes: names, attributes and contents, attributes in the order of their names.
fn said(element: Element<'_>, comments: bool) -> String {
    let mut out = String::new();
    let document = element.document();
    let mut attributes: Vec<_> = element
        .attributes()
        .iter()
        .map(|attribute| {
            format!("{:?}", (document.namespace_name(attribute.namespace), attribute.local, &attribute.value))
        })
        .collect();
    attributes.sort_unstable();
    out.push_str(&format!("<{:?} {attributes:?}", (element.namespace_name(), element.local())));
    let mut characters = String::new();
    for content in element.content() {
        if let Content::Text(text) = content {
            characters.push_str(text);
            continue;
        }
        let part = match content {
            Content::Element(inner) => said(inner, comments),
            Content::Comment(text) if comments => format!("<!{text:?}"),
            Content::Instruction { target, data } => format!("<?{:?}", (target, data)),
            _ => continue,
        };
        out.push_str(&format!("{:?}{part}", std::mem::take(&mut characters)));
    }
    out.push_str(&format!("{characters:?}>"));
    out
}
