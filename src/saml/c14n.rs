//! Canonical XML of one element and all that is in it: exclusive 1.0 (W3C Recommendation of 18 July 2002), and inclusive
//! 1.0 and 1.1 for signers that an operator accepts by name.

use std::collections::{BTreeMap, BTreeSet};

use super::xml::{Content, Document, Element, NamespaceId};

/// Identifier of the method without comments.
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// Identifier of the method with comments.
pub(crate) const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";

/// Identifier of the inclusive method without comments.
pub(crate) const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
/// Identifier of the inclusive method with comments.
pub(crate) const INCLUSIVE_WITH_COMMENTS: &str =
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments";
/// Identifier of the inclusive method of 2008, which differs only in attributes of the `xml` namespace.
pub(crate) const INCLUSIVE_11: &str = "http://www.w3.org/2006/12/xml-c14n11";
/// The same with comments.
pub(crate) const INCLUSIVE_11_WITH_COMMENTS: &str = "http://www.w3.org/2006/12/xml-c14n11#WithComments";

/// Canonical octets longer than this are refused: a namespace name may be repeated at every element, so that a small
/// message would cost much to hash.
pub const MAX_OUTPUT: usize = 327_680;

/// How an element is canonicalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Method {
    /// Whether all namespaces in scope are rendered, used or not.
    pub inclusive: bool,
    /// Whether comments are part of the result.
    pub comments: bool,
    /// `InclusiveNamespaces/@PrefixList`: prefixes that are rendered although nothing visible uses them; empty text
    /// stands for `#default`.
    pub inclusive_prefixes: Vec<String>,
}

/// Why there are no canonical octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum C14nError {
    /// The result would be larger than allowed.
    TooLarge,
    /// Inclusive, and an element around the apex has an attribute such as `xml:lang`, which would have to be copied.
    XmlAttribute,
}

/// The canonical octets of `apex`, without `omit` and what is in it (the enveloped-signature transform).
///
/// The result is never empty.
///
/// # Errors
/// Where the result would be longer than `most` octets.
pub fn canonicalize(
    apex: Element<'_>,
    method: &Method,
    omit: Option<Element<'_>>,
    most: usize,
) -> Result<Vec<u8>, C14nError> {
    if method.inclusive && inherits_xml_attributes(apex) {
        return Err(C14nError::XmlAttribute);
    }
    let document = apex.document();
    let (first, end) = apex.range();
    let omitted = omit.map(Element::range);
    let mut writer = Writer::new(document, method, most);
    let mut index = first;
    while index < end {
        writer.close_until(index)?;
        if let Some((_, after)) = omitted.filter(|(at, _)| *at == index) {
            index = after;
            continue;
        }
        match document.content_at(index) {
            Some(Content::Element(element)) => writer.open(element, index == first)?,
            Some(Content::Text(text)) => writer.text(text),
            Some(Content::Comment(text)) => writer.comment(text),
            Some(Content::Instruction { target, data }) => writer.instruction(target, data),
            None => break,
        }
        index = index.saturating_add(1);
    }
    writer.close_until(end)?;
    Ok(writer.out)
}

/// C14N 2.4 and C14N 1.1, 2.4: such attributes would be copied to the apex.
fn inherits_xml_attributes(apex: Element<'_>) -> bool {
    let mut around = apex.parent();
    while let Some(here) = around {
        if here.attributes().iter().any(|attribute| attribute.namespace == NamespaceId::XML) {
            return true;
        }
        around = here.parent();
    }
    false
}

/// An element whose end tag is still to be written.
struct Open<'d> {
    end: usize,
    prefix: &'d str,
    local: &'d str,
    rendered: Vec<&'d str>,
}

struct Writer<'d, 'm> {
    document: &'d Document<'d>,
    comments: bool,
    all_in_scope: bool,
    inclusive: BTreeSet<&'m str>,
    /// Place of each namespace among all in the order of their names, so that names are compared once only.
    ranks: Vec<usize>,
    most: usize,
    out: Vec<u8>,
    open: Vec<Open<'d>>,
    /// What the output binds each prefix to, innermost last.
    rendered: BTreeMap<&'d str, Vec<NamespaceId>>,
}

impl<'d, 'm> Writer<'d, 'm> {
    fn new(document: &'d Document<'d>, method: &'m Method, most: usize) -> Self {
        Self {
            document,
            comments: method.comments,
            all_in_scope: method.inclusive,
            ranks: document.namespace_ranks(),
            most,
            inclusive: method.inclusive_prefixes.iter().map(String::as_str).collect(),
            out: Vec::new(),
            open: Vec::new(),
            rendered: BTreeMap::new(),
        }
    }

    /// Writes the end tags of all elements that end at or before `index`.
    fn close_until(&mut self, index: usize) -> Result<(), C14nError> {
        while let Some(last) = self.open.pop_if(|open| open.end <= index) {
            self.out.extend_from_slice(b"</");
            self.name(last.prefix, last.local);
            self.out.push(b'>');
            for prefix in last.rendered {
                if let Some(stack) = self.rendered.get_mut(prefix) {
                    stack.pop();
                }
            }
        }
        if self.out.len() > self.most { Err(C14nError::TooLarge) } else { Ok(()) }
    }

    fn open(&mut self, element: Element<'d>, is_apex: bool) -> Result<(), C14nError> {
        let (_, end) = element.range();
        self.out.push(b'<');
        self.name(element.prefix(), element.local());
        let mut rendered = Vec::new();
        for (prefix, namespace) in self.wanted(element, is_apex) {
            if self.is_rendered(prefix, namespace) {
                continue;
            }
            self.rendered.entry(prefix).or_default().push(namespace);
            rendered.push(prefix);
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            self.value(self.document.namespace_name(namespace));
            if self.out.len() > self.most {
                return Err(C14nError::TooLarge);
            }
        }
        let mut attributes: Vec<_> = element.attributes().iter().collect();
        attributes.sort_by_key(|attribute| (attribute.namespace.rank(&self.ranks), attribute.local));
        for attribute in attributes {
            self.out.push(b' ');
            self.name(attribute.prefix, attribute.local);
            self.value(&attribute.value);
        }
        self.out.push(b'>');
        self.open.push(Open { end, prefix: element.prefix(), local: element.local(), rendered });
        Ok(())
    }

    /// The bindings that `element` needs: those it visibly uses, and the inclusive ones; sorted by prefix.
    fn wanted(&self, element: Element<'d>, is_apex: bool) -> BTreeMap<&'d str, NamespaceId> {
        if self.all_in_scope {
            let here = element.declarations().iter();
            let mut wanted: BTreeMap<_, _> =
                here.map(|declaration| (declaration.prefix, declaration.namespace)).collect();
            if is_apex {
                wanted = element.scope();
            }
            wanted.remove("xml");
            return wanted;
        }
        let mut wanted = BTreeMap::from([(element.prefix(), element.namespace())]);
        for attribute in element.attributes() {
            if !attribute.prefix.is_empty() {
                wanted.insert(attribute.prefix, attribute.namespace);
            }
        }
        if !self.inclusive.is_empty() {
            // Inside the apex a binding changes only where it is declared anew.
            let mut around = Some(element);
            let mut seen = BTreeSet::new();
            while let Some(here) = around {
                for declaration in here.declarations() {
                    if self.inclusive.contains(declaration.prefix) && seen.insert(declaration.prefix) {
                        wanted.entry(declaration.prefix).or_insert(declaration.namespace);
                    }
                }
                around = if is_apex { here.parent() } else { None };
            }
        }
        wanted.remove("xml");
        wanted
    }

    fn is_rendered(&self, prefix: &str, namespace: NamespaceId) -> bool {
        match self.rendered.get(prefix).and_then(|stack| stack.last()) {
            Some(have) => *have == namespace,
            None => namespace == NamespaceId::NONE,
        }
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        for byte in value.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'"' => self.out.extend_from_slice(b"&quot;"),
                b'\t' => self.out.extend_from_slice(b"&#x9;"),
                b'\n' => self.out.extend_from_slice(b"&#xA;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                other => self.out.push(other),
            }
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                other => self.out.push(other),
            }
        }
    }

    fn comment(&mut self, text: &str) {
        if self.comments {
            self.out.extend_from_slice(b"<!--");
            self.out.extend_from_slice(text.as_bytes());
            self.out.extend_from_slice(b"-->");
        }
    }

    fn instruction(&mut self, target: &str, data: &str) {
        self.out.extend_from_slice(b"<?");
        self.out.extend_from_slice(target.as_bytes());
        if !data.is_empty() {
            self.out.push(b' ');
            self.out.extend_from_slice(data.as_bytes());
        }
        self.out.extend_from_slice(b"?>");
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::Rules;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn canonical(input: &str, id: &str, method: &Method) -> String {
        let rules = Rules { instructions: true, ..Rules::MESSAGE };
        let document = Document::parse(input.as_bytes(), rules).unwrap();
        let apex = document
            .root()
            .unwrap()
            .descendants()
            .find(|element| element.attribute("ID") == Some(id))
            .unwrap();
        String::from_utf8(canonicalize(apex, method, None, MAX_OUTPUT).unwrap()).unwrap()
    }

    #[test]
    fn a_namespace_is_rendered_where_it_is_visibly_used_and_only_once() {
        let input = r#"<r xmlns:u="urn:u" xmlns:v="urn:v"><a ID="a"><u:b><u:c/></u:b></a></r>"#;
        assert_eq!(
            canonical(input, "a", &Method::default()),
            r#"<a ID="a"><u:b xmlns:u="urn:u"><u:c></u:c></u:b></a>"#
        );
    }

    #[test]
    fn an_inclusive_prefix_is_rendered_at_the_apex_though_unused() {
        let input = r#"<r xmlns="urn:d" xmlns:u="urn:u"><a xmlns="" ID="a"><b xmlns:u="urn:w"/></a></r>"#;
        let method = Method { inclusive_prefixes: vec!["u".into(), String::new()], ..Method::default() };
        assert_eq!(
            canonical(input, "a", &method),
            r#"<a xmlns:u="urn:u" ID="a"><b xmlns:u="urn:w"></b></a>"#
        );
    }

    #[test]
    fn the_omitted_element_leaves_no_trace_and_white_space_around_it_stays() {
        let document = Document::parse(b"<a> <s><t/></s> <b/></a>", Rules::MESSAGE).unwrap();
        let root = document.root().unwrap();
        let octets = canonicalize(root, &Method::default(), root.children().next(), MAX_OUTPUT).unwrap();
        assert_eq!(octets, b"<a>  <b></b></a>");
    }

    #[test]
    fn canonical_octets_canonicalise_to_themselves() {
        let input =
            "<p:r xmlns:p='urn:p' b='&#10;&lt;' a='\t'>x&amp;<![CDATA[<]]>\r\n&#13;<q xmlns='urn:q'/></p:r>";
        let document = Document::parse(input.as_bytes(), Rules::MESSAGE).unwrap();
        let once = canonicalize(document.root().unwrap(), &Method::default(), None, MAX_OUTPUT).unwrap();
        let again = Document::parse(&once, Rules::CANONICAL).unwrap();
        assert_eq!(canonicalize(again.root().unwrap(), &Method::default(), None, MAX_OUTPUT).unwrap(), once);
    }

    #[test]
    fn a_namespace_name_repeated_at_every_element_does_not_fill_the_memory() {
        let name = format!("urn:{}", "x".repeat(1000));
        let input = format!("<r xmlns:p='{name}'>{}</r>", "<p:a/>".repeat(4000));
        let document = Document::parse(input.as_bytes(), Rules::MESSAGE).unwrap();
        let error = canonicalize(document.root().unwrap(), &Method::default(), None, MAX_OUTPUT);
        assert_eq!(error, Err(C14nError::TooLarge));
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn all_golden_vectors_are_met_to_the_octet() {
        let Some(text) = super::super::test_support::fixture("c14n/exc_c14n_vectors.json") else { return };
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        for vector in vectors {
            let method = Method {
                comments: vector["with_comments"].as_bool().unwrap(),
                inclusive_prefixes: vector["inclusive_prefixes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|prefix| prefix.as_str().unwrap().replace("#default", ""))
                    .collect(),
                ..Method::default()
            };
            let input = vector["input"].as_str().unwrap();
            let output = canonical(input, vector["apex_id"].as_str().unwrap(), &method);
            assert_eq!(output, vector["output"].as_str().unwrap(), "{}", vector["name"]);
        }
        println!("{} golden vectors of exclusive canonical XML", vectors.len());
        assert!(vectors.len() >= 43);
    }
}
