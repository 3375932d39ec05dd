//! What a person asks, as it arrives: names of pictures, settings left open.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PictureId;

/// The most texts that may end an answer.
pub(crate) const STOP_TEXTS: usize = 8;

/// A question with the conversation that led to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Oldest first; the last one is the user's and is what gets answered.
    pub messages: Vec<Message>,
    /// Whatever is left out takes the desk's default.
    #[serde(default)]
    pub settings: AskedSettings,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// Texts and pictures, in reading order.
    pub content: Vec<Part>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// How to answer; at most one, at the front.
    System,
    /// The person who asks.
    User,
    /// An earlier answer.
    Assistant,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture that was uploaded before, or one of the samples.
    Picture {
        /// Its name.
        id: PictureId,
    },
}

/// The settings a request names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedSettings {
    /// 0 always takes the likeliest word; higher wanders further.
    #[schema(minimum = 0.0, maximum = 2.0)]
    pub temperature: Option<f32>,
    /// Samples among the likeliest words that together have this share.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    pub top_p: Option<f32>,
    /// Samples among this many likeliest words; 0 means all.
    #[schema(maximum = 1000)]
    pub top_k: Option<u32>,
    /// Lowers words that the answer has already used.
    #[schema(minimum = -2.0, maximum = 2.0)]
    pub presence_penalty: Option<f32>,
    /// Divides the scores of words already seen; 1 leaves them. Harms tables.
    #[schema(minimum = 0.1, maximum = 2.0)]
    pub repetition_penalty: Option<f32>,
    /// The same seed and question give the same answer.
    pub seed: Option<u64>,
    /// The answer ends after this many tokens.
    #[schema(minimum = 1)]
    pub max_tokens: Option<u32>,
    /// The most tokens one picture gets: fewer are quicker, more show smaller print. Never more than
    /// the desk's own bound, which is taken where this is left out.
    #[schema(minimum = 64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u32>,
    /// The answer ends before any of these texts.
    #[schema(max_items = 8)]
    #[serde(default, deserialize_with = "stop_texts")]
    pub stop: Option<Vec<String>>,
}

/// Keeps one text more than there may be, which is enough to refuse them all: three bytes of a list become many
/// times that in memory.
fn stop_texts<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Vec<String>>, D::Error> {
    json.deserialize_option(StopTexts)
}

struct StopTexts;

impl<'de> Visitor<'de> for StopTexts {
    type Value = Option<Vec<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while texts.len() <= STOP_TEXTS {
            match list.next_element()? {
                Some(text) => texts.push(text),
                None => return Ok(Some(texts)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_stop_texts_no_more_are_kept_than_tell_that_there_are_too_many() {
        let settings = |stop: &str| {
            let json = format!("{{\"stop\":{stop}}}");
            serde_json::from_str::<AskedSettings>(&json).map(|settings| settings.stop)
        };
        let many = format!("[{}\"\"]", "\"\",".repeat(100_000));
        let kept = settings(&many).expect("a list").expect("texts");
        assert_eq!(kept.len(), STOP_TEXTS + 1);
        assert!(kept.capacity() <= 2 * (STOP_TEXTS + 1));
        let two = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(settings("[\"a\",\"b\"]").expect("a list"), two);
        assert_eq!(settings("null").expect("nothing"), None);
        assert_eq!(settings("[]").expect("a list"), Some(vec![]));
        assert!(settings("[1]").is_err() && settings("\"a\"").is_err());
        let none: AskedSettings = serde_json::from_str("{}").expect("settings");
        assert_eq!(none.stop, None);
    }
}
