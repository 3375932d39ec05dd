//! From what either interface says to a question for the desk: pictures brought and laid down, settings
//! named as the desk names them, and refusals given back in the interface's own names.

use std::sync::Arc;
use std::time::Duration;

use desk::{
    AnswerRequest, AnswerStream, AskedSettings, Code, Message, Part, Picture, PictureId, Presence,
    Refusal, Role, Shape, TokenCount, Wishes,
};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use super::content::Detail;
use super::data_uri::{self, DataFault};
use super::read::{BODY_BYTES, Held, Read};
use crate::access::Asker;
use crate::error::ApiError;
use crate::room::Place;
use crate::shared::Shared;
use crate::turns::Work;

/// Enough for a list of everything a label says; a program that wants more says so.
const MAX_TOKENS: u32 = 1024;
/// Pictures of a whole conversation, in pictures of one message, as the desk counts them.
const CONVERSATION: usize = 4;
/// Addresses repeat this much of themselves in a refusal.
const SHOWN: usize = 60;

/// A message as it was sent.
pub(super) struct Spoken {
    pub role: Role,
    pub parts: Vec<SpokenPart>,
    /// Where it stood.
    pub param: String,
}

/// A piece of one.
pub(super) enum SpokenPart {
    Text(String),
    /// A picture by its address, and where that stood.
    Picture {
        url: String,
        detail: Detail,
        param: String,
    },
}

/// How one interface names the places of a request.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub messages: &'static str,
    pub shape: &'static str,
    pub max_tokens: &'static str,
}

/// Everything an interface asks for.
pub(super) struct Asked {
    pub spoken: Vec<Spoken>,
    pub settings: AskedSettings,
    pub shape: Shape,
    /// Likely alternatives to report beside each token.
    pub alternatives: u32,
    /// Go on past the model's own end.
    pub ignore_eos: bool,
    /// How long it may take in all, from when the request was whole.
    pub time_limit: Option<Duration>,
    pub places: Places,
}

impl Places {
    /// The desk's refusal at the place it speaks of.
    pub fn refused(self, mut refusal: Refusal) -> ApiError {
        let param = match refusal.code {
            Code::QuestionEmpty
            | Code::QuestionOrder
            | Code::TooManyMessages
            | Code::TooManyPictures
            | Code::TextTooLong
            | Code::QuestionTooLong => self.messages.to_owned(),
            Code::ShapeUnsupported => self.shape.to_owned(),
            Code::SettingOutOfRange => match refusal.details.get("setting") {
                Some(setting) if setting == "max_tokens" => {
                    let (ours, theirs) = ("`max_tokens`", format!("`{}`", self.max_tokens));
                    refusal.message = refusal.message.replace(ours, &theirs);
                    self.max_tokens.to_owned()
                }
                Some(setting) => setting.as_str().unwrap_or_default().to_owned(),
                None => return ApiError::Refused(refusal),
            },
            _ => return ApiError::Refused(refusal),
        };
        ApiError::at(param, refusal)
    }
}

/// The name that the model was asked by, or its own where none was given; an unknown one is refused.
pub(super) fn served_name<'a>(
    shared: &'a Shared,
    model: Option<&'a str>,
) -> Result<&'a str, ApiError> {
    let Some(model) = model else {
        return Ok(&shared.models[0]);
    };
    if shared.models.iter().any(|known| known == model) {
        return Ok(model);
    }
    Err(ApiError::ModelUnknown {
        model: model.chars().take(SHOWN).collect(),
        known: shared.models.to_vec(),
    })
}

/// Asks as often as wanted. Dropping a stream cancels its answer.
pub(super) async fn ask(
    shared: &Shared,
    asker: Asker,
    asked: Read<Asked>,
    answers: u32,
) -> Result<Vec<AnswerStream>, ApiError> {
    let names = asked.request.places;
    let reserve = || {
        let places = shared.desk.reserve(Some(&asker.0), answers);
        places.map_err(|refusal| names.refused(refusal))
    };
    // Before a picture is fetched or decoded or a schema is read: who gets no place costs no more than that.
    let places = reserve()?;
    let ready = Ready::of(shared, asked)?;
    // While a server elsewhere takes its time, others may have the place.
    let places = Some(places).filter(|_| ready.is_here());
    let brought = ready.bring(shared, &asker).await?;
    let places = match places {
        Some(places) => places,
        None => reserve()?,
    };
    let work = Work::Ask;
    on_the_desk(
        shared,
        asker,
        brought,
        work,
        move |shared, request, wishes| {
            let answers = shared.desk.answers(places, request, wishes);
            answers.map_err(|refusal| names.refused(refusal))
        },
    )
    .await
}

/// What asking would cost.
pub(super) async fn count(
    shared: &Shared,
    asker: Asker,
    asked: Read<Asked>,
) -> Result<TokenCount, ApiError> {
    let names = asked.request.places;
    // Before a picture is fetched or decoded, as where something is asked.
    let place = shared.count_place(&asker);
    let _place = place.map_err(|refusal| names.refused(refusal))?;
    let brought = Ready::of(shared, asked)?.bring(shared, &asker).await?;
    let work = Work::Count;
    on_the_desk(
        shared,
        asker,
        brought,
        work,
        move |shared, request, wishes| {
            let counted = shared.desk.count(request, wishes);
            counted.map_err(|refusal| names.refused(refusal))
        },
    )
    .await
}

/// A request of which all was checked that can be without its pictures.
struct Ready {
    /// Its pictures have no names yet.
    request: AnswerRequest,
    /// In the order of the messages.
    pictures: Vec<Shown>,
    wishes: Wishes,
    names: Places,
    /// When its time is over.
    end: Option<Instant>,
    held: Held,
}

/// A picture by its address, and where that stood.
struct Shown {
    url: String,
    param: String,
}

impl Ready {
    fn of(shared: &Shared, asked: Read<Asked>) -> Result<Self, ApiError> {
        let Read {
            request: asked,
            place: held,
        } = asked;
        let names = asked.places;
        let mut settings = asked.settings;
        settings.image_tokens = Detail::image_tokens(details(&asked.spoken));
        let spoken = one_system(asked.spoken)?;
        let refused = |refusal| names.refused(refusal);
        count_pictures(&spoken, shared.desk.limits().pictures_per_question).map_err(refused)?;
        let (messages, pictures) = apart(spoken);
        let request = AnswerRequest { messages, settings };
        let longest = shared.desk.limits().answer_time;
        let limit = asked.time_limit.map_or(longest, |limit| limit.min(longest));
        let wishes = Wishes {
            shape: asked.shape,
            alternatives: asked.alternatives,
            ignore_eos: asked.ignore_eos,
            default_max_tokens: Some(MAX_TOKENS.min(shared.desk.status().limits.max_tokens)),
            time_limit: Some(limit),
            ..Wishes::default()
        };
        // Before any of its pictures is worth the work.
        shared.desk.check(&request, &wishes).map_err(refused)?;
        Ok(Self {
            request,
            pictures,
            wishes,
            names,
            // The time of an answer is over while its pictures come just as while it waits for the engine.
            end: held.since().checked_add(limit),
            held,
        })
    }

    /// Whether all its pictures came with it.
    fn is_here(&self) -> bool {
        self.pictures
            .iter()
            .all(|picture| data_uri::is_data(&picture.url))
    }

    /// Brings the pictures that are elsewhere, where that is allowed. All of them together may have the size and
    /// the time of a body.
    async fn bring(mut self, shared: &Shared, asker: &Asker) -> Result<Brought, ApiError> {
        let pictures = std::mem::take(&mut self.pictures);
        let elsewhere = |picture: &&Shown| !data_uri::is_data(&picture.url);
        let count = pictures.iter().filter(elsewhere).count() as u64;
        let fetcher = shared.remote.as_ref().filter(|_| count > 0);
        let brought = async {
            let Some(fetcher) = fetcher else {
                return Ok((gather(shared, pictures).await?, None));
            };
            let each = shared.desk.limits().picture_bytes;
            let bytes = each.saturating_mul(count).min(BODY_BYTES);
            let place = shared.fetched.place(asker, bytes).await?;
            let brought = timeout(fetcher.together(), gather(shared, pictures)).await;
            let brought = brought.map_err(|_| ApiError::Field {
                param: self.names.messages.to_owned(),
                message: "The pictures elsewhere took too long to fetch. Send them as data: URIs."
                    .to_owned(),
            });
            Ok((brought??, Some(place)))
        };
        let (pictures, fetched) = by(self.end, brought).await?;
        Ok(Brought {
            ready: self,
            pictures,
            fetched,
        })
    }
}

/// A request whose pictures are here, if not in bytes yet.
struct Brought {
    ready: Ready,
    pictures: Vec<BroughtPicture>,
    fetched: Option<Place>,
}

enum BroughtPicture {
    Inside(Shown),
    Fetched { bytes: Vec<u8>, param: String },
}

/// Lays the pictures on the desk, then does something with the question.
async fn on_the_desk<T: Send + 'static>(
    shared: &Shared,
    asker: Asker,
    brought: Brought,
    work: Work,
    act: impl FnOnce(&Shared, AnswerRequest, Wishes) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let Brought {
        ready,
        pictures,
        fetched,
    } = brought;
    let Ready {
        mut request,
        mut wishes,
        end,
        held,
        ..
    } = ready;
    let since = held.since();
    // Held by what runs on another thread: a client that leaves does not end that.
    let held = Arc::new((held, fetched));
    // Held until the answers hold them, so that the shelf lets none go.
    let mut laid = Vec::with_capacity(pictures.len());
    for picture in pictures {
        // A turn for each: between two of them others come to theirs, and a client that leaves is gone.
        let turn = by(end, shared.turn(&asker, work)).await?;
        let (shared, held) = (shared.clone(), held.clone());
        let picture = spawn_blocking(move || {
            let _held = (held, turn);
            lay(&shared, picture)
        });
        laid.push(picture.await.map_err(|_| ApiError::Internal)??);
    }
    name_pictures(&mut request.messages, &laid);
    // A schema is work as well, and so is counting, which nothing else bounds.
    let turn = match (&wishes.shape, work) {
        (Shape::Free, Work::Ask) => None,
        _ => Some(by(end, shared.turn(&asker, work)).await?),
    };
    // Held while we wait: a client that leaves drops it.
    let (_stay, presence) = Presence::begins();
    wishes.presence = presence;
    wishes.asker = Some(asker.0);
    let shared = shared.clone();
    let done = spawn_blocking(move || {
        let _held = (held, laid, turn);
        // What was waited for took of it.
        let left = |limit: Duration| limit.saturating_sub(since.elapsed());
        wishes.time_limit = wishes.time_limit.map(left);
        act(&shared, request, wishes)
    });
    done.await.map_err(|_| ApiError::Internal)?
}

/// What comes of this, unless it takes longer than it may.
async fn by<T>(
    end: Option<Instant>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match end {
        None => work.await,
        Some(end) => {
            let done = timeout_at(end, work).await;
            done.unwrap_or_else(|_| Err(Refusal::timed_out().into()))
        }
    }
}

/// Several instructions at the front become one, as the model knows it.
fn one_system(spoken: Vec<Spoken>) -> Result<Vec<Spoken>, ApiError> {
    let mut whole: Vec<Spoken> = Vec::with_capacity(spoken.len());
    for one in spoken {
        match whole.as_mut_slice() {
            _ if one.role != Role::System => whole.push(one),
            [] => whole.push(one),
            [front] if front.role == Role::System => {
                front.parts.push(SpokenPart::Text("\n\n".to_owned()));
                front.parts.extend(one.parts);
            }
            _ => {
                let message =
                    "Instructions may only stand at the front. Move this message there.".to_owned();
                let param = format!("{}.role", one.param);
                return Err(ApiError::Field { param, message });
            }
        }
    }
    Ok(whole)
}

/// Refuses more pictures than the desk takes: a few words could name very many, and each would be brought and
/// decoded first.
fn count_pictures(spoken: &[Spoken], most: u32) -> Result<(), Refusal> {
    let most = most as usize;
    let is_picture = |part: &&SpokenPart| matches!(part, SpokenPart::Picture { .. });
    let mut all = 0;
    for one in spoken {
        let count = one.parts.iter().filter(is_picture).count();
        if count > most {
            return Err(Refusal::too_many_pictures(count, most));
        }
        all += count;
    }
    let most = most.saturating_mul(CONVERSATION);
    match all > most {
        true => Err(Refusal::too_many_pictures(all, most)),
        false => Ok(()),
    }
}

/// How closely each picture is to be looked at.
fn details(spoken: &[Spoken]) -> impl Iterator<Item = Detail> {
    let parts = spoken.iter().flat_map(|one| &one.parts);
    parts.filter_map(|part| match part {
        SpokenPart::Picture { detail, .. } => Some(*detail),
        SpokenPart::Text(_) => None,
    })
}

/// Messages for the desk, whose pictures have no names yet, and the pictures in their order.
fn apart(spoken: Vec<Spoken>) -> (Vec<Message>, Vec<Shown>) {
    let unnamed = PictureId::of(b"");
    let mut pictures = Vec::new();
    let mut part = |part| match part {
        SpokenPart::Text(text) => Part::Text { text },
        SpokenPart::Picture { url, param, .. } => {
            pictures.push(Shown { url, param });
            Part::Picture { id: unnamed }
        }
    };
    let messages = spoken.into_iter().map(|one| Message {
        role: one.role,
        content: one.parts.into_iter().map(&mut part).collect(),
    });
    let messages = messages.collect();
    (messages, pictures)
}

/// Names the pictures of messages, in their order.
fn name_pictures(messages: &mut [Message], pictures: &[Arc<Picture>]) {
    let parts = messages.iter_mut().flat_map(|message| &mut message.content);
    let unnamed = parts.filter_map(|part| match part {
        Part::Picture { id } => Some(id),
        Part::Text { .. } => None,
    });
    for (id, picture) in unnamed.zip(pictures) {
        *id = picture.id();
    }
}

async fn gather(shared: &Shared, pictures: Vec<Shown>) -> Result<Vec<BroughtPicture>, ApiError> {
    let mut left = BODY_BYTES;
    let mut brought = Vec::with_capacity(pictures.len());
    for picture in pictures {
        if data_uri::is_data(&picture.url) {
            brought.push(BroughtPicture::Inside(picture));
            continue;
        }
        let Shown { url, param } = picture;
        let bytes = fetch(shared, &url, &param, left).await?;
        left = left.saturating_sub(bytes.len() as u64);
        brought.push(BroughtPicture::Fetched { bytes, param });
    }
    Ok(brought)
}

async fn fetch(shared: &Shared, url: &str, param: &str, left: u64) -> Result<Vec<u8>, ApiError> {
    let field = |message| ApiError::Field {
        param: param.to_owned(),
        message,
    };
    let remote = url.split_once("://").is_some_and(|(scheme, _)| {
        ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    });
    if !remote {
        let shown: String = url.chars().take(SHOWN).collect();
        return Err(field(format!(
            "`{shown}` is no picture that can be taken. Send it as a data: URI, such as \
             data:image/png;base64,..."
        )));
    }
    let Some(fetcher) = &shared.remote else {
        return Err(field(
            "Pictures elsewhere are not fetched: this desk keeps to its own machine. Send the \
             picture itself as a data: URI, or start the desk with --allow-remote-images."
                .to_owned(),
        ));
    };
    let limit = shared.desk.limits().picture_bytes.min(left);
    fetcher.fetch(url, limit).await.map_err(|error| {
        tracing::info!(error = error.logged(), "a picture could not be fetched");
        field(format!("{error}."))
    })
}

/// Lays a picture on the desk.
fn lay(shared: &Shared, picture: BroughtPicture) -> Result<Arc<Picture>, ApiError> {
    let limit = shared.desk.limits().picture_bytes;
    let (bytes, param) = match picture {
        BroughtPicture::Inside(Shown { url, param }) => (inside(&url, limit, &param)?, param),
        BroughtPicture::Fetched { bytes, param } => (bytes, param),
    };
    let picture = shared.desk.accept_picture(bytes);
    picture.map_err(|refusal| ApiError::at(param, refusal))
}

fn inside(url: &str, limit: u64, param: &str) -> Result<Vec<u8>, ApiError> {
    data_uri::bytes(url, limit).map_err(|fault| {
        let param = param.to_owned();
        match fault {
            DataFault::TooLarge(bytes) => {
                let refusal = Refusal::picture_too_large(Some(bytes), limit);
                ApiError::at(param, refusal)
            }
            DataFault::Shape => {
                let message = "The data: URI holds no base64 data; it must look like \
                     data:image/jpeg;base64,..."
                    .to_owned();
                ApiError::Field { param, message }
            }
        }
    })
}
