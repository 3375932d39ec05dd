//! What an OpenTelemetry collector is told: this one listens on a real socket and keeps what it gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use axum::routing::post;
use desk::testing::{delta, png};
use desk::{AnswerEvent, DeskLimits, FinishReason, Refusal, Timings, Usage};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use server::Traces;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tower::ServiceExt;

use crate::stage::{Stage, request, stage_of};

const CHAT: &str = "/v1/chat/completions";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector, and a stage that tells it.
struct Watched {
    stage: Stage,
    traces: Arc<Traces>,
    got: Arc<Mutex<Vec<Bytes>>>,
}

fn telling(address: &str) -> (Stage, Arc<Traces>) {
    let endpoint = address.parse().expect("an address");
    let traces = Traces::to(&endpoint, Handle::current()).expect("an exporter");
    let traces = Arc::new(traces);
    let stage = stage_of(DeskLimits::default(), |options| {
        options.traces = Some(traces.clone())
    });
    (stage, traces)
}

async fn watched() -> Watched {
    let got = Arc::new(Mutex::new(Vec::new()));
    let keeps = got.clone();
    let taking = async move |body: Bytes| keeps.lock().expect("no panic").push(body);
    let router = Router::new().route("/v1/traces", post(taking));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (stage, traces) = telling(&address);
    Watched { stage, traces, got }
}

async fn finish(traces: &Arc<Traces>) {
    let traces = traces.clone();
    let finished = tokio::task::spawn_blocking(move || traces.finish()).await;
    finished.expect("no panic");
}

impl Watched {
    /// Asks, and is answered.
    async fn answer(&self, body: &Value) {
        let words = [delta("ANSWERWORDS"), done()];
        self.stage.answerer.will_say(words);
        let reply = self.stage.send(asking(body)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    }

    /// All spans, by their names.
    async fn told(&self) -> HashMap<String, Span> {
        finish(&self.traces).await;
        let got = self.got.lock().expect("no panic");
        let requests = got.iter().map(|bytes| {
            ExportTraceServiceRequest::decode(bytes.clone()).expect("what a collector reads")
        });
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| {
            let named = resource.resource.expect("who tells").attributes;
            assert_eq!(text(&named, "service.name"), "lookdesk");
            resource.scope_spans
        });
        let spans = scopes.flat_map(|scope| scope.spans);
        spans.map(|span| (span.name.clone(), span)).collect()
    }
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> &'a AnyValue {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    let value = found.and_then(|attribute| attribute.value.as_ref());
    value.unwrap_or_else(|| panic!("{name} is missing in {attributes:?}"))
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    match &attribute(attributes, name).value {
        Some(Any::StringValue(text)) => text.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

fn number(attributes: &[KeyValue], name: &str) -> i64 {
    match attribute(attributes, name).value {
        Some(Any::IntValue(number)) => number,
        ref other => panic!("{name} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lasts(span: &Span) -> Duration {
    Duration::from_nanos(span.end_time_unix_nano - span.start_time_unix_nano)
}

fn done() -> AnswerEvent {
    AnswerEvent::Done {
        finish_reason: FinishReason::Stop,
        usage: Usage {
            prompt_tokens: 50,
            image_tokens: 40,
            cached_tokens: 16,
            completion_tokens: 3,
        },
        timings: Timings {
            image_ms: 2.0,
            vision_ms: 20.0,
            prefill_ms: 30.0,
            ttft_ms: 100.0,
            decode_ms: 50.0,
            decode_tokens_per_s: 40.0,
        },
    }
}

fn picture_uri() -> String {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(png(64, 32));
    format!("data:image/png;base64,{data}")
}

/// A question about a picture.
fn question() -> Value {
    json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": picture_uri()}},
        {"type": "text", "text": "QUESTIONWORDS"},
    ]}]})
}

fn asking(body: &Value) -> Request<Body> {
    let request = request(Method::POST, CHAT)
        .header("content-type", "application/json")
        .header("authorization", "Bearer ld_secretsecret")
        .header("x-request-id", "ticket-42")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=STATEWORDS");
    request.body(body.to_string().into()).expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_told_with_its_request_id_and_where_its_time_went() {
    let watched = watched().await;
    watched.answer(&question()).await;
    let spans = watched.told().await;
    let asked = &spans[&format!("POST {CHAT}")];
    assert_eq!(hex(&asked.trace_id), TRACE);
    assert_eq!(hex(&asked.parent_span_id), CALLER);
    assert_eq!(text(&asked.attributes, "lookdesk.request_id"), "ticket-42");
    assert_eq!(text(&asked.attributes, "http.request.method"), "POST");
    assert_eq!(text(&asked.attributes, "http.route"), CHAT);
    assert_eq!(number(&asked.attributes, "http.response.status_code"), 200);
    let answer = &spans["answer"];
    assert_eq!(answer.parent_span_id, asked.span_id);
    assert_eq!(number(&answer.attributes, "gen_ai.usage.input_tokens"), 50);
    assert_eq!(number(&answer.attributes, "gen_ai.usage.output_tokens"), 3);
    assert_eq!(
        number(&answer.attributes, "gen_ai.usage.cache_read.input_tokens"),
        16
    );
    assert_eq!(text(&answer.attributes, "gen_ai.response.model"), "script");
    assert_eq!(answer.events[0].name, "first_token");
    for (name, ms) in [
        ("pictures", 2),
        ("queue", 48),
        ("vision", 20),
        ("prefill", 30),
        ("decode", 50),
    ] {
        let part = &spans[name];
        assert_eq!(part.trace_id, asked.trace_id, "{name}");
        assert_eq!(part.parent_span_id, answer.span_id, "{name}");
        assert_eq!(lasts(part), Duration::from_millis(ms), "{name}");
    }
    assert_eq!(
        number(&spans["decode"].attributes, "gen_ai.usage.output_tokens"),
        3
    );
    assert_eq!(
        number(&spans["prefill"].attributes, "lookdesk.computed_tokens"),
        34
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_no_picture_no_key_and_no_address_is_told() {
    let watched = watched().await;
    let mut body = question();
    body["metadata"] = json!({"customer": "METADATAWORDS"});
    body["user"] = "USERWORDS".into();
    watched.answer(&body).await;
    let refused = json!({"model": "MODELWORDS", "messages": []});
    watched.stage.send(asking(&refused)).await;
    watched.stage.get("/PATHWORDS/here?q=QUERYWORDS").await;
    watched.stage.get("/api/pictures/PICTUREWORDS").await;
    finish(&watched.traces).await;
    let got = watched.got.lock().expect("no panic").concat();
    let told = String::from_utf8_lossy(&got);
    assert!(told.contains("ticket-42"), "{told}");
    for secret in [
        "WORDS",
        "ld_secret",
        &picture_uri()[22..50],
        "localhost",
        "customer",
    ] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_lasts_until_its_last_byte_and_one_that_is_left_says_so() {
    let watched = watched().await;
    let script = watched.stage.answerer.will_wait();
    let body = json!({"stream": true, "messages": [{"role": "user", "content": "?"}]});
    let response = watched.stage.server.router().oneshot(asking(&body)).await;
    let mut stream = response.expect("a response").into_body();
    script.send(delta("some"));
    stream.frame().await.expect("a frame").expect("words");
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(watched.got.lock().expect("no panic").is_empty());
    drop(stream);
    let spans = watched.told().await;
    let asked = &spans[&format!("POST {CHAT}")];
    assert!(
        lasts(asked) >= Duration::from_millis(80),
        "{:?}",
        lasts(asked)
    );
    assert_eq!(number(&asked.attributes, "http.response.status_code"), 200);
    let reasons = attribute(
        &spans["answer"].attributes,
        "gen_ai.response.finish_reasons",
    );
    assert!(format!("{reasons:?}").contains("cancelled"), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_by_its_case_and_a_fault_as_an_error() {
    let watched = watched().await;
    watched
        .stage
        .answerer
        .will_refuse(Refusal::queue_full(8, 12));
    let body = json!({"messages": [{"role": "user", "content": "?"}]});
    watched.stage.send(asking(&body)).await;
    let refused = watched.told().await;
    let asked = &refused[&format!("POST {CHAT}")];
    assert_eq!(number(&asked.attributes, "http.response.status_code"), 429);
    assert_eq!(text(&asked.attributes, "error.type"), "queue_full");
    assert_eq!(asked.status.as_ref().map_or(0, |status| status.code), 0);

    let watched = self::watched().await;
    let fails = [delta("AX"), AnswerEvent::Error(Refusal::answer_failed())];
    watched.stage.answerer.will_say(fails);
    watched.stage.send(asking(&body)).await;
    let failed = watched.told().await;
    let answer = &failed["answer"];
    assert_eq!(text(&answer.attributes, "error.type"), "answer_failed");
    for span in [answer, &failed[&format!("POST {CHAT}")]] {
        assert_eq!(
            span.status.as_ref().map_or(0, |status| status.code),
            2,
            "{span:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_or_never_replies_delays_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent_address = format!("http://{}", silent.local_addr().expect("an address"));
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone_address = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let body = json!({"messages": [{"role": "user", "content": "?"}]});
    for address in [silent_address, gone_address] {
        let (stage, traces) = telling(&address);
        let mut slowest = Duration::ZERO;
        // More spans than the queue holds.
        for _ in 0..1200 {
            stage.answerer.will_say([delta("AX"), done()]);
            let asked = Instant::now();
            assert_eq!(stage.send(asking(&body)).await.status, StatusCode::OK);
            slowest = slowest.max(asked.elapsed());
        }
        assert!(slowest < Duration::from_secs(5), "{address}: {slowest:?}");
        let ending = Instant::now();
        finish(&traces).await;
        let took = ending.elapsed();
        assert!(took < Duration::from_secs(20), "{address}: {took:?}");
    }
}
