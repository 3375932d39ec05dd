//! One request: a span from its arrival until the last byte of its response has left, and below it one for each
//! answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use tokio::task_local;

use super::Traces;
use super::answer::Answered;
use crate::held::holding;

task_local! {
    /// The request whose handler runs.
    static CURRENT: Arc<RequestTrace>;
}

/// A request on its way. Once nobody holds it any more it has ended, and is told.
#[derive(Debug)]
pub(crate) struct RequestTrace {
    traces: Arc<Traces>,
    parent: Context,
    id: String,
    method: &'static str,
    route: Option<String>,
    began: SystemTime,
    /// Time passes by this one: the other may be set.
    clock: Instant,
    seen: Mutex<Seen>,
}

/// What became known later.
#[derive(Debug, Default)]
struct Seen {
    status: Option<StatusCode>,
    refused: Option<String>,
    answers: Vec<Answered>,
}

impl RequestTrace {
    pub(super) fn new(
        traces: Arc<Traces>,
        parent: Context,
        id: &str,
        method: &Method,
        route: Option<&str>,
    ) -> Self {
        Self {
            traces,
            parent,
            id: id.to_owned(),
            method: known(method),
            route: route.map(str::to_owned),
            began: SystemTime::now(),
            clock: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// Runs a handler that can be asked whose it is.
    pub async fn around<T>(self: Arc<Self>, handler: impl Future<Output = T>) -> T {
        CURRENT.scope(self, handler).await
    }

    /// The request whose handler asks, where requests are told of.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The request was refused, in this case.
    pub fn refused(&self, case: String) {
        self.with(|seen| seen.refused = Some(case));
    }

    /// The same response; the request ends with its body.
    pub fn until_sent(self: Arc<Self>, response: Response) -> Response {
        self.with(|seen| seen.status = Some(response.status()));
        holding(response, Some(self))
    }

    /// An answer has ended.
    pub(super) fn answered(&self, answer: Answered) {
        self.with(|seen| seen.answers.push(answer));
    }

    /// When it began.
    pub(super) fn began(&self) -> SystemTime {
        self.began
    }

    /// This moment.
    pub(super) fn now(&self) -> SystemTime {
        self.began + self.clock.elapsed()
    }

    fn with(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for RequestTrace {
    fn drop(&mut self) {
        let ended = self.now();
        let seen = std::mem::take(self.seen.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut attributes = vec![
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("lookdesk.request_id", std::mem::take(&mut self.id)),
        ];
        let name = match self.route.take() {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.clone()));
                format!("{} {route}", self.method)
            }
            None => self.method.to_owned(),
        };
        let status = seen.status.map(|status| i64::from(status.as_u16()));
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
        attributes.extend(seen.refused.map(|case| KeyValue::new("error.type", case)));
        let tracer = &self.traces.tracer;
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_start_time(self.began)
            .with_attributes(attributes);
        let mut span = tracer.build_with_context(builder, &self.parent);
        if seen.status.is_some_and(|status| status.is_server_error()) {
            span.set_status(Status::error(""));
        }
        let below = self
            .parent
            .with_remote_span_context(span.span_context().clone());
        for answer in seen.answers {
            answer.tell(tracer, &below);
        }
        span.end_with_timestamp(ended);
    }
}

/// A method by its name; one of the wild may be any word.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
