//! The table for spreadsheets: one row for each answer, and one for a question without any.
//!
//! A cell that a spreadsheet would run as a formula gets an apostrophe in front, so that a customer's
//! words stay words.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::rows::word;
use crate::records::exported::{ExportedAnswer, ExportedConversation, ExportedRound};
use crate::records::{Certainty, clock};

const COLUMNS: [&str; 22] = [
    "conversation",
    "title",
    "customer",
    "verdict",
    "follows",
    "round",
    "asked_at",
    "asker",
    "question",
    "pictures",
    "replaced_by",
    "answer",
    "created_at",
    "state",
    "text",
    "doubtful",
    "finish_reason",
    "thumb",
    "correction",
    "ttft_ms",
    "prompt_tokens",
    "completion_tokens",
];

/// Writes rows of the table.
pub struct Table;

impl Table {
    /// The mark by which spreadsheets know UTF-8, and the columns' names.
    pub fn head() -> Vec<u8> {
        let mut head = "\u{feff}".as_bytes().to_vec();
        head.extend(written([COLUMNS.map(str::to_owned).to_vec()]));
        head
    }

    /// A conversation's rows.
    pub fn rows(conversation: &ExportedConversation) -> Vec<u8> {
        let rounds = conversation.rounds.iter();
        written(rounds.flat_map(|round| {
            let answers = round.answers.iter().map(Some);
            let none = round.answers.is_empty().then_some(None);
            let answers = answers.chain(none);
            answers.map(move |answer| row(conversation, round, answer))
        }))
    }
}

fn row(
    conversation: &ExportedConversation,
    round: &ExportedRound,
    answer: Option<&ExportedAnswer>,
) -> Vec<String> {
    let pictures: Vec<_> = round.pictures.iter().map(ToString::to_string).collect();
    let mut row = vec![
        conversation.id.to_string(),
        conversation.title.clone(),
        conversation.customer.clone().unwrap_or_default(),
        conversation.verdict.map(word).unwrap_or_default(),
        conversation
            .follows
            .map(|id| id.to_string())
            .unwrap_or_default(),
        round.id.to_string(),
        instant(round.asked_at),
        round.asker.clone().unwrap_or_default(),
        round.question.clone(),
        pictures.join(" "),
        round
            .replaced_by
            .map(|id| id.to_string())
            .unwrap_or_default(),
    ];
    if let Some(answer) = answer {
        let usage = answer.usage.as_ref();
        row.extend([
            answer.id.to_string(),
            instant(answer.created_at),
            word(answer.state),
            answer.text.clone(),
            doubtful(answer),
            answer.finish_reason.map(word).unwrap_or_default(),
            answer.feedback.thumb.map(word).unwrap_or_default(),
            answer.feedback.correction.clone().unwrap_or_default(),
            answer
                .timings
                .map(|timings| timings.ttft_ms.to_string())
                .unwrap_or_default(),
            usage
                .map(|usage| usage.prompt_tokens.to_string())
                .unwrap_or_default(),
            usage
                .map(|usage| usage.completion_tokens.to_string())
                .unwrap_or_default(),
        ]);
    }
    row.resize(COLUMNS.len(), String::new());
    row
}

/// The doubtful strings of an answer.
fn doubtful(answer: &ExportedAnswer) -> String {
    let units: Vec<u16> = answer.text.encode_utf16().collect();
    let marks = answer.marks.iter();
    let doubtful = marks.filter(|mark| mark.certainty == Certainty::Doubtful);
    let strings = doubtful.filter_map(|mark| units.get(mark.start as usize..mark.end as usize));
    let strings: Vec<_> = strings.map(String::from_utf16_lossy).collect();
    strings.join(" ")
}

/// An instant as spreadsheets read it, in UTC.
fn instant(at: i64) -> String {
    let seconds = at.rem_euclid(clock::DAY_MS) / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let day = clock::date(at.div_euclid(clock::DAY_MS));
    format!("{day} {hours:02}:{minutes:02}:{:02}", seconds % 60)
}

fn written(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Necessary)
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        // Memory takes every byte, and all rows are equally long.
        let _ = writer.write_record(row.into_iter().map(harmless));
    }
    writer.into_inner().unwrap_or_default()
}

/// Keeps a spreadsheet from running a cell.
fn harmless(cell: String) -> String {
    match cell
        .trim_start_matches(' ')
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
    {
        true => format!("'{cell}"),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_would_run_becomes_words() {
        for cell in ["=1+1", "+49", "-2", "@sum", "\t=1", " =1", "＝1"] {
            assert_eq!(harmless(cell.into()), format!("'{cell}"));
        }
        assert_eq!(harmless("E-102".into()), "E-102");
        assert_eq!(harmless(String::new()), "");
    }

    #[test]
    fn instants_are_utc() {
        assert_eq!(instant(0), "1970-01-01 00:00:00");
        assert_eq!(
            instant(1_795_262_400_000 + 3_661_000),
            "2026-11-21 13:01:01"
        );
    }
}
