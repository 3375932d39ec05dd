//! Text cut into pieces for the search index, the same for every database.
//!
//! Text is folded first: compatibility forms (full-width letters, ligatures) become plain ones,
//! capitals become small, accents go. Characters of scripts that put no spaces between words
//! (Chinese, Japanese, Korean, Thai) are a piece each; other letters make words and digits make
//! numbers, so `AX73` is `ax` and `73`. Pieces with nothing but a joiner between them are glued:
//! `E-102`, `E102` and `E 102` differ only in glue.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer runs of letters are no words; they are cut so that no index entry grows without bound.
const PIECE_CHARACTERS: usize = 64;
/// What a piece is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    /// A character that is a piece of its own.
    Alone,
    Letter,
    Digit,
}

/// What stood since the piece before. A later one outweighs an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Nothing,
    /// A hyphen, a dot: part of a code.
    Joiner,
    Space,
    /// The end of a sentence, a bracket.
    Break,
}

/// A piece of text and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Folded.
    pub text: String,
    /// Where it starts and ends, in bytes of the text it was cut from.
    pub start: usize,
    pub end: usize,
    /// Belongs together with the piece before.
    pub glued: bool,
    script: Script,
}

/// Cuts a text.
pub fn cut(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut gap = Gap::Break;
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        let mut said_something = false;
        for folded in fold(character) {
            let Some(script) = script_of(folded) else {
                continue;
            };
            said_something = true;
            if let Some(last) = pieces.last_mut()
                && gap == Gap::Nothing
                && script != Script::Alone
                && last.script == script
                && last.text.chars().count() < PIECE_CHARACTERS
            {
                last.text.push(folded);
                last.end = end;
                continue;
            }
            let glued = pieces.last().is_some_and(|last| match gap {
                Gap::Nothing | Gap::Joiner => true,
                // Chinese text has spaces beside numbers, or has none; both are meant alike.
                Gap::Space => last.script == Script::Alone || script == Script::Alone,
                Gap::Break => false,
            });
            pieces.push(Piece {
                text: folded.to_string(),
                start,
                end,
                glued,
                script,
            });
            gap = Gap::Nothing;
        }
        if !said_something && !is_combining_mark(character) {
            gap = gap.max(gap_of(character));
        }
    }
    pieces
}

/// The folded text of a name, for comparing names.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(fold).collect()
}

fn fold(character: char) -> impl Iterator<Item = char> {
    // Nearly all text needs nothing more.
    let is_plain = character.is_ascii() || ('\u{4e00}'..='\u{9fff}').contains(&character);
    let plain = is_plain.then(|| character.to_ascii_lowercase());
    let unfolded = if is_plain {
        Vec::new()
    } else {
        take_apart(character)
    };
    plain
        .into_iter()
        .chain(unfolded.into_iter().flat_map(char::to_lowercase))
}

fn take_apart(character: char) -> Vec<char> {
    // Accents go where letters are read without them; elsewhere marks tell letters apart.
    let is_european = character < '\u{530}' || ('\u{1e00}'..'\u{2000}').contains(&character);
    if !is_european {
        return std::iter::once(character).nfkc().collect();
    }
    let split = std::iter::once(character).nfkd();
    split.filter(|mark| !is_combining_mark(*mark)).collect()
}

fn script_of(character: char) -> Option<Script> {
    if !character.is_alphanumeric() {
        return None;
    }
    Some(match u32::from(character) {
        // Thai, Lao, Tibetan, Burmese; Khmer; kana to Hangul; Han and their extensions.
        0x0e00..=0x109f
        | 0x1780..=0x17ff
        | 0x1100..=0x11ff
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7af
        | 0xf900..=0xfaff
        | 0x20000..=0x3ffff => Script::Alone,
        _ if character.is_numeric() => Script::Digit,
        _ => Script::Letter,
    })
}

fn gap_of(character: char) -> Gap {
    if character.is_whitespace() {
        return Gap::Space;
    }
    match character {
        '-' | '.' | '/' | '_' | ':' | '+' | '#' | '\'' | '’' | '·' | '‐' | '‑' | '–' | '：'
        | '．' | '－' | '／' => Gap::Joiner,
        _ => Gap::Break,
    }
}

/// The index entries of a text: every piece, and every two that are glued.
pub fn entries<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut entries = BTreeSet::new();
    for text in texts {
        let pieces = cut(text);
        for (at, piece) in pieces.iter().enumerate() {
            entries.insert(piece.text.clone());
            if let Some(next) = pieces.get(at + 1).filter(|next| next.glued) {
                entries.insert(format!("{}{}", piece.text, next.text));
            }
        }
    }
    entries
}

/// Words that must stand together, from what somebody searches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    pieces: Vec<String>,
    /// Its last word may go on: somebody is still typing it.
    open: bool,
}

/// An index entry to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub entry: String,
    /// Entries that only begin so are wanted too.
    pub open: bool,
}

/// What somebody searches for; all phrases must occur.
pub fn phrases(query: &str) -> Vec<Phrase> {
    let mut phrases: Vec<Phrase> = Vec::new();
    for term in query.split_whitespace() {
        for (at, piece) in cut(term).into_iter().enumerate() {
            let open = piece.script != Script::Alone;
            match phrases.last_mut().filter(|_| at > 0 && piece.glued) {
                Some(phrase) => {
                    phrase.pieces.push(piece.text);
                    phrase.open = open;
                }
                None => phrases.push(Phrase {
                    pieces: vec![piece.text],
                    open,
                }),
            }
        }
    }
    phrases
}

impl Phrase {
    /// The entries that every text with this phrase has.
    pub fn wanted(&self) -> Vec<Wanted> {
        let entry = |(at, entry): (usize, String), count: usize| Wanted {
            entry,
            open: self.open && at + 1 == count,
        };
        if let [only] = &self.pieces[..] {
            return vec![entry((0, only.clone()), 1)];
        }
        // Every second pair says nearly as much as all of them; the text itself tells the rest.
        let count = self.pieces.len().saturating_sub(1);
        let pairs = self.pieces.windows(2).map(|pair| pair.concat());
        let pairs = pairs.enumerate();
        let said = pairs.filter(|(at, _)| at % 2 == 0 || at + 1 == count);
        said.map(|pair| entry(pair, count)).collect()
    }

    /// Every place of the phrase in a text, in bytes.
    pub fn find(&self, pieces: &[Piece]) -> Vec<(usize, usize)> {
        let starts = 0..pieces.len();
        starts
            .filter_map(|start| self.stands_at(pieces.get(start..)?))
            .collect()
    }

    /// Whether the pieces begin with the phrase, and where that is.
    fn stands_at(&self, pieces: &[Piece]) -> Option<(usize, usize)> {
        let mut left: &str = &self.pieces.concat();
        let first = pieces.first()?;
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 && !piece.glued {
                return None;
            }
            if let Some(rest) = left.strip_prefix(piece.text.as_str()) {
                left = rest;
                if left.is_empty() {
                    return Some((first.start, piece.end));
                }
            } else if self.open && piece.text.starts_with(left) {
                return Some((first.start, piece.end));
            } else {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, text: &str) -> bool {
        let entries = entries([text]);
        let pieces = cut(text);
        let phrases = phrases(query);
        let indexed = phrases.iter().flat_map(Phrase::wanted).all(|wanted| {
            entries.iter().any(|entry| match wanted.open {
                true => entry.starts_with(&wanted.entry),
                false => *entry == wanted.entry,
            })
        });
        let stands = phrases
            .iter()
            .all(|phrase| !phrase.find(&pieces).is_empty());
        assert!(indexed || !stands, "the index misses {query} in {text}");
        !phrases.is_empty() && indexed && stands
    }

    #[test]
    fn chinese_is_found_in_any_length() {
        let text = "路由器的WAN灯不亮，错误码 E-102。";
        for query in [
            "灯",
            "路由",
            "路由器",
            "由器的",
            "WAN灯",
            "不亮",
            "错误码E102",
            "wan 错误",
        ] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["器灯", "不亮错误", "路油", "灯泡", "  ", "。"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        for text in ["Error E-102 on TP-Link AX73", "error e102, tp.link ax-73"] {
            for query in [
                "E102",
                "e-102",
                "E10",
                "AX73",
                "ax-73",
                "ＡＸ７３",
                "tp-link",
                "err e1",
            ] {
                assert!(finds(query, text), "{query} in {text}");
            }
            for query in ["102E", "X73", "ink", "E103"] {
                assert!(!finds(query, text), "{query} in {text}");
            }
        }
        assert!(finds("wifi", "Wi-Fi"));
        assert!(finds("cafe", "Café"));
        assert!(finds("ガス", "ｶﾞｽ") || finds("ｶﾞｽ", "ｶﾞｽ"));
    }

    #[test]
    fn a_place_is_given_in_bytes_of_the_text() {
        let text = "型号 AX-73。";
        let pieces = cut(text);
        let [phrase] = &phrases("ax73")[..] else {
            panic!("one phrase");
        };
        let [(start, end)] = phrase.find(&pieces)[..] else {
            panic!("one place");
        };
        assert_eq!(&text[start..end], "AX-73");
    }

    proptest::proptest! {
        #[test]
        fn whatever_was_written_can_be_found(text in "[a-zA-Z0-9路由器灯错误。，é \\-.]{0,40}") {
            for word in text.split_whitespace() {
                if !phrases(word).is_empty() {
                    proptest::prop_assert!(finds(word, &text), "{word} in {text}");
                }
            }
        }

        #[test]
        fn no_text_makes_an_entry_without_bound(text in ".{0,300}") {
            for entry in entries([text.as_str()]) {
                proptest::prop_assert!(entry.len() <= 2 * 4 * PIECE_CHARACTERS);
                proptest::prop_assert!(!entry.contains(char::is_whitespace));
            }
        }
    }
}
