//! Conversations at the desk: questions asked in them, answered, looked into, and kept.
//!
//! A question is stored with an empty answer before the engine is asked, so that nothing is lost by
//! accident; what the engine refuses stays as a failed answer. The records' other doors are open to
//! whoever has [`Conversations::records`].

mod looks;

pub use looks::{AskedReading, EvidenceFound};

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;

use crate::desk::AtHand;
use crate::history::{Memory, Told, pictures};
use crate::records::{
    AnswerId, BegunRound, Conversation, ConversationId, ImportSource, Imported, NewRound,
    PictureSize, Records, Round, RoundId,
};
use crate::rounds::{
    AskedAgain, AskedRound, Plan, REMEMBERED_ROUNDS, RoundEvent, RoundSender, RoundStep,
    RoundStream, Runner, Start, Stops, plan,
};
use crate::{
    AnswerRequest, AnswerStream, AskedSettings, Defaults, Desk, Message, Part, Picture, PictureId,
    Presence, Refusal, Reservation, Role, Wishes,
};

/// Pictures decoded at the same time, beside those that are uploaded or asked about.
const DECODED_AT_ONCE: usize = 2;

/// A desk with records.
pub struct Conversations {
    desk: Arc<Desk>,
    records: Records,
    /// Permits to decode a picture for a closer look or a thumbnail: each may take much memory.
    decoding: Arc<Semaphore>,
    /// Of these, one for thumbnails.
    shrinking: Semaphore,
    ending: watch::Sender<bool>,
    stops: Stops,
    /// Every running answer holds a receiver's clone of this; see [`Conversations::settled`].
    running: watch::Sender<()>,
}

/// Who asks: for the records, and for taking turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedBy {
    /// Those who share a turn are one; see [`Wishes::asker`].
    pub turn: String,
    /// The name of a key, where keys are used.
    pub name: Option<String>,
}

impl AskedBy {
    fn wishes(&self) -> Wishes {
        Wishes {
            asker: Some(self.turn.clone()),
            ..Wishes::default()
        }
    }
}

/// A question that is about to be stored.
struct Asking {
    conversation: ConversationId,
    earlier: Vec<Round>,
    question: String,
    pictures: Vec<Arc<Picture>>,
    role: String,
    settings: AskedSettings,
    memory: Memory,
}

/// What the model will be told, and a place to be answered.
type Placed = (Told, Box<dyn Reservation>);

impl Conversations {
    /// Conversations at this desk, kept in these records.
    pub fn new(desk: Arc<Desk>, records: Records) -> Self {
        let (ending, _) = watch::channel(false);
        let (running, _) = watch::channel(());
        let shelved = Arc::downgrade(&desk);
        records.when_pictures_go(move |ids| {
            if let Some(desk) = shelved.upgrade() {
                desk.forget_pictures(ids);
            }
        });
        let stops = Stops::default();
        let running_ones = stops.clone();
        records.when_answers_go(move |ids| {
            for id in ids {
                running_ones.stop(*id);
            }
        });
        Self {
            desk,
            records,
            decoding: Arc::new(Semaphore::new(DECODED_AT_ONCE)),
            shrinking: Semaphore::new(1),
            ending,
            stops,
            running,
        }
    }

    /// The desk.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// The records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// A picture that lies on the desk or belongs to a round.
    pub async fn picture(&self, id: PictureId) -> Result<Option<Arc<Picture>>, Refusal> {
        match self.desk.picture(id) {
            Some(picture) => Ok(Some(picture)),
            None => self.records.picture(id).await,
        }
    }

    /// Answers a request that belongs to no conversation, and keeps nothing of it. Its pictures may
    /// be ones that the records hold.
    pub async fn answer(
        &self,
        request: AnswerRequest,
        wishes: Wishes,
    ) -> Result<AnswerStream, Refusal> {
        let place = self.desk.reserve(wishes.asker.as_deref(), 1)?;
        let mut at_hand = AtHand::new();
        for id in pictures(&request.messages) {
            if let Some(picture) = self.picture(id).await? {
                at_hand.insert(id, picture);
            }
        }
        let desk = self.desk.clone();
        // Held while its pictures are prepared: an asker who leaves drops it.
        let (_stay, presence) = Presence::begins();
        let wishes = Wishes { presence, ..wishes };
        let asked =
            spawn_blocking(move || desk.ask_once(place, desk.question(request, wishes, &at_hand)?));
        asked.await.map_err(|_| Refusal::answer_failed())?
    }

    /// Asks a question in a conversation.
    ///
    /// What is wrong with the question itself is refused at once; from then on it is stored, and
    /// whatever happens is told by the stream: also that there was no place for it, which is found out before there
    /// is work done to plan it.
    pub async fn ask(
        self: &Arc<Self>,
        conversation: ConversationId,
        asked: AskedRound,
        by: &AskedBy,
    ) -> Result<RoundStream, Refusal> {
        let whole = self.records.conversation(conversation).await?;
        let earlier = before(whole, asked.replaces)?;
        let limit = self.desk.limits().pictures_per_question as usize;
        if asked.pictures.len() > limit {
            return Err(Refusal::too_many_pictures(asked.pictures.len(), limit));
        }
        let remember = asked.remember.unwrap_or(Defaults::default().rounds);
        if remember > REMEMBERED_ROUNDS {
            let allowed = format!("between 0 and {REMEMBERED_ROUNDS}");
            return Err(Refusal::field_out_of_range("remember", &allowed));
        }
        let pictures = self.fetch(&asked.pictures).await?;
        let asking = Asking {
            conversation,
            earlier,
            question: asked.question,
            pictures,
            role: asked.role,
            settings: asked.settings,
            memory: Memory::in_blocks(remember as usize, limit),
        };
        self.check(&asking)?;
        let (asking, told) = self.placed(asking, by).await?;
        let new = NewRound {
            conversation,
            question: asking.question.clone(),
            pictures: asking.pictures.clone(),
            role: asking.role.clone(),
            settings: asking.settings.clone(),
            remembered_rounds: told
                .as_ref()
                .map_or(0, |(told, _)| count(told.remembered_rounds)),
            replaces: asked.replaces,
            asker: by.name.clone(),
        };
        let (this, wishes) = (self.clone(), by.wishes());
        whatever_happens(async move {
            let begun = this.records.begin_round(new).await?;
            Ok(this.run(asking, told, begun, wishes))
        })
        .await
    }

    /// Answers the newest question of a conversation once more, told of the same rounds.
    pub async fn again(
        self: &Arc<Self>,
        round: RoundId,
        asked: AskedAgain,
        by: &AskedBy,
    ) -> Result<RoundStream, Refusal> {
        let found = self.records.round(round).await?;
        let conversation = found.conversation;
        let whole = self.records.conversation(conversation).await?;
        let title = whole.summary.title.clone();
        let earlier = before(whole, Some(round)).map_err(|_| Refusal::round_not_newest())?;
        let settings = AskedSettings {
            seed: asked.seed.or(asked.settings.as_ref().and_then(|s| s.seed)),
            ..asked
                .settings
                .clone()
                .unwrap_or(found.round.settings.clone())
        };
        let ids: Vec<_> = found.round.pictures.iter().map(|p| p.id).collect();
        let limit = self.desk.limits().pictures_per_question as usize;
        let asking = Asking {
            conversation,
            earlier,
            question: found.round.question,
            pictures: self.fetch(&ids).await?,
            role: found.round.role,
            memory: Memory::exactly(found.round.remembered_rounds as usize, limit),
            settings,
        };
        self.check(&asking)?;
        let other = (asking.settings != found.round.settings).then(|| asking.settings.clone());
        let (asking, told) = self.placed(asking, by).await?;
        let (this, wishes) = (self.clone(), by.wishes());
        whatever_happens(async move {
            let answer = this.records.begin_answer(round, other).await?;
            let begun = BegunRound {
                round,
                answer,
                title,
            };
            Ok(this.run(asking, told, begun, wishes))
        })
        .await
    }

    /// Brings an export in and opens every picture that came with it; see [`Records::import_checked`].
    pub async fn import(
        &self,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<Imported, Refusal> {
        let answerer = self.desk.answerer().clone();
        let look = move |bytes: &[u8]| {
            let facts = answerer.inspect(bytes).ok()?;
            Some(PictureSize {
                width: facts.width,
                height: facts.height,
            })
        };
        let look = Arc::new(look);
        self.records.import_checked(source, asker, look).await
    }

    /// Stops an answer; what was said is kept. One that has ended stays as it is.
    pub async fn stop(&self, answer: AnswerId) -> Result<(), Refusal> {
        if !self.stops.stop(answer) {
            self.records.answer(answer).await?;
        }
        Ok(())
    }

    /// Tells every running answer that the program ends.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Ready when the words of every answer that ran are in the records.
    pub async fn settled(&self) {
        self.running.closed().await;
    }

    /// Whether the question can be asked as it is.
    fn check(&self, asking: &Asking) -> Result<(), Refusal> {
        let pictures = asking.pictures.iter();
        let at_hand = pictures.map(|p| (p.id(), p.clone())).collect();
        let shown = asking.pictures.iter().map(|p| Part::Picture { id: p.id() });
        let mut content: Vec<_> = shown.collect();
        content.push(Part::Text {
            text: asking.question.clone(),
        });
        let role = Message {
            role: Role::System,
            content: vec![Part::Text {
                text: asking.role.clone(),
            }],
        };
        let question = Message {
            role: Role::User,
            content,
        };
        let request = AnswerRequest {
            messages: vec![role, question],
            settings: asking.settings.clone(),
        };
        self.desk.question(request, Wishes::default(), &at_hand)?;
        Ok(())
    }

    /// A place for the question, and what the model will be told. A refusal is the asker's to hear once the question
    /// is stored.
    async fn placed(
        &self,
        asking: Asking,
        by: &AskedBy,
    ) -> Result<(Asking, Result<Placed, Refusal>), Refusal> {
        match self.desk.reserve(Some(&by.turn), 1) {
            Ok(place) => {
                let (asking, told) = self.plan(asking).await?;
                Ok((asking, told.map(|told| (told, place))))
            }
            Err(refusal) => Ok((asking, Err(refusal))),
        }
    }

    async fn plan(&self, asking: Asking) -> Result<(Asking, Result<Told, Refusal>), Refusal> {
        let desk = self.desk.clone();
        let (_stay, presence) = Presence::begins();
        let planned = spawn_blocking(move || {
            let told = plan(
                &desk,
                &Plan {
                    presence,
                    role: &asking.role,
                    earlier: &asking.earlier,
                    question: &asking.question,
                    pictures: &asking.pictures,
                    settings: &asking.settings,
                    memory: asking.memory,
                },
            );
            (asking, told)
        });
        planned.await.map_err(|_| Refusal::answer_failed())
    }

    /// Sets a stored question going.
    fn run(
        &self,
        asking: Asking,
        told: Result<Placed, Refusal>,
        begun: BegunRound,
        wishes: Wishes,
    ) -> RoundStream {
        let client = wishes.asker.as_deref();
        let (listener, stream) = RoundSender::new(self.desk.unread(), client);
        let (remembered, dropped, unseen) = match &told {
            Ok((told, _)) => (
                told.remembered_rounds,
                told.dropped_rounds,
                told.dropped_pictures.clone(),
            ),
            Err(_) => (0, 0, vec![]),
        };
        let asked = RoundStep::Asked {
            conversation: asking.conversation,
            round: begun.round,
            answer: begun.answer,
            title: begun.title,
            remembered_rounds: count(remembered),
            dropped_rounds: count(dropped),
            dropped_pictures: unseen,
        };
        listener.tell(RoundEvent::Step(asked));
        let runner = Runner {
            desk: self.desk.clone(),
            records: self.records.clone(),
            answer: begun.answer,
            listener,
            stop: self.stops.begin(begun.answer),
            ending: self.ending.subscribe(),
        };
        let records = self.records.clone();
        let running = self.running.subscribe();
        tokio::spawn(async move {
            let start = async {
                let placed = told?;
                start(asking, placed, wishes, &records).await
            };
            runner.run(start).await;
            drop(running);
        });
        stream
    }

    /// These pictures, from the desk or the records.
    async fn fetch(&self, ids: &[PictureId]) -> Result<Vec<Arc<Picture>>, Refusal> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let picture = self.picture(*id).await?;
            found.push(picture.ok_or_else(|| Refusal::picture_unknown(*id))?);
        }
        Ok(found)
    }
}

/// Goes through with something even if the asker leaves half-way: a stored question must not stay
/// without somebody who carries its answer.
async fn whatever_happens<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|_| Err(Refusal::answer_failed()))
}

/// The rounds before a question: those before the one it replaces, or all.
fn before(whole: Conversation, replaces: Option<RoundId>) -> Result<Vec<Round>, Refusal> {
    let mut rounds = whole.rounds;
    if let Some(id) = replaces {
        let place = rounds.iter().position(|round| round.id == id);
        rounds.truncate(place.ok_or_else(|| Refusal::round_unknown(id))?);
    }
    Ok(rounds)
}

/// What the engine is asked, with the pictures of earlier rounds from the records.
async fn start(
    asking: Asking,
    (told, place): Placed,
    wishes: Wishes,
    records: &Records,
) -> Result<Start, Refusal> {
    let own = asking.pictures.into_iter();
    let mut at_hand: AtHand = own.map(|picture| (picture.id(), picture)).collect();
    let shown: Vec<_> = pictures(&told.messages).collect();
    for id in shown {
        if !at_hand.contains_key(&id)
            && let Some(picture) = records.picture(id).await?
        {
            at_hand.insert(id, picture);
        }
    }
    let request = AnswerRequest {
        messages: told.messages,
        settings: asking.settings,
    };
    Ok(Start {
        place,
        request,
        wishes,
        at_hand,
    })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
