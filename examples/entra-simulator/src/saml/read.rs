//! Reads the small XML documents that an application sends: requests, logout messages, metadata.

use std::collections::HashMap;

use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::ResolveResult,
};

/// Messages are a few hundred bytes and metadata a few thousand; this is far above both.
pub const MAX_XML: usize = 256 * 1024;
const MAX_DEPTH: usize = 32;

pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// An element.
#[derive(Debug, Default)]
pub struct Node {
    pub namespace: String,
    pub name: String,
    /// Attributes without namespace.
    pub attributes: HashMap<String, String>,
    /// All text directly within, trimmed.
    pub text: String,
    pub children: Vec<Node>,
}

impl Node {
    /// Whether this is such an element.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The first child of a name.
    #[must_use]
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    /// All children of a name.
    pub fn children<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// An attribute that is a boolean of XML Schema.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.attribute(name), Some("true" | "1"))
    }
}

/// The root element of a document.
///
/// # Errors
/// Not well-formed, too deep, or with a document type.
pub fn parse(xml: &str) -> Result<Node, String> {
    if xml.len() > MAX_XML {
        return Err("the document is too large".into());
    }
    let mut reader = NsReader::from_str(xml.trim_start_matches('\u{feff}'));
    // The first is a holder of the root.
    let mut open = vec![Node::default()];
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(start) => {
                open.push(node(&namespace, &start)?);
                if open.len() > MAX_DEPTH {
                    return Err("the document is too deep".into());
                }
            }
            Event::Empty(start) => {
                let node = node(&namespace, &start)?;
                open.last_mut().ok_or("no root")?.children.push(node);
            }
            Event::End(_) => {
                let mut node = open.pop().ok_or("an end tag too many")?;
                node.text = node.text.trim().to_owned();
                open.last_mut().ok_or("an end tag too many")?.children.push(node);
            }
            Event::Text(text) => open.last_mut().ok_or("no root")?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let known = quick_xml::escape::resolve_predefined_entity(&reference);
                let known = known.ok_or("there is an unknown reference")?;
                open.last_mut().ok_or("no root")?.text.push_str(known);
            }
            Event::DocType(_) | Event::PI(_) => {
                return Err("document types and instructions are refused".into());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let mut holder = open.pop().filter(|_| open.is_empty()).ok_or("an end tag is missing")?;
    match (holder.children.pop(), holder.children.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err("there is not exactly one root".into()),
    }
}

fn node(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<Node, String> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0.to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return Err("a prefix is not declared".into()),
    };
    let mut node = Node { namespace, name: start.local_name().as_ref().to_owned(), ..Node::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.prefix().is_some() {
            continue;
        }
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
        node.attributes.insert(attribute.key.local_name().as_ref().to_owned(), value.into_owned());
    }
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn elements_text_and_attributes_are_read() {
        let root = parse(r#"<a:x xmlns:a="urn:a" b="&lt;1"> <y>t&amp;u</y><y/> </a:x>"#).unwrap();
        assert!(root.is("urn:a", "x"));
        assert_eq!(root.attribute("b"), Some("<1"));
        assert_eq!(root.child("", "y").unwrap().text, "t&u");
        assert_eq!(root.children("", "y").count(), 2);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for xml in ["", "<a>", "<a/><b/>", "</a>", "<a>&x;</a>", "<!DOCTYPE a><a/>", "<p:a/>"] {
            assert!(parse(xml).is_err(), "{xml}");
        }
        assert!(parse(&("<a>".repeat(40) + &"</a>".repeat(40))).is_err());
    }
}
