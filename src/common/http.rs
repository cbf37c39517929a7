//! Header lists, header edits and replies.

/// Header or trailer pairs as the host gives them: names lower-case, values arbitrary bytes, duplicates kept in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// Takes the pairs as they came; names are folded to lower case so that look-ups cannot miss one.
    #[must_use]
    pub fn new(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        for (name, _) in &mut pairs {
            name.make_ascii_lowercase();
        }
        Self(pairs)
    }

    /// The first value of `name` (lower case), as bytes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(have, _)| have == name.as_bytes()).map(|(_, value)| value.as_slice())
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
        self.0.iter().filter(move |(have, _)| have == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Whether there is a header of this name (lower case).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does to this list what the host is asked to do to its own, so that later decisions read what will be sent.
    pub fn apply(&mut self, edit: &HeaderEdit) {
        match edit {
            HeaderEdit::Set(name, value) => {
                self.0.retain(|(have, _)| have != name);
                self.0.push((name.clone(), value.clone()));
            }
            HeaderEdit::Add(name, value) => self.0.push((name.clone(), value.clone())),
            HeaderEdit::Remove(name) => self.0.retain(|(have, _)| have != name),
        }
    }
}

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
        f.debug_list().entries(self.0.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
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
