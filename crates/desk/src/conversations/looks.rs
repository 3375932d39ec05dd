//! Looking into an answer: where on a picture it stands, and what a place says at full resolution.
//!
//! Each is a request of its own to the engine, which whoever asked for it may leave at any time.

mod hearing;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use self::hearing::Listener;
use super::{AskedBy, Conversations, whatever_happens};
use crate::closer;
use crate::evidence::{self, About, Spotted};
use crate::records::{
    AnswerId, Evidence, EvidenceId, FoundAnswer, Reading, ReadingId, RoundPicture,
};
use crate::{Code, Picture, PictureBox, PictureId, Refusal};

/// Enough for some thirty boxes.
const EVIDENCE_TOKENS: u32 = 768;
/// Enough for a label full of small print.
const READING_TOKENS: u32 = 192;
/// The longest string to look for, in characters.
const ABOUT_CHARACTERS: usize = 500;

/// Where an answer stands on the pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceFound {
    /// The places; none where the model sees none.
    pub evidence: Vec<Evidence>,
    /// What the model said, picture by picture, to its letter.
    pub said: String,
}

/// Where to look again, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedReading {
    /// One of the pictures the answer was given about.
    pub picture: PictureId,
    /// The place; without one the model is asked for it.
    #[serde(rename = "box")]
    pub place: Option<PictureBox>,
    /// The string in doubt.
    pub was: String,
    /// Where it starts, in UTF-16 code units of the answer's text; kept if it stands there.
    pub start: Option<u32>,
}

impl Conversations {
    /// Asks where on the pictures an answer stands, or something it says. Keeps what is found in
    /// place of what was found before.
    ///
    /// Each picture is asked about by itself: a small model mixes them up otherwise.
    pub async fn evidence(
        self: &Arc<Self>,
        answer: AnswerId,
        about: Option<String>,
        by: &AskedBy,
    ) -> Result<EvidenceFound, Refusal> {
        let found = self.records.answer(answer).await?;
        let (this, (_present, by)) = (self.clone(), Listener::to(by));
        whatever_happens(async move {
            let done = this.find_evidence(&found, about, &by).await;
            this.forget_deleted(answer, done).await
        })
        .await
    }

    async fn find_evidence(
        &self,
        found: &FoundAnswer,
        about: Option<String>,
        by: &Listener,
    ) -> Result<EvidenceFound, Refusal> {
        let answer = found.answer.id;
        let about = match about.as_deref().map(str::trim) {
            None | Some("") => About::Answer {
                question: &found.round.question,
                answer: &found.answer.text,
            },
            Some(words) => About::Words(short(words, "about")?),
        };
        let asked = evidence::question(&about);
        let mut boxes = Vec::new();
        let mut said = Vec::new();
        for picture in self.pictures_of(found).await? {
            let (spotted, heard) = self.spot(picture.id, &asked, by).await?;
            boxes.extend(spotted.into_iter().map(|one| Evidence {
                id: EvidenceId::new(),
                picture: picture.id,
                label: one.label,
                area: one.place.corners(),
            }));
            said.push(heard);
        }
        self.records.set_evidence(answer, &boxes).await?;
        Ok(EvidenceFound {
            evidence: boxes,
            said: said.join("\n\n"),
        })
    }

    /// Reads a place of a picture again, from its original pixels, and compares that with a string
    /// of an answer. Without a place the model is asked for one.
    pub async fn look_closer(
        self: &Arc<Self>,
        answer: AnswerId,
        mut asked: AskedReading,
        by: &AskedBy,
    ) -> Result<Reading, Refusal> {
        asked.was = short(asked.was.trim(), "was")?.to_owned();
        let found = self.records.answer(answer).await?;
        if !self.saw(&found, asked.picture).await? {
            return Err(Refusal::picture_unknown(asked.picture));
        }
        let (this, (_present, by)) = (self.clone(), Listener::to(by));
        whatever_happens(async move {
            let done = this.read_closer(answer, asked, &by).await;
            this.forget_deleted(answer, done).await
        })
        .await
    }

    async fn read_closer(
        &self,
        answer: AnswerId,
        asked: AskedReading,
        by: &Listener,
    ) -> Result<Reading, Refusal> {
        let AskedReading { picture, was, .. } = asked;
        let place = match asked.place {
            Some(place) => place,
            None => self.place_of(picture, &was, by).await?,
        };
        let looking = self.desk.reserve(by.turn(), 1)?;
        let answerer = self.desk.answerer().clone();
        let decoded = self.decoded(picture, move |whole| answerer.closer(whole, place));
        let cut = tokio::select! {
            biased;
            // Nobody hears it.
            () = by.presence().left() => return Err(Refusal::answer_failed()),
            cut = decoded => cut?.ok_or_else(|| Refusal::picture_unknown(picture))?,
        };
        let cut = Arc::new(cut);
        let heard = self.hear(looking, cut, closer::QUESTION, READING_TOKENS, by);
        let compared = heard.await?.compared(&was);
        let reading = Reading {
            id: ReadingId::new(),
            picture,
            area: place.corners(),
            was,
            start: asked.start,
            text: compared.text,
            agrees: compared.agrees,
            probability: compared.probability,
        };
        self.records.add_reading(answer, reading).await
    }

    /// Lets the engine forget what it was asked about an answer that was deleted for good meanwhile,
    /// once it has ended there.
    async fn forget_deleted<T>(
        &self,
        answer: AnswerId,
        done: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if done.is_err()
            && let Err(refusal) = self.records.answer(answer).await
            && refusal.code == Code::AnswerUnknown
        {
            self.desk.forget_pictures(&[]);
        }
        done
    }

    /// A small JPEG of a picture, whose longer side is at most `edge` pixels. `None` where there is
    /// no such picture.
    pub async fn thumbnail(&self, id: PictureId, edge: u32) -> Result<Option<Vec<u8>>, Refusal> {
        if let Some(kept) = self.records.thumbnail(id, edge).await? {
            return Ok(Some(kept));
        }
        // One at a time, so that no crowd of them stands before a closer look, whose asker holds a place.
        let _first = self.shrinking.acquire().await;
        let answerer = self.desk.answerer().clone();
        let shrunk = self.decoded(id, move |picture| answerer.thumbnail(picture, edge));
        let Some(made) = shrunk.await? else {
            return Ok(None);
        };
        self.records.keep_thumbnail(id, edge, made.clone()).await?;
        Ok(Some(made))
    }

    /// The pictures that an answer can speak of: those of its round, else of the newest round before
    /// it that has any.
    async fn pictures_of(&self, found: &FoundAnswer) -> Result<Vec<RoundPicture>, Refusal> {
        if !found.round.pictures.is_empty() {
            return Ok(found.round.pictures.clone());
        }
        let mut before = self.pictures_before(found).await?;
        before.retain(|pictures| !pictures.is_empty());
        Ok(before.pop().unwrap_or_default())
    }

    /// Whether a picture lay beside the question of an answer, or one before it.
    async fn saw(&self, found: &FoundAnswer, picture: PictureId) -> Result<bool, Refusal> {
        let is_it = |one: &RoundPicture| one.id == picture;
        if found.round.pictures.iter().any(is_it) {
            return Ok(true);
        }
        let before = self.pictures_before(found).await?;
        Ok(before.iter().flatten().any(is_it))
    }

    /// The pictures of each round before an answer's, oldest first.
    async fn pictures_before(
        &self,
        found: &FoundAnswer,
    ) -> Result<Vec<Vec<RoundPicture>>, Refusal> {
        let whole = self.records.conversation(found.conversation).await?;
        let rounds = whole.rounds.into_iter();
        let before = rounds.take_while(|round| round.id < found.round.id);
        Ok(before.map(|round| round.pictures).collect())
    }

    /// Where the model sees a string.
    async fn place_of(
        &self,
        picture: PictureId,
        was: &str,
        by: &Listener,
    ) -> Result<PictureBox, Refusal> {
        let asked = evidence::question(&About::Words(was));
        let (spotted, _) = self.spot(picture, &asked, by).await?;
        let same = |one: &&Spotted| closer::same(&one.label, was);
        let best = spotted.iter().find(same).or_else(|| spotted.first());
        best.map(|one| one.place).ok_or_else(Refusal::no_place)
    }

    /// The boxes that the model names on a picture, and its words.
    async fn spot(
        &self,
        picture: PictureId,
        asked: &str,
        by: &Listener,
    ) -> Result<(Vec<Spotted>, String), Refusal> {
        let place = self.desk.reserve(by.turn(), 1)?;
        let picture = self.at_hand(picture).await?;
        let heard = self.hear(place, picture, asked, EVIDENCE_TOKENS, by);
        let heard = heard.await?;
        Ok((evidence::spotted(&heard.text), heard.text))
    }

    async fn at_hand(&self, id: PictureId) -> Result<Arc<Picture>, Refusal> {
        let picture = self.picture(id).await?;
        picture.ok_or_else(|| Refusal::picture_unknown(id))
    }

    /// What comes of decoding a picture, when it is its turn. `None` where there is no such picture.
    async fn decoded<T: Send + 'static>(
        &self,
        id: PictureId,
        decode: impl FnOnce(&Picture) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        let permit = self.decoding.clone().acquire_owned().await;
        // Brought only now: whoever waits holds no file.
        let Some(picture) = self.picture(id).await? else {
            return Ok(None);
        };
        let decoded = spawn_blocking(move || {
            // Held here: an asker who leaves does not end the decoding.
            let _permit = permit;
            decode(&picture)
        });
        let decoded = decoded.await.map_err(|_| Refusal::answer_failed())?;
        decoded.map(Some)
    }
}

/// A string to look for: not empty and of human length.
fn short<'a>(words: &'a str, field: &str) -> Result<&'a str, Refusal> {
    match (1..=ABOUT_CHARACTERS).contains(&words.chars().count()) {
        true => Ok(words),
        false => {
            let allowed = format!("1 to {ABOUT_CHARACTERS} characters");
            Err(Refusal::field_out_of_range(field, &allowed))
        }
    }
}
