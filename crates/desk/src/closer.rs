//! Whether a second look read the same.
//!
//! Compared as people compare: width of letters and spaces do not matter, every other character does.
//! Knows neither the picture nor who read it.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use crate::TokenPiece;
use crate::marks::pieces::Pieces;

/// What the model is asked about a place that was cut out.
pub const QUESTION: &str = "Read the text in this picture exactly, character by character. Answer \
                            with the text only. If it cannot be read, answer: unreadable";

/// What was read, and how sure the model was of each piece.
#[derive(Debug, Default)]
pub struct Heard {
    /// The words.
    pub text: String,
    pieces: Pieces,
}

/// A second look beside the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What was read now.
    pub text: String,
    /// Whether the string of the first look is part of it.
    pub agrees: bool,
    /// How sure the model was now: of the string where both agree, else of all it read.
    pub probability: f32,
}

impl Heard {
    /// Takes in new words.
    pub fn push(&mut self, text: &str, tokens: &[TokenPiece]) {
        self.pieces.push(text, tokens, self.text.len());
        self.text.push_str(text);
    }

    /// Compares it with what was read before.
    pub fn compared(&self, was: &str) -> Compared {
        let found = find(&self.text, was);
        let place = found.clone().unwrap_or(0..self.text.len());
        Compared {
            text: self.text.trim().to_owned(),
            agrees: found.is_some(),
            probability: self.pieces.logprob(&place).min(0.0).exp() as f32,
        }
    }
}

/// Whether two texts are the same but for width and spaces.
pub fn same(one: &str, other: &str) -> bool {
    letters(one)
        .map(|(c, _)| c)
        .eq(letters(other).map(|(c, _)| c))
}

/// Where a string stands in a text, on its own: a code does not stand within a longer one, nor a
/// number within a longer number.
fn find(text: &str, was: &str) -> Option<Range<usize>> {
    let text: Vec<_> = letters(text).collect();
    let was: Vec<char> = letters(was).map(|(c, _)| c).collect();
    if was.is_empty() || was.len() > text.len() {
        return None;
    }
    let number = !was.iter().any(|c| c.is_alphabetic());
    let goes_on = |c: char| match number {
        true => c.is_ascii_digit(),
        false => c.is_ascii_alphanumeric(),
    };
    // A neighbour behind a space belongs to another word.
    let joined = |left: usize, right: usize| {
        let (before, after) = (&text[left], &text[right]);
        before.1.end >= after.1.start && goes_on(before.0) && goes_on(after.0)
    };
    let last = text.len() - was.len();
    let start = (0..=last).find(|start| {
        let end = start + was.len();
        let here = text[*start..end].iter().map(|(c, _)| *c);
        here.eq(was.iter().copied())
            && (*start == 0 || !joined(start - 1, *start))
            && (end == text.len() || !joined(end - 1, end))
    })?;
    Some(text[start].1.start..text[start + was.len() - 1].1.end)
}

/// The characters that count, each with the bytes it comes from.
fn letters(text: &str) -> impl Iterator<Item = (char, Range<usize>)> {
    text.char_indices().flat_map(|(at, c)| {
        let place = at..at + c.len_utf8();
        let normal = c.nfkc().filter(|c| !c.is_whitespace());
        normal.map(move |c| (c, place.clone()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::token_piece;

    fn agrees(text: &str, was: &str) -> bool {
        find(text, was).is_some()
    }

    #[test]
    fn width_and_spaces_do_not_matter_every_other_character_does() {
        assert!(agrees("E102", "E102"));
        assert!(agrees("Ｅ１０２", "E102"));
        assert!(agrees("E 1 0 2\n", "E102"));
        assert!(agrees("Model: AX73\nS/N 220-1", "AX73"));
        assert!(agrees("错误码E102。", "E102"));
        for other in ["E1O2", "e102", "E101", "", "unreadable"] {
            assert!(!agrees(other, "E102"), "{other}");
        }
    }

    #[test]
    fn a_code_within_a_longer_one_is_another_code() {
        assert!(!agrees("E1023", "E102"));
        assert!(!agrees("AX73B", "AX73"));
        assert!(!agrees("XE102", "E102"));
        assert!(agrees("E1023 E102", "E102"));
        assert!(agrees("E102 3", "E102"));
    }

    #[test]
    fn a_number_may_have_its_unit_but_no_further_digit() {
        assert!(agrees("10.4L", "10.4"));
        assert!(agrees("220V", "220"));
        assert!(!agrees("10.45", "10.4"));
        assert!(!agrees("1220V", "220"));
    }

    #[test]
    fn the_same_probability_counts_only_for_the_string() {
        let mut heard = Heard::default();
        let tokens = [("Code ", 0.1_f32), ("E1", 0.5), ("02", 0.5), (".", 0.1)];
        for (text, probability) in tokens {
            heard.push(text, &[token_piece(text, probability.ln())]);
        }
        let same = heard.compared("E102");
        assert!(same.agrees);
        assert!((same.probability - 0.25).abs() < 1e-4, "{same:?}");
        let other = heard.compared("E103");
        assert!(!other.agrees);
        assert!((other.probability - 0.0025).abs() < 1e-5, "{other:?}");
        assert_eq!(other.text, "Code E102.");
    }

    proptest! {
        #[test]
        fn whatever_is_compared_is_compared_without_fear(text in ".{0,40}", was in ".{0,5}") {
            if let Some(place) = find(&text, &was) {
                prop_assert!(same(&text[place], &was));
            }
        }
    }
}
