//! Whether a request can be asked at all: what can be said without looking at
//! the pictures or the model.

use crate::request::STOP_TEXTS;
use crate::{
    AnswerRequest, AskedSettings, Defaults, EngineLimits, Message, Part, Refusal, Role, Settings,
};

/// More than any page sends; a bound on work, not on people.
const MESSAGES: usize = 200;
/// All texts together; the model's context is the tighter bound.
const TEXT_CHARACTERS: usize = 64 * 1024;
/// Pictures of the whole conversation, in pictures of one message.
const CONVERSATION_FACTOR: usize = 4;
const STOP_CHARACTERS: usize = 64;
const TOP_K: u32 = 1000;
/// The fewest tokens a picture may be held to: 256 x 256 pixels, below which nothing can be read.
const IMAGE_TOKENS: u32 = 64;

/// Checks the conversation's shape and size.
pub(crate) fn check_messages(
    request: &AnswerRequest,
    pictures_per_question: usize,
) -> Result<(), Refusal> {
    let messages = &request.messages;
    if messages.len() > MESSAGES {
        return Err(Refusal::too_many_messages(messages.len(), MESSAGES));
    }
    check_order(messages)?;
    check_text(messages)?;
    check_pictures(messages, pictures_per_question)
}

fn check_order(messages: &[Message]) -> Result<(), Refusal> {
    let Some(last) = messages.last() else {
        return Err(Refusal::question_empty());
    };
    if messages.iter().skip(1).any(|m| m.role == Role::System) {
        let rule = "A system message may only stand first. Move it to the front.";
        return Err(Refusal::question_order(rule));
    }
    if last.role != Role::User {
        let rule = "The last message must be the user's: it is what gets answered.";
        return Err(Refusal::question_order(rule));
    }
    if !last.content.iter().any(says_something) {
        return Err(Refusal::question_empty());
    }
    Ok(())
}

fn says_something(part: &Part) -> bool {
    match part {
        Part::Text { text } => !text.trim().is_empty(),
        Part::Picture { .. } => true,
    }
}

fn check_text(messages: &[Message]) -> Result<(), Refusal> {
    let parts = messages.iter().flat_map(|message| &message.content);
    let characters = parts
        .map(|part| match part {
            Part::Text { text } => text.chars().count(),
            Part::Picture { .. } => 0,
        })
        .sum();
    if characters > TEXT_CHARACTERS {
        return Err(Refusal::text_too_long(characters, TEXT_CHARACTERS));
    }
    Ok(())
}

fn check_pictures(messages: &[Message], limit: usize) -> Result<(), Refusal> {
    let mut conversation = 0;
    for message in messages {
        let parts = message.content.iter();
        let count = parts.filter(|p| matches!(p, Part::Picture { .. })).count();
        if count > 0 && message.role != Role::User {
            let rule = "Only the user's messages may hold pictures. Move them there.";
            return Err(Refusal::question_order(rule));
        }
        if count > limit {
            return Err(Refusal::too_many_pictures(count, limit));
        }
        conversation += count;
    }
    let limit = limit.saturating_mul(CONVERSATION_FACTOR);
    if conversation > limit {
        return Err(Refusal::too_many_pictures(conversation, limit));
    }
    Ok(())
}

/// Decides every setting: what was asked if it is in range, else the default.
pub(crate) fn decide_settings(
    asked: &AskedSettings,
    defaults: &Defaults,
    limits: &EngineLimits,
) -> Result<Settings, Refusal> {
    let longest = limits.max_tokens;
    let settings = Settings {
        temperature: asked.temperature.unwrap_or(defaults.temperature),
        top_p: asked.top_p.unwrap_or(defaults.top_p),
        top_k: asked.top_k.unwrap_or(defaults.top_k),
        presence_penalty: asked.presence_penalty.unwrap_or(0.0),
        repetition_penalty: asked.repetition_penalty.unwrap_or(1.0),
        seed: asked.seed,
        max_tokens: asked.max_tokens.unwrap_or(defaults.max_tokens.min(longest)),
        image_tokens: decide_image_tokens(asked.image_tokens, limits)?,
        stop: asked.stop.clone().unwrap_or_default(),
    };
    check_ranges(&AskedSettings {
        temperature: Some(settings.temperature),
        top_p: Some(settings.top_p),
        top_k: Some(settings.top_k),
        presence_penalty: Some(settings.presence_penalty),
        repetition_penalty: Some(settings.repetition_penalty),
        stop: Some(settings.stop.clone()),
        ..AskedSettings::default()
    })
    .map_err(|(setting, allowed)| Refusal::setting_out_of_range(setting, allowed))?;
    if !(1..=longest).contains(&settings.max_tokens) {
        let allowed = format!("between 1 and {longest}");
        return Err(Refusal::setting_out_of_range("max_tokens", &allowed));
    }
    Ok(settings)
}

/// Which setting lies outside of what any desk allows, and what is allowed.
pub(crate) fn check_ranges(asked: &AskedSettings) -> Result<(), (&'static str, &'static str)> {
    let within = |asked: Option<f32>, from: f32, to: f32| {
        asked.is_none_or(|asked| (from..=to).contains(&asked))
    };
    let ranges = [
        (
            "temperature",
            "between 0 and 2",
            within(asked.temperature, 0.0, 2.0),
        ),
        (
            "top_p",
            "above 0 and at most 1",
            asked.top_p.is_none_or(|top_p| top_p > 0.0 && top_p <= 1.0),
        ),
        (
            "top_k",
            "between 0 and 1000",
            asked.top_k.is_none_or(|top_k| top_k <= TOP_K),
        ),
        (
            "presence_penalty",
            "between -2 and 2",
            within(asked.presence_penalty, -2.0, 2.0),
        ),
        (
            "repetition_penalty",
            "between 0.1 and 2",
            within(asked.repetition_penalty, 0.1, 2.0),
        ),
        (
            "stop",
            "at most 8 texts of 1 to 64 characters",
            asked.stop.as_deref().is_none_or(stop_texts_fit),
        ),
    ];
    match ranges.iter().find(|(_, _, in_range)| !in_range) {
        Some((setting, allowed, _)) => Err((setting, allowed)),
        None => Ok(()),
    }
}

/// The most tokens of one picture, given what was asked for.
pub(crate) fn decide_image_tokens(
    asked: Option<u32>,
    limits: &EngineLimits,
) -> Result<u32, Refusal> {
    match asked {
        Some(tokens) if tokens < IMAGE_TOKENS => {
            let allowed = format!("at least {IMAGE_TOKENS}");
            Err(Refusal::setting_out_of_range("image_tokens", &allowed))
        }
        asked => Ok(asked.map_or(limits.image_tokens, |most| most.min(limits.image_tokens))),
    }
}

/// Whether texts may end an answer.
fn stop_texts_fit(stop: &[String]) -> bool {
    stop.len() <= STOP_TEXTS
        && stop
            .iter()
            .all(|text| (1..=STOP_CHARACTERS).contains(&text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{message, picture_part, text};
    use crate::{Code, PictureId};

    fn refused(messages: Vec<Message>) -> Option<Code> {
        let settings = AskedSettings::default();
        let request = AnswerRequest { messages, settings };
        check_messages(&request, 2)
            .err()
            .map(|refusal| refusal.code)
    }

    fn picture(mark: u8) -> Part {
        picture_part(PictureId::of(&[mark]))
    }

    #[test]
    fn a_question_needs_words_or_a_picture() {
        assert_eq!(refused(vec![]), Some(Code::QuestionEmpty));
        let blank = message(Role::User, [text(" \n\t")]);
        assert_eq!(refused(vec![blank]), Some(Code::QuestionEmpty));
        assert_eq!(refused(vec![message(Role::User, [text("?")])]), None);
        assert_eq!(refused(vec![message(Role::User, [picture(1)])]), None);
    }

    #[test]
    fn the_user_speaks_last() {
        let user = message(Role::User, [text("hello")]);
        let assistant = message(Role::Assistant, [text("hello")]);
        let order = Some(Code::QuestionOrder);
        assert_eq!(refused(vec![user.clone(), assistant.clone()]), order);
        assert_eq!(refused(vec![user.clone(), assistant, user]), None);
    }

    #[test]
    fn a_system_message_stands_first_or_nowhere() {
        let user = message(Role::User, [text("hello")]);
        let system = message(Role::System, [text("be brief")]);
        assert_eq!(refused(vec![system.clone(), user.clone()]), None);
        let late = vec![user.clone(), system, user];
        assert_eq!(refused(late), Some(Code::QuestionOrder));
    }

    #[test]
    fn only_the_user_shows_pictures() {
        let user = message(Role::User, [text("and now?")]);
        let assistant = message(Role::Assistant, [picture(1)]);
        assert_eq!(refused(vec![assistant, user]), Some(Code::QuestionOrder));
    }

    #[test]
    fn pictures_are_bounded_per_message_and_per_conversation() {
        let three = message(Role::User, [picture(1), picture(2), picture(3)]);
        assert_eq!(refused(vec![three]), Some(Code::TooManyPictures));
        let two = message(Role::User, [picture(1), picture(2)]);
        assert_eq!(refused(vec![two.clone(); CONVERSATION_FACTOR]), None);
        let crowd = vec![two; CONVERSATION_FACTOR + 1];
        assert_eq!(refused(crowd), Some(Code::TooManyPictures));
    }

    #[test]
    fn length_is_counted_in_characters_over_all_messages() {
        let half = message(Role::User, [text(&"灯".repeat(TEXT_CHARACTERS / 2))]);
        assert_eq!(refused(vec![half.clone(), half.clone()]), None);
        let more = vec![half.clone(), half.clone(), message(Role::User, [text("?")])];
        assert_eq!(refused(more), Some(Code::TextTooLong));
        let many = vec![message(Role::User, [text("?")]); MESSAGES + 1];
        assert_eq!(refused(many), Some(Code::TooManyMessages));
    }

    #[test]
    fn a_picture_never_gets_more_tokens_than_the_desk_allows() {
        let asked = |tokens| AskedSettings {
            image_tokens: tokens,
            ..AskedSettings::default()
        };
        let tokens = |asked| decide(asked).expect("in range").image_tokens;
        assert_eq!(tokens(asked(None)), 1280);
        assert_eq!(tokens(asked(Some(256))), 256);
        assert_eq!(tokens(asked(Some(9999))), 1280);
        let refusal = decide(asked(Some(63))).expect_err("nothing can be read");
        assert_eq!(refusal.details["setting"], "image_tokens");
    }

    fn decide(asked: AskedSettings) -> Result<Settings, Refusal> {
        let limits = EngineLimits {
            picture_types: vec![],
            image_tokens: 1280,
            max_tokens: 100,
            context_tokens: 4096,
        };
        decide_settings(&asked, &Defaults::default(), &limits)
    }

    #[test]
    fn open_settings_take_the_desks_defaults_within_the_engines_limits() {
        let settings = decide(AskedSettings::default()).expect("defaults are in range");
        assert_eq!(settings.temperature, 0.25);
        assert_eq!(settings.top_k, 20);
        assert_eq!(settings.max_tokens, 100);
        assert_eq!(settings.repetition_penalty, 1.0);
    }

    #[test]
    fn every_setting_has_a_range_and_is_named_when_it_leaves_it() {
        let asked = AskedSettings::default;
        let outside = [
            (
                "temperature",
                AskedSettings {
                    temperature: Some(2.1),
                    ..asked()
                },
            ),
            (
                "temperature",
                AskedSettings {
                    temperature: Some(f32::NAN),
                    ..asked()
                },
            ),
            (
                "top_p",
                AskedSettings {
                    top_p: Some(0.0),
                    ..asked()
                },
            ),
            (
                "top_k",
                AskedSettings {
                    top_k: Some(1001),
                    ..asked()
                },
            ),
            (
                "presence_penalty",
                AskedSettings {
                    presence_penalty: Some(-3.0),
                    ..asked()
                },
            ),
            (
                "repetition_penalty",
                AskedSettings {
                    repetition_penalty: Some(0.0),
                    ..asked()
                },
            ),
            (
                "max_tokens",
                AskedSettings {
                    max_tokens: Some(0),
                    ..asked()
                },
            ),
            (
                "max_tokens",
                AskedSettings {
                    max_tokens: Some(101),
                    ..asked()
                },
            ),
            (
                "stop",
                AskedSettings {
                    stop: Some(vec![String::new()]),
                    ..asked()
                },
            ),
            (
                "stop",
                AskedSettings {
                    stop: Some(vec!["x".into(); 9]),
                    ..asked()
                },
            ),
        ];
        for (setting, asked) in outside {
            let refusal = decide(asked).expect_err(setting);
            assert_eq!(refusal.code, Code::SettingOutOfRange);
            assert_eq!(refusal.details["setting"], setting);
        }
    }
}
