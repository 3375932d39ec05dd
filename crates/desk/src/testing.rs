//! An answerer that follows a script, and the small things tests keep making.
//!
//! It reads just enough of a PNG to tell its size, so pictures in tests cost
//! nothing to make.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::records::{Records, RecordsPlace};
use crate::{
    AnswerEvent, AnswerRequest, AnswerSender, AnswerStream, Answerer, AskedSettings, BothLanguages,
    Class, Conversations, Desk, DeskLimits, DeviceFacts, EngineLimits, EngineStatus, Figures,
    FinishReason, Memory, Message, ModelFacts, Part, Picture, PictureBox, PictureFacts, PictureId,
    Piece, Presence, Question, Queue, Refusal, Reservation, Role, Sample, State, Timings,
    TokenCount, TokenPiece, TopToken, Usage, answer_channel,
};

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Answers as told, in the order it was told; unasked, it says "ok".
pub struct ScriptedAnswerer {
    play: Arc<Play>,
    status: Mutex<EngineStatus>,
    figures: Mutex<Figures>,
    forgot: AtomicU32,
    inspected: AtomicU32,
    counted: AtomicU32,
    /// No more may be taken at once.
    places: AtomicU32,
}

/// What has a place reaches beyond the call that took it.
#[derive(Default)]
struct Play {
    acts: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<Question>>,
    taken: AtomicU32,
}

/// One place, given back when dropped.
struct ScriptedPlace(Arc<Play>);

impl Drop for ScriptedPlace {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
    }
}

struct ScriptedPlaces {
    play: Arc<Play>,
    places: Vec<ScriptedPlace>,
}

enum Act {
    Say(Vec<AnswerEvent>),
    Refuse(Refusal),
    Wait(Arc<Backstage>),
    Prepare(Arc<Preparing>),
}

/// A question that takes as long to be prepared as its asker waits for it.
#[derive(Default)]
pub struct Preparing {
    begun: AtomicBool,
    ended: AtomicBool,
}

impl Preparing {
    /// Whether somebody prepares it.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether nobody does any more.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn until_left(&self, presence: &Presence) {
        self.begun.store(true, Ordering::SeqCst);
        while !presence.has_left() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[derive(Default)]
struct Backstage {
    sender: Mutex<Option<AnswerSender>>,
    cancelled: AtomicBool,
}

/// The prompter of one answer: sends its events one by one.
pub struct Script(Arc<Backstage>);

impl Script {
    /// Sends an event, once the question has been asked.
    pub fn send(&self, event: AnswerEvent) {
        let sender = lock(&self.0.sender);
        let sender = sender.as_ref().expect("the question has been asked");
        sender.send(event).expect("the reader is still there");
    }

    /// Vanishes without a last word, as a crashed engine would.
    pub fn vanish(&self) {
        lock(&self.0.sender).take();
    }

    /// Whether the reader left early.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }
}

impl ScriptedAnswerer {
    /// The next question gets these events at once.
    pub fn will_say(&self, events: impl IntoIterator<Item = AnswerEvent>) {
        lock(&self.play.acts).push_back(Act::Say(events.into_iter().collect()));
    }

    /// The next question is refused: where it asks for its places if there are none for it now, else when it is told.
    pub fn will_refuse(&self, refusal: Refusal) {
        lock(&self.play.acts).push_back(Act::Refuse(refusal));
    }

    /// The next question waits for the script's word.
    pub fn will_wait(&self) -> Script {
        let backstage = Arc::new(Backstage::default());
        lock(&self.play.acts).push_back(Act::Wait(backstage.clone()));
        Script(backstage)
    }

    /// The next question is being prepared until its asker leaves, and then not asked.
    pub fn will_prepare(&self) -> Arc<Preparing> {
        let preparing = Arc::new(Preparing::default());
        lock(&self.play.acts).push_back(Act::Prepare(preparing.clone()));
        preparing
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<Question> {
        lock(&self.play.asked).clone()
    }

    /// How many files were decoded to say what they are.
    pub fn inspected(&self) -> u32 {
        self.inspected.load(Ordering::SeqCst)
    }

    /// How many questions were counted.
    pub fn counted(&self) -> u32 {
        self.counted.load(Ordering::SeqCst)
    }

    /// Lets no more answers have a place at once.
    pub fn set_places(&self, most: u32) {
        self.places.store(most, Ordering::SeqCst);
    }

    /// How many have one.
    pub fn places_taken(&self) -> u32 {
        self.play.taken.load(Ordering::SeqCst)
    }

    /// How often it was told to forget what it keeps.
    pub fn forgot(&self) -> u32 {
        self.forgot.load(Ordering::SeqCst)
    }

    /// Lets go of the questions, and with them of their pictures.
    pub fn forget_questions(&self) {
        lock(&self.play.asked).clear();
    }

    /// Changes how much it can take.
    pub fn set_context(&self, tokens: u32) {
        lock(&self.status).limits.context_tokens = tokens;
    }

    /// Changes what it has counted.
    pub fn set_figures(&self, figures: Figures) {
        *lock(&self.figures) = figures;
    }

    /// Changes what it says of itself.
    pub fn set_state(&self, state: State) {
        lock(&self.status).state = state;
    }
}

impl Answerer for ScriptedAnswerer {
    fn forget(&self) {
        self.forgot.fetch_add(1, Ordering::SeqCst);
    }

    fn status(&self) -> EngineStatus {
        lock(&self.status).clone()
    }

    fn figures(&self) -> Figures {
        lock(&self.figures).clone()
    }

    fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, Refusal> {
        self.inspected.fetch_add(1, Ordering::SeqCst);
        let supported = self.status().limits.picture_types;
        let Some(rest) = bytes.strip_prefix(PNG_SIGNATURE) else {
            return Err(Refusal::picture_type(None, &supported));
        };
        // Length and name of the first chunk, then width and height.
        let number = |at: usize| {
            let field = rest.get(at..at + 4)?;
            Some(u32::from_be_bytes(field.try_into().ok()?))
        };
        match (number(8), number(12)) {
            (Some(width), Some(height)) => Ok(facts(width, height)),
            _ => Err(Refusal::picture_unreadable("it ends too early")),
        }
    }

    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32 {
        facts(width, height).tokens.min(image_tokens)
    }

    /// A picture of its own for each place, as large in pixels as the place in thousandths.
    fn closer(&self, picture: &Picture, place: PictureBox) -> Result<Picture, Refusal> {
        let [left, top, right, bottom] = place.corners();
        let (width, height) = (u32::from(right - left), u32::from(bottom - top));
        let mut bytes = png(width, height);
        bytes.extend([left, top].map(u16::to_be_bytes).concat());
        bytes.extend(picture.id().to_string().bytes());
        Ok(Picture::new(bytes, facts(width, height)))
    }

    fn thumbnail(&self, picture: &Picture, edge: u32) -> Result<Vec<u8>, Refusal> {
        Ok(format!("{} at {edge}", picture.id()).into_bytes())
    }

    /// A token a word.
    fn count(&self, question: &Question) -> Result<TokenCount, Refusal> {
        self.counted.fetch_add(1, Ordering::SeqCst);
        let most = question.settings.image_tokens;
        let image_tokens = question.pictures().map(|p| p.facts().tokens.min(most));
        let image_tokens = image_tokens.sum();
        let pieces = question.turns.iter().flat_map(|turn| &turn.pieces);
        let words = pieces.map(|piece| match piece {
            Piece::Text(text) => text.split_whitespace().count() as u32,
            Piece::Picture(_) => 0,
        });
        Ok(TokenCount {
            prompt_tokens: words.sum::<u32>() + image_tokens,
            image_tokens,
        })
    }

    fn reserve(&self, _: Option<&str>, answers: u32) -> Result<Box<dyn Reservation>, Refusal> {
        if let State::Loading { percent, .. } = self.status().state {
            return Err(Refusal::not_ready(percent));
        }
        let mut acts = lock(&self.play.acts);
        if let Some(Act::Refuse(refusal)) = acts.front()
            && refusal.class() == Class::Busy
        {
            let refusal = refusal.clone();
            acts.pop_front();
            return Err(refusal);
        }
        let taken = self.places_taken();
        if taken.saturating_add(answers) > self.places.load(Ordering::SeqCst) {
            return Err(Refusal::queue_full(taken, 1));
        }
        // Taken behind the lock of the acts, so that nobody takes between.
        self.play.taken.fetch_add(answers, Ordering::SeqCst);
        let places = (0..answers).map(|_| ScriptedPlace(self.play.clone()));
        Ok(Box::new(ScriptedPlaces {
            play: self.play.clone(),
            places: places.collect(),
        }))
    }
}

impl Reservation for ScriptedPlaces {
    fn ask(self: Box<Self>, question: Question) -> Result<Vec<AnswerStream>, Refusal> {
        let Self { play, places } = *self;
        let answers = (0..).zip(places);
        answers
            .map(|(index, place)| play.answer(question.nth(index), place))
            .collect()
    }
}

impl Play {
    fn answer(&self, question: Question, place: ScriptedPlace) -> Result<AnswerStream, Refusal> {
        let act = lock(&self.acts).pop_front();
        let act = act.unwrap_or_else(|| Act::Say(vec![delta("ok"), done()]));
        let backstage = match &act {
            Act::Refuse(refusal) => return Err(refusal.clone()),
            Act::Wait(backstage) => backstage.clone(),
            Act::Prepare(preparing) => {
                preparing.until_left(&question.presence);
                drop(place);
                preparing.ended.store(true, Ordering::SeqCst);
                return Err(Refusal::answer_failed());
            }
            Act::Say(_) => Arc::default(),
        };
        lock(&self.asked).push(question);
        let cancelled = backstage.clone();
        let (sender, stream) = answer_channel(move || {
            cancelled.cancelled.store(true, Ordering::SeqCst);
            drop(place);
        });
        match act {
            Act::Say(events) => {
                for event in events {
                    sender.send(event).expect("the stream is in hand");
                }
            }
            _ => *lock(&backstage.sender) = Some(sender),
        }
        Ok(stream)
    }
}

impl Default for ScriptedAnswerer {
    fn default() -> Self {
        let status = EngineStatus {
            state: State::Ready,
            model: ModelFacts {
                name: "script".into(),
                demo: true,
                precision: "words".into(),
                parameters: 0,
            },
            device: DeviceFacts {
                name: "stage".into(),
                threads: 1,
                tier: "none".into(),
            },
            memory: Memory::default(),
            queue: Queue::default(),
            limits: EngineLimits {
                picture_types: vec!["image/png".into()],
                image_tokens: 1280,
                max_tokens: 1024,
                context_tokens: 4096,
            },
        };
        Self {
            play: Arc::default(),
            forgot: AtomicU32::new(0),
            inspected: AtomicU32::new(0),
            counted: AtomicU32::new(0),
            places: AtomicU32::new(u32::MAX),
            status: Mutex::new(status),
            figures: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A desk with default limits and its answerer.
pub fn small_desk() -> (Desk, Arc<ScriptedAnswerer>) {
    let answerer = Arc::new(ScriptedAnswerer::default());
    let samples = vec![sample("router")];
    let desk = Desk::new(answerer.clone(), DeskLimits::default(), samples);
    (desk, answerer)
}

/// Records in memory, for tests on any executor.
///
/// They are opened on a runtime of their own, which lasts as long as the tests: a database that is
/// opened within a test's runtime would lose its helpers when a synchronous test ends it.
pub fn memory_records() -> Records {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        runtime.expect("a runtime")
    });
    let open = || RUNTIME.block_on(Records::open(&RecordsPlace::default()));
    thread::scope(|threads| threads.spawn(open).join())
        .expect("no panic")
        .expect("memory opens")
}

/// A small desk with records in memory.
pub fn small_office() -> (Arc<Conversations>, Arc<ScriptedAnswerer>) {
    let (desk, answerer) = small_desk();
    let conversations = Conversations::new(Arc::new(desk), memory_records());
    (Arc::new(conversations), answerer)
}

/// The first bytes of a PNG of this size.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = PNG_SIGNATURE.to_vec();
    bytes.extend(b"\0\0\0\x0dIHDR");
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes
}

/// A PNG that ends before its size.
pub fn unreadable_png() -> Vec<u8> {
    PNG_SIGNATURE.to_vec()
}

/// A sample with one picture.
pub fn sample(id: &str) -> Sample {
    let picture = Picture::new(png(320, 200), facts(320, 200));
    Sample {
        id: id.to_owned(),
        pictures: vec![Arc::new(picture)],
        question: BothLanguages {
            en: "What does the label say?".into(),
            zh: "标签上写了什么？".into(),
        },
    }
}

fn facts(width: u32, height: u32) -> PictureFacts {
    PictureFacts {
        media_type: "image/png".into(),
        width,
        height,
        tokens: width.div_ceil(32).saturating_mul(height.div_ceil(32)),
    }
}

/// New words.
pub fn delta(text: &str) -> AnswerEvent {
    AnswerEvent::Delta {
        text: text.to_owned(),
        tokens: vec![],
    }
}

/// New words, one token with one alternative.
pub fn token(text: &str, logprob: f32) -> AnswerEvent {
    let top = TopToken {
        bytes: b"other".to_vec(),
        logprob: logprob - 1.0,
    };
    AnswerEvent::Delta {
        text: text.to_owned(),
        tokens: vec![TokenPiece {
            text: text.to_owned(),
            logprob,
            bytes: text.as_bytes().to_vec(),
            top: vec![top],
        }],
    }
}

/// A token whose only secret is how likely it was.
pub fn token_piece(text: &str, logprob: f32) -> TokenPiece {
    TokenPiece {
        text: text.to_owned(),
        logprob,
        bytes: text.as_bytes().to_vec(),
        top: vec![],
    }
}

/// The end of an answer that took and gave this many tokens.
pub fn done_with(usage: Usage) -> AnswerEvent {
    AnswerEvent::Done {
        finish_reason: FinishReason::Stop,
        usage,
        timings: Timings::default(),
    }
}

/// The end of an answer.
pub fn done() -> AnswerEvent {
    done_for(FinishReason::Stop)
}

/// The end of an answer for this reason.
pub fn done_for(finish_reason: FinishReason) -> AnswerEvent {
    AnswerEvent::Done {
        finish_reason,
        usage: Usage::default(),
        timings: Timings::default(),
    }
}

/// A request with one message.
pub fn ask(words: &str, pictures: &[PictureId]) -> AnswerRequest {
    let pictures = pictures.iter().copied().map(picture_part);
    let content = pictures.chain([text(words)]);
    AnswerRequest {
        messages: vec![message(Role::User, content)],
        settings: AskedSettings::default(),
    }
}

/// One message.
pub fn message(role: Role, content: impl IntoIterator<Item = Part>) -> Message {
    let content = content.into_iter().collect();
    Message { role, content }
}

/// Words.
pub fn text(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
    }
}

/// A picture by name.
pub fn picture_part(id: PictureId) -> Part {
    Part::Picture { id }
}
