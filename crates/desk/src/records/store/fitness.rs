//! What the fields of an import may hold. The file comes from outside: what the desk itself would never
//! write is refused before it is stored.

use super::rows::{bounded, limits};
use crate::check::check_ranges;
use crate::records::clock;
use crate::records::exported::{ExportedAnswer, ExportedRound};
use crate::{AskedSettings, Refusal};

/// Evidence or readings of one answer.
const BOXES: usize = 1000;
/// The longest token, in UTF-16 code units; those of any vocabulary are far shorter.
const TOKEN_UNITS: u32 = 4096;

/// Whether a round and its answers can be kept.
pub fn check_round(round: &ExportedRound) -> Result<(), Refusal> {
    instant("asked_at", round.asked_at)?;
    bounded("question", &round.question, limits::QUESTION)?;
    bounded("role", &round.role, limits::ROLE)?;
    bounded(
        "asker",
        round.asker.as_deref().unwrap_or_default(),
        limits::ASKER,
    )?;
    check_settings(&round.settings)?;
    round.answers.iter().try_for_each(check_answer)
}

/// Settings are kept as they were asked, in what any desk can have answered with.
fn check_settings(settings: &AskedSettings) -> Result<(), Refusal> {
    check_ranges(settings).map_err(|(setting, allowed)| {
        Refusal::import_unfit(format_args!("the setting `{setting}` is not {allowed}"))
    })
}

fn check_answer(answer: &ExportedAnswer) -> Result<(), Refusal> {
    answer.settings.iter().try_for_each(check_settings)?;
    instant("created_at", answer.created_at)?;
    bounded("text", &answer.text, limits::ANSWER)?;
    let correction = answer.feedback.correction.as_deref().unwrap_or_default();
    bounded("correction", correction, limits::CORRECTION)?;
    check_marks(answer)?;
    let areas = answer.evidence.iter().map(|evidence| evidence.area);
    let areas = areas.chain(answer.readings.iter().map(|reading| reading.area));
    let count = answer.evidence.len().max(answer.readings.len());
    let is_box = |[x0, y0, x1, y1]: [u16; 4]| x0 < x1 && y0 < y1 && x1 <= 1000 && y1 <= 1000;
    if count > BOXES || !areas.into_iter().all(is_box) {
        return Err(Refusal::import_unfit(format_args!(
            "a box of the answer {} lies outside its picture",
            answer.id
        )));
    }
    for evidence in &answer.evidence {
        bounded("label", &evidence.label, limits::LABEL)?;
    }
    for reading in &answer.readings {
        bounded("was", &reading.was, limits::READING)?;
        if !reading.stands_in(&answer.text) {
            return Err(Refusal::import_unfit(format_args!(
                "a closer look of the answer {} starts where its string does not stand",
                answer.id
            )));
        }
        bounded("text", &reading.text, limits::READING)?;
        if !is_share(reading.probability) {
            return Err(Refusal::import_unfit(
                "a probability is not between 0 and 1",
            ));
        }
    }
    Ok(())
}

/// Marks lie in the text, in order and apart: the page underlines one after the other.
fn check_marks(answer: &ExportedAnswer) -> Result<(), Refusal> {
    let units = answer.text.encode_utf16().count();
    let unfit = |what: &str| {
        Err(Refusal::import_unfit(format_args!(
            "{what} in the answer {}",
            answer.id
        )))
    };
    let mut end = 0;
    for mark in &answer.marks {
        if mark.start >= mark.end || mark.end as usize > units {
            return unfit("a mark lies outside the text");
        }
        if mark.start < end {
            return unfit("marks overlap or are out of order");
        }
        if !is_share(mark.probability) {
            return unfit("a probability is not between 0 and 1");
        }
        end = mark.end;
    }
    match answer
        .tokens
        .iter()
        .all(|(length, _)| *length <= TOKEN_UNITS)
    {
        true => Ok(()),
        false => unfit("a token is longer than any is"),
    }
}

fn is_share(probability: f32) -> bool {
    (0.0..=1.0).contains(&probability)
}

/// Whether an instant is one.
pub fn instant(field: &str, at: i64) -> Result<(), Refusal> {
    match at {
        0..=clock::LATEST => Ok(()),
        _ => Err(Refusal::import_unfit(format_args!(
            "`{field}` is no number of milliseconds since 1970"
        ))),
    }
}
