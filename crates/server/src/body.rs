//! Reading what a client sends, bounded in bytes and in time.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::access::Asker;
use crate::error::{ApiError, said};
use crate::room::{FREE, Place, Room};
use crate::width;

/// The longest pause within a body.
const PAUSE: Duration = Duration::from_secs(15);
/// The longest a body may take altogether, waiting for room apart. The largest picture needs 170 s over a phone's
/// slow line of a megabit a second.
const WHOLE: Duration = Duration::from_secs(300);
/// How long a body may take to get going.
const START: Duration = Duration::from_secs(10);
/// What has to come from then on: a client that sends a few bytes now and then holds a place that others wait
/// for. Not more, because a browser sends six pictures at once, which share one line.
const BYTES_PER_SECOND: u64 = 16 * 1024;
/// How far ahead of that a body can get, for lines have their lulls: who sends nearly all at once may not then
/// take its time.
const AHEAD: Duration = Duration::from_secs(30);
/// JSON holds text and names of pictures, never pictures.
const JSON_BYTES: u64 = 1024 * 1024;
/// A client that sends a body somewhat too large gets to finish it, because
/// one that is cut off never sees our answer.
const PATIENCE: u64 = 4;

/// A body that was larger than allowed.
pub(crate) struct TooLarge {
    /// Its whole size, if the client announced it.
    pub bytes: Option<u64>,
}

/// Why there is no body.
pub(crate) enum Unread {
    TooLarge(TooLarge),
    Failed(ApiError),
}

/// Hands a body of at most `limit` bytes on, chunk by chunk. It may take as long as a large one does,
/// as long as it keeps coming.
pub(crate) async fn read_through(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
    mut put: impl FnMut(&[u8]) -> Result<(), ApiError>,
) -> Result<(), Unread> {
    plain(headers).map_err(Unread::Failed)?;
    let bytes = announced(headers);
    if bytes.is_some_and(|bytes| bytes > limit) {
        return Err(Unread::TooLarge(TooLarge { bytes }));
    }
    let mut pace = Pace::new(None);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = pace.next(&mut chunks).await? {
        if pace.seen > limit {
            return Err(Unread::TooLarge(TooLarge { bytes }));
        }
        put(&chunk).map_err(Unread::Failed)?;
    }
    Ok(())
}

/// Reads a small body of at most `limit` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: u64) -> Result<Vec<u8>, Unread> {
    let read = collect(headers, body, limit, None).await;
    read.map(|(bytes, _)| bytes)
}

/// Reads a body of at most `limit` bytes that may be large. The place is to be held as long as what was read.
pub(crate) async fn read_large(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
    (room, client): (&Room, &Asker),
) -> Result<(Vec<u8>, Option<Place>), Unread> {
    collect(headers, body, limit, Some((room, client))).await
}

/// Nothing is unpacked here: a few bytes could become gigabytes.
fn plain(headers: &HeaderMap) -> Result<(), ApiError> {
    let packed = headers.get_all(CONTENT_ENCODING).iter();
    let mut packed = packed.filter(|how| !how.as_bytes().eq_ignore_ascii_case(b"identity"));
    match packed.next() {
        None => Ok(()),
        Some(_) => Err(ApiError::Packed),
    }
}

async fn collect(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
    room: Option<(&Room, &Asker)>,
) -> Result<(Vec<u8>, Option<Place>), Unread> {
    plain(headers).map_err(Unread::Failed)?;
    let announced = announced(headers);
    let too_large = || Unread::TooLarge(TooLarge { bytes: announced });
    let last_byte = limit.saturating_mul(PATIENCE);
    if announced.is_some_and(|bytes| bytes > last_byte) {
        return Err(too_large());
    }
    let keep = announced.is_none_or(|bytes| bytes <= limit);
    let mut place = None;
    let mut bytes = Vec::new();
    let mut pace = Pace::new(Some(WHOLE));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = pace.next(&mut chunks).await? {
        if pace.seen > last_byte {
            return Err(too_large());
        }
        if keep && pace.seen <= limit {
            if let (Some((room, client)), None, true) = (room, &place, pace.seen > FREE) {
                let asked = Instant::now();
                let all = announced.unwrap_or(limit);
                let placed = room.place(client, all).await;
                place = Some(placed.map_err(Unread::Failed)?);
                // The client was ready.
                pace.stood_still(asked.elapsed());
            }
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
            place = None;
        }
    }
    if pace.seen > limit {
        let bytes = Some(pace.seen);
        return Err(Unread::TooLarge(TooLarge { bytes }));
    }
    Ok((bytes, place))
}

/// The size that the client says its body has.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Holds a body to the speed that keeps its place.
struct Pace {
    /// When it is too slow, unless more comes.
    due: Instant,
    /// When it has taken too long, however fast.
    end: Option<Instant>,
    /// Bytes so far.
    seen: u64,
}

impl Pace {
    fn new(whole: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            due: now + START,
            end: whole.map(|whole| now + whole),
            seen: 0,
        }
    }

    /// The body waited for us.
    fn stood_still(&mut self, time: Duration) {
        self.due += time;
        self.end = self.end.map(|end| end + time);
    }

    async fn next(&mut self, chunks: &mut BodyDataStream) -> Result<Option<Bytes>, Unread> {
        let pause = Instant::now() + PAUSE;
        let until = self.due.min(pause).min(self.end.unwrap_or(pause));
        let next = timeout_at(until, chunks.next()).await;
        let next = next.map_err(|_| Unread::Failed(ApiError::BodyTooSlow))?;
        let Some(chunk) = next else { return Ok(None) };
        let chunk = chunk.map_err(|_| Unread::Failed(ApiError::BodyBroken))?;
        let bytes = chunk.len() as u64;
        self.seen = self.seen.saturating_add(bytes);
        let earned = bytes.saturating_mul(1_000_000) / BYTES_PER_SECOND;
        let earned = AHEAD.min(Duration::from_micros(earned));
        self.due = (self.due + earned).min(Instant::now() + AHEAD);
        Ok(Some(chunk))
    }
}

/// Reads a small JSON body.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::NotJson);
    }
    let bytes = read(headers, body, JSON_BYTES).await;
    let bytes = bytes.map_err(|unread| match unread {
        Unread::TooLarge(_) => ApiError::BodyTooLarge { limit: JSON_BYTES },
        Unread::Failed(error) => error,
    })?;
    width::unfolded(&bytes)?;
    serde_json::from_slice(&bytes).map_err(|error| ApiError::InvalidJson {
        reason: said(&error),
    })
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let named = headers
        .get(CONTENT_TYPE)
        .and_then(|text| text.to_str().ok());
    let essence = named.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
