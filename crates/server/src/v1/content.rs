//! The parts of requests that both interfaces share: what a message holds, and the shape of an answer.

use std::fmt;
use std::marker::PhantomData;

use desk::Shape;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One thing as a text, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum TextOr<T> {
    /// Only words.
    Text(String),
    /// In reading order.
    List(Vec<T>),
}

/// By hand, so that a fault in a part of the list is told with its place.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(TextOr::List)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// How closely to look at a picture. `low` gives it at most 256 tokens, about 512 x 512 pixels: quick, and
/// enough to tell what it shows. All else is the desk's full size: a label made small is a label misread.
/// One question has one measure, so `low` counts where every picture of the request says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Detail {
    #[default]
    Auto,
    Low,
    High,
    Original,
}

/// What `low` gives a picture: the area the interface's own `low` shrinks it to.
const LOW_IMAGE_TOKENS: u32 = 256;

impl Detail {
    /// The most tokens of one picture in a question whose pictures ask for these; `None` for the desk's
    /// own bound.
    pub fn image_tokens(details: impl IntoIterator<Item = Self>) -> Option<u32> {
        let mut details = details.into_iter().peekable();
        details.peek()?;
        details
            .all(|detail| detail == Self::Low)
            .then_some(LOW_IMAGE_TOKENS)
    }
}

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "FormatFields")]
pub(super) enum ResponseFormat {
    /// Words.
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema.
        json_schema: NamedSchema,
    },
}

/// What a format may have. Read flat, so that a fault in it is told with its place.
#[derive(Deserialize)]
struct FormatFields {
    #[serde(rename = "type")]
    kind: FormatKind,
    json_schema: Option<NamedSchema>,
}

/// The kinds of formats there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FormatKind {
    Text,
    JsonObject,
    JsonSchema,
}

impl TryFrom<FormatFields> for ResponseFormat {
    type Error = &'static str;

    fn try_from(fields: FormatFields) -> Result<Self, &'static str> {
        Ok(match fields.kind {
            FormatKind::Text => Self::Text,
            FormatKind::JsonObject => Self::JsonObject,
            FormatKind::JsonSchema => Self::JsonSchema {
                json_schema: fields.json_schema.ok_or("missing field `json_schema`")?,
            },
        })
    }
}

/// A JSON schema with its name. Answers are always held to it, whatever `strict` says.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(super) struct NamedSchema {
    /// What it is called.
    pub name: Option<String>,
    /// The schema itself.
    pub schema: Option<Value>,
}

impl NamedSchema {
    /// The shape it asks for; without a schema, any object.
    pub fn shape(self) -> Shape {
        self.schema.map_or(Shape::JsonObject, Shape::JsonSchema)
    }
}

impl From<ResponseFormat> for Shape {
    fn from(format: ResponseFormat) -> Self {
        match format {
            ResponseFormat::Text => Self::Free,
            ResponseFormat::JsonObject => Self::JsonObject,
            ResponseFormat::JsonSchema { json_schema } => json_schema.shape(),
        }
    }
}
