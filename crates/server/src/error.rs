//! Every error that leaves this server, with its status, in one place.
//!
//! What the desk refuses keeps the desk's words; the rest is said here. What
//! went wrong inside goes to the log, and the reader gets the request's id.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use desk::{Class, Code, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Why a request got no better answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    /// The desk said no.
    Refused(Refusal),
    /// The body is not the JSON it should be.
    InvalidJson { reason: String },
    /// The body does not say that it is JSON.
    NotJson,
    /// A body other than a picture's is too large.
    BodyTooLarge { limit: u64 },
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
    /// Details: `limit`.
    BodyTooLarge,
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

/// A case the desk knows, or one of the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ProblemCode {
    Desk(Code),
    Edge(EdgeCode),
}

const UPLOADS_RETRY_S: u64 = 5;

impl ApiError {
    /// The status of every error.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => match refusal.class() {
                Class::Invalid => StatusCode::BAD_REQUEST,
                Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Class::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Class::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
                Class::UnknownPicture => StatusCode::NOT_FOUND,
                Class::Busy => StatusCode::TOO_MANY_REQUESTS,
                Class::NotReady => StatusCode::SERVICE_UNAVAILABLE,
                Class::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::InvalidJson { .. } | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UploadsBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HostNotAllowed { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// When to come back, for errors that pass by themselves.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_s(),
            Self::UploadsBusy => Some(UPLOADS_RETRY_S),
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

    fn words(&self) -> (ProblemCode, String, Value) {
        let (code, message, details) = match self {
            Self::Refused(refusal) => {
                let details = Value::Object(refusal.details.clone());
                let code = ProblemCode::Desk(refusal.code);
                return (code, refusal.message.clone(), details);
            }
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
            Self::BodyTooLarge { limit } => (
                EdgeCode::BodyTooLarge,
                format!("The request is larger than {limit} bytes. Send less text."),
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
        response.extensions_mut().insert(self);
        response
    }
}
