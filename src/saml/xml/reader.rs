//! From octets to the tree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quick_xml::events::Event;

use super::chars::{all_white, is_char, is_ncname, is_white};
use super::tag::{RawAttribute, Tag};
use super::text::{line_ends, reference};
use super::tree::{Attribute, Declaration, Document, ElementData, NamespaceId, Node, NodeData};
use super::{Fault, XML_NAMESPACE, XMLNS_NAMESPACE, XmlError};

/// How much of everything a document may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of the whole document.
    pub bytes: usize,
    /// Levels of elements.
    pub depth: usize,
    /// Elements.
    pub elements: usize,
    /// Tokens: tags, runs of text, references, CDATA sections, comments. Each costs far more than its octets.
    pub tokens: usize,
    /// Attributes and namespace declarations of all elements together.
    pub all_attributes: usize,
    /// Attributes of one element, and again as many namespace declarations.
    pub attributes: usize,
    /// Octets of one attribute value, before normalisation.
    pub attribute_bytes: usize,
    /// Octets of one run of text, references resolved; but not of a `CipherValue`, for an encrypted assertion is one text.
    pub text_bytes: usize,
    /// Octets of one namespace name. Canonical XML may repeat it at every element.
    pub namespace_bytes: usize,
}

impl Limits {
    /// For a message as it arrives: 256 KiB. Entra's largest is about 20 KiB.
    pub const MESSAGE: Self = Self {
        bytes: 262_144,
        depth: 64,
        elements: 4096,
        tokens: 24_576,
        all_attributes: 4096,
        attributes: 64,
        attribute_bytes: 65_536,
        text_bytes: 65_536,
        namespace_bytes: 1024,
    };
    /// For canonical octets, which may be longer than the message they come from.
    pub const CANONICAL: Self = Self { bytes: 327_680, ..Self::MESSAGE };
}

/// What a document may contain beyond elements and text, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Bounds.
    pub limits: Limits,
    /// Whether comments are kept as nodes; otherwise they are refused.
    pub comments: bool,
    /// Whether processing instructions are kept as nodes; otherwise they are refused. Only tests allow them.
    pub instructions: bool,
}

impl Rules {
    /// For a message as it arrives. A comment inside is kept as a node: it is no part of the canonical octets from
    /// which values are read, so it can neither cut nor change one.
    pub const MESSAGE: Self = Self { limits: Limits::MESSAGE, comments: true, instructions: false };
    /// For octets that a verified digest or signature covers.
    pub const CANONICAL: Self = Self { limits: Limits::CANONICAL, comments: false, instructions: false };
}

/// Reads a document (see [`Document::parse`]).
pub(super) fn read<'a>(
    bytes: &'a [u8],
    rules: Rules,
    scope: &[(&'a str, &'a str)],
) -> Result<Document<'a>, XmlError> {
    let at = |fault, at| XmlError { fault, at };
    if bytes.len() > rules.limits.bytes {
        return Err(at(Fault::Limit("octets"), rules.limits.bytes));
    }
    let source = std::str::from_utf8(bytes).map_err(|error| at(Fault::Encoding, error.valid_up_to()))?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if source.starts_with('\u{feff}') {
        return Err(at(Fault::Root, 0));
    }
    if let Some((offset, _)) = source.char_indices().find(|(_, c)| !is_char(*c)) {
        return Err(at(Fault::Character, offset));
    }
    let mut tokens = quick_xml::Reader::from_str(source);
    let mut builder = Builder::new(rules);
    builder.inherit(scope);
    let (mut from, mut count) = (0usize, 0usize);
    loop {
        let event = tokens.read_event().map_err(|error| at(fault_of(&error), from))?;
        let to = usize::try_from(tokens.buffer_position()).map_err(|_| at(Fault::Syntax, from))?;
        // Only the kind and the ends of a token are taken from the tokenizer; its text is ours.
        let token = source.get(from..to).ok_or(at(Fault::Syntax, from))?;
        if matches!(event, Event::Eof) {
            if !token.is_empty() || to != source.len() {
                return Err(at(Fault::Syntax, from));
            }
            return builder.finish().map_err(|fault| at(fault, from));
        }
        if token.is_empty() {
            return Err(at(Fault::Syntax, from));
        }
        count = count.saturating_add(1);
        if count > rules.limits.tokens {
            return Err(at(Fault::Limit("tokens"), from));
        }
        builder.token(&event, token, from == 0).map_err(|fault| at(fault, from))?;
        from = to;
    }
}

fn fault_of(error: &quick_xml::Error) -> Fault {
    use quick_xml::errors::IllFormedError::{MismatchedEndTag, UnmatchedEndTag};
    match error {
        quick_xml::Error::IllFormed(MismatchedEndTag { .. } | UnmatchedEndTag(_)) => Fault::TagMismatch,
        _ => Fault::Syntax,
    }
}

/// The tree as far as it is read, and the namespaces in scope.
struct Builder<'a> {
    rules: Rules,
    nodes: Vec<Node<'a>>,
    /// Indices of the elements that are open, with their names as written.
    open: Vec<(usize, &'a str)>,
    elements: usize,
    attributes: usize,
    text: Option<Cow<'a, str>>,
    namespaces: Vec<Cow<'a, str>>,
    known: BTreeMap<Cow<'a, str>, NamespaceId>,
    scope: BTreeMap<&'a str, Vec<NamespaceId>>,
}

fn between<'a>(token: &'a str, before: &str, after: &str) -> Result<&'a str, Fault> {
    token.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).ok_or(Fault::Syntax)
}

impl<'a> Builder<'a> {
    fn new(rules: Rules) -> Self {
        let namespaces = vec![Cow::Borrowed(""), Cow::Borrowed(XML_NAMESPACE)];
        let known = BTreeMap::from([
            (Cow::Borrowed(""), NamespaceId::NONE),
            (Cow::Borrowed(XML_NAMESPACE), NamespaceId::XML),
        ]);
        let scope = BTreeMap::from([("xml", vec![NamespaceId::XML])]);
        Self {
            rules,
            nodes: Vec::new(),
            open: Vec::new(),
            elements: 0,
            attributes: 0,
            text: None,
            namespaces,
            known,
            scope,
        }
    }

    /// Binds prefixes before the root element is read.
    fn inherit(&mut self, scope: &[(&'a str, &'a str)]) {
        for (prefix, name) in scope {
            let namespace = self.intern(Cow::Borrowed(*name));
            self.scope.entry(*prefix).or_default().push(namespace);
        }
    }

    fn token(&mut self, kind: &Event<'_>, token: &'a str, first: bool) -> Result<(), Fault> {
        match kind {
            Event::Start(_) => self.start(between(token, "<", ">")?),
            Event::Empty(_) => {
                self.start(between(token, "<", "/>")?)?;
                self.end_of_last()
            }
            Event::End(_) => self.end(between(token, "</", ">")?),
            Event::Text(_) => self.characters(token),
            Event::CData(_) => self.cdata(between(token, "<![CDATA[", "]]>")?),
            Event::GeneralRef(_) => self.general_reference(between(token, "&", ";")?),
            Event::Comment(_) => self.comment(between(token, "<!--", "-->")?),
            Event::PI(_) => self.instruction(between(token, "<?", "?>")?),
            Event::Decl(_) if first => declaration(between(token, "<?", "?>")?),
            Event::Decl(_) => Err(Fault::Declaration),
            Event::DocType(_) => Err(Fault::Doctype),
            Event::Eof => Err(Fault::Syntax),
        }
    }

    fn start(&mut self, inside: &'a str) -> Result<(), Fault> {
        let limits = self.rules.limits;
        self.flush_text();
        if self.open.is_empty() && !self.nodes.is_empty() {
            return Err(Fault::Root);
        }
        if self.open.len() >= limits.depth {
            return Err(Fault::Limit("levels"));
        }
        if self.elements >= limits.elements {
            return Err(Fault::Limit("elements"));
        }
        self.elements = self.elements.saturating_add(1);
        let name = inside.split(is_white).next().unwrap_or_default();
        let tag = Tag::parse(inside, limits.attributes.saturating_mul(2), limits.attribute_bytes)?;
        self.attributes = self.attributes.saturating_add(tag.attributes.len());
        if self.attributes > limits.all_attributes {
            return Err(Fault::Limit("attributes"));
        }
        let (declared, plain): (Vec<_>, Vec<_>) =
            tag.attributes.into_iter().partition(|attribute| is_declaration(attribute));
        if declared.len().max(plain.len()) > limits.attributes {
            return Err(Fault::Limit("attributes of one element"));
        }
        let declarations = self.declare(declared)?;
        let namespace = self.resolve(tag.prefix)?;
        let attributes = self.attributes(plain)?;
        let data = ElementData { prefix: tag.prefix, local: tag.local, namespace, attributes, declarations };
        self.open.push((self.nodes.len(), name));
        self.push(NodeData::Element(data), true);
        Ok(())
    }

    /// Checks the declarations of one element and puts them in scope.
    fn declare(&mut self, declared: Vec<RawAttribute<'a>>) -> Result<Vec<Declaration<'a>>, Fault> {
        let mut declarations = Vec::with_capacity(declared.len());
        for raw in declared {
            let prefix = if raw.prefix.is_empty() { "" } else { raw.local };
            let name = raw.value;
            let allowed = match prefix {
                "xml" => name == XML_NAMESPACE,
                "xmlns" => false,
                "" => name != XML_NAMESPACE && name != XMLNS_NAMESPACE,
                _ => !name.is_empty() && name != XML_NAMESPACE && name != XMLNS_NAMESPACE,
            };
            if !allowed {
                return Err(Fault::NamespaceDeclaration);
            }
            if !name.is_empty() && !is_absolute(&name) {
                return Err(Fault::RelativeNamespace);
            }
            if name.len() > self.rules.limits.namespace_bytes {
                return Err(Fault::Limit("octets of a namespace name"));
            }
            declarations.push(Declaration { prefix, namespace: self.intern(name) });
        }
        let mut prefixes: Vec<&str> = declarations.iter().map(|declaration| declaration.prefix).collect();
        prefixes.sort_unstable();
        if has_twins(&prefixes) {
            return Err(Fault::DuplicateAttribute);
        }
        for declaration in &declarations {
            self.scope.entry(declaration.prefix).or_default().push(declaration.namespace);
        }
        Ok(declarations)
    }

    fn intern(&mut self, name: Cow<'a, str>) -> NamespaceId {
        if let Some(id) = self.known.get(&name) {
            return *id;
        }
        let id = NamespaceId(self.namespaces.len());
        self.namespaces.push(name.clone());
        self.known.insert(name, id);
        id
    }

    fn resolve(&self, prefix: &str) -> Result<NamespaceId, Fault> {
        match self.scope.get(prefix).and_then(|stack| stack.last()) {
            Some(namespace) => Ok(*namespace),
            None if prefix.is_empty() => Ok(NamespaceId::NONE),
            None => Err(Fault::UnboundPrefix),
        }
    }

    fn attributes(&self, plain: Vec<RawAttribute<'a>>) -> Result<Vec<Attribute<'a>>, Fault> {
        let mut attributes = Vec::with_capacity(plain.len());
        for RawAttribute { prefix, local, value } in plain {
            let namespace = if prefix.is_empty() { NamespaceId::NONE } else { self.resolve(prefix)? };
            attributes.push(Attribute { prefix, local, namespace, value });
        }
        let mut names: Vec<_> =
            attributes.iter().map(|attribute| (attribute.namespace, attribute.local)).collect();
        names.sort_unstable();
        if has_twins(&names) {
            return Err(Fault::DuplicateAttribute);
        }
        Ok(attributes)
    }

    fn end(&mut self, inside: &'a str) -> Result<(), Fault> {
        let name = inside.trim_end_matches(is_white);
        if self.open.last().is_none_or(|(_, open)| *open != name) {
            return Err(Fault::TagMismatch);
        }
        self.end_of_last()
    }

    fn end_of_last(&mut self) -> Result<(), Fault> {
        self.flush_text();
        let (index, _) = self.open.pop().ok_or(Fault::TagMismatch)?;
        let end = self.nodes.len();
        let node = self.nodes.get_mut(index).ok_or(Fault::Syntax)?;
        node.end = end;
        if let NodeData::Element(data) = &node.data {
            for declaration in &data.declarations {
                if let Some(stack) = self.scope.get_mut(declaration.prefix) {
                    stack.pop();
                }
            }
        }
        Ok(())
    }

    fn characters(&mut self, token: &'a str) -> Result<(), Fault> {
        if token.contains(['<', '&']) || token.contains("]]>") {
            return Err(Fault::Syntax);
        }
        if self.open.is_empty() {
            return if all_white(token) { Ok(()) } else { Err(Fault::Root) };
        }
        self.append(line_ends(token))
    }

    fn cdata(&mut self, inside: &'a str) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Err(Fault::Root);
        }
        if inside.contains("]]>") {
            return Err(Fault::Syntax);
        }
        self.append(line_ends(inside))
    }

    fn general_reference(&mut self, name: &'a str) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Err(Fault::Root);
        }
        let c = reference(name)?;
        self.room_for(c.len_utf8())?;
        self.text.get_or_insert_default().to_mut().push(c);
        Ok(())
    }

    fn comment(&mut self, inside: &'a str) -> Result<(), Fault> {
        if !self.rules.comments || inside.contains("--") || inside.ends_with('-') {
            return Err(Fault::Comment);
        }
        if !self.open.is_empty() {
            self.flush_text();
            self.push(NodeData::Comment(line_ends(inside)), false);
        }
        Ok(())
    }

    fn instruction(&mut self, inside: &'a str) -> Result<(), Fault> {
        if !self.rules.instructions || self.open.is_empty() {
            return Err(Fault::ProcessingInstruction);
        }
        let (target, data) = inside.split_once(is_white).unwrap_or((inside, ""));
        if !is_ncname(target) || target.eq_ignore_ascii_case("xml") {
            return Err(Fault::ProcessingInstruction);
        }
        self.flush_text();
        let data = line_ends(data.trim_start_matches(is_white));
        self.push(NodeData::Instruction { target, data }, false);
        Ok(())
    }

    fn append(&mut self, piece: Cow<'a, str>) -> Result<(), Fault> {
        self.room_for(piece.len())?;
        match &mut self.text {
            Some(text) => text.to_mut().push_str(&piece),
            None => self.text = Some(piece),
        }
        Ok(())
    }

    /// Whether the present run of text may grow by so many octets.
    fn room_for(&self, more: usize) -> Result<(), Fault> {
        let have = self.text.as_ref().map_or(0, |text| text.len());
        if have.saturating_add(more) > self.rules.limits.text_bytes && !self.is_cipher() {
            return Err(Fault::Limit("octets of a text"));
        }
        Ok(())
    }

    /// Whether the innermost open element holds what is encrypted (XML Encryption 3.3). Whose namespace it is does not
    /// matter: the document as a whole has its bound.
    fn is_cipher(&self) -> bool {
        let innermost = self.open.last().and_then(|(index, _)| self.nodes.get(*index));
        innermost.is_some_and(|node| matches!(&node.data, NodeData::Element(it) if it.local == "CipherValue"))
    }

    fn flush_text(&mut self) {
        if let Some(text) = self.text.take().filter(|text| !text.is_empty()) {
            self.push(NodeData::Text(text), false);
        }
    }

    /// Adds a node below the innermost open element (`opens`: which is the new node itself).
    fn push(&mut self, data: NodeData<'a>, opens: bool) {
        let parent = self.open.iter().rev().nth(usize::from(opens)).map(|(index, _)| *index);
        let end = self.nodes.len().saturating_add(1);
        self.nodes.push(Node { parent, end, data });
    }

    fn finish(self) -> Result<Document<'a>, Fault> {
        if !self.open.is_empty() {
            return Err(Fault::TagMismatch);
        }
        if self.nodes.is_empty() {
            return Err(Fault::Root);
        }
        Ok(Document { nodes: self.nodes, namespaces: self.namespaces })
    }
}

fn is_declaration(attribute: &RawAttribute<'_>) -> bool {
    attribute.prefix == "xmlns" || (attribute.prefix.is_empty() && attribute.local == "xmlns")
}

fn has_twins<T: PartialEq>(sorted: &[T]) -> bool {
    sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// Whether a namespace name begins with a URI scheme (RFC 3986, 3.1).
fn is_absolute(name: &str) -> bool {
    name.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// What stands between `<?` and `?>` of the XML declaration (XML 2.8): version 1.0, then perhaps UTF-8, then perhaps
/// standalone.
fn declaration(inside: &str) -> Result<(), Fault> {
    if inside.contains('&') {
        return Err(Fault::Declaration);
    }
    let tag = Tag::parse(inside, 3, 32).map_err(|_| Fault::Declaration)?;
    let mut pairs = tag.attributes.iter().map(|attribute| match attribute.prefix {
        "" => (attribute.local, attribute.value.as_ref()),
        _ => ("", ""),
    });
    if (tag.prefix, tag.local) != ("", "xml") || pairs.next() != Some(("version", "1.0")) {
        return Err(Fault::Declaration);
    }
    let mut next = pairs.next();
    if let Some(("encoding", name)) = next {
        if !name.eq_ignore_ascii_case("utf-8") {
            return Err(Fault::Encoding);
        }
        next = pairs.next();
    }
    match (next, pairs.next()) {
        (None | Some(("standalone", "yes" | "no")), None) => Ok(()),
        _ => Err(Fault::Declaration),
    }
}
