//! The XML reader, beside another one.

use roxmltree::NodeType;
use vestibule::saml::xml::{Content, Document, Element, Limits, Rules};

use crate::planted;

/// What a message may be, and with processing instructions, which only tests read.
pub const ALL: Rules = Rules { limits: Limits::MESSAGE, comments: true, instructions: true };

/// Whatever is accepted, `roxmltree` accepts with the same tree.
pub fn xml(data: &[u8]) {
    let message = Document::parse(data, Rules::MESSAGE);
    let canonical = Document::parse(data, Rules::CANONICAL);
    let all = Document::parse(data, ALL);
    assert!(message.is_err() || all.is_ok(), "fewer rules accept less");
    assert!(canonical.is_err() || message.is_ok() || data.len() > Limits::MESSAGE.bytes);
    let Ok(document) = all else { return };
    let text = std::str::from_utf8(data).unwrap();
    // XML 1.0, 2.11: line ends are line feeds before anything is parsed; they do not always make them so.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let other = match roxmltree::Document::parse(&text) {
        Ok(other) => other,
        Err(error) => panic!("only we accept this: {error}"),
    };
    let root = document.root().unwrap();
    same(root, other.root_element());
    planted!(root.descendants().any(|element| {
        element.has_comment()
            && element.attributes().iter().any(|attribute| attribute.namespace != element.namespace())
            && element.namespace_name().is_empty()
            && element.parent().is_some()
    }));
}

fn same(ours: Element<'_>, theirs: roxmltree::Node<'_, '_>) {
    assert_eq!(ours.local(), theirs.tag_name().name());
    assert_eq!(ours.namespace_name(), theirs.tag_name().namespace().unwrap_or_default());
    let document = ours.document();
    let mut attributes: Vec<_> = ours
        .attributes()
        .iter()
        .map(|attribute| {
            (document.namespace_name(attribute.namespace), attribute.local, attribute.value.as_ref())
        })
        .collect();
    let mut expected: Vec<_> = theirs
        .attributes()
        .map(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name(), attribute.value()))
        .collect();
    attributes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(attributes, expected);
    let scope: Vec<_> =
        ours.scope().into_iter().map(|(prefix, id)| (prefix, document.namespace_name(id))).collect();
    let mut expected: Vec<_> = theirs
        .namespaces()
        .map(|namespace| (namespace.name().unwrap_or_default(), namespace.uri()))
        .filter(|(prefix, uri)| *prefix != "xml" && !uri.is_empty())
        .collect();
    expected.sort_unstable();
    assert_eq!(scope, expected);
    // An empty CDATA section is a node of theirs.
    let mut children = theirs.children().filter(|child| !(child.is_text() && child.text() == Some("")));
    for content in ours.content() {
        let child = children.next().expect("a node of ours that is none of theirs");
        match content {
            Content::Element(element) => {
                assert!(child.is_element());
                same(element, child);
            }
            Content::Text(text) => {
                assert_eq!((child.node_type(), child.text()), (NodeType::Text, Some(text)))
            }
            Content::Comment(text) => {
                assert_eq!((child.node_type(), child.text().unwrap_or_default()), (NodeType::Comment, text));
            }
            Content::Instruction { target, data } => {
                let instruction = child.pi().expect("no instruction of theirs");
                assert_eq!((instruction.target, instruction.value.unwrap_or_default()), (target, data));
            }
        }
    }
    assert!(children.next().is_none(), "a node of theirs that is none of ours");
}
