//! What a response may ask for.

use std::collections::BTreeMap;

use desk::{AskedSettings, Role, Shape};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::chat_request::{MOST_ALTERNATIVES, outside, time_limit};
use super::content::{Detail, FormatKind, NamedSchema, TextOr};
use super::question::{Asked, Places, Spoken, SpokenPart};
use crate::error::ApiError;

const PLACES: Places = Places {
    messages: "input",
    shape: "text.format",
    max_tokens: "max_output_tokens",
};
/// What a client may have included that we have.
const LOGPROBS: &str = "message.output_text.logprobs";
/// What a client may have included that needs no reply: there is no reasoning to keep.
const REASONING: &str = "reasoning.encrypted_content";

/// A question in the shape of OpenAI's responses, without anything that would have to be stored.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResponsesRequest {
    /// The model's name, as `/v1/models` lists it.
    pub(super) model: Option<String>,
    /// The question, or the conversation, oldest first.
    input: TextOr<InputItem>,
    /// How to answer.
    instructions: Option<String>,
    /// The answer ends after this many tokens.
    max_output_tokens: Option<u32>,
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
    presence_penalty: Option<f32>,
    /// Divides the scores of words already seen; 1 leaves them. Harms tables.
    repetition_penalty: Option<f32>,
    /// The same seed and question give the same answer.
    seed: Option<i64>,
    /// Whether words come as they are found.
    stream: Option<bool>,
    /// What the answer must look like.
    text: Option<TextOptions>,
    /// `message.output_text.logprobs` reports how likely each token was.
    include: Option<Vec<String>>,
    /// How many likely alternatives to report beside each token.
    #[schema(maximum = 20)]
    top_logprobs: Option<u32>,
    /// Seconds the answer may take in all, waiting included; at most what the desk allows. What was said by then is
    /// the answer.
    #[schema(exclusive_minimum = 0.0)]
    timeout: Option<f64>,
    /// Comes back as it was sent: at most 16 texts of 512 characters, under names of 64.
    metadata: Option<Metadata>,
}

/// What a client wants to find again in the reply.
pub(super) type Metadata = BTreeMap<String, String>;

/// Bounds on it, as the interface documents them.
const METADATA_PAIRS: usize = 16;
const METADATA_NAME: usize = 64;
const METADATA_TEXT: usize = 512;

/// How the answer is written.
#[derive(Debug, Deserialize, ToSchema)]
struct TextOptions {
    format: Option<TextFormat>,
}

/// What the answer must look like.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "FormatFields")]
enum TextFormat {
    /// Words.
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema(NamedSchema),
}

/// What a format may have. Read flat, so that a fault in it is told with its place.
#[derive(Deserialize)]
struct FormatFields {
    #[serde(rename = "type")]
    kind: FormatKind,
    name: Option<String>,
    schema: Option<Value>,
}

impl TryFrom<FormatFields> for TextFormat {
    type Error = &'static str;

    fn try_from(fields: FormatFields) -> Result<Self, &'static str> {
        Ok(match fields.kind {
            FormatKind::Text => Self::Text,
            FormatKind::JsonObject => Self::JsonObject,
            FormatKind::JsonSchema => Self::JsonSchema(NamedSchema {
                name: Some(fields.name.ok_or("missing field `name`")?),
                schema: Some(fields.schema.ok_or("missing field `schema`")?),
            }),
        })
    }
}

/// One message.
#[derive(Debug, Deserialize, ToSchema)]
struct InputItem {
    /// `message`, which may be left out.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Who speaks.
    role: Option<InputRole>,
    /// Words, or words and pictures.
    content: Option<TextOr<InputPart>>,
}

/// Who speaks. `developer` is another word for `system`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum InputRole {
    System,
    Developer,
    User,
    Assistant,
}

/// A piece of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "PartFields")]
enum InputPart {
    /// Words.
    InputText {
        /// The words.
        text: String,
    },
    /// Words of an earlier answer.
    OutputText {
        /// The words.
        text: String,
    },
    /// A picture.
    InputImage {
        /// `data:image/png;base64,...`; `https://` where the desk allows it.
        image_url: Option<String>,
        /// How closely to look.
        detail: Option<Detail>,
    },
}

/// What a piece may have. Read flat, so that a fault in it is told with its place.
#[derive(Deserialize)]
struct PartFields {
    #[serde(rename = "type")]
    kind: PartKind,
    text: Option<String>,
    image_url: Option<String>,
    detail: Option<Detail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartKind {
    InputText,
    OutputText,
    InputImage,
}

impl TryFrom<PartFields> for InputPart {
    type Error = &'static str;

    fn try_from(fields: PartFields) -> Result<Self, &'static str> {
        let text = fields.text.ok_or("missing field `text`");
        Ok(match fields.kind {
            PartKind::InputText => Self::InputText { text: text? },
            PartKind::OutputText => Self::OutputText { text: text? },
            PartKind::InputImage => Self::InputImage {
                image_url: fields.image_url,
                detail: fields.detail,
            },
        })
    }
}

/// What to do with the answer, and what of the request the reply repeats.
#[derive(Clone, Debug)]
pub(super) struct ResponseManner {
    pub stream: bool,
    pub logprobs: bool,
    pub instructions: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_logprobs: u32,
    pub format: Value,
    pub metadata: Metadata,
}

impl ResponsesRequest {
    /// The question, and how its answer should be told.
    pub fn understand(self) -> Result<(Asked, ResponseManner), ApiError> {
        let alternatives = self.top_logprobs.unwrap_or(0);
        if alternatives > MOST_ALTERNATIVES {
            return Err(outside("top_logprobs", "between 0 and 20"));
        }
        let logprobs = included(self.include.as_deref().unwrap_or_default())?;
        let metadata = self.metadata.unwrap_or_default();
        bounded(&metadata)?;
        let format = self
            .text
            .and_then(|text| text.format)
            .unwrap_or(TextFormat::Text);
        let (named, shape) = match format {
            TextFormat::Text => (serde_json::json!({"type": "text"}), Shape::Free),
            TextFormat::JsonObject => (
                serde_json::json!({"type": "json_object"}),
                Shape::JsonObject,
            ),
            TextFormat::JsonSchema(schema) => {
                let told = serde_json::json!({
                    "type": "json_schema", "name": schema.name, "schema": schema.schema,
                    "strict": true,
                });
                (told, schema.shape())
            }
        };
        let mut spoken = Vec::new();
        if let Some(text) = self.instructions.clone() {
            spoken.push(Spoken {
                role: Role::System,
                parts: vec![SpokenPart::Text(text)],
                param: "instructions".to_owned(),
            });
        }
        match self.input {
            TextOr::Text(text) => spoken.push(Spoken {
                role: Role::User,
                parts: vec![SpokenPart::Text(text)],
                param: PLACES.messages.to_owned(),
            }),
            TextOr::List(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    spoken.push(item.spoken(index)?);
                }
            }
        }
        let asked = Asked {
            spoken,
            settings: AskedSettings {
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: self.top_k,
                presence_penalty: self.presence_penalty,
                repetition_penalty: self.repetition_penalty,
                seed: self.seed.map(i64::cast_unsigned),
                max_tokens: self.max_output_tokens,
                // Said picture by picture.
                image_tokens: None,
                stop: None,
            },
            shape,
            alternatives,
            ignore_eos: false,
            time_limit: time_limit(self.timeout)?,
            places: PLACES,
        };
        let manner = ResponseManner {
            stream: self.stream.unwrap_or(false),
            logprobs: logprobs || alternatives > 0,
            instructions: self.instructions,
            max_output_tokens: self.max_output_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            top_logprobs: alternatives,
            format: named,
            metadata,
        };
        Ok((asked, manner))
    }
}

/// Metadata comes back in every event of a stream that holds the response.
fn bounded(metadata: &Metadata) -> Result<(), ApiError> {
    if metadata.len() > METADATA_PAIRS {
        return Err(outside("metadata", "at most 16 pairs"));
    }
    for (name, text) in metadata {
        if name.chars().count() > METADATA_NAME {
            return Err(outside("metadata", "named in at most 64 characters each"));
        }
        if text.chars().count() > METADATA_TEXT {
            let place = format!("metadata.{name}");
            return Err(outside(&place, "at most 512 characters"));
        }
    }
    Ok(())
}

/// Whether log-probabilities are wanted; anything else we do not have is refused.
fn included(include: &[String]) -> Result<bool, ApiError> {
    let unknown = include
        .iter()
        .position(|what| what != LOGPROBS && what != REASONING);
    if let Some(index) = unknown {
        return Err(ApiError::Unsupported {
            param: format!("include[{index}]"),
            message: format!("Only `{LOGPROBS}` can be included here. Leave the rest out."),
        });
    }
    Ok(include.iter().any(|what| what == LOGPROBS))
}

impl InputItem {
    fn spoken(self, index: usize) -> Result<Spoken, ApiError> {
        let param = format!("input[{index}]");
        if let Some(kind) = self.kind.filter(|kind| kind != "message") {
            let kind: String = kind.chars().take(60).collect();
            return Err(ApiError::Unsupported {
                param: format!("{param}.type"),
                message: format!("Only messages are taken in `input`, and this is `{kind}`."),
            });
        }
        let role = match self.role {
            Some(InputRole::System | InputRole::Developer) => Role::System,
            Some(InputRole::User) => Role::User,
            Some(InputRole::Assistant) => Role::Assistant,
            None => {
                return Err(ApiError::Field {
                    message: format!("`{param}` needs a `role`, such as `user`."),
                    param: format!("{param}.role"),
                });
            }
        };
        let parts = match self.content {
            None => Vec::new(),
            Some(TextOr::Text(text)) => vec![SpokenPart::Text(text)],
            Some(TextOr::List(parts)) => {
                let parts = parts.into_iter().enumerate();
                let parts = parts.map(|(part, content)| content.spoken(&param, part));
                parts.collect::<Result<_, _>>()?
            }
        };
        Ok(Spoken { role, parts, param })
    }
}

impl InputPart {
    fn spoken(self, message: &str, part: usize) -> Result<SpokenPart, ApiError> {
        let param = format!("{message}.content[{part}].image_url");
        match self {
            Self::InputText { text } | Self::OutputText { text } => Ok(SpokenPart::Text(text)),
            Self::InputImage {
                image_url: Some(url),
                detail,
            } => Ok(SpokenPart::Picture {
                url,
                detail: detail.unwrap_or_default(),
                param,
            }),
            Self::InputImage {
                image_url: None, ..
            } => {
                let message = "Files are not stored here. Send the picture itself in `image_url`, \
                     as a data: URI."
                    .to_owned();
                Err(ApiError::Unsupported { param, message })
            }
        }
    }
}
