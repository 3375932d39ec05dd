//! An answerer that holds every picture in its hands until it is told to go on, and counts how many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk::testing::{ScriptedAnswerer, memory_records, png};
use desk::{
    Answerer, Conversations, Desk, DeskLimits, EngineStatus, Picture, PictureFacts, Question,
    Refusal, Reservation, TokenCount,
};
use serde_json::json;
use server::{AllowedHosts, Server, ServerOptions};
use tower::ServiceExt;

use crate::stage::request;

pub const CHAT: &str = "/v1/chat/completions";
pub const COUNT: &str = "/v1/chat/completions/input_tokens";

/// Decodes nothing until it may.
#[derive(Default)]
pub struct Held {
    pub script: ScriptedAnswerer,
    /// Pictures before it.
    now: AtomicUsize,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Held {
    /// Lets all pictures through, these and later ones.
    pub fn go_on(&self) {
        *self.open.lock().expect("no panic") = true;
        self.opened.notify_all();
    }

    /// Waits until so many pictures are before it.
    pub async fn until_it_has(&self, pictures: usize) {
        until(|| self.now.load(Ordering::SeqCst) == pictures).await;
    }

    fn look(&self) {
        self.now.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().expect("no panic");
        drop(self.opened.wait_while(open, |open| !*open));
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until something is so.
pub async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

impl Answerer for Held {
    fn status(&self) -> EngineStatus {
        self.script.status()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, Refusal> {
        let facts = self.script.inspect(bytes);
        self.look();
        facts
    }

    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        self.script.picture_tokens(width, height, image_tokens)
    }

    fn thumbnail(&self, picture: &Picture, edge: u32) -> Result<Vec<u8>, Refusal> {
        self.look();
        self.script.thumbnail(picture, edge)
    }

    fn count(&self, question: &Question) -> Result<TokenCount, Refusal> {
        self.script.count(question)
    }

    fn reserve(&self, asker: Option<&str>, answers: u32) -> Result<Box<dyn Reservation>, Refusal> {
        self.script.reserve(asker, answers)
    }
}

/// A desk that holds its pictures.
pub fn held() -> (Server, Arc<Held>) {
    let answerer = Arc::new(Held::default());
    let desk = Desk::new(answerer.clone(), DeskLimits::default(), vec![]);
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
    let conversations = Conversations::new(Arc::new(desk), memory_records());
    let server = Server::new(Arc::new(conversations), ServerOptions::new(hosts));
    (server, answerer)
}

/// What becomes of a question about pictures of these widths.
pub async fn sent(server: &Server, path: &str, widths: &[u32]) -> Response {
    let pictures = widths.iter().map(|width| {
        let url = format!("data:image/png;base64,{}", STANDARD.encode(png(*width, 1)));
        json!({"type": "image_url", "image_url": {"url": url}})
    });
    let pictures: Vec<_> = pictures.collect();
    let body = json!({"messages": [{"role": "user", "content": pictures}]}).to_string();
    posted(server, path, body.into_bytes()).await
}

/// What becomes of a body.
pub async fn posted(server: &Server, path: &str, body: Vec<u8>) -> Response {
    let request = request(Method::POST, path)
        .header(CONTENT_TYPE, "application/json")
        .header("content-length", body.len())
        .body(Body::from(body));
    let response = server.router().oneshot(request.expect("a request")).await;
    response.expect("the router never fails")
}
