//! A scanner for XML that finds where things are. It judges nothing: what it does not understand it passes over.

use std::ops::Range;

/// `name="value"`, with the places of all three.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// From the name to the closing quote.
    pub whole: Range<usize>,
    /// The name.
    pub name: Range<usize>,
    /// The value, without its quotes.
    pub value: Range<usize>,
}

/// An element with both of its tags.
#[derive(Clone, Debug)]
pub struct Element {
    /// From `<` of the start tag to `>` of the end tag.
    pub whole: Range<usize>,
    /// The start tag, which is all where the element has the empty form.
    pub start: Range<usize>,
    /// Between the tags; empty for the empty form.
    pub inside: Range<usize>,
    /// The name in the start tag.
    pub name: Range<usize>,
    /// Which element is around it.
    pub parent: Option<usize>,
    /// What stands in the start tag.
    pub attributes: Vec<Attribute>,
}

impl Element {
    /// Whether it is written `<a/>`.
    #[must_use]
    pub fn is_empty_form(&self) -> bool {
        self.start == self.whole
    }
}

/// What was found in a text.
pub struct Markup<'x> {
    /// The text.
    pub xml: &'x str,
    /// Elements in the order of their start tags.
    pub elements: Vec<Element>,
    /// Runs of character data inside the root, neither empty nor CDATA.
    pub texts: Vec<Range<usize>>,
}

impl<'x> Markup<'x> {
    /// Scans a text.
    #[must_use]
    pub fn scan(xml: &'x str) -> Self {
        let (mut elements, mut texts, mut open) = (Vec::<Element>::new(), Vec::new(), Vec::<usize>::new());
        let mut at = 0;
        while at < xml.len() {
            let rest = &xml[at..];
            let skip = |end: &str| rest.find(end).map_or(xml.len(), |found| at + found + end.len());
            if !rest.starts_with('<') {
                let end = rest.find('<').map_or(xml.len(), |found| at + found);
                if !open.is_empty() {
                    texts.push(at..end);
                }
                at = end;
            } else if rest.starts_with("<!--") {
                at = skip("-->");
            } else if rest.starts_with("<![CDATA[") {
                at = skip("]]>");
            } else if rest.starts_with("<?") {
                at = skip("?>");
            } else if rest.starts_with("</") {
                let end = skip(">");
                if let Some(element) = open.pop().and_then(|index| elements.get_mut(index)) {
                    element.inside.end = at;
                    element.whole.end = end;
                }
                at = end;
            } else {
                let end = tag_end(xml, at);
                let (name, attributes) = inside_of_tag(xml, at + 1, end);
                let empty = xml[at..end].ends_with("/>");
                elements.push(Element {
                    whole: at..end,
                    start: at..end,
                    inside: end..end,
                    name,
                    parent: open.last().copied(),
                    attributes,
                });
                if !empty {
                    open.push(elements.len() - 1);
                }
                at = end;
            }
        }
        // An element that nobody closed ends where its start tag ends.
        Self { xml, elements, texts }
    }

    /// The text at a place.
    #[must_use]
    pub fn text(&self, range: &Range<usize>) -> &'x str {
        &self.xml[range.clone()]
    }

    /// Prefix (empty where there is none) and local part of the name of an element.
    #[must_use]
    pub fn name(&self, element: &Element) -> (&'x str, &'x str) {
        self.text(&element.name).split_once(':').unwrap_or(("", self.text(&element.name)))
    }

    /// The local part of the name of an element.
    #[must_use]
    pub fn local(&self, element: &Element) -> &'x str {
        self.name(element).1
    }

    /// The first element of this local name.
    #[must_use]
    pub fn first(&self, local: &str) -> Option<&Element> {
        self.elements.iter().find(|element| self.local(element) == local)
    }

    /// The first element of this local name directly inside another.
    #[must_use]
    pub fn child(&self, parent: &Element, local: &str) -> Option<&Element> {
        let of = |element: &&Element| {
            let around = element.parent.and_then(|index| self.elements.get(index));
            around.is_some_and(|around| around.whole == parent.whole) && self.local(element) == local
        };
        self.elements.iter().find(of)
    }

    /// Whether a place is inside an element of one of these local names.
    #[must_use]
    pub fn within(&self, at: usize, locals: &[&str]) -> bool {
        let around = |element: &&Element| element.start.start < at && at < element.whole.end;
        self.elements.iter().filter(around).any(|element| locals.contains(&self.local(element)))
    }

    /// The text with something else in one place.
    #[must_use]
    pub fn with(&self, range: Range<usize>, text: &str) -> String {
        [&self.xml[..range.start], text, &self.xml[range.end..]].concat()
    }
}

/// The end of the tag that begins at `at`; a `>` between quotes does not count.
fn tag_end(xml: &str, at: usize) -> usize {
    let mut quote = None;
    for (offset, byte) in xml.as_bytes()[at..].iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + offset + 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    xml.len()
}

fn inside_of_tag(xml: &str, from: usize, end: usize) -> (Range<usize>, Vec<Attribute>) {
    let bytes = xml.as_bytes();
    let stops = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=' | b'"' | b'\'');
    let mut at = from;
    while at < end && !stops(bytes[at]) {
        at += 1;
    }
    let name = from..at;
    let mut attributes = Vec::new();
    while at < end {
        if stops(bytes[at]) {
            at += 1;
            continue;
        }
        let name = at;
        while at < end && !stops(bytes[at]) {
            at += 1;
        }
        let name = name..at;
        while at < end && (bytes[at].is_ascii_whitespace() || bytes[at] == b'=') {
            at += 1;
        }
        let Some(quote @ (b'"' | b'\'')) = bytes.get(at).copied() else { continue };
        let Some(length) = xml[at + 1..].find(char::from(quote)) else { continue };
        let value = at + 1..at + 1 + length;
        at = value.end + 1;
        attributes.push(Attribute { whole: name.start..at, name, value });
    }
    (name, attributes)
}

/// The nearest place at or before `at` where a character begins. CR and LF together are one: parted they are two line ends.
#[must_use]
pub fn boundary(xml: &str, at: usize) -> usize {
    let at = (0..=at.min(xml.len())).rev().find(|at| xml.is_char_boundary(*at)).unwrap_or(0);
    let parts = xml[..at].ends_with('\r') && xml[at..].starts_with('\n');
    at.saturating_sub(usize::from(parts))
}

/// Whether a place in a text is between `&` and `;`.
#[must_use]
pub fn in_reference(text: &str, at: usize) -> bool {
    let before = &text[..at];
    before.rfind('&').is_some_and(|and| !before[and..].contains(';'))
}
