//! Pictures in and out.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use desk::{Picture, PictureId, Refusal};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};

use crate::access::Asker;
use crate::body::{self, Unread};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Named, Wished};
use crate::shared::Shared;
use crate::turns::Work;

/// A picture the desk has taken in.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct PictureView {
    /// How to speak of it in a question.
    pub id: PictureId,
    /// Pixels, as it is shown.
    pub width: u32,
    /// Pixels, as it is shown.
    pub height: u32,
    /// Size of the file.
    pub bytes: u64,
    /// How many tokens it takes in a question.
    pub tokens: u32,
    /// What the bytes turned out to be.
    pub media_type: String,
}

impl PictureView {
    fn of(picture: &Picture) -> Self {
        let facts = picture.facts();
        Self {
            id: picture.id(),
            width: facts.width,
            height: facts.height,
            bytes: picture.bytes().len() as u64,
            tokens: facts.tokens,
            media_type: facts.media_type.clone(),
        }
    }
}

/// Where a picture's bytes are.
pub(crate) fn url(id: PictureId) -> String {
    format!("/api/pictures/{id}")
}

/// Lays a picture on the desk. The body is the file itself; its kind is read
/// from its bytes. The same file sent twice is the same picture.
#[utoipa::path(
    post,
    path = "/api/pictures",
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = PictureView),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not a kind of picture that can be read", body = ErrorBody),
        (status = 422, description = "Damaged, or of an impossible size", body = ErrorBody),
        (status = 429, description = "No room right now", body = ErrorBody),
    )
)]
pub(crate) async fn upload(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<PictureView>), ApiError> {
    let limit = shared.desk.limits().picture_bytes;
    let read = body::read_large(&headers, body, limit, (&shared.room, &asker)).await;
    let (bytes, place) = read.map_err(|unread| match unread {
        Unread::TooLarge(size) => Refusal::picture_too_large(size.bytes, limit).into(),
        Unread::Failed(error) => error,
    })?;
    let waits = shared.upload_place(&asker)?;
    let turn = shared.turn(&asker, Work::Ask).await?;
    let accepted = spawn_blocking(move || {
        // Held here: a client that leaves does not end the decoding.
        let _held = (place, waits, turn);
        shared.desk.accept_picture(bytes)
    });
    let picture = accepted.await.map_err(|_| ApiError::Internal)??;
    Ok((StatusCode::CREATED, Json(PictureView::of(&picture))))
}

/// How closely a picture is to be looked at.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetailWish {
    /// The most tokens it may get; the desk's own bound when left out.
    #[param(minimum = 64)]
    pub image_tokens: Option<u32>,
}

/// What a picture is, and what it costs in a question whose settings give each at most so many tokens.
#[utoipa::path(
    get,
    path = "/api/pictures/{id}/facts",
    operation_id = "describe_picture",
    params(("id" = PictureId, Path), DetailWish),
    responses(
        (status = 200, body = PictureView),
        (status = 400, description = "Too few tokens to see anything", body = ErrorBody),
        (status = 404, description = "The desk does not hold it", body = ErrorBody),
    )
)]
pub(crate) async fn facts(
    State(shared): State<Shared>,
    Named(id): Named<PictureId>,
    Wished(wish): Wished<DetailWish>,
) -> Result<Json<PictureView>, ApiError> {
    let picture = shared.conversations.picture(id).await?;
    let picture = picture.ok_or_else(|| Refusal::picture_unknown(id))?;
    let tokens = shared.desk.picture_tokens(&picture, wish.image_tokens)?;
    Ok(Json(PictureView {
        tokens,
        ..PictureView::of(&picture)
    }))
}

/// How large a thumbnail is to be.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThumbnailWish {
    /// Its longer side in pixels; 160 when left out. Taken to be the next of 160, 320 and 640.
    pub edge: Option<u32>,
}

/// The sizes there are; as many as people could ask for would fill the disk.
const EDGES: [u32; 3] = [160, 320, 640];

/// A picture made small, as a JPEG.
#[utoipa::path(
    get,
    path = "/api/pictures/{id}/thumbnail",
    params(("id" = PictureId, Path), ThumbnailWish),
    responses(
        (status = 200, body = String, content_type = "image/jpeg"),
        (status = 400, description = "Not a size", body = ErrorBody),
        (status = 404, description = "The desk does not hold it", body = ErrorBody),
    )
)]
pub(crate) async fn thumbnail(
    State(shared): State<Shared>,
    Named(id): Named<PictureId>,
    Wished(wish): Wished<ThumbnailWish>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wanted = wish.edge.unwrap_or(EDGES[0]);
    let edge = EDGES.into_iter().find(|edge| *edge >= wanted);
    let edge = edge.unwrap_or(EDGES[EDGES.len() - 1]);
    let etag = HeaderValue::from_str(&format!("\"{id}-{edge}\""));
    let etag = etag.map_err(|_| ApiError::Internal)?;
    let known = headers.get(IF_NONE_MATCH) == Some(&etag);
    let described = described("image/jpeg", etag)?;
    if known && shared.conversations.picture(id).await?.is_some() {
        return Ok((StatusCode::NOT_MODIFIED, described).into_response());
    }
    let made = shared.conversations.thumbnail(id, edge).await?;
    let made = made.ok_or_else(|| Refusal::picture_unknown(id))?;
    Ok((described, made).into_response())
}

/// The headers of a picture of this kind.
fn described(
    media_type: &str,
    etag: HeaderValue,
) -> Result<[(HeaderName, HeaderValue); 4], ApiError> {
    let media_type = HeaderValue::from_str(media_type).map_err(|_| ApiError::Internal)?;
    Ok([
        (CONTENT_TYPE, media_type),
        (ETAG, etag),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        // A stranger's file, opened by itself, may do nothing.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ])
}

/// A picture's bytes, as they were uploaded.
#[utoipa::path(
    get,
    path = "/api/pictures/{id}",
    params(("id" = PictureId, Path)),
    responses(
        (status = 200, body = String, content_type = "image/*"),
        (status = 404, description = "The desk does not hold it", body = ErrorBody),
    )
)]
pub(crate) async fn show(
    State(shared): State<Shared>,
    Named(id): Named<PictureId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let picture = shared.conversations.picture(id).await?;
    let picture = picture.ok_or_else(|| Refusal::picture_unknown(id))?;
    let etag = HeaderValue::from_str(&format!("\"{id}\"")).map_err(|_| ApiError::Internal)?;
    let known = headers.get(IF_NONE_MATCH) == Some(&etag);
    let described = described(&picture.facts().media_type, etag)?;
    if known {
        return Ok((StatusCode::NOT_MODIFIED, described).into_response());
    }
    let bytes = Bytes::from_owner(picture.bytes().clone());
    Ok((described, bytes).into_response())
}
