//! Where searched words stand: the piece of text that shows most of them, with the hits in it.

use super::Snippet;
use super::cut::{self, Phrase};

/// Characters before the first hit, and altogether.
const BEFORE: usize = 24;
const LONGEST: usize = 120;

/// A place in a text, in bytes.
type Place = (usize, usize);

/// Looks for phrases in one text after another.
pub struct Found<'a> {
    phrases: &'a [Phrase],
    seen: Vec<bool>,
    /// The text with most phrases; an earlier one where they are equal.
    best: Option<(usize, &'a str, Vec<Place>)>,
}

impl<'a> Found<'a> {
    pub fn new(phrases: &'a [Phrase]) -> Self {
        Self {
            phrases,
            seen: vec![false; phrases.len()],
            best: None,
        }
    }

    pub fn look(&mut self, text: &'a str) {
        let pieces = cut::cut(text);
        let mut count = 0;
        let mut places = Vec::new();
        for (phrase, seen) in self.phrases.iter().zip(&mut self.seen) {
            let of_phrase = phrase.find(&pieces);
            if !of_phrase.is_empty() {
                count += 1;
                *seen = true;
                places.extend(of_phrase);
            }
        }
        if count > self.best.as_ref().map_or(0, |(most, ..)| *most) {
            places.sort_unstable();
            self.best = Some((count, text, places));
        }
    }

    /// Whether each phrase stood somewhere.
    pub fn is_complete(&self) -> bool {
        self.seen.iter().all(|seen| *seen)
    }

    /// The text that shows most, and where.
    pub fn best(self) -> Option<(&'a str, Vec<Place>)> {
        self.best.map(|(_, text, places)| (text, places))
    }
}

/// Cuts the piece around the first hit out of a text, on one line.
pub fn snippet(text: &str, places: Vec<Place>) -> Snippet {
    let first = places.first().map_or(0, |(start, _)| *start);
    let before = text.get(..first).unwrap_or_default().char_indices();
    let start = before.rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.char_indices().nth(LONGEST);
    let end = end.map_or(text.len(), |(at, _)| start + at);
    let mut out = String::new();
    if start > 0 {
        out.push('…');
    }
    let mut units = out.encode_utf16().count();
    // The UTF-16 place of each byte where a character starts or the snippet ends.
    let mut hits: Vec<[u32; 2]> = Vec::new();
    let mut at = start;
    let mut advance = |to: usize, out: &mut String| {
        for character in text.get(at..to).unwrap_or_default().chars() {
            let shown = if character.is_whitespace() || character.is_control() {
                ' '
            } else {
                character
            };
            out.push(shown);
            units += shown.len_utf16();
        }
        at = at.max(to);
        u32::try_from(units).unwrap_or(u32::MAX)
    };
    let mut last_end = start;
    for (hit_start, hit_end) in places {
        if hit_start < last_end || hit_end > end {
            continue;
        }
        let from = advance(hit_start, &mut out);
        hits.push([from, advance(hit_end, &mut out)]);
        last_end = hit_end;
    }
    advance(end, &mut out);
    if end < text.len() {
        out.push('…');
    }
    Snippet { text: out, hits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(query: &str, texts: &[&str]) -> Option<Snippet> {
        let phrases = cut::phrases(query);
        let mut found = Found::new(&phrases);
        for text in texts {
            found.look(text);
        }
        if !found.is_complete() {
            return None;
        }
        found.best().map(|(text, places)| snippet(text, places))
    }

    fn hits(snippet: &Snippet) -> Vec<String> {
        let units: Vec<u16> = snippet.text.encode_utf16().collect();
        let hit = |[start, end]: &[u32; 2]| {
            let units = units.get(*start as usize..*end as usize);
            String::from_utf16_lossy(units.expect("inside"))
        };
        snippet.hits.iter().map(hit).collect()
    }

    #[test]
    fn hits_are_counted_in_utf_16_also_behind_emoji() {
        let snippet = find("错误码", &["😀 错误码是 E102，错误码！"]).expect("found");
        assert_eq!(hits(&snippet), ["错误码", "错误码"]);
        assert_eq!(snippet.hits.first(), Some(&[3, 6]));
    }

    #[test]
    fn the_text_with_most_of_the_words_is_shown_around_its_first_hit() {
        let long = format!("{}\nAX73 的 WAN 灯{}", "前".repeat(200), "后".repeat(200));
        let snippet = find("AX73 灯", &["灯", &long, "AX73"]).expect("found");
        assert_eq!(hits(&snippet), ["AX73", "灯"]);
        assert!(snippet.text.starts_with("…前") && snippet.text.ends_with("后…"));
        assert!(!snippet.text.contains('\n'));
        assert_eq!(find("AX73 键盘", &["灯", &long]), None);
    }
}
