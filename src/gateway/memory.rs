//! What was judged of a credential, remembered for a time by what stands for its text.

use std::collections::BTreeMap;

use crate::common::UnixMillis;

/// Most that are remembered in one place.
pub(super) const MOST: usize = 512;

/// SHA-256 of a credential's text.
pub(super) type Digest = [u8; 32];

/// A bounded map from what stands for credentials, each entry with its end. Where it is full, what ends first makes room.
#[derive(Debug)]
pub(super) struct Memory<T, K = Digest>(BTreeMap<K, (UnixMillis, T)>);

impl<T, K> Default for Memory<T, K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T, K: Ord + Copy> Memory<T, K> {
    pub(super) fn get(&self, key: &K, now: UnixMillis) -> Option<&T> {
        self.0.get(key).filter(|(until, _)| *until > now).map(|(_, what)| what)
    }

    pub(super) fn put(&mut self, key: K, until: UnixMillis, what: T, now: UnixMillis) {
        if self.0.len() >= MOST {
            self.0.retain(|_, (until, _)| *until > now);
        }
        if self.0.len() >= MOST
            && let Some(first) = self.0.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| *key)
        {
            self.0.remove(&first);
        }
        self.0.insert(key, (until, what));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
