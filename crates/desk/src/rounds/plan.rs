//! What a question within a conversation will tell the model.

use std::sync::Arc;

use crate::check::check_messages;
use crate::desk::AtHand;
use crate::history::{History, Memory, Said, Told, pictures};
use crate::records::{Answer, AnswerState, Round};
use crate::{
    AnswerRequest, AskedSettings, Desk, Message, Part, Picture, PictureId, Presence, Refusal,
    Wishes,
};

/// Marks around a picture in the prompt.
const TOKENS_AROUND_A_PICTURE: u64 = 2;

/// A question with the rounds before it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The system text.
    pub role: &'a str,
    /// Rounds before the question, oldest first.
    pub earlier: &'a [Round],
    /// The words.
    pub question: &'a str,
    /// The question's own pictures.
    pub pictures: &'a [Arc<Picture>],
    /// How to answer.
    pub settings: &'a AskedSettings,
    /// How much of the conversation may be told.
    pub memory: Memory,
    /// Whether the asker still waits.
    pub presence: Presence,
}

/// Decides what is told. Counts tokens, so it may take milliseconds.
pub(crate) fn plan(desk: &Desk, plan: &Plan) -> Result<Told, Refusal> {
    let history = History {
        role: plan.role.to_owned(),
        earlier: plan.earlier.iter().map(said).collect(),
        now: Said {
            question: plan.question.to_owned(),
            pictures: plan.pictures.iter().map(|picture| picture.id()).collect(),
            answer: None,
        },
    };
    history.told(plan.memory, |messages| fits(desk, plan, messages))
}

/// A round as history sees it.
fn said(round: &Round) -> Said {
    Said {
        question: round.question.clone(),
        pictures: round.pictures.iter().map(|picture| picture.id).collect(),
        answer: shown(&round.answers).map(|answer| answer.text.clone()),
    }
}

/// The answer of a round that counts: the newest finished one, else the newest with words.
pub(crate) fn shown(answers: &[Answer]) -> Option<&Answer> {
    let said = |answer: &&Answer| !answer.text.trim().is_empty();
    let done = |answer: &&Answer| answer.state == AnswerState::Done && said(answer);
    let stopped = |answer: &&Answer| {
        let stopped = matches!(
            answer.state,
            AnswerState::Cancelled | AnswerState::Left | AnswerState::Interrupted
        );
        stopped && said(answer)
    };
    let newest_first = || answers.iter().rev();
    newest_first()
        .find(done)
        .or_else(|| newest_first().find(stopped))
}

/// Whether question and answer stay within the desk's bounds and the model's context.
///
/// Pictures are counted from what is known of them: decoding every one for each question would take
/// longer than asking.
fn fits(desk: &Desk, plan: &Plan, messages: &[Message]) -> Result<(), Refusal> {
    let whole = AnswerRequest {
        messages: messages.to_vec(),
        settings: plan.settings.clone(),
    };
    if plan.presence.has_left() {
        // Nobody hears it.
        return Err(Refusal::answer_failed());
    }
    check_messages(&whole, desk.limits().pictures_per_question as usize)?;
    let words = AnswerRequest {
        messages: messages.iter().map(words).collect(),
        ..whole
    };
    let question = desk.question(words, Wishes::default(), &AtHand::new())?;
    let longest = u64::from(question.settings.max_tokens);
    let counted = desk.answerer().count(&question)?;
    let most = question.settings.image_tokens;
    let shown = pictures(messages)
        .map(|id| tokens(desk, plan, id, most).saturating_add(TOKENS_AROUND_A_PICTURE));
    let needed = u64::from(counted.prompt_tokens) + shown.sum::<u64>() + longest;
    let limit = u64::from(desk.answerer().status().limits.context_tokens);
    match needed <= limit {
        true => Ok(()),
        false => Err(Refusal::question_too_long(needed, limit)),
    }
}

/// A message without its pictures, and never empty.
fn words(message: &Message) -> Message {
    let is_text = |part: &&Part| matches!(part, Part::Text { .. });
    let mut content: Vec<_> = message.content.iter().filter(is_text).cloned().collect();
    if content.is_empty() {
        let text = ".".to_owned();
        content.push(Part::Text { text });
    }
    let role = message.role;
    Message { role, content }
}

fn tokens(desk: &Desk, plan: &Plan, id: PictureId, most: u32) -> u64 {
    let own = plan.pictures.iter().find(|picture| picture.id() == id);
    let own = own.map(|picture| (picture.facts().width, picture.facts().height));
    let mut earlier = plan.earlier.iter().flat_map(|round| &round.pictures);
    let size = own.or_else(|| earlier.find(|p| p.id == id).map(|p| (p.width, p.height)));
    let tokens = |(width, height)| u64::from(desk.answerer().picture_tokens(width, height, most));
    size.map_or(0, tokens)
}
