//! Everything the desk says no to, and in which words.
//!
//! A [`Code`] names the case for programs: the page has its own sentence for
//! each, in the reader's language, and fills it from `details`. The message
//! here is for those who see no page. A [`Class`] says what the caller can do
//! about it; an edge such as HTTP maps classes, never codes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::PictureId;

/// Why the desk said no, to the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeskCode)]
pub enum Code {
    /// Neither words nor a picture to answer. No details.
    QuestionEmpty,
    /// Messages in an order nobody speaks in. No details.
    QuestionOrder,
    /// Details: `count`, `limit`.
    TooManyMessages,
    /// Details: `count`, `limit`.
    TooManyPictures,
    /// Details: `characters`, `limit`.
    TextTooLong,
    /// Question and answer exceed the context. Details: `tokens`, `limit`.
    QuestionTooLong,
    /// Details: `setting`, `allowed`.
    SettingOutOfRange,
    /// Details: `limit`, and `bytes` where the size is known.
    PictureTooLarge,
    /// The file has no bytes. No details.
    PictureEmpty,
    /// Details: `found` (may be null), `supported`.
    PictureType,
    /// Damaged or cut short. Details: `reason`.
    PictureUnreadable,
    /// Too many pixels, or far too long for its width. Details: `width`, `height`, `reason`.
    PictureDimensions,
    /// Details: `id`. Upload it again.
    PictureUnknown,
    /// Running answers use all the room for pictures. Details: `retry_after_s`.
    PicturesFull,
    /// Details: `waiting`, `retry_after_s`.
    QueueFull,
    /// The asker has as many questions here as is fair to the others. Details: `held`, `retry_after_s`.
    ShareFull,
    /// A JSON schema that no answer can be held to, which may show in mid-answer. Details: `reason`.
    ShapeUnsupported,
    /// The answer's time was over before its first word. No details.
    TimedOut,
    /// So much lay unread, of the answer or of all of them, that it was ended. Details: `bytes`.
    AnswerUnread,
    /// The model is loading. Details: `percent`.
    NotReady,
    /// The model could not be loaded. Details: `reason`.
    ModelFailed,
    /// The program is ending. No details.
    ShuttingDown,
    /// Something broke; the log says what. No details.
    AnswerFailed,
    /// Details: `id`.
    ConversationUnknown,
    /// Details: `id`.
    RoundUnknown,
    /// Details: `id`.
    AnswerUnknown,
    /// Details: `id`.
    RoleUnknown,
    /// Details: `alike`, names that may be meant.
    CustomerUnknown,
    /// What is linked with a customer has changed since it was shown. Details: `linked`, the
    /// conversations that are linked now and name nobody.
    LinkedChanged,
    /// A role that comes with the desk is not deleted. No details.
    RoleStandard,
    /// Details: `field`, `allowed`.
    FieldOutOfRange,
    /// The conversation lies in the bin. No details.
    ConversationDeleted,
    /// Only the newest question is answered again. No details.
    RoundNotNewest,
    /// An answer in the same conversation is being written. No details.
    AnswerRunning,
    /// The model found no place for a closer look. No details.
    NoPlace,
    /// The disk is full. No details.
    RecordsFull,
    /// The database is locked or away. Details: `retry_after_s`.
    RecordsBusy,
    /// The database broke; the log says what. No details.
    RecordsFailed,
    /// Not a file that can be imported. Details: `reason`.
    ImportUnfit,
    /// An import that ended half-way; the same file brings the rest. Details: `conversations`,
    /// `rounds` (what came in), `reason` (the code of what stood in the way).
    ImportCutShort,
    /// Whoever answers cannot do this. No details.
    NotOffered,
}

/// What the caller can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ask differently.
    Invalid,
    /// Send something smaller.
    TooLarge,
    /// Send another kind of file.
    Unsupported,
    /// Send another copy of the file.
    Unreadable,
    /// Send the picture again.
    UnknownPicture,
    /// Look for it elsewhere: there is no such record.
    Unknown,
    /// Wait for, or undo, what stands in the way.
    Conflict,
    /// Make room on the disk.
    NoRoom,
    /// Wait a moment.
    Busy,
    /// Ask again later, or allow more time.
    TimedOut,
    /// Wait until it is ready.
    NotReady,
    /// Look into the log.
    Failed,
}

impl Code {
    /// What the caller can do about it.
    pub fn class(self) -> Class {
        match self {
            Self::QuestionEmpty
            | Self::QuestionOrder
            | Self::TooManyMessages
            | Self::TooManyPictures
            | Self::TextTooLong
            | Self::QuestionTooLong
            | Self::SettingOutOfRange
            | Self::ShapeUnsupported
            | Self::FieldOutOfRange
            | Self::ImportUnfit
            | Self::NotOffered
            | Self::AnswerUnread
            | Self::RoleStandard => Class::Invalid,
            Self::PictureTooLarge => Class::TooLarge,
            Self::PictureType => Class::Unsupported,
            Self::PictureEmpty
            | Self::PictureUnreadable
            | Self::PictureDimensions
            | Self::NoPlace => Class::Unreadable,
            Self::PictureUnknown => Class::UnknownPicture,
            Self::TimedOut => Class::TimedOut,
            Self::PicturesFull | Self::QueueFull | Self::ShareFull => Class::Busy,
            Self::NotReady
            | Self::ModelFailed
            | Self::ShuttingDown
            | Self::RecordsBusy
            | Self::ImportCutShort => Class::NotReady,
            Self::AnswerFailed | Self::RecordsFailed => Class::Failed,
            Self::ConversationUnknown
            | Self::RoundUnknown
            | Self::AnswerUnknown
            | Self::RoleUnknown
            | Self::CustomerUnknown => Class::Unknown,
            Self::ConversationDeleted
            | Self::RoundNotNewest
            | Self::AnswerRunning
            | Self::LinkedChanged => Class::Conflict,
            Self::RecordsFull => Class::NoRoom,
        }
    }
}

/// A no, with its reason and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[error("{message}")]
pub struct Refusal {
    /// The case.
    pub code: Code,
    /// What happened and what to do, in English.
    pub message: String,
    /// The facts behind the message; see each code.
    #[schema(value_type = HashMap<String, Value>)]
    pub details: Map<String, Value>,
}

impl Refusal {
    /// A refusal in the speaker's own words.
    ///
    /// `details` is an object; anything else counts as none.
    pub fn new(code: Code, message: impl Into<String>, details: Value) -> Self {
        let details = match details {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let message = message.into();
        Self {
            code,
            message,
            details,
        }
    }

    /// What the caller can do about it.
    pub fn class(&self) -> Class {
        self.code.class()
    }

    /// When to try again, for refusals that pass by themselves.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.details.get("retry_after_s").and_then(Value::as_u64)
    }

    /// There is nothing to answer.
    pub fn question_empty() -> Self {
        let message = "There is nothing to answer yet. Write a question or add a picture.";
        Self::new(Code::QuestionEmpty, message, Value::Null)
    }

    /// The messages do not make a conversation; `rule` says what would.
    pub fn question_order(rule: &str) -> Self {
        Self::new(Code::QuestionOrder, rule, Value::Null)
    }

    /// The conversation has too many messages.
    pub fn too_many_messages(count: usize, limit: usize) -> Self {
        let message = format!(
            "This conversation has {count} messages; the limit is {limit}. Send only the last ones."
        );
        let details = json!({"count": count, "limit": limit});
        Self::new(Code::TooManyMessages, message, details)
    }

    /// Too many pictures at once.
    pub fn too_many_pictures(count: usize, limit: usize) -> Self {
        let message =
            format!("{count} pictures are too many at once; the limit is {limit}. Send fewer.");
        let details = json!({"count": count, "limit": limit});
        Self::new(Code::TooManyPictures, message, details)
    }

    /// The texts together are too long.
    pub fn text_too_long(characters: usize, limit: usize) -> Self {
        let message =
            format!("The text has {characters} characters; the limit is {limit}. Shorten it.");
        let details = json!({"characters": characters, "limit": limit});
        Self::new(Code::TextTooLong, message, details)
    }

    /// Question and answer would not fit into the model's context.
    pub fn question_too_long(tokens: u64, limit: u64) -> Self {
        // Client libraries know a conversation that is too long by this sentence.
        let message = format!(
            "This model's maximum context length is {limit} tokens; the question and its answer \
             need {tokens}. Send fewer pictures, a shorter text, or ask for a shorter answer."
        );
        let details = json!({"tokens": tokens, "limit": limit});
        Self::new(Code::QuestionTooLong, message, details)
    }

    /// A setting is outside its range; `allowed` says the range in words.
    pub fn setting_out_of_range(setting: &str, allowed: &str) -> Self {
        let message = format!("`{setting}` must be {allowed}.");
        let details = json!({"setting": setting, "allowed": allowed});
        Self::new(Code::SettingOutOfRange, message, details)
    }

    /// No answer can be held to this schema.
    pub fn shape_unsupported(reason: &str) -> Self {
        let message = format!("Answers cannot be held to this JSON schema: {reason}");
        Self::new(Code::ShapeUnsupported, message, json!({"reason": reason}))
    }

    /// There was no time for a word.
    pub fn timed_out() -> Self {
        let message = "The time for this answer was over before its first word. Ask again later, or \
                       allow more time.";
        Self::new(Code::TimedOut, message, Value::Null)
    }

    /// So many bytes of the answer waited to be read that it was ended.
    pub fn answer_unread(bytes: u64) -> Self {
        let size = megabytes(bytes);
        let message = format!(
            "The answer was ended because {size} of it lay unread. Read the stream as it comes, or ask for fewer \
             alternatives (`top_logprobs`)."
        );
        Self::new(Code::AnswerUnread, message, json!({"bytes": bytes}))
    }

    /// Of all answers too much waited to be read, and of this one, with so many bytes, the most.
    pub fn answers_unread(bytes: u64) -> Self {
        let size = megabytes(bytes);
        let message = format!(
            "The answer was ended because too much of all answers lay unread, and of yours the most: {size} of this \
             one, which are lost. Read the streams as they come, or fewer at a time."
        );
        Self::new(Code::AnswerUnread, message, json!({"bytes": bytes}))
    }

    /// The file is too large; `bytes` when its size is known.
    pub fn picture_too_large(bytes: Option<u64>, limit: u64) -> Self {
        let size = match bytes {
            Some(bytes) => format!("is {}", megabytes(bytes)),
            None => "is too large".to_owned(),
        };
        let limit_text = megabytes(limit);
        let message = format!("This picture {size}; the limit is {limit_text}. Try a smaller one.");
        let details = match bytes {
            Some(bytes) => json!({"bytes": bytes, "limit": limit}),
            None => json!({"limit": limit}),
        };
        Self::new(Code::PictureTooLarge, message, details)
    }

    /// The file is no picture of a kind that can be read.
    pub fn picture_type(found: Option<&str>, supported: &[String]) -> Self {
        let found_text = match found {
            Some(found) => format!("This file is {found}"),
            None => "This file is not a picture I know".to_owned(),
        };
        let message = format!("{found_text}; send one of {}.", supported.join(", "));
        let details = json!({"found": found, "supported": supported});
        Self::new(Code::PictureType, message, details)
    }

    /// The file has no bytes.
    pub fn picture_empty() -> Self {
        let message = "This picture file is empty. Send it again.";
        Self::new(Code::PictureEmpty, message, Value::Null)
    }

    /// The picture is damaged.
    pub fn picture_unreadable(reason: &str) -> Self {
        let message = format!(
            "This picture cannot be read ({reason}). Try to open it yourself, then save and send a copy."
        );
        Self::new(Code::PictureUnreadable, message, json!({"reason": reason}))
    }

    /// The picture has a size or shape nobody can read.
    pub fn picture_dimensions(width: u64, height: u64, reason: &str) -> Self {
        let message = format!(
            "This picture is {width} × {height} pixels: {reason}. Crop it or make it smaller."
        );
        let details = json!({"width": width, "height": height, "reason": reason});
        Self::new(Code::PictureDimensions, message, details)
    }

    /// The desk does not hold this picture (any more).
    pub fn picture_unknown(id: PictureId) -> Self {
        let message = format!("The desk does not hold the picture {id} any more. Send it again.");
        Self::new(Code::PictureUnknown, message, json!({"id": id}))
    }

    /// There is no room for another picture right now.
    pub fn pictures_full(retry_after_s: u64) -> Self {
        let message = format!(
            "The desk is full of pictures that are being read. Try again in {retry_after_s} s."
        );
        let details = json!({"retry_after_s": retry_after_s});
        Self::new(Code::PicturesFull, message, details)
    }

    /// Too many questions wait already.
    pub fn queue_full(waiting: u32, retry_after_s: u64) -> Self {
        let message = format!(
            "{waiting} questions are waiting already. Try again in about {retry_after_s} s."
        );
        let details = json!({"waiting": waiting, "retry_after_s": retry_after_s});
        Self::new(Code::QueueFull, message, details)
    }

    /// Whoever asks has enough questions here already.
    pub fn share_full(held: u32, retry_after_s: u64) -> Self {
        let message = format!(
            "You already have {held} questions being answered or waiting; the places that are left \
             are kept for others. Try again in about {retry_after_s} s."
        );
        let details = json!({"held": held, "retry_after_s": retry_after_s});
        Self::new(Code::ShareFull, message, details)
    }

    /// The model is still loading.
    pub fn not_ready(percent: u8) -> Self {
        let message =
            format!("The model is still loading ({percent} %). Ask again when it is ready.");
        Self::new(Code::NotReady, message, json!({"percent": percent}))
    }

    /// The model could not be loaded.
    pub fn model_failed(reason: &str) -> Self {
        let message = format!("The model could not be loaded: {reason}");
        Self::new(Code::ModelFailed, message, json!({"reason": reason}))
    }

    /// The program is ending.
    pub fn shutting_down() -> Self {
        let message = "Lookdesk is shutting down. Ask again when it is back.";
        Self::new(Code::ShuttingDown, message, Value::Null)
    }

    /// Whoever answers can only answer.
    pub fn not_offered() -> Self {
        let message = "What answers at this desk cannot cut pictures. Ask without a closer look.";
        Self::new(Code::NotOffered, message, Value::Null)
    }

    /// Something broke that the asker cannot mend.
    pub fn answer_failed() -> Self {
        let message = "The answer broke off because of a fault in Lookdesk. Ask again; \
                       if it happens twice, tell whoever runs it to look into the log.";
        Self::new(Code::AnswerFailed, message, Value::Null)
    }
}

/// A size as people say it: `20 MB`, `27.3 MB`.
fn megabytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1024 * 1024);
    match tenths % 10 {
        0 => format!("{} MB", tenths / 10),
        tenth => format!("{}.{tenth} MB", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_one_byte_over_the_limit_does_not_claim_to_be_at_the_limit() {
        let limit = 20 * 1024 * 1024;
        let refusal = Refusal::picture_too_large(Some(limit + 1), limit);
        assert_eq!(
            refusal.message,
            "This picture is 20.1 MB; the limit is 20 MB. Try a smaller one."
        );
    }

    #[test]
    fn a_busy_refusal_says_when_to_come_back() {
        for refusal in [
            Refusal::queue_full(4, 7),
            Refusal::share_full(4, 7),
            Refusal::pictures_full(7),
        ] {
            assert_eq!(refusal.class(), Class::Busy);
            assert_eq!(refusal.retry_after_s(), Some(7));
        }
        assert_eq!(Refusal::question_empty().retry_after_s(), None);
    }

    #[test]
    fn details_are_an_object_even_when_there_are_none() {
        let json = serde_json::to_value(Refusal::shutting_down()).expect("plain data");
        assert_eq!(json["details"], json!({}));
        assert_eq!(json["code"], "shutting_down");
    }
}
