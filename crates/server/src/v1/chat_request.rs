//! What a chat completion may ask for.

use std::fmt;
use std::time::Duration;

use desk::{AskedSettings, Role, Shape};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::content::{Detail, ResponseFormat, TextOr};
use super::question::{Asked, Places, Spoken, SpokenPart};
use crate::error::ApiError;

/// Answers to one question at the same time.
const MOST_ANSWERS: u32 = 8;
/// Alternatives beside a token.
pub(super) const MOST_ALTERNATIVES: u32 = 20;

/// Nobody waits longer; the desk's own limit is far below.
const LONGEST_S: f64 = 1e9;

const PLACES: Places = Places {
    messages: "messages",
    shape: "response_format",
    max_tokens: "max_tokens",
};

/// A question in the shape of OpenAI's chat completions. Whatever is left out takes the desk's default;
/// fields nobody knows are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequest {
    /// The model's name, as `/v1/models` lists it.
    pub(super) model: Option<String>,
    /// The conversation, oldest first; the last message is the user's.
    messages: Vec<ChatMessage>,
    /// The answer ends after this many tokens.
    max_tokens: Option<u32>,
    /// The same, under its newer name.
    max_completion_tokens: Option<u32>,
    /// 0 always takes the likeliest word; higher wanders further.
    #[schema(minimum = 0.0, maximum = 2.0)]
    temperature: Option<f32>,
    /// Samples among the likeliest words that together have this share.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    top_p: Option<f32>,
    /// Samples among this many likeliest words; 0 means all.
    #[schema(maximum = 1000)]
    top_k: Option<u32>,
    /// Lowers words that the answer has already used.
    #[schema(minimum = -2.0, maximum = 2.0)]
    presence_penalty: Option<f32>,
    /// Divides the scores of words already seen; 1 leaves them. Harms tables.
    #[schema(minimum = 0.1, maximum = 2.0)]
    repetition_penalty: Option<f32>,
    /// The same seed and question give the same answer.
    seed: Option<i64>,
    /// The answer ends before any of these texts.
    stop: Option<TextOr<String>>,
    /// How many answers to give.
    #[schema(minimum = 1, maximum = 8)]
    n: Option<u32>,
    /// Whether to report how likely each token was.
    logprobs: Option<bool>,
    /// How many likely alternatives to report beside each token; needs `logprobs`.
    #[schema(maximum = 20)]
    top_logprobs: Option<u32>,
    /// Whether words come as they are found.
    stream: Option<bool>,
    /// How they come.
    stream_options: Option<StreamOptions>,
    /// What the answer must look like.
    response_format: Option<ResponseFormat>,
    /// Seconds the answer may take in all, waiting included; at most what the desk allows. What was said by then is
    /// the answer.
    #[schema(exclusive_minimum = 0.0)]
    timeout: Option<f64>,
    /// Whether the answer goes on past the model's own end, up to `max_tokens`: for measuring speed.
    ignore_eos: Option<bool>,
}

/// How a stream is told.
#[derive(Debug, Deserialize, ToSchema)]
struct StreamOptions {
    /// Whether a last chunk counts the tokens.
    include_usage: Option<bool>,
}

/// One message.
#[derive(Debug, Deserialize, ToSchema)]
struct ChatMessage {
    /// Who speaks.
    role: ChatRole,
    /// Words, or words and pictures.
    content: Option<TextOr<ChatPart>>,
    /// Not offered.
    tool_calls: Option<Vec<Value>>,
}

/// Who speaks. `developer` is another word for `system`; tools are not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ChatRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

/// A piece of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "PartFields")]
enum ChatPart {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    ImageUrl {
        /// Where it is.
        image_url: ImageUrl,
    },
}

/// What a piece may have. Read flat, so that a fault in it is told with its place.
#[derive(Deserialize)]
struct PartFields {
    #[serde(rename = "type")]
    kind: PartKind,
    text: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartKind {
    Text,
    ImageUrl,
}

impl TryFrom<PartFields> for ChatPart {
    type Error = &'static str;

    fn try_from(fields: PartFields) -> Result<Self, &'static str> {
        Ok(match fields.kind {
            PartKind::Text => Self::Text {
                text: fields.text.ok_or("missing field `text`")?,
            },
            PartKind::ImageUrl => Self::ImageUrl {
                image_url: fields.image_url.ok_or("missing field `image_url`")?,
            },
        })
    }
}

/// Where a picture is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ImageUrl {
    /// With how closely to look.
    Described {
        /// `data:image/png;base64,...`; `https://` where the desk allows it.
        url: String,
        /// How closely to look.
        detail: Option<Detail>,
    },
    /// Only the address.
    Bare(String),
}

#[derive(Deserialize)]
struct PicturePlace {
    url: String,
    detail: Option<Detail>,
}

/// By hand, so that a fault inside is told with its place.
impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ImageUrl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the picture's `url`")
            }

            fn visit_str<E>(self, url: &str) -> Result<ImageUrl, E> {
                Ok(ImageUrl::Bare(url.to_owned()))
            }

            fn visit_string<E>(self, url: String) -> Result<ImageUrl, E> {
                Ok(ImageUrl::Bare(url))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageUrl, A::Error> {
                let place = PicturePlace::deserialize(MapAccessDeserializer::new(map));
                place.map(|PicturePlace { url, detail }| ImageUrl::Described { url, detail })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// What to do with the answers.
pub(super) struct Manner {
    pub answers: u32,
    pub logprobs: bool,
    pub stream: bool,
    pub include_usage: bool,
}

impl ChatRequest {
    /// The question, and how its answers should be told.
    pub fn understand(self) -> Result<(Asked, Manner), ApiError> {
        let logprobs = self.logprobs.unwrap_or(false);
        let alternatives = self.top_logprobs.unwrap_or(0);
        if alternatives > MOST_ALTERNATIVES {
            return Err(outside("top_logprobs", "between 0 and 20"));
        }
        if alternatives > 0 && !logprobs {
            return Err(outside(
                "top_logprobs",
                "left out unless `logprobs` is true",
            ));
        }
        let answers = self.n.unwrap_or(1);
        if !(1..=MOST_ANSWERS).contains(&answers) {
            return Err(outside("n", "between 1 and 8"));
        }
        let (max_tokens, max_tokens_name) = match self.max_completion_tokens {
            Some(tokens) => (Some(tokens), "max_completion_tokens"),
            None => (self.max_tokens, PLACES.max_tokens),
        };
        let spoken = self.messages.into_iter().enumerate();
        let spoken = spoken.map(|(index, message)| message.spoken(index));
        let asked = Asked {
            spoken: spoken.collect::<Result<_, _>>()?,
            settings: AskedSettings {
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: self.top_k,
                presence_penalty: self.presence_penalty,
                repetition_penalty: self.repetition_penalty,
                // Any whole number will do; the same one gives the same answer.
                seed: self.seed.map(i64::cast_unsigned),
                max_tokens,
                // Said picture by picture.
                image_tokens: None,
                stop: self.stop.map(|stop| match stop {
                    TextOr::Text(one) => vec![one],
                    TextOr::List(many) => many,
                }),
            },
            shape: self.response_format.map_or(Shape::Free, Shape::from),
            alternatives,
            ignore_eos: self.ignore_eos.unwrap_or(false),
            time_limit: time_limit(self.timeout)?,
            places: Places {
                max_tokens: max_tokens_name,
                ..PLACES
            },
        };
        let manner = Manner {
            answers,
            logprobs,
            stream: self.stream.unwrap_or(false),
            include_usage: self
                .stream_options
                .and_then(|o| o.include_usage)
                .unwrap_or(false),
        };
        Ok((asked, manner))
    }
}

impl ChatMessage {
    fn spoken(self, index: usize) -> Result<Spoken, ApiError> {
        let param = format!("messages[{index}]");
        let role = match self.role {
            ChatRole::System | ChatRole::Developer => Role::System,
            ChatRole::User => Role::User,
            ChatRole::Assistant => Role::Assistant,
            ChatRole::Tool | ChatRole::Function => return Err(no_tools(format!("{param}.role"))),
        };
        if self.tool_calls.is_some_and(|calls| !calls.is_empty()) {
            return Err(no_tools(format!("{param}.tool_calls")));
        }
        let parts = match self.content {
            None => Vec::new(),
            Some(TextOr::Text(text)) => vec![SpokenPart::Text(text)],
            Some(TextOr::List(parts)) => {
                let parts = parts.into_iter().enumerate();
                parts
                    .map(|(part, content)| content.spoken(&param, part))
                    .collect()
            }
        };
        Ok(Spoken { role, parts, param })
    }
}

impl ChatPart {
    fn spoken(self, message: &str, part: usize) -> SpokenPart {
        match self {
            Self::Text { text } => SpokenPart::Text(text),
            Self::ImageUrl { image_url } => {
                let (url, detail) = match image_url {
                    ImageUrl::Described { url, detail } => (url, detail),
                    ImageUrl::Bare(url) => (url, None),
                };
                SpokenPart::Picture {
                    url,
                    detail: detail.unwrap_or_default(),
                    param: format!("{message}.content[{part}].image_url.url"),
                }
            }
        }
    }
}

/// A wish for an end in time.
pub(super) fn time_limit(seconds: Option<f64>) -> Result<Option<Duration>, ApiError> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let limit = Duration::try_from_secs_f64(seconds.min(LONGEST_S)).ok();
    match limit.filter(|limit| !limit.is_zero()) {
        None => Err(outside("timeout", "a number of seconds above 0")),
        limit => Ok(limit),
    }
}

/// A setting outside its range.
pub(super) fn outside(param: &str, allowed: &str) -> ApiError {
    ApiError::Field {
        param: param.to_owned(),
        message: format!("`{param}` must be {allowed}."),
    }
}

fn no_tools(param: String) -> ApiError {
    let message = "Tools are not offered here. Leave their messages out.".to_owned();
    ApiError::Unsupported { param, message }
}
