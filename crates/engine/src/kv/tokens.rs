//! What a token is to the cache, and the fingerprint of everything up to the end of a page.
//!
//! A page can be used again where the model, all tokens before it and its own tokens are the same. The
//! fingerprint says that in 256 bits: each is made from the one before it and the page's tokens, the
//! first from the model's identity. A picture token is its picture's digest (of pixels and grid) and its
//! place in the picture, so two pictures with the same words around them share nothing from the picture on,
//! and no text can pass for a picture.

/// What a token is, for the purpose of telling whether its key and value can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKey {
    /// A token of text.
    Text(u32),
    /// A token of a picture: which picture (digest of pixels and grid), and which of its tokens.
    Picture([u8; 32], u32),
}

/// The fingerprint of a model and of all tokens up to the end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Chain([u8; 32]);

impl Chain {
    /// Before the first token of a model.
    pub(crate) fn root(identity: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"lookdesk keys and values 1\0");
        hasher.update(identity.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// After one more page. Every key starts with what kind it is, which settles its length: no two lists
    /// of keys are the same bytes.
    fn then(self, keys: &[TokenKey]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        for key in keys {
            match key {
                TokenKey::Text(id) => {
                    hasher.update(&[0]).update(&id.to_le_bytes());
                }
                TokenKey::Picture(digest, index) => {
                    hasher
                        .update(&[1])
                        .update(digest)
                        .update(&index.to_le_bytes());
                }
            }
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// The tokens of a conversation and the fingerprints of its full pages.
#[derive(Debug, Clone)]
pub(crate) struct TokenRun {
    page_tokens: usize,
    root: Chain,
    keys: Vec<TokenKey>,
    chains: Vec<Chain>,
}

impl TokenRun {
    /// Tokens from the beginning of a conversation.
    pub(crate) fn new(root: Chain, page_tokens: usize, keys: Vec<TokenKey>) -> Self {
        let mut before = root;
        let chains = keys
            .chunks_exact(page_tokens)
            .map(|page| {
                before = before.then(page);
                before
            })
            .collect();
        Self {
            page_tokens,
            root,
            keys,
            chains,
        }
    }

    /// One more token.
    pub(crate) fn push(&mut self, key: TokenKey) {
        self.keys.push(key);
        if self.keys.len().is_multiple_of(self.page_tokens) {
            let page = self.keys.len() / self.page_tokens - 1;
            let chain = self.before(page).then(self.page(page));
            self.chains.push(chain);
        }
    }

    /// How many tokens.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// All of them.
    pub(crate) fn keys(&self) -> &[TokenKey] {
        &self.keys
    }

    /// The fingerprints of the full pages, in order.
    pub(crate) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// The fingerprint before page `page`, which follows a full one.
    pub(crate) fn before(&self, page: usize) -> Chain {
        match page {
            0 => self.root,
            _ => self.chains[page - 1],
        }
    }

    /// The tokens of page `page`; the last may not be full.
    pub(crate) fn page(&self, page: usize) -> &[TokenKey] {
        let end = self.keys.len().min((page + 1) * self.page_tokens);
        &self.keys[page * self.page_tokens..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = TokenKey> {
        // Few values, so that lists are often nearly the same.
        prop_oneof![
            (0_u32..3).prop_map(TokenKey::Text),
            (0_u8..2, 0_u32..3)
                .prop_map(|(picture, index)| TokenKey::Picture([picture; 32], index)),
        ]
    }

    proptest! {
        #[test]
        fn two_lists_have_the_same_fingerprint_only_if_they_are_the_same(
            a in prop::collection::vec(key(), 8), b in prop::collection::vec(key(), 8),
        ) {
            let root = Chain::root("model");
            let (left, right) = (TokenRun::new(root, 4, a.clone()), TokenRun::new(root, 4, b.clone()));
            prop_assert_eq!(left.chains()[0] == right.chains()[0], a[..4] == b[..4]);
            prop_assert_eq!(left.chains()[1] == right.chains()[1], a == b);
        }

        #[test]
        fn tokens_that_come_one_by_one_have_the_fingerprints_of_tokens_that_come_at_once(
            keys in prop::collection::vec(key(), 0..20), at in 0_usize..20,
        ) {
            let root = Chain::root("model");
            let whole = TokenRun::new(root, 4, keys.clone());
            let mut grown = TokenRun::new(root, 4, keys[..at.min(keys.len())].to_vec());
            keys.iter().skip(at).for_each(|&key| grown.push(key));
            prop_assert_eq!(whole.chains(), grown.chains());
            prop_assert_eq!(whole.keys(), grown.keys());
        }
    }

    #[test]
    fn another_model_has_other_fingerprints() {
        let keys = vec![TokenKey::Text(1); 4];
        let of = |model| TokenRun::new(Chain::root(model), 4, keys.clone()).chains()[0];
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn text_that_spells_a_pictures_bytes_is_not_the_picture() {
        // The bytes that follow a picture's tag, cut into four ids of text and more.
        let digest = [0_u8; 32];
        let picture = vec![TokenKey::Picture(digest, 0)];
        let text: Vec<TokenKey> = vec![TokenKey::Text(0); 1];
        let root = Chain::root("model");
        assert_ne!(
            TokenRun::new(root, 1, picture).chains(),
            TokenRun::new(root, 1, text).chains()
        );
    }
}
