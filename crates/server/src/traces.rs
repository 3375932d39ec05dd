//! What is told of requests to an OpenTelemetry collector, where whoever runs the desk named one.
//!
//! Names, numbers and times: which route, which status, which request, how many tokens, how long each part took.
//! There is no way from here to words, pictures, keys or addresses: a span is made of the fields below and of
//! nothing that is logged. It is made when its request has ended, from times taken on the way, and put into a
//! bounded queue that another thread empties: a collector that is slow or gone costs spans, never an answer.
//!
//! Facts: OTLP over HTTP and the W3C's trace context; attributes are named by OpenTelemetry's conventions for HTTP
//! and generative AI where they have a name, else `lookdesk.*`.

mod answer;
mod collector;
mod outage;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

pub(crate) use self::answer::AnswerTrace;
use self::collector::Collector;
pub use self::collector::{Endpoint, EndpointFault};
use self::outage::Outage;
pub(crate) use self::request::RequestTrace;
use crate::tls::NoCertificates;

/// How long the last spans get to reach the collector.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// Why nothing can be told to a collector.
#[derive(Debug, thiserror::Error)]
pub enum NoTraces {
    /// It cannot be known by its certificate.
    #[error(transparent)]
    Certificates(#[from] NoCertificates),
    /// A variable of the environment that OpenTelemetry reads is wrong.
    #[error(
        "spans cannot be sent: {0}; look at the environment variables whose names begin with OTEL_"
    )]
    Settings(String),
}

/// Tells a collector of requests.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends to this collector, over this runtime.
    pub fn to(endpoint: &Endpoint, runtime: Handle) -> Result<Self, NoTraces> {
        let url = endpoint.url();
        let built = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(endpoint.clone(), runtime)?)
            .with_endpoint(&url)
            .build();
        let exporter =
            built.map_err(|error: ExporterBuildError| NoTraces::Settings(error.to_string()))?;
        // What the environment says of itself stands before what we would say.
        let resource = Resource::builder();
        let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
            Some(name) if !name.is_empty() => resource,
            _ => resource.with_service_name("lookdesk"),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_span_processor(BatchSpanProcessor::builder(Outage::of(exporter, url)).build())
            .build();
        let scope =
            InstrumentationScope::builder("lookdesk").with_version(env!("CARGO_PKG_VERSION"));
        let tracer = provider.tracer_with_scope(scope.build());
        Ok(Self { provider, tracer })
    }

    /// A request that begins now. What the caller traces goes on in it.
    pub(crate) fn request(
        self: &Arc<Self>,
        id: &str,
        method: &Method,
        route: Option<&str>,
        headers: &HeaderMap,
    ) -> Arc<RequestTrace> {
        let parent = continued(headers);
        Arc::new(RequestTrace::new(self.clone(), parent, id, method, route))
    }

    /// Sends what is left, for a few seconds at most. Blocks; the runtime must still be there.
    pub fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// The caller's trace, by its numbers alone: a `tracestate` is text that anybody may write, and would be sent on
/// with every span.
fn continued(headers: &HeaderMap) -> Context {
    let caller =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    let span = caller.span().span_context().clone();
    if !span.is_valid() {
        return Context::new();
    }
    Context::new().with_remote_span_context(SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        true,
        TraceState::NONE,
    ))
}

/// Headers as the propagator reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
