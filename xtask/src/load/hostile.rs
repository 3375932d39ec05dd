//! Bodies that are large, or become large when they are unpacked. Each is refused with a 4xx in bounded time
//! and without the memory it asks for.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Found;
use super::desk::Desk;
use super::http::{Connection, Reply};
use super::png;

const PATIENCE: Duration = Duration::from_secs(20);
const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";
/// What several large bodies at once may cost, kept for a while by the allocator.
const MEMORY_MB: u64 = 500;

/// One after another, with what it cost in time and memory.
pub fn run(desk: &Desk) -> Found {
    let before = desk.resident_bytes();
    let bomb = png::bomb(50_000, 50_000);
    let mut longest = Duration::ZERO;
    let mut count = 0;
    for case in cases(&bomb) {
        let started = Instant::now();
        let reply = case.send(&desk.address)?;
        let took = started.elapsed();
        if !(400..500).contains(&reply.status) {
            return Err(format!(
                "{}: status {}, {}",
                case.name,
                reply.status,
                reply.text()
            ));
        }
        if took > PATIENCE {
            return Err(format!("{}: took {} ms", case.name, took.as_millis()));
        }
        longest = longest.max(took);
        count += 1;
    }
    let grown = desk.resident_bytes().zip(before);
    let grown_mb = grown.map_or(0, |(now, before)| now.saturating_sub(before) / 1_000_000);
    if grown_mb > MEMORY_MB {
        return Err(format!("memory grew by {grown_mb} MB"));
    }
    Ok(format!(
        "{count} refused with 4xx, the slowest after {} ms; a picture of 50,000 x 50,000 in {} KB among \
         them; memory grew by {grown_mb} MB",
        longest.as_millis(),
        bomb.len() / 1000
    ))
}

struct Case {
    name: &'static str,
    path: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    /// More than is sent.
    announced: Option<usize>,
}

impl Case {
    fn new(name: &'static str, path: &'static str, kind: &'static str, body: Vec<u8>) -> Self {
        Self {
            name,
            path,
            kind,
            body,
            announced: None,
        }
    }

    fn send(&self, address: &str) -> Result<Reply, String> {
        let fault = |error: std::io::Error| format!("{}: {error}", self.name);
        let mut connection = Connection::open(address, PATIENCE).map_err(fault)?;
        let length = self.announced.unwrap_or(self.body.len());
        let head = connection.head("POST", self.path, self.kind, length);
        connection.send(head.as_bytes()).map_err(fault)?;
        // Whoever is refused early may fail to send the rest.
        let _ = connection.send(&self.body);
        connection.reply().map_err(fault)
    }
}

fn cases(bomb: &[u8]) -> Vec<Case> {
    const CHAT: &str = "/v1/chat/completions";
    const PICTURES: &str = "/api/pictures";
    const MIB: usize = 1024 * 1024;
    let asked = |picture: &[u8]| {
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(picture));
        let content = json!([
            {"type": "image_url", "image_url": {"url": uri}},
            {"type": "text", "text": "What is this?"},
        ]);
        let request = json!({"messages": [{"role": "user", "content": content}]});
        request.to_string().into_bytes()
    };
    let noise = |length: usize| vec![b'x'; length];
    // Four bytes each, and a hundred times that once they are read.
    let wide = |bytes: usize, field: &str| {
        let lists = "[0],".repeat(bytes / 4);
        format!("{{\"{field}\":[{lists}[0]]}}").into_bytes()
    };
    let endless = |opening: &str| opening.repeat(10 * MIB / opening.len()).into_bytes();
    // The header promises; the data is somebody else's.
    let liar = {
        let mut picture = png::stripes(1);
        picture.splice(16..24, [0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        picture
    };
    let torn = bomb.get(..bomb.len() / 2).unwrap_or_default().to_vec();
    let mut cases = vec![
        Case::new("a bomb of a picture", PICTURES, BYTES, bomb.to_vec()),
        Case::new("half of a bomb", PICTURES, BYTES, torn),
        Case::new("a bomb in a question", CHAT, JSON, asked(bomb)),
        Case::new("a picture that lies", PICTURES, BYTES, liar.clone()),
        Case::new(
            "a picture that lies in a question",
            CHAT,
            JSON,
            asked(&liar),
        ),
        Case::new(
            "20 MB that are no picture",
            PICTURES,
            BYTES,
            noise(20_000_000),
        ),
        Case::new("a file over the limit", PICTURES, BYTES, noise(21 * MIB)),
        Case::new(
            "a file far over the limit",
            PICTURES,
            BYTES,
            noise(60 * MIB),
        ),
        Case::new("a question of 20 MB", CHAT, JSON, asked(&noise(15_000_000))),
        Case::new(
            "a question over the limit",
            CHAT,
            JSON,
            asked(&noise(48 * MIB)),
        ),
        Case::new("20 MB of text", CHAT, JSON, {
            let text = "word ".repeat(4 * MIB);
            let request = json!({"messages": [{"role": "user", "content": text}]});
            request.to_string().into_bytes()
        }),
        Case::new("ten million brackets", CHAT, JSON, endless("[")),
        Case::new(
            "millions of small lists",
            CHAT,
            JSON,
            wide(46_000_000, "messages"),
        ),
        Case::new(
            "millions of small lists in an unknown field",
            "/v1/responses",
            JSON,
            wide(46_000_000, "x"),
        ),
        Case::new(
            "small lists for the desk",
            "/api/answers",
            JSON,
            wide(1_000_000, "x"),
        ),
        Case::new(
            "nested objects",
            "/v1/responses",
            JSON,
            endless("{\"input\":"),
        ),
        Case::new("2 MB for the desk", "/api/answers", JSON, noise(2 * MIB)),
        Case::new(
            "a wide sign-in",
            "/signin",
            "application/x-www-form-urlencoded",
            noise(MIB),
        ),
    ];
    for path in [CHAT, PICTURES, "/v1/responses", "/api/answers"] {
        let mut case = Case::new("a terabyte announced", path, JSON, noise(10));
        case.announced = Some(1 << 40);
        cases.push(case);
    }
    cases
}
