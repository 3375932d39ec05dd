//! A conversation from a file: a JSON list of messages as OpenAI's chat API takes them.
//!
//! `content` is a string or a list of parts, `{"type": "text", "text": ...}` or
//! `{"type": "image_url", "image_url": {"url": ...}}`, where the URL is a `data:` URI or the path of
//! a local file, relative to the file of messages. Nothing is ever fetched from a network. Every
//! size is bounded before it is read.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::chat::{Message, Part, Role};
use serde_json::{Map, Value};

use crate::conversation::{
    Conversation, PictureFileError, TooManyPictures, bounded, picture_bytes, picture_file,
};

/// The whole file of messages, pictures inside it included.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
const MOST_MESSAGES: usize = 1000;
/// A URI in a message shows no more of itself than this.
const SHOWN: usize = 40;

/// Why a conversation cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MessagesError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is larger than {limit} bytes")]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{path} is not UTF-8 text")]
    NotText { path: PathBuf },
    #[error("{path} is not JSON")]
    NotJson {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "the messages must be a JSON list such as [{{\"role\": \"user\", \"content\": \"...\"}}]"
    )]
    NotAList,
    #[error("the conversation is empty; it needs at least one message")]
    Empty,
    #[error("{count} messages are too many; the most is {MOST_MESSAGES}")]
    TooManyMessages { count: usize },
    #[error(transparent)]
    TooManyPictures(#[from] TooManyPictures),
    #[error("message {message}: {fault}")]
    Message { message: usize, fault: Fault },
    #[error("message {message}, part {part}: {fault}")]
    Part {
        message: usize,
        part: usize,
        fault: Fault,
    },
    #[error("message {message}, part {part}")]
    Picture {
        message: usize,
        part: usize,
        source: PictureFileError,
    },
}

/// What is wrong with one message or one part of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is not an object with role and content")]
    NotAnObject,
    #[error("role must be \"system\", \"user\" or \"assistant\"")]
    Role,
    #[error("content must be a text or a list of parts")]
    Content,
    #[error("type must be \"text\" or \"image_url\"")]
    Type,
    #[error("a text part needs a \"text\"")]
    Text,
    #[error("an image_url part needs {{\"image_url\": {{\"url\": ...}}}}")]
    Url,
    #[error(
        "{0} is on a network, and nothing is fetched from there; save the picture and give its path"
    )]
    Remote(String),
    #[error("the data URI has no base64 data; it must look like data:image/jpeg;base64,...")]
    DataUri,
    #[error("the data URI holds more than {} MB; use a smaller picture", picture_bytes() >> 20)]
    DataTooLarge,
}

/// Reads a file of messages.
pub fn read(path: &Path) -> Result<Conversation, MessagesError> {
    let unreadable = |source| MessagesError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let bytes = bounded(file, FILE_BYTES)
        .map_err(unreadable)?
        .ok_or_else(|| MessagesError::TooLarge {
            path: path.into(),
            limit: FILE_BYTES,
        })?;
    let text =
        String::from_utf8(bytes).map_err(|_| MessagesError::NotText { path: path.into() })?;
    let value = serde_json::from_str(&text).map_err(|source| MessagesError::NotJson {
        path: path.into(),
        source,
    })?;
    parse(&value, path.parent().unwrap_or(Path::new("")))
}

/// Makes a conversation of the JSON; local paths are relative to `base`.
fn parse(value: &Value, base: &Path) -> Result<Conversation, MessagesError> {
    let list = value.as_array().ok_or(MessagesError::NotAList)?;
    if list.is_empty() {
        return Err(MessagesError::Empty);
    }
    if list.len() > MOST_MESSAGES {
        return Err(MessagesError::TooManyMessages { count: list.len() });
    }
    let mut conversation = Conversation::default();
    for (index, entry) in list.iter().enumerate() {
        let message = index + 1;
        let of = |fault| MessagesError::Message { message, fault };
        let entry = entry.as_object().ok_or(of(Fault::NotAnObject))?;
        let role = role(entry).ok_or(of(Fault::Role))?;
        let content = match entry.get("content") {
            Some(Value::String(text)) => vec![Part::Text(text.clone())],
            Some(Value::Array(parts)) => parts
                .iter()
                .enumerate()
                .map(|(index, value)| part(value, &mut conversation, base, (message, index + 1)))
                .collect::<Result<_, _>>()?,
            _ => return Err(of(Fault::Content)),
        };
        conversation.messages.push(Message { role, content });
    }
    Ok(conversation)
}

fn role(message: &Map<String, Value>) -> Option<Role> {
    match message.get("role")?.as_str()? {
        "system" => Some(Role::System),
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        _ => None,
    }
}

/// One part of message number `message`; a picture is added to the conversation.
fn part(
    value: &Value,
    conversation: &mut Conversation,
    base: &Path,
    (message, part): (usize, usize),
) -> Result<Part, MessagesError> {
    let of = |fault| MessagesError::Part {
        message,
        part,
        fault,
    };
    match value.get("type").and_then(Value::as_str) {
        Some("text") => {
            let text = value
                .get("text")
                .and_then(Value::as_str)
                .ok_or(of(Fault::Text))?;
            Ok(Part::Text(text.to_owned()))
        }
        Some("image_url") => {
            let url = url(value).ok_or(of(Fault::Url))?;
            let bytes = match place(url).map_err(of)? {
                Place::Data(bytes) => bytes,
                Place::File(path) => {
                    picture_file(&base.join(path)).map_err(|source| MessagesError::Picture {
                        message,
                        part,
                        source,
                    })?
                }
            };
            Ok(conversation.picture(bytes)?)
        }
        _ => Err(of(Fault::Type)),
    }
}

/// `image_url` is an object with a `url`; some clients write the bare string.
fn url(part: &Value) -> Option<&str> {
    let image = part.get("image_url")?;
    image.as_str().or_else(|| image.get("url")?.as_str())
}

/// Where an `image_url` points.
enum Place<'a> {
    Data(Arc<[u8]>),
    File(&'a str),
}

fn place(url: &str) -> Result<Place<'_>, Fault> {
    if let Some(rest) = prefixed(url, "data:") {
        return data(rest).map(Place::Data);
    }
    match url.split_once("://") {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("file") => Ok(Place::File(path)),
        Some(_) => Err(Fault::Remote(url.chars().take(SHOWN).collect())),
        None => Ok(Place::File(url)),
    }
}

fn prefixed<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// The bytes of `[media type][;parameters];base64,...`. The media type is not believed: pictures are
/// told by their bytes.
fn data(rest: &str) -> Result<Arc<[u8]>, Fault> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let (head, body) = rest.split_once(',').ok_or(Fault::DataUri)?;
    if !head.to_ascii_lowercase().ends_with(";base64") {
        return Err(Fault::DataUri);
    }
    if body.len() as u64 > picture_bytes().div_ceil(3) * 4 {
        return Err(Fault::DataTooLarge);
    }
    BASE64
        .decode(body.trim())
        .map(Arc::from)
        .map_err(|_| Fault::DataUri)
}

#[cfg(test)]
mod tests;
