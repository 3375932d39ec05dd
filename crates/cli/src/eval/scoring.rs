//! Is an answer right? One rule per kind of scoring, between 0 and 1.
//!
//! - `exact`: the answer is the expected text, to the character. Only Unicode form (NFC) and runs
//!   of white space are levelled out.
//! - `contains`: the expected text stands in the answer as a whole word. A code (anything with a
//!   digit, or with a capital that does not just begin it) is compared with its case, plain words
//!   without.
//! - `anls`: the normalised Levenshtein similarity of DocVQA (Biten et al. 2019), without case,
//!   and zero below 0.5.
//! - `refuse`: the answer says that it cannot be read and invents no code.

use unicode_normalization::UnicodeNormalization;

use super::dataset::{Question, Scoring};
use super::refusal;

/// Similarity below this counts as no similarity.
const ANLS_THRESHOLD: f64 = 0.5;

/// How right the answer to a question is.
pub fn score(question: &Question, answer: &str) -> f64 {
    let right = match question.scoring {
        Scoring::Exact => levelled(answer) == levelled(&question.expected),
        Scoring::Contains => contains(&levelled(answer), &levelled(&question.expected)),
        Scoring::Anls => return anls(answer, &question.expected),
        Scoring::Refuse => refusal::honest(answer, &question.question),
    };
    if right { 1.0 } else { 0.0 }
}

/// NFC, with every run of white space as one space and none at the ends.
pub fn levelled(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The expected text stands somewhere in the answer and is not a piece of a longer code there.
fn contains(answer: &str, expected: &str) -> bool {
    let (answer, expected) = match is_code(expected) {
        true => (answer.to_owned(), expected.to_owned()),
        false => (answer.to_lowercase(), expected.to_lowercase()),
    };
    !expected.is_empty()
        && answer.match_indices(&expected).any(|(at, found)| {
            let before: Vec<char> = answer[..at].chars().rev().take(2).collect();
            let after: Vec<char> = answer[at + found.len()..].chars().take(2).collect();
            let first = expected.chars().next().unwrap_or(' ');
            let last = expected.chars().next_back().unwrap_or(' ');
            !goes_on(first, &before) && !goes_on(last, &after)
        })
}

/// `B6973` and `ERR` are codes, `Yes` and `It is off` are words.
fn is_code(text: &str) -> bool {
    let inner = text.chars().skip(usize::from(text.chars().count() > 1));
    text.contains(char::is_numeric) || inner.into_iter().any(char::is_uppercase)
}

/// A code whose last character is `edge` goes on in what follows it (or, read backwards, in what
/// stands before it).
fn goes_on(edge: char, beyond: &[char]) -> bool {
    if !in_code(edge) {
        return false;
    }
    match *beyond {
        [next, ..] if in_code(next) => true,
        ['-' | '_', next, ..] => in_code(next),
        // `10` is not the number in `10.4`, but `E74.` ends a sentence.
        ['.' | ',', next, ..] => edge.is_ascii_digit() && next.is_ascii_digit(),
        _ => false,
    }
}

/// May stand inside a code or a word written with spaces around it.
pub fn in_code(c: char) -> bool {
    c.is_alphanumeric() && !written_without_spaces(c)
}

/// Chinese, kana, Hangul and Thai, which stand beside codes without a space.
fn written_without_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn anls(answer: &str, expected: &str) -> f64 {
    let answer: Vec<char> = levelled(answer).to_lowercase().chars().collect();
    let expected: Vec<char> = levelled(expected).to_lowercase().chars().collect();
    let longest = answer.len().max(expected.len());
    if longest == 0 {
        return 1.0;
    }
    let similarity = 1.0 - levenshtein(&answer, &expected) as f64 / longest as f64;
    if similarity < ANLS_THRESHOLD {
        0.0
    } else {
        similarity
    }
}

/// Insertions, deletions and substitutions that turn one text into the other.
fn levenshtein(from: &[char], to: &[char]) -> usize {
    // `row[j]`: the distance from what has been read of `from` to the first j characters of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(scoring: Scoring, expected: &str, answer: &str) -> f64 {
        let question = Question {
            images: Vec::new(),
            question: "型号是什么?".into(),
            expected: expected.into(),
            kind: "parameters".into(),
            scoring,
            field: None,
        };
        score(&question, answer)
    }

    #[test]
    fn exact_forgives_only_white_space_and_unicode_form() {
        assert_eq!(judged(Scoring::Exact, "Café  X1", " Cafe\u{301} X1\n"), 1.0);
        for wrong in ["Café x1", "Café X1.", "Café X", "Café X I"] {
            assert_eq!(judged(Scoring::Exact, "Café X1", wrong), 0.0, "{wrong}");
        }
    }

    #[test]
    fn a_code_is_found_in_a_sentence() {
        for answer in [
            "B6973",
            "The model number is B6973.",
            "型号是B6973。",
            "型号B6973的路由器",
            "모델은 B6973입니다",
            "B6973, as printed",
            "(B6973)",
            "A1-B6973 is another one; this is B6973",
        ] {
            assert_eq!(judged(Scoring::Contains, "B6973", answer), 1.0, "{answer}");
        }
    }

    #[test]
    fn a_piece_of_a_longer_code_is_not_the_code() {
        for answer in [
            "B69731", "AB6973", "B6973-X", "7-B6973", "b6973", "B6973_2", "B 6973", "",
        ] {
            assert_eq!(judged(Scoring::Contains, "B6973", answer), 0.0, "{answer}");
        }
        assert_eq!(judged(Scoring::Contains, "10", "10.4L"), 0.0);
        assert_eq!(judged(Scoring::Contains, "0.4L", "10.4L"), 0.0);
        assert_eq!(judged(Scoring::Contains, "4L", "10.4L"), 0.0);
        assert_eq!(judged(Scoring::Contains, "2021.01", "2021.01.15"), 0.0);
        assert_eq!(judged(Scoring::Contains, "10.4L", "净含量为10.4L。"), 1.0);
    }

    #[test]
    fn a_plain_word_is_found_in_any_case_but_whole() {
        assert_eq!(judged(Scoring::Contains, "green", "Green."), 1.0);
        assert_eq!(
            judged(Scoring::Contains, "green", "The NET light is green"),
            1.0
        );
        assert_eq!(judged(Scoring::Contains, "Yes", "yes, they are"), 1.0);
        assert_eq!(judged(Scoring::Contains, "ERR", "It shows err"), 0.0);
        assert_eq!(judged(Scoring::Contains, "red", "It is rendered blue"), 0.0);
        assert_eq!(judged(Scoring::Contains, "绿色", "NET灯是绿色的"), 1.0);
    }

    #[test]
    fn similarity_counts_edits_and_is_nothing_below_one_half() {
        assert_eq!(judged(Scoring::Anls, "ABCD", "abcd"), 1.0);
        assert_eq!(judged(Scoring::Anls, "abcd", "abxd"), 0.75);
        assert_eq!(judged(Scoring::Anls, "abcd", "abcde"), 0.8);
        assert_eq!(judged(Scoring::Anls, "abcd", "abxy"), 0.5);
        assert_eq!(judged(Scoring::Anls, "abcd", "axyz"), 0.0);
        assert_eq!(judged(Scoring::Anls, "错误码", "错误"), 1.0 - 1.0 / 3.0);
        assert_eq!(judged(Scoring::Anls, "abcd", ""), 0.0);
    }

    #[test]
    fn the_edit_distance_is_the_textbook_one() {
        let distance = |a: &str, b: &str| {
            levenshtein(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("flaw", "lawn"), 2);
    }
}
