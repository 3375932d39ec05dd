//! Boxes in the model's words.
//!
//! The model is asked for JSON such as `[{"bbox_2d": [x0, y0, x1, y1], "label": "..."}]` in
//! thousandths of the picture. What comes may stand in a code fence or between sentences, be one
//! object or a list, use other names, or break off where the answer reached its length: every
//! complete object with a box is taken, whatever stands around it. Never fails: no box is no box.

use serde_json::{Map, Value};

use crate::PictureBox;

/// More than anybody can look at.
const BOXES: usize = 100;
/// Objects deeper inside each other are not looked into, which bounds the work on `{{{{`.
const DEPTH: usize = 8;
/// The longest label, in characters.
const LABEL: usize = 200;

/// The most that is quoted of a question or an answer, in characters.
const QUOTED: usize = 600;

/// The names of a box and of its label, the model's own first.
const BOX_NAMES: [&str; 5] = ["bbox_2d", "bbox", "box_2d", "box", "bounding_box"];
const LABEL_NAMES: [&str; 5] = ["label", "text_content", "text", "name", "description"];

/// A place that the model named.
#[derive(Clone, Debug, PartialEq)]
pub struct Spotted {
    /// What is there, in the model's words; may be empty.
    pub label: String,
    /// Where.
    pub place: PictureBox,
}

/// The boxes of what the model said, in its order.
pub fn spotted(said: &str) -> Vec<Spotted> {
    let mut found = Vec::new();
    for object in objects(said) {
        read(&object, &mut found);
        if found.len() >= BOXES {
            break;
        }
    }
    found.truncate(BOXES);
    found
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// Something that is written or shown.
    Words(&'a str),
    /// Whatever an answer rests on.
    Answer {
        /// The question it answers.
        question: &'a str,
        /// Its words.
        answer: &'a str,
    },
}

/// What to say to the model so that it answers with boxes.
///
/// A request of its own: asked for words and boxes at once, small models forget the boxes.
pub fn question(about: &About) -> String {
    let wanted = match about {
        About::Words(words) => format!("Locate \"{}\" in this picture.", quoted(words)),
        About::Answer { question, answer } => format!(
            "Somebody was asked about this picture: \"{}\" The answer was: \"{}\" Locate every \
             place of this picture that the answer speaks of.",
            quoted(question),
            quoted(answer)
        ),
    };
    format!(
        "{wanted} Report bbox coordinates in JSON format: \
         [{{\"bbox_2d\": [x1, y1, x2, y2], \"label\": \"...\"}}]. If there is none, report []."
    )
}

/// Words that cannot end their own quotation marks.
fn quoted(words: &str) -> String {
    let line = words.replace(['"', '\n', '\r'], " ");
    line.trim().chars().take(QUOTED).collect()
}

fn read(object: &Map<String, Value>, found: &mut Vec<Spotted>) {
    let named = |names: &[&str]| names.iter().find_map(|name| object.get(*name)).cloned();
    let Some(value) = named(&BOX_NAMES) else {
        return;
    };
    let label = match named(&LABEL_NAMES) {
        Some(Value::String(label)) => label.trim().chars().take(LABEL).collect(),
        Some(Value::Number(label)) => label.to_string(),
        _ => String::new(),
    };
    // Several boxes may share a label.
    let boxes = match &value {
        Value::Array(list) if list.len() != 2 && list.iter().all(Value::is_array) => {
            list.as_slice()
        }
        one => std::slice::from_ref(one),
    };
    for place in boxes
        .iter()
        .filter_map(corners)
        .filter_map(PictureBox::between)
    {
        let label = String::clone(&label);
        found.push(Spotted { label, place });
    }
}

/// Four numbers: a flat list, two points, or a text that holds them.
fn corners(value: &Value) -> Option<[f64; 4]> {
    let mut numbers = Vec::with_capacity(4);
    collect(value, &mut numbers)?;
    numbers.try_into().ok()
}

fn collect(value: &Value, numbers: &mut Vec<f64>) -> Option<()> {
    match value {
        Value::Number(number) => numbers.push(number.as_f64()?),
        Value::String(text) => {
            let apart = |c: char| c == ',' || c.is_whitespace() || "[]()".contains(c);
            for word in text.split(apart).filter(|word| !word.is_empty()) {
                numbers.push(word.parse().ok()?);
            }
        }
        Value::Array(list) if list.len() <= 4 => {
            for value in list {
                collect(value, numbers)?;
            }
        }
        _ => return None,
    }
    (numbers.len() <= 4).then_some(())
}

/// Every complete JSON object of a text, inner ones before those around them.
fn objects(text: &str) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                // JSON has no line break within a string: this was a quotation mark of a sentence.
                b'"' | b'\n' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = !open.is_empty(),
            b'{' => open.push(at),
            b'}' => {
                let Some(start) = open.pop() else { continue };
                if open.len() < DEPTH
                    && let Ok(object) = serde_json::from_str(&text[start..=at])
                {
                    found.push(object);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
