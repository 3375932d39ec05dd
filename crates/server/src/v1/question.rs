//! From what either interface says to a question for the desk: pictures brought and laid down, settings
//! named as the desk names them, and refusals given back in the interface's own names.

use std::sync::Arc;
use std::time::Duration;

use desk::{
    AnswerRequest, AnswerStream, AskedSettings, Code, Message, Part, Picture, Refusal, Role, Shape,
    TokenCount, Wishes,
};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use super::content::Detail;
use super::data_uri::{self, DataFault};
use super::read::{BODY_BYTES, Read};
use crate::access::Asker;
use crate::error::ApiError;
use crate::room::Place;
use crate::shared::Shared;

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
    // Before a picture is fetched or decoded or a schema is read: who gets no place costs no more than that.
    let places = shared.desk.reserve(Some(&asker.0), answers);
    let places = places.map_err(|refusal| names.refused(refusal))?;
    on_the_desk(shared, asker, asked, move |shared, request, wishes| {
        let answers = shared.desk.answers(places, request, wishes);
        answers.map_err(|refusal| names.refused(refusal))
    })
    .await
}

/// What asking would cost.
pub(super) async fn count(
    shared: &Shared,
    asker: Asker,
    asked: Read<Asked>,
) -> Result<TokenCount, ApiError> {
    let places = asked.request.places;
    on_the_desk(shared, asker, asked, move |shared, request, wishes| {
        let counted = shared.desk.count(request, wishes);
        counted.map_err(|refusal| places.refused(refusal))
    })
    .await
}

/// Lays the pictures on the desk, then does something with the question.
async fn on_the_desk<T: Send + 'static>(
    shared: &Shared,
    asker: Asker,
    asked: Read<Asked>,
    act: impl FnOnce(&Shared, AnswerRequest, Wishes) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let Read { request, place } = asked;
    let Asked {
        spoken,
        mut settings,
        shape,
        alternatives,
        ignore_eos,
        time_limit,
        places,
    } = request;
    settings.image_tokens = Detail::image_tokens(details(&spoken));
    let spoken = one_system(spoken)?;
    let counted = count_pictures(&spoken, shared.desk.limits().pictures_per_question);
    let counted = counted.map_err(|refusal| places.refused(refusal))?;
    let since = place.since();
    let longest = shared.desk.limits().answer_time;
    let limit = time_limit.map_or(longest, |limit| limit.min(longest));
    // The time of an answer is over while its pictures come just as while it waits for the engine.
    let end = since.checked_add(limit);
    let (spoken, fetched) = by(end, bring(shared, &asker, spoken, places)).await?;
    // A schema is work as well.
    let turn = match (counted, &shape) {
        (0, Shape::Free) => None,
        _ => Some(by(end, shared.turn()).await?),
    };
    let shared = shared.clone();
    let done = spawn_blocking(move || {
        // Held here: a client that leaves does not end the decoding.
        let _held = (place, fetched, turn);
        // Held until the answers hold them, so that the shelf lets none go.
        let mut pictures = Vec::new();
        let messages = spoken
            .into_iter()
            .map(|one| lay(&shared, one, &mut pictures));
        let messages = messages.collect::<Result<_, _>>()?;
        let request = AnswerRequest { messages, settings };
        let longest = shared.desk.status().limits.max_tokens;
        let wishes = Wishes {
            shape,
            alternatives,
            ignore_eos,
            asker: Some(asker.0),
            default_max_tokens: Some(MAX_TOKENS.min(longest)),
            // What was waited for took of it.
            time_limit: time_limit.map(|limit| limit.saturating_sub(since.elapsed())),
        };
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

/// How many pictures there are, unless there are more than the desk takes: a few words could name very
/// many, and each would be brought and decoded first.
fn count_pictures(spoken: &[Spoken], most: u32) -> Result<usize, Refusal> {
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
        false => Ok(all),
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

/// A message whose pictures are bytes.
struct Brought {
    role: Role,
    parts: Vec<BroughtPart>,
}

enum BroughtPart {
    Text(String),
    Inside { url: String, param: String },
    Fetched { bytes: Vec<u8>, param: String },
}

/// Brings the pictures that are elsewhere, where that is allowed. All of them together may have the size and
/// the time of a body.
async fn bring(
    shared: &Shared,
    asker: &Asker,
    spoken: Vec<Spoken>,
    places: Places,
) -> Result<(Vec<Brought>, Option<Place>), ApiError> {
    let elsewhere = |part: &&SpokenPart| match part {
        SpokenPart::Picture { url, .. } => !data_uri::is_data(url),
        SpokenPart::Text(_) => false,
    };
    let parts = spoken.iter().flat_map(|one| &one.parts);
    let count = parts.filter(elsewhere).count() as u64;
    let fetcher = shared.remote.as_ref().filter(|_| count > 0);
    let Some(fetcher) = fetcher else {
        return Ok((gather(shared, spoken).await?, None));
    };
    let each = shared.desk.limits().picture_bytes;
    let bytes = each.saturating_mul(count).min(BODY_BYTES);
    let place = shared.fetched.place(asker, bytes).await?;
    let brought = timeout(fetcher.together(), gather(shared, spoken)).await;
    let brought = brought.map_err(|_| ApiError::Field {
        param: places.messages.to_owned(),
        message: "The pictures elsewhere took too long to fetch. Send them as data: URIs."
            .to_owned(),
    });
    Ok((brought??, Some(place)))
}

async fn gather(shared: &Shared, spoken: Vec<Spoken>) -> Result<Vec<Brought>, ApiError> {
    let mut left = BODY_BYTES;
    let mut brought = Vec::with_capacity(spoken.len());
    for Spoken { role, parts, .. } in spoken {
        let mut done = Vec::with_capacity(parts.len());
        for part in parts {
            done.push(match part {
                SpokenPart::Text(text) => BroughtPart::Text(text),
                SpokenPart::Picture { url, param, .. } if data_uri::is_data(&url) => {
                    BroughtPart::Inside { url, param }
                }
                SpokenPart::Picture { url, param, .. } => {
                    let bytes = fetch(shared, &url, &param, left).await?;
                    left = left.saturating_sub(bytes.len() as u64);
                    BroughtPart::Fetched { bytes, param }
                }
            });
        }
        brought.push(Brought { role, parts: done });
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

/// Lays a message's pictures on the desk and names them.
fn lay(
    shared: &Shared,
    brought: Brought,
    pictures: &mut Vec<Arc<Picture>>,
) -> Result<Message, ApiError> {
    let limit = shared.desk.limits().picture_bytes;
    let mut content = Vec::with_capacity(brought.parts.len());
    for part in brought.parts {
        let (bytes, param) = match part {
            BroughtPart::Text(text) => {
                content.push(Part::Text { text });
                continue;
            }
            BroughtPart::Inside { url, param } => (inside(&url, limit, &param)?, param),
            BroughtPart::Fetched { bytes, param } => (bytes, param),
        };
        let picture = shared.desk.accept_picture(bytes);
        let picture = picture.map_err(|refusal| ApiError::at(param, refusal))?;
        content.push(Part::Picture { id: picture.id() });
        pictures.push(picture);
    }
    Ok(Message {
        role: brought.role,
        content,
    })
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
