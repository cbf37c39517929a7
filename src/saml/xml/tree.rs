//! The tree: nodes in document order, each knowing where its descendants end. Nothing can be changed in it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Rules, XML_NAMESPACE, XmlError, all_white};

/// A namespace name of one document; equal exactly when the names are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespaceId(pub(super) usize);

impl NamespaceId {
    /// No namespace.
    pub const NONE: Self = Self(0);
    /// The namespace of the prefix `xml`.
    pub const XML: Self = Self(1);

    /// Its place in the order of names (see [`Document::namespace_ranks`]).
    pub(crate) fn rank(self, ranks: &[usize]) -> usize {
        ranks.get(self.0).copied().unwrap_or_default()
    }
}

/// `xmlns="..."` or `xmlns:prefix="..."`.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'a> {
    /// Empty for the default namespace.
    pub prefix: &'a str,
    /// What the prefix is bound to; [`NamespaceId::NONE`] only for the default namespace.
    pub namespace: NamespaceId,
}

/// An attribute that is not a namespace declaration.
#[derive(Debug)]
pub struct Attribute<'a> {
    /// As written; empty where there is none.
    pub prefix: &'a str,
    /// Local part of the name.
    pub local: &'a str,
    /// An attribute without a prefix is in no namespace.
    pub namespace: NamespaceId,
    /// Normalised value (XML 3.3.3).
    pub value: Cow<'a, str>,
}

/// Name, attributes and declarations of one element.
#[derive(Debug)]
pub(super) struct ElementData<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) namespace: NamespaceId,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) declarations: Vec<Declaration<'a>>,
}

#[derive(Debug)]
pub(super) enum NodeData<'a> {
    Element(ElementData<'a>),
    Text(Cow<'a, str>),
    Comment(Cow<'a, str>),
    Instruction { target: &'a str, data: Cow<'a, str> },
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) parent: Option<usize>,
    /// Index of the first node after this one that is not its descendant.
    pub(super) end: usize,
    pub(super) data: NodeData<'a>,
}

/// A document that kept all rules.
#[derive(Debug)]
pub struct Document<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) namespaces: Vec<Cow<'a, str>>,
}

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// At the first rule that is broken.
    pub fn parse(bytes: &'a [u8], rules: Rules) -> Result<Self, XmlError> {
        super::reader::read(bytes, rules, &[])
    }

    /// Reads a document as if it stood where these prefixes are bound to these namespace names.
    ///
    /// # Errors
    /// At the first rule that is broken.
    pub fn parse_within(
        bytes: &'a [u8],
        rules: Rules,
        scope: &[(&'a str, &'a str)],
    ) -> Result<Self, XmlError> {
        super::reader::read(bytes, rules, scope)
    }

    /// The root element. `None` never happens for a document that was read.
    #[must_use]
    pub fn root(&self) -> Option<Element<'_>> {
        self.element(0)
    }

    fn element(&self, index: usize) -> Option<Element<'_>> {
        let node = self.nodes.get(index)?;
        match &node.data {
            NodeData::Element(data) => Some(Element { document: self, index, node, data }),
            _ => None,
        }
    }

    /// For each namespace its place in the order of names.
    pub(crate) fn namespace_ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.namespaces.len()).collect();
        order.sort_by_key(|index| self.namespaces.get(*index).map_or("", |name| name));
        let mut ranks = vec![0; order.len()];
        for (rank, index) in order.into_iter().enumerate() {
            if let Some(place) = ranks.get_mut(index) {
                *place = rank;
            }
        }
        ranks
    }

    /// The name behind an identifier; empty for none.
    #[must_use]
    pub fn namespace_name(&self, id: NamespaceId) -> &str {
        match id {
            NamespaceId::XML => XML_NAMESPACE,
            NamespaceId(index) => self.namespaces.get(index).map_or("", |name| name),
        }
    }
}

/// An element of a document.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    index: usize,
    node: &'d Node<'d>,
    data: &'d ElementData<'d>,
}

/// What an element contains, in order.
pub enum Content<'d> {
    /// An element.
    Element(Element<'d>),
    /// Character data, references resolved, CDATA sections merged.
    Text(&'d str),
    /// Text of a comment.
    Comment(&'d str),
    /// A processing instruction; read only where [`Rules`] allow it.
    Instruction {
        /// Its target.
        target: &'d str,
        /// Its data, may be empty.
        data: &'d str,
    },
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.node, other.node)
    }
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Element({})", self.data.local)
    }
}

impl<'d> Element<'d> {
    /// The document this element is part of.
    #[must_use]
    pub fn document(self) -> &'d Document<'d> {
        self.document
    }

    /// Whether the expanded name is this one.
    #[must_use]
    pub fn is(self, namespace: &str, local: &str) -> bool {
        self.data.local == local && self.namespace_name() == namespace
    }

    /// Name of the namespace; empty for none.
    #[must_use]
    pub fn namespace_name(self) -> &'d str {
        self.document.namespace_name(self.data.namespace)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(self) -> NamespaceId {
        self.data.namespace
    }

    /// Prefix as written; empty where there is none.
    #[must_use]
    pub fn prefix(self) -> &'d str {
        self.data.prefix
    }

    /// Local part of the name.
    #[must_use]
    pub fn local(self) -> &'d str {
        self.data.local
    }

    /// Value of the attribute of this name that is in no namespace.
    #[must_use]
    pub fn attribute(self, local: &str) -> Option<&'d str> {
        self.data
            .attributes
            .iter()
            .find(|attribute| attribute.local == local && attribute.namespace == NamespaceId::NONE)
            .map(|attribute| attribute.value.as_ref())
    }

    /// All attributes, in the order of the document.
    #[must_use]
    pub fn attributes(self) -> &'d [Attribute<'d>] {
        &self.data.attributes
    }

    /// The namespace declarations made here, in the order of the document.
    #[must_use]
    pub fn declarations(self) -> &'d [Declaration<'d>] {
        &self.data.declarations
    }

    /// All namespace bindings in scope here, by prefix; neither `xml` nor an undeclared default is among them.
    #[must_use]
    pub fn scope(self) -> BTreeMap<&'d str, NamespaceId> {
        let mut scope = BTreeMap::new();
        let mut around = Some(self);
        while let Some(here) = around {
            for declaration in here.declarations() {
                scope.entry(declaration.prefix).or_insert(declaration.namespace);
            }
            around = here.parent();
        }
        scope.retain(|prefix, namespace| *prefix != "xml" && *namespace != NamespaceId::NONE);
        scope
    }

    /// The element around this one.
    #[must_use]
    pub fn parent(self) -> Option<Element<'d>> {
        self.document.element(self.node.parent?)
    }

    /// Everything directly inside, in order.
    pub fn content(self) -> impl Iterator<Item = Content<'d>> + use<'d> {
        let document = self.document;
        let (mut next, end) = (self.index.saturating_add(1), self.node.end);
        std::iter::from_fn(move || {
            let index = next;
            let node = document.nodes.get(index).filter(|_| index < end)?;
            next = node.end;
            document.content_at(index)
        })
    }

    /// The elements directly inside, in order.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.content().filter_map(|content| match content {
            Content::Element(element) => Some(element),
            _ => None,
        })
    }

    /// This element and all elements inside it at any depth, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        let document = self.document;
        (self.index..self.node.end).filter_map(move |index| document.element(index))
    }

    /// Whether there is character data other than white space directly inside.
    #[must_use]
    pub fn has_text(self) -> bool {
        self.content().any(|content| matches!(content, Content::Text(text) if !all_white(text)))
    }

    /// Whether there is a comment anywhere inside.
    #[must_use]
    pub fn has_comment(self) -> bool {
        self.inside().iter().any(|node| matches!(node.data, NodeData::Comment(_)))
    }

    /// All character data of an element that holds no element; comments do not interrupt it. `None` otherwise.
    #[must_use]
    pub fn text(self) -> Option<Cow<'d, str>> {
        let simple = !self.inside().iter().any(|node| matches!(node.data, NodeData::Element(_)));
        simple.then(|| self.text_content())
    }

    /// All character data at any depth, in document order.
    #[must_use]
    pub fn text_content(self) -> Cow<'d, str> {
        let mut texts = self.inside().iter().filter_map(|node| match &node.data {
            NodeData::Text(text) => Some(text.as_ref()),
            _ => None,
        });
        let mut all = Cow::Borrowed(texts.next().unwrap_or_default());
        for text in texts {
            all.to_mut().push_str(text);
        }
        all
    }

    /// Index of this node and of the first one after it that is not inside it.
    pub(crate) fn range(self) -> (usize, usize) {
        (self.index, self.node.end)
    }

    fn inside(self) -> &'d [Node<'d>] {
        self.document.nodes.get(self.index.saturating_add(1)..self.node.end).unwrap_or_default()
    }
}

impl Document<'_> {
    /// The node at `index`, in document order.
    pub(crate) fn content_at(&self, index: usize) -> Option<Content<'_>> {
        let node = self.nodes.get(index)?;
        Some(match &node.data {
            NodeData::Element(data) => Content::Element(Element { document: self, index, node, data }),
            NodeData::Text(text) => Content::Text(text),
            NodeData::Comment(text) => Content::Comment(text),
            NodeData::Instruction { target, data } => Content::Instruction { target, data },
        })
    }
}
