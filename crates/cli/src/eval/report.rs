//! What an evaluation found: the counts for a table, and every answer so that people can look.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::FinishReason;
use engine::sampling::Sampling;
use serde::Serialize;

use super::dataset::{Line, Scoring};
use super::tally::{Share, by_name};
use super::{refusal, scoring};

/// One line with its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    pub line: usize,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    pub images: Vec<PathBuf>,
    pub question: String,
    pub expected: String,
    pub scoring: Scoring,
    pub answer: String,
    /// From 0 to 1.
    pub score: f64,
    /// The answer says that it cannot be read.
    pub refused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// Why there is no answer; such a line counts as wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Judged {
    /// The judgement of an answer, or of its failure.
    pub fn new(line: Line, answer: Result<(String, FinishReason), String>) -> Self {
        let question = line.question;
        let (answer, finish_reason, error) = match answer {
            Ok((answer, reason)) => (answer, Some(reason), None),
            Err(why) => (String::new(), None, Some(why)),
        };
        let score = if error.is_some() {
            0.0
        } else {
            scoring::score(&question, &answer)
        };
        Self {
            line: line.number,
            score,
            refused: refusal::says_so(&answer),
            kind: question.kind,
            field: question.field,
            images: question.images,
            question: question.question,
            expected: question.expected,
            scoring: question.scoring,
            answer,
            finish_reason,
            error,
        }
    }

    fn readable(&self) -> bool {
        self.scoring != Scoring::Refuse
    }

    /// A refusal where there was something to read. An answer that is right and also says that
    /// something else cannot be read is none.
    fn falsely_refused(&self) -> bool {
        self.readable() && self.refused && self.score == 0.0
    }
}

/// The counts.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// All lines.
    pub all: Share,
    /// Per kind of question.
    pub kinds: BTreeMap<String, Share>,
    /// Per field, over the lines that can be read and name one.
    pub fields: BTreeMap<String, Share>,
    /// Honest refusals, over the lines that cannot be read.
    pub honest_refusals: Share,
    /// Refusals, over the lines that can be read.
    pub false_refusals: Share,
    /// Lines without an answer.
    pub errors: usize,
}

impl Summary {
    /// Counts the lines.
    pub fn of(lines: &[Judged]) -> Self {
        let readable = || lines.iter().filter(|line| line.readable());
        let unreadable = lines.iter().filter(|line| !line.readable());
        Self {
            all: Share::of(lines.iter().map(|line| line.score)),
            kinds: by_name(lines.iter().map(|line| (line.kind.as_str(), line.score))),
            fields: by_name(
                readable().filter_map(|line| Some((line.field.as_deref()?, line.score))),
            ),
            honest_refusals: Share::of(unreadable.map(|line| line.score)),
            false_refusals: Share::counting(readable().map(Judged::falsely_refused)),
            errors: lines.iter().filter(|line| line.error.is_some()).count(),
        }
    }

    /// The counts as people read them.
    pub fn table(&self) -> String {
        let mut text = String::new();
        rows(
            &mut text,
            "kind",
            self.kinds
                .iter()
                .map(|(name, share)| (name.as_str(), share)),
        );
        rows(&mut text, "", [("all", &self.all)].into_iter());
        if !self.fields.is_empty() {
            text.push('\n');
            let fields = self
                .fields
                .iter()
                .map(|(name, share)| (name.as_str(), share));
            rows(&mut text, "field", fields);
        }
        text.push('\n');
        let refusals = [
            ("honest, where unreadable", &self.honest_refusals),
            ("false, where readable", &self.false_refusals),
        ];
        let counted = refusals.into_iter().filter(|(_, share)| share.lines > 0);
        rows(&mut text, "refusals", counted);
        text
    }
}

fn rows<'a>(text: &mut String, heading: &str, rows: impl Iterator<Item = (&'a str, &'a Share)>) {
    if !heading.is_empty() {
        text.push_str(&format!(
            "{heading:<26} {:>6}  {:>7}   95 % interval\n",
            "lines", "share"
        ));
    }
    for (name, share) in rows {
        text.push_str(&format!(
            "{name:<26} {:>6}  {:>5.1} %   {:.1} to {:.1} %\n",
            share.lines,
            share.share * 100.0,
            share.low * 100.0,
            share.high * 100.0,
        ));
    }
}

/// The settings the answers were made with.
#[derive(Debug, Serialize)]
pub struct Settings {
    pub sampling: Sampling,
    pub max_tokens: usize,
    pub image_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// The file that an evaluation leaves; `--json` prints it without the lines.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    pub dataset: PathBuf,
    pub model: &'a str,
    pub device: &'a str,
    pub precision: &'a str,
    pub settings: Settings,
    /// Lines of the dataset that were to be asked.
    pub planned: usize,
    pub summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Judged>>,
}

#[cfg(test)]
mod tests {
    use super::super::dataset::Question;
    use super::*;

    fn judged(scoring: Scoring, expected: &str, answer: &str) -> Judged {
        let question = Question {
            images: Vec::new(),
            question: "型号是什么?".into(),
            expected: expected.into(),
            kind: if scoring == Scoring::Refuse {
                "unreadable"
            } else {
                "parameters"
            }
            .into(),
            scoring,
            field: Some("model".into()),
        };
        Judged::new(
            Line {
                number: 1,
                question,
            },
            Ok((answer.into(), FinishReason::Stop)),
        )
    }

    #[test]
    fn false_refusals_are_counted_over_readable_lines_only() {
        let lines = [
            judged(Scoring::Exact, "B6973", "B6973"),
            judged(Scoring::Exact, "B6973", "看不清"),
            judged(Scoring::Exact, "B6973", "B6974"),
            judged(
                Scoring::Contains,
                "B6973",
                "B6973, but the date is not readable",
            ),
            judged(Scoring::Refuse, "", "看不清"),
            judged(Scoring::Refuse, "", "B6973"),
        ];
        let summary = Summary::of(&lines);
        assert_eq!(
            (summary.false_refusals.lines, summary.false_refusals.score),
            (4, 1.0)
        );
        assert_eq!(
            (summary.honest_refusals.lines, summary.honest_refusals.score),
            (2, 1.0)
        );
        assert_eq!(
            (summary.fields["model"].lines, summary.fields["model"].score),
            (4, 2.0)
        );
        assert_eq!(summary.kinds["unreadable"].share, 0.5);
        assert_eq!((summary.all.lines, summary.all.score), (6, 3.0));
    }

    #[test]
    fn a_line_without_an_answer_is_wrong_and_named() {
        let question = judged(Scoring::Refuse, "", "").question;
        let line = Line {
            number: 7,
            question: serde_json::from_value(serde_json::json!({
                "question": question, "kind": "unreadable", "scoring": "refuse"
            }))
            .unwrap(),
        };
        let failed = Judged::new(line, Err("the picture is damaged".into()));
        let summary = Summary::of(&[failed]);
        assert_eq!((summary.errors, summary.all.score), (1, 0.0));
    }

    #[test]
    fn the_table_says_counts_shares_and_intervals() {
        let table = Summary::of(&[judged(Scoring::Exact, "B6973", "B6973")]).table();
        assert!(table.contains("parameters"), "{table}");
        assert!(table.contains("100.0 %   20.7 to 100.0 %"), "{table}");
        assert!(!table.contains("honest, where unreadable"), "{table}");
    }
}
