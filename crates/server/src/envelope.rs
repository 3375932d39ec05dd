//! What every request and response passes: an id, a log line, the security
//! headers, and words for errors.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::error::{ApiError, ErrorBody, OpenAiErrorBody};
use crate::shared::Shared;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scripts, styles and connections only from here; pictures also from what the
/// page itself makes. Nothing may frame the desk.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; \
     script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// The longest id a client may give a request.
const ID_CHARACTERS: usize = 128;

/// In whose words an error is told.
#[derive(Clone, Copy)]
enum Dialect {
    Desk,
    OpenAi,
}

impl Dialect {
    fn of(path: &str) -> Self {
        match path == "/v1" || path.starts_with("/v1/") {
            true => Self::OpenAi,
            false => Self::Desk,
        }
    }
}

/// The outermost layer.
pub(crate) async fn envelope(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = given_request_id(request.headers()).unwrap_or_else(new_request_id);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let dialect = Dialect::of(&path);
    let path = logged_path(route.as_ref().map(MatchedPath::as_str), path);
    // What is logged meanwhile carries the request's id.
    let span = tracing::info_span!("request", id, %method, path);
    // Paths of the wild are too many to count; routes are few.
    let named = route.as_ref().map(MatchedPath::as_str);
    let traces = shared.traces.as_ref();
    let trace = traces.map(|traces| traces.request(&id, &method, named, request.headers()));
    let handled = next.run(request).instrument(span);
    let mut response = match &trace {
        Some(trace) => trace.clone().around(handled).await,
        None => handled.await,
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        shared.metrics.refused(&error.code());
        if let Some(trace) = &trace {
            trace.refused(error.code());
        }
        response = worded(response, &error, &id, dialect);
    }
    let status = response.status().as_u16();
    shared.metrics.responded(&method, named, status);
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    // A desk that is not ready yet has nothing wrong inside.
    let is_fault =
        response.status().is_server_error() && response.status() != StatusCode::SERVICE_UNAVAILABLE;
    if is_fault {
        tracing::warn!(id, %method, path, status, ms, "request");
    } else {
        tracing::debug!(id, %method, path, status, ms, "request");
    }
    secure(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    match trace {
        Some(trace) => trace.until_sent(response),
        None => response,
    }
}

/// The path as the log may hold it: the name of a customer belongs to nobody's log, least of all when
/// the customer is deleted.
fn logged_path(route: Option<&str>, path: String) -> String {
    match route {
        Some(route) if route.contains("{name}") => route.to_owned(),
        _ => path,
    }
}

/// The words of an error as the log may hold them. What is wrong with a request is told by quoting it,
/// and an import is full of customers' words; the code must do there.
fn logged_message(status: StatusCode, message: &str) -> &str {
    match status.is_server_error() {
        true => message,
        false => "",
    }
}

/// The same status and headers, with a body that says what happened.
fn worded(bare: Response, error: &ApiError, id: &str, dialect: Dialect) -> Response {
    let problem = error.problem(id.to_owned());
    let message = logged_message(bare.status(), &problem.message);
    tracing::info!(id, code = ?problem.code, message, "refused");
    let mut response = match dialect {
        Dialect::Desk => Json(ErrorBody { error: problem }).into_response(),
        Dialect::OpenAi => Json(OpenAiErrorBody {
            error: error.openai(),
        })
        .into_response(),
    };
    *response.status_mut() = bare.status();
    for (name, value) in bare.headers() {
        let own = response.headers().contains_key(name);
        if !own {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

fn secure(headers: &mut HeaderMap) {
    let defaults = [
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// The response of a handler that panicked.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(
        panic = text.unwrap_or("without words"),
        "a handler panicked"
    );
    ApiError::Internal.into_response()
}

/// The id under which the client knows its request, if it is one that can stand
/// in a log.
fn given_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let fits = (1..=ID_CHARACTERS).contains(&id.len()) && id.chars().all(plain);
    fits.then(|| id.to_owned())
}

/// Unique within the log: when the program started, and which request it is.
fn new_request_id() -> String {
    static STARTED: OnceLock<u64> = OnceLock::new();
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let started = STARTED.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    });
    let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
    format!("{started:x}-{request:x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_holds_no_name_of_a_customer_and_no_word_of_an_import() {
        let path = "/api/customers/%E6%9D%8E".to_owned();
        let route = Some("/api/customers/{name}");
        assert_eq!(logged_path(route, path), "/api/customers/{name}");
        let path = "/api/conversations/0198".to_owned();
        let route = Some("/api/conversations/{id}");
        assert_eq!(logged_path(route, path.clone()), path);
        assert_eq!(logged_path(None, path.clone()), path);
        let quoting = "This file cannot be imported: unknown variant `李 called`.";
        assert_eq!(logged_message(StatusCode::BAD_REQUEST, quoting), "");
        let broken = "The records could not be read.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        assert_eq!(logged_message(status, broken), broken);
    }
}
