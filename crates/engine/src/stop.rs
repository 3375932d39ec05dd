//! Stop strings over streamed text: an answer ends just before the first of them.
//!
//! Works on text that is whole characters (see `model::detokenizer`); knows nothing of tokens.
//! The outcome does not depend on how the text was cut into pieces: the stop string that is
//! *complete* first wins (generation would end there), and of those complete at the same place
//! the one that began first.

/// The most stop strings of one request.
pub const MAX_STOPS: usize = 16;
/// The longest stop string, in bytes.
pub const MAX_STOP_BYTES: usize = 1024;

/// Stop strings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    /// An empty stop string would end every answer before it begins.
    #[error("a stop string is empty; leave it out or give it at least one character")]
    Empty,
    /// A stop string beyond the limit.
    #[error("a stop string has {bytes} bytes; at most {MAX_STOP_BYTES} are possible")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Too many of them.
    #[error("{count} stop strings were given; at most {MAX_STOPS} are possible")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// Watches one answer's text for its stop strings.
#[derive(Debug, Clone)]
pub struct StopFilter {
    stops: Vec<Pattern>,
    /// Text not given out yet: it ends with what may be the start of a stop string.
    held: String,
    stopped: Option<usize>,
}

impl StopFilter {
    /// A filter for `stops`; without any, text passes through at once.
    pub fn new(stops: &[String]) -> Result<Self, StopError> {
        if stops.len() > MAX_STOPS {
            return Err(StopError::TooMany { count: stops.len() });
        }
        let stops = stops
            .iter()
            .map(|stop| Pattern::new(stop))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            stops,
            held: String::new(),
            stopped: None,
        })
    }

    /// A filter that lets everything pass.
    pub fn none() -> Self {
        Self {
            stops: Vec::new(),
            held: String::new(),
            stopped: None,
        }
    }

    /// Takes the next piece and returns the text that is certain: before any stop string, and not
    /// possibly part of one. After a stop string it returns nothing any more.
    pub fn push(&mut self, piece: &str) -> String {
        if self.stopped.is_some() {
            return String::new();
        }
        for (offset, byte) in piece.bytes().enumerate() {
            let longest = self
                .stops
                .iter_mut()
                .enumerate()
                .filter_map(|(index, stop)| stop.advance(byte).then_some((stop.len(), index)))
                .max_by_key(|&(length, index)| (length, std::cmp::Reverse(index)));
            if let Some((length, index)) = longest {
                self.held.push_str(&piece[..=offset]);
                self.held.truncate(self.held.len() - length);
                self.stopped = Some(index);
                return std::mem::take(&mut self.held);
            }
        }
        self.held.push_str(piece);
        let doubtful = self
            .stops
            .iter()
            .map(|stop| stop.matched)
            .max()
            .unwrap_or(0);
        let kept = self.held.split_off(self.held.len() - doubtful);
        std::mem::replace(&mut self.held, kept)
    }

    /// The text held back when the answer ended for another reason.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Which stop string (its index) ended the answer, if one did.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }
}

/// One stop string and how much of it the text ends with (Knuth, Morris, Pratt).
///
/// Bytes are enough: a valid UTF-8 string never occurs inside another off a character's border, and
/// between pieces the matched part is whole characters.
#[derive(Debug, Clone)]
struct Pattern {
    bytes: Vec<u8>,
    /// For each length, the longest shorter prefix that is also its suffix.
    fallback: Vec<usize>,
    matched: usize,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, StopError> {
        let bytes = text.as_bytes().to_vec();
        if bytes.is_empty() {
            return Err(StopError::Empty);
        }
        if bytes.len() > MAX_STOP_BYTES {
            return Err(StopError::TooLong { bytes: bytes.len() });
        }
        let mut fallback = vec![0; bytes.len() + 1];
        let mut length = 0;
        for end in 1..bytes.len() {
            while length > 0 && bytes[end] != bytes[length] {
                length = fallback[length];
            }
            if bytes[end] == bytes[length] {
                length += 1;
            }
            fallback[end + 1] = length;
        }
        Ok(Self {
            bytes,
            fallback,
            matched: 0,
        })
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when `byte` completes the stop string. Not to be called after that.
    fn advance(&mut self, byte: u8) -> bool {
        while self.matched > 0 && self.bytes[self.matched] != byte {
            self.matched = self.fallback[self.matched];
        }
        if self.bytes[self.matched] == byte {
            self.matched += 1;
        }
        self.matched == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(stops: &[&str]) -> StopFilter {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        StopFilter::new(&stops).expect("usable stop strings")
    }

    #[test]
    fn without_stop_strings_text_passes_at_once() {
        let mut filter = filter(&[]);
        assert_eq!(filter.push("型号"), "型号");
        assert_eq!(filter.finish(), "");
    }

    #[test]
    fn a_stop_string_across_pieces_is_cut_out_exactly() {
        let mut filter = filter(&["\n\nUser:"]);
        assert_eq!(filter.push("65W。\n"), "65W。");
        assert_eq!(filter.push("\nUs"), "");
        assert_eq!(filter.push("er: more"), "");
        assert_eq!(filter.stopped(), Some(0));
        assert_eq!(filter.push("anything"), "");
        assert_eq!(filter.finish(), "");
    }

    #[test]
    fn held_text_comes_out_once_it_is_no_stop_string() {
        let mut filter = filter(&["。。。"]);
        assert_eq!(filter.push("好。。"), "好");
        assert_eq!(filter.push("的。"), "。。的");
        assert_eq!(filter.stopped(), None);
        assert_eq!(filter.finish(), "。");
    }

    #[test]
    fn a_stop_string_that_overlaps_itself_is_found() {
        let mut filter = filter(&["aab"]);
        assert_eq!(filter.push("a"), "");
        assert_eq!(filter.push("a"), "");
        assert_eq!(filter.push("a"), "a");
        assert_eq!(filter.push("b"), "");
        assert_eq!(filter.stopped(), Some(0));
    }

    #[test]
    fn the_first_to_be_complete_wins_and_of_equals_the_longest() {
        let mut short = filter(&["abc", "b"]);
        assert_eq!(short.push("xabc"), "xa");
        assert_eq!(short.stopped(), Some(1));
        let mut long = filter(&["b", "ab"]);
        assert_eq!(long.push("xab"), "x");
        assert_eq!(long.stopped(), Some(1));
    }

    #[test]
    fn useless_stop_strings_are_refused() {
        assert_eq!(
            StopFilter::new(&[String::new()]).err(),
            Some(StopError::Empty)
        );
        let long = "a".repeat(MAX_STOP_BYTES + 1);
        assert_eq!(
            StopFilter::new(&[long]).err(),
            Some(StopError::TooLong { bytes: 1025 })
        );
        let many = vec!["a".to_string(); MAX_STOPS + 1];
        assert_eq!(
            StopFilter::new(&many).err(),
            Some(StopError::TooMany { count: 17 })
        );
    }

    /// The text before the stop string that is complete first, by looking at every ending.
    fn naive(text: &str, stops: &[String]) -> (String, bool) {
        for (start, character) in text.char_indices() {
            let so_far = &text[..start + character.len_utf8()];
            let ended_by = stops.iter().filter(|stop| so_far.ends_with(stop.as_str()));
            if let Some(longest) = ended_by.max_by_key(|stop| stop.len()) {
                return (so_far[..so_far.len() - longest.len()].to_string(), true);
            }
        }
        (text.to_string(), false)
    }

    proptest! {
        #[test]
        fn streaming_finds_what_a_search_of_the_whole_text_finds(
            pieces in prop::collection::vec("[ab中丮😀]{0,4}", 0..12),
            stops in prop::collection::vec("[ab中丮😀]{1,4}", 0..4),
        ) {
            let mut filter = StopFilter::new(&stops).expect("usable stop strings");
            let mut shown = String::new();
            let mut taken = String::new();
            for piece in &pieces {
                shown.push_str(&filter.push(piece));
                taken.push_str(piece);
                // What is shown is never more than what the whole text will allow.
                prop_assert!(naive(&taken, &stops).0.starts_with(&shown));
            }
            shown.push_str(&filter.finish());
            let (want, stopped) = naive(&taken, &stops);
            prop_assert_eq!(shown, want);
            prop_assert_eq!(filter.stopped().is_some(), stopped);
        }

        #[test]
        fn the_fallback_is_the_longest_border(text in "[ab]{1,12}") {
            let pattern = Pattern::new(&text).expect("a usable stop string");
            for end in 1..=text.len() {
                let border = (0..end).rev().find(|&n| text[..end].ends_with(&text[..n]));
                prop_assert_eq!(Some(pattern.fallback[end]), border);
            }
        }

        #[test]
        fn no_more_is_held_back_than_may_become_a_stop_string(
            pieces in prop::collection::vec("[ab中]{0,3}", 0..12),
            stops in prop::collection::vec("[ab中]{1,4}", 1..4),
        ) {
            let mut filter = StopFilter::new(&stops).expect("usable stop strings");
            for piece in &pieces {
                filter.push(piece);
                let held = filter.held.as_str();
                prop_assert!(
                    held.is_empty()
                        || stops.iter().any(|stop| stop != held && stop.starts_with(held)),
                    "held back {:?} for {:?}", held, stops
                );
            }
        }
    }
}
