//! A picture of a few kilobytes may unfold to hundreds of megabytes: how many do so at once is bounded, however
//! they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk::testing::{ScriptedAnswerer, memory_records, png};
use desk::{
    Answerer, Conversations, Desk, DeskLimits, EngineStatus, PictureFacts, Question, Refusal,
    Reservation, TokenCount,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use server::{AllowedHosts, Server, ServerOptions};
use tower::ServiceExt;

use crate::stage::request;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

const CHAT: &str = "/v1/chat/completions";

/// Takes its time over every picture, and counts how many it has before it.
struct Slow {
    script: ScriptedAnswerer,
    pause: Duration,
    /// Nothing is decoded to its end.
    is_held: AtomicBool,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Answerer for Slow {
    fn status(&self) -> EngineStatus {
        self.script.status()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, Refusal> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        sleep(self.pause);
        let began = Instant::now();
        while self.is_held.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(2));
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.script.inspect(bytes)
    }

    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        self.script.picture_tokens(width, height, image_tokens)
    }

    fn count(&self, question: &Question) -> Result<TokenCount, Refusal> {
        self.script.count(question)
    }

    fn reserve(&self, asker: Option<&str>, answers: u32) -> Result<Box<dyn Reservation>, Refusal> {
        self.script.reserve(asker, answers)
    }
}

/// A desk whose pictures take so long each.
fn slow(pause: Duration) -> (Server, Arc<Slow>) {
    let answerer = Arc::new(Slow {
        script: ScriptedAnswerer::default(),
        pause,
        is_held: AtomicBool::new(false),
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let desk = Desk::new(answerer.clone(), DeskLimits::default(), vec![]);
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
    let conversations = Conversations::new(Arc::new(desk), memory_records());
    let server = Server::new(Arc::new(conversations), ServerOptions::new(hosts));
    (server, answerer)
}

async fn sent(server: &Server, path: &str, body: Vec<u8>) -> StatusCode {
    let request = request(Method::POST, path)
        .header(CONTENT_TYPE, "application/json")
        .header("content-length", body.len())
        .body(Body::from(body));
    let response = server.router().oneshot(request.expect("a request")).await;
    response.expect("the router never fails").status()
}

#[tokio::test]
async fn small_requests_with_pictures_are_decoded_a_few_at_a_time() {
    let (server, answerer) = slow(Duration::from_millis(20));
    let ask = async |width: u32| {
        let (path, body) = match width % 3 {
            0 => ("/api/pictures", png(width, 1)),
            1 => (CHAT, chat(width, Value::Null)),
            _ => (
                "/v1/chat/completions/input_tokens",
                chat(width, Value::Null),
            ),
        };
        sent(&server, path, body).await
    };
    let ends = join_all((1..=30).map(ask)).await;
    assert!(ends.iter().all(StatusCode::is_success), "{ends:?}");
    assert!(answerer.most.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn a_time_limit_holds_while_a_request_waits_for_its_turn_to_be_decoded() {
    let (server, answerer) = slow(Duration::ZERO);
    answerer.is_held.store(true, Ordering::SeqCst);
    let others = join_all((1..=3).map(|width| sent(&server, "/api/pictures", png(width, 1))));
    let late = async {
        let began = Instant::now();
        while answerer.now.load(Ordering::SeqCst) < 3 {
            assert!(began.elapsed() < PATIENCE, "three are decoded at once");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let late = sent(&server, CHAT, chat(5, json!(0.2))).await;
        answerer.is_held.store(false, Ordering::SeqCst);
        late
    };
    let (others, late) = tokio::join!(others, late);
    assert!(others.iter().all(StatusCode::is_success), "{others:?}");
    assert_eq!(late, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answerer.script.inspected(), 3);
    assert_eq!(answerer.script.places_taken(), 0);
}

fn chat(width: u32, timeout: Value) -> Vec<u8> {
    let data = STANDARD.encode(png(width, 1));
    let url = format!("data:image/png;base64,{data}");
    let picture = json!({"type": "image_url", "image_url": {"url": url}});
    let body = json!({"messages": [{"role": "user", "content": [picture]}], "timeout": timeout});
    body.to_string().into_bytes()
}
