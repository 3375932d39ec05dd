//! Where each token of an answer stands in its text.

use std::ops::Range;

use crate::TokenPiece;

/// Bytes of an answer that one token, or several, stand behind.
#[derive(Debug, PartialEq)]
pub(crate) struct Piece {
    pub place: Range<usize>,
    pub logprob: f64,
}

/// All tokens so far.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub placed: Vec<Piece>,
    /// What tokens bring that found no place yet, because they are parts of a character.
    pending: f64,
}

impl Pieces {
    /// Places the tokens of a delta, whose text begins at byte `offset` of the answer.
    ///
    /// A token that is part of a character shows as nothing, or as U+FFFD, and finds its place with
    /// the next one that is whole.
    pub fn push(&mut self, text: &str, tokens: &[TokenPiece], offset: usize) {
        let mut at = 0;
        for token in tokens {
            let logprob = f64::from(token.logprob) + self.pending;
            let found = match token.text.as_str() {
                "" => None,
                word => text[at..].find(word),
            };
            let Some(gap) = found else {
                self.pending = logprob;
                continue;
            };
            let place = at + gap;
            let end = place + token.text.len();
            // What lies between belongs to the tokens that could not be placed.
            let from = if self.pending < 0.0 { at } else { place };
            self.put(offset + from..offset + end, logprob);
            at = end;
        }
        if self.pending < 0.0 && at < text.len() {
            self.put(offset + at..offset + text.len(), self.pending);
        }
    }

    fn put(&mut self, place: Range<usize>, logprob: f64) {
        self.placed.push(Piece { place, logprob });
        self.pending = 0.0;
    }

    /// The logarithm of the probability of what stands at `place`: the sum over its tokens.
    pub fn logprob(&self, place: &Range<usize>) -> f64 {
        let first = self
            .placed
            .partition_point(|piece| piece.place.end <= place.start);
        let behind = self.placed[first..].iter();
        let behind = behind.take_while(|piece| piece.place.start < place.end);
        behind.map(|piece| piece.logprob).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::token_piece;

    fn pieces(text: &str, tokens: &[(&str, f32)], offset: usize) -> Vec<(Range<usize>, f64)> {
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(text, p)| token_piece(text, *p))
            .collect();
        let mut pieces = Pieces::default();
        pieces.push(text, &tokens, offset);
        let placed = pieces.placed.into_iter();
        placed.map(|piece| (piece.place, piece.logprob)).collect()
    }

    #[test]
    fn the_text_of_a_split_character_belongs_to_the_tokens_that_make_it() {
        let tokens = [("\u{FFFD}", -1.0), ("\u{FFFD}", -2.0), ("亮", -0.5)];
        assert_eq!(pieces("灯亮", &tokens, 10), [(10..16, -3.5)]);
        let tokens = [("", -1.0), ("", -2.0), ("灯", -0.5), ("亮", -0.25)];
        assert_eq!(pieces("灯亮", &tokens, 0), [(0..3, -3.5), (3..6, -0.25)]);
    }

    #[test]
    fn a_character_split_over_two_deltas_is_as_sure_as_all_its_tokens() {
        let mut pieces = Pieces::default();
        pieces.push("", &[token_piece("", -1.0)], 0);
        pieces.push(
            "灯1",
            &[token_piece("灯", -0.5), token_piece("1", -0.25)],
            0,
        );
        assert_eq!(pieces.logprob(&(0..3)), -1.5);
        assert_eq!(pieces.logprob(&(3..4)), -0.25);
    }
}
