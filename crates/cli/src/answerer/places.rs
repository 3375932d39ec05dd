//! Places with the engine, and the answers that are given from them: the question in the engine's words, held to its
//! shape, and the engine's events on their way to the desk.

use std::sync::Arc;
use std::thread;

use desk::{AnswerSender, AnswerStream, Question, Refusal, Reservation, answer_channel};
use engine::{Answer, Handle, Request, Reserved, SubmitError};
use model::tokenizer::Tokenizer;

use super::stage::Engine;
use super::words;
use crate::failure::sentence;

/// Places for answers to one asker.
pub struct EnginePlaces {
    engine: Arc<Engine>,
    handle: Handle,
    places: Vec<Reserved>,
}

impl EnginePlaces {
    /// All of them or none.
    pub fn take(engine: &Arc<Engine>, asker: Option<&str>, answers: u32) -> Result<Self, Refusal> {
        let handle = engine.handle()?;
        let places = handle.reserve(asker, answers as usize);
        let places = places.map_err(|error| words::refusal(&error))?;
        Ok(Self {
            engine: Arc::clone(engine),
            handle,
            places,
        })
    }
}

impl Reservation for EnginePlaces {
    fn ask(self: Box<Self>, question: Question) -> Result<Vec<AnswerStream>, Refusal> {
        let Self {
            engine,
            handle,
            places,
        } = *self;
        // Each answer goes its own way from what was compiled once.
        let held = engine.constraint(&handle, &question.shape)?;
        let tokenizer = &handle.vocabulary().tokenizer;
        let answers = (0..).zip(places).map(|(index, place)| {
            let mut request = words::request(&question.nth(index));
            request.constraint = held.clone();
            engine.answer(place, request, tokenizer)
        });
        // What was taken in before a refusal is dropped, which cancels it.
        answers.collect()
    }
}

impl Engine {
    fn answer(
        &self,
        place: Reserved,
        request: Request,
        tokenizer: &Arc<Tokenizer>,
    ) -> Result<AnswerStream, Refusal> {
        let answer = place.submit(request).map_err(|error| {
            if matches!(error, SubmitError::Stopped) {
                self.fail(sentence(&error));
            }
            words::refusal(&error)
        })?;
        let canceller = answer.canceller();
        let (sender, stream) = answer_channel(move || canceller.cancel());
        let tokenizer = Arc::clone(tokenizer);
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
fn carry(answer: Answer, tokenizer: &Tokenizer, sender: &AnswerSender) {
    for event in answer {
        if sender.send(words::event(event, tokenizer)).is_err() {
            return;
        }
    }
}
