//! What was judged of a credential, remembered for a time by the SHA-256 of its text.

use std::collections::BTreeMap;

use crate::common::UnixMillis;

/// Most that are remembered in one place.
pub(super) const MOST: usize = 512;

/// SHA-256 of a credential's text.
pub(super) type Digest = [u8; 32];

/// A bounded map from credentials' digests, each entry with its end. Where it is full, what ends first makes room.
#[derive(Debug)]
pub(super) struct Memory<T>(BTreeMap<Digest, (UnixMillis, T)>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Memory<T> {
    pub(super) fn get(&self, digest: &Digest, now: UnixMillis) -> Option<&T> {
        self.0.get(digest).filter(|(until, _)| *until > now).map(|(_, what)| what)
    }

    pub(super) fn put(&mut self, digest: Digest, until: UnixMillis, what: T, now: UnixMillis) {
        if self.0.len() >= MOST {
            self.0.retain(|_, (until, _)| *until > now);
        }
        if self.0.len() >= MOST
            && let Some(first) = self.0.iter().min_by_key(|(_, (until, _))| *until).map(|(digest, _)| *digest)
        {
            self.0.remove(&first);
        }
        self.0.insert(digest, (until, what));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
