//! Records out, as a download that is written while it is read, and in, from a file that is put down
//! before anything of it is believed.

mod name;

use std::io::{Seek, Write};

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use desk::records::{ExportFormat, ExportWish, Imported, now};
use futures_util::StreamExt;
use tempfile::SpooledTempFile;

use crate::access::Asker;
use crate::body::{self, Unread};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Wished;
use crate::shared::Shared;
use name::Name;

/// An import up to this size stays in memory.
const IN_MEMORY_BYTES: usize = 8 * 1024 * 1024;

/// Takes records out: everything, a time, or one conversation. The JSON can be imported. The file is
/// called after what is in it.
#[utoipa::path(
    get,
    path = "/api/export",
    params(ExportWish),
    responses(
        (
            status = 200,
            description = "As JSON, or as CSV",
            content((serde_json::Value = "application/json"), (String = "text/csv"))
        ),
        (status = 400, description = "Not a wish", body = ErrorBody),
        (status = 404, description = "No such conversation", body = ErrorBody),
    )
)]
pub(crate) async fn export(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    Wished(wish): Wished<ExportWish>,
) -> Result<Response, ApiError> {
    // It is written into the audit log: no other site may make people cause that.
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return Err(ApiError::OriginNotAllowed);
    }
    let (media_type, ending) = match wish.format {
        ExportFormat::Json => ("application/json", "json"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let records = shared.conversations.records();
    let ahead = wish.utc_offset_minutes.unwrap_or(0);
    let name = match wish.conversation {
        Some(id) => {
            let known = records.summary(id).await?;
            Name::of_conversation(&known.title, known.updated_at, ahead)
        }
        None => Name::of_time(wish.from, wish.to, now(), ahead),
    };
    let pieces = records.export(wish, asker.name()).await?;
    let pieces = pieces.map(|piece| {
        piece.inspect_err(|refusal| {
            tracing::error!(refusal = refusal.message, "an export broke off");
        })
    });
    let name = HeaderValue::from_str(&name.disposition(ending)).map_err(|_| ApiError::Internal)?;
    let described = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((described, Body::from_stream(pieces)).into_response())
}

/// Brings an exported JSON file in. An unfit one changes nothing; a fit one comes in piece by piece, also
/// when the client leaves, while others go on asking. What is here already stays as it is. Pictures
/// that cannot be read are named and left out; everything about them comes in.
#[utoipa::path(
    post,
    path = "/api/import",
    request_body(content = String, content_type = "application/json"),
    responses(
        (status = 200, body = Imported),
        (status = 400, description = "Not an export; nothing was changed", body = ErrorBody),
        (status = 408, description = "The body came too slowly", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON, or compressed", body = ErrorBody),
        (status = 429, description = "Another import is under way", body = ErrorBody),
        (status = 503, description = "Cut short; the same file brings the rest", body = ErrorBody),
        (status = 507, description = "The disk is full", body = ErrorBody),
    )
)]
pub(crate) async fn import(
    State(shared): State<Shared>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imported>, ApiError> {
    if !body::is_json(&headers) {
        return Err(ApiError::NotJson);
    }
    let permit = shared.imports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::ImportsBusy)?;
    let limit = shared.records.import_bytes;
    // Where nothing is to be kept, nothing touches the disk.
    let in_memory = if shared.records.kept {
        IN_MEMORY_BYTES
    } else {
        usize::MAX
    };
    let mut file = match &shared.spool_dir {
        Some(folder) => SpooledTempFile::new_in(in_memory, folder),
        None => SpooledTempFile::new(in_memory),
    };
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "an import could not be put down");
        ApiError::Internal
    };
    let put = |chunk: &[u8]| file.write_all(chunk).map_err(failed);
    let read = body::read_through(&headers, body, limit, put).await;
    read.map_err(|unread| match unread {
        Unread::TooLarge(_) => ApiError::ImportTooLarge { limit },
        Unread::Failed(error) => error,
    })?;
    file.rewind().map_err(failed)?;
    let importing = async move {
        // Held here: the import goes on when the client leaves, and so does its turn.
        let _permit = permit;
        let conversations = &shared.conversations;
        conversations.import(Box::new(file), asker.name()).await
    };
    let imported = tokio::spawn(importing).await;
    Ok(Json(imported.map_err(|_| ApiError::Internal)??))
}
