//! The desk itself: takes pictures in, checks questions, passes them on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{check_messages, decide_image_tokens, decide_settings};
use crate::unread::Unread;
use crate::{
    AnswerRequest, AnswerStream, Answerer, Defaults, DeskStatus, Figures, Limits, Message, Part,
    Picture, PictureId, PictureShelf, Piece, Question, Readings, RecordsFacts, Refusal,
    Reservation, Sample, Settings, TokenCount, Turn, Wishes,
};

/// How long a caller should wait when running answers hold every picture.
const SHELF_RETRY_S: u64 = 5;

/// Pictures that somebody has fetched for a question.
pub(crate) type AtHand = HashMap<PictureId, Arc<Picture>>;

/// What people may lay on the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeskLimits {
    /// The largest picture file.
    pub picture_bytes: u64,
    /// The most pictures in one message.
    pub pictures_per_question: u32,
    /// All uploaded pictures together.
    pub shelf_bytes: u64,
    /// How long an answer may take in all, waiting included.
    pub answer_time: Duration,
    /// What may lie unread of all answers together; each has a bound of its own as well.
    pub unread_bytes: usize,
}

impl Default for DeskLimits {
    fn default() -> Self {
        Self {
            picture_bytes: 20 * 1024 * 1024,
            pictures_per_question: 8,
            shelf_bytes: 512 * 1024 * 1024,
            answer_time: Duration::from_secs(1800),
            unread_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A desk with somebody behind it who answers.
pub struct Desk {
    answerer: Arc<dyn Answerer>,
    shelf: PictureShelf,
    unread: Unread,
    limits: DeskLimits,
    defaults: Defaults,
    samples: Vec<Sample>,
    sample_pictures: HashMap<PictureId, Arc<Picture>>,
}

impl Desk {
    /// Sets the desk up.
    pub fn new(answerer: Arc<dyn Answerer>, limits: DeskLimits, samples: Vec<Sample>) -> Self {
        let pictures = samples.iter().flat_map(|sample| &sample.pictures);
        let sample_pictures = pictures.map(|p| (p.id(), p.clone())).collect();
        Self {
            answerer,
            shelf: PictureShelf::new(limits.shelf_bytes),
            unread: Unread::new(limits.unread_bytes),
            limits,
            defaults: Defaults::default(),
            samples,
            sample_pictures,
        }
    }

    /// What the machine's instruments show. Reading them may take a while.
    pub fn readings(&self) -> Readings {
        self.answerer.readings()
    }

    /// How things stand, without what instruments and records add to it.
    pub fn status(&self) -> DeskStatus {
        let engine = self.answerer.status();
        DeskStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: engine.state,
            model: engine.model,
            device: engine.device,
            memory: engine.memory,
            queue: engine.queue,
            readings: Readings::default(),
            records: RecordsFacts::default(),
            limits: Limits {
                picture_bytes: self.limits.picture_bytes,
                pictures_per_question: self.limits.pictures_per_question,
                picture_types: engine.limits.picture_types,
                image_tokens: engine.limits.image_tokens,
                max_tokens: engine.limits.max_tokens,
                context_tokens: engine.limits.context_tokens,
            },
            defaults: Defaults {
                max_tokens: self.defaults.max_tokens.min(engine.limits.max_tokens),
                ..self.defaults
            },
        }
    }

    /// What people may lay on the desk.
    pub fn limits(&self) -> &DeskLimits {
        &self.limits
    }

    /// Ready-made questions.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Takes a picture in. Decodes it, so it may take a while.
    pub fn accept_picture(&self, bytes: Vec<u8>) -> Result<Arc<Picture>, Refusal> {
        if bytes.is_empty() {
            return Err(Refusal::picture_empty());
        }
        let size = bytes.len() as u64;
        let limit = self.limits.picture_bytes;
        if size > limit {
            return Err(Refusal::picture_too_large(Some(size), limit));
        }
        if let Some(known) = self.picture(PictureId::of(&bytes)) {
            return Ok(known);
        }
        let facts = self.answerer.inspect(&bytes)?;
        let picture = Picture::new(bytes, facts);
        let full = |_| Refusal::pictures_full(SHELF_RETRY_S);
        self.shelf.put(picture).map_err(full)
    }

    /// A picture the desk holds: uploaded, or part of a sample.
    pub fn picture(&self, id: PictureId) -> Option<Arc<Picture>> {
        let sample = self.sample_pictures.get(&id).cloned();
        sample.or_else(|| self.shelf.get(id))
    }

    /// Forgets pictures that were uploaded, and lets the engine forget what it has kept of anything:
    /// somebody wants them gone.
    pub fn forget_pictures(&self, ids: &[PictureId]) {
        self.shelf.remove(ids);
        self.answerer.forget();
    }

    /// Tokens that a picture takes in a question that allows each at most so many.
    pub fn picture_tokens(
        &self,
        picture: &Picture,
        image_tokens: Option<u32>,
    ) -> Result<u32, Refusal> {
        let most = decide_image_tokens(image_tokens, &self.answerer.status().limits)?;
        let facts = picture.facts();
        Ok(self
            .answerer
            .picture_tokens(facts.width, facts.height, most))
    }

    /// What the answerer has counted.
    pub fn figures(&self) -> Figures {
        self.answerer.figures()
    }

    /// Whoever answers.
    pub(crate) fn answerer(&self) -> &Arc<dyn Answerer> {
        &self.answerer
    }

    /// What lies unread of all answers.
    pub(crate) fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Takes places for so many answers, all or none; to be asked for before there is work to do for the question.
    pub fn reserve(
        &self,
        asker: Option<&str>,
        answers: u32,
    ) -> Result<Box<dyn Reservation>, Refusal> {
        self.answerer.reserve(asker, answers)
    }

    /// Asks as often as there are places, which were taken for the asker of `wishes`. The answers arrive through the
    /// streams; dropping one cancels it.
    pub fn answers(
        &self,
        places: Box<dyn Reservation>,
        request: AnswerRequest,
        wishes: Wishes,
    ) -> Result<Vec<AnswerStream>, Refusal> {
        self.ask(places, self.question(request, wishes, &AtHand::new())?)
    }

    /// Asks questions that were found fit.
    pub(crate) fn ask(
        &self,
        places: Box<dyn Reservation>,
        question: Question,
    ) -> Result<Vec<AnswerStream>, Refusal> {
        still_there(&question)?;
        let pictures: Vec<_> = question.pictures().cloned().collect();
        let asker = question.asker.clone();
        let answers = places.ask(question)?.into_iter();
        let answers = answers.map(|answer| {
            let answer = answer.holding(pictures.clone());
            answer.counted_in(&self.unread, asker.as_deref())
        });
        Ok(answers.collect())
    }

    /// Asks a question that was found fit, from a single place.
    pub(crate) fn ask_once(
        &self,
        place: Box<dyn Reservation>,
        question: Question,
    ) -> Result<AnswerStream, Refusal> {
        let answer = self.ask(place, question)?.pop();
        answer.ok_or_else(Refusal::answer_failed)
    }

    /// What a question would cost, without asking it.
    pub fn count(&self, request: AnswerRequest, wishes: Wishes) -> Result<TokenCount, Refusal> {
        let question = self.question(request, wishes, &AtHand::new())?;
        still_there(&question)?;
        self.answerer.count(&question)
    }

    /// The question of a request, if it is fit to be asked. Pictures are those at hand or on the
    /// desk.
    pub(crate) fn question(
        &self,
        request: AnswerRequest,
        wishes: Wishes,
        at_hand: &AtHand,
    ) -> Result<Question, Refusal> {
        let settings = self.checked(&request, &wishes)?;
        let longest = self.limits.answer_time;
        let time_limit = wishes.time_limit.map_or(longest, |time| time.min(longest));
        let messages = request.messages.into_iter();
        let turns = messages
            .map(|message| self.turn(message, at_hand))
            .collect::<Result<_, _>>()?;
        Ok(Question {
            turns,
            settings,
            shape: wishes.shape,
            alternatives: wishes.alternatives,
            ignore_eos: wishes.ignore_eos,
            asker: wishes.asker,
            time_limit: Some(time_limit),
            presence: wishes.presence,
        })
    }

    /// Whether a request is fit to be asked, as far as that shows without its pictures: they may have any names.
    pub fn check(&self, request: &AnswerRequest, wishes: &Wishes) -> Result<(), Refusal> {
        self.checked(request, wishes).map(drop)
    }

    /// The settings of a request that is fit to be asked.
    fn checked(&self, request: &AnswerRequest, wishes: &Wishes) -> Result<Settings, Refusal> {
        check_messages(request, self.limits.pictures_per_question as usize)?;
        let limits = self.answerer.status().limits;
        let defaults = Defaults {
            max_tokens: wishes
                .default_max_tokens
                .unwrap_or(self.defaults.max_tokens),
            ..self.defaults
        };
        decide_settings(&request.settings, &defaults, &limits)
    }

    fn turn(&self, message: Message, at_hand: &AtHand) -> Result<Turn, Refusal> {
        let piece = |part| match part {
            Part::Text { text } => Ok(Piece::Text(text)),
            Part::Picture { id } => {
                let picture = at_hand.get(&id).cloned();
                let picture = picture.or_else(|| self.picture(id));
                picture
                    .map(Piece::Picture)
                    .ok_or_else(|| Refusal::picture_unknown(id))
            }
        };
        let role = message.role;
        let pieces = message.content.into_iter().map(piece);
        let pieces = pieces.collect::<Result<_, _>>()?;
        Ok(Turn { role, pieces })
    }
}

/// Nothing is begun for an asker who has left, and nobody hears why.
fn still_there(question: &Question) -> Result<(), Refusal> {
    match question.presence.has_left() {
        true => Err(Refusal::answer_failed()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::testing::{
        ScriptedAnswerer, ask, delta, done, png, sample, small_desk, unreadable_png,
    };
    use crate::{AnswerEvent, Code, Role};

    /// Asks for one answer.
    fn answer(
        desk: &Desk,
        request: AnswerRequest,
        wishes: Wishes,
    ) -> Result<AnswerStream, Refusal> {
        let place = desk.reserve(wishes.asker.as_deref(), 1)?;
        let mut answers = desk.answers(place, request, wishes)?;
        assert_eq!(answers.len(), 1);
        Ok(answers.remove(0))
    }

    fn collect(stream: AnswerStream) -> Vec<AnswerEvent> {
        stream.collect().now_or_never().expect("the script is over")
    }

    #[test]
    fn a_question_about_an_uploaded_picture_reaches_the_answerer_with_its_bytes() {
        let (desk, answerer) = small_desk();
        answerer.will_say([delta("AX73"), done()]);
        let picture = desk.accept_picture(png(640, 480)).expect("a good picture");
        assert_eq!((picture.facts().width, picture.facts().height), (640, 480));
        let stream = answer(
            &desk,
            ask("which model?", &[picture.id()]),
            Wishes::default(),
        );
        let events = collect(stream.expect("accepted"));
        assert_eq!(events, [delta("AX73"), done()]);
        let asked = answerer.asked();
        assert_eq!(asked[0].turns[0].role, Role::User);
        let seen: Vec<_> = asked[0].pictures().map(|p| p.bytes().to_vec()).collect();
        assert_eq!(seen, [png(640, 480)]);
    }

    #[test]
    fn a_picture_nobody_uploaded_is_named_in_the_refusal() {
        let (desk, answerer) = small_desk();
        let id = PictureId::of(b"elsewhere");
        let refusal = answer(&desk, ask("?", &[id]), Wishes::default()).expect_err("unknown");
        assert_eq!(refusal.code, Code::PictureUnknown);
        assert_eq!(refusal.details["id"], id.to_string());
        assert!(answerer.asked().is_empty());
    }

    #[test]
    fn pictures_of_a_running_answer_outlive_a_flood_of_uploads() {
        let answerer = Arc::new(ScriptedAnswerer::default());
        let limits = DeskLimits {
            shelf_bytes: 2000,
            ..DeskLimits::default()
        };
        let desk = Desk::new(answerer.clone(), limits, vec![]);
        let script = answerer.will_wait();
        let id = desk.accept_picture(png(1, 1)).expect("room").id();
        let stream = answer(&desk, ask("?", &[id]), Wishes::default()).expect("accepted");
        answerer.forget_questions();
        for width in 2..40 {
            desk.accept_picture(png(width, 1)).expect("others leave");
        }
        assert!(desk.picture(id).is_some());
        script.send(done());
        collect(stream);
        for width in 2..40 {
            desk.accept_picture(png(width, 2)).expect("others leave");
        }
        assert!(desk.picture(id).is_none());
    }

    #[test]
    fn leaving_cancels() {
        let (desk, answerer) = small_desk();
        let script = answerer.will_wait();
        let stream = answer(&desk, ask("?", &[]), Wishes::default()).expect("accepted");
        assert!(!script.is_cancelled());
        drop(stream);
        assert!(script.is_cancelled());
    }

    #[test]
    fn samples_can_be_asked_about_without_uploading() {
        let answerer = Arc::new(ScriptedAnswerer::default());
        answerer.will_say([done()]);
        let desk = Desk::new(answerer, DeskLimits::default(), vec![sample("router")]);
        let id = desk.samples()[0].pictures[0].id();
        assert_eq!(
            collect(answer(&desk, ask("?", &[id]), Wishes::default()).expect("known")),
            [done()]
        );
    }

    #[test]
    fn uploads_are_refused_for_their_size_kind_or_damage() {
        let answerer = Arc::new(ScriptedAnswerer::default());
        let limits = DeskLimits {
            picture_bytes: 100,
            ..DeskLimits::default()
        };
        let desk = Desk::new(answerer, limits, vec![]);
        let code = |bytes| desk.accept_picture(bytes).expect_err("refused").code;
        assert_eq!(code(vec![0; 101]), Code::PictureTooLarge);
        assert_eq!(code(b"%PDF-1.7".to_vec()), Code::PictureType);
        assert_eq!(code(vec![]), Code::PictureEmpty);
        assert_eq!(code(unreadable_png()), Code::PictureUnreadable);
    }

    #[test]
    fn no_answer_may_take_longer_than_the_desk_allows() {
        let answerer = Arc::new(ScriptedAnswerer::default());
        let limits = DeskLimits {
            answer_time: Duration::from_secs(60),
            ..DeskLimits::default()
        };
        let desk = Desk::new(answerer.clone(), limits, vec![]);
        for (wished, allowed) in [(None, 60), (Some(20), 20), (Some(3600), 60)] {
            let wishes = Wishes {
                time_limit: wished.map(Duration::from_secs),
                ..Wishes::default()
            };
            answer(&desk, ask("?", &[]), wishes).expect("accepted");
            let asked = answerer.asked().pop().expect("asked");
            assert_eq!(asked.time_limit, Some(Duration::from_secs(allowed)));
        }
    }

    #[test]
    fn what_the_answerer_refuses_comes_back_unchanged() {
        let (desk, answerer) = small_desk();
        answerer.will_refuse(Refusal::queue_full(4, 9));
        let refusal = answer(&desk, ask("?", &[]), Wishes::default()).expect_err("full");
        assert_eq!(refusal, Refusal::queue_full(4, 9));
    }

    #[test]
    fn several_answers_have_places_of_their_own_and_seeds_of_their_own() {
        let (desk, answerer) = small_desk();
        answerer.set_places(3);
        let scripts = [(); 3].map(|()| answerer.will_wait());
        let mut request = ask("?", &[]);
        request.settings.seed = Some(u64::MAX);
        let places = desk.reserve(None, 3).expect("places");
        assert_eq!(answerer.places_taken(), 3);
        let answers = desk.answers(places, request, Wishes::default());
        let mut answers = answers.expect("accepted");
        let seeds: Vec<_> = answerer.asked().iter().map(|q| q.settings.seed).collect();
        assert_eq!(seeds, [Some(u64::MAX), Some(0), Some(1)]);
        answers.pop();
        assert_eq!(answerer.places_taken(), 2);
        assert!(desk.reserve(None, 2).is_err());
        assert!(scripts[2].is_cancelled());
        // An answer that has ended needs no place, read or not.
        scripts[..2].iter().for_each(|script| script.send(done()));
        assert_eq!(answerer.places_taken(), 0);
    }

    #[test]
    fn a_question_that_is_not_fit_gives_its_places_back() {
        let (desk, answerer) = small_desk();
        let places = desk.reserve(Some("anna"), 2).expect("places");
        let refused = desk.answers(places, AnswerRequest::default(), Wishes::default());
        assert_eq!(refused.expect_err("empty").code, Code::QuestionEmpty);
        assert_eq!(answerer.places_taken(), 0);
    }
}
