//! A small XML tree that can be written in two ways: as Entra sends it, and in exclusive canonical form.
//!
//! Because both texts come from the same tree, a signature can be made without a general canonicaliser.

use std::fmt::Write;

/// A namespace: prefix (empty for the default one) and URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespace(pub &'static str, pub &'static str);

/// Protocol messages, `samlp:`.
pub const PROTOCOL: Namespace = Namespace("samlp", "urn:oasis:names:tc:SAML:2.0:protocol");
/// Assertions, in the default namespace as Entra writes them.
pub const ASSERTION: Namespace = Namespace("", "urn:oasis:names:tc:SAML:2.0:assertion");
/// XML signatures, in the default namespace as Entra writes them since 2017.
pub const SIGNATURE: Namespace = Namespace("", "http://www.w3.org/2000/09/xmldsig#");
/// XML Encryption.
pub const ENCRYPTION: Namespace = Namespace("xenc", "http://www.w3.org/2001/04/xmlenc#");
/// XML Encryption 1.1.
pub const ENCRYPTION_11: Namespace = Namespace("xenc11", "http://www.w3.org/2009/xmlenc11#");
/// SAML metadata.
pub const METADATA: Namespace = Namespace("", "urn:oasis:names:tc:SAML:2.0:metadata");
/// WS-Federation, used by the roles in Entra's metadata that a service provider ignores.
pub const FEDERATION: Namespace = Namespace("fed", "http://docs.oasis-open.org/wsfed/federation/200706");
/// WS-Addressing.
pub const ADDRESSING: Namespace = Namespace("wsa", "http://www.w3.org/2005/08/addressing");
/// `xsi:type`.
pub const INSTANCE: Namespace = Namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance");

#[derive(Debug, Clone)]
struct Attribute {
    namespace: Option<Namespace>,
    name: &'static str,
    value: String,
}

#[derive(Debug, Clone)]
enum Node {
    Element(Element),
    Text(String),
}

/// One element with its content.
#[derive(Debug, Clone)]
pub struct Element {
    namespace: Namespace,
    name: &'static str,
    attributes: Vec<Attribute>,
    extra_declarations: Vec<Namespace>,
    children: Vec<Node>,
}

impl Element {
    /// An empty element.
    #[must_use]
    pub const fn new(namespace: Namespace, name: &'static str) -> Self {
        Self { namespace, name, attributes: Vec::new(), extra_declarations: Vec::new(), children: Vec::new() }
    }

    /// Adds an attribute without namespace; attributes are sent in the order in which they were added.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute { namespace: None, name, value: value.into() });
        self
    }

    /// Adds an attribute without namespace if there is a value for it.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds `xsi:type`, whose value uses the prefix of `of`.
    #[must_use]
    pub fn typed(mut self, of: Namespace, name: &str) -> Self {
        let value = format!("{}:{name}", of.0);
        self.attributes.push(Attribute { namespace: Some(INSTANCE), name: "type", value });
        self.extra_declarations.push(of);
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// Adds a child at the end.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds children at the end.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Puts a child after the first one, or at the start if there is none.
    pub fn insert_after_first(&mut self, child: Self) {
        self.insert_at(1, child);
    }

    /// Puts a child before all others.
    pub fn insert_first(&mut self, child: Self) {
        self.insert_at(0, child);
    }

    fn insert_at(&mut self, place: usize, child: Self) {
        self.children.insert(place.min(self.children.len()), Node::Element(child));
    }

    /// The text on the wire: attributes in the given order, then declarations, `<A/>` for an empty element.
    #[must_use]
    pub fn wire(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &mut Vec::new(), false);
        out
    }

    /// The exclusive canonical form of this element as the apex of a node set (Exclusive XML Canonicalization 1.0,
    /// without comments, empty InclusiveNamespaces).
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &mut Vec::new(), true);
        out
    }

    fn write(&self, out: &mut String, in_scope: &mut Vec<Namespace>, canonical: bool) {
        let depth = in_scope.len();
        let declared = self.declare(in_scope, canonical);
        let tag = qualified(self.namespace, self.name);
        let _ = write!(out, "<{tag}");
        if canonical {
            write_declarations(out, &declared);
        }
        for attribute in self.ordered_attributes(canonical) {
            let name =
                attribute.namespace.map_or_else(|| attribute.name.into(), |ns| qualified(ns, attribute.name));
            let _ = write!(out, " {name}=\"{}\"", escape_attribute(&attribute.value));
        }
        if !canonical {
            write_declarations(out, &declared);
        }
        if self.children.is_empty() && !canonical {
            out.push_str("/>");
        } else {
            out.push('>');
            for child in &self.children {
                match child {
                    Node::Element(element) => element.write(out, in_scope, canonical),
                    Node::Text(text) => out.push_str(&escape_text(text)),
                }
            }
            let _ = write!(out, "</{tag}>");
        }
        in_scope.truncate(depth);
    }

    /// Brings the namespaces that this element uses into scope and returns those that have to be declared here.
    fn declare(&self, in_scope: &mut Vec<Namespace>, canonical: bool) -> Vec<Namespace> {
        let from_attributes = self.attributes.iter().filter_map(|attribute| attribute.namespace);
        // A prefix that is used in a value only is not visibly utilised, so the canonical form leaves it out.
        let extra = self.extra_declarations.iter().copied().filter(|_| !canonical);
        let mut declared = Vec::new();
        for needed in std::iter::once(self.namespace).chain(from_attributes).chain(extra) {
            let current = in_scope.iter().rev().find(|known| known.0 == needed.0);
            if current != Some(&needed) {
                in_scope.push(needed);
                declared.push(needed);
            }
        }
        if canonical {
            declared.sort_by_key(|namespace| namespace.0);
        }
        declared
    }

    fn ordered_attributes(&self, canonical: bool) -> Vec<&Attribute> {
        let mut attributes: Vec<&Attribute> = self.attributes.iter().collect();
        if canonical {
            attributes.sort_by_key(|attribute| (attribute.namespace.map_or("", |ns| ns.1), attribute.name));
        }
        attributes
    }
}

fn qualified(namespace: Namespace, name: &str) -> String {
    if namespace.0.is_empty() { name.to_owned() } else { format!("{}:{name}", namespace.0) }
}

fn write_declarations(out: &mut String, declared: &[Namespace]) {
    for Namespace(prefix, uri) in declared {
        let separator = if prefix.is_empty() { "" } else { ":" };
        let _ = write!(out, " xmlns{separator}{prefix}=\"{uri}\"");
    }
}

/// Escapes character data as canonical XML does, which is also good for the wire.
fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

/// Escapes an attribute value as canonical XML does.
fn escape_attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\t', "&#x9;")
        .replace('\n', "&#xA;")
        .replace('\r', "&#xD;")
}

/// Whether every character may stand in an XML 1.0 document.
#[must_use]
pub fn is_xml_text(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..))
}

#[cfg(test)]
mod tests {
    use super::{ASSERTION, Element, FEDERATION, METADATA, PROTOCOL, is_xml_text};

    #[test]
    fn the_wire_form_has_attributes_first_and_empty_tags() {
        let element = Element::new(PROTOCOL, "Response")
            .with("Version", "2.0")
            .with("ID", "_1")
            .child(Element::new(PROTOCOL, "Status"))
            .child(Element::new(ASSERTION, "Issuer").text("a<b"));
        assert_eq!(
            element.wire(),
            r#"<samlp:Response Version="2.0" ID="_1" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><samlp:Status/><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">a&lt;b</Issuer></samlp:Response>"#
        );
    }

    #[test]
    fn the_canonical_form_sorts_attributes_and_expands_empty_tags() {
        let element = Element::new(PROTOCOL, "Response").with("Version", "2.0").with("ID", "_1\n");
        assert_eq!(
            element.canonical(),
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1&#xA;" Version="2.0"></samlp:Response>"#
        );
    }

    #[test]
    fn a_prefix_used_only_in_a_value_is_not_in_the_canonical_form() {
        let element = Element::new(METADATA, "RoleDescriptor").typed(FEDERATION, "X");
        assert!(element.wire().contains("xmlns:fed="));
        assert!(!element.canonical().contains("xmlns:fed="));
        assert!(element.canonical().contains("xmlns:xsi="));
    }

    #[test]
    fn control_characters_are_no_xml_text() {
        assert!(is_xml_text("Ada Ferngrove Ü \u{1f33f}"));
        assert!(!is_xml_text("a\u{0}"));
        assert!(!is_xml_text("a\u{1b}"));
    }
}
