//! Which strings of an answer should be compared with the picture, and how sure the model was of them.
//!
//! Only strings that must be right to the character are judged; a string is as sure as the product of
//! its tokens' probabilities. Knows nothing of how a mark is shown.

pub(crate) mod pieces;
mod strings;

use std::ops::Range;

use self::pieces::Pieces;
use self::strings::strings;
use crate::TokenPiece;
use crate::records::{Certainty, TextMark};

/// Below this probability a string should be checked.
const CHECK: f32 = 0.85;
/// Below this one it is doubtful.
const DOUBT: f32 = 0.5;

impl Certainty {
    /// What a probability means to people.
    pub fn of(probability: f32) -> Self {
        match probability {
            p if p >= CHECK => Self::Certain,
            p if p >= DOUBT => Self::Check,
            _ => Self::Doubtful,
        }
    }
}

/// Finds the marks of an answer while it is being said.
///
/// A mark appears once no further word can change it, so marks are only ever added; when the words
/// end, so does the waiting.
#[derive(Debug, Default)]
pub struct Marker {
    text: String,
    pieces: Pieces,
    marks: Vec<TextMark>,
    /// From where the text is looked at again.
    again: usize,
    /// Up to where strings have been marked.
    marked: usize,
    /// A byte of the text and where it stands in UTF-16: counting goes on from here.
    counted: (usize, u32),
}

impl Marker {
    /// Takes in new words. Says whether there are new marks.
    pub fn push(&mut self, text: &str, tokens: &[TokenPiece]) -> bool {
        self.pieces.push(text, tokens, self.text.len());
        self.text.push_str(text);
        self.look()
    }

    /// Ends the waiting for further words: the answer is whole. Says whether there are new marks.
    pub fn finish(&mut self) -> bool {
        self.end(false)
    }

    /// Ends the waiting where the answer was cut off: a string at its end may be a part of one, and is to be checked
    /// however sure its beginning was. Says whether there are new marks.
    pub fn cut(&mut self) -> bool {
        self.end(true)
    }

    /// The marks of the words so far, should they be cut off here.
    pub fn marks_if_cut(&self) -> Vec<TextMark> {
        let mut marks = self.marks.clone();
        marks.extend(self.open(true));
        marks
    }

    /// The marks so far, in order.
    pub fn marks(&self) -> &[TextMark] {
        &self.marks
    }

    /// The words so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Marks what no further word can change.
    fn look(&mut self) -> bool {
        let before = self.marks.len();
        let strings = strings(&self.text, self.again);
        for string in &strings.found[..strings.settled] {
            if string.start >= self.marked {
                let mark = self.mark(string);
                self.marks.push(mark);
            }
        }
        self.again = strings.again;
        self.marks.len() > before
    }

    fn end(&mut self, is_cut: bool) -> bool {
        let open = self.open(is_cut);
        self.marked = self.text.len();
        self.marks.extend_from_slice(&open);
        !open.is_empty()
    }

    /// Marks of the strings that have none yet.
    fn open(&self, is_cut: bool) -> Vec<TextMark> {
        let strings = strings(&self.text, self.again);
        let mut counted = self.counted;
        let found = strings.found.iter().enumerate();
        let found = found.filter(|(_, string)| string.start >= self.marked);
        found
            .map(|(index, string)| {
                let mut mark = self.mark_from(string, &mut counted);
                if is_cut && index >= strings.settled && mark.certainty == Certainty::Certain {
                    mark.certainty = Certainty::Check;
                }
                mark
            })
            .collect()
    }

    fn mark(&mut self, string: &Range<usize>) -> TextMark {
        let mut counted = self.counted;
        let mark = self.mark_from(string, &mut counted);
        self.counted = counted;
        self.marked = string.end;
        mark
    }

    fn mark_from(&self, string: &Range<usize>, counted: &mut (usize, u32)) -> TextMark {
        let probability = self.pieces.logprob(string).min(0.0).exp() as f32;
        TextMark {
            start: self.utf16(string.start, counted),
            end: self.utf16(string.end, counted),
            certainty: Certainty::of(probability),
            probability,
        }
    }

    /// Where a byte of the text stands in UTF-16, counted on from an earlier one.
    fn utf16(&self, byte: usize, counted: &mut (usize, u32)) -> u32 {
        let (from, units) = *counted;
        let units = units + self.text[from..byte].encode_utf16().count() as u32;
        *counted = (byte, units);
        units
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::token_piece;

    /// The strings of a text and their certainty.
    fn marked(tokens: &[(&str, f32)]) -> Vec<(String, Certainty)> {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(text, p)| token_piece(text, p.ln()))
            .collect();
        let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
        let mut marker = Marker::default();
        marker.push(&text, &tokens);
        marker.finish();
        let units: Vec<u16> = text.encode_utf16().collect();
        let marks = marker.marks().iter();
        let word = |mark: &TextMark| &units[mark.start as usize..mark.end as usize];
        let said = marks.map(|mark| (String::from_utf16(word(mark)), mark.certainty));
        said.map(|(word, certainty)| (word.expect("whole characters"), certainty))
            .collect()
    }

    #[test]
    fn a_string_is_as_sure_as_the_product_of_its_tokens() {
        let tokens = [
            ("The code is ", 0.05),
            ("E1", 0.9),
            ("02", 0.8),
            (".", 0.05),
        ];
        assert_eq!(marked(&tokens), [("E102".into(), Certainty::Check)]);
    }

    #[test]
    fn sure_strings_are_marked_too() {
        assert_eq!(
            marked(&[("AX73", 0.99)]),
            [("AX73".into(), Certainty::Certain)]
        );
        assert_eq!(
            marked(&[("AX73", 0.3)]),
            [("AX73".into(), Certainty::Doubtful)]
        );
        assert_eq!(marked(&[("WAN", 0.1)]), []);
    }

    #[test]
    fn a_text_nobody_vouched_for_in_tokens_counts_as_certain() {
        let mut marker = Marker::default();
        marker.push("E102", &[]);
        marker.finish();
        assert_eq!(marker.marks()[0].probability, 1.0);
    }

    #[test]
    fn places_are_counted_as_a_browser_counts_them() {
        let tokens = [("灯😀: ", 1.0), ("E102", 0.7), (" 😀 ", 1.0), ("7", 0.9)];
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(text, p): &(_, f32)| token_piece(text, p.ln()))
            .collect();
        let mut marker = Marker::default();
        for token in &tokens {
            marker.push(&token.text, std::slice::from_ref(token));
        }
        marker.finish();
        let places: Vec<_> = marker
            .marks()
            .iter()
            .map(|mark| (mark.start, mark.end))
            .collect();
        assert_eq!(places, [(5, 9), (13, 14)]);
    }

    #[test]
    fn a_string_is_marked_as_soon_as_it_cannot_grow() {
        let mut marker = Marker::default();
        assert!(!marker.push("Code E1", &[]));
        assert!(!marker.push("02", &[]));
        assert!(marker.push(" is", &[]));
        assert!(!marker.push(" shown", &[]));
        assert!(!marker.finish());
    }

    #[test]
    fn a_string_where_the_words_were_cut_off_is_to_be_checked_however_sure_it_was() {
        let cut = |text: &str, probability: f32| {
            let mut marker = Marker::default();
            marker.push(text, &[token_piece(text, probability.ln())]);
            let marks = marker.marks_if_cut();
            marker.cut();
            assert_eq!(marker.marks(), marks, "{text}");
            marks.iter().map(|mark| mark.certainty).collect::<Vec<_>>()
        };
        use Certainty::{Certain, Check, Doubtful};
        assert_eq!(cut("code E8", 0.99), [Check]);
        assert_eq!(cut("code E8-", 0.99), [Check]);
        assert_eq!(cut("code E8", 0.3), [Doubtful]);
        // What stands before is what it is.
        assert_eq!(cut("AX73 shows E8", 0.99), [Certain, Check]);
        assert_eq!(cut("E877 is shown", 0.99), [Certain]);
        assert_eq!(cut("", 0.99), []);
    }

    /// Words in which strings, addresses, links and lists begin, go on and end.
    fn words() -> impl Strategy<Value = Vec<(String, f32)>> {
        let word = prop_oneof![
            "[A-Z]{0,2}[0-9]{1,3}",
            "[a-z]{1,4}",
            prop::sample::select(vec![
                " ", "\n", ".", "-", "/", ":", "://", "](", ")", "[", "&", "#", ";", "。", "灯",
                "😀", "1. ", "\n2) ", "", "_", "+",
            ])
            .prop_map(str::to_owned),
            ".{0,3}",
        ];
        prop::collection::vec((word, -3.0_f32..0.0), 0..40)
    }

    proptest! {
        #[test]
        fn marks_lie_inside_the_text_on_characters_and_apart(words in words()) {
            let mut marker = Marker::default();
            for (word, logprob) in &words {
                marker.push(word, &[token_piece(word, *logprob)]);
            }
            marker.finish();
            let units: Vec<u16> = marker.text().encode_utf16().collect();
            let mut end = 0;
            for mark in marker.marks() {
                prop_assert!(mark.start >= end && mark.start < mark.end);
                end = mark.end;
                let string = String::from_utf16(&units[mark.start as usize..end as usize]);
                let string = string.expect("whole characters");
                prop_assert!(string.contains(|c: char| c.is_ascii_digit()), "{string}");
                prop_assert!((0.0..=1.0).contains(&mark.probability));
            }
        }

        #[test]
        fn one_delta_or_many_make_the_same_marks(words in words(), cuts in prop::collection::vec(any::<bool>(), 40)) {
            let tokens: Vec<_> = words.iter().map(|(word, p)| token_piece(word, *p)).collect();
            let whole: String = words.iter().map(|(word, _)| word.as_str()).collect();
            let mut at_once = Marker::default();
            at_once.push(&whole, &tokens);
            at_once.finish();
            let mut bit_by_bit = Marker::default();
            let mut first = 0;
            for last in 0..tokens.len() {
                if cuts[last] || last + 1 == tokens.len() {
                    let part = &tokens[first..=last];
                    let text: String = part.iter().map(|token| token.text.as_str()).collect();
                    let before = bit_by_bit.marks().to_vec();
                    bit_by_bit.push(&text, part);
                    prop_assert_eq!(&bit_by_bit.marks()[..before.len()], &before[..]);
                    first = last + 1;
                }
            }
            bit_by_bit.finish();
            prop_assert_eq!(at_once.marks(), bit_by_bit.marks());
        }
    }
}
