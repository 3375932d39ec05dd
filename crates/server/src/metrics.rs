//! Figures for Prometheus: what this server did, counted on the answers that pass through it, and how the engine
//! stands and how long it takes, asked for when somebody looks: a slow reader makes no answer slow.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, Method};
use desk::{Desk, Durations, FinishReason, Usage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::error::ApiError;
use crate::shared::Shared;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    kind: String,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    refusals: Family<Label, Counter>,
    answers: Family<Label, Counter>,
    tokens: Family<Label, Counter>,
}

impl Metrics {
    /// Nothing counted yet; the engine behind `desk` is asked how it stands.
    pub fn new(desk: Arc<Desk>) -> Self {
        let mut registry = Registry::with_prefix("lookdesk");
        let requests = Family::default();
        let refusals = Family::default();
        let answers = Family::default();
        let tokens = Family::default();
        registry.register(
            "http_requests",
            "Requests by route and status",
            requests.clone(),
        );
        registry.register("refusals", "Requests refused, by case", refusals.clone());
        registry.register("answers", "Answers by how they ended", answers.clone());
        registry.register("tokens", "Tokens taken in and given out", tokens.clone());
        registry.register_collector(Box::new(Standing(desk)));
        Self {
            registry,
            requests,
            refusals,
            answers,
            tokens,
        }
    }

    /// A request was responded to.
    pub fn responded(&self, method: &Method, route: Option<&str>, status: u16) {
        let labels = RequestLabels {
            // A method of the wild may be any word.
            method: match *method {
                Method::GET | Method::POST | Method::HEAD | Method::OPTIONS => method.to_string(),
                _ => "other".to_owned(),
            },
            route: route.unwrap_or("other").to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A request was refused.
    pub fn refused(&self, code: &str) {
        count(&self.refusals, code, 1);
    }

    /// An answer came to its end.
    pub fn finished(&self, reason: FinishReason, usage: &Usage) {
        let kind = match reason {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Repetition => "repetition",
            FinishReason::Cancelled => "cancelled",
            FinishReason::TimedOut => "timed_out",
        };
        count(&self.answers, kind, 1);
        count(&self.tokens, "prompt", usage.prompt_tokens);
        count(&self.tokens, "image", usage.image_tokens);
        count(&self.tokens, "cached", usage.cached_tokens);
        count(&self.tokens, "completion", usage.completion_tokens);
    }

    /// An answer ended without one, after so many tokens: `failed`, `timed_out` before its first word, or
    /// `cancelled` by its reader.
    pub fn broke_off(&self, kind: &str, said: usize) {
        count(&self.answers, kind, 1);
        let said = u32::try_from(said).unwrap_or(u32::MAX);
        count(&self.tokens, "completion", said);
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn count(family: &Family<Label, Counter>, kind: &str, by: u32) {
    let kind = kind.to_owned();
    family.get_or_create(&Label { kind }).inc_by(u64::from(by));
}

/// How the engine stands at the moment of looking.
struct Standing(Arc<Desk>);

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Standing")
    }
}

impl Collector for Standing {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let status = self.0.status();
        let figures = self.0.figures();
        let ready = matches!(status.state, desk::State::Ready);
        let mut gauge = |name: &str, help: &str, values: &[(&str, u64)]| {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for &(kind, value) in values {
                let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                if kind.is_empty() {
                    return value.encode(encoder);
                } else {
                    let labels = [("kind", kind)];
                    value.encode(encoder.encode_family(&labels)?)?;
                }
            }
            Ok(())
        };
        gauge(
            "ready",
            "1 when questions can be answered",
            &[("", u64::from(ready))],
        )?;
        gauge(
            "questions",
            "Questions being answered and questions waiting",
            &[
                ("running", u64::from(status.queue.running)),
                ("waiting", u64::from(status.queue.waiting)),
            ],
        )?;
        let depth = status.queue.running.saturating_add(status.queue.waiting);
        gauge(
            "queue_depth",
            "Questions taken in and not finished",
            &[("", u64::from(depth))],
        )?;
        gauge(
            "kv_pages",
            "Pages of keys and values; shared ones are among the used",
            &[
                ("total", figures.pages_total),
                ("used", figures.pages_used),
                ("shared", figures.pages_shared),
                ("cached", figures.pages_cached),
            ],
        )?;
        gauge(
            "memory_bytes",
            "Memory of the process",
            &[("", status.memory.used_bytes)],
        )?;
        let mut histogram = |name: &str, help: &str, durations: &Durations| {
            // An engine that is not there yet has no ranges; a histogram always has the last.
            let none = [(f64::INFINITY, 0)];
            let ranges = match durations.ranges.as_slice() {
                [] => &none,
                ranges => ranges,
            };
            let kind = MetricType::Histogram;
            let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
            let (sum, count) = (durations.sum_s, durations.count());
            encoder.encode_histogram::<NoLabelSet>(sum, count, ranges, None)
        };
        histogram(
            "time_to_first_token_seconds",
            "From when the engine has a question, its pictures decoded, to its first token",
            &figures.first_token,
        )?;
        histogram(
            "inter_token_seconds",
            "From one token of an answer to the next, as they are computed",
            &figures.inter_token,
        )?;
        let mut counter = |name: &str, help: &str, values: &[(&str, u64)]| {
            let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for &(kind, value) in values {
                let labels = [("kind", kind)];
                ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
            }
            Ok(())
        };
        counter(
            "prompt_tokens",
            "Prompt tokens of questions that were started, and those of them found in the cache",
            &[
                ("all", figures.prompt_tokens),
                ("cached", figures.cached_tokens),
            ],
        )?;
        counter(
            "pictures",
            "Pictures read by the vision tower, and pictures that had been read before",
            &[
                ("read", figures.pictures_read),
                ("cached", figures.pictures_cached),
            ],
        )?;
        counter(
            "pages_given_up",
            "Kept pages evicted, and answers put back, for want of room",
            &[
                ("evicted", figures.pages_evicted),
                ("preempted", figures.preempted),
            ],
        )
    }
}

/// Figures for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(crate) async fn metrics(
    State(shared): State<Shared>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let text = shared.metrics.text().map_err(|_| ApiError::Internal)?;
    Ok(([(CONTENT_TYPE, FORMAT)], text))
}
