//! Engines over the reference checkpoints and the demo model, and questions for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{
    Answer, DeviceChoice, EngineOptions, Event, Finished, Handle, ModelSource, Precision, Request,
    Stats, load,
};
use model::chat::{Message, Part, Role};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `tiny-a`, `tiny-b` or `demo`, in float32.
pub fn engine_with(model: &str, change: impl FnOnce(&mut EngineOptions)) -> Handle {
    let mut options = EngineOptions {
        precision: Precision::F32,
        device: DeviceChoice::Cpu,
        threads: Some(2),
        image_tokens: 64,
        context_tokens: Some(512),
        ..EngineOptions::default()
    };
    change(&mut options);
    let directory = match model {
        "demo" => root().join("demo/checkpoint"),
        name => root().join("golden/checkpoints").join(name),
    };
    load(&ModelSource::Directory(directory), &options, &mut |_| {}).expect("it loads")
}

pub fn engine(model: &str) -> Handle {
    engine_with(model, |_| {})
}

pub fn picture(name: &str) -> Arc<[u8]> {
    let path = root().join(format!("golden/images/decoded/{name}.png"));
    std::fs::read(path).expect("a golden picture").into()
}

/// A grey bitmap whose last pixel is `last`.
pub fn bitmap(side: u32, last: u8) -> Arc<[u8]> {
    let mut pixels = vec![90_u8; (side * side * 3) as usize];
    *pixels.last_mut().expect("a pixel") = last;
    let mut bytes = b"BM".to_vec();
    let size = 54 + pixels.len() as u32;
    let header = [size, 0, 54, 40, side, side, 1 | 24 << 16, 0, 0, 0, 0, 0, 0];
    bytes.extend(header.iter().flat_map(|field: &u32| field.to_le_bytes()));
    bytes.extend(pixels);
    bytes.into()
}

/// A greedy question about pictures that does not end by itself.
pub fn question(pictures: &[&str], words: &str, max_tokens: usize) -> Request {
    let mut content: Vec<Part> = (0..pictures.len()).map(Part::Picture).collect();
    content.push(Part::Text(words.to_owned()));
    let message = Message {
        role: Role::User,
        content,
    };
    let pictures = pictures.iter().map(|name| picture(name)).collect();
    let mut request = Request::new(vec![message], pictures);
    request.sampling.temperature = 0.0;
    request.ignore_eos = true;
    request.max_tokens = max_tokens;
    request
}

#[derive(Debug)]
pub struct Answered {
    pub ids: Vec<u32>,
    pub text: String,
    pub end: Result<Finished, String>,
}

impl Answered {
    pub fn finished(&self) -> &Finished {
        self.end.as_ref().expect("a good end")
    }
}

/// Hears an answer to its end, of which there is exactly one.
pub fn hear(answer: Answer) -> Answered {
    let mut heard = Answered {
        ids: Vec::new(),
        text: String::new(),
        end: Err("none".to_owned()),
    };
    let mut ends = 0;
    for event in answer {
        assert_eq!(ends, 0, "{event:?} after the end");
        match event {
            Event::Delta(delta) => {
                heard.ids.extend(delta.tokens.iter().map(|token| token.id));
                heard.text.push_str(&delta.text);
            }
            Event::Finished(finished) => (ends, heard.end) = (1, Ok(finished)),
            Event::Failed(why) => (ends, heard.end) = (1, Err(why.to_string())),
            Event::Queued { .. } | Event::Reading { .. } | Event::Prefill { .. } => {}
        }
    }
    assert_eq!(ends, 1);
    heard
}

pub fn ask(engine: &Handle, request: Request) -> Answered {
    hear(engine.submit(request).expect("accepted"))
}

/// All at once, in this order.
pub fn ask_all(engine: &Handle, requests: Vec<Request>) -> Vec<Answered> {
    let answers: Vec<_> = requests
        .into_iter()
        .map(|request| engine.submit(request).expect("accepted"))
        .collect();
    answers.into_iter().map(hear).collect()
}

/// The figures once nobody is here any more.
pub fn at_rest(engine: &Handle) -> Stats {
    let started = Instant::now();
    loop {
        let stats = engine.stats();
        if stats.requests.running + stats.requests.waiting == 0 && stats.kv.used == 0 {
            return stats;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{stats:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
