//! Which conversations still have their keys and values in the cache, and in which pages.
//!
//! A question goes on from the cached conversation it shares the longest beginning with; what it does
//! not share is computed again. Pages are taken from the conversations unused longest. Pure state:
//! it knows no tensors. A token's key names the picture by digest, so two different pictures with the
//! same text around them never count as the same beginning.

/// What a token is, for the purpose of telling whether its key and value can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKey {
    /// A token of text.
    Text(u32),
    /// A token of a picture: which picture (digest of pixels and grid), and which of its tokens.
    Picture([u8; 32], u32),
}

/// One conversation in the cache. Taken out while it is being answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// What is cached, in order.
    pub(crate) keys: Vec<TokenKey>,
    /// Its pages, in order; they cover at least `keys`.
    pub(crate) pages: Vec<u32>,
}

/// All conversations that have pages, and the pages that nobody has.
#[derive(Debug)]
pub(crate) struct Conversations {
    page_tokens: usize,
    free: Vec<u32>,
    /// The most recently used last.
    kept: Vec<Conversation>,
}

impl Conversations {
    /// An empty cache of `pages` pages.
    pub(crate) fn new(pages: u32, page_tokens: usize) -> Self {
        Self {
            page_tokens,
            free: (0..pages).rev().collect(),
            kept: Vec::new(),
        }
    }

    /// Takes out the conversation that goes on best as `prompt`, cut to what it shares with it, with
    /// pages for `tokens` tokens in all. `None` where the whole cache is too small. At least the
    /// prompt's last token is never counted as shared: its logits are wanted.
    pub(crate) fn take(&mut self, prompt: &[TokenKey], tokens: usize) -> Option<Conversation> {
        let needed = tokens.div_ceil(self.page_tokens);
        let mut conversation =
            self.best(prompt)
                .map_or_else(Conversation::default, |(at, shared)| {
                    let mut conversation = self.kept.remove(at);
                    conversation.keys.truncate(shared);
                    conversation
                });
        while conversation.pages.len() > needed {
            self.free.extend(conversation.pages.pop());
        }
        while conversation.pages.len() < needed {
            match self.free.pop() {
                Some(page) => conversation.pages.push(page),
                None if self.kept.is_empty() => {
                    self.put(conversation);
                    return None;
                }
                None => self.free.extend(self.kept.remove(0).pages),
            }
        }
        Some(conversation)
    }

    /// Gives a conversation back; pages beyond what it holds become free.
    pub(crate) fn put(&mut self, mut conversation: Conversation) {
        let used = conversation.keys.len().div_ceil(self.page_tokens);
        while conversation.pages.len() > used {
            self.free.extend(conversation.pages.pop());
        }
        if used > 0 {
            self.kept.push(conversation);
        }
    }

    /// The conversation worth going on from, and how many tokens it shares. One that shares only a
    /// common opening (a role text, say) and would lose most of what it has is left alone, as long as there
    /// are other pages.
    fn best(&self, prompt: &[TokenKey]) -> Option<(usize, usize)> {
        let usable = prompt.len().saturating_sub(1);
        let shared = |conversation: &Conversation| {
            let pairs = conversation.keys.iter().zip(&prompt[..usable]);
            pairs.take_while(|(kept, new)| kept == new).count()
        };
        self.kept
            .iter()
            .enumerate()
            .map(|(at, conversation)| (at, shared(conversation), conversation.keys.len()))
            .filter(|&(_, shared, length)| shared > 0 && shared * 2 >= length)
            .max_by_key(|&(at, shared, _)| (shared, at))
            .map(|(at, shared, _)| (at, shared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(ids: &[u32]) -> Vec<TokenKey> {
        ids.iter().copied().map(TokenKey::Text).collect()
    }

    fn answered(cache: &mut Conversations, prompt: &[TokenKey], answer: usize) -> usize {
        let mut taken = cache.take(prompt, prompt.len() + answer).expect("room");
        let shared = taken.keys.len();
        taken.keys = prompt.to_vec();
        cache.put(taken);
        shared
    }

    #[test]
    fn a_second_question_starts_where_the_first_ended() {
        let mut cache = Conversations::new(8, 4);
        assert_eq!(answered(&mut cache, &text(&[1, 2, 3, 4, 5]), 2), 0);
        assert_eq!(answered(&mut cache, &text(&[1, 2, 3, 4, 5, 6, 7]), 2), 5);
    }

    #[test]
    fn the_same_question_again_computes_its_last_token_again() {
        let mut cache = Conversations::new(8, 4);
        answered(&mut cache, &text(&[1, 2, 3]), 1);
        assert_eq!(answered(&mut cache, &text(&[1, 2, 3]), 1), 2);
    }

    #[test]
    fn the_same_words_about_another_picture_share_nothing_from_the_picture_on() {
        let prompt = |digest: u8| {
            let mut keys = text(&[1]);
            keys.extend((0..6).map(|index| TokenKey::Picture([digest; 32], index)));
            keys.extend(text(&[2, 3]));
            keys
        };
        let mut cache = Conversations::new(16, 4);
        answered(&mut cache, &prompt(1), 1);
        assert_eq!(
            answered(&mut cache, &prompt(2), 1),
            0,
            "a common opening is not worth it"
        );
        assert_eq!(answered(&mut cache, &prompt(1), 1), 8);
        assert_eq!(answered(&mut cache, &prompt(2), 1), 8);
    }

    #[test]
    fn the_conversation_unused_longest_gives_its_pages() {
        let mut cache = Conversations::new(4, 4);
        answered(&mut cache, &text(&[1; 7]), 1);
        answered(&mut cache, &text(&[2; 7]), 1);
        answered(&mut cache, &text(&[3; 7]), 1);
        assert_eq!(answered(&mut cache, &text(&[2; 7]), 1), 6);
        assert_eq!(answered(&mut cache, &text(&[1; 7]), 1), 0);
    }

    #[test]
    fn a_question_that_never_fits_is_refused_and_costs_no_page() {
        let mut cache = Conversations::new(4, 4);
        answered(&mut cache, &text(&[1; 7]), 1);
        assert_eq!(cache.take(&text(&[2; 17]), 17), None);
        assert!(cache.take(&text(&[2; 16]), 16).is_some());
    }

    proptest! {
        #[test]
        fn no_page_is_ever_lost_or_had_twice(
            questions in proptest::collection::vec(
                (proptest::collection::vec(0_u32..3, 1..30), 1_usize..6, any::<bool>()), 1..40),
        ) {
            let mut cache = Conversations::new(9, 4);
            for (ids, answer, finished) in questions {
                let prompt = text(&ids);
                if let Some(mut taken) = cache.take(&prompt, prompt.len() + answer) {
                    prop_assert!(taken.keys.len() < prompt.len());
                    prop_assert_eq!(&taken.keys[..], &prompt[..taken.keys.len()]);
                    prop_assert!(taken.pages.len() * 4 >= prompt.len() + answer);
                    if finished {
                        taken.keys = prompt;
                    }
                    cache.put(taken);
                }
                let kept = cache.kept.iter().flat_map(|conversation| &conversation.pages);
                let mut pages: Vec<u32> = kept.chain(&cache.free).copied().collect();
                pages.sort_unstable();
                prop_assert_eq!(pages, (0..9).collect::<Vec<u32>>());
            }
        }
    }
}
