//! What an export is called when it is saved: a conversation by its title and the day something was last
//! asked or answered in it, a time by its first and last day, everything by today.
//!
//! A title is anybody's words. The name made of it does on every file system, stays in its folder, and
//! shows what it ends with. Sources: RFC 6266 and RFC 8187 for the header; Microsoft's "Naming Files,
//! Paths, and Namespaces".

use std::fmt;

use desk::records::day_of;

/// A file system takes 255 bytes; a day and the kind of file follow.
const TITLE_BYTES: usize = 200;
const HOUR_MS: i64 = 60 * 60 * 1000;
/// Where a title says nothing that can stand in a name.
const UNTITLED: &str = "conversation";
/// Names that Windows takes for devices, whatever follows after a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of a saved file without its ending; the days are those of a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    what: String,
    when: String,
}

impl Name {
    /// Of one conversation.
    pub fn of_conversation(title: &str, updated_at: i64, ahead_minutes: i32) -> Self {
        let title = fit(title);
        Self {
            what: match title.is_empty() {
                true => UNTITLED.to_owned(),
                false => title,
            },
            when: day_of(updated_at, ahead_minutes),
        }
    }

    /// Of what was asked at or after `from` and before `to`, where they are given.
    pub fn of_time(from: Option<i64>, to: Option<i64>, now: i64, ahead_minutes: i32) -> Self {
        let day = |at| day_of(at, ahead_minutes);
        // An hour inwards: a day on which the clock stood otherwise began an hour sooner or later.
        let first = from.map(|from| from.saturating_add(HOUR_MS));
        let last = to.map_or(now, |to| to.saturating_sub(HOUR_MS + 1));
        let when = match (first, to) {
            (Some(first), _) => format!("{}_{}", day(first), day(last.max(first))),
            (None, Some(_)) => format!("until_{}", day(last)),
            (None, None) => day(now),
        };
        Self {
            what: "lookdesk".to_owned(),
            when,
        }
    }

    /// The header that has a browser save a file so: to the letter, and in ASCII for clients that know
    /// no more.
    pub fn disposition(&self, ending: &str) -> String {
        let (ascii, when) = (in_ascii(&self.what), &self.when);
        let whole = encoded(&self.to_string());
        format!(
            "attachment; filename=\"{ascii}_{when}.{ending}\"; filename*=UTF-8''{whole}.{ending}"
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.what, self.when)
    }
}

/// A title as the beginning of a name; empty where nothing of it can stand in one.
fn fit(title: &str) -> String {
    let seen = title.chars().filter(|c| !is_unseen(*c));
    let parted: String = seen.map(|c| if is_apart(c) { ' ' } else { c }).collect();
    let words = joined(&parted);
    // A dot in front hides a file, a hyphen makes it an option.
    let words = words.trim_start_matches(['.', '-', '~', ' ']);
    let end = words.floor_char_boundary(TITLE_BYTES);
    let words = words.get(..end).unwrap_or_default().trim_end();
    match is_device(words) {
        true => format!("_{words}"),
        false => words.to_owned(),
    }
}

fn joined(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a name cannot hold on one file system or another, and what ends a line.
fn is_apart(c: char) -> bool {
    c.is_control() || c.is_whitespace() || r#"/\:*?"<>|"#.contains(c)
}

/// What nobody sees, and what turns the direction of writing around.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_device(words: &str) -> bool {
    let first = words.split('.').next().unwrap_or_default().trim_end();
    let first = first.to_ascii_lowercase();
    let port = first.strip_prefix("com");
    let port = port.or_else(|| first.strip_prefix("lpt"));
    DEVICES.contains(&first.as_str()) || port.is_some_and(|port| port.chars().count() == 1)
}

/// What of a title ASCII can say.
fn in_ascii(words: &str) -> String {
    // Old clients read `%41` as a letter.
    let fits = |c: &char| (c.is_ascii_graphic() || *c == ' ') && *c != '%';
    let words = joined(&words.chars().filter(fits).collect::<String>());
    match words.contains(|c: char| c.is_ascii_alphanumeric()) {
        true => words,
        false => UNTITLED.to_owned(),
    }
}

/// RFC 8187: what is no `attr-char` is said in hexadecimal, byte by byte.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 24 * HOUR_MS;
    /// The first instant of 2026-11-21 in UTC.
    const TODAY: i64 = 20_778 * DAY_MS;

    fn called(title: &str) -> String {
        Name::of_conversation(title, TODAY, 0).to_string()
    }

    #[test]
    fn a_conversation_is_called_by_its_title_and_its_day_there() {
        assert_eq!(
            called("AX73 路由器，指示灯不亮"),
            "AX73 路由器，指示灯不亮_2026-11-21"
        );
        let there = Name::of_conversation("Lamp", TODAY, -60);
        assert_eq!(there.to_string(), "Lamp_2026-11-20");
    }

    #[test]
    fn a_title_leaves_out_what_a_name_cannot_hold() {
        for (title, name) in [
            ("a/b\\c:d*e?f\"g<h>i|j", "a b c d e f g h i j"),
            (" two \n lines\t", "two lines"),
            ("../../.profile", "profile"),
            ("--output=x", "output=x"),
            ("bill\u{202e}gpj.exe", "billgpj.exe"),
            ("a\u{200b}\u{feff}b\u{0}c", "ab c"),
            ("v2.1 firmware", "v2.1 firmware"),
            ("Aux", "_Aux"),
            ("nul .txt", "_nul .txt"),
            ("COM1.log", "_COM1.log"),
            ("Comet", "Comet"),
            ("", "conversation"),
            ("???", "conversation"),
            ("\u{200e}..", "conversation"),
        ] {
            assert_eq!(called(title), format!("{name}_2026-11-21"), "{title:?}");
        }
    }

    #[test]
    fn a_time_is_called_by_its_first_and_last_day() {
        let of = |from, to| Name::of_time(from, to, TODAY + HOUR_MS, 0).to_string();
        let month = TODAY - 29 * DAY_MS;
        assert_eq!(of(None, None), "lookdesk_2026-11-21");
        assert_eq!(of(Some(month), None), "lookdesk_2026-10-23_2026-11-21");
        assert_eq!(
            of(Some(month), Some(TODAY)),
            "lookdesk_2026-10-23_2026-11-20"
        );
        assert_eq!(
            of(Some(TODAY), Some(TODAY + DAY_MS)),
            "lookdesk_2026-11-21_2026-11-21"
        );
        assert_eq!(of(None, Some(TODAY)), "lookdesk_until_2026-11-20");
        assert_eq!(
            of(Some(i64::MAX), Some(0)),
            "lookdesk_9999-12-31_9999-12-31"
        );
    }

    #[test]
    fn a_time_keeps_its_days_where_the_clocks_were_changed_since() {
        // In Berlin summer ended on 25 October: its midnight was one hour sooner in UTC.
        let (summer, winter) = (TODAY - 60 * DAY_MS - 2 * HOUR_MS, TODAY - HOUR_MS);
        let name = Name::of_time(Some(summer), Some(winter), TODAY, 60);
        assert_eq!(name.to_string(), "lookdesk_2026-09-22_2026-11-20");
        let seen_in_summer = Name::of_time(Some(winter), Some(winter + DAY_MS), TODAY, 120);
        assert_eq!(seen_in_summer.to_string(), "lookdesk_2026-11-21_2026-11-21");
    }

    #[test]
    fn the_header_says_the_name_to_the_letter_and_in_ascii() {
        let header = |title| Name::of_conversation(title, TODAY, 0).disposition("json");
        assert_eq!(
            header("AX73 路由器 100%"),
            "attachment; filename=\"AX73 100_2026-11-21.json\"; \
             filename*=UTF-8''AX73%20%E8%B7%AF%E7%94%B1%E5%99%A8%20100%25_2026-11-21.json"
        );
        assert_eq!(
            header("灯？"),
            "attachment; filename=\"conversation_2026-11-21.json\"; \
             filename*=UTF-8''%E7%81%AF%EF%BC%9F_2026-11-21.json"
        );
    }

    proptest! {
        #[test]
        fn any_title_makes_a_name_that_every_file_system_takes(title in any::<String>()) {
            let name = Name::of_conversation(&title, TODAY, 0);
            let file = format!("{name}.json");
            prop_assert!(file.len() <= 255);
            prop_assert!(!file.chars().any(|c| c.is_control() || r#"/\:*?"<>|"#.contains(c)));
            prop_assert!(!file.starts_with(['.', '-', ' ']));
            let header = name.disposition("json");
            prop_assert!(header.is_ascii());
            prop_assert_eq!(header.matches('"').count(), 2);
        }
    }
}
