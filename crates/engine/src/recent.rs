//! A small cache bounded by bytes: what was used longest ago goes first. For a handful of large values
//! (picture features), so a list is searched, not hashed.

/// Values by key, the most recently used last.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    entries: Vec<Entry<K, V>>,
    most_bytes: usize,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    bytes: usize,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    /// Room for `most_bytes`.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            entries: Vec::new(),
            most_bytes,
        }
    }

    /// The value of a key (values are cheap to clone: shared pointers), which is now the most recently used.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        let at = self.entries.iter().position(|entry| entry.key == *key)?;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        self.entries.last().map(|entry| entry.value.clone())
    }

    /// Keeps a value, and drops the longest unused until all fit. A value larger than the whole
    /// cache is kept alone: whoever has just computed it is about to use it.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.entries.retain(|entry| entry.key != key);
        self.entries.push(Entry { key, value, bytes });
        while self.entries.len() > 1 && self.bytes() > self.most_bytes {
            self.entries.remove(0);
        }
    }

    fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_value_goes_first() {
        let mut cache = Recent::new(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.insert("c", 3, 4);
        assert_eq!(
            (cache.get(&"a"), cache.get(&"b"), cache.get(&"c")),
            (Some(1), None, Some(3))
        );
    }

    #[test]
    fn a_value_larger_than_the_cache_is_kept_alone() {
        let mut cache = Recent::new(10);
        cache.insert("a", 1, 4);
        cache.insert("huge", 2, 100);
        assert_eq!((cache.get(&"a"), cache.get(&"huge")), (None, Some(2)));
    }

    #[test]
    fn a_key_inserted_twice_counts_once() {
        let mut cache = Recent::new(10);
        cache.insert("a", 1, 6);
        cache.insert("a", 2, 6);
        assert_eq!((cache.get(&"a"), cache.bytes()), (Some(2), 6));
    }
}
