//! Guesses what comes next by looking the last tokens up in the prompt and the answer so far.
//!
//! Answers about pictures repeat: the question's own words, a model number said twice, the rows of a table.
//! Where the last three tokens (or two) stood before, what followed them then is the guess. Costs two
//! hash lookups per token. It knows ids, not words, and not whether its guesses are any good.

use std::collections::HashMap;

/// One conversation's tokens and where each short run of them last stood.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookup {
    tokens: Vec<u32>,
    /// Three tokens, to the place after them.
    threes: HashMap<[u32; 3], usize>,
    twos: HashMap<[u32; 2], usize>,
}

impl Lookup {
    /// Takes the next token.
    pub(crate) fn push(&mut self, id: u32) {
        let at = self.tokens.len();
        // The run before this token can be found now that something follows it.
        if let Some(&last) = self.tokens.last_chunk() {
            self.twos.insert(last, at);
        }
        if let Some(&last) = self.tokens.last_chunk() {
            self.threes.insert(last, at);
        }
        self.tokens.push(id);
    }

    /// Up to `most` tokens that may come next; none where the last tokens never stood before.
    pub(crate) fn guess(&self, most: usize) -> Vec<u32> {
        let three = self
            .tokens
            .last_chunk()
            .and_then(|run| self.threes.get(run));
        let two = || self.tokens.last_chunk().and_then(|run| self.twos.get(run));
        let Some(&from) = three.or_else(two) else {
            return Vec::new();
        };
        let mut guess: Vec<u32> = Vec::with_capacity(most);
        for at in from..from + most {
            // Past the end it goes on with itself: a repetition is guessed to go on.
            let next = match self.tokens.get(at) {
                Some(&token) => token,
                None => guess[at - self.tokens.len()],
            };
            guess.push(next);
        }
        guess
    }
}

impl Extend<u32> for Lookup {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, ids: I) {
        ids.into_iter().for_each(|id| self.push(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guess(ids: &[u32], most: usize) -> Vec<u32> {
        let mut lookup = Lookup::default();
        lookup.extend(ids.iter().copied());
        lookup.guess(most)
    }

    #[test]
    fn what_followed_the_last_tokens_before_is_the_guess() {
        assert_eq!(guess(&[1, 2, 3, 4, 5, 6, 9, 2, 3], 3), [4, 5, 6]);
        assert!(guess(&[1, 2, 3], 3).is_empty());
        assert!(guess(&[], 3).is_empty());
    }

    #[test]
    fn three_tokens_count_more_than_two_and_the_latest_place_more_than_earlier_ones() {
        assert_eq!(guess(&[1, 2, 3, 7, 4, 2, 3, 8, 1, 2, 3], 1), [7]);
        assert_eq!(guess(&[2, 3, 7, 2, 3, 8, 2, 3], 1), [8]);
    }

    #[test]
    fn a_repetition_is_guessed_to_go_on() {
        assert_eq!(guess(&[5, 6, 5, 6, 5], 5), [6, 5, 6, 5, 6]);
        assert_eq!(guess(&[0, 0, 0], 4), [0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn every_guess_is_what_looking_back_would_find(
            ids in prop::collection::vec(0_u32..3, 0..40), most in 1_usize..6,
        ) {
            let place = |length: usize| {
                let last = ids.len().checked_sub(length).map(|from| &ids[from..])?;
                (length..ids.len()).rev().find(|&at| ids[at - length..at] == *last)
            };
            let expected: Vec<u32> = match place(3).or_else(|| place(2)) {
                None => Vec::new(),
                Some(from) => {
                    let mut all = ids.clone();
                    for at in from..from + most {
                        all.push(all[at]);
                    }
                    // `all` grew by exactly what was guessed.
                    all[ids.len()..].to_vec()
                }
            };
            prop_assert_eq!(guess(&ids, most), expected);
        }
    }
}
