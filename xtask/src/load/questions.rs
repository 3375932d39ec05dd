//! What the clients ask: the pictures of `demo/samples` with their own questions and with one another's,
//! and pictures nobody has seen.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::http::{Connection, Reply};
use super::png;

const PATH: &str = "/v1/chat/completions";
const JSON: &str = "application/json";

/// A request for a stream, greedy.
pub struct Question {
    pub name: String,
    body: Vec<u8>,
}

/// How a question went.
pub enum Asked {
    /// The words, and how the answer ended; after how long the first of them came.
    Answered(String, Duration),
    /// Declared, and when to come back.
    Refused(TurnedAway),
}

/// A declared 429.
pub struct TurnedAway {
    pub after_s: u64,
    /// Whether it was because this client holds its share of the places, not because all are taken.
    pub has_its_share: bool,
}

impl Question {
    fn new(text: &str, pictures: &[(&str, &[u8])]) -> Self {
        let uri = |bytes: &[u8]| format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes));
        let mut content: Vec<_> = pictures
            .iter()
            .map(|(_, bytes)| json!({"type": "image_url", "image_url": {"url": uri(bytes)}}))
            .collect();
        content.push(json!({"type": "text", "text": text}));
        let request = json!({
            "messages": [{"role": "user", "content": content}],
            "stream": true,
            "temperature": 0,
            "max_tokens": 48,
        });
        let names: Vec<_> = pictures.iter().map(|(name, _)| *name).collect();
        Self {
            name: format!("{text} ({})", names.join(", ")),
            body: request.to_string().into_bytes(),
        }
    }

    /// About a picture that differs from that of every other seed.
    pub fn about_something_new(seed: u64) -> Self {
        let picture = png::stripes(seed);
        Self::new("What is the model number?", &[("new", &picture)])
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Asks on a connection of its own and hears the answer to its end.
    pub fn ask(&self, address: &str, patience: Duration) -> Result<Asked, String> {
        self.hear(|| self.begin(address, patience))
    }

    /// Asks as this client.
    pub fn ask_as(
        &self,
        client: usize,
        address: &str,
        patience: Duration,
    ) -> Result<Asked, String> {
        self.hear(|| self.begin_as(client, address, patience))
    }

    fn hear(&self, begin: impl FnOnce() -> std::io::Result<Connection>) -> Result<Asked, String> {
        let fault = |error: std::io::Error| format!("no whole reply: {error}");
        let started = Instant::now();
        let mut connection = begin().map_err(fault)?;
        let mut reply = connection.reply_head().map_err(fault)?;
        let mut first = None;
        while let Some(piece) = connection.piece(&reply).map_err(fault)? {
            if first.is_none() && has_words(&piece) {
                first = Some(started.elapsed());
            }
            reply.body.extend_from_slice(&piece);
            if reply.header("transfer-encoding").is_none() {
                break;
            }
        }
        asked(&reply, first.unwrap_or_else(|| started.elapsed()))
    }

    /// Asks, and gives the connection on which the answer comes.
    pub fn begin(&self, address: &str, patience: Duration) -> std::io::Result<Connection> {
        self.put(Connection::open(address, patience)?)
    }

    /// Asks as this client.
    pub fn begin_as(
        &self,
        client: usize,
        address: &str,
        patience: Duration,
    ) -> std::io::Result<Connection> {
        self.put(Connection::open_as(client, address, patience)?)
    }

    fn put(&self, mut connection: Connection) -> std::io::Result<Connection> {
        let head = connection.head("POST", PATH, JSON, self.body.len());
        let mut whole = head.into_bytes();
        whole.extend_from_slice(&self.body);
        connection.send(&whole)?;
        Ok(connection)
    }
}

fn asked(reply: &Reply, first: Duration) -> Result<Asked, String> {
    match reply.status {
        200 => words(&reply.text()).map(|words| Asked::Answered(words, first)),
        429 => {
            let after = reply.header("retry-after");
            let after = after
                .and_then(|after| after.parse().ok())
                .filter(|&s| s > 0);
            let after_s = after.ok_or_else(|| "429 without a Retry-After".to_owned())?;
            let why: Value = serde_json::from_slice(&reply.body)
                .map_err(|error| format!("429 {:?}: {error}", reply.text()))?;
            Ok(Asked::Refused(TurnedAway {
                after_s,
                has_its_share: why["error"]["code"] == "share_full",
            }))
        }
        status => Err(format!("status {status}: {}", reply.text())),
    }
}

/// Whether a piece of a stream brings words of the answer.
pub fn has_words(piece: &[u8]) -> bool {
    let text = String::from_utf8_lossy(piece);
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.any(|data| {
        let chunk = serde_json::from_str::<Value>(data).unwrap_or_default();
        let words = chunk["choices"][0]["delta"]["content"].as_str();
        words.is_some_and(|words| !words.is_empty())
    })
}

/// The words of a stream that is whole: chunks, an ending with its reason, `[DONE]`.
fn words(stream: &str) -> Result<String, String> {
    let mut words = String::new();
    let mut reason = None;
    let mut done = false;
    for data in stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
    {
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value =
            serde_json::from_str(data).map_err(|error| format!("a chunk {data:?}: {error}"))?;
        if let Some(error) = chunk.get("error") {
            return Err(format!("the stream broke off: {error}"));
        }
        let choice = &chunk["choices"][0];
        words.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        if let Some(why) = choice["finish_reason"].as_str() {
            reason = Some(why.to_owned());
        }
    }
    match reason {
        Some(reason) if done => Ok(format!("{words} [{reason}]")),
        _ => Err(format!("the stream ended early: {stream:?}")),
    }
}

/// `count` questions, those of the samples first.
pub fn questions(count: usize) -> Result<Vec<Question>, String> {
    let folder = crate::root().join("demo/samples");
    let listed = folder.join("samples.json");
    let samples: Value = serde_json::from_slice(&read(listed.clone())?)
        .map_err(|error| format!("{}: {error}", listed.display()))?;
    let samples = samples.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut texts = Vec::new();
    let mut groups = Vec::new();
    let mut questions = Vec::new();
    for sample in samples {
        let named = match &sample["files"] {
            Value::Array(files) => files.clone(),
            _ => vec![sample["file"].clone()],
        };
        let mut pictures = Vec::new();
        for name in named.iter().filter_map(Value::as_str) {
            pictures.push((name.to_owned(), read(folder.join(name))?));
        }
        for language in ["question_en", "question_zh"] {
            let text = sample[language].as_str().unwrap_or_default();
            questions.push(Question::new(text, &borrowed(&pictures)));
            texts.push(text);
        }
        groups.push(pictures);
    }
    // Of one picture, a question about another: what the model says then is odd, and always the same.
    for (at, text) in texts.iter().enumerate() {
        for (other, pictures) in groups.iter().enumerate() {
            if at / 2 != other {
                questions.push(Question::new(text, &borrowed(pictures)));
            }
        }
    }
    questions.truncate(count);
    Ok(questions)
}

fn borrowed(pictures: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    let pictures = pictures.iter();
    pictures
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect()
}

fn read(path: PathBuf) -> Result<Vec<u8>, String> {
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}
