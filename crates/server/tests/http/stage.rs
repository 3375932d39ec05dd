//! A server with a scripted desk, and short ways to ask it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use desk::testing::{ScriptedAnswerer, memory_records, sample};
use desk::{AnswerRequest, Conversations, Desk, DeskLimits};
use http_body_util::BodyExt;
use serde_json::Value;
use server::{AllowedHosts, PageFile, Server, ServerOptions};
use tower::ServiceExt;

pub struct Stage {
    pub answerer: Arc<ScriptedAnswerer>,
    pub conversations: Arc<Conversations>,
    pub server: Server,
}

/// A response that has been read to its end.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub fn stage() -> Stage {
    stage_with(DeskLimits::default())
}

pub fn stage_with(limits: DeskLimits) -> Stage {
    stage_of(limits, |_| {})
}

/// A stage whose server is set up in another way.
pub fn stage_of(limits: DeskLimits, set: impl FnOnce(&mut ServerOptions)) -> Stage {
    let answerer = Arc::new(ScriptedAnswerer::default());
    let desk = Desk::new(answerer.clone(), limits, vec![sample("router")]);
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &["desk.example".into()]).expect("a host");
    let mut options = ServerOptions {
        page: small_page,
        ..ServerOptions::new(hosts)
    };
    set(&mut options);
    let conversations = Arc::new(Conversations::new(Arc::new(desk), memory_records()));
    let server = Server::new(conversations.clone(), options);
    Stage {
        answerer,
        conversations,
        server,
    }
}

/// A page of two files.
fn small_page(path: &str) -> Option<PageFile> {
    let (media_type, text) = match path {
        "index.html" => (
            "text/html; charset=utf-8",
            "<!doctype html><title>desk</title>".into(),
        ),
        "assets/app-1a2b.js" => ("text/javascript", "console.log(1);".repeat(500)),
        _ => return None,
    };
    let bytes = Vec::from(text).into();
    let media_type = media_type.to_owned();
    let hash = path.len().to_string();
    Some(PageFile {
        bytes,
        media_type,
        hash,
    })
}

/// A request as a browser on this machine would address it.
pub fn request(method: Method, path: &str) -> Builder {
    let request = Request::builder().method(method).uri(path);
    request.header(HOST, "localhost:8501")
}

impl Stage {
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.server.router().oneshot(request).await;
        let (parts, body) = response.expect("the router never fails").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.to_vec(),
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = request(Method::GET, path).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    pub async fn upload(&self, bytes: Vec<u8>) -> Reply {
        let request = request(Method::POST, "/api/pictures").body(bytes.into());
        self.send(request.expect("a request")).await
    }

    pub async fn ask(&self, question: &AnswerRequest) -> Reply {
        let body = serde_json::to_vec(question).expect("plain data");
        self.ask_raw(body).await
    }

    /// Sends JSON.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = request(method, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into());
        self.send(request.expect("a request")).await
    }

    /// Begins a conversation and gives its id.
    pub async fn begin(&self) -> String {
        let begun = self
            .post("/api/conversations", &serde_json::json!({}))
            .await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
        begun.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Asks in a conversation and gives the events of the answer.
    pub async fn round(&self, conversation: &str, question: &Value) -> Vec<Value> {
        let path = format!("/api/conversations/{conversation}/rounds");
        let reply = self.post(&path, question).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.header("content-type"), "text/event-stream");
        reply.events()
    }

    pub async fn delete(&self, path: &str) -> Reply {
        let request = request(Method::DELETE, path).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        let request = request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into());
        self.send(request.expect("a request")).await
    }

    pub async fn ask_raw(&self, body: Vec<u8>) -> Reply {
        let request = request(Method::POST, "/api/answers")
            .header(CONTENT_TYPE, "application/json")
            .body(body.into());
        self.send(request.expect("a request")).await
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }

    /// The data of every server-sent event, in order.
    pub fn data(&self) -> Vec<&str> {
        let lines = self.text().lines();
        lines
            .filter_map(|line| line.strip_prefix("data: "))
            .collect()
    }

    /// The events of a stream; checks on the way that each has its type as its name.
    pub fn events(&self) -> Vec<Value> {
        let blocks = self
            .text()
            .split("\n\n")
            .filter(|block| block.contains("data:"));
        let read = |block: &str| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let name = field("event: ").expect("a name");
            let data: Value = serde_json::from_str(field("data: ").expect("data")).expect("JSON");
            assert_eq!(data["type"], name);
            data
        };
        blocks.map(read).collect()
    }

    /// Status, `param` and `code` of an error in OpenAI's shape; checks on the way that it is whole.
    pub fn openai_error(&self) -> (u16, Option<String>, String) {
        let error = &self.json()["error"];
        assert_eq!(
            error.as_object().map(|fields| fields.len()),
            Some(4),
            "{error}"
        );
        assert!(
            error["message"].as_str().is_some_and(|m| !m.is_empty()),
            "{error}"
        );
        assert!(error["type"].is_string(), "{error}");
        let param = error["param"].as_str().map(str::to_owned);
        let code = error["code"].as_str().expect("a code").to_owned();
        (self.status.as_u16(), param, code)
    }

    /// The error's code; checks on the way that the error is whole.
    pub fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()));
        assert!(error["details"].is_object());
        assert_eq!(error["request_id"], self.header("x-request-id"));
        error["code"].as_str().expect("a code").to_owned()
    }
}
