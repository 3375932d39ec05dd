//! A picture of a few kilobytes may unfold to hundreds of megabytes: how many do so at once is bounded, however
//! they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

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
use serde_json::json;
use server::{AllowedHosts, Server, ServerOptions};
use tower::ServiceExt;

use crate::stage::request;

/// Takes its time over every picture, and counts how many it has before it.
#[derive(Default)]
struct Slow {
    script: ScriptedAnswerer,
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
        sleep(Duration::from_millis(20));
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

#[tokio::test]
async fn small_requests_with_pictures_are_decoded_a_few_at_a_time() {
    let answerer = Arc::new(Slow::default());
    let desk = Desk::new(answerer.clone(), DeskLimits::default(), vec![]);
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
    let conversations = Conversations::new(Arc::new(desk), memory_records());
    let server = Server::new(Arc::new(conversations), ServerOptions::new(hosts));
    let ask = async |width: u32| {
        let (path, body) = match width % 3 {
            0 => ("/api/pictures", png(width, 1)),
            1 => ("/v1/chat/completions", chat(width)),
            _ => ("/v1/chat/completions/input_tokens", chat(width)),
        };
        let request = request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .header("content-length", body.len())
            .body(Body::from(body));
        let response = server.router().oneshot(request.expect("a request")).await;
        response.expect("the router never fails").status()
    };
    let ends = join_all((1..=30).map(ask)).await;
    assert!(ends.iter().all(StatusCode::is_success), "{ends:?}");
    assert!(answerer.most.load(Ordering::SeqCst) <= 4);
}

fn chat(width: u32) -> Vec<u8> {
    let data = STANDARD.encode(png(width, 1));
    let url = format!("data:image/png;base64,{data}");
    let picture = json!({"type": "image_url", "image_url": {"url": url}});
    let body = json!({"messages": [{"role": "user", "content": [picture]}]});
    body.to_string().into_bytes()
}
