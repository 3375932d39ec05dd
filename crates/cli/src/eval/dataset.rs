//! A dataset: one JSON object per line, one question each. Bad lines are all found before the first
//! question is asked, because an hour later would be too late.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::conversation::bounded;

/// No dataset of questions is larger; pictures lie beside it, not in it.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Bad lines named in one message.
const NAMED: usize = 8;

/// How an answer is judged. The rules are in `scoring`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scoring {
    Exact,
    Contains,
    Anls,
    Refuse,
}

/// One question, as its line has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Question {
    /// Picture files, relative to the dataset.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// What is asked.
    pub question: String,
    /// The right answer; not needed where the right answer is a refusal.
    #[serde(default)]
    pub expected: String,
    /// What sort of question it is, for the table.
    pub kind: String,
    /// How it is judged.
    pub scoring: Scoring,
    /// Which field of a label it asks for, for the table.
    #[serde(default)]
    pub field: Option<String>,
}

/// A question and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Line number in the file, from 1.
    pub number: usize,
    /// What it asks.
    pub question: Question,
}

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("cannot read the dataset {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the dataset {path} is larger than {FILE_BYTES} bytes; split it")]
    TooLarge { path: PathBuf },
    #[error("the dataset {path} is not UTF-8 text")]
    NotText { path: PathBuf },
    #[error("the dataset {path} has no questions; it needs one JSON object per line")]
    Empty { path: PathBuf },
    #[error("{path}: {bad}")]
    BadLines { path: PathBuf, bad: String },
}

/// Reads all questions, or names the lines that cannot be used.
pub fn read(path: &Path) -> Result<Vec<Line>, DatasetError> {
    let unreadable = |source| DatasetError::Read {
        path: path.into(),
        source,
    };
    let bytes = bounded(File::open(path).map_err(unreadable)?, FILE_BYTES)
        .map_err(unreadable)?
        .ok_or_else(|| DatasetError::TooLarge { path: path.into() })?;
    let text = String::from_utf8(bytes).map_err(|_| DatasetError::NotText { path: path.into() })?;
    let base = path.parent().unwrap_or(Path::new(""));
    match parse(&text, |image| base.join(image).is_file()) {
        Ok(lines) if lines.is_empty() => Err(DatasetError::Empty { path: path.into() }),
        Ok(lines) => Ok(lines),
        Err(bad) => Err(DatasetError::BadLines {
            path: path.into(),
            bad,
        }),
    }
}

/// The questions of a text, or a list of what is wrong with which line.
fn parse(text: &str, has_picture: impl Fn(&Path) -> bool) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut bad = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let number = index + 1;
        match question(line, &has_picture) {
            Ok(question) => lines.push(Line { number, question }),
            Err(fault) => bad.push(format!("line {number}: {fault}")),
        }
    }
    if bad.is_empty() {
        return Ok(lines);
    }
    let more = bad.len().saturating_sub(NAMED);
    bad.truncate(NAMED);
    let named = bad.join("; ");
    Err(if more > 0 {
        format!("{named}; and {more} more bad lines")
    } else {
        named
    })
}

fn question(line: &str, has_picture: &impl Fn(&Path) -> bool) -> Result<Question, String> {
    let question: Question = serde_json::from_str(line).map_err(|error| {
        // A line of its own has no use for the parser's "at line 1".
        let text = error.to_string();
        text.rsplit_once(" at line")
            .map_or(text.clone(), |(what, _)| what.to_owned())
    })?;
    if question.question.trim().is_empty() {
        return Err("the question is empty".into());
    }
    if question.scoring != Scoring::Refuse && question.expected.trim().is_empty() {
        return Err("expected is empty; only a \"refuse\" line may leave it out".into());
    }
    match question.images.iter().find(|image| !has_picture(image)) {
        Some(missing) => Err(format!("there is no picture {}", missing.display())),
        None => Ok(question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"images":["a.png"],"question":"Model?","expected":"B6973","kind":"parameters","scoring":"exact","field":"model"}"#;
    const REFUSE: &str =
        r#"{"images":["a.png"],"question":"Model?","kind":"unreadable","scoring":"refuse"}"#;

    #[test]
    fn lines_become_questions_with_their_numbers() {
        let lines = parse(&format!("\u{feff}{GOOD}\n\n{REFUSE}\n"), |_| true).unwrap();
        assert_eq!(
            lines.iter().map(|line| line.number).collect::<Vec<_>>(),
            [1, 3]
        );
        assert_eq!(lines[0].question.field.as_deref(), Some("model"));
        assert_eq!(lines[1].question.scoring, Scoring::Refuse);
    }

    #[test]
    fn every_bad_line_is_named_with_its_fault() {
        let text = format!(
            "{GOOD}\nnot json\n{}\n{}\n{}",
            GOOD.replace("exact", "vibes"),
            GOOD.replace("B6973", " "),
            GOOD.replace("Model?", ""),
        );
        let bad = parse(&text, |_| true).unwrap_err();
        for expected in [
            "line 2: ",
            "line 3: unknown variant `vibes`",
            "line 4: expected is",
            "line 5: the question",
        ] {
            assert!(bad.contains(expected), "{bad}");
        }
        assert!(!bad.contains("line 1"), "{bad}");
    }

    #[test]
    fn a_missing_picture_is_a_bad_line() {
        let bad = parse(GOOD, |_| false).unwrap_err();
        assert_eq!(bad, "line 1: there is no picture a.png");
    }

    #[test]
    fn a_long_list_of_bad_lines_is_cut() {
        let bad = parse(&"x\n".repeat(100), |_| true).unwrap_err();
        assert!(bad.ends_with("and 92 more bad lines"), "{bad}");
    }
}
