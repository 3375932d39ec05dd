//! The desk's answerer over the engine in this process.
//!
//! It is there before the model is: it knows the model's files, can read
//! pictures, and says how far loading is. Once loaded it passes questions on
//! and carries the engine's events to the desk.

mod about;
mod cut;
mod gauges;
mod grammar;
mod places;
mod stage;
mod words;

use std::sync::Arc;

use desk::{
    Answerer, EngineStatus, Figures, Memory, Picture, PictureBox, PictureFacts, Question, Queue,
    Readings, Refusal, Reservation, State, TokenCount,
};
use engine::{EngineOptions, ModelSource};

use self::about::About;
use self::gauges::Gauges;
pub use self::gauges::nvml;
use self::places::EnginePlaces;
use self::stage::{Engine, Stage};
use crate::failure::{Outcome, sentence};

/// The engine as the desk sees it.
pub struct EngineAnswerer {
    source: ModelSource,
    options: EngineOptions,
    about: About,
    engine: Arc<Engine>,
    gauges: Gauges,
}

impl EngineAnswerer {
    /// Looks at the model's files. Quick; says at once what cannot be loaded.
    pub fn look(source: ModelSource, options: EngineOptions) -> Outcome<Self> {
        let about = About::of(&source, &options)?;
        Ok(Self {
            source,
            options,
            about,
            engine: Arc::new(Engine::new()),
            gauges: Gauges::new(),
        })
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.about.model.name
    }

    /// Loads the model; blocks until it is ready. The same sentence that is
    /// returned for a failure is shown on the page.
    pub fn load(&self) -> Result<(), String> {
        let loaded = engine::load(&self.source, &self.options, &mut |progress| {
            let percent = (progress.done.clamp(0.0, 1.0) * 100.0) as u8;
            let what = progress.what;
            self.engine.set(Stage::Loading { percent, what });
        });
        match loaded {
            Ok(handle) => {
                self.engine.set(Stage::Ready(handle));
                Ok(())
            }
            Err(error) => {
                let message = sentence(&error);
                self.fail(message.clone());
                Err(message)
            }
        }
    }

    /// Where everything went, where GPUs have a part, and why one was passed over; a line each.
    pub fn placed(&self) -> Vec<String> {
        let Stage::Ready(handle) = &*self.engine.stage() else {
            return Vec::new();
        };
        let info = handle.info();
        let table = info.placement.as_ref();
        let table = table.map(|placement| placement.table(&self.about.device.name));
        let table = table.iter().flat_map(|table| table.lines());
        let notes = info.notes.iter().map(String::as_str);
        notes.chain(table).map(str::to_owned).collect()
    }

    /// Says that the model will not become ready.
    pub fn fail(&self, message: String) {
        self.engine.fail(message);
    }
}

impl Answerer for EngineAnswerer {
    fn forget(&self) {
        if let Ok(handle) = self.engine.handle() {
            handle.forget();
        }
    }

    fn status(&self) -> EngineStatus {
        let mut status = EngineStatus {
            state: State::Ready,
            model: self.about.model.clone(),
            device: self.about.device.clone(),
            memory: Memory {
                used_bytes: engine::memory::rss_bytes(),
                total_bytes: self.about.memory_bytes,
            },
            queue: Queue::default(),
            limits: self.about.limits.clone(),
        };
        match &*self.engine.stage() {
            Stage::Ready(handle) => {
                let load = handle.queue();
                status.queue.running = words::count(load.running);
                status.queue.waiting = words::count(load.waiting);
                let info = handle.info();
                if let Some(placement) = &info.placement {
                    status.device.name = placement.devices(&self.about.device.name);
                }
                if let Some(why) = handle.lost() {
                    let message = why.to_owned();
                    status.state = State::Failed { message };
                }
                status.device.threads = words::count(info.threads);
                status.device.tier.clone_from(&info.tier);
                // Until now it was what was asked for, which may be `auto`.
                status.model.precision.clone_from(&info.precision);
                status.limits = about::limits(info.image_tokens, info.context_tokens);
            }
            Stage::Loading { percent, what } => {
                let what = (*what).to_owned();
                let percent = *percent;
                status.state = State::Loading { percent, what };
            }
            Stage::Failed { message } => {
                let message = message.clone();
                status.state = State::Failed { message };
            }
        }
        status
    }

    fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, Refusal> {
        // An engine that is there keeps what it decodes: a question about it is likely to follow.
        let facts = match self.engine.handle() {
            Ok(handle) => handle.inspect(bytes).map(words::picture_facts),
            Err(_) => self.about.inspect(bytes),
        };
        facts.map_err(|error| words::picture_refusal(&error))
    }

    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        self.about.picture_tokens(width, height, image_tokens)
    }

    fn figures(&self) -> Figures {
        self.engine.handle().map_or_else(
            |_| Figures::default(),
            |handle| words::figures(&handle.stats()),
        )
    }

    fn readings(&self) -> Readings {
        self.gauges.read()
    }

    fn closer(&self, picture: &Picture, place: PictureBox) -> Result<Picture, Refusal> {
        let cut = self.about.cut(picture.bytes(), place.corners());
        let file = cut.map_err(|error| words::picture_refusal(&error))?;
        let facts = self.inspect(&file)?;
        Ok(Picture::new(file, facts))
    }

    fn thumbnail(&self, picture: &Picture, edge: u32) -> Result<Vec<u8>, Refusal> {
        let small = self.about.thumbnail(picture.bytes(), edge);
        small.map_err(|error| words::picture_refusal(&error))
    }

    fn count(&self, question: &Question) -> Result<TokenCount, Refusal> {
        let handle = self.engine.handle()?;
        let facts = question.pictures().map(|picture| picture.facts());
        let sizes: Vec<_> = facts.map(|facts| (facts.width, facts.height)).collect();
        let counted = handle.count(&words::request(question), &sizes);
        let counted = counted.map_err(|error| words::refusal(&error))?;
        Ok(TokenCount {
            prompt_tokens: words::count(counted.prompt),
            image_tokens: words::count(counted.image),
        })
    }

    fn reserve(&self, asker: Option<&str>, answers: u32) -> Result<Box<dyn Reservation>, Refusal> {
        let places = EnginePlaces::take(&self.engine, asker, answers)?;
        Ok(Box::new(places))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use engine::{Request, Wanted};
    use model::chat::{Message, Part, Role};

    use super::*;
    use crate::demo;

    /// How often it was asked whether a question about this picture is still wanted: between the stages of its way.
    fn stages(answerer: &EngineAnswerer, file: &[u8]) -> usize {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = looks.clone();
        let question = Message {
            role: Role::User,
            content: vec![Part::Picture(0)],
        };
        let request = Request {
            image_tokens: Some(answerer.status().limits.image_tokens as usize),
            max_tokens: 1,
            wanted: Wanted::as_long_as(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                true
            }),
            ..Request::new(vec![question], vec![file.into()])
        };
        let handle = answerer.engine.handle().expect("ready");
        drop(handle.submit(request).expect("accepted"));
        looks.load(Ordering::SeqCst)
    }

    #[test]
    fn a_picture_that_was_laid_on_the_desk_is_not_decoded_again_for_its_question() {
        let answerer = EngineAnswerer::look(demo::source(), EngineOptions::default());
        let answerer = answerer.expect("the demo model");
        answerer.load().expect("it loads");
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/samples");
        let sample = |name| std::fs::read(samples.join(name)).expect("a sample");
        let (laid, other) = (sample("router-label.png"), sample("panel-error.png"));
        answerer.inspect(&laid).expect("readable");
        assert!(stages(&answerer, &laid) < stages(&answerer, &other));
    }
}
