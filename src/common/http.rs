//! Header lists, header edits and replies.

use std::ops::Range;

/// Header or trailer pairs as the host gives them: names lower-case, values arbitrary bytes, duplicates kept in order.
///
/// All octets are in one piece, for a request has dozens of names and values.
#[derive(Clone, Default)]
pub struct Headers {
    octets: Vec<u8>,
    fields: Vec<Field>,
}

/// Where name and value are.
#[derive(Clone)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Takes the pairs as they came; names are folded to lower case so that look-ups cannot miss one.
    #[must_use]
    pub fn new(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(&name.to_ascii_lowercase(), &value);
        }
        headers
    }

    /// The same of octets in which names and values lie somewhere. `None` where one of them does not.
    #[must_use]
    pub fn within(mut octets: Vec<u8>, places: Vec<(Range<usize>, Range<usize>)>) -> Option<Self> {
        for (name, value) in &places {
            octets.get_mut(name.clone())?.make_ascii_lowercase();
            octets.get(value.clone())?;
        }
        let fields = places.into_iter().map(|(name, value)| Field { name, value }).collect();
        Some(Self { octets, fields })
    }

    fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(name);
        let middle = self.octets.len();
        self.octets.extend_from_slice(value);
        self.fields.push(Field { name: start..middle, value: middle..self.octets.len() });
    }

    fn remove(&mut self, name: &[u8]) {
        let octets = &self.octets;
        self.fields.retain(|field| octets.get(field.name.clone()) != Some(name));
    }

    /// The first value of `name` (lower case), as bytes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(have, _)| *have == name.as_bytes()).map(|(_, value)| value)
    }

    /// The first value of `name` where it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// The value of `name` where there is exactly one and it is UTF-8; more than one is nobody's word.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(first).ok()
    }

    /// All values of `name` (lower case), in order.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(have, _)| *have == name.as_bytes()).map(|(_, value)| value)
    }

    /// Whether there is a header of this name (lower case).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Every field lies within the octets.
        let part = |range: &Range<usize>| self.octets.get(range.clone()).unwrap_or_default();
        self.fields.iter().map(move |field| (part(&field.name), part(&field.value)))
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Does to this list what the host is asked to do to its own, so that later decisions read what will be sent.
    pub fn apply(&mut self, edit: &HeaderEdit) {
        match edit {
            HeaderEdit::Set(name, value) => {
                self.remove(name);
                self.push(name, value);
            }
            HeaderEdit::Add(name, value) => self.push(name, value),
            HeaderEdit::Remove(name) => self.remove(name),
        }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self::new(
            pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect(),
        )
    }
}

impl std::fmt::Debug for Headers {
    /// Names only: values are secrets and personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}

/// One change to a header or trailer list. Names are bytes because a forged name need not be text.
#[derive(Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Exactly this value, whatever was there.
    Set(Vec<u8>, Vec<u8>),
    /// One more value.
    Add(Vec<u8>, Vec<u8>),
    /// None of this name.
    Remove(Vec<u8>),
}

impl HeaderEdit {
    /// [`HeaderEdit::Set`] from text.
    #[must_use]
    pub fn set(name: &str, value: &str) -> Self {
        Self::Set(name.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    /// [`HeaderEdit::Add`] from text.
    #[must_use]
    pub fn add(name: &str, value: &str) -> Self {
        Self::Add(name.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    /// [`HeaderEdit::Remove`] from text.
    #[must_use]
    pub fn remove(name: &str) -> Self {
        Self::Remove(name.as_bytes().to_vec())
    }
}

impl std::fmt::Debug for HeaderEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (verb, name) = match self {
            Self::Set(name, _) => ("Set", name),
            Self::Add(name, _) => ("Add", name),
            Self::Remove(name) => ("Remove", name),
        };
        write!(f, "{verb}({})", String::from_utf8_lossy(name))
    }
}

/// An answer of our own to the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// Header pairs; several `set-cookie` are kept.
    pub headers: Vec<(String, String)>,
    /// Body, may be empty.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply without headers and body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same reply with this body and content type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("content-type", content_type)
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn headers_are_equal_by_what_they_say_not_by_how_they_came_to_it() {
        let mut edited = Headers::from([("a", "1"), ("b", "2"), ("a", "3")]);
        edited.apply(&HeaderEdit::set("a", "4"));
        edited.apply(&HeaderEdit::add("b", "5"));
        let packed =
            Headers::within(b"B:2,A:4;b:5".to_vec(), vec![(0..1, 2..3), (4..5, 6..7), (8..9, 10..11)]);
        assert_eq!(Some(&edited), packed.as_ref());
        assert_eq!(edited.all("b").collect::<Vec<_>>(), [b"2", b"5"]);
        assert_ne!(edited, Headers::from([("b", "2"), ("a", "4")]));
        edited.apply(&HeaderEdit::remove("b"));
        assert_eq!(edited, Headers::from([("a", "4")]));
    }

    #[test]
    fn a_field_that_lies_outside_its_octets_is_none() {
        for place in [(0..1, 2..4), (0..4, 0..1), (5..6, 0..1)] {
            assert_eq!(Headers::within(b"a:b".to_vec(), vec![place]), None);
        }
        // What ends before it begins is no field either.
        assert_eq!(
            Headers::within(b"a:b".to_vec(), vec![(std::ops::Range { start: 2, end: 1 }, 0..1)]),
            None
        );
    }
}
