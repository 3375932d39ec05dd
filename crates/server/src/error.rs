//! Every error that leaves this server, with its status, in one place.
//!
//! What the desk refuses keeps the desk's words; the rest is said here. What
//! went wrong inside goes to the log, and the reader gets the request's id.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use desk::{Class, Code, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// What OpenAI's clients heed before they try again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why a request got no better answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    /// The desk said no.
    Refused(Refusal),
    /// The desk said no to one place of the request.
    RefusedAt {
        param: String,
        refusal: Box<Refusal>,
    },
    /// A field has a value it cannot have.
    Field { param: String, message: String },
    /// The request asks for something that is not offered.
    Unsupported { param: String, message: String },
    /// Nobody of this name answers here.
    ModelUnknown { model: String, known: Vec<String> },
    /// Keys are asked for, and none came.
    KeyMissing,
    /// A key nobody was given.
    KeyWrong,
    /// Requests come faster than they may.
    TooFast { retry_after_s: u64 },
    /// A key has as many answers running as it may.
    TooManyAtOnce { limit: u32 },
    /// The body is not the JSON it should be.
    InvalidJson { reason: String },
    /// The body does not say that it is JSON.
    NotJson,
    /// The body is compressed.
    Packed,
    /// A file to import is too large.
    ImportTooLarge { limit: u64 },
    /// Another import is under way.
    ImportsBusy,
    /// A body other than a picture's is too large.
    BodyTooLarge { limit: u64 },
    /// The body holds more values than are read.
    TooManyValues { limit: u32 },
    /// The body stopped coming.
    BodyTooSlow,
    /// The connection broke while the body came.
    BodyBroken,
    /// Too many uploads at the same time.
    UploadsBusy,
    /// Nothing lives at this address.
    NotFound,
    /// Something lives here, but not for this method.
    MethodNotAllowed,
    /// Addressed to a host that is not ours.
    HostNotAllowed { host: Option<String> },
    /// Sent by a page that is not ours.
    OriginNotAllowed,
    /// A fault of this program.
    Internal,
}

/// What went wrong at the edge, before or beside the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EdgeCode {
    /// Details: `reason`.
    InvalidJson,
    /// No details.
    NotJson,
    /// No details.
    BodyPacked,
    /// Details: `limit`.
    ImportTooLarge,
    /// Details: `retry_after_s`.
    ImportsBusy,
    /// Details: `limit`.
    BodyTooLarge,
    /// Details: `limit`.
    TooManyValues,
    /// No details.
    BodyTooSlow,
    /// No details.
    BodyBroken,
    /// Details: `retry_after_s`.
    UploadsBusy,
    /// No details.
    NotFound,
    /// No details.
    MethodNotAllowed,
    /// Details: `host`.
    HostNotAllowed,
    /// No details.
    OriginNotAllowed,
    /// Details: `param`.
    InvalidField,
    /// Details: `param`.
    Unsupported,
    /// Details: `model`, `known`.
    ModelNotFound,
    /// No details.
    KeyMissing,
    /// No details.
    InvalidApiKey,
    /// Details: `retry_after_s`.
    RateLimitExceeded,
    /// Details: `limit`.
    TooManyAtOnce,
    /// No details.
    Internal,
}

/// The body of every response that is an error.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub error: Problem,
}

/// One error.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// The case, for programs.
    pub code: ProblemCode,
    /// What happened and what to do, in English.
    pub message: String,
    /// The facts behind the message; see each code.
    #[schema(value_type = HashMap<String, Value>)]
    pub details: Map<String, Value>,
    /// Under which the log knows this request.
    pub request_id: String,
}

/// The body of every error under `/v1`, in the shape OpenAI's clients read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct OpenAiErrorBody {
    pub error: OpenAiError,
}

/// One error, in OpenAI's shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OpenAiError {
    /// What happened and what to do, in English.
    pub message: String,
    /// What kind of error, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where in the request.
    pub param: Option<String>,
    /// The case, for programs.
    pub code: Option<String>,
}

/// A case the desk knows, or one of the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ProblemCode {
    Desk(Code),
    Edge(EdgeCode),
}

const UPLOADS_RETRY_S: u64 = 5;
const IMPORTS_RETRY_S: u64 = 30;
/// An answer of one's own may end any moment.
const AT_ONCE_RETRY_S: u64 = 1;

impl ApiError {
    /// The desk's no to one place of the request.
    pub fn at(param: String, refusal: Refusal) -> Self {
        let refusal = Box::new(refusal);
        Self::RefusedAt { param, refusal }
    }

    /// The status of every error.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => match refusal.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Class::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Class::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
                Class::UnknownPicture | Class::Unknown => StatusCode::NOT_FOUND,
                Class::Conflict => StatusCode::CONFLICT,
                Class::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
                Class::Busy => StatusCode::TOO_MANY_REQUESTS,
                Class::TimedOut => StatusCode::REQUEST_TIMEOUT,
                Class::NotReady => StatusCode::SERVICE_UNAVAILABLE,
                Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            // The request is JSON and was read; what is wrong is a part of it.
            Self::RefusedAt { refusal, .. } => match refusal.class() {
                Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Class::Busy => StatusCode::TOO_MANY_REQUESTS,
                Class::TimedOut => StatusCode::REQUEST_TIMEOUT,
                Class::NotReady => StatusCode::SERVICE_UNAVAILABLE,
                Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
                Class::Conflict => StatusCode::CONFLICT,
                Class::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
                Class::Invalid
                | Class::Unsupported
                | Class::Unreadable
                | Class::UnknownPicture
                | Class::Unknown => StatusCode::BAD_REQUEST,
            },
            Self::Field { .. } | Self::Unsupported { .. } => StatusCode::BAD_REQUEST,
            Self::ModelUnknown { .. } => StatusCode::NOT_FOUND,
            Self::KeyMissing | Self::KeyWrong => StatusCode::UNAUTHORIZED,
            Self::TooFast { .. } | Self::TooManyAtOnce { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidJson { .. } | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::NotJson | Self::Packed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. }
            | Self::TooManyValues { .. }
            | Self::ImportTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UploadsBusy | Self::ImportsBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HostNotAllowed { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it was the desk that refused.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::RefusedAt { .. })
    }

    /// When to come back, for errors that pass by themselves.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_s(),
            Self::RefusedAt { refusal, .. } => refusal.retry_after_s(),
            Self::TooFast { retry_after_s } => Some(*retry_after_s),
            Self::TooManyAtOnce { .. } => Some(AT_ONCE_RETRY_S),
            Self::UploadsBusy => Some(UPLOADS_RETRY_S),
            Self::ImportsBusy => Some(IMPORTS_RETRY_S),
            _ => None,
        }
    }

    /// The error as its reader gets it.
    pub fn problem(&self, request_id: String) -> Problem {
        let (code, message, details) = self.words();
        let details = match details {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Problem {
            code,
            message,
            details,
            request_id,
        }
    }

    /// The error as clients of OpenAI's interface read it.
    pub fn openai(&self) -> OpenAiError {
        let (code, message, _) = self.words();
        let kind = match self.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::REQUEST_TIMEOUT => "timeout_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let code = match code {
            // Clients that shorten a conversation look for this word.
            ProblemCode::Desk(Code::QuestionTooLong) => "context_length_exceeded".to_owned(),
            code => name_of(code),
        };
        OpenAiError {
            message,
            kind: kind.to_owned(),
            param: self.param(),
            code: Some(code),
        }
    }

    /// The case as programs read it.
    pub fn code(&self) -> String {
        name_of(self.words().0)
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::RefusedAt { param, .. }
            | Self::Field { param, .. }
            | Self::Unsupported { param, .. } => Some(param.clone()),
            Self::ModelUnknown { .. } => Some("model".to_owned()),
            _ => None,
        }
    }

    fn words(&self) -> (ProblemCode, String, Value) {
        let (code, message, details) = match self {
            Self::Refused(refusal) => {
                let details = Value::Object(refusal.details.clone());
                let code = ProblemCode::Desk(refusal.code);
                return (code, refusal.message.clone(), details);
            }
            Self::RefusedAt { refusal, .. } => {
                return Self::Refused(Refusal::clone(refusal)).words();
            }
            Self::Field { param, message } => (
                EdgeCode::InvalidField,
                message.clone(),
                json!({"param": param}),
            ),
            Self::Unsupported { param, message } => (
                EdgeCode::Unsupported,
                message.clone(),
                json!({"param": param}),
            ),
            Self::ModelUnknown { model, known } => (
                EdgeCode::ModelNotFound,
                format!(
                    "There is no model `{model}` here. This desk answers as {}.",
                    known.join(", ")
                ),
                json!({"model": model, "known": known}),
            ),
            Self::KeyMissing => (
                EdgeCode::KeyMissing,
                "This desk asks for a key. Send it as `Authorization: Bearer KEY`, or open \
                 /signin in a browser."
                    .to_owned(),
                Value::Null,
            ),
            Self::KeyWrong => (
                EdgeCode::InvalidApiKey,
                "This desk does not know that key. Ask whoever runs it for one.".to_owned(),
                Value::Null,
            ),
            Self::TooFast { retry_after_s } => (
                EdgeCode::RateLimitExceeded,
                format!("Requests come too fast. Try again in {retry_after_s} s."),
                json!({"retry_after_s": retry_after_s}),
            ),
            Self::TooManyAtOnce { limit } => (
                EdgeCode::TooManyAtOnce,
                format!(
                    "This key may have {limit} requests running at the same time. Wait until one \
                     has ended."
                ),
                json!({"limit": limit}),
            ),
            Self::InvalidJson { reason } => (
                EdgeCode::InvalidJson,
                format!(
                    "The request is not the JSON this route takes: {reason}. See /openapi.json."
                ),
                json!({"reason": reason}),
            ),
            Self::NotJson => (
                EdgeCode::NotJson,
                "Send this request with `Content-Type: application/json`.".to_owned(),
                Value::Null,
            ),
            Self::Packed => (
                EdgeCode::BodyPacked,
                "Send this request without `Content-Encoding`; nothing is unpacked here."
                    .to_owned(),
                Value::Null,
            ),
            Self::ImportTooLarge { limit } => (
                EdgeCode::ImportTooLarge,
                format!(
                    "This file is larger than {} MB. Export without pictures or in parts, or \
                     start the desk with a larger --import-megabytes.",
                    limit >> 20
                ),
                json!({"limit": limit}),
            ),
            Self::ImportsBusy => (
                EdgeCode::ImportsBusy,
                "Another import is under way. Try again when it has ended.".to_owned(),
                json!({"retry_after_s": IMPORTS_RETRY_S}),
            ),
            Self::BodyTooLarge { limit } => (
                EdgeCode::BodyTooLarge,
                format!("The request is larger than {limit} bytes. Send less text."),
                json!({"limit": limit}),
            ),
            Self::TooManyValues { limit } => (
                EdgeCode::TooManyValues,
                format!(
                    "The request holds more than {limit} values, names of fields included. Send fewer \
                     messages or a smaller schema."
                ),
                json!({"limit": limit}),
            ),
            Self::BodyTooSlow => (
                EdgeCode::BodyTooSlow,
                "The upload stopped half-way. Check the connection and send it again.".to_owned(),
                Value::Null,
            ),
            Self::BodyBroken => (
                EdgeCode::BodyBroken,
                "The connection broke during the upload. Send it again.".to_owned(),
                Value::Null,
            ),
            Self::UploadsBusy => (
                EdgeCode::UploadsBusy,
                "Many pictures are being uploaded right now. Try again in a few seconds."
                    .to_owned(),
                json!({"retry_after_s": UPLOADS_RETRY_S}),
            ),
            Self::NotFound => (
                EdgeCode::NotFound,
                "There is nothing at this address. /openapi.json lists what there is.".to_owned(),
                Value::Null,
            ),
            Self::MethodNotAllowed => (
                EdgeCode::MethodNotAllowed,
                "This address does not take this method. /openapi.json says which it takes."
                    .to_owned(),
                Value::Null,
            ),
            Self::HostNotAllowed { host } => (
                EdgeCode::HostNotAllowed,
                host_sentence(host.as_deref()),
                json!({"host": host}),
            ),
            Self::OriginNotAllowed => (
                EdgeCode::OriginNotAllowed,
                "Another web site's page tried to use this desk. Open the desk's own page."
                    .to_owned(),
                Value::Null,
            ),
            Self::Internal => (
                EdgeCode::Internal,
                "Lookdesk made a mistake. Try again; if it happens twice, tell whoever runs it \
                 the request id."
                    .to_owned(),
                Value::Null,
            ),
        };
        (ProblemCode::Edge(code), message, details)
    }
}

/// The most of what a parser says that is told: it may repeat a whole value of the request.
const SAID: usize = 300;

/// What a parser said, at a length that people read.
pub(crate) fn said(error: &impl std::fmt::Display) -> String {
    let said = error.to_string();
    match said.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or_default()),
        None => said,
    }
}

/// A case by its name on the wire.
fn name_of(code: ProblemCode) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(name)) => name,
        _ => "internal".to_owned(),
    }
}

fn host_sentence(host: Option<&str>) -> String {
    match host {
        Some(host) => format!(
            "This desk does not answer to the name {host}. If that is really its name, start it \
             with `--allow-host` and the name."
        ),
        None => "The request must name exactly one host.".to_owned(),
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A bare status that carries the error along; the envelope, which knows the
/// request's id, writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after_s() {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // OpenAI's clients would ask again, which is no use once the asker's own time is over.
        if self.status() == StatusCode::REQUEST_TIMEOUT && self.is_refusal() {
            let headers = response.headers_mut();
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if matches!(self, Self::KeyMissing | Self::KeyWrong) {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
