//! Which strings of a text must be right to the character: those with a digit, such as model numbers,
//! capacities, dates and error codes. Places are bytes of the text.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Letters and digits, held together by the signs that model numbers, dates and versions use; by a comma before digits
/// only, as in 10,000.
static STRING: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"[A-Za-z0-9]+(?:[.\-/:+][A-Za-z0-9]+|,[0-9][A-Za-z0-9]*)*"));
/// Where digits are not a reading: addresses, link targets, entities, the numbers of a list.
static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?im)[a-z][a-z+.\-]*://\S*|\]\([^)]*\)|&#?[0-9A-Za-z_]+;|(?<number>^[\ \t]*[0-9]+[.)])\s",
    )
});

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that the tests compile")
}

/// What can be said of a text up to now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Strings {
    /// The strings, in order.
    pub found: Vec<Range<usize>>,
    /// How many of them no later word can change.
    pub settled: usize,
    /// From where the text has to be looked at again when it has grown.
    pub again: usize,
}

/// The strings of `text` from `start` on, which is 0 or what an earlier look called `again`.
pub(super) fn strings(text: &str, start: usize) -> Strings {
    let elsewhere = elsewhere(text, start);
    let apart = |string: &Range<usize>| {
        let overlaps = |other: &Range<usize>| string.start < other.end && string.end > other.start;
        !elsewhere.iter().any(overlaps)
    };
    let open = open_link(text, start, &elsewhere);
    let held = open.unwrap_or(text.len()).min(growing(text));
    let found = matches(&STRING, text, start)
        .filter(|string| text[string.clone()].contains(|c: char| c.is_ascii_digit()))
        .filter(apart);
    let found: Vec<_> = found.collect();
    let settled = found.partition_point(|string| string.start < held);
    let again = text[start..held].rfind('\n').map(|at| start + at + 1);
    let inside = |at: &usize| elsewhere.iter().any(|range| range.contains(at));
    Strings {
        again: again.filter(|at| !inside(at)).unwrap_or(start),
        found,
        settled,
    }
}

fn matches<'a>(
    regex: &'a Regex,
    text: &'a str,
    start: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut at = start;
    std::iter::from_fn(move || {
        let found = regex.find_at(text, at)?;
        at = found.end();
        Some(found.range())
    })
}

fn elsewhere(text: &str, start: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = start;
    while let Some(captures) = ELSEWHERE.captures_at(text, at) {
        let Some(part) = captures.name("number").or_else(|| captures.get(0)) else {
            break;
        };
        // The space after a number of a list is looked at, not taken.
        at = part.end();
        found.push(part.range());
    }
    found
}

/// Where the last run of signs that may yet grow or become an address begins.
fn growing(text: &str) -> usize {
    let may_grow = |c: char| c.is_ascii_alphanumeric() || "_+.-:/,)&#".contains(c);
    text.trim_end_matches(may_grow).len()
}

/// Where a link target begins that is not closed yet.
fn open_link(text: &str, start: usize, elsewhere: &[Range<usize>]) -> Option<usize> {
    let mut openings = text[start..]
        .match_indices("](")
        .map(|(at, _)| start + at)
        .filter(|at| !text[*at..].contains(')'));
    openings.find(|at| {
        !elsewhere
            .iter()
            .any(|range| range.start < *at && range.contains(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let strings = strings(text, 0);
        strings
            .found
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn a_string_has_a_digit() {
        assert_eq!(found("The WAN light is off, model AX73."), ["AX73"]);
    }

    #[test]
    fn a_code_inside_chinese_needs_no_spaces() {
        assert_eq!(found("错误码是E102。"), ["E102"]);
    }

    #[test]
    fn a_date_or_a_capacity_is_one_string() {
        assert_eq!(found("2024.03-15 and 10.4L"), ["2024.03-15", "10.4L"]);
        assert_eq!(found("2024.03-15, 10.4L."), ["2024.03-15", "10.4L"]);
        assert_eq!(found("10,000 or 1,5kg"), ["10,000", "1,5kg"]);
        assert_eq!(found("E107,NET,WAN2"), ["E107", "WAN2"]);
    }

    #[test]
    fn digits_that_are_no_reading_are_not_judged() {
        for text in [
            "1. first\n2. second",
            "  3) third",
            "https://example.org/a1",
            "[link](/x/12)",
            "&#39;",
            "&frac12;",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn two_numbers_of_a_list_in_neighbouring_lines_are_both_seen() {
        assert_eq!(found("1.\n2.\n3. E1"), ["E1"]);
    }

    #[test]
    fn a_string_that_may_yet_grow_is_not_settled() {
        for (text, settled) in [
            ("AX73", 0),
            ("AX73-", 0),
            ("AX73 ", 1),
            ("AX73。", 1),
            ("see [page](/x/12", 0),
            ("E1 [page](/x/12 and 13", 1),
            ("12)", 0),
        ] {
            assert_eq!(strings(text, 0).settled, settled, "{text}");
        }
    }
}
