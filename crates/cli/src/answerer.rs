//! The desk's answerer over the engine in this process.
//!
//! It is there before the model is: it knows the model's files, can read
//! pictures, and says how far loading is. Once loaded it passes questions on
//! and carries the engine's events to the desk.

mod about;
mod cut;
mod gauges;
mod grammar;
mod words;

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use desk::{
    AnswerSender, AnswerStream, Answerer, EngineStatus, Figures, Memory, Picture, PictureBox,
    PictureFacts, Question, Queue, Readings, Refusal, Shape, State, TokenCount, answer_channel,
};
use engine::{Answer, Constraint, EngineOptions, Handle, ModelSource, SubmitError};
use model::tokenizer::Tokenizer;

use self::about::About;
use self::gauges::Gauges;
pub use self::gauges::nvml;
use self::grammar::Grammars;
use crate::failure::{Outcome, sentence};

/// The engine as the desk sees it.
pub struct EngineAnswerer {
    source: ModelSource,
    options: EngineOptions,
    about: About,
    stage: RwLock<Stage>,
    gauges: Gauges,
    /// Made when the first answer is asked for in a shape.
    grammars: OnceLock<Result<Grammars, String>>,
}

/// How far the engine is.
enum Stage {
    Loading { percent: u8, what: &'static str },
    Ready(Handle),
    Failed { message: String },
}

impl EngineAnswerer {
    /// Looks at the model's files. Quick; says at once what cannot be loaded.
    pub fn look(source: ModelSource, options: EngineOptions) -> Outcome<Self> {
        let about = About::of(&source, &options)?;
        let what = "reading the configuration";
        Ok(Self {
            source,
            options,
            about,
            stage: RwLock::new(Stage::Loading { percent: 0, what }),
            gauges: Gauges::new(),
            grammars: OnceLock::new(),
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
            self.set(Stage::Loading { percent, what });
        });
        match loaded {
            Ok(handle) => {
                self.set(Stage::Ready(handle));
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
        let Stage::Ready(handle) = &*self.stage() else {
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
        self.set(Stage::Failed { message });
    }

    fn set(&self, stage: Stage) {
        *self.stage.write().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn stage(&self) -> RwLockReadGuard<'_, Stage> {
        self.stage.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What holds an answer to the shape it should have.
    fn constraint(
        &self,
        handle: &Handle,
        shape: &Shape,
    ) -> Result<Option<Box<dyn Constraint>>, Refusal> {
        if *shape == Shape::Free {
            return Ok(None);
        }
        let grammars = self
            .grammars
            .get_or_init(|| Grammars::of(handle.vocabulary()));
        let grammars = grammars.as_ref().map_err(|error| {
            tracing::error!(error, "no grammars for this model");
            Refusal::answer_failed()
        })?;
        grammars.constraint(shape)
    }

    /// The engine, or why there is none.
    fn handle(&self) -> Result<Handle, Refusal> {
        match &*self.stage() {
            Stage::Ready(handle) => Ok(handle.clone()),
            Stage::Loading { percent, .. } => Err(Refusal::not_ready(*percent)),
            Stage::Failed { message } => Err(Refusal::model_failed(message)),
        }
    }
}

impl Answerer for EngineAnswerer {
    fn forget(&self) {
        if let Ok(handle) = self.handle() {
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
        match &*self.stage() {
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
        let facts = self.about.inspect(bytes);
        facts.map_err(|error| words::picture_refusal(&error))
    }

    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        self.about.picture_tokens(width, height, image_tokens)
    }

    fn figures(&self) -> Figures {
        self.handle().map_or_else(
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
        let handle = self.handle()?;
        let counted = handle.count(&words::request(question));
        let counted = counted.map_err(|error| words::refusal(&error))?;
        Ok(TokenCount {
            prompt_tokens: words::count(counted.prompt),
            image_tokens: words::count(counted.image),
        })
    }

    fn answer(&self, question: Question) -> Result<AnswerStream, Refusal> {
        let handle = self.handle()?;
        let mut request = words::request(&question);
        request.constraint = self.constraint(&handle, &question.shape)?;
        let tokenizer = handle.vocabulary().tokenizer.clone();
        let answer = match handle.submit(request) {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error, SubmitError::Stopped) {
                    self.fail(sentence(&error));
                }
                return Err(words::refusal(&error));
            }
        };
        let canceller = answer.canceller();
        let (sender, stream) = answer_channel(move || canceller.cancel());
        // Dropping the answer when the thread does not start cancels it.
        let carrier = thread::Builder::new().name("answer".into());
        let carried = carrier.spawn(move || carry(answer, &tokenizer, &sender));
        carried.map_err(|error| {
            tracing::error!(%error, "no thread for an answer");
            Refusal::answer_failed()
        })?;
        Ok(stream)
    }
}

/// Carries events until the last one, or until nobody listens.
fn carry(answer: Answer, tokenizer: &Arc<Tokenizer>, sender: &AnswerSender) {
    for event in answer {
        if sender.send(words::event(event, tokenizer)).is_err() {
            return;
        }
    }
}
